/// An operation: its name, forward and derivative. The type's fields are the op's attributes (a dimension, a stride). All tensors are
/// inputs, so that forms, devices and observers see them. Equal ops give equal results for the same inputs, except for random ops.
///
/// `forward` checks its inputs (and throws `OpError` with what was found, what was expected and the remedy) before it computes anything,
/// and calls the device's backend. `backward` is written with differentiable tensor functions, so that higher derivatives need no extra
/// code. `docs/adding-an-op.md` walks through an example.
package protocol Op: Equatable {
    /// The type of its result: `Tensor`, or `[Tensor]` for ops with several outputs; inferred from `forward`.
    associatedtype Outputs = Tensor
    /// The type of the outputs' gradients: `Tensor`, or `[Tensor?]` with nil for outputs without a gradient.
    associatedtype OutputGradients = Tensor
    /// PyTorch's name; shown in messages, profiles and the graph.
    var name: String { get }
    /// Whether the outputs share the first input's storage. Views remember their base, so that in-place changes are recorded in its graph.
    static var makesView: Bool { get }
    /// How `autocast` converts its inputs.
    var autocast: AutocastPolicy { get }
    /// The number of outputs; ops with several outputs implement it.
    var outputCount: Int { get }
    /// How many of the last outputs have no gradient, such as statistics.
    var byproductCount: Int { get }
    /// Computes the outputs. `saved` keeps tensors for `backward`; it keeps nothing if no graph is recorded.
    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Outputs
    /// The gradients of the inputs from those of the outputs: one per input, nil if there is none or `context.needs` is false.
    /// Ops without derivatives throw.
    func backward(_ grad: OutputGradients, _ context: BackwardContext) throws(OpError) -> Gradients

    // The rest depends on the number of outputs; the extensions below implement both cases.

    /// The outputs of a failed op.
    func failed(_ poison: Tensor) -> Outputs
    /// Records the outputs in the graph: as views of `base` if there is one, and as outputs of `node`. If one of them is poisoned, returns
    /// it and records nothing.
    func settle(_ outputs: Outputs, viewsOf base: Tensor?, _ node: Node?) -> Tensor?
    /// The outputs as a list, for observers.
    func listed(_ outputs: Outputs) -> [Tensor]
    /// Calls `backward` with the gradients that a node has collected for output 0 and for the others.
    func differentiate(_ first: Tensor?, _ more: [Tensor?], _ context: BackwardContext) throws(OpError) -> Gradients
}

extension Op {
    package static var makesView: Bool { false }
    package var autocast: AutocastPolicy { .asIs }
    package var byproductCount: Int { 0 }
}

extension Op where Outputs == Tensor, OutputGradients == Tensor {
    package var outputCount: Int { 1 }
    package func failed(_ poison: Tensor) -> Tensor { poison }
    package func listed(_ output: Tensor) -> [Tensor] { [output] }

    @inline(__always) package func settle(_ output: Tensor, viewsOf base: Tensor?, _ node: Node?) -> Tensor? {
        if output.isPoisoned { return output }
        if let base { output.becomeView(of: base) }
        if let node, output.dtype.isFloatingPoint { output.record(node) }
        return nil
    }

    @inline(__always) package func differentiate(
        _ first: Tensor?, _ more: [Tensor?], _ context: BackwardContext
    ) throws(OpError) -> Gradients {
        if let first { try backward(first, context) } else { [] }
    }
}

extension Op where Outputs == [Tensor], OutputGradients == [Tensor?] {
    package func failed(_ poison: Tensor) -> [Tensor] { Array(repeating: poison, count: outputCount) }
    package func listed(_ outputs: [Tensor]) -> [Tensor] { outputs }

    package func settle(_ outputs: [Tensor], viewsOf base: Tensor?, _ node: Node?) -> Tensor? {
        if let poison = outputs.first(where: \.isPoisoned) { return poison }
        node?.moreSlots = Array(repeating: nil, count: max(outputs.count - 1, 0))
        for (i, output) in outputs.enumerated() {
            if let base { output.becomeView(of: base) }
            if let node, output.dtype.isFloatingPoint, i < outputs.count - byproductCount { output.record(node, index: Int32(i)) }
        }
        return nil
    }

    package func differentiate(_ first: Tensor?, _ more: [Tensor?], _ context: BackwardContext) throws(OpError) -> Gradients {
        try backward([first] + more, context)
    }
}

/// Keeps tensors of `forward` for `backward`.
package struct Saved {
    /// The op's node in the graph; nil if none is recorded.
    let node: Node?

    /// Keeps an input, or another tensor with its own history.
    package func keep(_ x: Tensor) {
        node?.saved.append(SavedTensor(tensor: x, version: x.storage.version))
    }

    /// Keeps output `index` of the op, as an alias without history: the output holds the node that holds this, so keeping it would be a
    /// cycle.
    package func keepOutput(_ y: Tensor, index: Int = 0) {
        node?.saved.append(SavedTensor(tensor: Tensor(sharing: y), version: y.storage.version, output: Int32(index)))
    }
}

struct SavedTensor {
    var tensor: Tensor
    let version: Int
    /// The index of the op's output; −1 for other tensors.
    var output: Int32 = -1

    var isOutput: Bool { output >= 0 }
}

/// The recorded op for `backward`.
package struct BackwardContext {
    let node: Node

    /// The tensors that `forward` kept, in order.
    package var saved: SavedValues { SavedValues(node: node) }
    /// The number of inputs of the op.
    package var inputCount: Int { node.edges.count }
    /// Whether the gradient of input `i` is needed.
    @inline(__always) package func needs(_ i: Int) -> Bool { node.edges[i].node != nil }
}

/// Runs an op. Every op passes through here: inputs of special form, autocast, devices, forward, recording, observers, anomaly mode,
/// errors.
package func apply<O: Op>(_ op: O, _ inputs: Inputs) -> O.Outputs {
    let gradEnabled = Context.read { $0.gradEnabled }
    let isWatched = Context.read { $0.observer != nil || $0.anomaly || $0.savedTensorsHooks != nil }
    if Context.read({ $0.autocast != nil }) || inputs.any({ $0.form != nil }), let result = applyOtherwise(op, inputs) { return result }
    let node = gradEnabled && inputs.any(\.requiresGrad) ? OpNode(op, inputs) : nil
    if isWatched { Context.current.observer?.willBegin(.op(op.name, type: O.self)) }
    defer { if isWatched { Context.current.observer?.didEnd() } }
    do throws(OpError) {
        if inputs.any({ $0.device != inputs.first!.device }) { try checkDevices(Array(inputs)) }
        let outputs = try op.forward(inputs, Saved(node: node))
        let base = O.makesView && gradEnabled && !Context.read({ $0.inference }) ? inputs.first : nil
        if let poison = op.settle(outputs, viewsOf: base, node) {
            return op.failed(poison)
        }
        if isWatched { try show(op.name, node, Array(inputs), op.listed(outputs), byproducts: op.byproductCount) }
        return outputs
    } catch {
        return op.failed(fail(error, op: op.name))
    }
}

/// Applies the op to other inputs, if an input's form or `autocast` asks for it; nil if not.
@inline(never) private func applyOtherwise<O: Op>(_ op: O, _ inputs: Inputs) -> O.Outputs? {
    for x in inputs {
        if let form = x.form, let result = form.apply(op, x, inputs) { return result }
    }
    guard let lower = Context.current.autocast, let cast = op.autocast.cast(inputs, lower) else { return nil }
    return apply(op, Inputs(cast))
}

/// Passes what an op that has run saved to the hooks, and the op to the observer and to anomaly mode.
@inline(never) private func show(
    _ name: String, _ node: Node?, _ inputs: [Tensor], _ outputs: [Tensor], byproducts: Int
) throws(OpError) {
    let context = Context.current
    if let hooks = context.savedTensorsHooks { try node?.pack(by: hooks) }
    context.observer?.didRun(name, inputs: inputs, outputs: outputs)
    // Byproducts, such as the statistics of an empty batch, may be NaN.
    if context.anomaly { for output in outputs.dropLast(byproducts) { try Anomaly.checkForward(inputs, output) } }
}

// Not inlined, like the functions in `Autocast.swift`: otherwise each body would be compiled twice.

/// Runs the body of a function composed of ops; `OpError`s that it throws are reported under `name`.
@inline(never) package func composite(_ name: String, _ inputs: Tensor..., body: () throws(OpError) -> Tensor) -> Tensor {
    for x in inputs where x.isPoisoned { return x }
    do throws(OpError) {
        return try body()
    } catch {
        return fail(error, op: name)
    }
}

/// `composite` for a function with two results.
@inline(never) func compositePair(_ name: String, _ input: Tensor, body: () throws(OpError) -> (Tensor, Tensor)) -> (Tensor, Tensor) {
    if input.isPoisoned { return (input, input) }
    do throws(OpError) {
        return try body()
    } catch {
        let failed = fail(error, op: name)
        return (failed, failed)
    }
}

func checkDevices(_ inputs: [Tensor]) throws(OpError) {
    let device = inputs[0].device
    for x in inputs.dropFirst() where x.device != device {
        let list = inputs.map { "\($0.shape) on \($0.device)" }.joined(separator: ", ")
        throw OpError("tensors are on different devices: \(list); move them to one with to(_:)")
    }
}

/// Checks a dimension given by the user, -ndim ..< ndim (a scalar counts as one-dimensional), and returns it as a non-negative number.
/// Throws if it is out of range.
package func normalize(dim: Int, ndim: Int) throws(OpError) -> Int {
    let count = max(ndim, 1)
    guard dim >= -count && dim < count else {
        throw OpError("dim \(dim) is out of range for a tensor with \(ndim) dimensions (\(-count) ... \(count - 1))")
    }
    return dim < 0 ? dim + count : dim
}
