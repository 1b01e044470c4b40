import ApusCore

extension F {
    /// See ``CrossMapLRN2d``. PyTorch has no function of that name.
    static func crossMapLRN2d(_ x: Tensor, _ size: Int, alpha: Double, beta: Double, k: Double) -> Tensor {
        composite("CrossMapLRN2d", x) { () throws(OpError) in
            if x.ndim != 4 { throw OpError("expects an input with 4 dimensions, this one has shape \(x.shape)") }
            if size <= 0 { throw OpError("size is \(size), but must be positive") }
            return apply(CrossMapNormalization(size: size, alpha: alpha, beta: beta, k: k), Inputs(x))
        }
    }
}

/// y = x·d^−beta with d = k + alpha/size·(W x²), and PyTorch's gradient g·d^−beta − 2·alpha·beta/size·x·(B (g·y/d)). W and B are
/// matrices of zeros and ones that select channels.
private struct CrossMapNormalization: Op {
    let size: Int, alpha, beta, k: Double

    var name: String { "crossMapLRN2d" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        saved.keep(inputs[0])
        return noGrad { inputs[0] * divisor(inputs[0]).pow(-beta) }
    }

    func backward(_ g: Tensor, _ context: BackwardContext) -> Gradients {
        let x = context.saved[0]
        let divisor = divisor(x)
        let power = divisor.pow(-beta)
        // For size 1 PyTorch's backward pass fails; the window is the channel itself then.
        let below = size == 1 ? 0 : reach
        let ratios = sums(g * x * power / divisor) { c in (c - below)...(c - below + size - 1) }
        return [g * power - x * ratios * (2 * alpha * beta / Double(size))]
    }

    private var reach: Int { (size + 1) / 2 }

    private func divisor(_ x: Tensor) -> Tensor {
        sums(x.square(), always: 0) { c in (c - reach + 1)...(c + reach - 1) } * (alpha / Double(size)) + k
    }

    /// For each channel the sum over the channels in `window` that exist, and over channel `always`.
    private func sums(_ x: Tensor, always: Int? = nil, _ window: (Int) -> ClosedRange<Int>) -> Tensor {
        let channels = x.shape[1]
        let ones = (0..<channels).flatMap { c in
            let counted = window(c)
            return (0..<channels).map { counted.contains($0) || $0 == always ? 1.0 : 0 }
        }
        let matrix = Tensor(ones, shape: [channels, channels], dtype: x.dtype, device: x.device)
        return matrix.matmul(x.reshape([x.shape[0], channels, -1])).reshape(x.shape)
    }
}
