import Glibc

/// Bessel functions, Airy's, erfcx and polynomials. An integral of a function that is smooth and periodic, or falls off at both ends, is
/// the sum of the function at equidistant points, to all digits.
extension ReferenceFunctions {
    // MARK: Modified Bessel functions of the orders 0 and 1

    /// e^(−|x|)·I(x): the mean of e^(x·(cos t − 1))·cos(order·t) over the circle. For small x the power series, for large x the asymptotic
    /// one.
    static func scaledBesselI(_ order: Int, _ x: Double) -> Double {
        let (m, sign) = (x.magnitude, order == 1 && x < 0 ? -1.0 : 1)
        if m.isNaN || m.isInfinite { return m.isNaN ? m : 0 }
        if m < 1 {
            var (term, sum, k) = (1.0, 1.0, 1.0)
            while term > 1e-20 {
                term *= m * m / 4 / (k * (k + Double(order)))
                sum += term
                k += 1
            }
            return sign * Glibc.exp(-m) * (order == 0 ? sum : m / 2 * sum)
        }
        if m > 1e5 {
            let (r, square) = (1 / (8 * m), Double(4 * order))
            return sign * (1 - (square - 1) * r * (1 - (square - 9) * r / 2)) / ((2 * Double.pi).squareRoot() * m.squareRoot())
        }
        let n = 30 + Int(10 * m.squareRoot())
        let points = (0..<n).map { i -> Double in
            let s = Glibc.sin(Double.pi * Double(i) / Double(n))
            // cos t is 1 − 2·sin² ½t.
            return Glibc.exp(-2 * m * s * s) * (order == 0 ? 1 : 1 - 2 * s * s)
        }
        return sign * points.reduce(0, +) / Double(n)
    }

    static func besselI(_ order: Int, _ x: Double) -> Double {
        if x.isInfinite { return order == 0 ? .infinity : x }
        let root = Glibc.exp(x.magnitude / 2)
        return root * scaledBesselI(order, x) * root
    }

    /// eˣ·K(x): the integral of e^(−x·(cosh t − 1))·cosh(order·t) over t > 0.
    static func scaledBesselK(_ order: Int, _ x: Double) -> Double {
        guard x > 0 else { return x == 0 ? .infinity : .nan }
        if x == .infinity { return 0 }
        // Nothing but the first terms of the power series is left.
        if x < 1e-20 { return order == 0 ? 0.11593151565841245 - Glibc.log(x) : 1 / x }
        let step = 0.2 * Swift.min(1, 2 / x.squareRoot())
        // x·(cosh t − 1) is (√(2x)·sinh ½t)².
        let root = 2.0.squareRoot() * x.squareRoot()
        var (sum, i) = (0.5, 1.0)
        while true {
            let t = i * step
            let exponent = (root * Glibc.sinh(t / 2)) * (root * Glibc.sinh(t / 2))
            if exponent > 60 + t { return sum * step }
            sum += order == 0 ? Glibc.exp(-exponent) : (Glibc.exp(t - exponent) + Glibc.exp(-t - exponent)) / 2
            i += 1
        }
    }

    // MARK: Airy's function, erfcx

    /// Ai(x) = 1/π·∫ cos(t³/3 + xt) dt over t > 0, taken along a line at the height h above the real one, where the integrand falls off
    /// like e^(−ht²). Below −12 by the asymptotic series.
    static func airy(_ x: Double) -> Double {
        if x.isNaN { return x }
        let m = x.magnitude
        let zeta = m * m.squareRoot() / 1.5
        if x > 110 || zeta.isInfinite { return 0 }
        if x < -12 {
            var (even, odd, term) = (1.0, 0.0, 1.0)
            for k in 1...20 {
                term *= Double((6 * k - 5) * (6 * k - 1)) / (72 * Double(k) * zeta)
                switch k % 4 {
                case 1: odd += term
                case 2: even -= term
                case 3: odd -= term
                default: even += term
                }
            }
            let angle = zeta - Double.pi / 4
            return (Glibc.cos(angle) * even + Glibc.sin(angle) * odd) / (Double.pi * m.squareRoot()).squareRoot()
        }
        let h = x > 1 ? x.squareRoot() : x < -2 ? -2 / x : 1
        // Points see the frequency t² of the integrand up to 2π/step, where it must have fallen off.
        let step = Swift.min(0.05, 0.14 * h)
        var (sum, i) = (0.5, 1.0)
        while h * (i * step) * (i * step) < 45 {
            let t = i * step
            sum += Glibc.exp(-h * t * t) * Glibc.cos(t * t * t / 3 + (x - h * h) * t)
            i += 1
        }
        return Glibc.exp(h * h * h / 3 - x * h) / Double.pi * sum * step
    }

    /// From 1 on the integral of x/π·e^(−t²)/(x² + t²) by points at a distance of ½, whose error is that of the pole at t = ix and known.
    static func erfcx(_ x: Double) -> Double {
        if x < -27 { return .infinity }
        if x < 1 {
            let square = x * x
            return Glibc.exp(square) * (1 + Glibc.fma(x, x, -square)) * Glibc.erfc(x)
        }
        var sum = 1.0
        for i in 1...13 {
            let t = Double(i) / 2
            sum += 2 * Glibc.exp(-t * t) / (1 + (t / x) * (t / x))
        }
        let integral = sum / (2 * Double.pi) / x
        return x < 6 ? integral + 2 * Glibc.exp(x * x) / (1 - Glibc.exp(4 * Double.pi * x)) : integral
    }

    // MARK: Polynomials

    /// The polynomial of the order n, cut to an integer, by its recurrence: `next` makes that of the order k + 1 of k and those of the
    /// orders k and k − 1. That of the order 0 is 1, those below are 0.
    static func polynomial(
        _ n: Double, first: Double, _ next: (_ k: Double, _ p: Double, _ before: Double) -> Double
    ) -> Double {
        guard n > -1, n < 1e6 else { return n <= -1 ? 0 : .nan }
        var (before, p) = (0.0, 1.0)
        for k in 0..<Int(n) { (before, p) = (p, k == 0 ? first : next(Double(k), p, before)) }
        return p
    }

    static func chebyshev(_ x: Double, _ n: Double, first: Double) -> Double {
        polynomial(n, first: first) { _, p, before in 2 * x * p - before }
    }

    /// Laplace's integral: the mean of (x + √(x² − 1)·cos t)ⁿ over the circle, whose real part is taken within ±1.
    static func legendre(_ x: Double, _ n: Double) -> Double {
        guard n > -1, n < 1e6 else { return n <= -1 ? 0 : .nan }
        let (n, root) = (Int(n), (x * x - 1).magnitude.squareRoot())
        if n == 0 { return 1 }
        let points = (0...n).map { i -> Double in
            let s = root * Glibc.cos(Double.pi * (Double(i) + 0.5) / Double(n + 1))
            if x.magnitude >= 1 { return Glibc.pow(x + s, Double(n)) }
            return Glibc.pow(x * x + s * s, Double(n) / 2) * Glibc.cos(Double(n) * Glibc.atan2(s, x))
        }
        return points.reduce(0, +) / Double(n + 1)
    }
}
