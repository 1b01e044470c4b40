import ApusCore
import Glibc

/// One cycle from a low rate up to `maxLR` and down to a much lower one, with momentum the other way round
/// (Smith and Topin, 2017). Step it after each batch. PyTorch: `OneCycleLR`.
///
/// The rate goes from maxLR/divFactor up to maxLR in the first `pctStart` of all steps, then down to
/// maxLR/(divFactor·finalDivFactor); with `threePhase` first back to maxLR/divFactor in as many steps, then down.
/// With `cycleMomentum` the momentum (β₁ of Adam) goes from `maxMomentum` down to `baseMomentum` and back meanwhile.
public final class OneCycleLR: LRScheduler {
    /// The shape of the way between two rates.
    public enum AnnealStrategy: String, Sendable {
        /// Along half a cosine, and along a line.
        case cos, linear
    }

    private struct Phase {
        let end: Double
        let rates: (from: String, to: String)
        let momentums: (from: String, to: String)
    }

    /// One maximum for all groups. The number of steps is `totalSteps`, or `epochs` times `stepsPerEpoch`.
    public convenience init(
        _ optimizer: Optimizer, maxLR: Double, totalSteps: Int? = nil, epochs: Int? = nil, stepsPerEpoch: Int? = nil,
        pctStart: Double = 0.3,
        annealStrategy: AnnealStrategy = .cos, cycleMomentum: Bool = true, baseMomentum: Double = 0.85, maxMomentum: Double = 0.95,
        divFactor: Double = 25, finalDivFactor: Double = 1e4, threePhase: Bool = false, lastEpoch: Int = -1
    ) {
        let count = optimizer.paramGroups.count
        self.init(
            optimizer, maxLR: Array(repeating: maxLR, count: count), totalSteps: totalSteps, epochs: epochs, stepsPerEpoch: stepsPerEpoch,
            pctStart: pctStart, annealStrategy: annealStrategy, cycleMomentum: cycleMomentum,
            baseMomentum: Array(repeating: baseMomentum, count: count), maxMomentum: Array(repeating: maxMomentum, count: count),
            divFactor: divFactor, finalDivFactor: finalDivFactor, threePhase: threePhase, lastEpoch: lastEpoch)
    }

    /// A maximum (and momentums, 0.85 and 0.95 where not given) for each group.
    ///
    /// Traps where no number of steps is given, a number is out of its range, a list has not one entry a group, or
    /// `cycleMomentum` meets an optimizer without momentum or betas. `step()` traps after more than all steps.
    public init(
        _ optimizer: Optimizer, maxLR: [Double], totalSteps: Int? = nil, epochs: Int? = nil, stepsPerEpoch: Int? = nil,
        pctStart: Double = 0.3,
        annealStrategy: AnnealStrategy = .cos, cycleMomentum: Bool = true, baseMomentum: [Double]? = nil, maxMomentum: [Double]? = nil,
        divFactor: Double = 25, finalDivFactor: Double = 1e4, threePhase: Bool = false, lastEpoch: Int = -1
    ) {
        let groups = optimizer.paramGroups
        var steps = 1
        switch (totalSteps, epochs, stepsPerEpoch) {
        case (let total?, _, _):
            steps = total
        case (nil, let epochs?, let perEpoch?):
            let (product, overflow) = epochs.multipliedReportingOverflow(by: perEpoch)
            steps = overflow || epochs <= 0 || perEpoch <= 0 ? 0 : product
        default:
            fail("OneCycleLR", "needs totalSteps, or epochs and stepsPerEpoch")
        }
        let maxima = perGroup("OneCycleLR", "maxLR", maxLR, groups)
        let base = perGroup("OneCycleLR", "baseMomentum", baseMomentum ?? Array(repeating: 0.85, count: groups.count), groups)
        let high = perGroup("OneCycleLR", "maxMomentum", maxMomentum ?? Array(repeating: 0.95, count: groups.count), groups)
        let cycles = canCycleMomentum("OneCycleLR", optimizer, cycleMomentum)
        let first = maxima.map { $0 / divFactor }
        if lastEpoch == -1 {
            for (i, group) in groups.enumerated() { group.initialLR = first[i] }
        }
        super.init(
            optimizer, lastEpoch: lastEpoch,
            options: [
                ("total_steps", .int(steps)), ("pct_start", .double(pctStart)), ("anneal_strategy", .string(annealStrategy.rawValue)),
                ("cycle_momentum", .bool(cycles)), ("three_phase", .bool(threePhase)), ("initial_lr", .list(first)),
                ("max_lr", .list(maxima)),
                ("min_lr", .list(first.map { $0 / finalDivFactor })), ("base_momentum", .list(base)), ("max_momentum", .list(high)),
            ])
    }

    override var beginsAnew: Bool { true }
    override var listsOfRates: [String] { ["initial_lr", "max_lr", "min_lr"] }
    override var otherLists: [String] { ["base_momentum", "max_momentum"] }

    override func validate(_ options: OptionList) -> String? {
        let (steps, start) = (options.int("total_steps") ?? 0, options.double("pct_start") ?? .nan)
        guard steps > 0 else { return "the number of steps must be positive" }
        guard start >= 0 && start <= 1 else { return "pctStart must be between 0 and 1, not \(start)" }
        guard case .string(let strategy)? = options["anneal_strategy"], AnnealStrategy(rawValue: strategy) != nil else {
            return "anneal_strategy must be cos or linear"
        }
        var begin = 0.0
        for phase in phases(options) {
            guard phase.end != begin || phase.end < 0 else { return "\(steps) steps with pctStart \(start) leave a phase without length" }
            begin = phase.end
        }
        return nil
    }

    private func phases(_ options: OptionList) -> [Phase] {
        let total = Double(options.int("total_steps") ?? 1)
        let start = options.double("pct_start") ?? .nan
        let rise = Phase(end: start * total - 1, rates: ("initial_lr", "max_lr"), momentums: ("max_momentum", "base_momentum"))
        guard options.bool("three_phase") == true else {
            return [rise, Phase(end: total - 1, rates: ("max_lr", "min_lr"), momentums: ("base_momentum", "max_momentum"))]
        }
        return [
            rise,
            Phase(end: 2 * start * total - 2, rates: ("max_lr", "initial_lr"), momentums: ("base_momentum", "max_momentum")),
            Phase(end: total - 1, rates: ("initial_lr", "min_lr"), momentums: ("max_momentum", "max_momentum")),
        ]
    }

    public override func rates() -> [Double] {
        let total = max(count("total_steps"), 1)
        let step = isStretched ? min(place(lastEpoch), Double(total)) : Double(lastEpoch)
        guard isStretched || lastEpoch <= total else {
            fail("OneCycleLR.step", "step \(lastEpoch) is beyond the schedule's \(count("total_steps")) steps")
            return scaled(1)
        }
        let phases = phases(options)
        var begin = 0.0
        var phase = phases[0]
        for (i, candidate) in phases.enumerated() {
            phase = candidate
            if step <= candidate.end || i == phases.count - 1 { break }
            begin = candidate.end
        }
        let part = (step - begin) / (phase.end - begin)
        func between(_ ends: (from: String, to: String), _ group: Int) -> Double {
            let (from, to) = ((options.list(ends.from) ?? [])[group], (options.list(ends.to) ?? [])[group])
            if options["anneal_strategy"] == .string(AnnealStrategy.linear.rawValue) { return (to - from) * part + from }
            return to + (from - to) / 2 * (cos(.pi * part) + 1)
        }
        return optimizer.paramGroups.enumerated().map { i, group in
            if options.bool("cycle_momentum") == true {
                setMomentum(group, between(phase.momentums, i))
            }
            return between(phase.rates, i)
        }
    }
}
