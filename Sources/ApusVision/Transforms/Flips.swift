import ApusCore
import ApusFormats
import ApusNN

/// The picture mirrored left to right, with probability `p`. PyTorch: `torchvision.transforms.v2.RandomHorizontalFlip`.
public struct RandomHorizontalFlip: PictureStep, Hashable {
    /// From 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1.
    public init(p: Double = 0.5) { self.p = probability(p, "RandomHorizontalFlip") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        happens(p, generator) ? picture.flipped(.horizontally) : picture
    }

    static let arguments = Signature(.double("p", 0.5).shown).constructs { RandomHorizontalFlip(p: $0) }
}

/// The picture mirrored top to bottom, with probability `p`. PyTorch: `torchvision.transforms.v2.RandomVerticalFlip`.
public struct RandomVerticalFlip: PictureStep, Hashable {
    /// From 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1.
    public init(p: Double = 0.5) { self.p = probability(p, "RandomVerticalFlip") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        happens(p, generator) ? picture.flipped(.vertically) : picture
    }

    static let arguments = Signature(.double("p", 0.5).shown).constructs { RandomVerticalFlip(p: $0) }
}

/// `p` where it is a probability; traps otherwise.
func probability(_ p: Double, _ op: String) -> Double {
    if !(p >= 0 && p <= 1) { fail(op, "p is \(p), it must be from 0 to 1") }
    return p
}

/// True with probability `p`.
func happens(_ p: Double, _ generator: Generator) -> Bool {
    var generator = generator
    return Double.random(in: 0..<1, using: &generator) < p
}
