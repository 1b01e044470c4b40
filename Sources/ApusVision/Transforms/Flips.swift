import ApusCore
import ApusFormats
import ApusNN

/// Mirrors the picture left to right with probability `p`. PyTorch: `torchvision.transforms.v2.RandomHorizontalFlip`.
public struct RandomHorizontalFlip: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1.
    public init(p: Double = 0.5) { self.p = probability(p, "RandomHorizontalFlip") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.flipped(.horizontally) : picture
    }

    static let arguments = Signature(.double("p", 0.5)).constructs { RandomHorizontalFlip(p: $0) }
}

/// Mirrors the picture top to bottom with probability `p`. PyTorch: `torchvision.transforms.v2.RandomVerticalFlip`.
public struct RandomVerticalFlip: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1.
    public init(p: Double = 0.5) { self.p = probability(p, "RandomVerticalFlip") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.flipped(.vertically) : picture
    }

    static let arguments = Signature(.double("p", 0.5)).constructs { RandomVerticalFlip(p: $0) }
}
