import CKernels
import Glibc

extension Picture {
    /// The part resized to another number of columns.
    func resampled(_ part: Part, width newWidth: Int, _ interpolation: Interpolation) -> Picture {
        let resampling = Resampling(from: part.width, to: newWidth, interpolation, copies: channels == 1 ? 1 : 4)
        return Picture(width: newWidth, height: part.height, channels: channels) { out in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4 * (part.width + 16)) { scratch in
                withBytes(of: part) { bytes in
                    resampling.withKernel { kernel in
                        apus_picture_resample_rows(
                            out, bytes, Int64(width * channels), Int64(part.height), Int64(part.width), Int32(channels), kernel,
                            scratch.baseAddress!)
                    }
                }
            }
        }
    }

    /// The part resized to another number of rows.
    func resampled(_ part: Part, height newHeight: Int, _ interpolation: Interpolation) -> Picture {
        let resampling = Resampling(from: part.height, to: newHeight, interpolation, copies: 1)
        return Picture(width: part.width, height: newHeight, channels: channels) { out in
            withBytes(of: part) { bytes in
                resampling.withKernel {
                    apus_picture_resample_columns(out, bytes, Int64(width * channels), Int64(part.width * channels), $0)
                }
            }
        }
    }

    /// Calls `body` with the part's first byte.
    private func withBytes(of part: Part, _ body: (UnsafePointer<UInt8>) -> Void) {
        pixels.withUnsafeBufferPointer { body($0.baseAddress! + (part.top * width + part.left) * channels) }
    }
}

/// The weights that resample a line of pixels to another length.
private struct Resampling {
    /// For each output pixel, the first input pixel with a weight, and how many have one.
    private var first: [Int32] = [], count: [Int32] = []
    /// In units of 2⁻²², as in Pillow; `stride` weights per output pixel, padded with 0.
    private var weights: [Int32]
    private let stride: Int

    /// Each weight is repeated `copies` times.
    init(from old: Int, to new: Int, _ interpolation: Picture.Interpolation, copies: Int) {
        let (filter, support) = interpolation.filter
        let scale = Double(old) / Double(new)
        let spread = max(scale, 1)
        let reach = support * spread
        // Kernels load 16 bytes at a time.
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
    /// The weight at a distance from the centre, and the distance beyond which it is 0.
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
