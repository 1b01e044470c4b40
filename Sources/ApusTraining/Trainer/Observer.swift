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

/// Where training is.
public struct TrainingProgress {
    /// The epoch, from 1.
    public var epoch: Int
    /// The epochs until the end.
    public var epochs: Int
    /// Batches learned from in this epoch.
    public var batch: Int
    /// Batches of an epoch.
    public var batches: Int
    /// Steps taken in all epochs.
    public var step: Int
    /// The learning rate of the last step (of the first optimizer's first group).
    public var learningRate: Double
    /// Samples learned from a second in this epoch, over all its parts.
    public var samplesPerSecond: Double
    /// Loss and metrics of this epoch so far, each batch's before it was learned from.
    public let measurements: Measurements

    /// The mean training loss of this epoch so far. Waits for the device.
    public var loss: Double { measurements.loss }
    /// The part of the epoch that is done.
    public var fraction: Double { batches == 0 ? 1 : Double(batch) / Double(batches) }
    /// An estimate of the seconds until the end of the epoch.
    public var secondsLeft: Double {
        guard batch > 0, samplesPerSecond > 0 else { return .infinity }
        return Double(batches - batch) * Double(measurements.samples) / Double(batch) / samplesPerSecond
    }
}

/// What an epoch came to.
public struct EpochRecord: Hashable, Sendable, Codable {
    /// The epoch, from 1.
    public var epoch: Int
    /// Steps taken in all epochs so far.
    public var step: Int
    /// Loss and metrics over the epoch's batches, each before it was learned from.
    public var train: Measured
    /// Loss and metrics on the test set after the epoch, nil where there is none.
    public var test: Measured?
    /// The learning rate at the epoch's last step.
    public var learningRate: Double
    /// Samples learned from a second.
    public var samplesPerSecond: Double
    /// Seconds of training, without the evaluation, over all parts of an epoch that was gone on with.
    public var seconds: Double
}
