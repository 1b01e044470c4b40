import ApusCore
import Foundation
import Synchronization
import TestSupport
import Testing
@testable import ApusData

@Suite struct DataLoaderTests {
    func epoch(_ loader: DataLoader<Tensor>) -> [[Float]] { loader.map { $0.array(Float.self) } }

    @Test(arguments: [0, 1, 2, 5])
    func everySampleComesOnceInOrder(prefetch: Int) {
        let loader = DataLoader(TensorDataset(numbers([10])), batchSize: 4, prefetch: prefetch)
        #expect(loader.count == 3)
        #expect(epoch(loader) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
        #expect(
            epoch(DataLoader(TensorDataset(numbers([10])), batchSize: 4, dropLast: true, prefetch: prefetch)) == [
                [0, 1, 2, 3], [4, 5, 6, 7],
            ])
        #expect(epoch(DataLoader(TensorDataset(numbers([0])), prefetch: prefetch)) == [])
        #expect(epoch(DataLoader(TensorDataset(numbers([2])), prefetch: prefetch)) == [[0], [1]])
    }

    @Test func theGeneratorAloneDecidesTheOrder() {
        func epochs(_ seed: UInt64, prefetch: Int) -> [[[Float]]] {
            let loader = DataLoader(
                TensorDataset(numbers([50])), batchSize: 8, shuffle: true, generator: Generator(seed: seed), prefetch: prefetch)
            return (0..<3).map { _ in epoch(loader) }
        }
        let first = epochs(1, prefetch: 2)
        #expect(first == epochs(1, prefetch: 0))
        #expect(first != epochs(2, prefetch: 2))
        #expect(first[0] != first[1] && first[1] != first[2])
        for order in first { #expect(order.flatMap { $0 }.sorted() == (0..<50).map { Float($0) }) }
        // Without a generator of its own, the loader uses the current one.
        let loader = DataLoader(TensorDataset(numbers([50])), batchSize: 8, shuffle: true)
        #expect(withGenerator(Generator(seed: 1)) { (0..<3).map { _ in epoch(loader) } } == first)
    }

    /// Wherever a run is stopped, a resumed one gets the batches that would have followed.
    @Test(arguments: [0, 3])
    func aResumedEpochGoesOn(prefetch: Int) throws {
        func make() -> (DataLoader<Tensor>, Generator) {
            let generator = Generator(seed: 5)
            return (DataLoader(Noisy(), batchSize: 3, shuffle: true, generator: generator, prefetch: prefetch), generator)
        }
        let (whole, _) = make()
        let epochs = [epoch(whole), epoch(whole)]
        for stop in 0...whole.count {
            let (first, generator) = make()
            _ = epoch(first)
            let iterator = first.makeIterator()
            for _ in 0..<stop { _ = iterator.next() }
            let saved = try JSONDecoder().decode(DataLoader<Tensor>.Position.self, from: JSONEncoder().encode(#require(first.position)))
            #expect(saved.batch == stop)
            let (second, other) = make()
            other.state = generator.state
            second.resume(at: saved)
            #expect(epoch(second) == Array(epochs[1][stop...]))
            #expect(second.position?.batch == whole.count)
            // The following epoch is the same as without the interruption, too.
            let (third, _) = make()
            let thirds = (0..<3).map { _ in epoch(third) }
            #expect(epoch(second) == thirds[2])
        }
    }

    /// Adds random numbers to its samples, like augmentation.
    struct Noisy: Dataset {
        let count = 10
        subscript(index: Int) -> Tensor { Tensor([Float(index)], shape: [1]) + Tensor.rand([1]) }
    }

    @Test func randomNumbersOfADatasetDependOnTheEpochsSeedAlone() {
        func epochs(prefetch: Int, disturb: Bool) -> [[[Float]]] {
            withGenerator(Generator(seed: 3)) {
                let loader = DataLoader(Noisy(), batchSize: 4, generator: Generator(seed: 1), prefetch: prefetch)
                return (0..<2).map { _ in
                    loader.map { batch in
                        if disturb { _ = Tensor.rand([100]) }
                        return batch.array(Float.self)
                    }
                }
            }
        }
        let plain = epochs(prefetch: 0, disturb: false)
        #expect(plain == epochs(prefetch: 3, disturb: true))
        #expect(plain[0] != plain[1])
    }

    @Test(arguments: [0, 2])
    func forEachThrowsWhatASampleThrows(prefetch: Int) throws {
        let loader = DataLoader(Squares(broken: 50), batchSize: 8, prefetch: prefetch)
        var seen = 0
        let error = message { try loader.forEach { x, y in seen += x.size(0) } }
        #expect(error == "sample 50: no such square")
        #expect(seen == 48)
        // Errors that the body throws are passed on unchanged.
        struct Stop: Error {}
        #expect(throws: Stop.self) { try loader.forEach { _ in throw Stop() } }
        // A loop within `checked` ends with the same message.
        #expect(message { try checked { for _ in loader {} } } == "sample 50: no such square")
    }

    @Test func aPlainLoopTrapsWithTheSameText() async throws {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            for _ in DataLoader(Squares(broken: 50), batchSize: 8) {}
        }
        let text = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
        #expect(text.contains("Apus: sample 50: no such square"), "\(text)")
    }

    @Test func collationMayBeOnesOwn() {
        let loader = DataLoader(Squares(count: 5), batchSize: 2) { samples in samples.map { $0.1.item(Int.self) } }
        #expect(Array(loader) == [[0, 1], [4, 9], [16]])
    }

    @Test func batchesRecordNoGraph() {
        let x = numbers([4, 2])
        x.requiresGrad = true
        #expect(DataLoader(TensorDataset(x), batchSize: 2).allSatisfy { !$0.requiresGrad })
    }

    /// Counts the reads.
    final class Watched: Dataset {
        let count = 1000
        let reads = Mutex(0)
        subscript(index: Int) -> Tensor {
            reads.withLock { $0 += 1 }
            usleep(200)
            return Tensor([Float(index)], shape: [1])
        }
    }

    @Test func aLoopThatEndsEarlyEndsTheThread() {
        let watched = Watched()
        let loader = DataLoader(watched, batchSize: 1, prefetch: 3)
        for batch in loader where batch.item() == 5 { break }
        let after = watched.reads.withLock { $0 }
        // Six were taken, at most three are waiting, and one may have been in progress.
        #expect(after >= 6 && after <= 10)
        usleep(20_000)
        #expect(watched.reads.withLock { $0 } == after)
        // An iterator that is released before its first use starts no thread.
        _ = loader.makeIterator()
        #expect(watched.reads.withLock { $0 } == after)
    }

    @Test func itWorksAhead() {
        let watched = Watched()
        let iterator = DataLoader(watched, batchSize: 1, prefetch: 4).makeIterator()
        _ = iterator.next()
        for _ in 0..<2000 where watched.reads.withLock({ $0 }) < 5 { usleep(1000) }
        usleep(5000)
        #expect(watched.reads.withLock { $0 } == 5)
    }

    @Test func manyLoopsAtOnce() async {
        let sums = await withTaskGroup(of: Float.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let loader = DataLoader(
                        TensorDataset(numbers([300])), batchSize: 7, shuffle: true, generator: Generator(seed: 1), prefetch: 2)
                    return loader.reduce(0) { $0 + $1.array(Float.self).reduce(0, +) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(sums == [Float](repeating: 44850, count: 8))
    }

    /// The batches are the same for every device and prefetch count; a loop that is left early leaves nothing behind.
    @Test(arguments: Device.tested, [0, 2]) func batchesComeToADevice(_ device: Device, prefetch: Int) {
        let data = TensorDataset(numbers([50, 3]), Tensor.arange(50))
        func loader() -> DataLoader<(Tensor, Tensor)> {
            DataLoader(data, batchSize: 8, shuffle: true, generator: Generator(seed: 4), prefetch: prefetch)
        }
        let there = loader().to(device)
        #expect(there.count == 7 && there.batchSize == 8 && there.sampleCount == 50)
        for ((x, y), (expectedX, expectedY)) in zip(there, loader()) {
            #expect(x.device == device && y.device == device)
            #expect(x.array(Float.self) == expectedX.array(Float.self) && y.array(Int.self) == expectedY.array(Int.self))
        }
        for (x, _) in there where x.shape[0] == 8 { break }
        #expect(there.position?.batch == 1)
        #expect(DataLoader(TensorDataset(numbers([5])), batchSize: 2).to(device).map { $0.sum().item() } == [1, 5, 4])
    }

    @Test func wrongArgumentsAreProgrammingErrors() {
        let data = TensorDataset(numbers([4]))
        #expect(message { _ = try checked { DataLoader(data, batchSize: 0) } } == "DataLoader: batchSize is 0, it must be at least 1")
        #expect(message { _ = try checked { DataLoader(data, prefetch: -1) } }.contains("prefetch is -1"))
        #expect(message { try checked { DataLoader(data, batchSize: 2).resume(at: .init(seed: 1, batch: 3)) } }.contains("an epoch has 2"))
    }
}
