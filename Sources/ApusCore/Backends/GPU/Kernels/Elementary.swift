// What the expressions of the tables of pointwise functions (`unary.def`, `binary.def`, `compare.def`) call.

extension KernelDialect {
    /// The language of the tables for one type, from here to the next.
    static func expressions(of type: String) -> String { "#undef T\n#undef M\n#define T \(type)\n#define M(f) f##_\(type)\n" }

    /// The functions of floats: the compiler's own by the tables' names, and ours.
    static func elementary(_ type: String) -> String {
        let own = ["exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"]
            + ["erf", "erfc", "sqrt", "floor", "ceil", "trunc", "copysign", "fmod", "pow", "atan2", "hypot"]
        let named = own.map { ($0, $0) } + [("abs", "fabs"), ("round", "rint")]
        return named.map { "#define \($0)_\(type) \($1)\n" }.joined() + expressions(of: type) + anyFunctions + ownFunctions
            + (type == "f64" ? exactFunctions : plainFunctions) + pairFunctions
    }

    /// The functions of integers. Division never meets 0 or overflows, whatever the operands are.
    static let integers = "FUNCTION i64 nearest_integer(i64 x, i64 low, i64 high) { return x < low ? low : x > high ? high : x; }\n" + integerFunctions

    /// Functions of the gamma family and the inverse of erf, in the widest type that the device has.
    static func special(hasFloat64: Bool) -> String {
        func list(_ name: String, _ numbers: [Double]) -> String {
            "const T \(name)[] = {" + numbers.map { "(T)\($0)" }.joined(separator: ", ") + "};"
        }
        typealias C = SpecialCoefficients
        let constants: [(String, String)] = [
            ("ERFINV_LISTS", list("inner", C.erfinvInner) + list("inner_divisor", C.erfinvInnerDivisor) + list("tail", C.erfinvTail) + list("tail_divisor", C.erfinvTailDivisor)
                + list("far", C.erfinvFar) + list("far_divisor", C.erfinvFarDivisor)),
            ("DIGAMMA_LISTS", list("near", C.digammaNear) + list("near_divisor", C.digammaNearDivisor) + list("series", C.digammaSeries)),
            ("BERNOULLI_LIST", list("bernoulli", C.eulerMaclaurin)),
            ("EXPONENT_LIST", list("logarithm", C.gammaExponent)),
            ("STIRLING_LIST", list("stirling", C.stirling)),
            ("TEMME_LISTS", list("temme0", C.temme0) + list("temme1", C.temme1)),
            ("DIGAMMA_ZERO", "(T)\(C.digammaZero.0)"), ("DIGAMMA_REST", "(T)\(C.digammaZero.1)"), ("PI", "(T)\(Double.pi)"), ("EPSILON", hasFloat64 ? "1e-17" : "1e-8f"),
        ]
        return expressions(of: hasFloat64 ? "f64" : "f32") + constants.map { "#define \($0) \($1)\n" }.joined() + specialFunctions
    }
}
