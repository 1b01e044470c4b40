/// The functions of two numbers. Each has a kind, which a line of `binary.def` defines, and a derivative. Operands broadcast and promote as
/// in PyTorch.
extension BinaryRule {
    static let add = BinaryRule(.add, keepsInputs: false) { g, _, _, _ in [g, g] }
    static let sub = BinaryRule(.sub, keepsInputs: false) { g, _, context, _ in [g, context.needs(1) ? -g : nil] }
    static let mul = BinaryRule(.mul) { g, kept, context, _ in
        [context.needs(0) ? g * kept[1] : nil, context.needs(1) ? g * kept[0] : nil]
    }
    /// d(a/b) = da/b − a/b²·db
    static let div = BinaryRule(.div) { g, kept, context, _ in
        let ga = g / kept[1]
        return [ga, context.needs(1) ? -(ga * kept[0] / kept[1]) : nil]
    }
    /// d(a^b) = b·a^(b−1)·da + a^b·ln a·db; as in PyTorch the first term is 0 if b = 0, the second if a = 0 and b ≥ 0.
    static let pow = BinaryRule(.pow, keepsOutput: true, autocast: .float32) { g, kept, context, _ in
        let (a, b, y) = (kept[0], kept[1], kept[2])
        var ga: Tensor?
        if context.needs(0) { ga = Tensor.where(b.eq(0), Tensor.zeros(like: g), g * b * a.pow(b - 1)) }
        var gb: Tensor?
        if context.needs(1) { gb = g * Tensor.where(a.eq(0).logicalAnd(b.ge(0)), Tensor.zeros(like: y), y * a.log()) }
        return [ga, gb]
    }
    /// The gradient goes to the smaller operand; equal operands get half each.
    static let minimum = BinaryRule(.minimum) { g, kept, _, _ in extremum(g, kept[0], kept[1]) { $0.lt($1) } }
    /// The gradient goes to the larger operand; equal operands get half each.
    static let maximum = BinaryRule(.maximum) { g, kept, _, _ in extremum(g, kept[0], kept[1]) { $0.gt($1) } }
    static let floorDivide = BinaryRule(.floorDivide)
    static let truncDivide = BinaryRule(.truncDivide)
    /// a − b·⌊a/b⌋
    static let remainder = BinaryRule(.remainder) { g, kept, context, _ in
        [g, context.needs(1) ? -(g * kept[0].floorDivide(kept[1])) : nil]
    }
    static let fmod = BinaryRule(.fmod) { g, kept, context, _ in
        [g, context.needs(1) ? -(g * (kept[0] / kept[1]).trunc()) : nil]
    }
    /// d atan2(a, b) = (b·da − a·db) / (a² + b²), 0 at the origin and at infinity. Divides twice by r = √(a² + b²), since r² might
    /// overflow.
    static let atan2 = BinaryRule(.atan2) { g, kept, _, _ in
        // hypot of ∞ and NaN is ∞, but atan2 is NaN there.
        let isNaN = kept[0].isnan().logicalOr(kept[1].isnan())
        let r = kept[0].hypot(kept[1]).maskedFill(isNaN, Double.nan)
        let isStill = r.eq(0).logicalOr(r.isinf())
        let divisor = r.maskedFill(isStill, 1)
        func part(_ x: Tensor) -> Tensor { (g * (x / divisor / divisor)).maskedFill(isStill, 0) }
        return [part(kept[1]), -part(kept[0])]
    }
    /// d√(a² + b²) = (a·da + b·db) / √(a² + b²), 0 at the origin
    static let hypot = BinaryRule(.hypot, keepsOutput: true) { g, kept, _, _ in
        let isZero = kept[2].eq(0)
        let divisor = kept[2].maskedFill(isZero, 1)
        return [g * (kept[0] / divisor), g * (kept[1] / divisor)]
    }
    /// log(eᵃ + eᵇ); d = σ(a − b)·da + σ(b − a)·db; equal infinities get half each
    static let logaddexp = BinaryRule(.logaddexp) { g, kept, _, _ in
        let isSameInfinity = kept[0].eq(kept[1]).logicalAnd(kept[0].isinf())
        let difference = Tensor.where(isSameInfinity, Tensor.zeros(like: g), kept[0] - kept[1])
        return [g * difference.sigmoid(), g * (-difference).sigmoid()]
    }
    static let copysign = BinaryRule(.copysign, keepsOutput: true) { g, kept, _, _ in
        [g * Tensor.where(kept[0].eq(0), Tensor.zeros(like: g), kept[2] / kept[0]), Tensor.zeros(like: g)]
    }
    /// 1 if a > 0, 0 if a < 0, b if a = 0; d = db if a = 0, else 0
    static let heaviside = BinaryRule(.heaviside) { g, kept, _, _ in
        let zeros = Tensor.zeros(like: g)
        return [zeros, Tensor.where(kept[0].eq(0), g, zeros)]
    }
    static let gammainc = BinaryRule(.gammainc) { g, kept, _, _ in incompleteGamma(g, kept[0], kept[1]) }
    static let gammaincc = BinaryRule(.gammaincc) { g, kept, _, _ in incompleteGamma(-g, kept[0], kept[1]) }
    static let gammaSampleGrad = BinaryRule(.gammaSampleGrad) { _, _, _, _ throws(OpError) in
        throw OpError(
            "has no derivative: neither gammainc and gammaincc by their first argument nor samples of Gamma, Beta and Dirichlet can be "
                + "differentiated twice")
    }
    /// The neighbour of a towards b; d = da, or 0 if a = b
    static let nextafter = BinaryRule(.nextafter) { g, kept, _, _ in
        let zeros = Tensor.zeros(like: g)
        return [Tensor.where(kept[0].eq(kept[1]), zeros, g), zeros]
    }
    static let gcd = BinaryRule(.gcd)
    static let lcm = BinaryRule(.lcm)
    static let bitwiseAnd = BinaryRule(.bitwiseAnd)
    static let bitwiseOr = BinaryRule(.bitwiseOr)
    static let bitwiseXor = BinaryRule(.bitwiseXor)
    static let shiftLeft = BinaryRule(.shiftLeft)
    static let shiftRight = BinaryRule(.shiftRight)
    /// a + α·b
    static let addScaled = BinaryRule(.addScaled, named: "add", keepsInputs: false) { g, _, context, op in
        [g, context.needs(1) ? g * op.p.a : nil]
    }

    /// For P(a, x): ∂P/∂x is the density f of the gamma distribution, and ∂P/∂a = −f·dx/da, where dx/da is taken at constant P.
    private static func incompleteGamma(_ g: Tensor, _ a: Tensor, _ x: Tensor) -> Gradients {
        let density = g * ((a - 1) * x.log() - x - a.lgamma()).exp()
        return [-(density * Tensor.binary(.gammaSampleGrad, a, x)), density]
    }

    /// `wins(a, b)` is true where a is the result and differs from b. If one is NaN it is false both ways, and both get the whole gradient.
    private static func extremum(_ g: Tensor, _ a: Tensor, _ b: Tensor, _ wins: (Tensor, Tensor) -> Tensor) -> Gradients {
        let shared = Tensor.where(a.eq(b), g * 0.5, g)
        let zeros = Tensor.zeros(like: g)
        return [Tensor.where(wins(b, a), zeros, shared), Tensor.where(wins(a, b), zeros, shared)]
    }

    /// All rules of the table; a test compares them with `binary.def`.
    package static let all: [BinaryRule] = basic + special

    private static let basic: [BinaryRule] = [
        add, sub, mul, div, pow, minimum, maximum, floorDivide, truncDivide, remainder, fmod, atan2, hypot, logaddexp, copysign, heaviside,
        gammainc, gammaincc, gammaSampleGrad, nextafter, gcd, lcm,
        bitwiseAnd, bitwiseOr, bitwiseXor, shiftLeft, shiftRight, addScaled, reluGrad, sigmoidGrad, tanhGrad, geluGrad, geluTanhGrad,
        siluGrad, leakyReluGrad,
        eluGrad, softplusGrad, hardtanhGrad, clampGrad,
    ]

    // MARK: Fused gradients. They are linear in g, so the derivative with respect to g is the same kernel; that with respect to y is
    // explicit.

    /// g if not y ≤ 0
    static let reluGrad = BinaryRule(.reluGrad, named: "reluBackward") { g, kept, _, op in
        [Tensor.binary(op.rule, g, kept[1]), Tensor.zeros(like: g)]
    }
    /// g·y·(1 − y)
    static let sigmoidGrad = BinaryRule(.sigmoidGrad, named: "sigmoidBackward") { g, kept, context, op in
        [Tensor.binary(op.rule, g, kept[1]), context.needs(1) ? g * kept[0] * (1 - 2 * kept[1]) : nil]
    }
    /// g·(1 − y²)
    static let tanhGrad = BinaryRule(.tanhGrad, named: "tanhBackward") { g, kept, context, op in
        [Tensor.binary(op.rule, g, kept[1]), context.needs(1) ? g * kept[0] * kept[1] * -2 : nil]
    }

    /// A fused gradient g·f'(x); `second` is f''(x).
    private static func fused(
        _ kind: BinaryKind, named name: String, second: @escaping @Sendable (_ x: Tensor, _ p: KernelParameters) -> Tensor
    ) -> BinaryRule {
        BinaryRule(kind, named: name) { g, kept, context, op in
            [Tensor.binary(op.rule, g, kept[1], op.p), context.needs(1) ? g * kept[0] * second(kept[1], op.p) : nil]
        }
    }

    /// gelu'' = φ(x)·(2 − x²), where φ is the density of the normal distribution
    static let geluGrad = fused(.geluGrad, named: "geluBackward") { x, _ in
        (x.square() * -0.5).exp() * (1 / (2 * Double.pi).squareRoot()) * (2 - x.square())
    }
    /// With u = √(2/π)(x + 0.044715x³), t = tanh u: f = x(1 + t)/2, f'' = t'·u' + x·(t''·u'² + t'·u'')/2
    static let geluTanhGrad = fused(.geluTanhGrad, named: "geluBackward") { x, _ in
        let k = (2 / Double.pi).squareRoot()
        let t = ((x + x.pow(3) * 0.044715) * k).tanh()
        let u1 = (1 + x.square() * (3 * 0.044715)) * k
        let u2 = x * (6 * 0.044715 * k)
        let t1 = 1 - t.square()
        return t1 * u1 + x * 0.5 * (t * t1 * -2 * u1.square() + t1 * u2)
    }
    /// silu'' = s(1 − s)(2 + x(1 − 2s))
    static let siluGrad = fused(.siluGrad, named: "siluBackward") { x, _ in
        let s = x.sigmoid()
        return s * (1 - s) * (2 + x * (1 - 2 * s))
    }
    static let leakyReluGrad = fused(.leakyReluGrad, named: "leakyReluBackward") { x, _ in Tensor.zeros(like: x) }
    /// x ≤ 0: a·b·c²·exp(c·x)
    static let eluGrad = fused(.eluGrad, named: "eluBackward") { x, p in
        Tensor.where(x.gt(0), Tensor.zeros(like: x), (x * p.c).exp() * (p.a * p.b * p.c * p.c))
    }
    /// a·s(1 − s) with s = sigmoid(a·x), 0 beyond the threshold
    static let softplusGrad = fused(.softplusGrad, named: "softplusBackward") { x, p in
        let s = (x * p.a).sigmoid()
        return Tensor.where((x * p.a).gt(p.b), Tensor.zeros(like: x), s * (1 - s) * p.a)
    }
    static let hardtanhGrad = fused(.hardtanhGrad, named: "hardtanhBackward") { x, _ in Tensor.zeros(like: x) }
    static let clampGrad = fused(.clampGrad, named: "clampBackward") { x, _ in Tensor.zeros(like: x) }
}

// MARK: - Numbers

extension Tensor {
    /// A Swift number as a tensor on the same device; in type promotion it counts as a Python number does.
    final func wrapped(_ value: some ScalarConvertible) -> Tensor {
        // A decimal with a floating-point tensor takes its dtype directly: through float32 it would lose digits in float64.
        let type = value._scalar.dtype == .float32 && dtype.isFloatingPoint ? dtype : value._scalar.dtype
        let number = Tensor.full([], value._scalar, dtype: type, device: device)
        number.isWrappedNumber = true
        return number
    }
}

// MARK: - Functions

/// a·log b, or a·log(1 + b), but 0 if a = 0 and b is not NaN. d = log b·da + a/b·db. If a = 0 and b is not NaN the derivative with respect
/// to b is 0; if a = 0 and b ≤ 0 (1 + b ≤ 0) that with respect to a is 0.
private struct XLogY: Op {
    let ofOnePlus: Bool

    var name: String { ofOnePlus ? "xlog1py" : "xlogy" }

    private func log(_ b: Tensor) -> Tensor { ofOnePlus ? b.log1p() : b.log() }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        saved.keep(a)
        saved.keep(b)
        return noGrad { Tensor.where(a.eq(0).logicalAnd(b.isnan().logicalNot()), Tensor.zeros(like: a), a * log(b)) }
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (a, b) = (context.saved[0], context.saved[1])
        let isZero = a.eq(0)
        return [
            context.needs(0) ? (grad * log(b)).maskedFill(isZero.logicalAnd(b.le(ofOnePlus ? -1 : 0)), 0) : nil,
            context.needs(1) ? (grad * (a / (ofOnePlus ? b + 1 : b))).maskedFill(isZero.logicalAnd(b.isnan().logicalNot()), 0) : nil,
        ]
    }
}

extension Tensor {
    /// x + alpha·other. Traps for integers if alpha has a fraction.
    public final func add(_ other: Tensor, alpha: some ScalarConvertible) -> Tensor {
        let alpha = alpha._scalar
        if dtype.isFloatingPoint || other.dtype.isFloatingPoint { return Tensor.binary(.addScaled, self, other, KernelParameters(alpha)) }
        return composite("add", self, other) { () throws(OpError) in
            guard alpha.doubleValue == Double(alpha.int64Value) else {
                throw OpError("integers are added a whole number of times, alpha is \(alpha.doubleValue); convert them with to(.float32)")
            }
            if dtype == .bool && other.dtype == .bool { return alpha.int64Value != 0 ? self + other : self + other.logicalXor(other) }
            return Tensor.binary(.addScaled, self, other, KernelParameters(alpha))
        }
    }
    /// x + alpha·value. Traps for integers if alpha has a fraction.
    public final func add(_ value: some ScalarConvertible, alpha: some ScalarConvertible) -> Tensor { add(wrapped(value), alpha: alpha) }
    /// x + other. PyTorch: `add`.
    public final func add(_ other: Tensor) -> Tensor { self + other }
    /// x + value.
    public final func add(_ value: some ScalarConvertible) -> Tensor { plus(value._scalar) }
    /// x − alpha·other. Traps for bool, and for integers if alpha has a fraction.
    public final func sub(_ other: Tensor, alpha: some ScalarConvertible) -> Tensor {
        let alpha = alpha._scalar
        return composite("sub", self, other) { () throws(OpError) in
            let dtype = Tensor.resultType(self, other)
            guard dtype != .bool else { throw OpError("is not defined for bool; use logical functions, or convert with to(_:)") }
            guard dtype.isFloatingPoint || alpha.doubleValue == Double(alpha.int64Value) else {
                throw OpError("integers are subtracted whole times, alpha is \(alpha.doubleValue); convert them with to(.float32)")
            }
            return add(other, alpha: alpha.negated)
        }
    }
    /// x − alpha·value. Traps for bool, and for integers if alpha has a fraction.
    public final func sub(_ value: some ScalarConvertible, alpha: some ScalarConvertible) -> Tensor { sub(wrapped(value), alpha: alpha) }
    /// x − other. PyTorch: `sub`.
    public final func sub(_ other: Tensor) -> Tensor { self - other }
    /// x − value.
    public final func sub(_ value: some ScalarConvertible) -> Tensor { minus(value._scalar) }
    /// x · other. PyTorch: `mul`.
    public final func mul(_ other: Tensor) -> Tensor { self * other }
    /// x · value.
    public final func mul(_ value: some ScalarConvertible) -> Tensor { times(value._scalar) }
    /// x / other. PyTorch: `div`.
    public final func div(_ other: Tensor) -> Tensor { self / other }
    /// x / value; integers give float32.
    public final func div(_ value: some ScalarConvertible) -> Tensor { divided(by: value._scalar) }

    /// x / other, rounded toward zero or to the integer below. Traps if integers are divided by 0 and rounded.
    public final func div(_ other: Tensor, roundingMode: DivisionRounding?) -> Tensor {
        switch roundingMode {
        case nil: self / other
        case .trunc: truncDivide(other)
        case .floor: floorDivide(other)
        }
    }
    /// x / value, rounded toward zero or to the integer below. Traps if integers are divided by 0 and rounded.
    public final func div(_ value: some ScalarConvertible, roundingMode: DivisionRounding?) -> Tensor {
        switch roundingMode {
        case nil: divided(by: value._scalar)
        case .trunc: checkedDivision(.truncDivide, value._scalar)
        case .floor: checkedDivision(.floorDivide, value._scalar)
        }
    }

    /// x^exponent, elementwise.
    public final func pow(_ exponent: Tensor) -> Tensor { Tensor.binary(.pow, self, exponent) }
    /// x^exponent; d = n·x^(n−1). Traps for integers if the exponent is negative.
    public final func pow(_ exponent: some ScalarConvertible) -> Tensor {
        let exponent = exponent._scalar
        let x = to(Tensor.resultType(dtype, exponent))
        if x.dtype.isFloatingPoint { return x.unary(.pow, exponent.doubleValue) }
        guard exponent.int64Value >= 0 else {
            return fail("pow", "integers have no negative powers (exponent \(exponent.int64Value)); convert to a float first")
        }
        return x.unary(.pow, KernelParameters(exponent))
    }
    /// base^x. PyTorch: `torch.pow(base, x)`.
    public static func pow(_ base: some ScalarConvertible, _ x: Tensor) -> Tensor { binary(.pow, x.wrapped(base), x) }

    /// min(x, other), elementwise; NaN wins.
    public final func minimum(_ other: Tensor) -> Tensor { Tensor.binary(.minimum, self, other) }
    /// max(x, other), elementwise; NaN wins.
    public final func maximum(_ other: Tensor) -> Tensor { Tensor.binary(.maximum, self, other) }
    /// min(x, value); NaN wins. A whole number beyond an integer dtype counts as the nearest that it holds.
    public final func minimum(_ value: some ScalarConvertible) -> Tensor { minimum(wrapped(nearest(value._scalar))) }
    /// max(x, value); NaN wins. A whole number beyond an integer dtype counts as the nearest that it holds.
    public final func maximum(_ value: some ScalarConvertible) -> Tensor { maximum(wrapped(nearest(value._scalar))) }
    /// min(x, other), elementwise; NaN wins. PyTorch: `min(other)`, which is `minimum`.
    public final func min(_ other: Tensor) -> Tensor { minimum(other) }
    /// max(x, other), elementwise; NaN wins. PyTorch: `max(other)`, which is `maximum`.
    public final func max(_ other: Tensor) -> Tensor { maximum(other) }
    /// A whole number clamped to the range of an integer dtype, in which it would wrap.
    final func nearest(_ value: Scalar) -> Scalar {
        if case .int(let number) = value, dtype.isInteger { return .int(dtype.nearest(number)) }
        return value
    }
    /// ⌊x / other⌋. Traps if an integer divisor is 0.
    public final func floorDivide(_ other: Tensor) -> Tensor { checkedDivision(.floorDivide, other) }
    /// ⌊x / value⌋. Traps if an integer divisor is 0.
    public final func floorDivide(_ value: some ScalarConvertible) -> Tensor { checkedDivision(.floorDivide, value._scalar) }
    /// ⌊value / x⌋. Traps if an integer divisor is 0.
    public static func floorDivide(_ value: some ScalarConvertible, _ x: Tensor) -> Tensor { x.wrapped(value).floorDivide(x) }
    /// x / other, truncated toward zero. Traps if an integer divisor is 0. PyTorch: `div(rounding_mode="trunc")`.
    package final func truncDivide(_ other: Tensor) -> Tensor { checkedDivision(.truncDivide, other) }
    /// x − other·⌊x / other⌋, which has the divisor's sign. Traps if an integer divisor is 0. PyTorch: `remainder`, `%`.
    public final func remainder(_ other: Tensor) -> Tensor { checkedDivision(.remainder, other) }
    /// x − value·⌊x / value⌋, which has the divisor's sign. Traps if an integer divisor is 0.
    public final func remainder(_ value: some ScalarConvertible) -> Tensor { checkedDivision(.remainder, value._scalar) }
    /// value − x·⌊value / x⌋, which has the divisor's sign. Traps if an integer divisor is 0.
    public static func remainder(_ value: some ScalarConvertible, _ x: Tensor) -> Tensor { x.wrapped(value).remainder(x) }
    /// x − other·trunc(x / other), which has x's sign. Traps if an integer divisor is 0.
    public final func fmod(_ other: Tensor) -> Tensor { checkedDivision(.fmod, other) }
    /// x − value·trunc(x / value), which has x's sign. Traps if an integer divisor is 0.
    public final func fmod(_ value: some ScalarConvertible) -> Tensor { checkedDivision(.fmod, value._scalar) }

    /// Fails if integers are divided by zero.
    private final func checkedDivision(_ rule: BinaryRule, _ other: Tensor) -> Tensor {
        if isPoisoned { return self }
        if other.isPoisoned { return other }
        let dtype = Tensor.resultType(self, other)
        // Checks the divisor in the result's dtype: 256 becomes 0 in uint8.
        if !dtype.isFloatingPoint && other.numel > 0 && other.to(dtype).eq(0).any().item(Bool.self) {
            return fail(rule.name, "integer division by zero")
        }
        return Tensor.binary(rule, self, other)
    }

    /// Division by a number. If the number does not fit into an integer dtype, it is computed in int64.
    private final func checkedDivision(_ rule: BinaryRule, _ value: Scalar) -> Tensor {
        if case .int(let number) = value, dtype.isInteger, dtype.nearest(number) != number {
            return to(.int64).checkedDivision(rule, wrapped(value)).to(dtype)
        }
        return checkedDivision(rule, wrapped(value))
    }

    /// The angle of the point (other, x) in (−π, π]. PyTorch: `atan2(input, other)`.
    public final func atan2(_ other: Tensor) -> Tensor { Tensor.binary(.atan2, self, other) }
    /// The angle of the point (value, x) in (−π, π].
    public final func atan2(_ value: some ScalarConvertible) -> Tensor { atan2(wrapped(value)) }
    /// √(x² + other²)
    public final func hypot(_ other: Tensor) -> Tensor { Tensor.binary(.hypot, self, other) }
    /// √(x² + value²)
    public final func hypot(_ value: some ScalarConvertible) -> Tensor { hypot(wrapped(value)) }
    /// log(eˣ + e^other) without overflow.
    public final func logaddexp(_ other: Tensor) -> Tensor { Tensor.binary(.logaddexp, self, other) }
    /// log(eˣ + e^value) without overflow.
    public final func logaddexp(_ value: some ScalarConvertible) -> Tensor { logaddexp(wrapped(value)) }
    /// |x| with the sign of `other`.
    public final func copysign(_ other: Tensor) -> Tensor { Tensor.binary(.copysign, self, other) }
    /// |x| with the sign of `value`.
    public final func copysign(_ value: some ScalarConvertible) -> Tensor { copysign(wrapped(value)) }

    /// The next representable number after x in the direction of `other`; `other` if the two are equal. Traps for dtypes other than float32
    /// and float64.
    public final func nextafter(_ other: Tensor) -> Tensor {
        composite("nextafter", self, other) { () throws(OpError) in
            let dtype = Tensor.resultType(self, other)
            guard dtype == .float32 || dtype == .float64 else {
                throw OpError("is for float32 and float64, the operands are \(self.dtype) and \(other.dtype); convert them with to(_:)")
            }
            return Tensor.binary(.nextafter, self, other)
        }
    }
    /// The next representable number after x in the direction of `value`.
    public final func nextafter(_ value: some ScalarConvertible) -> Tensor { nextafter(wrapped(value)) }

    /// The greatest common divisor of two integers, non-negative; 0 for two zeros. Traps for bool and floats.
    public final func gcd(_ other: Tensor) -> Tensor { Tensor.binary(.gcd, self, other) }
    /// The greatest common divisor with `value`.
    public final func gcd(_ value: some ScalarConvertible) -> Tensor { gcd(wrapped(value)) }
    /// The least common multiple of two integers, non-negative; 0 if one of them is 0. Traps for bool and floats.
    public final func lcm(_ other: Tensor) -> Tensor { Tensor.binary(.lcm, self, other) }
    /// The least common multiple with `value`.
    public final func lcm(_ value: some ScalarConvertible) -> Tensor { lcm(wrapped(value)) }

    /// 1 if x > 0, 0 if x < 0, the element of `values` if x = 0; NaN stays NaN. The derivative is 0 with respect to x; with respect to
    /// `values` it is 1 where x = 0.
    /// PyTorch: `torch.heaviside`.
    public final func heaviside(_ values: Tensor) -> Tensor { Tensor.binary(.heaviside, self, values) }
    /// 1 if x > 0, 0 if x < 0, `value` if x = 0; NaN stays NaN.
    public final func heaviside(_ value: some ScalarConvertible) -> Tensor { heaviside(wrapped(value)) }

    /// The regularised lower incomplete gamma function P(self, x), the gamma distribution's cumulative distribution function. PyTorch:
    /// `torch.special.gammainc`.
    public final func gammainc(_ x: Tensor) -> Tensor { Tensor.binary(.gammainc, self, x) }
    /// The regularised lower incomplete gamma function P(self, value).
    public final func gammainc(_ value: some ScalarConvertible) -> Tensor { gammainc(wrapped(value)) }
    /// The regularised upper incomplete gamma function Q(self, x) = 1 − P(self, x), accurate also where it is next to 0. PyTorch:
    /// `torch.special.gammaincc`.
    public final func gammaincc(_ x: Tensor) -> Tensor { Tensor.binary(.gammaincc, self, x) }
    /// The regularised upper incomplete gamma function Q(self, value).
    public final func gammaincc(_ value: some ScalarConvertible) -> Tensor { gammaincc(wrapped(value)) }
    /// The derivative of a gamma variate x with respect to its concentration a (self) at constant P: dx/da = −(∂P/∂a)/(∂P/∂x).
    package final func gammaSampleGrad(_ x: Tensor) -> Tensor { Tensor.binary(.gammaSampleGrad, self, x) }
    /// self·log(other), 0 where self is 0 (unless other is NaN). PyTorch: `xlogy`.
    public final func xlogy(_ other: Tensor) -> Tensor { timesLogarithm(other, ofOnePlus: false) }
    /// self·log(value), 0 where self is 0 (unless value is NaN).
    public final func xlogy(_ value: some ScalarConvertible) -> Tensor { xlogy(wrapped(value)) }
    /// value·log(x), 0 if value is 0 (unless x is NaN).
    public static func xlogy(_ value: some ScalarConvertible, _ x: Tensor) -> Tensor { x.wrapped(value).xlogy(x) }
    /// self·log(1 + other), 0 where self is 0 (unless other is NaN); accurate near other = 0. PyTorch: `torch.special.xlog1py`.
    package final func xlog1py(_ other: Tensor) -> Tensor { timesLogarithm(other, ofOnePlus: true) }
    /// self·log(1 + value), 0 where self is 0 (unless value is NaN).
    package final func xlog1py(_ value: some ScalarConvertible) -> Tensor { xlog1py(wrapped(value)) }
    /// value·log(1 + x), 0 if value is 0 (unless x is NaN).
    public static func xlog1py(_ value: some ScalarConvertible, _ x: Tensor) -> Tensor { x.wrapped(value).xlog1py(x) }

    private final func timesLogarithm(_ other: Tensor, ofOnePlus: Bool) -> Tensor {
        composite(ofOnePlus ? "xlog1py" : "xlogy", self, other) { () throws(OpError) in
            let dtype = Tensor.resultType(self, other)
            let (x, y) = try Tensor.broadcast(self, other, dtype.isFloatingPoint ? dtype : .float32)
            return apply(XLogY(ofOnePlus: ofOnePlus), [x, y])
        }
    }

    /// Whether it is float16 or bfloat16, whose differences may overflow and which have few digits.
    final var isHalf: Bool { dtype == .float16 || dtype == .bfloat16 }
    /// x + weight·(end − x), computed from the nearer end, so that weights 0 and 1 give exactly x and `end`.
    public final func lerp(_ end: Tensor, _ weight: some ScalarConvertible) -> Tensor {
        if isHalf && end.dtype == dtype { return to(.float32).lerp(end.to(.float32), weight).to(dtype) }
        let w = weight._scalar.doubleValue
        return Swift.abs(w) < 0.5 ? add(end - self, alpha: w) : end.add(end - self, alpha: w - 1)
    }
    /// x + weight·(end − x), elementwise in `weight` too.
    public final func lerp(_ end: Tensor, _ weight: Tensor) -> Tensor {
        if isHalf && end.dtype == dtype && weight.dtype == dtype {
            return to(.float32).lerp(end.to(.float32), weight.to(.float32)).to(dtype)
        }
        let change = end - self
        return Tensor.where(weight.abs().lt(0.5), self + weight * change, end + (weight - 1) * change)
    }
    /// x + value·a·b. All three promote first; for integers the value is truncated.
    public final func addcmul(_ a: Tensor, _ b: Tensor, value: some ScalarConvertible = 1) -> Tensor {
        composite("addcmul", self, a, b) {
            let dtype = Tensor.resultType([self, a, b])
            return to(dtype).add(a.to(dtype) * b.to(dtype), alpha: dtype.isFloatingPoint ? value._scalar : .int(value._scalar.int64Value))
        }
    }
    /// x + value·a/b. All three promote first; integers become float32.
    public final func addcdiv(_ a: Tensor, _ b: Tensor, value: some ScalarConvertible = 1) -> Tensor {
        composite("addcdiv", self, a, b) {
            let promoted = Tensor.resultType([self, a, b])
            let dtype = promoted.isFloatingPoint ? promoted : .float32
            return to(dtype).add(a.to(dtype) / b.to(dtype), alpha: value)
        }
    }
}

/// How `div` rounds a quotient. PyTorch: `rounding_mode`.
public enum DivisionRounding: String, Sendable, CaseIterable {
    /// Toward zero.
    case trunc
    /// To the integer below.
    case floor
}
