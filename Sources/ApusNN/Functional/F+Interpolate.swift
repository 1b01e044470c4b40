import ApusCore
import Glibc

/// How `F.interpolate` fills the places between the given ones.
public enum InterpolationMode: String, Sendable, CaseIterable {
    /// The element at ⌊place⌋, for 1 to 3 dimensions of space.
    case nearest
    /// The element nearest to the place, as image libraries define it.
    case nearestExact = "nearest-exact"
    /// Between two elements of a sequence.
    case linear
    /// Between four elements of an image.
    case bilinear
    /// By cubics (Keys, 1981, a = −0.75) through sixteen elements of an image.
    case bicubic
    /// Between eight elements of a volume.
    case trilinear
    /// The mean over the area of an output element, as an adaptive average pool.
    case area

    /// How many dimensions of space it is for; nil for any.
    var spatial: Int? {
        switch self {
        case .linear: 1
        case .bilinear, .bicubic: 2
        case .trilinear: 3
        default: nil
        }
    }
}

/// What stands for the factors by which something is resized: one number for every dimension of space (`2`, `1.5`), or one for each (`[2, 1.5]`).
public protocol ScaleFactorConvertible: Sendable {
    var scaleFactors: [Double] { get }
}
extension Int: ScaleFactorConvertible {
    public var scaleFactors: [Double] { [Double(self)] }
}
extension Double: ScaleFactorConvertible {
    public var scaleFactors: [Double] { [self] }
}
extension Array: ScaleFactorConvertible where Element: ScalarConvertible {
    public var scaleFactors: [Double] { map { $0.scalar.doubleValue } }
}

extension F {
    /// Resizes sequences [N, C, L], images [N, C, H, W] or volumes [N, C, D, H, W] to `size`, or by `scaleFactor`. PyTorch: `F.interpolate`.
    ///
    /// - Parameters:
    ///   - size: the extents of the output; or `scaleFactor`, one number for every dimension or one for each, which gives ⌊in·factor⌋.
    ///   - alignCorners: for the linear and cubic modes, whether the corners' centres fall on each other rather than the corners themselves.
    ///   - recomputeScaleFactor: whether places follow from the extents instead of the factor given.
    ///   - antialias: for bilinear and bicubic, whether the filter widens when it shrinks the image.
    ///
    /// Every mode is a sum over few elements along one dimension after the other; derivatives of any order follow.
    public static func interpolate(
        _ input: Tensor, size: (any ExtentsConvertible)? = nil, scaleFactor: (any ScaleFactorConvertible)? = nil, mode: InterpolationMode = .nearest, alignCorners: Bool? = nil,
        recomputeScaleFactor: Bool = false, antialias: Bool = false
    ) -> Tensor {
        composite("interpolate", mode == .area ? .asIs : .float32, input) { (input) throws(OpError) in
            let spatial = input.ndim - 2
            guard (1...3).contains(spatial), mode.spatial == nil || mode.spatial == spatial else {
                throw OpError("mode \(mode.rawValue) is for inputs with \(mode.spatial.map { "\($0 + 2)" } ?? "3 to 5") dimensions, this one has shape \(input.shape)")
            }
            guard input.dtype.isFloatingPoint else { throw OpError("is for floating-point tensors, the input is \(input.dtype); convert it with to(.float32)") }
            guard alignCorners == nil || mode.spatial != nil else { throw OpError("alignCorners has no meaning for mode \(mode.rawValue)") }
            guard !antialias || mode == .bilinear || mode == .bicubic else { throw OpError("antialias is for modes bilinear and bicubic, not \(mode.rawValue)") }
            let from = Array(input.shape.dropFirst(2))
            var to: [Int]
            var factors: [Double?] = from.map { _ in nil }
            switch (size, scaleFactor) {
            case (let size?, nil):
                guard !recomputeScaleFactor else { throw OpError("recomputeScaleFactor has no meaning with size") }
                to = try size.extents.spread(spatial, "size")
            case (nil, let given?):
                let scale = given.scaleFactors
                guard scale.count == 1 || scale.count == spatial else { throw OpError("scaleFactor \(scale) needs 1 or \(spatial) numbers") }
                let spread = scale.count == 1 ? Array(repeating: scale[0], count: spatial) : scale
                for factor in spread where !(factor > 0 && factor < 0x1p24) { throw OpError("scaleFactor \(scale) must be positive") }
                to = zip(from, spread).map { Int((Double($0) * $1).rounded(.down)) }
                if !recomputeScaleFactor { factors = spread }
            default: throw OpError("needs one of size and scaleFactor")
            }
            for extent in from + to where extent < 1 || extent > 1 << 24 { throw OpError("input \(input.shape) cannot become \(to): extents must lie in 1 ... \(1 << 24)") }
            if mode == .area { return input.adaptiveAveragePool(to, spatial: spatial, name: "interpolate") }
            var out = input
            for d in 0..<spatial {
                let axis = ResampledAxis(from: from[d], to: to[d], scale: factors[d], alignCorners: alignCorners ?? false)
                out = antialias ? axis.filter(out, dim: d + 2, cubic: mode == .bicubic) : axis.resample(out, dim: d + 2, mode: mode)
            }
            return out
        }
    }
}

/// One dimension that is resampled from one extent to another.
private struct ResampledAxis {
    let from: Int
    let to: Int
    /// The factor that was given, which need not be to/from.
    let scale: Double?
    let alignCorners: Bool

    /// How far apart the output's places are in the input.
    private var step: Double {
        if alignCorners { return to > 1 ? Double(from - 1) / Double(to - 1) : 0 }
        return scale.map { 1 / $0 } ?? Double(from) / Double(to)
    }

    /// The input's place of output o, in elements.
    private func place(_ o: Int) -> Double { alignCorners ? step * Double(o) : step * (Double(o) + 0.5) - 0.5 }

    func resample(_ x: Tensor, dim: Int, mode: InterpolationMode) -> Tensor {
        switch mode {
        case .nearest, .nearestExact:
            // PyTorch computes this place in float32.
            let shift: Float = mode == .nearest ? 0 : 0.5
            let step = Float(scale.map { 1 / $0 } ?? Double(from) / Double(to))
            return x.indexSelect(dim: dim, index((0..<to).map { min(Int(((Float($0) + shift) * step).rounded(.down)), from - 1) }, x))
        case .bicubic:
            let taps = (0..<to).map { o -> (first: Int, t: Double) in
                let place = place(o)
                return (Int(place.rounded(.down)) - 1, place - place.rounded(.down))
            }
            return sum(x, dim, (0..<4).map { k in
                (taps.map { min(max($0.first + k, 0), from - 1) }, taps.map { ResampledAxis.cubic(abs(Double(k) - 1 - $0.t), a: -0.75) })
            })
        default:
            let places = (0..<to).map { max(place($0), 0) }
            let low = places.map { min(Int($0), from - 1) }
            let weights = zip(places, low).map { min(max($0 - Double($1), 0), 1) }
            return sum(x, dim, [(low, weights.map { 1 - $0 }), (low.map { min($0 + 1, from - 1) }, weights)])
        }
    }

    /// Σ over taps of weight·element, each tap with a place and a weight for every output.
    private func sum(_ x: Tensor, _ dim: Int, _ taps: [(places: [Int], weights: [Double])]) -> Tensor {
        var column = Array(repeating: 1, count: x.ndim)
        column[dim] = to
        var out: Tensor?
        for (places, weights) in taps {
            let part = x.indexSelect(dim: dim, index(places, x)) * Tensor(weights, shape: Shape(column), dtype: x.dtype, device: x.device)
            out = out.map { $0 + part } ?? part
        }
        return out ?? x
    }

    private func index(_ places: [Int], _ x: Tensor) -> Tensor { Tensor(places.map(Int64.init), shape: [places.count], device: x.device) }

    /// With a filter as wide as the step where that is more than one element: a product with the matrix of all weights.
    func filter(_ x: Tensor, dim: Int, cubic: Bool) -> Tensor {
        let radius = cubic ? 2.0 : 1.0
        let width = max(step, 1)
        var matrix = [Double](repeating: 0, count: to * from)
        for o in 0..<to {
            // PyTorch's corners change the step alone.
            let center = step * (Double(o) + 0.5)
            let first = max(Int(center - radius * width + 0.5), 0)
            let end = max(min(Int(center + radius * width + 0.5), from), first)
            let weights = (first..<end).map { i in
                let distance = abs((Double(i) + 0.5 - center) / width)
                return cubic ? ResampledAxis.cubic(distance, a: -0.5) : max(1 - distance, 0)
            }
            let total = weights.reduce(0, +)
            for (i, weight) in weights.enumerated() { matrix[o * from + first + i] = total == 0 ? 0 : weight / total }
        }
        let weights = Tensor(matrix, shape: [to, from], dtype: x.dtype, device: x.device)
        return x.movedim(dim, -1).matmul(weights.t()).movedim(-1, dim)
    }

    /// The cubic convolution kernel at a distance from 0 to 2 (Keys, 1981).
    private static func cubic(_ x: Double, a: Double) -> Double {
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }
}
