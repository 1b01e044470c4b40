extension HostLU {
    /// For each matrix −1 for an odd number of row exchanges, else 1, as a tensor [*].
    fileprivate func parities(on device: Device) throws(OpError) -> Tensor {
        let n = matrices.rows
        let exchanged = pivots.hostIntegers
        defer { withExtendedLifetime(pivots) {} }
        let signs = (0..<matrices.count).map { i in (0..<n).reduce(1.0) { Int(exchanged[i * n + $1]) == $1 + 1 ? $0 : -$0 } }
        return try Tensor(signs, shape: matrices.batch, dtype: matrices.dtype, device: device).usable()
    }
}

/// The determinant of square matrices, by their LU factors.
///
/// Derivative: Ā = det·A⁻ᵀ·ḡ; for a singular matrix, from its singular values, det U·det V·U·diag(the product of the others)·Vᵀ·ḡ.
private struct Determinant: Op {
    var name: String { "det" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let a = inputs[0]
        try a.requireSquare()
        let factors = try HostLU(factoring: a)
        let (lu, parities) = (try factors.matrices.tensor(on: a.device), try factors.parities(on: a.device))
        let result = try unrecorded { () throws(OpError) in lu.diagonal(dim1: -2, dim2: -1).prod(dim: -1) * parities }
        saved.keep(a)
        saved.keep(lu)
        saved.keep(try factors.pivots.moved(to: a.device))
        saved.keepOutput(result)
        return result
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (a, lu, pivots, det) = (context.saved[0], context.saved[1], context.saved[2], context.saved[3])
        let incoming = grad.unsqueeze(-1).unsqueeze(-1)
        let scaled = Tensor.where(a.identity.to(.bool), incoming * det.unsqueeze(-1).unsqueeze(-1), 0.0)
        let isSingular = noGrad { det.detach().eq(0).unsqueeze(-1).unsqueeze(-1) }
        if isSingular.isPoisoned || !isSingular.any().item(Bool.self) {
            return [Tensor.solveTransposed(a, scaled, lu: lu, pivots: pivots)]
        }
        let regular = Linalg.solve(Tensor.where(isSingular, a.identity, a).mT, scaled)
        // Regular matrices are replaced by one whose singular values are distinct, so that its derivative is finite.
        let n = a.shape[-1]
        let plain = Tensor.arange(1, n + 1, dtype: a.dtype, device: a.device).diagonalMatrices
        let (u, s, vh) = Linalg.svd(Tensor.where(isSingular, a, plain), fullMatrices: false)
        let others = Tensor.where(a.identity.to(.bool), 1.0, s.unsqueeze(-2)).prod(dim: -1)
        let sign = noGrad { u.det() * vh.det() }
        let cofactors = (u * (others * sign.unsqueeze(-1)).unsqueeze(-2)).matmul(vh)
        return [Tensor.where(isSingular, cofactors * incoming, regular)]
    }
}

/// ln |det A| of square matrices, and as a byproduct the determinant's sign; −∞ and 0 for a singular one.
///
/// Derivative: Ā = A⁻ᵀ·ḡ.
private struct LogDeterminant: Op {
    var name: String { "slogdet" }
    var outputCount: Int { 2 }
    var byproductCount: Int { 1 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        try a.requireSquare()
        let factors = try HostLU(factoring: a)
        let (lu, parities) = (try factors.matrices.tensor(on: a.device), try factors.parities(on: a.device))
        saved.keep(a)
        saved.keep(lu)
        saved.keep(try factors.pivots.moved(to: a.device))
        return [
            try unrecorded { () throws(OpError) in lu.diagonal(dim1: -2, dim2: -1).abs().log().sum(dim: -1) },
            try unrecorded { () throws(OpError) in lu.diagonal(dim1: -2, dim2: -1).sign().prod(dim: -1) * parities },
        ]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let a = context.saved[0]
        let scaled = Tensor.where(a.identity.to(.bool), grads[0]!.unsqueeze(-1).unsqueeze(-1), 0.0)
        return [Tensor.solveTransposed(a, scaled, lu: context.saved[1], pivots: context.saved[2])]
    }
}

extension Tensor {
    /// The determinant of square matrices [*, n, n], [*].
    public final func det() -> Tensor { apply(Determinant(), Inputs(self)) }

    /// The sign of the determinant of square matrices [*, n, n], and ln |det|, which does not overflow as early; 0 and −∞ for a singular
    /// matrix. Only the logarithm has a gradient.
    public final func slogdet() -> (sign: Tensor, logabsdet: Tensor) {
        let found = apply(LogDeterminant(), Inputs(self))
        return (found[1], found[0])
    }

    /// The logarithm of the determinant of square matrices [*, n, n]: −∞ if it is 0, NaN if it is negative.
    public final func logdet() -> Tensor {
        composite("logdet", .asIs, self) { x in
            let (sign, logabsdet) = x.slogdet()
            return logabsdet.maskedFill(sign.eq(-1), Double.nan)
        }
    }
}

extension Linalg {
    /// The determinant of square matrices [*, n, n], [*].
    public static func det(_ a: Tensor) -> Tensor { a.det() }

    /// The sign of the determinant of square matrices, and ln |det|: `Tensor.slogdet`.
    public static func slogdet(_ a: Tensor) -> (sign: Tensor, logabsdet: Tensor) { a.slogdet() }
}
