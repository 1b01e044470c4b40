import ApusCore

/// How batches are cut into shards, and which of them this process computes.
///
/// Gradients, batch statistics and random numbers belong to shards, not to processes: what is learned does not depend on how many processes
/// share them.
public struct Sharding: Hashable, Sendable {
    /// The number of shards of a batch.
    public let count: Int
    /// The shards of this process.
    public let own: Range<Int>

    /// Traps unless `own` are some of `count` shards.
    public init(count: Int, own: Range<Int>) {
        let fits = count >= 1 && !own.isEmpty && own.lowerBound >= 0 && own.upperBound <= count
        if !fits { fail("Sharding", "\(own) are not some of \(count) shards") }
        (self.count, self.own) = fits ? (count, own) : (1, 0..<1)
    }

    /// All of a batch, as one shard.
    public static var whole: Sharding { Sharding(count: 1, own: 0..<1) }

    /// The samples of a shard, as equal parts as can be: shard i of n samples has ⌊n/count⌋, and one more where i < n mod count.
    public func samples(of shard: Int, in total: Int) -> Range<Int> {
        let (size, extra) = total.quotientAndRemainder(dividingBy: count)
        let begin = shard * size + min(shard, extra)
        return begin..<(begin + size + (shard < extra ? 1 : 0))
    }
}

/// A batch that is cut into shards: those of this process.
public struct ShardedBatch<Batch> {
    /// A part of the batch.
    public struct Shard {
        /// Its number among all shards.
        public let number: Int
        /// Its samples.
        public let batch: Batch
        /// The number of them.
        public let samples: Int
        /// What the network draws on it, dropout say; nil for the current generator.
        package let generator: Generator.State?

        package init(number: Int, batch: Batch, samples: Int, generator: Generator.State?) {
            (self.number, self.batch, self.samples, self.generator) = (number, batch, samples, generator)
        }
    }

    /// How it is cut.
    public let sharding: Sharding
    /// The shards of this process that have samples. A batch of fewer samples than shards leaves the last ones empty.
    public let shards: [Shard]
    /// The number of samples of all shards, those of other processes too.
    public let samples: Int

    /// `batch` as it is, whose random numbers are those of the current generator.
    package init(whole batch: Batch, samples: Int) {
        sharding = .whole
        shards = [Shard(number: 0, batch: batch, samples: samples, generator: nil)]
        self.samples = samples
    }

    fileprivate init(_ sharding: Sharding, _ shards: [Shard], samples: Int) {
        (self.sharding, self.shards, self.samples) = (sharding, shards, samples)
    }
}

extension BatchSource {
    /// The same batches in shards.
    func sharded(_ sharding: Sharding) -> BatchSource<ShardedBatch<Batch>> {
        BatchSource<ShardedBatch<Batch>>(
            count: count, sampleCount: sampleCount,
            begin: { position in
                let epoch = begin(position)
                return Epoch(next: { try epoch.next()?.sharded(sharding, seed: position.seed) }, samples: epoch.samples)
            }, read: read.map { read in { ShardedBatch(whole: try read($0), samples: $0.count) } })
    }
}

extension PendingBatch {
    fileprivate func sharded(_ sharding: Sharding, seed: UInt64) -> PendingBatch<ShardedBatch<Batch>> {
        PendingBatch<ShardedBatch<Batch>>(number: number, first: first, samples: samples) { _ in
            let shards = try sharding.own.compactMap { shard -> ShardedBatch<Batch>.Shard? in
                let part = sharding.samples(of: shard, in: samples)
                if part.isEmpty { return nil }
                return ShardedBatch.Shard(
                    number: shard, batch: try made(part, seed: seed), samples: part.count,
                    generator: .init(network: seed, sample: first + part.lowerBound))
            }
            return ShardedBatch(sharding, shards, samples: samples)
        }
    }
}
