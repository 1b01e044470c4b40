/// Watches a ``Trainer``: progress bars, logs, early stopping. Every method has an empty default.
///
/// The trainer calls them on its own thread, between two batches.
public protocol TrainingObserver: AnyObject {
    /// Training begins, or goes on from a checkpoint.
    func willTrain(_ progress: TrainingProgress)
    /// A batch was learned from.
    func didTrain(_ progress: TrainingProgress)
    /// A batch of the test set was evaluated after an epoch.
    func didEvaluate(batch: Int, of batches: Int, after progress: TrainingProgress)
    /// An epoch is over and evaluated.
    func didFinish(_ epoch: EpochRecord, of epochs: Int)
    /// Training was stopped before its end; a checkpoint has been written where the trainer writes any.
    func didStop(_ progress: TrainingProgress)
}

extension TrainingObserver {
    public func willTrain(_ progress: TrainingProgress) {}
    public func didTrain(_ progress: TrainingProgress) {}
    public func didEvaluate(batch: Int, of batches: Int, after progress: TrainingProgress) {}
    public func didFinish(_ epoch: EpochRecord, of epochs: Int) {}
    public func didStop(_ progress: TrainingProgress) {}
}

/// Where a run is.
public struct TrainingProgress {
    /// The epoch, from 1.
    public var epoch: Int
    /// The epochs of the run.
    public var epochs: Int
    /// Batches learned from in this epoch.
    public var batch: Int
    /// Batches of an epoch.
    public var batches: Int
    /// Batches learned from in all epochs.
    public var step: Int
    /// The learning rate of the last batch (of the first parameter group).
    public var learningRate: Double
    /// Images learned from a second, since the epoch began or was gone on with.
    public var imagesPerSecond: Double
    /// Loss and accuracy of this epoch so far.
    public let metrics: RunningMetrics

    /// The mean training loss of this epoch so far. Waits for the device.
    public var loss: Double { metrics.loss }
    /// The share of right answers in this epoch so far, each given before its batch was learned from; NaN where nothing is classified. Waits
    /// for the device.
    public var accuracy: Double { metrics.accuracy }
    /// The part of the epoch that is done.
    public var fraction: Double { batches == 0 ? 1 : Double(batch) / Double(batches) }
    /// An estimate of the seconds until the end of the epoch.
    public var secondsLeft: Double {
        guard batch > 0, imagesPerSecond > 0 else { return .infinity }
        return Double(batches - batch) * Double(metrics.images) / Double(batch) / imagesPerSecond
    }
}

/// What an epoch came to.
public struct EpochRecord: Hashable, Sendable {
    /// The epoch, from 1.
    public var epoch: Int
    /// Batches learned from in all epochs so far.
    public var step: Int
    /// The mean loss over the epoch's batches, each before it was learned from.
    public var trainLoss: Double
    /// The share of right answers, likewise; NaN where nothing is classified.
    public var trainAccuracy: Double
    /// The mean loss on the test set after the epoch, nil where there is none.
    public var testLoss: Double?
    /// The share of right answers on the test set, nil where nothing is classified.
    public var testAccuracy: Double?
    /// The learning rate at the epoch's last batch.
    public var learningRate: Double
    /// Images learned from a second.
    public var imagesPerSecond: Double
    /// Seconds of training, without the evaluation; of an epoch gone on with, those of its last part.
    public var seconds: Double
}
