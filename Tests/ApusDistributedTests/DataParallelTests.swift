import ApusCore
import ApusData
import ApusDistributed
import ApusNN
import ApusOptim
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
    let groups = try ProcessGroup.threads(count)
    nonisolated(unsafe) var results = [Swift.Result<Result, any Error>?](repeating: nil, count: count)
    nonisolated(unsafe) let body = body
    let lock = NSLock()
    let threads = (0..<count).map { rank in
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            let result = Swift.Result { try body(groups[rank]) }
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

    /// What 2 epochs leave: weights, running statistics, losses, the optimizer's state.
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
        for _ in 0..<2 {
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
        // Shards, who shares them, how large buckets are, whether steps are shared.
        let grid: [(shards: Int, processes: Int, bucket: Int, isSharded: Bool)] = [
            (1, 1, 64, true), (2, 1, 300, true), (2, 2, 64, false), (2, 2, 5 << 20, true), (3, 3, 64, true), (4, 2, 300, false),
            (4, 4, 64, true),
            (8, 2, 64, true), (8, 8, 5 << 20, false), (12, 3, 300, true), (12, 12, 64, false),
        ]
        for shards in [1, 2, 3, 4, 8, 12] {
            for (accumulated, normalizes) in [(1, true), (2, true), (1, false), (2, false)] {
                var settings = Settings(shards: shards, accumulated: accumulated, normalizes: normalizes)
                let alone = try processes(1) { [settings] in try self.train($0, settings) }[0]
                for case (shards, let count, let bucket, let isSharded) in grid {
                    (settings.bucket, settings.isSharded) = (bucket, isSharded)
                    for (rank, found) in try processes(count, { [settings] in try self.train($0, settings) }).enumerated() {
                        let isSame = found == alone
                        #expect(isSame, "\(settings), \(count) processes, rank \(rank)")
                    }
                }
            }
        }
    }

    @Test func gradientsAreThoseOfTheMeanOverTheBatch() throws {
        // Without batch statistics and random numbers, shards compute what the whole batch would: to rounding, for any cut, and for a loss that
        // is a mean over a part of the samples alone.
        let (x, y) = (Tensor.randn([23, 6], generator: Generator(seed: 1)), Tensor.randint(0, 3, [23], generator: Generator(seed: 2)))
        let data = TensorDataset(x, y)
        func net() -> Linear { withGenerator(Generator(seed: 3)) { Linear(6, 3) } }
        for ignored in [nil, 0] as [Int?] {
            let whole = net()
            func loss(_ output: Tensor, _ y: Tensor) -> Tensor {
                F.crossEntropy(output, y, ignoreIndex: ignored ?? -100)
            }
            let expected = loss(whole(x), y)
            expected.backward()
            for shards in [1, 2, 4, 8, 32] {
                for found in try processes(
                    min(shards, 4),
                    { group in
                        let module = net()
                        let model = try DistributedDataParallel(module, in: group, shards: shards)
                        let weight = ignored.map { ignored in { (_: Tensor, y: Tensor) in Double(y.ne(ignored).sum().item(Int.self)) } }
                        var difference = 0.0
                        for batch in DataLoader(data, batchSize: 23).sharded(by: model) {
                            let mean = model.backward(batch, weight: weight.map { weight in { weight($0.0, $0.1) } }) { x, y in
                                // A shard of none that count has no mean.
                                weight.map { $0(x, y) } == 0 ? module(x).sum() * 0 : loss(module(x), y)
                            }
                            difference = abs(mean.item() - expected.item())
                        }
                        for (own, all) in zip(module.parameters(), whole.parameters()) {
                            difference = max(difference, (own.grad! - all.grad!).abs().max().item())
                        }
                        return difference
                    })
                { #expect(found < 1e-6, "\(shards) shards") }
            }
        }
    }

    @Test func normsAreThoseOfAllGradients() throws {
        // Magnitudes from the smallest to the largest, beside each other and alone; the reference scales before it squares.
        let values: [[Double]] = [
            [3, 4], [0, -0.0], [1e-40, 2e-40], [3e38, -3e38, 1], [1, 1e-30], [.infinity, 1], [.nan, 1], [.nan, .infinity], [1e-45],
        ]
        for dtype in [DType.float32, .float64] {
            for case let numbers in values
                + (dtype == .float64 ? [[1e300, 1e300], [3e-290, 1e-290], [1e-200, 1], [1.7e308, 1.7e308]] : [])
            {
                for (count, isSharded) in [(1, false), (2, true), (4, true)] {
                    for (norm, gradient) in try processes(
                        count,
                        { group in
                            let module = Linear(numbers.count, 1, bias: false).to(dtype)
                            let model = try DistributedDataParallel(module, in: group)
                            let optimizer = SGD(module.parameters(), lr: 1)
                            if isSharded { try optimizer.sharded(by: model) }
                            // The first process has all of it: of parts of the smallest number nothing would be left.
                            let weights = Tensor(numbers, dtype: dtype)
                            model.backward(
                                group.isFirst ? (module.weight * weights).sum() * Double(group.size) : (module.weight * 0).sum())
                            let norm = try model.clipGradNorm_(optimizer, maxNorm: 1)
                            return (norm, isSharded ? [] : module.weight.grad!.reshape(-1).array(Double.self))
                        })
                    {
                        let exact = numbers.map { dtype == .float32 ? Double(Float($0)) : $0 }
                        let largest = exact.contains(where: \.isNaN) ? .nan : exact.map(\.magnitude).max()!
                        let scaled = exact.reduce(0) { $0 + ($1 / largest) * ($1 / largest) }.squareRoot() * largest
                        let expected = largest == 0 || !largest.isFinite ? largest : scaled
                        let isRight = norm.isNaN && expected.isNaN || norm == expected || abs(norm - expected) <= 4e-16 * expected
                        #expect(isRight, "\(numbers) \(dtype): \(norm), not \(expected), \(count) processes")
                        if expected > 1, expected.isFinite, !isSharded {
                            #expect(abs(gradient.reduce(0) { $0 + $1 * $1 }.squareRoot() - 1) < 1e-5, "\(numbers) \(dtype)")
                        }
                    }
                }
            }
        }
    }

    @Test func loopsOfOneLossAProcessGetTheMean() throws {
        let x = Tensor.randn([8, 6], generator: Generator(seed: 1))
        let gradients = try processes(4) { group in
            let module = withGenerator(Generator(seed: group.rank)) { Linear(6, 2) }
            let model = try DistributedDataParallel(module, in: group)
            var seen: [Int] = []
            let data = ListDataset(Array(0..<8))
            for rows in DataLoader(data, batchSize: 2, sampler: DistributedSampler(data, in: group)) {
                seen += rows.array(Int.self)
                model.backward(model(x[rows]).square().mean())
            }
            return (seen, module.weight.grad!.reshape(-1).array(Double.self), module.weight.reshape(-1).array(Double.self))
        }
        // All samples once, weights of the first process, one gradient.
        #expect(gradients.flatMap { $0.0 }.sorted() == Array(0..<8))
        for other in gradients { #expect(other.1 == gradients[0].1 && other.2 == gradients[0].2) }
    }

    @Test func statisticsOfAllProcesses() throws {
        let x = Tensor.randn([12, 5, 3], generator: Generator(seed: 1)), target = Tensor.randn([12, 5, 3], generator: Generator(seed: 2))
        func result(_ layer: BatchNorm1d, _ x: Tensor, _ gradient: Tensor, _ y: Tensor) -> [Tensor] {
            [y.detach(), gradient, layer.runningMean!.detach(), layer.runningVar!.detach()]
        }
        let alone = BatchNorm1d(5)
        let input = x.clone().requiresGrad_()
        let y = alone(input)
        ((y - target).square().sum()).backward()
        let expected = result(alone, x, input.grad!, y)
        let weights = alone.parameters().map { $0.grad! }
        for count in [1, 2, 3] {
            let found = try processes(count) { group in
                let layer = SyncBatchNorm.convert(BatchNorm1d(5), in: group)
                let own = (group.rank * 12 / count)..<((group.rank + 1) * 12 / count)
                let input = x[own].clone().requiresGrad_()
                let y = layer(input)
                ((y - target[own]).square().sum()).backward()
                let sums = try layer.parameters().map { parameter in
                    let sum = parameter.grad!.clone()
                    try group.allReduce(sum)
                    return sum
                }
                return (result(layer, x, input.grad!, y), sums)
            }
            for (rank, (own, sums)) in found.enumerated() {
                let rows = (rank * 12 / count)..<((rank + 1) * 12 / count)
                for (a, b) in zip(own, [expected[0][rows], expected[1][rows], expected[2], expected[3]]) {
                    #expect((a - b).abs().max().item() < 1e-5, "\(count) processes")
                }
                for (a, b) in zip(sums, weights) { #expect((a - b).abs().max().item() < 1e-4, "\(count) processes") }
            }
        }
    }

    @Test func whatCannotBeIsSaid() throws {
        func message(_ count: Int, _ body: @escaping (ProcessGroup) throws -> Void) -> String {
            do {
                _ = try processes(count, body)
                return ""
            } catch { return "\(error)" }
        }
        #expect(message(2) { _ = try DistributedDataParallel(Linear(2, 2), in: $0, shards: 3) }.contains("cannot be dealt"))
        #expect(message(2) { _ = try DistributedDataParallel(Linear(2, 2), in: $0, shards: 6) }.contains("1, 3 or 6 processes"))
        #expect(
            message(2) { _ = try DistributedDataParallel(Linear(2, 2 + $0.rank), in: $0) }.contains(
                "rank 0 has 'weight is float32 [2, 2]', rank 1 has 'weight is float32 [3, 2]'"))
        let stray = message(2) { group in
            let model = try DistributedDataParallel(Linear(2, 1), in: group)
            try checked { model(Tensor.ones([1, 2])).sum().backward() }
            try checked { model.backward(model(Tensor.ones([1, 2])).sum()) }
            try checked { model(Tensor.ones([1, 2])).sum().backward() }
        }
        #expect(stray.contains("call model.backward(loss)"), "\(stray)")
        let whole = message(1) { group in
            let model = try DistributedDataParallel(Linear(2, 2), in: group, shards: 2)
            try checked { model.backward(model(Tensor.ones([1, 2])).sum()) }
        }
        #expect(whole.contains("2 shards for 1 processes"))
        let statistics = message(2) {
            _ = try DistributedDataParallel(Sequential(Linear(2, 2), SyncBatchNorm(2, in: $0)), in: $0, shards: 4)
        }
        #expect(statistics.contains("4 shards for 2 processes"))
        let rule = message(1) { group in
            let model = try DistributedDataParallel(Linear(2, 2), in: group, shards: 2)
            try Muon([model.module.weight], lr: 0.1).sharded(by: model)
        }
        #expect(rule.contains("no rule for each element"))
    }
}
