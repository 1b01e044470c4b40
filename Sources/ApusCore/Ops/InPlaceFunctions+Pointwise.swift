// In-place forms of pointwise functions, comparisons, sums with products, and triangles. Comparisons and logic write 1 for true and 0 for
// false.

// MARK: Of one number

extension Tensor {
    /// x ← arccos x
    @discardableResult public final func acos_() -> Self { updateInPlace("acos_") { $0.acos() } }
    /// x ← arcosh x
    @discardableResult public final func acosh_() -> Self { updateInPlace("acosh_") { $0.acosh() } }
    /// x ← arcsin x
    @discardableResult public final func asin_() -> Self { updateInPlace("asin_") { $0.asin() } }
    /// x ← arsinh x
    @discardableResult public final func asinh_() -> Self { updateInPlace("asinh_") { $0.asinh() } }
    /// x ← arctan x
    @discardableResult public final func atan_() -> Self { updateInPlace("atan_") { $0.atan() } }
    /// x ← artanh x
    @discardableResult public final func atanh_() -> Self { updateInPlace("atanh_") { $0.atanh() } }
    /// x ← ⌈x⌉
    @discardableResult public final func ceil_() -> Self { updateInPlace("ceil_") { $0.ceil() } }
    /// x ← cos x
    @discardableResult public final func cos_() -> Self { updateInPlace("cos_") { $0.cos() } }
    /// x ← cosh x
    @discardableResult public final func cosh_() -> Self { updateInPlace("cosh_") { $0.cosh() } }
    /// x ← x·π/180
    @discardableResult public final func deg2rad_() -> Self { updateInPlace("deg2rad_") { $0.deg2rad() } }
    /// x ← ψ(x)
    @discardableResult public final func digamma_() -> Self { updateInPlace("digamma_") { $0.digamma() } }
    /// x ← erf x
    @discardableResult public final func erf_() -> Self { updateInPlace("erf_") { $0.erf() } }
    /// x ← 1 − erf x
    @discardableResult public final func erfc_() -> Self { updateInPlace("erfc_") { $0.erfc() } }
    /// x ← the inverse of erf at x
    @discardableResult public final func erfinv_() -> Self { updateInPlace("erfinv_") { $0.erfinv() } }
    /// x ← 2ˣ
    @discardableResult public final func exp2_() -> Self { updateInPlace("exp2_") { $0.exp2() } }
    /// x ← eˣ − 1
    @discardableResult public final func expm1_() -> Self { updateInPlace("expm1_") { $0.expm1() } }
    /// x ← ⌊x⌋
    @discardableResult public final func floor_() -> Self { updateInPlace("floor_") { $0.floor() } }
    /// x ← x − trunc x
    @discardableResult public final func frac_() -> Self { updateInPlace("frac_") { $0.frac() } }
    /// x ← I₀(x)
    @discardableResult public final func i0_() -> Self { updateInPlace("i0_") { $0.i0() } }
    /// x ← ln |Γ(x)|
    @discardableResult public final func lgamma_() -> Self { updateInPlace("lgamma_") { $0.lgamma() } }
    /// x ← log₁₀ x
    @discardableResult public final func log10_() -> Self { updateInPlace("log10_") { $0.log10() } }
    /// x ← ln(1 + x)
    @discardableResult public final func log1p_() -> Self { updateInPlace("log1p_") { $0.log1p() } }
    /// x ← log₂ x
    @discardableResult public final func log2_() -> Self { updateInPlace("log2_") { $0.log2() } }
    /// x ← log(x / (1 − x)); x is clamped to eps … 1 − eps first if `eps` is given.
    @discardableResult public final func logit_(eps: Double? = nil) -> Self { updateInPlace("logit_") { $0.logit(eps: eps) } }
    /// x ← x with numbers in place of NaN and infinities, as `nanToNum`.
    @discardableResult public final func nanToNum_(nan: Double = 0, posinf: Double? = nil, neginf: Double? = nil) -> Self {
        updateInPlace("nanToNum_") { $0.nanToNum(nan: nan, posinf: posinf, neginf: neginf) }
    }
    /// x ← ψ⁽ⁿ⁾(x)
    @discardableResult public final func polygamma_(_ n: Int) -> Self { updateInPlace("polygamma_") { $0.polygamma(n) } }
    /// x ← x·180/π
    @discardableResult public final func rad2deg_() -> Self { updateInPlace("rad2deg_") { $0.rad2deg() } }
    /// x ← 1/x
    @discardableResult public final func reciprocal_() -> Self { updateInPlace("reciprocal_") { $0.reciprocal() } }
    /// x ← the integer nearest to x, ties to even
    @discardableResult public final func round_() -> Self { updateInPlace("round_") { $0.round() } }
    /// x ← x rounded to `decimals` digits behind the point
    @discardableResult public final func round_(decimals: Int) -> Self { updateInPlace("round_") { $0.round(decimals: decimals) } }
    /// x ← 1/√x
    @discardableResult public final func rsqrt_() -> Self { updateInPlace("rsqrt_") { $0.rsqrt() } }
    /// x ← −1, 0 or 1
    @discardableResult public final func sign_() -> Self { updateInPlace("sign_") { $0.sign() } }
    /// x ← sin x
    @discardableResult public final func sin_() -> Self { updateInPlace("sin_") { $0.sin() } }
    /// x ← sin(πx)/(πx)
    @discardableResult public final func sinc_() -> Self { updateInPlace("sinc_") { $0.sinc() } }
    /// x ← sinh x
    @discardableResult public final func sinh_() -> Self { updateInPlace("sinh_") { $0.sinh() } }
    /// x ← x²
    @discardableResult public final func square_() -> Self { updateInPlace("square_") { $0.square() } }
    /// x ← tan x
    @discardableResult public final func tan_() -> Self { updateInPlace("tan_") { $0.tan() } }
    /// x ← x truncated toward zero
    @discardableResult public final func trunc_() -> Self { updateInPlace("trunc_") { $0.trunc() } }
    /// x ← x with its bits inverted; logical not for bool.
    @discardableResult public final func bitwiseNot_() -> Self { updateInPlace("bitwiseNot_") { ~$0 } }
    /// x ← whether x = 0
    @discardableResult public final func logicalNot_() -> Self { updateInPlace("logicalNot_") { $0.logicalNot() } }
}

// MARK: Of two numbers

extension Tensor {
    /// x ← the angle of the point (other, x)
    @discardableResult public final func atan2_(_ other: Tensor) -> Self { updateInPlace("atan2_") { $0.atan2(other) } }
    /// x ← |x| with the sign of `other`
    @discardableResult public final func copysign_(_ other: Tensor) -> Self { updateInPlace("copysign_") { $0.copysign(other) } }
    /// x ← |x| with the sign of `value`
    @discardableResult public final func copysign_(_ value: some ScalarConvertible) -> Self {
        updateInPlace("copysign_") { $0.copysign(value) }
    }
    /// x ← max(x, min)
    @discardableResult public final func clampMin_(_ min: some ScalarConvertible) -> Self {
        updateInPlace("clampMin_") { $0.clampMin(min) }
    }
    /// x ← max(x, min), for literals such as `.infinity`.
    @discardableResult public final func clampMin_(_ min: Double) -> Self { updateInPlace("clampMin_") { $0.clampMin(min) } }
    /// x ← max(x, min) with a tensor of bounds
    @discardableResult public final func clampMin_(_ min: Tensor) -> Self { updateInPlace("clampMin_") { $0.clampMin(min) } }
    /// x ← min(x, max)
    @discardableResult public final func clampMax_(_ max: some ScalarConvertible) -> Self {
        updateInPlace("clampMax_") { $0.clampMax(max) }
    }
    /// x ← min(x, max), for literals such as `.infinity`.
    @discardableResult public final func clampMax_(_ max: Double) -> Self { updateInPlace("clampMax_") { $0.clampMax(max) } }
    /// x ← min(x, max) with a tensor of bounds
    @discardableResult public final func clampMax_(_ max: Tensor) -> Self { updateInPlace("clampMax_") { $0.clampMax(max) } }
    /// x ← ⌊x / other⌋. Traps if an integer divisor is 0.
    @discardableResult public final func floorDivide_(_ other: Tensor) -> Self { updateInPlace("floorDivide_") { $0.floorDivide(other) } }
    /// x ← ⌊x / value⌋. Traps if an integer divisor is 0.
    @discardableResult public final func floorDivide_(_ value: some ScalarConvertible) -> Self {
        updateInPlace("floorDivide_") { $0.floorDivide(value) }
    }
    /// x ← x^exponent. Traps unless x is float64, as the power is.
    @discardableResult public final func floatPower_(_ exponent: Tensor) -> Self {
        updateInPlace("floatPower_") { $0.float64Only("floatPower_") ?? $0.pow(exponent.to(.float64)) }
    }
    /// x ← x^exponent. Traps unless x is float64, as the power is.
    @discardableResult public final func floatPower_(_ exponent: some ScalarConvertible) -> Self {
        updateInPlace("floatPower_") { $0.float64Only("floatPower_") ?? $0.pow(exponent) }
    }
    private final func float64Only(_ op: String) -> Tensor? {
        dtype == .float64
            ? nil : fail(op, "the result is float64 and cannot be kept in a \(dtype) tensor; use the form that is not in place, or pow_")
    }
    /// x ← x − other·trunc(x / other). Traps if an integer divisor is 0.
    @discardableResult public final func fmod_(_ other: Tensor) -> Self { updateInPlace("fmod_") { $0.fmod(other) } }
    /// x ← x − value·trunc(x / value). Traps if an integer divisor is 0.
    @discardableResult public final func fmod_(_ value: some ScalarConvertible) -> Self { updateInPlace("fmod_") { $0.fmod(value) } }
    /// x ← P(x, other), the regularised lower incomplete gamma function. PyTorch: `igamma_`.
    @discardableResult public final func gammainc_(_ other: Tensor) -> Self { updateInPlace("gammainc_") { $0.gammainc(other) } }
    /// x ← Q(x, other), the regularised upper incomplete gamma function. PyTorch: `igammac_`.
    @discardableResult public final func gammaincc_(_ other: Tensor) -> Self { updateInPlace("gammaincc_") { $0.gammaincc(other) } }
    /// x ← the greatest common divisor with `other`
    @discardableResult public final func gcd_(_ other: Tensor) -> Self { updateInPlace("gcd_") { $0.gcd(other) } }
    /// x ← the least common multiple with `other`
    @discardableResult public final func lcm_(_ other: Tensor) -> Self { updateInPlace("lcm_") { $0.lcm(other) } }
    /// x ← 1 if x > 0, 0 if x < 0, the element of `values` if x = 0
    @discardableResult public final func heaviside_(_ values: Tensor) -> Self { updateInPlace("heaviside_") { $0.heaviside(values) } }
    /// x ← √(x² + other²)
    @discardableResult public final func hypot_(_ other: Tensor) -> Self { updateInPlace("hypot_") { $0.hypot(other) } }
    /// x ← x·2^other
    @discardableResult public final func ldexp_(_ other: Tensor) -> Self { updateInPlace("ldexp_") { $0.ldexp(other) } }
    /// x ← the next representable number after x in the direction of `other`
    @discardableResult public final func nextafter_(_ other: Tensor) -> Self { updateInPlace("nextafter_") { $0.nextafter(other) } }
    /// x ← x·log(other), 0 where x is 0
    @discardableResult public final func xlogy_(_ other: Tensor) -> Self { updateInPlace("xlogy_") { $0.xlogy(other) } }
    /// x ← x·log(value), 0 where x is 0
    @discardableResult public final func xlogy_(_ value: some ScalarConvertible) -> Self { updateInPlace("xlogy_") { $0.xlogy(value) } }
}

// MARK: Comparisons and logic

extension Tensor {
    /// x ← whether x = other
    @discardableResult public final func eq_(_ other: Tensor) -> Self { updateInPlace("eq_") { $0.eq(other) } }
    /// x ← whether x = value
    @discardableResult public final func eq_(_ value: some ScalarConvertible) -> Self { updateInPlace("eq_") { $0.eq(value) } }
    /// x ← whether x ≠ other
    @discardableResult public final func ne_(_ other: Tensor) -> Self { updateInPlace("ne_") { $0.ne(other) } }
    /// x ← whether x ≠ value
    @discardableResult public final func ne_(_ value: some ScalarConvertible) -> Self { updateInPlace("ne_") { $0.ne(value) } }
    /// x ← whether x < other
    @discardableResult public final func lt_(_ other: Tensor) -> Self { updateInPlace("lt_") { $0.lt(other) } }
    /// x ← whether x < value
    @discardableResult public final func lt_(_ value: some ScalarConvertible) -> Self { updateInPlace("lt_") { $0.lt(value) } }
    /// x ← whether x ≤ other
    @discardableResult public final func le_(_ other: Tensor) -> Self { updateInPlace("le_") { $0.le(other) } }
    /// x ← whether x ≤ value
    @discardableResult public final func le_(_ value: some ScalarConvertible) -> Self { updateInPlace("le_") { $0.le(value) } }
    /// x ← whether x > other
    @discardableResult public final func gt_(_ other: Tensor) -> Self { updateInPlace("gt_") { $0.gt(other) } }
    /// x ← whether x > value
    @discardableResult public final func gt_(_ value: some ScalarConvertible) -> Self { updateInPlace("gt_") { $0.gt(value) } }
    /// x ← whether x ≥ other
    @discardableResult public final func ge_(_ other: Tensor) -> Self { updateInPlace("ge_") { $0.ge(other) } }
    /// x ← whether x ≥ value
    @discardableResult public final func ge_(_ value: some ScalarConvertible) -> Self { updateInPlace("ge_") { $0.ge(value) } }
    /// x ← whether x ≠ 0 and other ≠ 0
    @discardableResult public final func logicalAnd_(_ other: Tensor) -> Self { updateInPlace("logicalAnd_") { $0.logicalAnd(other) } }
    /// x ← whether x ≠ 0 or other ≠ 0
    @discardableResult public final func logicalOr_(_ other: Tensor) -> Self { updateInPlace("logicalOr_") { $0.logicalOr(other) } }
    /// x ← whether exactly one of x and other is not 0
    @discardableResult public final func logicalXor_(_ other: Tensor) -> Self { updateInPlace("logicalXor_") { $0.logicalXor(other) } }
}

// MARK: Of several tensors, and along dimensions

extension Tensor {
    /// x ← x + value·a·b
    @discardableResult public final func addcmul_(_ a: Tensor, _ b: Tensor, value: some ScalarConvertible = 1) -> Self {
        updateInPlace("addcmul_") { $0.addcmul(a, b, value: value) }
    }
    /// x ← x + value·a/b
    @discardableResult public final func addcdiv_(_ a: Tensor, _ b: Tensor, value: some ScalarConvertible = 1) -> Self {
        updateInPlace("addcdiv_") { $0.addcdiv(a, b, value: value) }
    }
    /// x ← β·x + α·(a·b), with the rules of `addmm`.
    @discardableResult public final func addmm_(
        _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Self {
        updateInPlace("addmm_") { $0.addmm(a, b, beta: beta, alpha: alpha) }
    }
    /// x ← β·x + α·(a·b) for batches, with the rules of `addmm`.
    @discardableResult public final func baddbmm_(
        _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Self {
        updateInPlace("baddbmm_") { $0.baddbmm(a, b, beta: beta, alpha: alpha) }
    }
    /// x ← β·x + α·Σ a[i]·b[i], as `addbmm`.
    @discardableResult public final func addbmm_(
        _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Self {
        updateInPlace("addbmm_") { $0.addbmm(a, b, beta: beta, alpha: alpha) }
    }
    /// x ← β·x + α·(a·b), as `addmv`.
    @discardableResult public final func addmv_(
        _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Self {
        updateInPlace("addmv_") { $0.addmv(a, b, beta: beta, alpha: alpha) }
    }
    /// x ← β·x + α·(aᵢ·bⱼ), as `addr`.
    @discardableResult public final func addr_(
        _ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1
    ) -> Self {
        updateInPlace("addr_") { $0.addr(a, b, beta: beta, alpha: alpha) }
    }
    /// x ← the cumulative sum along `dim`
    @discardableResult public final func cumsum_(dim: Int) -> Self { updateInPlace("cumsum_") { $0.cumsum(dim: dim) } }
    /// x ← the cumulative product along `dim`
    @discardableResult public final func cumprod_(dim: Int) -> Self { updateInPlace("cumprod_") { $0.cumprod(dim: dim) } }
    /// x ← x with zeros above diagonal `diagonal` of the last two dimensions
    @discardableResult public final func tril_(_ diagonal: Int = 0) -> Self { updateInPlace("tril_") { $0.tril(diagonal) } }
    /// `tril_` with the label `diagonal`.
    @discardableResult public final func tril_(diagonal: Int) -> Self { tril_(diagonal) }
    /// x ← x with zeros below diagonal `diagonal` of the last two dimensions
    @discardableResult public final func triu_(_ diagonal: Int = 0) -> Self { updateInPlace("triu_") { $0.triu(diagonal) } }
    /// `triu_` with the label `diagonal`.
    @discardableResult public final func triu_(diagonal: Int) -> Self { triu_(diagonal) }
}
