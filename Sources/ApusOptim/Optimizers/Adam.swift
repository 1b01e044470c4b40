import ApusCore

/// Adam (Kingma and Ba, 2015), with AMSGrad (Reddi et al., 2018) as an option. PyTorch: `torch.optim.Adam`.
///
/// g ← ∇f(p) + weightDecay·p; m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; in step t
/// p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + eps). AMSGrad has the largest v so far in place of v.
public class Adam: Optimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where `lr`, `eps` or `weightDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
        amsgrad: Bool = false, maximize: Bool = false, decoupledWeightDecay: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "betas": .list([betas.0, betas.1]), "eps": .double(eps), "weight_decay": .double(weightDecay),
            "amsgrad": .bool(amsgrad), "maximize": .bool(maximize), "decoupled_weight_decay": .bool(decoupledWeightDecay),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        guard case .list(let betas)? = group[option: "betas"], betas.count == 2 else { return "betas must be two numbers" }
        return invalid("learning rate", group.lr) ?? invalid("eps", group.number("eps"))
            ?? invalid("beta parameter at index 0", betas[0], below: 1) ?? invalid("beta parameter at index 1", betas[1], below: 1)
            ?? invalid("weightDecay", group.weightDecay)
    }

    override func stateNames(_ group: ParameterGroup) -> [String] {
        group.flag("amsgrad") ? ["exp_avg", "exp_avg_sq", "max_exp_avg_sq"] : ["exp_avg", "exp_avg_sq"]
    }

    override func rule(_ group: ParameterGroup, step: Int, isFirst: Bool) -> OptimizerRule {
        let (beta1, beta2) = group.betas
        return .adam(lr: group.lr, beta1: beta1, beta2: beta2, eps: group.number("eps"), decay: group.weightDecay, amsgrad: group.flag("amsgrad"),
                     decoupled: group.flag("decoupled_weight_decay"), maximize: group.flag("maximize"), step: step)
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019): p ← p·(1 − lr·weightDecay) before Adam's step, which sees
/// the bare gradient. A state of `Adam` may be loaded: its moments are the same, and the decay stays decoupled. PyTorch: `torch.optim.AdamW`.
public final class AdamW: Adam {
    override var fixedOptions: [(name: String, value: OptionValue)] { [("decoupled_weight_decay", .bool(true))] }

    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 1e-2,
        amsgrad: Bool = false, maximize: Bool = false
    ) {
        super.init(parameters, lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad, maximize: maximize, decoupledWeightDecay: true)
    }
}
