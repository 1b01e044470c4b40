import ApusCore

extension Database {
    private static func order(_ c: Call, _ keys: Call.Key) throws -> NormOrder? {
        if !c.has(keys) { return nil }
        if let name = try? c.optionalString(keys) { return name == "fro" ? .fro : .nuc }
        return .p(try c.double(keys))
    }

    private static func triangle(_ c: Call) throws -> Linalg.Triangle { try c.optionalString("UPLO") == "U" ? .upper : .lower }

    private static func driver(_ c: Call) throws -> Linalg.LeastSquaresDriver {
        switch try c.optionalString("driver") {
        case "gels": .gels
        case "gelsd": .gelsd
        case "gelss": .gelss
        default: .gelsy
        }
    }

    private static func weighted(
        _ c: Call, _ f: (Tensor, Tensor, Tensor, Scalar, Scalar) -> Tensor
    ) throws -> Tensor {
        try f(c.x, c.tensor(1), c.tensor(2), c.scalar("beta", or: .int(1)), c.scalar("alpha", or: .int(1)))
    }

    private static func leastSquares(_ c: Call) throws -> Tensor {
        try Linalg.lstsq(c.x, c.tensor(1), rcond: c.optionalDouble(2), driver: driver(c)).solution
    }

    private static func rank(_ c: Call) throws -> Tensor {
        let hermitian = try c.bool("hermitian", or: false)
        if c.isTensor("atol") { return try Linalg.matrixRank(c.x, atol: c.tensor("atol"), rtol: c.optional("rtol"), hermitian: hermitian) }
        if c.isTensor("rtol") { return try Linalg.matrixRank(c.x, rtol: c.tensor("rtol"), hermitian: hermitian) }
        return try Linalg.matrixRank(c.x, atol: c.optionalDouble("atol"), rtol: c.optionalDouble("rtol"), hermitian: hermitian)
    }

    private static func norm(_ c: Call) throws -> Tensor {
        try Linalg.norm(c.x, ord: order(c, 1) ?? order(c, "ord"), dim: c.ints("dim"), keepDim: c.bool("keepdim", or: false))
    }

    /// LAPACK has no factors without exchanges of rows, and so PyTorch has none on the processor.
    private static func pivots(_ c: Call) throws {
        guard try c.bool("pivot", or: true) else { throw Call.RuledOut(description: "there are no factors without exchanges of rows") }
    }

    /// Products and linear algebra.
    static let matrices: [String: One] = [
        "addmm": { try weighted($0) { $0.addmm($1, $2, beta: $3, alpha: $4) } },
        "addmm.decomposed": { try weighted($0) { $0.addmm($1, $2, beta: $3, alpha: $4) } },
        "addmv": { try weighted($0) { $0.addmv($1, $2, beta: $3, alpha: $4) } },
        "addbmm": { try weighted($0) { $0.addbmm($1, $2, beta: $3, alpha: $4) } },
        "baddbmm": { try weighted($0) { $0.baddbmm($1, $2, beta: $3, alpha: $4) } },
        "addr": { try weighted($0) { $0.addr($1, $2, beta: $3, alpha: $4) } },
        "dot": { try $0.x.dot($0.tensor(1)) },
        "vdot": { try $0.x.vdot($0.tensor(1)) },
        "bmm": { try $0.x.bmm($0.tensor(1)) },
        "mm": { try $0.x.mm($0.tensor(1)) },
        "mv": { try $0.x.mv($0.tensor(1)) },
        "matmul": { try $0.x.matmul($0.tensor(1)) },
        "inner": { try $0.x.inner($0.tensor(1)) },
        "outer": { try $0.x.outer($0.tensor(1)) },
        "kron": { try $0.x.kron($0.tensor(1)) },
        "cross": { try $0.x.cross($0.tensor(1), dim: $0.optionalInt("dim")) },
        "linalg.cross": { try $0.x.cross($0.tensor(1), dim: $0.int("dim", or: -1)) },
        "linalg.vecdot": { try $0.x.vecdot($0.tensor(1), dim: $0.int("dim", or: -1)) },
        "tensordot": { c in
            guard c.isList("dims") else { return try Tensor.tensordot(c.x, c.tensor(1), dims: c.int("dims")) }
            return try Tensor.tensordot(c.x, c.tensor(1), dims: ([0, 1], [2, 0]))
        },
        "einsum": { try Tensor.einsum($0.optionalString(1)!, $0.tensors(0)) },
        "linalg.multi_dot": { try Tensor.multiDot($0.tensors(0)) },
        "matrix_exp": { try $0.x.matrixExp() },
        "linalg.matrix_power": { try $0.x.matrixPower($0.int(1)) },
        "cholesky": { try $0.x.cholesky(upper: $0.bool("upper", or: false)) },
        "linalg.cholesky": { try Linalg.cholesky($0.x, upper: $0.bool("upper", or: false)) },
        "cholesky_inverse": { c in
            let upper = try c.bool("upper", or: false)
            return try (upper ? c.x.triu() : c.x.tril()).choleskyInverse(upper: upper)
        },
        "cholesky_solve": { c in
            let upper = try c.bool("upper", or: false)
            return try c.x.choleskySolve(upper ? c.tensor(1).triu() : c.tensor(1).tril(), upper: upper)
        },
        "lu_solve": { try Linalg.luSolve($0.tensor(1), $0.tensor(2), $0.x) },
        "linalg.lu_solve": {
            try Linalg.luSolve($0.x, $0.tensor(1), $0.tensor(2), left: $0.bool("left", or: true), adjoint: $0.bool("adjoint", or: false))
        },
        "logdet": { try $0.x.logdet() },
        "linalg.det": { try Linalg.det($0.x) },
        "linalg.inv": { try Linalg.inv($0.x) },
        "linalg.cond": { try Linalg.cond($0.x, p: order($0, 1)) },
        "linalg.eigvalsh": { try Linalg.eigvalsh($0.x, uplo: triangle($0)) },
        "linalg.svdvals": { try Linalg.svdvals($0.x) },
        "linalg.householder_product": { try Linalg.householderProduct($0.x, $0.tensor(1)) },
        "linalg.ldl_solve": { c in
            _ = try c.bool("hermitian", or: false)
            return try Linalg.ldlSolve(c.x, c.tensor(1), c.tensor(2))
        },
        "linalg.lstsq": { try leastSquares($0) },
        "linalg.lstsq.grad_oriented": { try leastSquares($0) },
        "linalg.norm": { try norm($0) },
        "linalg.norm.subgradients_at_zero": { try norm($0) },
        "linalg.matrix_norm": { c in
            try Linalg.matrixNorm(c.x, ord: order(c, 1) ?? .fro, dim: c.ints(2) ?? [-2, -1], keepDim: c.bool(3, "keepdim", or: false))
        },
        "linalg.vector_norm": { c in
            let (order, keepDim) = (try c.double("ord", or: 2), try c.bool("keepdim", or: false))
            return try Linalg.vectorNorm(c.x, ord: order, dim: c.ints("dim") ?? [], keepDim: keepDim)
        },
        "linalg.vander": { try Tensor.vander($0.x, n: $0.optionalInt("N"), increasing: true) },
        "linalg.solve": { try Linalg.solve($0.x, $0.tensor(1), left: $0.bool("left", or: true)) },
        "linalg.solve_triangular": {
            try Linalg.solveTriangular(
                $0.x, $0.tensor(1), upper: $0.bool("upper"), left: $0.bool("left", or: true),
                unitriangular: $0.bool("unitriangular", or: false))
        },
        "linalg.matrix_rank": { try rank($0) },
        "linalg.matrix_rank.hermitian": { try rank($0) },
        "linalg.pinv": { c in
            try c.isTensor("rtol") ? Linalg.pinv(c.x, rtol: c.tensor("rtol")) : Linalg.pinv(c.x, rtol: c.optionalDouble("rtol"))
        },
        // Of a product of narrow matrices, so that the rank is known.
        "linalg.pinv.singular": { try Linalg.pinv($0.x.matmul($0.tensor(1).mT)) },
        "linalg.pinv.hermitian": { c in try Linalg.pinv(c.x, hermitian: c.bool("hermitian")) },
        "pinverse": { try $0.x.pinverse() },
        "linalg.tensorinv": { try Linalg.tensorinv($0.x, ind: $0.int("ind", or: 2)) },
        "linalg.tensorsolve": { try Linalg.tensorsolve($0.x, $0.tensor(1), dims: $0.ints("dims")) },
        // The singular values; vectors are not unique.
        "svd_lowrank": { c in
            let a = try c.x.matmul(c.tensor(1).mT)
            return try Tensor.svdLowrank(a, q: c.int("q"), m: c.optional("M")).s
        },
        "pca_lowrank": { c in try Tensor.pcaLowrank(c.x.matmul(c.tensor(1).mT), q: c.int("q"), center: c.bool("center", or: true)).s },
    ]

    /// Decompositions.
    static let severalMatrices: [String: Several] = [
        "linalg.cholesky_ex": { c in both(try Linalg.choleskyEx(c.x, upper: c.bool("upper", or: false))) },
        "linalg.eigh": { c in
            let found = try Linalg.eigh(c.x, uplo: triangle(c))
            return [found.eigenvalues, found.eigenvectors.abs()]
        },
        "linalg.svd": { c in
            let found = try Linalg.svd(c.x, fullMatrices: c.bool("full_matrices", or: true))
            return [found.u.abs(), found.s, found.vh.abs()]
        },
        "linalg.qr": { c in both(try Linalg.qr(c.x)) },
        "linalg.slogdet": { c in both(try Linalg.slogdet(c.x)) },
        "linalg.inv_ex": { c in both(try Linalg.invEx(c.x)) },
        "linalg.solve_ex": { c in both(try Linalg.solveEx(c.x, c.tensor(1), left: c.bool("left", or: true))) },
        "linalg.lu": { c in
            try pivots(c)
            let found = try Linalg.lu(c.x)
            return [found.p, found.l, found.u]
        },
        "linalg.lu_factor": { c in
            try pivots(c)
            return both(try Linalg.luFactor(c.x))
        },
        "linalg.lu_factor_ex": { c in
            try pivots(c)
            let found = try Linalg.luFactorEx(c.x)
            return [found.lu, found.pivots, found.info]
        },
        "linalg.ldl_factor": { c in
            _ = try c.bool("hermitian", or: false)
            return both(try Linalg.ldlFactor(c.x))
        },
        "linalg.ldl_factor_ex": { c in
            _ = try c.bool("hermitian", or: false)
            let found = try Linalg.ldlFactorEx(c.x)
            return [found.ld, found.pivots, found.info]
        },
    ]
}
