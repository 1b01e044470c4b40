/// A tensor that is computed from others whenever it is read: a weight under a constraint, a pruned one.
///
/// Ops get the computed tensor with its history in its place. Its own memory serves those who look at elements without an op, and is filled at
/// each such look. It cannot be changed in place: what it is computed from can.
package final class Computed: TensorForm {
    private let compute: () -> Tensor
    /// What to change in its place, for the message.
    private let remedy: String
    /// The value of the module call that is going on, which counts its entries.
    private var held: Tensor?
    private var entries = 0
    private var isFilling = false

    package init(remedy: String, _ compute: @escaping () -> Tensor) {
        self.remedy = remedy
        self.compute = compute
    }

    /// Computed once within a call of the module it belongs to and within `cached`, else each time.
    package var value: Tensor {
        if let held { return held }
        let context = Context.current
        if let known = context.computed?[ObjectIdentifier(self)] { return known }
        // In the parameters' own precision: what uses the weight converts it.
        let made = Context.autocasting(to: nil) { compute() }
        if context.computed != nil { context.computed?[ObjectIdentifier(self)] = made }
        return made
    }

    /// Keeps one value until `leave`. Not while serving: calls of several threads may then overlap, and a value does not change.
    package func enter() {
        if Context.current.inference { return }
        if entries == 0 { held = value }
        entries += 1
    }

    package func leave() {
        if Context.current.inference { return }
        entries -= 1
        if entries == 0 { held = nil }
    }

    override func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? {
        ApusCore.apply(op, Inputs(inputs.map(\.standIn)))
    }

    override var standIn: Tensor? { value }
    override var ofAlias: TensorForm? { nil }
    override var refusesChange: String? { "this tensor is computed from others whenever it is read; \(remedy)" }

    override func materialize(_ x: Tensor) {
        // The computation may come back to x through a module that lists its tensors.
        if isFilling { return }
        isFilling = true
        defer { isFilling = false }
        let context = Context.current
        let outer = context.isReadingComputed
        context.isReadingComputed = true
        let value = noGrad { self.value }
        context.isReadingComputed = outer
        if value.isPoisoned { return }
        // Into the same block where nobody else sees it: whoever has asked for the address may ask again.
        let isMine = isKnownUniquelyReferenced(&x.memory)
        do throws(OpError) {
            if isMine, value.shape == x.shape, value.dtype == x.dtype, value.device == x.memory.device,
                x.memory.byteCount == value.numel * value.dtype.size
            {
                let block = Tensor(
                    storage: x.memory, shape: value.shape, strides: value.shape.contiguousStrides, offset: 0, dtype: value.dtype)
                try block.device.backend.copy(value, into: block)
            } else {
                let copy = try value.converted(to: value.dtype)
                x.memory = copy.memory
                (x.shape, x.dtype) = (value.shape, value.dtype)
            }
        } catch {
            // What it last was stays readable.
            fail(error, op: "computed tensor")
            return
        }
        (x.strides, x.offset) = (x.shape.contiguousStrides, 0)
    }
}

extension Tensor {
    /// Makes it the result of a computation; what it was as a leaf (its gradient, hooks) is over. nil makes it a tensor with the last values.
    package final func setComputed(_ computed: Computed?) {
        if computed == nil, form is Computed { form?.materialize(self) }
        form = computed
        storedGrad = nil
        if computed != nil { form?.materialize(self) }
    }

    /// The form where it is computed.
    package final var computed: Computed? { form as? Computed }
}
