import ApusCore

/// Batches of a data set, epoch after epoch. PyTorch: `torch.utils.data.DataLoader`.
///
/// ```swift
/// let train = try DataLoader(FashionMNIST(.train), batchSize: 64, shuffle: true)
/// for (images, labels) in train { … }                 // a sample that cannot be read traps
/// try train.forEach { images, labels in … }           // a sample that cannot be read throws
/// ```
/// Each loop is an epoch. Its order comes from a seed drawn from `generator` when the loop begins, so the same generator state gives the
/// same order on every device, for any number of threads. Random numbers that a data set draws from the current generator depend only on
/// that seed and the position of the sample in the epoch: neither on the batch size nor on `workers`, `prefetch` and where an epoch was
/// resumed. Those that a collate function or ``mapBatches(_:)`` draws depend on the seed and the position of the batch's first sample.
///
/// `workers` threads make whole batches, each up to `prefetch` batches ahead: up to `workers · prefetch` batches are ready or in progress
/// (PyTorch: `num_workers` and `prefetch_factor`, with threads in place of processes). Batches are returned in order. If either is 0, each
/// batch is made on the caller's thread when it is asked for. The threads end with the loop, however the loop ends. With more than one
/// worker, several threads read the data set at once: see ``Dataset`` for what that requires.
///
/// Only one task may use a loader at a time.
// `Generator` needs its module's name here: inside a `Sequence` the plain name means a former associated type of the standard library.
public final class DataLoader<Batch>: Sequence {
    /// A position in an epoch.
    public typealias Position = EpochPosition

    private let settings: LoaderSettings
    private let source: BatchSource<Batch>
    private let data: (any Dataset)?
    private var resumed: Position?
    /// The epoch of the latest loop and how many of its batches were returned; nil before the first loop.
    public private(set) var position: Position?

    /// The number of samples in a batch; nil with a batch sampler.
    public var batchSize: Int? { settings.batchSize }
    /// Whether each epoch has its own random order of all samples.
    public var shuffle: Bool { settings.shuffle }
    /// Whether a smaller last batch is left out.
    public var dropLast: Bool { settings.dropLast }
    /// How many threads make batches; 0 makes them on the thread that takes them.
    public var workers: Int { settings.workers }
    /// How many batches each worker makes ahead; 0 makes none ahead, without a thread.
    public var prefetch: Int { settings.prefetch }
    /// The generator of the epochs' seeds; nil means the current generator when an epoch begins.
    public var generator: ApusCore.Generator? { settings.generator }

    /// The number of samples of an epoch, without regard to `dropLast`; nil with a batch sampler, and for a stream of unknown length.
    public var sampleCount: Int? { source.sampleCount }

    /// The number of batches of an epoch; nil for a stream of unknown length.
    package var knownCount: Int? { source.count }

    /// The number of batches of an epoch. PyTorch: `len(loader)`. Traps for a stream that does not know its number of samples.
    public var count: Int {
        if let count = source.count { return count }
        fail("DataLoader.count", "the stream does not know its number of samples; give it a count")
        return 0
    }

    /// The data set, as it was given. Traps for a loader of a stream.
    public var dataset: any Dataset {
        if let data { return data }
        fail("DataLoader.dataset", "the loader reads a stream, which is no data set")
        return ListDataset([Tensor]())
    }

    public var underestimatedCount: Int { 0 }

    init(_ source: BatchSource<Batch>, _ data: (any Dataset)?, _ settings: LoaderSettings) {
        for (name, value, least) in [
            ("batchSize", settings.batchSize ?? 1, 1), ("workers", settings.workers, 0), ("prefetch", settings.prefetch, 0),
        ] where value < least { fail("DataLoader", "\(name) is \(value), it must be at least \(least)") }
        if settings.workers > 1, let data, !data.allowsConcurrentReads {
            fail(
                "DataLoader",
                "workers is \(settings.workers), and \(type(of: data)) does not say that several threads may read it at once; "
                    + "if they may, let it declare: var allowsConcurrentReads: Bool { true }")
        }
        (self.source, self.data) = (source, data)
        var settings = settings
        (settings.workers, settings.prefetch) = (Swift.max(settings.workers, 0), Swift.max(settings.prefetch, 0))
        self.settings = settings
    }

    /// A loader of the same batches, each transformed by `change`, for example to mix the samples of a batch for training.
    ///
    /// The worker that makes a batch calls `change`, on several threads at once if there is more than one of `workers`, with gradients off,
    /// and under the batch's generator, from which it may draw. Errors are reported like those of the data set. (The `map` that every
    /// sequence has instead runs through a whole epoch at once and returns an array.) At the top level of `main.swift` pass a function: a
    /// closure there is isolated to the main actor, and Swift traps where it passes another closure to the standard library on a worker
    /// thread.
    public func mapBatches<Changed>(_ change: @escaping (Batch) throws -> Changed) -> DataLoader<Changed> {
        DataLoader<Changed>(source.map(change), data, settings)
    }

    /// A loader of the same batches, cut into shards, of which this process makes only its own. Random numbers belong to samples, so they
    /// do not depend on the sharding. `agree` makes the epoch's seed the same on all processes: it takes this process's seed and returns
    /// that of rank 0.
    package func sharded(_ sharding: Sharding, agree: ((UInt64) throws -> UInt64)? = nil) -> DataLoader<ShardedBatch<Batch>> {
        var settings = settings
        settings.agree = agree
        return DataLoader<ShardedBatch<Batch>>(source.sharded(sharding), data, settings)
    }

    /// Makes the next loop continue an epoch at `position` instead of starting a new one. Traps on a position beyond the end of the epoch.
    public func resume(at position: Position) {
        guard position.batch >= 0, position.batch <= source.count ?? .max else {
            fail(
                "DataLoader.resume",
                "batch \(position.batch) is out of range, an epoch has \(source.count ?? 0); was the position saved with another data set or batch size?"
            )
            return
        }
        resumed = position
        self.position = position
    }

    /// Starts an epoch, or continues the one passed to ``resume(at:)``.
    public func makeIterator() -> Iterator {
        var start = resumed ?? Position(seed: (generator ?? .current).drawSeed(), batch: 0)
        var failure: (any Error)?
        do { if let agree = settings.agree { start.seed = try agree(start.seed) } } catch { failure = error }
        resumed = nil
        position = start
        return Iterator(self, source.begin(start), start, failure)
    }

    /// Calls `body` with every batch of an epoch. Throws a ``DataError`` that names the sample that failed, and the errors of `body`.
    public func forEach(_ body: (Batch) throws -> Void) throws {
        let iterator = makeIterator()
        while let batch = try iterator.nextBatch() { try body(batch) }
    }

    /// The samples at `indices` as a batch, outside any epoch; nil for a stream.
    package func read(at indices: [Int]) throws -> Batch? {
        try source.read.map { read in try checked { try noGrad { try read(indices) } } }
    }

    /// The number of samples in the first `batch` batches of the epoch with this seed; nil if unknown until its end.
    package func samples(before batch: Int, seed: UInt64) -> Int? { source.begin(Position(seed: seed, batch: 0)).samples(batch) }

    /// Moves the position, unless a later loop has started since: two loops over one loader may overlap.
    fileprivate func move(from old: Position, to new: Position) {
        if position == old { position = new }
    }
}

/// The options of a loader, without its source.
struct LoaderSettings {
    var batchSize: Int?
    var shuffle = false
    var dropLast = false
    var generator: Generator?
    var workers: Int, prefetch: Int
    /// Makes the seed of an epoch the same on all processes.
    var agree: ((UInt64) throws -> UInt64)?
}

extension DataLoader {
    /// A running epoch.
    public final class Iterator: IteratorProtocol {
        private typealias Made = (batch: Batch, samples: Int)
        private let loader: DataLoader
        private let epoch: Epoch<Batch>
        private var position: Position
        private var ahead: Prefetcher<Made>?
        private var isThreadless: Bool
        private var isEnded = false
        /// The number of samples in the batch that was returned last.
        package private(set) var sampleCount = 0

        /// The error that prevents the epoch from starting.
        private var failure: (any Error)?

        fileprivate init(_ loader: DataLoader, _ epoch: Epoch<Batch>, _ start: Position, _ failure: (any Error)?) {
            (self.loader, self.epoch, position, self.failure) = (loader, epoch, start, failure)
            isThreadless = loader.prefetch == 0 || loader.workers == 0
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
                if let failure { throw failure }
                guard let made = try take() else {
                    end()
                    return nil
                }
                let old = position
                position.batch += 1
                loader.move(from: old, to: position)
                sampleCount = made.samples
                return made.batch
            } catch {
                end()
                throw error
            }
        }

        /// The number of samples in a range of batches; nil if unknown until the epoch's end.
        package func samples(in batches: Range<Int>) -> Int? {
            epoch.samples(batches.upperBound).flatMap { end in epoch.samples(batches.lowerBound).map { end - $0 } }
        }

        private func take() throws -> Made? {
            // The threads start with the first batch that is asked for; if the system cannot start any, batches are made here.
            if ahead == nil, !isThreadless {
                let prefetcher = Prefetcher<Made>(capacity: loader.workers * loader.prefetch) { [epoch, seed = position.seed] in
                    try epoch.next().map { pending in { try Self.made(pending, seed) } }
                }
                if prefetcher.start(threads: loader.workers) { ahead = prefetcher } else { isThreadless = true }
            }
            if let ahead { return try ahead.next() }
            return try epoch.next().map { try Self.made($0, position.seed) }
        }

        private static func made(_ pending: PendingBatch<Batch>, _ seed: UInt64) throws -> Made {
            (try pending.made(0..<pending.samples, seed: seed), pending.samples)
        }

        private func end() {
            isEnded = true
            ahead?.stop()
        }
    }
}
