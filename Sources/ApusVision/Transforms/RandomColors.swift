import ApusCore
import ApusFormats
import ApusNN

// Changes of colours and edges that are applied with a probability.

/// Converts the picture to gray (luma in all channels) with probability `p`. PyTorch: `torchvision.transforms.v2.RandomGrayscale`.
public struct RandomGrayscale: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1.
    public init(p: Double = 0.1) { self.p = probability(p, "RandomGrayscale") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.grayscale(channels: picture.channels) : picture
    }

    static let arguments = Signature(.double("p", 0.1)).constructs { RandomGrayscale(p: $0) }
}

/// Inverts the picture, `255 − value`, with probability `p`. PyTorch: `torchvision.transforms.v2.RandomInvert`.
public struct RandomInvert: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1.
    public init(p: Double = 0.5) { self.p = probability(p, "RandomInvert") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.inverted() : picture
    }

    static let arguments = Signature(.double("p", 0.5)).constructs { RandomInvert(p: $0) }
}

/// Keeps only the upper bits of each value, with probability `p`. PyTorch: `torchvision.transforms.v2.RandomPosterize`.
public struct RandomPosterize: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double
    /// How many bits to keep, 1 to 8.
    public let bits: Int

    /// Traps unless `bits` is from 1 to 8 and `p` from 0 to 1.
    public init(bits: Int, p: Double = 0.5) {
        if !(1...8 ~= bits) { fail("RandomPosterize", "bits is \(bits), it must be from 1 to 8") }
        (self.p, self.bits) = (probability(p, "RandomPosterize"), bits)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.posterized(bits: bits) : picture
    }

    static let arguments = Signature(.int("bits"), .double("p", 0.5)).constructs { RandomPosterize(bits: $0, p: $1) }
}

/// Inverts values of at least a threshold, with probability `p`. PyTorch: `torchvision.transforms.v2.RandomSolarize`.
public struct RandomSolarize: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double
    /// The smallest value to invert.
    public let threshold: Double

    /// Traps unless `p` is from 0 to 1.
    public init(threshold: Double, p: Double = 0.5) {
        (self.p, self.threshold) = (probability(p, "RandomSolarize"), threshold)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.solarized(threshold: threshold) : picture
    }

    static let arguments = Signature(.double("threshold"), .double("p", 0.5)).constructs { RandomSolarize(threshold: $0, p: $1) }
}

/// Stretches each channel to 0 ... 255, with probability `p`. PyTorch: `torchvision.transforms.v2.RandomAutocontrast`.
public struct RandomAutocontrast: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1.
    public init(p: Double = 0.5) { self.p = probability(p, "RandomAutocontrast") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.autocontrasted() : picture
    }

    static let arguments = Signature(.double("p", 0.5)).constructs { RandomAutocontrast(p: $0) }
}

/// Equalizes the histogram of each channel, with probability `p`. PyTorch: `torchvision.transforms.v2.RandomEqualize`.
public struct RandomEqualize: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double

    /// Traps unless `p` is from 0 to 1.
    public init(p: Double = 0.5) { self.p = probability(p, "RandomEqualize") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.equalized() : picture
    }

    static let arguments = Signature(.double("p", 0.5)).constructs { RandomEqualize(p: $0) }
}

/// Softens or sharpens the picture with probability `p`. PyTorch: `torchvision.transforms.v2.RandomAdjustSharpness`.
public struct RandomAdjustSharpness: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double
    /// 0 softens, 1 does not change the picture, 2 sharpens it.
    public let sharpnessFactor: Double

    /// Traps if the factor is negative, and unless `p` is from 0 to 1.
    public init(sharpnessFactor: Double, p: Double = 0.5) {
        if !(sharpnessFactor >= 0) { fail("RandomAdjustSharpness", "sharpnessFactor is \(sharpnessFactor), it must not be negative") }
        (self.p, self.sharpnessFactor) = (probability(p, "RandomAdjustSharpness"), sharpnessFactor)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        generator.happens(p) ? picture.adjustingSharpness(sharpnessFactor) : picture
    }

    static let arguments = Signature(.double("sharpness_factor"), .double("p", 0.5)).constructs {
        RandomAdjustSharpness(sharpnessFactor: $0, p: $1)
    }
}
