/// softmax(x) = eˣ / Σ eˣ along one dimension, or log-softmax x − log Σ eˣ.
///
/// dx = y·(g − Σ g·y), for log-softmax g − e^y·Σ g: `SoftmaxGradient`, a kernel with its own derivative.
struct Softmax: Op {
    let dim: Int
    let log: Bool

    var name: String { log ? "logSoftmax" : "softmax" }
    var autocast: AutocastPolicy { .float32 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        let out = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        try x.device.backend.softmax(x, dim: dim, log: log, into: out)
        saved.keepOutput(out)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [apply(SoftmaxGradient(dim: dim, log: log), Inputs(grad, context.saved[0]))]
    }
}

/// The gradient of `Softmax` from the gradient g of its output and the output y.
///
/// With h the gradient of the result, and sums along the dimension: for softmax d/dg = y·(h − Σ h·y), d/dy = h·(g − Σ g·y) − g·Σ h·y; for
/// log-softmax d/dg = h − Σ h·e^y, d/dy = −h·e^y·Σ g.
struct SoftmaxGradient: Op {
    let dim: Int
    let log: Bool

    var name: String { log ? "logSoftmaxBackward" : "softmaxBackward" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (g, y) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized(y.shape, y.dtype, y.device)
        try y.device.backend.softmaxBackward(g, y, dim: dim, log: log, into: out)
        saved.keep(g)
        saved.keep(y)
        return out
    }

    func backward(_ h: Tensor, _ context: BackwardContext) -> Gradients {
        let (g, y) = (context.saved[0], context.saved[1])
        func along(_ x: Tensor) -> Tensor { x.sum(dim: dim, keepDim: true) }
        if log {
            let p = y.exp()
            return [context.needs(0) ? h - along(h * p) : nil, context.needs(1) ? -(h * p * along(g)) : nil]
        }
        let hy = along(h * y)
        return [context.needs(0) ? y * (h - hy) : nil, context.needs(1) ? h * (g - along(g * y)) - g * hy : nil]
    }
}

extension Tensor {
    /// eˣ / Σ eˣ along `dim`, converted to `dtype` first if given. Traps for integers without a `dtype`. PyTorch: `softmax(dim)`.
    public final func softmax(dim: Int, dtype: DType? = nil) -> Tensor { softmax("softmax", dim, dtype, log: false) }
    /// x − log Σ eˣ along `dim`, accurate also where softmax would round to 0; converted to `dtype` first if given. PyTorch:
    /// `log_softmax(dim)`.
    public final func logSoftmax(dim: Int, dtype: DType? = nil) -> Tensor { softmax("logSoftmax", dim, dtype, log: true) }

    private final func softmax(_ name: String, _ dim: Int, _ dtype: DType?, log: Bool) -> Tensor {
        // Autocast does not override an explicit dtype.
        composite(name, dtype == nil ? .float32 : .asIs, self) { (x) throws(OpError) in
            let x = dtype.map { x.to($0) } ?? x
            guard x.dtype.isFloatingPoint else {
                throw OpError("is for floats, this tensor is \(x.dtype); pass dtype: .float32 or convert it")
            }
            let at = try normalize(dim: dim, ndim: ndim)
            return ndim == 0 ? apply(Softmax(dim: 0, log: log), [x.reshape([1])]).reshape([]) : apply(Softmax(dim: at, log: log), Inputs(x))
        }
    }
}
