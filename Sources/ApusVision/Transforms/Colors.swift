import ApusCore
import ApusFormats
import ApusNN

/// Changes brightness, contrast, saturation and hue by random factors, in random order. PyTorch: `torchvision.transforms.v2.ColorJitter`.
public struct ColorJitter: PictureStep, Hashable {
    /// The range of brightness factors; nil for no change, and so for the others.
    public let brightness: ClosedRange<Double>?
    /// The range of contrast factors.
    public let contrast: ClosedRange<Double>?
    /// The range of saturation factors.
    public let saturation: ClosedRange<Double>?
    /// The range of hue shifts, in turns.
    public let hue: ClosedRange<Double>?

    /// Each argument is a range, or the largest deviation from 1 (for `hue`, from 0). Traps on negative factors, and on a `hue` outside
    /// −0.5 ... 0.5.
    public init(
        brightness: (any SpreadConvertible)? = nil, contrast: (any SpreadConvertible)? = nil, saturation: (any SpreadConvertible)? = nil,
        hue: (any SpreadConvertible)? = nil
    ) {
        func factors(_ given: (any SpreadConvertible)?, _ name: String) -> ClosedRange<Double>? {
            guard let given else { return nil }
            var range = given.spread(around: 1)
            if !(given is ClosedRange<Double>) { range = max(range.lowerBound, 0)...range.upperBound }
            if range.lowerBound < 0 { fail("ColorJitter", "\(name) is \(range), where no factor may be negative") }
            return range == 1...1 ? nil : range
        }
        self.brightness = factors(brightness, "brightness")
        self.contrast = factors(contrast, "contrast")
        self.saturation = factors(saturation, "saturation")
        let turns = hue?.spread(around: 0)
        if let turns, !(turns.lowerBound >= -0.5 && turns.upperBound <= 0.5) {
            fail("ColorJitter", "hue is \(turns), it must be from -0.5 to 0.5")
        }
        self.hue = turns == 0...0 ? nil : turns
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let changes: [(ClosedRange<Double>?, (Picture) -> (Double) -> Picture)] = [
            (brightness, Picture.adjustingBrightness), (contrast, Picture.adjustingContrast), (saturation, Picture.adjustingSaturation),
            (hue, Picture.adjustingHue),
        ]
        return generator.shuffled(changes).reduce(picture) { picture, change in
            change.0.map { change.1(picture)(generator.uniform($0)) } ?? picture
        }
    }

    static let arguments = Signature(
        .optionalSpread("brightness"), .optionalSpread("contrast"), .optionalSpread("saturation"), .optionalSpread("hue")
    ).constructs { ColorJitter(brightness: $0, contrast: $1, saturation: $2, hue: $3) }
}

/// Converts the picture to gray (luma), in 1 or 3 channels. PyTorch: `torchvision.transforms.v2.Grayscale`.
public struct Grayscale: PictureStep, Hashable {
    /// 1 or 3.
    public let numOutputChannels: Int

    /// Traps unless the number of channels is 1 or 3.
    public init(numOutputChannels: Int = 1) {
        if ![1, 3].contains(numOutputChannels) { fail("Grayscale", "\(numOutputChannels) channels, where 1 or 3 are wanted") }
        self.numOutputChannels = numOutputChannels
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture { picture.grayscale(channels: numOutputChannels) }

    static let arguments = Signature(.int("num_output_channels", 1)).constructs { Grayscale(numOutputChannels: $0) }
}

/// Blurs the picture by a Gaussian of random width. PyTorch: `torchvision.transforms.v2.GaussianBlur`.
public struct GaussianBlur: PictureStep, Hashable {
    /// Width and height of the kernel in pixels, or one number for both.
    public let kernelSize: Extents
    /// The range of the standard deviation, as ``ApusFormats/Picture/blurred(kernel:sigma:)`` defines it.
    public let sigma: ClosedRange<Double>

    /// `sigma` is a range to draw from. Traps unless the sizes are odd and the deviations positive.
    public init(kernelSize: some ExtentsConvertible, sigma: ClosedRange<Double> = 0.1...2) {
        self.kernelSize = check(kernelSize._extents, "GaussianBlur")
        if self.kernelSize.values.contains(where: { $0 % 2 == 0 }) {
            fail("GaussianBlur", "the kernel's size is \(self.kernelSize.values), it must be odd")
        }
        if sigma.lowerBound <= 0 { fail("GaussianBlur", "sigma is \(sigma), it must be positive") }
        self.sigma = sigma
    }

    /// Always uses the same standard deviation.
    public init(kernelSize: some ExtentsConvertible, sigma: Double) { self.init(kernelSize: kernelSize, sigma: sigma...sigma) }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let sigma = generator.uniform(sigma)
        return picture.blurred(kernel: (kernelSize.values[0], kernelSize.values.last!), sigma: (sigma, sigma))
    }

    static let arguments = Signature(.extents("kernel_size"), .sigma).constructs { GaussianBlur(kernelSize: $0._extents, sigma: $1) }
}
