import Glibc

extension ReferenceBackend {
    package func unary(_ kind: UnaryKind, _ x: Tensor, _ p: KernelParameters, into out: Tensor) {
        if x.dtype.isFloatingPoint {
            guard let function = ReferenceFunctions.unary(kind, p).ofFloats else {
                preconditionFailure("ReferenceBackend: \(kind) of floats")
            }
            store(elements(x).map(function), in: out)
        } else {
            // `bitwiseNot` of bool is logical: inverting the bits of 1 would not give false.
            let kind = kind == .bitwiseNot && x.dtype == .bool ? .logicalNot : kind
            guard let function = ReferenceFunctions.unary(kind, p).ofIntegers else {
                preconditionFailure("ReferenceBackend: \(kind) of integers")
            }
            store(elements(x).map(function), in: out)
        }
    }

    package func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, _ p: KernelParameters, into out: Tensor) {
        if a.dtype.isFloatingPoint {
            guard let function = ReferenceFunctions.binary(kind, p, a.dtype).ofFloats else {
                preconditionFailure("ReferenceBackend: \(kind) of floats")
            }
            store(combine(elements(a), elements(b), function), in: out)
        } else {
            guard let function = ReferenceFunctions.binary(kind, p, a.dtype).ofIntegers else {
                preconditionFailure("ReferenceBackend: \(kind) of integers")
            }
            store(combine(elements(a), elements(b), function), in: out)
        }
    }

    package func compare(_ kind: CompareKind, _ a: Tensor, _ b: Tensor, into out: Tensor) {
        compare(kind, a, b, into: out, as: number(of: a.dtype))
    }

    private func compare<N: ReferenceNumber>(_ kind: CompareKind, _ a: Tensor, _ b: Tensor, into out: Tensor, as: N.Type) {
        let holds: (N, N) -> Bool =
            switch kind {
            case .eq: { $0 == $1 }
            case .ne: { $0 != $1 }
            case .lt: { $0 < $1 }
            case .le: { $0 <= $1 }
            case .gt: { $0 > $1 }
            case .ge: { $0 >= $1 }
            }
        store(combine(elements(a), elements(b)) { holds($0, $1) ? Int64(1) : 0 }, in: out)
    }

    package func select(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into out: Tensor) {
        select(condition, a, b, into: out, as: number(of: out.dtype))
    }

    private func select<N: ReferenceNumber>(_ condition: Tensor, _ a: Tensor, _ b: Tensor, into out: Tensor, as: N.Type) {
        let (c, a, b) = (elements(condition, as: Int64.self), elements(a, as: N.self), elements(b, as: N.self))
        store(c.indices.map { c[$0] != 0 ? a[$0] : b[$0] }, in: out)
    }

    package func frexp(_ x: Tensor, mantissa: Tensor, exponent: Tensor) {
        let parts = elements(x, as: Double.self).map { x -> (Double, Double) in
            var (m, e) = (x, 0.0)
            if x == 0 || !x.isFinite { return (x, 0) }
            while m.magnitude >= 1 { (m, e) = (m / 2, e + 1) }
            while m.magnitude < 0.5 { (m, e) = (m * 2, e - 1) }
            return (m, e)
        }
        store(parts.map(\.0), in: mantissa)
        store(parts.map(\.1), in: exponent)
    }

    package func copy(_ x: Tensor, into out: Tensor) {
        copy(x, into: out, as: number(of: x.dtype))
    }

    private func copy<N: ReferenceNumber>(_ x: Tensor, into out: Tensor, as: N.Type) {
        store(elements(x, as: N.self), in: out)
    }

    package func fill(_ out: Tensor, with value: Scalar) {
        switch value {
        case .double(let number): store([Double](repeating: number, count: out.numel), in: out)
        case .int, .bool: store([Int64](repeating: value.int64Value, count: out.numel), in: out)
        }
    }
}

/// A pointwise function in `Double` and in `Int64`; nil if it does not exist for floats or integers.
package struct ReferenceFunction<Floats, Integers> {
    package let ofFloats: Floats?
    package let ofIntegers: Integers?

    static func floats(_ f: Floats) -> Self { Self(ofFloats: f, ofIntegers: nil) }
    static func integers(_ f: Integers) -> Self { Self(ofFloats: nil, ofIntegers: f) }
    static func numbers(_ f: Floats, _ g: Integers) -> Self { Self(ofFloats: f, ofIntegers: g) }
}

/// The functions of the pointwise kinds, written independently of the tables that the kernels are generated from.
package enum ReferenceFunctions {
    // MARK: One operand

    package static func unary(_ kind: UnaryKind, _ p: KernelParameters) -> ReferenceFunction<(Double) -> Double, (Int64) -> Int64> {
        let (a, b, c) = (p.a, p.b, p.c)
        let (m, n) = (p.integers.a, p.integers.b)
        switch kind {
        case .negative: return .numbers({ -$0 }, { 0 &- $0 })
        case .absolute: return .numbers({ $0.magnitude }, { $0 < 0 ? 0 &- $0 : $0 })
        case .sign: return .numbers({ $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }, { $0.signum() })
        case .square: return .numbers({ $0 * $0 }, { $0 &* $0 })
        case .logicalNot: return .numbers({ $0 == 0 ? 1 : 0 }, { $0 == 0 ? 1 : 0 })
        case .isNaN: return .numbers({ $0.isNaN ? 1 : 0 }, { _ in 0 })
        case .isInf: return .numbers({ $0.isInfinite ? 1 : 0 }, { _ in 0 })
        case .isFinite: return .numbers({ $0.isFinite ? 1 : 0 }, { _ in 1 })
        case .reciprocal: return .floats { 1 / $0 }
        case .sqrt: return .floats { $0.squareRoot() }
        case .rsqrt: return .floats { 1 / $0.squareRoot() }
        case .exp: return .floats { Glibc.exp($0) }
        case .exp2: return .floats { Glibc.exp2($0) }
        case .expm1: return .floats { Glibc.expm1($0) }
        case .log: return .floats { Glibc.log($0) }
        case .log2: return .floats { Glibc.log2($0) }
        case .log10: return .floats { Glibc.log10($0) }
        case .log1p: return .floats { Glibc.log1p($0) }
        case .sin: return .floats { Glibc.sin($0) }
        case .cos: return .floats { Glibc.cos($0) }
        case .tan: return .floats { Glibc.tan($0) }
        case .asin: return .floats { Glibc.asin($0) }
        case .acos: return .floats { Glibc.acos($0) }
        case .atan: return .floats { Glibc.atan($0) }
        case .sinh: return .floats { Glibc.sinh($0) }
        case .cosh: return .floats { Glibc.cosh($0) }
        case .tanh: return .floats { Glibc.tanh($0) }
        case .asinh: return .floats { Glibc.asinh($0) }
        case .acosh: return .floats { Glibc.acosh($0) }
        case .atanh: return .floats { Glibc.atanh($0) }
        case .erf: return .floats { Glibc.erf($0) }
        case .erfc: return .floats { Glibc.erfc($0) }
        case .erfinv: return .floats { erfinv($0) }
        case .ndtri: return .floats(ReferenceFunctions.ndtri)
        case .lgamma: return .floats { Glibc.lgamma($0).0 }
        case .digamma: return .floats(ReferenceFunctions.digamma)
        case .polygamma: return .floats { polygamma(Int(a), $0) }
        case .besselJ0: return .floats { Glibc.j0($0) }
        case .besselJ1: return .floats { Glibc.j1($0) }
        case .besselY0: return .floats { $0 > 0 ? Glibc.y0($0) : $0 == 0 ? -.infinity : .nan }
        case .besselY1: return .floats { $0 > 0 ? Glibc.y1($0) : $0 == 0 ? -.infinity : .nan }
        case .i0: return .floats { besselI(0, $0) }
        case .i1: return .floats { besselI(1, $0) }
        case .i0e: return .floats { scaledBesselI(0, $0) }
        case .i1e: return .floats { scaledBesselI(1, $0) }
        case .modifiedBesselK0: return .floats { Glibc.exp(-$0) * scaledBesselK(0, $0) }
        case .modifiedBesselK1: return .floats { Glibc.exp(-$0) * scaledBesselK(1, $0) }
        case .scaledModifiedBesselK0: return .floats { scaledBesselK(0, $0) }
        case .scaledModifiedBesselK1: return .floats { scaledBesselK(1, $0) }
        case .sphericalBesselJ0: return .floats { $0 == 0 ? 1 : $0.isInfinite ? 0 : Glibc.sin($0) / $0 }
        case .airyAi: return .floats(ReferenceFunctions.airy)
        case .erfcx: return .floats(ReferenceFunctions.erfcx)
        case .floor: return .floats { $0.rounded(.down) }
        case .ceil: return .floats { $0.rounded(.up) }
        case .round: return .floats { $0.rounded(.toNearestOrEven) }
        case .trunc: return .floats { $0.rounded(.towardZero) }
        case .frac: return .floats { $0 - $0.rounded(.towardZero) }
        case .sigmoid: return .floats { sigmoid($0) }
        case .logSigmoid: return .floats { Swift.min($0, 0) - Glibc.log1p(Glibc.exp(-$0.magnitude)) }
        case .softsign: return .floats { $0 / (1 + $0.magnitude) }
        case .mish: return .floats(ReferenceFunctions.mish)
        case .silu: return .floats(ReferenceFunctions.silu)
        case .hardsigmoid: return .floats { clamp($0 + 3, 0, 6) / 6 }
        case .hardswish: return .floats { $0 * clamp($0 + 3, 0, 6) / 6 }
        case .gelu: return .floats(ReferenceFunctions.gelu)
        case .geluTanh: return .floats(ReferenceFunctions.geluTanh)
        case .relu: return .numbers({ $0 < 0 ? 0 : $0 }, { Swift.max($0, 0) })
        case .leakyRelu: return .floats { $0 > 0 ? $0 : a * $0 }
        case .elu: return .floats { $0 > 0 ? b * $0 : a * b * Glibc.expm1(c * $0) }
        case .softplus: return .floats { a * $0 > b ? $0 : softplus($0, a) }
        case .clamp: return .numbers({ clamp($0, a, b) }, { Swift.min(Swift.max($0, m), n) })
        // NaN stays NaN in the next three.
        case .hardshrink: return .floats { $0.magnitude <= a ? 0 : $0 }
        case .softshrink: return .floats { $0 > a ? $0 - a : $0 < -a ? $0 + a : $0.isNaN ? $0 : 0 }
        case .threshold: return .numbers({ $0 <= a ? b : $0 }, { $0 <= m ? n : $0 })
        case .powScalar: return .numbers({ Glibc.pow($0, a) }, { integerPower($0, m) })
        case .affine: return .numbers({ a * $0 + b }, { m &* $0 &+ n })
        case .bitwiseNot: return .integers { ~$0 }
        }
    }

    // MARK: Two operands

    package static func binary(
        _ kind: BinaryKind, _ p: KernelParameters, _ dtype: DType
    ) -> ReferenceFunction<(Double, Double) -> Double, (Int64, Int64) -> Int64> {
        let (a, b, c) = (p.a, p.b, p.c)
        let m = p.integers.a
        switch kind {
        case .add: return .numbers({ $0 + $1 }, { $0 &+ $1 })
        case .sub: return .numbers({ $0 - $1 }, { $0 &- $1 })
        case .mul: return .numbers({ $0 * $1 }, { $0 &* $1 })
        case .minimum: return .numbers({ $0.smaller($1) }, { Swift.min($0, $1) })
        case .maximum: return .numbers({ $0.larger($1) }, { Swift.max($0, $1) })
        case .floorDivide: return .numbers({ floorDivide($0, $1) }, { floorDivide($0, $1) })
        // The quotient is rounded before it is truncated, as in PyTorch: 2.99999999 in float32 is 3. `partialValue` wraps for the smallest
        // integer divided by −1.
        case .truncDivide:
            return .numbers(
                { dtype.roundedToOperationType($0 / $1).rounded(.towardZero) }, { $0.dividedReportingOverflow(by: $1).partialValue })
        case .remainder: return .numbers({ remainder($0, $1) }, { remainder($0, $1) })
        case .fmod: return .numbers({ Glibc.fmod($0, $1) }, { $0.remainderReportingOverflow(dividingBy: $1).partialValue })
        case .pow: return .numbers({ Glibc.pow($0, $1) }, { integerPower($0, $1) })
        case .div: return .floats { $0 / $1 }
        case .atan2: return .floats { Glibc.atan2($0, $1) }
        case .hypot: return .floats { Glibc.hypot($0, $1) }
        // Equal infinities are returned as they are, since their difference is NaN.
        case .logaddexp:
            return .floats { $0 == $1 && $0.isInfinite ? $0 : $0.larger($1) + Glibc.log1p(expDifference($0.smaller($1), $0.larger($1))) }
        case .copysign: return .floats { Glibc.copysign($0, $1) }
        case .nextafter:
            return .floats { dtype == .float64 ? Glibc.nextafter($0, $1) : Double(Glibc.nextafterf(Float($0), Float($1))) }
        case .gcd: return .integers(commonDivisor)
        case .lcm: return .integers(commonMultiple)
        case .heaviside: return .numbers({ $0 == 0 ? $1 : $0.isNaN ? $0 : $0 > 0 ? 1 : 0 }, { $0 == 0 ? $1 : $0 > 0 ? 1 : 0 })
        case .gammainc: return .floats(ReferenceFunctions.gammainc)
        case .gammaincc: return .floats(ReferenceFunctions.gammaincc)
        case .gammaSampleGrad: return .floats(ReferenceFunctions.gammaSampleGradient)
        case .zeta: return .floats(ReferenceFunctions.zeta)
        case .chebyshevPolynomialT: return .floats { chebyshev($0, $1, first: $0) }
        case .chebyshevPolynomialU: return .floats { chebyshev($0, $1, first: 2 * $0) }
        case .chebyshevPolynomialV: return .floats { chebyshev($0, $1, first: 2 * $0 - 1) }
        case .chebyshevPolynomialW: return .floats { chebyshev($0, $1, first: 2 * $0 + 1) }
        case .shiftedChebyshevPolynomialT: return .floats { chebyshev(2 * $0 - 1, $1, first: 2 * $0 - 1) }
        case .shiftedChebyshevPolynomialU: return .floats { chebyshev(2 * $0 - 1, $1, first: 4 * $0 - 2) }
        case .shiftedChebyshevPolynomialV: return .floats { chebyshev(2 * $0 - 1, $1, first: 4 * $0 - 3) }
        case .shiftedChebyshevPolynomialW: return .floats { chebyshev(2 * $0 - 1, $1, first: 4 * $0 - 1) }
        case .hermitePolynomialH: return .floats { x, n in polynomial(n, first: 2 * x) { k, p, before in 2 * x * p - 2 * k * before } }
        case .hermitePolynomialHe: return .floats { x, n in polynomial(n, first: x) { k, p, before in x * p - k * before } }
        case .laguerrePolynomialL:
            return .floats { x, n in polynomial(n, first: 1 - x) { k, p, before in ((2 * k + 1 - x) * p - k * before) / (k + 1) } }
        case .legendrePolynomialP: return .floats(ReferenceFunctions.legendre)
        case .reluGrad: return .floats { $1 <= 0 ? 0 : $0 }
        case .sigmoidGrad: return .floats { $0 * $1 * (1 - $1) }
        case .tanhGrad: return .floats { $0 * ((1 - $1) * (1 + $1)) }
        case .geluGrad: return .floats { $0 * geluSlope($1) }
        case .geluTanhGrad: return .floats { $0 * geluTanhSlope($1) }
        case .siluGrad: return .floats { $0 * siluSlope($1) }
        case .leakyReluGrad: return .floats { $1 > 0 ? $0 : a * $0 }
        case .eluGrad: return .floats { $1 > 0 ? $0 * b : timesExp($0 * a * b * c, product: c, $1) }
        case .softplusGrad: return .floats { a * $1 > b ? $0 : $0 * sigmoid(product: a, $1) }
        case .hardtanhGrad: return .floats { $1 <= a || $1 >= b ? 0 : $0 }
        case .clampGrad: return .floats { a <= $1 && $1 <= b ? $0 : 0 }
        case .addScaled: return .numbers({ $0 + a * $1 }, { $0 &+ m &* $1 })
        case .bitwiseAnd: return .integers { $0 & $1 }
        case .bitwiseOr: return .integers { $0 | $1 }
        case .bitwiseXor: return .integers { $0 ^ $1 }
        // A shift by a negative number or by at least the number of bits gives 0; shiftRight gives the sign.
        case .shiftLeft: return .integers { $1 < 0 || $1 > 63 ? 0 : $0 << $1 }
        case .shiftRight: return .integers { $0 >> ($1 < 0 || $1 > 63 ? 63 : $1) }
        }
    }

    // MARK: Helpers

    /// The power by repeated multiplication, wrapping. For a negative exponent the result is truncated.
    static func integerPower(_ base: Int64, _ exponent: Int64) -> Int64 {
        if exponent < 0 { return base == 1 ? 1 : base == -1 ? (exponent % 2 == 0 ? 1 : -1) : 0 }
        var (result, square, left): (Int64, Int64, Int64) = (1, base, exponent)
        while left > 0 {
            if left & 1 == 1 { result = result &* square }
            square = square &* square
            left >>= 1
        }
        return result
    }

    /// The greatest common divisor, not negative; 0 for two zeros. The smallest integer stays itself.
    static func commonDivisor(_ a: Int64, _ b: Int64) -> Int64 {
        if b == 0 { return a < 0 ? 0 &- a : a }
        return commonDivisor(b, a.remainderReportingOverflow(dividingBy: b).partialValue)
    }

    /// The least common multiple, wrapping; 0 beside 0.
    static func commonMultiple(_ a: Int64, _ b: Int64) -> Int64 {
        if a == 0 || b == 0 { return 0 }
        let product = a.dividedReportingOverflow(by: commonDivisor(a, b)).partialValue &* b
        return product < 0 ? 0 &- product : product
    }

    /// The remainder with the divisor's sign.
    static func remainder(_ a: Int64, _ b: Int64) -> Int64 {
        let r = a.remainderReportingOverflow(dividingBy: b).partialValue
        return r != 0 && (r < 0) != (b < 0) ? r + b : r
    }

    static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        let quotient = a.dividedReportingOverflow(by: b).partialValue
        return remainder(a, b) != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient
    }

    /// The remainder with the divisor's sign, as in Python.
    static func remainder(_ a: Double, _ b: Double) -> Double {
        let r = Glibc.fmod(a, b)
        return r != 0 && (r < 0) != (b < 0) ? r + b : r
    }

    /// The floor of the quotient as in Python: from the remainder, so that `floorDivide(a, b)·b + remainder(a, b)` is a. Division by zero
    /// is a / b.
    static func floorDivide(_ a: Double, _ b: Double) -> Double {
        if b == 0 { return a / b }
        let r = Glibc.fmod(a, b)
        var quotient = (a - r) / b
        if r != 0 && (r < 0) != (b < 0) { quotient -= 1 }
        if quotient == 0 { return Glibc.copysign(0, a / b) }
        let floor = quotient.rounded(.down)
        return quotient - floor > 0.5 ? floor + 1 : floor
    }

    static func clamp(_ x: Double, _ low: Double, _ high: Double) -> Double {
        x.isNaN ? x : Swift.min(Swift.max(x, low), high)
    }
}
