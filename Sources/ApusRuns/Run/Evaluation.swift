import ApusCore
import ApusData
import ApusNN
import ApusSystem
import ApusTraining

/// An image that a model classified wrongly.
public struct Mistake: Hashable, Sendable, Codable {
    /// Its index in the data set.
    public var index: Int
    /// The predicted class.
    public var predicted: Int
    /// The right class.
    public var actual: Int
    /// The probability of `predicted`.
    public var probability: Double
    /// The probability of `actual`.
    public var actualProbability: Double
}

/// The results of a classifier on labelled images.
public struct Evaluation {
    /// The mean cross-entropy over all images.
    public let loss: Double
    /// The fraction of images whose class was predicted.
    public let accuracy: Double
    /// The fraction of images whose class was among the five likeliest; nil for five classes or fewer, where that says nothing.
    public let topFive: Double?
    /// How far the probabilities are from how often the model is right.
    public let calibration: CalibrationError
    /// The number of images.
    public let images: Int
    /// Images per second.
    public let imagesPerSecond: Double
    /// The names of the classes.
    public let classes: [String]
    /// The confusion matrix of the classes.
    public let confusion: ConfusionMatrix
    /// The worst mistakes, sorted by descending probability of the wrong class.
    public let mistakes: [Mistake]

    /// Evaluates `model` on the images of `loader` and keeps `limit` mistakes. Throws unless it gives a score for each of `classes`.
    public init(
        _ model: Module, on loader: DataLoader<(Tensor, Tensor)>, device: Device = .cpu, classes: [String], mistakes limit: Int = 0
    ) throws {
        let begin = monotonicSeconds()
        var measures: [Measure<(Tensor, Tensor)>] = [
            .init("confusion") { ConfusionMatrix($0, $1) }, .init("calibration") { CalibrationError($0, $1) },
        ]
        if classes.count > 5 { measures.append(.init("top 5") { Accuracy($0, $1, topK: 5) }) }
        if limit > 0 { measures.append(.init("mistakes") { Mistakes($0, $1, limit: limit) }) }
        let measured = try measured(model, on: loader, measures) { images, labels in
            let (scores, labels) = (model(images.to(device)), labels.to(device))
            // A model with other classes than its data must not index out of bounds.
            if !scores.isPoisoned, scores.ndim != 2 || scores.size(1) != classes.count {
                throw OpError("the model gives scores of shape \(scores.shape), the data has \(classes.count) classes", op: "evaluate")
            }
            return (F.crossEntropy(scores, labels), (scores, labels))
        }
        guard let measured else { preconditionFailure("an evaluation that nobody stops has a result") }
        confusion = measured.metric("confusion") ?? ConfusionMatrix(classes: classes.count)
        calibration = measured.metric("calibration") ?? CalibrationError(bins: 15)
        topFive = measured.metric("top 5", as: Accuracy.self)?.value
        mistakes = measured.metric("mistakes", as: Mistakes.self)?.worst ?? []
        (loss, accuracy, images, self.classes) = (measured.loss, confusion.accuracy, measured.samples, classes)
        imagesPerSecond = Double(images) / max(monotonicSeconds() - begin, 1e-9)
    }
}

/// The mistakes with the highest probability of the wrong class; earlier ones first if equal.
private struct Mistakes: Metric {
    private let limit: Int
    private var seen: Int
    private(set) var worst: [Mistake] = []

    init(_ scores: Tensor, _ labels: Tensor, limit: Int) {
        self.limit = limit
        let (actual, probabilities) = (labels.array(Int.self), F.softmax(scores, dim: 1).array(Float.self))
        let predicted = scores.argmax(dim: 1).array(Int.self)
        seen = actual.count
        let classes = scores.size(1)
        for i in actual.indices where predicted[i] != actual[i] && (0..<classes).contains(actual[i]) {
            func probability(_ label: Int) -> Double { Double(probabilities[i * classes + label]) }
            worst.append(
                Mistake(
                    index: i, predicted: predicted[i], actual: actual[i], probability: probability(predicted[i]),
                    actualProbability: probability(actual[i])))
        }
        rank()
    }

    private mutating func rank() {
        worst = Array(worst.sorted { ($1.probability, $0.index) < ($0.probability, $1.index) }.prefix(limit))
    }

    mutating func merge(_ other: Mistakes) {
        worst += other.worst.map { mistake in
            var later = mistake
            later.index += seen
            return later
        }
        seen += other.seen
        rank()
    }

    var value: Double { Double(worst.count) }
}

extension ConfusionMatrix {
    /// What there is to say of each class, as a table of text: heads, a row for each of `names`, the mean of the classes. Columns 1 to 4 are numbers.
    package func table(_ names: [String]) -> [[String]] {
        func percent(_ value: Double) -> String { value.isFinite ? Text.fixed(100 * value, 1) + " %" : "-" }
        func scores(_ number: ((Int) -> Double) -> Double) -> [String] {
            [percent(number(precision)), percent(number(recall)), percent(number(f1))]
        }
        let rows = names.enumerated().map { i, name in
            let confused = names.indices.filter { $0 != i && self[i, $0] > 0 }.max { self[i, $0] < self[i, $1] }
            return [name, Text.grouped(total(i))] + scores { $0(i) } + [
                confused.map { "\(names[$0]) (\(Text.grouped(self[i, $0])))" } ?? ""
            ]
        }
        return [["class", "images", "precision", "recall", "F1", "most often taken for"]] + rows
            + [["mean of the classes", ""] + scores(mean) + [""]]
    }
}
