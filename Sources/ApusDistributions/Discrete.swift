import ApusCore

/// 1 with probability `probs`, else 0. PyTorch: `torch.distributions.Bernoulli`.
public final class Bernoulli: Distribution {
    /// The probability of 1.
    public let probs: Tensor
    /// ln(p/(1 − p))
    public let logits: Tensor

    /// Traps if a probability is outside 0 ... 1.
    public init(probs: Tensor, validateArgs: Bool = true) {
        self.probs = Self.checked(probs, "Bernoulli", "probs", "in 0 ... 1", validateArgs) { $0.ge(0).logicalAnd($0.le(1)) }
        let clamped = clampedProbs(self.probs)
        logits = clamped.log() - (-clamped).log1p()
        super.init(probs.isPoisoned ? [] : probs.shape, validateArgs: validateArgs, [("probs", probs)])
    }
    /// From log-odds.
    public init(logits: Tensor, validateArgs: Bool = true) {
        self.logits = logits
        probs = logits.sigmoid()
        super.init(logits.isPoisoned ? [] : logits.shape, validateArgs: validateArgs, [("logits", logits)])
    }
    /// A single distribution.
    public convenience init(probs: Double, validateArgs: Bool = true) { self.init(probs: scalar(probs), validateArgs: validateArgs) }

    override func draw(_ shape: Shape) -> Tensor { probs.detach().expand(shape).bernoulli() }
    /// −softplus(−logits) for 1, −softplus(logits) for 0.
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "0 or 1") { $0.eq(0).logicalOr($0.eq(1)) }
        return x * logits - logits.softplus()
    }
    public override func entropy() -> Tensor { logits.softplus() - probs * logits }
    public override var mean: Tensor { probs }
    public override var variance: Tensor { probs * (1 - probs) }
    /// NaN if both are equally probable, as in PyTorch.
    public override var mode: Tensor { probs.ge(0.5).to(probs.dtype).maskedFill(probs.eq(0.5), Double.nan) }
    public override func expand(_ batchShape: Shape) -> Bernoulli {
        parameters[0].name == "probs"
            ? Bernoulli(probs: probs.expand(batchShape), validateArgs: false)
            : Bernoulli(logits: logits.expand(batchShape), validateArgs: false)
    }
}

/// One of K classes, 0 ..< K, with probabilities `probs` [*, K]. PyTorch: `torch.distributions.Categorical`. Samples are int64.
public final class Categorical: Distribution {
    /// The probabilities, normalised to sum 1.
    public let probs: Tensor
    /// The logarithms of the probabilities.
    public let logits: Tensor

    /// `probs` are divided by their sum. Traps if one is negative or a row sums to 0.
    public init(probs: Tensor, validateArgs: Bool = true) {
        var given = probs
        if !given.isPoisoned && given.ndim < 1 { given = fail("Categorical", "probs need a dimension of classes") }
        given = Self.checked(given, "Categorical", "probs", "at least 0 with a positive sum", validateArgs) {
            $0.ge(0).logicalAnd($0.sum(dim: -1, keepDim: true).gt(0))
        }
        self.probs = given / given.sum(dim: -1, keepDim: true)
        logits = clampedProbs(self.probs).log()
        super.init(given.isPoisoned ? [] : Shape(given.shape.dropLast()), validateArgs: validateArgs, [("probs", self.probs)])
    }
    /// From unnormalised log-probabilities.
    public init(logits: Tensor, validateArgs: Bool = true) {
        var given = logits
        if !given.isPoisoned && given.ndim < 1 { given = fail("Categorical", "logits need a dimension of classes") }
        self.logits = given.logSoftmax(dim: -1)
        probs = given.softmax(dim: -1)
        super.init(given.isPoisoned ? [] : Shape(given.shape.dropLast()), validateArgs: validateArgs, [("logits", self.logits)])
    }

    private var classes: Int { probs.shape[-1] }

    override func draw(_ shape: Shape) -> Tensor {
        if probs.isPoisoned { return probs }
        let rows = batchShape.reduce(1, *)
        let draws = rows == 0 ? 0 : shape.reduce(1, *) / rows
        if draws == 0 { return Tensor.zeros(shape, dtype: .int64, device: probs.device) }
        return probs.detach().reshape([rows, classes]).multinomial(draws, replacement: true).t().reshape(shape)
    }
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "a class in 0 ..< \(classes)") {
            $0.ge(0).logicalAnd($0.lt(classes)).logicalAnd($0.eq($0.to(.int64).to($0.dtype)))
        }
        if x.isPoisoned || logits.isPoisoned { return x.isPoisoned ? x : logits }
        let shape = Shape.broadcast(x.shape, batchShape) ?? x.shape
        let index = x.to(.int64).expand(shape).unsqueeze(-1)
        return logits.expand(Shape(Array(shape) + [classes])).gather(-1, index).squeeze(-1)
    }
    public override func entropy() -> Tensor { -(probs * logits.clamp(min: -Double(Float.greatestFiniteMagnitude))).sum(dim: -1) }
    public override var mean: Tensor { probs.select(-1, 0) * Double.nan }
    public override var variance: Tensor { mean }
    public override var mode: Tensor { probs.argmax(dim: -1) }
    public override func expand(_ batchShape: Shape) -> Categorical {
        let shape = Shape(Array(batchShape) + [classes])
        return parameters[0].name == "probs"
            ? Categorical(probs: probs.expand(shape), validateArgs: false) : Categorical(logits: logits.expand(shape), validateArgs: false)
    }
}

/// Counts of independent events with mean `rate`: P(k) = rateᵏ·e^−rate/k!. PyTorch: `torch.distributions.Poisson`.
public final class Poisson: Distribution {
    /// The rate.
    public let rate: Tensor

    /// Traps if a rate is negative.
    public init(_ rate: Tensor, validateArgs: Bool = true) {
        self.rate = Self.checked(rate, "Poisson", "rate", "at least 0", validateArgs) { $0.ge(0) }
        super.init(rate.isPoisoned ? [] : rate.shape, validateArgs: validateArgs, [("rate", rate)])
    }
    /// A single distribution.
    public convenience init(_ rate: Double, validateArgs: Bool = true) { self.init(scalar(rate), validateArgs: validateArgs) }

    override func draw(_ shape: Shape) -> Tensor { RejectionSampling.poisson(rate.detach().expand(shape)) }
    public override func logProb(_ value: Tensor) -> Tensor {
        let x = checked(value, "a count") { $0.ge(0).logicalAnd($0.eq($0.floor())) }
        return x.xlogy(rate) - rate - (x + 1).lgamma()
    }
    public override var mean: Tensor { rate }
    public override var variance: Tensor { rate }
    public override var mode: Tensor { rate.floor() }
    public override func expand(_ batchShape: Shape) -> Poisson { Poisson(rate.expand(batchShape), validateArgs: false) }
}
