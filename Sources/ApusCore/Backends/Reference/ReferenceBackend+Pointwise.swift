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
        case .erfinv: return ReferenceFunctions.erfinv
        case .lgamma: return { Glibc.lgamma($0).0 }
        case .digamma: return ReferenceFunctions.digamma
        case .floor: return { $0.rounded(.down) }
        case .ceil: return { $0.rounded(.up) }
        case .round: return { $0.rounded(.toNearestOrEven) }
        case .trunc: return { $0.rounded(.towardZero) }
        case .frac: return { $0 - $0.rounded(.towardZero) }
        case .sigmoid: return sigmoid
        case .logSigmoid: return { Swift.min($0, 0) - Glibc.log1p(Glibc.exp(-$0.magnitude)) }
        case .softsign: return { $0 / (1 + $0.magnitude) }
        case .mish: return { $0 * Glibc.tanh(Swift.max($0, 0) + Glibc.log1p(Glibc.exp(-$0.magnitude))) }
        case .silu: return { $0 * sigmoid($0) }
        case .hardsigmoid: return { clamp($0 + 3, 0, 6) / 6 }
        case .hardswish: return { $0 * clamp($0 + 3, 0, 6) / 6 }
        case .gelu: return { $0 * normalDistribution($0) }
        // ½(1 + tanh u) is σ(2u), which keeps its digits in the lower tail.
        case .geluTanh: return { $0 * sigmoid(2 * geluInner($0)) }
        case .relu: return { $0 < 0 ? 0 : $0 }
        case .leakyRelu: return { $0 > 0 ? $0 : a * $0 }
        case .elu: return { $0 > 0 ? b * $0 : a * b * Glibc.expm1(c * $0) }
        case .softplus: return { a * $0 > b ? $0 : Glibc.log1p(Glibc.exp(a * $0)) / a }
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
            return { $0 == $1 && $0.isInfinite ? $0 : $0.larger($1) + Glibc.log1p(Glibc.exp(-($0 - $1).magnitude)) }
        case .copysign: return { Glibc.copysign($0, $1) }
        case .gammainc: return { gammaSeries($0, $1).integral }
        case .gammaSampleGrad: return { gammaSeries($0, $1).sampleGradient }
        case .reluGrad: return { $1 <= 0 ? 0 : $0 }
        case .sigmoidGrad: return { $0 * $1 * (1 - $1) }
        case .tanhGrad: return { $0 * (1 - $1 * $1) }
        case .geluGrad:
            return { $0 * (normalDistribution($1) + $1 * Glibc.exp(-0.5 * $1 * $1) / (2 * Double.pi).squareRoot()) }
        case .geluTanhGrad:
            return { g, x in
                let s = sigmoid(2 * geluInner(x))
                let slope = 2 * geluScale * (1 + 3 * 0.044715 * x * x)
                return g * (s + x * s * (1 - s) * slope)
            }
        case .siluGrad:
            return { g, x in
                let s = sigmoid(x)
                return g * s * (1 + x * (1 - s))
            }
        case .leakyReluGrad: return { $1 > 0 ? $0 : a * $0 }
        case .eluGrad: return { $1 > 0 ? $0 * b : $0 * a * b * c * Glibc.exp(c * $1) }
        case .softplusGrad: return { a * $1 > b ? $0 : $0 * sigmoid(a * $1) }
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

/// P(a, x) = x^a·e^−x·Σ xⁿ/Γ(a + n + 1), and −(∂P/∂a)/(∂P/∂x) term by term: right for moderate x, where the derivative's terms do not cancel.
static func gammaSeries(_ a: Double, _ x: Double) -> (integral: Double, sampleGradient: Double) {
    guard a >= 0, x >= 0 else { return (.nan, .nan) }
    if a == 0 || x == 0 || a.isInfinite || x.isInfinite {
        let undefined = a == 0 && x == 0 || a.isInfinite && x.isInfinite
        return (undefined ? .nan : a == 0 || x.isInfinite ? 1 : 0, x == 0 ? 0 : .nan)
    }
    var (sum, slope) = (0.0, 0.0)
    for n in 0..<2000 {
        let term = Glibc.exp((a + Double(n)) * Glibc.log(x) - x - Glibc.lgamma(a + Double(n) + 1))
        sum += term
        slope += term * (Glibc.log(x) - digamma(a + Double(n) + 1))
        if a + Double(n) > x && term < 1e-20 * sum { break }
    }
    return (sum, -slope / Glibc.exp((a - 1) * Glibc.log(x) - x - Glibc.lgamma(a)))
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

    static func sigmoid(_ x: Double) -> Double { 1 / (1 + Glibc.exp(-x)) }

    /// Φ, the distribution function of normal numbers; by erfc, which keeps its digits in the lower tail.
    static func normalDistribution(_ x: Double) -> Double { 0.5 * Glibc.erfc(-x / 2.0.squareRoot()) }

    static let geluScale = (2 / Double.pi).squareRoot()
    static func geluInner(_ x: Double) -> Double { geluScale * (x + 0.044715 * x * x * x) }

    // MARK: Special functions

    /// erf⁻¹: Giles' polynomial ("Approximating the erfinv function", 2010), then Halley's method until nothing changes.
    /// Beyond ±½ its steps solve erfc(z) = 1 − |x|, whose right side is exact there.
    static func erfinv(_ x: Double) -> Double {
        let m = x.magnitude
        if m > 1 || x.isNaN { return .nan }
        if m == 1 { return Glibc.copysign(.infinity, x) }
        if m == 0 { return x }
        let complement = 1 - m
        let w = -Glibc.log(complement * (1 + m))
        let coefficients: [Double]
        let v: Double
        if w < 5 {
            v = w - 2.5
            coefficients = [
                2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164, 0.246640727,
                1.50140941,
            ]
        } else {
            v = w.squareRoot() - 3
            coefficients = [
                -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047, 1.00167406,
                2.83297682,
            ]
        }
        var z = m * coefficients.reduce(0) { $0 * v + $1 }
        for _ in 0..<50 {
            let error = m > 0.5 ? complement - Glibc.erfc(z) : Glibc.erf(z) - m
            let step = error / (2 / Double.pi.squareRoot() * Glibc.exp(-z * z))
            let correction = step / (1 + z * step)
            z -= correction
            if correction.magnitude <= z * 0x1p-52 { break }
        }
        return Glibc.copysign(z, x)
    }

    /// ψ = (ln Γ)′: reflected to positive arguments, raised to 10 by ψ(x) = ψ(x + 1) − 1/x, then the asymptotic series
    /// ln x − 1/2x − Σ B₂ₙ/(2n·x²ⁿ). At the poles: ∓∞ at ±0, NaN at the negative integers.
    static func digamma(_ x: Double) -> Double {
        if x == 0 { return Glibc.copysign(.infinity, -x) }
        if x < 0 {
            let fraction = x - x.rounded(.towardZero)
            if fraction == 0 || x == -.infinity { return .nan }
            return digamma(1 - x) - Double.pi / Glibc.tan(Double.pi * fraction)
        }
        if x == .infinity { return x }
        var (x, shifted) = (x, 0.0)
        while x < 10 {
            shifted -= 1 / x
            x += 1
        }
        let s = 1 / (x * x)
        let numerators: [Double] = [1, -1, 1, -1, 1, -691, 1, -3617]
        let denominators: [Double] = [12, 120, 252, 240, 132, 32760, 12, 8160]
        var series = 0.0
        for n in numerators.indices.reversed() { series = (series + numerators[n] / denominators[n]) * s }
        return Glibc.log(x) - 0.5 / x - series + shifted
    }
}
