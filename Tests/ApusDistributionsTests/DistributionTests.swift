import ApusCore
import ApusDistributions
import ApusFormats
import Foundation
import TestSupport
import Testing

@Suite struct DistributionTests {
    static let cases: [JSON] = Recorded.load("cases")

    private func compare(_ found: Tensor, _ run: JSON, _ key: String, _ name: String) {
        guard run[key] != nil else { return }
        let (a, b) = (values(found), run.value(key, as: [Double].self))
        guard a.count == b.count else {
            Issue.record("\(name).\(key) has \(a.count) numbers, PyTorch's \(b.count)")
            return
        }
        for (x, y) in zip(a, b) where !(x == y || x.isNaN && y.isNaN || abs(x - y) <= 1e-12 + 1e-10 * abs(y)) {
            Issue.record("\(name).\(key): \(x), PyTorch has \(y)")
        }
    }

    @Test(arguments: cases.indices) func `answers are PyTorch's`(_ i: Int) {
        let run = Self.cases[i]
        let name: String = run.value("name")
        let p = Recorded.distribution(name, run.value("arguments"))
        let value = Recorded.tensor(run.value("values"))
        #expect("\(p)" == run.value("repr"))
        compare(p.logProb(value), run, "log_prob", name)
        compare(p.mean, run, "mean", name)
        compare(p.variance, run, "variance", name)
        compare(p.mode, run, "mode", name)
        if run["entropy"] != nil { compare(p.entropy(), run, "entropy", name) }
        if run["cdf"] != nil && ["Normal", "Uniform", "Gamma"].contains(name) { compare(p.cdf(value), run, "cdf", name) }
        if run["icdf"] != nil { compare(p.icdf(Tensor.full(p.batchShape, 0.3, dtype: .float64)), run, "icdf", name) }
        let wide = p.expand(Shape([2] + Array(p.batchShape)))
        #expect(
            wide.batchShape == Shape([2] + Array(p.batchShape))
                && wide.sample([3]).shape == Shape([3, 2] + Array(p.batchShape) + Array(p.eventShape)))
    }

    /// Against mpmath, in the far tail, where 2p − 1 and erf have lost all digits of p.
    @Test func normalTails() {
        let normal = Normal(Tensor(0.0, dtype: .float64), Tensor(1.0, dtype: .float64))
        expectClose(
            normal.cdf(Tensor([-10.0, -3.0, 3.0], dtype: .float64)),
            [7.61985302416052607e-24, 1.34989803163009453e-3, 0.99865010196836991], rtol: 1e-14, atol: 0)
        expectClose(
            normal.icdf(Tensor([1e-20, 7.61985302416052607e-24, 0, 1], dtype: .float64)),
            [-9.26234008979840758, -10, -.infinity, .infinity], rtol: 1e-15, atol: 0)
        expectClose(Normal(0, 1).icdf(Tensor([1e-20])), [-9.26234008979840758], rtol: 1e-6, atol: 0)
    }

    static let divergences: [JSON] = Recorded.load("divergences")

    @Test func `divergences are PyTorch's`() {
        for run in Self.divergences {
            let (p, q): ([JSON], [JSON]) = (run.value("p"), run.value("q"))
            let found = klDivergence(Recorded.distribution(p[0].string!, p[1]), Recorded.distribution(q[0].string!, q[1]))
            compare(found, run, "kl", "\(p[0].string!) \(p[1].text) from \(q[0].string!) \(q[1].text)")
        }
        #expect(throws: OpError.self) { try checked { klDivergence(Poisson(1), Normal(0, 1)) } }
    }

    @Test func `the gamma function's integral and its derivative`() {
        for numbers in Recorded.load("gamma", as: [[Double]].self) {
            let (a, x) = (Tensor.full([], numbers[0], dtype: .float64).requiresGrad_(), Tensor.full([], numbers[1], dtype: .float64))
            let integral = a.gammainc(x)
            expectClose(integral, [numbers[3]], rtol: 1e-9, atol: 1e-300, "P(\(numbers[0]), \(numbers[1]))")
            // PyTorch's own derivative is an approximation with at least three correct digits.
            integral.backward()
            let density = exp((numbers[0] - 1) * log(numbers[1]) - numbers[1] - lgamma(numbers[0]))
            if density > 1e-200 {
                expectClose(-a.grad! / density, [numbers[2]], rtol: 3e-3, atol: 1e-8, "dx/da at \(numbers[0]), \(numbers[1])")
            }
        }
        let (a, x) = (Tensor([0.4, 1.5, 6, 20], dtype: .float64), Tensor([0.3, 2.5, 4, 25], dtype: .float64))
        checkGradients([a, x], second: false) { $0[0].gammainc($0[1]) }
        #expect(throws: OpError.self) {
            try checked { Func.hessian { $0.gammainc(x[0]) }(a[0]) }
        }
    }

    @Test func `derivatives of logarithms, entropies and divergences`() {
        let c = Tensor([0.7, 2.5], dtype: .float64), r = Tensor([1.5, 0.4], dtype: .float64), x = Tensor([0.3, 0.8], dtype: .float64)
        checkGradients([c, r, x]) { Gamma($0[0], $0[1]).logProb($0[2]) }
        checkGradients([c, r, x]) { Beta($0[0], $0[1]).logProb($0[2]) }
        checkGradients([c, r]) { Beta($0[0], $0[1]).entropy() + klDivergence(Beta($0[0], $0[1]), Beta($0[1], $0[0])) }
        checkGradients([x, r]) { Normal($0[0], $0[1]).logProb($0[1]) + klDivergence(Normal($0[0], $0[1]), Normal($0[1], $0[1])) }
        checkGradients([c]) { Categorical(logits: $0[0]).entropy() }
        checkGradients([Tensor([2.0, 0.3, 0.3, 1.5], shape: [2, 2], dtype: .float64), x]) { inputs in
            let symmetric = (inputs[0] + inputs[0].t()) / 2
            return MultivariateNormal(inputs[1], covarianceMatrix: symmetric).logProb(Tensor([1.0, 0], dtype: .float64))
                + MultivariateNormal(inputs[1], precisionMatrix: symmetric).entropy()
        }
    }

    @Test func `parameters and values are checked`() {
        #expect(message { _ = Normal(0, -1) }.contains("scale must be positive, found -1.0"))
        #expect(message { _ = Uniform(1, 1) }.contains("low must be below high"))
        #expect(message { _ = Bernoulli(probs: 1.5) }.contains("probs must be in 0 ... 1, found 1.5"))
        #expect(message { _ = Categorical(probs: Tensor([-1.0, 2])) }.contains("at least 0"))
        #expect(message { _ = Gamma(0, 1) }.contains("concentration must be positive"))
        #expect(message { _ = Beta(1, -1) }.contains("concentrations must be positive"))
        #expect(message { _ = Poisson(-1) }.contains("rate must be at least 0"))
        #expect(message { _ = Dirichlet(Tensor([1.0, 0])) }.contains("concentration must be positive"))
        #expect(message { _ = MultivariateNormal(Tensor([1.0, 2])) }.contains("exactly one"))
        #expect(
            message { _ = MultivariateNormal(Tensor([1.0, 2]), covarianceMatrix: Tensor.ones([3, 3])) }.contains("needs a matrix [*, 2, 2]")
        )
        #expect(
            message { _ = MultivariateNormal(Tensor([1.0, 2]), scaleTril: Tensor([1.0, 0, 3, -1], shape: [2, 2])) }.contains(
                "diagonal of scaleTril"))
        #expect(message { _ = Normal(Tensor.zeros([2]), Tensor.ones([3])) }.contains("do not broadcast"))
        #expect(message { _ = Bernoulli(probs: 0.5).logProb(Tensor(0.5)) }.contains("the value must be 0 or 1"))
        #expect(message { _ = Normal(Tensor.zeros([2]), Tensor.ones([2])).logProb(Tensor.zeros([3])) }.contains("does not fit batch [2]"))
        #expect(message { _ = Bernoulli(probs: 0.5).rsample() }.contains("samples have no gradient"))
        #expect(message { _ = Poisson(1).entropy() }.contains("is not defined"))
    }
}
