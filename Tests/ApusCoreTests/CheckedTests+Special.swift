import ApusCore
import TestSupport
import Testing

extension CheckedTests {
    private static var x: Tensor { Tensor([0.5, 2], requiresGrad: true) }

    /// What wrong calls of special functions say.
    static let specialWrongs: [Wrong] = [
        Wrong("a Bessel function's gradient", "besselJ0", "has no derivative", "detach") { x.besselJ0().sum().backward() },
        Wrong("Airy's gradient", "airyAi", "has no derivative") { x.airyAi().sum().backward() },
        Wrong("a polynomial's gradient", "hermitePolynomialH", "has no derivative") { x.hermitePolynomialH(2).sum().backward() },
        Wrong("zeta by s", "zeta", "first operand") { x.zeta(1).sum().backward() },
        Wrong("gammaincc twice", "gammaincc", "has no derivative") {
            let (a, b) = (x, x)
            let gradients = grad(of: [a.gammaincc(b).sum()], withRespectTo: [a, b], createGraph: true)
            gradients[0]?.sum().backward()
        },
        Wrong("zeta's shapes", "zeta", "[2]", "[3]") { _ = Tensor.ones([2]).zeta(Tensor.ones([3])) },
        Wrong("a polynomial's shapes", "legendrePolynomialP", "[2]", "[3]") {
            _ = Tensor.ones([2]).legendrePolynomialP(Tensor.ones([3]))
        },
    ]

    @Test(arguments: specialWrongs) func specialFunctions(_ wrong: Wrong) { message(wrong) }
}
