/// A linear layer, y = x·Wᵀ + b: x [*, in], W [out, in], b [out] or none; y [*, out]. Operands may have any strides.
///
/// With x and g as matrices of rows: dx = g·W, dW = gᵀ·x, db = Σ rows of g. Both products are linear layers too.
struct Linear: Op {
    var name: String { "linear" }
    var autocast: AutocastPolicy { .lower }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (x, weight) = (inputs[0], inputs[1])
        var shape = x.shape
        shape[x.ndim - 1] = weight.shape[0]
        let out = try Tensor.uninitialized(shape, x.dtype, x.device)
        let (rows, columns) = (x.shape.dropLast().reduce(1, *), weight.shape[0])
        let transposed = weight.view(
            [1, weight.shape[1], columns], strides: [0, weight.strides[1], weight.strides[0]], offset: weight.offset)
        try out.device.backend.matmul(
            try x.asRows(), transposed, bias: inputs.count > 2 ? inputs[2] : nil,
            into: out.view([1, rows, columns], strides: [rows * columns, columns, 1], offset: 0))
        saved.keep(x)
        saved.keep(weight)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (x, weight) = (context.saved[0], context.saved[1])
        let rows = x.shape.dropLast().reduce(1, *)
        func matrix(_ x: Tensor) -> Tensor { x.ndim == 2 ? x : x.reshape([rows, x.shape[-1]]) }
        var result: Gradients = [
            context.needs(0) ? apply(Linear(), Inputs(grad, weight.t())) : nil,
            context.needs(1) ? apply(Linear(), Inputs(matrix(grad).t(), matrix(x).t())) : nil,
        ]
        if context.inputCount > 2 { result.append(context.needs(2) ? matrix(grad).sum(dim: 0) : nil) }
        return result
    }
}

extension Tensor {
    /// [*, n] as [1, rows, n]: a view if possible, else a copy.
    fileprivate final func asRows() throws(OpError) -> Tensor {
        let rows: Shape = [1, shape.dropLast().reduce(1, *), shape[ndim - 1]]
        if let strides = viewStrides(rows) { return view(rows, strides: strides, offset: offset) }
        return try contiguousData().view(rows, strides: rows.contiguousStrides, offset: 0)
    }

    /// x·weightᵀ + bias for x [*, in], weight [out, in] or [in], bias [out]. PyTorch: `F.linear`.
    package final func linear(_ weight: Tensor, _ bias: Tensor?) -> Tensor {
        composite("linear", .lower, self, weight, bias: bias) { (x, weight, bias) throws(OpError) in try x.projected(weight, bias) }
    }

    private final func projected(_ weight: Tensor, _ bias: Tensor?) throws(OpError) -> Tensor {
        guard ndim >= 1, weight.ndim == 1 || weight.ndim == 2, shape[-1] == weight.shape[-1] else {
            throw OpError(
                "input of shape \(shape) does not fit weight of shape \(weight.shape) (out_features, in_features): the last extent must be \(weight.shape[-1])"
            )
        }
        if weight.ndim == 1 { return bias.map { matmul(weight) + $0 } ?? matmul(weight) }
        guard dtype == weight.dtype, bias == nil || bias!.dtype == dtype else {
            throw OpError("input is \(dtype), weight \(weight.dtype)\(bias.map { ", bias \($0.dtype)" } ?? ""); convert one with to(_:)")
        }
        guard dtype != .bool else { throw OpError("is not defined for bool; convert with to(_:)") }
        let out = weight.shape[0]
        // One product of all rows; if x cannot be viewed as a matrix it is copied once, for the derivative too.
        let x = ndim <= 2 || viewStrides([1, shape.dropLast().reduce(1, *), shape[-1]]) != nil ? self : contiguous()
        guard let bias else { return apply(Linear(), Inputs(x, weight)) }
        guard bias.shape == [out] || bias.shape == [1] else {
            throw OpError("bias of shape \(bias.shape) does not fit \(out) output features")
        }
        return apply(Linear(), Inputs(first: x, second: weight, more: [bias.expand([out])]))
    }
}
