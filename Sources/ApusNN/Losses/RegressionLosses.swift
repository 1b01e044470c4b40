import ApusCore

/// (input − target)². See `F.mseLoss`. PyTorch: `nn.MSELoss`.
public final class MSELoss: Loss, ComparingModule {
    /// A loss with that reduction.
    public override init(reduction: Reduction = .mean) { super.init(reduction: reduction) }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.mseLoss($0, $1, reduction: reduction) }
    }

    static let arguments = Signature(.reductionAndOldNames).makes(MSELoss.init)
}

/// |input − target|. See `F.l1Loss`. PyTorch: `nn.L1Loss`.
public final class L1Loss: Loss, ComparingModule {
    /// A loss with that reduction.
    public override init(reduction: Reduction = .mean) { super.init(reduction: reduction) }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.l1Loss($0, $1, reduction: reduction) }
    }

    static let arguments = Signature(.reductionAndOldNames).makes(L1Loss.init)
}

/// With d = |input − target|: d²/(2·beta) where d < beta, else d − beta/2. See `F.smoothL1Loss`. PyTorch: `nn.SmoothL1Loss`.
public final class SmoothL1Loss: Loss, ComparingModule {
    /// Where the function turns from quadratic to linear.
    public let beta: Double

    /// Arguments, order and defaults of PyTorch's `nn.SmoothL1Loss`. A call traps where `beta` is negative.
    public init(reduction: Reduction = .mean, beta: Double = 1) {
        self.beta = beta
        super.init(reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.smoothL1Loss($0, $1, reduction: reduction, beta: beta) }
    }

    static let arguments = Signature(.reductionAndOldNames, .double("beta", 1)).makes(SmoothL1Loss.init)
}

/// With d = |input − target|: d²/2 where d ≤ delta, else delta·(d − delta/2). See `F.huberLoss`. PyTorch: `nn.HuberLoss`.
public final class HuberLoss: Loss, ComparingModule {
    /// Where the function turns from quadratic to linear.
    public let delta: Double

    /// Arguments, order and defaults of PyTorch's `nn.HuberLoss`. A call traps unless `delta` is positive.
    public init(reduction: Reduction = .mean, delta: Double = 1) {
        self.delta = delta
        super.init(reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.huberLoss($0, $1, reduction: reduction, delta: delta) }
    }

    static let arguments = Signature(.reduction, .double("delta", 1)).makes(HuberLoss.init)
}

/// The Kullback-Leibler divergence KL(target ‖ exp input), where the input holds log-probabilities. See `F.klDiv`. PyTorch: `nn.KLDivLoss`.
public final class KLDivLoss: Module, ComparingModule {
    /// How the elementwise losses are reduced.
    public let reduction: F.KLDivReduction
    /// Whether targets are log-probabilities too.
    public let logTarget: Bool

    /// Arguments, order and defaults of PyTorch's `nn.KLDivLoss`.
    public init(reduction: F.KLDivReduction = .mean, logTarget: Bool = false) {
        self.reduction = reduction
        self.logTarget = logTarget
    }

    @available(*, unavailable, message: "a loss compares two tensors: call it with input and target")
    public override func callAsFunction(_ x: Tensor) -> Tensor { forward(x) }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.klDiv($0, $1, reduction: reduction, logTarget: logTarget) }
    }

    static let arguments = Signature(.reductionAndOldNames, .bool("log_target", false)).makes(KLDivLoss.init)
}

/// The negative log-likelihood of counts under Poisson distributions. See `F.poissonNLLLoss`. PyTorch: `nn.PoissonNLLLoss`.
public final class PoissonNLLLoss: Loss, DeclaredModule {
    /// Whether the input is the logarithm of the rate.
    public let logInput: Bool
    /// Whether Stirling's approximation of log target! is added for targets above 1.
    public let full: Bool
    /// Added to the input before its logarithm is taken, without `logInput`.
    public let eps: Double

    /// Arguments, order and defaults of PyTorch's `nn.PoissonNLLLoss`.
    public init(logInput: Bool = true, full: Bool = false, eps: Double = 1e-8, reduction: Reduction = .mean) {
        self.logInput = logInput
        self.full = full
        self.eps = eps
        super.init(reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.poissonNLLLoss($0, $1, logInput: logInput, full: full, eps: eps, reduction: reduction) }
    }

    static let arguments = Signature(
        .bool("log_input", true), .bool("full", false), .sizeAverage, .double("eps", 1e-8), .reduce, .reduction
    )
    .makes { (log, full, average, eps, reduce, reduction: Reduction) in
        PoissonNLLLoss(logInput: log, full: full, eps: eps, reduction: reduction.overruled(average, reduce))
    }
    static let inputs = Signature(.tensor("log_input"), .tensor("target")).calls { (module: PoissonNLLLoss, x, y) in module(x, y) }
}

/// The negative log-likelihood of values under normal distributions. See `F.gaussianNLLLoss`. PyTorch: `nn.GaussianNLLLoss`.
public final class GaussianNLLLoss: Loss, DeclaredModule {
    /// Whether log(2π)/2 is added.
    public let full: Bool
    /// The lower bound of the variances.
    public let eps: Double

    /// Arguments, order and defaults of PyTorch's `nn.GaussianNLLLoss`.
    public init(full: Bool = false, eps: Double = 1e-6, reduction: Reduction = .mean) {
        self.full = full
        self.eps = eps
        super.init(reduction: reduction)
    }

    /// The loss of `input` and its variance `var` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor, _ var: Tensor) -> Tensor {
        call(input, target, `var`) { F.gaussianNLLLoss($0, $1, $2, full: full, eps: eps, reduction: reduction) }
    }

    /// The same with one variance for all elements.
    public func callAsFunction(_ input: Tensor, _ target: Tensor, _ var: Double) -> Tensor {
        call(input, target) { F.gaussianNLLLoss($0, $1, `var`, full: full, eps: eps, reduction: reduction) }
    }

    static let arguments = Signature(.bool("full", false).byName, .double("eps", 1e-6).byName, .reduction.byName).makes(
        GaussianNLLLoss.init)
    static let inputs = Signature(.tensor("input"), .tensor("target"), .tensorOrNumber("var")).calls {
        (module: GaussianNLLLoss, input, target, variance) in
        switch variance {
        case .tensor(let variance): module(input, target, variance)
        case .number(let variance): module(input, target, variance)
        }
    }

    fileprivate enum Variance {
        case tensor(Tensor)
        case number(Double)
    }
}

extension Formal where Value == GaussianNLLLoss.Variance {
    fileprivate static func tensorOrNumber(_ name: String) -> Formal {
        Formal(required: name, "a tensor or a number") { value in value.tensor.map { .tensor($0) } ?? value.double.map { .number($0) } }
    }
}
