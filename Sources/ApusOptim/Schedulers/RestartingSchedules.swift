import ApusCore
import Glibc

/// Half a cosine from the initial rate to `etaMin` over T steps, then again from the start, with T multiplied by `tMult` each time (SGDR;
/// Loshchilov and Hutter, 2017): lr = etaMin + (lr₀ − etaMin)·(1 + cos(π·t/T))/2. PyTorch: `CosineAnnealingWarmRestarts` (`T_0`, `T_mult`).
public final class CosineAnnealingWarmRestarts: LRScheduler {
    private var t0, tMult: Int
    private var etaMin: Double

    /// Traps where `t0` is not positive or `tMult` less than 1.
    public init(_ optimizer: Optimizer, _ t0: Int, tMult: Int = 1, etaMin: Double = 0, lastEpoch: Int = -1) {
        (self.t0, self.tMult, self.etaMin) = (t0, tMult, etaMin)
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] {
        [.init("T_0", self, \.t0), .init("T_mult", self, \.tMult), .init("eta_min", self, \.etaMin)]
    }
    override func problem() -> String? {
        guard t0 > 0 else { return "t0 must be positive, not \(t0)" }
        return tMult >= 1 ? nil : "tMult must be at least 1, not \(tMult)"
    }

    /// The place of a step within its cycle, and the cycle's length. The first has `first` steps, each other `factor` times as many as the
    /// one before.
    package static func place(of epoch: Int, first: Int, factor: Int) -> (place: Int, length: Int) {
        var (place, length) = (epoch, max(first, 1))
        // Of as many cycles of one length as a file may claim, none is counted.
        if factor <= 1 { return (place % length, length) }
        while place >= length {
            place -= length
            let (longer, overflow) = length.multipliedReportingOverflow(by: factor)
            if overflow { break }
            length = longer
        }
        return (place, length)
    }

    public override func rates() -> [Double] {
        let (place, length) = Self.place(of: lastEpoch, first: t0, factor: tMult)
        let factor = (1 + cos(.pi * Double(place) / Double(length))) / 2
        return baseLRs.map { etaMin + ($0 - etaMin) * factor }
    }
}

/// Linearly from `baseLR` up to `maxLR` and down again, repeatedly (Smith, 2017). Call `step()` after each batch. PyTorch: `CyclicLR`.
///
/// With `cycleMomentum` the momentum (β₁ of Adam) goes in the opposite direction between `maxMomentum` and `baseMomentum`.
public final class CyclicLR: LRScheduler {
    /// How the height of a cycle changes.
    public enum Mode: String, CaseIterable, SettingValue, Sendable {
        /// It does not.
        case triangular
        /// It halves with each cycle.
        case triangular2
        /// It is multiplied by gamma in each step.
        case expRange = "exp_range"
    }

    /// A custom factor of the height instead of `mode`'s. It is not part of the state.
    public enum Scale {
        /// A function of the cycle's number, from 1.
        case cycle((Double) -> Double)
        /// A function of the number of steps.
        case iterations((Double) -> Double)
    }

    private let scale: Scale?
    private var baseLR, maxLR: [Double]
    private var stepSizeUp, stepSizeDown: Int
    private var mode: Mode
    private var gamma: Double
    private var momentum: MomentumCycle

    /// The same rates for all groups.
    public convenience init(
        _ optimizer: Optimizer, _ baseLR: Double, _ maxLR: Double, stepSizeUp: Int = 2000, stepSizeDown: Int? = nil,
        mode: Mode = .triangular, gamma: Double = 1, scale: Scale? = nil, cycleMomentum: Bool = true, baseMomentum: Double = 0.8,
        maxMomentum: Double = 0.9, lastEpoch: Int = -1
    ) {
        let count = optimizer.paramGroups.count
        func all(_ value: Double) -> [Double] { Array(repeating: value, count: count) }
        self.init(
            optimizer, baseLR: all(baseLR), maxLR: all(maxLR), stepSizeUp: stepSizeUp, stepSizeDown: stepSizeDown, mode: mode, gamma: gamma,
            scale: scale,
            cycleMomentum: cycleMomentum, baseMomentum: all(baseMomentum), maxMomentum: all(maxMomentum), lastEpoch: lastEpoch)
    }

    /// Rates for each group (and momentums, by default 0.8 and 0.9).
    ///
    /// Traps where a number of steps is not positive, a list does not have one entry per group, or the optimizer has neither momentum nor
    /// betas for `cycleMomentum`.
    public init(
        _ optimizer: Optimizer, _ baseLR: [Double], _ maxLR: [Double], stepSizeUp: Int = 2000, stepSizeDown: Int? = nil,
        mode: Mode = .triangular, gamma: Double = 1, scale: Scale? = nil, cycleMomentum: Bool = true, baseMomentum: [Double]? = nil,
        maxMomentum: [Double]? = nil, lastEpoch: Int = -1
    ) {
        self.scale = scale
        let groups = optimizer.paramGroups
        let base = perGroup("CyclicLR", "baseLR", baseLR, groups)
        self.baseLR = base
        self.maxLR = perGroup("CyclicLR", "maxLR", maxLR, groups)
        (self.stepSizeUp, self.stepSizeDown, self.mode, self.gamma) = (stepSizeUp, stepSizeDown ?? stepSizeUp, mode, gamma)
        momentum = MomentumCycle(
            "CyclicLR", optimizer, isOn: cycleMomentum, base: baseMomentum, max: maxMomentum, defaults: (base: 0.8, max: 0.9))
        if lastEpoch == -1 {
            for (group, rate) in zip(groups, base) {
                group.lr = rate
                group.initialLR = rate
            }
        }
        super.init(optimizer, lastEpoch: lastEpoch)
    }

    override var settings: [StateEntry] {
        [
            .init("base_lr", self, \.baseLR), .init("max_lr", self, \.maxLR), .init("step_size_up", self, \.stepSizeUp),
            .init("step_size_down", self, \.stepSizeDown), .init("mode", self, \.mode), .init("gamma", self, \.gamma),
        ] + MomentumCycle.entries(self, \.momentum)
    }
    override func extendLists(by factor: Double) {
        baseLR.extend(by: factor)
        maxLR.extend(by: factor)
        momentum.extend()
    }
    override func problem() -> String? {
        for (name, steps) in [("stepSizeUp", stepSizeUp), ("stepSizeDown", stepSizeDown)] where steps < 1 {
            return "\(name) must be positive, not \(steps)"
        }
        return momentum.problem
    }

    public override func rates() -> [Double] {
        let up = Double(max(stepSizeUp, 1)), total = up + Double(max(stepSizeDown, 1))
        let step = Double(lastEpoch)
        let cycle = floor(1 + step / total)
        let place = 1 + step / total - cycle
        let height = (place <= up / total ? place / (up / total) : (place - 1) / (up / total - 1)) * heightFactor(cycle, step)
        momentum.move(optimizer.paramGroups) { momentum.max[$0] - (momentum.max[$0] - momentum.base[$0]) * height }
        return zip(baseLR, maxLR).map { $0 + ($1 - $0) * height }
    }

    private func heightFactor(_ cycle: Double, _ step: Double) -> Double {
        switch scale {
        case .cycle(let factor): return factor(cycle)
        case .iterations(let factor): return factor(step)
        case nil: break
        }
        return switch mode {
        case .triangular: 1
        case .triangular2: 1 / pow(2, cycle - 1)
        case .expRange: pow(gamma, step)
        }
    }
}
