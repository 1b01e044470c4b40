// The functions of the pointwise kinds in the dialect. In a template `@` stands for the type of the numbers: f32 or f64.

extension KernelDialect {
    /// What the expressions below call.
    static func elementary(_ type: String) -> String { floatFunctions.replacing("@", with: type) }

    private static let floatFunctions = #"""
    FUNCTION @ sigmoid_@(@ x) { return 1 / (1 + exp(-x)); }
    FUNCTION @ softplus_@(@ x) { return (x > 0 ? x : (@)0) + log1p(exp(-fabs(x))); }
    FUNCTION @ clamp_@(@ x, @ low, @ high) {
        x = x < low ? low : x;
        return x > high ? high : x;
    }
    FUNCTION @ power_@(@ x, @ a) {
        return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == 0 ? (@)1 : a == -1 ? 1 / x : a == -2 ? 1 / (x * x) : pow(x, a);
    }
    // The remainder with the divisor's sign, and the quotient that belongs to it (Python's rules).
    FUNCTION @ remainder_@(@ x, @ y) {
        @ r = fmod(x, y);
        return r != 0 && (y < 0) != (r < 0) ? r + y : r;
    }
    FUNCTION @ floor_divide_@(@ x, @ y) {
        if (y == 0) return x / y;
        @ r = fmod(x, y), q = (x - r) / y;
        if (r != 0 && (y < 0) != (r < 0)) q -= 1;
        if (q == 0) return copysign((@)0, x / y);
        @ whole = floor(q);
        return q - whole > (@)0.5 ? whole + 1 : whole;
    }
    // ln(e^x + e^y); equal infinities have no difference.
    FUNCTION @ log_add_exp_@(@ x, @ y) {
        if (x == y && fabs(x) == (@)INFINITY) return x;
        return (x != x ? x : y > x || y != y ? y : x) + log1p(exp(-fabs(x - y)));
    }
    FUNCTION @ normal_cdf_@(@ x) { return (@)0.5 * erfc(x * (@)-0.70710678118654752440); }
    FUNCTION @ gelu_inner_@(@ x) { return (@)1.5957691216057307117 * (x + (@)0.044715 * x * x * x); }
    FUNCTION @ gelu_tanh_slope_@(@ x) {
        @ s = sigmoid_@(gelu_inner_@(x));
        return s + x * s * (1 - s) * (@)1.5957691216057307117 * (1 + (@)0.134145 * x * x);
    }
    FUNCTION @ silu_slope_@(@ x) {
        @ s = sigmoid_@(x);
        return s * (1 + x * (1 - s));
    }

    """#

    /// The integers' functions. Division never meets 0 or overflows, whatever the operands are.
    static let integerFunctions = #"""
    FUNCTION i64 nearest_integer(i64 x, i64 low, i64 high) { return x < low ? low : x > high ? high : x; }
    FUNCTION i64 truncated_quotient(i64 x, i64 y) { return y == 0 ? 0 : y == -1 ? (i64)(0 - (u64)x) : x / y; }
    FUNCTION i64 truncated_remainder(i64 x, i64 y) { return y == 0 || y == -1 ? 0 : x % y; }
    FUNCTION i64 floored_remainder(i64 x, i64 y) {
        i64 r = truncated_remainder(x, y);
        return r != 0 && (r < 0) != (y < 0) ? r + y : r;
    }
    FUNCTION i64 floored_quotient(i64 x, i64 y) { return truncated_quotient(x, y) - (floored_remainder(x, y) != 0 && (x < 0) != (y < 0) ? 1 : 0); }
    FUNCTION i64 integer_power(i64 base, i64 exponent) {
        if (exponent < 0) return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0;
        u64 result = 1, square = (u64)base;
        for (; exponent > 0; exponent >>= 1) {
            if (exponent & 1) result *= square;
            square *= square;
        }
        return (i64)result;
    }

    """#

    /// Functions of the gamma family and the inverse of erf, in the widest type that the device has; the formulas are those of `math_double.h`.
    static func special(hasFloat64: Bool) -> String {
        specialFunctions.replacing("@", with: hasFloat64 ? "f64" : "f32").replacing("EPSILON", with: hasFloat64 ? "1e-17" : "1e-8f")
    }

    private static let specialFunctions = #"""
    FUNCTION @ digamma_wide(@ x) {
        if (x == 0) return copysign((@)INFINITY, -x);
        @ result = 0;
        if (x < 0) {
            @ fraction = x - trunc(x);
            if (fraction == 0 || x == -(@)INFINITY) return (@)NAN;
            result = -(@)3.14159265358979323846 / tan((@)3.14159265358979323846 * fraction);
            x = 1 - x;
        }
        if (x == (@)INFINITY) return x;
        for (; x < 10; x += 1) result -= 1 / x;
        @ z = 1 / (x * x);
        @ series = z * ((@)1 / 12 - z * ((@)1 / 120 - z * ((@)1 / 252 - z * ((@)1 / 240 - z * ((@)1 / 132 - z * ((@)691 / 32760 - z / 12))))));
        return result + log(x) - (@)0.5 / x - series;
    }
    // P/f and (dP/da)/f of the gamma distribution by the power series, or (1 - P)/f and its derivative by the continued fraction.
    FUNCTION int gamma_ratios(@ a, @ x, @ *ratio, @ *slope) {
        @ log_x = log(x);
        if (x < a + 1) {
            @ term = x / a, psi = digamma_wide(a + 1), sum = term, derivative = term * (log_x - psi);
            for (int n = 1; n < 100000; n++) {
                term *= x / (a + n);
                psi += 1 / (a + n);
                sum += term;
                derivative += term * (log_x - psi);
                if (term * (1 + fabs(log_x - psi)) <= EPSILON * fabs(derivative) && term <= EPSILON * sum) break;
            }
            *ratio = sum;
            *slope = derivative;
            return 1;
        }
        @ b = x + 1 - a, c = (@)1e30f, c1 = 0, d = 1 / b, d1 = d * d, h = d, h1 = d1;
        for (int i = 1; i < 100000; i++) {
            @ an = -(@)i * ((@)i - a), an1 = i;
            b += 2;
            @ e = an * d + b, e1 = an1 * d + an * d1 - 1;
            @ g = b + an / c, g1 = -1 + an1 / c - an * c1 / (c * c);
            c = g;
            c1 = g1;
            d = 1 / e;
            d1 = -e1 * d * d;
            @ factor = d * c, factor1 = d1 * c + d * c1;
            h1 = h1 * factor + h * factor1;
            h *= factor;
            if (fabs(factor - 1) < 10 * EPSILON && fabs(factor1) < 10 * EPSILON) break;
        }
        *ratio = x * h;
        *slope = x * (h1 + h * (log_x - digamma_wide(a)));
        return 0;
    }
    FUNCTION @ gammainc_wide(@ a, @ x) {
        if (!(a >= 0) || !(x >= 0)) return (@)NAN;
        if (a == 0) return x == 0 ? (@)NAN : (@)1;
        if (x == 0) return 0;
        if (x == (@)INFINITY) return a == (@)INFINITY ? (@)NAN : (@)1;
        if (a == (@)INFINITY) return 0;
        @ ratio, slope, density = exp((a - 1) * log(x) - x - lgamma(a));
        return gamma_ratios(a, x, &ratio, &slope) ? ratio * density : 1 - ratio * density;
    }
    FUNCTION @ gamma_sample_grad_wide(@ a, @ x) {
        if (!(a > 0) || !(x > 0)) return x == 0 ? (@)0 : (@)NAN;
        @ ratio, slope;
        return gamma_ratios(a, x, &ratio, &slope) ? -slope : slope;
    }
    FUNCTION @ erfinv_wide(@ x) {
        if (!(fabs(x) < 1)) return fabs(x) == 1 ? copysign((@)INFINITY, x) : (@)NAN;
        @ w = -log((1 - x) * (1 + x)), y;
        if (w < 5) {
            w -= (@)2.5;
            y = (@)2.81022636e-08;
            y = (@)3.43273939e-07 + y * w;
            y = (@)-3.5233877e-06 + y * w;
            y = (@)-4.39150654e-06 + y * w;
            y = (@)0.00021858087 + y * w;
            y = (@)-0.00125372503 + y * w;
            y = (@)-0.00417768164 + y * w;
            y = (@)0.246640727 + y * w;
            y = (@)1.50140941 + y * w;
        } else {
            w = sqrt(w) - 3;
            y = (@)-0.000200214257;
            y = (@)0.000100950558 + y * w;
            y = (@)0.00134934322 + y * w;
            y = (@)-0.00367342844 + y * w;
            y = (@)0.00573950773 + y * w;
            y = (@)-0.0076224613 + y * w;
            y = (@)0.00943887047 + y * w;
            y = (@)1.00167406 + y * w;
            y = (@)2.83297682 + y * w;
        }
        y *= x;
        for (int i = 0; i < 2; i++) {
            @ error = fabs(x) < (@)0.5 ? erf(y) - x : copysign((@)1, x) * ((1 - fabs(x)) - erfc(fabs(y)));
            y -= error / ((@)1.12837916709551257390 * exp(-y * y));
        }
        return y;
    }

    """#

    // MARK: Expressions. x, y, z are the operands, a, b, c the constants; in fused gradients x is the gradient.

    static func floatExpression(_ kind: UnaryKind) -> String {
        switch kind {
        case .negative: "-x"
        case .absolute: "fabs(x)"
        case .sign: "x > 0 ? (@)1 : x < 0 ? (@)-1 : (@)0"
        case .square: "x * x"
        case .logicalNot: "x == 0"
        case .isNaN: "x != x"
        case .isInf: "fabs(x) == (@)INFINITY"
        case .isFinite: "fabs(x) < (@)INFINITY"
        case .bitwiseNot: preconditionFailure("bitwiseNot of floats")
        case .reciprocal: "1 / x"
        case .sqrt: "sqrt(x)"
        case .rsqrt: "1 / sqrt(x)"
        case .exp, .exp2, .expm1, .log, .log2, .log10, .log1p, .sin, .cos, .tan, .asin, .acos, .atan, .sinh, .cosh, .tanh, .asinh, .acosh, .atanh, .erf,
            .erfc, .floor, .ceil, .trunc:
            "\(kind)(x)"
        case .lgamma: "(@)lgamma((a_wide)x)"
        case .erfinv: "(@)erfinv_wide((a_wide)x)"
        case .digamma: "(@)digamma_wide((a_wide)x)"
        case .round: "rint(x)"
        case .frac: "x - trunc(x)"
        case .sigmoid: "sigmoid_@(x)"
        case .logSigmoid: "(x < 0 ? x : (@)0) - log1p(exp(-fabs(x)))"
        case .softsign: "x / (1 + fabs(x))"
        case .mish: "x * tanh(softplus_@(x))"
        case .silu: "x * sigmoid_@(x)"
        case .hardsigmoid: "clamp_@(x + 3, 0, 6) / 6"
        case .hardswish: "x * clamp_@(x + 3, 0, 6) / 6"
        case .gelu: "x * normal_cdf_@(x)"
        case .geluTanh: "x * sigmoid_@(gelu_inner_@(x))"
        case .relu: "x <= 0 ? (@)0 : x"
        case .leakyRelu: "x > 0 ? x : a * x"
        case .elu: "x > 0 ? b * x : a * b * expm1(c * x)"
        case .softplus: "a * x > b ? x : log1p(exp(a * x)) / a"
        case .clamp: "clamp_@(x, a, b)"
        case .hardshrink: "fabs(x) <= a ? (@)0 : x"
        case .softshrink: "x > a ? x - a : x < -a ? x + a : x != x ? x : (@)0"
        case .threshold: "x <= a ? b : x"
        case .powScalar: "power_@(x, a)"
        case .affine: "a * x + b"
        }
    }

    static func floatExpression(_ kind: BinaryKind) -> String {
        switch kind {
        case .add: "x + y"
        case .sub: "x - y"
        case .mul: "x * y"
        case .minimum: "x < y || x != x ? x : y"
        case .maximum: "x > y || x != x ? x : y"
        case .floorDivide: "floor_divide_@(x, y)"
        case .truncDivide: "trunc(x / y)"
        case .remainder: "remainder_@(x, y)"
        case .div: "x / y"
        case .fmod, .pow, .atan2, .hypot, .copysign: "\(kind)(x, y)"
        case .logaddexp: "log_add_exp_@(x, y)"
        case .gammainc: "(@)gammainc_wide((a_wide)x, (a_wide)y)"
        case .gammaSampleGrad: "(@)gamma_sample_grad_wide((a_wide)x, (a_wide)y)"
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: preconditionFailure("\(kind) of floats")
        case .reluGrad: "y <= 0 ? (@)0 : x"
        case .sigmoidGrad: "x * y * (1 - y)"
        case .tanhGrad: "x * (1 - y * y)"
        case .geluGrad: "x * (normal_cdf_@(y) + y * (@)0.39894228040143267794 * exp((@)-0.5 * y * y))"
        case .geluTanhGrad: "x * gelu_tanh_slope_@(y)"
        case .siluGrad: "x * silu_slope_@(y)"
        case .leakyReluGrad: "y > 0 ? x : a * x"
        case .eluGrad: "y > 0 ? x * b : x * a * b * c * exp(c * y)"
        case .softplusGrad: "a * y > b ? x : x * sigmoid_@(a * y)"
        case .hardtanhGrad: "y <= a || y >= b ? (@)0 : x"
        case .clampGrad: "a <= y && y <= b ? x : (@)0"
        case .addScaled: "x + a * y"
        }
    }

    /// Sums and products go through u64, where overflow is defined.
    static func integerExpression(_ kind: UnaryKind) -> String? {
        switch kind {
        case .negative: "(i64)(0 - (u64)x)"
        case .absolute: "x < 0 ? (i64)(0 - (u64)x) : x"
        case .sign: "x > 0 ? 1 : x < 0 ? -1 : 0"
        case .square: "(i64)((u64)x * (u64)x)"
        case .logicalNot: "x == 0"
        case .isNaN, .isInf: "0"
        case .isFinite: "1"
        case .bitwiseNot: "~x"
        case .floor, .ceil, .round, .trunc: "x"
        case .relu: "x > 0 ? x : 0"
        case .clamp: "(x > a ? x : a) < b ? (x > a ? x : a) : b"
        case .powScalar: "integer_power(x, a)"
        case .affine: "(i64)((u64)a * (u64)x + (u64)b)"
        case .threshold: "x <= a ? b : x"
        default: nil
        }
    }

    static func integerExpression(_ kind: BinaryKind) -> String? {
        switch kind {
        case .add: "(i64)((u64)x + (u64)y)"
        case .sub: "(i64)((u64)x - (u64)y)"
        case .mul: "(i64)((u64)x * (u64)y)"
        case .minimum: "x < y ? x : y"
        case .maximum: "x > y ? x : y"
        case .truncDivide: "truncated_quotient(x, y)"
        case .fmod: "truncated_remainder(x, y)"
        case .floorDivide: "floored_quotient(x, y)"
        case .remainder: "floored_remainder(x, y)"
        case .pow: "integer_power(x, y)"
        case .bitwiseAnd: "x & y"
        case .bitwiseOr: "x | y"
        case .bitwiseXor: "x ^ y"
        case .shiftLeft: "y < 0 || y > 63 ? 0 : (i64)((u64)x << y)"
        case .shiftRight: "x >> (y < 0 || y > 63 ? 63 : y)"
        case .addScaled: "(i64)((u64)x + (u64)a * (u64)y)"
        default: nil
        }
    }

    static func expression(_ kind: CompareKind) -> String {
        switch kind {
        case .eq: "x == y"
        case .ne: "x != y"
        case .lt: "x < y"
        case .le: "x <= y"
        case .gt: "x > y"
        case .ge: "x >= y"
        }
    }
}
