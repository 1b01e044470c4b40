import ApusCore
import ApusFormats
import ApusNN

/// Applies two operations in sequence, a pair drawn from those that were found best for a data set, each with its probability and
/// magnitude. PyTorch: `torchvision.transforms.v2.AutoAugment`.
///
/// Cubuk et al., [AutoAugment](https://arxiv.org/abs/1805.09501), 2018.
public struct AutoAugment: PictureStep, Hashable {
    /// The data set for which the pairs were found. PyTorch: `AutoAugmentPolicy`.
    public enum Policy: String, CaseIterable, Sendable {
        case imagenet, cifar10, svhn
    }

    /// The filter: nearest, bilinear or bicubic.
    public let interpolation: Picture.Interpolation
    /// The colour of uncovered pixels; black if nil.
    public let fill: Picture.Fill?
    /// The pairs to draw from.
    public let policy: Policy

    /// Draws from the pairs of `policy`.
    public init(policy: Policy = .imagenet, interpolation: Picture.Interpolation = .nearest, fill: Picture.Fill? = nil) {
        (self.policy, self.interpolation, self.fill) = (policy, check(interpolation, "AutoAugment"), fill)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let pair = generator.one(of: policy.pairs)
        return [pair.0, pair.1].reduce(picture) { picture, step in
            guard generator.happens(step.p) else { return picture }
            return AugmentSpace.autoAugment.apply(step.operation, bin: step.bin, of: 10, to: picture, interpolation, fill, generator)
        }
    }

    static let arguments = Signature(
        .choice("policy", Policy.imagenet), .choice("interpolation", Picture.Interpolation.nearest), .optionalFill
    ).constructs { AutoAugment(policy: $0, interpolation: $1, fill: $2) }
}

extension AutoAugment.Policy {
    /// An operation, its probability, and the index of its magnitude among ten; 0 if it has none.
    typealias Step = (operation: AugmentOperation, p: Double, bin: Int)

    /// The pairs to draw from.
    var pairs: [(Step, Step)] {
        switch self {
        case .imagenet: Self.imagenetPairs
        case .cifar10: Self.cifar10Pairs
        case .svhn: Self.svhnPairs
        }
    }

    private static let imagenetPairs: [(Step, Step)] = [
        ((.posterize, 0.4, 8), (.rotate, 0.6, 9)),
        ((.solarize, 0.6, 5), (.autoContrast, 0.6, 0)),
        ((.equalize, 0.8, 0), (.equalize, 0.6, 0)),
        ((.posterize, 0.6, 7), (.posterize, 0.6, 6)),
        ((.equalize, 0.4, 0), (.solarize, 0.2, 4)),
        ((.equalize, 0.4, 0), (.rotate, 0.8, 8)),
        ((.solarize, 0.6, 3), (.equalize, 0.6, 0)),
        ((.posterize, 0.8, 5), (.equalize, 1.0, 0)),
        ((.rotate, 0.2, 3), (.solarize, 0.6, 8)),
        ((.equalize, 0.6, 0), (.posterize, 0.4, 6)),
        ((.rotate, 0.8, 8), (.color, 0.4, 0)),
        ((.rotate, 0.4, 9), (.equalize, 0.6, 0)),
        ((.equalize, 0.0, 0), (.equalize, 0.8, 0)),
        ((.invert, 0.6, 0), (.equalize, 1.0, 0)),
        ((.color, 0.6, 4), (.contrast, 1.0, 8)),
        ((.rotate, 0.8, 8), (.color, 1.0, 2)),
        ((.color, 0.8, 8), (.solarize, 0.8, 7)),
        ((.sharpness, 0.4, 7), (.invert, 0.6, 0)),
        ((.shearX, 0.6, 5), (.equalize, 1.0, 0)),
        ((.color, 0.4, 0), (.equalize, 0.6, 0)),
        ((.equalize, 0.4, 0), (.solarize, 0.2, 4)),
        ((.solarize, 0.6, 5), (.autoContrast, 0.6, 0)),
        ((.invert, 0.6, 0), (.equalize, 1.0, 0)),
        ((.color, 0.6, 4), (.contrast, 1.0, 8)),
        ((.equalize, 0.8, 0), (.equalize, 0.6, 0)),
    ]

    private static let cifar10Pairs: [(Step, Step)] = [
        ((.invert, 0.1, 0), (.contrast, 0.2, 6)),
        ((.rotate, 0.7, 2), (.translateX, 0.3, 9)),
        ((.sharpness, 0.8, 1), (.sharpness, 0.9, 3)),
        ((.shearY, 0.5, 8), (.translateY, 0.7, 9)),
        ((.autoContrast, 0.5, 0), (.equalize, 0.9, 0)),
        ((.shearY, 0.2, 7), (.posterize, 0.3, 7)),
        ((.color, 0.4, 3), (.brightness, 0.6, 7)),
        ((.sharpness, 0.3, 9), (.brightness, 0.7, 9)),
        ((.equalize, 0.6, 0), (.equalize, 0.5, 0)),
        ((.contrast, 0.6, 7), (.sharpness, 0.6, 5)),
        ((.color, 0.7, 7), (.translateX, 0.5, 8)),
        ((.equalize, 0.3, 0), (.autoContrast, 0.4, 0)),
        ((.translateY, 0.4, 3), (.sharpness, 0.2, 6)),
        ((.brightness, 0.9, 6), (.color, 0.2, 8)),
        ((.solarize, 0.5, 2), (.invert, 0.0, 0)),
        ((.equalize, 0.2, 0), (.autoContrast, 0.6, 0)),
        ((.equalize, 0.2, 0), (.equalize, 0.6, 0)),
        ((.color, 0.9, 9), (.equalize, 0.6, 0)),
        ((.autoContrast, 0.8, 0), (.solarize, 0.2, 8)),
        ((.brightness, 0.1, 3), (.color, 0.7, 0)),
        ((.solarize, 0.4, 5), (.autoContrast, 0.9, 0)),
        ((.translateY, 0.9, 9), (.translateY, 0.7, 9)),
        ((.autoContrast, 0.9, 0), (.solarize, 0.8, 3)),
        ((.equalize, 0.8, 0), (.invert, 0.1, 0)),
        ((.translateY, 0.7, 9), (.autoContrast, 0.9, 0)),
    ]

    private static let svhnPairs: [(Step, Step)] = [
        ((.shearX, 0.9, 4), (.invert, 0.2, 0)),
        ((.shearY, 0.9, 8), (.invert, 0.7, 0)),
        ((.equalize, 0.6, 0), (.solarize, 0.6, 6)),
        ((.invert, 0.9, 0), (.equalize, 0.6, 0)),
        ((.equalize, 0.6, 0), (.rotate, 0.9, 3)),
        ((.shearX, 0.9, 4), (.autoContrast, 0.8, 0)),
        ((.shearY, 0.9, 8), (.invert, 0.4, 0)),
        ((.shearY, 0.9, 5), (.solarize, 0.2, 6)),
        ((.invert, 0.9, 0), (.autoContrast, 0.8, 0)),
        ((.equalize, 0.6, 0), (.rotate, 0.9, 3)),
        ((.shearX, 0.9, 4), (.solarize, 0.3, 3)),
        ((.shearY, 0.8, 8), (.invert, 0.7, 0)),
        ((.equalize, 0.9, 0), (.translateY, 0.6, 6)),
        ((.invert, 0.9, 0), (.equalize, 0.6, 0)),
        ((.contrast, 0.3, 3), (.rotate, 0.8, 4)),
        ((.invert, 0.8, 0), (.translateY, 0.0, 2)),
        ((.shearY, 0.7, 6), (.solarize, 0.4, 8)),
        ((.invert, 0.6, 0), (.rotate, 0.8, 4)),
        ((.shearY, 0.3, 7), (.translateX, 0.9, 3)),
        ((.shearX, 0.1, 6), (.invert, 0.6, 0)),
        ((.solarize, 0.7, 2), (.translateY, 0.6, 7)),
        ((.shearY, 0.8, 4), (.invert, 0.8, 0)),
        ((.shearX, 0.7, 9), (.translateY, 0.8, 3)),
        ((.shearY, 0.8, 5), (.autoContrast, 0.7, 0)),
        ((.shearX, 0.7, 2), (.invert, 0.1, 0)),
    ]
}
