/// The largest element of each window and its position (int64, in the flattened plane); x [N, C, *in] → both [N, C, *out].
///
/// Derivative: the gradient of a window goes to the position of its maximum; overlapping windows add up.
struct MaxPool: Op {
    let p: PoolParameters
    /// The extents of the input and of the output.
    let from: Shape, to: Shape

    var name: String { "maxPool" }
    var outputCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let x = inputs[0]
        let shape = [x.shape[0], x.shape[1]] + to
        let out = try Tensor.uninitialized(shape, x.dtype, x.device)
        let places = try Tensor.uninitialized(shape, .int64, x.device)
        try x.device.backend.maxPool(x, p, into: out, indices: places)
        saved.keep(places)
        return [out, places]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let grad = grads[0]!, planes: Shape = [grad.shape[0], grad.shape[1]]
        let flat = apply(
            GatherBackward(dim: 2, shape: planes + [from.numel]), [grad.flatten(startDim: 2), context.saved[0].flatten(startDim: 2)])
        return [flat.reshape(planes + from)]
    }
}

/// The mean of each window; x [N, C, *in] → [N, C, *out]. It is linear; `AveragePool` and `AveragePoolBackward` are each other's
/// derivative.
struct AveragePool: Op {
    let p: PoolParameters
    /// The extents of the input and of the output.
    let from: Shape, to: Shape

    var name: String { "averagePool" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0], out = try Tensor.uninitialized([x.shape[0], x.shape[1]] + to, x.dtype, x.device)
        try out.device.backend.averagePool(x, p, into: out)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [apply(AveragePoolBackward(p: p, from: to, to: from), Inputs(grad))]
    }
}

struct AveragePoolBackward: Op {
    let p: PoolParameters
    /// The extents of its input, the gradient of an output, and of its output, the gradient of an input.
    let from: Shape, to: Shape

    var name: String { "averagePoolBackward" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let grad = inputs[0], out = try Tensor.uninitialized([grad.shape[0], grad.shape[1]] + to, grad.dtype, grad.device)
        try out.device.backend.averagePoolBackward(grad, p, into: out)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [apply(AveragePool(p: p, from: to, to: from), Inputs(grad))]
    }
}

/// The windows of a sliding pool: one number per spatial dimension.
package struct PoolWindow {
    package var kernel: [Int]
    package var stride: [Int]
    package var padding: [Int]
    package var dilation: [Int]
    /// Whether the last window may extend beyond the padded input.
    package var ceilMode: Bool

    package init(kernel: [Int], stride: [Int], padding: [Int], dilation: [Int], ceilMode: Bool) {
        self.kernel = kernel
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.ceilMode = ceilMode
    }

    /// The extents of the output: ⌊(in + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1; with `ceilMode` rounded up, but without a
    /// last window that would start in the padding.
    func outputExtents(_ input: [Int]) throws(OpError) -> [Int] {
        var result: [Int] = []
        for (name, values, least) in [("kernelSize", kernel, 1), ("stride", stride, 1), ("padding", padding, 0), ("dilation", dilation, 1)]
        {
            guard values.count == input.count else {
                throw OpError("\(name) \(values) needs \(input.count) numbers, one for each spatial dimension")
            }
            try checkExtents(values, name, from: least)
        }
        for d in input.indices {
            let span = dilation[d] * (kernel[d] - 1) + 1
            guard padding[d] <= span / 2 else {
                throw OpError("padding \(padding) may be at most half of what a window spans (kernelSize \(kernel), dilation \(dilation))")
            }
            let room = input[d] + 2 * padding[d] - span
            guard room >= 0 || ceilMode && room + stride[d] > 0 else {
                throw OpError(
                    "the window of kernelSize \(kernel) is larger than the input's extents \(input) with padding \(padding); use a smaller window"
                )
            }
            var out = (room + (ceilMode ? stride[d] - 1 : 0)) / stride[d] + 1
            if ceilMode && (out - 1) * stride[d] >= input[d] + padding[d] { out -= 1 }
            guard out > 0 else { throw OpError("windows of kernelSize \(kernel) leave no output of the input's extents \(input)") }
            result.append(out)
        }
        return result
    }
}

extension Tensor {
    /// The largest element of each window and its position in the flattened plane: [N, C, *in] → [N, C, *out], or without N. As in PyTorch,
    /// also for integers in two and three dimensions.
    package final func maxPool(_ window: PoolWindow, spatial: Int, name: String) -> (values: Tensor, indices: Tensor) {
        pooledMax(spatial: spatial, name: name, alsoFor: { $0.isInteger && spatial > 1 }) { (input) throws(OpError) in
            let parameters = PoolParameters(
                .sliding(
                    kernel: window.kernel, stride: window.stride, padding: window.padding, dilation: window.dilation,
                    countIncludePad: false, divisor: nil))
            return (parameters, try window.outputExtents(input))
        }
    }

    /// The same over windows that divide the input into `outputSize` parts; nil keeps the extent.
    package final func adaptiveMaxPool(_ outputSize: [Int?], spatial: Int, name: String) -> (values: Tensor, indices: Tensor) {
        pooledMax(spatial: spatial, name: name) { (input) throws(OpError) in
            (PoolParameters(.adaptive), try Tensor.adaptiveExtents(outputSize, input))
        }
    }

    /// The mean of each window: [N, C, *in] → [N, C, *out], or without N. As in PyTorch, also for int64, rounded toward zero.
    package final func averagePool(_ window: PoolWindow, countIncludePad: Bool, divisor: Int?, spatial: Int, name: String) -> Tensor {
        pooledAverage(spatial: spatial, name: name, alsoFor: { $0 == .int64 }) { (input) throws(OpError) in
            guard divisor != 0 else { throw OpError("divisorOverride must not be 0") }
            let parameters = PoolParameters(
                .sliding(
                    kernel: window.kernel, stride: window.stride, padding: window.padding, dilation: window.dilation,
                    countIncludePad: countIncludePad, divisor: divisor))
            return (parameters, try window.outputExtents(input))
        }
    }

    /// The same over windows that divide the input into `outputSize` parts; nil keeps the extent.
    package final func adaptiveAveragePool(_ outputSize: [Int?], spatial: Int, name: String) -> Tensor {
        pooledAverage(spatial: spatial, name: name) { (input) throws(OpError) in
            (PoolParameters(.adaptive), try Tensor.adaptiveExtents(outputSize, input))
        }
    }

    private static func adaptiveExtents(_ outputSize: [Int?], _ input: [Int]) throws(OpError) -> [Int] {
        guard outputSize.count == input.count else {
            throw OpError("outputSize \(outputSize) needs \(input.count) numbers, one for each spatial dimension")
        }
        var result: [Int] = []
        for (wanted, extent) in zip(outputSize, input) {
            let out = wanted ?? extent
            guard out >= 0 && out <= Int(Int32.max) else { throw OpError("outputSize \(outputSize) must lie in 0 ... \(Int32.max)") }
            result.append(out)
        }
        return result
    }

    private final func pooledMax(
        spatial: Int, name: String, alsoFor isTaken: (DType) -> Bool = { _ in false },
        _ geometry: ([Int]) throws(OpError) -> (PoolParameters, [Int])
    ) -> (values: Tensor, indices: Tensor) {
        compositePair(name, self) { () throws(OpError) in
            let (x, parameters, output) = try poolInput(spatial: spatial, alsoFor: isTaken, geometry)
            let found = apply(MaxPool(p: parameters, from: x.shape.extents, to: output), Inputs(x))
            return ndim == spatial + 1 ? (found[0].squeeze(0), found[1].squeeze(0)) : (found[0], found[1])
        }
    }

    private final func pooledAverage(
        spatial: Int, name: String, alsoFor isTaken: (DType) -> Bool = { _ in false },
        _ geometry: ([Int]) throws(OpError) -> (PoolParameters, [Int])
    ) -> Tensor {
        composite(name, self) { () throws(OpError) in
            let (x, parameters, output) = try poolInput(spatial: spatial, alsoFor: isTaken, geometry)
            let out = apply(AveragePool(p: parameters, from: x.shape.extents, to: output), Inputs(x))
            return ndim == spatial + 1 ? out.squeeze(0) : out
        }
    }

    private final func checkPoolRank(_ spatial: Int) throws(OpError) {
        guard ndim == spatial + 1 || ndim == spatial + 2 else {
            throw OpError(
                "input of shape \(shape) has \(ndim) dimensions; \(spatial + 1) (channels, then space) or \(spatial + 2) (a batch of these) are needed"
            )
        }
        for extent in shape.suffix(spatial + 1) where extent == 0 {
            throw OpError("input of shape \(shape) is empty; only the batch may be")
        }
    }

    /// The input with a batch dimension, the windows, and the extents of the output.
    private final func poolInput(
        spatial: Int, alsoFor isTaken: (DType) -> Bool, _ geometry: ([Int]) throws(OpError) -> (PoolParameters, [Int])
    ) throws(OpError) -> (Tensor, PoolParameters, Shape) {
        try checkPoolRank(spatial)
        guard dtype.isFloatingPoint || isTaken(dtype) else {
            throw OpError("is for floating-point tensors, the input is \(dtype); convert it with to(.float32)")
        }
        let x = ndim == spatial + 1 ? unsqueeze(0) : self
        let (parameters, extents) = try geometry(Array(x.shape.dropFirst(2)))
        return (x, parameters, Shape(extents))
    }

    /// A partial inverse of max pooling: each value at its index in planes of zeros with extents `outputSize`.
    package final func maxUnpool(_ indices: Tensor, outputSize: [Int], spatial: Int, name: String) -> Tensor {
        composite(name, self, indices) { () throws(OpError) in
            guard ndim == spatial + 1 || ndim == spatial + 2 else {
                throw OpError("input of shape \(shape) has \(ndim) dimensions; \(spatial + 1) or \(spatial + 2) are needed")
            }
            guard indices.dtype == .int64 else { throw OpError("indices are \(indices.dtype), but must be int64") }
            guard indices.shape == shape else {
                throw OpError("indices of shape \(indices.shape) do not fit values of shape \(shape): one for each is needed")
            }
            let lead = Array(shape.prefix(ndim - spatial))
            var plane = 1
            for extent in outputSize {
                let (product, overflow) = plane.multipliedReportingOverflow(by: extent)
                guard extent > 0, !overflow else { throw OpError("outputSize \(outputSize) must be positive and fit into memory") }
                plane = product
            }
            let zeros = Tensor.zeros(Shape(lead + [plane]), dtype: dtype, device: device)
            let spread = zeros.scatter(lead.count, indices.flatten(startDim: lead.count), flatten(startDim: lead.count))
            return spread.reshape(lead + outputSize)
        }
    }
}
