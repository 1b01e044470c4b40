/// Observes a ``Trainer``, for progress bars, logs or early stopping. Every method has an empty default.
///
/// The trainer calls the methods on its own thread, between batches.
public protocol TrainingObserver: AnyObject {
    /// Training begins, or continues from a checkpoint.
    func willTrain(_ progress: TrainingProgress)
    /// A training batch is done.
    func didTrain(_ progress: TrainingProgress)
    /// A batch of the test set was evaluated after an epoch.
    func didEvaluate(batch: Int, of batches: Int, after progress: TrainingProgress)
    /// An epoch is finished and evaluated.
    func didFinish(_ epoch: EpochRecord, of epochs: Int)
    /// Training was stopped before its end; if the trainer writes checkpoints, one has been written.
    func didStop(_ progress: TrainingProgress)
}

extension TrainingObserver {
    public func willTrain(_ progress: TrainingProgress) {}
    public func didTrain(_ progress: TrainingProgress) {}
    public func didEvaluate(batch: Int, of batches: Int, after progress: TrainingProgress) {}
    public func didFinish(_ epoch: EpochRecord, of epochs: Int) {}
    public func didStop(_ progress: TrainingProgress) {}
}

/// The progress of training.
public struct TrainingProgress {
    /// The epoch, from 1.
    public var epoch: Int
    /// The total number of epochs.
    public var epochs: Int
    /// The number of batches done in this epoch.
    public var batch: Int
    /// The number of batches in an epoch.
    public var batches: Int
    /// The number of steps in all epochs.
    public var step: Int
    /// The learning rate of the last step (for the first group of the first optimizer).
    public var learningRate: Double
    /// Training samples per second in this epoch, over all its parts.
    public var samplesPerSecond: Double
    /// Loss and metrics of this epoch so far; each batch is measured before the step that learns from it.
    public let measurements: Measurements

    /// The mean training loss of this epoch so far. Waits for the device.
    public var loss: Double { measurements.loss }
    /// The fraction of the epoch that is done.
    public var fraction: Double { batches == 0 ? 1 : Double(batch) / Double(batches) }
    /// An estimate of the seconds until the end of the epoch.
    public var secondsLeft: Double {
        guard batch > 0, samplesPerSecond > 0 else { return .infinity }
        return Double(batches - batch) * Double(measurements.samples) / Double(batch) / samplesPerSecond
    }
}

/// The results of an epoch.
public struct EpochRecord: Hashable, Sendable, Codable {
    /// The epoch, from 1.
    public var epoch: Int
    /// The number of steps in all epochs so far.
    public var step: Int
    /// Loss and metrics over the epoch's batches; each is measured before the step that learns from it.
    public var train: Measured
    /// Loss and metrics on the test set after the epoch; nil without a test set.
    public var test: Measured?
    /// The learning rate of the epoch's last step.
    public var learningRate: Double
    /// Training samples per second.
    public var samplesPerSecond: Double
    /// Seconds of training, without evaluation, over all parts of a resumed epoch.
    public var seconds: Double
    /// How many of them the training loop waited for batches; nil in records of version 0.1. Where that is a large share, the loader wants more
    /// `workers`.
    public var waiting: Double?
}
