// Pointwise functions composed of others, which provide the derivatives.

/// −x·ln x, 0 for x = 0 and −∞ for negative x; d = −(1 + ln x), infinite for x = 0 and NaN for negative x.
private struct Entropy: Op {
    var name: String { "entr" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        saved.keep(x)
        return noGrad { (-(x * x.log())).maskedFill(x.eq(0), 0).maskedFill(x.lt(0), -Double.infinity) }
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [-(grad * (context.saved[0].log() + 1))] }
}

extension Tensor {
    // MARK: Of two numbers

    /// max(x, other), elementwise, where a number wins over NaN. The gradient goes to x where x ≥ other or other is NaN, else to `other`.
    public final func fmax(_ other: Tensor) -> Tensor { Tensor.where(ge(other).logicalOr(other.isnan()), self, other) }
    /// max(x, value), where a number wins over NaN. A whole number beyond an integer dtype counts as the nearest that it holds.
    public final func fmax(_ value: some ScalarConvertible) -> Tensor { fmax(wrapped(nearest(value._scalar))) }
    /// min(x, other), elementwise, where a number wins over NaN. The gradient goes to x where x ≤ other or other is NaN, else to `other`.
    public final func fmin(_ other: Tensor) -> Tensor { Tensor.where(le(other).logicalOr(other.isnan()), self, other) }
    /// min(x, value), where a number wins over NaN. A whole number beyond an integer dtype counts as the nearest that it holds.
    public final func fmin(_ value: some ScalarConvertible) -> Tensor { fmin(wrapped(nearest(value._scalar))) }

    /// x^exponent in float64, whatever the operands' dtypes.
    public final func floatPower(_ exponent: Tensor) -> Tensor { to(.float64).pow(exponent.to(.float64)) }
    /// x^exponent in float64, whatever x's dtype.
    public final func floatPower(_ exponent: some ScalarConvertible) -> Tensor { to(.float64).pow(exponent._scalar.doubleValue) }
    /// base^x in float64, whatever x's dtype.
    public static func floatPower(_ base: some ScalarConvertible, _ x: Tensor) -> Tensor {
        pow(base._scalar.doubleValue, x.to(.float64))
    }

    /// log₂(2ˣ + 2^other) without overflow.
    public final func logaddexp2(_ other: Tensor) -> Tensor {
        composite("logaddexp2", self, other) {
            let promoted = Tensor.resultType(self, other)
            let dtype: DType = promoted.isFloatingPoint ? promoted : .float32
            let wide = dtype.computeType
            let ln2 = 0.6931471805599453
            return ((to(wide) * ln2).logaddexp(other.to(wide) * ln2) / ln2).to(dtype)
        }
    }
    /// log₂(2ˣ + 2^value) without overflow.
    public final func logaddexp2(_ value: some ScalarConvertible) -> Tensor { logaddexp2(wrapped(value)) }

    /// x·2^other. An integer `other` of a float x is converted to x's dtype; if both are integers the result is float32.
    public final func ldexp(_ other: Tensor) -> Tensor {
        self * Tensor.pow(2.0, dtype.isFloatingPoint && !other.dtype.isFloatingPoint ? other.to(dtype) : other)
    }
    /// x·2^value.
    public final func ldexp(_ value: some ScalarConvertible) -> Tensor { ldexp(wrapped(value)) }

    // MARK: Of one number

    /// x itself, as Python's `+x`. Traps for bool.
    public final func positive() -> Tensor {
        dtype == .bool ? fail("positive", "is not defined for bool; convert with to(_:) first") : self
    }
    /// Whether each element is +∞, as bool.
    public final func isposinf() -> Tensor { eq(Double.infinity) }
    /// Whether each element is −∞, as bool.
    public final func isneginf() -> Tensor { eq(-Double.infinity) }
    /// Whether the sign bit of each element is set, as bool; also true for −0, and possibly for NaN.
    public final func signbit() -> Tensor {
        if !dtype.isFloatingPoint || isPoisoned { return lt(0) }
        return noGrad { wrapped(1.0).copysign(self).lt(0) }
    }
    /// Degrees as radians: x·π/180.
    public final func deg2rad() -> Tensor { self * (Double.pi / 180) }
    /// Radians as degrees: x·180/π.
    public final func rad2deg() -> Tensor { self * (180 / Double.pi) }

    /// x with NaN replaced by `nan`, +∞ by `posinf` and −∞ by `neginf`, by default the largest and the smallest number of the dtype;
    /// integers do not change. The gradient is 0 where x was replaced.
    public final func nanToNum(nan: Double = 0, posinf: Double? = nil, neginf: Double? = nil) -> Tensor {
        composite("nanToNum", self) {
            if !dtype.isFloatingPoint { return clone() }
            let bounded = maskedFill(isposinf(), posinf ?? dtype.largest).maskedFill(isneginf(), neginf ?? -dtype.largest)
            return bounded.maskedFill(isnan(), nan)
        }
    }

    /// x rounded to `decimals` decimal places, or for −n to multiples of 10ⁿ; ties to even. The derivative is 0. Traps for integers unless
    /// `decimals` is 0.
    public final func round(decimals: Int) -> Tensor {
        composite("round", self) { () throws(OpError) in
            if decimals == 0 { return round() }
            guard dtype.isFloatingPoint else {
                throw OpError("integers are rounded to 0 decimals only, this tensor is \(dtype); convert it with to(.float32)")
            }
            // 10⁴⁰⁰ is infinite, as is any higher power.
            let power = (0..<Swift.min(decimals.magnitude, 400)).reduce(1.0) { power, _ in power * 10 }
            return widened { x in decimals > 0 ? (x * power).round() / power : (x / power).round() * power }
        }
    }

    /// sin(πx)/(πx), 1 for x = 0.
    public final func sinc() -> Tensor {
        widened { x in
            let isZero = x.eq(0)
            let angle = (x * Double.pi).maskedFill(isZero, 1)
            return (angle.sin() / angle).maskedFill(isZero, 1)
        }
    }

    /// The entropy −x·ln x of probabilities, 0 for x = 0 and −∞ for negative x. PyTorch: `torch.special.entr`.
    package final func entr() -> Tensor { widened { x in apply(Entropy(), Inputs(x)) } }

    /// Φ(x), the cumulative distribution function of the standard normal distribution. PyTorch: `torch.special.ndtr`.
    package final func ndtr() -> Tensor { widened { x in (x * -0.7071067811865476).erfc() * 0.5 } }

    /// ln Φ(x), accurate where Φ(x) itself would be 0. PyTorch: `torch.special.log_ndtr`.
    package final func logNdtr() -> Tensor {
        widened { x in
            // Each of the three formulas only gets arguments in its domain: elsewhere its derivative may be infinite, and times 0 that is
            // NaN.
            let far: Double = x.dtype == .float64 ? -20 : -10
            let low = x.clamp(max: far), middle = x.clamp(min: far, max: -1.0), high = x.clamp(min: -1.0)
            let upper = ((high * 0.7071067811865476).erfc() * -0.5).log1p()
            let tail = ((middle * -0.7071067811865476).erfc() * 0.5).log()
            // Φ(x) = φ(x)/|x|·(1 − r·(1 − 3r·(1 − 5r·…))) with r = 1/x²; ten terms leave less than rounding does.
            let r = low.reciprocal().square()
            var series = r * -19 + 1
            for factor in Swift.stride(from: 17, through: 3, by: -2) { series = r * series * -factor + 1 }
            let leading = low.square() * -0.5 - 0.9189385332046727 - (-low).log()
            let farTail = leading + (-(r * series)).log1p()
            return Tensor.where(x.lt(far), farTail, Tensor.where(x.lt(-1), tail, upper))
        }
    }

    /// The logarithm of the multivariate gamma function: p(p − 1)/4·ln π + Σ ln Γ(x − j/2) for j from 0 to p − 1. It is defined for x above
    /// (p − 1)/2. Traps for bool, and if p is below 1. PyTorch: `torch.special.multigammaln`.
    package final func multigammaln(_ p: Int) -> Tensor {
        composite("multigammaln", self) { () throws(OpError) in
            guard dtype != .bool else { throw OpError("is not defined for bool; convert with to(_:) first") }
            guard p >= 1 else { throw OpError("needs a dimension p of at least 1, it is \(p)") }
            return widened { x in
                let offsets = Tensor.arange(p, dtype: x.dtype, device: x.device) * -0.5
                let constant = Double(p) * Double(p - 1) / 4 * 1.1447298858494002
                return (x.unsqueeze(-1) + offsets).lgamma().sum(dim: -1) + constant
            }
        }
    }
}
