/// The functions of one number. Each has a kind, which a line of `unary.def` defines, and a derivative. After them come the methods that
/// users call.
///
/// In a derivative, g is the gradient of the output, x the input and y the output.
extension UnaryRule {
    static let neg = UnaryRule(.negative, named: "neg", keeps: .nothing) { g, _, _ in -g }
    static let abs = UnaryRule(.absolute, named: "abs") { g, x, _ in g * x.sign() }
    static let sign = UnaryRule(.sign)
    static let square = UnaryRule(.square, autocast: .float32) { g, x, _ in g * x * 2 }
    static let reciprocal = UnaryRule(.reciprocal, keeps: .output, autocast: .float32) { g, y, _ in -(g * y * y) }
    static let sqrt = UnaryRule(.sqrt, keeps: .output) { g, y, _ in g / (y * 2) }
    static let rsqrt = UnaryRule(.rsqrt, keeps: .output, autocast: .float32) { g, y, _ in g * y.pow(3) * -0.5 }
    static let exp = UnaryRule(.exp, keeps: .output, autocast: .float32) { g, y, _ in g * y }
    static let exp2 = UnaryRule(.exp2, keeps: .output) { g, y, _ in g * y * 0.6931471805599453 }
    static let expm1 = UnaryRule(.expm1, keeps: .output, autocast: .float32) { g, y, _ in g * (y + 1) }
    static let log = UnaryRule(.log, autocast: .float32) { g, x, _ in g / x }
    static let log2 = UnaryRule(.log2, autocast: .float32) { g, x, _ in g / (x * 0.6931471805599453) }
    static let log10 = UnaryRule(.log10, autocast: .float32) { g, x, _ in g / (x * 2.302585092994046) }
    static let log1p = UnaryRule(.log1p, autocast: .float32) { g, x, _ in g / (x + 1) }
    static let sin = UnaryRule(.sin) { g, x, _ in g * x.cos() }
    static let cos = UnaryRule(.cos) { g, x, _ in -(g * x.sin()) }
    static let tan = UnaryRule(.tan, keeps: .output, autocast: .float32) { g, y, _ in g * (1 + y.square()) }
    static let asin = UnaryRule(.asin, autocast: .float32) { g, x, _ in g * (1 - x.square()).rsqrt() }
    static let acos = UnaryRule(.acos, autocast: .float32) { g, x, _ in -(g * (1 - x.square()).rsqrt()) }
    static let atan = UnaryRule(.atan) { g, x, _ in g / (1 + x.square()) }
    static let sinh = UnaryRule(.sinh, autocast: .float32) { g, x, _ in g * x.cosh() }
    static let cosh = UnaryRule(.cosh, autocast: .float32) { g, x, _ in g * x.sinh() }
    static let tanh = UnaryRule(.tanh, keeps: .output) { g, y, _ in Tensor.binary(.tanhGrad, g, y) }
    static let asinh = UnaryRule(.asinh) { g, x, _ in g * (x.square() + 1).rsqrt() }
    static let acosh = UnaryRule(.acosh) { g, x, _ in g * (x.square() - 1).rsqrt() }
    static let atanh = UnaryRule(.atanh) { g, x, _ in g / (1 - x.square()) }
    static let erf = UnaryRule(.erf) { g, x, _ in g * (-x.square()).exp() * 1.1283791670955126 }
    static let erfc = UnaryRule(.erfc) { g, x, _ in g * (-x.square()).exp() * -1.1283791670955126 }
    static let erfinv = UnaryRule(.erfinv, keeps: .output, autocast: .float32) { g, y, _ in g * y.square().exp() * 0.8862269254527579 }
    /// d = √(2π)·e^(y²/2)
    static let ndtri = UnaryRule(.ndtri, keeps: .output) { g, y, _ in g * (y.square() / 2).exp() * 2.5066282746310002 }
    static let lgamma = UnaryRule(.lgamma) { g, x, _ in g * x.digamma() }
    static let digamma = UnaryRule(.digamma) { g, x, _ in g * x.polygamma(1) }
    static let polygamma = UnaryRule(.polygamma) { g, x, p in g * x.polygamma(Int(p.a) + 1) }
    static let floor = UnaryRule(.floor, leavesIntegers: true)
    static let ceil = UnaryRule(.ceil, leavesIntegers: true)
    static let round = UnaryRule(.round, leavesIntegers: true)
    static let trunc = UnaryRule(.trunc, leavesIntegers: true)
    static let frac = UnaryRule(.frac, keeps: .nothing) { g, _, _ in g }
    static let sigmoid = UnaryRule(.sigmoid, keeps: .output) { g, y, _ in Tensor.binary(.sigmoidGrad, g, y) }
    static let logSigmoid = UnaryRule(.logSigmoid) { g, x, _ in g * (-x).sigmoid() }
    static let softsign = UnaryRule(.softsign) { g, x, _ in g / (1 + x.abs()).square() }
    static let mish = UnaryRule(.mish) { g, x, _ in mishGradient(g, x) }
    static let silu = UnaryRule(.silu) { g, x, _ in Tensor.binary(.siluGrad, g, x) }
    static let hardsigmoid = UnaryRule(.hardsigmoid) { g, x, _ in Tensor.where(x.gt(-3).logicalAnd(x.lt(3)), g / 6, Tensor.zeros(like: g)) }
    static let hardswish = UnaryRule(.hardswish) { g, x, _ in hardswishGradient(g, x) }
    static let relu = UnaryRule(.relu, keeps: .output) { g, y, _ in Tensor.binary(.reluGrad, g, y) }
    static let logicalNot = UnaryRule(.logicalNot)
    static let isnan = UnaryRule(.isNaN, named: "isnan")
    static let isinf = UnaryRule(.isInf, named: "isinf")
    static let isfinite = UnaryRule(.isFinite, named: "isfinite")
    static let bitwiseNot = UnaryRule(.bitwiseNot)

    // MARK: With constants (a, b, c of `KernelParameters`)

    static let addNumber = UnaryRule(.affine, named: "add", keeps: .nothing) { g, _, _ in g }
    static let subNumber = UnaryRule(.affine, named: "sub", keeps: .nothing) { g, _, p in p.a < 0 ? -g : g }
    static let mulNumber = UnaryRule(.affine, named: "mul", keeps: .nothing) { g, _, p in g * p.a }
    /// n·x^(n−1)
    static let pow = UnaryRule(.powScalar, named: "pow", autocast: .float32) { g, x, p in
        p.a == 0 ? Tensor.zeros(like: g) : g * (x.pow(p.a - 1) * p.a)
    }
    /// Φ(x) + x·φ(x)
    static let gelu = UnaryRule(.gelu) { g, x, _ in Tensor.binary(.geluGrad, g, x) }
    static let geluTanh = UnaryRule(.geluTanh, named: "gelu") { g, x, _ in Tensor.binary(.geluTanhGrad, g, x) }
    static let leakyRelu = UnaryRule(.leakyRelu) { g, x, p in Tensor.binary(.leakyReluGrad, g, x, p) }
    static let elu = UnaryRule(.elu) { g, x, p in Tensor.binary(.eluGrad, g, x, p) }
    static let softplus = UnaryRule(.softplus, autocast: .float32) { g, x, p in Tensor.binary(.softplusGrad, g, x, p) }
    static let hardtanh = UnaryRule(.clamp, named: "hardtanh") { g, x, p in Tensor.binary(.hardtanhGrad, g, x, p) }
    static let clamp = UnaryRule(.clamp) { g, x, p in Tensor.binary(.clampGrad, g, x, p) }
    // In these three the gradient passes through where x is NaN, like the value.
    static let hardshrink = UnaryRule(.hardshrink) { g, x, p in Tensor.where(x.abs().le(p.a), Tensor.zeros(like: g), g) }
    static let softshrink = UnaryRule(.softshrink) { g, x, p in Tensor.where(x.abs().le(p.a), Tensor.zeros(like: g), g) }
    static let threshold = UnaryRule(.threshold) { g, x, p in Tensor.where(x.le(p.a), Tensor.zeros(like: g), g) }

    /// All rules of the table; a test compares them with `unary.def`.
    package static let all: [UnaryRule] = basic + special

    private static let basic: [UnaryRule] = [
        neg, abs, sign, square, reciprocal, sqrt, rsqrt, exp, exp2, expm1, log, log2, log10, log1p, sin, cos, tan, asin, acos, atan, sinh,
        cosh, tanh, asinh,
        acosh, atanh, erf, erfc, erfinv, ndtri, lgamma, digamma, polygamma, floor, ceil, round, trunc, frac, sigmoid, logSigmoid, softsign,
        mish, silu, hardsigmoid, hardswish,
        relu, logicalNot, isnan, isinf, isfinite, bitwiseNot, addNumber, subNumber, mulNumber, pow, gelu, geluTanh, leakyRelu, elu,
        softplus,
        hardtanh, clamp, hardshrink, softshrink, threshold,
    ]

    /// With s = softplus x, t = tanh s: t + x·(1 − t²)·σ(x)
    private static func mishGradient(_ g: Tensor, _ x: Tensor) -> Tensor {
        let t = x.softplus().tanh()
        // For large |x| the second term is 0, but ∞·0 would be NaN.
        return g * (t + x.clamp(min: -1000, max: 1000) * (1 - t.square()) * x.sigmoid())
    }

    /// 0 for x ≤ −3, 1 for x ≥ 3, (2x + 3)/6 between
    private static func hardswishGradient(_ g: Tensor, _ x: Tensor) -> Tensor {
        let inner = Tensor.where(x.lt(3), g * (x / 3 + 0.5), g)
        return Tensor.where(x.le(-3), Tensor.zeros(like: g), inner)
    }
}

extension Tensor {
    /// −x.
    public final func neg() -> Tensor { unary(.neg) }
    /// |x|; d = sign x.
    public final func abs() -> Tensor { unary(.abs) }
    /// −1, 0 or 1; bool is returned unchanged.
    public final func sign() -> Tensor { dtype == .bool ? clone() : unary(.sign) }
    /// x²; d = 2x. Bool is converted to int64.
    public final func square() -> Tensor { dtype == .bool ? to(.int64).unary(.square) : unary(.square) }
    /// 1/x; d = −1/x².
    public final func reciprocal() -> Tensor { unary(.reciprocal) }
    /// √x; d = 1/(2√x).
    public final func sqrt() -> Tensor { unary(.sqrt) }
    /// 1/√x; d = −x^(−3/2)/2.
    public final func rsqrt() -> Tensor { unary(.rsqrt) }
    /// eˣ; d = eˣ.
    public final func exp() -> Tensor { unary(.exp) }
    /// 2ˣ; d = 2ˣ ln 2.
    public final func exp2() -> Tensor { unary(.exp2) }
    /// eˣ − 1, accurate near 0; d = eˣ.
    public final func expm1() -> Tensor { unary(.expm1) }
    /// ln x; d = 1/x.
    public final func log() -> Tensor { unary(.log) }
    /// log₂ x; d = 1/(x ln 2).
    public final func log2() -> Tensor { unary(.log2) }
    /// log₁₀ x; d = 1/(x ln 10).
    public final func log10() -> Tensor { unary(.log10) }
    /// ln(1 + x), accurate near 0; d = 1/(1 + x).
    public final func log1p() -> Tensor { unary(.log1p) }
    /// sin x; d = cos x.
    public final func sin() -> Tensor { unary(.sin) }
    /// cos x; d = −sin x.
    public final func cos() -> Tensor { unary(.cos) }
    /// tan x; d = 1 + tan² x.
    public final func tan() -> Tensor { unary(.tan) }
    /// arcsin x; d = 1/√(1 − x²).
    public final func asin() -> Tensor { unary(.asin) }
    /// arccos x; d = −1/√(1 − x²).
    public final func acos() -> Tensor { unary(.acos) }
    /// arctan x; d = 1/(1 + x²).
    public final func atan() -> Tensor { unary(.atan) }
    /// sinh x; d = cosh x.
    public final func sinh() -> Tensor { unary(.sinh) }
    /// cosh x; d = sinh x.
    public final func cosh() -> Tensor { unary(.cosh) }
    /// tanh x; d = 1 − tanh² x.
    public final func tanh() -> Tensor { unary(.tanh) }
    /// arsinh x; d = 1/√(x² + 1).
    public final func asinh() -> Tensor { unary(.asinh) }
    /// arcosh x; d = 1/√(x² − 1).
    public final func acosh() -> Tensor { unary(.acosh) }
    /// artanh x; d = 1/(1 − x²).
    public final func atanh() -> Tensor { unary(.atanh) }
    /// The error function erf x; d = 2/√π·e^(−x²).
    public final func erf() -> Tensor { unary(.erf) }
    /// 1 − erf x; d = −2/√π·e^(−x²).
    public final func erfc() -> Tensor { unary(.erfc) }
    /// The inverse y of erf; d = √π/2·e^(y²).
    public final func erfinv() -> Tensor { unary(.erfinv) }
    /// The quantile function y of the standard normal distribution; d = √(2π)·e^(y²/2). PyTorch: `torch.special.ndtri`.
    package final func ndtri() -> Tensor { unary(.ndtri) }
    /// ln |Γ(x)|; d = ψ(x).
    public final func lgamma() -> Tensor { unary(.lgamma) }
    /// ψ(x) = d/dx ln Γ(x); d = ψ′(x).
    public final func digamma() -> Tensor { unary(.digamma) }
    /// ψ⁽ⁿ⁾(x), the n-th derivative of digamma: (−1)ⁿ⁺¹·n!·Σ 1/(x + k)ⁿ⁺¹ over k ≥ 0; d = ψ⁽ⁿ⁺¹⁾(x). At the poles 0, −1, −2, … it is ∞, or
    /// −∞ for even n. float64 is accurate to all digits up to n = 20; beyond, the relative error grows with n. Traps if n is negative or
    /// above a million. PyTorch: `torch.polygamma`.
    public final func polygamma(_ n: Int) -> Tensor {
        if isPoisoned { return self }
        return n < 0 || n > 1_000_000 ? fail("polygamma", "needs an order of 0 … 1,000,000, it is \(n)") : unary(.polygamma, Double(n))
    }
    /// ⌊x⌋.
    public final func floor() -> Tensor { unary(.floor) }
    /// ⌈x⌉.
    public final func ceil() -> Tensor { unary(.ceil) }
    /// The nearest integer, ties to even.
    public final func round() -> Tensor { unary(.round) }
    /// x truncated toward zero.
    public final func trunc() -> Tensor { unary(.trunc) }
    /// x − trunc x; d = 1.
    public final func frac() -> Tensor { unary(.frac) }
    /// σ(x) = 1/(1 + e⁻ˣ); d = σ(1 − σ).
    public final func sigmoid() -> Tensor { unary(.sigmoid) }
    /// ln σ(x); d = σ(−x).
    package final func logSigmoid() -> Tensor { unary(.logSigmoid) }
    /// x/(1 + |x|); d = 1/(1 + |x|)².
    package final func softsign() -> Tensor { unary(.softsign) }
    /// x·tanh(softplus x).
    package final func mish() -> Tensor { unary(.mish) }
    /// x·σ(x); d = σ(1 + x(1 − σ)).
    package final func silu() -> Tensor { unary(.silu) }
    /// min(max(x + 3, 0), 6)/6; d = 1/6 inside (−3, 3).
    package final func hardsigmoid() -> Tensor { unary(.hardsigmoid) }
    /// x·min(max(x + 3, 0), 6)/6.
    package final func hardswish() -> Tensor { unary(.hardswish) }
    /// max(x, 0); d = 1 where x > 0.
    public final func relu() -> Tensor { unary(.relu) }
    /// Whether each element is NaN, as bool.
    public final func isnan() -> Tensor { unary(.isnan) }
    /// Whether each element is infinite, as bool.
    public final func isinf() -> Tensor { unary(.isinf) }
    /// Whether each element is neither NaN nor infinite, as bool.
    public final func isfinite() -> Tensor { unary(.isfinite) }

    /// x·Φ(x), where Φ is the cumulative distribution function of the normal distribution (Hendrycks and Gimpel, 2016); `approximate:
    /// .tanh` uses the tanh approximation. PyTorch: `F.gelu`.
    package final func gelu(approximate: GELUApproximation = .none) -> Tensor { unary(approximate == .none ? .gelu : .geluTanh) }
    /// x > 0 ? x : slope·x.
    package final func leakyRelu(negativeSlope: Double = 0.01) -> Tensor { unary(.leakyRelu, negativeSlope) }
    /// x > 0 ? scale·x : α·scale·(exp(inputScale·x) − 1); ELU has scales 1, SELU and CELU have their own.
    package final func elu(alpha: Double = 1, scale: Double = 1, inputScale: Double = 1) -> Tensor { unary(.elu, alpha, scale, inputScale) }
    /// ln(1 + exp(β·x))/β, or x if β·x > threshold; d = σ(β·x).
    package final func softplus(beta: Double = 1, threshold: Double = 20) -> Tensor { unary(.softplus, beta, threshold) }
    /// |x| > λ ? x : 0.
    public final func hardshrink(_ lambda: Double = 0.5) -> Tensor { unary(.hardshrink, lambda) }
    /// x − λ if x > λ, x + λ if x < −λ, else 0.
    package final func softshrink(_ lambda: Double = 0.5) -> Tensor { unary(.softshrink, lambda) }
    /// log(x / (1 − x)); x is clamped to eps … 1 − eps first if `eps` is given. PyTorch: `torch.logit`.
    public final func logit(eps: Double? = nil) -> Tensor {
        composite("logit", .asIs, self) { x in apply(Logit(eps: eps), Inputs(x.dtype.isFloatingPoint ? x : x.to(.float32))) }
    }
}

/// How `gelu` computes Φ. PyTorch: `approximate`.
public enum GELUApproximation: String, Sendable, CaseIterable {
    /// By the error function.
    case none
    /// x/2·(1 + tanh(√(2/π)(x + 0.044715x³)))
    case tanh
}

/// ln(x / (1 − x)); x is clamped to eps … 1 − eps first if `eps` is given.
///
/// d = 1/(x·(1 − x)); outside of 0 … 1 function and derivative are NaN; where x was clamped the derivative is 0.
private struct Logit: Op {
    let eps: Double?
    var name: String { "logit" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        saved.keep(inputs[0])
        return noGrad {
            let x = eps.map { inputs[0].clamp(min: $0, max: 1 - $0) } ?? inputs[0]
            return (x / (1 - x)).log()
        }
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let x = context.saved[0]
        let (low, high) = (eps ?? 0, 1 - (eps ?? 0))
        let isOutside = x.lt(low).logicalOr(x.gt(high))
        return [(grad / (x * (1 - x))).maskedFill(isOutside, eps == nil ? Double.nan : 0)]
    }
}
