/// Whether a backward pass is running the body of a `checkpoint` again. Running statistics do not move then; what counts calls should ask.
public var isRecomputing: Bool { Context.current.isRecomputing }

/// Runs `body`, and again in the backward pass: what its ops save for their derivatives is not kept meanwhile. PyTorch:
/// `torch.utils.checkpoint.checkpoint` with `use_reentrant=False`.
///
/// ```swift
/// for block in blocks { x = checkpoint(x) { block($0) } }
/// ```
/// Gradients have the same bits as without, those of parameters and other tensors that the body reads among them; so have derivatives of
/// derivatives. The second run has the random numbers of the first, and its `autocast`, `functionalCall` and computed weights. Batch
/// normalisation moves its running statistics in the first run alone (PyTorch in both); other effects of the body happen twice, hooks of
/// modules among them (``isRecomputing``).
///
/// `inputs` are kept; within another `checkpoint`, or `savedTensorsHooks`, these keep them, while what a body captures is held. Inputs that
/// are changed in place before the backward pass are an error, and so is a body that does something else when it runs again; parameters and
/// other tensors that it captures must not change meanwhile, which is not always noticed. Where gradients are off the body just runs.
public func checkpoint<Result>(_ inputs: [Tensor], _ body: @escaping ([Tensor]) -> Result) -> Result {
    let inputs = inputs.map(\.standIn)
    guard isGradEnabled, !inputs.contains(where: \.isPoisoned) else { return body(inputs) }
    let call: CheckpointedCall
    do throws(OpError) {
        call = try CheckpointedCall(inputs) { _ = body($0) }
    } catch {
        fail(error, op: "checkpoint")
        return body(inputs)
    }
    return call.first { body(inputs) }
}

/// The same with one input.
public func checkpoint<Result>(_ x: Tensor, _ body: @escaping (Tensor) -> Result) -> Result { checkpoint([x]) { body($0[0]) } }

/// The same with two inputs.
public func checkpoint<Result>(_ x: Tensor, _ y: Tensor, _ body: @escaping (Tensor, Tensor) -> Result) -> Result {
    checkpoint([x, y]) { body($0[0], $0[1]) }
}

/// The same with three inputs.
public func checkpoint<Result>(
    _ x: Tensor, _ y: Tensor, _ z: Tensor, _ body: @escaping (Tensor, Tensor, Tensor) -> Result
) -> Result {
    checkpoint([x, y, z]) { body($0[0], $0[1], $0[2]) }
}

/// The same with a body that takes nothing and captures what it needs, which is held until the backward pass.
public func checkpoint<Result>(_ body: @escaping () -> Result) -> Result { checkpoint([]) { _ in body() } }

/// Runs `functions` in order, the first on `input` and each other on the result of the one before, in `segments` parts of equal length, the
/// last of which takes what is left. All but the last are checkpoints. PyTorch: `torch.utils.checkpoint.checkpoint_sequential`.
///
/// Traps unless there are 1 ... `functions.count` segments.
public func checkpointSequential(_ functions: [(Tensor) -> Tensor], _ segments: Int, _ input: Tensor) -> Tensor {
    guard segments > 0, segments <= functions.count else {
        return fail(
            "checkpointSequential", "cannot cut \(functions.count) functions into \(segments) segments; use 1 ... \(functions.count)")
    }
    let length = functions.count / segments
    var x = input
    for start in stride(from: 0, to: length * (segments - 1), by: length) {
        let part = functions[start..<(start + length)]
        x = checkpoint(x) { x in part.reduce(x) { x, function in function(x) } }
    }
    return functions[(length * (segments - 1))...].reduce(x) { x, function in function(x) }
}

/// A body that ran once, and what it needs to run again. The graph's nodes hold it.
private final class CheckpointedCall {
    private let run: ([Tensor]) -> Void
    private let inputs: [PackedTensor]
    private let surroundings = Surroundings()
    private let draws = Draws(within: Context.current.draws)
    /// For each tensor that the ops of the body have saved, in order, where the one of the next run is put.
    private var places: [WeakPlace] = []
    private var hasEnded = false

    init(_ inputs: [Tensor], _ run: @escaping ([Tensor]) -> Void) throws(OpError) {
        // Within another checkpoint the inputs are the other's to recompute.
        let hooks = Context.current.savedTensorsHooks ?? SavedTensorsHooks { saved in saved.unpack(for: "checkpoint") }
        var packed: [PackedTensor] = []
        for x in inputs { packed.append(try PackedTensor(SavedTensor(tensor: x, version: x.storage.version), by: hooks)) }
        self.inputs = packed
        self.run = run
    }

    /// The first run: what ops save is numbered and left.
    func first<Result>(_ body: () -> Result) -> Result {
        let context = Context.current
        let outer = context.draws
        context.draws = draws
        defer {
            context.draws = outer
            hasEnded = true
        }
        let hooks = SavedTensorsHooks { [self] saved in
            // Parameters take no memory here, and are checked for changes.
            if saved.isLearnt { return saved.unpack(for: "checkpoint") }
            let place = Place(form: GradientForm(saved.tensor))
            places.append(WeakPlace(place: place))
            return { () throws(OpError) in try self.value(at: place) }
        }
        return hooks.scope("checkpoint", body)
    }

    private func value(at place: Place) throws(OpError) -> Tensor {
        if place.found == nil { try runAgain() }
        guard let found = place.found else { throw CheckpointedCall.differs("saves fewer tensors") }
        // Each is needed once in a pass; another pass runs the body again.
        place.found = nil
        try found.checkUnchanged(since: "checkpoint")
        return found.tensor
    }

    private func runAgain() throws(OpError) {
        var given: [Tensor] = []
        for input in inputs { given.append(try input.unpacked().tensor) }
        let places = places
        var count = 0
        let hooks = SavedTensorsHooks { (saved) throws(OpError) in
            if !saved.isLearnt {
                if count < places.count, let place = places[count].place { try place.fill(saved) }
                count += 1
            }
            // For a backward pass in the body itself.
            return saved.unpack(for: "checkpoint")
        }
        let draws = draws.again()
        surroundings.restore(draws) { hooks.scope("checkpoint") { run(given) } }
        try throwFailure()
        // A backward pass in the body comes before its end.
        if count < places.count || hasEnded && count > places.count {
            throw CheckpointedCall.differs("saves \(count) tensors for its derivatives, not \(places.count)")
        }
        if hasEnded && !draws.isRepeated { throw CheckpointedCall.differs("draws other random numbers") }
    }

    fileprivate static func differs(_ how: String) -> OpError {
        OpError(
            "the body \(how) when it runs again; it must do the same in both runs, with layers in the same mode and the same numbers",
            op: "checkpoint")
    }
}

/// Where a saved tensor is put when the body runs again.
private final class Place {
    private let form: GradientForm
    var found: SavedTensor?

    init(form: GradientForm) { self.form = form }

    func fill(_ saved: SavedTensor) throws(OpError) {
        let form = GradientForm(saved.tensor)
        guard form == self.form else { throw CheckpointedCall.differs("saves a tensor \(form) in place of \(self.form)") }
        found = SavedTensor(tensor: Tensor(sharing: saved.tensor), version: saved.version)
    }
}

/// A place that nobody waits for is gone.
private struct WeakPlace { weak var place: Place? }

/// What a body sees of the thread's context.
private struct Surroundings {
    private let autocast: DType?
    private let random: Generator.State
    private let computed: [ObjectIdentifier: Tensor]?
    private let holds: [(computed: Computed, hold: Computed.Hold)]
    private let substitutions: [(original: Tensor, replacement: Tensor)]

    init() {
        let context = Context.current
        autocast = context.autocast
        random = Generator.current.state
        computed = context.computed
        holds = context.held.map { ($0, $0.hold) }
        substitutions = context.substitutions
    }

    /// Runs `body` in them, recorded.
    func restore(_ draws: Draws, _ body: () -> Void) {
        let context = Context.current
        let outer = (context.gradEnabled, context.autocast, context.weightCasts, context.computed, context.modules, context.isRecomputing)
        let (outerDraws, refusal) = (context.draws, context.refusesSavedTensorsHooks)
        // A body that seeds the default generator seeds this one.
        let generator = Generator(seed: random.seed)
        generator.state = random
        context.gradEnabled = true
        context.autocast = autocast
        context.weightCasts = autocast == nil ? nil : WeightCasts()
        context.computed = computed
        // Who may call whom was checked in the first run.
        context.modules = []
        context.isRecomputing = true
        context.draws = draws
        context.refusesSavedTensorsHooks = nil
        defer {
            (context.gradEnabled, context.autocast, context.weightCasts, context.computed, context.modules, context.isRecomputing) = outer
            (context.draws, context.refusesSavedTensorsHooks) = (outerDraws, refusal)
        }
        Computed.holding(holds) {
            Tensor.substituting(substitutions) { withGenerator(generator, body) }
        }
    }
}
