/// One operation: its name, forward and derivative, side by side. A value whose fields are the op's attributes (a dimension, a stride).
///
/// `forward` checks its inputs (throwing `OpError` with what was found, what was wanted and the remedy) before anything is computed, and
/// reaches the hardware through the device's backend. `backward` is written with differentiable tensor functions, so that derivatives of
/// derivatives come for free. `docs/adding-an-op.md` walks through one.
package protocol Op {
    /// PyTorch's name: in messages, profiles and the graph.
    var name: String { get }
    /// Whether the output shares its input's storage. Views remember their base, so that changes in place reach its graph.
    static var makesView: Bool { get }
    /// What it wants of its inputs' dtypes inside `autocast`.
    var autocast: AutocastPolicy { get }
    /// Computes the output. `saved` keeps what `backward` needs; where no graph is recorded it keeps nothing.
    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor
    /// The gradients of the inputs from that of the output: one for each input, nil where there is none or `context.needs` says that nobody asks.
    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients
}

extension Op {
    package static var makesView: Bool { false }
    package var autocast: AutocastPolicy { .asIs }
}

/// What `forward` keeps for `backward`.
package struct Saved {
    /// The op's node in the graph; nil where none is recorded.
    let node: Node?

    /// Keeps an input (or another tensor that has a history of its own).
    package func keep(_ x: Tensor) {
        node?.saved.append(SavedTensor(tensor: x, version: x.storage.version, isOutput: false))
    }

    /// Keeps the op's output: an alias without history, since the output itself holds the node that will hold this.
    package func keepOutput(_ y: Tensor) {
        node?.saved.append(SavedTensor(tensor: Tensor(sharing: y), version: y.storage.version, isOutput: true))
    }
}

struct SavedTensor {
    var tensor: Tensor
    let version: Int
    let isOutput: Bool
}

/// What `backward` sees of the recorded op.
package struct BackwardContext {
    let node: Node

    /// What `forward` kept, in its order.
    package var saved: SavedValues { SavedValues(node: node) }
    /// How many inputs the op had.
    package var inputCount: Int { node.edges.count }
    /// Whether anybody asks for the gradient of input `i`.
    @inline(__always) package func needs(_ i: Int) -> Bool { node.edges[i].node != nil }
}

/// The one point that every op passes: inputs of special form, autocast, devices, forward, recording, observers, anomaly mode, errors.
package func apply<O: Op>(_ op: O, _ inputs: Inputs) -> Tensor {
    let gradEnabled = Context.read { $0.gradEnabled }
    let isWatched = Context.read { $0.observer != nil || $0.anomaly }
    if Context.read({ $0.autocast != nil }) || inputs.any({ $0.form != nil }), let result = applyOtherwise(op, inputs) { return result }
    let node = gradEnabled && inputs.any(\.requiresGrad) ? OpNode(op, inputs) : nil
    if isWatched { Context.current.observer?.willBegin(.op(op.name)) }
    defer { if isWatched { Context.current.observer?.didEnd() } }
    do throws(OpError) {
        if inputs.any({ $0.device != inputs.first!.device }) { try checkDevices(Array(inputs)) }
        let output = try op.forward(inputs, Saved(node: node))
        if O.makesView && gradEnabled && !Context.read({ $0.inference }) { output.becomeView(of: inputs.first!) }
        if let node, output.dtype.isFloatingPoint { output.record(node) }
        if isWatched { try show(op.name, Array(inputs), output) }
        return output
    } catch {
        return fail(error, op: op.name)
    }
}

/// The op on what stands for its inputs: what their form wants, or `autocast`; nil where they are to be taken as they are.
@inline(never) private func applyOtherwise<O: Op>(_ op: O, _ inputs: Inputs) -> Tensor? {
    for x in inputs {
        if let form = x.form, let result = form.apply(op, x, inputs) { return result }
    }
    guard let lower = Context.current.autocast, let cast = op.autocast.cast(inputs, lower) else { return nil }
    return apply(op, Inputs(cast))
}

/// Shows an op that ran to the observer and to anomaly mode.
@inline(never) private func show(_ name: String, _ inputs: [Tensor], _ output: Tensor) throws(OpError) {
    let context = Context.current
    context.observer?.didRun(name, inputs: inputs, output: output)
    if context.anomaly { try Anomaly.checkForward(name, inputs, output) }
}

/// Runs the body of a function that is composed of ops: its own checks throw `OpError`, and are reported under `name`.
package func composite(_ name: String, _ inputs: Tensor..., body: () throws(OpError) -> Tensor) -> Tensor {
    for x in inputs where x.isPoisoned { return x }
    do throws(OpError) {
        return try body()
    } catch {
        return fail(error, op: name)
    }
}

func checkDevices(_ inputs: [Tensor]) throws(OpError) {
    let device = inputs[0].device
    for x in inputs.dropFirst() where x.device != device {
        let list = inputs.map { "\($0.shape) on \($0.device)" }.joined(separator: ", ")
        throw OpError("tensors are on different devices: \(list); move them to one with to(_:)")
    }
}

/// Checks a dimension given by the user: -ndim ..< ndim; a scalar counts as one-dimensional. Returns it from the start.
package func normalize(dim: Int, ndim: Int) throws(OpError) -> Int {
    let count = max(ndim, 1)
    guard dim >= -count && dim < count else {
        throw OpError("dim \(dim) is out of range for a tensor with \(ndim) dimensions (\(-count) ... \(count - 1))")
    }
    return dim < 0 ? dim + count : dim
}
