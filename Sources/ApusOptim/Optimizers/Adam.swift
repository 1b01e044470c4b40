import ApusCore
import Glibc

/// The settings of `Adam` and `AdamW`.
public struct AdamSettings: OptimizerSettings {
    /// The learning rate, by default 10⁻³.
    public var lr: Double
    /// β₁ and β₂, the decay rates of the two averages, by default 0.9 and 0.999.
    public var betas: (Double, Double)
    /// What is added to the root that is divided by, by default 10⁻⁸.
    public var eps: Double
    /// λ; λ·p is added to the gradient, or decoupled: p ← p·(1 − lr·λ). By default 0 for `Adam` and 10⁻² for `AdamW`.
    public var weightDecay: Double
    /// Whether the largest v so far takes the place of v. By default false.
    public var amsgrad: Bool
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool
    /// Whether the decay is of the parameter and not a part of the gradient: by default false for `Adam`, always for `AdamW`.
    public var decoupledWeightDecay: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("betas", \.betas), .init("eps", \.eps), .init("weight_decay", \.weightDecay), .init("amsgrad", \.amsgrad),
        .init("maximize", \.maximize), .init("decoupled_weight_decay", \.decoupledWeightDecay),
    ]
    /// m, v, and with `amsgrad` the largest v.
    public static let state: [StateTensor<Self>] = ["exp_avg", "exp_avg_sq", .init("max_exp_avg_sq", when: { $0.amsgrad })]
    public var addedDecay: Double { decoupledWeightDecay ? 0 : weightDecay }
    public var decoupledDecay: Double { decoupledWeightDecay ? weightDecay : 0 }
    public func problem() -> String? { invalid("eps", eps) ?? invalid(betas: betas) ?? invalid("weightDecay", weightDecay) }
}

/// Adam (Kingma and Ba, 2015), with AMSGrad (Reddi et al., 2018) as an option. PyTorch: `torch.optim.Adam`.
///
/// g ← ∇f(p) + weightDecay·p; m ← β₁m + (1 − β₁)g; v ← β₂v + (1 − β₂)g²; in step t
/// p ← p − lr/(1 − β₁ᵗ) · m / (√v/√(1 − β₂ᵗ) + eps). AMSGrad uses the largest v so far instead of v.
public class Adam: TypedOptimizer<AdamSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where `lr`, `eps` or `weightDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
        amsgrad: Bool = false, maximize: Bool = false, decoupledWeightDecay: Bool = false
    ) {
        super.init(
            parameters,
            AdamSettings(
                lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad, maximize: maximize,
                decoupledWeightDecay: decoupledWeightDecay))
    }

    override func kernel(_ s: AdamSettings, step: Int, isFirst: Bool) -> OptimizerRule? {
        let (beta1, beta2) = s.betas
        return OptimizerRule(
            .adam, s.decayFactor, s.addedDecay, s.maximize ? -1 : 1, 1 - beta1, beta2, 1 - beta2, s.eps,
            s.lr / biasCorrection(beta1, step), biasCorrection(beta2, step).squareRoot(), flags: [beta1 > 0.5])
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, average, squares) = (step.settings, step[0], step[1])
        let (beta1, beta2) = s.betas
        updateMoments(average, squares, gradient, s.betas)
        let largest = s.amsgrad ? step[2].copy_(step[2].maximum(squares)) : squares
        let denominator = largest.sqrt() / biasCorrection(beta2, step.number).squareRoot() + s.eps
        p.addQuotient_(average, denominator, -s.lr / biasCorrection(beta1, step.number))
    }
}

/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019): p ← p·(1 − lr·weightDecay), then Adam's step with the plain gradient.
/// Also loads a state of `Adam`, and keeps the decay decoupled. PyTorch: `torch.optim.AdamW`.
public final class AdamW: Adam {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 1e-2,
        amsgrad: Bool = false, maximize: Bool = false
    ) {
        super.init(
            parameters, lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, amsgrad: amsgrad, maximize: maximize,
            decoupledWeightDecay: true)
    }

    override func settled(_ loaded: any OptimizerSettings) -> any OptimizerSettings {
        guard var settings = loaded as? AdamSettings else { return loaded }
        settings.decoupledWeightDecay = true
        return settings
    }
}

/// 1 − βᵗ: the total weight of the values in a moving average with decay β that started at 0, after t = `step` steps. Moments are divided
/// by it.
func biasCorrection(_ beta: Double, _ step: Int) -> Double { 1 - pow(beta, Double(step)) }

/// What is wrong with a pair of decay rates; nil if nothing is wrong.
func invalid(betas: (Double, Double)) -> String? {
    invalid("beta parameter at index 0", betas.0, below: 1) ?? invalid("beta parameter at index 1", betas.1, below: 1)
}
