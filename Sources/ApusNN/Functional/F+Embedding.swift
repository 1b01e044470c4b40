import ApusCore

extension F {
    /// Looks up rows: for integers `input` [*] and `weight` [V, D], the rows weight[input], [*, D]. PyTorch: `F.embedding`.
    ///
    /// - `paddingIdx` is a row that gets no gradient; negative values count from the end.
    /// - `maxNorm`: used rows whose p-norm (p is `normType`) is greater are first scaled down to it in place, outside the graph.
    /// - `scaleGradByFreq` divides the gradient of a row by how often it is used.
    /// - `sparse`: the gradient of `weight` holds the used rows alone (`isSparse`); not with `scaleGradByFreq`.
    ///
    /// Traps on an index outside `0 ..< V`, with its place.
    public static func embedding(
        _ input: Tensor, _ weight: Tensor, paddingIdx: Int? = nil, maxNorm: Double? = nil, normType: Double = 2,
        scaleGradByFreq: Bool = false,
        sparse: Bool = false
    ) -> Tensor {
        composite("embedding", input, weight) { () throws(OpError) in
            let picked = try rows(of: weight, input, paddingIdx, maxNorm, normType, scaleGradByFreq, sparse)
            return picked.reshape(Shape(Array(input.shape) + [weight.shape[1]]))
        }
    }

    /// The rows for the flattened `input`, [numel, D]; `embedding` and `embeddingBag` share it.
    static func rows(
        of weight: Tensor, _ input: Tensor, _ paddingIdx: Int?, _ maxNorm: Double?, _ normType: Double, _ byFrequency: Bool, _ sparse: Bool
    ) throws(OpError) -> Tensor {
        guard input.dtype == .int64 || input.dtype == .int32 else {
            throw OpError("indices must be int64 or int32, they are \(input.dtype)")
        }
        guard weight.ndim == 2 else { throw OpError("weight must be [num_embeddings, embedding_dim], its shape is \(weight.shape)") }
        guard !(sparse && byFrequency) else {
            throw OpError("a sparse gradient cannot be scaled by frequency; leave out sparse or scaleGradByFreq")
        }
        let rows = weight.shape[0]
        let padding = try paddingIdx.map { index throws(OpError) in try paddingRow(index, rows) }
        let index = input.to(.int64).reshape([-1])
        if let maxNorm { try renormalize(weight, index, maxNorm, normType) }
        return apply(
            EmbeddingLookup(rows: rows, paddingIndex: padding, scaleByFrequency: byFrequency, isSparse: sparse), Inputs(weight, index))
    }

    static func paddingRow(_ index: Int, _ rows: Int) throws(OpError) -> Int {
        guard index >= -rows && index < rows else { throw OpError("paddingIdx \(index) is out of range for \(rows) embeddings") }
        return index < 0 ? index + rows : index
    }

    private static func renormalize(_ weight: Tensor, _ index: Tensor, _ maxNorm: Double, _ normType: Double) throws(OpError) {
        guard index.numel > 0 else { return }
        noGrad {
            let used = index.unique().values
            let rows = weight.detach().indexSelect(dim: 0, used)
            let norms = rows.norm(p: normType, dim: [1], keepDim: true)
            let scaled = Tensor.where(norms.gt(maxNorm), rows * (maxNorm / (norms + 1e-7)), rows)
            if !scaled.isPoisoned { weight.copy_(weight.detach().scatter(0, used.unsqueeze(1).expand(scaled.shape), scaled)) }
        }
    }
}
