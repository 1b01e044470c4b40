import ApusCore

/// The base class of FractionalMaxPool2d and FractionalMaxPool3d: the largest element of each randomly placed window.
/// See `F.fractionalMaxPool2d`. The base class itself pools over as many spatial dimensions as `kernelSize` has numbers, 2 or 3.
open class FractionalMaxPool: Module {
    /// The window's extents, one for each spatial dimension; likewise `outputSize` and `outputRatio`.
    public final let kernelSize: [Int]
    /// The extents of the output; nil where `outputRatio` sets them.
    public final let outputSize: [Int]?
    /// The extents of the output as fractions of the input's; nil where `outputSize` sets them.
    public final let outputRatio: [Double]?
    /// Whether a call by PyTorch's names returns the indices too; in Swift call `withIndices(_:)`.
    public final let returnIndices: Bool
    /// Numbers in [0, 1) that place the windows, [N, C, dimensions]; nil draws new ones in each call.
    @Named("_random_samples") public private(set) final var randomSamples: Buffer? = nil

    /// The number of spatial dimensions.
    public final let spatial: Int
    /// The number of spatial dimensions of the class; nil for this one, where `kernelSize` tells it.
    class var dimensions: Int? { nil }

    /// Exactly one of `outputSize` and `outputRatio` (between 0 and 1; one number, or one for each dimension) sets the number of windows.
    public init(
        _ kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        returnIndices: Bool = false, randomSamples: Tensor? = nil
    ) {
        let spatial = spatialDimensions(
            of: Self.self, Self.dimensions, told: kernelSize._extents.values.count, "kernelSize", possible: 2...3)
        self.spatial = spatial
        var (kernel, size, ratio) = ([Int](), [Int]?.none, [Double]?.none)
        do throws(OpError) {
            kernel = try kernelSize._extents.spread(spatial, "kernelSize")
            for k in kernel where k < 1 { throw OpError("kernelSize must be positive, it is \(kernel)") }
            guard (outputSize == nil) != (outputRatio == nil) else { throw OpError("needs one of outputSize and outputRatio") }
            if let outputSize { size = try outputSize._extents.spread(spatial, "outputSize") }
            if let outputRatio { ratio = try F.spreadRatio(outputRatio, spatial) }
        } catch {
            fail(error, op: "\(Self.self)")
        }
        self.kernelSize = kernel
        self.outputSize = size
        self.outputRatio = ratio
        self.returnIndices = returnIndices
        self.randomSamples = randomSamples.map { Buffer($0) }
        super.init()
    }

    open override func forward(_ x: Tensor) -> Tensor { pool(x).values }

    /// The maxima and their indices in the input's flattened plane (int64), as `MaxUnpool2d` takes them. PyTorch: `return_indices=True`.
    public final func withIndices(_ x: Tensor) -> (values: Tensor, indices: Tensor) {
        call(x) { pool($0) }
    }

    private func pool(_ x: Tensor) -> (values: Tensor, indices: Tensor) {
        F.fractionalMaxPool("fractionalMaxPool\(spatial)d", spatial, x, kernelSize, outputSize, outputRatio, randomSamples)
    }

    static let signature = Signature(
        .extents("kernel_size"), .optionalExtents("output_size"), .optionalDoubles("output_ratio"), .bool("return_indices", false),
        .optionalTensor("_random_samples"))
    static let inputs = Signature(.tensor("input")).calls { (module: FractionalMaxPool, x) -> Argument in
        guard module.returnIndices else { return .tensor(module(x)) }
        let (values, indices) = module.withIndices(x)
        return .answers(values, indices)
    }
}

/// Fractional max pooling over images [N, C, H, W] or [C, H, W]. PyTorch: `nn.FractionalMaxPool2d`.
public final class FractionalMaxPool2d: FractionalMaxPool, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(FractionalMaxPool2d.init(_:outputSize:outputRatio:returnIndices:randomSamples:))
}
/// Fractional max pooling over volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.FractionalMaxPool3d`.
public final class FractionalMaxPool3d: FractionalMaxPool, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(FractionalMaxPool3d.init(_:outputSize:outputRatio:returnIndices:randomSamples:))
}
