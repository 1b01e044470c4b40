import ApusCore
import Glibc

/// One cycle from a low rate up to `maxLR` and down to a much lower one, with the momentum in the opposite direction
/// (Smith and Topin, 2017). Call `step()` after each batch. PyTorch: `OneCycleLR`.
///
/// The rate goes from maxLR/divFactor up to maxLR in the first `pctStart` of all steps, then down to
/// maxLR/(divFactor·finalDivFactor); with `threePhase` first back to maxLR/divFactor in as many steps, then down.
/// With `cycleMomentum` the momentum (β₁ of Adam) goes from `maxMomentum` down to `baseMomentum` and back at the same time.
public final class OneCycleLR: LRScheduler {
    /// How a rate goes from one value to another.
    public enum AnnealStrategy: String, CaseIterable, SettingValue, Sendable {
        /// Along half a cosine: slowly at both ends.
        case cos
        /// By the same amount in each step.
        case linear
    }

    private struct Phase {
        let end: Double
        let rates, momentums: (from: [Double], to: [Double])
    }

    private var totalSteps: Int
    private var pctStart: Double
    private var annealStrategy: AnnealStrategy
    private var threePhase: Bool
    private var firstLR, maxLR, minLR: [Double]
    private var momentum: MomentumCycle

    /// One maximum for all groups. The number of steps is `totalSteps`, or `epochs` times `stepsPerEpoch`.
    public convenience init(
        _ optimizer: Optimizer, _ maxLR: Double, totalSteps: Int? = nil, epochs: Int? = nil, stepsPerEpoch: Int? = nil,
        pctStart: Double = 0.3, annealStrategy: AnnealStrategy = .cos, cycleMomentum: Bool = true, baseMomentum: Double = 0.85,
        maxMomentum: Double = 0.95, divFactor: Double = 25, finalDivFactor: Double = 1e4, threePhase: Bool = false, lastEpoch: Int = -1
    ) {
        let count = optimizer.paramGroups.count
        self.init(
            optimizer, maxLR: Array(repeating: maxLR, count: count), totalSteps: totalSteps, epochs: epochs, stepsPerEpoch: stepsPerEpoch,
            pctStart: pctStart, annealStrategy: annealStrategy, cycleMomentum: cycleMomentum,
            baseMomentum: Array(repeating: baseMomentum, count: count), maxMomentum: Array(repeating: maxMomentum, count: count),
            divFactor: divFactor, finalDivFactor: finalDivFactor, threePhase: threePhase, lastEpoch: lastEpoch)
    }

    /// A maximum for each group (and momentums, by default 0.85 and 0.95).
    ///
    /// Traps where no number of steps is given, a number is out of its range, a list does not have one entry per group, or the
    /// optimizer has neither momentum nor betas for `cycleMomentum`. `step()` traps after the last step.
    public init(
        _ optimizer: Optimizer, _ maxLR: [Double], totalSteps: Int? = nil, epochs: Int? = nil, stepsPerEpoch: Int? = nil,
        pctStart: Double = 0.3, annealStrategy: AnnealStrategy = .cos, cycleMomentum: Bool = true, baseMomentum: [Double]? = nil,
        maxMomentum: [Double]? = nil, divFactor: Double = 25, finalDivFactor: Double = 1e4, threePhase: Bool = false, lastEpoch: Int = -1
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
        let first = maxima.map { $0 / divFactor }
        (firstLR, self.maxLR, minLR) = (first, maxima, first.map { $0 / finalDivFactor })
        (self.totalSteps, self.pctStart, self.annealStrategy, self.threePhase) = (steps, pctStart, annealStrategy, threePhase)
        momentum = MomentumCycle(
            "OneCycleLR", optimizer, isOn: cycleMomentum, base: baseMomentum, max: maxMomentum, defaults: (base: 0.85, max: 0.95))
        if lastEpoch == -1 {
            for (i, group) in groups.enumerated() { group.initialLR = first[i] }
        }
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var beginsAnew: Bool { true }
    override var settings: [StateEntry] {
        [
            .init("total_steps", self, \.totalSteps), .init("pct_start", self, \.pctStart),
            .init("anneal_strategy", self, \.annealStrategy), .init("three_phase", self, \.threePhase),
            .init("initial_lr", self, \.firstLR), .init("max_lr", self, \.maxLR), .init("min_lr", self, \.minLR),
        ] + MomentumCycle.entries(self, \.momentum)
    }
    override func extendLists(by factor: Double) {
        firstLR.extend(by: factor)
        maxLR.extend(by: factor)
        minLR.extend(by: factor)
        momentum.extend()
    }

    override func problem() -> String? {
        guard totalSteps > 0 else { return "the number of steps must be positive" }
        guard pctStart >= 0 && pctStart <= 1 else { return "pctStart must be between 0 and 1, not \(pctStart)" }
        var begin = 0.0
        for phase in phases {
            guard phase.end != begin || phase.end < 0 else {
                return "\(totalSteps) steps with pctStart \(pctStart) leave a phase without length"
            }
            begin = phase.end
        }
        return momentum.problem
    }

    private var phases: [Phase] {
        let (total, base, high) = (Double(totalSteps), momentum.base, momentum.max)
        let rise = Phase(end: pctStart * total - 1, rates: (firstLR, maxLR), momentums: (high, base))
        guard threePhase else { return [rise, Phase(end: total - 1, rates: (maxLR, minLR), momentums: (base, high))] }
        return [
            rise, Phase(end: 2 * pctStart * total - 2, rates: (maxLR, firstLR), momentums: (base, high)),
            Phase(end: total - 1, rates: (firstLR, minLR), momentums: (high, high)),
        ]
    }

    public override func rates() -> [Double] {
        let step = isStretched ? min(place(lastEpoch), Double(totalSteps)) : Double(lastEpoch)
        guard isStretched || lastEpoch <= totalSteps else {
            fail("OneCycleLR.step", "step \(lastEpoch) is beyond the schedule's \(totalSteps) steps")
            return scaled(1)
        }
        let phases = phases
        var begin = 0.0
        var phase = phases[0]
        for (i, candidate) in phases.enumerated() {
            phase = candidate
            if step <= candidate.end || i == phases.count - 1 { break }
            begin = candidate.end
        }
        let part = (step - begin) / (phase.end - begin)
        func between(_ ends: (from: [Double], to: [Double]), _ group: Int) -> Double {
            let (from, to) = (ends.from[group], ends.to[group])
            return annealStrategy == .linear ? (to - from) * part + from : to + (from - to) / 2 * (cos(.pi * part) + 1)
        }
        momentum.move(optimizer.paramGroups) { between(phase.momentums, $0) }
        return optimizer.paramGroups.indices.map { between(phase.rates, $0) }
    }
}
