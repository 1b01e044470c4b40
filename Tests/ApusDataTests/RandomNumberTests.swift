import ApusCore
import TestSupport
import Testing
@testable import ApusData

/// Samples with random numbers in them, of which some draw more than others.
private struct Noisy: Dataset {
    let count = 17
    subscript(index: Int) -> Tensor {
        for _ in 0..<(index % 3) { _ = Tensor.rand([3]) }
        return Tensor([Float(index), Tensor.rand([1]).item(Float.self)])
    }
}

/// The same in an order of the epoch's own.
private struct NoisyStream: IterableDataset {
    func makeIterator() -> SampleIterator<Tensor> {
        var rest = Tensor.randperm(17).array(Int.self)[...]
        return SampleIterator { rest.popFirst().map { Noisy()[$0] } }
    }
}

@Suite("A sample's random numbers depend on seed and position alone") struct RandomNumberTests {
    typealias Make = (_ batchSize: Int, _ workers: Int, _ prefetch: Int) -> DataLoader<Tensor>

    private func make<Data: Dataset>(_ data: Data) -> Make where Data.Batch == Tensor {
        { DataLoader(data, batchSize: $0, shuffle: true, generator: Generator(seed: 5), workers: $1, prefetch: $2) }
    }

    private func make<Data: Dataset>(_ data: Data, _ sampler: some Sampler<Int>) -> Make where Data.Batch == Tensor {
        { DataLoader(data, batchSize: $0, sampler: sampler, generator: Generator(seed: 5), workers: $1, prefetch: $2) }
    }

    private var kinds: [String: Make] {
        let weights = (0..<17).map { Double($0 % 5) }
        let parts = [Subset(Noisy(), [16, 4, 8, 2]), Subset(Noisy(), 0..<13)]
        return [
            "shuffled": make(Noisy()), "in order": make(Noisy(), SequentialSampler(Noisy())),
            "with replacement": make(Noisy(), RandomSampler(Noisy(), replacement: true, numSamples: 20)),
            "several rounds": make(Noisy(), RandomSampler(Noisy(), numSamples: 20)),
            "some": make(Noisy(), SubsetRandomSampler([3, 1, 16, 7, 7, 0, 5, 2])),
            "by weight": make(Noisy(), WeightedRandomSampler(weights, numSamples: 19)),
            "by weight, once": make(Noisy(), WeightedRandomSampler(weights, numSamples: 9, replacement: false)),
            "subset": make(Subset(Noisy(), [1, 5, 3, 16, 2, 9, 10, 4])), "parts": make(ConcatDataset(parts)),
            "any": make(ConcatDataset([AnyDataset(parts[0]), AnyDataset(Noisy())])),
            "mapped": make(Noisy().map { $0 + Tensor.rand([2]) }),
            "stream": { DataLoader(stream: NoisyStream(), batchSize: $0, generator: Generator(seed: 5), workers: $1, prefetch: $2) },
            "chain": {
                let chain = ChainDataset([NoisyStream(), NoisyStream()])
                return DataLoader(stream: chain, batchSize: $0, generator: Generator(seed: 5), workers: $1, prefetch: $2)
            },
            "batch sampler": {
                let batches = BatchSampler(RandomSampler(Noisy()), batchSize: $0)
                return DataLoader(Noisy(), batchSampler: batches, generator: Generator(seed: 5), workers: $1, prefetch: $2)
            },
        ]
    }

    /// The samples of what is left of an epoch, one row each.
    private func rows(_ loader: DataLoader<Tensor>) -> [[Float]] {
        loader.flatMap { batch in (0..<batch.size(0)).map { batch.select(0, $0).array(Float.self) } }
    }

    /// Neither the batch size nor the threads, nor where an epoch was left and gone on with, change a sample.
    @Test func whateverTheBatches() throws {
        for (kind, make) in kinds {
            let whole = rows(make(1, 0, 0))
            #expect(Set(whole.map { $0[1] }).count == whole.count, "\(kind): two samples have the same numbers")
            let second = make(1, 1, 2)
            _ = rows(second)
            #expect(rows(second) != whole, "\(kind): two epochs are equal")
            for (size, workers, prefetch) in [(1, 1, 1), (3, 1, 3), (3, 2, 1), (3, 4, 2), (7, 0, 2), (7, 3, 2), (7, 2, 0)] {
                #expect(rows(make(size, workers, prefetch)) == whole, "\(kind), \(size), \(workers), \(prefetch)")
            }
            for (size, workers) in [(1, 2), (3, 0), (7, 4)] {
                for stop in 0...(whole.count + size - 1) / size {
                    let first = make(size, workers, 2)
                    let iterator = first.makeIterator()
                    for _ in 0..<stop { _ = try iterator.nextBatch() }
                    let next = make(size, (workers + 1) % 3, 1)
                    next.resume(at: try #require(first.position))
                    #expect(rows(next) == Array(whole.dropFirst(stop * size)), "\(kind), from batch \(stop) of \(size)")
                    #expect(next.position == EpochPosition(seed: first.position!.seed, batch: (whole.count + size - 1) / size))
                }
            }
        }
    }

    /// What changes whole batches draws from the batch's generator: the same whatever the threads.
    @Test func alsoOfBatches() {
        func epoch(_ workers: Int) -> [[Float]] {
            let loader = DataLoader(Noisy(), batchSize: 4, shuffle: true, generator: Generator(seed: 2), workers: workers)
            return loader.mapBatches { $0 + Tensor.rand([$0.size(0), 2]) }.mapBatches { $0.array(Float.self) }.map { $0 }
        }
        #expect(epoch(0) == epoch(1) && epoch(1) == epoch(4) && epoch(0).count == 5)
    }
}
