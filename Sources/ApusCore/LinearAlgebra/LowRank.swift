// Low-rank factors by random projections (Halko, Martinsson, Tropp, "Finding structure with randomness", 2011), composed of products and
// factors of narrow matrices, which provide the derivatives.

extension Tensor {
    /// U [*, m, k], S [*, k] in descending order and V [*, n, k] with k = min(q, m, n), such that U·diag(S)·Vᵀ approximates A [*, m, n], or
    /// A − `m` for an `m` that broadcasts to A. It equals A up to rounding if A's rank is at most q.
    ///
    /// A is applied to q random vectors from the default generator, followed by `niter` power iterations with Aᵀ and A, which suppress the
    /// singular values beyond the first q. The gradient is that for the random vectors drawn. Traps for a negative q or niter, and for
    /// dtypes other than float32 and float64. PyTorch: `torch.svd_lowrank`.
    public static func svdLowrank(_ a: Tensor, q: Int = 6, niter: Int = 2, m: Tensor? = nil) -> (u: Tensor, s: Tensor, v: Tensor) {
        let found = compositeList("svdLowrank", count: 3, a, m ?? a) { () throws(OpError) in
            guard let m else { return try lowRank(a, q, niter) }
            try a.requireSameDType(m)
            guard Shape.broadcast(a.shape, m.shape) == a.shape else {
                throw OpError("m of shape \(m.shape) does not broadcast to the matrix's shape \(a.shape)")
            }
            return try lowRank(a - m, q, niter)
        }
        return (found[0], found[1], found[2])
    }

    /// Principal component analysis of m samples A [*, m, n] of n numbers: `svdLowrank` of A with the mean of each column subtracted if
    /// `center`. The columns of V are the directions, S²/(m − 1) the variances along them; q is min(6, m, n) by default.
    ///
    /// Traps if q is above min(m, n), and where `svdLowrank` does. PyTorch: `torch.pca_lowrank`.
    public static func pcaLowrank(_ a: Tensor, q: Int? = nil, center: Bool = true, niter: Int = 2) -> (u: Tensor, s: Tensor, v: Tensor) {
        let found = compositeList("pcaLowrank", count: 3, a) { () throws(OpError) in
            try a.requireMatrices()
            let most = Swift.min(a.shape[-2], a.shape[-1])
            let count = q ?? Swift.min(6, most)
            guard count <= most else { throw OpError("q must not be more than \(most) for matrices of shape \(a.shape), it is \(count)") }
            try a.requireLAPACKNumbers()
            return try lowRank(center ? a - a.mean(dim: -2, keepDim: true) : a, count, niter)
        }
        return (found[0], found[1], found[2])
    }

    private static func lowRank(_ a: Tensor, _ q: Int, _ niter: Int) throws(OpError) -> [Tensor] {
        try a.usable().requireMatrices()
        try a.requireLAPACKNumbers()
        guard q >= 0, niter >= 0 else { throw OpError("q and niter must not be negative, they are \(q) and \(niter)") }
        let isWide = a.shape[-2] < a.shape[-1]
        let tall = isWide ? a.mT : a
        func basis(_ x: Tensor) -> Tensor { Linalg.qr(x).q }
        var range = basis(tall.matmul(randn([tall.shape[-1], q], dtype: a.dtype, device: a.device)))
        for _ in 0..<niter { range = basis(tall.matmul(basis(tall.mT.matmul(range)))) }
        let (u, s, vh) = Linalg.svd(range.mT.matmul(tall), fullMatrices: false)
        let (left, right) = (range.matmul(u), vh.mT)
        return isWide ? [right, s, left] : [left, s, right]
    }
}
