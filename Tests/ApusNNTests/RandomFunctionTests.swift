import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

/// Random functions: 100,000 draws with a fixed seed, by frequencies, moments and the Kolmogorov–Smirnov distance.
@Suite struct RandomFunctionTests {
    private static let n = 100_000

    /// Expects a Kolmogorov–Smirnov distance between the draws and `cdf` below 1.95/√n, which one seed in a thousand exceeds.
    private func expectDistribution(
        _ draws: [Double], _ what: String, sourceLocation: SourceLocation = #_sourceLocation, cdf: (Double) -> Double
    ) {
        let count = Double(draws.count)
        var largest = 0.0
        for (i, x) in draws.sorted().enumerated() {
            largest = max(largest, abs(cdf(x) - Double(i) / count), abs(Double(i + 1) / count - cdf(x)))
        }
        #expect(
            draws.count >= Self.n && largest < 1.95 / count.squareRoot(), "\(what): Kolmogorov–Smirnov distance \(largest)",
            sourceLocation: sourceLocation)
    }

    /// Expects a frequency within five standard errors of p.
    private func expectShare(_ share: Double, _ p: Double, _ what: String, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(
            abs(share - p) < 5 * (p * (1 - p) / Double(Self.n)).squareRoot(), "\(what): \(share), wanted \(p)",
            sourceLocation: sourceLocation)
    }

    /// With two classes a soft draw is the sigmoid of a logistic number; with several, the frequencies of the largest are the softmax.
    @Test func gumbelSoftmax() {
        let (first, second, tau) = (0.4, -0.3, 0.7)
        let logits = Tensor([first, second], dtype: .float64).expand(Self.n, 2)
        let soft = F.gumbelSoftmax(logits, tau: tau, generator: Generator(seed: 1))
        expectDistribution(values(soft.select(1, 0)), "soft") { t in 1 / (1 + exp(-(tau * log(t / (1 - t)) - (first - second)))) }
        expectClose(soft.sum(dim: 1), Tensor.ones([Self.n], dtype: .float64))

        let scores = Tensor([0.0, 1, -1, 2], dtype: .float64)
        let leaf = scores.expand(Self.n, 4).clone().requiresGrad_()
        let hard = F.gumbelSoftmax(leaf, tau: tau, hard: true, generator: Generator(seed: 2))
        let shares = values(hard.detach().mean(dim: 0))
        for (share, p) in zip(shares, values(scores.softmax(dim: 0))) { expectShare(share, p, "hard") }
        #expect(values(hard.detach().max(dim: 1).values).allSatisfy { abs($0 - 1) < 1e-12 })
        // Its gradient equals that of the soft draw with the same noise.
        let other = scores.expand(Self.n, 4).clone().requiresGrad_()
        let weights = Tensor([1.0, 2, 3, 4], dtype: .float64)
        (hard * weights).sum().backward()
        (F.gumbelSoftmax(other, tau: tau, generator: Generator(seed: 2)) * weights).sum().backward()
        expectClose(leaf.grad!, other.grad!)
    }

    /// Whole channels are dropped, each with probability p, and the others are scaled by 1/(1 − p); so is the gradient.
    @Test(arguments: [1, 2, 3]) func channels(_ spatial: Int) {
        let p = 0.3
        let x = (Tensor.ones(Shape([1000, 100] + Array(repeating: 2, count: spatial)), dtype: .float64) * 1.5).requiresGrad_()
        let generator = Generator(seed: 3)
        let y =
            spatial == 1
            ? F.dropout1d(x, p: p, generator: generator)
            : spatial == 2 ? F.dropout2d(x, p: p, generator: generator) : F.dropout3d(x, p: p, generator: generator)
        let channels = y.detach().reshape([Self.n, -1])
        #expect(channels.max(dim: 1).values.equal(channels.min(dim: 1).values), "channels are whole")
        let first = values(channels.select(1, 0))
        #expect(first.allSatisfy { $0 == 0 || abs($0 - 1.5 / 0.7) < 1e-12 })
        expectShare(Double(first.count { $0 == 0 }) / Double(Self.n), p, "dropout\(spatial)d")
        y.sum().backward()
        expectClose(x.grad! * 1.5, y.detach())
    }

    /// Dropped channels become α′ before all are scaled and shifted, so that mean 0 and variance 1 are kept.
    @Test(arguments: [0.2, 0.5]) func featureAlphaDropout(_ p: Double) {
        let negative = -1.7580993408473766
        let scale = 1 / ((1 - p) * (1 + p * negative * negative)).squareRoot(), shift = -scale * negative * p
        let x = withGenerator(Generator(seed: 4)) { Tensor.randn([1000, 100, 1], dtype: .float64) }
        let y = F.featureAlphaDropout(x, p: p, training: true, generator: Generator(seed: 5))
        let (before, after) = (values(x), values(y))
        var dropped = 0
        for (a, b) in zip(before, after) {
            let isDropped = abs(b - (scale * negative + shift)) < 1e-6
            #expect(isDropped || abs(b - (scale * a + shift)) < 1e-6)
            if isDropped { dropped += 1 }
        }
        expectShare(Double(dropped) / Double(Self.n), p, "featureAlphaDropout")
        let mean = after.reduce(0, +) / Double(Self.n), variance = after.reduce(0) { $0 + $1 * $1 } / Double(Self.n)
        #expect(abs(mean) < 0.02 && abs(variance - 1) < 0.03, "mean \(mean), variance \(variance)")
        let wide = F.featureAlphaDropout(Tensor.ones([20, 10, 3, 3]), p: p, training: true, generator: Generator(seed: 6)).reshape([200, 9])
        #expect(wide.max(dim: 1).values.equal(wide.min(dim: 1).values), "channels are whole")
    }

    /// The slopes of negative numbers are uniform, positive numbers are unchanged, and the gradient uses the same slopes.
    @Test func rrelu() {
        let layer = RReLU(0.2, 0.6)
        let x = Tensor.full([2, Self.n], -1, dtype: .float64)
        noGrad { _ = x[0].fill_(3) }
        let leaf = x.requiresGrad_()
        let y = withGenerator(Generator(seed: 7)) { layer(leaf) }
        #expect(values(y[0]).allSatisfy { $0 == 3 })
        let slopes = values(y[1]).map { -$0 }
        expectDistribution(slopes, "rrelu") { min(max(($0 - 0.2) / 0.4, 0), 1) }
        y.sum().backward()
        expectClose(leaf.grad![1], -y.detach()[1])
        #expect(values(layer.eval()(x)[1]).allSatisfy { abs($0 + 0.4) < 1e-12 })

        // 0 belongs to the negative side, as in PyTorch.
        let zeros = Tensor.zeros([100]).requiresGrad_()
        layer.train()(zeros).sum().backward()
        #expect(values(zeros.grad!).allSatisfy { $0 >= 0.2 && $0 < 0.6 })
    }
}
