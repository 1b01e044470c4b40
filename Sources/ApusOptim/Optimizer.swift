import ApusCore

/// Updates tensors from their gradients. PyTorch: `torch.optim.Optimizer`.
///
/// ```swift
/// let optimizer = SGD(model.parameters(), lr: 0.1, momentum: 0.9)
/// optimizer.zeroGrad()
/// loss.backward()
/// optimizer.step()
/// ```
/// The base class of all optimizers; a custom one derives from `TypedOptimizer`.
open class Optimizer {
    /// The groups of parameters, each with its own settings.
    public private(set) var paramGroups: [ParameterGroup] = []
    private let defaults: any OptimizerSettings
    /// The name in messages, and the name that `step` records for tensors changed in place.
    final let name: String
    final let writer: String

    /// How processes share its steps; nil where this one takes them alone.
    package final internal(set) var sharedSteps: (any SharedSteps)?

    /// Groups of parameters, and the defaults for settings that a group leaves out.
    ///
    /// Traps where there are no parameters, where one is given twice (in one group or two) or is not a leaf, and where a group has a
    /// setting that does not exist or has an invalid value.
    init(_ groups: [ParameterGroup], _ defaults: any OptimizerSettings) {
        self.defaults = defaults
        name = "\(Self.self)"
        writer = name + ".step"
        guard groups.contains(where: { !$0.parameters.isEmpty }) else {
            fail(name, "got an empty list of parameters; give it model.parameters()")
            return
        }
        for group in groups { addParamGroup(group) }
    }

    /// Adds a group, for instance of layers that are unfrozen during training. PyTorch: `add_param_group`.
    ///
    /// Traps where one of its parameters is in a group already, is not a leaf or is computed from others, where it has a setting that does not
    /// exist or has an invalid value, where it belongs to an optimizer already, and for ``LBFGS``, which has one group.
    public final func addParamGroup(_ group: ParameterGroup) {
        var seen: [ObjectIdentifier: String] = [:]
        for (g, earlier) in paramGroups.enumerated() {
            for (i, parameter) in earlier.parameters.enumerated() { seen[ObjectIdentifier(parameter)] = "parameter \(i) of group \(g)" }
        }
        for (i, parameter) in group.parameters.enumerated() {
            let place = "parameter \(i) of group \(paramGroups.count)"
            if let first = seen[ObjectIdentifier(parameter)] {
                fail(name, "\(place) (\(parameter.dtype) \(parameter.shape)) is given twice: it is also \(first)")
                return
            }
            seen[ObjectIdentifier(parameter)] = place
            if isComputed(parameter, place) { return }
            guard parameter.isPoisoned || parameter.isLeaf else {
                fail(
                    name,
                    "\(place) (shape \(parameter.shape)) is the result of \(parameter.gradFn ?? "an op"), not a leaf; only leaves can be optimized"
                )
                return
            }
        }
        if let problem = join(group) {
            fail(name, problem)
            return
        }
        paramGroups.append(group)
    }

    /// Gives the group its settings. Returns what is wrong with it, or nil.
    private func join(_ group: ParameterGroup) -> String? {
        if !takesSeveralGroups && !paramGroups.isEmpty {
            return "got \(paramGroups.count + 1) groups; it knows settings for all parameters alone, give it one list"
        }
        if group.settings != nil {
            return "a group of \(group.parameters.count) parameters belongs to an optimizer already; make another of its parameters"
        }
        var settings = defaults
        for (name, value) in group.own {
            if let problem = settings.set(name, value) { return problem }
        }
        for (i, parameter) in group.parameters.enumerated() where !parameter.isPoisoned {
            if let problem = type(of: settings).problem(of: parameter) { return "parameter \(i) has shape \(parameter.shape), \(problem)" }
        }
        if let problem = settings.firstProblem() { return problem }
        group.settings = settings
        return nil
    }

    /// Fails for a weight that was parametrized or pruned, before or after the optimizer was created, since it would get no gradient.
    private final func isComputed(_ parameter: Tensor, _ place: @autoclosure () -> String) -> Bool {
        guard parameter.computed != nil else { return false }
        fail(
            name,
            "\(place()) (shape \(parameter.shape)) is computed from other parameters, since it was parametrized or pruned; "
                + "make the optimizer after that, of parameters()")
        return true
    }

    /// Whether it may have more groups than one.
    var takesSeveralGroups: Bool { true }

    /// Clears the gradients: sets them to nil, or to zeros in place. Traps where a parameter without one is computed from others by now, since
    /// it was parametrized or pruned. PyTorch: `zero_grad`.
    public final func zeroGrad(setToNil: Bool = true) {
        for (g, group) in paramGroups.enumerated() {
            for (i, parameter) in group.parameters.enumerated() {
                guard let grad = parameter.grad else {
                    if isComputed(parameter, "parameter \(i) of group \(g)") { return }
                    continue
                }
                if setToNil {
                    parameter.grad = nil
                } else {
                    let zeroed = grad.detach()
                    do throws(OpError) { try zeroed.fillData(0, by: "zeroGrad") } catch { fail(error, op: name + ".zeroGrad") }
                    parameter.grad = zeroed
                }
            }
        }
    }

    /// Updates every parameter that has a gradient.
    open func step() { trap(name, "has no step; an optimizer is a TypedOptimizer") }

    /// Whether a step evaluates the loss several times, so that ``step(_:)`` alone takes one; false but for optimizers such as ``LBFGS``.
    open var needsClosure: Bool { false }

    /// Computes the loss by `closure` (which clears the gradients and calls backward), then updates the parameters. Returns the loss.
    @discardableResult open func step(_ closure: () throws -> Tensor) rethrows -> Tensor {
        let loss = try enableGrad { try closure() }
        step()
        return loss
    }

    // MARK: Loading

    /// The settings to use after loading; a subclass restores those that define it (AdamW's decoupled decay).
    func settled(_ loaded: any OptimizerSettings) -> any OptimizerSettings { loaded }

    /// Whether a step with `settings` keeps a state at index `place` of parameter `i` of `group`.
    func keeps<Kept: OptimizerSettings>(_ place: Int, ofParameter i: Int, _ group: ParameterGroup, _ settings: Kept) -> Bool {
        Kept.state[place].isNeeded(settings) && Kept.state[place].shape(of: group.parameters[i]) != nil
    }

    /// Whether a loaded tensor of shape `found` can be the state at index `place` of a parameter; `settings` are the loaded settings.
    func fits<Loaded: OptimizerSettings>(
        _ found: Shape, _ place: Int, _ parameter: Tensor, _ group: ParameterGroup, _ settings: Loaded
    ) -> Bool {
        found == Loaded.state[place].shape(of: parameter)
    }

    /// What is wrong with the loaded states of a group's parameters, of which each by itself fits; nil if nothing is wrong.
    func problem(of states: [ParameterState?]) -> String? { nil }
}
