import ApusCore
import Glibc

/// Half a cosine from the initial rate to `etaMin` over T steps, then again from the start, with T multiplied by `tMult` each time (SGDR;
/// Loshchilov and Hutter, 2017): lr = etaMin + (lr₀ − etaMin)·(1 + cos(π·t/T))/2. PyTorch: `CosineAnnealingWarmRestarts` (`T_0`, `T_mult`).
public final class CosineAnnealingWarmRestarts: LRScheduler {
    /// Traps where `t0` is not positive or `tMult` less than 1.
    public init(_ optimizer: Optimizer, t0: Int, tMult: Int = 1, etaMin: Double = 0, lastEpoch: Int = -1) {
        super.init(optimizer, lastEpoch: lastEpoch, options: [("T_0", .int(t0)), ("T_mult", .int(tMult)), ("eta_min", .double(etaMin))])
    }

    override func validate(_ options: OptionList) -> String? {
        let (t0, tMult) = (options.int("T_0") ?? 0, options.int("T_mult") ?? 0)
        guard t0 > 0 else { return "t0 must be positive, not \(t0)" }
        return tMult >= 1 ? nil : "tMult must be at least 1, not \(tMult)"
    }

    public override func rates() -> [Double] {
        // The place within the present cycle, and the cycle's length.
        var (place, length) = (lastEpoch, max(count("T_0"), 1))
        while place >= length {
            place -= length
            let (longer, overflow) = length.multipliedReportingOverflow(by: max(count("T_mult"), 1))
            if overflow { break }
            length = longer
        }
        let factor = (1 + cos(.pi * Double(place) / Double(length))) / 2
        return baseLRs.map { number("eta_min") + ($0 - number("eta_min")) * factor }
    }
}

/// Up from `baseLR` to `maxLR` in a straight line and down again, over and over (Smith, 2017). Step it after each batch. PyTorch: `CyclicLR`.
///
/// With `cycleMomentum` the momentum (β₁ of Adam) goes the other way between `maxMomentum` and `baseMomentum`.
public final class CyclicLR: LRScheduler {
    /// How the height of a cycle changes.
    public enum Mode: String, Sendable {
        /// It does not.
        case triangular
        /// Half with each cycle.
        case triangular2
        /// Times gamma with each step.
        case expRange = "exp_range"
    }

    /// A function of one's own in place of `mode`'s: the height's factor, of the cycle's number (from 1) or the step's. Not part of the state.
    public enum Scale {
        /// Of the cycle's number, from 1.
        case cycle((Double) -> Double)
        /// Of the steps so far.
        case iterations((Double) -> Double)
    }

    private let scale: Scale?

    /// The same rates for all groups.
    public convenience init(
        _ optimizer: Optimizer, baseLR: Double, maxLR: Double, stepSizeUp: Int = 2000, stepSizeDown: Int? = nil, mode: Mode = .triangular,
        gamma: Double = 1,
        scale: Scale? = nil, cycleMomentum: Bool = true, baseMomentum: Double = 0.8, maxMomentum: Double = 0.9, lastEpoch: Int = -1
    ) {
        let count = optimizer.paramGroups.count
        func all(_ value: Double) -> [Double] { Array(repeating: value, count: count) }
        self.init(
            optimizer, baseLR: all(baseLR), maxLR: all(maxLR), stepSizeUp: stepSizeUp, stepSizeDown: stepSizeDown, mode: mode, gamma: gamma,
            scale: scale,
            cycleMomentum: cycleMomentum, baseMomentum: all(baseMomentum), maxMomentum: all(maxMomentum), lastEpoch: lastEpoch)
    }

    /// Rates (and momentums, 0.8 and 0.9 where not given) for each group.
    ///
    /// Traps where a number of steps is not positive, a list has not one entry a group, or `cycleMomentum` meets an optimizer without momentum or betas.
    public init(
        _ optimizer: Optimizer, baseLR: [Double], maxLR: [Double], stepSizeUp: Int = 2000, stepSizeDown: Int? = nil,
        mode: Mode = .triangular, gamma: Double = 1,
        scale: Scale? = nil, cycleMomentum: Bool = true, baseMomentum: [Double]? = nil, maxMomentum: [Double]? = nil, lastEpoch: Int = -1
    ) {
        self.scale = scale
        let groups = optimizer.paramGroups
        let base = perGroup("CyclicLR", "baseLR", baseLR, groups), high = perGroup("CyclicLR", "maxLR", maxLR, groups)
        let low = perGroup("CyclicLR", "baseMomentum", baseMomentum ?? Array(repeating: 0.8, count: groups.count), groups)
        let top = perGroup("CyclicLR", "maxMomentum", maxMomentum ?? Array(repeating: 0.9, count: groups.count), groups)
        if lastEpoch == -1 {
            for (group, rate) in zip(groups, base) {
                group.lr = rate
                group.initialLR = rate
            }
        }
        super.init(
            optimizer, lastEpoch: lastEpoch,
            options: [
                ("base_lr", .list(base)), ("max_lr", .list(high)), ("step_size_up", .int(stepSizeUp)),
                ("step_size_down", .int(stepSizeDown ?? stepSizeUp)),
                ("mode", .string(mode.rawValue)), ("gamma", .double(gamma)),
                ("cycle_momentum", .bool(canCycleMomentum("CyclicLR", optimizer, cycleMomentum))),
                ("base_momentum", .list(low)), ("max_momentum", .list(top)),
            ])
    }

    override var listsOfRates: [String] { ["base_lr", "max_lr"] }
    override var otherLists: [String] { ["base_momentum", "max_momentum"] }

    override func validate(_ options: OptionList) -> String? {
        for (name, key) in [("stepSizeUp", "step_size_up"), ("stepSizeDown", "step_size_down")] where options.int(key) ?? 0 < 1 {
            return "\(name) must be positive, not \(options.int(key) ?? 0)"
        }
        guard case .string(let mode)? = options["mode"], Mode(rawValue: mode) != nil else {
            return "mode must be triangular, triangular2 or exp_range"
        }
        return nil
    }

    public override func rates() -> [Double] {
        let up = Double(max(count("step_size_up"), 1)), total = up + Double(max(count("step_size_down"), 1))
        let step = Double(lastEpoch)
        let cycle = floor(1 + step / total)
        let place = 1 + step / total - cycle
        let height = (place <= up / total ? place / (up / total) : (place - 1) / (up / total - 1)) * heightFactor(cycle, step)
        let groups = optimizer.paramGroups
        func list(_ name: String) -> [Double] { options.list(name) ?? [] }
        if options.bool("cycle_momentum") == true {
            for (group, (low, high)) in zip(groups, zip(list("base_momentum"), list("max_momentum"))) {
                setMomentum(group, high - (high - low) * height)
            }
        }
        return zip(list("base_lr"), list("max_lr")).map { $0 + ($1 - $0) * height }
    }

    private func heightFactor(_ cycle: Double, _ step: Double) -> Double {
        switch scale {
        case .cycle(let factor): return factor(cycle)
        case .iterations(let factor): return factor(step)
        case nil: break
        }
        return switch options["mode"] {
        case .string(Mode.triangular2.rawValue): 1 / pow(2, cycle - 1)
        case .string(Mode.expRange.rawValue): pow(number("gamma"), step)
        default: 1
        }
    }
}

// MARK: What schedules with a cycle share

/// One value a group, or a trap.
func perGroup(_ schedule: String, _ name: String, _ values: [Double], _ groups: [ParameterGroup]) -> [Double] {
    if values.count == groups.count { return values }
    fail(schedule, "\(name) has \(values.count) values for \(groups.count) groups")
    return Array(repeating: values.first ?? 0, count: groups.count)
}

/// Whether momentum is cycled; asked for on an optimizer without, it traps.
func canCycleMomentum(_ schedule: String, _ optimizer: Optimizer, _ wanted: Bool) -> Bool {
    guard wanted, optimizer.paramGroups.contains(where: { $0[option: "momentum"] == nil && $0[option: "betas"] == nil }) else {
        return wanted
    }
    fail(schedule, "\(optimizer.name) has neither momentum nor betas to cycle; give cycleMomentum: false")
    return false
}

/// Sets the momentum, or β₁ where there are betas.
func setMomentum(_ group: ParameterGroup, _ momentum: Double) {
    if group[option: "betas"] != nil { group.betas.0 = momentum } else { group.momentum = momentum }
}
