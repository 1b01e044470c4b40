/// Whether the body of a `checkpoint` is being recomputed in a backward pass. Running statistics are not updated then; code that counts
/// calls should check this.
public var isRecomputing: Bool { Context.current.isRecomputing }

/// Runs `body` without keeping what its ops save for their derivatives, and runs it again in the backward pass to recompute that. PyTorch:
/// `torch.utils.checkpoint.checkpoint` with `use_reentrant=False`.
///
/// ```swift
/// for block in blocks { x = checkpoint(x) { block($0) } }
/// ```
/// Gradients have the same bits as without checkpointing, including those of parameters and other tensors that the body captures; higher
/// derivatives work too. The second run has the random numbers of the first, its `autocast`, `functionalCall` and computed weights, and each
/// module that it calls is in the mode (training or evaluation) of the first, whatever its mode is by then (in PyTorch it is in that). Batch
/// normalisation updates its running statistics only in the first run (PyTorch in both); other side effects of the body happen twice,
/// including hooks of modules (``isRecomputing``).
///
/// The graph keeps `inputs`; within another `checkpoint` or `savedTensorsHooks` those keep them, whereas tensors that the body captures
/// stay in memory. It is an error if an input is changed in place before the backward pass, or if the body does something else when it runs
/// again. Parameters and other tensors that it captures must not change in between, which is not always detected. If gradients are
/// disabled, the body just runs.
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

/// The same with a body that captures all it needs, which stays in memory until the backward pass.
public func checkpoint<Result>(_ body: @escaping () -> Result) -> Result { checkpoint([]) { _ in body() } }

/// Runs `functions` in order, the first on `input` and each other on the previous result, in `segments` parts of equal length; the last
/// part includes the remainder. All parts except the last are checkpointed. PyTorch: `torch.utils.checkpoint.checkpoint_sequential`.
///
/// Traps unless `segments` is in 1 ... `functions.count`.
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

/// A body that has run once, and the state that it needs to run again. The nodes of the graph retain it.
private final class CheckpointedCall {
    private let run: ([Tensor]) -> Void
    private let inputs: [PackedTensor]
    private let surroundings = Surroundings()
    private let draws = Draws(within: Context.current.draws)
    /// For each tensor that the ops of the body have saved, in order, the place that receives it when the body runs again.
    private var places: [WeakPlace] = []
    private var hasEnded = false

    init(_ inputs: [Tensor], _ run: @escaping ([Tensor]) -> Void) throws(OpError) {
        // Within another checkpoint, that one recomputes the inputs.
        let hooks = Context.current.savedTensorsHooks ?? SavedTensorsHooks { saved in saved.unpack(for: "checkpoint") }
        var packed: [PackedTensor] = []
        for x in inputs { packed.append(try PackedTensor(SavedTensor(tensor: x, version: x.storage.version), by: hooks)) }
        self.inputs = packed
        self.run = run
    }

    /// The first run: counts what ops save, and drops it.
    func first<Result>(_ body: () -> Result) -> Result {
        let context = Context.current
        let outer = context.draws
        context.draws = draws
        defer {
            context.draws = outer
            hasEnded = true
        }
        let hooks = SavedTensorsHooks { [self] saved in
            // Parameters take no additional memory; saving them detects changes in place.
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
        // A backward pass uses each saved tensor once; another pass runs the body again.
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
            // The body itself may contain a backward pass.
            return saved.unpack(for: "checkpoint")
        }
        let draws = draws.again()
        surroundings.restore(draws) { hooks.scope("checkpoint") { run(given) } }
        try throwFailure()
        // A backward pass within the body runs before the body has ended, with fewer tensors saved.
        if count < places.count || hasEnded && count > places.count {
            throw CheckpointedCall.differs("saves \(count) tensors for its derivatives, not \(places.count)")
        }
        if hasEnded && !draws.isRepeated { throw CheckpointedCall.differs("draws other random numbers") }
    }

    fileprivate static func differs(_ how: String) -> OpError {
        OpError(
            "the body \(how) when it runs again; it must do the same in both runs, with the same numbers",
            op: "checkpoint")
    }
}

/// Receives a saved tensor when the body runs again.
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

/// Nil once no node waits for the tensor.
private struct WeakPlace { weak var place: Place? }

/// The thread's state that a body depends on.
private struct Surroundings {
    private let autocast: DType?
    private let random: Generator.State
    private let computed: [ObjectIdentifier: Tensor]?
    private let holds: [(computed: Computed, hold: Computed.Hold)]
    private let substitutions: [(original: Tensor, replacement: Tensor)]
    /// The modules in whose calls the body lies, which it may ask for their modes.
    private let callers: [(module: WeakModule, isTraining: Bool)]

    private struct WeakModule { weak var module: (any HasMode)? }

    init() {
        let context = Context.current
        autocast = context.autocast
        random = Generator.current.state
        computed = context.computed
        holds = context.held.map { ($0, $0.hold) }
        substitutions = context.substitutions
        callers = context.modules.compactMap { caller in
            (caller.takeUnretainedValue() as? any HasMode).map { (WeakModule(module: $0), $0.training) }
        }
    }

    /// Runs `body` with this state, with gradients enabled.
    func restore(_ draws: Draws, _ body: () -> Void) {
        let context = Context.current
        let outer = (context.gradEnabled, context.autocast, context.weightCasts, context.computed, context.modules, context.isRecomputing)
        let (outerDraws, refusal) = (context.draws, context.refusesSavedTensorsHooks)
        // If the body seeds the default generator, it seeds this copy.
        let generator = Generator(seed: random.seed)
        generator.state = random
        context.gradEnabled = true
        context.autocast = autocast
        context.weightCasts = autocast == nil ? nil : WeightCasts()
        context.computed = computed
        // Which modules may call each other was checked in the first run.
        context.modules = []
        context.isRecomputing = true
        context.draws = draws
        context.refusesSavedTensorsHooks = nil
        for (caller, isTraining) in callers {
            if let module = caller.module, module.training != isTraining { draws.switchMode(of: module, to: isTraining) }
        }
        defer {
            (context.gradEnabled, context.autocast, context.weightCasts, context.computed, context.modules, context.isRecomputing) = outer
            (context.draws, context.refusesSavedTensorsHooks) = (outerDraws, refusal)
            draws.end()
        }
        Computed.holding(holds) {
            Tensor.substituting(substitutions) { withGenerator(generator, body) }
        }
    }
}
