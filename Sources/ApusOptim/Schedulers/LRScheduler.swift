import ApusCore

/// Changes an optimizer's learning rates from step to step. PyTorch: `torch.optim.lr_scheduler.LRScheduler`.
///
/// Call `step()` after the optimizer's, once an epoch (or once a batch, for `OneCycleLR`). Making a schedule sets the first rates.
/// A schedule of one's own overrides `rates()`. Rates follow PyTorch's chainable forms: each computes the new rate from the present
/// one, so that several schedules may work on one optimizer. A group that is added to the optimizer later joins at the next `step()`: its
/// rate when it was added is its initial one, and it goes to where it would be had it been there from the start; where a schedule has rates
/// for each group, it gets those of the group before it in proportion. A rate that is not finite traps in the step that makes it.
open class LRScheduler {
    /// The optimizer whose rates it sets.
    public let optimizer: Optimizer
    /// The number of steps so far; 0 after creation.
    public private(set) var lastEpoch: Int
    /// The initial rates, one per group.
    public private(set) var baseLRs: [Double] = []
    /// Whether `rates()` is asked for the rates to begin with.
    private(set) var isInitial = false
    private(set) var stepCount = 0
    /// The rates that the last step set, one a group. PyTorch: `get_last_lr`.
    public internal(set) final var lastLR: [Double] = []
    var name: String { "\(Self.self)" }

    /// A schedule of `optimizer`. `lastEpoch` other than −1 goes on after that many steps; the groups must know their `initial_lr` then.
    public init(_ optimizer: Optimizer, lastEpoch: Int = -1) {
        self.optimizer = optimizer
        self.lastEpoch = lastEpoch
        for (i, group) in optimizer.paramGroups.enumerated() where group.initialLR == nil {
            if lastEpoch != -1 {
                fail(
                    name,
                    "group \(i) has no initial_lr, which going on after \(lastEpoch) steps needs; load the optimizer's state first, or start at lastEpoch -1"
                )
            }
            group.initialLR = group.lr
        }
        baseLRs = optimizer.paramGroups.map { $0.initialLR ?? $0.lr }
        if let problem = problem() {
            // Inside `checked` the program goes on, with the rates as they are.
            fail(name, problem)
            advance()
            lastLR = optimizer.paramGroups.map(\.lr)
            return
        }
        isInitial = true
        step()
        isInitial = false
    }

    /// For schedules composed of others, which have taken their first step; sets no rates.
    init(over schedulers: [LRScheduler], _ optimizer: Optimizer) {
        self.optimizer = optimizer
        lastEpoch = 0
        baseLRs = schedulers.first?.baseLRs ?? []
        lastLR = optimizer.paramGroups.map(\.lr)
    }

    /// Starts again at the initial rates, in the middle of training.
    func restart() {
        joinNewGroups()
        for (group, rate) in zip(optimizer.paramGroups, baseLRs) { group.lr = rate }
        begin()
    }

    /// Starts again at the current rates, as at creation.
    func begin() {
        joinNewGroups()
        lastEpoch = 0
        stepCount = 1
        isInitial = true
        set(rates())
        isInitial = false
    }

    // MARK: Groups added later

    /// Gives a group that has come later its numbers, where the schedule has some for each group: rates are those of the group before it times
    /// `factor`, other numbers the same.
    func extendLists(by factor: Double) {}

    /// Adds groups that the optimizer got since the last step, and computes their rates as if they had been there from the start.
    func joinNewGroups() {
        let (groups, known) = (optimizer.paramGroups, baseLRs.count)
        guard groups.count > known else { return }
        noteOwnGroups()
        let (epoch, steps) = (lastEpoch, stepCount)
        for past in 0...max(epoch, 0) {
            (lastEpoch, stepCount, isInitial) = (past, past + 1, past == 0)
            let rates = self.rates()
            for i in known..<min(groups.count, rates.count) where rates[i].isFinite { groups[i].lr = rates[i] }
        }
        (lastEpoch, stepCount, isInitial) = (epoch, steps, false)
        lastLR = groups.map(\.lr)
    }

    /// Adds such groups while another schedule is active, without changing their rates.
    func skipNewGroups() { noteOwnGroups() }

    /// Adds the initial rates and the settings of groups that the optimizer got since the last step.
    final func noteOwnGroups() {
        for group in optimizer.paramGroups.dropFirst(baseLRs.count) {
            let (rate, before) = (group.initialLR ?? group.lr, baseLRs.last ?? 0)
            group.initialLR = rate
            extendLists(by: before != 0 ? rate / before : 1)
            baseLRs.append(rate)
            lastLR.append(rate)
        }
    }

    /// The rates of step `lastEpoch`, one a group; called by `step()`. PyTorch: `get_lr`.
    open func rates() -> [Double] { optimizer.paramGroups.map(\.lr) }

    @available(*, unavailable, renamed: "rates()") open func getLR() -> [Double] { rates() }

    /// Advances by one step and sets the rates.
    open func step() {
        joinNewGroups()
        advance()
        set(rates())
    }

    /// Goes back to step 0, for schedules that set no rates themselves.
    final func rewind() {
        noteOwnGroups()
        (lastEpoch, stepCount) = (0, 0)
    }

    final func advance() {
        stepCount += 1
        lastEpoch += 1
    }

    private func set(_ rates: [Double]) {
        guard rates.count == optimizer.paramGroups.count else {
            fail(name, "rates() gave \(rates.count) rates for \(optimizer.paramGroups.count) groups")
            return
        }
        if let i = rates.firstIndex(where: { !$0.isFinite }) {
            fail(
                name,
                "step \(lastEpoch) would set the learning rate of group \(i) to \(rates[i]) (it is \(optimizer.paramGroups[i].lr)); check the schedule's settings"
            )
            return
        }
        for (group, rate) in zip(optimizer.paramGroups, rates) { group.lr = rate }
        lastLR = rates
    }

    @available(*, unavailable, renamed: "lastLR") public final func getLastLR() -> [Double] { lastLR }

    /// The current rates times `factor`.
    final func scaled(_ factor: Double) -> [Double] { optimizer.paramGroups.map { $0.lr * factor } }

    // MARK: Another end

    /// Whether a finished schedule starts again when it is given more steps; true for schedules that end near a rate of 0.
    var beginsAnew: Bool { false }

    /// The position in the schedule at `step`: the step itself, unless the schedule was stretched.
    final func place(_ step: Int) -> Double {
        var place = Double(step)
        for i in stride(from: 0, to: stretches.count, by: 3) where Double(step) >= stretches[i] {
            place = stretches[i + 1] + (Double(step) - stretches[i]) * stretches[i + 2]
        }
        return place
    }

    final var isStretched: Bool { !stretches.isEmpty }
    /// Three numbers of each stretch: its first step, the place there, and places a step from there on.
    private var stretches: [Double] = []

    /// Stretches the rest of a schedule of `places` steps, from `step` on, so that it ends at step `end`. Returns whether the schedule had
    /// finished and starts again.
    ///
    /// The stretches are part of the state: it loads only into a schedule that was stretched at all.
    @discardableResult package final func stretch(at step: Int, places: Int, until end: Int) -> Bool {
        let last = Double(max(places - 1, 0))
        var here = min(place(step), last)
        let begins = place(step) >= last && step > 0 && end > step && beginsAnew
        if begins { here = 0 }
        let slope = end - 1 > step ? max(last - here, 0) / Double(end - 1 - step) : 0
        stretches += [Double(step), here, slope]
        if lastEpoch == step { set(rates()) }
        return begins
    }

    // MARK: State

    /// The settings of the schedule, what it was made with.
    var settings: [StateEntry] { [] }

    /// What is wrong with them, nil where nothing is.
    func problem() -> String? { nil }

    /// The schedules that it is composed of, whose states are parts of its own, under `_schedulers.0.…`.
    var members: [LRScheduler] { [] }

    private var entries: [StateEntry] {
        settings + [
            StateEntry("base_lrs", self, \.baseLRs), StateEntry("last_epoch", self, \.lastEpoch),
            StateEntry("_step_count", self, \.stepCount), StateEntry("_last_lr", self, \.lastLR),
        ] + (isStretched ? [StateEntry("stretches", self, \.stretches, isOfAnyLength: true)] : [])
            + members.enumerated().flatMap { i, member in
                member.entries.map { entry in
                    var entry = entry
                    entry.name = "_schedulers.\(i).\(entry.name)"
                    return entry
                }
            }
    }

    private func firstProblem() -> String? {
        if let problem = problem() ?? invalid(counts: ["last_epoch": lastEpoch, "_step_count": stepCount]) { return problem }
        if stretches.count % 3 != 0 || !stretches.allSatisfy(\.isFinite) {
            return "stretches is \(stretches), where three finite numbers should stand for each"
        }
        return members.lazy.compactMap { $0.firstProblem() }.first
    }

    /// Settings and place of the schedule, by PyTorch's names.
    public final func stateDict() -> [String: OptionValue] { entries.state }

    /// Takes over what `stateDict()` gave. Throws an `OptimizerStateError` that names everything that differs; then nothing has changed.
    /// The optimizer's rates are part of its own state: load that too.
    ///
    /// A group that the optimizer got since the schedule's last step joins with the numbers that the state has for it; where the state was
    /// made before that group joined, it joins at the next step.
    public final func loadStateDict(_ state: [String: OptionValue]) throws { try loading(state)() }

    /// Reads and checks a state as ``loadStateDict(_:)`` does; nothing changes before what it returns is called.
    package final func loading(_ state: [String: OptionValue]) throws -> () -> Void {
        let (known, saved) = (baseLRs.count, state["base_lrs"]?.read(like: .list([]))?.numbers?.count)
        let load = try entries.loading(
            state, of: name, groups: saved == known ? known : optimizer.paramGroups.count, problem: firstProblem)
        return { [self] in
            load()
            for (group, rate) in zip(optimizer.paramGroups, baseLRs) where group.initialLR == nil { group.initialLR = rate }
        }
    }

    /// What puts it back to how it is now, where loading has changed it.
    package final func undoing() -> () throws -> Void {
        let (entries, initial) = (entries, optimizer.paramGroups.map { ($0, $0.initialLR) })
        return {
            entries.restore()
            for (group, rate) in initial { group.initialLR = rate }
        }
    }
}
