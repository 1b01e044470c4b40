import ApusCore

/// Stochastic gradient descent. PyTorch: `torch.optim.SGD`.
///
/// g ← ∇f(p) + weightDecay·p (∇f negated with `maximize`); with momentum μ the buffer b ← μ·b + (1 − dampening)·g, at first b ← g;
/// p ← p − lr·g without momentum, p ← p − lr·b with, p ← p − lr·(g + μ·b) with Nesterov's.
public final class SGD: Optimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where `lr`, `momentum` or `weightDecay` is negative, or Nesterov's form lacks momentum or has dampening.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0,
        nesterov: Bool = false, maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "momentum": .double(momentum), "dampening": .double(dampening), "weight_decay": .double(weightDecay),
            "nesterov": .bool(nesterov), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        if group.flag("nesterov") && (group.momentum <= 0 || group.number("dampening") != 0) {
            return "Nesterov momentum requires a momentum and zero dampening; they are \(group.momentum) and \(group.number("dampening"))"
        }
        return invalid("learning rate", group.lr) ?? invalid("momentum", group.momentum) ?? invalid("weightDecay", group.weightDecay)
    }

    override var countsSteps: Bool { false }

    override func takesSparse(_ group: ParameterGroup) -> Bool { group.momentum == 0 && group.weightDecay == 0 }

    override func updateRows(_ parameter: Tensor, _ rows: Tensor, _ values: Tensor, _ group: ParameterGroup) {
        let factor = group.flag("maximize") ? group.lr : -group.lr
        parameter.addRows_(rows, noGrad { values * factor })
    }

    override func stateNames(_ group: ParameterGroup) -> [String] { group.momentum != 0 ? ["momentum_buffer"] : [] }

    override func rule(_ group: ParameterGroup, step: Int, isFirst: Bool) -> OptimizerRule {
        .sgd(lr: group.lr, momentum: group.momentum, dampening: group.number("dampening"), decay: group.weightDecay,
             nesterov: group.flag("nesterov"), maximize: group.flag("maximize"), first: isFirst)
    }
}
