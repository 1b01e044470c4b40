import ApusCore
import ApusOptim

/// Where checkpoints go, and how often. One is written after every epoch and when training is stopped.
public struct CheckpointPolicy: Sendable {
    /// The folder; it must exist.
    public var folder: String
    /// In the middle of an epoch, after that many seconds without one.
    public var seconds: Double
    /// In the middle of an epoch, after every so many steps of training; nil: only by time.
    public var steps: Int?
    /// Checkpoints in `folder`, after so many seconds without one, and after every so many steps where given.
    public init(folder: String, seconds: Double = 15, steps: Int? = nil) {
        self.folder = folder
        self.seconds = seconds
        self.steps = steps
    }
}

/// When a schedule of learning rates takes its step.
public enum Schedule {
    /// After every step of the optimizer, as one-cycle and warm-up schedules do.
    case everyStep(LRScheduler)
    /// After every epoch.
    case everyEpoch(LRScheduler)
    /// After every epoch, with the number that is watched.
    case plateau(ReduceLROnPlateau, watching: Watched = .lowest("loss"))

    func didStep() { if case .everyStep(let scheduler) = self { scheduler.step() } }

    func didFinish(_ epoch: EpochRecord) throws(OpError) {
        switch self {
        case .everyStep: break
        case .everyEpoch(let scheduler): scheduler.step()
        case .plateau(let plateau, let watched): plateau.step(try watched.value(in: epoch))
        }
    }

    func stateDict() -> [String: String] {
        switch self {
        case .everyStep(let scheduler), .everyEpoch(let scheduler): scheduler.stateDict()
        case .plateau(let plateau, _): plateau.stateDict()
        }
    }

    func loadStateDict(_ state: [String: String]) throws {
        switch self {
        case .everyStep(let scheduler), .everyEpoch(let scheduler): try scheduler.loadStateDict(state)
        case .plateau(let plateau, _): try plateau.loadStateDict(state)
        }
    }
}

/// A number of an epoch's record, and whether less of it is better: that of the evaluation where there is one, else that of training.
public struct Watched: Hashable, Sendable {
    /// `loss`, or the name of a metric.
    public var name: String
    /// Whether less is better.
    public var isLower: Bool
    /// Less is better.
    public static func lowest(_ name: String) -> Watched { Watched(name: name, isLower: true) }
    /// More is better.
    public static func highest(_ name: String) -> Watched { Watched(name: name, isLower: false) }

    /// The number in `epoch` where that has a test set as `other` has, nil where not, or where there is none of that name: numbers of training
    /// and of evaluation are not compared.
    func number(in epoch: EpochRecord, like other: EpochRecord) -> Double? {
        (epoch.test == nil) == (other.test == nil) ? (epoch.test ?? epoch.train)[name] : nil
    }

    /// The number in `epoch`. Throws where there is none of that name.
    func value(in epoch: EpochRecord) throws(OpError) -> Double {
        let measured = epoch.test ?? epoch.train
        if let value = measured[name] { return value }
        throw OpError(
            "there is no metric '\(name)' to watch; there are \((["loss"] + measured.metrics.map(\.name)).joined(separator: ", "))",
            op: "fit")
    }

    /// Whether `value` is better than `best` by more than `difference`; NaN never is.
    func isBetter(_ value: Double, than best: Double, by difference: Double = 0) -> Bool {
        if best.isNaN { return !value.isNaN }
        return isLower ? value < best - difference : value > best + difference
    }
}

/// Ends training where a number has not become better for so many epochs. Keras: `EarlyStopping`.
public struct EarlyStopping: Hashable, Sendable {
    /// What is watched.
    public var watched: Watched
    /// How many epochs in a row may bring nothing.
    public var patience: Int
    /// What counts as better must be so by more than that.
    public var minDelta: Double
    /// Ends after `patience` epochs without a better `watched`. Traps where `patience` is below 1.
    public init(_ watched: Watched = .lowest("loss"), patience: Int, minDelta: Double = 0) {
        if patience < 1 { fail("EarlyStopping", "patience is \(patience), it must be at least 1") }
        (self.watched, self.patience, self.minDelta) = (watched, patience, minDelta)
    }

    func isOver(_ history: [EpochRecord]) -> Bool {
        guard let last = history.last else { return false }
        // Epochs that do not know the number, or know another kind of it, do not count.
        let known = history.compactMap { record in watched.number(in: record, like: last).map { (epoch: record.epoch, value: $0) } }
        var best = (epoch: (known.first?.epoch ?? last.epoch) - 1, value: Double.nan)
        for entry in known where watched.isBetter(entry.value, than: best.value, by: minDelta) { best = entry }
        return last.epoch - best.epoch >= patience
    }
}

/// What is done to gradients that are too large, before a step.
public enum Clipping: Hashable, Sendable {
    /// All are scaled so that their norm, as of one long vector, is at most that. PyTorch: `clip_grad_norm_`.
    case norm(Double)
    /// Each element is brought into −x … x. PyTorch: `clip_grad_value_`.
    case value(Double)

    func apply(_ optimizer: Optimizer) {
        let parameters = optimizer.paramGroups.flatMap(\.parameters)
        switch self {
        case .norm(let norm): clipGradNorm_(parameters, maxNorm: norm)
        case .value(let value): clipGradValue_(parameters, clipValue: value)
        }
    }
}

/// How training ended.
public enum TrainingOutcome: Hashable, Sendable {
    /// All epochs are done.
    case finished
    /// ``EarlyStopping`` has seen enough.
    case finishedEarly
    /// The ``StopFlag`` was set; a checkpoint was written where there is a policy.
    case stopped
}
