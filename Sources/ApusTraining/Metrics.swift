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
        /// Images whose class was predicted.
        public var right = 0
        /// Images seen.
        public var images = 0
        /// Nothing seen.
        public init() {}
    }

    private var settled = State()
    private var pending: [(loss: Tensor, right: Tensor, images: Int)] = []
    private var unsettledImages = 0

    /// Nothing seen yet, or what `state` says.
    public init(_ state: State = State()) { settled = state }

    /// Adds a batch: its mean loss, a scalar, and the number of right answers, a scalar.
    public func add(loss: Tensor, right: Tensor, images: Int) {
        pending.append((loss.detach(), right.detach(), images))
        unsettledImages += images
        if pending.count >= 64 { settle() }
    }

    /// The number of images whose highest score is their label's, a scalar. `scores` is [N, C], `labels` [N].
    public static func right(_ scores: Tensor, _ labels: Tensor) -> Tensor {
        noGrad { scores.argmax(dim: 1).eq(labels).sum() }
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
    /// The share of images whose class was predicted, NaN before the first.
    public var accuracy: Double { state.images == 0 ? .nan : Double(state.right) / Double(state.images) }

    private func settle() {
        for batch in pending {
            settled.lossSum += batch.loss.item() * Double(batch.images)
            settled.right += batch.right.item(Int.self)
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
