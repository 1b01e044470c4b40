/// How `scatterReduce` and `indexReduce` combine elements.
public enum ScatterReduction: String, Sendable {
    /// Sum, product, mean, minimum, maximum. NaN wins in the last two; a mean of integers is rounded down.
    case sum, prod, mean, amin, amax

    /// The kernel's operation; a mean is a sum that is divided later.
    fileprivate var kind: ScatterKind {
        switch self {
        case .sum, .mean: .add
        case .prod: .multiply
        case .amin: .min
        case .amax: .max
        }
    }

    /// The neutral element.
    func neutral(in dtype: DType) -> Scalar {
        switch self {
        case .sum, .mean: .int(0)
        case .prod: .int(1)
        case .amin: dtype.isFloatingPoint ? .double(.infinity) : .int(dtype.nearest(.max))
        case .amax: dtype.isFloatingPoint ? .double(-.infinity) : .int(dtype.nearest(.min))
        }
    }
}

/// How `scatter` combines elements with existing ones.
public enum ScatterOperation: String, Sendable {
    /// Sum, product.
    case add, multiply

    fileprivate var reduction: ScatterReduction { self == .add ? .sum : .prod }
}

extension Tensor {
    /// x combined with `source` at the positions of `index`; the other elements do not change. With `includeSelf: false`, x's own elements
    /// at these positions are ignored. Traps if an index is out of range, and for means of bool. PyTorch: `scatter_reduce`.
    ///
    /// Elements that are equal to a minimum or maximum share its gradient evenly.
    public final func scatterReduce(
        dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Tensor {
        composite("scatterReduce", self, index, source) { () throws(OpError) in
            let start = includeSelf ? self : scatter(dim: dim, index, reduce.neutral(in: dtype))
            return reduce == .mean
                ? try start.scatterMean(dim, index, source, own: includeSelf ? 1 : 0) : start.scattered(reduce.kind, dim, index, source)
        }
    }

    /// The sums of x and `source`, divided by the number of summands, of which x counts as `own`.
    private final func scatterMean(_ dim: Int, _ index: Tensor, _ source: Tensor, own: Int) throws(OpError) -> Tensor {
        guard dtype != .bool, source.dtype == dtype else {
            throw OpError("x (\(dtype)) and source (\(source.dtype)) have no means; convert them to one dtype of numbers with to(_:)")
        }
        let wide: DType = dtype.isFloatingPoint ? dtype.computeType : dtype
        let sums = to(wide).scattered(.add, dim, index, source.to(wide))
        let counts = Tensor.full(shape, own, dtype: .int64, device: device)
            .scattered(.add, dim, index, Tensor.ones(index.shape, dtype: .int64, device: device)).clamp(min: 1)
        return (dtype.isFloatingPoint ? sums.shared(among: counts) : sums.floorDivide(counts)).to(dtype)
    }

    /// Combines x with `source` at the positions of `index`, in place. PyTorch: `scatter_reduce_`.
    @discardableResult public final func scatterReduce_(
        dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Self {
        updateInPlace("scatterReduce_") { $0.scatterReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf) }
    }

    /// x with `source` added, or multiplied, at the positions of `index`. PyTorch: `scatter` with `reduce`.
    public final func scatter(dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterOperation) -> Tensor {
        scatterReduce(dim: dim, index, source, reduce: reduce.reduction)
    }
    /// x with a number added, or multiplied, at the positions of `index`, repeatedly for repeated ones. PyTorch: `scatter` with `reduce`.
    public final func scatter(dim: Int, _ index: Tensor, _ value: some ScalarConvertible, reduce: ScatterOperation) -> Tensor {
        if index.isPoisoned { return index }
        let source = Tensor.full([], value._scalar, dtype: dtype, device: device).expand(index.shape)
        return scatterReduce(dim: dim, index, source, reduce: reduce.reduction)
    }
    /// Adds or multiplies `source` at the positions of `index`, in place. PyTorch: `scatter_` with `reduce`.
    @discardableResult public final func scatter_(dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterOperation) -> Self {
        updateInPlace("scatter_") { $0.scatter(dim: dim, index, source, reduce: reduce) }
    }
    /// Adds or multiplies a number at the positions of `index`, in place. PyTorch: `scatter_` with `reduce`.
    @discardableResult public final func scatter_(
        dim: Int, _ index: Tensor, _ value: some ScalarConvertible, reduce: ScatterOperation
    ) -> Self {
        updateInPlace("scatter_") { $0.scatter(dim: dim, index, value, reduce: reduce) }
    }

    /// x combined with the slices of `source` at the positions `index` along `dim`; with `includeSelf: false`, x's own slices there are
    /// ignored. Traps if an index is out of range, and for sums, for which there is `indexAdd`. PyTorch: `index_reduce`.
    public final func indexReduce(
        dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Tensor {
        composite("indexReduce", self, index, source) { () throws(OpError) in
            guard reduce != .sum else { throw OpError("combines by prod, mean, amax or amin; sums are made by indexAdd") }
            if ndim == 0 {
                let source = source.reshape([-1])
                return reshape([1]).indexReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf).reshape([])
            }
            let (at, places, source) = try slicePlaces(dim, index, source)
            return scatterReduce(dim: at, places, source, reduce: reduce, includeSelf: includeSelf)
        }
    }
    /// Combines x with the slices of `source` at the positions `index` along `dim`, in place. PyTorch: `index_reduce_`.
    @discardableResult public final func indexReduce_(
        dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterReduction, includeSelf: Bool = true
    ) -> Self {
        updateInPlace("indexReduce_") { $0.indexReduce(dim: dim, index, source, reduce: reduce, includeSelf: includeSelf) }
    }
}
