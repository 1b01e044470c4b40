import ApusCore

extension Database {
    /// Functions of each element, and of pairs of elements.
    static let pointwise: [String: One] = [
        "abs": { try $0.x.abs() },
        "acos": { try $0.x.acos() },
        "acosh": { try $0.x.acosh() },
        "asin": { try $0.x.asin() },
        "asinh": { try $0.x.asinh() },
        "atan": { try $0.x.atan() },
        "atanh": { try $0.x.atanh() },
        "bitwise_not": { try ~$0.x },
        "ceil": { try $0.x.ceil() },
        "positive": { try $0.x.positive() },
        "cos": { try $0.x.cos() },
        "cosh": { try $0.x.cosh() },
        "deg2rad": { try $0.x.deg2rad() },
        "exp": { try $0.x.exp() },
        "frac": { try $0.x.frac() },
        "floor": { try $0.x.floor() },
        "i0": { try $0.x.i0() },
        "log1p": { try $0.x.log1p() },
        "log": { try $0.x.log() },
        "log10": { try $0.x.log10() },
        "log2": { try $0.x.log2() },
        "logical_not": { try $0.x.logicalNot() },
        "neg": { try $0.x.neg() },
        "rad2deg": { try $0.x.rad2deg() },
        "round": { try $0.x.round() },
        "round.decimals_0": { try $0.x.round(decimals: $0.int("decimals")) },
        "round.decimals_3": { try $0.x.round(decimals: $0.int("decimals")) },
        "round.decimals_neg_3": { try $0.x.round(decimals: $0.int("decimals")) },
        "sin": { try $0.x.sin() },
        "sinc": { try $0.x.sinc() },
        "sinh": { try $0.x.sinh() },
        "sign": { try $0.x.sign() },
        "signbit": { try $0.x.signbit() },
        "tan": { try $0.x.tan() },
        "tanh": { try $0.x.tanh() },
        "trunc": { try $0.x.trunc() },
        "exp2": { try $0.x.exp2() },
        "expm1": { try $0.x.expm1() },
        "nan_to_num": { c in
            try c.x.nanToNum(nan: c.double("nan", or: 0), posinf: c.optionalDouble("posinf"), neginf: c.optionalDouble("neginf"))
        },
        "reciprocal": { try $0.x.reciprocal() },
        "rsqrt": { try $0.x.rsqrt() },
        "sqrt": { try $0.x.sqrt() },
        "square": { try $0.x.square() },
        "isfinite": { try $0.x.isfinite() },
        "isinf": { try $0.x.isinf() },
        "isposinf": { try $0.x.isposinf() },
        "isneginf": { try $0.x.isneginf() },
        "isnan": { try $0.x.isnan() },
        "sigmoid": { try $0.x.sigmoid() },
        "logit": { try $0.x.logit(eps: $0.optionalDouble(1, "eps")) },
        "clamp": { c in
            if c.isTensor(1, "min") || c.isTensor(2, "max") {
                return try c.x.clamp(min: c.optional(1, "min"), max: c.optional(2, "max"))
            }
            return try c.x.clamp(min: c.optionalDouble(1, "min"), max: c.optionalDouble(2, "max"))
        },
        "clamp_max": { try $0.pair({ $0.clampMax($1) }, { $0.clampMax($1) }) },
        "clamp_min": { try $0.pair({ $0.clampMin($1) }, { $0.clampMin($1) }) },

        "add": { c in
            let alpha = try c.scalar("alpha", or: .int(1))
            return try c.pair({ $0.add($1, alpha: alpha) }, { $0.add($1, alpha: alpha) })
        },
        "sub": { c in
            let alpha = try c.scalar("alpha", or: .int(1))
            return try c.pair({ $0.sub($1, alpha: alpha) }, { $0.sub($1, alpha: alpha) })
        },
        "rsub": { c in
            let alpha = try c.scalar("alpha", or: .int(1))
            return try c.pair({ $1.sub($0, alpha: alpha) }, { Tensor.full([], $1).sub($0, alpha: alpha) })
        },
        "mul": { try $0.pair({ $0.mul($1) }, { $0.mul($1) }) },
        "div.no_rounding_mode": { try $0.pair({ $0.div($1) }, { $0.div($1) }) },
        "div.trunc_rounding": { c in
            let mode: DivisionRounding = try c.choice("rounding_mode")
            return try c.pair({ $0.div($1, roundingMode: mode) }, { $0.div($1, roundingMode: mode) })
        },
        "div.floor_rounding": { c in
            let mode: DivisionRounding = try c.choice("rounding_mode")
            return try c.pair({ $0.div($1, roundingMode: mode) }, { $0.div($1, roundingMode: mode) })
        },
        "true_divide": { try $0.x / $0.tensor(1) },
        "floor_divide": { try $0.pair({ $0.floorDivide($1) }, { $0.floorDivide($1) }) },
        "remainder": { try $0.pair({ $0.remainder($1) }, { $0.remainder($1) }) },
        "fmod": { try $0.pair({ $0.fmod($1) }, { $0.fmod($1) }) },
        "pow": { try $0.isTensor(0) ? $0.pair({ $0.pow($1) }, { $0.pow($1) }) : Tensor.pow($0.scalar(0), $0.tensor(1)) },
        "float_power": {
            try $0.isTensor(0) ? $0.pair({ $0.floatPower($1) }, { $0.floatPower($1) }) : Tensor.floatPower($0.scalar(0), $0.tensor(1))
        },
        "atan2": { try $0.pair({ $0.atan2($1) }, { $0.atan2($1) }) },
        "copysign": { try $0.pair({ $0.copysign($1) }, { $0.copysign($1) }) },
        "hypot": { try $0.pair({ $0.hypot($1) }, { $0.hypot($1) }) },
        "ldexp": { try $0.pair({ $0.ldexp($1) }, { $0.ldexp($1) }) },
        "logaddexp": { try $0.pair({ $0.logaddexp($1) }, { $0.logaddexp($1) }) },
        "logaddexp2": { try $0.pair({ $0.logaddexp2($1) }, { $0.logaddexp2($1) }) },
        "fmax": { try $0.pair({ $0.fmax($1) }, { $0.fmax($1) }) },
        "fmin": { try $0.pair({ $0.fmin($1) }, { $0.fmin($1) }) },
        "maximum": { try $0.pair({ $0.maximum($1) }, { $0.maximum($1) }) },
        "minimum": { try $0.pair({ $0.minimum($1) }, { $0.minimum($1) }) },
        "max.binary": { try $0.x.max($0.tensor(1)) },
        "min.binary": { try $0.x.min($0.tensor(1)) },
        "heaviside": { try $0.pair({ $0.heaviside($1) }, { $0.heaviside($1) }) },
        "gcd": { try $0.pair({ $0.gcd($1) }, { $0.gcd($1) }) },
        "lcm": { try $0.pair({ $0.lcm($1) }, { $0.lcm($1) }) },
        "nextafter": { try $0.pair({ $0.nextafter($1) }, { $0.nextafter($1) }) },
        "xlogy": { try $0.isTensor(0) ? $0.pair({ $0.xlogy($1) }, { $0.xlogy($1) }) : Tensor.xlogy($0.scalar(0), $0.tensor(1)) },
        "bitwise_and": { try $0.x & $0.tensor(1) },
        "bitwise_or": { try $0.x | $0.tensor(1) },
        "bitwise_xor": { try $0.x ^ $0.tensor(1) },
        "bitwise_left_shift": { try $0.x << $0.tensor(1) },
        "bitwise_right_shift": { try $0.x >> $0.tensor(1) },
        "logical_and": { try $0.x.logicalAnd($0.tensor(1)) },
        "logical_or": { try $0.x.logicalOr($0.tensor(1)) },
        "logical_xor": { try $0.x.logicalXor($0.tensor(1)) },
        "eq": { try $0.pair({ $0.eq($1) }, { $0.eq($1) }) },
        "ne": { try $0.pair({ $0.ne($1) }, { $0.ne($1) }) },
        "lt": { try $0.pair({ $0.lt($1) }, { $0.lt($1) }) },
        "le": { try $0.pair({ $0.le($1) }, { $0.le($1) }) },
        "gt": { try $0.pair({ $0.gt($1) }, { $0.gt($1) }) },
        "ge": { try $0.pair({ $0.ge($1) }, { $0.ge($1) }) },
        "isclose": { c in
            try c.x.isclose(
                c.tensor(1), rtol: c.double("rtol", or: 1e-5), atol: c.double("atol", or: 1e-8), equalNan: c.bool("equal_nan", or: false))
        },
        "allclose": { c in
            try Tensor(
                c.x.allclose(
                    c.tensor(1), rtol: c.double("rtol", or: 1e-5), atol: c.double("atol", or: 1e-8),
                    equalNan: c.bool("equal_nan", or: false)))
        },
        "equal": { try Tensor($0.x.equal($0.tensor(1))) },
        "addcmul": { c in try c.x.addcmul(c.tensor(1), c.tensor(2), value: c.scalar("value", or: .int(1))) },
        "addcdiv": { c in try c.x.addcdiv(c.tensor(1), c.tensor(2), value: c.scalar("value", or: .int(1))) },
        "lerp": { c in try c.isTensor(2) ? c.x.lerp(c.tensor(1), c.tensor(2)) : c.x.lerp(c.tensor(1), c.scalar(2)) },
        "where": { try Tensor.where($0.tensor(1), $0.x, $0.tensor(2)) },
        "masked_fill": { c in try c.isTensor(2) ? c.x.maskedFill(c.tensor(1), c.tensor(2)) : c.x.maskedFill(c.tensor(1), c.scalar(2)) },
        "isin": { try Tensor.isin($0.x, $0.tensor(1)) },
        "bfloat16": { try $0.x.bfloat16() },
        "bool": { try $0.x.bool() },
        "byte": { try $0.x.to(.uint8) },
        "char": { try $0.x.to(.int8) },
        "double": { try $0.x.double() },
        "float": { try $0.x.float() },
        "half": { try $0.x.half() },
        "int": { try $0.x.int() },
        "long": { try $0.x.long() },
        "short": { try $0.x.to(.int16) },
        "clone": { try $0.x.clone() },
        "zero_": { try $0.x.clone().zero_() },
        "fill": { try $0.isTensor(1, "value") ? Tensor.fill($0.x, $0.tensor(1, "value")) : Tensor.fill($0.x, $0.scalar(1, "value")) },
    ]

    /// Special functions of mathematics.
    static let special: [String: One] = [
        "igamma": { try $0.pair({ $0.gammainc($1) }, { $0.gammainc($1) }) },
        "igammac": { try $0.pair({ $0.gammaincc($1) }, { $0.gammaincc($1) }) },
        "mvlgamma.mvlgamma_p_1": { try $0.x.multigammaln($0.int(1, "p")) },
        "mvlgamma.mvlgamma_p_3": { try $0.x.multigammaln($0.int(1, "p")) },
        "mvlgamma.mvlgamma_p_5": { try $0.x.multigammaln($0.int(1, "p")) },
        "polygamma.polygamma_n_0": { try $0.x.polygamma($0.int(1)) },
        "polygamma.polygamma_n_1": { try $0.x.polygamma($0.int(1)) },
        "polygamma.polygamma_n_2": { try $0.x.polygamma($0.int(1)) },
        "polygamma.polygamma_n_3": { try $0.x.polygamma($0.int(1)) },
        "polygamma.polygamma_n_4": { try $0.x.polygamma($0.int(1)) },
        "special.polygamma.special_polygamma_n_0": { try $0.x.polygamma($0.int(1)) },
        "digamma": { try $0.x.digamma() },
        "lgamma": { try $0.x.lgamma() },
        "erf": { try $0.x.erf() },
        "erfc": { try $0.x.erfc() },
        "erfinv": { try $0.x.erfinv() },
        "special.i0e": { try $0.x.i0e() },
        "special.i1": { try $0.x.i1() },
        "special.i1e": { try $0.x.i1e() },
        "special.ndtr": { try $0.x.ndtr() },
        "special.entr": { try $0.x.entr() },
        "special.ndtri": { try $0.x.ndtri() },
        "special.log_ndtr": { try $0.x.logNdtr() },
        "special.erfcx": { try $0.x.erfcx() },
        "special.airy_ai": { try $0.x.airyAi() },
        "special.bessel_j0": { try $0.x.besselJ0() },
        "special.bessel_j1": { try $0.x.besselJ1() },
        "special.bessel_y0": { try $0.x.besselY0() },
        "special.bessel_y1": { try $0.x.besselY1() },
        "special.modified_bessel_i0": { try $0.x.modifiedBesselI0() },
        "special.modified_bessel_i1": { try $0.x.modifiedBesselI1() },
        "special.modified_bessel_k0": { try $0.x.modifiedBesselK0() },
        "special.modified_bessel_k1": { try $0.x.modifiedBesselK1() },
        "special.scaled_modified_bessel_k0": { try $0.x.scaledModifiedBesselK0() },
        "special.scaled_modified_bessel_k1": { try $0.x.scaledModifiedBesselK1() },
        "special.spherical_bessel_j0": { try $0.x.sphericalBesselJ0() },
        "special.xlog1py": { try $0.pair({ $0.xlog1py($1) }, { $0.xlog1py($1) }) },
        "special.zeta": { try $0.pair({ $0.zeta($1) }, { $0.zeta($1) }) },
        "special.chebyshev_polynomial_t": { try $0.pair({ $0.chebyshevPolynomialT($1) }, { $0.chebyshevPolynomialT($1) }) },
        "special.chebyshev_polynomial_u": { try $0.pair({ $0.chebyshevPolynomialU($1) }, { $0.chebyshevPolynomialU($1) }) },
        "special.chebyshev_polynomial_v": { try $0.pair({ $0.chebyshevPolynomialV($1) }, { $0.chebyshevPolynomialV($1) }) },
        "special.chebyshev_polynomial_w": { try $0.pair({ $0.chebyshevPolynomialW($1) }, { $0.chebyshevPolynomialW($1) }) },
        "special.hermite_polynomial_h": { try $0.pair({ $0.hermitePolynomialH($1) }, { $0.hermitePolynomialH($1) }) },
        "special.hermite_polynomial_he": { try $0.pair({ $0.hermitePolynomialHe($1) }, { $0.hermitePolynomialHe($1) }) },
        "special.laguerre_polynomial_l": { try $0.pair({ $0.laguerrePolynomialL($1) }, { $0.laguerrePolynomialL($1) }) },
        "special.legendre_polynomial_p": { try $0.pair({ $0.legendrePolynomialP($1) }, { $0.legendrePolynomialP($1) }) },
        "special.shifted_chebyshev_polynomial_t": {
            try $0.pair({ $0.shiftedChebyshevPolynomialT($1) }, { $0.shiftedChebyshevPolynomialT($1) })
        },
        "special.shifted_chebyshev_polynomial_u": {
            try $0.pair({ $0.shiftedChebyshevPolynomialU($1) }, { $0.shiftedChebyshevPolynomialU($1) })
        },
        "special.shifted_chebyshev_polynomial_v": {
            try $0.pair({ $0.shiftedChebyshevPolynomialV($1) }, { $0.shiftedChebyshevPolynomialV($1) })
        },
        "special.shifted_chebyshev_polynomial_w": {
            try $0.pair({ $0.shiftedChebyshevPolynomialW($1) }, { $0.shiftedChebyshevPolynomialW($1) })
        },
    ]
}
