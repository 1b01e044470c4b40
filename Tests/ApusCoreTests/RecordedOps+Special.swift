import ApusCore

/// The cases of `Tests/ApusCoreTests/record_ops.py` about special functions, most of them in float64.
extension RecordedOps {
    private static var points: Tensor { Tensor([-7.5, -2.5, -1, -0.25, 0, 0.25, 1, 2.5, 7.5, 30, .nan], dtype: .float64) }
    private static var exponents: Tensor { Tensor([2.0, 3.5, 1, 0.5, 1.25, .nan, 6, 2, 2], dtype: .float64) }
    private static var starts: Tensor { Tensor([1.0, 0.25, 2, 1, 10, 1, -0.5, -2, 0], dtype: .float64) }

    static let specialFunctions: [(name: String, run: @Sendable (Parts) -> Tensor)] = bessel + polynomials

    private static let bessel: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("i0", { _ in points.i0() }), ("i0.int", { $0.i.i0() }), ("i0.bool", { $0.b.i0() }), ("i0.half", { $0.x.half().i0() }),
        ("i0_", { part in changed(part.x) { $0.i0_() } }),
        ("i0e", { _ in points.i0e() }), ("i1", { _ in points.i1() }), ("i1e", { _ in points.i1e() }),
        ("modifiedBesselI0", { _ in points.modifiedBesselI0() }), ("modifiedBesselI1", { _ in points.modifiedBesselI1() }),
        ("modifiedBesselK0", { _ in points.modifiedBesselK0() }), ("modifiedBesselK1", { _ in points.modifiedBesselK1() }),
        ("scaledModifiedBesselK0", { _ in points.scaledModifiedBesselK0() }),
        ("scaledModifiedBesselK1", { _ in points.scaledModifiedBesselK1() }),
        ("besselJ0", { _ in points.besselJ0().float() }), ("besselJ1", { _ in points.besselJ1().float() }),
        ("besselJ1.int", { $0.i.besselJ1().float() }),
        ("besselY0", { _ in points.besselY0().float() }), ("besselY1", { _ in points.besselY1().float() }),
        ("sphericalBesselJ0", { _ in points.sphericalBesselJ0() }), ("airyAi", { _ in points.airyAi().float() }),
        ("erfcx", { _ in points.erfcx() }), ("erfcx.int", { $0.i.erfcx() }),
        ("gammaincc", { $0.x.double().abs().gammaincc($0.y.double().abs() * 2) }),
        ("gammaincc_", { part in changed(part.x.abs() + 1) { $0.gammaincc_(part.y.abs() + 1) } }),
        ("zeta", { _ in exponents.zeta(starts) }), ("zeta.number", { ($0.x.double().abs() + 1.5).zeta(2) }),
        ("zeta.number first", { Tensor.zeta(3, $0.x.double().abs() + 0.5) }), ("zeta.int", { ($0.i + 2).zeta($0.i + 1) }),
    ]

    private static let polynomials: [(name: String, run: @Sendable (Parts) -> Tensor)] = [
        ("chebyshevPolynomialT", { $0.x.double().chebyshevPolynomialT($0.i % 6) }),
        ("chebyshevPolynomialU", { $0.x.double().chebyshevPolynomialU($0.i % 6) }),
        ("chebyshevPolynomialV", { $0.x.double().chebyshevPolynomialV($0.i % 6) }),
        ("chebyshevPolynomialW", { $0.x.double().chebyshevPolynomialW($0.i % 6) }),
        ("shiftedChebyshevPolynomialT", { $0.x.double().shiftedChebyshevPolynomialT($0.i % 6) }),
        ("shiftedChebyshevPolynomialU", { $0.x.double().shiftedChebyshevPolynomialU($0.i % 6) }),
        ("shiftedChebyshevPolynomialV", { $0.x.double().shiftedChebyshevPolynomialV($0.i % 6) }),
        ("shiftedChebyshevPolynomialW", { $0.x.double().shiftedChebyshevPolynomialW($0.i % 6) }),
        ("hermitePolynomialH", { $0.x.double().hermitePolynomialH($0.i % 6) }),
        ("hermitePolynomialHe", { $0.x.double().hermitePolynomialHe($0.i % 6) }),
        ("laguerrePolynomialL", { $0.x.double().laguerrePolynomialL($0.i % 6) }),
        ("legendrePolynomialP", { $0.x.double().legendrePolynomialP($0.i % 6) }),
        ("polynomials.number", { $0.x.double().chebyshevPolynomialU(3) }),
        ("polynomials.number first", { Tensor.hermitePolynomialH(0.5, $0.i % 6) }),
        ("polynomials.negative order", { $0.x.double().legendrePolynomialP($0.i % 6 - 2) }),
        ("polynomials.fraction", { $0.x.double().laguerrePolynomialL(Tensor(2.7, dtype: .float64)) }),
        ("polynomials.ends", { _ in Tensor([1.0, -1, 0, 0.5, 0.25], dtype: .float64).chebyshevPolynomialW(Tensor([12, 11, 4, 0, 3])) }),
        ("polynomials.int", { ($0.i - 5).shiftedChebyshevPolynomialV($0.i % 3) }),
    ]
}
