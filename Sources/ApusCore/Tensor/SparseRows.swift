/// A large gradient with few non-zero rows: row `indices[i]` has `values[i]`, and repeated rows add up.
///
/// A tensor with this form behaves like a dense one. Sums of such gradients and some optimizers read the form; anything else that accesses
/// the elements makes the tensor dense, permanently.
package final class SparseRows: TensorForm {
    /// int64 [n]
    let indices: Tensor
    /// [n, …]
    let values: Tensor

    package init(indices: Tensor, values: Tensor) {
        self.indices = indices
        self.values = values
    }

    override func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? {
        if let failed = lay(x) { return op.failed(failed) }
        return nil
    }

    override func materialize(_ x: Tensor) {
        // If there is no memory, the tensor becomes poisoned, so that its address stays valid.
        if let failed = lay(x) { x.become(failed) }
    }

    /// Makes `x` dense; on failure leaves it unchanged and returns the poisoned tensor.
    private func lay(_ x: Tensor) -> Tensor? {
        // Ops below access `x.memory` only through other tensors.
        let dense = noGrad { Tensor.zeros(x.shape, dtype: x.dtype, device: x.device).indexAdd(dim: 0, indices, values) }
        if dense.isPoisoned { return dense }
        x.form = nil
        x.memory = dense.storage
        return nil
    }
}

extension Tensor {
    /// A tensor of `shape` with rows `indices` (int64 [n]) set to `values` [n, …] and other rows zero; repeated rows add up. PyTorch:
    /// `sparse_coo_tensor` with one sparse dimension.
    ///
    /// It takes memory only for the given rows until something reads it as a dense tensor. Gradients of `Embedding(sparse: true)` have this
    /// form. Traps if the shapes do not fit or an index is not in `0 ..< shape[0]`.
    public static func sparseRows(_ indices: Tensor, _ values: Tensor, shape: some Collection<Int>) -> Tensor {
        let shape = Shape(shape)
        return composite("sparseRows", indices, values) { () throws(OpError) in
            guard indices.dtype == .int64 && indices.ndim == 1 else {
                throw OpError("indices must be int64 [n], they are \(indices.dtype) \(indices.shape)")
            }
            guard shape.count >= 1, values.shape == Shape([indices.numel] + Array(shape.dropFirst())) else {
                throw OpError("the values of \(indices.numel) rows of a tensor \(shape) cannot have shape \(values.shape)")
            }
            if let out = try indices.numbers(Int.self).first(where: { $0 < 0 || $0 >= shape[0] }) {
                throw OpError("index \(out) is out of range for \(shape[0]) rows")
            }
            return try Tensor(rows: SparseRows(indices: indices.detach(), values: values.detach()), shape: shape)
        }
    }

    /// Without checks, for indices that the forward pass has checked.
    package convenience init(rows: SparseRows, shape: Shape) throws(OpError) {
        self.init(
            storage: try Storage.allocate(byteCount: 0, device: rows.values.device), shape: shape, strides: shape.contiguousStrides,
            offset: 0, dtype: rows.values.dtype)
        form = rows
    }

    /// Whether it stores only non-zero rows. Reading its elements makes it dense.
    public final var isSparse: Bool { form is SparseRows }

    /// The row indices of a sparse tensor and their values; a row may occur several times. nil for a dense tensor.
    public final var sparseRows: (indices: Tensor, values: Tensor)? { (form as? SparseRows).map { ($0.indices, $0.values) } }

    /// A sparse tensor with each row only once, in ascending order; a dense tensor is returned unchanged. PyTorch: `coalesce`.
    public final func coalesce() -> Tensor {
        guard let rows = form as? SparseRows else { return self }
        return composite("coalesce", self) { () throws(OpError) in
            let unique = rows.indices.unique()
            let shape = Shape([unique.values.numel] + Array(rows.values.shape.dropFirst()))
            let values = noGrad { Tensor.zeros(shape, dtype: dtype, device: device).indexAdd(dim: 0, unique.inverse, rows.values) }
            return try Tensor(rows: SparseRows(indices: unique.values.usable(), values: values.usable()), shape: self.shape)
        }
    }

    /// A dense tensor with the same values; a dense tensor is returned unchanged. PyTorch: `to_dense`.
    public final func toDense() -> Tensor {
        guard let rows = form as? SparseRows else { return self }
        return noGrad { Tensor.zeros(shape, dtype: dtype, device: device).indexAdd(dim: 0, rows.indices, rows.values) }
    }

    /// The sum of two gradients; sparse if both are.
    final func adding(gradient other: Tensor) -> Tensor {
        guard let mine = form as? SparseRows, let others = other.form as? SparseRows else { return self + other }
        return composite("backward", self, other) { () throws(OpError) in
            try Tensor(
                rows: SparseRows(
                    indices: Tensor.cat([mine.indices, others.indices]).usable(), values: Tensor.cat([mine.values, others.values]).usable()),
                shape: shape)
        }
    }
}
