import ApusCore

/// The fraction of labels whose class has the highest score, or one of the `topK` highest. torchmetrics: `Accuracy`.
public struct Accuracy: Metric {
    private var right: Sum
    private var count: Sum

    /// For scores [N, C] and labels [N], or scores [N, C, …] and labels [N, …] of pixels or tokens; labels equal to `ignoreIndex` are
    /// ignored. Of equal scores the first class counts as higher. Traps on other shapes.
    public init(_ scores: Tensor, _ labels: Tensor, topK: Int = 1, ignoreIndex: Int? = nil) {
        guard classify("Accuracy", scores, labels) else {
            (right, count) = (Sum(0), Sum(0))
            return
        }
        (right, count) = noGrad {
            var hits: Tensor
            if topK == 1 {
                hits = scores.argmax(dim: 1).eq(labels)
            } else {
                hits = scores.topk(min(topK, scores.size(1)), dim: 1).indices.eq(labels.unsqueeze(1)).any(dim: 1)
            }
            guard let ignoreIndex else { return (Sum(hits.sum()), Sum(Double(labels.numel))) }
            let counts = labels.ne(ignoreIndex)
            hits = hits.logicalAnd(counts)
            return (Sum(hits.sum()), Sum(counts.sum()))
        }
    }

    /// For a score each, of any shape, and labels 0 and 1 of the same: the fraction of scores that are on their label's side of
    /// `threshold`. Scores above it stand for 1; 0 is for logits, 0.5 for probabilities. Traps where the shapes differ. torchmetrics:
    /// `task="binary"`, and `task="multilabel"` for scores [N, L, …] of L labels.
    public init(binary scores: Tensor, _ labels: Tensor, threshold: Double = 0) {
        guard let (predicted, actual) = decided("Accuracy", scores, labels, threshold) else {
            (right, count) = (Sum(0), Sum(0))
            return
        }
        (right, count) = (Sum(noGrad { predicted.eq(actual).sum() }), Sum(Double(labels.numel)))
    }

    private enum CodingKeys: CodingKey { case right, count }

    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        (right, count) = (try container.sum(.right, count: 1), try container.sum(.count, count: 1))
    }

    public mutating func merge(_ other: Accuracy) {
        right += other.right
        count += other.count
    }

    public var value: Double { count.value > 0 ? right.value / count.value : .nan }
}

/// Whether there is a score for each label; fails if not. Tensors of a failed op pass.
private func hasOneScoreALabel(_ name: String, _ scores: Tensor, _ labels: Tensor) -> Bool {
    if scores.isPoisoned || labels.isPoisoned || scores.shape == labels.shape { return true }
    fail(name, "scores of shape \(scores.shape) and labels of shape \(labels.shape) differ; it needs one score a label")
    return false
}

/// Where scores are above `threshold`, and where labels are 1; nil where the shapes differ, which fails.
func decided(_ name: String, _ scores: Tensor, _ labels: Tensor, _ threshold: Double) -> (predicted: Tensor, actual: Tensor)? {
    guard hasOneScoreALabel(name, scores, labels), !scores.isPoisoned, !labels.isPoisoned else { return nil }
    return noGrad { (scores.gt(threshold), labels.gt(0.5)) }
}

extension [Double] {
    /// The mean of those that are not NaN; NaN where there is none.
    var meanOfNumbers: Double {
        let numbers = filter { !$0.isNaN }
        return numbers.isEmpty ? .nan : numbers.reduce(0, +) / Double(numbers.count)
    }
}

/// Whether the shapes are scores [N, C, …] and labels [N, …]; fails if not.
func classify(_ name: String, _ scores: Tensor, _ labels: Tensor) -> Bool {
    if scores.isPoisoned || labels.isPoisoned { return false }
    var places = Array(scores.shape)
    if places.count >= 2 { places.remove(at: 1) }
    guard scores.ndim >= 2, scores.size(1) > 0, labels.dtype.isInteger, Shape(places) == labels.shape else {
        fail(
            name,
            "scores of shape \(scores.shape) and \(labels.dtype) labels of shape \(labels.shape): it needs scores [N, C, …] and whole numbers [N, …]"
        )
        return false
    }
    return true
}

/// The counts of all pairs of actual class (rows) and predicted class (columns). torchmetrics: `ConfusionMatrix`.
public struct ConfusionMatrix: Metric {
    /// The number of classes.
    public let classes: Int
    private var sums: Sum

    /// An empty matrix.
    public init(classes: Int) {
        self.classes = classes
        sums = Sum(Array(repeating: 0, count: classes * classes))
    }

    /// For scores [N, C, …] and labels [N, …]. A label that is no class (an `ignoreIndex` such as −100) is ignored. Traps on other shapes.
    public init(_ scores: Tensor, _ labels: Tensor) {
        guard classify("ConfusionMatrix", scores, labels) else {
            (classes, sums) = (0, Sum([]))
            return
        }
        let classes = scores.size(1)
        self.classes = classes
        sums = noGrad {
            let (predicted, actual) = (scores.argmax(dim: 1).reshape(-1), labels.to(.int64).reshape(-1))
            let counts = actual.ge(0).logicalAnd(actual.lt(classes))
            // Ignored labels are counted in one extra element, which is dropped.
            let places = Tensor.where(counts, actual * classes + predicted, Tensor(classes * classes, device: scores.device))
            let ones = Tensor.ones([predicted.numel], dtype: .int64, device: scores.device)
            let all = Tensor.zeros([classes * classes + 1], dtype: .int64, device: scores.device).indexAdd(dim: 0, places, ones)
            return Sum(all[0..<(classes * classes)])
        }
    }

    /// For a score each, of any shape, and labels 0 and 1 of the same: two classes, of which scores above `threshold` stand for 1. Traps
    /// where the shapes differ.
    public init(binary scores: Tensor, _ labels: Tensor, threshold: Double = 0) {
        classes = 2
        guard let (predicted, actual) = decided("ConfusionMatrix", scores, labels, threshold) else {
            sums = Sum([0, 0, 0, 0])
            return
        }
        sums = noGrad {
            let (neither, both) = (predicted.logicalOr(actual).logicalNot(), predicted.logicalAnd(actual))
            let (first, second) = (predicted.logicalAnd(actual.logicalNot()), actual.logicalAnd(predicted.logicalNot()))
            return Sum(Tensor.stack([neither.sum(), first.sum(), second.sum(), both.sum()]))
        }
    }

    private enum CodingKeys: CodingKey { case classes, sums }

    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        classes = try container.decode(Int.self, forKey: .classes)
        guard (0...1 << 20).contains(classes) else {
            throw DecodingError.dataCorruptedError(forKey: .classes, in: container, debugDescription: "\(classes) classes")
        }
        sums = try container.sum(.sums, count: classes * classes)
        guard sums.values.allSatisfy({ (0...0x1p53).contains($0) && $0 == $0.rounded() }) else {
            throw DecodingError.dataCorruptedError(forKey: .sums, in: container, debugDescription: "a count that is none")
        }
    }

    public mutating func merge(_ other: ConfusionMatrix) { sums += other.sums }

    /// All counts, row by row.
    public var counts: [Int] { sums.values.map { Int($0) } }

    /// Counts one sample, given class indices.
    public mutating func add(actual: Int, predicted: Int) {
        var one = [Double](repeating: 0, count: classes * classes)
        one[actual * classes + predicted] = 1
        sums += Sum(one)
    }

    /// The number of samples of class `actual` that were predicted as `predicted`.
    public subscript(actual: Int, predicted: Int) -> Int { Int(sums.values[actual * classes + predicted]) }

    /// The number of samples of class `actual`.
    public func total(_ actual: Int) -> Int { (0..<classes).reduce(0) { $0 + self[actual, $1] } }

    /// The number of samples predicted as class `predicted`.
    public func taken(_ predicted: Int) -> Int { (0..<classes).reduce(0) { $0 + self[$1, predicted] } }

    /// The fraction of samples on the diagonal; NaN without samples.
    public var accuracy: Double {
        let all = sums.values.reduce(0, +)
        return all == 0 ? .nan : Double((0..<classes).reduce(0) { $0 + self[$1, $1] }) / all
    }

    /// The accuracy.
    public var value: Double { accuracy }

    /// The fraction of the samples of class `actual` that were predicted as it; NaN without samples.
    public func recall(_ actual: Int) -> Double { Double(self[actual, actual]) / Double(total(actual)) }

    /// The fraction of the samples predicted as class `predicted` that are of it; NaN without samples.
    public func precision(_ predicted: Int) -> Double { Double(self[predicted, predicted]) / Double(taken(predicted)) }

    /// 2·hits / (samples of the class + samples predicted as it): the harmonic mean of precision and recall; NaN without either.
    public func f1(_ label: Int) -> Double { 2 * Double(self[label, label]) / Double(total(label) + taken(label)) }

    /// hits / (samples of the class or predicted as it): intersection over union; NaN without either.
    public func iou(_ label: Int) -> Double { Double(self[label, label]) / Double(total(label) + taken(label) - self[label, label]) }

    /// The mean of a number per class, such as ``recall(_:)``, over the classes where it is not NaN. torchmetrics: `average="macro"`.
    public func mean(_ number: (Int) -> Double) -> Double {
        (0..<classes).map(number).meanOfNumbers
    }
}

/// The mean of 2·precision·recall / (precision + recall) over the classes that occur. torchmetrics: `F1Score(average="macro")`.
public struct F1Score: Metric {
    private var counts: ClassCounts

    /// For scores [N, C, …] and labels [N, …]; labels that are no class are ignored.
    public init(_ scores: Tensor, _ labels: Tensor) { counts = ClassCounts(scores, labels) }

    /// That of class 1 alone, for a score each, of any shape, and labels 0 and 1 of the same; scores above `threshold` stand for 1. Traps
    /// where the shapes differ. torchmetrics: `task="binary"`, which has 0 where there is no 1 and none is predicted, and not NaN.
    public init(binary scores: Tensor, _ labels: Tensor, threshold: Double = 0) {
        counts = ClassCounts(binary: "F1Score", scores, labels, threshold)
    }

    /// The mean over those of L labels that occur or are predicted, each of which is there or not: for scores [N, L, …] and labels 0 and 1
    /// of the same shape. Traps on other shapes. torchmetrics: `task="multilabel"`, which counts labels that never occur as 0.
    public init(multilabel scores: Tensor, _ labels: Tensor, threshold: Double = 0) {
        counts = ClassCounts(multilabel: "F1Score", scores, labels, threshold)
    }

    public mutating func merge(_ other: F1Score) { counts.merge(other.counts) }
    public var value: Double { counts.mean { hits, predicted, actual in 2 * hits / (predicted + actual) } }

    public func encode(to encoder: any Encoder) throws { try counts.encode(to: encoder) }
    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws { counts = try ClassCounts(from: decoder) }
}

/// The mean of intersection over union over the classes that occur, for segmentation. torchmetrics: `JaccardIndex`, `MeanIoU`.
public struct MeanIoU: Metric {
    private var counts: ClassCounts

    /// For scores [N, C, …] and labels [N, …]; labels that are no class are ignored.
    public init(_ scores: Tensor, _ labels: Tensor) { counts = ClassCounts(scores, labels) }

    /// That of class 1 alone, for a score each, of any shape, and labels 0 and 1 of the same; scores above `threshold` stand for 1. Traps
    /// where the shapes differ. torchmetrics: `JaccardIndex(task="binary")`, which has 0 where there is no 1 and none is predicted, and not
    /// NaN.
    public init(binary scores: Tensor, _ labels: Tensor, threshold: Double = 0) {
        counts = ClassCounts(binary: "MeanIoU", scores, labels, threshold)
    }

    /// The mean over those of L labels that occur or are predicted: for scores [N, L, …] and labels 0 and 1 of the same shape. Traps on
    /// other shapes. torchmetrics: `JaccardIndex(task="multilabel")`, which counts labels that never occur as 0.
    public init(multilabel scores: Tensor, _ labels: Tensor, threshold: Double = 0) {
        counts = ClassCounts(multilabel: "MeanIoU", scores, labels, threshold)
    }

    public mutating func merge(_ other: MeanIoU) { counts.merge(other.counts) }
    public var value: Double { counts.mean { hits, predicted, actual in hits / (predicted + actual - hits) } }

    public func encode(to encoder: any Encoder) throws { try counts.encode(to: encoder) }
    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws { counts = try ClassCounts(from: decoder) }
}

/// The correlation of predicted and actual classes, from −1 to 1; 0 for guessing, whatever the class frequencies. With c of s samples
/// predicted correctly, tₖ of class k and pₖ predicted as k: (c·s − Σ tₖpₖ)/√((s² − Σ pₖ²)(s² − Σ tₖ²)) (Gorodkin, 2004). NaN if all
/// samples are of one class, or all predicted as one; torchmetrics' `MatthewsCorrCoef` gives 0 then.
public struct MatthewsCorrelation: Metric {
    private var matrix: ConfusionMatrix

    /// For scores [N, C, …] and labels [N, …]; labels that are no class are ignored.
    public init(_ scores: Tensor, _ labels: Tensor) { matrix = ConfusionMatrix(scores, labels) }

    /// For a score each, of any shape, and labels 0 and 1 of the same; scores above `threshold` stand for 1. Traps where the shapes differ.
    public init(binary scores: Tensor, _ labels: Tensor, threshold: Double = 0) {
        matrix = ConfusionMatrix(binary: scores, labels, threshold: threshold)
    }

    public mutating func merge(_ other: MatthewsCorrelation) { matrix.merge(other.matrix) }

    public var value: Double {
        let classes = 0..<matrix.classes
        let (actual, predicted) = (classes.map { Double(matrix.total($0)) }, classes.map { Double(matrix.taken($0)) })
        let (all, right) = (actual.reduce(0, +), classes.reduce(0) { $0 + Double(matrix[$1, $1]) })
        func sum(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
        return (right * all - sum(actual, predicted))
            / ((all * all - sum(predicted, predicted)) * (all * all - sum(actual, actual))).squareRoot()
    }
}

/// The area under the receiver operating characteristic of two classes: the probability that a sample of class 1 has a higher score than
/// one of class 0, where equal scores count half. torchmetrics: `AUROC(task="binary")`.
///
/// It stores all scores, 9 bytes per sample, and sorts them whenever it is read, so progress bars do not show it.
public struct AUROC: Metric {
    public static var isShownOnTheWay: Bool { false }
    private var scores: PerSample<Double>
    private var labels: PerSample<Bool>

    /// For one score per sample and labels 0 and 1, of the same shape. Traps where the shapes differ.
    public init(_ scores: Tensor, _ labels: Tensor) {
        guard hasOneScoreALabel("AUROC", scores, labels) else {
            (self.scores, self.labels) = (PerSample(), PerSample())
            return
        }
        (self.scores, self.labels) = (PerSample(scores), PerSample(noGrad { labels.gt(0.5) }))
    }

    public mutating func merge(_ other: AUROC) {
        scores += other.scores
        labels += other.labels
    }

    public var value: Double {
        let (scores, labels) = (scores.values, labels.values)
        let positives = labels.count { $0 }
        guard positives > 0, positives < labels.count, !scores.contains(where: \.isNaN) else { return .nan }
        // Mann and Whitney: the sum of the ranks of class 1 minus its minimum; equal scores share their mean rank.
        let order = scores.indices.sorted { scores[$0] < scores[$1] }
        var (ranks, first) = (0.0, 0)
        while first < order.count {
            var next = first
            while next < order.count, scores[order[next]] == scores[order[first]] { next += 1 }
            ranks += Double(order[first..<next].count { labels[$0] }) * Double(first + next + 1) / 2
            first = next
        }
        let (p, n) = (Double(positives), Double(labels.count - positives))
        return (ranks - p * (p + 1) / 2) / (p * n)
    }

    private enum CodingKeys: CodingKey { case scores, labels }

    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        scores = try container.decode(PerSample<Double>.self, forKey: .scores)
        labels = try container.decode(PerSample<Bool>.self, forKey: .labels)
        let counts = (labels: labels.values.count, scores: scores.values.count)
        guard counts.labels == counts.scores else {
            throw DecodingError.dataCorruptedError(
                forKey: .labels, in: container, debugDescription: "\(counts.labels) labels for \(counts.scores) scores")
        }
    }
}
