import ApusCore

/// All calls of modules: they maintain the stack of modules (for messages and profiles) and run forward and backward hooks.
extension Module {
    /// Runs `body` as a call of this module with any inputs and outputs; a custom `callAsFunction` uses it.
    ///
    /// ```swift
    /// func callAsFunction(_ q: Tensor, _ k: Tensor, mask: Tensor? = nil) -> (output: Tensor, scores: Tensor) {
    ///     call(q, k, mask) { q, k, mask in
    ///         let scores = wQ(q).matmul(wK(k).t())
    ///         return (wO(scores), mask.map { scores + $0 } ?? scores)
    ///     }
    /// }
    /// ```
    ///
    /// Inputs and the result may be tensors, tuples, structs, optionals and arrays of them, or anything else. `body` gets the inputs as the
    /// hooks return them. Hooks get all tensors in a list.
    public final func call<each Input, Output>(_ inputs: repeat each Input, body: (repeat each Input) -> Output) -> Output {
        guard let hooks = extras?.hooks, RuntimeCheck.holds(for: "\(typeName): hooks") else {
            enter()
            defer { leave() }
            return body(repeat each inputs)
        }
        var output: Output?
        let outputs = hooked(hooks, tensors(repeat each inputs)) { tensors in
            let rewriter = TensorRewriter(replacements: tensors)
            let made = body(repeat rewriter.rewrite(each inputs))
            output = made
            return self.tensors(made)
        }
        guard let output else { preconditionFailure("the body of a call has run") }
        return TensorRewriter(replacements: outputs).rewrite(output)
    }

    /// All tensors in `values`, in order.
    private func tensors<each Value>(_ values: repeat each Value) -> [Tensor] {
        let reader = TensorRewriter()
        for value in repeat each values { _ = reader.rewrite(value) }
        return reader.found
    }

    /// Runs `body` as a call of this module with a list of inputs.
    public final func call(_ inputs: [Tensor], _ body: ([Tensor]) -> Tensor) -> Tensor { call(inputs, body: body) }

    /// Runs `body` as a call of this module with several outputs; their number must always be the same.
    public final func callMany(_ inputs: [Tensor], _ body: ([Tensor]) -> [Tensor]) -> [Tensor] { call(inputs, body: body) }

    @inline(__always) final func enter() {
        let context = Context.current
        if let draws = context.draws { draws.willCall(self) }
        if context.describeModules == nil { context.describeModules = describePath }
        if training, context.gradEnabled, let caller = context.modules.last {
            caller._withUnsafeGuaranteedRef { caller in
                // The stack holds modules alone.
                let caller = unsafeDowncast(caller, to: Module.self)
                if !calls.wasCalledLast(by: caller.calls.number) { checkOwner(caller, context) }
            }
        }
        context.modules.append(.passUnretained(self))
        if let observer = context.observer { observer.willBegin(.module(self)) }
    }

    @inline(__always) final func leave() {
        let context = Context.current
        context.modules.removeLast()
        if let draws = context.draws { draws.didCall() }
        if let observer = context.observer { observer.didEnd() }
    }

    private func hooked(_ hooks: ModuleHooks, _ given: [Tensor], _ body: ([Tensor]) -> [Tensor]) -> [Tensor] {
        enter()
        defer { leave() }
        for member in hooks.derived { member.target.computed?.enter() }
        defer { for member in hooks.derived { member.target.computed?.leave() } }
        var inputs = given
        for hook in hooks.beforeForward {
            if let changed = asHook({ hook.run(self, inputs) }) { inputs = checkedCount("forward pre-hook", "inputs", changed, inputs) }
        }
        let watchesBackward = isGradEnabled && (!hooks.backward.isEmpty || !hooks.beforeBackward.isEmpty)
        let passage = watchesBackward ? BackwardPassage(self, hooks) : nil
        if let passage { inputs = passage.enter(inputs) }
        var outputs = body(inputs)
        for hook in hooks.afterForward {
            if let changed = asHook({ hook.run(self, inputs, outputs) }) {
                outputs = checkedCount("forward hook", "outputs", changed, outputs)
            }
        }
        return passage?.leave(outputs) ?? outputs
    }

    /// Runs a hook, which may call modules outside the model.
    private func asHook(_ hook: () -> [Tensor]?) -> [Tensor]? {
        let context = Context.current
        let outer = context.runsHook
        context.runsHook = true
        defer { context.runsHook = outer }
        return hook()
    }

    private func checkedCount(_ hook: String, _ what: String, _ changed: [Tensor], _ old: [Tensor]) -> [Tensor] {
        if changed.count == old.count { return changed }
        let poisoned = fail(typeName, "a \(hook) returned \(changed.count) tensors in place of \(old.count) \(what)")
        return old.map { _ in poisoned }
    }
}

extension Module: HasMode {}

/// The path of the innermost called module, from the outermost one that contains it: `Net.features.3 (Conv2d)`.
/// Computed only when a message needs it.
private func describePath(_ stack: [AnyObject]) -> String? {
    let modules = stack.compactMap { $0 as? Module }
    guard let innermost = modules.last else { return nil }
    for root in modules where root !== innermost {
        if let found = root.namedModules().first(where: { $0.module === innermost }) {
            return "\(root.typeName).\(found.name) (\(innermost.typeName))"
        }
    }
    return innermost.typeName
}
