import ApusCore

/// What few modules have.
final class ModuleExtras {
    var modules: [(name: String, module: Module)] = []
    var parameters: [(name: String, parameter: Parameter)] = []
    var buffers: [(name: String, buffer: Buffer)] = []
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

    /// Calls `hook(module, inputs)` before every call; what it returns, if anything, takes the inputs' place. PyTorch: `register_forward_pre_hook`.
    @discardableResult public final func registerForwardPreHook(_ hook: @escaping (Module, [Tensor]) -> [Tensor]?) -> HookHandle {
        add(hook, \.beforeForward)
    }

    /// Calls `hook(module, inputs, outputs)` after every call; what it returns, if anything, takes the outputs' place. PyTorch: `register_forward_hook`.
    @discardableResult public final func registerForwardHook(_ hook: @escaping (Module, [Tensor], [Tensor]) -> [Tensor]?) -> HookHandle {
        add(hook, \.afterForward)
    }

    /// Calls `hook(module, gradOutputs)` in `backward()` before the gradients go through the module; what it returns, if anything,
    /// takes their place. PyTorch: `register_full_backward_pre_hook`.
    @discardableResult public final func registerFullBackwardPreHook(_ hook: @escaping (Module, [Tensor]) -> [Tensor]?) -> HookHandle {
        add(hook, \.beforeBackward)
    }

    /// Calls `hook(module, gradInputs, gradOutputs)` when `backward()` has computed the gradients of the inputs; what it returns, if anything,
    /// takes the place of `gradInputs`. Where no input requires a gradient, `gradInputs` is empty. PyTorch: `register_full_backward_hook`.
    @discardableResult public final func registerFullBackwardHook(_ hook: @escaping (Module, [Tensor], [Tensor]) -> [Tensor]?) -> HookHandle
    {
        add(hook, \.backward)
    }

    private func add<Body>(_ hook: Body, _ list: ReferenceWritableKeyPath<ModuleHooks, [ModuleHooks.Hook<Body>]>) -> HookHandle {
        let extras = extrasForWriting
        let hooks = extras.hooks ?? ModuleHooks()
        extras.hooks = hooks
        let id = hooks.nextID()
        hooks[keyPath: list].append(.init(id: id, run: hook))
        return HookHandle { [weak extras, weak hooks] in
            guard let hooks else { return }
            hooks[keyPath: list].removeAll { $0.id == id }
            if hooks.isEmpty, extras?.hooks === hooks { extras?.hooks = nil }
        }
    }
}

/// One call's way through a module with backward hooks: its inputs and outputs pass identity functions that see their gradients.
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

    private struct Gate: DifferentiableFunction {
        let name: String
        let seen: ([Tensor]) -> [Tensor]
        func forward(_ inputs: [Tensor], _ context: FunctionContext) -> [Tensor] { inputs }
        func backward(_ gradients: [Tensor], _ context: FunctionContext) -> [Tensor?] { seen(gradients) }
    }
}
