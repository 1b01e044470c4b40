import ApusCore

/// (input − target)². See `F.mseLoss`. PyTorch: `nn.MSELoss`.
public final class MSELoss: Loss {
    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.mseLoss($0, $1, reduction: reduction) }
    }
}

/// |input − target|. See `F.l1Loss`. PyTorch: `nn.L1Loss`.
public final class L1Loss: Loss {
    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.l1Loss($0, $1, reduction: reduction) }
    }
}

/// Square near 0, straight beyond `beta`. See `F.smoothL1Loss`. PyTorch: `nn.SmoothL1Loss`.
public final class SmoothL1Loss: Loss {
    /// Where the square becomes a line.
    public let beta: Double

    /// Arguments, order and defaults of PyTorch's `nn.SmoothL1Loss`.
    public init(reduction: Reduction = .mean, beta: Double = 1) {
        self.beta = beta
        super.init(reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.smoothL1Loss($0, $1, reduction: reduction, beta: beta) }
    }
}

/// Square near 0, straight beyond `delta`. See `F.huberLoss`. PyTorch: `nn.HuberLoss`.
public final class HuberLoss: Loss {
    /// Where the square becomes a line.
    public let delta: Double

    /// Arguments, order and defaults of PyTorch's `nn.HuberLoss`.
    public init(reduction: Reduction = .mean, delta: Double = 1) {
        self.delta = delta
        super.init(reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.huberLoss($0, $1, reduction: reduction, delta: delta) }
    }
}

/// The Kullback-Leibler divergence from `target` of log-probabilities. See `F.klDiv`. PyTorch: `nn.KLDivLoss`.
public final class KLDivLoss: Module {
    /// What becomes of the losses of the elements.
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
}

/// Counts under Poisson distributions. See `F.poissonNLLLoss`. PyTorch: `nn.PoissonNLLLoss`.
public final class PoissonNLLLoss: Loss {
    /// Whether the input is the logarithm of the rate.
    public let logInput: Bool
    /// Whether constant terms are added.
    public let full: Bool
    /// Added to the variance or the divisor.
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
}

/// Numbers under normal distributions with a variance each. See `F.gaussianNLLLoss`. PyTorch: `nn.GaussianNLLLoss`.
public final class GaussianNLLLoss: Loss {
    /// Whether constant terms are added.
    public let full: Bool
    /// Added to the variance or the divisor.
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

    /// The same with one variance for all places.
    public func callAsFunction(_ input: Tensor, _ target: Tensor, _ var: Double) -> Tensor {
        call(input, target) { F.gaussianNLLLoss($0, $1, `var`, full: full, eps: eps, reduction: reduction) }
    }
}
