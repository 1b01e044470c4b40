/// How `scatterReduce` and `indexReduce` combine elements.
public enum ScatterReduction: String, Sendable {
    /// Sum, product, mean, minimum, maximum. NaN wins in the last two; a mean of integers is rounded down.
    case sum, prod, mean, amin, amax

    /// What the elements are combined by; a mean is a sum that is divided later.
    fileprivate var kind: ScatterKind {
        switch self {
        case .sum, .mean: .add
        case .prod: .multiply
        case .amin: .min
        case .amax: .max
        }
    }

    /// The number that changes nothing.
    func neutral(in dtype: DType) -> Scalar {
        switch self {
        case .sum, .mean: .int(0)
        case .prod: .int(1)
        case .amin: dtype.isFloatingPoint ? .double(.infinity) : .int(dtype.nearest(.max))
        case .amax: dtype.isFloatingPoint ? .double(-.infinity) : .int(dtype.nearest(.min))
        }
    }
}

/// How `scatter` combines elements with those that are there.
public enum ScatterOperation: String, Sendable {
    /// Sum, product.
    case add, multiply

    fileprivate var reduction: ScatterReduction { self == .add ? .sum : .prod }
}

extension Tensor {
    /// x combined with `source` at the positions of `index`; elements that nothing goes to stay as they are. With `includeSelf: false` x's
    /// own elements do not count where something goes to. Traps if an index is out of range, and for means of bool. PyTorch:
    /// `scatter_reduce`.
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

    /// The sums of x and `source`, divided by how many they are of; x counts as `own`.
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

    /// x plus, or times, `source` at the positions of `index`. PyTorch: `scatter` with `reduce`.
    public final func scatter(dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterOperation) -> Tensor {
        scatterReduce(dim: dim, index, source, reduce: reduce.reduction)
    }
    /// x plus, or times, a number at the positions of `index`, as often as they are repeated. PyTorch: `scatter` with `reduce`.
    public final func scatter(dim: Int, _ index: Tensor, _ value: some ScalarConvertible, reduce: ScatterOperation) -> Tensor {
        if index.isPoisoned { return index }
        let source = Tensor.full([], value._scalar, dtype: dtype, device: device).expand(index.shape)
        return scatterReduce(dim: dim, index, source, reduce: reduce.reduction)
    }
    /// Adds `source` at the positions of `index`, or multiplies by it, in place. PyTorch: `scatter_` with `reduce`.
    @discardableResult public final func scatter_(dim: Int, _ index: Tensor, _ source: Tensor, reduce: ScatterOperation) -> Self {
        updateInPlace("scatter_") { $0.scatter(dim: dim, index, source, reduce: reduce) }
    }
    /// Adds a number at the positions of `index`, or multiplies by it, in place. PyTorch: `scatter_` with `reduce`.
    @discardableResult public final func scatter_(
        dim: Int, _ index: Tensor, _ value: some ScalarConvertible, reduce: ScatterOperation
    ) -> Self {
        updateInPlace("scatter_") { $0.scatter(dim: dim, index, value, reduce: reduce) }
    }

    /// x combined with the slices of `source` at the positions `index` along `dim`; with `includeSelf: false` x's own slices there do not
    /// count. Traps if an index is out of range, and for sums, which are `indexAdd`. PyTorch: `index_reduce`.
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
