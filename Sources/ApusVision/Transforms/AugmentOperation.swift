import ApusCore
import ApusFormats
import Glibc

/// An operation of the augmentation policies RandAugment, AutoAugment, TrivialAugment and AugMix.
public enum AugmentOperation: String, CaseIterable, Sendable {
    case identity = "Identity"
    case shearX = "ShearX"
    case shearY = "ShearY"
    case translateX = "TranslateX"
    case translateY = "TranslateY"
    case rotate = "Rotate"
    case brightness = "Brightness"
    case color = "Color"
    case contrast = "Contrast"
    case sharpness = "Sharpness"
    case posterize = "Posterize"
    case solarize = "Solarize"
    case autoContrast = "AutoContrast"
    case equalize = "Equalize"
    case invert = "Invert"

    /// Whether the magnitude may be negative too.
    public var isSigned: Bool {
        switch self {
        case .shearX, .shearY, .translateX, .translateY, .rotate, .brightness, .color, .contrast, .sharpness: true
        default: false
        }
    }
}

extension Picture {
    /// The picture after an operation. The magnitude is the shear (pixels per pixel), the translation in pixels (rounded towards zero) or
    /// the angle in degrees; the factor is `1 + magnitude` for brightness, saturation, contrast and sharpness; posterize keeps `magnitude`
    /// bits, and solarize inverts from `255 · magnitude` on. The other operations ignore it.
    ///
    /// PyTorch: `_apply_image_or_video_transform` of `torchvision.transforms.v2`, for PIL's images.
    public func applying(
        _ operation: AugmentOperation, magnitude: Double, interpolation: Interpolation = .nearest, fill: Fill = 0
    ) -> Picture {
        func moved(_ translate: Point = (0, 0), shear: Point = (0, 0), about center: Point? = nil) -> Picture {
            affine(translate: translate, shear: shear, interpolation: interpolation, fill: fill, center: center)
        }
        func lean() -> Double { atan(magnitude) * (180 / .pi) }
        return switch operation {
        case .identity: self
        case .shearX: moved(shear: (lean(), 0), about: (0, 0))
        case .shearY: moved(shear: (0, lean()), about: (0, 0))
        case .translateX: moved((magnitude.rounded(.towardZero), 0))
        case .translateY: moved((0, magnitude.rounded(.towardZero)))
        case .rotate: rotated(by: magnitude, interpolation: interpolation, fill: fill)
        case .brightness: adjustingBrightness(1 + magnitude)
        case .color: adjustingSaturation(1 + magnitude)
        case .contrast: adjustingContrast(1 + magnitude)
        case .sharpness: adjustingSharpness(1 + magnitude)
        case .posterize: posterized(bits: Int(magnitude))
        case .solarize: solarized(threshold: 255 * magnitude)
        case .autoContrast: autocontrasted()
        case .equalize: equalized()
        case .invert: inverted()
        }
    }
}

/// The operations of a policy and the range of their magnitudes.
struct AugmentSpace: Sendable {
    /// The operations to draw from.
    let operations: [AugmentOperation]
    /// The largest shear, angle, and deviation of a factor from 1.
    let shear: Double, degrees: Double, factor: Double
    /// The largest translation, in pixels, for a picture of the given size.
    let way: @Sendable (_ operation: AugmentOperation, _ height: Int, _ width: Int) -> Double
    /// The bits kept at the smallest magnitude, and how many fewer at the largest.
    let bits: (most: Float, taken: Float)

    private static let common = AugmentOperation.allCases.filter { $0 != .identity && $0 != .invert }
    private static func share(_ share: Double) -> @Sendable (AugmentOperation, Int, Int) -> Double {
        { share * Double($0 == .translateX ? $2 : $1) }
    }

    static let randAugment = AugmentSpace(
        operations: [.identity] + common, shear: 0.3, degrees: 30, factor: 0.9, way: share(150.0 / 331), bits: (8, 4))
    static let autoAugment = AugmentSpace(
        operations: common + [.invert], shear: 0.3, degrees: 30, factor: 0.9, way: share(150.0 / 331), bits: (8, 4))
    static let trivialAugment = AugmentSpace(
        operations: [.identity] + common, shear: 0.99, degrees: 135, factor: 0.99, way: { _, _, _ in 32 }, bits: (8, 6))
    static let augMix = AugmentSpace(operations: common, shear: 0.3, degrees: 30, factor: 0.9, way: share(1 / 3.0), bits: (4, 4))
    /// Without the operations that are among the corruptions of the test sets for AugMix.
    static let augMixPart = AugmentSpace(
        operations: common.filter { ![.brightness, .color, .contrast, .sharpness].contains($0) }, shear: 0.3, degrees: 30, factor: 0.9,
        way: share(1 / 3.0), bits: (4, 4))

    /// Magnitude `bin` of `bins` for a picture of that size, evenly spaced from the smallest to the largest.
    func magnitude(_ operation: AugmentOperation, bin: Int, of bins: Int, height: Int, width: Int) -> Double {
        func even(_ last: Double) -> Double { last * Double(bin) / Double(bins - 1) }
        return switch operation {
        case .shearX, .shearY: even(shear)
        case .translateX, .translateY: even(way(operation, height, width))
        case .rotate: even(degrees)
        case .brightness, .color, .contrast, .sharpness: even(factor)
        // Single precision, as in torchvision: it determines which numbers are ties to round.
        case .posterize: Double((bits.most - Float(bin) / (Float(bins - 1) / bits.taken)).rounded(.toNearestOrEven))
        case .solarize: 1 - even(1)
        case .identity, .autoContrast, .equalize, .invert: 0
        }
    }

    /// The picture after `operation` with magnitude `bin` of `bins`, of random sign if the operation is signed.
    func apply(
        _ operation: AugmentOperation, bin: Int, of bins: Int, to picture: Picture, _ interpolation: Picture.Interpolation,
        _ fill: Picture.Fill?, _ generator: Generator
    ) -> Picture {
        let size = magnitude(operation, bin: bin, of: bins, height: picture.height, width: picture.width)
        let signed = operation.isSigned && generator.happens(0.5) ? -size : size
        return picture.applying(operation, magnitude: signed, interpolation: interpolation, fill: fill ?? 0)
    }
}
