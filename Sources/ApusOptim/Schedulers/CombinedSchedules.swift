import ApusCore
import Glibc

/// Schedules in sequence: `schedulers[i]` runs from step `milestones[i − 1]` on, starting at its own step 0. PyTorch: `SequentialLR`.
public final class SequentialLR: LRScheduler {
    private let schedulers: [LRScheduler]
    override var members: [LRScheduler] { schedulers }
    private let milestones: [Int]

    /// Traps where there is no schedule, where one belongs to another optimizer, and unless there is one milestone less than schedules.
    public init(_ optimizer: Optimizer, _ schedulers: [LRScheduler], _ milestones: [Int]) {
        checkMembers("SequentialLR", schedulers, optimizer)
        var milestones = milestones
        if milestones.count != schedulers.count - 1 {
            fail("SequentialLR", "got \(milestones.count) milestones for \(schedulers.count) schedules; there must be one less")
            milestones = Array(repeating: .max, count: max(schedulers.count - 1, 0))
        }
        if zip(milestones, milestones.dropFirst()).contains(where: { $0 > $1 }) {
            fail("SequentialLR", "the milestones \(milestones) do not ascend")
        }
        self.schedulers = schedulers
        self.milestones = milestones
        super.init(over: schedulers, optimizer)
        // Creating each schedule has set rates; reset them to those of the first schedule.
        for group in optimizer.paramGroups { group.lr = group.initialLR ?? group.lr }
        schedulers.isEmpty ? () : schedulers[index(0)].restart()
        lastLR = optimizer.paramGroups.map(\.lr)
    }

    private func index(_ step: Int) -> Int { milestones.count { $0 <= step } }

    override func restart() { startAnew { $0.restart() } }
    override func begin() { startAnew { $0.begin() } }
    override func joinNewGroups() { noteOwnGroups() }
    override func skipNewGroups() {
        noteOwnGroups()
        for scheduler in schedulers { scheduler.skipNewGroups() }
    }

    private func startAnew(_ start: (LRScheduler) -> Void) {
        rewind()
        if !schedulers.isEmpty { start(schedulers[index(0)]) }
        lastLR = optimizer.paramGroups.map(\.lr)
    }

    public override func step() {
        noteOwnGroups()
        advance()
        guard !schedulers.isEmpty else { return }
        let i = index(lastEpoch)
        for (other, scheduler) in schedulers.enumerated() where other != i { scheduler.skipNewGroups() }
        if i > 0 && milestones[i - 1] == lastEpoch { schedulers[i].restart() } else { schedulers[i].step() }
        lastLR = schedulers[i].lastLR
    }
}

/// Schedules that all step together; each changes the rates that the one before has set. PyTorch: `ChainedScheduler`.
public final class ChainedScheduler: LRScheduler {
    private let schedulers: [LRScheduler]
    override var members: [LRScheduler] { schedulers }

    /// Traps where there is no schedule, or they belong to different optimizers.
    public init(_ schedulers: [LRScheduler], optimizer: Optimizer? = nil) {
        guard let optimizer = optimizer ?? schedulers.first?.optimizer else {
            fail("ChainedScheduler", "got no schedules")
            // Inside `checked` the program continues, with a schedule of nothing.
            self.schedulers = []
            super.init(over: [], SGD([Tensor.zeros([0])]))
            return
        }
        checkMembers("ChainedScheduler", schedulers, optimizer)
        self.schedulers = schedulers
        super.init(over: schedulers, optimizer)
    }

    override func restart() {
        rewind()
        schedulers.first?.restart()
        for scheduler in schedulers.dropFirst() { scheduler.begin() }
        lastLR = optimizer.paramGroups.map(\.lr)
    }

    override func begin() {
        rewind()
        for scheduler in schedulers { scheduler.begin() }
        lastLR = optimizer.paramGroups.map(\.lr)
    }

    override func joinNewGroups() { noteOwnGroups() }
    override func skipNewGroups() {
        noteOwnGroups()
        for scheduler in schedulers { scheduler.skipNewGroups() }
    }

    public override func step() {
        noteOwnGroups()
        advance()
        for scheduler in schedulers { scheduler.step() }
        lastLR = optimizer.paramGroups.map(\.lr)
    }
}

private func checkMembers(_ name: String, _ schedulers: [LRScheduler], _ optimizer: Optimizer) {
    if schedulers.isEmpty { fail(name, "got no schedules") }
    for (i, scheduler) in schedulers.enumerated() where scheduler.optimizer !== optimizer {
        fail(name, "schedule \(i) (\(scheduler.name)) belongs to another optimizer than the first; all must share one")
    }
}

/// From the current rates to `swaLR` over `annealEpochs` steps, then constant; for averaging weights (Izmailov et al., 2018).
/// PyTorch: `swa_utils.SWALR`.
public final class SWALR: LRScheduler {
    private var swaLR: [Double]
    private var annealEpochs: Int
    private var annealStrategy: OneCycleLR.AnnealStrategy

    /// One rate for all groups. Traps where `annealEpochs` is negative.
    public convenience init(
        _ optimizer: Optimizer, _ swaLR: Double, annealEpochs: Int = 10, annealStrategy: OneCycleLR.AnnealStrategy = .cos,
        lastEpoch: Int = -1
    ) {
        self.init(
            optimizer, swaLR: Array(repeating: swaLR, count: optimizer.paramGroups.count), annealEpochs: annealEpochs,
            annealStrategy: annealStrategy, lastEpoch: lastEpoch)
    }

    /// A final rate for each group.
    public init(
        _ optimizer: Optimizer, _ swaLR: [Double], annealEpochs: Int = 10, annealStrategy: OneCycleLR.AnnealStrategy = .cos,
        lastEpoch: Int = -1
    ) {
        self.swaLR = perGroup("SWALR", "swaLR", swaLR, optimizer.paramGroups)
        (self.annealEpochs, self.annealStrategy) = (annealEpochs, annealStrategy)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] {
        [
            .init("swa_lr", self, \.swaLR), .init("anneal_epochs", self, \.annealEpochs),
            .init("anneal_strategy", self, \.annealStrategy),
        ]
    }
    override func problem() -> String? { annealEpochs >= 0 ? nil : "annealEpochs must not be negative, it is \(annealEpochs)" }
    override func extendLists(by factor: Double) { swaLR.extend(by: factor) }

    public override func rates() -> [Double] {
        let step = annealEpochs == 0 ? max(1, stepCount - 1) : stepCount - 1
        func part(_ step: Int) -> Double {
            let t = max(0, min(1, Double(step) / Double(max(1, annealEpochs))))
            return annealStrategy == .linear ? t : (1 - cos(.pi * t)) / 2
        }
        let (before, now) = (part(step - 1), part(step))
        return zip(optimizer.paramGroups, swaLR).map { group, target in
            // The rate that annealing started from, seen from the present one.
            let start = before == 1 ? target : (group.lr - before * target) / (1 - before)
            return target * now + start * (1 - now)
        }
    }
}
