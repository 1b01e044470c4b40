import ApusCore
import Glibc

/// The settings of `Rprop`.
public struct RpropSettings: OptimizerSettings {
    /// The first step size of each element, by default 10⁻².
    public var lr: Double
    /// What a step size is multiplied by where the sign changes and where it stays, by default 0.5 and 1.2.
    public var etas: (Double, Double)
    /// The least and the largest step size, by default 10⁻⁶ and 50.
    public var stepSizes: (Double, Double)
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("etas", \.etas), .init("step_sizes", \.stepSizes), .init("maximize", \.maximize),
    ]
    /// The last gradient, 0 where its sign had changed, and the step sizes.
    public static let state: [StateTensor<Self>] = ["prev", .init("step_size", initial: { $0.lr })]

    public func problem() -> String? {
        if etas.0 > 0 && etas.0 < 1 && etas.1 > 1 { return nil }
        return "invalid etas: \(etas); they must be two numbers with 0 < first < 1 < second"
    }
}

/// Resilient propagation (Riedmiller and Braun, 1993): each element has its own step size, multiplied by `etas.1` while the gradient
/// keeps its sign and by `etas.0` when it changes, within `stepSizes`. Only the sign of the gradient is used. PyTorch: `torch.optim.Rprop`.
public final class Rprop: TypedOptimizer<RpropSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here. `lr` is the first step
    /// size.
    ///
    /// Traps where `lr` is negative, or unless 0 < etas.0 < 1 < etas.1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, etas: (Double, Double) = (0.5, 1.2), stepSizes: (Double, Double) = (1e-6, 50),
        maximize: Bool = false
    ) {
        super.init(parameters, RpropSettings(lr: lr, etas: etas, stepSizes: stepSizes, maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (etas, sizes) = (step.settings.etas, step.settings.stepSizes)
        let (previous, size) = (step[0], step[1])
        let agreement = gradient * previous
        let (turned, kept) = (agreement.lt(0), agreement.gt(0))
        let factor = Tensor.ones(like: gradient).maskedFill(kept, etas.1).maskedFill(turned, etas.0)
        size.mul_(factor).clamp_(min: sizes.0, max: sizes.1)
        // Where the sign has changed, this step is skipped.
        let used = gradient.maskedFill(turned, 0)
        p.addProduct_(used.sign(), size, -1)
        previous.copy_(used)
    }
}

/// The settings of `ASGD`.
public struct ASGDSettings: OptimizerSettings {
    /// The learning rate to begin with, by default 10⁻².
    public var lr: Double
    /// λ, the decay in p ← p·(1 − λη), by default 10⁻⁴.
    public var lambd: Double
    /// α, the power by which η falls, by default 0.75.
    public var alpha: Double
    /// The step from which on p is averaged, by default 10⁶.
    public var t0: Double
    /// The part of p that is added to the gradient, by default 0.
    public var weightDecay: Double
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("lambd", \.lambd), .init("alpha", \.alpha), .init("t0", \.t0), .init("weight_decay", \.weightDecay),
        .init("maximize", \.maximize),
    ]
    /// η, the weight of the next p in the average, and the average.
    public static let state: [StateTensor<Self>] = [.number("eta", initial: { $0.lr }), .number("mu", initial: { _ in 1 }), "ax"]
    public var addedDecay: Double { weightDecay }
    /// The decay by `lambd` and the average are of all rows.
    public var takesRows: Bool { false }
    public func problem() -> String? { invalid("weightDecay", weightDecay) }
}

/// Averaged stochastic gradient descent (Polyak and Juditsky, 1992): p ← p·(1 − λη) − η·g with η = lr/(1 + λ·lr·t)^α. The state `ax` is p
/// until step `t0`, and from then on the average of p. PyTorch: `torch.optim.ASGD`.
public final class ASGD: TypedOptimizer<ASGDSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where `lr` or `weightDecay` is negative.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, lambd: Double = 1e-4, alpha: Double = 0.75, t0: Double = 1e6, weightDecay: Double = 0,
        maximize: Bool = false
    ) {
        super.init(parameters, ASGDSettings(lr: lr, lambd: lambd, alpha: alpha, t0: t0, weightDecay: weightDecay, maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, t) = (step.settings, Double(step.number))
        let (eta, mu, average) = (step[0], step[1], step[2])
        p.mul_(1 - s.lambd * eta.item()).add_(gradient * -eta.item())
        if mu.item() == 1 { average.copy_(p) } else { average.moveToward_(p, by: mu.item()) }
        eta.fill_(s.lr / pow(1 + s.lambd * s.lr * t, s.alpha))
        mu.fill_(1 / max(1, t - s.t0))
    }
}
