import ApusCore

/// lr ← factor·lr where a metric has not improved for more than `patience` steps. PyTorch: `ReduceLROnPlateau`.
///
/// A group that is added to the optimizer later joins with the rate that it has. Its `step` takes the metric: `scheduler.step(validationLoss)`. It is
/// therefore no `LRScheduler`, and `SequentialLR` does not take it.
public final class ReduceLROnPlateau {
    /// Which metrics are good.
    public enum Mode: String, CaseIterable, SettingValue, Sendable {
        /// Small ones, as of a loss.
        case min
        /// Large ones, as of an accuracy.
        case max
    }
    /// By how much a metric must be better than the best so far to count as an improvement.
    public enum ThresholdMode: String, CaseIterable, SettingValue, Sendable {
        /// By `threshold` times the best so far.
        case rel
        /// By `threshold`.
        case abs
    }

    /// The optimizer whose rates it changes.
    public let optimizer: Optimizer
    private var mode: Mode
    private var thresholdMode: ThresholdMode
    private var factor, threshold, eps: Double
    private var patience, cooldown: Int
    private var minLRs: [Double]
    /// The best metric so far.
    public private(set) var best: Double
    /// The number of steps so far.
    public private(set) var lastEpoch = 0
    private var badEpochs = 0
    private var cooldownLeft = 0

    /// The same minimum rate for all groups.
    public convenience init(
        _ optimizer: Optimizer, mode: Mode = .min, factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4,
        thresholdMode: ThresholdMode = .rel,
        cooldown: Int = 0, minLR: Double = 0, eps: Double = 1e-8
    ) {
        self.init(
            optimizer, mode: mode, factor: factor, patience: patience, threshold: threshold, thresholdMode: thresholdMode,
            cooldown: cooldown,
            minLR: Array(repeating: minLR, count: optimizer.paramGroups.count), eps: eps)
    }

    /// A minimum rate for each group. After a reduction `cooldown` steps are ignored; a reduction by at most `eps` is not made.
    ///
    /// Traps unless `factor` is below 1 and `minLR` has one rate per group.
    public init(
        _ optimizer: Optimizer, mode: Mode = .min, factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4,
        thresholdMode: ThresholdMode = .rel,
        cooldown: Int = 0, minLR: [Double], eps: Double = 1e-8
    ) {
        self.optimizer = optimizer
        (self.mode, self.factor, self.patience, self.cooldown, self.eps) = (mode, factor, patience, cooldown, eps)
        (self.threshold, self.thresholdMode) = (threshold, thresholdMode)
        minLRs = perGroup("ReduceLROnPlateau", "minLR", minLR, optimizer.paramGroups)
        best = mode == .min ? .infinity : -.infinity
        if let problem = problem() { fail("ReduceLROnPlateau", problem) }
    }

    private func problem() -> String? {
        guard factor < 1 else { return "factor must be below 1, not \(factor)" }
        return invalid(counts: ["last_epoch": lastEpoch, "num_bad_epochs": badEpochs, "cooldown_counter": cooldownLeft])
    }

    private func isBetter(_ metric: Double) -> Bool {
        let isRelative = thresholdMode == .rel
        return mode == .min
            ? metric < (isRelative ? best * (1 - threshold) : best - threshold)
            : metric > (isRelative ? best * (1 + threshold) : best + threshold)
    }

    /// Takes a metric, and lowers the rates if it has not improved for too long.
    public func step(_ metric: Double) {
        lastEpoch += 1
        if isBetter(metric) {
            best = metric
            badEpochs = 0
        } else {
            badEpochs += 1
        }
        if cooldownLeft > 0 {
            cooldownLeft -= 1
            badEpochs = 0
        }
        guard badEpochs > patience else { return }
        for (i, group) in optimizer.paramGroups.enumerated() {
            // A group that came later has the least rate of the last one before it.
            let least = i < minLRs.count ? minLRs[i] : minLRs.last ?? 0
            let rate = max(group.lr * factor, least)
            if group.lr - rate > eps { group.lr = rate }
        }
        cooldownLeft = cooldown
        badEpochs = 0
    }

    /// The same with a metric of one element.
    public func step(_ metric: Tensor) { step(metric.item()) }

    /// The present rates, one a group. PyTorch: `get_last_lr`.
    public var lastLR: [Double] { optimizer.paramGroups.map(\.lr) }
    @available(*, unavailable, renamed: "lastLR") public func getLastLR() -> [Double] { lastLR }

    // MARK: State

    private var entries: [StateEntry] {
        [
            .init("mode", self, \.mode), .init("factor", self, \.factor), .init("patience", self, \.patience),
            .init("threshold", self, \.threshold), .init("threshold_mode", self, \.thresholdMode), .init("cooldown", self, \.cooldown),
            .init("min_lrs", self, \.minLRs), .init("eps", self, \.eps), .init("best", self, \.best),
            .init("last_epoch", self, \.lastEpoch), .init("num_bad_epochs", self, \.badEpochs),
            .init("cooldown_counter", self, \.cooldownLeft),
        ]
    }

    /// Settings and place, by PyTorch's names.
    public func stateDict() -> [String: OptionValue] { entries.state }

    /// Restores what `stateDict()` returned. Throws an `OptimizerStateError` that names everything that differs; then nothing has changed.
    public func loadStateDict(_ state: [String: OptionValue]) throws { try loading(state)() }

    /// Reads and checks a state as ``loadStateDict(_:)`` does; nothing changes before what it returns is called.
    package func loading(_ state: [String: OptionValue]) throws -> () -> Void {
        try entries.loading(state, of: "ReduceLROnPlateau", groups: minLRs.count, problem: problem)
    }

    /// What puts it back to how it is now, where loading has changed it.
    package func undoing() -> () throws -> Void {
        let entries = entries
        return { entries.restore() }
    }
}
