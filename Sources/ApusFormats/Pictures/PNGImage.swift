import ApusCore
import ApusSystem
import CFormats
import Glibc

/// A picture with 8 bits per channel, read from or written to a PNG file.
///
/// Reads every kind of PNG: gray, RGB, palettes, with or without alpha, 1 to 16 bits, interlaced. Values are used as stored: no gamma, no
/// alpha, and the upper 8 of 16 bits, as in `torchvision.io.decode_image` and Pillow's `convert`.
public struct PNGImage: Hashable, Sendable {
    /// The channels of a picture after reading.
    public enum Mode: Sendable {
        /// Gray stays gray (1 channel), everything else becomes RGB (3).
        case unchanged
        /// 1 channel; colours are converted by `(19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶`, Pillow's luma.
        case gray
        /// 3 channels.
        case rgb
    }

    /// The number of columns of pixels.
    public let width: Int
    /// The number of rows of pixels.
    public let height: Int
    /// 1 for gray, 3 for RGB.
    public let channels: Int
    /// Row by row from the top, with the channels of a pixel adjacent.
    public let pixels: [UInt8]

    /// A picture of `width` × `height` × `channels` values (1 or 3 channels), row by row, with the channels of a pixel adjacent.
    public init(width: Int, height: Int, channels: Int, pixels: [UInt8]) {
        guard width > 0 && height > 0 && (channels == 1 || channels == 3) && pixels.count == Shape([width, height, channels]).numel else {
            fail("PNGImage", "\(pixels.count) values for \(width) × \(height) pixels of \(channels) channels (1 or 3)")
            // Inside `checked` the program continues, with one black pixel.
            (self.width, self.height, self.channels, self.pixels) = (1, 1, 1, [0])
            return
        }
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// Reads the file at `path`. Throws, before it allocates memory, if the picture has more than `maximumPixels` or more than its file can
    /// hold.
    public init(contentsOf path: String, mode: Mode = .unchanged, maximumPixels: Int = 1 << 26) throws {
        try self.init(contentsOf: RawPath(path), mode: mode, maximumPixels: maximumPixels)
    }

    /// ``init(contentsOf:mode:maximumPixels:)`` for a path that need not be UTF-8.
    package init(contentsOf raw: RawPath, mode: Mode = .unchanged, maximumPixels: Int = 1 << 26) throws {
        let file = try MappedFile(raw)
        let path = file.path
        let (base, count, opened) = try PNGImage.opened(file)
        var info = opened
        var message = [CChar](repeating: 0, count: Int(APUS_PNG_MESSAGE))
        func text() -> String { String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) }
        let (width, height, stored) = (Int(info.width), Int(info.height), Int(info.channels))
        guard width * height <= maximumPixels else {
            throw FormatError(
                file: path, place: .offset(16), reason: "\(width) × \(height) pixels are more than the limit of \(maximumPixels)")
        }
        // A row takes a filter byte and at least one bit per pixel; deflate expands at most by the factor 1,032.
        guard height * (1 + (width + 7) / 8) <= 1032 * count + 1024 else {
            throw FormatError(file: path, place: .offset(16), reason: "\(width) × \(height) pixels are more than \(count) bytes can hold")
        }
        var offset = 0
        var decoded = 0 as Int32
        let raw = [UInt8](unsafeUninitializedCapacity: width * height * stored) { buffer, initialized in
            decoded = apus_png_decode(base, count, &info, buffer.baseAddress!, &offset, &message)
            initialized = decoded == 0 ? buffer.count : 0
        }
        guard decoded == 0 else { throw FormatError(file: path, place: .offset(offset), reason: text()) }
        let wanted = mode == .gray || mode == .unchanged && stored <= 2 ? 1 : 3
        self.init(
            width: width, height: height, channels: wanted, pixels: wanted == stored ? raw : PNGImage.convert(raw, from: stored, to: wanted)
        )
    }

    /// The size from the file's header, and the channels that ``Mode/unchanged`` gives.
    package static func header(of raw: RawPath) throws -> (width: Int, height: Int, channels: Int) {
        let file = try MappedFile(raw)
        let info = try opened(file).info
        return withExtendedLifetime(file) { (Int(info.width), Int(info.height), info.channels <= 2 ? 1 : 3) }
    }

    private static func opened(_ file: MappedFile) throws -> (base: UnsafePointer<UInt8>, count: Int, info: apus_png_info) {
        guard let base = file.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) else {
            throw FormatError(file: file.path, reason: "the file is empty")
        }
        guard file.bytes.count >= 8, file.bytes.prefix(8).elementsEqual([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
            throw FormatError(file: file.path, place: .offset(0), reason: "the file does not begin as a PNG file does")
        }
        var info = apus_png_info()
        var message = [CChar](repeating: 0, count: Int(APUS_PNG_MESSAGE))
        guard apus_png_open(base, file.bytes.count, &info, &message) == 0 else {
            throw FormatError(
                file: file.path, place: .offset(8),
                reason: String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        return (UnsafePointer(base), file.bytes.count, info)
    }

    /// The picture in gray (1 channel) or RGB (3).
    package func converted(toChannels wanted: Int) -> PNGImage {
        wanted == channels
            ? self : PNGImage(width: width, height: height, channels: wanted, pixels: PNGImage.convert(pixels, from: channels, to: wanted))
    }

    /// Converts gray or RGB, with or without alpha, to gray or RGB.
    private static func convert(_ raw: [UInt8], from: Int, to: Int) -> [UInt8] {
        let count = raw.count / from
        return [UInt8](unsafeUninitializedCapacity: count * to) { out, initialized in
            raw.withUnsafeBufferPointer { raw in
                for i in 0..<count {
                    let (r, g, b) =
                        from <= 2 ? (raw[i * from], raw[i * from], raw[i * from]) : (raw[i * from], raw[i * from + 1], raw[i * from + 2])
                    if to == 3 {
                        (out[3 * i], out[3 * i + 1], out[3 * i + 2]) = (r, g, b)
                    } else {
                        out[i] = from <= 2 ? r : UInt8((19595 * UInt32(r) + 38470 * UInt32(g) + 7471 * UInt32(b) + 0x8000) >> 16)
                    }
                }
            }
            initialized = count * to
        }
    }

    /// The values as uint8 [channels, height, width]. PyTorch: `torchvision.io.decode_image`.
    public func tensor() throws -> Tensor {
        try ApusFormats.tensor([channels, height, width], .uint8) { bytes in
            let plane = width * height
            pixels.withUnsafeBufferPointer { pixels in
                for c in 0..<channels {
                    for i in 0..<plane { bytes[c * plane + i] = pixels[i * channels + c] }
                }
            }
        }
    }

    /// A PNG file's bytes.
    public func encoded() throws -> [UInt8] {
        var count = 0
        var message = [CChar](repeating: 0, count: Int(APUS_PNG_MESSAGE))
        guard let bytes = apus_png_encode(pixels, UInt32(width), UInt32(height), Int32(channels), &count, &message) else {
            throw FormatError(
                file: "PNG", reason: String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self))
        }
        defer { free(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    /// Writes the file at `path` atomically.
    public func write(to path: String) throws {
        try AtomicFile.write(encoded(), to: path)
    }
}
