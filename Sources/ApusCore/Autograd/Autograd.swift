import Synchronization

/// Autograd state that only few tensors need.
final class AutogradExtras {
    // As in `Tensor`: no access spans a call, so exclusivity checks would find nothing.
    /// For a leaf: the node that accumulates its gradient.
    @exclusivity(unchecked) var accumulator: AccumulateNode?
    /// For a leaf: hooks to call after its gradient was accumulated.
    var accumulatedHooks: [(id: UInt64, run: (Tensor) -> Void)] = []
    /// For a view: the tensor whose storage it shares, and that tensor's generation when the view's node was made.
    @exclusivity(unchecked) var viewBase: Tensor?
    @exclusivity(unchecked) var viewGeneration = 0
    /// For a base: the number of recorded in-place changes.
    @exclusivity(unchecked) var generation = 0
    /// The hook that stores the gradient of this non-leaf; nil if it is not retained.
    var keeper: GradientHook?
}

/// Removes a hook. Releasing the handle does not remove it.
public struct HookHandle {
    let removal: () -> Void
    package init(_ removal: @escaping () -> Void) { self.removal = removal }
    /// Removes the hook.
    public func remove() { removal() }
}

private let hookNumbers = Atomic<UInt64>(0)

extension Tensor {
    final var extrasForWriting: AutogradExtras {
        if let extras { return extras }
        let made = AutogradExtras()
        extras = made
        return made
    }

    /// The node of the op that computed the tensor; nil for a leaf.
    package final var node: Node? {
        if isView { renewIfStale() }
        return recordedNode
    }

    /// Whether ops on this tensor are recorded, so that `backward()` computes its gradient. Setting it to true traps for dtypes that are
    /// not floating-point; setting it to false traps for tensors that are not leaves.
    public final var requiresGrad: Bool {
        get {
            if isView { renewIfStale() }
            return requiresGradFlag
        }
        set {
            if isPoisoned { return }
            if newValue && !dtype.isFloatingPoint {
                fail(
                    "requiresGrad", "only floating-point tensors can require a gradient, this one is \(dtype); convert it with to(.float32)"
                )
                return
            }
            if !newValue && recordedNode != nil {
                fail("requiresGrad", "only a leaf can stop requiring a gradient; use detach() for the result of \(recordedNode!.name)")
                return
            }
            requiresGradFlag = newValue
        }
    }

    /// Sets `requiresGrad` and returns the tensor. PyTorch: `requires_grad_()`.
    @discardableResult public final func requiresGrad_(_ requires: Bool = true) -> Self {
        requiresGrad = requires
        return self
    }

    /// Whether the tensor is not the result of a recorded op. Gradients accumulate in the `grad` of leaves that require one.
    public final var isLeaf: Bool { node == nil }

    /// The name of the op that computed this tensor; nil for a leaf. PyTorch: `grad_fn`.
    public final var gradFn: String? { node?.name }

    /// The gradient that `backward()` has accumulated, for leaves and after `retainGrad()`. nil before the first backward pass and after
    /// `zeroGrad()`. As an implicitly unwrapped optional it can be used like a tensor, `w - lr * w.grad`, and traps there if it is nil;
    /// `w.grad == nil` and `if let` work as for any optional.
    public final var grad: Tensor! {
        get { storedGrad }
        set {
            if isPoisoned { return }
            if let newValue, !newValue.isPoisoned, newValue.shape != shape || newValue.dtype != dtype || newValue.device != device {
                fail(
                    "grad",
                    "the gradient of a tensor \(dtype) \(shape) on \(device) cannot be \(newValue.dtype) \(newValue.shape) on \(newValue.device)"
                )
                return
            }
            storedGrad = newValue
        }
    }

    final var edge: Edge {
        guard requiresGrad else { return Edge(node: nil, index: 0) }
        if let recordedNode { return Edge(node: recordedNode, index: outputIndex) }
        if let accumulator = extras?.accumulator { return Edge(node: accumulator, index: 0) }
        let accumulator = AccumulateNode(self)
        extrasForWriting.accumulator = accumulator
        return Edge(node: accumulator, index: 0)
    }

    /// Makes this tensor the output `index` of `node`.
    final func record(_ node: Node, index: Int32 = 0) {
        if let keeper = extras?.keeper { moveKeeper(keeper, to: node, index) }
        recordedNode = node
        outputIndex = index
        requiresGradFlag = true
    }

    /// Computes the gradients of this scalar with respect to the leaves it was computed from, and adds them to their `grad`.
    ///
    /// - Parameters:
    ///   - retainGraph: keeps the graph for another pass; without it a second pass traps. Defaults to `createGraph`, as in PyTorch.
    ///   - createGraph: records the backward pass, so that gradients can be differentiated again.
    ///
    ///   - inputs: the leaves whose `grad` to add to; nil for all. Gradients that only other leaves need are not computed. Leaves that
    ///     require no gradient get none.
    ///
    /// Traps if the tensor is not a scalar (use `backward(gradient:)`), has no graph, or its graph was freed, and if one of `inputs` is not
    /// a leaf.
    public final func backward(retainGraph: Bool? = nil, createGraph: Bool = false, inputs: [Tensor]? = nil) {
        if isPoisoned { return }
        guard numel == 1 else {
            fail(
                "backward",
                "backward() needs a scalar, this tensor has shape \(shape); reduce it (mean(), sum()) or call backward(gradient:)")
            return
        }
        backward(gradient: Tensor.ones(like: self), retainGraph: retainGraph, createGraph: createGraph, inputs: inputs)
    }

    /// The same for any tensor: `gradient`, of the same shape, is the gradient of the final result with respect to this tensor.
    public final func backward(gradient: Tensor, retainGraph: Bool? = nil, createGraph: Bool = false, inputs: [Tensor]? = nil) {
        if isPoisoned || gradient.isPoisoned { return }
        do throws(OpError) {
            try Tensor.run([Tensor.root(self, gradient)], retainGraph, createGraph, inputs)
        } catch {
            _ = fail(error, op: "backward")
        }
    }

    /// Computes the gradients of several tensors in one pass, and adds them to the `grad` of leaves. `gradients` has one entry per tensor,
    /// as in `backward(gradient:)`, or nil for a scalar; if omitted, all tensors must be scalars. PyTorch: `torch.autograd.backward`.
    public static func backward(
        _ tensors: [Tensor], gradients: [Tensor?]? = nil, retainGraph: Bool? = nil, createGraph: Bool = false, inputs: [Tensor]? = nil
    ) {
        if tensors.contains(where: \.isPoisoned) || gradients?.contains(where: { $0?.isPoisoned ?? false }) ?? false { return }
        do throws(OpError) {
            if let gradients, gradients.count != tensors.count {
                throw OpError("\(gradients.count) gradients are given for \(tensors.count) tensors; pass one for each, nil for a scalar")
            }
            var roots: [Engine.Root] = []
            for (i, tensor) in tensors.enumerated() {
                guard let gradient = gradients?[i] ?? (tensor.numel == 1 ? Tensor.ones(like: tensor) : nil) else {
                    throw OpError("tensor \(i) has shape \(tensor.shape) and is no scalar; reduce it, or pass its gradient in gradients:")
                }
                roots.append(try root(tensor, gradient))
            }
            try run(roots, retainGraph, createGraph, inputs)
        } catch {
            _ = fail(error, op: "backward")
        }
    }

    private static func run(_ roots: [Engine.Root], _ retainGraph: Bool?, _ createGraph: Bool, _ inputs: [Tensor]?) throws(OpError) {
        if let inputs, let i = inputs.firstIndex(where: { !$0.isLeaf }) {
            throw OpError(
                "input \(i) (shape \(inputs[i].shape)) is the result of \(inputs[i].gradFn ?? "an op"), not a leaf; grad(of:withRespectTo:) gives its gradient"
            )
        }
        _ = try Engine.run(
            roots, captures: nil, leaves: inputs?.map(\.edge), retainGraph: retainGraph ?? createGraph, createGraph: createGraph)
    }

    static func root(_ output: Tensor, _ gradient: Tensor) throws(OpError) -> Engine.Root {
        guard output.requiresGrad else {
            throw OpError(
                "the tensor of shape \(output.shape) has no graph: nothing it was computed from requires a gradient, or it was computed in noGrad or detached"
            )
        }
        guard gradient.shape == output.shape else {
            throw OpError("the gradient has shape \(gradient.shape), the tensor \(output.shape)")
        }
        guard gradient.device == output.device else {
            throw OpError("the gradient is on \(gradient.device), the tensor on \(output.device); move one with to(_:)")
        }
        // An alias, so that the caller's tensor never becomes a leaf's grad.
        return Engine.Root(
            edge: output.edge,
            gradient: gradient.requiresGrad
                ? gradient : Tensor(sharing: gradient.dtype == output.dtype ? gradient : gradient.to(output.dtype)))
    }

    /// Makes the backward pass store the gradient of this non-leaf in `grad`, after its hooks have run. After an in-place change it is the
    /// gradient of the new value. PyTorch: `retain_grad()`.
    public final func retainGrad() {
        guard !isPoisoned, let node, extrasForWriting.keeper == nil else { return }
        let keeper = GradientHook(id: hookNumbers.add(1, ordering: .relaxed).newValue, index: outputIndex, isKeeper: true) {
            [weak self] gradient in
            if let self { self.storedGrad = self.storedGrad.map { $0 + gradient } ?? gradient }
            return nil
        }
        extrasForWriting.keeper = keeper
        node.add(keeper)
    }

    /// Whether `backward()` stores the gradient of this non-leaf in `grad`, after `retainGrad()`. PyTorch: `retains_grad`.
    public final var retainsGrad: Bool { extras?.keeper != nil }

    /// Moves the hook to `node`, the node of the tensor's current value.
    @inline(never) private final func moveKeeper(_ keeper: GradientHook, to node: Node, _ index: Int32) {
        recordedNode?.hooks.removeAll { $0.id == keeper.id }
        let moved = GradientHook(id: keeper.id, index: index, isKeeper: true, run: keeper.run)
        extras?.keeper = moved
        node.add(moved)
    }

    /// Calls `hook` with this tensor's gradient whenever one is computed; if it returns a tensor, that replaces the gradient. With
    /// `prepend` it runs before existing hooks. PyTorch: `register_hook`.
    @discardableResult public final func registerHook(_ hook: @escaping (Tensor) -> Tensor?, prepend: Bool = false) -> HookHandle {
        if isPoisoned { return HookHandle {} }
        guard requiresGrad, let node = edge.node else {
            fail("registerHook", "the tensor requires no gradient, so the hook would never be called; set requiresGrad first")
            return HookHandle {}
        }
        let id = hookNumbers.add(1, ordering: .relaxed).newValue
        let added = GradientHook(id: id, index: outputIndex, run: hook)
        if prepend { node.hooks.insert(added, at: 0) } else { node.add(added) }
        return HookHandle { [weak node] in node?.hooks.removeAll { $0.id == id } }
    }

    /// The same with a hook that does not change the gradient: `x.registerHook { gradient in print(gradient) }`.
    // A closure of several statements without `return` matches both overloads; the compiler prefers this one, which has fewer parameters.
    @discardableResult public final func registerHook(_ hook: @escaping (Tensor) -> Void) -> HookHandle {
        registerHook { gradient -> Tensor? in
            hook(gradient); return nil
        }
    }

    /// Calls `hook` with this leaf after a gradient was added to its `grad`. PyTorch: `register_post_accumulate_grad_hook`.
    @discardableResult public final func registerPostAccumulateGradHook(_ hook: @escaping (Tensor) -> Void) -> HookHandle {
        let id = hookNumbers.add(1, ordering: .relaxed).newValue
        extrasForWriting.accumulatedHooks.append((id, hook))
        return HookHandle { [weak self] in self?.extras?.accumulatedHooks.removeAll { $0.id == id } }
    }

    /// The same values without history. The storage is shared, so in-place changes of one appear in the other.
    public final func detach() -> Tensor { isPoisoned ? self : Tensor(sharing: self) }

    /// Detaches the tensor from its history: it becomes a leaf that requires no gradient. Traps for a view, whose history is its base's.
    /// PyTorch: `detach_()`.
    @discardableResult public final func detach_() -> Self {
        if isPoisoned { return self }
        if extras?.viewBase != nil {
            fail("detach_", "a view has the history of its base, which keeps it; use detach()")
            return self
        }
        if let keeper = extras?.keeper {
            recordedNode?.hooks.removeAll { $0.id == keeper.id }
            extras?.keeper = nil
        }
        recordedNode = nil
        outputIndex = 0
        requiresGradFlag = false
        return self
    }
}

/// The gradients of `outputs` with respect to `inputs`, in the order of `inputs`. Outputs must be scalars unless `gradients` has one for
/// each. The `grad` of leaves does not change.
///
/// PyTorch: `torch.autograd.grad`. Traps if the outputs do not depend on an input; with `allowUnused` the result is nil for it, with
/// `materializeGrads` zeros.
public func grad(
    of outputs: [Tensor], withRespectTo inputs: [Tensor], gradients: [Tensor]? = nil, retainGraph: Bool? = nil, createGraph: Bool = false,
    allowUnused: Bool = false, materializeGrads: Bool = false
) -> [Tensor?] {
    for x in outputs + inputs where x.isPoisoned { return inputs.map { _ in x } }
    do throws(OpError) {
        if let gradients, gradients.count != outputs.count {
            throw OpError("\(gradients.count) gradients are given for \(outputs.count) outputs; pass one for each")
        }
        var roots: [Engine.Root] = []
        for (i, output) in outputs.enumerated() {
            if gradients == nil && output.numel != 1 {
                throw OpError("output \(i) has shape \(output.shape) and is no scalar; pass gradients:")
            }
            roots.append(try Tensor.root(output, gradients?[i] ?? Tensor.ones(like: output)))
        }
        for (i, input) in inputs.enumerated() where !input.requiresGrad {
            throw OpError(
                "input \(i) of shape \(input.shape) requires no gradient; set requiresGrad before computing the outputs")
        }
        let result = try Engine.run(roots, captures: inputs.map(\.edge), retainGraph: retainGraph ?? createGraph, createGraph: createGraph)
        if materializeGrads { return zip(result, inputs).map { $0 ?? Tensor.zeros(like: $1) } }
        if !allowUnused, let i = result.firstIndex(where: { $0 == nil }) {
            throw OpError(
                "input \(i) of shape \(inputs[i].shape) was not used to compute the outputs; pass allowUnused: true to get nil there")
        }
        return result
    } catch {
        let poisoned = fail(error, op: "grad")
        return inputs.map { _ in poisoned }
    }
}

/// The gradients of one `output` with respect to `inputs`. Traps if it does not depend on one of them; with `materializeGrads` the result
/// is zeros there. The output must be a scalar unless `gradients`, of its shape, is the gradient of the final result with respect to it.
public func grad(
    of output: Tensor, withRespectTo inputs: [Tensor], gradients: Tensor? = nil, retainGraph: Bool? = nil, createGraph: Bool = false,
    materializeGrads: Bool = false
) -> [Tensor] {
    grad(
        of: [output], withRespectTo: inputs, gradients: gradients.map { [$0] }, retainGraph: retainGraph, createGraph: createGraph,
        materializeGrads: materializeGrads
    ).map { $0! }
}

/// The gradient of one `output` with respect to one `input`. Traps if it does not depend on it; with `materializeGrads` the result is
/// zeros. The output must be a scalar unless `gradients`, of its shape, is the gradient of the final result with respect to it.
public func grad(
    of output: Tensor, withRespectTo input: Tensor, gradients: Tensor? = nil, retainGraph: Bool? = nil, createGraph: Bool = false,
    materializeGrads: Bool = false
) -> Tensor {
    grad(
        of: output, withRespectTo: [input], gradients: gradients, retainGraph: retainGraph, createGraph: createGraph,
        materializeGrads: materializeGrads)[0]
}
