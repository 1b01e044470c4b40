import ApusCore

/// x/(k + alpha/size·s)^beta, with s the sum of squares over neighbouring channels; input [N, C, H, W]. PyTorch: `nn.CrossMapLRN2d`.
///
/// The values are PyTorch's: with p = ⌊(size + 1)/2⌋, s of channel c sums channels c − p + 1 … c + p − 1, and always channel 0. The
/// gradient is PyTorch's too and not that of the formula: for channel c it sums over channels c − p … c − p + size − 1.
/// `LocalResponseNorm` computes nearly the same and has the gradient of its formula.
public final class CrossMapLRN2d: Module, DeclaredModule {
    /// The number of channels in the neighbourhood.
    public let size: Int
    /// α in the formula.
    public let alpha: Scalar
    /// β in the formula.
    public let beta: Scalar
    /// k in the formula.
    public let k: Scalar

    /// `size` is the number of channels in a neighbourhood.
    public init<Alpha: ScalarConvertible, Beta: ScalarConvertible, K: ScalarConvertible>(
        _ size: Int, alpha: Alpha = 1e-4, beta: Beta = 0.75, k: K = 1
    ) {
        self.size = size
        self.alpha = alpha._scalar
        self.beta = beta._scalar
        self.k = k._scalar
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor {
        if x.isPoisoned { return x }
        if x.ndim != 4 { return fail("CrossMapLRN2d", "expects an input with 4 dimensions, this one has shape \(x.shape)") }
        if size <= 0 { return fail("CrossMapLRN2d", "size is \(size), but must be positive") }
        return ApusCore.apply(
            CrossMapNormalization(size: size, alpha: alpha.doubleValue, beta: beta.doubleValue, k: k.doubleValue), Inputs(x))
    }
    static let arguments = Signature(
        .int("size").shownAsValue, .number("alpha", 1e-4).shown, .number("beta", 0.75).shown, .number("k", 1).shown
    ).makes(CrossMapLRN2d.init)
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
        // For size 1 PyTorch has no gradient; use the gradient of the formula.
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
