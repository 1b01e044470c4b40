import ApusCore

/// The cases of `Tests/ApusCoreTests/record_linalg.py` about linear algebra. They are computed in float64 and compared in float32.
extension RecordedOps {
    /// A square matrix, a batch of two, a symmetric positive definite one, a batch of wide ones, and right sides.
    struct Matrices {
        let m, both, h, w, rhs: Tensor

        init() {
            let identity = Tensor.eye(4, dtype: .float64)
            m = wave([4, 4], dtype: .float64, device: .cpu) + 3 * identity
            both = Tensor.stack([m, m.t() - identity])
            h = m.matmul(m.t())
            w = wave([2, 3, 4], 1.1, dtype: .float64, device: .cpu) + 2 * Tensor.eye(3, 4, dtype: .float64)
            rhs = wave([4, 2], 1.3, dtype: .float64, device: .cpu)
        }
    }

    static let linalg: [(name: String, run: @Sendable (Matrices) -> Tensor)] = [
        ("linalg.solve", { Linalg.solve($0.m, $0.rhs).float() }),
        ("linalg.solve vector", { Linalg.solve($0.m, $0.rhs[.all, 0]).float() }),
        ("linalg.solve from the right", { Linalg.solve($0.m, $0.rhs.t(), left: false).float() }),
        ("linalg.solve batch", { Linalg.solve($0.both, $0.rhs).float() }),
        ("linalg.solve batch of vectors", { Linalg.solve($0.both, $0.rhs.t().contiguous()).float() }),
        ("linalg.solveEx info", { Linalg.solveEx($0.both, $0.rhs).info }),
        ("linalg.inv", { Linalg.inv($0.both).float() }),
        ("linalg.invEx info", { _ in Linalg.invEx(Tensor.ones([2, 2])).info }),
        ("linalg.det", { $0.both.det().float() }),
        ("linalg.det of nothing", { _ in Tensor.zeros([2, 0, 0]).det() }),
        ("linalg.slogdet sign", { (-$0.m[..<3, ..<3]).slogdet().sign.float() }),
        ("linalg.slogdet", { Linalg.slogdet($0.both).logabsdet.float() }),
        ("linalg.logdet", { Tensor.stack([$0.h, $0.h[[1, 0, 2, 3]]]).logdet().float() }),
        ("linalg.lu.p", { Linalg.lu($0.w).p.float() }),
        ("linalg.lu.l", { Linalg.lu($0.w.mT).l.float() }),
        ("linalg.lu.u", { Linalg.lu($0.w).u.float() }),
        ("linalg.luFactor", { Linalg.luFactor($0.w).lu.float() }),
        ("linalg.luFactor pivots", { Linalg.luFactor($0.w).pivots }),
        ("linalg.luFactorEx info", { _ in Linalg.luFactorEx(Tensor.ones([2, 3, 3])).info }),
        (
            "linalg.luSolve",
            { p in
                let (lu, pivots) = Linalg.luFactor(p.m)
                return Linalg.luSolve(lu, pivots, p.rhs.t(), left: false, adjoint: true).float()
            }
        ),
        ("linalg.qr.q", { Linalg.qr($0.w).q.float() }),
        ("linalg.qr.r", { Linalg.qr($0.w.mT).r.float() }),
        ("linalg.qr.q complete", { Linalg.qr($0.w.mT, mode: .complete).q.float() }),
        ("linalg.qr.r complete", { Linalg.qr($0.w.mT, mode: .complete).r.float() }),
        ("linalg.qr.q of mode r", { Linalg.qr($0.w, mode: .r).q.float() }),
        ("linalg.svd.u", { Linalg.svd($0.w).u.abs().float() }),
        ("linalg.svd.s", { Linalg.svd($0.w).s.float() }),
        ("linalg.svd.vh", { Linalg.svd($0.w).vh.abs().float() }),
        ("linalg.svd.vh reduced", { Linalg.svd($0.w, fullMatrices: false).vh.abs().float() }),
        ("linalg.svdvals", { Linalg.svdvals($0.w).float() }),
        ("linalg.eigh.eigenvalues", { Linalg.eigh($0.m).eigenvalues.float() }),
        ("linalg.eigh.eigenvectors", { Linalg.eigh($0.m).eigenvectors.abs().float() }),
        ("linalg.eigvalsh upper", { Linalg.eigvalsh($0.m, uplo: .upper).float() }),
        ("linalg.pinv", { Linalg.pinv($0.w).float() }),
        ("linalg.pinv rtol", { Linalg.pinv($0.w, rtol: 0.5).float() }),
        ("linalg.pinv atol", { Linalg.pinv($0.w, atol: 2).float() }),
        ("linalg.pinv hermitian", { Linalg.pinv($0.m, hermitian: true).float() }),
        ("linalg.pinv of nothing", { _ in Linalg.pinv(Tensor.zeros([2, 0, 3])) }),
        ("linalg.pinverse", { $0.w[0].pinverse(rcond: 0.1).float() }),
        ("linalg.matrixRank", { Linalg.matrixRank($0.w) }),
        ("linalg.matrixRank atol", { Linalg.matrixRank($0.w, atol: 2) }),
        ("linalg.matrixRank hermitian", { _ in Linalg.matrixRank(Tensor.ones([3, 3]), hermitian: true) }),
        ("linalg.lstsq", { Linalg.lstsq($0.w, $0.rhs[..<3]).solution.float() }),
        ("linalg.lstsq vector", { Linalg.lstsq($0.w[0].t(), $0.rhs[.all, 0]).solution.float() }),
        ("linalg.lstsq residuals", { Linalg.lstsq($0.w[0].t(), $0.rhs, driver: .gelsd).residuals.float() }),
        ("linalg.lstsq residuals of a vector", { Linalg.lstsq($0.w[0].t(), $0.rhs[.all, 0], driver: .gels).residuals.float() }),
        ("linalg.lstsq residuals of gelsy", { Linalg.lstsq($0.w[0].t(), $0.rhs).residuals.float() }),
        ("linalg.lstsq rank", { Linalg.lstsq($0.w, $0.rhs[..<3]).rank }),
        ("linalg.lstsq rank of gels", { Linalg.lstsq($0.w, $0.rhs[..<3], driver: .gels).rank }),
        ("linalg.lstsq rcond", { Linalg.lstsq($0.w[0].t(), $0.rhs, rcond: 0.5, driver: .gelss).solution.float() }),
        ("linalg.lstsq singular values", { Linalg.lstsq($0.w, $0.rhs[..<3], driver: .gelss).singularValues.float() }),
        ("linalg.matrixPower", { $0.m.matrixPower(3).float() }),
        ("linalg.matrixPower negative", { Linalg.matrixPower($0.both, -2).float() }),
        ("linalg.matrixPower 0", { $0.both.matrixPower(0).float() }),
        ("linalg.matrixPower of integers", { _ in Linalg.matrixPower((Tensor.arange(12).reshape(3, 4) * 7 % 11)[.all, ..<3], 2) }),
        ("linalg.matrixExp", { Linalg.matrixExp($0.both / 4).float() }),
        ("linalg.matrixNorm", { Linalg.matrixNorm($0.w).float() }),
        ("linalg.matrixNorm nuc", { Linalg.matrixNorm($0.w, ord: .nuc, dim: [0, 1], keepDim: true).float() }),
        ("linalg.matrixNorm 2", { Linalg.matrixNorm($0.w, ord: 2, dim: [0, 1], keepDim: true).float() }),
        ("linalg.matrixNorm -2", { Linalg.matrixNorm($0.w, ord: -2, dim: [0, 1], keepDim: true).float() }),
        ("linalg.matrixNorm 1", { Linalg.matrixNorm($0.w, ord: 1, dim: [0, 1], keepDim: true).float() }),
        ("linalg.matrixNorm -1", { Linalg.matrixNorm($0.w, ord: -1, dim: [0, 1], keepDim: true).float() }),
        ("linalg.matrixNorm inf", { Linalg.matrixNorm($0.w, ord: .infinity, dim: [0, 1], keepDim: true).float() }),
        ("linalg.matrixNorm -inf", { Linalg.matrixNorm($0.w, ord: .p(-.infinity), dim: [0, 1], keepDim: true).float() }),
        ("linalg.matrixNorm dims", { Linalg.matrixNorm($0.w, ord: 1, dim: [-1, 0]).float() }),
        ("linalg.matrixNorm dtype", { Linalg.matrixNorm($0.w.float(), dtype: .float64) }),
        ("linalg.vectorNorm", { Linalg.vectorNorm($0.w, ord: 3, dim: [0, 2]).float() }),
        ("linalg.norm", { Linalg.norm($0.w).float() }),
        ("linalg.norm of vectors", { Linalg.norm($0.w, ord: 1, dim: 1, keepDim: true).float() }),
        ("linalg.norm of matrices", { Linalg.norm($0.w, ord: .nuc, dim: [0, 2]).float() }),
        ("linalg.norm of one matrix", { Linalg.norm($0.m, ord: 2).float() }),
        ("linalg.norm of one vector", { Linalg.norm($0.m[0], ord: .p(-.infinity)).float() }),
        ("linalg.cond", { Linalg.cond($0.w).float() }),
        ("linalg.cond -2", { Linalg.cond($0.both, p: -2).float() }),
        ("linalg.cond 1", { Linalg.cond($0.both, p: 1).float() }),
        ("linalg.cond -inf", { Linalg.cond($0.both, p: .p(-.infinity)).float() }),
        ("linalg.cond fro", { Linalg.cond($0.both, p: .fro).float() }),
        ("linalg.cond nuc", { Linalg.cond($0.both, p: .nuc).float() }),
        ("linalg.cond of a singular matrix", { _ in Linalg.cond(Tensor.ones([2, 2]), p: 1) }),
        ("linalg.cond of zeros", { _ in Linalg.cond(Tensor.zeros([2, 2]), p: .fro) }),
        ("linalg.cholesky upper", { $0.h.cholesky(upper: true).float() }),
        ("linalg.choleskyEx info", { Linalg.choleskyEx(Tensor.stack([$0.h, -$0.h])).info }),
        ("linalg.choleskyInverse", { $0.m.choleskyInverse().float() }),
        ("linalg.choleskyInverse upper", { $0.m.choleskyInverse(upper: true).float() }),
        ("linalg.choleskySolve", { $0.rhs.choleskySolve($0.m).float() }),
        ("linalg.choleskySolve upper", { $0.rhs.choleskySolve($0.m, upper: true).float() }),
        ("linalg.solveTriangular from the right", { $0.both.solveTriangular($0.rhs.t(), upper: true, left: false).float() }),
        ("linalg.solveTriangular unitriangular", { Linalg.solveTriangular($0.m, $0.rhs, upper: false, unitriangular: true).float() }),
        ("linalg.householderProduct", { Linalg.householderProduct($0.w.mT, $0.w[.all, 0, ..<2] / 4).float() }),
        ("linalg.ldlFactor", { Linalg.ldlFactor($0.m).ld.float() }),
        ("linalg.ldlFactor pivots", { Linalg.ldlFactor($0.m - 3 * Tensor.eye(4, dtype: .float64)).pivots }),
        ("linalg.ldlFactorEx info", { _ in Linalg.ldlFactorEx(Tensor.stack([Tensor.eye(2), Tensor.zeros([2, 2])])).info }),
        (
            "linalg.ldlSolve",
            { p in
                let (ld, pivots) = Linalg.ldlFactor(p.m - 3 * Tensor.eye(4, dtype: .float64))
                return Linalg.ldlSolve(ld, pivots, p.rhs).float()
            }
        ),
        ("linalg.tensorinv", { Linalg.tensorinv($0.m.reshape(4, 2, 2), ind: 1).float() }),
        ("linalg.tensorsolve", { Linalg.tensorsolve($0.m.reshape(2, 4, 2), $0.rhs[.all, 0].reshape(2, 2), dims: [1]).float() }),
    ]
}
