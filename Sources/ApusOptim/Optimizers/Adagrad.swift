import ApusCore

/// Adagrad (Duchi et al., 2011): s ← s + g², p ← p − lr/(1 + (t − 1)·lrDecay) · g/(√s + eps). PyTorch: `torch.optim.Adagrad`.
///
/// Takes sparse gradients: rows that none names keep their sums.
public final class Adagrad: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where a setting is negative.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, lrDecay: Double = 0, weightDecay: Double = 0, initialAccumulatorValue: Double = 0, eps: Double = 1e-10,
        maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "lr_decay": .double(lrDecay), "eps": .double(eps), "weight_decay": .double(weightDecay),
            "initial_accumulator_value": .double(initialAccumulatorValue), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        invalidCommon(group) ?? invalid("lrDecay", group.number("lr_decay")) ?? invalid("initialAccumulatorValue", group.number("initial_accumulator_value"))
    }

    override func stateNames(_ group: ParameterGroup) -> [String] { ["sum"] }

    override func initialState(_ name: String, _ parameter: Tensor, _ group: ParameterGroup) throws(OpError) -> Tensor {
        Tensor.full(parameter.shape, group.number("initial_accumulator_value"), dtype: parameter.dtype.computeType, device: parameter.device)
    }

    override func takesSparse(_ group: ParameterGroup) -> Bool { group.weightDecay == 0 }

    private func rate(_ step: Step) -> Double { step.lr / (1 + Double(step.number - 1) * step.group.number("lr_decay")) }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        step["sum"].addProduct_(grad, grad, 1)
        p.addQuotient_(grad, step["sum"].sqrt() + step.eps, -rate(step))
    }

    override func update(_ p: Tensor, rows: Tensor, _ values: Tensor, _ step: Step) {
        step["sum"].addRows_(rows, values.square())
        p.addRows_(rows, values / (step["sum"].indexSelect(dim: 0, rows).sqrt() + step.eps) * -rate(step))
    }
}

/// Adadelta (Zeiler, 2012): v ← ρv + (1 − ρ)g², Δ = √(u + eps)/√(v + eps)·g, u ← ρu + (1 − ρ)Δ², p ← p − lr·Δ. PyTorch: `torch.optim.Adadelta`.
public final class Adadelta: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where `lr`, `eps` or `weightDecay` is negative, or `rho` outside 0 ... 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1, rho: Double = 0.9, eps: Double = 1e-6, weightDecay: Double = 0, maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "rho": .double(rho), "eps": .double(eps), "weight_decay": .double(weightDecay), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        let rho = group.number("rho")
        return invalidCommon(group) ?? (rho >= 0 && rho <= 1 ? nil : "invalid rho: \(rho); it must lie in 0 ... 1")
    }

    override func stateNames(_ group: ParameterGroup) -> [String] { ["square_avg", "acc_delta"] }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        let rho = step.group.number("rho")
        let (squares, deltas) = (step["square_avg"], step["acc_delta"])
        squares.mul_(rho).addProduct_(grad, grad, 1 - rho)
        let delta = (deltas + step.eps).sqrt() / (squares + step.eps).sqrt() * grad
        deltas.mul_(rho).addProduct_(delta, delta, 1 - rho)
        p.add_(delta * -step.lr)
    }
}
