import ApusCore
import ApusNN
import ApusSystem

/// Where the time goes: every op, derivative, call of a module and step of an optimizer that ran while it was recorded, on this thread.
///
/// ```swift
/// let profile = Profile(of: model, steps: 20) {
///     optimizer.zeroGrad()
///     criterion(model(images), labels).backward()
///     optimizer.step()
/// }
/// print(profile)
/// try profile.writeTrace(to: "step.trace.json")
/// ```
///
/// Taking the times costs some 0.1 µs an op; nothing is paid while nobody records. PyTorch: `torch.profiler.profile`.
public struct Profile {
    /// One thing that began and ended.
    public struct Event {
        /// What kind of thing it is.
        public enum Kind: String, Sendable, CaseIterable {
            /// An op's forward computation.
            case forward
            /// An op's derivative, in a backward pass.
            case backward
            /// The call of a module.
            case module
            /// The step of an optimizer.
            case step
        }

        /// The op's name, the module's path in the model, or the optimizer's name.
        public var name: String
        /// Which kind of thing it is.
        public var kind: Kind
        /// Seconds from the first event's beginning.
        public var start: Double
        /// Seconds.
        public var duration: Double
        /// How many events it is in.
        public var depth: Int
        /// Whether it is part of another op's computation or derivative, whose time holds its own.
        public var isInner: Bool
        /// The path of the module that was being called, for a derivative when the op ran; nil outside of modules.
        public var module: String?
        /// The bytes of the inputs and outputs of an op, or of those in a derivative; views move none.
        public var bytes: Int
    }

    /// In the order in which they began.
    public let events: [Event]
    /// How often the work was run; tables show averages.
    public let steps: Int
    /// Seconds of all runs.
    public let duration: Double
    /// The model's modules by path, each before those in it, with their types.
    let modules: [(path: String, type: String)]

    /// Runs `work` `steps` times and records it.
    ///
    /// - Parameter model: names the modules in tables; those outside of it go by their type. Its own path is its type's name.
    public init(of model: Module? = nil, steps: Int = 1, _ work: () throws -> Void) rethrows {
        if steps < 1 { fail("Profile", "steps is \(steps), it must be at least 1") }
        let steps = max(steps, 1)
        let recorder = Recorder()
        let begin = monotonicSeconds()
        try Context.observed(by: recorder) { for _ in 0..<steps { try work() } }
        duration = monotonicSeconds() - begin
        self.steps = steps
        let named = model?.namedModules() ?? []
        modules = named.map { ($0.name.isEmpty ? $0.module.typeName : $0.name, $0.module.typeName) }
        let paths = Dictionary(zip(named, modules).map { (ObjectIdentifier($0.module), $1.path) }, uniquingKeysWith: { first, _ in first })
        func path(_ module: Module) -> String { paths[ObjectIdentifier(module)] ?? module.typeName }
        events = recorder.entries.map { entry in
            let name: String =
                switch entry.what {
                case .op(let name), .step(let name): name
                case .derivative(let name): name
                case .module(let module): path(module)
                }
            return Event(
                name: name, kind: entry.what.kind, start: entry.start - begin, duration: entry.end - entry.start, depth: entry.depth,
                isInner: entry.isInner, module: entry.module.map(path), bytes: entry.bytes)
        }
    }
}

/// Takes the times. Holds the modules it has seen, so that none goes and leaves its identity to another.
private final class Recorder: Observer {
    enum What {
        case op(String), derivative(String), step(String), module(Module)

        var kind: Profile.Event.Kind {
            switch self {
            case .op: .forward
            case .derivative: .backward
            case .step: .step
            case .module: .module
            }
        }
    }

    struct Entry {
        var what: What
        var start: Double
        var end: Double
        var depth: Int
        var isInner: Bool
        var module: Module?
        var bytes = 0
    }

    private(set) var entries: [Entry] = []
    /// The entries that have begun and not ended.
    private var open: [Int] = []
    /// How many of these are ops, derivatives or steps.
    private var working = 0
    /// The modules being called, innermost last.
    private var calls: [Module] = []
    /// Which module an op was called in, by its node. A node that is gone may leave its identity to another op's, which then is noted anew.
    private var origins: [ObjectIdentifier: Module] = [:]

    func willBegin(_ activity: Activity) {
        var module = calls.last
        let what: What
        switch activity {
        case .op(let name): what = .op(name)
        case .step(let name): what = .step(name)
        case .derivative(let node):
            what = .derivative(node.name)
            module = origins[ObjectIdentifier(node)]
        case .module(let object):
            guard let called = object as? Module else { preconditionFailure("a module's call names \(object)") }
            what = .module(called)
            calls.append(called)
        }
        entries.append(Entry(what: what, start: 0, end: 0, depth: open.count, isInner: working > 0, module: module))
        open.append(entries.count - 1)
        if case .module = what {} else { working += 1 }
        entries[entries.count - 1].start = monotonicSeconds() // Last, so that the bookkeeping is not in it.
    }

    func didEnd() {
        let now = monotonicSeconds()
        let i = open.removeLast()
        entries[i].end = now
        if case .module = entries[i].what { calls.removeLast() } else { working -= 1 }
    }

    func didRun(_ name: String, inputs: [Tensor], outputs: [Tensor]) {
        for output in outputs { if let node = output.node { origins[ObjectIdentifier(node)] = calls.last } }
        // A view moves nothing.
        guard !inputs.contains(where: { x in outputs.contains { $0.storage === x.storage } }) else { return }
        let bytes = (inputs + outputs).reduce(0) { $0 + $1.numel * $1.dtype.size }
        entries[open[open.count - 1]].bytes = bytes
        // What surrounds an op is a module, a derivative or a step that consists of ops, or an op with inputs and outputs of its own.
        guard open.count > 1 else { return }
        let outer = open[open.count - 2]
        switch entries[outer].what {
        case .derivative, .step: entries[outer].bytes += bytes
        case .op, .module: break
        }
    }
}
