extension Tensor {
    /// The smallest and the largest element; equal ones share the gradient. Traps if there are none. PyTorch: `aminmax`.
    public final func aminmax(keepDim: Bool = false) -> (min: Tensor, max: Tensor) { (amin(keepDim: keepDim), amax(keepDim: keepDim)) }
    /// The smallest and the largest elements along `dim`; equal ones share the gradient. Traps if there are none.
    public final func aminmax(dim: Int, keepDim: Bool = false) -> (min: Tensor, max: Tensor) {
        (amin(dim: dim, keepDim: keepDim), amax(dim: dim, keepDim: keepDim))
    }

    /// The number of nonzero elements over `dim`, all dimensions by default, int64; NaN counts as nonzero. PyTorch: `count_nonzero`.
    public final func countNonzero(dim: some Collection<Int> = []) -> Tensor { to(.bool).sum(dim: dim) }
    /// The number of nonzero elements along `dim`.
    public final func countNonzero(dim: Int) -> Tensor { to(.bool).sum(dim: dim) }

    // MARK: Variances

    /// The variance over `dim`, all dimensions by default, with correction 1 if `unbiased`, else 0.
    public final func `var`(dim: some Collection<Int> = [], unbiased: Bool, keepDim: Bool = false) -> Tensor {
        `var`(dim: dim, correction: unbiased ? 1 : 0, keepDim: keepDim)
    }
    /// The variance along `dim`, with correction 1 if `unbiased`, else 0.
    public final func `var`(dim: Int, unbiased: Bool, keepDim: Bool = false) -> Tensor {
        `var`(dim: dim, correction: unbiased ? 1 : 0, keepDim: keepDim)
    }
    /// The standard deviation over `dim`, all dimensions by default, with correction 1 if `unbiased`, else 0.
    public final func std(dim: some Collection<Int> = [], unbiased: Bool, keepDim: Bool = false) -> Tensor {
        std(dim: dim, correction: unbiased ? 1 : 0, keepDim: keepDim)
    }
    /// The standard deviation along `dim`, with correction 1 if `unbiased`, else 0.
    public final func std(dim: Int, unbiased: Bool, keepDim: Bool = false) -> Tensor {
        std(dim: dim, correction: unbiased ? 1 : 0, keepDim: keepDim)
    }

    /// The variance and the mean over `dim`, all dimensions by default. PyTorch: `torch.var_mean`.
    public static func varMean(
        _ x: Tensor, dim: some Collection<Int> = [], correction: Double = 1, keepDim: Bool = false
    ) -> (`var`: Tensor, mean: Tensor) {
        (x.var(dim: dim, correction: correction, keepDim: keepDim), x.mean(dim: dim, keepDim: keepDim))
    }
    /// The variance and the mean along `dim`.
    public static func varMean(_ x: Tensor, dim: Int, correction: Double = 1, keepDim: Bool = false) -> (`var`: Tensor, mean: Tensor) {
        varMean(x, dim: [dim], correction: correction, keepDim: keepDim)
    }
    /// The variance and the mean over `dim`, all dimensions by default, with correction 1 if `unbiased`, else 0.
    public static func varMean(
        _ x: Tensor, dim: some Collection<Int> = [], unbiased: Bool, keepDim: Bool = false
    ) -> (`var`: Tensor, mean: Tensor) {
        varMean(x, dim: dim, correction: unbiased ? 1 : 0, keepDim: keepDim)
    }
    /// The variance and the mean along `dim`, with correction 1 if `unbiased`, else 0.
    public static func varMean(_ x: Tensor, dim: Int, unbiased: Bool, keepDim: Bool = false) -> (`var`: Tensor, mean: Tensor) {
        varMean(x, dim: [dim], unbiased: unbiased, keepDim: keepDim)
    }

    /// The standard deviation and the mean over `dim`, all dimensions by default. PyTorch: `torch.std_mean`.
    public static func stdMean(
        _ x: Tensor, dim: some Collection<Int> = [], correction: Double = 1, keepDim: Bool = false
    ) -> (std: Tensor, mean: Tensor) {
        (x.std(dim: dim, correction: correction, keepDim: keepDim), x.mean(dim: dim, keepDim: keepDim))
    }
    /// The standard deviation and the mean along `dim`.
    public static func stdMean(_ x: Tensor, dim: Int, correction: Double = 1, keepDim: Bool = false) -> (std: Tensor, mean: Tensor) {
        stdMean(x, dim: [dim], correction: correction, keepDim: keepDim)
    }
    /// The standard deviation and the mean over `dim`, all dimensions by default, with correction 1 if `unbiased`, else 0.
    public static func stdMean(
        _ x: Tensor, dim: some Collection<Int> = [], unbiased: Bool, keepDim: Bool = false
    ) -> (std: Tensor, mean: Tensor) {
        stdMean(x, dim: dim, correction: unbiased ? 1 : 0, keepDim: keepDim)
    }
    /// The standard deviation and the mean along `dim`, with correction 1 if `unbiased`, else 0.
    public static func stdMean(_ x: Tensor, dim: Int, unbiased: Bool, keepDim: Bool = false) -> (std: Tensor, mean: Tensor) {
        stdMean(x, dim: [dim], unbiased: unbiased, keepDim: keepDim)
    }

    // MARK: Covariances

    /// A matrix whose rows are variables and whose columns are observations; a vector or number is a single variable.
    private final func observations() throws(OpError) -> Tensor {
        guard ndim <= 2, dtype != .bool else {
            throw OpError("is for numbers of at most two dimensions, variables and observations, this is \(dtype) of shape \(shape)")
        }
        return ndim < 2 ? reshape([1, numel]) : self
    }

    /// The covariance matrix of variables [V, N] (rows) or one variable [N]: Σ w·(x − mean)(x − mean)ᵀ / (Σ w − correction), [V, V], or a
    /// scalar for one variable. The weight w of an observation is the product of its count in `fweights` and its weight in `aweights`. With
    /// `aweights` the divisor is Σ w − correction·Σ w·a / Σ w; divisors below 0 count as 0. Traps unless there is one weight per
    /// observation, weights are non-negative, and not all are 0. PyTorch: `cov`.
    public final func cov(correction: Int = 1, fweights: Tensor? = nil, aweights: Tensor? = nil) -> Tensor {
        for weights in [fweights, aweights].compactMap({ $0 }) where weights.isPoisoned { return weights }
        return composite("cov", self) { () throws(OpError) in
            let x = try observations()
            let n = x.shape[1]
            func check(_ weights: Tensor?, _ name: String, _ kind: String, _ isKind: (DType) -> Bool) throws(OpError) {
                guard let weights else { return }
                guard weights.ndim <= 1, weights.numel == n, isKind(weights.dtype) else {
                    throw OpError(
                        "\(name) must be \(n) \(kind), one for each observation, they are \(weights.dtype) of shape \(weights.shape)")
                }
                guard n == 0 || weights.ge(0).all().item(Bool.self) else { throw OpError("\(name) must not be negative") }
            }
            try check(fweights, "fweights", "integers") { $0.isInteger }
            try check(aweights, "aweights", "floating-point numbers") { $0.isFloatingPoint }
            // Far from 0 the rounding error of the mean may be as large as the differences, so these are centered again.
            func centered(_ mean: (Tensor) -> Tensor) -> Tensor {
                let differences = x - mean(x)
                return differences - mean(differences)
            }
            let both = aweights.map { a in fweights.map { $0 * a } ?? a }
            guard let w = both ?? fweights else {
                let differences = centered { $0.sum(dim: 1, keepDim: true) / n }
                return (differences.matmul(differences.t()) / Swift.max(n - correction, 0)).squeeze()
            }
            let total = w.sum()
            guard total.ne(0).item(Bool.self) else { throw OpError("the weights add up to 0") }
            let differences = centered { ($0 * w).sum(dim: 1, keepDim: true) / total }
            var divisor = total - correction
            if let aweights, correction != 0 { divisor = total - (w * aweights).sum() * correction / total }
            return (differences.matmul((differences * w).t()) / divisor.clamp(min: 0)).squeeze()
        }
    }

    /// The correlation coefficients of variables [V, N] (rows), [V, V], within −1 … 1: the covariances divided by both standard deviations.
    /// For one variable a scalar, 1 or NaN. PyTorch: `corrcoef`.
    public final func corrcoef() -> Tensor {
        composite("corrcoef", self) { () throws(OpError) in
            let covariances = try observations().cov()
            if covariances.ndim == 0 { return covariances / covariances }
            let deviations = covariances.diagonal().sqrt()
            return (covariances / deviations.unsqueeze(1) / deviations.unsqueeze(0)).clamp(min: -1, max: 1)
        }
    }
}
