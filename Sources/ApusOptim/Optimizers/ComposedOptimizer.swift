import ApusCore

/// An optimizer whose rule is written with tensor operations, one parameter at a time. For the rules without a fused kernel.
///
/// A subclass names its state and writes `update`; negating the gradient for `maximize` and adding the decay of weights is done here.
public class ComposedOptimizer: Optimizer {
    /// The numbers of a step: what `update` reads.
    struct Step {
        let group: ParameterGroup
        /// 1 for the first.
        let number: Int
        let state: ParameterState

        subscript(name: String) -> Tensor { state[name]! }
        var lr: Double { group.lr }
        var eps: Double { group.number("eps") }
    }

    /// Whether the decay is added to the gradient; else the rule applies it itself.
    func addsDecay(_ group: ParameterGroup) -> Bool { !group.flag("decoupled_weight_decay") }

    /// One step for `p` from its gradient, both without history and of `computeType`.
    func update(_ p: Tensor, _ grad: Tensor, _ step: Step) { preconditionFailure("\(name) does not override update") }

    /// One step for the rows that a sparse gradient names.
    func update(_ p: Tensor, rows: Tensor, _ values: Tensor, _ step: Step) {}

    public override func step() {
        // In the parameters' own precision, also inside `autocast`.
        noGrad { Context.autocasting(to: nil) { Context.activity(.step(writer)) { for group in paramGroups { update(group) } } } }
    }

    private func update(_ group: ParameterGroup) {
        let names = stateNames(group)
        for (i, parameter) in group.parameters.enumerated() {
            guard let grad = parameter.grad, !grad.isPoisoned, !parameter.isPoisoned else { continue }
            do throws(OpError) {
                let (state, _) = try advance(group, i, names, grad)
                let step = Step(group: group, number: state.step, state: state)
                let sign = group.flag("maximize") ? -1.0 : 1.0
                let dtype = parameter.dtype.computeType
                let p = parameter.detach().to(dtype)
                if p.isPoisoned { continue }
                keep(state, group, i, names)
                if let rows = grad.coalesce().sparseRows {
                    update(p, rows: rows.indices, rows.values.to(dtype) * sign, step)
                } else {
                    var g = grad.detach().to(dtype)
                    if sign < 0 { g = -g }
                    if addsDecay(group), let decay = group.options.double("weight_decay"), decay != 0 { g = g + p * decay }
                    update(p, g, step)
                }
                if dtype != parameter.dtype { try parameter.device.backend.copy(p, into: parameter) }
                parameter.didChange(by: writer)
            } catch {
                fail(error, op: writer)
            }
        }
    }
}

extension Tensor {
    /// self ← self + factor·a·b. PyTorch: `addcmul_`.
    func addProduct_(_ a: Tensor, _ b: Tensor, _ factor: Double) { add_(a * b * factor) }

    /// self ← self + factor·a/b. PyTorch: `addcdiv_`.
    func addQuotient_(_ a: Tensor, _ b: Tensor, _ factor: Double) { add_(a / b * factor) }

    /// self ← self + weight·(end − self). PyTorch: `lerp_`.
    func moveToward_(_ end: Tensor, by weight: Double) { add_((end - self) * weight) }

    /// Adds `values` [n, …] to the rows that `rows` (int64 [n]) names, in place; the others are not touched.
    func addRows_(_ rows: Tensor, _ values: Tensor) {
        do throws(OpError) {
            for part in [rows, values] { try part.usable() }
            let target = isContiguous ? self : try contiguousData()
            try device.backend.indexAdd(target, dim: 0, rows, values.contiguousData())
            if target !== self { try device.backend.copy(target, into: self) }
            didChange(by: "step")
        } catch {
            fail(error, op: "step")
        }
    }
}

/// What is wrong with a pair of decay rates, nil where nothing is.
func invalidBetas(_ group: ParameterGroup) -> String? {
    guard case .list(let betas)? = group[option: "betas"], betas.count == 2 else { return "betas must be two numbers" }
    return invalid("beta parameter at index 0", betas[0], below: 1) ?? invalid("beta parameter at index 1", betas[1], below: 1)
}

/// What is wrong with the settings that most rules share, nil where nothing is.
func invalidCommon(_ group: ParameterGroup) -> String? {
    invalid("learning rate", group.lr) ?? group.options.double("eps").flatMap { invalid("eps", $0) }
        ?? group.options.double("weight_decay").flatMap { invalid("weightDecay", $0) }
}
