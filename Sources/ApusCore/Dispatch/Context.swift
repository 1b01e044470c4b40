import CContext

/// The state of a thread: grad mode, checked scope, module stack, generator, anomaly mode, autocast.
///
/// There is one object per thread; finding it takes one instruction, and each op reads it. Every scope that changes it (`noGrad { }`,
/// `checked { }`, a module's call) is synchronous, so thread-local state suffices, at a tenth of the cost of task-local values.
package final class Context {
    // Only its own thread accesses it, and no access spans a call: exclusivity checks would find nothing.
    @exclusivity(unchecked) package var gradEnabled = true
    @exclusivity(unchecked) package var inference = false
    @exclusivity(unchecked) var checkedScope: CheckedScope?
    /// The modules being called, outermost first. Unowned: a call keeps its module alive.
    @exclusivity(unchecked) package var modules: [Unmanaged<AnyObject>] = []
    /// Whether a module's hook is running.
    @exclusivity(unchecked) package var runsHook = false
    /// Makes the path of the innermost of `modules`; set by ApusNN with the first push.
    @exclusivity(unchecked) package var describeModules: (([AnyObject]) -> String?)?
    /// The generator of `withGenerator`; nil for the process-wide one.
    @exclusivity(unchecked) package var generator: Generator?
    /// Inside `withPrintOptions`: its options.
    @exclusivity(unchecked) var printOptions: PrintOptions?
    @exclusivity(unchecked) package var anomaly = false
    /// Inside `savedTensorsHooks` or `checkpoint`: the hooks that keep the tensors that ops save.
    @exclusivity(unchecked) var savedTensorsHooks: SavedTensorsHooks?
    /// Inside `disableSavedTensorsHooks`: the reason that its errors give.
    @exclusivity(unchecked) var refusesSavedTensorsHooks: String?
    /// Whether a backward pass is running the body of a `checkpoint` again.
    @exclusivity(unchecked) package var isRecomputing = false
    /// The running backward pass, the innermost if they are nested; 0 for none.
    @exclusivity(unchecked) var pass: UInt64 = 0
    /// In the body of a `checkpoint`: the random numbers that it draws, and the modes of the modules that it calls.
    @exclusivity(unchecked) package var draws: Draws?
    /// Inside `functionalCall`: the tensors that are replaced, and their replacements.
    @exclusivity(unchecked) var substitutions: [(original: Tensor, replacement: Tensor)] = []
    /// The computed tensors whose value is kept during a call of their module.
    @exclusivity(unchecked) var held: [Computed] = []
    /// Inside `cached`: the values of computed tensors, by their form.
    @exclusivity(unchecked) package var computed: [ObjectIdentifier: Tensor]?
    /// Whether elements of a computed tensor are being read, which must not change the tensors it depends on.
    @exclusivity(unchecked) package var isReadingComputed = false
    /// Inside `autocast`: its dtype.
    @exclusivity(unchecked) package var autocast: DType?
    /// Inside the outermost `autocast`: the weights it has converted.
    @exclusivity(unchecked) var weightCasts: WeightCasts?
    /// Inside `skipInit`: initialisers leave tensors unchanged.
    @exclusivity(unchecked) package var skipsInit = false
    /// Frees the contents of deinitialised graph nodes.
    let graveyard = Graveyard()
    /// Observes ops and other activities: profilers and captures.
    @exclusivity(unchecked) package var observer: (any Observer)?

    /// The calling thread's context.
    @inline(__always) package static var current: Context {
        if let pointer = apus_context_get() { return Unmanaged<Context>.fromOpaque(pointer).takeUnretainedValue() }
        return make()
    }

    /// Reads the calling thread's context without retaining it; retaining costs a tenth of a small op.
    @inline(__always) package static func read<Value>(_ body: (Context) -> Value) -> Value {
        guard let pointer = apus_context_get() else { return body(make()) }
        // The thread holds a reference until it ends.
        return Unmanaged<Context>.fromOpaque(pointer)._withUnsafeGuaranteedRef { body($0) }
    }

    @inline(never) private static func make() -> Context {
        let context = Context()
        apus_context_set(Unmanaged.passRetained(context).toOpaque()) { pointer in
            if let pointer { Unmanaged<Context>.fromOpaque(pointer).release() }
        }
        return context
    }

    /// How many bytes may still be allocated; nil for no limit. Set when models are built from files.
    @exclusivity(unchecked) private var budget: Int?

    /// Runs `body` with a limit: allocations fail once their total, including freed blocks, exceeds `bytes` or the rest of an outer budget.
    package static func withMemoryBudget<Result>(_ bytes: Int, _ body: () throws -> Result) rethrows -> Result {
        let context = current
        let outer = context.budget
        let given = min(bytes, outer ?? bytes)
        context.budget = given
        defer { context.budget = outer.map { $0 - (given - (context.budget ?? 0)) } }
        return try body()
    }

    /// For tests: how many more blocks are allocated before one is refused; nil for none.
    @exclusivity(unchecked) private var blocksBeforeRefusal: Int?

    /// Runs `body` and refuses the block of memory that it allocates on this thread after `count` others. Returns whether `body` asked for
    /// that block.
    package static func refusing(after count: Int, _ body: () -> Void) -> Bool {
        let context = current
        let budget = context.budget
        context.budget = budget ?? .max
        context.blocksBeforeRefusal = count
        defer {
            context.budget = budget
            context.blocksBeforeRefusal = nil
        }
        body()
        return context.blocksBeforeRefusal == nil
    }

    /// Deducts a block from the budget. Small blocks count as 512 bytes, since each tensor needs some memory of its own, and a file may ask
    /// for a billion of them.
    @inline(__always) static func spend(_ bytes: Int) throws(OpError) {
        if let budget = read({ $0.budget }) { try current.spend(max(bytes, 512), of: budget) }
    }

    @inline(never) private func spend(_ bytes: Int, of left: Int) throws(OpError) {
        if let blocks = blocksBeforeRefusal {
            blocksBeforeRefusal = blocks == 0 ? nil : blocks - 1
            if blocks == 0 { throw OpError("no memory for \(bytes) bytes: a test refuses this block") }
        }
        guard bytes <= left else {
            throw OpError("needs \(bytes) bytes, and \(left) are left of what may be allocated here; use smaller sizes")
        }
        budget = left - bytes
    }

    package var modulePath: String? {
        modules.isEmpty ? nil : describeModules?(modules.map { $0.takeUnretainedValue() })
    }

    /// The innermost module being called; its path is computed when it is needed.
    var modulePlace: ModulePlace? {
        guard let first = modules.first, let last = modules.last, let describeModules else { return nil }
        return ModulePlace(
            outermost: first.takeUnretainedValue(), innermost: last.takeUnretainedValue(), describe: describeModules,
            thread: ObjectIdentifier(self))
    }
}

/// A module being called and the outermost one. Computing its path searches all modules, so it is done only when a message needs it.
struct ModulePlace {
    weak var outermost: AnyObject?
    weak var innermost: AnyObject?
    let describe: ([AnyObject]) -> String?
    /// The context of the calling thread. Another thread must not search its modules, and names only the innermost one.
    let thread: ObjectIdentifier

    /// nil if the modules were released.
    var path: String? {
        guard let innermost else { return nil }
        guard let outermost, thread == ObjectIdentifier(Context.current) else { return describe([innermost]) }
        return describe([outermost, innermost])
    }
}

/// Runs `body` without recording a graph: results do not require a gradient. PyTorch: `torch.no_grad()`.
@discardableResult public func noGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    try setGradEnabled(false, body)
}

/// Runs `body` with recording enabled, inside `noGrad`. PyTorch: `torch.enable_grad()`.
@discardableResult public func enableGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    try setGradEnabled(true, body)
}

/// Runs `body` with or without recording a graph: `setGradEnabled(phase == .train) { … }`. PyTorch: `torch.set_grad_enabled(mode)`, as a
/// context manager.
@discardableResult public func setGradEnabled<Result, Failure: Error>(
    _ mode: Bool, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    let context = Context.current
    let outer = context.gradEnabled
    context.gradEnabled = mode
    defer { context.gradEnabled = outer }
    return try body()
}

/// Like `noGrad`, for serving: several threads may call a module at once, even if it computes weights from others. PyTorch:
/// `torch.inference_mode()`.
@discardableResult public func inferenceMode<Result>(_ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.inference
    context.inference = true
    defer { context.inference = outer }
    return try setGradEnabled(false, body)
}

/// Whether ops record a graph here. PyTorch: `torch.is_grad_enabled()`.
public var isGradEnabled: Bool { Context.current.gradEnabled }
