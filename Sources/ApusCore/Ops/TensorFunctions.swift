// Written by Tests/ApusCoreTests/tensor-functions: the methods beside it as functions, since PyTorch has both:
// `torch.exp(x)` is `Tensor.exp(x)`.

extension Tensor {
    /// −x.
    public static func neg(_ x: Tensor) -> Tensor { x.neg() }
    /// |x|; d = sign x.
    public static func abs(_ x: Tensor) -> Tensor { x.abs() }
    /// −1, 0 or 1; bool is returned unchanged.
    public static func sign(_ x: Tensor) -> Tensor { x.sign() }
    /// x²; d = 2x. Bool is converted to int64.
    public static func square(_ x: Tensor) -> Tensor { x.square() }
    /// 1/x; d = −1/x².
    public static func reciprocal(_ x: Tensor) -> Tensor { x.reciprocal() }
    /// √x; d = 1/(2√x).
    public static func sqrt(_ x: Tensor) -> Tensor { x.sqrt() }
    /// 1/√x; d = −x^(−3/2)/2.
    public static func rsqrt(_ x: Tensor) -> Tensor { x.rsqrt() }
    /// eˣ; d = eˣ.
    public static func exp(_ x: Tensor) -> Tensor { x.exp() }
    /// 2ˣ; d = 2ˣ ln 2.
    public static func exp2(_ x: Tensor) -> Tensor { x.exp2() }
    /// eˣ − 1, accurate near 0; d = eˣ.
    public static func expm1(_ x: Tensor) -> Tensor { x.expm1() }
    /// ln x; d = 1/x.
    public static func log(_ x: Tensor) -> Tensor { x.log() }
    /// log₂ x; d = 1/(x ln 2).
    public static func log2(_ x: Tensor) -> Tensor { x.log2() }
    /// log₁₀ x; d = 1/(x ln 10).
    public static func log10(_ x: Tensor) -> Tensor { x.log10() }
    /// ln(1 + x), accurate near 0; d = 1/(1 + x).
    public static func log1p(_ x: Tensor) -> Tensor { x.log1p() }
    /// sin x; d = cos x.
    public static func sin(_ x: Tensor) -> Tensor { x.sin() }
    /// cos x; d = −sin x.
    public static func cos(_ x: Tensor) -> Tensor { x.cos() }
    /// tan x; d = 1 + tan² x.
    public static func tan(_ x: Tensor) -> Tensor { x.tan() }
    /// arcsin x; d = 1/√(1 − x²).
    public static func asin(_ x: Tensor) -> Tensor { x.asin() }
    /// arccos x; d = −1/√(1 − x²).
    public static func acos(_ x: Tensor) -> Tensor { x.acos() }
    /// arctan x; d = 1/(1 + x²).
    public static func atan(_ x: Tensor) -> Tensor { x.atan() }
    /// sinh x; d = cosh x.
    public static func sinh(_ x: Tensor) -> Tensor { x.sinh() }
    /// cosh x; d = sinh x.
    public static func cosh(_ x: Tensor) -> Tensor { x.cosh() }
    /// tanh x; d = 1 − tanh² x.
    public static func tanh(_ x: Tensor) -> Tensor { x.tanh() }
    /// arsinh x; d = 1/√(x² + 1).
    public static func asinh(_ x: Tensor) -> Tensor { x.asinh() }
    /// arcosh x; d = 1/√(x² − 1).
    public static func acosh(_ x: Tensor) -> Tensor { x.acosh() }
    /// artanh x; d = 1/(1 − x²).
    public static func atanh(_ x: Tensor) -> Tensor { x.atanh() }
    /// The error function erf x; d = 2/√π·e^(−x²).
    public static func erf(_ x: Tensor) -> Tensor { x.erf() }
    /// 1 − erf x; d = −2/√π·e^(−x²).
    public static func erfc(_ x: Tensor) -> Tensor { x.erfc() }
    /// The inverse y of erf; d = √π/2·e^(y²).
    public static func erfinv(_ x: Tensor) -> Tensor { x.erfinv() }
    /// The quantile function y of the standard normal distribution; d = √(2π)·e^(y²/2). PyTorch: `torch.special.ndtri`.
    public static func ndtri(_ x: Tensor) -> Tensor { x.ndtri() }
    /// ln |Γ(x)|; d = ψ(x).
    public static func lgamma(_ x: Tensor) -> Tensor { x.lgamma() }
    /// ψ(x) = d/dx ln Γ(x); d = ψ′(x).
    public static func digamma(_ x: Tensor) -> Tensor { x.digamma() }
    /// ψ⁽ⁿ⁾(x), the n-th derivative of digamma: (−1)ⁿ⁺¹·n!·Σ 1/(x + k)ⁿ⁺¹ over k ≥ 0; d = ψ⁽ⁿ⁺¹⁾(x). At the poles 0, −1, −2, … it is ∞, or
    /// −∞ for even n. float64 is accurate to all digits up to n = 20; beyond, the relative error grows with n. Traps if n is negative or
    /// above a million. PyTorch: `torch.polygamma`.
    public static func polygamma(_ n: Int, _ x: Tensor) -> Tensor { x.polygamma(n) }
    /// ⌊x⌋.
    public static func floor(_ x: Tensor) -> Tensor { x.floor() }
    /// ⌈x⌉.
    public static func ceil(_ x: Tensor) -> Tensor { x.ceil() }
    /// The nearest integer, ties to even.
    public static func round(_ x: Tensor) -> Tensor { x.round() }
    /// x truncated toward zero.
    public static func trunc(_ x: Tensor) -> Tensor { x.trunc() }
    /// x − trunc x; d = 1.
    public static func frac(_ x: Tensor) -> Tensor { x.frac() }
    /// σ(x) = 1/(1 + e⁻ˣ); d = σ(1 − σ).
    public static func sigmoid(_ x: Tensor) -> Tensor { x.sigmoid() }
    /// max(x, 0); d = 1 where x > 0.
    public static func relu(_ x: Tensor) -> Tensor { x.relu() }
    /// Whether each element is NaN, as bool.
    public static func isnan(_ x: Tensor) -> Tensor { x.isnan() }
    /// Whether each element is infinite, as bool.
    public static func isinf(_ x: Tensor) -> Tensor { x.isinf() }
    /// Whether each element is neither NaN nor infinite, as bool.
    public static func isfinite(_ x: Tensor) -> Tensor { x.isfinite() }
    /// |x| > λ ? x : 0.
    public static func hardshrink(_ x: Tensor) -> Tensor { x.hardshrink() }
    /// |x| > λ ? x : 0.
    public static func hardshrink(_ x: Tensor, _ lambda: Double) -> Tensor { x.hardshrink(lambda) }
    /// log(x / (1 − x)); x is clamped to eps … 1 − eps first if `eps` is given. PyTorch: `torch.logit`.
    public static func logit(_ x: Tensor) -> Tensor { x.logit() }
    /// log(x / (1 − x)); x is clamped to eps … 1 − eps first if `eps` is given. PyTorch: `torch.logit`.
    public static func logit(_ x: Tensor, eps: Double?) -> Tensor { x.logit(eps: eps) }
    /// x + alpha·other. Traps for integers if alpha has a fraction.
    public static func add(_ x: Tensor, _ other: Tensor, alpha: some ScalarConvertible) -> Tensor { x.add(other, alpha: alpha) }
    /// x + alpha·value. Traps for integers if alpha has a fraction.
    public static func add(_ x: Tensor, _ value: some ScalarConvertible, alpha: some ScalarConvertible) -> Tensor {
        x.add(value, alpha: alpha)
    }
    /// x + other. PyTorch: `add`.
    public static func add(_ x: Tensor, _ other: Tensor) -> Tensor { x.add(other) }
    /// x + value.
    public static func add(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.add(value) }
    /// x − alpha·other. Traps for bool, and for integers if alpha has a fraction.
    public static func sub(_ x: Tensor, _ other: Tensor, alpha: some ScalarConvertible) -> Tensor { x.sub(other, alpha: alpha) }
    /// x − alpha·value. Traps for bool, and for integers if alpha has a fraction.
    public static func sub(_ x: Tensor, _ value: some ScalarConvertible, alpha: some ScalarConvertible) -> Tensor {
        x.sub(value, alpha: alpha)
    }
    /// x − other. PyTorch: `sub`.
    public static func sub(_ x: Tensor, _ other: Tensor) -> Tensor { x.sub(other) }
    /// x − value.
    public static func sub(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.sub(value) }
    /// x · other. PyTorch: `mul`.
    public static func mul(_ x: Tensor, _ other: Tensor) -> Tensor { x.mul(other) }
    /// x · value.
    public static func mul(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.mul(value) }
    /// x / other. PyTorch: `div`.
    public static func div(_ x: Tensor, _ other: Tensor) -> Tensor { x.div(other) }
    /// x / value; integers give float32.
    public static func div(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.div(value) }
    /// x / other, rounded toward zero or to the integer below. Traps if integers are divided by 0 and rounded.
    public static func div(_ x: Tensor, _ other: Tensor, roundingMode: DivisionRounding?) -> Tensor {
        x.div(other, roundingMode: roundingMode)
    }
    /// x / value, rounded toward zero or to the integer below. Traps if integers are divided by 0 and rounded.
    public static func div(_ x: Tensor, _ value: some ScalarConvertible, roundingMode: DivisionRounding?) -> Tensor {
        x.div(value, roundingMode: roundingMode)
    }
    /// x^exponent, elementwise.
    public static func pow(_ x: Tensor, _ exponent: Tensor) -> Tensor { x.pow(exponent) }
    /// x^exponent; d = n·x^(n−1). Traps for integers if the exponent is negative.
    public static func pow(_ x: Tensor, _ exponent: some ScalarConvertible) -> Tensor { x.pow(exponent) }
    /// min(x, other), elementwise; NaN wins.
    public static func minimum(_ x: Tensor, _ other: Tensor) -> Tensor { x.minimum(other) }
    /// max(x, other), elementwise; NaN wins.
    public static func maximum(_ x: Tensor, _ other: Tensor) -> Tensor { x.maximum(other) }
    /// min(x, value); NaN wins. A whole number beyond an integer dtype counts as the nearest that it holds.
    public static func minimum(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.minimum(value) }
    /// max(x, value); NaN wins. A whole number beyond an integer dtype counts as the nearest that it holds.
    public static func maximum(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.maximum(value) }
    /// min(x, other), elementwise; NaN wins. PyTorch: `min(other)`, which is `minimum`.
    public static func min(_ x: Tensor, _ other: Tensor) -> Tensor { x.min(other) }
    /// max(x, other), elementwise; NaN wins. PyTorch: `max(other)`, which is `maximum`.
    public static func max(_ x: Tensor, _ other: Tensor) -> Tensor { x.max(other) }
    /// ⌊x / other⌋. Traps if an integer divisor is 0.
    public static func floorDivide(_ x: Tensor, _ other: Tensor) -> Tensor { x.floorDivide(other) }
    /// ⌊x / value⌋. Traps if an integer divisor is 0.
    public static func floorDivide(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.floorDivide(value) }
    /// x − other·⌊x / other⌋, which has the divisor's sign. Traps if an integer divisor is 0. PyTorch: `remainder`, `%`.
    public static func remainder(_ x: Tensor, _ other: Tensor) -> Tensor { x.remainder(other) }
    /// x − value·⌊x / value⌋, which has the divisor's sign. Traps if an integer divisor is 0.
    public static func remainder(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.remainder(value) }
    /// x − other·trunc(x / other), which has x's sign. Traps if an integer divisor is 0.
    public static func fmod(_ x: Tensor, _ other: Tensor) -> Tensor { x.fmod(other) }
    /// x − value·trunc(x / value), which has x's sign. Traps if an integer divisor is 0.
    public static func fmod(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.fmod(value) }
    /// The angle of the point (other, x) in (−π, π]. PyTorch: `atan2(input, other)`.
    public static func atan2(_ x: Tensor, _ other: Tensor) -> Tensor { x.atan2(other) }
    /// The angle of the point (value, x) in (−π, π].
    public static func atan2(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.atan2(value) }
    /// √(x² + other²)
    public static func hypot(_ x: Tensor, _ other: Tensor) -> Tensor { x.hypot(other) }
    /// √(x² + value²)
    public static func hypot(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.hypot(value) }
    /// log(eˣ + e^other) without overflow.
    public static func logaddexp(_ x: Tensor, _ other: Tensor) -> Tensor { x.logaddexp(other) }
    /// log(eˣ + e^value) without overflow.
    public static func logaddexp(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.logaddexp(value) }
    /// |x| with the sign of `other`.
    public static func copysign(_ x: Tensor, _ other: Tensor) -> Tensor { x.copysign(other) }
    /// |x| with the sign of `value`.
    public static func copysign(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.copysign(value) }
    /// The next representable number after x in the direction of `other`; `other` if the two are equal. Traps for dtypes other than float32
    /// and float64.
    public static func nextafter(_ x: Tensor, _ other: Tensor) -> Tensor { x.nextafter(other) }
    /// The next representable number after x in the direction of `value`.
    public static func nextafter(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.nextafter(value) }
    /// The greatest common divisor of two integers, non-negative; 0 for two zeros. Traps for bool and floats.
    public static func gcd(_ x: Tensor, _ other: Tensor) -> Tensor { x.gcd(other) }
    /// The greatest common divisor with `value`.
    public static func gcd(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.gcd(value) }
    /// The least common multiple of two integers, non-negative; 0 if one of them is 0. Traps for bool and floats.
    public static func lcm(_ x: Tensor, _ other: Tensor) -> Tensor { x.lcm(other) }
    /// The least common multiple with `value`.
    public static func lcm(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.lcm(value) }
    /// 1 if x > 0, 0 if x < 0, the element of `values` if x = 0; NaN stays NaN. The derivative is 0 with respect to x; with respect to
    /// `values` it is 1 where x = 0.
    /// PyTorch: `torch.heaviside`.
    public static func heaviside(_ x: Tensor, _ values: Tensor) -> Tensor { x.heaviside(values) }
    /// 1 if x > 0, 0 if x < 0, `value` if x = 0; NaN stays NaN.
    public static func heaviside(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.heaviside(value) }
    /// The regularised lower incomplete gamma function P(a, x), the gamma distribution's cumulative distribution function. PyTorch:
    /// `torch.special.gammainc`.
    public static func gammainc(_ a: Tensor, _ x: Tensor) -> Tensor { a.gammainc(x) }
    /// The regularised lower incomplete gamma function P(x, value).
    public static func gammainc(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.gammainc(value) }
    /// The regularised upper incomplete gamma function Q(a, x) = 1 − P(a, x), accurate also where it is next to 0. PyTorch:
    /// `torch.special.gammaincc`.
    public static func gammaincc(_ a: Tensor, _ x: Tensor) -> Tensor { a.gammaincc(x) }
    /// The regularised upper incomplete gamma function Q(x, value).
    public static func gammaincc(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.gammaincc(value) }
    /// x·log(other), 0 where x is 0 (unless other is NaN). PyTorch: `xlogy`.
    public static func xlogy(_ x: Tensor, _ other: Tensor) -> Tensor { x.xlogy(other) }
    /// x·log(value), 0 where x is 0 (unless value is NaN).
    public static func xlogy(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.xlogy(value) }
    /// x·log(1 + other), 0 where x is 0 (unless other is NaN); accurate near other = 0. PyTorch: `torch.special.xlog1py`.
    public static func xlog1py(_ x: Tensor, _ other: Tensor) -> Tensor { x.xlog1py(other) }
    /// x·log(1 + value), 0 where x is 0 (unless value is NaN).
    public static func xlog1py(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.xlog1py(value) }
    /// x + weight·(end − x), computed from the nearer end, so that weights 0 and 1 give exactly x and `end`.
    public static func lerp(_ x: Tensor, _ end: Tensor, _ weight: some ScalarConvertible) -> Tensor { x.lerp(end, weight) }
    /// x + weight·(end − x), elementwise in `weight` too.
    public static func lerp(_ x: Tensor, _ end: Tensor, _ weight: Tensor) -> Tensor { x.lerp(end, weight) }
    /// x + value·a·b. All three promote first; for integers the value is truncated.
    public static func addcmul(_ x: Tensor, _ a: Tensor, _ b: Tensor, value: some ScalarConvertible = 1) -> Tensor {
        x.addcmul(a, b, value: value)
    }
    /// x + value·a/b. All three promote first; integers become float32.
    public static func addcdiv(_ x: Tensor, _ a: Tensor, _ b: Tensor, value: some ScalarConvertible = 1) -> Tensor {
        x.addcdiv(a, b, value: value)
    }
    /// x = other, elementwise.
    public static func eq(_ x: Tensor, _ other: Tensor) -> Tensor { x.eq(other) }
    /// x = value
    public static func eq(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.eq(value) }
    /// x ≠ other, elementwise.
    public static func ne(_ x: Tensor, _ other: Tensor) -> Tensor { x.ne(other) }
    /// x ≠ value
    public static func ne(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.ne(value) }
    /// x < other, elementwise.
    public static func lt(_ x: Tensor, _ other: Tensor) -> Tensor { x.lt(other) }
    /// x < value
    public static func lt(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.lt(value) }
    /// x ≤ other, elementwise.
    public static func le(_ x: Tensor, _ other: Tensor) -> Tensor { x.le(other) }
    /// x ≤ value
    public static func le(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.le(value) }
    /// x > other, elementwise.
    public static func gt(_ x: Tensor, _ other: Tensor) -> Tensor { x.gt(other) }
    /// x > value
    public static func gt(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.gt(value) }
    /// x ≥ other, elementwise.
    public static func ge(_ x: Tensor, _ other: Tensor) -> Tensor { x.ge(other) }
    /// x ≥ value
    public static func ge(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.ge(value) }
    /// x ≠ 0 and other ≠ 0, elementwise.
    public static func logicalAnd(_ x: Tensor, _ other: Tensor) -> Tensor { x.logicalAnd(other) }
    /// x ≠ 0 or other ≠ 0, elementwise.
    public static func logicalOr(_ x: Tensor, _ other: Tensor) -> Tensor { x.logicalOr(other) }
    /// Whether exactly one of x and other is not 0, elementwise.
    public static func logicalXor(_ x: Tensor, _ other: Tensor) -> Tensor { x.logicalXor(other) }
    /// x = 0, elementwise.
    public static func logicalNot(_ x: Tensor) -> Tensor { x.logicalNot() }
    /// Whether shapes and all elements are equal after type promotion (NaN equals nothing). PyTorch: `torch.equal`.
    public static func equal(_ x: Tensor, _ other: Tensor) -> Bool { x.equal(other) }
    /// Whether all elements differ by no more than `atol + rtol·|other|`. PyTorch: `torch.allclose`.
    public static func allclose(_ x: Tensor, _ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNan: Bool = false) -> Bool {
        x.allclose(other, rtol: rtol, atol: atol, equalNan: equalNan)
    }
    /// Whether |x − other| ≤ atol + rtol·|other|, elementwise; also for integers. Traps if a tolerance is negative.
    public static func isclose(_ x: Tensor, _ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNan: Bool = false) -> Tensor {
        x.isclose(other, rtol: rtol, atol: atol, equalNan: equalNan)
    }
    /// min(max(x, min), max); d = 1 for min ≤ x ≤ max. A nil bound is ignored; a NaN bound makes everything NaN. For integers a decimal
    /// bound gives a float32 result. Traps if both bounds are nil. PyTorch: `clamp`, `clamp_min`, `clamp_max`.
    @_disfavoredOverload public static func clamp(
        _ x: Tensor, min: (any ScalarConvertible)? = nil, max: (any ScalarConvertible)? = nil
    ) -> Tensor {
        x.clamp(min: min, max: max)
    }
    /// min(max(x, min), max) by position, for integer literals too.
    public static func clamp(_ x: Tensor, _ min: some ScalarConvertible, _ max: some ScalarConvertible) -> Tensor { x.clamp(min, max) }
    /// x between `min` and `max`; NaN stays NaN.
    public static func clamp(_ x: Tensor, min: Int? = nil, max: Int? = nil) -> Tensor { x.clamp(min: min, max: max) }
    /// min(max(x, min), max), for literals such as `.infinity`.
    public static func clamp(_ x: Tensor, min: Double? = nil, max: Double? = nil) -> Tensor { x.clamp(min: min, max: max) }
    /// min(max(x, min), max) with tensor bounds; all three broadcast and promote. The gradient goes to x for min ≤ x ≤ max, else to the
    /// bound that replaced it. Traps if both bounds are nil.
    public static func clamp(_ x: Tensor, min: Tensor? = nil, max: Tensor? = nil) -> Tensor { x.clamp(min: min, max: max) }
    /// max(x, min), as `clamp(min: min)`. PyTorch: `clamp_min`.
    public static func clampMin(_ x: Tensor, _ min: some ScalarConvertible) -> Tensor { x.clampMin(min) }
    /// max(x, min), for literals such as `.infinity`.
    public static func clampMin(_ x: Tensor, _ min: Double) -> Tensor { x.clampMin(min) }
    /// max(x, min) with a tensor of bounds, as `clamp(min: min)`.
    public static func clampMin(_ x: Tensor, _ min: Tensor) -> Tensor { x.clampMin(min) }
    /// min(x, max), as `clamp(max: max)`. PyTorch: `clamp_max`.
    public static func clampMax(_ x: Tensor, _ max: some ScalarConvertible) -> Tensor { x.clampMax(max) }
    /// min(x, max), for literals such as `.infinity`.
    public static func clampMax(_ x: Tensor, _ max: Double) -> Tensor { x.clampMax(max) }
    /// min(x, max) with a tensor of bounds, as `clamp(max: max)`.
    public static func clampMax(_ x: Tensor, _ max: Tensor) -> Tensor { x.clampMax(max) }
    /// x ≤ threshold ? value : x. Integers stay integers: `value` is truncated.
    public static func threshold(_ x: Tensor, _ threshold: Double, _ value: Double) -> Tensor { x.threshold(threshold, value) }
    /// max(x, other), elementwise, where a number wins over NaN. The gradient goes to x where x ≥ other or other is NaN, else to `other`.
    public static func fmax(_ x: Tensor, _ other: Tensor) -> Tensor { x.fmax(other) }
    /// max(x, value), where a number wins over NaN. A whole number beyond an integer dtype counts as the nearest that it holds.
    public static func fmax(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.fmax(value) }
    /// min(x, other), elementwise, where a number wins over NaN. The gradient goes to x where x ≤ other or other is NaN, else to `other`.
    public static func fmin(_ x: Tensor, _ other: Tensor) -> Tensor { x.fmin(other) }
    /// min(x, value), where a number wins over NaN. A whole number beyond an integer dtype counts as the nearest that it holds.
    public static func fmin(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.fmin(value) }
    /// x^exponent in float64, whatever the operands' dtypes.
    public static func floatPower(_ x: Tensor, _ exponent: Tensor) -> Tensor { x.floatPower(exponent) }
    /// x^exponent in float64, whatever x's dtype.
    public static func floatPower(_ x: Tensor, _ exponent: some ScalarConvertible) -> Tensor { x.floatPower(exponent) }
    /// log₂(2ˣ + 2^other) without overflow.
    public static func logaddexp2(_ x: Tensor, _ other: Tensor) -> Tensor { x.logaddexp2(other) }
    /// log₂(2ˣ + 2^value) without overflow.
    public static func logaddexp2(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.logaddexp2(value) }
    /// x·2^other. An integer `other` of a float x is converted to x's dtype; if both are integers the result is float32.
    public static func ldexp(_ x: Tensor, _ other: Tensor) -> Tensor { x.ldexp(other) }
    /// x·2^value.
    public static func ldexp(_ x: Tensor, _ value: some ScalarConvertible) -> Tensor { x.ldexp(value) }
    /// x itself, as Python's `+x`. Traps for bool.
    public static func positive(_ x: Tensor) -> Tensor { x.positive() }
    /// Whether each element is +∞, as bool.
    public static func isposinf(_ x: Tensor) -> Tensor { x.isposinf() }
    /// Whether each element is −∞, as bool.
    public static func isneginf(_ x: Tensor) -> Tensor { x.isneginf() }
    /// Whether the sign bit of each element is set, as bool; also true for −0, and possibly for NaN.
    public static func signbit(_ x: Tensor) -> Tensor { x.signbit() }
    /// Degrees as radians: x·π/180.
    public static func deg2rad(_ x: Tensor) -> Tensor { x.deg2rad() }
    /// Radians as degrees: x·180/π.
    public static func rad2deg(_ x: Tensor) -> Tensor { x.rad2deg() }
    /// x with NaN replaced by `nan`, +∞ by `posinf` and −∞ by `neginf`, by default the largest and the smallest number of the dtype;
    /// integers do not change. The gradient is 0 where x was replaced.
    public static func nanToNum(_ x: Tensor) -> Tensor { x.nanToNum() }
    /// x with NaN replaced by `nan`, +∞ by `posinf` and −∞ by `neginf`, by default the largest and the smallest number of the dtype;
    /// integers do not change. The gradient is 0 where x was replaced.
    public static func nanToNum(_ x: Tensor, nan: Double, posinf: Double? = nil, neginf: Double? = nil) -> Tensor {
        x.nanToNum(nan: nan, posinf: posinf, neginf: neginf)
    }
    /// x with NaN replaced by `nan`, +∞ by `posinf` and −∞ by `neginf`, by default the largest and the smallest number of the dtype;
    /// integers do not change. The gradient is 0 where x was replaced.
    public static func nanToNum(_ x: Tensor, posinf: Double?, neginf: Double? = nil) -> Tensor {
        x.nanToNum(posinf: posinf, neginf: neginf)
    }
    /// x with NaN replaced by `nan`, +∞ by `posinf` and −∞ by `neginf`, by default the largest and the smallest number of the dtype;
    /// integers do not change. The gradient is 0 where x was replaced.
    public static func nanToNum(_ x: Tensor, neginf: Double?) -> Tensor { x.nanToNum(neginf: neginf) }
    /// x rounded to `decimals` decimal places, or for −n to multiples of 10ⁿ; ties to even. The derivative is 0. Traps for integers unless
    /// `decimals` is 0.
    public static func round(_ x: Tensor, decimals: Int) -> Tensor { x.round(decimals: decimals) }
    /// sin(πx)/(πx), 1 for x = 0.
    public static func sinc(_ x: Tensor) -> Tensor { x.sinc() }
    /// The entropy −x·ln x of probabilities, 0 for x = 0 and −∞ for negative x. PyTorch: `torch.special.entr`.
    public static func entr(_ x: Tensor) -> Tensor { x.entr() }
    /// Φ(x), the cumulative distribution function of the standard normal distribution. PyTorch: `torch.special.ndtr`.
    public static func ndtr(_ x: Tensor) -> Tensor { x.ndtr() }
    /// ln Φ(x), accurate where Φ(x) itself would be 0. PyTorch: `torch.special.log_ndtr`.
    public static func logNdtr(_ x: Tensor) -> Tensor { x.logNdtr() }
    /// The logarithm of the multivariate gamma function: p(p − 1)/4·ln π + Σ ln Γ(x − j/2) for j from 0 to p − 1. It is defined for x above
    /// (p − 1)/2. Traps for bool, and if p is below 1. PyTorch: `torch.special.multigammaln`.
    public static func multigammaln(_ x: Tensor, _ p: Int) -> Tensor { x.multigammaln(p) }
    /// The matrix product, with PyTorch's rules: vector·vector is a dot product, a vector is a row on the left and a column on the right,
    /// and dimensions before the last two broadcast as batches. Traps if shapes or dtypes do not fit.
    public static func matmul(_ x: Tensor, _ other: Tensor) -> Tensor { x.matmul(other) }
    /// The product of two matrices. Traps for other ranks. PyTorch: `mm`.
    public static func mm(_ x: Tensor, _ other: Tensor) -> Tensor { x.mm(other) }
    /// The products of two batches of matrices, [B, M, K] and [B, K, N]. Traps for other ranks. PyTorch: `bmm`.
    public static func bmm(_ x: Tensor, _ other: Tensor) -> Tensor { x.bmm(other) }
    /// The product of a matrix and a vector. Traps for other ranks. PyTorch: `mv`.
    public static func mv(_ x: Tensor, _ vector: Tensor) -> Tensor { x.mv(vector) }
    /// Σ selfᵢ·otherᵢ for two vectors. Traps for other ranks. PyTorch: `dot`.
    public static func dot(_ x: Tensor, _ other: Tensor) -> Tensor { x.dot(other) }
    /// Σ selfᵢ·otherᵢ for two vectors, the same as `dot` without complex numbers. Traps for other ranks. PyTorch: `vdot`.
    public static func vdot(_ x: Tensor, _ other: Tensor) -> Tensor { x.vdot(other) }
    /// The sums of products along the last dimension of both, for each pair of vectors of x and `other`; the product if one is a scalar.
    /// Traps if extents or dtypes differ. PyTorch: `inner`.
    public static func inner(_ x: Tensor, _ other: Tensor) -> Tensor { x.inner(other) }
    /// The products selfᵢ·otherⱼ of two vectors [M] and [N], [M, N]. Traps for other ranks. PyTorch: `outer`.
    public static func outer(_ x: Tensor, _ other: Tensor) -> Tensor { x.outer(other) }
    /// β·x + α·(a·b); x broadcasts to the product's shape. If β = 0, NaN and infinities in x are ignored. All have the same dtype;
    /// for integers the factors are truncated. PyTorch: `addmm`.
    public static func addmm(
        _ x: Tensor, _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Tensor {
        x.addmm(a, b, beta: beta, alpha: alpha)
    }
    /// β·x + α·(a·b) for batches, with the rules of `addmm`. PyTorch: `baddbmm`.
    public static func baddbmm(
        _ x: Tensor, _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Tensor {
        x.baddbmm(a, b, beta: beta, alpha: alpha)
    }
    /// β·x + α·Σ a[i]·b[i] for batches a [B, M, K] and b [B, K, N], with the rules of `addmm`. PyTorch: `addbmm`.
    public static func addbmm(
        _ x: Tensor, _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Tensor {
        x.addbmm(a, b, beta: beta, alpha: alpha)
    }
    /// β·x + α·(a·b) for a matrix a and a vector b, with the rules of `addmm`. PyTorch: `addmv`.
    public static func addmv(
        _ x: Tensor, _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Tensor {
        x.addmv(a, b, beta: beta, alpha: alpha)
    }
    /// β·x + α·(aᵢ·bⱼ) for two vectors, with the rules of `addmm`; dtypes promote. PyTorch: `addr`.
    public static func addr(
        _ x: Tensor, _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Tensor {
        x.addr(a, b, beta: beta, alpha: alpha)
    }
}
