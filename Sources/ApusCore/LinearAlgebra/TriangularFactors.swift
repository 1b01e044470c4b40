/// The lower triangular L with L·Lᵀ = A for symmetric positive definite A [*, n, n]; only the lower half of A is read. Computed row by row
/// in float64 on the host. The byproduct (int32) is the order of the first leading minor that is not positive definite; 0 if there is none.
///
/// Derivative: Ā = ½·L⁻ᵀ·(P + Pᵀ)·L⁻¹, where P is the lower half of Lᵀ·L̄ with its diagonal halved (Murray, "Differentiation of the
/// Cholesky decomposition", 2016). It is symmetric, like A.
private struct Cholesky: Op {
    /// Whether a matrix that is not positive definite is an error; otherwise rows from there on are NaN.
    let checks: Bool

    var name: String { "cholesky" }
    var outputCount: Int { 2 }
    var byproductCount: Int { 1 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        guard a.ndim >= 2, a.shape[-1] == a.shape[-2], a.dtype.isFloatingPoint else {
            throw OpError("needs square matrices of floats, this is \(a.dtype) \(a.shape)")
        }
        let n = a.shape[-1]
        var l = try a.numbers(Double.self)
        var failures = [Int32](repeating: 0, count: a.batchShape.numel)
        for (matrix, start) in stride(from: 0, to: l.count, by: max(n * n, 1)).enumerated() {
            rows: for i in 0..<n {
                let row = start + i * n
                for j in 0...i {
                    let above = start + j * n
                    var rest = l[row + j]
                    for k in 0..<j { rest -= l[row + k] * l[above + k] }
                    if j < i {
                        l[row + j] = rest / l[above + j]
                    } else if rest > 0 {
                        l[row + i] = rest.squareRoot()
                    } else if checks {
                        throw OpError("the matrix is not positive definite: its leading \(i + 1) × \(i + 1) part is not")
                    } else {
                        failures[matrix] = Int32(i + 1)
                        for place in row..<start + n * n { l[place] = .nan }
                        break rows
                    }
                }
                for j in i + 1..<max(n, i + 1) { l[row + j] = 0 }
            }
        }
        let result = try Tensor(l, shape: a.shape, dtype: a.dtype, device: a.device).usable()
        saved.keepOutput(result)
        return [result, try Tensor(failures, shape: a.batchShape, device: a.device).usable()]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let l = context.saved[0]
        let half = l.mT.matmul(grads[0]!).tril()
        let right = l.mT.solveTriangular(half + half.tril(-1).mT, upper: true)
        return [l.mT.solveTriangular(right.mT, upper: true) / 2]
    }
}

/// Solves A·X = B for triangular A [*, n, n] and B [*, n, k], by substitution in float64 on the host; batches broadcast.
///
/// Derivatives: B̄ = A⁻ᵀ·X̄, and Ā is the triangular half of −B̄·Xᵀ.
private struct TriangularSolve: Op {
    let upper: Bool
    /// Whether the diagonal is taken to be 1 and not read.
    let unitriangular: Bool

    var name: String { "solveTriangular" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        guard a.ndim >= 2, b.ndim >= 2, a.shape[-1] == a.shape[-2], b.shape[-2] == a.shape[-1] else {
            throw OpError("matrices of shape \(a.shape) and right sides of shape \(b.shape) do not fit")
        }
        guard a.dtype == b.dtype, a.dtype.isFloatingPoint else {
            throw OpError("both must be of one float type, they are \(a.dtype) and \(b.dtype)")
        }
        let (n, width) = (a.shape[-1], b.shape[-1])
        let batch = try Tensor.commonBatch(a, b)
        let shape = Shape(batch + [n, width])
        let matrices = try a.numbers(Double.self)
        var x = try b.expanded(shape).numbers(Double.self)
        let owners = try Tensor.owners(in: a.batchShape, of: batch)
        for (place, owner) in owners.enumerated() {
            let (left, right) = (owner * n * n, place * n * width)
            for step in 0..<n {
                let i = upper ? n - 1 - step : step
                let (row, target) = (left + i * n, right + i * width)
                for j in upper ? i + 1..<n : 0..<i {
                    let (factor, known) = (matrices[row + j], right + j * width)
                    for column in 0..<width { x[target + column] -= factor * x[known + column] }
                }
                if unitriangular { continue }
                for column in 0..<width { x[target + column] /= matrices[row + i] }
            }
        }
        let result = try Tensor(x, shape: shape, dtype: a.dtype, device: a.device).usable()
        saved.keep(a)
        saved.keep(b)
        saved.keepOutput(result)
        return result
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (a, x) = (context.saved[0], context.saved[2])
        let gradB = a.mT.solveTriangular(grad, upper: !upper, unitriangular: unitriangular)
        var gradA: Tensor?
        if context.needs(0) {
            let whole = -gradB.matmul(x.mT).sum(toShape: a.shape)
            let skipped = unitriangular ? 1 : 0
            gradA = upper ? whole.triu(skipped) : whole.tril(-skipped)
        }
        return [gradA, context.needs(1) ? gradB.sum(toShape: context.saved[1].shape) : nil]
    }
}

extension Tensor {
    /// The lower triangular L with L·Lᵀ = self for symmetric positive definite matrices [*, n, n]; only the lower half is read. With
    /// `upper` it is the upper triangular U with Uᵀ·U = self, and only the upper half is read. The gradient is symmetric. Traps if a matrix
    /// is not positive definite. PyTorch: `torch.linalg.cholesky`.
    public final func cholesky(upper: Bool = false) -> Tensor { Linalg.choleskyEx(self, upper: upper, checkErrors: true).l }

    /// (L·Lᵀ)⁻¹ for triangular matrices L [*, n, n], or (Uᵀ·U)⁻¹ for `upper` ones U; the other half is not read. PyTorch:
    /// `cholesky_inverse`.
    public final func choleskyInverse(upper: Bool = false) -> Tensor {
        composite("choleskyInverse", .asIs, self) { (x) throws(OpError) in
            try x.requireSquare()
            try x.requireFloats()
            let inverse = (upper ? x.mT : x).solveTriangular(x.identity.expand(x.shape), upper: false)
            return inverse.mT.matmul(inverse)
        }
    }

    /// Solves L·Lᵀ·X = self for a triangular `factor` L [*, n, n], or Uᵀ·U·X = self for an `upper` one, and self [*, n, k]; batches
    /// broadcast. The other half of the factor is not read. PyTorch: `cholesky_solve`.
    public final func choleskySolve(_ factor: Tensor, upper: Bool = false) -> Tensor {
        composite("choleskySolve", .asIs, self, factor) { (b, factor) throws(OpError) in
            try factor.requireSquare()
            let l = upper ? factor.mT : factor
            return l.mT.solveTriangular(l.solveTriangular(b, upper: false), upper: true)
        }
    }

    /// Solves self·X = b for triangular matrices [*, n, n] and b [*, n, k], or X·self = b for b [*, k, n] unless `left`; batches broadcast.
    /// The other half of the matrices is not read, nor is their diagonal if they are `unitriangular`: it is taken to be 1. Traps if shapes
    /// or dtypes do not fit. PyTorch: `torch.linalg.solve_triangular`.
    package final func solveTriangular(_ b: Tensor, upper: Bool, left: Bool = true, unitriangular: Bool = false) -> Tensor {
        if left { return apply(TriangularSolve(upper: upper, unitriangular: unitriangular), Inputs(self, b)) }
        return composite("solveTriangular", .asIs, self) { (a) throws(OpError) in
            guard a.ndim >= 2, b.ndim >= 2, a.shape[-1] == a.shape[-2], b.shape[-1] == a.shape[-1] else {
                throw OpError("matrices of shape \(a.shape) do not fit to the right of matrices of shape \(b.shape)")
            }
            return a.mT.solveTriangular(b.mT, upper: !upper, unitriangular: unitriangular).mT
        }
    }
}

extension Linalg {
    /// The lower triangular L with L·Lᵀ = A for symmetric positive definite matrices, or the upper one: `Tensor.cholesky`.
    public static func cholesky(_ a: Tensor, upper: Bool = false) -> Tensor { a.cholesky(upper: upper) }

    /// `cholesky`, and for each matrix `info` (int32): 0, or the order of the first leading minor that is not positive definite; then the
    /// factor is NaN from there on, or an error with `checkErrors`.
    public static func choleskyEx(_ a: Tensor, upper: Bool = false, checkErrors: Bool = false) -> (l: Tensor, info: Tensor) {
        let found = apply(Cholesky(checks: checkErrors), Inputs(upper ? a.mT : a))
        return (upper ? found[0].mT : found[0], found[1])
    }

    /// Solves A·X = B for triangular A, or X·A = B unless `left`: `Tensor.solveTriangular`.
    public static func solveTriangular(_ a: Tensor, _ b: Tensor, upper: Bool, left: Bool = true, unitriangular: Bool = false) -> Tensor {
        a.solveTriangular(b, upper: upper, left: left, unitriangular: unitriangular)
    }
}
