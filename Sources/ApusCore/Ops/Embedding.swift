/// Looks up rows: `weight` [V, D], `input` [*] → [*, D].
///
/// Derivative: the gradient of a row is the sum over its occurrences. `paddingIndex` gets none; `scaleByFrequency` divides by the number of
/// occurrences.
package struct EmbeddingLookup: Op {
    let rows: Int
    let paddingIndex: Int?
    let scaleByFrequency: Bool
    let isSparse: Bool

    package init(rows: Int, paddingIndex: Int?, scaleByFrequency: Bool, isSparse: Bool) {
        self.rows = rows
        self.paddingIndex = paddingIndex
        self.scaleByFrequency = scaleByFrequency
        self.isSparse = isSparse
    }

    package var name: String { "embedding" }

    package func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (weight, index) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized([index.numel, weight.shape[1]], weight.dtype, weight.device)
        try weight.device.backend.indexSelect(weight, dim: 0, index, into: out)
        saved.keep(index)
        return out
    }

    package func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let index = context.saved[0]
        // If the gradient must be differentiable, it is dense.
        if isSparse && !(isGradEnabled && grad.requiresGrad) { return [sparseGradient(grad, index), nil] }
        var g = grad
        if let paddingIndex { g = g.maskedFill(index.eq(paddingIndex).unsqueeze(1), 0) }
        if scaleByFrequency {
            let ones = Tensor.ones([index.numel], dtype: .int64, device: g.device)
            let counts = Tensor.zeros([rows], dtype: .int64, device: g.device).indexAdd(dim: 0, index, ones).indexSelect(dim: 0, index)
                .unsqueeze(1)
            g = (g.to(g.dtype.computeType) / counts).to(g.dtype)
        }
        return [Tensor.zeros([rows, grad.shape[1]], dtype: g.dtype, device: g.device).indexAdd(dim: 0, index, g), nil]
    }

    /// The gradient rows of all occurrences, without those of `paddingIndex`.
    private func sparseGradient(_ grad: Tensor, _ index: Tensor) -> Tensor {
        var (index, grad) = (index, grad)
        if let paddingIndex {
            let kept = index.ne(paddingIndex).nonzero().reshape([-1])
            (index, grad) = (index.indexSelect(dim: 0, kept), grad.indexSelect(dim: 0, kept))
        }
        return composite("embedding", index, grad) { () throws(OpError) in
            try Tensor(rows: SparseRows(indices: index, values: grad.detach()), shape: [rows, grad.shape[1]])
        }
    }
}
