import ApusCore

/// The settings of `RMSprop`.
public struct RMSpropSettings: OptimizerSettings {
    /// The learning rate, by default 10⁻².
    public var lr: Double
    /// μ, the part of the buffer that a step keeps; 0, the default, is without one.
    public var momentum: Double
    /// α, the part of an average that a step keeps, by default 0.99.
    public var alpha: Double
    /// What is added to the root that is divided by, by default 10⁻⁸.
    public var eps: Double
    /// Whether g is divided by its standard deviation in place of √v. By default false.
    public var centered: Bool
    /// λ; λ·p is added to the gradient. By default 0.
    public var weightDecay: Double
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("momentum", \.momentum), .init("alpha", \.alpha), .init("eps", \.eps), .init("centered", \.centered),
        .init("weight_decay", \.weightDecay), .init("maximize", \.maximize),
    ]
    /// v, with momentum b, and ḡ where it is centred.
    public static let state: [StateTensor<Self>] = [
        "square_avg", .init("momentum_buffer", when: { $0.momentum != 0 }), .init("grad_avg", when: { $0.centered }),
    ]
    public var addedDecay: Double { weightDecay }

    public func problem() -> String? {
        invalid("eps", eps) ?? invalid("momentum", momentum) ?? invalid("weightDecay", weightDecay) ?? invalid("alpha", alpha)
    }
}

/// RMSprop (Hinton's lecture 6e; centred: Graves, 2013). PyTorch: `torch.optim.RMSprop`.
///
/// g ← ∇f(p) + weightDecay·p; v ← αv + (1 − α)g²; d = √v + eps, centred √(v − ḡ²) + eps with ḡ ← αḡ + (1 − α)g;
/// p ← p − lr·g/d, with momentum b ← μ·b + g/d and p ← p − lr·b.
public final class RMSprop: TypedOptimizer<RMSpropSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where `lr`, `eps`, `momentum`, `weightDecay` or `alpha` is negative.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, alpha: Double = 0.99, eps: Double = 1e-8, weightDecay: Double = 0, momentum: Double = 0,
        centered: Bool = false, maximize: Bool = false
    ) {
        super.init(
            parameters,
            RMSpropSettings(
                lr: lr, momentum: momentum, alpha: alpha, eps: eps, centered: centered, weightDecay: weightDecay, maximize: maximize))
    }

    override func kernel(_ s: RMSpropSettings, step: Int, isFirst: Bool) -> OptimizerRule? {
        OptimizerRule(
            .rmsprop, s.lr, s.weightDecay, s.maximize ? -1 : 1, s.alpha, 1 - s.alpha, s.eps, s.momentum, flags: [s.alpha > 0.5])
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, squares) = (step.settings, step[0])
        squares.mul_(s.alpha).addProduct_(gradient, gradient, 1 - s.alpha)
        var variance = squares
        if s.centered {
            step[2].moveToward_(gradient, by: 1 - s.alpha)
            variance = squares - step[2].square()
        }
        let change = gradient / (variance.sqrt() + s.eps)
        p.sub_((s.momentum == 0 ? change : step[1].mul_(s.momentum).add_(change)) * s.lr)
    }
}
