import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

/// Initialisers: random ones by moments and a Kolmogorov–Smirnov test of 100,000 draws with a fixed seed, the others exactly.
@Suite struct InitTests {
    private static let n = 100_000

    /// The Kolmogorov–Smirnov distance between the draws and `cdf`, times √n; below 1.63 in 99 of 100 cases.
    private func kolmogorovSmirnov(_ draws: [Double], _ cdf: (Double) -> Double) -> Double {
        let sorted = draws.sorted(), n = Double(draws.count)
        var largest = 0.0
        for (i, x) in sorted.enumerated() {
            let p = cdf(x)
            largest = max(largest, abs(p - Double(i) / n), abs(Double(i + 1) / n - p))
        }
        return largest * n.squareRoot()
    }

    private func normal(_ mean: Double, _ std: Double) -> (Double) -> Double { { (1 + erf(($0 - mean) / (std * 2.0.squareRoot()))) / 2 } }
    private func uniform(_ low: Double, _ high: Double) -> (Double) -> Double { { min(max(($0 - low) / (high - low), 0), 1) } }

    private func check(
        _ tensor: Tensor, mean: Double, std: Double, cdf: (Double) -> Double, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let draws = values(tensor)
        let found = draws.reduce(0, +) / Double(draws.count)
        let variance = draws.reduce(0) { $0 + ($1 - found) * ($1 - found) } / Double(draws.count)
        #expect(abs(found - mean) < 5 * std / Double(draws.count).squareRoot(), "mean \(found)", sourceLocation: sourceLocation)
        #expect(abs(variance.squareRoot() / std - 1) < 0.02, "std \(variance.squareRoot())", sourceLocation: sourceLocation)
        #expect(kolmogorovSmirnov(draws, cdf) < 1.63, sourceLocation: sourceLocation)
    }

    @Test func distributions() {
        let generator = Generator(seed: 7)
        func weight() -> Tensor { Tensor.empty([500, 200]) }
        check(Init.uniform_(weight(), a: -2, b: 3, generator: generator), mean: 0.5, std: 5 / 12.0.squareRoot(), cdf: uniform(-2, 3))
        check(Init.normal_(weight(), mean: 1, std: 0.5, generator: generator), mean: 1, std: 0.5, cdf: normal(1, 0.5))
        let bound = 2 * (6.0 / 700).squareRoot()
        check(
            Init.xavierUniform_(weight(), gain: 2, generator: generator), mean: 0, std: bound / 3.0.squareRoot(),
            cdf: uniform(-bound, bound))
        let xavier = (2.0 / 700).squareRoot()
        check(Init.xavierNormal_(weight(), generator: generator), mean: 0, std: xavier, cdf: normal(0, xavier))
        let kaiming = (6.0 / (1 + 0.25) / 200).squareRoot()
        check(
            Init.kaimingUniform_(weight(), a: 0.5, generator: generator), mean: 0, std: kaiming / 3.0.squareRoot(),
            cdf: uniform(-kaiming, kaiming))
        let he = (2.0 / 500).squareRoot()
        check(Init.kaimingNormal_(weight(), mode: .fanOut, nonlinearity: .relu, generator: generator), mean: 0, std: he, cdf: normal(0, he))
    }

    /// So far out that erf is 1 in float32: above the mean, and below it. The tail is 1 − Φ, in terms of which such a part is even.
    @Test func truncatedInATail() {
        func tail(_ z: Double) -> Double { erfc(z / 2.0.squareRoot()) / 2 }
        for sign in [1.0, -1] {
            let (low, high) = sign > 0 ? (13.0, 21.0) : (-19.0, -11.0)
            let x = Init.truncNormal_(Tensor.empty([Self.n]), mean: 1, std: 2, a: low, b: high, generator: Generator(seed: 5))
            let shares = values(x).map { (tail(6) - tail(($0 - 1) / (2 * sign))) / (tail(6) - tail(10)) }.sorted()
            // The Kolmogorov–Smirnov distance exceeds 1.95/√n once in a thousand times.
            let distance = shares.enumerated().map { abs($0.element - (Double($0.offset) + 0.5) / Double(shares.count)) }.max()!
            #expect(distance < 1.95 / Double(shares.count).squareRoot(), "distance \(distance) for \(low) ... \(high)")
        }
        let far = values(Init.truncNormal_(Tensor.empty([100]), a: 20, b: 30, generator: Generator(seed: 6)))
        #expect(far.allSatisfy { $0 >= 20 && $0 < 21 } && Set(far).count > 90)
    }

    /// The normal distribution within [a, b], divided by its mass there.
    @Test func truncated() {
        let x = Init.truncNormal_(Tensor.empty([Self.n]), mean: 0.5, std: 2, a: -1, b: 3, generator: Generator(seed: 3))
        let cdf = normal(0.5, 2)
        let (low, high) = (cdf(-1), cdf(3))
        // With φ the standard density: mean μ + σ·(φ(a) − φ(b))/mass, and the variance by the same integrals.
        func density(_ z: Double) -> Double { exp(-z * z / 2) / (2 * Double.pi).squareRoot() }
        let (a, b, mass) = ((-1 - 0.5) / 2.0, (3 - 0.5) / 2.0, high - low)
        let shift = (density(a) - density(b)) / mass
        let variance = 4 * (1 + (a * density(a) - b * density(b)) / mass - shift * shift)
        check(x, mean: 0.5 + 2 * shift, std: variance.squareRoot()) { min(max((cdf($0) - low) / (high - low), 0), 1) }
        #expect(values(x).allSatisfy { $0 >= -1 && $0 <= 3 })
    }

    /// Rows (or columns if they are fewer) are orthonormal for every shape; the same seed gives the same matrix.
    @Test(arguments: [[4, 9], [9, 4], [6, 2, 3], [5, 5]]) func orthogonal(_ shape: [Int]) {
        let x = Init.orthogonal_(Tensor.empty(Shape(shape), dtype: .float64), gain: 2, generator: Generator(seed: 5))
        let matrix = x.reshape([shape[0], -1])
        let gram = shape[0] <= matrix.shape[1] ? matrix.matmul(matrix.t()) : matrix.t().matmul(matrix)
        expectClose(gram, Tensor.eye(gram.shape[0], dtype: .float64) * 4, rtol: 1e-13, atol: 1e-13)
        expectEqual(x, Init.orthogonal_(Tensor.empty(Shape(shape), dtype: .float64), gain: 2, generator: Generator(seed: 5)))
    }

    /// The directions are uniform: in many dimensions the coordinates are nearly normal with variance 1/n, in three uniform on [−1, 1].
    @Test func orthogonalDirections() {
        let n = 1000
        let wide = Init.orthogonal_(Tensor.empty([n, 100], dtype: .float64), generator: Generator(seed: 8))
        let bound = 1 / Double(n).squareRoot()
        check(wide, mean: 0, std: bound, cdf: normal(0, bound))
        // Another basis has the same distribution.
        let turn = Init.orthogonal_(Tensor.empty([100, 100], dtype: .float64), generator: Generator(seed: 9))
        check(wide.matmul(turn), mean: 0, std: bound, cdf: normal(0, bound))
        let generator = Generator(seed: 10)
        var (first, last) = ([Double](), [Double]())
        for _ in 0..<3000 {
            let x = values(Init.orthogonal_(Tensor.empty([3, 3], dtype: .float64), generator: generator))
            first.append(x[0])
            last.append(x[7])
        }
        for coordinates in [first, last] { #expect(kolmogorovSmirnov(coordinates, uniform(-1, 1)) < 1.63) }
    }

    @Test func sparse() {
        let x = Init.sparse_(Tensor.empty([100, 40]), sparsity: 0.155, std: 0.1, generator: Generator(seed: 5))
        let zeros = values(x.eq(0).to(.int64).sum(dim: 0))
        #expect(zeros.allSatisfy { $0 == 16 })
        let many = values(Init.sparse_(Tensor.empty([1000, 125]), sparsity: 0.2, std: 0.1, generator: Generator(seed: 6))).filter {
            $0 != 0
        }
        #expect(many.count == Self.n)
        check(Tensor(many, dtype: .float64), mean: 0, std: 0.1, cdf: normal(0, 0.1))
    }

    @Test func exact() {
        expectEqual(Init.eye_(Tensor.empty([3, 5])), Tensor.eye(3, 5))
        #expect(values(Init.constant_(Tensor.empty([3]), 0.3)).allSatisfy { Float($0) == 0.3 })
        #expect(values(Init.ones_(Tensor.empty([2]))) == [1, 1])
        #expect(values(Init.zeros_(Tensor.empty([2]))) == [0, 0])
        let dirac = Init.dirac_(Tensor.empty([4, 2, 3, 3]), groups: 2)
        #expect(integers(dirac.nonzero()) == [0, 0, 1, 1, 1, 1, 1, 1, 2, 0, 1, 1, 3, 1, 1, 1])
        #expect(values(dirac.sum()) == [4])
        #expect(Init.calculateGain(.leakyRelu, 0.2) == 1.3867504905630728)
        #expect(Init.calculateGain(.tanh) == 5.0 / 3)
        #expect(Init.calculateGain(.selu) == 0.75)
    }

    /// Filling happens outside the graph, works on leaves that require a gradient, and increases the version counter.
    @Test func leavesMayBeFilled() {
        let x = Parameter(Tensor.empty([3, 3]))
        #expect(Init.normal_(x) === x)
        #expect(x.isLeaf && x.requiresGrad)
    }

    @Test func errorsAreNamed() {
        #expect(message { Init.xavierUniform_(Tensor.empty([3])) }.contains("fan in and fan out need at least 2 dimensions"))
        #expect(message { Init.eye_(Tensor.empty([3])) }.contains("[3]"))
        #expect(message { Init.dirac_(Tensor.empty([3, 2, 2]), groups: 2) }.contains("divisible by groups"))
        #expect(message { Init.orthogonal_(Tensor.empty([3])) }.contains("2 or more dimensions"))
        #expect(message { Init.sparse_(Tensor.empty([3, 3]), sparsity: 2) }.contains("sparsity"))
        #expect(message { Init.truncNormal_(Tensor.empty([3]), a: 2, b: 1) }.contains("empty"))
    }
}
