import ApusCore

extension ModuleTable {
    static let convolutions: [Entry] = [
        convolution("Conv1d", Conv1d.init), convolution("Conv2d", Conv2d.init), convolution("Conv3d", Conv3d.init),
        lazyConvolution("LazyConv1d", LazyConv1d.init), lazyConvolution("LazyConv2d", LazyConv2d.init), lazyConvolution("LazyConv3d", LazyConv3d.init),
        transposed("ConvTranspose1d", ConvTranspose1d.init), transposed("ConvTranspose2d", ConvTranspose2d.init),
        transposed("ConvTranspose3d", ConvTranspose3d.init),
        lazyTransposed("LazyConvTranspose1d", LazyConvTranspose1d.init), lazyTransposed("LazyConvTranspose2d", LazyConvTranspose2d.init),
        lazyTransposed("LazyConvTranspose3d", LazyConvTranspose3d.init),
    ]

    private typealias Size = any ExtentsConvertible

    private static func convolution(
        _ name: String, _ make: @escaping @Sendable (Int, Int, Size, Size, ConvolutionPadding, Size, Int, Bool, PaddingMode, Device, DType) -> Convolution
    ) -> Entry {
        Entry(name) { a in
            let (inputs, outputs, o) = (try a.int("in_channels"), try a.int("out_channels"), try a.convolution())
            return make(inputs, outputs, o.kernel, o.stride, o.padding, o.dilation, o.groups, o.bias, o.mode, o.device, o.dtype)
        }
    }

    private static func lazyConvolution(
        _ name: String, _ make: @escaping @Sendable (Int, Size, Size, ConvolutionPadding, Size, Int, Bool, PaddingMode, Device, DType) -> LazyConvolution
    ) -> Entry {
        Entry(name) { a in
            let (outputs, o) = (try a.int("out_channels"), try a.convolution())
            return make(outputs, o.kernel, o.stride, o.padding, o.dilation, o.groups, o.bias, o.mode, o.device, o.dtype)
        }
    }

    private static func transposed(
        _ name: String, _ make: @escaping @Sendable (Int, Int, Size, Size, Size, Size, Int, Bool, Size, PaddingMode, Device, DType) -> ConvolutionTranspose
    ) -> Entry {
        Entry(name) { a in
            let (inputs, outputs, o) = (try a.int("in_channels"), try a.int("out_channels"), try a.transposedConvolution())
            return make(inputs, outputs, o.kernel, o.stride, o.padding, o.outputPadding, o.groups, o.bias, o.dilation, o.mode, o.device, o.dtype)
        } call: { (module: ConvolutionTranspose, a) in
            let (x, size) = (try a.tensor("input"), try a.readOptional("output_size", "a list of integers", \.ints))
            try a.finish()
            return .tensor(size.map { module(x, outputSize: $0) } ?? module(x))
        }
    }

    private static func lazyTransposed(
        _ name: String, _ make: @escaping @Sendable (Int, Size, Size, Size, Size, Int, Bool, Size, PaddingMode, Device, DType) -> LazyConvolutionTranspose
    ) -> Entry {
        Entry(name) { a in
            let (outputs, o) = (try a.int("out_channels"), try a.transposedConvolution())
            return make(outputs, o.kernel, o.stride, o.padding, o.outputPadding, o.groups, o.bias, o.dilation, o.mode, o.device, o.dtype)
        } call: { (module: LazyConvolutionTranspose, a) in
            let (x, size) = (try a.tensor("input"), try a.readOptional("output_size", "a list of integers", \.ints))
            try a.finish()
            return .tensor(size.map { module(x, outputSize: $0) } ?? module(x))
        }
    }
}

extension Arguments {
    /// What follows the channels of a convolution.
    fileprivate mutating func convolution() throws -> (
        kernel: Extents, stride: Extents, padding: ConvolutionPadding, dilation: Extents, groups: Int, bias: Bool, mode: PaddingMode, device: Device, dtype: DType
    ) {
        let (kernel, stride) = (try extents("kernel_size"), try extents("stride", Extents(1)))
        let padding = try read("padding", ConvolutionPadding(Extents(0)), "an integer, a list of integers, 'same' or 'valid'") { (value: Argument) -> ConvolutionPadding? in
            if let name = value.string { return ConvolutionPadding(name) }
            return value.extents.map { ConvolutionPadding($0) }
        }
        let (dilation, groups, bias) = (try extents("dilation", Extents(1)), try int("groups", 1), try bool("bias", true))
        let mode = try choice("padding_mode", PaddingMode.zeros)
        let (device, dtype) = try deviceAndDType()
        return (kernel, stride, padding, dilation, groups, bias, mode, device, dtype)
    }

    /// What follows the channels of a transposed convolution.
    fileprivate mutating func transposedConvolution() throws -> (
        kernel: Extents, stride: Extents, padding: Extents, outputPadding: Extents, groups: Int, bias: Bool, dilation: Extents, mode: PaddingMode,
        device: Device, dtype: DType
    ) {
        let (kernel, stride, padding) = (try extents("kernel_size"), try extents("stride", Extents(1)), try extents("padding", Extents(0)))
        let (outputPadding, groups, bias) = (try extents("output_padding", Extents(0)), try int("groups", 1), try bool("bias", true))
        let (dilation, mode) = (try extents("dilation", Extents(1)), try choice("padding_mode", PaddingMode.zeros))
        let (device, dtype) = try deviceAndDType()
        return (kernel, stride, padding, outputPadding, groups, bias, dilation, mode, device, dtype)
    }
}
