import ApusCore
import ApusSystem

/// A picture with 8 bits per channel, read from a PNG, JPEG or WebP file, or written to a PNG file.
///
/// The format is detected from the contents, not from the name. All kinds are read: gray, RGB, palettes, with or without alpha, 1 to 16
/// bits, interlaced; baseline and progressive JPEGs, gray, in colour, or in CMYK; lossy and lossless WebP, but no animations. Values are
/// used as stored: no gamma, no colour profile, no alpha, and the upper 8 of 16 bits. CMYK is assumed to be inverted, as Adobe's programs
/// store it. The orientation in a file's EXIF data is applied. So pixels are those of `torchvision.io.decode_image` with
/// `apply_exif_orientation=True`, and of Pillow's `ImageOps.exif_transpose` and `convert`, except for 16-bit gray, whose values beyond 255
/// are all 255 there; those of a JPEG may differ by 2 of 255 between versions of libjpeg-turbo.
///
/// A truncated or damaged file throws, also where other programs fill the missing part of a JPEG with gray or noise.
public struct Picture: Hashable, Sendable {
    /// The channels of a picture after reading.
    public enum Mode: Sendable {
        /// Gray stays gray (1 channel), everything else becomes RGB (3).
        case unchanged
        /// 1 channel; colours are converted by `(19595 R + 38470 G + 7471 B + 2¹⁵) / 2¹⁶`, Pillow's luma.
        case gray
        /// 3 channels.
        case rgb
    }

    /// How much of a file is decoded if a smaller picture is wanted in the end.
    public enum Decoding: String, CaseIterable, Sendable {
        /// All pixels.
        case full
        /// As many as are needed: a JPEG is decoded at an eighth, two eighths, … of its size, the smallest that is at least the wanted
        /// size. That is faster, and gives other pixels than resizing the full picture. Other files are decoded as by ``full``. Pillow:
        /// `Image.draft`.
        case scaled
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
            fail("Picture", "\(pixels.count) values for \(width) × \(height) pixels of \(channels) channels (1 or 3)")
            // Inside `checked` the program continues, with one black pixel.
            (self.width, self.height, self.channels, self.pixels) = (1, 1, 1, [0])
            return
        }
        self.width = width
        self.height = height
        self.channels = channels
        self.pixels = pixels
    }

    /// Reads the file at `path`. With `scaledToAtLeast`, a JPEG is decoded by ``Decoding/scaled`` to a picture of at least that size, or of
    /// its own size if that is smaller.
    ///
    /// Throws a `FormatError` that names the file, the place and what is wrong; before memory is allocated if the picture has more than
    /// `maximumPixels`, or more than a file of its length can hold. PyTorch: `torchvision.io.decode_image`.
    public init(
        contentsOf path: String, mode: Mode = .unchanged, scaledToAtLeast size: (height: Int, width: Int)? = nil,
        maximumPixels: Int = Picture.maximumPixels
    ) throws {
        try self.init(contentsOf: RawPath(path), mode: mode, scaledToAtLeast: size, maximumPixels: maximumPixels)
    }

    /// The default limit on the number of pixels: 8,192 × 8,192.
    public static let maximumPixels = 1 << 26

    /// ``init(contentsOf:mode:scaledToAtLeast:maximumPixels:)`` for a path that need not be UTF-8.
    package init(
        contentsOf path: RawPath, mode: Mode = .unchanged, scaledToAtLeast size: (height: Int, width: Int)? = nil,
        maximumPixels: Int = Picture.maximumPixels
    ) throws {
        try self.init(ByteRegion(MappedFile(path)), mode: mode, scaledToAtLeast: size, maximumPixels: maximumPixels)
    }

    /// Decodes the picture in a file's bytes.
    package init(
        _ region: ByteRegion, mode: Mode = .unchanged, scaledToAtLeast size: (height: Int, width: Int)? = nil,
        maximumPixels: Int = Picture.maximumPixels
    ) throws(FormatError) {
        let header = try PictureHeader(region, maximumPixels: maximumPixels)
        let eighths = size.map { header.eighths(toAtLeast: $0) } ?? 8
        let stored = try header.decode(region, eighths)
        let wanted =
            switch mode {
            case .unchanged: header.channels
            case .gray: 1
            case .rgb: 3
            }
        self = stored.converted(toChannels: wanted).turned(header.orientation)
    }

    /// The picture converted to gray (1 channel) or RGB (3).
    package func converted(toChannels wanted: Int) -> Picture {
        wanted == channels
            ? self : Picture(width: width, height: height, channels: wanted, pixels: Picture.convert(pixels, from: channels, to: wanted))
    }

    /// Converts gray or RGB, with or without alpha, to gray or RGB.
    static func convert(_ stored: [UInt8], from: Int, to: Int) -> [UInt8] {
        let count = stored.count / from
        return [UInt8](unsafeUninitializedCapacity: count * to) { out, initialized in
            stored.withUnsafeBufferPointer { stored in
                for i in 0..<count {
                    let (r, g, b) =
                        from <= 2
                        ? (stored[i * from], stored[i * from], stored[i * from])
                        : (stored[i * from], stored[i * from + 1], stored[i * from + 2])
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

    /// The picture of a uint8 tensor of shape [channels, height, width], with 1 or 3 channels.
    public init(bytes tensor: Tensor) throws {
        guard tensor.dtype == .uint8, tensor.ndim == 3, [1, 3].contains(tensor.size(0)), tensor.numel > 0 else {
            throw OpError(
                "a \(tensor.dtype) tensor of shape \(tensor.shape), where uint8 of shape [1 or 3, height, width] is wanted", op: "Picture")
        }
        let interleaved = tensor.size(0) == 1 ? tensor : tensor.permute(1, 2, 0)
        self.init(width: tensor.size(2), height: tensor.size(1), channels: tensor.size(0), pixels: interleaved.contiguous().bytes())
    }

    /// The values as uint8 [channels, height, width], as `torchvision.io.decode_image` returns them.
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
}
