// Reading and writing of elements by position, besides `gather`, `scatter` and similar functions in `Selection.swift`.

extension Tensor {
    // MARK: Positions in row-major order

    /// The row-major positions in `index` as a vector, with negative ones counted from the end.
    private final func flatPlaces(_ index: Tensor) throws(OpError) -> Tensor {
        try Tensor.positions(index.reshape([-1]), among: numel)
    }

    /// The elements at the row-major positions `index`, negative ones counted from the end; the result has the shape of `index`. Traps if a
    /// position is out of range. PyTorch: `take`.
    public final func take(_ index: Tensor) -> Tensor {
        composite("take", self, index) { () throws(OpError) in
            reshape([-1]).indexSelect(dim: 0, try flatPlaces(index)).reshape(index.shape)
        }
    }

    /// x with the elements of `source` at the row-major positions `index`, negative ones counted from the end; the last of repeated
    /// positions wins. With `accumulate` they are added, repeated ones repeatedly. Traps if a position is out of range. PyTorch: `put`.
    public final func put(_ index: Tensor, _ source: Tensor, accumulate: Bool = false) -> Tensor {
        composite("put", self, index, source) { () throws(OpError) in
            guard source.dtype == dtype, source.numel == index.numel else {
                throw OpError(
                    "source \(source.shape) (\(source.dtype)) needs an element of x's dtype (\(dtype)) for each of index \(index.shape)")
            }
            let (flat, places, parts) = (reshape([-1]), try flatPlaces(index), source.reshape([-1]))
            return (accumulate ? flat.indexAdd(dim: 0, places, parts) : flat.scatter(dim: 0, places, parts)).reshape(shape)
        }
    }
    /// Puts the elements of `source` at the row-major positions `index`, in place. PyTorch: `put_`.
    @discardableResult public final func put_(_ index: Tensor, _ source: Tensor, accumulate: Bool = false) -> Self {
        updateInPlace("put_") { $0.put(index, source, accumulate: accumulate) }
    }

    // MARK: Positions along a dimension

    /// The elements at the positions `indices` along `dim`, one for each element of `indices`; both broadcast in the other dimensions.
    /// Without `dim` positions are row-major, and the result is a vector. Negative positions count from the end. Takes the results of
    /// `argsort`, `argmax(keepDim: true)` and similar functions. Traps if a position is out of range. PyTorch: `take_along_dim`.
    public final func takeAlongDim(_ indices: Tensor, dim: Int? = nil) -> Tensor {
        composite("takeAlongDim", self, indices) { () throws(OpError) in
            guard let dim else { return reshape([-1]).gather(dim: 0, try flatPlaces(indices)) }
            let at = try normalize(dim: dim, ndim: ndim)
            let indices = try Tensor.positions(indices, among: ndim == 0 ? 1 : shape[at])
            guard indices.ndim == ndim else {
                throw OpError("indices of shape \(indices.shape) and x of shape \(shape) must have as many dimensions")
            }
            if ndim == 0 { return gather(dim: at, indices) }
            var (own, others) = (shape, indices.shape)
            (own[at], others[at]) = (1, 1)
            guard let spread = Shape.broadcast(own, others) else {
                throw OpError("indices of shape \(indices.shape) and x of shape \(shape) do not broadcast beside dim \(dim)")
            }
            (own, others) = (spread, spread)
            (own[at], others[at]) = (shape[at], indices.shape[at])
            return expand(own).gather(dim: at, indices.expand(others))
        }
    }

    /// The arguments with which `scatter` treats whole slices along `dim` according to a vector of positions: the dimension, the position
    /// of each element of `source`, and `source`. For tensors with dimensions.
    final func slicePlaces(_ dim: Int, _ index: Tensor, _ source: Tensor) throws(OpError) -> (at: Int, places: Tensor, source: Tensor) {
        let at = try normalize(dim: dim, ndim: ndim)
        try Tensor.checkVector(index)
        var (wanted, column) = (shape, Shape(repeating: 1, count: ndim))
        (wanted[at], column[at]) = (index.numel, index.numel)
        // A number is a slice of a vector.
        let source = source.ndim == 0 && ndim == 1 ? source.reshape([1]) : source
        guard source.shape == wanted, source.dtype == dtype else {
            throw OpError(
                "x \(shape) (\(dtype)), index \(index.shape) and source \(source.shape) (\(source.dtype)) do not fit; the source must be "
                    + "\(wanted) and have x's dtype")
        }
        return (at, try Tensor.index(index).reshape(column).expand(wanted), source)
    }

    /// x with the slices of `source` at the positions `index` along `dim`; the last of repeated positions wins. Traps if an index is out of
    /// range. PyTorch: `index_copy`.
    public final func indexCopy(dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
        composite("indexCopy", self, index, source) { () throws(OpError) in
            if ndim == 0 { return reshape([1]).indexCopy(dim: dim, index, source.reshape([-1])).reshape([]) }
            let (at, places, source) = try slicePlaces(dim, index, source)
            return scatter(dim: at, places, source)
        }
    }
    /// Puts the slices of `source` at the positions `index` along `dim`, in place. PyTorch: `index_copy_`.
    @discardableResult public final func indexCopy_(dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        updateInPlace("indexCopy_") { $0.indexCopy(dim: dim, index, source) }
    }
    /// Puts `value` at the positions `index` along `dim`, in place. PyTorch: `index_fill_`.
    @discardableResult public final func indexFill_(dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Self {
        updateInPlace("indexFill_") { $0.indexFill(dim: dim, index, value) }
    }
    /// Puts a value [] at the positions `index` along `dim`, in place. PyTorch: `index_fill_`.
    @discardableResult public final func indexFill_(dim: Int, _ index: Tensor, _ value: Tensor) -> Self {
        updateInPlace("indexFill_") { $0.indexFill(dim: dim, index, value) }
    }

    /// Repeats each slice along `dim` as often as `repeats` says at its position; a `repeats` with one element applies to all. Traps if
    /// there is not one count per slice, or if one is negative. PyTorch: `repeat_interleave`.
    public final func repeatInterleave(_ repeats: Tensor, dim: Int) -> Tensor {
        composite("repeatInterleave", self, repeats) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            guard ndim > 0 else { throw OpError("a scalar has no elements to repeat along a dim; leave dim out") }
            guard repeats.ndim <= 1, repeats.numel == shape[at] || repeats.numel == 1 else {
                throw OpError(
                    "counts of shape \(repeats.shape) do not fit the \(shape[at]) elements of dim \(dim): one for each is needed, or one")
            }
            return indexSelect(dim: at, Tensor.repeatInterleave(repeats.reshape([-1]).expand([shape[at]])))
        }
    }
    /// All elements in row-major order, each repeated as often as `repeats` says at its position; a vector. PyTorch: `repeat_interleave`.
    public final func repeatInterleave(_ repeats: Tensor) -> Tensor { reshape([-1]).repeatInterleave(repeats, dim: 0) }
    /// Each position in the vector `repeats`, repeated as often as the number there says: [2, 0, 1] gives [0, 0, 2]. Traps if one is
    /// negative. PyTorch: `torch.repeat_interleave(repeats)`.
    public static func repeatInterleave(_ repeats: Tensor) -> Tensor {
        composite("repeatInterleave", repeats) { () throws(OpError) in
            guard repeats.ndim == 1, repeats.dtype.isInteger else {
                throw OpError("the counts must be a vector of integers, they are \(repeats.dtype) of shape \(repeats.shape)")
            }
            let counts = repeats.to(.int64)
            if counts.numel == 0 { return repeats.clone() }
            guard !counts.lt(0).any().item(Bool.self) else { throw OpError("a count is negative") }
            // Element j of the result is the number of positions whose repetitions end at j or before.
            let ends = counts.cumsum(dim: 0)
            let total = ends[-1].item(Int.self)
            let steps = Tensor.zeros([total + 1], dtype: .int64, device: repeats.device)
                .indexAdd(dim: 0, ends, Tensor.ones(like: ends))
            return steps.narrow(0, 0, total).cumsum(dim: 0).to(repeats.dtype)
        }
    }

    // MARK: Positions along several dimensions, and masks

    /// x with `values`, which broadcast, at the positions given by the index tensors together, as in `x[i, j] = values`; the last of
    /// repeated positions wins. With `accumulate` they are added, repeated ones repeatedly. A mask stands for the indices of its true
    /// elements, nil for a whole dimension. Traps if a position is out of range. PyTorch: `index_put`.
    public final func indexPut(_ indices: [Tensor?], _ values: Tensor, accumulate: Bool = false) -> Tensor {
        composite("indexPut", self, values) { () throws(OpError) in
            let components = indices.map { index -> any TensorIndex in
                if let index { index } else { IndexKeyword.all }
            }
            let part = try Subscript(self, components)
            if part.view.isPoisoned { return part.view }
            guard !part.tensors.isEmpty else { throw OpError("no index is given") }
            guard values.dtype == dtype else {
                throw OpError("the values are \(values.dtype), x is \(dtype); convert one of them with to(_:)")
            }
            return try part.change(values, accumulate: accumulate)(self).contiguous()
        }
    }
    /// Puts `values` at the positions given by the index tensors together, in place. PyTorch: `index_put_`.
    @discardableResult public final func indexPut_(_ indices: [Tensor?], _ values: Tensor, accumulate: Bool = false) -> Self {
        updateInPlace("indexPut_") { $0.indexPut(indices, values, accumulate: accumulate) }
    }

    /// x, broadcast with the bool `mask`, with the elements of `source` in row-major order, one after the other, where the mask is true.
    /// Traps if there are too few. PyTorch: `masked_scatter`.
    public final func maskedScatter(_ mask: Tensor, _ source: Tensor) -> Tensor {
        composite("maskedScatter", self, mask, source) { () throws(OpError) in
            let (spread, places) = try maskPlaces(mask)
            guard source.dtype == dtype else {
                throw OpError("the source is \(source.dtype), x is \(dtype); convert one of them with to(_:)")
            }
            guard source.numel >= places.numel else {
                throw OpError("the source has \(source.numel) elements, the mask is true for \(places.numel)")
            }
            let parts = source.reshape([-1]).narrow(0, 0, places.numel)
            return expand(spread).reshape([-1]).scatter(dim: 0, places, parts).reshape(spread)
        }
    }
    /// Puts the elements of `source` one after the other where `mask` is true, in place. PyTorch: `masked_scatter_`.
    @discardableResult public final func maskedScatter_(_ mask: Tensor, _ source: Tensor) -> Self {
        updateInPlace("maskedScatter_") { $0.maskedScatter(mask, source) }
    }

    /// The coordinates of the nonzero elements, in row-major order: [count, ndim], int64. PyTorch: `argwhere`.
    public final func argwhere() -> Tensor { nonzero() }

    /// The coordinates of the nonzero elements, a vector for each dimension, as `x[i, j]` takes them; a scalar counts as a vector. Traps
    /// unless `asTuple` is true: `nonzero()` returns all coordinates in one tensor. PyTorch: `nonzero(as_tuple=True)`.
    public final func nonzero(asTuple: Bool) -> TensorList {
        if isPoisoned { return TensorList(poisoned: self) }
        guard asTuple else { return TensorList(poisoned: fail("nonzero", "with asTuple: false there is one tensor; write nonzero()")) }
        return (ndim == 0 ? reshape([1]) : self).nonzero().unbind(dim: 1)
    }
    /// The coordinates of the nonzero elements of `condition`, a vector for each dimension. PyTorch: `torch.where(condition)`.
    public static func `where`(_ condition: Tensor) -> TensorList { condition.nonzero(asTuple: true) }
}

// Forms with the dim by position, as in `Selection+ByPosition.swift`.
extension Tensor {
    /// `indexCopy(dim:_:_:)`, by position.
    public final func indexCopy(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor { indexCopy(dim: dim, index, source) }
    /// `indexCopy_(dim:_:_:)`, by position.
    @discardableResult public final func indexCopy_(_ dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        indexCopy_(dim: dim, index, source)
    }
    /// `indexFill_(dim:_:_:)`, by position.
    @discardableResult public final func indexFill_(_ dim: Int, _ index: Tensor, _ value: Tensor) -> Self {
        indexFill_(dim: dim, index, value)
    }
    /// `indexFill_(dim:_:_:)`, by position.
    @discardableResult public final func indexFill_(_ dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Self {
        indexFill_(dim: dim, index, value)
    }
}
