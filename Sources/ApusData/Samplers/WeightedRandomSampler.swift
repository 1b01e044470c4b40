import ApusCore
import Glibc

/// Samples drawn by their weights. PyTorch: `torch.utils.data.WeightedRandomSampler`.
///
/// With `replacement` sample i is each draw with probability wᵢ / Σw. Without, it is drawn with that probability from those that are left;
/// a sample of weight 0 never comes.
public struct WeightedRandomSampler: Sampler, Sendable {
    /// The weight of each sample; they need not add up to 1.
    public let weights: [Double]
    /// Whether a sample may come several times in an epoch.
    public let replacement: Bool
    /// The number of draws in an epoch.
    public let count: Int
    /// Σ w₀ … wᵢ, by which draws with replacement are looked up.
    private let sums: [Double]

    /// `numSamples` draws in an epoch. Traps on a weight that is negative or not finite, where all are 0, and where more draws without
    /// replacement are asked for than samples have a weight.
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

    /// Draws with replacement that have every label equally often on average: a sample weighs 1 / (samples of its label).
    /// `numSamples` is by default the number of labels.
    public static func balanced(labels: [some Hashable], numSamples: Int? = nil) -> WeightedRandomSampler {
        var counts: [AnyHashable: Double] = [:]
        for label in labels { counts[label, default: 0] += 1 }
        return WeightedRandomSampler(labels.map { 1 / counts[$0]! }, numSamples: numSamples ?? labels.count)
    }

    public func order(using generator: Generator) -> [Int] {
        replacement ? (0..<count).map { _ in draw(generator) } : drawnOnce(generator)
    }

    /// The first sample whose sum of weights is above a uniform number from 0 to the sum of all.
    private func draw(_ generator: Generator) -> Int {
        let place = uniform(generator) * (sums.last ?? 0)
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > place { high = middle } else { low = middle + 1 }
        }
        // Rounding may carry `place` up to the sum of all; the last samples may weigh nothing.
        return weights[low] > 0 ? low : weights.lastIndex { $0 > 0 }!
    }

    /// Sample i after a time that is exponentially distributed with rate wᵢ: in the order of these times (Efraimidis and Spirakis, 2006).
    private func drawnOnce(_ generator: Generator) -> [Int] {
        let times = weights.map { -log(uniform(generator)) / $0 }
        return Array(times.indices.filter { weights[$0] > 0 }.sorted { (times[$0], $0) < (times[$1], $1) }.prefix(count))
    }

    /// A number strictly between 0 and 1.
    private func uniform(_ generator: Generator) -> Double { (Double(generator.next() >> 12) + 0.5) * 0x1p-52 }
}
