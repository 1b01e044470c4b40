import ApusCore
import Glibc

/// Adamax (Kingma and Ba, 2015), Adam with the largest gradient in place of the second moment: m ← β₁m + (1 − β₁)g,
/// u ← max(β₂u, |g| + eps), p ← p − lr/(1 − β₁ᵗ)·m/u. PyTorch: `torch.optim.Adamax`.
public final class Adamax: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where `lr`, `eps` or `weightDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0, maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "betas": .list([betas.0, betas.1]), "eps": .double(eps), "weight_decay": .double(weightDecay), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? { invalidCommon(group) ?? invalidBetas(group) }

    override func stateNames(_ group: ParameterGroup) -> [String] { ["exp_avg", "exp_inf"] }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        let (beta1, beta2) = step.group.betas
        step["exp_avg"].moveToward_(grad, by: 1 - beta1)
        step["exp_inf"].copy_((step["exp_inf"] * beta2).maximum(grad.abs() + step.eps))
        p.addQuotient_(step["exp_avg"], step["exp_inf"], -step.lr / (1 - pow(beta1, Double(step.number))))
    }
}

/// NAdam (Dozat, 2016), Adam with Nesterov's momentum: with μₜ = β₁·(1 − 0.96^(t·momentumDecay)/2) and Πₜ the product of all μ so far,
/// p ← p − lr·((1 − μₜ)/(1 − Πₜ)·g + μₜ₊₁/(1 − Πₜ₊₁)·m)/(√(v/(1 − β₂ᵗ)) + eps). PyTorch: `torch.optim.NAdam`.
public final class NAdam: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here. `decoupledWeightDecay`: p ← p·(1 − lr·decay).
    ///
    /// Traps where `lr`, `eps`, `weightDecay` or `momentumDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
        momentumDecay: Double = 4e-3, decoupledWeightDecay: Bool = false, maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "betas": .list([betas.0, betas.1]), "eps": .double(eps), "weight_decay": .double(weightDecay),
            "momentum_decay": .double(momentumDecay), "decoupled_weight_decay": .bool(decoupledWeightDecay), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        invalidCommon(group) ?? invalidBetas(group) ?? invalid("momentumDecay", group.number("momentum_decay"))
    }

    override func stateNames(_ group: ParameterGroup) -> [String] { ["exp_avg", "exp_avg_sq", "mu_product"] }

    override func initialState(_ name: String, _ parameter: Tensor, _ group: ParameterGroup) throws(OpError) -> Tensor {
        name == "mu_product" ? Tensor.ones([], dtype: .float64) : try super.initialState(name, parameter, group)
    }
    override func fits(_ tensor: Tensor, _ name: String, _ parameter: Tensor, _ group: ParameterGroup) -> Bool {
        tensor.shape == (name == "mu_product" ? [] : parameter.shape)
    }
    override func keepsDouble(_ name: String) -> Bool { name == "mu_product" }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        let (beta1, beta2) = step.group.betas
        let (t, decay) = (Double(step.number), step.group.number("momentum_decay"))
        if !addsDecay(step.group) && step.group.weightDecay != 0 { p.mul_(1 - step.lr * step.group.weightDecay) }
        func momentum(_ t: Double) -> Double { beta1 * (1 - 0.5 * pow(0.96, t * decay)) }
        let (now, next) = (momentum(t), momentum(t + 1))
        step["mu_product"].mul_(now)
        let product = step["mu_product"].item()
        step["exp_avg"].moveToward_(grad, by: 1 - beta1)
        step["exp_avg_sq"].mul_(beta2).addProduct_(grad, grad, 1 - beta2)
        let denominator = (step["exp_avg_sq"] / (1 - pow(beta2, t))).sqrt() + step.eps
        p.addQuotient_(grad, denominator, -step.lr * (1 - now) / (1 - product))
        p.addQuotient_(step["exp_avg"], denominator, -step.lr * next / (1 - product * next))
    }
}

/// RAdam (Liu et al., 2020), Adam that begins without the second moment until its variance is bounded: with ρ∞ = 2/(1 − β₂) − 1 and
/// ρₜ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ), where ρₜ > 5 the step is lr·m̂·r·√(1 − β₂ᵗ)/(√v + eps),
/// r² = (ρₜ − 4)(ρₜ − 2)ρ∞/((ρ∞ − 4)(ρ∞ − 2)ρₜ), else lr·m̂. PyTorch: `torch.optim.RAdam`.
public final class RAdam: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here. `decoupledWeightDecay`: p ← p·(1 − lr·decay).
    ///
    /// Traps where `lr`, `eps` or `weightDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
        decoupledWeightDecay: Bool = false, maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "betas": .list([betas.0, betas.1]), "eps": .double(eps), "weight_decay": .double(weightDecay),
            "decoupled_weight_decay": .bool(decoupledWeightDecay), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? { invalidCommon(group) ?? invalidBetas(group) }

    override func stateNames(_ group: ParameterGroup) -> [String] { ["exp_avg", "exp_avg_sq"] }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        let (beta1, beta2) = step.group.betas
        let t = Double(step.number)
        if !addsDecay(step.group) && step.group.weightDecay != 0 { p.mul_(1 - step.lr * step.group.weightDecay) }
        step["exp_avg"].moveToward_(grad, by: 1 - beta1)
        step["exp_avg_sq"].mul_(beta2).addProduct_(grad, grad, 1 - beta2)
        let average = step["exp_avg"] / (1 - pow(beta1, t))
        let correction2 = 1 - pow(beta2, t)
        let most = 2 / (1 - beta2) - 1
        let length = most - 2 * t * pow(beta2, t) / correction2
        guard length > 5 else {
            p.add_(average * -step.lr)
            return
        }
        let rectified = ((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)).squareRoot()
        p.addQuotient_(average, step["exp_avg_sq"].sqrt() + step.eps, -step.lr * correction2.squareRoot() * rectified)
    }
}

/// Adam for sparse gradients (rows of a large table): moments and parameters change in the rows alone that the gradient names.
/// PyTorch: `torch.optim.SparseAdam`.
public final class SparseAdam: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where `lr` or `eps` is not positive, or one of `betas` is outside 0 ..< 1; `step()` on a dense gradient.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "betas": .list([betas.0, betas.1]), "eps": .double(eps), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        for (name, value) in [("learning rate", group.lr), ("eps", group.number("eps"))] where !(value > 0) { return "invalid \(name): \(value); it must be positive" }
        return invalidBetas(group)
    }

    override func stateNames(_ group: ParameterGroup) -> [String] { ["exp_avg", "exp_avg_sq"] }
    override func takesSparse(_ group: ParameterGroup) -> Bool { true }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        fail("SparseAdam.step", "a parameter of shape \(p.shape) has a dense gradient; use Adam for it, or a layer with sparse: true, whose gradient nothing has read as a dense one")
    }

    override func update(_ p: Tensor, rows: Tensor, _ values: Tensor, _ step: Step) {
        let (beta1, beta2) = step.group.betas
        let t = Double(step.number)
        let (average, squares) = (step["exp_avg"].indexSelect(dim: 0, rows), step["exp_avg_sq"].indexSelect(dim: 0, rows))
        let (averageChange, squaresChange) = ((values - average) * (1 - beta1), (values.square() - squares) * (1 - beta2))
        step["exp_avg"].addRows_(rows, averageChange)
        step["exp_avg_sq"].addRows_(rows, squaresChange)
        let rate = step.lr * (1 - pow(beta2, t)).squareRoot() / (1 - pow(beta1, t))
        p.addRows_(rows, (average + averageChange) / ((squares + squaresChange).sqrt() + step.eps) * -rate)
    }
}
