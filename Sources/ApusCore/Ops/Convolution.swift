/// Convolution and its two gradients: three ops that are each other's derivatives, so that derivatives of any order exist.
///
/// With y = x ⋆ w (cross-correlation, the sum over channels and taps), each op is bilinear:
///
/// | op | computes | gradients, where g is that of the output |
/// | --- | --- | --- |
/// | `Convolution` | y from (x, w, b) | x: `BackwardInput(g, w)`, w: `BackwardWeight(g, x)`, b: Σ g |
/// | `ConvolutionBackwardInput` | gx from (g, w); also the transposed convolution | g: `Convolution(·, w)`, w: `BackwardWeight(g, ·)` |
/// | `ConvolutionBackwardWeight` | gw from (g, x) | g: `Convolution(x, ·)`, x: `BackwardInput(g, ·)` |
///
/// Layouts: x [N, C, *in], w [O, C/groups, *kernel], y [N, O, *out], each with 1 to 3 spatial dimensions, where
/// out = ⌊(in + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1.
struct Convolution: Op {
    let p: ConvolutionParameters

    var name: String { "convolution" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (x, weight) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized(p.outputShape(input: x.shape, weight: weight.shape), x.dtype, x.device)
        try x.device.backend.convolution(x, weight, bias: inputs.count > 2 ? inputs[2] : nil, p, into: out)
        saved.keep(x)
        saved.keep(weight)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (x, weight) = (context.saved[0], context.saved[1])
        var result: Gradients = [
            context.needs(0) ? apply(ConvolutionBackwardInput(p: p, extents: x.shape.extents), Inputs(grad, weight)) : nil,
            context.needs(1) ? apply(ConvolutionBackwardWeight(p: p, kernel: weight.shape.extents), Inputs(grad, x)) : nil,
        ]
        if context.inputCount > 2 { result.append(context.needs(2) ? grad.sum(dim: [0] + Array(2..<grad.ndim)) : nil) }
        return result
    }
}

struct ConvolutionBackwardInput: Op {
    let p: ConvolutionParameters
    /// The extents of x, which stride and rounding leave open.
    let extents: Shape

    var name: String { "convolutionBackwardInput" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (grad, weight) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized([grad.shape[0], weight.shape[1] * p.groups] + extents, grad.dtype, grad.device)
        try grad.device.backend.convolutionBackwardInput(grad, weight, p, into: out)
        saved.keep(grad)
        saved.keep(weight)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (g, weight) = (context.saved[0], context.saved[1])
        return [
            context.needs(0) ? apply(Convolution(p: p), Inputs(grad, weight)) : nil,
            context.needs(1) ? apply(ConvolutionBackwardWeight(p: p, kernel: weight.shape.extents), Inputs(g, grad)) : nil,
        ]
    }
}

struct ConvolutionBackwardWeight: Op {
    let p: ConvolutionParameters
    /// The extents of w, which stride and rounding leave open.
    let kernel: Shape

    var name: String { "convolutionBackwardWeight" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (grad, x) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized([grad.shape[1], x.shape[1] / p.groups] + kernel, grad.dtype, grad.device)
        try grad.device.backend.convolutionBackwardWeight(grad, x, p, into: out)
        saved.keep(grad)
        saved.keep(x)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (g, x) = (context.saved[0], context.saved[1])
        return [
            context.needs(0) ? apply(Convolution(p: p), Inputs(x, grad)) : nil,
            context.needs(1) ? apply(ConvolutionBackwardInput(p: p, extents: x.shape.extents), Inputs(g, grad)) : nil,
        ]
    }
}

/// Throws if one of the window's extents is out of range; kernels compute with 32 bits.
package func checkExtents(_ values: [Int], _ name: String, from least: Int) throws(OpError) {
    for value in values where value < least || value > Int(Int32.max) {
        throw OpError("\(name) \(values) must lie in \(least) ... \(Int32.max) in each dimension")
    }
}

extension Shape {
    /// The spatial extents: all but batch and channels, or of a weight all but its channels.
    var extents: Shape { Shape(dropFirst(2)) }

    static func + (a: Shape, b: Shape) -> Shape {
        var sum = a
        for extent in b { sum.append(extent) }
        return sum
    }
}

extension ConvolutionParameters {
    /// The shape of a convolution's output. The kernel must fit into the padded input.
    func outputShape(input: Shape, weight: Shape) -> Shape {
        var shape: Shape = [input[0], weight[0]]
        for d in 0..<stride.count { shape.append((input[d + 2] + 2 * padding[d] - dilation[d] * (weight[d + 2] - 1) - 1) / stride[d] + 1) }
        return shape
    }

    /// The number of spatial dimensions.
    package var spatial: Int { stride.count }

    /// The function's name in messages.
    package func name(transposed: Bool) -> String { ConvolutionParameters.name(spatial, transposed: transposed) }

    /// The function's name for this number of spatial dimensions.
    package static func name(_ spatial: Int, transposed: Bool) -> String {
        switch spatial {
        case 1: transposed ? "convTranspose1d" : "conv1d"
        case 2: transposed ? "convTranspose2d" : "conv2d"
        default: transposed ? "convTranspose3d" : "conv3d"
        }
    }

    /// Throws if stride, padding, dilation or groups is out of range.
    fileprivate func check() throws(OpError) {
        try checkExtents(stride, "stride", from: 1)
        try checkExtents(padding, "padding", from: 0)
        try checkExtents(dilation, "dilation", from: 1)
        guard groups > 0 else { throw OpError("groups is \(groups), but must be positive") }
    }
}

extension Tensor {
    /// Cross-correlation with `weight` [O, C/groups, *kernel], plus `bias` [O]: [N, C, *in] → [N, O, *out], or [C, *in] → [O, *out].
    /// Integer sums wrap. Stride, padding and dilation have one number per spatial dimension.
    package final func convolution(_ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters) -> Tensor {
        composite(p.name(transposed: false), .lower, self, weight, bias: bias) { (x, weight, bias) throws(OpError) in
            try x.convolved(weight, bias, p)
        }
    }

    private final func convolved(_ weight: Tensor, _ bias: Tensor?, _ p: ConvolutionParameters) throws(OpError) -> Tensor {
        let x = try batched(spatial: p.spatial)
        try x.checkConvolution(
            weight, bias: bias, p, inputChannels: weight.ndim > 1 ? weight.shape[1] * Swift.max(p.groups, 1) : 0, transposed: false)
        guard weight.shape[0] % p.groups == 0 else {
            throw OpError(
                "weight of shape \(weight.shape) has \(weight.shape[0]) output channels, which groups (\(p.groups)) does not divide")
        }
        for d in 0..<p.spatial {
            let (available, span) = (x.shape[d + 2] + 2 * p.padding[d], p.dilation[d] * (weight.shape[d + 2] - 1) + 1)
            guard available >= span else {
                throw OpError(
                    "the kernel \(Shape(weight.shape.dropFirst(2))) with dilation \(Shape(p.dilation)) spans more than the input of shape \(shape) with padding \(Shape(p.padding)): "
                        + "\(span) > \(available); use a smaller kernel or more padding")
            }
        }
        let out = apply(Convolution(p: p), Inputs(first: x, second: weight, more: bias.map { [$0] }))
        return x.ndim == ndim ? out : out.squeeze(0)
    }

    /// The transposed convolution, the gradient of `convolution` with respect to its input, with `weight` [C, O/groups, *kernel]:
    /// [N, C, *in] → [N, O, *out], or unbatched, where out = (in − 1)·stride − 2·padding + dilation·(kernel − 1) + outputPadding + 1.
    package final func convolutionTranspose(_ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, outputPadding: [Int]) -> Tensor {
        composite(p.name(transposed: true), .lower, self, weight, bias: bias) { (x, weight, bias) throws(OpError) in
            try x.convolvedTransposed(weight, bias, p, outputPadding: outputPadding)
        }
    }

    private final func convolvedTransposed(
        _ weight: Tensor, _ bias: Tensor?, _ p: ConvolutionParameters, outputPadding: [Int]
    ) throws(OpError) -> Tensor {
        let (x, spatial) = (try batched(spatial: p.spatial), p.spatial)
        try x.checkConvolution(weight, bias: bias, p, inputChannels: weight.ndim > 0 ? weight.shape[0] : 0, transposed: true)
        guard weight.shape[0] % p.groups == 0 else {
            throw OpError(
                "weight of shape \(weight.shape) has \(weight.shape[0]) input channels, which groups (\(p.groups)) does not divide")
        }
        let outChannels = weight.shape[1] * p.groups
        var target: Shape = []
        // If the output padding is at least one stride, x is padded with zeros.
        var more: [Int] = []
        for d in 0..<spatial {
            guard outputPadding[d] >= 0, outputPadding[d] < Swift.max(p.stride[d], p.dilation[d]) else {
                throw OpError(
                    "outputPadding \(outputPadding) must not be negative and be smaller than stride \(p.stride) or dilation \(p.dilation)")
            }
            let (steps, overflow) = (x.shape[d + 2] - 1).multipliedReportingOverflow(by: p.stride[d])
            let extent = steps - 2 * p.padding[d] + p.dilation[d] * (weight.shape[d + 2] - 1) + outputPadding[d] + 1
            guard !overflow, extent > 0 else {
                throw OpError(
                    "the output of input \(shape) with kernel \(Shape(weight.shape.dropFirst(2))) would have extent \(extent) in spatial dimension \(d); use less padding"
                )
            }
            target.append(extent)
            more = [0, outputPadding[d] / p.stride[d]] + more
        }
        let steps = more.contains { $0 > 0 } ? x.pad(more) : x
        var out = apply(ConvolutionBackwardInput(p: p, extents: target), Inputs(steps, weight))
        if let bias { out = out + bias.reshape([outChannels] + Array(repeating: 1, count: spatial)) }
        return x.ndim == ndim ? out : out.squeeze(0)
    }

    /// The tensor with a batch dimension: [C, *in] becomes [1, C, *in].
    private final func batched(spatial: Int) throws(OpError) -> Tensor {
        guard ndim == spatial + 1 || ndim == spatial + 2 else {
            throw OpError(
                "input of shape \(shape) has \(ndim) dimensions; \(spatial + 1) (channels, then space) or \(spatial + 2) (a batch of these) are needed"
            )
        }
        return ndim == spatial + 1 ? unsqueeze(0) : self
    }

    /// Checks shared by both directions, for a batched input.
    private final func checkConvolution(
        _ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, inputChannels: Int, transposed: Bool
    ) throws(OpError) {
        try p.check()
        guard weight.ndim == p.spatial + 2 else {
            throw OpError(
                "weight of shape \(weight.shape) needs \(p.spatial + 2) dimensions: \(transposed ? "in_channels, out_channels / groups" : "out_channels, in_channels / groups"), then the kernel"
            )
        }
        guard dtype != .bool else { throw OpError("is for numbers, the input is bool; convert it with to(.float32)") }
        guard dtype == weight.dtype, bias == nil || bias!.dtype == dtype else {
            throw OpError(
                "the input is \(dtype), the weight \(weight.dtype)\(bias.map { ", the bias \($0.dtype)" } ?? ""); convert one with to(_:)")
        }
        guard shape[1] == inputChannels else {
            throw OpError(
                "input of shape \(shape) has \(shape[1]) channels, but weight of shape \(weight.shape) with groups \(p.groups) wants \(inputChannels)"
            )
        }
        for extent in weight.shape where extent == 0 { throw OpError("weight of shape \(weight.shape) is empty") }
        let outChannels = transposed ? weight.shape[1] * p.groups : weight.shape[0]
        if let bias, bias.shape != [outChannels] {
            throw OpError("bias of shape \(bias.shape) does not fit \(outChannels) output channels")
        }
        for extent in shape.dropFirst(transposed ? 2 : 1) where extent == 0 {
            throw OpError("input of shape \(shape) is empty; only the batch may be")
        }
    }
}
