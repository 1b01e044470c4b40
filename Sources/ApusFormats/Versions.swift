import CFormats
import CZlib

/// The version of zlib that runs.
package var zlibVersionText: String { String(cString: zlibVersion()) }

/// The version of libpng that runs.
package var pngVersionText: String { String(cString: apus_png_version()) }
