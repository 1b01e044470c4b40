import ApusCore

/// The normal distribution with mean `loc` and standard deviation `scale`. PyTorch: `torch.distributions.Normal`.
public final class Normal: Distribution {
    /// The mean.
    public let loc: Tensor
    /// The standard deviation.
    public let scale: Tensor

    /// Traps if a scale is not positive.
    public init(_ loc: Tensor, _ scale: Tensor, validateArgs: Bool = true) {
        let (loc, scale) = broadcast("Normal", loc, scale)
        self.loc = loc
        self.scale = Self.checked(scale, "Normal", "scale", "positive", validateArgs) { $0.gt(0) }
        super.init(loc.isPoisoned ? [] : loc.shape, validateArgs: validateArgs, [("loc", loc), ("scale", scale)])
    }
    /// A single distribution.
    public convenience init(_ loc: Double, _ scale: Double, validateArgs: Bool = true) {
        self.init(scalar(loc), scalar(scale), validateArgs: validateArgs)
    }

    public override var hasRsample: Bool { true }
    override func draw(_ shape: Shape) -> Tensor { loc + scale * Tensor.randn(shape, dtype: loc.dtype, device: loc.device) }
    /// −(x − μ)²/(2σ²) − ln σ − ln √(2π)
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "a number") { $0.eq($0) }
        return -((x - loc) / scale).square() / 2 - scale.log() - 0.9189385332046727
    }
    public override func entropy() -> Tensor { scale.log() + 1.4189385332046727 }
    public override var mean: Tensor { loc }
    public override var mode: Tensor { loc }
    public override var variance: Tensor { scale.square() }
    public override func cdf(_ value: Tensor) -> Tensor {
        // erfc, since 1 + erf loses all digits in the lower tail.
        ((checked(value, "a number") { $0.eq($0) } - loc) / scale * -0.7071067811865476).erfc() / 2
    }
    public override func icdf(_ value: Tensor) -> Tensor { loc + scale * value.ndtri() }
    public override func expand(_ batchShape: Shape) -> Normal {
        Normal(loc.expand(batchShape), scale.expand(batchShape), validateArgs: false)
    }
}

/// The uniform distribution over [low, high). PyTorch: `torch.distributions.Uniform`.
public final class Uniform: Distribution {
    /// The lower end.
    public let low: Tensor
    /// The upper end.
    public let high: Tensor

    /// Traps unless `low` is below `high`.
    public init(_ low: Tensor, _ high: Tensor, validateArgs: Bool = true) {
        let (low, high) = broadcast("Uniform", low, high)
        self.low = Self.checked(low, "Uniform", "low", "below high", validateArgs) { $0.lt(high) }
        self.high = high
        super.init(low.isPoisoned ? [] : low.shape, validateArgs: validateArgs, [("low", low), ("high", high)])
    }
    /// A single distribution.
    public convenience init(_ low: Double, _ high: Double, validateArgs: Bool = true) {
        self.init(scalar(low), scalar(high), validateArgs: validateArgs)
    }

    public override var hasRsample: Bool { true }
    override func draw(_ shape: Shape) -> Tensor { low + (high - low) * Tensor.rand(shape, dtype: low.dtype, device: low.device) }
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "between low and high") { $0.ge(low).logicalAnd($0.le(high)) }
        return low.le(x).logicalAnd(high.gt(x)).to(low.dtype).log() - (high - low).log()
    }
    public override func entropy() -> Tensor { (high - low).log() }
    public override var mean: Tensor { (high + low) / 2 }
    public override var mode: Tensor { high * Double.nan }
    public override var variance: Tensor { (high - low).square() / 12 }
    public override func cdf(_ value: Tensor) -> Tensor {
        ((checked(value, "between low and high") { $0.ge(low).logicalAnd($0.le(high)) } - low) / (high - low)).clamp(min: 0.0, max: 1.0)
    }
    public override func icdf(_ value: Tensor) -> Tensor { value * (high - low) + low }
    public override func expand(_ batchShape: Shape) -> Uniform {
        Uniform(low.expand(batchShape), high.expand(batchShape), validateArgs: false)
    }
}

/// The normal distribution of vectors [*, d], given by its covariance, its precision (the inverse) or the lower Cholesky factor of the
/// covariance, [*, d, d]. PyTorch: `torch.distributions.MultivariateNormal`. The factor is computed on the host, for small d.
public final class MultivariateNormal: Distribution {
    /// The mean.
    public let loc: Tensor
    /// The lower triangular L for which L·Lᵀ is the covariance.
    public let scaleTril: Tensor

    /// Traps unless exactly one of the three is given, if shapes do not fit, and if a matrix is not positive definite.
    public init(
        _ loc: Tensor, covarianceMatrix: Tensor? = nil, precisionMatrix: Tensor? = nil, scaleTril: Tensor? = nil, validateArgs: Bool = true
    ) {
        let owner = "MultivariateNormal"
        let given = [("covariance_matrix", covarianceMatrix), ("precision_matrix", precisionMatrix), ("scale_tril", scaleTril)].compactMap {
            name, x in x.map { (name: name, value: $0) }
        }
        var factor: Tensor
        if given.count != 1 {
            factor = fail(owner, "needs exactly one of covarianceMatrix, precisionMatrix and scaleTril; it got \(given.count)")
        } else if loc.isPoisoned || given[0].value.isPoisoned {
            factor = loc.isPoisoned ? loc : given[0].value
        } else if loc.ndim < 1 || given[0].value.ndim < 2 || given[0].value.shape[-1] != loc.shape[-1]
            || given[0].value.shape[-2] != loc.shape[-1]
        {
            factor = fail(
                owner,
                "loc of shape \(loc.shape) needs a matrix [*, \(loc.ndim < 1 ? 1 : loc.shape[-1]), \(loc.ndim < 1 ? 1 : loc.shape[-1])], it has shape \(given[0].value.shape)"
            )
        } else if let covarianceMatrix {
            factor = covarianceMatrix.cholesky()
        } else if let precisionMatrix {
            // P = U·Uᵀ with U upper triangular, by the Cholesky factor of P with rows and columns reversed; L is the inverse of Uᵀ.
            let flipped = precisionMatrix.flip([-2, -1]).cholesky()
            let inverse = flipped.flip([-2, -1]).transpose(-2, -1)
            let identity = Tensor.eye(loc.shape[-1], dtype: loc.dtype, device: loc.device)
            factor = inverse.solveTriangular(identity, upper: false)
        } else {
            factor =
                Self.checked(scaleTril!.diagonal(dim1: -2, dim2: -1), owner, "the diagonal of scaleTril", "positive", validateArgs) {
                    $0.gt(0)
                }.isPoisoned ? .poisonedFactor : scaleTril!
        }
        var location = loc
        if !factor.isPoisoned {
            if let batch = Shape.broadcast(Shape(loc.shape.dropLast()), Shape(factor.shape.dropLast(2))) {
                location = loc.expand(Shape(Array(batch) + [loc.shape[-1]]))
                factor = factor.expand(Shape(Array(batch) + Array(factor.shape.suffix(2))))
            } else {
                factor = fail(owner, "the batches of \(loc.shape) and \(factor.shape) do not broadcast")
            }
        }
        self.loc = location
        self.scaleTril = factor
        let isPoisoned = location.isPoisoned || location.ndim == 0
        let shown = isPoisoned || factor.isPoisoned ? [] : given.map { (name: $0.name, value: $0.value.expand(factor.shape)) }
        super.init(
            isPoisoned ? [] : Shape(location.shape.dropLast()), isPoisoned ? [] : [location.shape[-1]], validateArgs: validateArgs,
            [("loc", location)] + shown)
    }

    /// L·Lᵀ
    public var covarianceMatrix: Tensor { scaleTril.matmul(scaleTril.transpose(-2, -1)) }

    public override var hasRsample: Bool { true }
    override func draw(_ shape: Shape) -> Tensor {
        loc + scaleTril.matmul(Tensor.randn(shape, dtype: loc.dtype, device: loc.device).unsqueeze(-1)).squeeze(-1)
    }
    /// −(d·ln 2π + |L⁻¹(x − μ)|²)/2 − Σ ln Lᵢᵢ
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "a number") { $0.eq($0) } - loc
        return (whitened(x).square().sum(dim: -1) + Double(eventShape[0]) * 1.8378770664093453) / -2 - halfLogDeterminant
    }
    /// L⁻¹·x
    func whitened(_ x: Tensor) -> Tensor { scaleTril.solveTriangular(x.unsqueeze(-1), upper: false).squeeze(-1) }
    var halfLogDeterminant: Tensor { scaleTril.diagonal(dim1: -2, dim2: -1).log().sum(dim: -1) }
    public override func entropy() -> Tensor { halfLogDeterminant + Double(eventShape[0]) * 1.4189385332046727 }
    public override var mean: Tensor { loc }
    public override var mode: Tensor { loc }
    public override var variance: Tensor { scaleTril.square().sum(dim: -1) }
    public override func expand(_ batchShape: Shape) -> MultivariateNormal {
        let d = eventShape[0]
        return MultivariateNormal(
            loc.expand(Shape(Array(batchShape) + [d])), scaleTril: scaleTril.expand(Shape(Array(batchShape) + [d, d])), validateArgs: false)
    }
}

extension Tensor {
    /// The factor that stands in after a failed check inside `ApusCore.checked`.
    fileprivate static var poisonedFactor: Tensor { fail("MultivariateNormal", "scaleTril is no Cholesky factor") }
}
