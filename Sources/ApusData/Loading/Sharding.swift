import ApusCore

/// How batches are cut into shards, and which of them this process computes.
///
/// Gradients, batch statistics and random numbers belong to shards, not to processes: the result of training does not depend on how many
/// processes share the shards.
public struct Sharding: Hashable, Sendable {
    /// The number of shards of a batch.
    public let count: Int
    /// The shards of this process.
    public let own: Range<Int>

    /// Traps unless `own` is a non-empty range within 0 ..< `count`.
    public init(count: Int, own: Range<Int>) {
        let fits = count >= 1 && !own.isEmpty && own.lowerBound >= 0 && own.upperBound <= count
        if !fits { fail("Sharding", "\(own) are not some of \(count) shards") }
        (self.count, self.own) = fits ? (count, own) : (1, 0..<1)
    }

    /// One shard that is the whole batch.
    public static var whole: Sharding { Sharding(count: 1, own: 0..<1) }

    /// The range of a shard's samples. Shards are as equal as possible: of n samples, shard i has ⌊n/count⌋, and one more if i < n mod
    /// count.
    public func samples(of shard: Int, in total: Int) -> Range<Int> {
        let (size, extra) = total.quotientAndRemainder(dividingBy: count)
        let begin = shard * size + min(shard, extra)
        return begin..<(begin + size + (shard < extra ? 1 : 0))
    }
}

/// A batch that is cut into shards; this value holds the shards of this process.
public struct ShardedBatch<Batch> {
    /// A shard with its samples.
    public struct Shard {
        /// The index of the shard in the batch.
        public let number: Int
        /// The samples of the shard.
        public let batch: Batch
        /// The number of samples.
        public let samples: Int
        /// The state of the generator for the network's random numbers on this shard, such as dropout; nil for the current generator.
        package let generator: Generator.State?

        package init(number: Int, batch: Batch, samples: Int, generator: Generator.State?) {
            (self.number, self.batch, self.samples, self.generator) = (number, batch, samples, generator)
        }
    }

    /// How the batch is cut.
    public let sharding: Sharding
    /// The shards of this process that have samples. If the batch has fewer samples than shards, the last shards are empty.
    public let shards: [Shard]
    /// The number of samples in all shards, including those of other processes.
    public let samples: Int

    /// `batch` as a single shard, which draws random numbers from the current generator.
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
    /// The same batches, cut into shards.
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
