import ApusCore
import ApusFormats
import ApusNN

/// The bytes of a picture as float32 [C, H, W] from 0 to 1: `byte / 255`. PyTorch: `torchvision.transforms.ToTensor`, or `v2.ToImage` and
/// `v2.ToDtype(torch.float32, scale=True)`.
public struct ToTensor: DeclaredTransform, Hashable {
    /// The transform.
    public init() {}

    public func apply(_ picture: Picture, using generator: Generator) -> Tensor {
        do { return try picture.tensor().to(.float32) / 255 } catch { return fail("ToTensor", "\(error)") }
    }

    static let arguments = Signature().constructs { ToTensor() }
}

/// `(x − mean) / std`, channel by channel. PyTorch: `torchvision.transforms.v2.Normalize`.
public struct Normalize: TensorStep, Hashable {
    /// A number for each channel, or one for all.
    public let mean: [Double]
    /// A number for each channel, or one for all; none is 0.
    public let std: [Double]

    /// Traps where the two lists differ in length or a deviation is 0.
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
        func column(_ values: [Double]) -> Tensor { Tensor(values.map { Float($0) }, shape: [values.count, 1, 1]) }
        return (x - column(mean)) / column(std)
    }

    static let arguments = Signature(.doubles("mean").shown, .doubles("std").shown).constructs { Normalize(mean: $0, std: $1) }
}
