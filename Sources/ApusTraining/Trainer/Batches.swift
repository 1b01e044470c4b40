import ApusData
import ApusDistributed

/// The batches of an epoch in shards: one shard, or those of this process.
struct Batches<Batch> {
    /// The epoch's seed.
    let seed: UInt64
    /// The next batch, nil after the last.
    let next: () throws -> ShardedBatch<Batch>?
    /// The number of samples in some of the epoch's batches; nil where only its end tells.
    let samples: (Range<Int>) -> Int?

    init(_ loader: DataLoader<Batch>, _ reducer: GradientReducer?, at position: EpochPosition? = nil) {
        if let reducer {
            let sharded = loader.sharded(reducer.sharding, in: reducer.group)
            if let position { sharded.resume(at: position) }
            let iterator = sharded.makeIterator()
            self.init(seed: sharded.position?.seed ?? 0, next: iterator.nextBatch, samples: iterator.samples(in:))
        } else {
            if let position { loader.resume(at: position) }
            let iterator = loader.makeIterator()
            self.init(
                seed: loader.position?.seed ?? 0,
                next: { try iterator.nextBatch().map { ShardedBatch(whole: $0, samples: iterator.sampleCount) } },
                samples: iterator.samples(in:))
        }
    }

    private init(seed: UInt64, next: @escaping () throws -> ShardedBatch<Batch>?, samples: @escaping (Range<Int>) -> Int?) {
        (self.seed, self.next, self.samples) = (seed, next, samples)
    }
}
