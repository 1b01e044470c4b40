/// One operation: its name, forward and derivative, side by side. A value whose fields are the op's attributes (a dimension, a stride); tensors
/// are inputs, all of them, so that forms, devices and observers see them. Equal ops make the same of the same inputs, unless they draw.
///
/// `forward` checks its inputs (throwing `OpError` with what was found, what was wanted and the remedy) before anything is computed, and
/// reaches the hardware through the device's backend. `backward` is written with differentiable tensor functions, so that derivatives of
/// derivatives come for free. `docs/adding-an-op.md` walks through one.
package protocol Op: Equatable {
    /// What it gives: `Tensor`, or `[Tensor]` for ops with several outputs. `forward` says it.
    associatedtype Outputs = Tensor
    /// The gradient of that: `Tensor`, or `[Tensor?]`, nil for outputs that no gradient came to.
    associatedtype OutputGradients = Tensor
    /// PyTorch's name: in messages, profiles and the graph.
    var name: String { get }
    /// Whether the outputs share the first input's storage. Views remember their base, so that changes in place reach its graph.
    static var makesView: Bool { get }
    /// What it wants of its inputs' dtypes inside `autocast`.
    var autocast: AutocastPolicy { get }
    /// How many outputs it has; an op with several says so.
    var outputCount: Int { get }
    /// How many of the outputs, the last ones, have no gradient: statistics that it only lets be seen.
    var byproductCount: Int { get }
    /// Computes the outputs. `saved` keeps what `backward` needs; where no graph is recorded it keeps nothing.
    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Outputs
    /// The gradients of the inputs from those of the outputs: one for each input, nil where there is none or `context.needs` says that nobody asks.
    func backward(_ grad: OutputGradients, _ context: BackwardContext) -> Gradients

    // What the number of outputs decides; the extensions below have both answers.

    /// The outputs where the op has failed.
    func failed(_ poison: Tensor) -> Outputs
    /// Gives the outputs their place in the graph: as views of the first input, where the op makes such, and as `node`'s. Where one is the failed
    /// result of another function it is returned, and none gets a place.
    func settle(_ outputs: Outputs, _ input: Tensor?, _ node: Node?, areViews: Bool) -> Tensor?
    /// The outputs as observers see them.
    func listed(_ outputs: Outputs) -> [Tensor]
    /// `backward`, from what a node has collected for output 0 and for more.
    func differentiate(_ first: Tensor?, _ more: [Tensor?], _ context: BackwardContext) -> Gradients
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

    @inline(__always) package func settle(_ output: Tensor, _ input: Tensor?, _ node: Node?, areViews: Bool) -> Tensor? {
        if output.isPoisoned { return output }
        if areViews { output.becomeView(of: input!) }
        if let node, output.dtype.isFloatingPoint { output.record(node) }
        return nil
    }

    @inline(__always) package func differentiate(_ first: Tensor?, _ more: [Tensor?], _ context: BackwardContext) -> Gradients {
        if let first { backward(first, context) } else { [] }
    }
}

extension Op where Outputs == [Tensor], OutputGradients == [Tensor?] {
    package func failed(_ poison: Tensor) -> [Tensor] { Array(repeating: poison, count: outputCount) }
    package func listed(_ outputs: [Tensor]) -> [Tensor] { outputs }

    package func settle(_ outputs: [Tensor], _ input: Tensor?, _ node: Node?, areViews: Bool) -> Tensor? {
        if let poison = outputs.first(where: \.isPoisoned) { return poison }
        node?.moreSlots = Array(repeating: nil, count: max(outputs.count - 1, 0))
        for (i, output) in outputs.enumerated() {
            if areViews { output.becomeView(of: input!) }
            if let node, output.dtype.isFloatingPoint, i < outputs.count - byproductCount { output.record(node, index: Int32(i)) }
        }
        return nil
    }

    package func differentiate(_ first: Tensor?, _ more: [Tensor?], _ context: BackwardContext) -> Gradients {
        backward([first] + more, context)
    }
}

/// What `forward` keeps for `backward`.
package struct Saved {
    /// The op's node in the graph; nil where none is recorded.
    let node: Node?

    /// Keeps an input (or another tensor that has a history of its own).
    package func keep(_ x: Tensor) {
        node?.saved.append(SavedTensor(tensor: x, version: x.storage.version))
    }

    /// Keeps output `index` of the op: an alias without history, since the output itself holds the node that will hold this.
    package func keepOutput(_ y: Tensor, index: Int = 0) {
        node?.saved.append(SavedTensor(tensor: Tensor(sharing: y), version: y.storage.version, output: Int32(index)))
    }
}

struct SavedTensor {
    var tensor: Tensor
    let version: Int
    /// Which of the op's outputs it is; −1 for what is none.
    var output: Int32 = -1

    var isOutput: Bool { output >= 0 }
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
package func apply<O: Op>(_ op: O, _ inputs: Inputs) -> O.Outputs {
    let gradEnabled = Context.read { $0.gradEnabled }
    let isWatched = Context.read { $0.observer != nil || $0.anomaly }
    if Context.read({ $0.autocast != nil }) || inputs.any({ $0.form != nil }), let result = applyOtherwise(op, inputs) { return result }
    let node = gradEnabled && inputs.any(\.requiresGrad) ? OpNode(op, inputs) : nil
    if isWatched { Context.current.observer?.willBegin(.op(op.name)) }
    defer { if isWatched { Context.current.observer?.didEnd() } }
    do throws(OpError) {
        if inputs.any({ $0.device != inputs.first!.device }) { try checkDevices(Array(inputs)) }
        let outputs = try op.forward(inputs, Saved(node: node))
        if let poison = op.settle(outputs, inputs.first, node, areViews: O.makesView && gradEnabled && !Context.read({ $0.inference })) {
            return op.failed(poison)
        }
        if isWatched { try show(op.name, Array(inputs), op.listed(outputs), byproducts: op.byproductCount) }
        return outputs
    } catch {
        return op.failed(fail(error, op: op.name))
    }
}

/// The op on what stands for its inputs: what their form wants, or `autocast`; nil where they are to be taken as they are.
@inline(never) private func applyOtherwise<O: Op>(_ op: O, _ inputs: Inputs) -> O.Outputs? {
    for x in inputs {
        if let form = x.form, let result = form.apply(op, x, inputs) { return result }
    }
    guard let lower = Context.current.autocast, let cast = op.autocast.cast(inputs, lower) else { return nil }
    return apply(op, Inputs(cast))
}

/// Shows an op that ran to the observer and to anomaly mode.
@inline(never) private func show(_ name: String, _ inputs: [Tensor], _ outputs: [Tensor], byproducts: Int) throws(OpError) {
    let context = Context.current
    context.observer?.didRun(name, inputs: inputs, outputs: outputs)
    // What an op only lets be seen, such as the statistics of an empty batch, is nobody's input.
    if context.anomaly { for output in outputs.dropLast(byproducts) { try Anomaly.checkForward(name, inputs, output) } }
}

// Called, as its kin in `Autocast.swift` are: inlined, each body would be compiled twice, alone and within its function.

/// Runs the body of a function that is composed of ops: its own checks throw `OpError`, and are reported under `name`.
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

/// Checks a dimension given by the user: -ndim ..< ndim; a scalar counts as one-dimensional. Returns it from the start.
package func normalize(dim: Int, ndim: Int) throws(OpError) -> Int {
    let count = max(ndim, 1)
    guard dim >= -count && dim < count else {
        throw OpError("dim \(dim) is out of range for a tensor with \(ndim) dimensions (\(-count) ... \(count - 1))")
    }
    return dim < 0 ? dim + count : dim
}
