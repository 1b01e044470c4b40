// The functions that the tables of pointwise functions (`unary.def`, `binary.def`, `compare.def`) call.

extension KernelDialect {
    /// Defines T and M of the tables' language for the given type.
    static func expressions(of type: String) -> String { "#undef T\n#undef M\n#define T \(type)\n#define M(f) f##_\(type)\n" }

    /// The functions of floats: the compiler's, under the tables' names, and ours.
    static func elementary(_ type: String) -> String {
        let own =
            [
                "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
                "tanh", "asinh", "acosh", "atanh",
            ]
            + ["erf", "erfc", "sqrt", "floor", "ceil", "trunc", "copysign", "fmod", "pow", "atan2", "hypot", "nextafter"]
        let named = own.map { ($0, $0) } + [("abs", "fabs"), ("round", "rint")]
        return named.map { "#define \($0)_\(type) \($1)\n" }.joined() + expressions(of: type) + anyFunctions + ownFunctions
            + (type == "f64" ? exactFunctions : plainFunctions) + pairFunctions
    }

    /// The functions of integers. They handle division by 0 and overflow.
    static let integers =
        "FUNCTION i64 nearest_integer(i64 x, i64 low, i64 high) { return x < low ? low : x > high ? high : x; }\n" + integerFunctions

    /// The special functions, in the widest float of the device.
    static func special(hasFloat64: Bool) -> String {
        typealias C = SpecialCoefficients
        func lists(_ named: KeyValuePairs<String, [Double]>) -> String {
            named.map { name, numbers in "const T \(name)[] = {" + numbers.map { "(T)\($0)" }.joined(separator: ", ") + "};" }.joined()
        }
        let constants: KeyValuePairs<String, String> = [
            "ERFINV_LISTS": lists([
                "inner": C.erfinvInner, "inner_divisor": C.erfinvInnerDivisor, "tail": C.erfinvTail, "tail_divisor": C.erfinvTailDivisor,
                "far": C.erfinvFar, "far_divisor": C.erfinvFarDivisor,
            ]),
            "DIGAMMA_LISTS": lists(["near": C.digammaNear, "near_divisor": C.digammaNearDivisor, "series": C.digammaSeries]),
            "BERNOULLI_LIST": lists(["bernoulli": C.eulerMaclaurin]),
            "EXPONENT_LIST": lists(["logarithm": C.gammaExponent]),
            "STIRLING_LIST": lists(["stirling": C.stirling]),
            "TEMME_LISTS": lists(["temme0": C.temme0, "temme1": C.temme1]),
            "DIGAMMA_ZERO": "(T)\(C.digammaZero.0)", "DIGAMMA_REST": "(T)\(C.digammaZero.1)", "PI": "(T)\(Double.pi)",
            "EPSILON": hasFloat64 ? "1e-17" : "1e-8f",
            "WIDE": "T", "L(f)": "f", "REAL(x)": "((T)(x))",
        ]
        return expressions(of: hasFloat64 ? "f64" : "f32") + constants.map { name, value in "#define \(name) \(value)\n" }.joined()
            + wideFunctions + specialFunctions
    }
}
