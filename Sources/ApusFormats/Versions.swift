import CFormats
import CZlib

/// The version of zlib at run time.
package var zlibVersionText: String { String(cString: zlibVersion()) }

/// The version of libpng at run time.
package var pngVersionText: String { String(cString: apus_png_version()) }

/// The version of libjpeg-turbo that Apus was built with.
package var jpegVersionText: String { String(cString: apus_jpeg_version()) }

/// The version of libwebp at run time.
package var webpVersionText: String {
    let version = apus_webp_version()
    return "\(version >> 16).\(version >> 8 & 0xFF).\(version & 0xFF)"
}
