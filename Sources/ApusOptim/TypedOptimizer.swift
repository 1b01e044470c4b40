import ApusCore

/// An optimizer with settings of type `Settings` and an update rule; the base class of custom optimizers:
///
/// ```swift
/// final class SignDescent: TypedOptimizer<SignSettings> {
///     override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) { p.sub_(gradient.sign() * step.settings.lr) }
/// }
/// let optimizer = SignDescent(model.parameters(), SignSettings(lr: 1e-3))
/// ```
/// It provides groups with their own settings, schedules, checkpoints, half precision (updates and state are float32), `maximize`, and a
/// decay that is added to the gradient or taken from the parameter, as declared by `Settings`.
open class TypedOptimizer<Settings: OptimizerSettings>: Optimizer {
    /// The input of an update of one parameter.
    public struct Step {
        /// The settings of the parameter's group.
        public let settings: Settings
        /// The number of this step for this parameter, from 1; 0 where steps are not counted.
        public let number: Int
        /// Whether this step has made one of the parameter's states. Rows of a sparse gradient that come later find it false, and zeros.
        public let isFirst: Bool
        fileprivate let state: ParameterState

        /// The state at index `place` of `Settings.state`, to be changed in place. Traps where it does not exist with these settings or a
        /// parameter of this shape.
        public subscript(place: Int) -> Tensor {
            if Settings.state.indices.contains(place), let tensor = state[place] { return tensor }
            return fail(
                "\(Settings.self).state",
                "there is no state \(place) with these settings; there are \(Settings.stateNames.joined(separator: ", "))")
        }
    }

    /// Takes tensors, or groups with their own settings; a setting that a group leaves out is taken from `settings`.
    ///
    /// Traps where there are no parameters, one is given twice or is not a leaf, a group has a setting that `Settings` lacks, or
    /// `Settings.problem()` finds an invalid value.
    public init<Item: Optimizable>(_ parameters: [Item], _ settings: Settings) { super.init(groups(of: parameters), settings) }

    /// The settings of one of its groups.
    public final func settings(of group: ParameterGroup) -> Settings {
        guard let settings = group.settings as? Settings else { trap(name, "is asked for the settings of a group that is not its own") }
        return settings
    }

    // MARK: The rule

    /// Updates `p` in place from its gradient, of p's shape. Both have no graph and the dtype that updates are computed in (float32 for half
    /// precision); the gradient is already negated for `maximize` and contains the added decay, and `p` has had the decoupled one. Where the
    /// rule is elementwise, `p` may be some rows of a parameter, or a part of it.
    open func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) { fail(writer, "the class does not override update") }

    /// Updates the rows of a sparse gradient: row `rows[i]` of `p` has the gradient `values[i]`. Each row occurs once.
    ///
    /// By default `update` is called with these rows of `p` and of the states with its shape, where the rule is elementwise; other rows and
    /// their states stay as they are. Where it is not, and where the settings do not take rows, the step traps.
    open func updateRows(_ p: Tensor, _ rows: Tensor, _ values: Tensor, _ step: Step) throws(OpError) {
        guard Settings.isElementwise else { throw refusal(p) }
        let target = try p.indexSelect(dim: 0, rows).usable()
        var (state, changed) = (step.state, [(p, target)])
        for place in Settings.state.indices {
            guard let whole = state[place], whole.shape == p.shape else { continue }
            let part = try whole.indexSelect(dim: 0, rows).usable()
            state.remember(part, at: place, of: Settings.state.count)
            changed.append((whole, part))
        }
        update(target, values, Step(settings: step.settings, number: step.number, isFirst: step.isFirst, state: state))
        for (whole, part) in changed { try whole.setRows(rows, part, by: writer) }
    }

    private func refusal(_ p: Tensor) -> OpError {
        OpError(
            "a parameter of shape \(p.shape) has a sparse gradient, which \(name) with these settings does not take; SparseAdam and "
                + "rules of single elements without decay (SGD's without momentum too) do, or make the layer with sparse: false")
    }

    /// The update rule for one kernel over many parameters, if there is one; `update` is called where a device has none. `isFirst`: a state
    /// is new.
    func kernel(_ settings: Settings, step: Int, isFirst: Bool) -> OptimizerRule? { nil }

    /// Whether `updateRows` needs each row once; a rule that only adds to rows does not.
    var wantsRowsOnce: Bool { true }

    // MARK: A step

    /// Updates every parameter that has a gradient, group after group.
    ///
    /// Traps where a gradient has another dtype or device than its parameter, or is sparse and the rule or the settings do not take rows; then
    /// nothing of the group has changed.
    open override func step() {
        // In the parameters' own precision even inside `autocast`.
        noGrad {
            Context.autocasting(to: nil) {
                Context.activity(.step(writer)) {
                    for group in paramGroups {
                        do throws(OpError) { try step(group) } catch { fail(error, op: writer) }
                    }
                    do { try sharedSteps?.didStep() } catch { fail(writer, "\(error)") }
                }
            }
        }
    }

    private func step(_ group: ParameterGroup) throws(OpError) {
        let settings = settings(of: group)
        let slots = Settings.state
        let needed = slots.indices.filter { slots[$0].isNeeded(settings) }
        var (rows, composed, fused): ([Turn], [Turn], [Turn]) = ([], [], [])
        var kernels = KernelCalls(needed, of: slots.count)
        let targets = stepped(group)
        for (i, parameter) in targets.enumerated() {
            guard let gradient = parameter.grad, !gradient.isPoisoned, !parameter.isPoisoned else { continue }
            guard gradient.dtype == parameter.dtype && gradient.device == parameter.device else {
                throw OpError(
                    "parameter \(i) is \(parameter.dtype) on \(parameter.device), its gradient \(gradient.dtype) on \(gradient.device)")
            }
            var state = group.states[i] ?? ParameterState()
            var isFirst = false
            for place in needed where state[place] == nil {
                guard let made = try slots[place].make(settings, parameter) else { continue }
                isFirst = true
                state.remember(made, at: place, of: slots.count)
            }
            if Settings.countsSteps { state.step += 1 }
            let turn = Turn(index: i, gradient: gradient, isFirst: isFirst, state: state)
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
        // Rows first: they may throw, and then nothing has changed. The memory for kernels is allocated already.
        for turn in rows { try updateRows(turn, targets[turn.index], group, settings) }
        for turn in fused { keep(turn, group) }
        try kernels.run(writer)
        for turn in composed { try update(turn, targets[turn.index], group, settings) }
    }

    /// Stores the state in the group, once nothing of the step can fail any more.
    private func keep(_ turn: Turn, _ group: ParameterGroup) {
        if Settings.countsSteps || !turn.state.tensors.isEmpty { group.states[turn.index] = turn.state }
    }

    private func update(_ turn: Turn, _ parameter: Tensor, _ group: ParameterGroup, _ settings: Settings) throws(OpError) {
        let dtype = parameter.dtype.computeType
        let p = try parameter.detach().to(dtype).usable()
        var gradient = turn.gradient.detach().to(dtype)
        if settings.maximize { gradient = -gradient }
        if settings.addedDecay != 0 { gradient = gradient + p * settings.addedDecay }
        try gradient.usable()
        keep(turn, group)
        if settings.decoupledDecay != 0 { p.mul_(settings.decayFactor) }
        update(p, gradient, turn.step(settings))
        try write(p, to: parameter)
    }

    private func updateRows(_ turn: Turn, _ parameter: Tensor, _ group: ParameterGroup, _ settings: Settings) throws(OpError) {
        if !settings.takesRows { throw refusal(parameter) }
        let gradient = try (wantsRowsOnce ? turn.gradient.coalesce() : turn.gradient).usable()
        guard let rows = gradient.sparseRows else { return }
        let dtype = parameter.dtype.computeType
        let p = try parameter.detach().to(dtype).usable()
        let values = try (settings.maximize ? -rows.values.to(dtype) : rows.values.to(dtype)).usable()
        try updateRows(p, rows.indices, values, turn.step(settings))
        keep(turn, group)
        try write(p, to: parameter)
    }

    private func write(_ p: Tensor, to parameter: Tensor) throws(OpError) {
        if p.dtype == parameter.dtype { parameter.didChange(by: writer) } else { try parameter.copyData(p, by: writer) }
    }

    /// A parameter during its step.
    private struct Turn {
        let index: Int
        let gradient: Tensor
        let isFirst: Bool
        let state: ParameterState

        func step(_ settings: Settings) -> Step { Step(settings: settings, number: state.step, isFirst: isFirst, state: state) }
    }
}
