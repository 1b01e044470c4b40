import ApusCore
import ApusDistributed
import ApusOptim

/// Where and how often checkpoints are written. One is written after every epoch and when training is stopped.
public struct CheckpointPolicy: Sendable {
    /// The folder, which must exist.
    public var folder: String
    /// Within an epoch, a checkpoint is written once the last one is this many seconds old.
    public var seconds: Double
    /// Within an epoch, a checkpoint is also written after every this many steps; nil for none by steps.
    public var steps: Int?
    /// Checkpoints in `folder`, written after `seconds` and, if given, after `steps`.
    public init(folder: String, seconds: Double = 15, steps: Int? = nil) {
        self.folder = folder
        self.seconds = seconds
        self.steps = steps
    }
}

/// When a learning rate schedule takes its step.
public enum Schedule {
    /// After every step of the optimizer, as one-cycle and warm-up schedules do.
    case everyStep(LRScheduler)
    /// After every epoch.
    case everyEpoch(LRScheduler)
    /// After every epoch, with the watched value.
    case plateau(ReduceLROnPlateau, watching: Watched = .lowest("loss"))

    func didStep() { if case .everyStep(let scheduler) = self { scheduler.step() } }

    func didFinish(_ epoch: EpochRecord) throws(OpError) {
        switch self {
        case .everyStep: break
        case .everyEpoch(let scheduler): scheduler.step()
        case .plateau(let plateau, let watched): plateau.step(try watched.value(in: epoch))
        }
    }

    func stateDict() -> [String: OptionValue] {
        switch self {
        case .everyStep(let scheduler), .everyEpoch(let scheduler): scheduler.stateDict()
        case .plateau(let plateau, _): plateau.stateDict()
        }
    }

    /// Reads and checks a state; nothing changes before what it returns is called.
    func loading(_ state: [String: OptionValue]) throws -> () -> Void {
        switch self {
        case .everyStep(let scheduler), .everyEpoch(let scheduler): try scheduler.loading(state)
        case .plateau(let plateau, _): try plateau.loading(state)
        }
    }
}

/// A value of an epoch's record to watch, and whether lower is better. It is that of the evaluation if there is one, else that of training.
public struct Watched: Hashable, Sendable {
    /// `loss`, or the name of a metric.
    public var name: String
    /// Whether lower is better.
    public var isLower: Bool
    /// Lower is better.
    public static func lowest(_ name: String) -> Watched { Watched(name: name, isLower: true) }
    /// Higher is better.
    public static func highest(_ name: String) -> Watched { Watched(name: name, isLower: false) }

    /// The value in `epoch`; nil if there is none, or if only one of `epoch` and `other` has a test set, since values of training and of
    /// evaluation are not comparable.
    func number(in epoch: EpochRecord, like other: EpochRecord) -> Double? {
        (epoch.test == nil) == (other.test == nil) ? (epoch.test ?? epoch.train)[name] : nil
    }

    /// The value in `epoch`. Throws if there is none of that name.
    func value(in epoch: EpochRecord) throws(OpError) -> Double {
        let measured = epoch.test ?? epoch.train
        if let value = measured[name] { return value }
        throw OpError(
            "there is no metric '\(name)' to watch; there are \((["loss"] + measured.metrics.map(\.name)).joined(separator: ", "))",
            op: "fit")
    }

    /// Whether `value` is better than `best` by more than `difference`; false for NaN.
    func isBetter(_ value: Double, than best: Double, by difference: Double = 0) -> Bool {
        if best.isNaN { return !value.isNaN }
        return isLower ? value < best - difference : value > best + difference
    }
}

/// Stops training when a value has not improved for some epochs. Keras: `EarlyStopping`.
public struct EarlyStopping: Hashable, Sendable {
    /// The watched value.
    public var watched: Watched
    /// The number of consecutive epochs without improvement after which training stops.
    public var patience: Int
    /// The minimum difference of an improvement.
    public var minDelta: Double
    /// Stops after `patience` epochs without an improvement of `watched`. Traps where `patience` is below 1.
    public init(_ watched: Watched = .lowest("loss"), patience: Int, minDelta: Double = 0) {
        if patience < 1 { fail("EarlyStopping", "patience is \(patience), it must be at least 1") }
        (self.watched, self.patience, self.minDelta) = (watched, patience, minDelta)
    }

    func isOver(_ history: [EpochRecord]) -> Bool {
        guard let last = history.last else { return false }
        // Epochs without a comparable value are skipped.
        let known = history.compactMap { record in watched.number(in: record, like: last).map { (epoch: record.epoch, value: $0) } }
        var best = (epoch: (known.first?.epoch ?? last.epoch) - 1, value: Double.nan)
        for entry in known where watched.isBetter(entry.value, than: best.value, by: minDelta) { best = entry }
        return last.epoch - best.epoch >= patience
    }
}

/// How large gradients are clipped before a step.
public enum Clipping: Hashable, Sendable {
    /// Scales all gradients so that their norm, as one long vector, is at most this. PyTorch: `clip_grad_norm_`.
    case norm(Double)
    /// Clamps each element to −x … x. PyTorch: `clip_grad_value_`.
    case value(Double)

    func apply(_ optimizer: Optimizer, _ reducer: GradientReducer?) {
        switch (self, reducer) {
        case (.norm(let norm), nil): clipGradNorm_(optimizer.stepped, maxNorm: norm)
        case (.norm(let norm), let reducer?):
            do { try reducer.clipGradNorm(optimizer, maxNorm: norm) } catch { fail("clipGradNorm", "\(error)") }
        case (.value(let value), _): clipGradValue_(optimizer.stepped, clipValue: value)
        }
    }
}

/// How training ended.
public enum TrainingOutcome: Hashable, Sendable {
    /// All epochs are done.
    case finished
    /// Stopped by ``EarlyStopping``.
    case finishedEarly
    /// The ``StopFlag`` was set; if there is a checkpoint policy, a checkpoint was written.
    case stopped
}
