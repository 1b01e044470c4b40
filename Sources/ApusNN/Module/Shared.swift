import ApusCore

/// A model that several tasks can call at once: `let shared = Shared(model)`, then `shared(x)` in any task.
///
/// The guarantee: a call changes nothing that another call reads. The model stays in evaluation mode (``Module/eval()``), every call runs
/// in `inferenceMode(_:)`, and the call's context (module path, grad mode, `checked`) belongs to its thread. A `Shared` owns its
/// model: it takes the only reference by `sending`, or has another model made. Custom layers must not change their stored properties in `forward`;
/// those of Apus do not in evaluation mode, except `Embedding` and `EmbeddingBag` with `maxNorm`, which rescale rows in place, and lazy
/// layers in their first call, which must come before.
public struct Shared<Model: Module>: @unchecked Sendable {
    // Unchecked: the model is read only, for the reasons given above, and nothing else refers to it.
    private let model: Model

    /// Takes over the model; the compiler checks that the caller keeps no reference. Traps for an ``AveragedModel`` whose calls write into the
    /// model that it was made of.
    public init(_ model: sending Model) {
        Shared.checkThatCallsOnlyRead(model)
        self.model = model
        model.eval()
    }

    private static func checkThatCallsOnlyRead(_ model: Module) {
        guard model.modules().contains(where: { ($0 as? Likeness)?.borrowsLayers == true }) else { return }
        fail(
            "Shared",
            "\(model.typeName) computes with the layers of the model that it averages, so that two calls at once would disturb each other; "
                + "share AveragedModel(model, into: Net()), or a Net that has loaded averaged.module.stateDict()")
    }

    /// Takes the model that `make` returns, with the values of `model`, which may be trained further. Traps where their tensors differ in names
    /// or shapes, and where `make` returns `model` itself.
    public init(copying model: Model, _ make: () -> Model) {
        let own = make()
        if own === model { fail("Shared", "the closure returns the model itself; let it make another one, as the model was made") }
        do { try own.loadStateDict(model.stateDict()) } catch { fail("Shared", "\(error); make the other model as the model was made") }
        Shared.checkThatCallsOnlyRead(own)
        self.model = own
        own.eval()
    }

    @available(*, unavailable, message: "say how the model is made: Shared(copying: model) { Net() }")
    public init(copying model: Model) { self.model = model }

    /// The model's output, without a graph.
    public func callAsFunction(_ x: sending Tensor) -> sending Tensor {
        withModel { [x = Transferred(x)] model in Transferred(model(x.value)) }.value
    }

    /// Calls a model with other inputs or outputs than one tensor, without a graph: `shared.withModel { $0(x, state).output }`.
    /// `body` must only call the model; changing or keeping it breaks the guarantee.
    public func withModel<Answer>(_ body: (Model) throws -> Answer) rethrows -> Answer {
        try inferenceMode { try body(model) }
    }
}

/// Carries a sent value through code in which the compiler cannot see that it is sent.
private struct Transferred<Value>: @unchecked Sendable {
    // Unchecked: `Shared` receives the value as `sending`, and the output is new or belongs to the input.
    let value: Value
    init(_ value: Value) { self.value = value }
}
