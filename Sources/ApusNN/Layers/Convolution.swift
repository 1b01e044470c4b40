import ApusCore

/// The base class of Conv1d to Conv3d and ConvTranspose1d to ConvTranspose3d: the sizes, a weight and a bias. PyTorch: `_ConvNd`.
///
/// Weight and bias start uniformly distributed in ±1/√(fan in), with fan in = weight.shape[1] · taps of the kernel, as in PyTorch.
open class ConvolutionLayer: Module {
    /// Channels of the input; 0 for a lazy layer before its first input.
    public final private(set) var inChannels: Int
    /// Channels of the output.
    public final let outChannels: Int
    /// The kernel's extents, one for each spatial dimension; likewise `stride` and `dilation`.
    public final let kernelSize: [Int]
    /// Steps between windows.
    public final let stride: [Int]
    /// The padding on each side, per dimension.
    public final let padding: ConvolutionPadding
    /// Steps between the elements of a window.
    public final let dilation: [Int]
    /// The number of elements added to one side of the output, per dimension; used by transposed convolutions.
    public final let outputPadding: [Int]
    /// The number of groups of channels that are computed separately.
    public final let groups: Int
    /// The values beyond the edges of the input.
    public final let paddingMode: PaddingMode
    /// [outChannels, inChannels/groups, *kernel]; [inChannels, outChannels/groups, *kernel] for a transposed convolution.
    @exclusivity(unchecked) public final var weight: Parameter {
        didSet { weight = assigned("weight", weight, for: oldValue) }
    }
    /// [outChannels]; nil without a bias.
    @exclusivity(unchecked) public final var bias: Parameter? {
        didSet { bias = assigned("bias", bias, for: oldValue, shape: [outChannels]) }
    }
    /// Whether weight and bias are still empty, because the number of channels comes from the first input.
    public final private(set) var isLazy: Bool

    /// The number of spatial dimensions.
    public final let spatial: Int
    /// The number of spatial dimensions of the class; nil for this one, where `kernelSize` tells it.
    class var dimensions: Int? { nil }
    class var isTransposed: Bool { false }

    /// `inChannels` nil makes it lazy.
    init(
        _ inChannels: Int?, _ outChannels: Int, kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible,
        padding: ConvolutionPadding,
        outputPadding: any ExtentsConvertible, dilation: any ExtentsConvertible, groups: Int, bias: Bool, paddingMode: PaddingMode,
        device: Device, dtype: DType
    ) {
        let spatial = spatialDimensions(of: Self.self, Self.dimensions, told: kernelSize._extents.values.count, "kernelSize")
        self.spatial = spatial
        var made: Made?
        do throws(OpError) {
            made = try Made(
                inChannels, outChannels, kernelSize, stride, padding, outputPadding, dilation, groups, bias: bias, paddingMode, device,
                dtype, spatial: spatial,
                isTransposed: Self.isTransposed)
        } catch {
            fail(error, op: "\(Self.self)")
        }
        self.inChannels = inChannels ?? 0
        self.outChannels = outChannels
        self.kernelSize = made?.kernelSize ?? []
        self.stride = made?.stride ?? []
        self.padding = padding
        self.dilation = made?.dilation ?? []
        self.outputPadding = made?.outputPadding ?? []
        self.groups = groups
        self.paddingMode = paddingMode
        weight = Parameter(made?.weight ?? Tensor.poisoned)
        self.bias = made?.bias.map { Parameter($0) }
        isLazy = inChannels == nil && made != nil
        super.init()
        if !isLazy { resetParameters() }
    }

    /// What the initialiser derives from its arguments, after checking them.
    private struct Made {
        var (kernelSize, stride, dilation, outputPadding) = ([Int](), [Int](), [Int](), [Int]())
        var weight: Tensor
        var bias: Tensor?

        init(
            _ inChannels: Int?, _ outChannels: Int, _ kernelSize: any ExtentsConvertible, _ stride: any ExtentsConvertible,
            _ padding: ConvolutionPadding,
            _ outputPadding: any ExtentsConvertible, _ dilation: any ExtentsConvertible, _ groups: Int, bias: Bool,
            _ paddingMode: PaddingMode, _ device: Device,
            _ dtype: DType, spatial: Int, isTransposed: Bool
        ) throws(OpError) {
            func sizes(_ extents: any ExtentsConvertible, _ name: String, from least: Int) throws(OpError) -> [Int] {
                let values = try extents._extents.spread(spatial, name)
                for value in values where value < least || value > Int(Int32.max) {
                    throw OpError("\(name) \(values) must lie in \(least) ... \(Int32.max) in each dimension")
                }
                return values
            }
            func channels(_ count: Int, _ name: String) throws(OpError) {
                guard count > 0, count <= Int(Int32.max), count % groups == 0 else {
                    throw OpError("\(name) must be positive and divisible by groups (\(groups)), it is \(count)")
                }
            }
            guard groups > 0 else { throw OpError("groups must be positive, it is \(groups)") }
            try channels(outChannels, "outChannels")
            if let inChannels { try channels(inChannels, "inChannels") }
            guard dtype.isFloatingPoint else { throw OpError("dtype must be a floating-point type, it is \(dtype)") }
            guard !isTransposed || paddingMode == .zeros else {
                throw OpError("a transposed convolution has only paddingMode zeros, not \(paddingMode)")
            }
            self.kernelSize = try sizes(kernelSize, "kernelSize", from: 1)
            self.stride = try sizes(stride, "stride", from: 1)
            self.dilation = try sizes(dilation, "dilation", from: 1)
            self.outputPadding = try sizes(outputPadding, "outputPadding", from: 0)
            if case .extents(let extents) = padding.kind { _ = try sizes(extents, "padding", from: 0) }
            _ = try padding.amounts(kernel: self.kernelSize, dilation: self.dilation, stride: self.stride)
            var shape: Shape = [0]
            if let inChannels {
                shape = Shape((isTransposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups]) + self.kernelSize)
            }
            weight = try Tensor.uninitialized(shape, dtype, device)
            if bias { self.bias = try Tensor.uninitialized([inChannels == nil ? 0 : outChannels], dtype, device) }
        }
    }

    /// Draws weight and bias again. PyTorch: `reset_parameters()`.
    public final func resetParameters() {
        if weight.isPoisoned || isLazy { return }
        Init.kaimingUniform_(weight, a: 5.0.squareRoot())
        guard let bias else { return }
        let bound = 1 / Double(weight.shape.dropFirst().reduce(1, *)).squareRoot()
        Init.uniform_(bias, a: -bound, b: bound)
    }

    /// Allocates the weight and bias of a lazy layer for the channels of `input`.
    final func materialize(for input: Tensor) {
        guard isLazy, !input.isPoisoned else { return }
        let n = spatial
        guard input.ndim == n + 1 || input.ndim == n + 2 else {
            fail(typeName, "input of shape \(input.shape) has \(input.ndim) dimensions; \(n + 1) or \(n + 2) are needed")
            return
        }
        let channels = input.shape[input.ndim - n - 1]
        guard channels > 0, channels % groups == 0 else {
            fail(typeName, "input of shape \(input.shape) has \(channels) channels, which groups (\(groups)) does not divide")
            return
        }
        materialize(channels: channels)
    }

    final func materialize(channels: Int) {
        noGrad {
            weight.setData(Tensor.empty(weightShape(channels), dtype: weight.dtype, device: weight.device))
            bias?.setData(Tensor.empty([outChannels], dtype: weight.dtype, device: weight.device))
        }
        inChannels = channels
        isLazy = false
        withoutNotingDraws { resetParameters() }
    }

    private final func weightShape(_ channels: Int) -> Shape {
        Shape((Self.isTransposed ? [channels, outChannels / groups] : [outChannels, channels / groups]) + kernelSize)
    }

    /// The padding before and after each dimension, last dimension first, as `F.pad` takes it.
    private var padAmounts: [Int] {
        guard let amounts = try? padding.amounts(kernel: kernelSize, dilation: dilation, stride: stride) else { return [] }
        return amounts.reversed().flatMap { [$0.before, $0.after] }
    }

    open override func forward(_ x: Tensor) -> Tensor {
        if isLazy { materialize(for: x) }
        if weight.isPoisoned || isLazy { return Tensor.poisoned }
        let n = spatial
        if Self.isTransposed {
            guard case .extents(let padding) = padding.kind else { return Tensor.poisoned }
            return F.convolutionTranspose(n, x, weight, bias, stride, padding, outputPadding, groups, dilation)
        }
        if paddingMode != .zeros {
            return F.convolution(
                n, F.pad(x, padAmounts, mode: paddingMode.padMode), weight, bias, stride, ConvolutionPadding(0), dilation, groups)
        }
        return F.convolution(n, x, weight, bias, stride, padding, dilation, groups)
    }

    // PyTorch prints the arguments of all convolutions in one order, which is not that of their signatures.
    open override var extraRepr: String {
        let ones = Array(repeating: 1, count: kernelSize.count)
        let zeros = Array(repeating: 0, count: kernelSize.count)
        var shownPadding: String?
        switch padding.kind {
        case .same: shownPadding = "padding=same"
        case .valid: shownPadding = "padding=valid"
        case .extents(let extents):
            let values = (try? extents.spread(kernelSize.count, "padding")) ?? []
            shownPadding = values == zeros ? nil : "padding=\(repr(values))"
        }
        return reprList(
            "\(inChannels), \(outChannels), kernel_size=\(repr(kernelSize)), stride=\(repr(stride))", shownPadding,
            dilation == ones ? nil : "dilation=\(repr(dilation))",
            outputPadding == zeros ? nil : "output_padding=\(repr(outputPadding))", groups == 1 ? nil : "groups=\(groups)",
            bias == nil ? "bias=False" : nil,
            paddingMode == .zeros ? nil : "padding_mode=\(paddingMode.rawValue)")
    }
}

/// The base class of Conv1d, Conv2d and Conv3d: cross-correlation with learned weights, y[o] = bias[o] + Σ_c weight[o, c] ⋆ x[c].
/// The base class itself has as many spatial dimensions as `kernelSize` has numbers.
open class Convolution: ConvolutionLayer {
    /// - Parameters:
    ///   - kernelSize: the kernel's extents, `3` or `[3, 5]`; `stride` and `dilation` likewise.
    ///   - padding: elements added on both sides (`1`, `[1, 2]`), or `.same`, which keeps extents and needs stride 1, or `.valid`, none.
    ///   - groups: splits the channels into groups that are computed separately; it divides both numbers of channels.
    ///   - paddingMode: the values of the padding: zeros, or the input reflected, replicated or wrapped around.
    ///
    /// Traps where an argument is out of range.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1,
        padding: any ExtentsConvertible = 0, dilation: any ExtentsConvertible = 1, groups: Int = 1, bias: Bool = true,
        paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: ConvolutionPadding(padding), outputPadding: 0,
            dilation: dilation,
            groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The same with the label `kernelSize`.
    public init(
        _ inChannels: Int, _ outChannels: Int, kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1,
        padding: any ExtentsConvertible = 0, dilation: any ExtentsConvertible = 1, groups: Int = 1, bias: Bool = true,
        paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: ConvolutionPadding(padding), outputPadding: 0,
            dilation: dilation,
            groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The same with padding by name: `.same` or `.valid`.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1,
        padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        super.init(
            inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding, outputPadding: 0, dilation: dilation,
            groups: groups, bias: bias,
            paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The same with the label `kernelSize`.
    public init(
        _ inChannels: Int, _ outChannels: Int, kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1,
        padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        super.init(
            inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: padding, outputPadding: 0, dilation: dilation,
            groups: groups, bias: bias,
            paddingMode: paddingMode, device: device, dtype: dtype)
    }

    static let signature = Signature(
        .int("in_channels"), .int("out_channels"), .extents("kernel_size"), .extents("stride", 1), .convolutionPadding("padding"),
        .extents("dilation", 1),
        .int("groups", 1), .bool("bias", true), .choice("padding_mode", PaddingMode.zeros), .device, .dtype)
}

/// Convolution over [N, C, L] or [C, L]. PyTorch: `nn.Conv1d`.
open class Conv1d: Convolution, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(Conv1d.init(_:_:_:stride:padding:dilation:groups:bias:paddingMode:device:dtype:))
}
/// Convolution over images [N, C, H, W] or [C, H, W]: `Conv2d(3, 6, 3, stride: 2, padding: 1)`. PyTorch: `nn.Conv2d`.
open class Conv2d: Convolution, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(Conv2d.init(_:_:_:stride:padding:dilation:groups:bias:paddingMode:device:dtype:))
}
/// Convolution over volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.Conv3d`.
open class Conv3d: Convolution, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(Conv3d.init(_:_:_:stride:padding:dilation:groups:bias:paddingMode:device:dtype:))
}

/// The base class of ConvTranspose1d, ConvTranspose2d and ConvTranspose3d: the gradient of a convolution by its input, as a
/// layer. The base class itself has as many spatial dimensions as `kernelSize` has numbers.
open class ConvolutionTranspose: ConvolutionLayer {
    override class var isTransposed: Bool { true }

    /// As `Convolution`. With a stride above 1, a convolution maps several sizes to one; `outputPadding`, which must be less than stride or
    /// dilation, is added to the end of the output to choose among them. Traps for another `paddingMode` than zeros.
    public init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1,
        padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, bias: Bool = true, dilation: any ExtentsConvertible = 1,
        paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: ConvolutionPadding(padding),
            outputPadding: outputPadding,
            dilation: dilation, groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The same with the label `kernelSize`.
    public init(
        _ inChannels: Int, _ outChannels: Int, kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1,
        padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, bias: Bool = true, dilation: any ExtentsConvertible = 1,
        paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            inChannels, outChannels, kernelSize: kernelSize, stride: stride, padding: ConvolutionPadding(padding),
            outputPadding: outputPadding,
            dilation: dilation, groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The output of spatial extents `outputSize`; traps unless a convolution with this stride maps them to the input's extents.
    @discardableResult public final func callAsFunction(_ x: Tensor, outputSize: some Collection<Int>) -> Tensor {
        transposed(x, Array(outputSize))
    }

    static let signature = Signature(
        .int("in_channels"), .int("out_channels"), .extents("kernel_size"), .extents("stride", 1), .extents("padding", 0),
        .extents("output_padding", 0),
        .int("groups", 1), .bool("bias", true), .extents("dilation", 1), .choice("padding_mode", PaddingMode.zeros), .device, .dtype)
    static let inputs = Signature(.tensor("input"), .optionalInts("output_size")).calls { (module: ConvolutionTranspose, x, size) in
        size.map { module(x, outputSize: $0) } ?? module(x)
    }
}

extension ConvolutionLayer {
    /// A transposed convolution to the given spatial extents.
    final func transposed(_ x: Tensor, _ outputSize: [Int]) -> Tensor {
        call(x) { x in
            if isLazy { materialize(for: x) }
            return composite(typeName, x, weight) { () throws(OpError) in
                let n = spatial
                guard case .extents(let extents) = padding.kind else { return Tensor.poisoned }
                let padding = try extents.spread(n, "padding")
                let wanted = Array(outputSize.suffix(n))
                guard outputSize.count == n || outputSize.count == x.ndim, x.ndim > n else {
                    throw OpError("outputSize \(outputSize) needs \(n) numbers, one for each spatial dimension")
                }
                var extra: [Int] = []
                for d in 0..<n {
                    let least = (x.shape[x.ndim - n + d] - 1) * stride[d] - 2 * padding[d] + dilation[d] * (kernelSize[d] - 1) + 1
                    guard wanted[d] >= least, wanted[d] < least + stride[d] else {
                        throw OpError(
                            "outputSize \(outputSize) is impossible for input \(x.shape): dimension \(d) of space can have \(least) ..< \(least + stride[d])"
                        )
                    }
                    extra.append(wanted[d] - least)
                }
                return F.convolutionTranspose(n, x, weight, bias, stride, padding, extra, groups, dilation)
            }
        }
    }
}

/// Transposed convolution over [N, C, L] or [C, L]. PyTorch: `nn.ConvTranspose1d`.
open class ConvTranspose1d: ConvolutionTranspose, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(
        ConvTranspose1d.init(_:_:_:stride:padding:outputPadding:groups:bias:dilation:paddingMode:device:dtype:))
}
/// Transposed convolution over images [N, C, H, W] or [C, H, W]. PyTorch: `nn.ConvTranspose2d`.
open class ConvTranspose2d: ConvolutionTranspose, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(
        ConvTranspose2d.init(_:_:_:stride:padding:outputPadding:groups:bias:dilation:paddingMode:device:dtype:))
}
/// Transposed convolution over volumes [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.ConvTranspose3d`.
open class ConvTranspose3d: ConvolutionTranspose, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(
        ConvTranspose3d.init(_:_:_:stride:padding:outputPadding:groups:bias:dilation:paddingMode:device:dtype:))
}

extension ConvolutionLayer: LazyModule {
    final func channels(_ key: String, _ shape: Shape) -> Int? {
        guard key == "weight", shape.count == spatial + 2 else { return nil }
        return Self.isTransposed ? (shape[0] % groups == 0 ? shape[0] : nil) : shape[1] * groups
    }

    final func shape(_ key: String, channels: Int) -> Shape { key == "weight" ? weightShape(channels) : [outChannels] }
}
