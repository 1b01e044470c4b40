// Sums and means that ignore NaN. `nanmedian` and `nanquantile` are beside `median` and `quantile`.

extension Tensor {
    /// x with NaN replaced by 0; NaN elements get no gradient.
    private final var withoutNaN: Tensor { dtype.isFloatingPoint ? maskedFill(isnan(), 0) : self }

    /// The sum of all elements that are not NaN, converted to `dtype` first if given; integers and bool give int64. PyTorch: `nansum`.
    public final func nansum(dtype: DType? = nil) -> Tensor { withoutNaN.sum(dtype: dtype) }
    /// The sums along `dim`, ignoring NaN.
    public final func nansum(dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        withoutNaN.sum(dim: dim, keepDim: keepDim, dtype: dtype)
    }
    /// The sums over `dim`, ignoring NaN; an empty list means all dimensions.
    public final func nansum(dim: some Collection<Int>, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        withoutNaN.sum(dim: dim, keepDim: keepDim, dtype: dtype)
    }

    /// The mean of all elements that are not NaN, converted to `dtype` first if given; NaN if there are none. Traps for integers and bool.
    /// PyTorch: `nanmean`.
    public final func nanmean(dtype: DType? = nil) -> Tensor { nanmean(dim: Shape(), dtype: dtype) }
    /// The means along `dim`, ignoring NaN.
    public final func nanmean(dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        nanmean(dim: [dim], keepDim: keepDim, dtype: dtype)
    }
    /// The means over `dim`, ignoring NaN; an empty list means all dimensions.
    public final func nanmean(dim: some Collection<Int>, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        if let failed = floatsOnly("nanmean") { return failed }
        return (dtype.map { to($0) } ?? self).widened { x in
            let count = x.isnan().logicalNot().sum(dim: dim, keepDim: keepDim)
            return x.nansum(dim: dim, keepDim: keepDim).shared(among: count)
        }
    }
}
