import CDrivers

/// L, U and the row exchanges of a batch of matrices, in host memory.
struct HostLU {
    /// L below the diagonal, with a unit diagonal, and U on and above it.
    let matrices: HostMatrices
    /// [*, min(m, n)], int32: row i was exchanged with row pivots[i], counted from 1.
    let pivots: Tensor
    /// [*], int32: the index from 1 of the first zero on U's diagonal; 0 if there is none.
    let info: Tensor

    /// Factorises the matrices of `a`.
    init(factoring a: Tensor) throws(OpError) {
        try a.requireLAPACKNumbers()
        let lapack = try LAPACK.functions(a.dtype)
        let matrices = try HostMatrices(copying: a)
        let steps = min(matrices.rows, matrices.columns)
        self.matrices = matrices
        pivots = try Tensor.uninitialized(Shape(matrices.batch + [steps]), .int32, .cpu)
        info = try Tensor.uninitialized(matrices.batch, .int32, .cpu)
        let (exchanged, singular) = (pivots.hostIntegers, info.hostIntegers)
        try Workspace().forEach(matrices.count, a.dtype) { i, _, _ in
            singular[i] = 0
            if steps == 0 { return }
            var (rows, columns, leading) = (Int32(matrices.rows), Int32(matrices.columns), matrices.leading)
            lapack.getrf(&rows, &columns, matrices[i], &leading, exchanged + i * steps, singular + i)
        }
    }

    /// The factors in `lu` and `pivots`; does not check whether they are singular.
    init(_ lu: Tensor, _ pivots: Tensor) throws(OpError) {
        try lu.requireLAPACKNumbers()
        try lu.requireSquare()
        try lu.requirePivots(pivots)
        matrices = try HostMatrices(copying: lu)
        self.pivots = try pivots.hostData()
        info = try Tensor.uninitialized(matrices.batch, .int32, .cpu)
        try Device.cpu.backend.fill(info, with: .int(0))
        let (exchanged, rows) = (self.pivots.hostIntegers, matrices.rows)
        for i in 0..<self.pivots.numel where exchanged[i] < 1 || exchanged[i] > rows {
            throw OpError("pivot \(exchanged[i]) is not within 1 … \(rows)")
        }
    }

    /// Solves A·X = B, or Aᵀ·X = B, for X [*, n, k]; batches broadcast.
    func solve(_ b: Tensor, adjoint: Bool) throws(OpError) -> HostMatrices {
        let n = matrices.rows
        guard let batch = Shape.broadcast(matrices.batch, b.batchShape) else {
            throw OpError("a batch of matrices \(matrices.batch) and right sides of shape \(b.shape) do not broadcast")
        }
        let lapack = try LAPACK.functions(matrices.dtype)
        let x = try HostMatrices(copying: b.expanded(Shape(batch + b.shape.suffix(2))))
        let owners = try Tensor.owners(in: matrices.batch, of: batch)
        let exchanged = pivots.hostIntegers
        defer { withExtendedLifetime(pivots) {} }
        if x.memory.numel == 0 { return x }
        // The right-hand sides are split into parts that do not depend on the number of threads.
        let parts = LargeMatrices.parts(x.columns)
        try Workspace().forEach(x.count * parts.count, matrices.dtype) { place, _, _ in
            let (i, part) = (place / parts.count, parts[place % parts.count])
            let owner = owners[i]
            var (order, width, leading, leadingOfX, wrong) = (Int32(n), Int32(part.count), matrices.leading, x.leading, Int32(0))
            lapack.getrs(
                adjoint ? "T" : "N", &order, &width, matrices[owner], &leading, exchanged + owner * n,
                x[i] + part.first * n * matrices.dtype.size, &leadingOfX, &wrong, 1)
        }
        return x
    }

    /// Throws if a matrix is singular.
    func requireRegular(_ consequence: String) throws(OpError) {
        let singular = info.hostIntegers
        defer { withExtendedLifetime(info) {} }
        for i in 0..<info.numel where singular[i] > 0 {
            throw OpError("\(HostLU.place(i, of: info.shape))element (\(singular[i]), \(singular[i])) of U is zero: \(consequence)")
        }
    }

    /// The index of a matrix in its batch, for messages.
    static func place(_ i: Int, of batch: Shape) -> String { batch.isEmpty ? "" : "matrix \(i) of the batch: " }
}

/// The factors of A = P·L·U [*, m, n], with L below the diagonal and U on and above it; the byproducts are the pivots and the index from 1
/// of a zero on U's diagonal.
///
/// Derivative, for m = n: Ā = P·L⁻ᵀ·(strictly lower half of Lᵀ·L̄ + upper half of Ū·Uᵀ)·U⁻ᵀ. The remaining rows of a tall A are P·L₂·U, the
/// remaining columns of a wide one P·L·U₂; they pass their gradients on to the square part.
private struct LUFactor: Op {
    /// Whether a zero on U's diagonal is an error.
    let checks: Bool

    var name: String { "luFactor" }
    var outputCount: Int { 3 }
    var byproductCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        try a.requireMatrices()
        let factors = try HostLU(factoring: a)
        if checks { try factors.requireRegular("with these factors equations have no solution; luFactorEx gives them all the same") }
        let pivots = try factors.pivots.moved(to: a.device)
        let lu = try factors.matrices.tensor(on: a.device)
        saved.keepOutput(lu)
        saved.keep(pivots)
        return [lu, pivots, try factors.info.moved(to: a.device)]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let (grad, lu) = (grads[0]!, context.saved[0])
        let (m, n) = (lu.shape[-2], lu.shape[-1])
        let k = min(m, n)
        let square = lu.narrow(-2, 0, k).narrow(-1, 0, k)
        let gradSquare = grad.narrow(-2, 0, k).narrow(-1, 0, k)
        let (l, u) = (square.tril(-1) + square.identity, square.triu())
        var below = l.mT.matmul(gradSquare.tril(-1))
        var above = gradSquare.triu().matmul(u.mT)
        var parts: [Tensor] = []
        if n > m {
            let gradRight = grad.narrow(-1, k, n - k)
            below = below - gradRight.matmul(lu.narrow(-1, k, n - k).mT)
            parts = [l.mT.solveTriangular(gradRight, upper: true, unitriangular: true)]
        } else if m > n {
            let gradBottom = grad.narrow(-2, k, m - k)
            above = above - lu.narrow(-2, k, m - k).mT.matmul(gradBottom)
            parts = [u.mT.solveTriangular(gradBottom, upper: false, left: false)]
        }
        let inner = u.mT.solveTriangular(below.tril(-1) + above.triu(), upper: false, left: false)
        let whole = Tensor.cat([l.mT.solveTriangular(inner, upper: true, unitriangular: true)] + parts, dim: n > m ? -1 : -2)
        return [Tensor.permutation(context.saved[1], rows: m, like: lu).matmul(whole)]
    }
}

/// Solves A·X = B, or Aᵀ·X = B, by the factors of A = P·L·U [*, n, n], for B [*, n, k]; batches broadcast.
///
/// Derivatives: B̄ solves the transposed equation for X̄. With W = B̄ and X (swapped for Aᵀ) the gradient of A is −W·Xᵀ, so those of L and
/// U are the strictly lower half of −(PᵀW)·(U·X)ᵀ and the upper half of −(LᵀPᵀW)·Xᵀ.
private struct LUSolve: Op {
    let adjoint: Bool

    var name: String { "luSolve" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (lu, pivots, b) = (inputs[0], inputs[1], inputs[2])
        try lu.requireSquare()
        try lu.requireFitting(b)
        let x = try HostLU(lu, pivots).solve(b, adjoint: adjoint).tensor(on: b.device)
        for kept in [lu, pivots, b] { saved.keep(kept) }
        saved.keepOutput(x)
        return x
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (lu, pivots, b, x) = (context.saved[0], context.saved[1], context.saved[2], context.saved[3])
        let gradB = apply(LUSolve(adjoint: !adjoint), [lu, pivots, grad])
        var gradLU: Tensor?
        if context.needs(0) {
            let (w, y) = adjoint ? (x, gradB) : (gradB, x)
            let (l, u) = (lu.tril(-1) + lu.identity, lu.triu())
            let exchanged = Tensor.permutation(pivots, rows: lu.shape[-1], like: lu).mT.matmul(w)
            let lower = exchanged.matmul(u.matmul(y).mT).tril(-1)
            gradLU = -(lower + l.mT.matmul(exchanged).matmul(y.mT).triu()).sum(toShape: lu.shape)
        }
        return [gradLU, nil, context.needs(2) ? gradB.sum(toShape: b.shape) : nil]
    }
}

/// Solves A·X = B for square A [*, n, n] and B [*, n, k]; batches broadcast. The byproduct is the index from 1 of a zero on U's diagonal.
///
/// Derivatives: B̄ = A⁻ᵀ·X̄, Ā = −B̄·Xᵀ.
private struct Solve: Op {
    /// Whether a singular matrix is an error.
    let checks: Bool

    var name: String { "solve" }
    var outputCount: Int { 2 }
    var byproductCount: Int { 1 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let (a, b) = (inputs[0], inputs[1])
        try a.requireSquare()
        try a.requireFitting(b)
        let factors = try HostLU(factoring: a)
        if checks { try factors.requireRegular("the matrix is singular, and the equation has no single solution") }
        let x = try factors.solve(b, adjoint: false).tensor(on: a.device)
        saved.keep(a)
        saved.keep(b)
        saved.keepOutput(x)
        if saved.node != nil {
            saved.keep(try factors.matrices.tensor(on: a.device))
            saved.keep(try factors.pivots.moved(to: a.device))
        }
        return [x, try factors.info.moved(to: a.device)]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let (a, b, x) = (context.saved[0], context.saved[1], context.saved[2])
        let gradB = Tensor.solveTransposed(a, grads[0]!, lu: context.saved[3], pivots: context.saved[4])
        return [
            context.needs(0) ? -gradB.matmul(x.mT).sum(toShape: a.shape) : nil, context.needs(1) ? gradB.sum(toShape: b.shape) : nil,
        ]
    }
}

/// The inverse of square matrices; the byproduct is the index from 1 of a zero on U's diagonal.
///
/// Derivative: Ā = −Xᵀ·X̄·Xᵀ with X = A⁻¹.
private struct Inverse: Op {
    /// Whether a singular matrix is an error.
    let checks: Bool

    var name: String { "inv" }
    var outputCount: Int { 2 }
    var byproductCount: Int { 1 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        try a.requireSquare()
        let factors = try HostLU(factoring: a)
        if checks { try factors.requireRegular("the matrix is singular and has no inverse; pinv gives the pseudoinverse") }
        let identity = try Tensor.eye(a.shape[-1], dtype: a.dtype).usable()
        let x = try factors.solve(identity, adjoint: false).tensor(on: a.device)
        saved.keepOutput(x)
        return [x, try factors.info.moved(to: a.device)]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let transposed = context.saved[0].mT
        return [-transposed.matmul(grads[0]!).matmul(transposed)]
    }
}

extension Tensor {
    /// A⁻ᵀ·B, for the gradients of functions of A = P·L·U: by A's factors, or by A itself if the result may be differentiated again. A
    /// singular A gives infinities and NaN.
    static func solveTransposed(_ a: Tensor, _ b: Tensor, lu: Tensor, pivots: Tensor) -> Tensor {
        isGradEnabled ? apply(Solve(checks: false), Inputs(a.mT, b))[0] : apply(LUSolve(adjoint: true), [lu, pivots, b])
    }

    /// The matrices P [*, m, m] that undo the row exchanges `pivots`, with the dtype and device of `x`.
    fileprivate static func permutation(_ pivots: Tensor, rows m: Int, like x: Tensor) -> Tensor {
        composite("lu", pivots) { () throws(OpError) in
            let exchanges = try pivots.numbers(Int.self)
            let steps = pivots.shape[-1]
            let batch = Shape(pivots.shape.dropLast())
            var places: [Int] = []
            for matrix in 0..<batch.numel {
                var order = Array(0..<m)
                for step in 0..<steps { order.swapAt(step, exchanges[matrix * steps + step] - 1) }
                // Row i of P·L·U is the row of L·U whose original place was i.
                var inverse = order
                for (row, original) in order.enumerated() { inverse[original] = row }
                places += inverse
            }
            let index = Tensor(places, shape: batch + [m, 1], device: x.device)
            return index.eq(Tensor.arange(m, device: x.device)).to(x.dtype)
        }
    }

    /// Unpacks the factors and pivots that `Linalg.luFactor` returns into P, L and U: a permutation [*, m, m], a lower triangular matrix
    /// with unit diagonal [*, m, k], and an upper triangular one [*, k, n]. Traps if the pivots do not fit. PyTorch: `torch.lu_unpack`.
    public static func luUnpack(_ lu: Tensor, _ pivots: Tensor) -> (p: Tensor, l: Tensor, u: Tensor) { unpacked("luUnpack", lu, pivots) }

    fileprivate static func unpacked(_ name: String, _ lu: Tensor, _ pivots: Tensor) -> (p: Tensor, l: Tensor, u: Tensor) {
        let found = compositeList(name, count: 3, lu, pivots) { () throws(OpError) in
            try lu.requireMatrices()
            let (m, n) = (lu.shape[-2], lu.shape[-1])
            let k = Swift.min(m, n)
            guard pivots.dtype.isInteger, pivots.shape == Shape(lu.batchShape + [k]),
                !pivots.lt(1).logicalOr(pivots.gt(m)).any().item(Bool.self)
            else {
                throw OpError(
                    "pivots must be integers within 1 … \(m) of shape \(Shape(lu.batchShape + [k])), not \(pivots.dtype) \(pivots.shape)")
            }
            let unit = Tensor.eye(m, k, dtype: lu.dtype, device: lu.device)
            return [Tensor.permutation(pivots, rows: m, like: lu), lu.narrow(-1, 0, k).tril(-1) + unit, lu.narrow(-2, 0, k).triu()]
        }
        return (found[0], found[1], found[2])
    }

    /// The inverse of square matrices. Traps if one is singular. PyTorch: `inverse`, `torch.linalg.inv`.
    public final func inverse() -> Tensor { apply(Inverse(checks: true), Inputs(self))[0] }
}

extension Linalg {
    /// The inverse of square matrices. Traps if one is singular.
    public static func inv(_ a: Tensor) -> Tensor { a.inverse() }

    /// The inverse, and for each matrix `info` (int32): 0, or the index from 1 of a zero on U's diagonal in its LU factors; then the
    /// inverse is meaningless, or an error with `checkErrors`.
    public static func invEx(_ a: Tensor, checkErrors: Bool = false) -> (inverse: Tensor, info: Tensor) {
        let found = apply(Inverse(checks: checkErrors), Inputs(a))
        return (found[0], found[1])
    }

    /// Solves A·X = B, or X·A = B unless `left`, for square A [*, n, n] and B [*, n, k]. Batches broadcast; B may be vectors [*, n] with
    /// A's batch, or one vector. Traps if a matrix is singular.
    public static func solve(_ a: Tensor, _ b: Tensor, left: Bool = true) -> Tensor {
        solved(a, b, left: left, checkErrors: true).result
    }

    /// `solve`, and for each matrix `info` (int32): 0, or the index from 1 of a zero on U's diagonal in its LU factors; then the result is
    /// meaningless, or an error with `checkErrors`.
    public static func solveEx(_ a: Tensor, _ b: Tensor, left: Bool = true, checkErrors: Bool = false) -> (result: Tensor, info: Tensor) {
        solved(a, b, left: left, checkErrors: checkErrors)
    }

    private static func solved(_ a: Tensor, _ b: Tensor, left: Bool, checkErrors: Bool) -> (result: Tensor, info: Tensor) {
        let found = compositeList("solve", count: 2, a, b) { () throws(OpError) in
            try a.requireSquare()
            let isVectors = a.takesVectors(b)
            if isVectors {
                guard left else { throw OpError("takes vectors on the right side only with left: true") }
            }
            let right = isVectors ? b.unsqueeze(-1) : b
            try (left ? a : a.mT).requireFitting(left ? right : right.mT)
            let found = apply(Solve(checks: checkErrors), left ? Inputs(a, right) : Inputs(a.mT, right.mT))
            return [isVectors ? found[0].squeeze(-1) : left ? found[0] : found[0].mT, found[1]]
        }
        return (found[0], found[1])
    }

    /// P, L and U with A = P·L·U: a permutation [*, m, m], a lower triangular matrix with unit diagonal [*, m, k], and an upper triangular
    /// one [*, k, n], where k = min(m, n).
    public static func lu(_ a: Tensor) -> (p: Tensor, l: Tensor, u: Tensor) {
        let factors = apply(LUFactor(checks: false), Inputs(a))
        return Tensor.unpacked("lu", factors[0], factors[1])
    }

    /// The factors of A = P·L·U [*, m, n] in one tensor, L below the diagonal and U on and above it, and the row exchanges [*, min(m, n)],
    /// int32, counted from 1. Traps if U has a zero on its diagonal.
    public static func luFactor(_ a: Tensor) -> (lu: Tensor, pivots: Tensor) {
        let found = apply(LUFactor(checks: true), Inputs(a))
        return (found[0], found[1])
    }

    /// `luFactor`, and for each matrix `info` (int32): 0, or the index from 1 of a zero on U's diagonal, which is an error only with
    /// `checkErrors`.
    public static func luFactorEx(_ a: Tensor, checkErrors: Bool = false) -> (lu: Tensor, pivots: Tensor, info: Tensor) {
        let found = apply(LUFactor(checks: checkErrors), Inputs(a))
        return (found[0], found[1], found[2])
    }

    /// Solves A·X = B by the factors that `luFactor` returns for A [*, n, n], for B [*, n, k]; X·A = B unless `left`, and with Aᵀ in place
    /// of A if `adjoint`. Batches broadcast.
    public static func luSolve(_ lu: Tensor, _ pivots: Tensor, _ b: Tensor, left: Bool = true, adjoint: Bool = false) -> Tensor {
        left
            ? apply(LUSolve(adjoint: adjoint), [lu, pivots, b])
            : composite("luSolve", lu, pivots, b) { () in apply(LUSolve(adjoint: !adjoint), [lu, pivots, b.mT]).mT }
    }

    /// The inverse of A in the sense of `tensordot`: the first `ind` dimensions of A are the rows of a square matrix, the others its
    /// columns. Traps if it is not square, or singular.
    public static func tensorinv(_ a: Tensor, ind: Int = 2) -> Tensor {
        composite("tensorinv", .asIs, a) { (a) throws(OpError) in
            guard ind > 0, ind <= a.ndim else { throw OpError("ind = \(ind) is not within 1 … the dimensions of shape \(a.shape)") }
            let (rows, columns) = (Shape(a.shape.prefix(ind)), Shape(a.shape.dropFirst(ind)))
            guard rows.numel == columns.numel else {
                throw OpError("the first \(ind) dimensions of \(a.shape) have \(rows.numel) elements, the others \(columns.numel)")
            }
            return inv(a.reshape([rows.numel, columns.numel])).reshape(columns + rows)
        }
    }

    /// Solves A·X = B in the sense of `tensordot`: A's first dimensions are those of B, the others those of X. `dims` of A are moved to its
    /// end first. Traps if the matrix is not square, or singular.
    public static func tensorsolve(_ a: Tensor, _ b: Tensor, dims: [Int]? = nil) -> Tensor {
        composite("tensorsolve", .asIs, a, b) { (a, b) throws(OpError) in
            let order = try a.distinctDims(dims ?? [])
            let moved = order.isEmpty ? a : a.permute((0..<a.ndim).filter { !order.contains($0) } + order)
            let unknowns = Shape(moved.shape.dropFirst(b.ndim))
            guard unknowns.numel == b.numel else {
                throw OpError("shape \(moved.shape) does not fit to \(b.numel) equations: it has \(unknowns.numel) unknowns, \(unknowns)")
            }
            return solve(moved.reshape([b.numel, unknowns.numel]), b.reshape([-1])).reshape(unknowns)
        }
    }
}
