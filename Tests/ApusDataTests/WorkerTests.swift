import ApusCore
import Glibc
import Synchronization
import TestSupport
import Testing
@testable import ApusData

/// Watches its readers: how many read at once, and which samples were begun.
private final class Watched: Dataset {
    let count = 200
    let slow: UInt32
    let broken: Set<Int>
    private let state = Mutex((begun: 0, now: 0, most: 0, threads: Set<UInt>()))
    var allowsConcurrentReads: Bool { true }

    init(slow: UInt32 = 500, broken: Set<Int> = []) { (self.slow, self.broken) = (slow, broken) }

    var begun: Int { state.withLock { $0.begun } }
    var most: Int { state.withLock { $0.most } }
    var threads: Int { state.withLock { $0.threads.count } }

    subscript(index: Int) -> Int {
        get throws {
            state.withLock {
                ($0.begun, $0.now) = ($0.begun + 1, $0.now + 1)
                $0.most = max($0.most, $0.now)
                $0.threads.insert(pthread_self())
            }
            defer { state.withLock { $0.now -= 1 } }
            // The first samples take longest, so that threads overtake each other.
            usleep(index % 4 == 0 ? 4 * slow : slow)
            if broken.contains(index) { throw Squares.Unreadable() }
            return index
        }
    }
}

@Suite struct WorkerTests {
    @Test(arguments: [2, 3, 4]) func batchesComeInOrderFromSeveralThreads(workers: Int) {
        let data = Watched()
        let loader = DataLoader(data, batchSize: 2, workers: workers)
        #expect(loader.flatMap { $0.array(Int.self) } == Array(0..<200))
        #expect(data.threads == workers && data.most <= workers && data.most > 1)
    }

    /// Batches that are made and not yet taken, or being made, are never more than workers · prefetch.
    @Test func onlySoManyAreMadeAhead() throws {
        for (workers, prefetch) in [(1, 1), (1, 3), (2, 1), (2, 3), (4, 2)] {
            let data = Watched(slow: 100)
            let iterator = DataLoader(data, batchSize: 1, workers: workers, prefetch: prefetch).makeIterator()
            for taken in 1...20 {
                _ = try iterator.nextBatch()
                #expect(data.begun <= taken + workers * prefetch)
            }
            for _ in 0..<2000 where data.begun < 20 + workers * prefetch { usleep(1000) }
            usleep(3000)
            #expect(data.begun == 20 + workers * prefetch, "\(workers), \(prefetch)")
        }
    }

    /// An error comes where its batch would, whatever was made meanwhile; then all threads have ended.
    @Test(arguments: [0, 1, 2, 4]) func anErrorComesInItsPlace(workers: Int) {
        let data = Watched(slow: 100, broken: [50, 52, 57])
        var seen: [Int] = []
        let error = message { try DataLoader(data, batchSize: 2, workers: workers).forEach { seen += $0.array(Int.self) } }
        #expect(error == "sample 50: no such square" && seen == Array(0..<50))
        let begun = data.begun
        usleep(5000)
        #expect(data.begun == begun)
    }

    /// Whoever asks on after an error waits for nothing, however many of the items behind it have failed too.
    @Test(arguments: [1, 3]) func afterAnErrorThereIsNothing(threads: Int) throws {
        struct Broken: Error {}
        var next = 0
        let prefetcher = Prefetcher<Int>(capacity: 6) {
            let number = next
            next += 1
            return { () throws in if number >= 4 { throw Broken() } else { number } }
        }
        #expect(prefetcher.start(threads: threads))
        defer { prefetcher.stop() }
        for number in 0..<4 { #expect(try prefetcher.next() == number) }
        #expect(throws: Broken.self) { try prefetcher.next() }
        for _ in 0..<8 { #expect(try prefetcher.next() == nil) }
    }

    @Test func aLoopThatIsLeftEndsAllThreads() {
        for workers in [1, 2, 4] {
            let data = Watched(slow: 200)
            let loader = DataLoader(data, batchSize: 1, workers: workers, prefetch: 2)
            for batch in loader where batch.item() == 7 { break }
            let begun = data.begun
            #expect(begun >= 8 && begun <= 8 + 2 * workers)
            usleep(10_000)
            #expect(data.begun == begun)
            // The loader serves another loop afterwards.
            #expect(loader.prefix(3).map { $0.item(Int.self) } == [0, 1, 2])
        }
    }

    @Test func aStreamIsReadByOneThreadAtATime() {
        struct Stream: IterableDataset {
            let data = Watched(slow: 50)
            func makeIterator() -> SampleIterator<Int> {
                var index = 0
                return SampleIterator {
                    defer { index += 1 }
                    return index < data.count ? try data[index] : nil
                }
            }
        }
        let stream = Stream()
        let loader = DataLoader(stream: stream, batchSize: 3, workers: 4).mapBatches { batch in
            usleep(300)
            return batch
        }
        #expect(loader.flatMap { $0.array(Int.self) } == Array(0..<200))
        #expect(stream.data.most == 1)
    }

    /// A class may change itself as it reads, and says so if it does not; what is built on it asks it.
    @Test func classesSayWhetherTheyMayBeReadAtOnce() {
        final class Counter: Dataset {
            let count = 4
            var reads = 0
            subscript(index: Int) -> Int {
                reads += 1
                return index
            }
        }
        let data = Counter()
        func refuses(_ body: @escaping () -> Void) -> Bool {
            message { try checked(body) }.contains("does not say that several threads may read it at once")
        }
        #expect(refuses { _ = DataLoader(data, workers: 2) })
        #expect(refuses { _ = DataLoader(Subset(data, [0]), workers: 2) })
        #expect(refuses { _ = DataLoader(ConcatDataset([data, data]), shuffle: true, workers: 2) })
        #expect(refuses { _ = DataLoader(data.map { $0 + 1 }, sampler: SequentialSampler(data), workers: 2) })
        #expect(refuses { _ = DataLoader(StackDataset(TensorDataset(numbers([4])), data), workers: 2) })
        #expect(refuses { _ = DataLoader(AnyDataset(data), workers: 2) })
        #expect(DataLoader(data, batchSize: 4, workers: 1).map { $0.array(Int.self) } == [[0, 1, 2, 3]])
        #expect(DataLoader(data.map { $0 + 1 }, batchSize: 4).map { $0.array(Int.self) } == [[1, 2, 3, 4]])
    }

    /// Tensors that all threads read are only read: views of one tensor, gathered rows, sums.
    @Test func threadsShareTensors() {
        let x = numbers([64, 8])
        x.requiresGrad = true
        let data = TensorDataset(x.transpose(0, 1).contiguous().transpose(0, 1), x).map { ($0 * 2 + x.sum(), $1.mean()) }
        func epoch(_ workers: Int) -> [[Float]] {
            DataLoader(data, batchSize: 3, shuffle: true, generator: Generator(seed: 1), workers: workers)
                .map { $0.array(Float.self) + $1.array(Float.self) }
        }
        #expect(epoch(4) == epoch(0))
    }

    @Test(arguments: Device.tested, [2, 4]) func batchesComeToADevice(_ device: Device, workers: Int) {
        let data = TensorDataset(numbers([50, 3]), Tensor.arange(50))
        let loader = DataLoader(data, batchSize: 4, workers: workers)
        for ((x, y), (a, b)) in zip(loader.to(device), loader) {
            #expect(x.device == device && x.array(Float.self) == a.array(Float.self) && y.array(Int.self) == b.array(Int.self))
        }
        let four = DataLoader(TensorDataset([numbers([5, 2]), numbers([5]), numbers([5]), numbers([5])]), batchSize: 2).to(device)
        #expect(four.map { $0.map { $0.device == device ? $0.numel : 0 } } == [[4, 2, 2, 2], [4, 2, 2, 2], [2, 1, 1, 1]])
    }
}
