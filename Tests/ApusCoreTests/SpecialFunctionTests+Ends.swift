import ApusCore
import Foundation
import TestSupport
import Testing

/// Bessel functions and their like at 0, at infinity, for negative numbers and NaN, and what derivatives they have.
@Suite struct BesselTests {
    private static let inf = Double.infinity
    private static let functions: [(name: String, f: @Sendable (Tensor) -> Tensor, wanted: [Double])] = [
        ("i0", { $0.i0() }, [1, 1, 1.2660658777520084, inf, inf, .nan]),
        ("i1", { $0.i1() }, [0, 0, -0.5651591039924851, inf, -inf, .nan]),
        ("i0e", { $0.i0e() }, [1, 1, 0.46575960759364043, 0, 0, .nan]),
        ("i1e", { $0.i1e() }, [0, 0, -0.20791041534970844, 0, 0, .nan]),
        ("k0", { $0.modifiedBesselK0() }, [inf, inf, .nan, 0, .nan, .nan]),
        ("k1", { $0.modifiedBesselK1() }, [inf, inf, .nan, 0, .nan, .nan]),
        ("scaled k0", { $0.scaledModifiedBesselK0() }, [inf, inf, .nan, 0, .nan, .nan]),
        ("scaled k1", { $0.scaledModifiedBesselK1() }, [inf, inf, .nan, 0, .nan, .nan]),
        ("j0", { $0.besselJ0() }, [1, 1, 0.7651976865579666, 0, 0, .nan]),
        ("j1", { $0.besselJ1() }, [0, 0, -0.44005058574493355, 0, 0, .nan]),
        ("y0", { $0.besselY0() }, [-inf, -inf, .nan, 0, .nan, .nan]),
        ("y1", { $0.besselY1() }, [-inf, -inf, .nan, 0, .nan, .nan]),
        ("spherical j0", { $0.sphericalBesselJ0() }, [1, 1, 0.8414709848078965, 0, 0, .nan]),
        // Where PyTorch has NaN at infinity.
        ("airyAi", { $0.airyAi() }, [0.3550280538878172, 0.3550280538878172, 0.5355608832923522, 0, 0, .nan]),
        ("erfcx", { $0.erfcx() }, [1, 1, 5.008980080762283, 0, inf, .nan]),
    ]

    @Test(arguments: [Device.cpu, .reference]) func ends(_ device: Device) {
        let x = Tensor([0, -0.0, -1, .infinity, -.infinity, .nan], dtype: .float64).to(device)
        for (name, f, wanted) in Self.functions { expectClose(f(x), wanted, rtol: 1e-14, atol: 0, "\(name) on \(device)") }
    }

    /// Where e^x alone would be infinite, and where e^−|x| would be 0.
    @Test func large() {
        let x = Tensor([711.0, 1e300], dtype: .float64)
        expectClose(x.i0().log(), [706.7979011, .infinity], rtol: 1e-8, atol: 0)
        expectClose(x.i0e() * x.sqrt(), [0.39901247, 0.39894228], rtol: 1e-7, atol: 0)
        expectClose(x.scaledModifiedBesselK0() * x.sqrt(), [1.2530939, 1.2533141], rtol: 1e-6, atol: 0)
        expectClose(x.erfcx() * x, [0.5641890255, 0.5641895835], rtol: 1e-9, atol: 0)
    }

    @Test func derivativesAtZero() {
        let x = Tensor([0.0], dtype: .float64, requiresGrad: true)
        let cases: [(f: (Tensor) -> Tensor, wanted: Double)] = [
            ({ $0.i0() }, 0), ({ $0.i1() }, 0.5), ({ $0.i0e() }, 0), ({ $0.i1e() }, 0.5), ({ $0.erfcx() }, -1.1283791670955126),
        ]
        for (f, wanted) in cases { expectClose(grad(of: f(x).sum(), withRespectTo: x), [wanted], rtol: 1e-15, atol: 0) }
    }

    /// With respect to its second operand; for the first there is no formula.
    @Test func zetasDerivative() {
        let s = Tensor([1.5, 2, 3.25, 6], dtype: .float64)
        checkGradients([DerivativeTests.numbers([4], from: 0.4, to: 3)], "zeta") { s.zeta($0[0]) }
    }

    /// Next to 0, where 1 − P would have lost all digits.
    @Test func upperGamma() {
        let (a, x) = (Tensor([1e-10, 2], dtype: .float64), Tensor([0.5, 700], dtype: .float64))
        expectClose(a.gammaincc(x), [0.5597735947761607e-10, 701 * exp(-700.0)], rtol: 1e-9, atol: 0)
    }
}

@Suite struct PolynomialTests {
    private let x = Tensor([1.0, -1, 0.5, -0.5, 2, -2], dtype: .float64)

    /// Orders of which the cosine is known, and orders beyond what the recurrences reach.
    @Test func highOrders() {
        let (x, inf) = (self.x, Double.infinity)
        expectClose(x.chebyshevPolynomialT(1000), [1, 1, -0.5, -0.5, inf, inf], rtol: 1e-12, atol: 0)
        expectClose(x.chebyshevPolynomialT(1001), [1, -1, 0.5, -0.5, inf, -inf], rtol: 1e-12, atol: 0)
        expectClose(x.chebyshevPolynomialU(1000), [1001, 1001, -1, -1, inf, inf], rtol: 1e-12, atol: 0)
        expectClose(x[..<2].chebyshevPolynomialU(1_000_000_001), [1_000_000_002, -1_000_000_002], rtol: 0, atol: 0)
        expectClose(x[..<2].chebyshevPolynomialV(13), [1, -27], rtol: 0, atol: 0)
        expectClose(x[..<2].chebyshevPolynomialW(13), [27, -1], rtol: 0, atol: 0)
        expectClose(x[..<2].legendrePolynomialP(999), [1, -1], rtol: 1e-14, atol: 0)
        expectClose(((x + 1) / 2).shiftedChebyshevPolynomialT(1001), x.chebyshevPolynomialT(1001), rtol: 1e-12, atol: 1e-12)
    }

    /// Tₙ and Wₙ are differences of the U, and V those of the other sign, whether by recurrence or by angles.
    @Test func kinds() {
        let x = DerivativeTests.numbers([40], from: -1.3, to: 1.3)
        for n in [1, 2, 5, 7, 8, 9, 20] {
            let (u, before) = (x.chebyshevPolynomialU(n), x.chebyshevPolynomialU(n - 1))
            expectClose(x.chebyshevPolynomialT(n), u - x * before, rtol: 1e-10, atol: 1e-10, "T of order \(n)")
            expectClose(x.chebyshevPolynomialV(n), u - before, rtol: 1e-10, atol: 1e-10, "V of order \(n)")
            expectClose(x.chebyshevPolynomialW(n), u + before, rtol: 1e-10, atol: 1e-10, "W of order \(n)")
        }
    }

    @Test func orders() {
        let x = Tensor([0.25, .nan], dtype: .float64)
        let functions: [(Tensor, Tensor) -> Tensor] = [
            { $0.chebyshevPolynomialT($1) }, { $0.shiftedChebyshevPolynomialW($1) }, { $0.hermitePolynomialHe($1) },
            { $0.laguerrePolynomialL($1) }, { $0.legendrePolynomialP($1) },
        ]
        for f in functions {
            expectClose(f(x, Tensor(-1.0)), [0, 0])
            expectClose(f(x, Tensor(-0.75)), [1, 1])
            expectClose(f(x, Tensor(2.75)), f(x, Tensor(2)), rtol: 0, atol: 0)
            #expect(values(f(x, Tensor(Double.nan))).allSatisfy { $0.isNaN })
        }
    }
}
