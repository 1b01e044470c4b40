/// Special functions besides those of `Unary.swift` and `Binary.swift`: Bessel functions, the Airy function, erfcx, the zeta function and
/// families of polynomials.
extension UnaryRule {
    /// A function without a derivative; asking for one is an error.
    convenience init(withoutDerivative kind: UnaryKind) {
        self.init(kind, keeps: .nothing) { _, _, _ throws(OpError) in
            throw OpError("has no derivative; detach() its operand")
        }
    }

    static let i0 = UnaryRule(.i0) { g, x, _ in g * x.i1() }
    static let i1 = UnaryRule(.i1) { g, x, _ in g * (x.i0() - quotient(x.i1(), x)) }
    /// (e^(−|x|)·I₀(x))′ = e^(−|x|)·(I₁(x) − sign x·I₀(x))
    static let i0e = UnaryRule(.i0e) { g, x, _ in g * (x.i1e() - x.sign() * x.i0e()) }
    static let i1e = UnaryRule(.i1e) { g, x, _ in
        let y = x.i1e()
        return g * (x.i0e() - x.sign() * y - quotient(y, x))
    }
    static let erfcx = UnaryRule(.erfcx) { g, x, _ in g * (x * x.erfcx() * 2 - 1.1283791670955126) }
    static let besselJ0 = UnaryRule(withoutDerivative: .besselJ0)
    static let besselJ1 = UnaryRule(withoutDerivative: .besselJ1)
    static let besselY0 = UnaryRule(withoutDerivative: .besselY0)
    static let besselY1 = UnaryRule(withoutDerivative: .besselY1)
    static let modifiedBesselK0 = UnaryRule(withoutDerivative: .modifiedBesselK0)
    static let modifiedBesselK1 = UnaryRule(withoutDerivative: .modifiedBesselK1)
    static let scaledModifiedBesselK0 = UnaryRule(withoutDerivative: .scaledModifiedBesselK0)
    static let scaledModifiedBesselK1 = UnaryRule(withoutDerivative: .scaledModifiedBesselK1)
    static let sphericalBesselJ0 = UnaryRule(withoutDerivative: .sphericalBesselJ0)
    static let airyAi = UnaryRule(withoutDerivative: .airyAi)

    /// The rules of this file.
    static let special: [UnaryRule] = [
        i0, i1, i0e, i1e, erfcx, besselJ0, besselJ1, besselY0, besselY1, modifiedBesselK0, modifiedBesselK1, scaledModifiedBesselK0,
        scaledModifiedBesselK1, sphericalBesselJ0, airyAi,
    ]

    /// y/x, where y is about ½x near 0.
    private static func quotient(_ y: Tensor, _ x: Tensor) -> Tensor {
        let isZero = x.eq(0)
        return (y / x.maskedFill(isZero, 1)).maskedFill(isZero, 0.5)
    }
}

extension BinaryRule {
    /// A function without derivatives; asking for one is an error.
    convenience init(withoutDerivative kind: BinaryKind) {
        self.init(kind, keepsInputs: false) { _, _, _, _ throws(OpError) in
            throw OpError("has no derivative; detach() its operands")
        }
    }

    /// d = −s·ζ(s + 1, q)·dq
    static let zeta = BinaryRule(.zeta) { g, kept, context, _ throws(OpError) in
        let (s, q) = (kept[0], kept[1])
        if context.needs(0) { throw OpError("has no derivative with respect to its first operand; detach() it") }
        return [nil, context.needs(1) ? -(g * s * (s + 1).zeta(q)) : nil]
    }
    static let chebyshevPolynomialT = BinaryRule(withoutDerivative: .chebyshevPolynomialT)
    static let chebyshevPolynomialU = BinaryRule(withoutDerivative: .chebyshevPolynomialU)
    static let chebyshevPolynomialV = BinaryRule(withoutDerivative: .chebyshevPolynomialV)
    static let chebyshevPolynomialW = BinaryRule(withoutDerivative: .chebyshevPolynomialW)
    static let shiftedChebyshevPolynomialT = BinaryRule(withoutDerivative: .shiftedChebyshevPolynomialT)
    static let shiftedChebyshevPolynomialU = BinaryRule(withoutDerivative: .shiftedChebyshevPolynomialU)
    static let shiftedChebyshevPolynomialV = BinaryRule(withoutDerivative: .shiftedChebyshevPolynomialV)
    static let shiftedChebyshevPolynomialW = BinaryRule(withoutDerivative: .shiftedChebyshevPolynomialW)
    static let hermitePolynomialH = BinaryRule(withoutDerivative: .hermitePolynomialH)
    static let hermitePolynomialHe = BinaryRule(withoutDerivative: .hermitePolynomialHe)
    static let laguerrePolynomialL = BinaryRule(withoutDerivative: .laguerrePolynomialL)
    static let legendrePolynomialP = BinaryRule(withoutDerivative: .legendrePolynomialP)

    /// The rules of this file.
    static let special: [BinaryRule] = [
        zeta, chebyshevPolynomialT, chebyshevPolynomialU, chebyshevPolynomialV, chebyshevPolynomialW, shiftedChebyshevPolynomialT,
        shiftedChebyshevPolynomialU, shiftedChebyshevPolynomialV, shiftedChebyshevPolynomialW, hermitePolynomialH, hermitePolynomialHe,
        laguerrePolynomialL, legendrePolynomialP,
    ]
}

// MARK: - Functions of one number

extension Tensor {
    /// I₀(x), the modified Bessel function of the first kind and order 0; d = I₁(x).
    public final func i0() -> Tensor { unary(.i0) }
    /// I₁(x), the modified Bessel function of the first kind and order 1; d = I₀(x) − I₁(x)/x. PyTorch: `torch.special.i1`.
    package final func i1() -> Tensor { unary(.i1) }
    /// e^(−|x|)·I₀(x); d = e^(−|x|)·(I₁(x) − sign x·I₀(x)). PyTorch: `torch.special.i0e`.
    package final func i0e() -> Tensor { unary(.i0e) }
    /// e^(−|x|)·I₁(x); d = e^(−|x|)·(I₀(x) − I₁(x)·(sign x + 1/x)). PyTorch: `torch.special.i1e`.
    package final func i1e() -> Tensor { unary(.i1e) }
    /// I₀(x): another name of `i0`. PyTorch: `torch.special.modified_bessel_i0`, which has no derivative.
    package final func modifiedBesselI0() -> Tensor { i0() }
    /// I₁(x): another name of `i1`. PyTorch: `torch.special.modified_bessel_i1`, which has no derivative.
    package final func modifiedBesselI1() -> Tensor { i1() }
    /// K₀(x), the modified Bessel function of the second kind and order 0: ∞ at 0, NaN for negative x. It has no derivative. PyTorch:
    /// `torch.special.modified_bessel_k0`.
    package final func modifiedBesselK0() -> Tensor { unary(.modifiedBesselK0) }
    /// K₁(x), the modified Bessel function of the second kind and order 1: ∞ at 0, NaN for negative x. It has no derivative. PyTorch:
    /// `torch.special.modified_bessel_k1`.
    package final func modifiedBesselK1() -> Tensor { unary(.modifiedBesselK1) }
    /// eˣ·K₀(x). It has no derivative. PyTorch: `torch.special.scaled_modified_bessel_k0`.
    package final func scaledModifiedBesselK0() -> Tensor { unary(.scaledModifiedBesselK0) }
    /// eˣ·K₁(x). It has no derivative. PyTorch: `torch.special.scaled_modified_bessel_k1`.
    package final func scaledModifiedBesselK1() -> Tensor { unary(.scaledModifiedBesselK1) }
    /// J₀(x), the Bessel function of the first kind and order 0. It has no derivative. PyTorch: `torch.special.bessel_j0`.
    package final func besselJ0() -> Tensor { unary(.besselJ0) }
    /// J₁(x), the Bessel function of the first kind and order 1. It has no derivative. PyTorch: `torch.special.bessel_j1`.
    package final func besselJ1() -> Tensor { unary(.besselJ1) }
    /// Y₀(x), the Bessel function of the second kind and order 0: −∞ at 0, NaN for negative x. It has no derivative. PyTorch:
    /// `torch.special.bessel_y0`.
    package final func besselY0() -> Tensor { unary(.besselY0) }
    /// Y₁(x), the Bessel function of the second kind and order 1: −∞ at 0, NaN for negative x. It has no derivative. PyTorch:
    /// `torch.special.bessel_y1`.
    package final func besselY1() -> Tensor { unary(.besselY1) }
    /// sin x / x, 1 at 0: the spherical Bessel function j₀. It has no derivative; `sinc` has one. PyTorch:
    /// `torch.special.spherical_bessel_j0`.
    package final func sphericalBesselJ0() -> Tensor { unary(.sphericalBesselJ0) }
    /// The Airy function Ai(x). It has no derivative. PyTorch: `torch.special.airy_ai`.
    package final func airyAi() -> Tensor { unary(.airyAi) }
    /// e^(x²)·erfc x, which decreases like 1/x where erfc x underflows; d = 2x·erfcx x − 2/√π. PyTorch: `torch.special.erfcx`.
    package final func erfcx() -> Tensor { unary(.erfcx) }
}

// MARK: - The zeta function

extension Tensor {
    /// ζ(s, q), the Hurwitz zeta function of s (self): Σ 1/(q + k)ˢ over k ≥ 0. ∞ for s = 1 and where q is 0 or a negative integer; NaN for
    /// s < 1, and for other negative q unless s is an integer. d = −s·ζ(s + 1, q) with respect to q; there is none with respect to s.
    /// PyTorch: `torch.special.zeta`.
    package final func zeta(_ q: Tensor) -> Tensor { Tensor.binary(.zeta, self, q) }
    /// ζ(self, q) for one q; for q = 1 the Riemann zeta function.
    package final func zeta(_ q: some ScalarConvertible) -> Tensor { zeta(wrapped(q)) }
    /// ζ(s, q) for one s.
    public static func zeta(_ s: some ScalarConvertible, _ q: Tensor) -> Tensor { q.wrapped(s).zeta(q) }
}

// MARK: - Polynomials

// The order n is a tensor or a number; its fractional part is ignored. For a negative order the result is 0. PyTorch:
// `torch.special.chebyshev_polynomial_t` and so on. There are no derivatives.
extension Tensor {
    /// Tₙ(x), the Chebyshev polynomial of the first kind of order n: cos na where x is cos a. It has no derivative.
    package final func chebyshevPolynomialT(_ n: Tensor) -> Tensor { Tensor.binary(.chebyshevPolynomialT, self, n) }
    /// Tₙ(x) for one n.
    package final func chebyshevPolynomialT(_ n: some ScalarConvertible) -> Tensor { chebyshevPolynomialT(wrapped(n)) }
    /// Tₙ(x) for one x.
    public static func chebyshevPolynomialT(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor { n.wrapped(x).chebyshevPolynomialT(n) }
    /// Uₙ(x), the Chebyshev polynomial of the second kind of order n: sin (n + 1)a / sin a where x is cos a. It has no derivative.
    package final func chebyshevPolynomialU(_ n: Tensor) -> Tensor { Tensor.binary(.chebyshevPolynomialU, self, n) }
    /// Uₙ(x) for one n.
    package final func chebyshevPolynomialU(_ n: some ScalarConvertible) -> Tensor { chebyshevPolynomialU(wrapped(n)) }
    /// Uₙ(x) for one x.
    public static func chebyshevPolynomialU(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor { n.wrapped(x).chebyshevPolynomialU(n) }
    /// Vₙ(x), the Chebyshev polynomial of the third kind of order n: cos (n + ½)a / cos ½a where x is cos a. It has no derivative.
    package final func chebyshevPolynomialV(_ n: Tensor) -> Tensor { Tensor.binary(.chebyshevPolynomialV, self, n) }
    /// Vₙ(x) for one n.
    package final func chebyshevPolynomialV(_ n: some ScalarConvertible) -> Tensor { chebyshevPolynomialV(wrapped(n)) }
    /// Vₙ(x) for one x.
    public static func chebyshevPolynomialV(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor { n.wrapped(x).chebyshevPolynomialV(n) }
    /// Wₙ(x), the Chebyshev polynomial of the fourth kind of order n: sin (n + ½)a / sin ½a where x is cos a. It has no derivative.
    package final func chebyshevPolynomialW(_ n: Tensor) -> Tensor { Tensor.binary(.chebyshevPolynomialW, self, n) }
    /// Wₙ(x) for one n.
    package final func chebyshevPolynomialW(_ n: some ScalarConvertible) -> Tensor { chebyshevPolynomialW(wrapped(n)) }
    /// Wₙ(x) for one x.
    public static func chebyshevPolynomialW(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor { n.wrapped(x).chebyshevPolynomialW(n) }

    /// Tₙ(2x − 1), the Chebyshev polynomial of the first kind for 0 … 1. It has no derivative.
    package final func shiftedChebyshevPolynomialT(_ n: Tensor) -> Tensor { Tensor.binary(.shiftedChebyshevPolynomialT, self, n) }
    /// Tₙ(2x − 1) for one n.
    package final func shiftedChebyshevPolynomialT(_ n: some ScalarConvertible) -> Tensor { shiftedChebyshevPolynomialT(wrapped(n)) }
    /// Tₙ(2x − 1) for one x.
    public static func shiftedChebyshevPolynomialT(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor {
        n.wrapped(x).shiftedChebyshevPolynomialT(n)
    }
    /// Uₙ(2x − 1), the Chebyshev polynomial of the second kind for 0 … 1. It has no derivative.
    package final func shiftedChebyshevPolynomialU(_ n: Tensor) -> Tensor { Tensor.binary(.shiftedChebyshevPolynomialU, self, n) }
    /// Uₙ(2x − 1) for one n.
    package final func shiftedChebyshevPolynomialU(_ n: some ScalarConvertible) -> Tensor { shiftedChebyshevPolynomialU(wrapped(n)) }
    /// Uₙ(2x − 1) for one x.
    public static func shiftedChebyshevPolynomialU(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor {
        n.wrapped(x).shiftedChebyshevPolynomialU(n)
    }
    /// Vₙ(2x − 1), the Chebyshev polynomial of the third kind for 0 … 1. It has no derivative.
    package final func shiftedChebyshevPolynomialV(_ n: Tensor) -> Tensor { Tensor.binary(.shiftedChebyshevPolynomialV, self, n) }
    /// Vₙ(2x − 1) for one n.
    package final func shiftedChebyshevPolynomialV(_ n: some ScalarConvertible) -> Tensor { shiftedChebyshevPolynomialV(wrapped(n)) }
    /// Vₙ(2x − 1) for one x.
    public static func shiftedChebyshevPolynomialV(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor {
        n.wrapped(x).shiftedChebyshevPolynomialV(n)
    }
    /// Wₙ(2x − 1), the Chebyshev polynomial of the fourth kind for 0 … 1. It has no derivative.
    package final func shiftedChebyshevPolynomialW(_ n: Tensor) -> Tensor { Tensor.binary(.shiftedChebyshevPolynomialW, self, n) }
    /// Wₙ(2x − 1) for one n.
    package final func shiftedChebyshevPolynomialW(_ n: some ScalarConvertible) -> Tensor { shiftedChebyshevPolynomialW(wrapped(n)) }
    /// Wₙ(2x − 1) for one x.
    public static func shiftedChebyshevPolynomialW(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor {
        n.wrapped(x).shiftedChebyshevPolynomialW(n)
    }

    /// Hₙ(x), the physicist's Hermite polynomial of order n: Hₙ₊₁ = 2x·Hₙ − 2n·Hₙ₋₁ with H₀ = 1. NaN for orders above a million, and if a
    /// step overflows. It has no derivative.
    package final func hermitePolynomialH(_ n: Tensor) -> Tensor { Tensor.binary(.hermitePolynomialH, self, n) }
    /// Hₙ(x) for one n.
    package final func hermitePolynomialH(_ n: some ScalarConvertible) -> Tensor { hermitePolynomialH(wrapped(n)) }
    /// Hₙ(x) for one x.
    public static func hermitePolynomialH(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor { n.wrapped(x).hermitePolynomialH(n) }
    /// Heₙ(x), the probabilist's Hermite polynomial of order n: Heₙ₊₁ = x·Heₙ − n·Heₙ₋₁ with He₀ = 1. NaN for orders above a million, and
    /// if a step overflows. It has no derivative.
    package final func hermitePolynomialHe(_ n: Tensor) -> Tensor { Tensor.binary(.hermitePolynomialHe, self, n) }
    /// Heₙ(x) for one n.
    package final func hermitePolynomialHe(_ n: some ScalarConvertible) -> Tensor { hermitePolynomialHe(wrapped(n)) }
    /// Heₙ(x) for one x.
    public static func hermitePolynomialHe(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor { n.wrapped(x).hermitePolynomialHe(n) }
    /// Lₙ(x), the Laguerre polynomial of order n: (n + 1)·Lₙ₊₁ = (2n + 1 − x)·Lₙ − n·Lₙ₋₁ with L₀ = 1. NaN for orders above a million, and
    /// if a step overflows. It has no derivative.
    package final func laguerrePolynomialL(_ n: Tensor) -> Tensor { Tensor.binary(.laguerrePolynomialL, self, n) }
    /// Lₙ(x) for one n.
    package final func laguerrePolynomialL(_ n: some ScalarConvertible) -> Tensor { laguerrePolynomialL(wrapped(n)) }
    /// Lₙ(x) for one x.
    public static func laguerrePolynomialL(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor { n.wrapped(x).laguerrePolynomialL(n) }
    /// Pₙ(x), the Legendre polynomial of order n: (n + 1)·Pₙ₊₁ = (2n + 1)·x·Pₙ − n·Pₙ₋₁ with P₀ = 1. NaN for orders above a million, and if
    /// a step overflows. It has no derivative.
    package final func legendrePolynomialP(_ n: Tensor) -> Tensor { Tensor.binary(.legendrePolynomialP, self, n) }
    /// Pₙ(x) for one n.
    package final func legendrePolynomialP(_ n: some ScalarConvertible) -> Tensor { legendrePolynomialP(wrapped(n)) }
    /// Pₙ(x) for one x.
    public static func legendrePolynomialP(_ x: some ScalarConvertible, _ n: Tensor) -> Tensor { n.wrapped(x).legendrePolynomialP(n) }
}
