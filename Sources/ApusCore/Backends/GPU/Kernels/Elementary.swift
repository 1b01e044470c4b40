// The functions of the pointwise kinds in the dialect. In a template `@` stands for the type of the numbers: f32 or f64.

extension KernelDialect {
    /// What the expressions below call.
    static func elementary(_ type: String) -> String { floatFunctions.replacing("@", with: type) + (type == "f64" ? exactFunctions : fastFunctions) }

    private static let floatFunctions = #"""
    FUNCTION @ sigmoid_@(@ x) {
        @ e = exp(-fabs(x));
        return (x < 0 ? e : (@)1) / (1 + e);
    }
    FUNCTION @ clamp_@(@ x, @ low, @ high) {
        x = x < low ? low : x;
        return x > high ? high : x;
    }
    FUNCTION @ power_@(@ x, @ a) {
        return a == 2 ? x * x : a == 3 ? x * x * x : a == 1 ? x : a == 0 ? (@)1 : a == -1 ? 1 / x : a == -2 ? (1 / x) * (1 / x) : pow(x, a);
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
        case .ndtri: "(@)ndtri_wide((a_wide)x)"
        case .digamma: "(@)digamma_wide((a_wide)x)"
        case .polygamma: "(@)polygamma_wide((int)a, (a_wide)x)"
        case .round: "rint(x)"
        case .frac: "x - trunc(x)"
        case .sigmoid: "sigmoid_@(x)"
        case .logSigmoid: "(x < 0 ? x : (@)0) - log1p(exp(-fabs(x)))"
        case .softsign: "x / (1 + fabs(x))"
        case .mish: "mish_@(x)"
        case .silu: "silu_@(x)"
        case .hardsigmoid: "clamp_@(x + 3, 0, 6) / 6"
        case .hardswish: "x * clamp_@(x + 3, 0, 6) / 6"
        case .gelu: "gelu_@(x)"
        case .geluTanh: "gelu_tanh_@(x)"
        case .relu: "x <= 0 ? (@)0 : x"
        case .leakyRelu: "x > 0 ? x : a * x"
        case .elu: "x > 0 ? b * x : a * b * expm1(c * x)"
        case .softplus: "a * x > b ? x : softplus_@(x, a)"
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
        // Equal infinities have no difference.
        case .logaddexp: "x == y && fabs(x) == (@)INFINITY ? x : x != x || y < x ? x + log1p(exp_difference_@(y, x)) : y + log1p(exp_difference_@(x, y))"
        case .gammainc: "(@)gammainc_wide((a_wide)x, (a_wide)y)"
        case .gammaSampleGrad: "(@)gamma_sample_grad_wide((a_wide)x, (a_wide)y)"
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: preconditionFailure("\(kind) of floats")
        case .reluGrad: "y <= 0 ? (@)0 : x"
        case .sigmoidGrad: "x * y * (1 - y)"
        case .tanhGrad: "x * ((1 - y) * (1 + y))"
        case .geluGrad: "x * gelu_slope_@(y)"
        case .geluTanhGrad: "x * gelu_tanh_slope_@(y)"
        case .siluGrad: "x * silu_slope_@(y)"
        case .leakyReluGrad: "y > 0 ? x : a * x"
        case .eluGrad: "y > 0 ? x * b : times_exp_product_@(x * a * b * c, c, y)"
        case .softplusGrad: "a * y > b ? x : x * sigmoid_product_@(a, y)"
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
