import ApusCore

/// x/(k + alpha/size·s)^beta, with s the sum of squares over neighbouring channels; input [N, C, H, W]. PyTorch: `nn.CrossMapLRN2d`.
///
/// The values are PyTorch's: with p = ⌊(size + 1)/2⌋, s of channel c sums channels c − p + 1 … c + p − 1, and always channel 0. The
/// gradient is PyTorch's too and not that of the formula: for channel c it sums over channels c − p … c − p + size − 1 (for size 1, where
/// PyTorch fails, over channel c alone).
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
        F.crossMapLRN2d(x, size, alpha: alpha.doubleValue, beta: beta.doubleValue, k: k.doubleValue)
    }
    static let arguments = Signature(
        .int("size").shownAsValue, .number("alpha", 1e-4).shown, .number("beta", 0.75).shown, .number("k", 1).shown
    ).makes(CrossMapLRN2d.init)
}
