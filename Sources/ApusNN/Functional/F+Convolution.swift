import ApusCore

extension F {
    /// Convolution (cross-correlation) over one spatial dimension. PyTorch: `F.conv1d`.
    ///
    /// input [N, C, L] or [C, L], weight [O, C/groups, K], bias [O] → [N, O, L′] or [O, L′], L′ = ⌊(L + 2·padding − dilation·(K − 1) − 1)/stride⌋ + 1.
    /// Traps where shapes, dtypes or arguments do not fit.
    public static func conv1d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        convolution(1, input, weight, bias, stride, ConvolutionPadding(padding), dilation, groups)
    }
    /// The same with padding by name: `.same` or `.valid`.
    public static func conv1d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        convolution(1, input, weight, bias, stride, padding, dilation, groups)
    }

    /// Convolution over two spatial dimensions, as `conv1d`: input [N, C, H, W], weight [O, C/groups, KH, KW]. PyTorch: `F.conv2d`.
    public static func conv2d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        convolution(2, input, weight, bias, stride, ConvolutionPadding(padding), dilation, groups)
    }
    /// The same with padding by name: `.same` or `.valid`.
    public static func conv2d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        convolution(2, input, weight, bias, stride, padding, dilation, groups)
    }

    /// Convolution over three spatial dimensions, as `conv1d`: input [N, C, D, H, W], weight [O, C/groups, KD, KH, KW].
    /// PyTorch: `F.conv3d`.
    public static func conv3d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        convolution(3, input, weight, bias, stride, ConvolutionPadding(padding), dilation, groups)
    }
    /// The same with padding by name: `.same` or `.valid`.
    public static func conv3d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        convolution(3, input, weight, bias, stride, padding, dilation, groups)
    }

    /// Transposed convolution over one spatial dimension, the gradient of `conv1d` by its input. PyTorch: `F.conv_transpose1d`.
    ///
    /// input [N, C, L] or [C, L], weight [C, O/groups, K], bias [O] → [N, O, L′] or [O, L′],
    /// L′ = (L − 1)·stride − 2·padding + dilation·(K − 1) + outputPadding + 1. Traps where shapes, dtypes or arguments do not fit, and
    /// unless outputPadding is less than stride or dilation.
    public static func convTranspose1d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, dilation: any ExtentsConvertible = 1
    ) -> Tensor {
        convolutionTranspose(1, input, weight, bias, stride, padding, outputPadding, groups, dilation)
    }

    /// Transposed convolution over two spatial dimensions, as `convTranspose1d`. PyTorch: `F.conv_transpose2d`.
    public static func convTranspose2d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, dilation: any ExtentsConvertible = 1
    ) -> Tensor {
        convolutionTranspose(2, input, weight, bias, stride, padding, outputPadding, groups, dilation)
    }

    /// Transposed convolution over three spatial dimensions, as `convTranspose1d`. PyTorch: `F.conv_transpose3d`.
    public static func convTranspose3d(
        _ input: Tensor, _ weight: Tensor, bias: Tensor? = nil, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, dilation: any ExtentsConvertible = 1
    ) -> Tensor {
        convolutionTranspose(3, input, weight, bias, stride, padding, outputPadding, groups, dilation)
    }

    /// Convolution over sequences whose channels come last: input [T, N, C], weight [K, C, O], bias [O] → [T + 2·pad − K + 1, N, O].
    /// PyTorch: `F.conv_tbc`.
    public static func convTbc(_ input: Tensor, _ weight: Tensor, _ bias: Tensor, pad: Int = 0) -> Tensor {
        composite("convTbc", .lower, input, weight, bias) { (input, weight, bias) throws(OpError) in
            guard input.ndim == 3, weight.ndim == 3 else {
                throw OpError("input and weight need 3 dimensions, their shapes are \(input.shape) and \(weight.shape)")
            }
            return convolution(1, input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, 1, ConvolutionPadding(pad), 1, 1).permute(2, 0, 1)
        }
    }

    /// Convolution over `spatial` dimensions; the layers call it.
    static func convolution(
        _ spatial: Int, _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, _ stride: any ExtentsConvertible, _ padding: ConvolutionPadding,
        _ dilation: any ExtentsConvertible, _ groups: Int
    ) -> Tensor {
        composite(ConvolutionParameters.name(spatial, transposed: false), input, weight) { () throws(OpError) in
            let (stride, dilation) = (try stride._extents.spread(spatial, "stride"), try dilation._extents.spread(spatial, "dilation"))
            let amounts = try padding.amounts(
                kernel: (0..<spatial).map { $0 + 2 < weight.ndim ? weight.shape[$0 + 2] : 1 }, dilation: dilation, stride: stride)
            // The backend pads both sides equally; what one side needs more is added to the input.
            var input = input
            let extra = amounts.map { $0.after - $0.before }
            if extra.contains(where: { $0 > 0 }), input.ndim > spatial { input = input.pad(extra.reversed().flatMap { [0, $0] }) }
            let p = ConvolutionParameters(stride: stride, padding: amounts.map(\.before), dilation: dilation, groups: groups)
            return input.convolution(weight, bias: bias, p)
        }
    }

    /// Transposed convolution over `spatial` dimensions; the layers call it.
    static func convolutionTranspose(
        _ spatial: Int, _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, _ stride: any ExtentsConvertible,
        _ padding: any ExtentsConvertible,
        _ outputPadding: any ExtentsConvertible, _ groups: Int, _ dilation: any ExtentsConvertible
    ) -> Tensor {
        composite(ConvolutionParameters.name(spatial, transposed: true), input, weight) { () throws(OpError) in
            let p = ConvolutionParameters(
                stride: try stride._extents.spread(spatial, "stride"), padding: try padding._extents.spread(spatial, "padding"),
                dilation: try dilation._extents.spread(spatial, "dilation"), groups: groups)
            let outputPadding = try outputPadding._extents.spread(spatial, "outputPadding")
            return input.convolutionTranspose(weight, bias: bias, p, outputPadding: outputPadding)
        }
    }
}
