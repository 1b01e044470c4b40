import ApusCore

/// RMSprop (Hinton's lecture 6e; centred: Graves, 2013). PyTorch: `torch.optim.RMSprop`.
///
/// g ← ∇f(p) + weightDecay·p; v ← αv + (1 − α)g²; d = √v + eps, centred √(v − ḡ²) + eps with ḡ ← αḡ + (1 − α)g;
/// p ← p − lr·g/d, with momentum b ← μ·b + g/d and p ← p − lr·b.
public final class RMSprop: Optimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where `lr`, `eps`, `momentum`, `weightDecay` or `alpha` is negative.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, alpha: Double = 0.99, eps: Double = 1e-8, weightDecay: Double = 0, momentum: Double = 0,
        centered: Bool = false, maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "momentum": .double(momentum), "alpha": .double(alpha), "eps": .double(eps), "centered": .bool(centered),
            "weight_decay": .double(weightDecay), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        invalid("learning rate", group.lr) ?? invalid("eps", group.number("eps")) ?? invalid("momentum", group.momentum)
            ?? invalid("weightDecay", group.weightDecay) ?? invalid("alpha", group.number("alpha"))
    }

    override func stateNames(_ group: ParameterGroup) -> [String] {
        ["square_avg"] + (group.momentum != 0 ? ["momentum_buffer"] : []) + (group.flag("centered") ? ["grad_avg"] : [])
    }

    override func rule(_ group: ParameterGroup, step: Int, isFirst: Bool) -> OptimizerRule {
        .rmsprop(lr: group.lr, alpha: group.number("alpha"), eps: group.number("eps"), decay: group.weightDecay, momentum: group.momentum,
                 centered: group.flag("centered"), maximize: group.flag("maximize"))
    }
}
