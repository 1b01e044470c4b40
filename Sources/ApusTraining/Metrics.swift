import ApusCore

/// Loss and accuracy over the batches seen so far.
///
/// Sums are kept as tensors on the device until somebody reads: waiting for each batch would hold up a device that works ahead.
/// They are added in the order of the batches, in double precision, so that the result does not depend on when it is read.
public final class RunningMetrics {
    /// What has been summed up, for checkpoints.
    public struct State: Hashable, Sendable {
        /// Σ loss × images.
        public var lossSum = 0.0
        /// Labels that were predicted.
        public var right = 0
        /// Labels that were compared: one an image, or one a pixel; none where nothing is classified.
        public var answers = 0
        /// Images seen.
        public var images = 0
        /// Nothing seen.
        public init() {}
    }

    private var settled = State()
    private var pending: [(loss: Tensor, answers: Answers?, images: Int)] = []
    private var unsettledImages = 0

    /// Nothing seen yet, or what `state` says.
    public init(_ state: State = State()) { settled = state }

    /// How many labels of a batch were predicted, and how many there are.
    public struct Answers {
        /// The labels whose score is the highest, a scalar.
        public let right: Tensor
        /// The labels.
        public let count: Int

        /// Of scores [N, C] and labels [N], or scores [N, C, …] and labels [N, …] of pixels; labels are integers. nil for anything else, such
        /// as the targets of a regression: nothing is right or wrong there.
        public init?(_ scores: Tensor, _ labels: Tensor) {
            guard labels.dtype.isInteger, scores.dtype.isFloatingPoint, scores.ndim == labels.ndim + 1, scores.ndim >= 2, scores.size(1) > 0 else { return nil }
            var places = Array(scores.shape)
            places.remove(at: 1)
            guard Shape(places) == labels.shape else { return nil }
            right = noGrad { scores.argmax(dim: 1).eq(labels).sum() }
            count = labels.numel
        }
    }

    /// Adds a batch: its mean loss, a scalar, and what was right of it, nil where nothing is classified.
    public func add(loss: Tensor, answers: Answers?, images: Int) {
        pending.append((loss.detach(), answers, images))
        unsettledImages += images
        if pending.count >= 64 { settle() }
    }

    /// The sums, up to date.
    public var state: State {
        settle()
        return settled
    }

    /// Images seen; does not wait for the device.
    public var images: Int { settled.images + unsettledImages }
    /// The mean loss over all images, NaN before the first.
    public var loss: Double { state.images == 0 ? .nan : state.lossSum / Double(state.images) }
    /// The share of labels that were predicted, NaN before the first and where nothing is classified.
    public var accuracy: Double { state.answers == 0 ? .nan : Double(state.right) / Double(state.answers) }

    private func settle() {
        for batch in pending {
            settled.lossSum += batch.loss.item() * Double(batch.images)
            if let answers = batch.answers {
                settled.right += answers.right.item(Int.self)
                settled.answers += answers.count
            }
            settled.images += batch.images
        }
        pending.removeAll(keepingCapacity: true)
        unsettledImages = 0
    }
}

/// How often each class was taken for each: rows are what an image is, columns what it was taken for.
public struct ConfusionMatrix: Hashable, Sendable {
    /// The names of the classes.
    public let classes: [String]
    /// Row after row.
    public private(set) var counts: [Int]

    /// Nothing counted yet.
    public init(classes: [String]) {
        self.classes = classes
        counts = Array(repeating: 0, count: classes.count * classes.count)
    }

    /// Counts one image. Both are indices of classes.
    public mutating func add(actual: Int, predicted: Int) { counts[actual * classes.count + predicted] += 1 }

    /// How often an image of class `actual` was taken for `predicted`.
    public subscript(actual: Int, predicted: Int) -> Int { counts[actual * classes.count + predicted] }

    /// The images of class `actual`.
    public func total(_ actual: Int) -> Int { (0..<classes.count).reduce(0) { $0 + self[actual, $1] } }

    /// The share of images on the diagonal, NaN where there are none.
    public var accuracy: Double {
        let total = counts.reduce(0, +)
        return total == 0 ? .nan : Double((0..<classes.count).reduce(0) { $0 + self[$1, $1] }) / Double(total)
    }

    /// The share of the images of class `actual` that were recognised, NaN where there are none.
    public func recall(_ actual: Int) -> Double { Double(self[actual, actual]) / Double(total(actual)) }

    /// The share of the images taken for class `predicted` that were of it, NaN where there are none.
    public func precision(_ predicted: Int) -> Double {
        Double(self[predicted, predicted]) / Double((0..<classes.count).reduce(0) { $0 + self[$1, predicted] })
    }
}

/// An image that a model took for something else.
public struct Mistake: Hashable, Sendable {
    /// Its index in the data set.
    public var index: Int
    /// The class it was taken for.
    public var predicted: Int
    /// The class it is of.
    public var actual: Int
    /// The probability given to `predicted`.
    public var probability: Double
    /// The probability given to `actual`.
    public var actualProbability: Double
}

/// What a model makes of a data set.
public struct Evaluation: Sendable {
    /// The mean loss over all images.
    public var loss: Double
    /// The share of images whose class was predicted.
    public var accuracy: Double
    /// The number of images.
    public var images: Int
    /// Images a second.
    public var imagesPerSecond: Double
    /// Which class was taken for which; empty where it was not asked for.
    public var confusion: ConfusionMatrix
    /// What it is most wrong about: sorted by the probability of the wrong class, highest first.
    public var mistakes: [Mistake]
}
