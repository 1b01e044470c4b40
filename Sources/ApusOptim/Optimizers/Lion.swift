import ApusCore

/// The settings of `Lion`.
public struct LionSettings: OptimizerSettings {
    /// The learning rate, by default 10⁻⁴.
    public var lr: Double
    /// β₁, how much of m is in the step, and β₂, how much of it is kept; by default 0.9 and 0.99.
    public var betas: (Double, Double)
    /// λ in p ← p·(1 − lr·λ), by default 0.
    public var weightDecay: Double
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("betas", \.betas), .init("weight_decay", \.weightDecay), .init("maximize", \.maximize),
    ]
    /// m.
    public static let state: [StateTensor<Self>] = ["exp_avg"]
    public var decoupledDecay: Double { weightDecay }
    public func problem() -> String? { invalid(betas: betas) ?? invalid("weightDecay", weightDecay) }
}

/// Lion, found by a search over programs (Chen et al., 2023): the update is the sign of a momentum, so every element moves by lr, and the
/// state is half of Adam's. Rates should be 3 to 10 times smaller than Adam's, and decays larger by that factor. Not in PyTorch.
///
/// p ← p·(1 − lr·weightDecay); p ← p − lr·sign(β₁m + (1 − β₁)g); m ← β₂m + (1 − β₂)g.
public final class Lion: TypedOptimizer<LionSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where `lr` or `weightDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-4, betas: (Double, Double) = (0.9, 0.99), weightDecay: Double = 0, maximize: Bool = false
    ) {
        super.init(parameters, LionSettings(lr: lr, betas: betas, weightDecay: weightDecay, maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, average) = (step.settings, step[0])
        p.add_((average * s.betas.0 + gradient * (1 - s.betas.0)).sign() * -s.lr)
        average.mul_(s.betas.1).add_(gradient * (1 - s.betas.1))
    }
}
