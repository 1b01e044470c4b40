import ApusCore

/// One model that several tasks ask at once: `let shared = Shared(model)`, then `shared(x)` from anywhere.
///
/// The guarantee: a call changes nothing that another call reads. The model is in evaluation mode for good (``Module/eval()``), every call runs
/// in `inferenceMode(_:)`, and what a thread is in the middle of (module path, grad mode, `checked`) is the thread's own. A `Shared` owns its
/// model: it takes the only reference, as Swift 6's `sending` demands, or a copy. Layers of one's own must not change their stored
/// properties in `forward`; those of Apus do not in evaluation mode, except `Embedding` with `maxNorm`, which rescales rows in place.
public struct Shared<Model: Module>: @unchecked Sendable {
    // Unchecked: the model is read only, for the reasons given above, and nobody else has it.
    private let model: Model

    /// Takes the model over; the compiler sees to it that nobody keeps it.
    public init(_ model: sending Model) {
        self.model = model
        model.eval()
    }

    /// Takes a copy, for a model that is trained further or that lives where it cannot be given away.
    public init(copying model: Model) {
        self.model = model.copy()
        self.model.eval()
    }

    /// The model's answer, without a graph.
    public func callAsFunction(_ x: sending Tensor) -> sending Tensor {
        withModel { [x = Transferred(x)] model in Transferred(model(x.value)) }.value
    }

    /// Asks a model with other inputs or outputs than one tensor: `shared.withModel { $0(x, state).output }`, without a graph.
    /// `body` only calls the model; changing it, or keeping it, breaks the guarantee.
    public func withModel<Answer>(_ body: (Model) throws -> Answer) rethrows -> Answer {
        try inferenceMode { try body(model) }
    }
}

/// Carries a value that one task gives away through code that cannot see that it does.
private struct Transferred<Value>: @unchecked Sendable {
    // Unchecked: `Shared` receives the value as `sending`, and an answer is new or belongs to the input.
    let value: Value
    init(_ value: Value) { self.value = value }
}
