/// How a tensor's values are found if they are not in its memory: the result of a failed op, the rows of a sparse gradient.
///
/// Most tensors have no form. `apply` asks the forms of an op's inputs before it runs the op. Access to a tensor's memory first calls
/// `materialize`.
package class TensorForm {
    /// The result of `op` if `x`, one of its inputs, has this form; nil to run the op as usual.
    func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? { nil }

    /// Called before the memory of `x` is read or written.
    func materialize(_ x: Tensor) {}

    /// The form of an alias that shares the memory of a tensor with this form.
    var ofAlias: TensorForm? { self }

    /// The tensor that ops and functions use instead of one with this form; nil to use the tensor itself.
    var standIn: Tensor? { nil }

    /// Why a tensor with this form cannot be changed in place, and the remedy; nil if it can.
    var refusesChange: String? { nil }

    /// Whether it is the result of a failed op.
    var isPoison: Bool { false }
}

/// The result of a failed op inside `checked`, which every op returns in turn. Its few bytes of memory are never read.
final class Poison: TensorForm {
    override func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? { op.failed(x) }
    override var isPoison: Bool { true }
}
