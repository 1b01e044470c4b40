/// A tensor that is computed from others whenever it is read, such as a weight under a constraint or a pruned weight.
///
/// Ops use the computed value, with its history, in its place. Its own memory is for readers that access elements without an op, and is
/// filled at each access. It cannot be changed in place, but the tensors that it is computed from can.
package final class Computed: TensorForm {
    private let compute: () -> Tensor
    /// What to change instead, for the error message.
    private let remedy: String
    /// The value during a call of its module; `entries` counts nested calls.
    struct Hold {
        fileprivate var value: Tensor?
        fileprivate var entries = 0
        fileprivate init() {}
    }
    private(set) var hold = Hold()
    private var isFilling = false

    package init(remedy: String, _ compute: @escaping () -> Tensor) {
        self.remedy = remedy
        self.compute = compute
    }

    /// The value. It is computed once per call of its module and once inside `cached`, otherwise each time.
    package var value: Tensor {
        if let held = hold.value { return held }
        let context = Context.current
        if let known = context.computed?[ObjectIdentifier(self)] { return known }
        // Computed in the parameters' dtype; ops that use the weight convert it.
        let made = Context.autocasting(to: nil) { compute() }
        if context.computed != nil { context.computed?[ObjectIdentifier(self)] = made }
        return made
    }

    /// Keeps the value until `leave`. Not in `inferenceMode`, where calls of several threads may overlap.
    package func enter() {
        if Context.current.inference { return }
        if hold.entries == 0 { hold.value = value }
        hold.entries += 1
        Context.current.held.append(self)
    }

    package func leave() {
        let context = Context.current
        if context.inference { return }
        hold.entries -= 1
        if hold.entries == 0 { hold.value = nil }
        if let last = context.held.lastIndex(where: { $0 === self }) { context.held.remove(at: last) }
    }

    /// Runs `body` with the given values held instead of the current ones.
    static func holding(_ wanted: [(computed: Computed, hold: Hold)], _ body: () -> Void) {
        let context = Context.current
        let outer = context.held
        let holds = outer.map(\.hold)
        for computed in outer { computed.hold = Hold() }
        for (computed, hold) in wanted { computed.hold = hold }
        context.held = wanted.map(\.computed)
        defer {
            for (computed, _) in wanted { computed.hold = Hold() }
            for (computed, hold) in zip(outer, holds) { computed.hold = hold }
            context.held = outer
        }
        body()
    }

    override func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? {
        ApusCore.apply(op, Inputs(inputs.map(\.standIn)))
    }

    override var standIn: Tensor? { value }
    override var ofAlias: TensorForm? { nil }
    override var refusesChange: String? { "this tensor is computed from others whenever it is read; \(remedy)" }

    override func materialize(_ x: Tensor) {
        // The computation may read x again, through a module that lists its tensors.
        if isFilling { return }
        isFilling = true
        defer { isFilling = false }
        let context = Context.current
        let outer = context.isReadingComputed
        context.isReadingComputed = true
        let value = noGrad { self.value }
        context.isReadingComputed = outer
        if value.isPoisoned { return }
        // Reuses the same memory if nothing else uses it, so that its address stays the same.
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
            // The previous values stay readable.
            fail(error, op: "computed tensor")
            return
        }
        (x.strides, x.offset) = (x.shape.contiguousStrides, 0)
    }
}

extension Tensor {
    /// Makes this tensor the result of a computation; its gradient is dropped. nil makes it an ordinary tensor with the last values.
    package final func setComputed(_ computed: Computed?) {
        if computed == nil, form is Computed { form?.materialize(self) }
        form = computed
        storedGrad = nil
        if computed != nil { form?.materialize(self) }
    }

    /// Its form, if it is computed.
    package final var computed: Computed? { form as? Computed }
}
