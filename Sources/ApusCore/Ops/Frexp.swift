/// x = mantissa·2^exponent with ½ ≤ |mantissa| < 1 and exponent int32; both are 0 for 0. A non-finite number is its own mantissa, with
/// exponent 0.
///
/// Derivative of the mantissa: 2^−exponent; the exponent is locally constant.
struct Frexp: Op {
    var name: String { "frexp" }
    var outputCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        guard inputs[0].dtype.isFloatingPoint else {
            throw OpError("is for floating-point tensors, this one is \(inputs[0].dtype); convert it with to(.float32)")
        }
        // 16-bit floats are computed in float32, which represents them and their mantissas exactly.
        let x = inputs[0].dtype.size == 2 ? try inputs[0].converted(to: .float32) : try inputs[0].contiguousData()
        let mantissa = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        let exponent = try Tensor.uninitialized(x.shape, .int32, x.device)
        try x.device.backend.frexp(x, mantissa: mantissa, exponent: exponent)
        saved.keep(exponent)
        return [x.dtype == inputs[0].dtype ? mantissa : try mantissa.converted(to: inputs[0].dtype), exponent]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let g = grads[0]!
        return [(g.to(g.dtype.computeType) * (-context.saved[0]).to(g.dtype.computeType).exp2()).to(g.dtype)]
    }
}

extension Tensor {
    /// x = mantissa·2^exponent with ½ ≤ |mantissa| < 1 and exponent int32; 0 is 0·2⁰, and a non-finite number is its own mantissa. Traps
    /// for integers and bool. PyTorch: `torch.frexp`.
    public final func frexp() -> (mantissa: Tensor, exponent: Tensor) {
        let parts = apply(Frexp(), Inputs(self))
        return (parts[0], parts[1])
    }
}
