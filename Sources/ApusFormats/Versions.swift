import CFormats
import CZlib

/// The version of zlib at run time.
package var zlibVersionText: String { String(cString: zlibVersion()) }

/// The version of libpng at run time.
package var pngVersionText: String { String(cString: apus_png_version()) }
