import ApusCore

/// A position in an epoch, for a checkpoint: ``DataLoader/resume(at:)`` continues from it with the same batches.
public struct EpochPosition: Hashable, Sendable, Codable {
    /// The seed of the epoch: of its order and of the random numbers of its samples.
    public var seed: UInt64
    /// How many batches were returned.
    public var batch: Int
    /// The position before batch number `batch` of the epoch with this seed.
    public init(seed: UInt64, batch: Int) {
        self.seed = seed
        self.batch = batch
    }
}

/// What a loader reads an epoch's batches from: batches of indices into a data set, or pieces of a stream.
struct BatchSource<Batch> {
    /// The number of batches and of samples in an epoch; nil if unknown until its end.
    let count: Int?, sampleCount: Int?
    /// Starts an epoch at a position.
    let begin: (EpochPosition) -> Epoch<Batch>
    /// Reads the samples at some indices as a batch, outside any epoch; nil for a stream.
    let read: (([Int]) throws -> Batch)?

    /// The same batches, each changed by `change`.
    func map<Changed>(_ change: @escaping (Batch) throws -> Changed) -> BatchSource<Changed> {
        BatchSource<Changed>(
            count: count, sampleCount: sampleCount, begin: { begin($0).map(change) },
            read: read.map { read in { try change(try read($0)) } })
    }
}

/// The batches of one epoch, in order.
struct Epoch<Batch> {
    /// Claims the next batch; nil after the last. One thread at a time calls this; any thread may make the batches.
    let next: () throws -> PendingBatch<Batch>?
    /// The number of samples in the batches before a given one; nil if unknown until the epoch's end.
    let samples: (_ before: Int) -> Int?

    func map<Changed>(_ change: @escaping (Batch) throws -> Changed) -> Epoch<Changed> {
        Epoch<Changed>(next: { try next()?.map(change) }, samples: samples)
    }
}

/// A batch that has been claimed but not made yet.
struct PendingBatch<Batch> {
    /// Its index in the epoch, the position of its first sample in the epoch, and its number of samples.
    let number: Int, first: Int, samples: Int
    /// Makes a batch of some of these samples.
    let make: (_ samples: Range<Int>) throws -> Batch

    func map<Changed>(_ change: @escaping (Batch) throws -> Changed) -> PendingBatch<Changed> {
        PendingBatch<Changed>(number: number, first: first, samples: samples) { try change(try make($0)) }
    }

    /// Makes a batch of some of these samples under the generator that belongs to them in the epoch with this seed.
    func made(_ samples: Range<Int>, seed: UInt64) throws -> Batch {
        let start = Generator.State(epoch: seed, sample: first + samples.lowerBound)
        do {
            return try withGenerator(Generator(at: start)) { try noGrad { try checked { try make(samples) } } }
        } catch {
            throw error as? DataError ?? DataError(batch: number, underlying: error)
        }
    }
}

extension BatchSource {
    /// Batches of `batchSize` samples of `dataset`, in the order of `sampler`.
    init<Data: Dataset>(_ dataset: Data, _ sampler: some Sampler<Int>, batchSize: Int, dropLast: Bool) where Data.Batch == Batch {
        let (total, count) = (sampler.count, batchCount(samples: sampler.count, batchSize: batchSize, dropLast: dropLast))
        self.init(
            count: count, sampleCount: total,
            begin: { position in
                let slice = slices(of: sampler.order(using: Generator(seed: position.seed)), expected: total)
                var batch = position.batch
                return Epoch(
                    next: {
                        guard batch < count else { return nil }
                        let range = (batch * batchSize)..<min((batch + 1) * batchSize, total)
                        defer { batch += 1 }
                        let indices = slice(range)
                        return PendingBatch(number: batch, first: range.lowerBound, samples: range.count) {
                            try dataset.batch(at: Array(indices[$0.clamped(to: indices.indices)]))
                        }
                    }, samples: { min($0 * batchSize, total) })
            }, read: { try dataset.batch(at: $0) })
    }

    /// The batches of `dataset` whose indices `sampler` chooses.
    init<Data: Dataset>(_ dataset: Data, batches sampler: some Sampler<[Int]>) where Data.Batch == Batch {
        let count = sampler.count
        self.init(
            count: count, sampleCount: nil,
            begin: { position in
                let batches = Array(sampler.order(using: Generator(seed: position.seed)))
                checkCount(batches.count, count)
                let starts = batches.reduce(into: [0]) { $0.append($0.last! + $1.count) }
                var batch = position.batch
                return Epoch(
                    next: {
                        guard batch < batches.count else { return nil }
                        let indices = batches[batch]
                        defer { batch += 1 }
                        return PendingBatch(number: batch, first: starts[batch], samples: indices.count) {
                            try dataset.batch(at: Array(indices[$0.clamped(to: indices.indices)]))
                        }
                    }, samples: { starts[min($0, batches.count)] })
            }, read: { try dataset.batch(at: $0) })
    }

    /// Batches of `batchSize` samples of `stream`, in order of arrival.
    init<Stream: IterableDataset>(_ stream: Stream, batchSize: Int, dropLast: Bool) where Stream.Batch == Batch {
        let total = stream.count
        self.init(
            count: total.map { batchCount(samples: $0, batchSize: batchSize, dropLast: dropLast) }, sampleCount: total,
            begin: { position in
                let reader = StreamReader(stream, seed: position.seed)
                var batch = position.batch
                return Epoch(
                    next: {
                        try reader.skip(to: batch * batchSize)
                        let samples = try reader.take(batchSize)
                        guard !samples.isEmpty, !dropLast || samples.count == batchSize else { return nil }
                        let first = batch * batchSize
                        defer { batch += 1 }
                        return PendingBatch(number: batch, first: first, samples: samples.count) { part in
                            do { return try stream.collate(Array(samples[part])) } catch let error as CollationError {
                                throw DataError(index: first + part.lowerBound + error.position, underlying: error)
                            }
                        }
                    }, samples: { before in total.map { min(before * batchSize, $0) } })
            }, read: nil)
    }
}

/// Returns a function that slices `order`; a range is not copied into an array.
private func slices(of order: some Sequence<Int>, expected count: Int) -> (Range<Int>) -> [Int] {
    if let range = order as? Range<Int> {
        checkCount(range.count, count)
        return { Array(range[(range.lowerBound + $0.lowerBound)..<(range.lowerBound + $0.upperBound)]) }
    }
    let order = Array(order)
    checkCount(order.count, count)
    return { Array(order[$0.clamped(to: order.indices)]) }
}

private func checkCount(_ given: Int, _ count: Int) {
    if given != count { fail("DataLoader", "the sampler has given \(given) elements for an epoch, and its count is \(count)") }
}
