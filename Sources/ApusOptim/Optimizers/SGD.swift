import ApusCore

/// The settings of `SGD`.
public struct SGDSettings: OptimizerSettings {
    /// The learning rate, by default 10⁻³.
    public var lr: Double
    /// μ, the part of the buffer that a step keeps; 0, the default, is without one.
    public var momentum: Double
    /// The part of a gradient that is left out of the buffer, by default 0.
    public var dampening: Double
    /// λ; λ·p is added to the gradient. By default 0.
    public var weightDecay: Double
    /// Whether a step goes along g + μ·b in place of b. By default false.
    public var nesterov: Bool
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    public static var isElementwise: Bool { true }
    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("momentum", \.momentum), .init("dampening", \.dampening), .init("weight_decay", \.weightDecay),
        .init("nesterov", \.nesterov), .init("maximize", \.maximize),
    ]
    /// b, the running sum of gradients, where there is momentum.
    public static let state: [StateTensor<Self>] = [.init("momentum_buffer", when: { $0.momentum != 0 })]
    public static let countsSteps = false
    public var addedDecay: Double { weightDecay }
    public var takesRows: Bool { momentum == 0 && weightDecay == 0 }

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
        OptimizerRule(
            .sgd, s.lr, s.weightDecay, s.maximize ? -1 : 1, s.momentum, 1 - s.dampening, flags: [isFirst, s.nesterov])
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let s = step.settings
        var direction = gradient
        if s.momentum != 0 {
            let buffer = step[0]
            if step.isFirst { buffer.copy_(gradient) } else { buffer.mul_(s.momentum).add_(gradient * (1 - s.dampening)) }
            direction = s.nesterov ? gradient + buffer * s.momentum : buffer
        }
        p.sub_(direction * s.lr)
    }

    override var wantsRowsOnce: Bool { false }

    public override func updateRows(_ p: Tensor, _ rows: Tensor, _ values: Tensor, _ step: Step) throws(OpError) {
        try p.addRows(rows, values * -step.settings.lr, by: writer)
    }
}
