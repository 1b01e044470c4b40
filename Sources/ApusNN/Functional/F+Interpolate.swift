import ApusCore
import Glibc

/// How `F.interpolate` computes elements between those of the input.
public enum InterpolationMode: String, Sendable, CaseIterable {
    /// The element at ⌊o·in/out⌋ for output o, or at ⌊o/factor⌋ with a given factor; for 1 to 3 spatial dimensions.
    case nearest
    /// The element nearest to the output's centre, as image libraries define it: at ⌊(o + ½)·in/out⌋ or ⌊(o + ½)/factor⌋.
    case nearestExact = "nearest-exact"
    /// Linear between two elements of a sequence.
    case linear
    /// Linear between four elements of an image.
    case bilinear
    /// Cubic (Keys, 1981, a = −0.75) through sixteen elements of an image.
    case bicubic
    /// Linear between eight elements of a volume.
    case trilinear
    /// The mean over the area of an output element: an adaptive average pool.
    case area

    /// The number of spatial dimensions that the mode needs; nil for any.
    var spatial: Int? {
        switch self {
        case .linear: 1
        case .bilinear, .bicubic: 2
        case .trilinear: 3
        default: nil
        }
    }
}

/// The factors of a resize: one number for every spatial dimension (`2`, `1.5`), or one for each (`[2, 1.5]`).
public protocol ScaleFactorConvertible: Sendable {
    /// The factors; an implementation detail of functions that take them.
    var _scaleFactors: [Double] { get }
}
extension Int: ScaleFactorConvertible {
    public var _scaleFactors: [Double] { [Double(self)] }
}
extension Double: ScaleFactorConvertible {
    public var _scaleFactors: [Double] { [self] }
}
extension Array: ScaleFactorConvertible where Element: ScalarConvertible {
    public var _scaleFactors: [Double] { map { $0._scalar.doubleValue } }
}

extension F {
    /// Resizes sequences [N, C, L], images [N, C, H, W] or volumes [N, C, D, H, W] to `size`, or by `scaleFactor`. PyTorch: `F.interpolate`.
    ///
    /// - Parameters:
    ///   - size: the spatial extents of the output. Or `scaleFactor`, one number for every dimension or one for each: ⌊in·factor⌋.
    ///   - alignCorners: for the linear and cubic modes, whether the centres of the corner elements coincide, not their outer corners (the
    ///     default). Traps in other modes.
    ///   - recomputeScaleFactor: whether positions use the ratio of the extents instead of the given factor; traps together with `size`.
    ///   - antialias: for bilinear and bicubic, whether the filter widens when it shrinks the image.
    ///
    /// Every mode sums a few elements along one dimension after another, so it has derivatives of any order. The nearest, bilinear and
    /// bicubic modes also resize uint8 images: with 15-bit weights, and rounded after each dimension, the last first, as PyTorch and Pillow
    /// do.
    ///
    /// Two differences from PyTorch: a dimension whose extent does not change is copied in every mode, whatever the factor (PyTorch shifts
    /// in the modes nearest-exact and bicubic, and for sequences and volumes in nearest); and the nearest modes compute positions exactly,
    /// where PyTorch rounds them to float32 and may take the neighbour. Traps unless exactly one of `size` and `scaleFactor` is given.
    public static func interpolate(
        _ input: Tensor, size: (any ExtentsConvertible)? = nil, scaleFactor: (any ScaleFactorConvertible)? = nil,
        mode: InterpolationMode = .nearest, alignCorners: Bool? = nil,
        recomputeScaleFactor: Bool = false, antialias: Bool = false
    ) -> Tensor {
        composite("interpolate", mode == .area ? .asIs : .float32, input) { (input) throws(OpError) in
            let spatial = input.ndim - 2
            guard (1...3).contains(spatial), mode.spatial == nil || mode.spatial == spatial else {
                throw OpError(
                    "mode \(mode.rawValue) is for inputs with \(mode.spatial.map { "\($0 + 2)" } ?? "3 to 5") dimensions, this one has shape \(input.shape)"
                )
            }
            let isPicture = input.dtype == .uint8 && [.nearest, .nearestExact, .bilinear, .bicubic].contains(mode)
            guard input.dtype.isFloatingPoint || isPicture else {
                throw OpError(
                    "is for floating-point tensors, and uint8 ones by nearest, bilinear and bicubic modes; the input is \(input.dtype), convert it with to(.float32)"
                )
            }
            guard alignCorners == nil || mode.spatial != nil else { throw OpError("alignCorners has no meaning for mode \(mode.rawValue)") }
            guard !antialias || mode == .bilinear || mode == .bicubic else {
                throw OpError("antialias is for modes bilinear and bicubic, not \(mode.rawValue)")
            }
            let from = Array(input.shape.dropFirst(2))
            var to: [Int]
            var factors: [Double?] = from.map { _ in nil }
            switch (size, scaleFactor) {
            case (let size?, nil):
                guard !recomputeScaleFactor else { throw OpError("recomputeScaleFactor has no meaning with size") }
                to = try size._extents.spread(spatial, "size")
            case (nil, let given?):
                let scale = given._scaleFactors
                guard scale.count == 1 || scale.count == spatial else {
                    throw OpError("scaleFactor \(scale) needs 1 or \(spatial) numbers")
                }
                let spread = scale.count == 1 ? Array(repeating: scale[0], count: spatial) : scale
                for factor in spread where !(factor > 0 && factor < 0x1p24) { throw OpError("scaleFactor \(scale) must be positive") }
                to = zip(from, spread).map { Int((Double($0) * $1).rounded(.down)) }
                if !recomputeScaleFactor { factors = spread }
            default: throw OpError("needs one of size and scaleFactor")
            }
            for extent in from + to where extent < 1 || extent > 1 << 24 {
                throw OpError("input \(input.shape) cannot become \(to): extents must lie in 1 ... \(1 << 24)")
            }
            if mode == .area { return input.adaptiveAveragePool(to, spatial: spatial, name: "interpolate") }
            var out = input
            for d in isPicture ? Array((0..<spatial).reversed()) : Array(0..<spatial) where from[d] != to[d] {
                let axis = ResampledAxis(from: from[d], to: to[d], scale: factors[d], alignCorners: alignCorners ?? false)
                out = antialias ? axis.filter(out, dim: d + 2, cubic: mode == .bicubic) : axis.resample(out, dim: d + 2, mode: mode)
            }
            return out === input ? input.clone() : out
        }
    }
}
