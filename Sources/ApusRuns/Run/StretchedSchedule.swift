import ApusOptim

/// The schedule of a run, whose end may have been moved while it was under way: what was left of its way then takes until the new end. A schedule
/// that had come to its end, at a rate of nearly nothing, begins anew from there.
final class StretchedSchedule {
    let scheduler: LRScheduler?
    /// What was changed, in words, for the report.
    private(set) var notes: [String] = []
    private let options: RunOptions
    private let batches: Int
    private let known: Int

    /// The schedule as it was when a checkpoint was written that knew of the first `known` changes.
    init(_ options: RunOptions, _ optimizer: Optimizer, batches: Int, known: Int) {
        (self.options, self.batches, self.known) = (options, batches, known)
        scheduler = options.schedule.make(optimizer, lr: options.lr, epochs: options.versions[0].epochs, batches: batches)
        for i in 0..<min(known, options.former.count) { stretch(i) }
    }

    /// Applies the changes since then.
    func stretchTheRest() {
        for i in min(known, options.former.count)..<options.former.count { stretch(i) }
    }

    private func stretch(_ i: Int) {
        let (versions, step) = (options.versions, options.former[i].untilStep)
        let (before, after) = (versions[i], versions[i + 1])
        if before.data != after.data { notes.append("from step \(step) on the data lay in \(after.data), before in \(before.data)") }
        guard before.epochs != after.epochs else { return }
        let unit = options.schedule.isEveryStep ? batches : 1
        let begins = scheduler?.stretch(
            at: options.schedule.isEveryStep ? step : step / max(batches, 1), places: versions[0].epochs * unit, until: after.epochs * unit)
        let way =
            begins.map { $0 ? "; the schedule had come to its end and began anew" : "; what was left of the schedule takes until there" }
            ?? ""
        notes.append("at step \(step) the epochs became \(after.epochs), they were \(before.epochs)\(way)")
    }
}
