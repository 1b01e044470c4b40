import Apus
import ApusDistributed
import Foundation
import Testing

/// A network with all that a shard could be told from a batch by: batch statistics, random numbers, a layer that not every shard uses.
private final class Net: Module {
    let norm: BatchNorm1d?
    let first = Linear(6, 8), drop = Dropout(0.3), seldom = Linear(8, 8), never = Linear(3, 3), last = Linear(8, 3)
    let kinds = Embedding(7, 6)

    init(normalizes: Bool) {
        norm = normalizes ? BatchNorm1d(6) : nil
        super.init()
    }

    func callAsFunction(_ x: Tensor, _ kind: Tensor) -> Tensor {
        call([x, kind]) { inputs in
            let x = inputs[0] + kinds(inputs[1])
            var y = F.relu(first(norm?(x) ?? x))
            if inputs[0].sum().item() > 0 { y = y + seldom(y) }
            return last(drop(y))
        }
    }
}

private struct Points: Dataset {
    let count: Int
    var allowsConcurrentReads: Bool { true }
    subscript(index: Int) -> (Tensor, Tensor, Tensor) {
        let generator = Generator(seed: index)
        return (
            Tensor.randn([6], generator: generator) + Tensor.randn([6]) * 0.1, Tensor(Int64(index % 7)), Tensor(Int64(index % 3))
        )
    }
    func batch(at indices: [Int]) throws -> (Tensor, Tensor, Tensor) {
        let samples = indices.map { self[$0] }
        return (Tensor.stack(samples.map(\.0)), Tensor.stack(samples.map(\.1)), Tensor.stack(samples.map(\.2)))
    }
}

/// Runs `body` as each of `count` processes, side by side, and returns what they return.
func processes<Result>(_ count: Int, _ body: @escaping (ProcessGroup) throws -> Result) throws -> [Result] {
    let groups = ProcessGroup.threads(count)
    nonisolated(unsafe) var results = [Swift.Result<Result, any Error>?](repeating: nil, count: count)
    nonisolated(unsafe) let body = body, groupsOf = groups
    let lock = NSLock()
    let threads = (0..<count).map { rank in
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            let result = Swift.Result { try body(groupsOf[rank]) }
            lock.withLock { results[rank] = result }
            done.signal()
        }
        thread.stackSize = 8 << 20
        thread.start()
        return done
    }
    for done in threads { done.wait() }
    return try results.map { try $0!.get() }
}

private func hash(_ tensors: [Tensor]) -> String {
    tensors.map { tensor in
        tensor.to(.float64).reshape(-1).array(Double.self).map { String($0.bitPattern, radix: 16) }.joined(separator: " ")
    }
    .joined(separator: "; ")
}

@Suite struct DataParallelTests {
    private struct Settings {
        var shards: Int, bucket = 5 << 20, isSharded = false, accumulated = 1, normalizes = true
        /// The last of the batches of 32 has 25 samples, or, where no shard need have two, 5.
        var samples: Int { normalizes ? 57 : 37 }
    }

    /// What 3 epochs leave: weights, running statistics, losses, the optimizer's state.
    private func train(_ group: ProcessGroup, _ settings: Settings) throws -> String {
        // Processes that were not seeded alike begin alike all the same.
        let net = withGenerator(Generator(seed: group.rank)) { Net(normalizes: settings.normalizes) }
        net.last.weight.requiresGrad = false
        let model = try DistributedDataParallel(net, in: group, shards: settings.shards, bucketBytes: settings.bucket)
        let optimizer = Adam(net.parameters(), lr: 0.01)
        if settings.isSharded { try optimizer.sharded(by: model) }
        let train = DataLoader(Points(count: settings.samples), batchSize: 32, shuffle: true, generator: Generator(seed: 7 + group.rank))
            .sharded(by: model)
        model.train()
        var losses: [Double] = []
        for _ in 0..<3 {
            var group: [ShardedBatch<(Tensor, Tensor, Tensor)>] = []
            for batch in train {
                group.append(batch)
                guard group.count == settings.accumulated else { continue }
                optimizer.zeroGrad()
                let loss = model.backward(group) { x, kind, y in F.crossEntropy(net(x, kind), y) }
                losses.append(loss.item())
                try model.clipGradNorm_(optimizer, maxNorm: 0.5)
                #expect(net.never.weight.grad == nil)
                optimizer.step()
                group = []
            }
        }
        let state = optimizer.stateDict().tensors
        return hash(net.parameters() + net.buffers() + [Tensor(losses, dtype: .float64)] + state.map(\.value))
    }

    @Test func bytesDoNotDependOnTheNumberOfProcesses() throws {
        for (shards, counts) in [(1, [1]), (2, [1, 2]), (3, [1, 3]), (4, [1, 2, 4]), (8, [1, 2, 4, 8]), (12, [1, 3, 6, 12])] {
            for (accumulated, normalizes) in [(1, true), (2, true), (1, false), (2, false)] {
                let same = Settings(shards: shards, accumulated: accumulated, normalizes: normalizes)
                let alone = try processes(1) { try self.train($0, same) }[0]
                for count in counts {
                    for bucket in [64, 300, 5 << 20] {
                        for isSharded in [false, true] {
                            var settings = same
                            (settings.bucket, settings.isSharded) = (bucket, isSharded)
                            for (rank, found) in try processes(count, { try self.train($0, settings) }).enumerated() {
                                let isSame = found == alone
                                #expect(isSame, "\(settings), \(count) processes, rank \(rank)")
                            }
                        }
                    }
                }
            }
        }
    }
}
