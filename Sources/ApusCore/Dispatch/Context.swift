import CContext

/// What a thread is in the middle of: grad mode, checked scope, module stack, generator, anomaly mode, autocast.
///
/// One object a thread, found with one instruction and read once an op. Every scope that changes it (`noGrad { }`, `checked { }`,
/// a module's call) is synchronous, so a thread is all that a task-local value would follow, at a tenth of its price.
package final class Context {
    // Only its own thread touches it, and no access spans a call: checks of exclusivity would find nothing.
    @exclusivity(unchecked) package var gradEnabled = true
    @exclusivity(unchecked) package var inference = false
    @exclusivity(unchecked) var checkedScope: CheckedScope?
    /// The modules being called, outermost first. Unowned: a call keeps its module alive.
    @exclusivity(unchecked) package var modules: [Unmanaged<AnyObject>] = []
    /// Whether a hook of a module is running.
    @exclusivity(unchecked) package var runsHook = false
    /// How the module floor spells the innermost of `modules`; set with the first push.
    @exclusivity(unchecked) package var describeModules: (([AnyObject]) -> String?)?
    /// What `withGenerator` set; nil means the process-wide one.
    @exclusivity(unchecked) package var generator: Generator?
    @exclusivity(unchecked) package var anomaly = false
    /// Inside `cached`: the computed tensors so far, by their form.
    @exclusivity(unchecked) package var computed: [ObjectIdentifier: Tensor]?
    /// Whether elements of a computed tensor are being read, which must not change what it is computed from.
    @exclusivity(unchecked) package var isReadingComputed = false
    /// Inside `autocast`: what products are computed in.
    @exclusivity(unchecked) package var autocast: DType?
    /// Inside the outermost `autocast`: the weights it has converted.
    @exclusivity(unchecked) var weightCasts: WeightCasts?
    /// Inside `skipInit`: initialisers leave tensors as they are.
    @exclusivity(unchecked) package var skipsInit = false
    /// Where dying graph nodes are freed.
    let graveyard = Graveyard()
    /// Sees what passes: profilers and captures.
    @exclusivity(unchecked) package var observer: (any Observer)?

    /// The calling thread's.
    @inline(__always) package static var current: Context {
        if let pointer = apus_context_get() { return Unmanaged<Context>.fromOpaque(pointer).takeUnretainedValue() }
        return make()
    }

    /// What `body` reads of the calling thread's, without counting a reference to it: a tenth of a small op.
    @inline(__always) package static func read<Value>(_ body: (Context) -> Value) -> Value {
        guard let pointer = apus_context_get() else { return body(make()) }
        // The thread holds it until it ends.
        return Unmanaged<Context>.fromOpaque(pointer)._withUnsafeGuaranteedRef { body($0) }
    }

    @inline(never) private static func make() -> Context {
        let context = Context()
        apus_context_set(Unmanaged.passRetained(context).toOpaque()) { pointer in
            if let pointer { Unmanaged<Context>.fromOpaque(pointer).release() }
        }
        return context
    }

    /// How many bytes may still be allocated; nil for any number. What builds from descriptions sets it.
    @exclusivity(unchecked) private var budget: Int?

    /// Runs `body` so that it fails where it asks for more than `bytes` of memory, freed blocks included, or for more than a budget around it has left.
    package static func withMemoryBudget<Result>(_ bytes: Int, _ body: () throws -> Result) rethrows -> Result {
        let context = current
        let outer = context.budget
        let given = min(bytes, outer ?? bytes)
        context.budget = given
        defer { context.budget = outer.map { $0 - (given - (context.budget ?? 0)) } }
        return try body()
    }

    /// How many more blocks are given before one is refused; nil where none is. Tests set it.
    @exclusivity(unchecked) private var blocksBeforeRefusal: Int?

    /// Runs `body` so that of the blocks of memory that it asks for on this thread, the one after `count` others is refused; the rest are given.
    /// Returns whether `body` asked for that block.
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

    /// Takes a block from the budget. Small ones count as 512 bytes: a tensor takes memory of its own, and a description may ask for a billion of them.
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

    /// The innermost of the modules being called, to be named later.
    var modulePlace: ModulePlace? {
        guard let first = modules.first, let last = modules.last, let describeModules else { return nil }
        return ModulePlace(
            outermost: first.takeUnretainedValue(), innermost: last.takeUnretainedValue(), describe: describeModules,
            thread: ObjectIdentifier(self))
    }
}

/// A module being called, within the outermost one: its path takes a walk through all modules, so that it is looked up when a message needs it.
struct ModulePlace {
    weak var outermost: AnyObject?
    weak var innermost: AnyObject?
    let describe: ([AnyObject]) -> String?
    /// The context of the thread that called: another one must not walk through its modules, and names the innermost alone.
    let thread: ObjectIdentifier

    /// nil where the modules are gone.
    var path: String? {
        guard let innermost else { return nil }
        guard let outermost, thread == ObjectIdentifier(Context.current) else { return describe([innermost]) }
        return describe([outermost, innermost])
    }
}

/// Runs `body` without recording a graph: nothing computed in it requires a gradient. PyTorch: `torch.no_grad()`.
public func noGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withGradEnabled(false, body)
}

/// Runs `body` with recording switched on again inside `noGrad`. PyTorch: `torch.enable_grad()`.
public func enableGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    try withGradEnabled(true, body)
}

/// Runs `body` without recording, and marks that its results never will: cheapest for serving. PyTorch: `torch.inference_mode()`.
public func inferenceMode<Result>(_ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.inference
    context.inference = true
    defer { context.inference = outer }
    return try withGradEnabled(false, body)
}

/// Whether ops record a graph here. PyTorch: `torch.is_grad_enabled()`.
public var isGradEnabled: Bool { Context.current.gradEnabled }

package func withGradEnabled<Result, Failure: Error>(_ enabled: Bool, _ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let context = Context.current
    let outer = context.gradEnabled
    context.gradEnabled = enabled
    defer { context.gradEnabled = outer }
    return try body()
}
