import ApusCore

/// The settings of `SGD`.
public struct SGDSettings: OptimizerSettings {
    public var lr: Double
    public var momentum, dampening, weightDecay: Double
    public var nesterov: Bool
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("momentum", \.momentum), .init("dampening", \.dampening), .init("weight_decay", \.weightDecay),
        .init("nesterov", \.nesterov), .init("maximize", \.maximize),
    ]
    public static let state: [StateTensor<Self>] = [.init("momentum_buffer", when: { $0.momentum != 0 })]
    public static let countsSteps = false
    public var addedDecay: Double { weightDecay }

    public func problem() -> String? {
        if nesterov && (momentum <= 0 || dampening != 0) {
            return "Nesterov momentum requires a momentum and zero dampening; they are \(momentum) and \(dampening)"
        }
        return invalid("momentum", momentum) ?? invalid("weightDecay", weightDecay)
    }
}

/// Stochastic gradient descent. PyTorch: `torch.optim.SGD`.
///
/// g ← ∇f(p) + weightDecay·p (∇f negated with `maximize`). With momentum μ: b ← μ·b + (1 − dampening)·g, in the first step b ← g.
/// p ← p − lr·g without momentum, p ← p − lr·b with momentum, p ← p − lr·(g + μ·b) with `nesterov`.
public final class SGD: TypedOptimizer<SGDSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where `lr`, `momentum` or `weightDecay` is negative, or `nesterov` is set without momentum or with dampening.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0,
        nesterov: Bool = false, maximize: Bool = false
    ) {
        super.init(
            parameters,
            SGDSettings(
                lr: lr, momentum: momentum, dampening: dampening, weightDecay: weightDecay, nesterov: nesterov, maximize: maximize))
    }

    override func kernel(_ s: SGDSettings, step: Int, isFirst: Bool) -> OptimizerRule? {
        .sgd(
            lr: s.lr, momentum: s.momentum, dampening: s.dampening, decay: s.weightDecay, nesterov: s.nesterov, maximize: s.maximize,
            first: isFirst)
    }

    override var wantsRowsOnce: Bool { false }

    public override func updateRows(_ p: Tensor, _ rows: Tensor, _ values: Tensor, _ step: Step) throws(OpError) {
        if step.settings.momentum != 0 { return try super.updateRows(p, rows, values, step) }
        p.addRows_(rows, values * -step.settings.lr)
    }
}
