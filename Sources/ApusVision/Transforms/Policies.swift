import ApusCore
import ApusFormats
import ApusNN

/// Applies `numOps` operations, each drawn from fourteen, all with the same magnitude. PyTorch: `torchvision.transforms.v2.RandAugment`.
///
/// Cubuk et al., [RandAugment](https://arxiv.org/abs/1909.13719), 2019.
public struct RandAugment: PictureStep, Hashable {
    /// The filter: nearest, bilinear or bicubic.
    public let interpolation: Picture.Interpolation
    /// The colour of uncovered pixels; black if nil.
    public let fill: Picture.Fill?
    /// The number of operations.
    public let numOps: Int
    /// The index of the magnitude, from 0.
    public let magnitude: Int
    /// The number of magnitudes.
    public let numMagnitudeBins: Int

    /// Traps if `numOps` is negative, and unless `magnitude` is below `numMagnitudeBins`, which must be at least 2.
    public init(
        numOps: Int = 2, magnitude: Int = 9, numMagnitudeBins: Int = 31, interpolation: Picture.Interpolation = .nearest,
        fill: Picture.Fill? = nil
    ) {
        if !(0...100 ~= numOps) { fail("RandAugment", "numOps is \(numOps), it must be from 0 to 100") }
        self.numMagnitudeBins = check(bins: numMagnitudeBins, "RandAugment")
        if !(0..<self.numMagnitudeBins ~= magnitude) {
            fail("RandAugment", "the magnitude is \(magnitude), it must be from 0 to \(numMagnitudeBins - 1)")
        }
        (self.numOps, self.magnitude) = (numOps, magnitude)
        (self.interpolation, self.fill) = (check(interpolation, "RandAugment"), fill)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let space = AugmentSpace.randAugment
        return (0..<numOps).reduce(picture) { picture, _ in
            space.apply(
                generator.one(of: space.operations), bin: magnitude, of: numMagnitudeBins, to: picture, interpolation, fill, generator)
        }
    }

    static let arguments = Signature(
        .int("num_ops", 2), .int("magnitude", 9), .int("num_magnitude_bins", 31),
        .choice("interpolation", Picture.Interpolation.nearest), .optionalFill
    ).constructs { RandAugment(numOps: $0, magnitude: $1, numMagnitudeBins: $2, interpolation: $3, fill: $4) }
}

/// Applies one operation, drawn from fourteen, with a magnitude drawn from a wide range. PyTorch:
/// `torchvision.transforms.v2.TrivialAugmentWide`.
///
/// Müller and Hutter, [TrivialAugment](https://arxiv.org/abs/2103.10158), 2021.
public struct TrivialAugmentWide: PictureStep, Hashable {
    /// The filter: nearest, bilinear or bicubic.
    public let interpolation: Picture.Interpolation
    /// The colour of uncovered pixels; black if nil.
    public let fill: Picture.Fill?
    /// The number of magnitudes.
    public let numMagnitudeBins: Int

    /// Traps unless `numMagnitudeBins` is at least 2.
    public init(numMagnitudeBins: Int = 31, interpolation: Picture.Interpolation = .nearest, fill: Picture.Fill? = nil) {
        self.numMagnitudeBins = check(bins: numMagnitudeBins, "TrivialAugmentWide")
        (self.interpolation, self.fill) = (check(interpolation, "TrivialAugmentWide"), fill)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let space = AugmentSpace.trivialAugment
        let operation = generator.one(of: space.operations)
        let bin = generator.integer(0..<numMagnitudeBins)
        return space.apply(operation, bin: bin, of: numMagnitudeBins, to: picture, interpolation, fill, generator)
    }

    static let arguments = Signature(
        .int("num_magnitude_bins", 31), .choice("interpolation", Picture.Interpolation.nearest), .optionalFill
    ).constructs { TrivialAugmentWide(numMagnitudeBins: $0, interpolation: $1, fill: $2) }
}

/// Mixes the picture with chains of one to three random operations by random weights. PyTorch: `torchvision.transforms.v2.AugMix`.
///
/// `w₀ picture + (1 − w₀) Σ vᵢ chainᵢ`, rounded towards zero, with w₀ from Beta(α, α) and v from Dirichlet(α). torchvision converts the
/// picture to a tensor first and applies its operations on tensors; here they are those on pictures, as in the other policies.
///
/// Hendrycks et al., [AugMix](https://arxiv.org/abs/1912.02781), 2020.
public struct AugMix: PictureStep, Hashable {
    /// The filter: nearest, bilinear or bicubic.
    public let interpolation: Picture.Interpolation
    /// The colour of uncovered pixels; black if nil.
    public let fill: Picture.Fill?
    /// Magnitudes are drawn from the first `severity` of ten.
    public let severity: Int
    /// The number of chains.
    public let mixtureWidth: Int
    /// The length of a chain; drawn from 1 to 3 if it is not positive.
    public let chainDepth: Int
    /// The parameter of the beta and Dirichlet distributions.
    public let alpha: Double
    /// Whether brightness, saturation, contrast and sharpness are among the operations.
    public let allOps: Bool

    /// Traps unless `severity` is from 1 to 10, `mixtureWidth` at least 1 and `alpha` positive.
    public init(
        severity: Int = 3, mixtureWidth: Int = 3, chainDepth: Int = -1, alpha: Double = 1, allOps: Bool = true,
        interpolation: Picture.Interpolation = .bilinear, fill: Picture.Fill? = nil
    ) {
        if !(1...10 ~= severity) { fail("AugMix", "the severity is \(severity), it must be from 1 to 10") }
        if mixtureWidth < 1 { fail("AugMix", "mixtureWidth is \(mixtureWidth), it must be at least 1") }
        if !(alpha > 0) { fail("AugMix", "alpha is \(alpha), it must be positive") }
        (self.severity, self.mixtureWidth, self.chainDepth, self.alpha, self.allOps) = (severity, mixtureWidth, chainDepth, alpha, allOps)
        (self.interpolation, self.fill) = (check(interpolation, "AugMix"), fill)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let space = allOps ? AugmentSpace.augMix : .augMixPart
        let own = generator.dirichlet(alpha, count: 2)[0]
        let weights = generator.dirichlet(alpha, count: mixtureWidth).map { Float($0 * (1 - own)) }
        var sum = picture.pixels.map { Float(own) * Float($0) }
        for weight in weights {
            let depth = chainDepth > 0 ? chainDepth : generator.integer(1..<4)
            let chain = (0..<depth).reduce(picture) { picture, _ in
                let operation = generator.one(of: space.operations)
                return space.apply(operation, bin: generator.integer(0..<severity), of: 10, to: picture, interpolation, fill, generator)
            }
            for i in sum.indices { sum[i] += weight * Float(chain.pixels[i]) }
        }
        return Picture(width: picture.width, height: picture.height, channels: picture.channels, pixels: sum.map { UInt8(min($0, 255)) })
    }

    static let arguments = Signature(
        .int("severity", 3), .int("mixture_width", 3), .int("chain_depth", -1), .double("alpha", 1), .bool("all_ops", true),
        .choice("interpolation", Picture.Interpolation.bilinear), .optionalFill
    ).constructs {
        AugMix(severity: $0, mixtureWidth: $1, chainDepth: $2, alpha: $3, allOps: $4, interpolation: $5, fill: $6)
    }
}

/// Returns `bins` if it is at least 2; traps otherwise.
private func check(bins: Int, _ op: String) -> Int {
    if bins >= 2 { return bins }
    fail(op, "numMagnitudeBins is \(bins), it must be at least 2")
    return 2
}
