import ApusCore
import ApusFormats
import Glibc

/// One operation of the policies that draw operations: RandAugment, AutoAugment, TrivialAugment, AugMix.
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

    /// Whether the magnitude may as well be negative.
    public var isSigned: Bool {
        switch self {
        case .shearX, .shearY, .translateX, .translateY, .rotate, .brightness, .color, .contrast, .sharpness: true
        default: false
        }
    }
}

extension Picture {
    /// The picture changed by an operation: sheared by `magnitude` pixels in each, moved by that many pixels (rounded towards zero), turned
    /// by as many degrees; brightness, saturation, contrast and sharpness with the factor `1 + magnitude`; with as many bits left; inverted
    /// from `255 · magnitude` on. The others have none.
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

/// How large the magnitudes of a policy are.
struct AugmentSpace: Sendable {
    /// What is drawn from.
    let operations: [AugmentOperation]
    /// The largest shear, angle and distance of a factor from 1.
    let shear: Double, degrees: Double, factor: Double
    /// The furthest way, in pixels of a side.
    let way: @Sendable (_ operation: AugmentOperation, _ height: Int, _ width: Int) -> Double
    /// The bits of the least magnitude, and how many the largest takes away.
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
    /// Without what is among the corruptions of the test sets that AugMix is measured by.
    static let augMixPart = AugmentSpace(
        operations: common.filter { ![.brightness, .color, .contrast, .sharpness].contains($0) }, shear: 0.3, degrees: 30, factor: 0.9,
        way: share(1 / 3.0), bits: (4, 4))

    /// The magnitude of number `bin` of `bins`, evenly spaced from the least to the largest, for a picture of that size.
    func magnitude(_ operation: AugmentOperation, bin: Int, of bins: Int, height: Int, width: Int) -> Double {
        func even(_ last: Double) -> Double { last * Double(bin) / Double(bins - 1) }
        return switch operation {
        case .shearX, .shearY: even(shear)
        case .translateX, .translateY: even(way(operation, height, width))
        case .rotate: even(degrees)
        case .brightness, .color, .contrast, .sharpness: even(factor)
        // Single-precision, as in torchvision: which numbers are halves depends on it.
        case .posterize: Double((bits.most - Float(bin) / (Float(bins - 1) / bits.taken)).rounded(.toNearestOrEven))
        case .solarize: 1 - even(1)
        case .identity, .autoContrast, .equalize, .invert: 0
        }
    }

    /// The picture changed by `operation` with magnitude number `bin` of `bins`, of either sign where it has one.
    func apply(
        _ operation: AugmentOperation, bin: Int, of bins: Int, to picture: Picture, _ interpolation: Picture.Interpolation,
        _ fill: Picture.Fill?, _ generator: Generator
    ) -> Picture {
        let size = magnitude(operation, bin: bin, of: bins, height: picture.height, width: picture.width)
        let signed = operation.isSigned && generator.happens(0.5) ? -size : size
        return picture.applying(operation, magnitude: signed, interpolation: interpolation, fill: fill ?? 0)
    }
}
