/// The form of a parameter during `functionalCall`: another tensor is used in its place.
final class Substitution: TensorForm {
    let tensor: Tensor
    init(_ tensor: Tensor) { self.tensor = tensor }

    override func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? { ApusCore.apply(op, Inputs(inputs.map(\.standIn))) }
    override var standIn: Tensor? { tensor }
    /// An alias of the parameter is an alias of the stand-in, without its history.
    override var ofAlias: TensorForm? { tensor.form?.ofAlias }

    override var isPoison: Bool { tensor.isPoisoned }
}

extension Tensor {
    /// The tensor to use: the replacement from `functionalCall`, the computed value, or the tensor itself.
    final var standIn: Tensor { form?.standIn ?? self }

    /// Runs `body` with the originals replaced in all ops. Shapes must be the same.
    package static func substituting<Result>(
        _ pairs: [(original: Tensor, replacement: Tensor)], _ body: () throws -> Result
    ) rethrows -> Result {
        let before = pairs.map { Appearance(of: $0.original) }
        let originals = Set(pairs.map { ObjectIdentifier($0.original) })
        let stands = pairs.map { pair in
            // If the replacement is itself replaced by an enclosing call, its stand-in is used. If it is also one of the originals, an
            // alias is used, since it will refer to something else.
            let stand = pair.replacement.standIn
            return !originals.contains(ObjectIdentifier(stand)) ? stand : stand.isPoisoned ? .poisoned : stand.alias()
        }
        let context = Context.current
        let outer = context.substitutions
        for ((original, _), stand) in zip(pairs, stands) {
            // Ops use the stand-in; code that reads the layout or memory directly must see it too.
            Appearance(of: stand).dress(original)
            original.form = Substitution(stand)
            context.substitutions.append((original, stand))
        }
        defer {
            for ((original, _), appearance) in zip(pairs, before) { appearance.dress(original) }
            context.substitutions = outer
        }
        return try body()
    }
}

extension Tensor {
    /// Another tensor with the same elements and history.
    final func alias() -> Tensor { apply(Reshape(shape: shape, strides: strides, inputShape: shape), Inputs(self)) }
}

/// The memory, layout and form of a tensor.
private struct Appearance {
    private let memory: Storage
    private let strides: Shape
    private let offset: Int
    private let dtype: DType
    private let form: TensorForm?

    init(of x: Tensor) {
        (memory, strides, offset, dtype, form) = (x.storage, x.strides, x.offset, x.dtype, x.form)
    }

    func dress(_ x: Tensor) {
        (x.memory, x.strides, x.offset, x.dtype, x.form) = (memory, strides, offset, dtype, form)
    }
}
