import ApusCore
import Glibc

/// Resilient propagation (Riedmiller and Braun, 1993): each element has a step size, which grows by `etas.1` while the gradient keeps its sign
/// and shrinks by `etas.0` where it turns, within `stepSizes`; only the gradient's sign counts. PyTorch: `torch.optim.Rprop`.
public final class Rprop: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here. `lr` is the first step size.
    ///
    /// Traps where `lr` is negative, or not 0 < etas.0 < 1 < etas.1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, etas: (Double, Double) = (0.5, 1.2), stepSizes: (Double, Double) = (1e-6, 50), maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "etas": .list([etas.0, etas.1]), "step_sizes": .list([stepSizes.0, stepSizes.1]), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        guard let etas = group.options.list("etas"), etas.count == 2, etas[0] > 0, etas[0] < 1, etas[1] > 1 else {
            return "invalid etas: \(group[option: "etas"]?.text ?? "none"); they must be two numbers with 0 < first < 1 < second"
        }
        guard group.options.list("step_sizes")?.count == 2 else { return "step_sizes must be two numbers" }
        return invalidCommon(group)
    }

    override func stateNames(_ group: ParameterGroup) -> [String] { ["prev", "step_size"] }

    override func initialState(_ name: String, _ parameter: Tensor, _ group: ParameterGroup) throws(OpError) -> Tensor {
        name == "step_size" ? Tensor.full(parameter.shape, group.lr, dtype: parameter.dtype.computeType, device: parameter.device) : try super.initialState(name, parameter, group)
    }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        let (etas, sizes) = (step.group.options.list("etas")!, step.group.options.list("step_sizes")!)
        let agreement = grad * step["prev"]
        let (turned, kept) = (agreement.lt(0), agreement.gt(0))
        let factor = Tensor.ones(like: grad).maskedFill(kept, etas[1]).maskedFill(turned, etas[0])
        step["step_size"].mul_(factor).clamp_(min: sizes[0], max: sizes[1])
        // Where the sign has turned, the step waits for the next gradient.
        let used = grad.maskedFill(turned, 0)
        p.addProduct_(used.sign(), step["step_size"], -1)
        step["prev"].copy_(used)
    }
}

/// Averaged stochastic gradient descent (Polyak and Juditsky, 1992): p ← p·(1 − λη) − η·g with η = lr/(1 + λ·lr·t)^α, and from step `t0` on
/// the average of all p in the state `ax`. PyTorch: `torch.optim.ASGD`.
public final class ASGD: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where `lr` or `weightDecay` is negative.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, lambd: Double = 1e-4, alpha: Double = 0.75, t0: Double = 1e6, weightDecay: Double = 0, maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "lambd": .double(lambd), "alpha": .double(alpha), "t0": .double(t0), "weight_decay": .double(weightDecay), "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? { invalidCommon(group) }

    override func stateNames(_ group: ParameterGroup) -> [String] { ["eta", "mu", "ax"] }

    override func initialState(_ name: String, _ parameter: Tensor, _ group: ParameterGroup) throws(OpError) -> Tensor {
        switch name {
        case "eta": Tensor.full([], group.lr, dtype: .float64)
        case "mu": Tensor.ones([], dtype: .float64)
        default: try super.initialState(name, parameter, group)
        }
    }
    override func fits(_ tensor: Tensor, _ name: String, _ parameter: Tensor, _ group: ParameterGroup) -> Bool {
        tensor.shape == (name == "ax" ? parameter.shape : [])
    }
    override func keepsDouble(_ name: String) -> Bool { name != "ax" }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        let (lambd, t) = (step.group.number("lambd"), Double(step.number))
        let (eta, mu) = (step["eta"].item(), step["mu"].item())
        p.mul_(1 - lambd * eta).add_(grad * -eta)
        if mu == 1 { step["ax"].copy_(p) } else { step["ax"].moveToward_(p, by: mu) }
        step["eta"].fill_(step.lr / pow(1 + lambd * step.lr * t, step.group.number("alpha")))
        step["mu"].fill_(1 / max(1, t - step.group.number("t0")))
    }
}
