import ApusCore

/// Batches of a data set, epoch after epoch. PyTorch: `torch.utils.data.DataLoader`.
///
/// ```swift
/// let train = try DataLoader(FashionMNIST(.train), batchSize: 64, shuffle: true)
/// for (images, labels) in train { … }                 // a sample that cannot be read traps
/// try train.forEach { images, labels in … }           // a sample that cannot be read throws
/// ```
/// Each loop is an epoch. The order of a shuffled epoch comes from a seed drawn from `generator` when the loop begins, so the same
/// generator state gives the same order on every device, for any number of threads and any `prefetch`.
/// Random numbers that a data set draws from the current generator depend only on that seed and the number of the batch.
///
/// With `prefetch` above 0 a separate thread makes up to that many batches ahead. The thread ends with the loop, however the loop ends.
/// Only one task may use a loader at a time.
// `Generator` needs its module's name here: inside a `Sequence` the plain name means a former associated type of the standard library.
public final class DataLoader<Batch>: Sequence {
    /// The data set, as it was given.
    public let dataset: any Dataset
    /// The number of samples in a batch.
    public let batchSize: Int
    /// Whether each epoch has its own random order.
    public let shuffle: Bool
    /// Whether a smaller last batch is left out.
    public let dropLast: Bool
    /// How many batches are made ahead; 0 makes none ahead, without a thread.
    public let prefetch: Int
    /// The number of samples of the data set.
    public let sampleCount: Int
    /// The generator of the seeds of shuffled epochs; nil means the current generator when an epoch begins.
    public let generator: ApusCore.Generator?

    private let read: ([Int]) throws -> Batch
    private var resumed: Position?
    /// The epoch of the latest loop and how many of its batches were returned; nil before the first loop.
    public private(set) var position: Position?

    /// A position in an epoch, for a checkpoint: ``DataLoader/resume(at:)`` continues from it with the same batches.
    public struct Position: Hashable, Sendable, Codable {
        /// The seed of the epoch's order.
        public var seed: UInt64
        /// How many batches were returned.
        public var batch: Int
        /// The position before batch number `batch` of the epoch with this seed.
        public init(seed: UInt64, batch: Int) {
            self.seed = seed
            self.batch = batch
        }
    }

    /// Batches of `dataset`, made by its own `batch(at:)`.
    public init<Data: Dataset>(
        _ dataset: Data, batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        prefetch: Int = 2
    ) where Data.Batch == Batch {
        if batchSize < 1 { fail("DataLoader", "batchSize is \(batchSize), it must be at least 1") }
        if prefetch < 0 { fail("DataLoader", "prefetch is \(prefetch), it must be at least 0") }
        self.batchSize = Swift.max(batchSize, 1)
        self.shuffle = shuffle
        self.dropLast = dropLast
        self.generator = generator
        self.prefetch = Swift.max(prefetch, 0)
        sampleCount = dataset.count
        self.dataset = dataset
        read = { try dataset.batch(at: $0) }
    }

    /// Batches that `collate` makes from samples. PyTorch: `collate_fn=`.
    public convenience init<Data: Dataset>(
        _ dataset: Data, batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        prefetch: Int = 2,
        collate: @escaping ([Data.Sample]) throws -> Batch
    ) {
        self.init(
            Collated(base: dataset, makeBatch: collate), batchSize: batchSize, shuffle: shuffle, dropLast: dropLast, generator: generator,
            prefetch: prefetch)
    }

    /// Batches of the samples in an array. PyTorch: a list as data set.
    public convenience init<Sample: Collatable>(
        _ samples: [Sample], batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        prefetch: Int = 2
    ) where Batch == Sample.Collated {
        self.init(
            Listed(samples: samples, makeBatch: Sample.collate), batchSize: batchSize, shuffle: shuffle, dropLast: dropLast,
            generator: generator, prefetch: prefetch)
    }

    /// Batches of the pairs in an array: `DataLoader(Array(zip(images, labels)), batchSize: 32)`.
    public convenience init<A: Collatable, B: Collatable>(
        _ samples: [(A, B)], batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        prefetch: Int = 2
    ) where Batch == (A.Collated, B.Collated) {
        self.init(
            Listed(samples: samples, makeBatch: collatedPairs), batchSize: batchSize, shuffle: shuffle, dropLast: dropLast,
            generator: generator, prefetch: prefetch)
    }

    /// Batches of the triples in an array.
    public convenience init<A: Collatable, B: Collatable, C: Collatable>(
        _ samples: [(A, B, C)], batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        prefetch: Int = 2
    ) where Batch == (A.Collated, B.Collated, C.Collated) {
        self.init(
            Listed(samples: samples, makeBatch: collatedTriples), batchSize: batchSize, shuffle: shuffle, dropLast: dropLast,
            generator: generator, prefetch: prefetch)
    }

    /// The same batches, each changed by `change` on the thread that makes it.
    private init(_ loader: DataLoader, _ change: @escaping (Batch) -> Batch) {
        (batchSize, shuffle, dropLast, prefetch) = (loader.batchSize, loader.shuffle, loader.dropLast, loader.prefetch)
        (sampleCount, generator, dataset) = (loader.sampleCount, loader.generator, loader.dataset)
        read = { [read = loader.read] in change(try read($0)) }
    }

    /// A loader of the same batches on `device`. The thread that makes a batch copies it there ahead of the loop, through pinned memory.
    /// The device's memory then holds up to `prefetch` batches and the one in use.
    /// PyTorch: `pin_memory=True` with `to(device, non_blocking=True)`.
    ///
    /// ```swift
    /// let train = try DataLoader(FashionMNIST(.train), batchSize: 64, shuffle: true).to(device)
    /// ```
    public func to(_ device: Device) -> DataLoader where Batch == (Tensor, Tensor) { DataLoader(self) { ($0.to(device), $1.to(device)) } }

    /// A loader of the same batches on `device`.
    public func to(_ device: Device) -> DataLoader where Batch == Tensor { DataLoader(self) { $0.to(device) } }

    /// A loader of the same batches on `device`.
    public func to(_ device: Device) -> DataLoader where Batch == (Tensor, Tensor, Tensor) {
        DataLoader(self) { ($0.to(device), $1.to(device), $2.to(device)) }
    }

    /// A loader of the same batches on `device`.
    public func to(_ device: Device) -> DataLoader where Batch == [String: Tensor] {
        DataLoader(self) { $0.mapValues { $0.to(device) } }
    }

    private struct Collated<Base: Dataset>: Dataset {
        let base: Base
        let makeBatch: ([Base.Sample]) throws -> Batch
        var count: Int { base.count }
        subscript(index: Int) -> Base.Sample { get throws { try base[index] } }
        func collate(_ samples: [Base.Sample]) throws -> Batch { try makeBatch(samples) }
    }

    private struct Listed<Sample>: Dataset {
        let samples: [Sample]
        let makeBatch: ([Sample]) throws -> Batch
        var count: Int { samples.count }
        subscript(index: Int) -> Sample { samples[index] }
        func collate(_ samples: [Sample]) throws -> Batch { try makeBatch(samples) }
    }

    /// The number of batches of an epoch. PyTorch: `len(loader)`.
    public var count: Int { dropLast ? sampleCount / batchSize : (sampleCount + batchSize - 1) / batchSize }

    public var underestimatedCount: Int { 0 }

    /// Begins an epoch, or continues the one given to ``resume(at:)``.
    public func makeIterator() -> Iterator {
        let start: Position
        if let resumed {
            start = resumed
            self.resumed = nil
        } else {
            start = Position(seed: (generator ?? .current).drawSeed(), batch: 0)
        }
        position = start
        return Iterator(self, start)
    }

    /// Makes the next loop continue at `position`, within that epoch, instead of beginning a new epoch.
    /// Traps on a position beyond the end of the epoch.
    public func resume(at position: Position) {
        guard position.batch >= 0, position.batch <= count else {
            fail(
                "DataLoader.resume",
                "batch \(position.batch) is out of range, an epoch has \(count); was the position saved with another data set or batch size?"
            )
            return
        }
        resumed = position
        self.position = position
    }

    /// The samples at `indices` as a batch, outside any epoch.
    package func read(at indices: [Int]) throws -> Batch { try checked { try noGrad { try read(indices) } } }

    /// Calls `body` with every batch of an epoch. Throws a ``DataError`` that names the sample that failed, and the errors of `body`.
    public func forEach(_ body: (Batch) throws -> Void) throws {
        let iterator = makeIterator()
        while let batch = try iterator.nextBatch() { try body(batch) }
    }

    /// A running epoch.
    public final class Iterator: IteratorProtocol {
        private let loader: DataLoader
        private let epoch: Epoch
        private var position: Position
        private var ahead: Prefetcher<Batch>?
        private var isThreadless = false
        private var isEnded = false

        fileprivate init(_ loader: DataLoader, _ start: Position) {
            self.loader = loader
            position = start
            epoch = Epoch(loader, start)
        }

        deinit { ahead?.stop() }

        /// The next batch, nil after the last. A sample that cannot be read traps, or fails the `checked` scope;
        /// ``nextBatch()`` and ``DataLoader/forEach(_:)`` throw instead.
        public func next() -> Batch? {
            do {
                return try nextBatch()
            } catch {
                fail(OpError("\(error)"))
                return nil
            }
        }

        /// The next batch, nil after the last. Throws a ``DataError`` that names the sample; after that there are no more batches.
        public func nextBatch() throws -> Batch? {
            guard !isEnded else { return nil }
            do {
                guard let batch = try take() else {
                    end()
                    return nil
                }
                // Two loops over one loader may overlap; the position is that of the later loop.
                let isLatest = loader.position == position
                position.batch += 1
                if isLatest { loader.position = position }
                return batch
            } catch {
                end()
                throw error
            }
        }

        private func take() throws -> Batch? {
            guard loader.prefetch > 0 else { return try epoch.next() }
            // The thread starts with the first requested batch; if the system cannot start one, batches are made here.
            if ahead == nil, !isThreadless {
                let prefetcher = Prefetcher(capacity: loader.prefetch) { [epoch] in try epoch.next() }
                if prefetcher.start() { ahead = prefetcher } else { isThreadless = true }
            }
            return if let ahead { try ahead.next() } else { try epoch.next() }
        }

        private func end() {
            isEnded = true
            ahead?.stop()
        }
    }

    /// Makes the batches of one epoch, on any thread. It copies what it needs from the loader.
    private final class Epoch {
        private let order: [Int]?
        private let read: ([Int]) throws -> Batch
        private let seed: UInt64
        private let (batchSize, sampleCount, count): (Int, Int, Int)
        private var batch: Int

        init(_ loader: DataLoader, _ start: Position) {
            order =
                loader.shuffle ? Tensor.randperm(loader.sampleCount, generator: ApusCore.Generator(seed: start.seed)).array(Int.self) : nil
            (batchSize, sampleCount, count) = (loader.batchSize, loader.sampleCount, loader.count)
            read = loader.read
            seed = start.seed
            batch = start.batch
        }

        func next() throws -> Batch? {
            guard batch < count else { return nil }
            let range = (batch * batchSize)..<Swift.min((batch + 1) * batchSize, sampleCount)
            let indices = order.map { Array($0[range]) } ?? Array(range)
            let number = batch
            batch += 1
            do {
                // Each batch has its own generator: the numbers depend neither on other draws nor on where a run was resumed.
                return try withGenerator(ApusCore.Generator(seed: mixed(seed &+ mixed(UInt64(number) &+ 1)))) {
                    try noGrad { try checked { try read(indices) } }
                }
            } catch let error as DataError {
                throw error
            } catch {
                throw DataError(batch: number, underlying: error)
            }
        }
    }
}

extension Generator {
    /// A seed for an independent stream of random numbers; advances this generator by one.
    package func drawSeed() -> UInt64 {
        let place = take(1)
        return mixed(place.seed &+ mixed(place.offset))
    }
}

/// The finalizer of SplitMix64: every bit of the result depends on every bit of `x`.
func mixed(_ x: UInt64) -> UInt64 {
    var z = x &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}
