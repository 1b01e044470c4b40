// Written by Tests/ApusCoreTests/tensor-functions: the methods beside it as functions, since PyTorch has both:
// `torch.exp(x)` is `Tensor.exp(x)`.

extension Tensor {
    /// I₀(x), the modified Bessel function of the first kind and order 0; d = I₁(x).
    public static func i0(_ x: Tensor) -> Tensor { x.i0() }
    /// I₁(x), the modified Bessel function of the first kind and order 1; d = I₀(x) − I₁(x)/x. PyTorch: `torch.special.i1`.
    public static func i1(_ x: Tensor) -> Tensor { x.i1() }
    /// e^(−|x|)·I₀(x); d = e^(−|x|)·(I₁(x) − sign x·I₀(x)). PyTorch: `torch.special.i0e`.
    public static func i0e(_ x: Tensor) -> Tensor { x.i0e() }
    /// e^(−|x|)·I₁(x); d = e^(−|x|)·(I₀(x) − I₁(x)·(sign x + 1/x)). PyTorch: `torch.special.i1e`.
    public static func i1e(_ x: Tensor) -> Tensor { x.i1e() }
    /// I₀(x): another name of `i0`. PyTorch: `torch.special.modified_bessel_i0`, which has no derivative.
    public static func modifiedBesselI0(_ x: Tensor) -> Tensor { x.modifiedBesselI0() }
    /// I₁(x): another name of `i1`. PyTorch: `torch.special.modified_bessel_i1`, which has no derivative.
    public static func modifiedBesselI1(_ x: Tensor) -> Tensor { x.modifiedBesselI1() }
    /// K₀(x), the modified Bessel function of the second kind and order 0: ∞ at 0, NaN for negative x. It has no derivative. PyTorch:
    /// `torch.special.modified_bessel_k0`.
    public static func modifiedBesselK0(_ x: Tensor) -> Tensor { x.modifiedBesselK0() }
    /// K₁(x), the modified Bessel function of the second kind and order 1: ∞ at 0, NaN for negative x. It has no derivative. PyTorch:
    /// `torch.special.modified_bessel_k1`.
    public static func modifiedBesselK1(_ x: Tensor) -> Tensor { x.modifiedBesselK1() }
    /// eˣ·K₀(x). It has no derivative. PyTorch: `torch.special.scaled_modified_bessel_k0`.
    public static func scaledModifiedBesselK0(_ x: Tensor) -> Tensor { x.scaledModifiedBesselK0() }
    /// eˣ·K₁(x). It has no derivative. PyTorch: `torch.special.scaled_modified_bessel_k1`.
    public static func scaledModifiedBesselK1(_ x: Tensor) -> Tensor { x.scaledModifiedBesselK1() }
    /// J₀(x), the Bessel function of the first kind and order 0. It has no derivative. PyTorch: `torch.special.bessel_j0`.
    public static func besselJ0(_ x: Tensor) -> Tensor { x.besselJ0() }
    /// J₁(x), the Bessel function of the first kind and order 1. It has no derivative. PyTorch: `torch.special.bessel_j1`.
    public static func besselJ1(_ x: Tensor) -> Tensor { x.besselJ1() }
    /// Y₀(x), the Bessel function of the second kind and order 0: −∞ at 0, NaN for negative x. It has no derivative. PyTorch:
    /// `torch.special.bessel_y0`.
    public static func besselY0(_ x: Tensor) -> Tensor { x.besselY0() }
    /// Y₁(x), the Bessel function of the second kind and order 1: −∞ at 0, NaN for negative x. It has no derivative. PyTorch:
    /// `torch.special.bessel_y1`.
    public static func besselY1(_ x: Tensor) -> Tensor { x.besselY1() }
    /// sin x / x, 1 at 0: the spherical Bessel function j₀. It has no derivative; `sinc` has one. PyTorch:
    /// `torch.special.spherical_bessel_j0`.
    public static func sphericalBesselJ0(_ x: Tensor) -> Tensor { x.sphericalBesselJ0() }
    /// The Airy function Ai(x). It has no derivative. PyTorch: `torch.special.airy_ai`.
    public static func airyAi(_ x: Tensor) -> Tensor { x.airyAi() }
    /// e^(x²)·erfc x, which decreases like 1/x where erfc x underflows; d = 2x·erfcx x − 2/√π. PyTorch: `torch.special.erfcx`.
    public static func erfcx(_ x: Tensor) -> Tensor { x.erfcx() }
    /// ζ(s, q), the Hurwitz zeta function of s (x): Σ 1/(q + k)ˢ over k ≥ 0. ∞ for s = 1 and where q is 0 or a negative integer; NaN for
    /// s < 1, and for other negative q unless s is an integer. d = −s·ζ(s + 1, q) with respect to q; there is none with respect to s.
    /// PyTorch: `torch.special.zeta`.
    public static func zeta(_ x: Tensor, _ q: Tensor) -> Tensor { x.zeta(q) }
    /// ζ(x, q) for one q; for q = 1 the Riemann zeta function.
    public static func zeta(_ x: Tensor, _ q: some ScalarConvertible) -> Tensor { x.zeta(q) }
    /// Tₙ(x), the Chebyshev polynomial of the first kind of order n: cos na where x is cos a. It has no derivative.
    public static func chebyshevPolynomialT(_ x: Tensor, _ n: Tensor) -> Tensor { x.chebyshevPolynomialT(n) }
    /// Tₙ(x) for one n.
    public static func chebyshevPolynomialT(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.chebyshevPolynomialT(n) }
    /// Uₙ(x), the Chebyshev polynomial of the second kind of order n: sin (n + 1)a / sin a where x is cos a. It has no derivative.
    public static func chebyshevPolynomialU(_ x: Tensor, _ n: Tensor) -> Tensor { x.chebyshevPolynomialU(n) }
    /// Uₙ(x) for one n.
    public static func chebyshevPolynomialU(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.chebyshevPolynomialU(n) }
    /// Vₙ(x), the Chebyshev polynomial of the third kind of order n: cos (n + ½)a / cos ½a where x is cos a. It has no derivative.
    public static func chebyshevPolynomialV(_ x: Tensor, _ n: Tensor) -> Tensor { x.chebyshevPolynomialV(n) }
    /// Vₙ(x) for one n.
    public static func chebyshevPolynomialV(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.chebyshevPolynomialV(n) }
    /// Wₙ(x), the Chebyshev polynomial of the fourth kind of order n: sin (n + ½)a / sin ½a where x is cos a. It has no derivative.
    public static func chebyshevPolynomialW(_ x: Tensor, _ n: Tensor) -> Tensor { x.chebyshevPolynomialW(n) }
    /// Wₙ(x) for one n.
    public static func chebyshevPolynomialW(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.chebyshevPolynomialW(n) }
    /// Tₙ(2x − 1), the Chebyshev polynomial of the first kind for 0 … 1. It has no derivative.
    public static func shiftedChebyshevPolynomialT(_ x: Tensor, _ n: Tensor) -> Tensor { x.shiftedChebyshevPolynomialT(n) }
    /// Tₙ(2x − 1) for one n.
    public static func shiftedChebyshevPolynomialT(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.shiftedChebyshevPolynomialT(n) }
    /// Uₙ(2x − 1), the Chebyshev polynomial of the second kind for 0 … 1. It has no derivative.
    public static func shiftedChebyshevPolynomialU(_ x: Tensor, _ n: Tensor) -> Tensor { x.shiftedChebyshevPolynomialU(n) }
    /// Uₙ(2x − 1) for one n.
    public static func shiftedChebyshevPolynomialU(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.shiftedChebyshevPolynomialU(n) }
    /// Vₙ(2x − 1), the Chebyshev polynomial of the third kind for 0 … 1. It has no derivative.
    public static func shiftedChebyshevPolynomialV(_ x: Tensor, _ n: Tensor) -> Tensor { x.shiftedChebyshevPolynomialV(n) }
    /// Vₙ(2x − 1) for one n.
    public static func shiftedChebyshevPolynomialV(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.shiftedChebyshevPolynomialV(n) }
    /// Wₙ(2x − 1), the Chebyshev polynomial of the fourth kind for 0 … 1. It has no derivative.
    public static func shiftedChebyshevPolynomialW(_ x: Tensor, _ n: Tensor) -> Tensor { x.shiftedChebyshevPolynomialW(n) }
    /// Wₙ(2x − 1) for one n.
    public static func shiftedChebyshevPolynomialW(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.shiftedChebyshevPolynomialW(n) }
    /// Hₙ(x), the physicist's Hermite polynomial of order n: Hₙ₊₁ = 2x·Hₙ − 2n·Hₙ₋₁ with H₀ = 1. NaN for orders above a million, and if a
    /// step overflows. It has no derivative.
    public static func hermitePolynomialH(_ x: Tensor, _ n: Tensor) -> Tensor { x.hermitePolynomialH(n) }
    /// Hₙ(x) for one n.
    public static func hermitePolynomialH(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.hermitePolynomialH(n) }
    /// Heₙ(x), the probabilist's Hermite polynomial of order n: Heₙ₊₁ = x·Heₙ − n·Heₙ₋₁ with He₀ = 1. NaN for orders above a million, and
    /// if a step overflows. It has no derivative.
    public static func hermitePolynomialHe(_ x: Tensor, _ n: Tensor) -> Tensor { x.hermitePolynomialHe(n) }
    /// Heₙ(x) for one n.
    public static func hermitePolynomialHe(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.hermitePolynomialHe(n) }
    /// Lₙ(x), the Laguerre polynomial of order n: (n + 1)·Lₙ₊₁ = (2n + 1 − x)·Lₙ − n·Lₙ₋₁ with L₀ = 1. NaN for orders above a million, and
    /// if a step overflows. It has no derivative.
    public static func laguerrePolynomialL(_ x: Tensor, _ n: Tensor) -> Tensor { x.laguerrePolynomialL(n) }
    /// Lₙ(x) for one n.
    public static func laguerrePolynomialL(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.laguerrePolynomialL(n) }
    /// Pₙ(x), the Legendre polynomial of order n: (n + 1)·Pₙ₊₁ = (2n + 1)·x·Pₙ − n·Pₙ₋₁ with P₀ = 1. NaN for orders above a million, and if
    /// a step overflows. It has no derivative.
    public static func legendrePolynomialP(_ x: Tensor, _ n: Tensor) -> Tensor { x.legendrePolynomialP(n) }
    /// Pₙ(x) for one n.
    public static func legendrePolynomialP(_ x: Tensor, _ n: some ScalarConvertible) -> Tensor { x.legendrePolynomialP(n) }
}
