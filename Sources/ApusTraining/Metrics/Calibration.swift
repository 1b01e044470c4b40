import ApusCore

/// How far the probabilities of a classifier are from how often it is right (Guo et al., 2017, https://arxiv.org/abs/1706.04599). A sample's
/// confidence is the highest probability; bin b of B holds the n_b samples with confidence in (b/B, (b + 1)/B]. The value is
/// Σ n_b/n · |accuracy_b − mean confidence_b|, the expected calibration error: 0 for one that is right as often as it says.
/// torchmetrics: `CalibrationError(task="multiclass", norm="l1")`, whose bins hold their lower ends instead.
public struct CalibrationError: Metric {
    /// The samples whose confidence lies in one interval.
    public struct Bin: Hashable, Sendable {
        /// The interval's ends.
        public let low, high: Double
        /// The number of samples.
        public let count: Int
        /// The mean of their highest probabilities; NaN without samples.
        public let confidence: Double
        /// The fraction of them that were classified rightly; NaN without samples.
        public let accuracy: Double
    }

    /// Of each bin the number of samples, the sum of confidences, the number of right ones.
    private var sums: Sum

    /// Without samples.
    public init(bins: Int) { sums = Sum(Array(repeating: 0, count: 3 * bins)) }

    /// For scores [N, C, …], of which the softmax over dimension 1 gives probabilities, and labels [N, …]. A label that is no class (an `ignoreIndex`
    /// such as −100) is ignored. Traps on other shapes and for less than 1 bin.
    public init(_ scores: Tensor, _ labels: Tensor, bins: Int = 15) {
        guard classify("CalibrationError", scores, labels) else {
            sums = Sum([])
            return
        }
        guard bins >= 1 else {
            fail("CalibrationError", "\(bins) bins; it needs at least 1")
            sums = Sum([])
            return
        }
        sums = noGrad {
            let best = scores.to(scores.dtype.computeType).softmax(dim: 1).max(dim: 1)
            let (confidence, actual) = (best.values.reshape(-1), labels.to(.int64).reshape(-1))
            let right = best.indices.reshape(-1).eq(actual)
            let counts = actual.ge(0).logicalAnd(actual.lt(scores.size(1)))
            let places = ((confidence * bins).ceil().to(.int64) - 1).clamp(min: 0, max: bins - 1)
            // Ignored labels are counted in one extra bin, which is dropped.
            let rows = Tensor.where(counts, places, Tensor(bins, device: scores.device))
            let numbers = Tensor.stack([Tensor.ones(like: confidence), confidence, right.to(confidence.dtype)], dim: 1)
            let all = Tensor.zeros([bins + 1, 3], dtype: confidence.dtype, device: scores.device).indexAdd(dim: 0, rows, numbers)
            return Sum(all[0..<bins].reshape(-1))
        }
    }

    public mutating func merge(_ other: CalibrationError) { sums += other.sums }

    /// The bins, by ascending confidence.
    public var bins: [Bin] {
        let numbers = sums.values
        let count = numbers.count / 3
        return (0..<count).map { b in
            let (n, confidence, right) = (numbers[3 * b], numbers[3 * b + 1], numbers[3 * b + 2])
            return Bin(
                low: Double(b) / Double(count), high: Double(b + 1) / Double(count), count: Int(n), confidence: confidence / n,
                accuracy: right / n)
        }
    }

    public var value: Double {
        let filled = bins.filter { $0.count > 0 }
        let all = Double(filled.reduce(0) { $0 + $1.count })
        return all == 0 ? .nan : filled.reduce(0) { $0 + Double($1.count) / all * abs($1.accuracy - $1.confidence) }
    }

    private enum CodingKeys: CodingKey { case sums }

    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        sums = try container.decode(Sum.self, forKey: .sums)
        guard sums.values.count % 3 == 0, sums.values.allSatisfy({ (0...0x1p53).contains($0) }) else {
            throw DecodingError.dataCorruptedError(forKey: .sums, in: container, debugDescription: "no bins of three numbers")
        }
    }
}
