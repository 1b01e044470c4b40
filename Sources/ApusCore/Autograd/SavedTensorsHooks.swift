/// Keeps the tensors that ops save for their derivatives, in place of the ops' nodes.
final class SavedTensorsHooks {
    /// Returns a saved tensor with the values that it had.
    typealias Unpack = () throws(OpError) -> Tensor

    /// Keeps a tensor that an op saves.
    let pack: (SavedTensor) throws(OpError) -> Unpack

    init(_ pack: @escaping (SavedTensor) throws(OpError) -> Unpack) { self.pack = pack }

    /// Runs `body`, whose ops save their tensors by these hooks instead of those of an enclosing scope.
    func scope<Result>(_ name: String, _ body: () throws -> Result) rethrows -> Result {
        let context = Context.current
        if let reason = context.refusesSavedTensorsHooks {
            fail(name, reason)
            return try body()
        }
        let outer = context.savedTensorsHooks
        context.savedTensorsHooks = self
        defer { context.savedTensorsHooks = outer }
        return try body()
    }
}

/// A saved tensor that hooks keep. Its place in the graph is kept here, so that higher derivatives work whatever the hooks return.
struct PackedTensor {
    private let unpack: SavedTensorsHooks.Unpack
    private let form: GradientForm
    /// The edge for its gradient; an output of the op itself has none.
    private let history: Edge
    private let output: Int32

    init(_ saved: SavedTensor, by hooks: SavedTensorsHooks) throws(OpError) {
        form = GradientForm(saved.tensor)
        history = saved.isOutput ? Edge(node: nil, index: 0) : saved.tensor.edge
        output = saved.output
        unpack = try hooks.pack(saved)
    }

    func unpacked() throws(OpError) -> SavedTensor {
        let found = try unpack()
        // Derivatives rely on the shape, dtype and device of what they saved.
        guard GradientForm(found) == form else {
            throw OpError(
                "unpack returned \(GradientForm(found)) for a saved tensor that was \(form); undo in it what pack does",
                op: "savedTensorsHooks")
        }
        let tensor = Tensor(sharing: found)
        if let node = history.node { tensor.record(node, index: history.index) }
        return SavedTensor(tensor: tensor, version: tensor.storage.version, output: output)
    }
}

extension SavedTensor {
    /// Whether it is a leaf that requires a gradient, or an alias of one.
    var isLearnt: Bool { !isOutput && tensor.edge.node is AccumulateNode }

    /// Returns the tensor itself, if it has not changed since.
    func unpack(for name: String) -> SavedTensorsHooks.Unpack {
        { () throws(OpError) in
            try checkUnchanged(since: name)
            return tensor
        }
    }
}

extension Node {
    /// Hands the saved tensors over to `hooks`.
    @inline(never) final func pack(by hooks: SavedTensorsHooks) throws(OpError) {
        if saved.isEmpty { return }
        var all: [PackedTensor] = []
        for kept in saved { all.append(try PackedTensor(kept, by: hooks)) }
        packed = all
        saved = SavedTensors()
    }

    /// Runs a derivative with the saved tensors available. Throws if they were freed or changed in place.
    @inline(__always) final func withSaved<Result>(_ body: () throws(OpError) -> Result) throws(OpError) -> Result {
        try checkSaved()
        guard let packed else { return try body() }
        var all = SavedTensors()
        for kept in packed { all.append(try kept.unpacked()) }
        // A derivative may run another backward pass through its own node.
        let outer = saved
        saved = all
        defer { saved = outer }
        return try body()
    }
}

extension Context {
    /// Runs a hook: nothing in it is recorded or saved by these hooks.
    fileprivate static func unhooked<Result>(_ body: () -> Result) -> Result {
        let context = current
        let outer = context.savedTensorsHooks
        context.savedTensorsHooks = nil
        defer { context.savedTensorsHooks = outer }
        return noGrad(body)
    }
}

/// Runs `body`, whose ops keep `pack(x)` instead of each tensor x that they save for their derivatives; `backward()` calls `unpack` on it.
/// PyTorch: `torch.autograd.graph.saved_tensors_hooks`.
///
/// ```swift
/// let loss = savedTensorsHooks({ $0.to(.float16) }, { $0.to(.float32) }) { model(x).sum() }
/// ```
/// `pack` gets an alias without history, which it must not change. `unpack` must return a tensor of the same shape, dtype and device, and
/// is called in each backward pass that needs it; the history is kept separately, so that higher derivatives work. Of nested scopes the
/// innermost applies. If `pack` returns the tensor itself, changes of it in place are not detected.
@discardableResult public func savedTensorsHooks<Packed, Result>(
    _ pack: @escaping (Tensor) -> Packed, _ unpack: @escaping (Packed) -> Tensor, _ body: () throws -> Result
) rethrows -> Result {
    let hooks = SavedTensorsHooks { (saved) throws(OpError) in
        let x = Tensor(sharing: saved.tensor)
        let version = x.storage.version
        let packed = Context.unhooked { pack(x) }
        guard x.storage.version == version else {
            throw OpError("pack has changed the tensor of shape \(x.shape) in place; change a clone() instead", op: "savedTensorsHooks")
        }
        return { () throws(OpError) in try Context.unhooked { unpack(packed) }.usable() }
    }
    return try hooks.scope("savedTensorsHooks", body)
}

/// Runs `body`, whose ops keep in host memory what they save for their derivatives; `backward()` copies it back to its device.
/// PyTorch: `torch.autograd.graph.save_on_cpu`.
@discardableResult public func saveOnCPU<Result>(_ body: () throws -> Result) rethrows -> Result {
    try savedTensorsHooks({ x in (device: x.device, values: x.to(.cpu)) }, { kept in kept.values.to(kept.device) }, body)
}

/// Runs `body`, in which `savedTensorsHooks`, `saveOnCPU` and `checkpoint` fail with `message`; fails with it right away within one of
/// those. PyTorch: `torch.autograd.graph.disable_saved_tensors_hooks`.
@discardableResult public func disableSavedTensorsHooks<Result>(_ message: String, _ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    if context.savedTensorsHooks != nil { fail("disableSavedTensorsHooks", message) }
    let outer = context.refusesSavedTensorsHooks
    context.refusesSavedTensorsHooks = message
    defer { context.refusesSavedTensorsHooks = outer }
    return try body()
}
