import CDrivers

/// The factors of symmetric A = L·D·Lᵀ [*, n, n] (Bunch, Kaufman), the row exchanges, and which block of D is singular. Only the lower half
/// of A is read. There is no derivative.
private struct LDLFactor: Op {
    /// Whether a singular D is an error.
    let checks: Bool

    var name: String { "ldlFactor" }
    var outputCount: Int { 3 }
    var byproductCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        try a.requireSquare()
        try a.requireLAPACKNumbers()
        let lapack = try LAPACK.functions(a.dtype)
        let matrices = try HostMatrices(copying: a)
        let (n, batch) = (matrices.rows, matrices.batch)
        let pivots = try Tensor.uninitialized(Shape(batch + [n]), .int32, .cpu)
        let info = try Tensor.uninitialized(batch, .int32, .cpu)
        try Device.cpu.backend.fill(info, with: .int(0))
        let (exchanged, singular) = (pivots.hostIntegers, info.hostIntegers)
        if matrices.memory.numel > 0 {
            func call(_ i: Int, _ numbers: UnsafeMutableRawPointer, _ size: Int) {
                var (order, leading, size) = (Int32(n), matrices.leading, Int32(size))
                lapack.sytrf("L", &order, matrices[i], &leading, exchanged + i * n, numbers, &size, singular + i, 1)
            }
            let work = try Workspace.asked(a.dtype) { numbers, _ in call(0, numbers, -1) }
            try work.forEach(matrices.count, a.dtype) { i, numbers, _ in call(i, numbers, work.numbers) }
        }
        if checks {
            for i in 0..<matrices.count where singular[i] > 0 {
                throw OpError("\(HostLU.place(i, of: batch))element (\(singular[i]), \(singular[i])) of D is zero: the matrix is singular")
            }
        }
        let whole = try matrices.tensor(on: a.device)
        let factors = try unrecorded { () throws(OpError) in whole.tril() }
        return [factors, try pivots.moved(to: a.device), try info.moved(to: a.device)]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) throws(OpError) -> Gradients {
        throw OpError("has no derivative, as in PyTorch")
    }
}

/// Solves A·X = B by the factors of A = L·D·Lᵀ, for B [*, n, k]; batches broadcast. There is no derivative of the factors.
///
/// Derivative: B̄ is the solution for X̄, since A is symmetric.
private struct LDLSolve: Op {
    var name: String { "ldlSolve" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (factors, pivots, b) = (inputs[0], inputs[1], inputs[2])
        try factors.requireSquare()
        try factors.requireLAPACKNumbers()
        try factors.requireFitting(b)
        try factors.requirePivots(pivots)
        let lapack = try LAPACK.functions(factors.dtype)
        let matrices = try HostMatrices(copying: factors)
        let batch = try Tensor.commonBatch(factors, b)
        let x = try HostMatrices(copying: b.expanded(Shape(batch + b.shape.suffix(2))))
        let owners = try Tensor.owners(in: matrices.batch, of: batch)
        let host = try pivots.hostData()
        let (exchanged, n) = (host.hostIntegers, matrices.rows)
        try LDLSolve.check(exchanged, matrices.count, n)
        if x.memory.numel > 0 {
            try Workspace().forEach(x.count, factors.dtype) { i, _, _ in
                var (order, width, leading, leadingOfX, wrong) = (Int32(n), Int32(x.columns), matrices.leading, x.leading, Int32(0))
                lapack.sytrs(
                    "L", &order, &width, matrices[owners[i]], &leading, exchanged + owners[i] * n, x[i], &leadingOfX, &wrong, 1)
            }
        }
        withExtendedLifetime(host) {}
        saved.keep(factors)
        saved.keep(pivots)
        saved.keep(b)
        return try x.tensor(on: b.device)
    }

    /// Throws for pivots with which LAPACK would access memory outside of the matrix: those of 2 × 2 blocks are negative, in pairs.
    private static func check(_ pivots: UnsafeMutablePointer<Int32>, _ count: Int, _ n: Int) throws(OpError) {
        for i in 0..<count {
            var row = 0
            while row < n {
                let pivot = Int(pivots[i * n + row])
                let isPair = pivot < 0 && row + 1 < n && pivots[i * n + row + 1] < 0 && -Int(pivots[i * n + row + 1]) <= n
                guard (1...n).contains(abs(pivot)), pivot > 0 || isPair else {
                    throw OpError("pivot \(pivot) of row \(row + 1) is none of an L·D·Lᵀ of \(n) rows")
                }
                row += pivot > 0 ? 1 : 2
            }
        }
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) throws(OpError) -> Gradients {
        if context.needs(0) { throw OpError("has no derivative of the factors") }
        let (factors, pivots, b) = (context.saved[0], context.saved[1], context.saved[2])
        return [nil, nil, apply(LDLSolve(), [factors, pivots, grad]).sum(toShape: b.shape)]
    }
}

extension Linalg {
    /// Factors symmetric, possibly indefinite matrices A = L·D·Lᵀ [*, n, n], packed as by LAPACK: L below the diagonal; D, with blocks of
    /// one or two rows, on and next to it; and the row exchanges, int32 [*, n], negative for 2 × 2 blocks. Only the lower half of A is
    /// read. Traps if D is singular. There is no gradient.
    public static func ldlFactor(_ a: Tensor) -> (ld: Tensor, pivots: Tensor) {
        let found = apply(LDLFactor(checks: true), Inputs(a))
        return (found[0], found[1])
    }

    /// `ldlFactor`, and for each matrix `info` (int32): 0, or the index from 1 of a zero on D's diagonal, which is an error only with
    /// `checkErrors`.
    public static func ldlFactorEx(_ a: Tensor, checkErrors: Bool = false) -> (ld: Tensor, pivots: Tensor, info: Tensor) {
        let found = apply(LDLFactor(checks: checkErrors), Inputs(a))
        return (found[0], found[1], found[2])
    }

    /// Solves A·X = B by the factors that `ldlFactor` returns for A [*, n, n], for B [*, n, k]. Batches broadcast. Only B has a gradient.
    public static func ldlSolve(_ ld: Tensor, _ pivots: Tensor, _ b: Tensor) -> Tensor { apply(LDLSolve(), [ld, pivots, b]) }
}
