import ApusCore

/// How several processes share the steps of an optimizer: each updates a part of every parameter and keeps the state of that part alone.
package protocol SharedSteps: AnyObject {
    /// The part of `parameter` that this process updates: a flat view of it, with its gradient.
    func part(of parameter: Tensor) -> Tensor
    /// The elements of that part.
    func range(of parameter: Tensor) -> Range<Int>
    /// The whole of a state of which each process has the part that goes with `parameter`'s. All processes call it.
    func whole(_ part: Tensor, of parameter: Tensor) throws -> Tensor
    /// Gives all processes the parts that each has updated.
    func didStep() throws
    /// Whether `flag` is set on any process.
    func anyProcess(_ flag: Bool) throws -> Bool
}

extension Optimizer {
    /// Lets processes share its steps from now on. Returns what is wrong, nil if nothing is.
    package final func share(_ steps: any SharedSteps) -> String? {
        if let problem = sharingProblem { return problem }
        sharedSteps = steps
        return nil
    }

    /// Why processes cannot share its steps, nil if they can: it has taken steps, or its rule is not one for each element alone.
    package final var sharingProblem: String? {
        if let group = paramGroups.first(where: { $0.settings.map { !type(of: $0).isElementwise } ?? true }) {
            return
                "\(name) has no rule for each element by itself (\(group.parameters.count) parameters), so processes cannot update parts of a parameter"
        }
        if paramGroups.contains(where: { $0.states.contains { $0 != nil } }) {
            return "\(name) has taken steps already; share them before the first one"
        }
        return nil
    }

    /// The tensors of a group that a step updates, with their gradients: its parameters, or this process's parts of them.
    final func stepped(_ group: ParameterGroup) -> [Tensor] { sharedSteps.map { group.parameters.map($0.part(of:)) } ?? group.parameters }

    /// The tensors of all groups that have the gradients.
    package final var stepped: [Tensor] { paramGroups.flatMap(stepped(_:)) }
}
