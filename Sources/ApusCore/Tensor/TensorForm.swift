/// What a tensor is where its memory alone does not say its values: the result of a failed op, the rows of a sparse gradient.
///
/// Most tensors have none. `apply` asks the forms of an op's inputs before it runs the op, and whoever reaches for a tensor's memory has the
/// form lay down the values first.
package class TensorForm {
    /// The result of `op` where `x`, which has this form, is among the inputs; nil where the op runs as on any other tensor.
    func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? { nil }

    /// Called before the memory of `x` is read or written.
    func materialize(_ x: Tensor) {}

    /// The form of an alias that shares the memory of a tensor with this form.
    var ofAlias: TensorForm? { self }

    /// The tensor that ops and functions get in the place of one with this form; nil where they get that one itself.
    var standIn: Tensor? { nil }

    /// Why a tensor of this form cannot be changed in place, and what to do; nil where it can.
    var refusesChange: String? { nil }

    /// Whether it is the result of a failed op.
    var isPoison: Bool { false }
}

/// The result of a failed op inside `checked`: every op hands it on. Its memory is a few bytes that nobody looks at.
final class Poison: TensorForm {
    override func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? { op.failed(x) }
    override var isPoison: Bool { true }
}
