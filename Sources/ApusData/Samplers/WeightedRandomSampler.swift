import ApusCore
import Glibc

/// Draws samples with probabilities proportional to weights. PyTorch: `torch.utils.data.WeightedRandomSampler`.
///
/// With `replacement`, each draw gives sample i with probability wᵢ / Σw. Without, each draw is from the samples that are left, with
/// probabilities in the same proportion; a sample of weight 0 never occurs.
public struct WeightedRandomSampler: Sampler, Sendable {
    /// The weight of each sample; weights need not add up to 1.
    public let weights: [Double]
    /// Whether a sample may occur several times in an epoch.
    public let replacement: Bool
    /// The number of draws in an epoch.
    public let count: Int
    /// The cumulative sums w₀ + … + wᵢ, in which draws with replacement are looked up.
    private let sums: [Double]

    /// Draws `numSamples` samples per epoch. Traps if a weight is negative or not finite, if all weights are 0, and if more draws without
    /// replacement are asked for than there are positive weights.
    public init(_ weights: some Sequence<Double>, numSamples: Int, replacement: Bool = true) {
        let weights = Array(weights)
        let sums = weights.reduce(into: [Double]()) { $0.append(($0.last ?? 0) + $1) }
        let positive = weights.count { $0 > 0 }
        var isPossible = false
        if let bad = weights.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
            fail("WeightedRandomSampler", "weight \(bad) is \(weights[bad]); a weight is a finite number, at least 0")
        } else if numSamples < 0 || numSamples > 0 && positive == 0 || sums.last?.isFinite == false {
            fail("WeightedRandomSampler", "\(numSamples) samples cannot be drawn by weights of sum \(sums.last ?? 0)")
        } else if !replacement, numSamples > positive {
            fail(
                "WeightedRandomSampler",
                "\(numSamples) samples are to be drawn without replacement, and \(positive) have a weight above 0")
        } else {
            isPossible = true
        }
        (self.weights, self.sums, self.replacement, count) = (weights, sums, replacement, isPossible ? numSamples : 0)
    }

    /// A sampler that draws every label equally often on average, with replacement: the weight of a sample is 1 / (number of samples with
    /// its label). `numSamples` is the length of `labels` by default.
    public static func balanced(labels: [some Hashable], numSamples: Int? = nil) -> WeightedRandomSampler {
        var counts: [AnyHashable: Double] = [:]
        for label in labels { counts[label, default: 0] += 1 }
        return WeightedRandomSampler(labels.map { 1 / counts[$0]! }, numSamples: numSamples ?? labels.count)
    }

    public func order(using generator: Generator) -> [Int] {
        replacement ? (0..<count).map { _ in draw(generator) } : drawnOnce(generator)
    }

    /// One draw: the first sample whose cumulative weight is above a uniform random number between 0 and the total.
    private func draw(_ generator: Generator) -> Int {
        let place = uniform(generator) * (sums.last ?? 0)
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > place { high = middle } else { low = middle + 1 }
        }
        // Rounding may carry `place` up to the total, past the last sample with a positive weight.
        return weights[low] > 0 ? low : weights.lastIndex { $0 > 0 }!
    }

    /// Draws without replacement (Efraimidis and Spirakis, 2006): orders the samples by exponentially distributed times with rates wᵢ.
    private func drawnOnce(_ generator: Generator) -> [Int] {
        let times = weights.map { -log(uniform(generator)) / $0 }
        return Array(times.indices.filter { weights[$0] > 0 }.sorted { (times[$0], $0) < (times[$1], $1) }.prefix(count))
    }

    /// A number strictly between 0 and 1.
    private func uniform(_ generator: Generator) -> Double { (Double(generator.next() >> 12) + 0.5) * 0x1p-52 }
}
