import ApusCore

/// Updates tensors from their gradients. PyTorch: `torch.optim.Optimizer`.
///
/// ```swift
/// let optimizer = SGD(model.parameters(), lr: 0.1, momentum: 0.9)
/// optimizer.zeroGrad()
/// loss.backward()
/// optimizer.step()
/// ```
/// An optimizer of one's own overrides `step()` and `validate(_:)`, and reads settings from `paramGroups`.
open class Optimizer {
    /// The groups, each with its own settings.
    public private(set) var paramGroups: [ParameterGroup] = []
    private let defaults: OptionList
    /// Its name in messages, and the name of the writer in those about tensors changed in place.
    let name: String
    let writer: String

    /// Groups of parameters, and the settings (by PyTorch's names) that a group takes where it has none of its own.
    ///
    /// Traps where there are no parameters, one is given twice (in one group or two) or is not a leaf, a group has a setting that
    /// `defaults` lacks, or `validate` finds one that makes no sense.
    public init(_ groups: [ParameterGroup], defaults: KeyValuePairs<String, OptionValue>) {
        self.defaults = OptionList(defaults.map { ($0.key, $0.value) })
        name = "\(Self.self)"
        writer = name + ".step"
        guard groups.contains(where: { !$0.parameters.isEmpty }) else {
            fail(name, "got an empty list of parameters; give it model.parameters()")
            return
        }
        for group in groups { addParamGroup(group) }
    }

    /// Adds a group, for instance of layers that are trained from now on. PyTorch: `add_param_group`.
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
                fail(name, "\(place) (shape \(parameter.shape)) is the result of \(parameter.gradFn ?? "an op"), not a leaf; only leaves can be optimized")
                return
            }
        }
        var options = defaults
        for (setting, value) in group.options.entries {
            guard defaults[setting] != nil else {
                fail(name, "has no setting '\(setting)'; it has \(defaults.entries.map(\.name).joined(separator: ", "))")
                return
            }
            options[setting] = value
        }
        let given = group.options
        group.options = options
        if let problem = validate(group) {
            group.options = given
            fail(name, problem)
            return
        }
        paramGroups.append(group)
    }

    /// Fails for a weight that was parametrized or pruned, before or after the optimizer was made: it would get no gradient.
    private final func isComputed(_ parameter: Tensor, _ place: @autoclosure () -> String) -> Bool {
        guard parameter.computed != nil else { return false }
        fail(name, "\(place()) (shape \(parameter.shape)) is computed from other parameters, since it was parametrized or pruned; make the optimizer after that, of parameters()")
        return true
    }

    /// What is wrong with a group's settings, nil where nothing is. Called for each group that is added or loaded.
    open func validate(_ group: ParameterGroup) -> String? { nil }

    /// Forgets the gradients: sets them to nil, or fills them with zeros in place. PyTorch: `zero_grad`.
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
                    do throws(OpError) { try zeroed.device.backend.fill(zeroed, with: .double(0)) } catch { fail(error, op: name + ".zeroGrad") }
                    zeroed.didChange(by: "zeroGrad")
                    parameter.grad = zeroed
                }
            }
        }
    }

    /// Updates every parameter that has a gradient.
    open func step() {
        Context.activity(.step(writer)) { for group in paramGroups { update(group) } }
    }

    /// Computes the loss again by `closure` (which clears the gradients and runs backward), then updates. Returns the loss.
    @discardableResult open func step(_ closure: () throws -> Tensor) rethrows -> Tensor {
        let loss = try enableGrad { try closure() }
        step()
        return loss
    }

    // MARK: What the fused optimizers say of themselves

    /// The names of the state tensors that `rule` updates with this group's settings, in the rule's order.
    func stateNames(_ group: ParameterGroup) -> [String] { [] }

    /// A new state tensor of that name; where this is not overridden of the parameter's shape, and of the type that updates are computed in:
    /// float32 for half types, which hold neither the square of a small gradient nor eps.
    func initialState(_ name: String, _ parameter: Tensor, _ group: ParameterGroup) throws(OpError) -> Tensor {
        let zeros = try Tensor.uninitialized(parameter.shape, parameter.dtype.computeType, parameter.device)
        try parameter.device.backend.fill(zeros, with: .double(0))
        return zeros
    }

    /// Whether a loaded tensor may be the state of that name.
    func fits(_ tensor: Tensor, _ name: String, _ parameter: Tensor, _ group: ParameterGroup) -> Bool { tensor.shape == parameter.shape }

    /// Whether the state of that name is float64 whatever the parameter is.
    func keepsDouble(_ name: String) -> Bool { false }

    /// Settings that make the optimizer what its name says; no loaded state changes them.
    var fixedOptions: [(name: String, value: OptionValue)] { [] }

    /// Whether the rule depends on how many steps a parameter has taken.
    var countsSteps: Bool { true }

    /// Whether it updates only the rows that a sparse gradient names.
    func takesSparse(_ group: ParameterGroup) -> Bool { false }

    /// The update rule for parameters whose `step`-th step this is; `isFirst`: their state was made just now.
    func rule(_ group: ParameterGroup, step: Int, isFirst: Bool) -> OptimizerRule {
        trap(name, "this class does not override step()")
    }

    /// Updates the rows that a sparse gradient names, where `takesSparse`; all are of `computeType`.
    func updateRows(_ parameter: Tensor, _ rows: Tensor, _ values: Tensor, _ group: ParameterGroup) {}

    /// Parameters that one call of the backend updates.
    private struct Batch {
        let device: Device
        let dtype: DType
        let step: Int
        let isFirst: Bool
        var parameters: [Tensor] = []
        var gradients: [Tensor] = []
        var state: [[Tensor]]
    }

    /// The state of parameter `i` for its next step, made where it lacks one. `keep` has the group remember it.
    final func advance(_ group: ParameterGroup, _ i: Int, _ names: [String], _ grad: Tensor) throws(OpError) -> (state: ParameterState, isFirst: Bool) {
        let parameter = group.parameters[i]
        guard grad.dtype == parameter.dtype && grad.device == parameter.device else {
            throw OpError("parameter \(i) is \(parameter.dtype) on \(parameter.device), its gradient \(grad.dtype) on \(grad.device)")
        }
        if grad.isSparse && !takesSparse(group) {
            throw OpError("parameter \(i) of shape \(parameter.shape) has a sparse gradient, which \(name) with these settings does not take; "
                + "SparseAdam, Adagrad and SGD without momentum and decay do, or make the layer with sparse: false")
        }
        var state = group.states[i] ?? ParameterState()
        var isFirst = false
        for name in names where state[name] == nil {
            isFirst = true
            state.tensors.append((name: name, tensor: try initialState(name, parameter, group)))
        }
        if countsSteps { state.step += 1 }
        return (state, isFirst)
    }

    /// Keeps the state that `advance` has given: when nothing of the step can be refused any more.
    final func keep(_ state: ParameterState, _ group: ParameterGroup, _ i: Int, _ names: [String]) {
        if countsSteps || !names.isEmpty { group.states[i] = state }
    }

    /// Fused kernels take contiguous tensors of `computeType`; other parameters are copied, and copied back.
    private func update(_ group: ParameterGroup) {
        let names = stateNames(group)
        var batches: [Batch] = []
        var scattered: [(parameter: Tensor, copy: Tensor)] = []
        var advanced: [(index: Int, state: ParameterState)] = []
        var sparse: [(target: Tensor, rows: Tensor, values: Tensor)] = []
        do throws(OpError) {
            for (i, parameter) in group.parameters.enumerated() {
                guard let grad = parameter.grad, !grad.isPoisoned, !parameter.isPoisoned else { continue }
                let (state, isFirst) = try advance(group, i, names, grad)
                advanced.append((i, state))
                let dtype = parameter.dtype.computeType
                var target = parameter
                if dtype != parameter.dtype || !parameter.isContiguous {
                    target = try parameter.converted(to: dtype)
                    scattered.append((parameter: parameter, copy: target))
                }
                if let rows = grad.sparseRows {
                    sparse.append((target, rows.indices, try rows.values.converted(to: dtype)))
                    continue
                }
                let at = batches.firstIndex {
                    $0.dtype == dtype && $0.step == state.step && $0.isFirst == isFirst && $0.device == parameter.device
                } ?? {
                    batches.append(Batch(device: parameter.device, dtype: dtype, step: state.step, isFirst: isFirst,
                                         state: Array(repeating: [], count: names.count)))
                    return batches.count - 1
                }()
                batches[at].parameters.append(target)
                batches[at].gradients.append(grad.dtype == dtype ? try grad.contiguousData() : try grad.converted(to: dtype))
                for (s, name) in names.enumerated() { batches[at].state[s].append(state[name]!) }
            }
            // All memory is there: what follows changes parameters.
            for (i, state) in advanced { keep(state, group, i, names) }
            for (target, rows, values) in sparse { updateRows(target, rows, values, group) }
            for batch in batches {
                try batch.device.backend.optimizerStep(
                    rule(group, step: batch.step, isFirst: batch.isFirst),
                    parameters: batch.parameters, gradients: batch.gradients, state: batch.state)
                for parameter in batch.parameters { parameter.didChange(by: writer) }
            }
            for (parameter, copy) in scattered {
                try parameter.device.backend.copy(copy, into: parameter)
                parameter.didChange(by: writer)
            }
        } catch {
            fail(error, op: writer)
        }
    }
}
