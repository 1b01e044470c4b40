import Glibc

extension ReferenceBackend {
    package func unary(_ kind: UnaryKind, _ x: Tensor, _ p: KernelParameters, into out: Tensor) {
        if x.dtype.isFloatingPoint {
            store(elements(x).map(ReferenceFunctions.unary(kind, p)), in: out)
        } else {
            // `bitwiseNot` of bool is logical, or true would stay true.
            let kind = kind == .bitwiseNot && x.dtype == .bool ? .logicalNot : kind
            store(elements(x).map(ReferenceFunctions.integerUnary(kind, p)), in: out)
        }
    }

    package func binary(_ kind: BinaryKind, _ a: Tensor, _ b: Tensor, _ p: KernelParameters, into out: Tensor) {
        if a.dtype.isFloatingPoint {
            let function = ReferenceFunctions.binary(kind, p, a.dtype)
            store(combine(elements(a), elements(b), function), in: out)
        } else {
            let function = ReferenceFunctions.integerBinary(kind, p)
            store(combine(elements(a), elements(b), function), in: out)
        }
    }

    package func compare(_ kind: CompareKind, _ a: Tensor, _ b: Tensor, into out: Tensor) {
        compare(kind, a, b, into: out, as: number(of: a.dtype))
    }

    private func compare<N: ReferenceNumber>(_ kind: CompareKind, _ a: Tensor, _ b: Tensor, into out: Tensor, as: N.Type) {
        let holds: (N, N) -> Bool = switch kind {
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

/// The functions of the pointwise kinds, in `Double` and `Int64`.
enum ReferenceFunctions {
    // MARK: Of one float

    static func unary(_ kind: UnaryKind, _ p: KernelParameters) -> (Double) -> Double {
        let (a, b, c) = (p.a, p.b, p.c)
        switch kind {
        case .negative: return { -$0 }
        case .absolute: return { $0.magnitude }
        case .sign: return { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 }
        case .square: return { $0 * $0 }
        case .logicalNot: return { $0 == 0 ? 1 : 0 }
        case .isNaN: return { $0.isNaN ? 1 : 0 }
        case .isInf: return { $0.isInfinite ? 1 : 0 }
        case .isFinite: return { $0.isFinite ? 1 : 0 }
        case .reciprocal: return { 1 / $0 }
        case .sqrt: return { $0.squareRoot() }
        case .rsqrt: return { 1 / $0.squareRoot() }
        case .exp: return { Glibc.exp($0) }
        case .exp2: return { Glibc.exp2($0) }
        case .expm1: return { Glibc.expm1($0) }
        case .log: return { Glibc.log($0) }
        case .log2: return { Glibc.log2($0) }
        case .log10: return { Glibc.log10($0) }
        case .log1p: return { Glibc.log1p($0) }
        case .sin: return { Glibc.sin($0) }
        case .cos: return { Glibc.cos($0) }
        case .tan: return { Glibc.tan($0) }
        case .asin: return { Glibc.asin($0) }
        case .acos: return { Glibc.acos($0) }
        case .atan: return { Glibc.atan($0) }
        case .sinh: return { Glibc.sinh($0) }
        case .cosh: return { Glibc.cosh($0) }
        case .tanh: return { Glibc.tanh($0) }
        case .asinh: return { Glibc.asinh($0) }
        case .acosh: return { Glibc.acosh($0) }
        case .atanh: return { Glibc.atanh($0) }
        case .erf: return { Glibc.erf($0) }
        case .erfc: return { Glibc.erfc($0) }
        case .erfinv: return { erfinv($0) }
        case .ndtri: return ReferenceFunctions.ndtri
        case .lgamma: return { Glibc.lgamma($0).0 }
        case .digamma: return ReferenceFunctions.digamma
        case .polygamma: return { polygamma(Int(a), $0) }
        case .floor: return { $0.rounded(.down) }
        case .ceil: return { $0.rounded(.up) }
        case .round: return { $0.rounded(.toNearestOrEven) }
        case .trunc: return { $0.rounded(.towardZero) }
        case .frac: return { $0 - $0.rounded(.towardZero) }
        case .sigmoid: return { sigmoid($0) }
        case .logSigmoid: return { Swift.min($0, 0) - Glibc.log1p(Glibc.exp(-$0.magnitude)) }
        case .softsign: return { $0 / (1 + $0.magnitude) }
        case .mish: return ReferenceFunctions.mish
        case .silu: return ReferenceFunctions.silu
        case .hardsigmoid: return { clamp($0 + 3, 0, 6) / 6 }
        case .hardswish: return { $0 * clamp($0 + 3, 0, 6) / 6 }
        case .gelu: return ReferenceFunctions.gelu
        case .geluTanh: return ReferenceFunctions.geluTanh
        case .relu: return { $0 < 0 ? 0 : $0 }
        case .leakyRelu: return { $0 > 0 ? $0 : a * $0 }
        case .elu: return { $0 > 0 ? b * $0 : a * b * Glibc.expm1(c * $0) }
        case .softplus: return { a * $0 > b ? $0 : softplus($0, a) }
        case .clamp: return { clamp($0, a, b) }
        // NaN is not small, so it stays in the next three.
        case .hardshrink: return { $0.magnitude <= a ? 0 : $0 }
        case .softshrink: return { $0 > a ? $0 - a : $0 < -a ? $0 + a : $0.isNaN ? $0 : 0 }
        case .threshold: return { $0 <= a ? b : $0 }
        case .powScalar: return { Glibc.pow($0, a) }
        case .affine: return { a * $0 + b }
        case .bitwiseNot: preconditionFailure("ReferenceBackend: \(kind) of floats")
        }
    }

    // MARK: Of two floats

    static func binary(_ kind: BinaryKind, _ p: KernelParameters, _ dtype: DType) -> (Double, Double) -> Double {
        let (a, b, c) = (p.a, p.b, p.c)
        switch kind {
        case .add: return { $0 + $1 }
        case .sub: return { $0 - $1 }
        case .mul: return { $0 * $1 }
        case .minimum: return { $0.smaller($1) }
        case .maximum: return { $0.larger($1) }
        case .floorDivide: return { floorDivide($0, $1) }
        // The quotient is rounded before it is truncated, as in PyTorch: 2.99999999 in float32 is 3.
        case .truncDivide: return { dtype.roundedToOperationType($0 / $1).rounded(.towardZero) }
        case .remainder: return { remainder($0, $1) }
        case .fmod: return { Glibc.fmod($0, $1) }
        case .pow: return { Glibc.pow($0, $1) }
        case .div: return { $0 / $1 }
        case .atan2: return { Glibc.atan2($0, $1) }
        case .hypot: return { Glibc.hypot($0, $1) }
        case .logaddexp:
            // Infinities of one sign have the difference NaN.
            return { $0 == $1 && $0.isInfinite ? $0 : $0.larger($1) + Glibc.log1p(expDifference($0.smaller($1), $0.larger($1))) }
        case .copysign: return { Glibc.copysign($0, $1) }
        case .gammainc: return ReferenceFunctions.gammainc
        case .gammaSampleGrad: return ReferenceFunctions.gammaSampleGradient
        case .reluGrad: return { $1 <= 0 ? 0 : $0 }
        case .sigmoidGrad: return { $0 * $1 * (1 - $1) }
        case .tanhGrad: return { $0 * ((1 - $1) * (1 + $1)) }
        case .geluGrad: return { $0 * geluSlope($1) }
        case .geluTanhGrad: return { $0 * geluTanhSlope($1) }
        case .siluGrad: return { $0 * siluSlope($1) }
        case .leakyReluGrad: return { $1 > 0 ? $0 : a * $0 }
        case .eluGrad: return { $1 > 0 ? $0 * b : timesExp($0 * a * b * c, product: c, $1) }
        case .softplusGrad: return { a * $1 > b ? $0 : $0 * sigmoid(product: a, $1) }
        case .hardtanhGrad: return { $1 <= a || $1 >= b ? 0 : $0 }
        case .clampGrad: return { a <= $1 && $1 <= b ? $0 : 0 }
        case .addScaled: return { $0 + a * $1 }
        case .bitwiseAnd, .bitwiseOr, .bitwiseXor, .shiftLeft, .shiftRight: preconditionFailure("ReferenceBackend: \(kind) of floats")
        }
    }

    // MARK: Of integers

    static func integerUnary(_ kind: UnaryKind, _ p: KernelParameters) -> (Int64) -> Int64 {
        let (a, b) = (p.integers.a, p.integers.b)
        switch kind {
        case .negative: return { 0 &- $0 }
        case .absolute: return { $0 < 0 ? 0 &- $0 : $0 }
        case .sign: return { $0.signum() }
        case .square: return { $0 &* $0 }
        case .logicalNot: return { $0 == 0 ? 1 : 0 }
        case .isNaN, .isInf: return { _ in 0 }
        case .isFinite: return { _ in 1 }
        case .bitwiseNot: return { ~$0 }
        case .floor, .ceil, .round, .trunc: return { $0 }
        case .relu: return { Swift.max($0, 0) }
        case .clamp: return { Swift.min(Swift.max($0, a), b) }
        case .threshold: return { $0 <= a ? b : $0 }
        case .powScalar: return { integerPower($0, a) }
        case .affine: return { a &* $0 &+ b }
        default: preconditionFailure("ReferenceBackend: \(kind) of integers")
        }
    }

    static func integerBinary(_ kind: BinaryKind, _ p: KernelParameters) -> (Int64, Int64) -> Int64 {
        let a = p.integers.a
        switch kind {
        case .add: return { $0 &+ $1 }
        case .sub: return { $0 &- $1 }
        case .mul: return { $0 &* $1 }
        case .minimum: return { Swift.min($0, $1) }
        case .maximum: return { Swift.max($0, $1) }
        // The partial values: the smallest integer divided by −1 wraps.
        case .truncDivide: return { $0.dividedReportingOverflow(by: $1).partialValue }
        case .fmod: return { $0.remainderReportingOverflow(dividingBy: $1).partialValue }
        case .floorDivide:
            return {
                let quotient = $0.dividedReportingOverflow(by: $1).partialValue
                return remainder($0, $1) != 0 && ($0 < 0) != ($1 < 0) ? quotient - 1 : quotient
            }
        case .remainder: return { remainder($0, $1) }
        case .pow: return { integerPower($0, $1) }
        case .bitwiseAnd: return { $0 & $1 }
        case .bitwiseOr: return { $0 | $1 }
        case .bitwiseXor: return { $0 ^ $1 }
        // A shift by a negative number or by all bits leaves nothing, or the sign.
        case .shiftLeft: return { $1 < 0 || $1 > 63 ? 0 : $0 << $1 }
        case .shiftRight: return { $0 >> ($1 < 0 || $1 > 63 ? 63 : $1) }
        case .addScaled: return { $0 &+ a &* $1 }
        default: preconditionFailure("ReferenceBackend: \(kind) of integers")
        }
    }

    /// By repeated multiplication, wrapping. A negative exponent gives the reciprocal's integer part.
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

    /// With the divisor's sign.
    static func remainder(_ a: Int64, _ b: Int64) -> Int64 {
        let r = a.remainderReportingOverflow(dividingBy: b).partialValue
        return r != 0 && (r < 0) != (b < 0) ? r + b : r
    }

    // MARK: Pieces

    /// With the divisor's sign, as Python's.
    static func remainder(_ a: Double, _ b: Double) -> Double {
        let r = Glibc.fmod(a, b)
        return r != 0 && (r < 0) != (b < 0) ? r + b : r
    }

    /// As Python's: through the remainder, so that `floorDivide(a, b)·b + remainder(a, b)` is a. Division by zero is a / b.
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
