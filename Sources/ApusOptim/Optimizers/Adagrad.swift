import ApusCore

/// The settings of `Adagrad`.
public struct AdagradSettings: OptimizerSettings {
    /// The learning rate, by default 10⁻².
    public var lr: Double
    /// How the rate falls: by 1/(1 + (t − 1)·lrDecay) in step t. By default 0.
    public var lrDecay: Double
    /// What is added to the root that is divided by, by default 10⁻¹⁰.
    public var eps: Double
    /// λ; λ·p is added to the gradient. By default 0.
    public var weightDecay: Double
    /// What s begins with, by default 0.
    public var initialAccumulatorValue: Double
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("lr_decay", \.lrDecay), .init("eps", \.eps), .init("weight_decay", \.weightDecay),
        .init("initial_accumulator_value", \.initialAccumulatorValue), .init("maximize", \.maximize),
    ]
    /// s, the sum of squared gradients.
    public static let state: [StateTensor<Self>] = [.init("sum", initial: { $0.initialAccumulatorValue })]
    public var addedDecay: Double { weightDecay }

    public func problem() -> String? {
        invalid("eps", eps) ?? invalid("weightDecay", weightDecay) ?? invalid("lrDecay", lrDecay)
            ?? invalid("initialAccumulatorValue", initialAccumulatorValue)
    }
}

/// Adagrad (Duchi et al., 2011): s ← s + g², p ← p − lr/(1 + (t − 1)·lrDecay) · g/(√s + eps). PyTorch: `torch.optim.Adagrad`.
///
/// Takes sparse gradients; rows that are not in them keep their sums.
public final class Adagrad: TypedOptimizer<AdagradSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where a setting is negative.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, lrDecay: Double = 0, weightDecay: Double = 0, initialAccumulatorValue: Double = 0,
        eps: Double = 1e-10,
        maximize: Bool = false
    ) {
        super.init(
            parameters,
            AdagradSettings(
                lr: lr, lrDecay: lrDecay, eps: eps, weightDecay: weightDecay, initialAccumulatorValue: initialAccumulatorValue,
                maximize: maximize))
    }

    private func rate(_ step: Step) -> Double { step.settings.lr / (1 + Double(step.number - 1) * step.settings.lrDecay) }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let sum = step[0]
        sum.addProduct_(gradient, gradient, 1)
        p.addQuotient_(gradient, sum.sqrt() + step.settings.eps, -rate(step))
    }

    public override func updateRows(_ p: Tensor, _ rows: Tensor, _ values: Tensor, _ step: Step) throws(OpError) {
        let sum = step[0]
        try sum.addRows(rows, values.square(), by: writer)
        try p.addRows(rows, values / (sum.indexSelect(dim: 0, rows).sqrt() + step.settings.eps) * -rate(step), by: writer)
    }
}

/// The settings of `Adadelta`.
public struct AdadeltaSettings: OptimizerSettings {
    /// The learning rate, by default 1.
    public var lr: Double
    /// ρ, the part of an average that a step keeps, by default 0.9.
    public var rho: Double
    /// What is added below both roots, by default 10⁻⁶.
    public var eps: Double
    /// λ; λ·p is added to the gradient. By default 0.
    public var weightDecay: Double
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("rho", \.rho), .init("eps", \.eps), .init("weight_decay", \.weightDecay), .init("maximize", \.maximize),
    ]
    /// v and u, the averages of squared gradients and of squared changes.
    public static let state: [StateTensor<Self>] = ["square_avg", "acc_delta"]
    public var addedDecay: Double { weightDecay }

    public func problem() -> String? {
        invalid("eps", eps) ?? invalid("weightDecay", weightDecay)
            ?? (rho >= 0 && rho <= 1 ? nil : "invalid rho: \(rho); it must lie in 0 ... 1")
    }
}

/// Adadelta (Zeiler, 2012): v ← ρv + (1 − ρ)g², Δ = √(u + eps)/√(v + eps)·g, u ← ρu + (1 − ρ)Δ², p ← p − lr·Δ. PyTorch: `torch.optim.Adadelta`.
public final class Adadelta: TypedOptimizer<AdadeltaSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where `lr`, `eps` or `weightDecay` is negative, or `rho` outside 0 ... 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1, rho: Double = 0.9, eps: Double = 1e-6, weightDecay: Double = 0, maximize: Bool = false
    ) {
        super.init(parameters, AdadeltaSettings(lr: lr, rho: rho, eps: eps, weightDecay: weightDecay, maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (rho, eps) = (step.settings.rho, step.settings.eps)
        let (squares, deltas) = (step[0], step[1])
        squares.mul_(rho).addProduct_(gradient, gradient, 1 - rho)
        let delta = (deltas + eps).sqrt() / (squares + eps).sqrt() * gradient
        deltas.mul_(rho).addProduct_(delta, delta, 1 - rho)
        p.add_(delta * -step.settings.lr)
    }
}
