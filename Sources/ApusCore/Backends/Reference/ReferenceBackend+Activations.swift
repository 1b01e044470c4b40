import Glibc

/// Exponentials of products and squares, and activations made of them. The rounding error of an exponent is corrected, as `math_exact.h`
/// explains.
extension ReferenceFunctions {
    /// a·eᵗ, accurate also if eᵗ is denormal but the product is not.
    private static func timesExp(_ a: Double, _ t: Double, lost: Double = 0) -> Double {
        if t > -700 {
            let y = a * Glibc.exp(t)
            return lost == 0 ? y : y + y * lost
        }
        let half = Glibc.exp(t / 2)
        let y = a * half * half
        return lost.isFinite ? y + y * lost : y
    }
    /// a·e^(b·x)
    static func timesExp(_ a: Double, product b: Double, _ x: Double) -> Double {
        let t = b * x
        return timesExp(a, t, lost: t.magnitude < 800 ? (-t).addingProduct(b, x) : 0)
    }
    /// e^(x − y) for x ≤ y
    static func expDifference(_ x: Double, _ y: Double) -> Double {
        let d = x - y
        let part = d + y
        return timesExp(1, d, lost: d > -800 ? (x - part) - (y - (part - d)) : 0)
    }

    static func sigmoid(_ x: Double) -> Double {
        let e = Glibc.exp(-x.magnitude)
        return (x < 0 ? e : 1) / (1 + e)
    }
    static func sigmoid(product b: Double, _ x: Double) -> Double {
        let e = timesExp(1, product: b * x < 0 ? b : -b, x)
        return (b * x < 0 ? e : 1) / (1 + e)
    }
    static func softplus(_ x: Double, _ b: Double) -> Double {
        b * x < -700 ? timesExp(1 / b, product: b, x) : Glibc.log1p(timesExp(1, product: b, x)) / b
    }
    static func silu(_ x: Double) -> Double {
        x < -700 ? timesExp(x, x) : x < 0 ? x * Glibc.exp(x) / (1 + Glibc.exp(x)) : x / (1 + Glibc.exp(-x))
    }
    static func siluSlope(_ x: Double) -> Double {
        let x = clamp(x, -1e4, 1e4)
        let factor = 1 + x * sigmoid(-x)
        return x < -700 ? timesExp(factor, x) : x < 0 ? factor * Glibc.exp(x) / (1 + Glibc.exp(x)) : factor / (1 + Glibc.exp(-x))
    }
    /// x·tanh(ln(1 + eˣ)); with n = eˣ·(eˣ + 2) the tanh is n/(n + 2).
    static func mish(_ x: Double) -> Double {
        if x < -700 { return timesExp(x, x) }
        let e = Glibc.exp(-x.magnitude)
        return x < 0 ? x * (e * (e + 2) / (e * (e + 2) + 2)) : x * ((1 + 2 * e) / (1 + 2 * e + 2 * e * e))
    }

    /// Φ, the cumulative distribution function of the normal distribution, by erfc, which is accurate in the lower tail.
    private static func normalDistribution(_ x: Double) -> Double {
        let root = 0.5.squareRoot()
        let z = -x * root
        let lost = (-z).addingProduct(-x, root) + x * 4.833646656726457e-17
        return 0.5 * (Glibc.erfc(z) - lost * (2 / Double.pi.squareRoot()) * Glibc.exp(-z * z))
    }
    /// a·φ(x)
    private static func timesNormalDensity(_ a: Double, _ x: Double) -> Double {
        timesExp(a / (2 * Double.pi).squareRoot(), -0.5 * x * x, lost: -0.5 * (-x * x).addingProduct(x, x))
    }
    /// x·Φ(x); for very negative x, where Φ is denormal, by its asymptotic series.
    static func gelu(_ x: Double) -> Double {
        if !(x < -36) || x < -40 { return x * normalDistribution(clamp(x, -40, 40)) }
        let r = 1 / (x * x)
        return -timesNormalDensity(1 - r * (1 - 3 * r * (1 - 5 * r * (1 - 7 * r * (1 - 9 * r * (1 - 11 * r))))), x)
    }
    static func geluSlope(_ x: Double) -> Double {
        let x = clamp(x, -40, 40)
        return normalDistribution(x) + timesNormalDensity(x, x)
    }

    /// u = 2·√(2/π)·(x + 0.044715·x³) and its rounding error; x times the sum of two constants, each in two parts.
    private static func geluExponent(_ x: Double) -> (Double, Double) {
        let (k, kRest, k3, k3Rest) = (1.5957691216057308, -9.96930880911092e-17, 0.07135481627260025, -6.175149918155315e-19)
        let s = x * x
        let q = k3 * s
        let qLost = (-q).addingProduct(k3, s) + (k3 * (-s).addingProduct(x, x) + k3Rest * s)
        let p = k + q
        let part = p - k
        let pLost = (k - (p - part)) + (q - part) + (qLost + kRest)
        let u = x * p
        return (u, (-u).addingProduct(x, p) + x * pLost)
    }
    /// x·σ(u), since ½(1 + tanh ½u) = σ(u).
    static func geluTanh(_ x: Double) -> Double {
        let (u, lost) = geluExponent(clamp(x, -40, 40))
        if u < -700 { return timesExp(x, u, lost: lost) }
        let e = timesExp(1, -u.magnitude, lost: u < 0 ? lost : -lost)
        return (u < 0 ? x * e : x) / (1 + e)
    }
    /// σ(u) + t·σ(u)·σ(−u) with t = x·u′ = 3u − 2kx. The rounding error of each sum is corrected.
    static func geluTanhSlope(_ x: Double) -> Double {
        let x = clamp(x, -40, 40)
        let (u, lost) = geluExponent(x)
        let (e, eLost) = (Glibc.exp(-u.magnitude), u < 0 ? lost : -lost)
        let k2 = -2 * 1.5957691216057308
        let linear = k2 * x
        let linearLost = (-linear).addingProduct(k2, x) + (3 * lost + 2 * 9.96930880911092e-17 * x)
        let t = linear.addingProduct(3, u)
        let tLost = ((-t).addingProduct(3, u) + linear) + linearLost
        let d = 1 + e
        let dLost = (e - (d - 1)) + e * eLost
        let g = u < 0 ? t : t * e
        let gLost = u < 0 ? tLost : (-g).addingProduct(t, e) + (tLost * e + g * eLost)
        let sum = d + g
        let part = sum - d
        var sumLost = (d - (sum - part)) + (g - part) + (gLost + dLost - 2 * sum * dLost / d)
        if u > 0 { return (sum + sumLost) / (d * d) }
        sumLost += sum * eLost
        return u > -700 ? (e * sum + e * sumLost) / (d * d) : timesExp(sum + sumLost, u)
    }
}
