import CDrivers

extension Linalg {
    /// The LAPACK routine of `lstsq`.
    public enum LeastSquaresDriver: Sendable {
        /// QR factors without column pivoting: for matrices of full rank.
        case gels
        /// QR factors with column pivoting.
        case gelsy
        /// Singular values, by divide and conquer.
        case gelsd
        /// Singular values.
        case gelss
    }
}

/// The X [*, n, k] that minimises ‖A·X − B‖, and among those ‖X‖, for A [*, m, n] and B [*, m, k] of one batch. The byproducts are the rank
/// of A (int64) and its singular values; empty if the driver does not compute them.
///
/// Derivatives: X = A⁺·B with the pseudoinverse A⁺.
private struct LeastSquares: Op {
    let driver: Linalg.LeastSquaresDriver
    /// Singular values below this fraction of the largest count as 0.
    let rcond: Double

    var name: String { "lstsq" }
    var outputCount: Int { 3 }
    var byproductCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let (a, b) = (inputs[0], inputs[1])
        let lapack = try LAPACK.functions(a.dtype)
        let matrices = try HostMatrices(copying: a)
        let (m, n, width, batch, size) = (matrices.rows, matrices.columns, b.shape[-1], matrices.batch, a.dtype.size)
        let (k, findsValues) = (min(m, n), driver == .gelsd || driver == .gelss)
        if findsValues { try matrices.requireFinite() }
        // LAPACK reads B from x and overwrites it with X.
        let right = try HostMatrices(copying: b)
        let x = try HostMatrices(batch, rows: max(m, n), columns: width, a.dtype)
        try Device.cpu.backend.fill(x.memory, with: .double(0))
        for column in 0..<right.count * width {
            (x.memory.pointer + column * x.rows * size).copyMemory(
                from: right.memory.pointer + column * m * size, byteCount: m * size)
        }
        let values = try Tensor.uninitialized(findsValues ? Shape(batch + [k]) : [0], a.dtype, .cpu)
        let ranks = try Tensor.uninitialized(batch, .int32, .cpu)
        let info = try Tensor.uninitialized(batch, .int32, .cpu)
        let limit = try Tensor.uninitialized([1], a.dtype, .cpu)
        defer { withExtendedLifetime((ranks, info)) {} }
        for (filled, number) in [(ranks, 0), (info, 0), (limit, rcond)] {
            try Device.cpu.backend.fill(filled, with: .double(number))
        }
        if k > 0 && width > 0 && matrices.count > 0 {
            let (rank, failures) = (ranks.hostIntegers, info.hostIntegers)
            func call(_ i: Int, _ numbers: UnsafeMutableRawPointer, _ count: Int, _ integers: UnsafeMutablePointer<Int32>) {
                var (rows, columns, sides, count) = (Int32(m), Int32(n), Int32(width), Int32(count))
                var (leading, leadingOfX) = (matrices.leading, x.leading)
                switch driver {
                case .gels:
                    lapack.gels(
                        "N", &rows, &columns, &sides, matrices[i], &leading, x[i], &leadingOfX, numbers, &count, failures + i, 1)
                case .gelsy:
                    for column in 0..<n { integers[column] = 0 }
                    lapack.gelsy(
                        &rows, &columns, &sides, matrices[i], &leading, x[i], &leadingOfX, integers, limit.pointer, rank + i, numbers,
                        &count, failures + i)
                case .gelsd:
                    lapack.gelsd(
                        &rows, &columns, &sides, matrices[i], &leading, x[i], &leadingOfX, values.pointer + i * k * size, limit.pointer,
                        rank + i, numbers, &count, integers, failures + i)
                case .gelss:
                    lapack.gelss(
                        &rows, &columns, &sides, matrices[i], &leading, x[i], &leadingOfX, values.pointer + i * k * size, limit.pointer,
                        rank + i, numbers, &count, failures + i)
                }
            }
            let columns = try Tensor.uninitialized([n], .int32, .cpu)
            var work = try Workspace.asked(a.dtype) { numbers, integers in
                call(0, numbers, -1, driver == .gelsy ? columns.hostIntegers : integers)
            }
            work.integers = driver == .gelsy ? n : work.integers
            let count = work.numbers
            try work.forEach(matrices.count, a.dtype) { i, numbers, integers in call(i, numbers, count, integers) }
            for i in 0..<matrices.count where failures[i] != 0 {
                let reason =
                    driver == .gels
                    ? "the matrix has not full rank, which driver .gels needs" : "the iteration for singular values does not converge"
                throw OpError(HostLU.place(i, of: batch) + reason)
            }
        }
        let solution = try x.tensor(on: a.device)
        let result = try unrecorded { () throws(OpError) in solution.narrow(-2, 0, n).contiguous() }
        saved.keep(a)
        saved.keep(b)
        let rank = driver == .gels ? try Tensor.uninitialized([0], .int64, .cpu) : try ranks.converted(to: .int64)
        return [result, try rank.moved(to: a.device), try values.moved(to: a.device)]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let (a, b, grad) = (context.saved[0], context.saved[1], grads[0]!)
        let inverse = Linalg.pinv(a)
        return [
            context.needs(0) ? PseudoInverse.gradient(grad.matmul(b.mT), a, inverse) : nil,
            context.needs(1) ? inverse.mT.matmul(grad) : nil,
        ]
    }
}

/// The pseudoinverse A⁺ [*, n, m] of A [*, m, n], where singular values up to max(atol, rtol·the largest) count as 0. Inputs: A, atol and
/// rtol, which broadcast to A's batch.
///
/// Derivative (Golub, Pereyra, 1973): d(A⁺) = −A⁺·dA·A⁺ + A⁺A⁺ᵀ·dAᵀ·(I − AA⁺) + (I − A⁺A)·dAᵀ·A⁺ᵀA⁺, where the rank stays as it is.
private struct PseudoInverse: Op {
    /// Whether A is symmetric, and only its lower half is read.
    let hermitian: Bool

    var name: String { "pinv" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (a, atol, rtol) = (inputs[0], inputs[1], inputs[2])
        let result = try unrecorded { () throws(OpError) in
            if a.numel == 0 { return Tensor.zeros(Shape(a.batchShape + [a.shape[-1], a.shape[-2]]), dtype: a.dtype, device: a.device) }
            if hermitian {
                let (values, vectors) = Linalg.eigh(a)
                let isKept = Linalg.counted(values.abs(), atol, rtol)
                let inverse = Tensor.where(isKept, values.reciprocal(), 0.0)
                return (vectors * inverse.unsqueeze(-2)).matmul(vectors.mT)
            }
            let (u, s, vh) = Linalg.svd(a, fullMatrices: false)
            let inverse = Tensor.where(Linalg.counted(s, atol, rtol), s.reciprocal(), 0.0)
            return vh.mT.matmul(inverse.unsqueeze(-1) * u.mT)
        }
        saved.keep(a)
        saved.keepOutput(result)
        return result
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [PseudoInverse.gradient(grad, context.saved[0], context.saved[1]), nil, nil]
    }

    /// The gradient of A from that of A⁺.
    static func gradient(_ grad: Tensor, _ a: Tensor, _ inverse: Tensor) -> Tensor {
        let (p, pT, g) = (inverse, inverse.mT, grad.mT)
        // Chooses the order in which most products have the smaller of m and n as their size.
        if a.shape[-2] <= a.shape[-1] {
            let k = g.matmul(p)
            let kpT = k.matmul(pT)
            return pT.matmul(p).matmul(g - k.matmul(a)) + kpT - a.matmul(p).matmul(kpT) - p.matmul(k).mT
        }
        let k = p.matmul(g)
        let pTk = pT.matmul(k)
        return (g - a.matmul(k)).matmul(p).matmul(pT) + pTk - pTk.matmul(p).matmul(a) - k.matmul(p).mT
    }
}

extension Linalg {
    /// Which of the singular values `s` [*, k] are above max(atol, rtol·the largest).
    fileprivate static func counted(_ s: Tensor, _ atol: Tensor, _ rtol: Tensor) -> Tensor {
        s.gt((s.amax(dim: [-1], keepDim: true) * rtol.unsqueeze(-1)).maximum(atol.unsqueeze(-1)))
    }

    /// The tolerances of the matrices `a`, one for all or one for each. By default rtol is the larger extent of a matrix times the dtype's
    /// epsilon, or 0 if atol is above 0.
    private static func tolerances(_ a: Tensor, _ atol: Tensor?, _ rtol: Tensor?) throws(OpError) -> [Tensor] {
        for (name, given) in [("atol", atol), ("rtol", rtol)] {
            guard let given else { continue }
            guard Shape.broadcast(given.shape, a.batchShape) == a.batchShape else {
                throw OpError("\(name) \(given.shape) does not broadcast to the batch \(a.batchShape) of matrices \(a.shape)")
            }
        }
        let absolute = atol?.detach().to(a.dtype) ?? Tensor.zeros([], dtype: a.dtype, device: a.device)
        let usual = Double(max(a.shape[-2], a.shape[-1])) * a.dtype.epsilon
        return [absolute, rtol?.detach().to(a.dtype) ?? Tensor.where(absolute.gt(0), 0, Tensor.full(like: absolute, usual))]
    }

    private static func pseudoinverse(_ a: Tensor, _ atol: Tensor?, _ rtol: Tensor?, _ hermitian: Bool) -> Tensor {
        composite("pinv", .asIs, a) { (a) throws(OpError) in
            if hermitian { try a.requireSquare() } else { try a.requireMatrices() }
            try a.requireLAPACKNumbers()
            return apply(PseudoInverse(hermitian: hermitian), Inputs([a] + (try tolerances(a, atol, rtol))))
        }
    }

    /// The pseudoinverse A⁺ [*, n, m] of A [*, m, n] (Moore, Penrose). Singular values up to max(atol, rtol·the largest) count as 0; `rtol`
    /// is by default max(m, n) times the dtype's epsilon, or 0 if `atol` is above 0. If A is `hermitian`, only its lower half is read.
    public static func pinv(_ a: Tensor, atol: Double? = nil, rtol: Double? = nil, hermitian: Bool = false) -> Tensor {
        pseudoinverse(a, number(atol, a), number(rtol ?? unneeded(atol), a), hermitian)
    }
    /// The same with tolerances that broadcast to the batch [*]: one for each matrix.
    public static func pinv(_ a: Tensor, atol: Tensor, rtol: Tensor? = nil, hermitian: Bool = false) -> Tensor {
        pseudoinverse(a, atol, rtol, hermitian)
    }
    /// The same with tolerances that broadcast to the batch [*]: one for each matrix.
    public static func pinv(_ a: Tensor, rtol: Tensor, hermitian: Bool = false) -> Tensor { pseudoinverse(a, nil, rtol, hermitian) }

    private static func rank(_ a: Tensor, _ atol: Tensor?, _ rtol: Tensor?, _ hermitian: Bool) -> Tensor {
        composite("matrixRank", .asIs, a) { (a) throws(OpError) in
            if hermitian { try a.requireSquare() } else { try a.requireMatrices() }
            try a.requireLAPACKNumbers()
            let limits = try tolerances(a, atol, rtol)
            return noGrad {
                if a.numel == 0 { return Tensor.zeros(a.batchShape, dtype: .int64, device: a.device) }
                return counted(hermitian ? eigvalsh(a).abs() : svdvals(a), limits[0], limits[1]).sum(dim: -1)
            }
        }
    }

    /// How many singular values of matrices [*, m, n] are above max(atol, rtol·the largest), int64 [*]; by default as for `pinv`.
    public static func matrixRank(_ a: Tensor, atol: Double? = nil, rtol: Double? = nil, hermitian: Bool = false) -> Tensor {
        rank(a, number(atol, a), number(rtol ?? unneeded(atol), a), hermitian)
    }
    /// The same with tolerances that broadcast to the batch [*]: one for each matrix.
    public static func matrixRank(_ a: Tensor, atol: Tensor, rtol: Tensor? = nil, hermitian: Bool = false) -> Tensor {
        rank(a, atol, rtol, hermitian)
    }
    /// The same with tolerances that broadcast to the batch [*]: one for each matrix.
    public static func matrixRank(_ a: Tensor, rtol: Tensor, hermitian: Bool = false) -> Tensor { rank(a, nil, rtol, hermitian) }

    /// The relative tolerance to use with an absolute one; nil for the default. Decided before the absolute one is rounded.
    private static func unneeded(_ atol: Double?) -> Double? { (atol ?? 0) > 0 ? 0 : nil }

    private static func number(_ value: Double?, _ a: Tensor) -> Tensor? {
        value.map { Tensor.full([], $0, dtype: a.dtype.isFloatingPoint ? a.dtype : .float32, device: a.device) }
    }

    /// The X [*, n, k] that minimises ‖A·X − B‖ for A [*, m, n] and B [*, m, k], or vectors B [*, m]; if there are several, the one with
    /// the smallest ‖X‖. Batches broadcast.
    ///
    /// `residuals` is Σ(A·X − B)² for each column [*, k], if m > n and each matrix has full rank, except for `gelsy`; `rank` (int64, [*]),
    /// except for `gels`; `singularValues` [*, min(m, n)] for `gelsd` and `gelss`. What is not computed is an empty tensor. Singular values
    /// up to `rcond` times the largest count as 0, by default max(m, n) times the dtype's epsilon. `gels` traps for a matrix without full
    /// rank.
    public static func lstsq(
        _ a: Tensor, _ b: Tensor, rcond: Double? = nil, driver: LeastSquaresDriver = .gelsy
    ) -> (solution: Tensor, residuals: Tensor, rank: Tensor, singularValues: Tensor) {
        let found = compositeList("lstsq", count: 4, a, b) { () throws(OpError) in
            try a.requireMatrices()
            try a.requireLAPACKNumbers()
            let isVectors = a.takesVectors(b)
            let right = isVectors ? b.unsqueeze(-1) : b
            try a.requireFitting(right)
            let batch = try Tensor.commonBatch(a, right)
            let (left, sides) = (a.expand(Shape(batch + a.shape.suffix(2))), right.expand(Shape(batch + right.shape.suffix(2))))
            let (m, n) = (a.shape[-2], a.shape[-1])
            let limit = rcond ?? Double(max(m, n)) * a.dtype.epsilon
            let found = apply(LeastSquares(driver: driver, rcond: limit), Inputs(left, sides))
            let rank = try found[1].usable()
            var residuals = Tensor.zeros([0], dtype: a.dtype, device: a.device)
            if m > n && driver != .gelsy && (driver == .gels || rank.eq(n).all().item(Bool.self)) {
                residuals = (left.matmul(found[0]) - sides).square().sum(dim: -2)
            }
            return [isVectors ? found[0].squeeze(-1) : found[0], residuals, rank, found[2]]
        }
        return (found[0], found[1], found[2], found[3])
    }
}

extension Tensor {
    /// The pseudoinverse, where singular values up to `rcond` times the largest count as 0. PyTorch: `pinverse`, `torch.linalg.pinv`.
    public final func pinverse(rcond: Double = 1e-15) -> Tensor { Linalg.pinv(self, atol: 0, rtol: rcond) }
}
