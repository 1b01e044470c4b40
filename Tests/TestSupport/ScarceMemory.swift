import ApusCore
import CKernels
import Glibc

/// A call that can be repeated. If it fails, it must leave the tensors `given` unchanged.
package struct Trial {
    let given: [Tensor]
    let run: () throws -> [Tensor]

    package init(_ given: [Tensor], _ run: @escaping () throws -> [Tensor]) {
        self.given = given
        self.run = run
    }

    /// The outputs of `call`, and the gradients of those inputs that require one.
    package init(_ inputs: [Tensor], differentiating call: @escaping ([Tensor]) throws -> [Tensor]) {
        self.init(inputs) {
            let outputs = try withGenerator(Generator(seed: 1)) { try call(inputs) }
            let (ends, leaves) = (outputs.filter { $0.requiresGrad && !$0.isPoisoned }, inputs.filter(\.requiresGrad))
            if ends.isEmpty || leaves.isEmpty { return outputs }
            return outputs
                + grad(of: ends, withRespectTo: leaves, gradients: ends.map { Tensor.ones(like: $0) }, allowUnused: true).compactMap { $0 }
        }
    }
}

/// The two allocators: tensors' memory, and the scratch memory of CPU kernels.
private enum MemorySource: CaseIterable {
    case tensors, scratch

    /// Runs `body` and refuses the allocation after the first `count`; returns whether `body` made that allocation.
    func refusing(after count: Int, _ body: () -> Void) -> Bool {
        switch self {
        case .tensors: return Context.refusing(after: count, body)
        case .scratch:
            apus_refuse_after(Int64(count))
            body()
            return apus_refuse_after(-1) < 0
        }
    }
}

/// Runs a call once for each k, with its k-th allocation refused, and returns what was wrong. An error must mention memory, the given
/// tensors must be unchanged, and a repeated call must give the expected bits. nil if the call fails even with enough memory. `scratch` is
/// increased by the number of refused allocations of kernels.
///
/// `prepare` makes a new call each time; a call that changes its inputs is not repeated (`isRepeatable: false`). Call this within `alone`.
package func complaintsWithoutMemory(
    _ name: String, isRepeatable: Bool = true, scratch: inout Int, _ prepare: () throws -> Trial
) -> [String]? {
    guard let expected = try? checked({ try prepare().run() }).map(bits) else { return nil }
    var complaints: [String] = []
    for source in MemorySource.allCases {
        for k in 0... {
            guard let trial = try? prepare() else { return complaints + ["\(name): cannot be prepared"] }
            let place = "\(name), without block \(k) of \(source)"
            let before = trial.given.map(bits)
            var outcome: Result<[Tensor], any Error> = .success([])
            let isRefused = source.refusing(after: k) { outcome = Result { try checked { try trial.run() } } }
            if !isRefused {
                if (try? outcome.get())?.map(bits) != expected { complaints.append("\(place), which it does not want: \(outcome)") }
                break
            }
            if source == .scratch { scratch += 1 }
            switch outcome {
            case .success: complaints.append("\(place): no error")
            case .failure(let error as OpError): if !"\(error)".contains("no memory") { complaints.append("\(place): \(error)") }
            case .failure(let error): complaints.append("\(place): \(error) of another kind")
            }
            if trial.given.contains(where: \.isPoisoned) || trial.given.map(bits) != before {
                complaints.append("\(place): what was given has changed")
            }
            if trial.given.contains(where: { $0.grad?.isPoisoned ?? false }) { complaints.append("\(place): a gradient has failed") }
            if isRepeatable, k.nonzeroBitCount <= 1, (try? checked { try trial.run() })?.map(bits) != expected {
                complaints.append("\(place): another answer afterwards")
            }
            if complaints.count > 20 { return complaints }
        }
    }
    return complaints
}

/// Sees which ops are applied and differentiated, by their types.
package final class OpWatcher: Observer {
    package private(set) var applied: Set<String> = []
    package private(set) var differentiated: Set<String> = []

    package init() {}

    /// Runs a call. The ops of one that fails do not count.
    package func watch(_ prepare: () throws -> Trial) {
        let before = (applied, differentiated)
        if (try? checked { try Context.observed(by: self, prepare().run) }) == nil { (applied, differentiated) = before }
    }

    package func willBegin(_ activity: Activity) {
        switch activity {
        case .op(_, let type?): applied.insert(Self.name(type))
        case .derivative(let node):
            if let op = Mirror(reflecting: node).descendant("op") as? any Op { differentiated.insert(Self.name(type(of: op))) }
        case .op, .module, .step: break
        }
    }

    package func didRun(_ name: String, inputs: [Tensor], outputs: [Tensor]) {}

    /// Without what a generic type is of.
    private static func name(_ type: Any.Type) -> String { String("\(type)".prefix { $0 != "<" }) }
}

/// The dtype, shape and elements, bit for bit.
private func bits(_ x: Tensor) -> [UInt8] {
    if x.isPoisoned { return [] }
    guard let host = try? x.hostData() else { return [] }
    return Array("\(x.dtype) \(x.shape)".utf8) + UnsafeRawBufferPointer(start: host.pointer, count: host.numel * host.dtype.size)
}

/// Runs `body` on a new thread whose kernels run serially, so that no other thread allocates memory for it; waits for it.
package func alone<Result>(_ body: @escaping () throws -> Result) throws -> Result {
    var result: Swift.Result<Result, any Error>?
    var thread = pthread_t()
    let failed = pthread_create(
        &thread, nil,
        { pointer in
            apus_run_alone()
            Unmanaged<Errand>.fromOpaque(pointer!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Errand { result = Swift.Result { try body() } }).toOpaque())
    precondition(failed == 0, "no thread: \(failed)")
    pthread_join(thread, nil)
    return try result!.get()
}

private final class Errand {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}
