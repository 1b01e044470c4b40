import ApusCore

/// The base class of LazyConv1d, LazyConv2d and LazyConv3d: a convolution that takes the number of input channels from its first input.
/// Weight and bias are empty until then; afterwards it prints as an ordinary convolution. The base class itself has as many spatial
/// dimensions as `kernelSize` has numbers. PyTorch: `nn.LazyConv1d` and so on.
open class LazyConvolution: ConvolutionLayer {
    /// As `Convolution`, without the number of input channels.
    public init(
        _ outChannels: Int, _ kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        super.init(
            nil, outChannels, kernelSize: kernelSize, stride: stride, padding: ConvolutionPadding(padding), outputPadding: 0,
            dilation: dilation,
            groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The same with the label `kernelSize`.
    public init(
        _ outChannels: Int, kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        super.init(
            nil, outChannels, kernelSize: kernelSize, stride: stride, padding: ConvolutionPadding(padding), outputPadding: 0,
            dilation: dilation,
            groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The same with padding by name: `.same` or `.valid`.
    public init(
        _ outChannels: Int, _ kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1, padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        super.init(
            nil, outChannels, kernelSize: kernelSize, stride: stride, padding: padding, outputPadding: 0, dilation: dilation,
            groups: groups, bias: bias,
            paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The same with the label `kernelSize`.
    public init(
        _ outChannels: Int, kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1, padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        super.init(
            nil, outChannels, kernelSize: kernelSize, stride: stride, padding: padding, outputPadding: 0, dilation: dilation,
            groups: groups, bias: bias,
            paddingMode: paddingMode, device: device, dtype: dtype)
    }
    public final override var typeName: String { isLazy ? "LazyConv\(spatial)d" : "Conv\(spatial)d" }

    static let signature = Signature(
        .int("out_channels"), .extents("kernel_size"), .extents("stride", 1), .convolutionPadding("padding"), .extents("dilation", 1),
        .int("groups", 1), .bool("bias", true), .choice("padding_mode", PaddingMode.zeros), .device, .dtype)
}

/// `Conv1d` whose number of input channels comes from the first input. PyTorch: `nn.LazyConv1d`.
public final class LazyConv1d: LazyConvolution, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(LazyConv1d.init(_:_:stride:padding:dilation:groups:bias:paddingMode:device:dtype:))
}
/// `Conv2d` whose number of input channels comes from the first input. PyTorch: `nn.LazyConv2d`.
public final class LazyConv2d: LazyConvolution, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(LazyConv2d.init(_:_:stride:padding:dilation:groups:bias:paddingMode:device:dtype:))
}
/// `Conv3d` whose number of input channels comes from the first input. PyTorch: `nn.LazyConv3d`.
public final class LazyConv3d: LazyConvolution, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(LazyConv3d.init(_:_:stride:padding:dilation:groups:bias:paddingMode:device:dtype:))
}

/// The base class of LazyConvTranspose1d, LazyConvTranspose2d and LazyConvTranspose3d; see `LazyConvolution`.
open class LazyConvolutionTranspose: ConvolutionLayer {
    override class var isTransposed: Bool { true }

    /// As `ConvolutionTranspose`, without the number of input channels.
    public init(
        _ outChannels: Int, _ kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, bias: Bool = true, dilation: any ExtentsConvertible = 1,
        paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            nil, outChannels, kernelSize: kernelSize, stride: stride, padding: ConvolutionPadding(padding), outputPadding: outputPadding,
            dilation: dilation, groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The same with the label `kernelSize`.
    public init(
        _ outChannels: Int, kernelSize: any ExtentsConvertible, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, bias: Bool = true, dilation: any ExtentsConvertible = 1,
        paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
    ) {
        super.init(
            nil, outChannels, kernelSize: kernelSize, stride: stride, padding: ConvolutionPadding(padding), outputPadding: outputPadding,
            dilation: dilation, groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }

    /// The output of spatial extents `outputSize`; see `ConvolutionTranspose`.
    @discardableResult public final func callAsFunction(_ x: Tensor, outputSize: some Collection<Int>) -> Tensor {
        transposed(x, Array(outputSize))
    }

    public final override var typeName: String { isLazy ? "LazyConvTranspose\(spatial)d" : "ConvTranspose\(spatial)d" }

    static let signature = Signature(
        .int("out_channels"), .extents("kernel_size"), .extents("stride", 1), .extents("padding", 0), .extents("output_padding", 0),
        .int("groups", 1), .bool("bias", true), .extents("dilation", 1), .choice("padding_mode", PaddingMode.zeros), .device, .dtype)
    static let inputs = Signature(.tensor("input"), .optionalInts("output_size")).calls { (module: LazyConvolutionTranspose, x, size) in
        size.map { module(x, outputSize: $0) } ?? module(x)
    }
}

/// `ConvTranspose1d` whose number of input channels comes from the first input. PyTorch: `nn.LazyConvTranspose1d`.
public final class LazyConvTranspose1d: LazyConvolutionTranspose, DeclaredModule {
    override class var dimensions: Int? { 1 }
    static let arguments = signature.makes(
        LazyConvTranspose1d.init(_:_:stride:padding:outputPadding:groups:bias:dilation:paddingMode:device:dtype:))
}
/// `ConvTranspose2d` whose number of input channels comes from the first input. PyTorch: `nn.LazyConvTranspose2d`.
public final class LazyConvTranspose2d: LazyConvolutionTranspose, DeclaredModule {
    override class var dimensions: Int? { 2 }
    static let arguments = signature.makes(
        LazyConvTranspose2d.init(_:_:stride:padding:outputPadding:groups:bias:dilation:paddingMode:device:dtype:))
}
/// `ConvTranspose3d` whose number of input channels comes from the first input. PyTorch: `nn.LazyConvTranspose3d`.
public final class LazyConvTranspose3d: LazyConvolutionTranspose, DeclaredModule {
    override class var dimensions: Int? { 3 }
    static let arguments = signature.makes(
        LazyConvTranspose3d.init(_:_:stride:padding:outputPadding:groups:bias:dilation:paddingMode:device:dtype:))
}
