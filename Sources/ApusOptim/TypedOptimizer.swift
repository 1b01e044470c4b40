import ApusCore

/// An optimizer by its settings and its rule, and the class that one's own derives from:
///
/// ```swift
/// final class SignDescent: TypedOptimizer<SignSettings> {
///     override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) { p.sub_(gradient.sign() * step.settings.lr) }
/// }
/// let optimizer = SignDescent(model.parameters(), SignSettings(lr: 1e-3))
/// ```
/// Groups with settings of their own, schedules, checkpoints, half types (updates and state are in float32), `maximize` and a decay that is
/// added to the gradient come with it: `Settings` says what there is.
open class TypedOptimizer<Settings: OptimizerSettings>: Optimizer {
    /// What a step of one parameter reads.
    public struct Step {
        /// The settings of the parameter's group.
        public let settings: Settings
        /// Which step of this parameter it is, 1 for the first; 0 where steps are not counted.
        public let number: Int
        fileprivate let state: ParameterState

        /// The state at that place of `Settings.state`, to be changed in place. Traps where the settings say that it is not needed.
        public subscript(place: Int) -> Tensor {
            if Settings.state.indices.contains(place), let tensor = state[place] { return tensor }
            return fail(
                "\(Settings.self).state",
                "there is no state \(place) with these settings; there are \(Settings.stateNames.joined(separator: ", "))")
        }
    }

    /// For tensors, or for groups with settings of their own; what those leave out is in `settings`.
    ///
    /// Traps where there are no parameters, one is given twice or is not a leaf, a group has a setting that `Settings` has not, or
    /// `Settings.problem()` finds one that makes no sense.
    public init<Item: Optimizable>(_ parameters: [Item], _ settings: Settings) { super.init(groups(of: parameters), settings) }

    /// The settings of one of its groups.
    public final func settings(of group: ParameterGroup) -> Settings {
        guard let settings = group.settings as? Settings else { trap(name, "is asked for the settings of a group that is not its own") }
        return settings
    }

    // MARK: The rule

    /// One step for `p` from its gradient, changed in place. Both are without history, of the type that updates are computed in (float32 for half
    /// types), the gradient negated for `maximize` and with the added decay.
    open func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) { fail(writer, "the class does not override update") }

    /// One step for the rows that a sparse gradient names: row `rows[i]` of `p` has the gradient `values[i]`. Each row is named once.
    ///
    /// Where this is not overridden, sparse gradients are refused. So they are where the settings have an added decay, which would change all rows.
    open func updateRows(_ p: Tensor, _ rows: Tensor, _ values: Tensor, _ step: Step) throws(OpError) {
        throw refusal(p)
    }

    private func refusal(_ p: Tensor) -> OpError {
        OpError(
            "a parameter of shape \(p.shape) has a sparse gradient, which \(name) with these settings does not take; "
                + "SparseAdam, Adagrad and SGD without momentum and decay do, or make the layer with sparse: false")
    }

    /// The rule as one kernel over many parameters, where there is one: with it neither `update` is called. `isFirst`: their state was made just now.
    func kernel(_ settings: Settings, step: Int, isFirst: Bool) -> OptimizerRule? { nil }

    /// Whether `updateRows` wants each row once; a rule that only adds rows can do without.
    var wantsRowsOnce: Bool { true }

    // MARK: A step

    open override func step() {
        // In the parameters' own precision, also inside `autocast`.
        noGrad {
            Context.autocasting(to: nil) {
                Context.activity(.step(writer)) {
                    for group in paramGroups {
                        do throws(OpError) { try step(group) } catch { fail(error, op: writer) }
                    }
                }
            }
        }
    }

    private func step(_ group: ParameterGroup) throws(OpError) {
        let settings = settings(of: group)
        let slots = Settings.state
        let needed = slots.indices.filter { slots[$0].isNeeded(settings) }
        var (rows, composed, fused): ([Turn], [Turn], [Turn]) = ([], [], [])
        var kernels = KernelCalls(needed)
        for (i, parameter) in group.parameters.enumerated() {
            guard let gradient = parameter.grad, !gradient.isPoisoned, !parameter.isPoisoned else { continue }
            guard gradient.dtype == parameter.dtype && gradient.device == parameter.device else {
                throw OpError(
                    "parameter \(i) is \(parameter.dtype) on \(parameter.device), its gradient \(gradient.dtype) on \(gradient.device)")
            }
            var state = group.states[i] ?? ParameterState()
            var isFirst = false
            for place in needed where state[place] == nil {
                isFirst = true
                state.remember(try slots[place].make(settings, parameter), at: place, of: slots.count)
            }
            if Settings.countsSteps { state.step += 1 }
            let turn = Turn(index: i, gradient: gradient, state: state)
            if gradient.isSparse {
                rows.append(turn)
            } else if try kernels.take(
                parameter, gradient, state, isFirst: isFirst, { kernel(settings, step: state.step, isFirst: isFirst) })
            {
                fused.append(turn)
            } else {
                composed.append(turn)
            }
        }
        // Rows first: they may be refused, and then nothing has changed. All memory for kernels is there.
        for turn in rows { try updateRows(turn, group, settings) }
        for turn in fused { keep(turn, group) }
        try kernels.run(writer)
        for turn in composed { try update(turn, group, settings) }
    }

    /// Has the group remember the state: when nothing of the step can be refused any more.
    private func keep(_ turn: Turn, _ group: ParameterGroup) {
        if Settings.countsSteps || !turn.state.tensors.isEmpty { group.states[turn.index] = turn.state }
    }

    private func update(_ turn: Turn, _ group: ParameterGroup, _ settings: Settings) throws(OpError) {
        let parameter = group.parameters[turn.index]
        let dtype = parameter.dtype.computeType
        let p = try parameter.detach().to(dtype).usable()
        var gradient = turn.gradient.detach().to(dtype)
        if settings.maximize { gradient = -gradient }
        if settings.addedDecay != 0 { gradient = gradient + p * settings.addedDecay }
        try gradient.usable()
        keep(turn, group)
        update(p, gradient, Step(settings: settings, number: turn.state.step, state: turn.state))
        try write(p, to: parameter)
    }

    private func updateRows(_ turn: Turn, _ group: ParameterGroup, _ settings: Settings) throws(OpError) {
        let parameter = group.parameters[turn.index]
        if settings.addedDecay != 0 { throw refusal(parameter) }
        let gradient = try (wantsRowsOnce ? turn.gradient.coalesce() : turn.gradient).usable()
        guard let rows = gradient.sparseRows else { return }
        let dtype = parameter.dtype.computeType
        let p = try parameter.detach().to(dtype).usable()
        let values = try (settings.maximize ? -rows.values.to(dtype) : rows.values.to(dtype)).usable()
        try updateRows(p, rows.indices, values, Step(settings: settings, number: turn.state.step, state: turn.state))
        keep(turn, group)
        try write(p, to: parameter)
    }

    private func write(_ p: Tensor, to parameter: Tensor) throws(OpError) {
        if p.dtype != parameter.dtype { try parameter.device.backend.copy(p, into: parameter) }
        parameter.didChange(by: writer)
    }
}

/// A parameter in its step.
private struct Turn {
    let index: Int
    let gradient: Tensor
    let state: ParameterState
}
