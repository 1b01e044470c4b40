import ApusCore
import CKernels
import Glibc

extension Picture {
    /// How values between pixels are computed. PyTorch: `torchvision.transforms.InterpolationMode`.
    public enum Interpolation: String, CaseIterable, Sendable {
        /// The nearest pixel.
        case nearest
        /// The mean of the pixels that a new one covers.
        case box
        /// `1 − |x|` for `|x| < 1`: between two pixels along a straight line.
        case bilinear
        /// `sin(πx)/(πx) · (0.54 + 0.46 cos πx)` for `|x| < 1`.
        case hamming
        /// Catmull and Rom's cubic, with a = −0.5, for `|x| < 2`.
        case bicubic
        /// `sin(πx)/(πx) · sin(πx/3)/(πx/3)` for `|x| < 3`.
        case lanczos
    }

    /// The picture in another size. All filters but ``Interpolation/nearest`` are as wide as the scale where the picture shrinks, so that
    /// they average over all pixels (antialiasing).
    ///
    /// The same bytes as Pillow's `resize((width, height), …)`, horizontal pass first. PyTorch: `torchvision.transforms.v2.functional.resize`
    /// of PIL's images.
    public func resized(width newWidth: Int, height newHeight: Int, interpolation: Interpolation = .bilinear) -> Picture {
        resized((0, 0, height, width), width: newWidth, height: newHeight, interpolation: interpolation)
    }

    /// The part of the picture that begins at row `top` and column `left`, in another size; pixels outside of it have no weight.
    package func resized(
        _ part: (top: Int, left: Int, height: Int, width: Int), width newWidth: Int, height newHeight: Int, interpolation: Interpolation
    ) -> Picture {
        guard newWidth > 0 && newHeight > 0 else {
            fail("Picture.resized", "\(newWidth) × \(newHeight) pixels, where both must be at least 1")
            return self
        }
        let (isWider, isHigher) = (newWidth != part.width, newHeight != part.height)
        guard interpolation != .nearest, isWider || isHigher else {
            func places(_ first: Int, _ old: Int, _ new: Int) -> [Int32] {
                let scale = Double(old) / Double(new)
                return Picture.places(from: scale * 0.5, step: scale, count: new, below: old).map { $0 + Int32(first) }
            }
            return picked(rows: places(part.top, part.height, newHeight), columns: places(part.left, part.width, newWidth))
        }
        let down = Resampling(from: part.height, to: newHeight, interpolation, copies: 1)
        // The rows that the vertical pass reads.
        let rows = isHigher ? Int(down.first[0])..<Int(down.first.last! + down.count.last!) : 0..<part.height
        let start = (part.top + rows.lowerBound) * width * channels + part.left * channels
        var across = self
        if isWider {
            let resampling = Resampling(from: part.width, to: newWidth, interpolation, copies: channels == 1 ? 1 : 4)
            across = Picture(width: newWidth, height: rows.count, channels: channels) { out in
                withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4 * (part.width + 16)) { scratch in
                    pixels.withUnsafeBufferPointer { pixels in
                        resampling.withKernel { kernel in
                            apus_picture_resample_rows(
                                out, pixels.baseAddress! + start, Int64(width * channels), Int64(rows.count), Int64(part.width),
                                Int32(channels), kernel, scratch.baseAddress!)
                        }
                    }
                }
            }
        }
        guard isHigher else { return across }
        return Picture(width: newWidth, height: newHeight, channels: channels) { out in
            across.pixels.withUnsafeBufferPointer { pixels in
                down.shifted(by: rows.lowerBound).withKernel { kernel in
                    apus_picture_resample_columns(
                        out, pixels.baseAddress! + (isWider ? 0 : start), Int64(across.width * channels), Int64(newWidth * channels), kernel)
                }
            }
        }
    }

    /// A picture whose pixels `write` writes, all of them.
    package init(width: Int, height: Int, channels: Int, write: (UnsafeMutablePointer<UInt8>) -> Void) {
        let count = width * height * channels
        let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            write(buffer.baseAddress!)
            initialized = count
        }
        self.init(width: width, height: height, channels: channels, pixels: pixels)
    }

    /// The pixels in `rows` and `columns` of the picture; where one is negative, the pixel is `fill`, a byte for each channel.
    package func picked(rows: [Int32], columns: [Int32], fill: [UInt8]? = nil) -> Picture {
        Picture(width: columns.count, height: rows.count, channels: channels) { out in
            if let fill { Picture.fill(out, columns.count * rows.count, fill) }
            pixels.withUnsafeBufferPointer { pixels in
                apus_picture_pick(
                    out, pixels.baseAddress!, Int64(width * channels), Int32(channels), rows, Int64(rows.count), columns,
                    Int64(columns.count))
            }
        }
    }

    /// Fills `count` pixels with the bytes `fill`.
    package static func fill(_ out: UnsafeMutablePointer<UInt8>, _ count: Int, _ fill: [UInt8]) {
        if Set(fill).count == 1 { return out.initialize(repeating: fill[0], count: count * fill.count) }
        for i in 0..<count * fill.count { out[i] = fill[i % fill.count] }
    }

    /// The pixels in which `from`, `from + step`, … lie; −1 for those that are not from 0 to `limit`.
    package static func places(from: Double, step: Double, count: Int, below limit: Int) -> [Int32] {
        var at = from
        return (0..<count).map { _ in
            defer { at += step }
            return at >= 0 && at < Double(limit) ? Int32(at) : -1
        }
    }
}

/// The weights by which a line of pixels becomes one of another length.
private struct Resampling {
    /// For each new pixel the first one that has a weight, and how many have.
    var first: [Int32] = [], count: [Int32] = []
    /// In units of 2⁻²², as in Pillow; for each pixel `stride` of them, with 0 behind the last.
    private var weights: [Int32]
    private let stride: Int

    /// `copies` are adjacent of each weight.
    init(from old: Int, to new: Int, _ interpolation: Picture.Interpolation, copies: Int) {
        let (filter, support) = interpolation.filter
        let scale = Double(old) / Double(new)
        let spread = max(scale, 1)
        let reach = support * spread
        // Loads are of 16 bytes.
        stride = ((2 * Int(reach.rounded(.up)) + 1) * copies + 15) / 16 * 16
        weights = [Int32](repeating: 0, count: new * stride)
        var line = [Double](repeating: 0, count: stride)
        for position in 0..<new {
            let centre = (Double(position) + 0.5) * scale
            let from = max(Int(centre - reach + 0.5), 0)
            let number = min(Int(centre + reach + 0.5), old) - from
            var sum = 0.0
            for i in 0..<number {
                line[i] = filter((Double(i + from) - centre + 0.5) * (1 / spread))
                sum += line[i]
            }
            for i in 0..<number {
                let weight = sum == 0 ? line[i] : line[i] / sum
                let fixed = Int32(weight * 0x1p22 + (weight < 0 ? -0.5 : 0.5))
                for copy in 0..<copies { weights[position * stride + i * copies + copy] = fixed }
            }
            first.append(Int32(from))
            count.append(Int32(number))
        }
    }

    /// The same for a line without its first pixels.
    func shifted(by pixels: Int) -> Resampling {
        var shifted = self
        for i in first.indices { shifted.first[i] -= Int32(pixels) }
        return shifted
    }

    func withKernel(_ body: (UnsafePointer<apus_resampling>) -> Void) {
        first.withUnsafeBufferPointer { first in
            count.withUnsafeBufferPointer { count in
                weights.withUnsafeBufferPointer { weights in
                    var kernel = apus_resampling(
                        first: first.baseAddress!, count: count.baseAddress!, weights: weights.baseAddress!, length: Int64(first.count),
                        stride: Int64(stride))
                    body(&kernel)
                }
            }
        }
    }
}

extension Picture.Interpolation {
    /// The weight at a distance from the middle, and beyond which distance it is 0.
    fileprivate var filter: ((Double) -> Double, support: Double) {
        func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
        return switch self {
        case .nearest, .box: ({ $0 > -0.5 && $0 <= 0.5 ? 1 : 0 }, 0.5)
        case .bilinear: ({ max(1 - abs($0), 0) }, 1)
        // Pillow's constants are single-precision.
        case .hamming: ({ abs($0) < 1 ? sinc($0) * (Double(Float(0.54)) + Double(Float(0.46)) * cos($0 * .pi)) : 0 }, 1)
        case .bicubic:
            (
                {
                    let x = abs($0)
                    if x < 1 { return (1.5 * x - 2.5) * x * x + 1 }
                    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0
                }, 2
            )
        case .lanczos: ({ -3 <= $0 && $0 < 3 ? sinc($0) * sinc($0 / 3) : 0 }, 3)
        }
    }
}
