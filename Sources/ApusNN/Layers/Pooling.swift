import ApusCore

/// The base class of MaxPool1d, MaxPool2d and MaxPool3d: the largest element of each window of each channel.
///
/// out = ⌊(in + 2·padding − dilation·(kernelSize − 1) − 1)/stride⌋ + 1 in each dimension, rounded up with `ceilMode`, but without a window
/// that would begin in the padding after the input. The base class itself pools over as many spatial dimensions as `kernelSize` has
/// numbers.
open class MaxPool: Module {
    /// The size of the window.
    public final let kernelSize: Extents
    /// Steps between windows.
    public final let stride: Extents
    /// The padding on each side, per dimension.
    public final let padding: Extents
    /// Steps between the elements of a window.
    public final let dilation: Extents
    /// Whether a call by PyTorch's names returns the indices too; in Swift call `withIndices(_:)`.
    public final let returnIndices: Bool
    /// Whether the last window may reach beyond the end.
    public final let ceilMode: Bool

    /// The number of spatial dimensions.
    public final let spatial: Int
    /// The number of spatial dimensions of the class; nil for this one, where `kernelSize` tells it.
    class var dimensions: Int? { nil }

    /// Windows of `kernelSize` at distance `stride` (by default `kernelSize`), after padding with −∞ by at most half of what a window
    /// spans. A call returns the values alone, even with `returnIndices`; ``withIndices(_:)`` returns both.
    public init(
        _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, returnIndices: Bool = false, ceilMode: Bool = false
    ) {
        spatial = spatialDimensions(of: Self.self, Self.dimensions, told: kernelSize._extents.values.count, "kernelSize")
        self.kernelSize = kernelSize._extents
        self.stride = stride?._extents ?? kernelSize._extents
        self.padding = padding._extents
        self.dilation = dilation._extents
        self.returnIndices = returnIndices
        self.ceilMode = ceilMode
        super.init()
    }

    open override func forward(_ x: Tensor) -> Tensor { pool(x).values }

    /// The maxima and their indices in the input's flattened plane (int64), as `MaxUnpool1d` to `MaxUnpool3d` take them.
    /// PyTorch: `return_indices=True`.
    public final func withIndices(_ x: Tensor) -> (values: Tensor, indices: Tensor) {
        call(x) { pool($0) }
    }

    private func pool(_ x: Tensor) -> (values: Tensor, indices: Tensor) {
        F.maxPool("maxPool\(spatial)d", spatial, x, kernelSize, stride, padding, dilation, ceilMode)
    }

    open override var extraRepr: String { shown(MaxPool.signature.declared) }

    static let signature = Signature(
        .extents("kernel_size").shown, .optionalExtents("stride").shown, .extents("padding", 0).shown, .extents("dilation", 1).shown,
        .bool("return_indices", false), .bool("ceil_mode", false).shown)
    static let inputs = Signature(.tensor("input")).calls { (module: MaxPool, x) -> Argument in
        guard module.returnIndices else { return .tensor(module(x)) }
        let (values, indices) = module.withIndices(x)
        return .answers(values, indices)
    }
}

/// Max pooling over [N, C, L] or [C, L]. PyTorch: `nn.MaxPool1d`.
public final class MaxPool1d: MaxPool, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(MaxPool1d.init(_:stride:padding:dilation:returnIndices:ceilMode:))
}
/// Max pooling over images [N, C, H, W] or [C, H, W]. PyTorch: `nn.MaxPool2d`.
public final class MaxPool2d: MaxPool, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(MaxPool2d.init(_:stride:padding:dilation:returnIndices:ceilMode:))
}
/// Max pooling over volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.MaxPool3d`.
public final class MaxPool3d: MaxPool, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(MaxPool3d.init(_:stride:padding:dilation:returnIndices:ceilMode:))
}

/// The base class of MaxUnpool1d, MaxUnpool2d and MaxUnpool3d, partial inverses of max pooling: values return to their indices among
/// zeros. The base class itself has as many spatial dimensions as `kernelSize` has numbers.
open class MaxUnpool: Module {
    /// The size of the window.
    public final let kernelSize: Extents
    /// Steps between windows.
    public final let stride: Extents
    /// The padding on each side, per dimension.
    public final let padding: Extents

    /// The number of spatial dimensions.
    public final let spatial: Int
    /// The number of spatial dimensions of the class; nil for this one, where `kernelSize` tells it.
    class var dimensions: Int? { nil }

    /// With the arguments of the pool to invert.
    public init(_ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0) {
        let spatial = spatialDimensions(of: Self.self, Self.dimensions, told: kernelSize._extents.values.count, "kernelSize")
        self.spatial = spatial
        // PyTorch stores and prints these as tuples.
        func tuple(_ extents: any ExtentsConvertible, _ name: String) -> Extents {
            do throws(OpError) { return Extents(try extents._extents.spread(spatial, name)) } catch {
                fail(error, op: "\(Self.self)")
                return Extents([1])
            }
        }
        self.kernelSize = tuple(kernelSize, "kernelSize")
        self.stride = tuple(stride ?? kernelSize, "stride")
        self.padding = tuple(padding, "padding")
        super.init()
    }

    /// `indices` are those of the pool's `withIndices`; `outputSize` is needed where the pooled input did not have the default extents
    /// (out − 1)·stride − 2·padding + kernelSize.
    @discardableResult public final func callAsFunction(_ x: Tensor, _ indices: Tensor, outputSize: (any Collection<Int>)? = nil) -> Tensor
    {
        let outputSize = outputSize.map { Array($0) }
        return call(x, indices) { F.maxUnpool("maxUnpool\(spatial)d", spatial, $0, $1, kernelSize, stride, padding, outputSize) }
    }

    @available(*, unavailable, message: "MaxUnpool takes the values and their indices: unpool(values, indices)")
    open override func callAsFunction(_ x: Tensor) -> Tensor { super.callAsFunction(x) }

    open override var extraRepr: String { shown(MaxUnpool.signature.declared) }

    static let signature = Signature(.extents("kernel_size").shown, .optionalExtents("stride").shown, .extents("padding", 0).shown)
    static let inputs = Signature(.tensor("input"), .tensor("indices"), .optionalInts("output_size"))
        .calls { (module: MaxUnpool, x, indices, size: [Int]?) in module(x, indices, outputSize: size) }
}

/// A partial inverse of `MaxPool1d`. PyTorch: `nn.MaxUnpool1d`.
public final class MaxUnpool1d: MaxUnpool, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(MaxUnpool1d.init(_:stride:padding:))
}
/// A partial inverse of `MaxPool2d`. PyTorch: `nn.MaxUnpool2d`.
public final class MaxUnpool2d: MaxUnpool, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(MaxUnpool2d.init(_:stride:padding:))
}
/// A partial inverse of `MaxPool3d`. PyTorch: `nn.MaxUnpool3d`.
public final class MaxUnpool3d: MaxUnpool, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(MaxUnpool3d.init(_:stride:padding:))
}

/// The base class of AvgPool1d, AvgPool2d and AvgPool3d: the mean of each window of each channel. The base class itself pools over as many
/// spatial dimensions as `kernelSize` has numbers.
open class AvgPool: Module {
    /// The size of the window.
    public final let kernelSize: Extents
    /// Steps between windows.
    public final let stride: Extents
    /// The padding on each side, per dimension.
    public final let padding: Extents
    /// Whether the last window may reach beyond the end.
    public final let ceilMode: Bool
    /// Whether the zeros of the padding count as elements.
    public final let countIncludePad: Bool
    /// The divisor of the sums; nil divides by the number of elements.
    public final let divisorOverride: Int?

    /// The number of spatial dimensions.
    public final let spatial: Int
    /// The number of spatial dimensions of the class; nil for this one, where `kernelSize` tells it.
    class var dimensions: Int? { nil }

    /// `countIncludePad` counts the zeros of the padding as elements; `divisorOverride` replaces the count as divisor.
    public init(
        _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true, divisorOverride: Int? = nil
    ) {
        spatial = spatialDimensions(of: Self.self, Self.dimensions, told: kernelSize._extents.values.count, "kernelSize")
        self.kernelSize = kernelSize._extents
        self.stride = stride?._extents ?? kernelSize._extents
        self.padding = padding._extents
        self.ceilMode = ceilMode
        self.countIncludePad = countIncludePad
        self.divisorOverride = divisorOverride
        super.init()
    }

    open override func forward(_ x: Tensor) -> Tensor {
        F.averagePool("avgPool\(spatial)d", spatial, x, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride)
    }

    open override var extraRepr: String { shown(AvgPool.signature.declared) }

    static let signature = Signature(
        .extents("kernel_size").shown, .optionalExtents("stride").shown, .extents("padding", 0).shown, .bool("ceil_mode", false),
        .bool("count_include_pad", true), .optionalInt("divisor_override"))
}

/// Average pooling over [N, C, L] or [C, L]. PyTorch: `nn.AvgPool1d`.
public final class AvgPool1d: AvgPool, DeclaredModule {
    override class var dimensions: Int? { 1 }

    /// `countIncludePad` counts the zeros of the padding as elements.
    public init(
        _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true
    ) {
        // PyTorch prints the sizes of this class as tuples, unlike those of the other one-dimensional pools.
        super.init(
            Extents(kernelSize._extents.values), stride: Extents((stride ?? kernelSize)._extents.values),
            padding: Extents(padding._extents.values),
            ceilMode: ceilMode, countIncludePad: countIncludePad, divisorOverride: nil)
    }

    static let arguments = Signature(
        .extents("kernel_size"), .optionalExtents("stride"), .extents("padding", 0), .bool("ceil_mode", false),
        .bool("count_include_pad", true)
    ).makes(AvgPool1d.init(_:stride:padding:ceilMode:countIncludePad:))
}
/// Average pooling over images [N, C, H, W] or [C, H, W]. PyTorch: `nn.AvgPool2d`.
public final class AvgPool2d: AvgPool, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(AvgPool2d.init(_:stride:padding:ceilMode:countIncludePad:divisorOverride:))
}
/// Average pooling over volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.AvgPool3d`.
public final class AvgPool3d: AvgPool, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(AvgPool3d.init(_:stride:padding:ceilMode:countIncludePad:divisorOverride:))
}

/// The base class of the adaptive pools: divides each channel into `outputSize` parts; part o of n covers ⌊o·in/n⌋ ..< ⌈(o + 1)·in/n⌉.
/// Classes without a number in their names have as many spatial dimensions as `outputSize` has numbers.
open class AdaptivePool: Module {
    /// The extents of the output.
    public final let outputSize: OutputExtents

    /// The number of spatial dimensions.
    public final let spatial: Int
    /// The number of spatial dimensions of the class; nil for this one, where `outputSize` tells it.
    class var dimensions: Int? { nil }

    init(_ outputSize: any OutputExtentsConvertible, _: Void) {
        self.outputSize = outputSize._outputExtents
        spatial = spatialDimensions(of: Self.self, Self.dimensions, told: self.outputSize.values.count, "outputSize")
        super.init()
    }

    open override var extraRepr: String { shown(AdaptiveAvgPool.signature.declared) }
}

/// The base class of AdaptiveAvgPool1d, AdaptiveAvgPool2d and AdaptiveAvgPool3d: the mean of each part.
open class AdaptiveAvgPool: AdaptivePool {
    /// `7`, `[7, 5]`, or `[7, nil]` where nil keeps the input's extent.
    public init(_ outputSize: any OutputExtentsConvertible) { super.init(outputSize, ()) }
    open override func forward(_ x: Tensor) -> Tensor {
        F.adaptiveAveragePool("adaptiveAvgPool\(spatial)d", spatial, x, outputSize)
    }

    static let signature = Signature(.outputExtents("output_size").shown)
}

/// The mean of each part of [N, C, L] or [C, L]. PyTorch: `nn.AdaptiveAvgPool1d`.
public final class AdaptiveAvgPool1d: AdaptiveAvgPool, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(AdaptiveAvgPool1d.init)
}
/// The mean of each part of images [N, C, H, W] or [C, H, W]. PyTorch: `nn.AdaptiveAvgPool2d`.
public final class AdaptiveAvgPool2d: AdaptiveAvgPool, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(AdaptiveAvgPool2d.init)
}
/// The mean of each part of volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.AdaptiveAvgPool3d`.
public final class AdaptiveAvgPool3d: AdaptiveAvgPool, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(AdaptiveAvgPool3d.init)
}

/// The base class of AdaptiveMaxPool1d, AdaptiveMaxPool2d and AdaptiveMaxPool3d: the largest element of each part.
open class AdaptiveMaxPool: AdaptivePool {
    /// Whether a call by PyTorch's names returns the indices too; in Swift call `withIndices(_:)`.
    public final let returnIndices: Bool

    /// `7`, `[7, 5]`, or `[7, nil]` where nil keeps the input's extent. A call returns the values alone; ``withIndices(_:)`` returns both.
    public init(_ outputSize: any OutputExtentsConvertible, returnIndices: Bool = false) {
        self.returnIndices = returnIndices
        super.init(outputSize, ())
    }

    open override func forward(_ x: Tensor) -> Tensor { pool(x).values }

    /// The maxima and their indices in the input's flattened plane, int64. PyTorch: `return_indices=True`.
    public final func withIndices(_ x: Tensor) -> (values: Tensor, indices: Tensor) {
        call(x) { pool($0) }
    }

    private func pool(_ x: Tensor) -> (values: Tensor, indices: Tensor) {
        F.adaptiveMaxPool("adaptiveMaxPool\(spatial)d", spatial, x, outputSize)
    }

    static let signature = Signature(.outputExtents("output_size").shown, .bool("return_indices", false))
    static let inputs = Signature(.tensor("input")).calls { (module: AdaptiveMaxPool, x) -> Argument in
        guard module.returnIndices else { return .tensor(module(x)) }
        let (values, indices) = module.withIndices(x)
        return .answers(values, indices)
    }
}

/// The largest element of each part of [N, C, L] or [C, L]. PyTorch: `nn.AdaptiveMaxPool1d`.
public final class AdaptiveMaxPool1d: AdaptiveMaxPool, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(AdaptiveMaxPool1d.init)
}
/// The largest element of each part of images [N, C, H, W] or [C, H, W]. PyTorch: `nn.AdaptiveMaxPool2d`.
public final class AdaptiveMaxPool2d: AdaptiveMaxPool, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(AdaptiveMaxPool2d.init)
}
/// The largest element of each part of volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.AdaptiveMaxPool3d`.
public final class AdaptiveMaxPool3d: AdaptiveMaxPool, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(AdaptiveMaxPool3d.init)
}

/// The base class of LPPool1d, LPPool2d and LPPool3d: (Σ xᵖ)^(1/p) over each window, of x and not |x|; see `F.lpPool1d`. The base class
/// itself pools over as many spatial dimensions as `kernelSize` has numbers.
open class LPPool: Module {
    /// p in the formula.
    public final let normType: Scalar
    /// The size of the window.
    public final let kernelSize: Extents
    /// Steps between windows; nil for `kernelSize`.
    public final let stride: Extents?
    /// Whether the last window may reach beyond the end.
    public final let ceilMode: Bool

    /// The number of spatial dimensions.
    public final let spatial: Int
    /// The number of spatial dimensions of the class; nil for this one, where `kernelSize` tells it.
    class var dimensions: Int? { nil }

    /// `normType` is p; a call traps where it is 0.
    public init(
        _ normType: some ScalarConvertible, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        ceilMode: Bool = false
    ) {
        self.normType = normType._scalar
        spatial = spatialDimensions(of: Self.self, Self.dimensions, told: kernelSize._extents.values.count, "kernelSize")
        self.kernelSize = kernelSize._extents
        self.stride = stride?._extents
        self.ceilMode = ceilMode
        super.init()
    }

    open override func forward(_ x: Tensor) -> Tensor {
        F.lpPool("lpPool\(spatial)d", spatial, x, normType.doubleValue, kernelSize, stride, ceilMode)
    }

    open override var extraRepr: String { shown(LPPool.signature.declared) }

    static let signature = Signature(
        .number("norm_type").shown, .extents("kernel_size").shown, .optionalExtents("stride").shown, .bool("ceil_mode", false).shown
    )
}

/// (Σ xᵖ)^(1/p) over each window of [N, C, L] or [C, L]. PyTorch: `nn.LPPool1d`.
public final class LPPool1d: LPPool, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(LPPool1d.init(_:_:stride:ceilMode:))
}
/// (Σ xᵖ)^(1/p) over each window of images [N, C, H, W] or [C, H, W]. PyTorch: `nn.LPPool2d`.
public final class LPPool2d: LPPool, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(LPPool2d.init(_:_:stride:ceilMode:))
}
/// (Σ xᵖ)^(1/p) over each window of volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.LPPool3d`.
public final class LPPool3d: LPPool, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(LPPool3d.init(_:_:stride:ceilMode:))
}

extension Scalar: PythonRepresentable {
    package var pythonRepr: String {
        switch self {
        case .bool(let b): b.pythonRepr
        case .int(let i): i.description
        case .double(let d): d.pythonRepr
        }
    }
}
