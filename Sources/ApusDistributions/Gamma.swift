import ApusCore

/// The gamma distribution with shape `concentration` and `rate`: density ∝ x^(c−1)·e^(−rate·x). PyTorch: `torch.distributions.Gamma`.
///
/// Samples have gradients by implicit reparameterisation (Figurnov et al., 2018).
public final class Gamma: Distribution {
    /// The concentration, α.
    public let concentration: Tensor
    /// The rate.
    public let rate: Tensor

    /// Traps if a parameter is not positive.
    public init(_ concentration: Tensor, _ rate: Tensor, validateArgs: Bool = true) {
        let (c, r) = broadcast("Gamma", concentration, rate)
        self.concentration = Self.checked(c, "Gamma", "concentration", "positive", validateArgs) { $0.gt(0) }
        self.rate = Self.checked(r, "Gamma", "rate", "positive", validateArgs) { $0.gt(0) }
        super.init(c.isPoisoned ? [] : c.shape, validateArgs: validateArgs, [("concentration", c), ("rate", r)])
    }
    /// A single distribution.
    public convenience init(_ concentration: Double, _ rate: Double, validateArgs: Bool = true) {
        self.init(scalar(concentration), scalar(rate), validateArgs: validateArgs)
    }

    public override var hasRsample: Bool { true }
    override func draw(_ shape: Shape) -> Tensor { Sampling.gamma(concentration.expand(shape)) / rate.expand(shape) }
    /// c·ln rate + (c − 1)·ln x − rate·x − ln Γ(c)
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "at least 0") { $0.ge(0) }
        return concentration.xlogy(rate) + (concentration - 1).xlogy(x) - rate * x - concentration.lgamma()
    }
    public override func entropy() -> Tensor {
        concentration - rate.log() + concentration.lgamma() + (1 - concentration) * concentration.digamma()
    }
    public override var mean: Tensor { concentration / rate }
    public override var variance: Tensor { concentration / rate.square() }
    public override var mode: Tensor { ((concentration - 1) / rate).clamp(min: 0.0) }
    public override func cdf(_ value: Tensor) -> Tensor { concentration.gammainc(rate * checked(value, "at least 0") { $0.ge(0) }) }
    public override func expand(_ batchShape: Shape) -> Gamma {
        Gamma(concentration.expand(batchShape), rate.expand(batchShape), validateArgs: false)
    }
}

/// Points of the simplex [*, K] with density ∝ Π xᵢ^(cᵢ−1). PyTorch: `torch.distributions.Dirichlet`.
public final class Dirichlet: Distribution {
    /// The concentration, α.
    public let concentration: Tensor

    /// Traps if a concentration is not positive or the tensor has no dimension.
    public init(_ concentration: Tensor, validateArgs: Bool = true) {
        var c = concentration
        if !c.isPoisoned && c.ndim < 1 { c = fail("Dirichlet", "concentration needs a dimension") }
        self.concentration = Self.checked(c, "Dirichlet", "concentration", "positive", validateArgs) { $0.gt(0) }
        super.init(
            c.isPoisoned ? [] : Shape(c.shape.dropLast()), c.isPoisoned ? [] : [c.shape[-1]], validateArgs: validateArgs,
            [("concentration", c)])
    }

    public override var hasRsample: Bool { true }
    override func draw(_ shape: Shape) -> Tensor {
        let parts = Sampling.gamma(concentration.expand(shape))
        return parts / parts.sum(dim: -1, keepDim: true)
    }
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "on the simplex") { $0.ge(0).logicalAnd(($0.sum(dim: -1, keepDim: true) - 1).abs().lt(1e-6)) }
        return (concentration - 1).xlogy(x).sum(dim: -1) - logNormaliser
    }
    private var total: Tensor { concentration.sum(dim: -1) }
    /// Σ ln Γ(cᵢ) − ln Γ(Σ cᵢ)
    private var logNormaliser: Tensor { concentration.lgamma().sum(dim: -1) - total.lgamma() }
    public override func entropy() -> Tensor {
        logNormaliser - (Double(eventShape[0]) - total) * total.digamma() - ((concentration - 1) * concentration.digamma()).sum(dim: -1)
    }
    public override var mean: Tensor { concentration / total.unsqueeze(-1) }
    public override var variance: Tensor {
        let all = total.unsqueeze(-1)
        return concentration * (all - concentration) / (all.square() * (all + 1))
    }
    /// If all concentrations are below 1, the mode is the vertex of the largest.
    public override var mode: Tensor {
        let inner = (concentration - 1).clamp(min: 0.0)
        let usual = inner / inner.sum(dim: -1, keepDim: true)
        let corner = Tensor.zeros(like: concentration).scatter(
            -1, concentration.argmax(dim: -1, keepDim: true), Tensor.ones(like: concentration.narrow(-1, 0, 1)))
        return Tensor.where(concentration.lt(1).all(dim: -1, keepDim: true), corner, usual)
    }
    public override func expand(_ batchShape: Shape) -> Dirichlet {
        Dirichlet(concentration.expand(Shape(Array(batchShape) + [eventShape[0]])), validateArgs: false)
    }
}

/// Numbers in 0 ... 1 with density ∝ x^(c₁−1)·(1 − x)^(c₀−1). PyTorch: `torch.distributions.Beta`.
public final class Beta: Distribution {
    /// The concentration of 1, α.
    public let concentration1: Tensor
    /// The concentration of 0, β.
    public let concentration0: Tensor
    private let both: Dirichlet

    /// Traps if a concentration is not positive.
    public init(_ concentration1: Tensor, _ concentration0: Tensor, validateArgs: Bool = true) {
        let (one, zero) = broadcast("Beta", concentration1, concentration0)
        (self.concentration1, self.concentration0) = (one, zero)
        let stacked = Self.checked(Tensor.stack([one, zero], dim: -1), "Beta", "concentrations", "positive", validateArgs) { $0.gt(0) }
        both = Dirichlet(stacked, validateArgs: false)
        // PyTorch prints no parameters for Beta.
        super.init(one.isPoisoned ? [] : one.shape, validateArgs: validateArgs, [])
    }
    /// A single distribution.
    public convenience init(_ concentration1: Double, _ concentration0: Double, validateArgs: Bool = true) {
        self.init(scalar(concentration1), scalar(concentration0), validateArgs: validateArgs)
    }

    public override var hasRsample: Bool { true }
    override func draw(_ shape: Shape) -> Tensor { both.draw(Shape(Array(shape) + [2])).select(-1, 0) }
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "in 0 ... 1") { $0.ge(0).logicalAnd($0.le(1)) }
        return both.logProb(Tensor.stack([x, 1 - x], dim: -1))
    }
    public override func entropy() -> Tensor { both.entropy() }
    public override var mean: Tensor { concentration1 / (concentration1 + concentration0) }
    public override var variance: Tensor { both.variance.select(-1, 0) }
    public override var mode: Tensor { both.mode.select(-1, 0) }
    public override func expand(_ batchShape: Shape) -> Beta {
        Beta(concentration1.expand(batchShape), concentration0.expand(batchShape), validateArgs: false)
    }
}
