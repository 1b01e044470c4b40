import ApusCore

/// How often each class, or each label that is there or not, occurs, is predicted, and both.
struct ClassCounts: Codable {
    /// Of classes of which a sample has one.
    private var matrix: ConfusionMatrix?
    /// Of labels: how often each occurs and is predicted, then how often it is predicted, then how often it occurs.
    private var labels: Sum?

    init(_ scores: Tensor, _ labels: Tensor) { matrix = ConfusionMatrix(scores, labels) }

    init(binary name: String, _ scores: Tensor, _ labels: Tensor, _ threshold: Double) {
        self.labels = decided(name, scores, labels, threshold).map { predicted, actual in
            noGrad { ClassCounts.sums(predicted.reshape(1, -1), actual.reshape(1, -1)) }
        }
    }

    init(multilabel name: String, _ scores: Tensor, _ labels: Tensor, _ threshold: Double) {
        guard let (predicted, actual) = decided(name, scores, labels, threshold) else { return }
        guard scores.ndim >= 2 else {
            fail(name, "scores of shape \(scores.shape): it needs scores [N, L, …] of L labels")
            return
        }
        self.labels = noGrad {
            func rows(_ x: Tensor) -> Tensor { x.movedim(1, 0).flatten(startDim: 1) }
            return ClassCounts.sums(rows(predicted), rows(actual))
        }
    }

    /// Of one row a label.
    private static func sums(_ predicted: Tensor, _ actual: Tensor) -> Sum {
        Sum(Tensor.cat([predicted.logicalAnd(actual), predicted, actual].map { $0.sum(dim: 1) }))
    }

    mutating func merge(_ other: ClassCounts) {
        if let more = other.matrix { if matrix == nil { matrix = more } else { matrix!.merge(more) } }
        if let more = other.labels { if labels == nil { labels = more } else { labels! += more } }
    }

    /// The mean of a number per class over those where it is not NaN.
    func mean(_ number: (_ hits: Double, _ predicted: Double, _ actual: Double) -> Double) -> Double {
        if let matrix { return matrix.mean { number(Double(matrix[$0, $0]), Double(matrix.taken($0)), Double(matrix.total($0))) } }
        let sums = labels?.values ?? []
        let count = sums.count / 3
        return (0..<count).map { number(sums[$0], sums[count + $0], sums[2 * count + $0]) }.meanOfNumbers
    }

    private enum CodingKeys: CodingKey { case matrix, labels }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        matrix = try container.decodeIfPresent(ConfusionMatrix.self, forKey: .matrix)
        labels = try container.decodeIfPresent(Sum.self, forKey: .labels)
        guard labels.map({ $0.values.count % 3 == 0 }) ?? (matrix != nil) else {
            throw DecodingError.dataCorruptedError(forKey: .labels, in: container, debugDescription: "no counts of three numbers")
        }
    }
}
