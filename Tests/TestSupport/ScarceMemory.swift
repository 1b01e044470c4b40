import Apus
import CKernels
import Glibc

/// One call that can be made again and again, on tensors that it must leave as they are where it fails.
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

/// Where memory comes from: tensors, and what the kernels of the processor take on the way.
private enum MemorySource: CaseIterable {
    case tensors, scratch

    /// Runs `body` without the block after `count` others; whether it asked for that block.
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

/// What is wrong with a call for which memory runs out: the k-th block that it asks for is refused, for each k that there is. Then an error must
/// say that memory was wanted, what was given must be what it was, and the call must give the right bits when it is made again. nil where the call
/// fails with all the memory it wants. `scratch` counts the blocks that were refused to kernels.
///
/// `prepare` makes the call anew; one that changes what it works on is not made twice (`isRepeatable`). To be called in `alone`.
package func complaintsWithoutMemory(
    _ name: String, isRepeatable: Bool = true, scratch: inout Int, _ prepare: () throws -> Trial
) -> [String]? {
    guard let expected = try? checked({ try prepare().run() }).map(bits) else { return nil }
    var complaints: [String] = []
    for source in MemorySource.allCases {
        // Every block; of calls that ask for hundreds, those from the 64th on by steps of a 64th part.
        for k in blocks {
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

private let blocks = Array(sequence(first: 0) { $0 + 1 + $0 / 64 }.prefix(1500))

/// All that tells a tensor's value from others', bit for bit.
private func bits(_ x: Tensor) -> [UInt8] {
    if x.isPoisoned { return [] }
    guard let host = try? x.hostData() else { return [] }
    return Array("\(x.dtype) \(x.shape)".utf8) + UnsafeRawBufferPointer(start: host.pointer, count: host.numel * host.dtype.size)
}

/// Runs `body` on a thread of its own whose kernels do not share their work out, so that it alone asks for memory; waits for it.
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
