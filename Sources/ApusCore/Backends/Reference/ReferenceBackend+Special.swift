import Glibc

/// The gamma family, the zeta function and the inverse of erf, without the fitted coefficients of `math_gamma.h`.
extension ReferenceFunctions {
    /// c[0] + c[1]·x + c[2]·x² + …
    private static func polynomial(_ x: Double, _ c: [Double]) -> Double { c.reversed().reduce(0) { $0 * x + $1 } }

    /// Bernoulli's numbers B₂, B₄, … and what is made of them: B₂ⱼ/2j, B₂ⱼ/(2j·(2j − 1)), B₂ⱼ/(2j)!
    private static let bernoulli: [Double] = [1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510]
    private static let digammaSeries = bernoulli.enumerated().map { $1 / Double(2 * $0 + 2) }
    private static let stirling = bernoulli.enumerated().map { $1 / Double((2 * $0 + 2) * (2 * $0 + 1)) }
    private static let eulerMaclaurin = bernoulli.enumerated().map { j, b in (1...2 * j + 2).reduce(b) { $0 / Double($1) } }

    // MARK: erf⁻¹

    /// erf⁻¹(x), where `below` is 1 − |x| without rounding error, by Newton's method for erf y = |x|, which comes to y from below. From ¾ on
    /// for y² − ln erfcx y = −ln below, which comes from above and is exact however small `below` is.
    private static func erfinv(_ x: Double, below: Double) -> Double {
        let slope = 2 / Double.pi.squareRoot()
        var y = 0.0
        if x.magnitude < 0.75 {
            for _ in 1...12 { y -= (Glibc.erf(y) - x.magnitude) / (slope * Glibc.exp(-y * y)) }
        } else {
            y = (-Glibc.log(below)).squareRoot()
            for _ in 1...12 { y -= (y * y - Glibc.log(erfcx(y)) + Glibc.log(below)) * erfcx(y) / slope }
        }
        return Glibc.copysign(y, x)
    }

    static func erfinv(_ x: Double) -> Double {
        let m = x.magnitude
        return m < 1 ? erfinv(x, below: 1 - m) : m == 1 ? Glibc.copysign(.infinity, x) : .nan
    }

    /// The quantile function of the normal distribution, √2·erf⁻¹(2p − 1).
    static func ndtri(_ p: Double) -> Double {
        guard p > 0, p < 1 else { return p == 0 ? -.infinity : p == 1 ? .infinity : .nan }
        return 2.0.squareRoot() * erfinv(2 * p - 1, below: p < 0.5 ? 2 * p : 2 - 2 * p)
    }

    // MARK: ψ and its derivatives

    /// ψ(x + rest), x ≥ 1. From 10 on by the asymptotic series. Below it is the sum of 1/(z + k) − 1/(x + k) over k ≥ 0, where z is the zero
    /// of ψ: x − z times the sum of f(k) = 1/((z + k)·(x + k)), whose terms from 1000 on are ∫f + f(1000)/2 − f′(1000)/12.
    private static func digammaPositive(_ x: Double, _ rest: Double) -> Double {
        if x >= 10 {
            let r = 1 / x
            return Glibc.log(x) - r * (0.5 + r * polynomial(r * r, digammaSeries)) + rest * r
        }
        // The zero in two parts.
        let z = 1.4616321449683622
        let distance = ((x - z) - 9.549995429965697e-17) + rest
        let (p, q) = (1 / (z + 1000), 1 / (x + 1000))
        var sum = Glibc.log1p(distance * p) / distance + p * q / 2 + p * q * (p + q) / 12
        for k in stride(from: 999.0, through: 0, by: -1) { sum += 1 / ((z + k) * (x + k)) }
        return distance * sum
    }

    /// ψ = (ln Γ)′. At the poles it is ∓∞ for ±0 and NaN for negative integers.
    static func digamma(_ x: Double) -> Double {
        if x == 0 { return Glibc.copysign(.infinity, -x) }
        if x >= 1 { return x == .infinity ? x : digammaPositive(x, 0) }
        if x > 0 { return digammaPositive(x + 1, x - ((x + 1) - 1)) - 1 / x }
        let fraction = x - x.rounded()
        if x.isNaN || fraction == 0 || x == -.infinity { return .nan }
        let pole =
            fraction.magnitude < 0.25
            ? Double.pi / Glibc.tan(Double.pi * fraction)
            : Glibc.copysign(Double.pi * Glibc.tan(Double.pi * (0.5 - fraction.magnitude)), fraction)
        return digammaPositive(1 - x, (1 - (1 - x)) - x) - pole
    }

    /// n!/xⁿ
    private static func factorialOverPower(_ n: Int, _ x: Double) -> Double {
        if n == 1 { return 1 / x }
        if n <= 20 { return (2...n).reduce(1.0) { $0 * Double($1) } * Glibc.pow(x, -Double(n)) }
        return (2...n).reduce(1.0) { $0 * (Double($1) / x) } / x
    }

    /// n!·Σ 1/(x + k)ⁿ⁺¹ over k ≥ 0, for x > 0: single terms up to x + k = 2n + 16, then the Euler–Maclaurin formula.
    private static func polygammaSum(_ n: Int, _ x: Double) -> Double {
        let count = Int(Swift.max(0, (Double(2 * n + 16) - x).rounded(.up)))
        let y = x + Double(count)
        var (scale, sum) = (1 / y, 0.0)
        for (j, b) in eulerMaclaurin.enumerated() {
            scale *= (j == 0 ? 1 / y : Double(n + 2 * j) / (y * y)) * Double(n + 2 * j + 1)
            sum += b * scale
        }
        sum = factorialOverPower(n, y) * (1 / Double(n) + (0.5 / y + sum))
        for k in stride(from: count - 1, through: 0, by: -1) {
            let v = x + Double(k)
            sum += factorialOverPower(n, v) / v
        }
        return sum
    }

    /// The n-th derivative of ψ. At the poles it is +∞ for odd n and −∞ for even n.
    static func polygamma(_ n: Int, _ x: Double) -> Double {
        if n == 0 { return digamma(x) }
        let sign: Double = n % 2 == 1 ? 1 : -1
        if x == .infinity { return Glibc.copysign(0, sign) }
        if x > 0 { return sign * polygammaSum(n, x) }
        let f = x - x.rounded()
        if f.isNaN { return f }
        if f == 0 { return sign * .infinity }
        let pole = factorialOverPower(n, f.magnitude) / f.magnitude
        let (right, left) = (polygammaSum(n, 1 + f), polygammaSum(n, 1 - f) - polygammaSum(n, 1 - x))
        return n % 2 == 1 ? pole + right + left : left - (f < 0 ? -pole : pole) - right
    }

    // MARK: The incomplete gamma function

    /// P(a, x) = xᵃ·e⁻ˣ·Σ xⁿ/Γ(a + n + 1)
    static func gammainc(_ a: Double, _ x: Double) -> Double {
        guard a >= 0, x >= 0, a > 0 || x > 0, a.isFinite || x.isFinite else { return .nan }
        if a == 0 || x.isInfinite { return 1 }
        // Far above a the result rounds to 1, and the series would be long.
        if a >= 10 && x > a + 45 * (a + 10).squareRoot() { return 1 }
        if x == 0 || a.isInfinite { return 0 }
        var (term, sum, n) = (1.0, 1.0, 0.0)
        repeat {
            n += 1
            term *= x / (a + n)
            sum += term
        } while a + n <= x || term > 1e-20 * sum
        return gammaFactor(a, x) * sum
    }

    /// 1 − P(a, x). Above a + 1 by the continued fraction of the next function; below, where P is next to 1 for small a, by its integral
    /// xᵃ·e⁻ˣ/Γ(a)·∫ e^(−xu)·(1 + u)^(a − 1) du over u > 0, whose variable becomes u = exp(v − e⁻ᵛ), so that the integrand falls off at
    /// both ends.
    static func gammaincc(_ a: Double, _ x: Double) -> Double {
        guard a >= 0, x >= 0, a > 0 || x > 0, a.isFinite || x.isFinite else { return .nan }
        if x == 0 || a.isInfinite { return 1 }
        if a == 0 || x.isInfinite { return 0 }
        if x > a + 1 {
            var h = 0.0
            for i in stride(from: Double(200 + Int(20 * a.squareRoot())), to: 0, by: -1) { h = i * (i - a) / (x + 2 * i + 1 - a - h) }
            return gammaFactor(a, x) * a / (x + 1 - a - h)
        }
        if a >= 1 { return 1 - gammainc(a, x) }
        var (sum, v) = (0.0, -4.0)
        while true {
            let u = Glibc.exp(v - Glibc.exp(-v))
            if x * u > 50 { return gammaFactor(a, x) * a * sum * 0.0625 }
            sum += Glibc.exp(-x * u) * Glibc.pow(1 + u, a - 1) * u * (1 + Glibc.exp(-v))
            v += 0.0625
        }
    }

    /// −(∂P/∂a)/(∂P/∂x): up to a + 1 the derivative of the series. Above, where its terms would cancel, the derivative of the continued
    /// fraction 1 − P = xᵃ·e⁻ˣ/Γ(a)/(x + 1 − a − 1·(1 − a)/(x + 3 − a − …)), evaluated from its far end.
    static func gammaSampleGradient(_ a: Double, _ x: Double) -> Double {
        guard a > 0, x > 0 else { return x == 0 ? 0 : .nan }
        let log = Glibc.log(x)
        if x > a + 1 {
            var (h, slope) = (0.0, 0.0)
            for i in stride(from: Double(100 + Int(20 * a.squareRoot())), through: 0, by: -1) {
                // h becomes i·(i − a)/(x + 2i + 1 − a − h); for i = 0 only the divisor is needed.
                let divisor = x + 2 * i + 1 - a - h
                let divisorSlope = -1 - slope
                if i == 0 { return x / divisor * (log - digamma(a) - divisorSlope / divisor) }
                (h, slope) = (i * (i - a) / divisor, -i / divisor - i * (i - a) * divisorSlope / (divisor * divisor))
            }
        }
        var (term, psi, n) = (x / a, digamma(a + 1), 0.0)
        var sum = term * (log - psi)
        repeat {
            n += 1
            term *= x / (a + n)
            psi += 1 / (a + n)
            sum += term * (log - psi)
        } while term * (1 + (log - psi).magnitude) > 1e-20 * sum.magnitude
        return -sum
    }

    /// Σ 1/(q + k)ˢ: the terms up to q + k = 100, then the Euler–Maclaurin formula.
    static func zeta(_ s: Double, _ q: Double) -> Double {
        if s == 1 || s > 1 && q <= 0 && q == q.rounded(.down) { return .infinity }
        guard s > 1, q > 0 || q < 0 && s == s.rounded(.down) else { return .nan }
        if q == .infinity { return 0 }
        let count = Int(Swift.max(0, 100 - q).rounded(.up))
        let y = q + Double(count)
        let power = Glibc.pow(y, -s)
        var (term, sum) = (s * power / y, power / 2 + Glibc.pow(y, 1 - s) / (s - 1))
        for (j, b) in eulerMaclaurin.enumerated() {
            sum += b * term
            term *= (s + Double(2 * j + 1)) * (s + Double(2 * j + 2)) / (y * y)
        }
        for k in stride(from: count - 1, through: 0, by: -1) { sum += Glibc.pow(q + Double(k), -s) }
        return sum
    }

    /// (μ − ln(1 + μ))/μ², a polynomial in μ.
    private static let gammaExponent = (2...18).map { Double(1 - $0 % 2 * 2) / Double($0) }

    /// xᵃ·e⁻ˣ/Γ(a + 1); from a = 10 on by Stirling's series, since the logarithms of the factors nearly cancel.
    private static func gammaFactor(_ a: Double, _ x: Double) -> Double {
        if a < 10 { return Glibc.exp(a * Glibc.log(x) - x) / Glibc.tgamma(a + 1) }
        let mu = (x - a) / a
        let exponent = mu.magnitude > 0.1 ? (x - a) - a * Glibc.log(x / a) : a * (mu * mu * polynomial(mu, gammaExponent))
        return Glibc.exp(-exponent - polynomial(1 / (a * a), stirling) / a) / (2 * Double.pi * a).squareRoot()
    }
}
