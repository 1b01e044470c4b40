import ApusCore

/// Batches of a data set, epoch after epoch. PyTorch: `torch.utils.data.DataLoader`.
///
/// ```swift
/// let train = try DataLoader(FashionMNIST(.train), batchSize: 64, shuffle: true)
/// for (images, labels) in train { … }                 // an unreadable sample ends the program
/// try train.forEach { images, labels in … }           // an unreadable sample is thrown
/// ```
/// Each loop is an epoch. A shuffled epoch's order comes from a seed that is drawn from `generator` when the loop begins, so the same generator
/// state gives the same order on every device, however many threads there are and however far the loader works ahead.
/// Random numbers that a data set draws itself (from the current generator) depend on that seed and the batch's number alone.
///
/// With `prefetch` above 0 a thread of its own makes up to that many batches ahead. The thread ends with the loop, however the loop ends.
/// A loader belongs to one task at a time.
// `Generator` is spelled with its module here: inside a `Sequence`, the plain name is an old one of the standard library's.
public final class DataLoader<Batch>: Sequence {
    /// Samples a batch.
    public let batchSize: Int
    /// Whether each epoch has a random order of its own.
    public let shuffle: Bool
    /// Whether a last batch that would be smaller is left out.
    public let dropLast: Bool
    /// How many batches are made ahead; 0: none, and no thread.
    public let prefetch: Int
    /// The number of samples of the data set.
    public let sampleCount: Int
    /// Where the seeds of shuffled epochs come from; nil: the current generator when an epoch begins.
    public let generator: ApusCore.Generator?

    private let read: ([Int]) throws -> Batch
    private var resumed: Position?
    /// The epoch of the latest loop and how many of its batches were handed out; nil before the first.
    public private(set) var position: Position?

    /// A place in an epoch, for a checkpoint: ``DataLoader/resume(at:)`` goes on from it with the batches that would have come.
    public struct Position: Hashable, Sendable, Codable {
        /// What the epoch's order was made from.
        public var seed: UInt64
        /// How many batches were handed out.
        public var batch: Int
        /// The epoch with this seed, before this batch.
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
        read = { try dataset.batch(at: $0) }
    }

    /// Batches that `collate` makes of a batch's samples. PyTorch: `collate_fn=`.
    public convenience init<Data: Dataset>(
        _ dataset: Data, batchSize: Int = 1, shuffle: Bool = false, dropLast: Bool = false, generator: ApusCore.Generator? = nil,
        prefetch: Int = 2,
        collate: @escaping ([Data.Sample]) throws -> Batch
    ) {
        self.init(
            Collated(base: dataset, makeBatch: collate), batchSize: batchSize, shuffle: shuffle, dropLast: dropLast, generator: generator,
            prefetch: prefetch)
    }

    /// The same batches, each changed by `change` where it is made: ahead of the loop, on the loader's thread.
    private init(_ loader: DataLoader, _ change: @escaping (Batch) -> Batch) {
        (batchSize, shuffle, dropLast, prefetch) = (loader.batchSize, loader.shuffle, loader.dropLast, loader.prefetch)
        (sampleCount, generator) = (loader.sampleCount, loader.generator)
        read = { [read = loader.read] in change(try read($0)) }
    }

    /// A loader of the same batches on `device`: they are copied there ahead of the loop, by the thread that makes them, through memory that
    /// the device fetches from by itself. A batch takes the device's memory from then on: `prefetch` of them, and the one in use.
    /// PyTorch: `pin_memory=True` with `to(device, non_blocking=True)`.
    ///
    /// ```swift
    /// let train = try DataLoader(FashionMNIST(.train), batchSize: 64, shuffle: true).to(device)
    /// ```
    public func to(_ device: Device) -> DataLoader where Batch == (Tensor, Tensor) { DataLoader(self) { ($0.to(device), $1.to(device)) } }

    /// A loader of the same batches on `device`.
    public func to(_ device: Device) -> DataLoader where Batch == Tensor { DataLoader(self) { $0.to(device) } }

    private struct Collated<Base: Dataset>: Dataset {
        let base: Base
        let makeBatch: ([Base.Sample]) throws -> Batch
        var count: Int { base.count }
        subscript(index: Int) -> Base.Sample { get throws { try base[index] } }
        func collate(_ samples: [Base.Sample]) throws -> Batch { try makeBatch(samples) }
    }

    /// The number of batches of an epoch. PyTorch: `len(loader)`.
    public var count: Int { dropLast ? sampleCount / batchSize : (sampleCount + batchSize - 1) / batchSize }

    public var underestimatedCount: Int { 0 }

    /// Begins an epoch, or goes on with the one that ``resume(at:)`` named.
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

    /// Makes the next loop go on at `position`, within the epoch it names, instead of beginning a new epoch.
    /// A position that is not within the loader's epoch is a programming error.
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

    /// The samples of those numbers as a batch, outside of any epoch.
    package func read(at indices: [Int]) throws -> Batch { try checked { try noGrad { try read(indices) } } }

    /// Calls `body` with every batch of an epoch. Throws what a sample throws, as a ``DataError`` that names it, and what `body` throws.
    public func forEach(_ body: (Batch) throws -> Void) throws {
        let iterator = makeIterator()
        while let batch = try iterator.nextBatch() { try body(batch) }
    }

    /// An epoch under way.
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

        /// The next batch, nil after the last. A sample that cannot be read ends the program, or fails the `checked` scope;
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
                // Two loops over one loader may overlap; the position is that of the later.
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
            // The thread starts with the first batch that is asked for; where the system has none to give, batches are made here.
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

    /// What makes the batches of one epoch, on whichever thread. It copies what it needs of the loader.
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
                // A stream a batch: what a data set draws does not depend on who draws meanwhile, nor on where a run was resumed.
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
    /// A seed for a stream that is independent of this one, at the price of one counter.
    package func drawSeed() -> UInt64 {
        let place = take(1)
        return mixed(place.seed &+ mixed(place.offset))
    }
}

/// SplitMix64's finalizer: every bit of the result depends on every bit of `x`.
func mixed(_ x: UInt64) -> UInt64 {
    var z = x &+ 0x9E37_79B9_7F4A_7C15
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
}
