/// The lower triangular L with L·Lᵀ = A for symmetric positive definite A [*, n, n]; only the lower half of A is read. Computed row by row
/// in float64 on the host.
///
/// Derivative: Ā = ½·L⁻ᵀ·(P + Pᵀ)·L⁻¹, where P is the lower half of Lᵀ·L̄ with its diagonal halved (Murray, "Differentiation of the
/// Cholesky decomposition", 2016). It is symmetric, like A.
private struct Cholesky: Op {
    var name: String { "cholesky" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let a = inputs[0]
        guard a.ndim >= 2, a.shape[-1] == a.shape[-2], a.dtype.isFloatingPoint else {
            throw OpError("needs square matrices of floats, this is \(a.dtype) \(a.shape)")
        }
        let n = a.shape[-1]
        var l = try a.numbers(Double.self)
        for start in stride(from: 0, to: l.count, by: max(n * n, 1)) {
            for i in 0..<n {
                let row = start + i * n
                for j in 0...i {
                    let above = start + j * n
                    var rest = l[row + j]
                    for k in 0..<j { rest -= l[row + k] * l[above + k] }
                    if j < i {
                        l[row + j] = rest / l[above + j]
                    } else if rest > 0 {
                        l[row + i] = rest.squareRoot()
                    } else {
                        throw OpError("the matrix is not positive definite: its leading \(i + 1) × \(i + 1) part is not")
                    }
                }
                for j in i + 1..<max(n, i + 1) { l[row + j] = 0 }
            }
        }
        let result = try Tensor(l, shape: a.shape, dtype: a.dtype, device: a.device).usable()
        saved.keepOutput(result)
        return result
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let l = context.saved[0]
        let half = l.mT.matmul(grad).tril()
        let right = l.mT.solveTriangular(half + half.tril(-1).mT, upper: true)
        return [l.mT.solveTriangular(right.mT, upper: true) / 2]
    }
}

/// The X with A·X = B for triangular A [*, n, n] and B [*, n, k], by substitution in float64 on the host; batches broadcast.
///
/// Derivatives: B̄ = A⁻ᵀ·X̄, and Ā is the triangular half of −B̄·Xᵀ.
private struct TriangularSolve: Op {
    let upper: Bool

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
        guard let batch = Shape.broadcast(Shape(a.shape.dropLast(2)), Shape(b.shape.dropLast(2))) else {
            throw OpError("the batches of \(a.shape) and \(b.shape) do not broadcast")
        }
        let shape = Shape(batch + [n, width])
        let matrices = try a.numbers(Double.self)
        var x = try b.expanded(shape).numbers(Double.self)
        // The index of the matrix for each right side of the batch.
        let places = Shape(a.shape.dropLast(2))
        let owners = try Tensor.arange(places.numel).usable().view(places, strides: places.contiguousStrides, offset: 0).expanded(batch)
            .numbers(Int.self)
        for (place, owner) in owners.enumerated() {
            let (left, right) = (owner * n * n, place * n * width)
            for step in 0..<n {
                let i = upper ? n - 1 - step : step
                let (row, target) = (left + i * n, right + i * width)
                for j in upper ? i + 1..<n : 0..<i {
                    let (factor, known) = (matrices[row + j], right + j * width)
                    for column in 0..<width { x[target + column] -= factor * x[known + column] }
                }
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
        let gradB = a.mT.solveTriangular(grad, upper: !upper)
        var gradA: Tensor?
        if context.needs(0) {
            let whole = -gradB.matmul(x.mT).sum(toShape: a.shape)
            gradA = upper ? whole.triu() : whole.tril()
        }
        return [gradA, context.needs(1) ? gradB.sum(toShape: context.saved[1].shape) : nil]
    }
}

extension Tensor {
    /// The lower triangular L with L·Lᵀ = self for symmetric positive definite matrices [*, n, n]; only the lower half is read. The
    /// gradient is symmetric. Traps if a matrix is not positive definite. PyTorch: `torch.linalg.cholesky`.
    public final func cholesky() -> Tensor { apply(Cholesky(), Inputs(self)) }

    /// The X with self·X = b for triangular matrices [*, n, n] and b [*, n, k]; batches broadcast. The other half of the matrices is not
    /// read. Traps if shapes or dtypes do not fit. PyTorch: `torch.linalg.solve_triangular`.
    public final func solveTriangular(_ b: Tensor, upper: Bool) -> Tensor { apply(TriangularSolve(upper: upper), Inputs(self, b)) }
}
