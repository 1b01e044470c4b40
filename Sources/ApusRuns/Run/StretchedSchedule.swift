import ApusOptim

/// The schedule of a run whose number of epochs may have been changed: the rest of the schedule is stretched to the new end. A finished
/// schedule, at a rate of nearly 0, starts again.
final class StretchedSchedule {
    let scheduler: LRScheduler?
    /// The changes in words, for the report.
    private(set) var notes: [String] = []
    private let options: RunOptions
    private let batches: Int
    private let known: Int

    /// The schedule, whose epochs have `batches` steps, as it was when a checkpoint was written, after the first `known` changes.
    init(_ options: RunOptions, _ optimizer: Optimizer, lr: Double, batches: Int, known: Int) {
        (self.options, self.batches, self.known) = (options, batches, known)
        scheduler = options.schedule.make(
            optimizer, lr: lr, epochs: options.versions[0].epochs, steps: batches,
            keepsMomentum: options.momentum != nil || options.betas != nil)
        for i in 0..<min(known, options.former.count) { stretch(i) }
    }

    /// Applies the changes made since the checkpoint.
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
