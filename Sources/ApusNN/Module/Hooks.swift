import ApusCore

/// Registered members and hooks, in an object of their own since few modules have any.
final class ModuleExtras {
    var modules: [(name: String, module: Module)] = []
    var parameters: [(name: String, parameter: Parameter)] = []
    var buffers: [(name: String, buffer: Buffer)] = []
    /// The names in older files, where they differ.
    var olderNames: [String: String] = [:]
    var hooks: ModuleHooks?
}

final class ModuleHooks {
    struct Hook<Body> {
        let id: Int
        let run: Body
    }
    var beforeForward: [Hook<(Module, [Tensor]) -> [Tensor]?>] = []
    var afterForward: [Hook<(Module, [Tensor], [Tensor]) -> [Tensor]?>] = []
    var beforeBackward: [Hook<(Module, [Tensor]) -> [Tensor]?>] = []
    var backward: [Hook<(Module, [Tensor], [Tensor]) -> [Tensor]?>] = []
    /// Tensors that are computed from members; their values are kept during a call.
    var derived: [DerivedMember] = []
    var lastID = 0

    func nextID() -> Int {
        lastID += 1
        return lastID
    }

    var isEmpty: Bool { beforeForward.isEmpty && afterForward.isEmpty && beforeBackward.isEmpty && backward.isEmpty && derived.isEmpty }
}

extension Module {
    final var extrasForWriting: ModuleExtras {
        if let extras { return extras }
        let made = ModuleExtras()
        extras = made
        return made
    }

    // Each comes in two forms: hooks that may replace something, and hooks that only look. `prepend` also tells the compiler to take the
    // second, which has fewer parameters, for a closure of several statements that returns nothing.

    /// Calls `hook(module, inputs)` before every call; tensors that it returns replace the inputs. With `prepend` it runs before the hooks
    /// that there are. PyTorch: `register_forward_pre_hook`.
    @discardableResult public final func registerForwardPreHook(
        _ hook: @escaping (Module, [Tensor]) -> [Tensor]?, prepend: Bool = false
    ) -> HookHandle {
        add(hook, \.beforeForward, prepend)
    }

    /// Calls `hook(module, inputs, outputs)` after every call; tensors it returns replace the outputs. With `prepend` it runs before the
    /// hooks that there are. PyTorch: `register_forward_hook`.
    @discardableResult public final func registerForwardHook(
        _ hook: @escaping (Module, [Tensor], [Tensor]) -> [Tensor]?, prepend: Bool = false
    ) -> HookHandle {
        add(hook, \.afterForward, prepend)
    }

    /// Calls `hook(module, gradOutputs)` in `backward()` before the gradients pass through the module; tensors that it returns replace
    /// them. With `prepend` it runs before the hooks that there are. PyTorch: `register_full_backward_pre_hook`.
    @discardableResult public final func registerFullBackwardPreHook(
        _ hook: @escaping (Module, [Tensor]) -> [Tensor]?, prepend: Bool = false
    ) -> HookHandle {
        add(hook, \.beforeBackward, prepend)
    }

    /// Calls `hook(module, gradInputs, gradOutputs)` when `backward()` has computed the gradients of the inputs; tensors that it returns
    /// replace `gradInputs`, which is empty where no input requires a gradient. With `prepend` it runs before the hooks that there are.
    /// PyTorch: `register_full_backward_hook`.
    @discardableResult public final func registerFullBackwardHook(
        _ hook: @escaping (Module, [Tensor], [Tensor]) -> [Tensor]?, prepend: Bool = false
    ) -> HookHandle {
        add(hook, \.backward, prepend)
    }

    /// The same with a hook that only looks: `model.registerForwardPreHook { module, inputs in print(inputs[0].shape) }`.
    @discardableResult public final func registerForwardPreHook(
        _ hook: @escaping (Module, [Tensor]) -> Void
    ) -> HookHandle {
        registerForwardPreHook { module, inputs -> [Tensor]? in
            hook(module, inputs); return nil
        }
    }

    /// The same with a hook that only looks: `model.registerForwardHook { module, inputs, outputs in seen.append(outputs[0]) }`.
    @discardableResult public final func registerForwardHook(
        _ hook: @escaping (Module, [Tensor], [Tensor]) -> Void
    ) -> HookHandle {
        registerForwardHook { module, inputs, outputs -> [Tensor]? in
            hook(module, inputs, outputs); return nil
        }
    }

    /// The same with a hook that only looks.
    @discardableResult public final func registerFullBackwardPreHook(
        _ hook: @escaping (Module, [Tensor]) -> Void
    ) -> HookHandle {
        registerFullBackwardPreHook { module, gradients -> [Tensor]? in
            hook(module, gradients); return nil
        }
    }

    /// The same with a hook that only looks: `layer.registerFullBackwardHook { module, gradInputs, gradOutputs in print(gradOutputs[0]) }`.
    @discardableResult public final func registerFullBackwardHook(
        _ hook: @escaping (Module, [Tensor], [Tensor]) -> Void
    ) -> HookHandle {
        registerFullBackwardHook { module, gradInputs, gradOutputs -> [Tensor]? in
            hook(module, gradInputs, gradOutputs); return nil
        }
    }

    private func add<Body>(
        _ hook: Body, _ list: ReferenceWritableKeyPath<ModuleHooks, [ModuleHooks.Hook<Body>]>, _ prepend: Bool
    ) -> HookHandle {
        let extras = extrasForWriting
        let hooks = extras.hooks ?? ModuleHooks()
        extras.hooks = hooks
        let id = hooks.nextID()
        hooks[keyPath: list].insert(.init(id: id, run: hook), at: prepend ? 0 : hooks[keyPath: list].count)
        return HookHandle { [weak extras, weak hooks] in
            guard let hooks else { return }
            hooks[keyPath: list].removeAll { $0.id == id }
            if hooks.isEmpty, extras?.hooks === hooks { extras?.hooks = nil }
        }
    }
}

/// The backward hooks of one call: inputs and outputs pass through identity functions whose gradients the hooks get.
final class BackwardPassage {
    private let module: Module
    private let hooks: ModuleHooks
    private var gradOutputs: [Tensor] = []
    private var watchesInputs = false

    init(_ module: Module, _ hooks: ModuleHooks) {
        self.module = module
        self.hooks = hooks
    }

    func enter(_ inputs: [Tensor]) -> [Tensor] {
        watchesInputs = inputs.contains { $0.requiresGrad }
        return watchesInputs ? Gate(name: module.typeName, seen: gradInputsArrived)(inputs) : inputs
    }

    func leave(_ outputs: [Tensor]) -> [Tensor] { Gate(name: module.typeName, seen: gradOutputsArrived)(outputs) }

    private func gradOutputsArrived(_ gradients: [Tensor]) -> [Tensor] {
        gradOutputs = gradients
        for hook in hooks.beforeBackward {
            if let changed = hook.run(module, gradOutputs) { gradOutputs = changed }
        }
        if !watchesInputs {
            for hook in hooks.backward { _ = hook.run(module, [], gradOutputs) }
        }
        return gradOutputs
    }

    private func gradInputsArrived(_ gradients: [Tensor]) -> [Tensor] {
        var gradients = gradients
        for hook in hooks.backward {
            if let changed = hook.run(module, gradients, gradOutputs) { gradients = changed }
        }
        return gradients
    }

    // A function instead of an op, since ops are compared by their attributes and hooks cannot be compared. Hooks on the node of an op
    // would not do: a module's hooks see all gradients together, with zeros where an output has none, and may change those too.
    private struct Gate: DifferentiableFunction {
        let name: String
        let seen: ([Tensor]) -> [Tensor]
        func forward(_ inputs: [Tensor], _ context: FunctionContext) -> [Tensor] { inputs }
        func backward(_ gradients: [Tensor], _ context: FunctionContext) -> [Tensor?] { seen(gradients) }
    }
}
