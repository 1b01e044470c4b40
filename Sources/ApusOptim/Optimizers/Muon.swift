import ApusCore

/// The factor of `Muon`'s rate for a matrix [a, b]. PyTorch: `adjust_lr_fn`.
public enum MuonRate: String, CaseIterable, SettingValue, Sendable {
    /// √max(1, a/b)
    case original
    /// 0.2·√max(a, b), so that updates are as large as AdamW's.
    case matchRMSAdamW = "match_rms_adamw"
}

/// The settings of `Muon`.
public struct MuonSettings: OptimizerSettings {
    /// The learning rate, by default 10⁻³.
    public var lr: Double
    /// λ in p ← p·(1 − lr·λ), by default 0.1.
    public var weightDecay: Double
    /// μ, the part of the average that a step keeps, by default 0.95.
    public var momentum: Double
    /// Whether a step goes along g + μ·(b − g) in place of the average b. By default true.
    public var nesterov: Bool
    /// a, b and c of an iteration, by default 3.4445, −4.775 and 2.0315.
    public var nsCoefficients: (Double, Double, Double)
    /// The least norm that a matrix is divided by before the iterations, by default 10⁻⁷.
    public var eps: Double
    /// The number of iterations, by default 5.
    public var nsSteps: Int
    /// The factor of the rate, by default `.original`.
    public var adjustLRFn: MuonRate

    /// `adjustLRFn` as PyTorch has it too, with nil for `.original`.
    private var adjustLRFnOrNil: MuonRate? {
        get { adjustLRFn }
        set { adjustLRFn = newValue ?? .original }
    }

    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("weight_decay", \.weightDecay), .init("momentum", \.momentum), .init("nesterov", \.nesterov),
        .init("ns_coefficients", \.nsCoefficients), .init("eps", \.eps), .init("ns_steps", \.nsSteps),
        .init("adjust_lr_fn", \.adjustLRFnOrNil),
    ]
    /// b, the average of gradients.
    public static let state: [StateTensor<Self>] = ["momentum_buffer"]
    public static let countsSteps = false
    public var decoupledDecay: Double { weightDecay }

    public func problem() -> String? {
        if nsSteps < 0 || nsSteps >= 100 { return "invalid ns_steps: \(nsSteps); it must lie in 0 ..< 100" }
        return invalid("eps", eps) ?? invalid("weightDecay", weightDecay) ?? invalid("momentum", momentum)
    }

    public static func problem(of parameter: Tensor) -> String? {
        parameter.ndim == 2 ? nil : "but only matrices are supported; give others to AdamW"
    }
}

/// Muon (Jordan et al., 2024): the momentum matrix is made nearly orthogonal by `nsSteps` Newton–Schulz iterations
/// X ← a·X + (b·A + c·A²)·X, A = X·Xᵀ, in bfloat16. For the weight matrices inside a network; use AdamW for other parameters.
/// PyTorch: `torch.optim.Muon`.
public final class Muon: TypedOptimizer<MuonSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here.
    ///
    /// Traps where a parameter is not a matrix, `lr`, `momentum`, `weightDecay` or `eps` is negative, or `nsSteps` is outside 0 ..< 100.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-3, weightDecay: Double = 0.1, momentum: Double = 0.95, nesterov: Bool = true,
        nsCoefficients: (Double, Double, Double) = (3.4445, -4.775, 2.0315), eps: Double = 1e-7, nsSteps: Int = 5,
        adjustLRFn: MuonRate = .original
    ) {
        super.init(
            parameters,
            MuonSettings(
                lr: lr, weightDecay: weightDecay, momentum: momentum, nesterov: nesterov, nsCoefficients: nsCoefficients, eps: eps,
                nsSteps: nsSteps,
                adjustLRFn: adjustLRFn))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, buffer) = (step.settings, step[0])
        buffer.moveToward_(gradient, by: 1 - s.momentum)
        let direction = orthogonal(s.nesterov ? gradient + (buffer - gradient) * s.momentum : buffer, s)
        let (rows, columns) = (Double(p.shape[0]), Double(p.shape[1]))
        let factor =
            switch s.adjustLRFn {
            case .original: Swift.max(1, rows / columns).squareRoot()
            case .matchRMSAdamW: 0.2 * Swift.max(rows, columns).squareRoot()
            }
        p.add_(direction.to(p.dtype) * (-s.lr * factor))
    }

    private func orthogonal(_ matrix: Tensor, _ s: MuonSettings) -> Tensor {
        let (a, b, c) = s.nsCoefficients
        let isTall = matrix.shape[0] > matrix.shape[1]
        // Each line is computed in float32 and rounded once, like a fused product in bfloat16.
        func rounded(_ x: Tensor) -> Tensor { x.to(.bfloat16).to(.float32) }
        var x = rounded(isTall ? matrix.t() : matrix)
        x = rounded(x / rounded(x.norm()).clamp(min: s.eps))
        for _ in 0..<s.nsSteps {
            let gram = rounded(x.matmul(x.t()))
            let change = rounded(gram.addmm(gram, gram, beta: b, alpha: c))
            x = rounded(x.addmm(change, x, beta: a))
        }
        return isTall ? x.t() : x
    }
}
