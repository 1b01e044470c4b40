import ApusCore

/// Changes an optimizer's learning rates from step to step. PyTorch: `torch.optim.lr_scheduler.LRScheduler`.
///
/// Call `step()` after the optimizer's, once an epoch (or once a batch, for `OneCycleLR`). Making a schedule sets the first rates.
/// A schedule of one's own overrides `getLR()`. Rates follow PyTorch's chainable forms: each computes the new rate from the present
/// one, so that several schedules may work on one optimizer.
open class LRScheduler {
    /// The optimizer whose rates it sets.
    public let optimizer: Optimizer
    /// How many steps have been taken; 0 after making.
    public private(set) var lastEpoch: Int
    /// The rates it started from, one a group.
    public private(set) var baseLRs: [Double] = []
    /// The settings of the schedule by PyTorch's names: what it was made with, and its state.
    var options: OptionList
    /// Whether `getLR()` is asked for the rates to begin with.
    private(set) var isInitial = false
    private(set) var stepCount = 0
    final var lastLR: [Double] = []
    var name: String { "\(Self.self)" }

    /// A schedule of `optimizer`. `lastEpoch` other than −1 goes on after that many steps; the groups must know their `initial_lr` then.
    public convenience init(_ optimizer: Optimizer, lastEpoch: Int = -1) { self.init(optimizer, lastEpoch: lastEpoch, options: []) }

    init(_ optimizer: Optimizer, lastEpoch: Int, options: [(String, OptionValue)]) {
        self.optimizer = optimizer
        self.lastEpoch = lastEpoch
        self.options = OptionList(options)
        for (i, group) in optimizer.paramGroups.enumerated() where group.options["initial_lr"] == nil {
            if lastEpoch != -1 {
                fail(name, "group \(i) has no initial_lr, which going on after \(lastEpoch) steps needs; load the optimizer's state first, or start at lastEpoch -1")
            }
            group.options["initial_lr"] = .double(group.lr)
        }
        baseLRs = optimizer.paramGroups.map { $0.number("initial_lr") }
        isInitial = true
        step()
        isInitial = false
    }

    /// Over schedules that have taken their first step; sets no rates.
    init(over schedulers: [LRScheduler], _ optimizer: Optimizer) {
        self.optimizer = optimizer
        lastEpoch = 0
        options = OptionList()
        baseLRs = schedulers.first?.baseLRs ?? []
        lastLR = optimizer.paramGroups.map(\.lr)
    }

    /// Begins anew at the initial rates, in the middle of an optimizer's run.
    final func restart() {
        lastEpoch = 0
        set(ratesToRestart())
    }

    /// The rates of step 0.
    func ratesToRestart() -> [Double] {
        for (group, rate) in zip(optimizer.paramGroups, baseLRs) { group.lr = rate }
        isInitial = true
        defer { isInitial = false }
        return getLR()
    }

    /// The rates of step `lastEpoch`, one a group; called by `step()`.
    open func getLR() -> [Double] { optimizer.paramGroups.map(\.lr) }

    /// Goes to the next step and sets its rates.
    open func step() {
        advance()
        set(getLR())
    }

    final func advance() {
        stepCount += 1
        lastEpoch += 1
    }

    private func set(_ rates: [Double]) {
        guard rates.count == optimizer.paramGroups.count else {
            fail(name, "getLR() gave \(rates.count) rates for \(optimizer.paramGroups.count) groups")
            return
        }
        for (group, rate) in zip(optimizer.paramGroups, rates) { group.lr = rate }
        lastLR = rates
    }

    /// The rates that the last step set, one a group. PyTorch: `get_last_lr`.
    public final func getLastLR() -> [Double] { lastLR }

    /// The present rates times `factor`.
    final func scaled(_ factor: Double) -> [Double] { optimizer.paramGroups.map { $0.lr * factor } }

    final func number(_ name: String) -> Double { options.double(name) ?? .nan }

    final func count(_ name: String) -> Int { options.int(name) ?? 1 }

    // MARK: State

    /// Settings and place of the schedule, by PyTorch's names; numbers are spelt so that they come back to the same bits.
    public func stateDict() -> [String: String] {
        var state: [String: String] = [:]
        for (name, value) in allValues { state[name] = value.text }
        return state
    }

    /// Takes over what `stateDict()` gave. Throws an `OptimizerStateError` that names everything that differs; then nothing has changed.
    /// The optimizer's rates are part of its own state: load that too.
    public func loadStateDict(_ state: [String: String]) throws {
        var problems: [String] = []
        var read: [String: OptionValue] = [:]
        for (name, example) in allValues {
            guard let text = state[name] else {
                problems.append("\(name) is missing")
                continue
            }
            guard let value = OptionValue(text, like: example) else {
                problems.append("\(name) is '\(text)', which is not like \(example.text)")
                continue
            }
            if case (.list(let found), .list(let wanted)) = (value, example), name != "milestones", found.count != wanted.count {
                problems.append("\(name) has \(found.count) numbers for \(wanted.count) groups")
            }
            read[name] = value
        }
        for name in state.keys.sorted() where !allValues.contains(where: { $0.name == name }) { problems.append("\(name) is not one of its settings") }
        var trial = options
        for (name, _) in options.entries { trial[name] = read[name] }
        if problems.isEmpty, let problem = validate(trial) { problems.append(problem) }
        guard problems.isEmpty, case .int(let epoch)? = read["last_epoch"], case .int(let steps)? = read["_step_count"],
            case .list(let base)? = read["base_lrs"], case .list(let last)? = read["_last_lr"]
        else {
            throw OptimizerStateError(owner: name, problems: problems)
        }
        (options, lastEpoch, stepCount, baseLRs, lastLR) = (trial, epoch, steps, base, last)
    }

    /// What is wrong with the settings, nil where nothing is.
    func validate(_ options: OptionList) -> String? { nil }

    /// For `init`: traps (or fails the `checked` scope) where the settings make no sense.
    final func checkOptions() {
        if let problem = validate(options) { fail(name, problem) }
    }

    private var allValues: [(name: String, value: OptionValue)] {
        options.entries + [
            (name: "base_lrs", value: .list(baseLRs)), (name: "last_epoch", value: .int(lastEpoch)), (name: "_step_count", value: .int(stepCount)),
            (name: "_last_lr", value: .list(lastLR)),
        ]
    }
}
