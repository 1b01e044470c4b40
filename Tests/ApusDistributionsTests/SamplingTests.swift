import ApusCore
import ApusDistributions
import Foundation
import TestSupport
import Testing

/// 100,000 draws of each distribution with a fixed seed, checked by moments and by the Kolmogorov–Smirnov distance.
@Suite struct SamplingTests {
    private let count = 100_000

    /// The largest distance between the fraction of draws up to x and `cdf(x)`. It exceeds 1.95/√n for one seed in a thousand.
    private func distance(_ draws: Tensor, _ cdf: (Tensor) -> Tensor) -> Double {
        let sorted = draws.to(.float64).sort(dim: 0).values
        let ideal = cdf(sorted)
        let steps = Tensor.arange(count, dtype: .float64) / Double(count)
        return max((ideal - steps).max().item(), (steps + 1 / Double(count) - ideal).max().item())
    }

    private func check(_ p: Distribution, _ cdf: ((Tensor) -> Tensor)? = nil, _ what: String) {
        let draws = withGenerator(Generator(seed: 11)) { p.sample([count]) }
        let (mean, variance) = (p.mean.item(), p.variance.item())
        let x = draws.to(.float64)
        #expect(
            abs(x.mean().item() - mean) < 5 * (variance / Double(count)).squareRoot(), "\(what): mean \(x.mean().item()), wanted \(mean)")
        // The fourth moment of the heaviest of these stays below 12 variances².
        #expect(
            abs(x.var().item() - variance) < 5 * variance * (12 / Double(count)).squareRoot(),
            "\(what): variance \(x.var().item()), wanted \(variance)")
        if let cdf {
            let d = distance(draws, cdf)
            #expect(d < 1.95 / Double(count).squareRoot(), "\(what): Kolmogorov–Smirnov distance \(d)")
        }
    }

    /// For distributions on 0, 1, … with the probabilities `shares`: the distance at each integer. The continuous bound is conservative.
    private func check(_ draws: Tensor, shares: [Double], _ what: String) {
        var (counts, found, ideal, largest) = (Array(repeating: 0, count: shares.count + 1), 0.0, 0.0, 0.0)
        for k in draws.array(Int.self) { counts[min(k, shares.count)] += 1 }
        for (k, share) in shares.enumerated() {
            found += Double(counts[k]) / Double(count)
            ideal += share
            largest = max(largest, abs(found - ideal))
        }
        #expect(abs(ideal - 1) < 1e-9, "\(what): the shares must add up to 1")
        #expect(largest < 1.95 / Double(count).squareRoot(), "\(what): Kolmogorov–Smirnov distance \(largest)")
    }

    @Test func continuous() {
        let wide = { (p: Distribution) in { (x: Tensor) in p.cdf(x) } }
        check(Normal(1.5, 2), wide(Normal(1.5, 2)), "normal")
        check(Uniform(-1, 3), { ($0 + 1) / 4 }, "uniform")
        for (a, rate) in [(0.3, 1.0), (1, 2), (2.5, 0.5), (60, 3)] {
            // In float64, because small concentrations give tiny draws.
            let p = Gamma(Tensor.full([], a, dtype: .float64), Tensor.full([], rate, dtype: .float64))
            check(p, wide(p), "gamma \(a)")
        }
        // The distribution function of Beta(1, 3) is 1 − (1 − x)³; Beta(1/2, 1/2) is the arcsine distribution.
        check(Beta(1, 3), { 1 - (1 - $0).pow(3) }, "beta 1, 3")
        check(
            Beta(Tensor.full([], 0.5, dtype: .float64), Tensor.full([], 0.5, dtype: .float64)), { $0.sqrt().asin() * (2 / Double.pi) },
            "beta 1/2, 1/2")
    }

    @Test func counts() {
        for rate in [0.2, 3, 9.9, 10.1, 200] {
            check(Poisson(rate), nil, "Poisson \(rate)")
            // The frequencies of single counts around the mode, within five standard errors.
            let draws = withGenerator(Generator(seed: 12)) { Poisson(rate).sample([count]) }
            check(
                draws,
                shares: (0...Int(rate + 12 * rate.squareRoot() + 20)).map { exp(Double($0) * log(rate) - rate - lgamma(Double($0) + 1)) },
                "Poisson \(rate)")
            for k in Set([0, rate.rounded(.down), (rate * 1.2).rounded(.down)]) {
                let expected = exp(k * log(rate) - rate - lgamma(k + 1))
                let share = draws.eq(k).to(.float64).mean().item()
                #expect(
                    abs(share - expected) < 5 * (expected / Double(count)).squareRoot() + 1e-4,
                    "Poisson \(rate) at \(k): \(share), wanted \(expected)")
            }
        }
        check(Bernoulli(probs: 0.3), nil, "Bernoulli")
        for p in [0.003, 0.3, 0.9] {
            check(withGenerator(Generator(seed: 11)) { Bernoulli(probs: p).sample([count]) }, shares: [1 - p, p], "Bernoulli \(p)")
        }
        let classes = withGenerator(Generator(seed: 13)) { Categorical(probs: Tensor([0.1, 0.6, 0.3])).sample([count]) }
        #expect(classes.dtype == .int64)
        check(classes, shares: [0.1, 0.6, 0.3], "Categorical")
        let many = (1...40).map { Double($0) / 820 }
        check(
            withGenerator(Generator(seed: 19)) { Categorical(probs: Tensor(many, dtype: .float64)).sample([count]) }, shares: many,
            "Categorical of 40")
        for (k, p) in [0.1, 0.6, 0.3].enumerated() { #expect(abs(classes.eq(k).to(.float64).mean().item() - p) < 0.008) }
        let batch = withGenerator(Generator(seed: 14)) {
            Categorical(logits: Tensor([0, 9, 9, 0], shape: [2, 2], dtype: .float32)).sample([50])
        }
        #expect(
            batch.shape == [50, 2] && values(batch.to(.float32).mean(dim: 0))[0] > 0.9 && values(batch.to(.float32).mean(dim: 0))[1] < 0.1)
    }

    @Test func vectors() {
        let covariance = Tensor([2, 0.6, 0.6, 0.5], shape: [2, 2], dtype: .float64)
        let p = MultivariateNormal(Tensor([1.0, -2], dtype: .float64), covarianceMatrix: covariance)
        let x = withGenerator(Generator(seed: 15)) { p.sample([count]) }
        let centered = x - x.mean(dim: 0)
        expectClose(x.mean(dim: 0), p.loc, rtol: 0, atol: 0.03)
        expectClose(centered.t().matmul(centered) / Double(count), covariance, rtol: 0, atol: 0.04)
        // Every projection of a multivariate normal is normal.
        for direction in [[1.0, 0], [0, 1], [0.6, -0.8]] {
            let v = Tensor(direction, dtype: .float64)
            let along = Normal(p.loc.matmul(v), v.matmul(covariance).matmul(v).sqrt())
            let d = distance(x.matmul(v)) { along.cdf($0) }
            #expect(d < 1.95 / Double(count).squareRoot(), "multivariate normal along \(direction): Kolmogorov–Smirnov distance \(d)")
        }
        // The marginals of Dirichlet(2, 1, 1) are Beta(2, 2), Beta(1, 3) and Beta(1, 3).
        let shares = withGenerator(Generator(seed: 20)) { Dirichlet(Tensor([2.0, 1, 1], dtype: .float64)).sample([count]) }
        for i in 0..<3 {
            let d = distance(shares.select(1, i)) { x in i == 0 ? x.square() * (3 - 2 * x) : 1 - (1 - x).pow(3) }
            #expect(d < 1.95 / Double(count).squareRoot(), "share \(i) of a Dirichlet distribution: Kolmogorov–Smirnov distance \(d)")
        }
        let simplex = Dirichlet(Tensor([0.5, 2, 1.5], dtype: .float64))
        let y = withGenerator(Generator(seed: 16)) { simplex.sample([count]) }
        expectClose(y.sum(dim: 1), Tensor.ones([count], dtype: .float64))
        expectClose(y.mean(dim: 0), simplex.mean, rtol: 0, atol: 0.005)
        expectClose(y.var(dim: [0]), simplex.variance, rtol: 0.03)
    }

    /// d E[x²]/d parameter, estimated from samples, against the formula: the gradients of draws have the right mean.
    @Test func `gradients of draws`() {
        withGenerator(Generator(seed: 17)) {
            let c = Tensor.full([], 1.7, dtype: .float64).requiresGrad_(), rate = Tensor.full([], 0.8, dtype: .float64).requiresGrad_()
            Gamma(c, rate).rsample([count]).square().mean().backward()
            // E[x²] = c(c + 1)/rate²
            expectClose(c.grad!, [(2 * 1.7 + 1) / 0.64], rtol: 0.03)
            expectClose(rate.grad!, [-2 * 1.7 * 2.7 / 0.512], rtol: 0.03)
            let (a, b) = (Tensor.full([], 0.6, dtype: .float64).requiresGrad_(), Tensor.full([], 2, dtype: .float64).requiresGrad_())
            Beta(a, b).rsample([count]).mean().backward()
            // E[x] = a/(a + b)
            expectClose(a.grad!, [2 / 6.76], rtol: 0.03)
            expectClose(b.grad!, [-0.6 / 6.76], rtol: 0.03)
            let loc = Tensor.zeros([2], dtype: .float64).requiresGrad_(),
                factor = Tensor([1.0, 0, 0.5, 2], shape: [2, 2], dtype: .float64).requiresGrad_()
            MultivariateNormal(loc, scaleTril: factor).rsample([count]).square().sum(dim: -1).mean().backward()
            expectClose(factor.grad!.tril(), [2, 0, 1, 4], rtol: 0.05, atol: 0.05)
        }
    }

    @Test func `the same seed gives the same draws`() {
        func draws() -> [Double] {
            withGenerator(Generator(seed: 18)) {
                values(Gamma(0.5, 1).sample([100])) + values(Poisson(30).sample([100])) + values(Beta(2, 3).sample([100]))
            }
        }
        #expect(draws() == draws())
    }
}
