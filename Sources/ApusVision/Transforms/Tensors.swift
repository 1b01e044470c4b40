import ApusCore
import ApusFormats
import ApusNN
import CKernels

/// Converts a picture to float32 [C, H, W] from 0 to 1: `byte / 255`. PyTorch: `torchvision.transforms.ToTensor`, or `v2.ToImage` and
/// `v2.ToDtype(torch.float32, scale=True)`.
public struct ToTensor: DeclaredTransform, Hashable {
    /// The transform.
    public init() {}

    public func apply(_ picture: Picture, using generator: Generator) -> Tensor {
        do {
            return try tensor([picture.channels, picture.height, picture.width], .float32) { bytes in
                let planes = bytes.bindMemory(to: Float.self)
                apus_picture_planes(planes.baseAddress!, picture.pixels, Int64(picture.width * picture.height), Int32(picture.channels))
            }
        } catch {
            return fail("ToTensor", "\(error)")
        }
    }

    static let arguments = Signature().constructs { ToTensor() }
}

/// `(x − mean) / std`, channel by channel. PyTorch: `torchvision.transforms.v2.Normalize`.
public struct Normalize: TensorStep, Hashable {
    /// One number per channel, or one for all channels.
    public let mean: [Double]
    /// One number per channel, or one for all channels; none may be 0.
    public let std: [Double]

    /// Traps if the two lists differ in length or a deviation is 0.
    public init(mean: [Double], std: [Double]) {
        if mean.isEmpty || mean.count != std.count { fail("Normalize", "mean has \(mean.count) numbers, std \(std.count)") }
        if std.contains(0) { fail("Normalize", "std has a 0, by which nothing can be divided") }
        (self.mean, self.std) = (mean, std)
    }

    public func apply(_ x: Tensor, using generator: Generator) -> Tensor {
        guard x.ndim >= 3, mean.count == 1 || x.size(-3) == mean.count else {
            return fail(
                "Normalize", "\(mean.count) means for a tensor of shape \(x.shape), whose channels are the third dimension from the end")
        }
        return (x - column(mean)) / column(std)
    }

    /// The inverse, `x · std + mean`.
    package func undone(_ x: Tensor) -> Tensor { x * column(std).to(x.device) + column(mean).to(x.device) }

    private func column(_ values: [Double]) -> Tensor { Tensor(values.map { Float($0) }, shape: [values.count, 1, 1]) }

    static let arguments = Signature(.doubles("mean"), .doubles("std")).constructs { Normalize(mean: $0, std: $1) }
}

/// Replaces a rectangle of the picture with probability `p`. PyTorch: `torchvision.transforms.v2.RandomErasing`.
///
/// Its share of the area is uniform in ``scale``; the logarithm of height / width is uniform in that of ``ratio``. If ten draws do not fit
/// into the picture, nothing is erased. Zhong et al., [Random Erasing](https://arxiv.org/abs/1708.04896), 2017.
public struct RandomErasing: TensorStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double
    /// The range of the rectangle's share of the picture's area.
    public let scale: ClosedRange<Double>
    /// The range of the rectangle's height / width.
    public let ratio: ClosedRange<Double>
    /// One number per channel, or one for all channels; nil for samples of the standard normal distribution.
    public let value: [Double]?

    /// Traps unless `p` and `scale` are from 0 to 1 and `ratio` is positive. ``apply(_:using:)`` traps if `value` has neither one number
    /// nor one per channel.
    public init(
        p: Double = 0.5, scale: ClosedRange<Double> = 0.02...0.33, ratio: ClosedRange<Double> = 0.3...3.3, value: [Double]? = [0]
    ) {
        if !(scale.lowerBound >= 0 && scale.upperBound <= 1) { fail("RandomErasing", "the scale is \(scale), it must be from 0 to 1") }
        if ratio.lowerBound <= 0 { fail("RandomErasing", "the ratio is \(ratio), it must be positive") }
        if value?.isEmpty == true { fail("RandomErasing", "value has no number") }
        (self.p, self.scale, self.ratio, self.value) = (probability(p, "RandomErasing"), scale, ratio, value)
    }

    public func apply(_ x: Tensor, using generator: Generator) -> Tensor {
        guard x.ndim == 3, x.dtype.isFloatingPoint, value.map({ $0.count == 1 || $0.count == x.size(0) }) ?? true else {
            return fail(
                "RandomErasing",
                "a \(x.dtype) tensor of shape \(x.shape), where floating-point [C, H, W] is wanted, and \(value?.count ?? 1) values for its channels"
            )
        }
        guard generator.happens(p), let part = part(height: x.size(1), width: x.size(2), generator) else { return x }
        let erased = x.clone()
        let (rows, columns) = (part.top..<part.top + part.height, part.left..<part.left + part.width)
        erased[0..., rows, columns] =
            if let value {
                Tensor(value.map { Float($0) }, shape: [value.count, 1, 1]).to(x.dtype).expand(x.size(0), part.height, part.width)
            } else {
                Tensor.randn(x.size(0), part.height, part.width, dtype: x.dtype, generator: generator)
            }
        return erased
    }

    /// The rectangle to erase in a picture of that size; nil for none.
    func part(height: Int, width: Int, _ generator: Generator) -> (top: Int, left: Int, height: Int, width: Int)? {
        for _ in 0..<10 {
            // Here the ratio is height / width.
            let (w, h) = drawnSides(area: height * width, scale, ratio, generator)
            if h >= height || w >= width { continue }
            return (generator.integer(0..<height - h + 1), generator.integer(0..<width - w + 1), h, w)
        }
        return nil
    }

    static let arguments = Signature(
        .double("p", 0.5), .interval("scale", 0.02...0.33), .interval("ratio", 0.3...3.3), .erasingValue
    ).constructs { RandomErasing(p: $0, scale: $1, ratio: $2, value: $3) }
}
