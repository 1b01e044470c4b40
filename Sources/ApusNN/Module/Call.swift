import ApusCore

/// Every form of call passes here: the stack of modules (for messages and profiles), hooks before and after, hooks on the way back.
extension Module {
    /// Runs `body` as a call of this module with one output.
    ///
    /// A module with several inputs writes its own `callAsFunction` with it:
    ///
    /// ```swift
    /// public func callAsFunction(_ a: Tensor, _ b: Tensor) -> Tensor {
    ///     call([a, b]) { F.bilinear($0[0], $0[1], weight, bias) }
    /// }
    /// ```
    ///
    /// `body` gets the inputs as hooks left them, as many as were given.
    public final func call(_ inputs: [Tensor], _ body: ([Tensor]) -> Tensor) -> Tensor {
        guard let hooks = extras?.hooks else {
            enter()
            defer { leave() }
            return body(inputs)
        }
        return hooked(hooks, inputs) { [body($0)] }[0]
    }

    /// Runs `body` as a call of this module with several outputs, always as many.
    public final func callMany(_ inputs: [Tensor], _ body: ([Tensor]) -> [Tensor]) -> [Tensor] {
        guard let hooks = extras?.hooks else {
            enter()
            defer { leave() }
            return body(inputs)
        }
        return hooked(hooks, inputs, body)
    }

    @inline(__always) final func enter() {
        let context = Context.current
        if context.describeModules == nil { context.describeModules = describePath }
        context.modules.append(.passUnretained(self))
        if let observer = context.observer { observer.willBegin(.module(self)) }
    }

    @inline(__always) final func leave() {
        let context = Context.current
        context.modules.removeLast()
        if let observer = context.observer { observer.didEnd() }
    }

    private func hooked(_ hooks: ModuleHooks, _ given: [Tensor], _ body: ([Tensor]) -> [Tensor]) -> [Tensor] {
        enter()
        defer { leave() }
        for member in hooks.derived { member.target.computed?.enter() }
        defer { for member in hooks.derived { member.target.computed?.leave() } }
        var inputs = given
        for hook in hooks.beforeForward {
            if let changed = hook.run(self, inputs) { inputs = checkedCount("forward pre-hook", "inputs", changed, inputs) }
        }
        let watchesBackward = isGradEnabled && (!hooks.backward.isEmpty || !hooks.beforeBackward.isEmpty)
        let passage = watchesBackward ? BackwardPassage(self, hooks) : nil
        if let passage { inputs = passage.enter(inputs) }
        var outputs = body(inputs)
        for hook in hooks.afterForward {
            if let changed = hook.run(self, inputs, outputs) { outputs = checkedCount("forward hook", "outputs", changed, outputs) }
        }
        return passage?.leave(outputs) ?? outputs
    }

    private func checkedCount(_ hook: String, _ what: String, _ changed: [Tensor], _ old: [Tensor]) -> [Tensor] {
        if changed.count == old.count { return changed }
        let poisoned = fail(typeName, "a \(hook) returned \(changed.count) tensors in place of \(old.count) \(what)")
        return old.map { _ in poisoned }
    }
}

/// The path of the innermost of the modules being called, seen from the outermost that contains it: `Net.features.3 (Conv2d)`.
/// Looked up only when there is a message to write.
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
