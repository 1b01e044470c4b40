/// What a parameter is while `functionalCall` runs: another tensor in its place.
final class Substitution: TensorForm {
    let tensor: Tensor
    init(_ tensor: Tensor) { self.tensor = tensor }

    override func apply<O: Op>(_ op: O, _ x: Tensor, _ inputs: Inputs) -> O.Outputs? { ApusCore.apply(op, Inputs(inputs.map(\.standIn))) }
    override var standIn: Tensor? { tensor }
    /// An alias of the parameter is one of the stand-in's elements, without its history.
    override var ofAlias: TensorForm? { tensor.form?.ofAlias }

    override var isPoison: Bool { tensor.isPoisoned }
}

extension Tensor {
    /// Itself, or what is in its place: what `functionalCall` has put there, what it is computed as.
    final var standIn: Tensor { form?.standIn ?? self }

    /// Runs `body` with other tensors in place of these, in whatever ops they are used. Shapes must be the same.
    package static func substituting<Result>(
        _ pairs: [(original: Tensor, replacement: Tensor)], _ body: () throws -> Result
    ) rethrows -> Result {
        let before = pairs.map { Appearance(of: $0.original) }
        let originals = Set(pairs.map { ObjectIdentifier($0.original) })
        let stands = pairs.map { pair in
            // A replacement that stands for another parameter of an enclosing call is what that one has become; one that is itself replaced,
            // by itself or another, is named by an alias, since its own name will stand for something else.
            let stand = pair.replacement.standIn
            return !originals.contains(ObjectIdentifier(stand)) ? stand : stand.isPoisoned ? .poisoned : stand.alias()
        }
        for ((original, _), stand) in zip(pairs, stands) {
            // Ops record the stand-in; what looks at layout or memory beforehand must see it too.
            Appearance(of: stand).dress(original)
            original.form = Substitution(stand)
        }
        defer { for ((original, _), appearance) in zip(pairs, before) { appearance.dress(original) } }
        return try body()
    }
}

extension Tensor {
    /// The same elements under another name, with the same history.
    final func alias() -> Tensor { apply(Reshape(shape: shape, strides: strides, inputShape: shape), Inputs(self)) }
}

/// Where a tensor's elements lie, and how.
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
