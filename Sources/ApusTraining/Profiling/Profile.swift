import ApusCore
import ApusNN
import ApusSystem

/// Records the time of every op, derivative, module call and optimizer step on this thread.
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
/// Recording costs some 0.1 µs per op; without a recording there is no cost. PyTorch: `torch.profiler.profile`.
public struct Profile {
    /// One recorded activity.
    public struct Event {
        /// The kinds of activities.
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
        /// The kind of activity.
        public var kind: Kind
        /// The start in seconds, counted from the start of the recording.
        public var start: Double
        /// The duration in seconds.
        public var duration: Double
        /// The number of events that contain it.
        public var depth: Int
        /// Whether it is part of another op's computation or derivative, whose time includes it.
        public var isInner: Bool
        /// The path of the innermost module whose call it is in (for a derivative: whose call ran the op); nil outside modules.
        public var module: String?
        /// The bytes of an op's inputs and outputs, or of the ops in a derivative; 0 for views.
        public var bytes: Int
    }

    /// All events in the order of their starts.
    public let events: [Event]
    /// How often the work was run; tables show averages.
    public let steps: Int
    /// The duration of all runs in seconds.
    public let duration: Double
    /// The paths and types of the model's modules, each before its submodules.
    let modules: [(path: String, type: String)]

    /// Runs and records `work` `steps` times.
    ///
    /// - Parameter model: gives the modules their paths in tables, its own being its type's name. Modules outside it are named by type.
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

/// Records the times. It retains the modules it sees, so that their identities are not reused.
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
    /// The indices of entries that have not ended.
    private var open: [Int] = []
    /// How many of them are ops, derivatives or steps.
    private var working = 0
    /// The called modules, innermost last.
    private var calls: [Module] = []
    /// The module in which each op was called, by the identity of its node. If an identity is reused, its entry is overwritten.
    private var origins: [ObjectIdentifier: Module] = [:]

    func willBegin(_ activity: Activity) {
        var module = calls.last
        let what: What
        switch activity {
        case .op(let name, _): what = .op(name)
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
        entries[entries.count - 1].start = monotonicSeconds() // Last, so that the bookkeeping is not included.
    }

    func didEnd() {
        let now = monotonicSeconds()
        let i = open.removeLast()
        entries[i].end = now
        if case .module = entries[i].what { calls.removeLast() } else { working -= 1 }
    }

    func didRun(_ name: String, inputs: [Tensor], outputs: [Tensor]) {
        for output in outputs { if let node = output.node { origins[ObjectIdentifier(node)] = calls.last } }
        // Views move no bytes.
        guard !inputs.contains(where: { x in outputs.contains { $0.storage === x.storage } }) else { return }
        let bytes = (inputs + outputs).reduce(0) { $0 + $1.numel * $1.dtype.size }
        entries[open[open.count - 1]].bytes = bytes
        // Add the bytes to a surrounding derivative or step, which consists of ops. An op has its own inputs and outputs.
        guard open.count > 1 else { return }
        let outer = open[open.count - 2]
        switch entries[outer].what {
        case .derivative, .step: entries[outer].bytes += bytes
        case .op, .module: break
        }
    }
}
