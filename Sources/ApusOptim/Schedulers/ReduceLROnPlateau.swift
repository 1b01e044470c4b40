import ApusCore

/// lr ← factor·lr where a metric has not improved for more than `patience` steps. PyTorch: `ReduceLROnPlateau`.
///
/// A group that is added to the optimizer later joins with the rate that it has. Its `step` takes the metric: `scheduler.step(validationLoss)`. It is therefore no `LRScheduler`, and `SequentialLR` does not take it.
public final class ReduceLROnPlateau {
    /// Whether a small or a large metric is good.
    public enum Mode: String, Sendable {
        /// Smaller is better, and larger is better.
        case min, max
    }
    /// Whether `threshold` is a part of the best metric or a difference from it.
    public enum ThresholdMode: String, Sendable {
        /// A part of the best number so far, and a number by itself.
        case rel, abs
    }

    /// What updates the parameters.
    public let optimizer: Optimizer
    /// The settings by PyTorch's names.
    private var options: OptionList
    /// The best metric so far.
    public private(set) var best: Double
    /// How many steps have been taken.
    public private(set) var lastEpoch = 0
    private var badEpochs = 0
    private var cooldownLeft = 0

    /// One least rate for all groups.
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

    /// A least rate for each group. After a reduction `cooldown` steps do not count; a change of less than `eps` is not made.
    ///
    /// Traps where `factor` is not below 1, or `minLR` has not one rate a group.
    public init(
        _ optimizer: Optimizer, mode: Mode = .min, factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4,
        thresholdMode: ThresholdMode = .rel,
        cooldown: Int = 0, minLR: [Double], eps: Double = 1e-8
    ) {
        self.optimizer = optimizer
        options = OptionList([
            ("mode", .string(mode.rawValue)), ("factor", .double(factor)), ("patience", .int(patience)), ("threshold", .double(threshold)),
            ("threshold_mode", .string(thresholdMode.rawValue)), ("cooldown", .int(cooldown)),
            ("min_lrs", .list(perGroup("ReduceLROnPlateau", "minLR", minLR, optimizer.paramGroups))), ("eps", .double(eps)),
        ])
        best = mode == .min ? .infinity : -.infinity
        if let problem = validate(options) { fail("ReduceLROnPlateau", problem) }
    }

    private func validate(_ options: OptionList) -> String? {
        let factor = options.double("factor") ?? .nan
        guard factor < 1 else { return "factor must be below 1, not \(factor)" }
        guard case .string(let mode)? = options["mode"], Mode(rawValue: mode) != nil else { return "mode must be min or max" }
        guard case .string(let kind)? = options["threshold_mode"], ThresholdMode(rawValue: kind) != nil else {
            return "threshold_mode must be rel or abs"
        }
        return nil
    }

    private func isBetter(_ metric: Double) -> Bool {
        let threshold = options.double("threshold") ?? 0
        let isRelative = options["threshold_mode"] == .string(ThresholdMode.rel.rawValue)
        return options["mode"] == .string(Mode.min.rawValue)
            ? metric < (isRelative ? best * (1 - threshold) : best - threshold)
            : metric > (isRelative ? best * (1 + threshold) : best + threshold)
    }

    /// Looks at a metric, and lowers the rates where it has been bad for too long.
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
        guard badEpochs > options.int("patience") ?? 0 else { return }
        let least = options.list("min_lrs") ?? []
        for (i, group) in optimizer.paramGroups.enumerated() {
            // A group that came later has the least rate of the last one before it.
            let least = i < least.count ? least[i] : least.last ?? 0
            let rate = max(group.lr * (options.double("factor") ?? 1), least)
            if group.lr - rate > options.double("eps") ?? 0 { group.lr = rate }
        }
        cooldownLeft = options.int("cooldown") ?? 0
        badEpochs = 0
    }

    /// The same with a metric of one element.
    public func step(_ metric: Tensor) { step(metric.item()) }

    /// The present rates, one a group. PyTorch: `get_last_lr`.
    public var lastLR: [Double] { optimizer.paramGroups.map(\.lr) }
    @available(*, deprecated, renamed: "lastLR") public func getLastLR() -> [Double] { lastLR }

    // MARK: State

    private var place: [(name: String, value: OptionValue)] {
        [
            (name: "best", value: .double(best)), (name: "last_epoch", value: .int(lastEpoch)),
            (name: "num_bad_epochs", value: .int(badEpochs)),
            (name: "cooldown_counter", value: .int(cooldownLeft)),
        ]
    }

    /// Settings and place, by PyTorch's names; numbers are spelt so that they come back to the same bits.
    public func stateDict() -> [String: String] {
        Dictionary(uniqueKeysWithValues: (options.entries + place).map { ($0.name, $0.value.text) })
    }

    /// Takes over what `stateDict()` gave. Throws an `OptimizerStateError` that names everything that differs; then nothing has changed.
    public func loadStateDict(_ state: [String: String]) throws {
        var problems: [String] = []
        var trial = options
        var read: [String: OptionValue] = [:]
        for (name, example) in options.entries + place {
            guard let text = state[name] else {
                problems.append("\(name) is missing")
                continue
            }
            guard let value = OptionValue(text, like: example) else {
                problems.append("\(name) is '\(text)', which is not like \(example.text)")
                continue
            }
            if case (.list(let found), .list(let wanted)) = (value, example), found.count != wanted.count {
                problems.append("\(name) has \(found.count) numbers for \(wanted.count) groups")
            }
            if options[name] != nil { trial[name] = value } else { read[name] = value }
        }
        for name in state.keys.sorted() where options[name] == nil && !place.contains(where: { $0.name == name }) {
            problems.append("\(name) is not one of its settings")
        }
        if problems.isEmpty, let problem = validate(trial) { problems.append(problem) }
        guard problems.isEmpty, case .double(let best)? = read["best"], case .int(let epoch)? = read["last_epoch"],
            case .int(let bad)? = read["num_bad_epochs"],
            case .int(let left)? = read["cooldown_counter"]
        else {
            throw OptimizerStateError(owner: "ReduceLROnPlateau", problems: problems)
        }
        (options, self.best, lastEpoch, badEpochs, cooldownLeft) = (trial, best, epoch, bad, left)
    }
}
