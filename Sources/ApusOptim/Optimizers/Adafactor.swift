import ApusCore
import Glibc

/// Adafactor (Shazeer and Stern, 2018): the second moment of a matrix is kept as the means of its rows and columns, so that the state is as
/// large as its edges. PyTorch: `torch.optim.Adafactor`.
///
/// With β₂ₜ = 1 − t^beta2Decay, R and C the running means of g² along rows and columns, V = R·C/mean(R) (for vectors V itself):
/// U = g/√V, p ← p·(1 − lr·weightDecay) − max(eps₂, rms p)·min(lr, 1/√t)/max(1, rms U/d)·U.
public final class Adafactor: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here. `eps.0` nil is the dtype's epsilon.
    ///
    /// Traps where `lr`, `weightDecay` or one of `eps` is negative, `beta2Decay` is positive, or `d` less than 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, beta2Decay: Double = -0.8, eps: (Double?, Double) = (nil, 1e-3), d: Double = 1, weightDecay: Double = 0,
        maximize: Bool = false
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "beta2_decay": .double(beta2Decay), "eps": .list([eps.0 ?? .nan, eps.1]), "d": .double(d), "weight_decay": .double(weightDecay),
            "maximize": .bool(maximize),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        guard let eps = group.options.list("eps"), eps.count == 2 else { return "eps must be two numbers" }
        if group.number("beta2_decay") > 0 { return "invalid beta2Decay: \(group.number("beta2_decay")); it must be at most 0" }
        if eps[0] < 0 { return "invalid eps.0: \(eps[0]); it must be at least 0" }
        return invalidCommon(group) ?? invalid("eps.1", eps[1]) ?? invalid("clipping threshold d", group.number("d"), from: 1)
    }

    override func addsDecay(_ group: ParameterGroup) -> Bool { false }

    /// Matrices have two of the three.
    override func stateNames(_ group: ParameterGroup) -> [String] { ["row_var", "col_var", "variance"] }

    private func stateShape(_ name: String, _ parameter: Tensor) -> Shape {
        var shape = parameter.shape
        switch name {
        case "row_var" where shape.count > 1: shape[shape.count - 1] = 1
        case "col_var" where shape.count > 1: shape[shape.count - 2] = 1
        case "variance" where shape.count <= 1: break
        default: shape = [0]
        }
        return shape
    }

    override func initialState(_ name: String, _ parameter: Tensor, _ group: ParameterGroup) throws(OpError) -> Tensor {
        Tensor.zeros(stateShape(name, parameter), dtype: parameter.dtype.computeType, device: parameter.device)
    }
    override func fits(_ tensor: Tensor, _ name: String, _ parameter: Tensor, _ group: ParameterGroup) -> Bool { tensor.shape == stateShape(name, parameter) }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        let (t, eps) = (Double(step.number), step.group.options.list("eps")!)
        let least = eps[0].isNaN ? p.dtype.epsilon : eps[0]
        let count = Double(Swift.max(p.numel, 1)).squareRoot()
        let weight = pow(t, step.group.number("beta2_decay"))
        let rate = Swift.max(eps[1], p.norm().item() / count) * Swift.min(step.lr, 1 / t.squareRoot())
        if step.group.weightDecay != 0 { p.mul_(1 - step.lr * step.group.weightDecay) }
        let estimate: Tensor
        if grad.ndim > 1 {
            let (rows, columns) = (step["row_var"], step["col_var"])
            rows.moveToward_(grad.square().mean(dim: -1, keepDim: true), by: weight)
            columns.moveToward_(grad.square().mean(dim: -2, keepDim: true), by: weight)
            estimate = rows.matmul(columns) / rows.mean(dim: -2, keepDim: true).clamp(min: least)
        } else {
            step["variance"].moveToward_(grad.square(), by: weight)
            estimate = step["variance"]
        }
        let change = estimate.clamp(min: least * least).rsqrt() * grad
        p.add_(change * (-rate / Swift.max(1, change.norm().item() / (count * step.group.number("d")))))
    }
}

/// How `Muon` scales its rate for a matrix [a, b]. PyTorch: `adjust_lr_fn`.
public enum MuonRate: String, Sendable {
    /// √max(1, a/b)
    case original
    /// 0.2·√max(a, b), so that updates are as large as AdamW's
    case matchRMSAdamW = "match_rms_adamw"
}

/// Muon (Jordan et al., 2024): momentum whose matrix is made nearly orthogonal by `nsSteps` Newton–Schulz iterations
/// X ← a·X + (b·A + c·A²)·X, A = X·Xᵀ, in bfloat16. For the weight matrices inside a network; others are AdamW's. PyTorch: `torch.optim.Muon`.
public final class Muon: ComposedOptimizer {
    /// For tensors, or for groups with settings of their own; what those leave out is as given here.
    ///
    /// Traps where a parameter is no matrix, or `lr`, `momentum` or `weightDecay` is negative.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, weightDecay: Double = 0.1, momentum: Double = 0.95, nesterov: Bool = true,
        nsCoefficients: (Double, Double, Double) = (3.4445, -4.775, 2.0315), eps: Double = 1e-7, nsSteps: Int = 5, adjustLRFn: MuonRate = .original
    ) {
        super.init(groups(of: parameters), defaults: [
            "lr": .double(lr), "weight_decay": .double(weightDecay), "momentum": .double(momentum), "nesterov": .bool(nesterov),
            "ns_coefficients": .list([nsCoefficients.0, nsCoefficients.1, nsCoefficients.2]), "eps": .double(eps), "ns_steps": .int(nsSteps),
            "adjust_lr_fn": .string(adjustLRFn.rawValue),
        ])
    }

    public override func validate(_ group: ParameterGroup) -> String? {
        for (i, parameter) in group.parameters.enumerated() where parameter.ndim != 2 && !parameter.isPoisoned {
            return "parameter \(i) has shape \(parameter.shape), but only matrices are supported; give others to AdamW"
        }
        guard group.options.list("ns_coefficients")?.count == 3 else { return "ns_coefficients must be three numbers" }
        guard case .string(let rate)? = group[option: "adjust_lr_fn"], MuonRate(rawValue: rate) != nil else { return "adjust_lr_fn must be original or match_rms_adamw" }
        let steps = group.options.int("ns_steps") ?? 0
        if steps < 0 || steps >= 100 { return "invalid ns_steps: \(steps); it must lie in 0 ..< 100" }
        return invalidCommon(group) ?? invalid("momentum", group.momentum)
    }

    override func addsDecay(_ group: ParameterGroup) -> Bool { false }
    override var countsSteps: Bool { false }
    override func stateNames(_ group: ParameterGroup) -> [String] { ["momentum_buffer"] }

    override func update(_ p: Tensor, _ grad: Tensor, _ step: Step) {
        let (momentum, buffer) = (step.group.momentum, step["momentum_buffer"])
        buffer.moveToward_(grad, by: 1 - momentum)
        let direction = orthogonal(step.group.flag("nesterov") ? grad + (buffer - grad) * momentum : buffer, step.group)
        let (rows, columns) = (Double(p.shape[0]), Double(p.shape[1]))
        let factor = step.group[option: "adjust_lr_fn"] == .string(MuonRate.original.rawValue)
            ? Swift.max(1, rows / columns).squareRoot() : 0.2 * Swift.max(rows, columns).squareRoot()
        p.mul_(1 - step.lr * step.group.weightDecay).add_(direction.to(p.dtype) * (-step.lr * factor))
    }

    private func orthogonal(_ matrix: Tensor, _ group: ParameterGroup) -> Tensor {
        let c = group.options.list("ns_coefficients")!
        let isTall = matrix.shape[0] > matrix.shape[1]
        // Each line is computed in float32 and rounded once, as a fused product in bfloat16 does.
        func rounded(_ x: Tensor) -> Tensor { x.to(.bfloat16).to(.float32) }
        var x = rounded(isTall ? matrix.t() : matrix)
        x = rounded(x / rounded(x.norm()).clamp(min: group.number("eps")))
        for _ in 0..<(group.options.int("ns_steps") ?? 0) {
            let gram = rounded(x.matmul(x.t()))
            let change = rounded(gram.addmm(gram, gram, beta: c[1], alpha: c[2]))
            x = rounded(x.addmm(change, x, beta: c[0]))
        }
        return isTall ? x.t() : x
    }
}
