// The dim of what works along one has a label. PyTorch's programs give it by position, as its documentation does: `x.gather(1, index)`.

extension Tensor {
    /// `indexSelect(dim:_:)`, by position.
    public final func indexSelect(_ dim: Int, _ index: Tensor) -> Tensor { indexSelect(dim: dim, index) }
    /// `indexAdd(dim:_:_:)`, by position.
    public final func indexAdd(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor { indexAdd(dim: dim, index, source) }
    /// `indexAdd_(dim:_:_:)`, by position.
    @discardableResult public final func indexAdd_(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        indexAdd_(dim: dim, index, source)
    }
    /// `indexFill(dim:_:_:)`, by position.
    public final func indexFill(_ dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Tensor {
        indexFill(dim: dim, index, value)
    }
    /// `gather(dim:_:)`, by position.
    public final func gather(_ dim: Int, _ index: Tensor) -> Tensor { gather(dim: dim, index) }
    /// `scatter(dim:_:_:)`, by position.
    public final func scatter(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor { scatter(dim: dim, index, source) }
    /// `scatter(dim:_:_:)`, by position.
    public final func scatter(_ dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Tensor { scatter(dim: dim, index, value) }
    /// `scatter_(dim:_:_:)`, by position.
    @discardableResult public final func scatter_(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        scatter_(dim: dim, index, source)
    }
    /// `scatter_(dim:_:_:)`, by position.
    @discardableResult public final func scatter_(_ dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Self {
        scatter_(dim: dim, index, value)
    }
    /// `scatterAdd(dim:_:_:)`, by position.
    public final func scatterAdd(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor { scatterAdd(dim: dim, index, source) }
    /// `scatterAdd_(dim:_:_:)`, by position.
    @discardableResult public final func scatterAdd_(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        scatterAdd_(dim: dim, index, source)
    }
}
