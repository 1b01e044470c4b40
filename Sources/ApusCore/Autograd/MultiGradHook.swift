/// Calls `hook` once in each backward pass, when all gradients of `tensors` that the pass computes are known: with one entry per tensor,
/// nil for tensors that the pass does not reach. PyTorch: `torch.autograd.graph.register_multi_grad_hook`.
///
/// Traps if a tensor requires no gradient.
@discardableResult public func registerMultiGradHook(_ tensors: [Tensor], _ hook: @escaping ([Tensor?]) -> Void) -> HookHandle {
    /// Weak, since the nodes retain the hook.
    struct WeakNode { weak var node: Node? }
    let nodes = tensors.map { WeakNode(node: $0.edge.node) }
    let none = [Tensor?](repeating: nil, count: tensors.count)
    var pass: UInt64 = 0
    var (gradients, missing) = (none, 0)
    return register("registerMultiGradHook", tensors) { gradient, i in
        let current = Context.current.pass
        if pass != current {
            pass = current
            (gradients, missing) = (none, nodes.count { $0.node?.neededBy == current })
        }
        gradients[i] = gradient
        missing -= 1
        if missing > 0 { return }
        let all = gradients
        gradients = none
        hook(all)
    }
}

/// Calls `hook` once in each backward pass, with the first gradient of `tensors` that the pass computes. PyTorch:
/// `register_multi_grad_hook` with `mode="any"`.
///
/// Traps if a tensor requires no gradient.
@discardableResult public func registerAnyGradHook(_ tensors: [Tensor], _ hook: @escaping (Tensor) -> Void) -> HookHandle {
    var pass: UInt64 = 0
    return register("registerAnyGradHook", tensors) { gradient, _ in
        let current = Context.current.pass
        if pass == current { return }
        pass = current
        hook(gradient)
    }
}

private func register(_ name: String, _ tensors: [Tensor], _ arrived: @escaping (Tensor, Int) -> Void) -> HookHandle {
    if tensors.contains(where: \.isPoisoned) { return HookHandle {} }
    if let i = tensors.firstIndex(where: { !$0.requiresGrad }) {
        fail(name, "tensor \(i) of shape \(tensors[i].shape) requires no gradient; set requiresGrad first, or leave it out")
        return HookHandle {}
    }
    let handles = tensors.enumerated().map { i, tensor in
        tensor.registerHook { (gradient: Tensor) -> Void in arrived(gradient, i) }
    }
    return HookHandle { for handle in handles { handle.remove() } }
}
