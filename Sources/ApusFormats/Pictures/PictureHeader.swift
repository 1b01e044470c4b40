import ApusSystem
import CFormats

/// The header of a picture file: its format, size, channels and orientation.
package struct PictureHeader: Hashable, Sendable {
    /// The supported formats.
    package enum Format: String, CaseIterable, Sendable {
        case png = "PNG"
        case jpeg = "JPEG"
        case webp = "WebP"

        /// Their names in messages: `PNG, JPEG or WebP`.
        package static let names = "PNG, JPEG or WebP"

        /// The format of a file with these bytes; nil if it is none of them.
        package init?(_ bytes: UnsafeRawBufferPointer) {
            if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
                self = .png
            } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
                self = .jpeg
            } else if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) {
                self = .webp
            } else {
                return nil
            }
        }
    }

    package let format: Format
    /// The size after applying the orientation.
    package var width: Int { orientation.swapsSides ? storedHeight : storedWidth }
    package var height: Int { orientation.swapsSides ? storedWidth : storedHeight }
    /// The channels that ``Picture/Mode/unchanged`` gives: 1 or 3.
    package let channels: Int
    package let orientation: Orientation
    private let storedWidth, storedHeight: Int
    private let storedChannels: Int

    package init(contentsOf path: RawPath) throws { try self.init(ByteRegion(MappedFile(path))) }

    /// Throws if the file is not a picture, or has more pixels than `maximumPixels` or than its bytes can hold.
    package init(_ region: ByteRegion, maximumPixels: Int = Picture.maximumPixels) throws(FormatError) {
        guard let format = region.withBytes({ Format($0) }) else {
            throw region.error(at: 0, "no \(Format.names) picture: the file is \(FileKind(region).words)")
        }
        self.format = format
        var info = apus_picture_info()
        // The offset of the size in the file, for errors.
        let place: Int
        switch format {
        case .png:
            place = 16
            try PictureHeader.call(region) { apus_png_open($0, $1, &info, $2, $3) }
        case .jpeg:
            place = JPEGMarkers(region).frame ?? 0
            try PictureHeader.call(region) { apus_jpeg_open($0, $1, &info, $2, $3) }
        case .webp:
            place = 12
            try WebPChunks.check(region)
            try PictureHeader.call(region) { apus_webp_open($0, $1, &info, $3) }
        }
        (storedWidth, storedHeight, storedChannels) = (Int(info.width), Int(info.height), Int(info.channels))
        channels = storedChannels <= 2 ? 1 : 3
        let size = "\(storedWidth) × \(storedHeight) pixels"
        guard storedWidth <= maximumPixels, storedWidth * storedHeight <= maximumPixels else {
            throw region.error(at: place, "\(size) are more than the limit of \(maximumPixels)")
        }
        let isPossible =
            switch format {
            // A row takes a filter byte and at least one bit per pixel; deflate expands at most by the factor 1,032.
            case .png: storedHeight * (1 + (storedWidth + 7) / 8) <= 1032 * region.count + 1024
            // Each block of 8 × 8 values takes at least one bit.
            case .jpeg: info.blocks <= UInt64(8 * region.count)
            // So does each macroblock of 16 × 16 pixels, which begins with two choices at fixed odds. For lossless files there is no bound.
            case .webp: info.lossy == 0 || ((storedWidth + 15) / 16) * ((storedHeight + 15) / 16) <= 8 * region.count
            }
        guard isPossible else { throw region.error(at: place, "\(size) are more than \(region.count) bytes can hold") }
        orientation =
            switch format {
            case .png: Orientation(exif: PNGChunks.exif(region))
            case .jpeg: Orientation(exif: JPEGMarkers(region).exif)
            case .webp: Orientation(exif: WebPChunks.exif(region))
            }
    }

    /// The smallest number of eighths at which a JPEG is decoded to at least `size`, after applying the orientation; 8 for other files.
    func eighths(toAtLeast size: (height: Int, width: Int)) -> Int {
        guard format == .jpeg else { return 8 }
        return (1..<8).first { PictureHeader.scaled(width, $0) >= size.width && PictureHeader.scaled(height, $0) >= size.height } ?? 8
    }

    private static func scaled(_ side: Int, _ eighths: Int) -> Int { (side * eighths + 7) / 8 }

    /// Decodes the pixels in 1 or 3 channels, without applying the orientation.
    func decode(_ region: ByteRegion, _ eighths: Int) throws(FormatError) -> Picture {
        var info = apus_picture_info()
        (info.width, info.height, info.channels) = (UInt32(storedWidth), UInt32(storedHeight), Int32(storedChannels))
        let (width, height) = (PictureHeader.scaled(storedWidth, eighths), PictureHeader.scaled(storedHeight, eighths))
        var pixels: [UInt8] = []
        switch format {
        case .png, .jpeg:
            var failure: FormatError?
            pixels = [UInt8](unsafeUninitializedCapacity: width * height * storedChannels) { buffer, initialized in
                do throws(FormatError) {
                    try PictureHeader.call(region) {
                        format == .png
                            ? apus_png_decode($0, $1, &info, buffer.baseAddress!, $2, $3)
                            : apus_jpeg_decode($0, $1, Int32(eighths), &info, buffer.baseAddress!, $2, $3)
                    }
                    initialized = buffer.count
                } catch { failure = error }
            }
            if let failure { throw failure }
        case .webp:
            // libwebp allocates the memory: the size in the file may be wrong, and allocating an array cannot fail gracefully.
            try PictureHeader.call(region) { bytes, count, _, message in
                guard let found = apus_webp_decode(bytes, count, &info, message) else { return -1 }
                pixels = [UInt8](UnsafeBufferPointer(start: found, count: width * height * storedChannels))
                apus_webp_free(found)
                return 0
            }
        }
        if storedChannels != channels { pixels = Picture.convert(pixels, from: storedChannels, to: channels) }
        return Picture(width: width, height: height, channels: channels, pixels: pixels)
    }

    /// Calls a C function with the region's bytes, their number, where to store how far it came, and a buffer for an error message.
    private static func call(
        _ region: ByteRegion, _ body: (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<Int>, UnsafeMutablePointer<CChar>) -> Int32
    ) throws(FormatError) {
        var (offset, message) = (0, [CChar](repeating: 0, count: Int(APUS_PICTURE_MESSAGE)))
        let result = region.withBytes { bytes in
            body(bytes.baseAddress!.assumingMemoryBound(to: UInt8.self), bytes.count, &offset, &message)
        }
        guard result == 0 else { throw region.error(at: offset, pictureMessage(message)) }
    }
}

/// The message of a C library.
func pictureMessage(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
