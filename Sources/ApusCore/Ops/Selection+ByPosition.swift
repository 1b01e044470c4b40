// Functions along a dimension label it `dim`. PyTorch programs pass it by position, as its documentation does: `x.gather(1, index)`.

extension Tensor {
    /// `indexSelect(dim:_:)`, by position.
    public final func indexSelect(_ dim: Int, _ index: Tensor) -> Tensor { indexSelect(dim: dim, index) }
    /// `indexAdd(dim:_:_:)`, by position.
    public final func indexAdd(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor { indexAdd(dim: dim, index, source) }
    /// `indexAdd_(dim:_:_:)`, by position.
    @discardableResult public final func indexAdd_(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        indexAdd_(dim: dim, index, source)
    }
    /// `indexAdd(dim:_:_:alpha:)`, by position.
    public final func indexAdd(_ dim: Int, _ index: Tensor, _ source: Tensor, alpha: some ScalarConvertible) -> Tensor {
        indexAdd(dim: dim, index, source, alpha: alpha)
    }
    /// `indexAdd_(dim:_:_:alpha:)`, by position.
    @discardableResult public final func indexAdd_(_ dim: Int, _ index: Tensor, _ source: Tensor, alpha: some ScalarConvertible) -> Self {
        indexAdd_(dim: dim, index, source, alpha: alpha)
    }
    /// `indexFill(dim:_:_:)`, by position.
    public final func indexFill(_ dim: Int, _ index: Tensor, _ value: Tensor) -> Tensor { indexFill(dim: dim, index, value) }
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

    // MARK: `reduce` without a label, too: PyTorch has no default for it

    /// `scatterReduce(dim:_:_:reduce:includeSelf:)`, by position.
    public final func scatterReduce(
        _ dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Tensor {
        scatterReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `scatterReduce(dim:_:_:reduce:includeSelf:)` without a label for `reduce`.
    public final func scatterReduce(
        dim: Int, _ index: Tensor, _ source: Tensor, _ reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Tensor {
        scatterReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `scatterReduce(dim:_:_:reduce:includeSelf:)`, by position.
    public final func scatterReduce(
        _ dim: Int, _ index: Tensor, _ source: Tensor, _ reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Tensor {
        scatterReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `scatterReduce_(dim:_:_:reduce:includeSelf:)`, by position.
    @discardableResult public final func scatterReduce_(
        _ dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Self {
        scatterReduce_(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `scatterReduce_(dim:_:_:reduce:includeSelf:)` without a label for `reduce`.
    @discardableResult public final func scatterReduce_(
        dim: Int, _ index: Tensor, _ source: Tensor, _ reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Self {
        scatterReduce_(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `scatterReduce_(dim:_:_:reduce:includeSelf:)`, by position.
    @discardableResult public final func scatterReduce_(
        _ dim: Int, _ index: Tensor, _ source: Tensor, _ reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Self {
        scatterReduce_(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `scatter(dim:_:_:reduce:)`, by position.
    public final func scatter(_ dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterOperation) -> Tensor {
        scatter(dim: dim, index, source, reduce: reduce)
    }
    /// `scatter(dim:_:_:reduce:)`, by position.
    public final func scatter(_ dim: Int, _ index: Tensor, _ value: some ScalarConvertible, reduce: ScatterOperation) -> Tensor {
        scatter(dim: dim, index, value, reduce: reduce)
    }
    /// `scatter_(dim:_:_:reduce:)`, by position.
    @discardableResult public final func scatter_(_ dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterOperation) -> Self {
        scatter_(dim: dim, index, source, reduce: reduce)
    }
    /// `scatter_(dim:_:_:reduce:)`, by position.
    @discardableResult public final func scatter_(
        _ dim: Int, _ index: Tensor, _ value: some ScalarConvertible, reduce: ScatterOperation
    ) -> Self {
        scatter_(dim: dim, index, value, reduce: reduce)
    }
    /// `indexReduce(dim:_:_:reduce:includeSelf:)`, by position.
    public final func indexReduce(
        _ dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Tensor {
        indexReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `indexReduce(dim:_:_:reduce:includeSelf:)` without a label for `reduce`.
    public final func indexReduce(
        dim: Int, _ index: Tensor, _ source: Tensor, _ reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Tensor {
        indexReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `indexReduce(dim:_:_:reduce:includeSelf:)`, by position.
    public final func indexReduce(
        _ dim: Int, _ index: Tensor, _ source: Tensor, _ reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Tensor {
        indexReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `indexReduce_(dim:_:_:reduce:includeSelf:)`, by position.
    @discardableResult public final func indexReduce_(
        _ dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Self {
        indexReduce_(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `indexReduce_(dim:_:_:reduce:includeSelf:)` without a label for `reduce`.
    @discardableResult public final func indexReduce_(
        dim: Int, _ index: Tensor, _ source: Tensor, _ reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Self {
        indexReduce_(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
    /// `indexReduce_(dim:_:_:reduce:includeSelf:)`, by position.
    @discardableResult public final func indexReduce_(
        _ dim: Int, _ index: Tensor, _ source: Tensor, _ reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Self {
        indexReduce_(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf)
    }
}
