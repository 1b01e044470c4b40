/// ln Σeˣ over the elements up to each one along `dim`, for float32 and float64, by doubling: sums over 1, 2, 4, … elements.
///
/// Derivative: the gradient of x is e^(x − y)·t, where t_i = g_i + e^(y_i − y_{i+1})·t_{i+1} is computed from the end. No exponent is
/// positive. If all elements up to one are −∞, the gradient there is 0.
private struct LogCumulativeSum: Op {
    let dim: Int
    var name: String { "logcumsumexp" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        let n = x.ndim == 0 ? 1 : x.shape[dim]
        var out = try x.converted(to: x.dtype)
        noGrad {
            var step = 1
            while step < n {
                let sums = out.narrow(dim, 0, n - step).logaddexp(out.narrow(dim, step, n - step))
                out = Tensor.cat([out.narrow(dim, 0, step), sums], dim: dim)
                step *= 2
            }
        }
        saved.keep(x)
        saved.keepOutput(out)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (x, y) = (context.saved[0], context.saved[1])
        let isNothing = y.eq(-Double.infinity)
        let sum = y.maskedFill(isNothing, 0)
        let share = (x - sum).exp()
        if grad.ndim == 0 || grad.numel == 0 { return [grad * share] }
        let n = x.shape[dim]
        var edge = x.shape
        edge[dim] = 1
        let zero = Tensor.zeros(edge, dtype: x.dtype, device: x.device)
        let decay = Tensor.cat([(y.narrow(dim, 0, n - 1) - sum.narrow(dim, 1, n - 1)).exp(), zero], dim: dim)
        return [share * Tensor.linearScan(decay.flip([dim]), grad.flip([dim]), dim: dim).flip([dim])]
    }
}

extension Tensor {
    /// ln Σeˣ over the elements up to each one along `dim`, without overflow. Traps for integers and bool. PyTorch: `logcumsumexp`.
    public final func logcumsumexp(dim: Int) -> Tensor {
        if let failed = floatsOnly("logcumsumexp") { return failed }
        return composite("logcumsumexp", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            return widened { apply(LogCumulativeSum(dim: at), Inputs($0)) }
        }
    }

    /// The largest element up to each one along `dim`, and its last position, which gets the gradient; NaN is larger than all. PyTorch:
    /// `cummax`.
    public final func cummax(dim: Int) -> (values: Tensor, indices: Tensor) { runningExtreme("cummax", dim) { $0.ge($1) } }
    /// The smallest element up to each one along `dim`, and its last position, which gets the gradient; NaN is smaller than all. PyTorch:
    /// `cummin`.
    public final func cummin(dim: Int) -> (values: Tensor, indices: Tensor) { runningExtreme("cummin", dim) { $0.le($1) } }

    /// Compares the extremes of 1, 2, 4, … elements with those before them. `wins` says whether an element replaces an earlier one; an
    /// earlier NaN is never replaced.
    private final func runningExtreme(
        _ name: String, _ dim: Int, _ wins: (_ later: Tensor, _ earlier: Tensor) -> Tensor
    ) -> (values: Tensor, indices: Tensor) {
        let indices = composite(name, self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            if ndim == 0 { return Tensor.zeros([], dtype: .int64, device: device) }
            let n = shape[at]
            var line = Shape(repeating: 1, count: ndim)
            line[at] = n
            return noGrad {
                var best = detach()
                var places = Tensor.arange(n, device: device).reshape(line).expand(shape)
                var step = 1
                while step < n {
                    let (earlier, later) = (best.narrow(at, 0, n - step), best.narrow(at, step, n - step))
                    let isLater = later.isnan().logicalOr(wins(later, earlier))
                    func merged(_ x: Tensor) -> Tensor {
                        let rest = Tensor.where(isLater, x.narrow(at, step, n - step), x.narrow(at, 0, n - step))
                        return Tensor.cat([x.narrow(at, 0, step), rest], dim: at)
                    }
                    (best, places) = (merged(best), merged(places))
                    step *= 2
                }
                return places.contiguous()
            }
        }
        return (indices.isPoisoned ? indices : ndim == 0 ? clone() : gather(dim, indices), indices)
    }
}
