/// One recorded op in the graph: where its gradient comes from (slots, one for each output) and where it goes (edges, one for each input).
package class Node {
    // One thread at a time works on a graph, and no access spans a call: checks of exclusivity would find nothing.
    /// To the nodes that made the inputs; no node where an input needs no gradient.
    @exclusivity(unchecked) final var edges: Edges
    @exclusivity(unchecked) final var saved = SavedTensors()
    /// Whether a backward pass has freed what was saved.
    @exclusivity(unchecked) final var isReleased = false
    /// The gradient of output 0, collected while a backward pass runs.
    @exclusivity(unchecked) final var slot: Tensor?
    /// The gradients of outputs from 1 on, for nodes that have them.
    @exclusivity(unchecked) final var moreSlots: [Tensor?] = []
    /// Functions on the gradient of an output, in the order they run; `add` puts them there.
    @exclusivity(unchecked) final var hooks: [GradientHook] = []
    /// The backward pass that has visited this node last.
    @exclusivity(unchecked) final var visit: UInt64 = 0
    /// The backward pass that has last needed this node's gradient. A pass within another, which a function's derivative may run, leaves
    /// it alone where it only comes by.
    @exclusivity(unchecked) final var neededBy: UInt64 = 0
    /// Whether no edge leads on from here: the gradient ends at a leaf.
    final var endsHere: Bool { edges.isEmpty }
    /// Where the op was called, kept in anomaly mode.
    @exclusivity(unchecked) final var origin: Anomaly.Origin?

    init(_ inputs: borrowing Inputs) {
        let (first, second) = (inputs.first?.edge, inputs.second?.edge)
        edges = Edges(
            first: first?.node, second: second?.node, firstIndex: first?.index ?? 0, secondIndex: second?.index ?? 0,
            more: inputs.more?.map(\.edge),
            endIndex: inputs.count)
        if Context.read({ $0.anomaly }) { origin = Anomaly.Origin() }
    }

    package var name: String { "node" }

    /// The gradients of the inputs from those of the outputs: of the first, and of more where there are more.
    func backward(_ grad: Tensor?, _ more: [Tensor?], createGraph: Bool) throws(OpError) -> Gradients {
        preconditionFailure("abstract")
    }

    /// Adds a hook: after the others, but before those that keep the gradient.
    final func add(_ hook: GradientHook) {
        hooks.insert(hook, at: hook.isKeeper ? hooks.endIndex : hooks.firstIndex(where: \.isKeeper) ?? hooks.endIndex)
    }

    /// Takes the collected gradients out.
    final func take() -> (grad: Tensor?, more: [Tensor?]) {
        let taken = (slot, moreSlots)
        slot = nil
        for i in moreSlots.indices { moreSlots[i] = nil }
        return taken
    }

    /// Adds a gradient to what is collected for output `index`.
    final func collect(_ gradient: Tensor, for index: Int, createGraph: Bool) throws(OpError) {
        if index == 0 {
            try Node.add(gradient, to: &slot, createGraph)
        } else {
            try Node.add(gradient, to: &moreSlots[index - 1], createGraph)
        }
    }

    /// In place where nobody else looks at the sum's memory: a second gradient of a large tensor then costs no third.
    private static func add(_ gradient: Tensor, to sum: inout Tensor?, _ createGraph: Bool) throws(OpError) {
        guard sum != nil else {
            sum = gradient
            return
        }
        let isOurs = isKnownUniquelyReferenced(&sum) && isKnownUniquelyReferenced(&sum!.memory)
        let (old, plain) = (sum!, gradient.form == nil && sum!.form == nil)
        if isOurs && plain && !createGraph && old.isContiguous && old.dtype == gradient.dtype && old.shape == gradient.shape
            && old.device == gradient.device
        {
            try old.device.backend.binary(.add, old, gradient, KernelParameters(), into: old)
        } else {
            sum = old.adding(gradient: gradient)
        }
    }

    /// Frees what was saved, since the backward pass has used it.
    func releaseSaved() {
        // An op that keeps nothing can run again: PyTorch has it so, and the cast of a weight that several passes share needs it.
        if saved.isEmpty { return }
        saved = SavedTensors()
        isReleased = true
    }

    /// Frees in a loop what this node alone holds: nested deinitialisers of a long chain would overflow the stack.
    deinit {
        guard !edges.isEmpty || !saved.isEmpty else { return }
        Graveyard.bury(&edges, &saved)
    }
}

/// Where a gradient flows: to output `index` of `node`; nowhere where there is none.
struct Edge {
    var node: Node?
    var index: Int32
}

/// Where a node's gradients flow, one edge for each input. A list as `ShortList`s are, with the first two edges' parts side by side: Swift
/// copies an optional edge through a table of functions.
struct Edges: RandomAccessCollection {
    fileprivate var first: Node?, second: Node?
    fileprivate var firstIndex: Int32 = 0, secondIndex: Int32 = 0
    /// From the third on.
    fileprivate var more: [Edge]?
    fileprivate(set) var endIndex = 0

    var startIndex: Int { 0 }

    @inline(__always) subscript(i: Int) -> Edge {
        switch i {
        case 0: Edge(node: first, index: firstIndex)
        case 1: Edge(node: second, index: secondIndex)
        default: more![i - 2]
        }
    }

    /// Whether the test holds for one of the nodes they lead to.
    @inline(__always) func any(_ test: (Node) -> Bool) -> Bool {
        if let first, test(first) { return true }
        if let second, test(second) { return true }
        if let more { return more.contains { $0.node.map(test) ?? false } }
        return false
    }
}

/// Collects what dying nodes held, and frees it in a loop, on the thread that let go of the first.
final class Graveyard {
    // One thread has one, and nothing dies while it is being appended to or popped from: checks of exclusivity would find nothing.
    @exclusivity(unchecked) private var edges: [Edges] = []
    @exclusivity(unchecked) private var saved: [SavedTensors] = []
    @exclusivity(unchecked) private var isDigging = false

    static func bury(_ edges: inout Edges, _ saved: inout SavedTensors) {
        // What ends at leaves dies without company, where it stands.
        let isShallow = !edges.any { !$0.endsHere } && !saved.any { $0.tensor.recordedNode != nil }
        if isShallow { return }
        let graveyard = Context.current.graveyard
        graveyard.edges.append(edges)
        graveyard.saved.append(saved)
        edges = Edges()
        saved = SavedTensors()
        if graveyard.isDigging { return }
        graveyard.isDigging = true
        while true {
            // Each release may bury more, one level down.
            if graveyard.saved.popLast() != nil { continue }
            if graveyard.edges.popLast() != nil { continue }
            break
        }
        graveyard.isDigging = false
    }
}

/// The node of an `Op`.
final class OpNode<O: Op>: Node {
    let op: O

    init(_ op: O, _ inputs: borrowing Inputs) {
        self.op = op
        super.init(inputs)
    }

    override package var name: String { op.name }

    override func backward(_ grad: Tensor?, _ more: [Tensor?], createGraph: Bool) throws(OpError) -> Gradients {
        try checkSaved()
        return op.differentiate(grad, more, BackwardContext(node: self))
    }
}

extension Node {
    /// Throws where what was saved is gone, or was changed in place since.
    final func checkSaved() throws(OpError) {
        if isReleased {
            throw OpError(
                "the graph of \(name) was freed by an earlier backward(); pass retainGraph: true there to run it again", op: "backward")
        }
        if saved.any({ $0.tensor.storage.version != $0.version }),
            let kept = saved.first(where: { $0.tensor.storage.version != $0.version })
        {
            throw OpError(
                "a tensor of shape \(kept.tensor.shape) that \(name) needs for its gradient was changed in place by \(kept.tensor.storage.lastWriter) "
                    + "after \(name) saved it; change a clone() instead, or use the form that is not in place", op: "backward")
        }
    }
}

/// What a node has saved, as its derivative sees it.
package struct SavedValues: RandomAccessCollection {
    let node: Node

    package var startIndex: Int { 0 }
    package var endIndex: Int { node.saved.count }

    package subscript(_ i: Int) -> Tensor {
        let kept = node.saved[i]
        guard kept.isOutput else { return kept.tensor }
        let output = Tensor(sharing: kept.tensor)
        output.record(node, index: kept.output)
        return output
    }
}

/// Where the gradient of a leaf ends: it adds to `grad`.
final class AccumulateNode: Node {
    /// nil after the leaf is gone: a graph that outlives it has nobody to give a gradient to. The leaf holds this node and says so as it
    /// goes (`Tensor.deinit`); both belong to one region of isolation. A weak reference would slow every count of the leaf's references.
    unowned(unsafe) var tensor: Tensor?

    init(_ tensor: Tensor) {
        self.tensor = tensor
        super.init(Inputs())
    }

    override package var name: String { "accumulateGrad" }
    override func releaseSaved() {}

    override func backward(_ given: Tensor?, _ more: [Tensor?], createGraph: Bool) throws(OpError) -> Gradients {
        guard let tensor, var grad = given else { return [] }
        if grad.dtype != tensor.dtype { grad = grad.to(tensor.dtype) }
        // What has failed leaves the gradient as it was.
        if grad.isPoisoned { return [] }
        if let old = tensor.storedGrad {
            if createGraph || old.isSparse {
                let sum = old.adding(gradient: grad)
                if sum.isPoisoned { return [] }
                tensor.storedGrad = sum
            } else {
                try old.device.backend.binary(.add, old, grad, KernelParameters(), into: old)
                old.didChange(by: "backward")
            }
        } else if createGraph || grad.isSparse {
            tensor.storedGrad = grad
        } else {
            // The gradient may be shared with another branch or be a view; `grad` is the user's to change.
            let mine = grad.isContiguous && !grad.isView && isKnownUniquelyReferenced(&grad.memory)
            tensor.storedGrad = try mine ? Tensor(sharing: grad) : grad.converted(to: grad.dtype)
        }
        if let hooks = tensor.extras?.accumulatedHooks {
            for hook in hooks { hook.run(tensor) }
        }
        return []
    }
}

/// A function on a gradient, on its way through output `index` of a node: what it returns goes on in its place.
struct GradientHook {
    let id: UInt64
    let index: Int32
    /// Whether it keeps the gradient for the user: it sees what all others have made of it.
    var isKeeper = false
    let run: (Tensor) -> Tensor?
}
