import ApusCore

/// The momentum (β₁ where there are betas) that a schedule with a cycle moves along with the rate, the other way round.
struct MomentumCycle {
    /// Whether it is moved at all.
    private(set) var isOn: Bool
    /// The least and the largest, one a group.
    private(set) var base, max: [Double]
    /// Looked up when the schedule is made: the groups of an optimizer, those that come later too, have settings of one type.
    private let set: MomentumSetter?

    /// `defaults` where no numbers are given. Asked for on an optimizer without momentum and betas, or with lists that have not one number a
    /// group, it traps.
    init(
        _ schedule: String, _ optimizer: Optimizer, isOn: Bool, base: [Double]?, max: [Double]?, defaults: (base: Double, max: Double)
    ) {
        let groups = optimizer.paramGroups
        self.base = perGroup(schedule, "baseMomentum", base ?? groups.map { _ in defaults.base }, groups)
        self.max = perGroup(schedule, "maxMomentum", max ?? groups.map { _ in defaults.max }, groups)
        set = groups.first?.settings?.momentumSetter()
        self.isOn = isOn
        if let problem {
            fail(schedule, "\(optimizer.name) \(problem); give cycleMomentum: false")
            self.isOn = false
        }
    }

    /// What is wrong with it, nil where nothing is.
    var problem: String? { isOn && set == nil ? "has neither momentum nor betas to cycle" : nil }

    /// Sets it to `momentum(i)` in group i.
    func move(_ groups: [ParameterGroup], to momentum: (Int) -> Double) {
        guard isOn, let set else { return }
        for (i, group) in groups.enumerated() where i < base.count { set(group, momentum(i)) }
    }

    /// Takes in a group that has come later: it has the numbers of the one before it.
    mutating func extend() {
        base.extend(by: 1)
        max.extend(by: 1)
    }

    /// As the state of its schedule keeps it.
    static func entries<Schedule: AnyObject>(
        _ schedule: Schedule, _ cycle: ReferenceWritableKeyPath<Schedule, MomentumCycle>
    ) -> [StateEntry] {
        [
            StateEntry("cycle_momentum", schedule, cycle.appending(path: \MomentumCycle.isOn)),
            StateEntry("base_momentum", schedule, cycle.appending(path: \MomentumCycle.base)),
            StateEntry("max_momentum", schedule, cycle.appending(path: \MomentumCycle.max)),
        ]
    }
}

extension [Double] {
    /// Appends the last number, times `factor`.
    mutating func extend(by factor: Double) {
        if let last { append(last * factor) }
    }
}

/// One value a group, or a trap.
func perGroup(_ schedule: String, _ name: String, _ values: [Double], _ groups: [ParameterGroup]) -> [Double] {
    if values.count == groups.count { return values }
    fail(schedule, "\(name) has \(values.count) values for \(groups.count) groups")
    return Array(repeating: values.first ?? 0, count: groups.count)
}
