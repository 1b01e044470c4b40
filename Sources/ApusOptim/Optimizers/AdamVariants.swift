import ApusCore
import Glibc

/// The settings of `Adamax`.
public struct AdamaxSettings: OptimizerSettings {
    /// The learning rate, by default 2·10⁻³.
    public var lr: Double
    /// β₁ of the average and β₂ of the maximum, by default 0.9 and 0.999.
    public var betas: (Double, Double)
    /// What is added to |g|, by default 10⁻⁸.
    public var eps: Double
    /// λ; λ·p is added to the gradient. By default 0.
    public var weightDecay: Double
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("betas", \.betas), .init("eps", \.eps), .init("weight_decay", \.weightDecay),
        .init("maximize", \.maximize),
    ]
    /// m and u.
    public static let state: [StateTensor<Self>] = ["exp_avg", "exp_inf"]
    public var addedDecay: Double { weightDecay }
    public func problem() -> String? { invalid("eps", eps) ?? invalid("weightDecay", weightDecay) ?? invalid(betas: betas) }
}

/// Adamax (Kingma and Ba, 2015), Adam with a decaying maximum of gradients instead of the second moment: m ← β₁m + (1 − β₁)g,
/// u ← max(β₂u, |g| + eps), p ← p − lr/(1 − β₁ᵗ)·m/u. PyTorch: `torch.optim.Adamax`.
public final class Adamax: TypedOptimizer<AdamaxSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where `lr`, `eps` or `weightDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
        maximize: Bool = false
    ) {
        super.init(parameters, AdamaxSettings(lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, average, largest) = (step.settings, step[0], step[1])
        average.moveToward_(gradient, by: 1 - s.betas.0)
        largest.copy_((largest * s.betas.1).maximum(gradient.abs() + s.eps))
        p.addQuotient_(average, largest, -s.lr / biasCorrection(s.betas.0, step.number))
    }
}

/// The settings of `NAdam`.
public struct NAdamSettings: OptimizerSettings {
    /// The learning rate, by default 2·10⁻³.
    public var lr: Double
    /// β₁ and β₂, the decay rates of the two averages, by default 0.9 and 0.999.
    public var betas: (Double, Double)
    /// What is added to the root that is divided by, by default 10⁻⁸.
    public var eps: Double
    /// λ; λ·p is added to the gradient, or decoupled: p ← p·(1 − lr·λ). By default 0.
    public var weightDecay: Double
    /// How fast μₜ goes from β₁/2 to β₁, by default 4·10⁻³.
    public var momentumDecay: Double
    /// Whether the decay is of the parameter and not a part of the gradient. By default false.
    public var decoupledWeightDecay: Bool
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("betas", \.betas), .init("eps", \.eps), .init("weight_decay", \.weightDecay),
        .init("momentum_decay", \.momentumDecay), .init("decoupled_weight_decay", \.decoupledWeightDecay), .init("maximize", \.maximize),
    ]
    /// m, v and the product Πₜ.
    public static let state: [StateTensor<Self>] = ["exp_avg", "exp_avg_sq", .number("mu_product", initial: { _ in 1 })]
    public var addedDecay: Double { decoupledWeightDecay ? 0 : weightDecay }
    public var decoupledDecay: Double { decoupledWeightDecay ? weightDecay : 0 }

    public func problem() -> String? {
        invalid("eps", eps) ?? invalid("weightDecay", weightDecay) ?? invalid(betas: betas) ?? invalid("momentumDecay", momentumDecay)
    }
}

/// NAdam (Dozat, 2016), Adam with Nesterov's momentum: with μₜ = β₁·(1 − 0.96^(t·momentumDecay)/2) and Πₜ = μ₁·…·μₜ,
/// p ← p − lr·((1 − μₜ)/(1 − Πₜ)·g + μₜ₊₁/(1 − Πₜ₊₁)·m)/(√(v/(1 − β₂ᵗ)) + eps). PyTorch: `torch.optim.NAdam`.
public final class NAdam: TypedOptimizer<NAdamSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    /// `decoupledWeightDecay`: p ← p·(1 − lr·decay).
    ///
    /// Traps where `lr`, `eps`, `weightDecay` or `momentumDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 2e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
        momentumDecay: Double = 4e-3, decoupledWeightDecay: Bool = false, maximize: Bool = false
    ) {
        super.init(
            parameters,
            NAdamSettings(
                lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, momentumDecay: momentumDecay,
                decoupledWeightDecay: decoupledWeightDecay,
                maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, average, squares, product) = (step.settings, step[0], step[1], step[2])
        let (beta1, beta2) = s.betas
        func momentum(_ t: Int) -> Double { beta1 * (1 - 0.5 * pow(0.96, Double(t) * s.momentumDecay)) }
        let (now, next) = (momentum(step.number), momentum(step.number + 1))
        product.mul_(now)
        updateMoments(average, squares, gradient, s.betas)
        let denominator = (squares / biasCorrection(beta2, step.number)).sqrt() + s.eps
        p.addQuotient_(gradient, denominator, -s.lr * (1 - now) / (1 - product.item()))
        p.addQuotient_(average, denominator, -s.lr * next / (1 - product.item() * next))
    }
}

/// The settings of `RAdam`.
public struct RAdamSettings: OptimizerSettings {
    /// The learning rate, by default 10⁻³.
    public var lr: Double
    /// β₁ and β₂, the decay rates of the two averages, by default 0.9 and 0.999.
    public var betas: (Double, Double)
    /// What is added to the root that is divided by, by default 10⁻⁸.
    public var eps: Double
    /// λ; λ·p is added to the gradient, or decoupled: p ← p·(1 − lr·λ). By default 0.
    public var weightDecay: Double
    /// Whether the decay is of the parameter and not a part of the gradient. By default false.
    public var decoupledWeightDecay: Bool
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("betas", \.betas), .init("eps", \.eps), .init("weight_decay", \.weightDecay),
        .init("decoupled_weight_decay", \.decoupledWeightDecay), .init("maximize", \.maximize),
    ]
    /// m and v.
    public static let state: [StateTensor<Self>] = ["exp_avg", "exp_avg_sq"]
    public var addedDecay: Double { decoupledWeightDecay ? 0 : weightDecay }
    public var decoupledDecay: Double { decoupledWeightDecay ? weightDecay : 0 }
    public func problem() -> String? { invalid("eps", eps) ?? invalid("weightDecay", weightDecay) ?? invalid(betas: betas) }
}

/// RAdam (Liu et al., 2020), Adam that leaves out the second moment until its variance is bounded: with ρ∞ = 2/(1 − β₂) − 1 and
/// ρₜ = ρ∞ − 2tβ₂ᵗ/(1 − β₂ᵗ), where ρₜ > 5 the step is lr·m̂·r·√(1 − β₂ᵗ)/(√v + eps),
/// r² = (ρₜ − 4)(ρₜ − 2)ρ∞/((ρ∞ − 4)(ρ∞ − 2)ρₜ), else lr·m̂. PyTorch: `torch.optim.RAdam`.
public final class RAdam: TypedOptimizer<RAdamSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    /// `decoupledWeightDecay`: p ← p·(1 − lr·decay).
    ///
    /// Traps where `lr`, `eps` or `weightDecay` is negative, or one of `betas` is outside 0 ..< 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, weightDecay: Double = 0,
        decoupledWeightDecay: Bool = false, maximize: Bool = false
    ) {
        super.init(
            parameters,
            RAdamSettings(
                lr: lr, betas: betas, eps: eps, weightDecay: weightDecay, decoupledWeightDecay: decoupledWeightDecay, maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, average, squares) = (step.settings, step[0], step[1])
        let (beta1, beta2) = s.betas
        updateMoments(average, squares, gradient, s.betas)
        let corrected = average / biasCorrection(beta1, step.number)
        let (t, correction2) = (Double(step.number), biasCorrection(beta2, step.number))
        let most = 2 / (1 - beta2) - 1
        let length = most - 2 * t * pow(beta2, t) / correction2
        guard length > 5 else {
            p.add_(corrected * -s.lr)
            return
        }
        let rectified = ((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)).squareRoot()
        p.addQuotient_(corrected, squares.sqrt() + s.eps, -s.lr * correction2.squareRoot() * rectified)
    }
}

/// The settings of `SparseAdam`.
public struct SparseAdamSettings: OptimizerSettings {
    /// The learning rate, by default 10⁻³.
    public var lr: Double
    /// β₁ and β₂, the decay rates of the two averages, by default 0.9 and 0.999.
    public var betas: (Double, Double)
    /// What is added to the root that is divided by, by default 10⁻⁸.
    public var eps: Double
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("betas", \.betas), .init("eps", \.eps), .init("maximize", \.maximize),
    ]
    /// m and v, which change in the rows of the gradient alone.
    public static let state: [StateTensor<Self>] = ["exp_avg", "exp_avg_sq"]

    public func problem() -> String? {
        for (name, value) in [("learning rate", lr), ("eps", eps)] where !(value > 0) {
            return "invalid \(name): \(value); it must be positive"
        }
        return invalid(betas: betas)
    }
}

/// Adam for sparse gradients (rows of a large table): changes moments and parameters only in the rows of the gradient.
/// PyTorch: `torch.optim.SparseAdam`.
public final class SparseAdam: TypedOptimizer<SparseAdamSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where `lr` or `eps` is not positive, or one of `betas` is outside 0 ..< 1; `step()` traps on a dense gradient.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, betas: (Double, Double) = (0.9, 0.999), eps: Double = 1e-8, maximize: Bool = false
    ) {
        super.init(parameters, SparseAdamSettings(lr: lr, betas: betas, eps: eps, maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        fail(
            writer,
            "a parameter of shape \(p.shape) has a dense gradient; use Adam for it, or a layer with sparse: true, "
                + "whose gradient nothing has read as a dense one")
    }

    public override func updateRows(_ p: Tensor, _ rows: Tensor, _ values: Tensor, _ step: Step) throws(OpError) {
        let (beta1, beta2) = step.settings.betas
        let (average, squares) = (step[0].indexSelect(dim: 0, rows), step[1].indexSelect(dim: 0, rows))
        let (averageChange, squaresChange) = ((values - average) * (1 - beta1), (values.square() - squares) * (1 - beta2))
        try step[0].addRows(rows, averageChange, by: writer)
        try step[1].addRows(rows, squaresChange, by: writer)
        let rate = step.settings.lr * biasCorrection(beta2, step.number).squareRoot() / biasCorrection(beta1, step.number)
        try p.addRows(rows, (average + averageChange) / ((squares + squaresChange).sqrt() + step.settings.eps) * -rate, by: writer)
    }
}
