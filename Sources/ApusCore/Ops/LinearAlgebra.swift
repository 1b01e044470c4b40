/// A symmetric matrix of which only the lower half is read. Its gradient, which is 0 above the diagonal, is shared evenly with the upper half,
/// since an element there is the same number.
private struct LowerHalf: Op {
    var name: String { "lowerHalf" }
    static var makesView: Bool { true }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        return x.view(x.shape, strides: x.strides, offset: x.offset)
    }
    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [(grad + grad.mT) / 2] }
}

/// Factors of small matrices, column by column from differentiable functions: n steps of n² work each, whole batches at once.
extension Tensor {
    /// The lower triangular L with L·Lᵀ = self, for symmetric positive definite matrices [*, n, n], of which the lower half is read.
    /// The gradient is symmetric. PyTorch: `torch.linalg.cholesky`. Traps on a matrix that is not positive definite.
    public final func cholesky() -> Tensor {
        composite("cholesky", .asIs, self) { (_) throws(OpError) in
            guard ndim >= 2, shape[-1] == shape[-2], dtype.isFloatingPoint else { throw OpError("needs square matrices of floats, this is \(dtype) \(shape)") }
            let n = shape[-1]
            if n == 0 { return clone() }
            let matrix = apply(LowerHalf(), Inputs(self))
            var columns: [Tensor] = []
            for j in 0..<n {
                var column = matrix.narrow(-2, j, n - j).select(-1, j)
                if j > 0 {
                    let before = Tensor.stack(columns.map { $0.narrow(-1, j, n - j) }, dim: -1)
                    column = column - before.matmul(before.narrow(-2, 0, 1).transpose(-2, -1)).squeeze(-1)
                }
                let pivot = column.narrow(-1, 0, 1)
                let isPositive = noGrad { pivot.numel == 0 || pivot.gt(0).all().item(Bool.self) }
                guard isPositive else { throw OpError("the matrix is not positive definite: its leading \(j + 1) × \(j + 1) part is not") }
                let scaled = column / pivot.sqrt()
                columns.append(j == 0 ? scaled : Tensor.cat([Tensor.zeros(Shape(shape.dropLast(2) + [j]), dtype: dtype, device: device), scaled], dim: -1))
            }
            return Tensor.stack(columns, dim: -1)
        }
    }

    /// The X with self·X = b for triangular matrices [*, n, n] and b [*, n, k], by substitution. The other half is not read.
    /// PyTorch: `torch.linalg.solve_triangular`.
    public final func solveTriangular(_ b: Tensor, upper: Bool) -> Tensor {
        composite("solveTriangular", .asIs, self, b) { (_, b) throws(OpError) in
            guard ndim >= 2, b.ndim >= 2, shape[-1] == shape[-2], b.shape[-2] == shape[-1] else { throw OpError("matrices of shape \(shape) and right sides of shape \(b.shape) do not fit") }
            guard dtype == b.dtype, dtype.isFloatingPoint else { throw OpError("both must be of one float type, they are \(dtype) and \(b.dtype)") }
            guard let batch = Shape.broadcast(Shape(shape.dropLast(2)), Shape(b.shape.dropLast(2))) else { throw OpError("the batches of \(shape) and \(b.shape) do not broadcast") }
            let n = shape[-1]
            if n == 0 { return b.clone() }
            let (a, b) = (expand(Shape(batch + [n, n])), b.expand(Shape(batch + [n, b.shape[-1]])))
            var rows: [Tensor] = []
            for step in 0..<n {
                let i = upper ? n - 1 - step : step
                var row = b.narrow(-2, i, 1)
                if step > 0 {
                    let known = Tensor.cat(upper ? rows.reversed() : rows, dim: -2)
                    row = row - a.narrow(-2, i, 1).narrow(-1, upper ? i + 1 : 0, step).matmul(known)
                }
                rows.append(row / a.narrow(-2, i, 1).narrow(-1, i, 1))
            }
            return Tensor.cat(upper ? rows.reversed() : rows, dim: -2)
        }
    }
}
