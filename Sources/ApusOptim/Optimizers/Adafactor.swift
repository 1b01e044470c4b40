import ApusCore
import Glibc

/// The settings of `Adafactor`.
public struct AdafactorSettings: OptimizerSettings {
    /// The largest relative step, by default 10⁻².
    public var lr: Double
    /// The power in β₂ₜ = 1 − t^beta2Decay, by default −0.8.
    public var beta2Decay: Double
    /// The least √V (nil, the default, is the dtype's epsilon), and the least rms of p that a step is relative to, by default 10⁻³.
    public var eps: (Double?, Double)
    /// The rms of U above which a step is scaled down, by default 1.
    public var d: Double
    /// The decay in p ← p·(1 − lr·weightDecay), by default 0.
    public var weightDecay: Double
    /// Whether steps go up: the gradient is negated. By default false.
    public var maximize: Bool

    /// `eps` as a state holds it, with NaN for the dtype's epsilon.
    private var epsNumbers: (Double, Double) {
        get { (eps.0 ?? .nan, eps.1) }
        set { eps = (newValue.0.isNaN ? nil : newValue.0, newValue.1) }
    }

    public static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("beta2_decay", \.beta2Decay), .init("eps", \.epsNumbers), .init("d", \.d),
        .init("weight_decay", \.weightDecay),
        .init("maximize", \.maximize),
    ]
    /// A matrix has the first two, a vector the third.
    public static let state: [StateTensor<Self>] = [
        .init("row_var", shape: { without(-1, $0) }), .init("col_var", shape: { without(-2, $0) }),
        .init("variance", shape: { $0.count > 1 ? nil : $0 }),
    ]

    private static func without(_ dim: Int, _ shape: Shape) -> Shape? {
        var shape = shape
        guard shape.count > 1 else { return nil }
        shape[shape.count + dim] = 1
        return shape
    }

    public func problem() -> String? {
        if beta2Decay > 0 { return "invalid beta2Decay: \(beta2Decay); it must be at most 0" }
        if let first = eps.0, first < 0 { return "invalid eps.0: \(first); it must be at least 0" }
        return invalid("weightDecay", weightDecay) ?? invalid("eps.1", eps.1) ?? invalid("clipping threshold d", d, from: 1)
    }
}

/// Adafactor (Shazeer and Stern, 2018): stores only the row and column means of a matrix's second moment, so that the state has as many
/// elements as rows and columns. PyTorch: `torch.optim.Adafactor`.
///
/// With β₂ₜ = 1 − t^beta2Decay, R and C the running means of g² along rows and columns, V = R·C/mean(R) (for vectors V itself):
/// U = g/√V, p ← p·(1 − lr·weightDecay) − max(eps₂, rms p)·min(lr, 1/√t)/max(1, rms U/d)·U.
public final class Adafactor: TypedOptimizer<AdafactorSettings> {
    /// Takes tensors, or groups with their own settings; a setting that a group leaves out has the value given here. `eps.0` nil is the
    /// dtype's epsilon.
    ///
    /// Traps where `lr`, `weightDecay` or one of `eps` is negative, `beta2Decay` is positive, or `d` is less than 1.
    public init<Item: Optimizable>(
        _ parameters: [Item], lr: Double = 1e-2, beta2Decay: Double = -0.8, eps: (Double?, Double) = (nil, 1e-3), d: Double = 1,
        weightDecay: Double = 0,
        maximize: Bool = false
    ) {
        super.init(
            parameters, AdafactorSettings(lr: lr, beta2Decay: beta2Decay, eps: eps, d: d, weightDecay: weightDecay, maximize: maximize))
    }

    public override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, t) = (step.settings, Double(step.number))
        let least = s.eps.0 ?? p.dtype.epsilon
        let count = Double(Swift.max(p.numel, 1)).squareRoot()
        let weight = pow(t, s.beta2Decay)
        let rate = Swift.max(s.eps.1, p.norm().item() / count) * Swift.min(s.lr, 1 / t.squareRoot())
        // Not `decoupledDecay`: the rate is relative to what p was before it decays.
        if s.weightDecay != 0 { p.mul_(1 - s.lr * s.weightDecay) }
        let estimate: Tensor
        if gradient.ndim > 1 {
            let (rows, columns) = (step[0], step[1])
            rows.moveToward_(gradient.square().mean(dim: -1, keepDim: true), by: weight)
            columns.moveToward_(gradient.square().mean(dim: -2, keepDim: true), by: weight)
            estimate = rows.matmul(columns) / rows.mean(dim: -2, keepDim: true).clamp(min: least)
        } else {
            estimate = step[2]
            estimate.moveToward_(gradient.square(), by: weight)
        }
        let change = estimate.clamp(min: least * least).rsqrt() * gradient
        p.add_(change * (-rate / Swift.max(1, change.norm().item() / (count * s.d))))
    }
}
