import CDrivers

extension Linalg {
    /// Which factors `qr` returns for [*, m, n], with k = min(m, n).
    public enum QRMode: Sendable {
        /// Q [*, m, k] and R [*, k, n].
        case reduced
        /// Q [*, m, m] and R [*, m, n].
        case complete
        /// Only R [*, k, n]; Q is an empty tensor.
        case r
    }
}

/// A = Q·R for matrices [*, m, n]: Q with orthonormal columns and upper triangular R, by Householder reflections.
///
/// Derivative, for m ≥ n: Ā = (Q̄ + Q·copy(R̄·Rᵀ − Qᵀ·Q̄))·R⁻ᵀ, where copy symmetrises a matrix by its upper half. A wide A = (X Y) has the
/// left part Q·U and the right part Q·V: Ȳ = Q·V̄, and X has the derivative above with Q̄ + Y·V̄ᵀ for Q̄. There is no derivative for a tall
/// A with all of Q, whose last columns may be any basis of the complement, nor for R alone.
private struct QR: Op {
    let mode: Linalg.QRMode

    var name: String { "qr" }
    var outputCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        try a.requireMatrices()
        try a.requireLAPACKNumbers()
        let lapack = try LAPACK.functions(a.dtype)
        let factors = try HostMatrices(copying: a)
        let (m, n, batch, size) = (factors.rows, factors.columns, factors.batch, a.dtype.size)
        let k = min(m, n)
        let scales = try Tensor.uninitialized(Shape(batch + [k]), a.dtype, .cpu)
        if k > 0 && factors.count > 0 {
            func call(_ i: Int, _ numbers: UnsafeMutableRawPointer, _ count: Int) {
                var (rows, columns, leading, count, wrong) = (Int32(m), Int32(n), factors.leading, Int32(count), Int32(0))
                lapack.geqrf(&rows, &columns, factors[i], &leading, scales.pointer + i * k * size, numbers, &count, &wrong)
            }
            let work = try Workspace.asked(a.dtype) { numbers, _ in call(0, numbers, -1) }
            try work.forEach(factors.count, a.dtype) { i, numbers, _ in call(i, numbers, work.numbers) }
        }
        let whole = try factors.tensor(on: a.device)
        let r = try unrecorded { () throws(OpError) in (mode == .complete ? whole : whole.narrow(-2, 0, k)).triu().contiguous() }
        if mode == .r { return [try Tensor.uninitialized([0], a.dtype, a.device), r] }

        let q = try HostMatrices(batch, rows: m, columns: mode == .complete ? m : k, a.dtype)
        if q.memory.numel > 0 {
            for i in 0..<q.count { q[i].copyMemory(from: factors[i], byteCount: m * k * size) }
            func call(_ i: Int, _ numbers: UnsafeMutableRawPointer, _ count: Int) {
                var (rows, columns, reflections, leading) = (Int32(m), Int32(q.columns), Int32(k), q.leading)
                var (count, wrong) = (Int32(count), Int32(0))
                lapack.orgqr(
                    &rows, &columns, &reflections, q[i], &leading, scales.pointer + i * k * size, numbers, &count, &wrong)
            }
            let work = try Workspace.asked(a.dtype) { numbers, _ in call(0, numbers, -1) }
            try work.forEach(q.count, a.dtype) { i, numbers, _ in call(i, numbers, work.numbers) }
        }
        let result = try q.tensor(on: a.device)
        saved.keep(a)
        saved.keepOutput(result)
        saved.keepOutput(r, index: 1)
        return [result, r]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) throws(OpError) -> Gradients {
        if mode == .r { throw OpError("the gradient needs Q, which mode .r does not give; use mode .reduced") }
        let (a, q, r) = (context.saved[0], context.saved[1], context.saved[2])
        let (m, n) = (a.shape[-2], a.shape[-1])
        if mode == .complete && m > n {
            throw OpError("mode .complete has no gradient for more rows (\(m)) than columns (\(n)); use mode .reduced")
        }
        guard n > m else { return [QR.gradient(q, r, grads[0], grads[1])] }
        let (left, right) = (grads[1]?.narrow(-1, 0, m), grads[1]?.narrow(-1, m, n - m))
        var gradQ = grads[0]
        if let right {
            let part = a.narrow(-1, m, n - m).matmul(right.mT)
            gradQ = gradQ.map { $0 + part } ?? part
        }
        let gradRight = right.map { q.matmul($0) } ?? Tensor.zeros(like: a.narrow(-1, m, n - m))
        return [Tensor.cat([QR.gradient(q, r.narrow(-1, 0, m), gradQ, left), gradRight], dim: -1)]
    }

    /// The gradient of A = Q·R with square R.
    private static func gradient(_ q: Tensor, _ r: Tensor, _ gradQ: Tensor?, _ gradR: Tensor?) -> Tensor {
        var inner = gradR.map { $0.matmul(r.mT) } ?? Tensor.zeros(like: r)
        if let gradQ { inner = inner - q.mT.matmul(gradQ) }
        let symmetric = inner.triu() + inner.triu(1).mT
        let product = q.matmul(symmetric)
        return r.mT.solveTriangular(gradQ.map { $0 + product } ?? product, upper: false, left: false)
    }
}

extension Linalg {
    /// A = Q·R for matrices [*, m, n]: Q [*, m, k] with orthonormal columns and upper triangular R [*, k, n], k = min(m, n), whose diagonal
    /// may have any sign. `mode` selects all of Q, or R alone; these have no gradient (`complete` only if m > n).
    public static func qr(_ a: Tensor, mode: QRMode = .reduced) -> (q: Tensor, r: Tensor) {
        let found = apply(QR(mode: mode), Inputs(a))
        return (found[0], found[1])
    }

    /// The first n columns of H₁·H₂·…·H_k with Hᵢ = I − τᵢ·vᵢ·vᵢᵀ, for A [*, m, n], m ≥ n, and τ [*, k], k ≤ n: vᵢ is 0 above row i, 1 at
    /// row i, and column i of A below.
    ///
    /// The product is I − V·T·Vᵀ with T = (I + D·S)⁻¹·D, where D = diag(τ), and S is the part of VᵀV above the diagonal (Joffrain et al.,
    /// "Accumulating Householder transformations, revisited", 2006).
    public static func householderProduct(_ a: Tensor, _ tau: Tensor) -> Tensor {
        composite("householderProduct", .asIs, a, tau) { (a, tau) throws(OpError) in
            try a.requireMatrices()
            try a.requireFloats()
            try a.requireSameDType(tau)
            let (m, n) = (a.shape[-2], a.shape[-1])
            guard m >= n, tau.ndim == a.ndim - 1, Shape(tau.shape.dropLast()) == a.batchShape, tau.shape[-1] <= n else {
                throw OpError(
                    "reflections of shape \(a.shape) need no fewer rows than columns, and factors [*, k] with k ≤ \(n), not \(tau.shape)")
            }
            let k = tau.shape[-1]
            let unit = Tensor.eye(m, n, dtype: a.dtype, device: a.device)
            let vectors = a.narrow(-1, 0, k).tril(-1) + unit.narrow(-1, 0, k)
            let scales = tau.unsqueeze(-1)
            let products = vectors.mT.matmul(vectors).triu(1) * scales
            let rows = scales * vectors.narrow(-2, 0, n).mT
            return unit - vectors.matmul(products.solveTriangular(rows, upper: true, unitriangular: true))
        }
    }
}
