/// A recorded op in the graph. Its slots collect the gradients of its outputs; its edges lead to the nodes of its inputs.
package class Node {
    // One thread at a time works on a graph, and no access spans a call: exclusivity checks would find nothing.
    /// One edge per input, to the node that computed it; without a node if the input needs no gradient.
    @exclusivity(unchecked) final var edges: Edges
    @exclusivity(unchecked) final var saved = SavedTensors()
    /// Fields that few nodes use, in one object: each field would be released with every node.
    @exclusivity(unchecked) private final var rare: Rare?
    /// Whether a backward pass has freed the saved tensors.
    @exclusivity(unchecked) final var isReleased = false
    /// The gradient of output 0, accumulated during a backward pass.
    @exclusivity(unchecked) final var slot: Tensor?
    /// The gradients of outputs 1 and up.
    @exclusivity(unchecked) final var moreSlots: [Tensor?] = []
    /// Hooks on the outputs' gradients, in calling order; see `add`.
    @exclusivity(unchecked) final var hooks: [GradientHook] = []
    /// The last backward pass that visited this node.
    @exclusivity(unchecked) final var visit: UInt64 = 0
    /// The last backward pass that needs this node's gradient. A nested pass, which a function's derivative may run, does not change it if
    /// it only visits the node.
    @exclusivity(unchecked) final var neededBy: UInt64 = 0
    /// Whether the node has no edges: it is a leaf's.
    final var endsHere: Bool { edges.isEmpty }

    private final class Rare {
        var packed: [PackedTensor]?
        var origin: Anomaly.Origin?
    }

    /// What saved-tensors hooks keep in place of `saved`.
    final var packed: [PackedTensor]? {
        get { rare?.packed }
        set { if newValue != nil || rare != nil { makeRare().packed = newValue } }
    }
    /// Where the op was called; only in anomaly mode.
    final var origin: Anomaly.Origin? { rare?.origin }

    private final func makeRare() -> Rare {
        let made = rare ?? Rare()
        rare = made
        return made
    }

    init(_ inputs: borrowing Inputs) {
        let (first, second) = (inputs.first?.edge, inputs.second?.edge)
        edges = Edges(
            first: first?.node, second: second?.node, firstIndex: first?.index ?? 0, secondIndex: second?.index ?? 0,
            more: inputs.more?.map(\.edge),
            endIndex: inputs.count)
        if Context.read({ $0.anomaly }) { makeRare().origin = Anomaly.Origin() }
    }

    package var name: String { "node" }

    /// The gradients of the inputs, from the gradients of output 0 (`grad`) and of the others (`more`).
    func backward(_ grad: Tensor?, _ more: [Tensor?], createGraph: Bool) throws(OpError) -> Gradients {
        preconditionFailure("abstract")
    }

    /// Adds a hook after the others, but before those that store the gradient for the user.
    final func add(_ hook: GradientHook) {
        hooks.insert(hook, at: hook.isKeeper ? hooks.endIndex : hooks.firstIndex(where: \.isKeeper) ?? hooks.endIndex)
    }

    /// Returns the accumulated gradients and clears the slots.
    @inline(__always) final func take() -> (grad: Tensor?, more: [Tensor?]) {
        let first = slot
        slot = nil
        return (first, moreSlots.isEmpty ? [] : takeMore())
    }

    private final func takeMore() -> [Tensor?] {
        let taken = moreSlots
        moreSlots = Array(repeating: nil, count: taken.count)
        return taken
    }

    /// Adds a gradient to the sum for output `index`.
    final func collect(_ gradient: Tensor, for index: Int, createGraph: Bool) throws(OpError) {
        if index == 0 {
            try Node.add(gradient, to: &slot, createGraph)
        } else {
            try Node.add(gradient, to: &moreSlots[index - 1], createGraph)
        }
    }

    /// Adds in place if nothing else uses the sum's memory, which saves an allocation for large gradients.
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

    /// Frees the saved tensors after the backward pass has used them.
    func releaseSaved() {
        // An op that saves nothing can run again, as in PyTorch; the cast of a weight that several passes share relies on that.
        if saved.isEmpty && rare?.packed == nil { return }
        saved = SavedTensors()
        rare?.packed = nil
        isReleased = true
    }

    /// Frees in a loop what only this node holds: nested deinitialisers of a long chain would overflow the stack.
    deinit {
        if rare?.packed != nil { Graveyard.bury(&rare!.packed) }
        guard !edges.isEmpty || !saved.isEmpty else { return }
        Graveyard.bury(&edges, &saved)
    }
}

/// The target of a gradient: output `index` of `node`; node is nil if no gradient is needed.
struct Edge {
    var node: Node?
    var index: Int32
}

/// A node's edges, one per input. A list like `ShortList`, but with the fields of the first two edges stored separately: Swift copies an
/// optional edge through a value witness table.
struct Edges: RandomAccessCollection {
    fileprivate var first: Node?, second: Node?
    fileprivate var firstIndex: Int32 = 0, secondIndex: Int32 = 0
    /// Edges from the third on.
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

    /// Whether `test` is true for one of the target nodes.
    @inline(__always) func any(_ test: (Node) -> Bool) -> Bool {
        if let first, test(first) { return true }
        if let second, test(second) { return true }
        if let more { return more.contains { $0.node.map(test) ?? false } }
        return false
    }
}

/// Collects what deinitialised nodes held and frees it in a loop, on the thread that released the first one.
final class Graveyard {
    // Each thread has its own, and nothing is released during an append or pop: exclusivity checks would find nothing.
    @exclusivity(unchecked) private var edges: [Edges] = []
    @exclusivity(unchecked) private var saved: [SavedTensors] = []
    @exclusivity(unchecked) private var packed: [[PackedTensor]] = []
    @exclusivity(unchecked) private var isDigging = false

    static func bury(_ edges: inout Edges, _ saved: inout SavedTensors) {
        // A node whose edges end at leaves frees nothing recursively, so it can be released directly.
        let isShallow = !edges.any { !$0.endsHere } && !saved.any { $0.tensor.recordedNode != nil }
        if isShallow { return }
        let graveyard = Context.current.graveyard
        graveyard.edges.append(edges)
        graveyard.saved.append(saved)
        edges = Edges()
        saved = SavedTensors()
        if !graveyard.isDigging { graveyard.dig() }
    }

    @inline(never) static func bury(_ packed: inout [PackedTensor]?) {
        let graveyard = Context.current.graveyard
        if let kept = packed { graveyard.packed.append(kept) }
        packed = nil
        if !graveyard.isDigging { graveyard.dig() }
    }

    private func dig() {
        isDigging = true
        while true {
            // Each release may add what the next level held.
            if saved.popLast() != nil { continue }
            if packed.popLast() != nil { continue }
            if edges.popLast() != nil { continue }
            break
        }
        isDigging = false
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
        try withSaved { () throws(OpError) in try op.differentiate(grad, more, BackwardContext(node: self)) }
    }
}

extension Node {
    /// Throws if saved tensors were freed or changed in place.
    final func checkSaved() throws(OpError) {
        if isReleased {
            throw OpError(
                "the graph of \(name) was freed by an earlier backward(); pass retainGraph: true there to run it again", op: "backward")
        }
        if saved.any({ $0.isChanged }) {
            for kept in saved { try kept.checkUnchanged(since: name) }
        }
    }
}

extension SavedTensor {
    /// Whether it was changed in place since it was saved.
    @inline(__always) var isChanged: Bool { tensor.storage.version != version }

    /// Throws if it was changed in place after `name` saved it.
    func checkUnchanged(since name: String) throws(OpError) {
        if isChanged {
            throw OpError(
                "a tensor of shape \(tensor.shape) that \(name) needs for its gradient was changed in place by "
                    + "\(tensor.storage.lastWriter) after \(name) saved it; change a clone() instead, or use the form that is not in place",
                op: "backward")
        }
    }
}

/// The saved tensors of a node, as its derivative sees them.
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

/// The node of a leaf: adds the gradient to `grad`.
final class AccumulateNode: Node {
    /// nil after the leaf was released: a graph that outlives it drops its gradient. The leaf holds this node and sets this to nil in
    /// `Tensor.deinit`; both belong to the same isolation region. A weak reference would slow down the leaf's reference counting.
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
        // If the gradient has failed, `grad` does not change.
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
            // The gradient may be a view or shared with another branch, but the user may change `grad` in place.
            let mine = grad.isContiguous && !grad.isView && isKnownUniquelyReferenced(&grad.memory)
            tensor.storedGrad = try mine ? Tensor(sharing: grad) : grad.converted(to: grad.dtype)
        }
        if let hooks = tensor.extras?.accumulatedHooks {
            for hook in hooks { hook.run(tensor) }
        }
        return []
    }
}

/// A hook on the gradient of output `index` of a node; if it returns a tensor, that replaces the gradient.
struct GradientHook {
    let id: UInt64
    let index: Int32
    /// Whether it stores the gradient for the user; such hooks run after all others.
    var isKeeper = false
    let run: (Tensor) -> Tensor?
}
