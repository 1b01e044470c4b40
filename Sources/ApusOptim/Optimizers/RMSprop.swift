import ApusCore

/// The settings of `RMSprop`.
public struct RMSpropSettings: OptimizerSettings {
    public var lr: Double
    public var momentum, alpha, eps: Double
    public var centered: Bool
    public var weightDecay: Double
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("momentum", \.momentum), .init("alpha", \.alpha), .init("eps", \.eps), .init("centered", \.centered),
        .init("weight_decay", \.weightDecay), .init("maximize", \.maximize),
    ]
    /// The needed ones are in the order of `OptimizerRule.rmsprop`.
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
        .rmsprop(
            lr: s.lr, alpha: s.alpha, eps: s.eps, decay: s.weightDecay, momentum: s.momentum, centered: s.centered, maximize: s.maximize)
    }
}
