import ApusCore

/// Groups the indices of a sampler into batches. PyTorch: `torch.utils.data.BatchSampler`.
///
/// A ``DataLoader`` builds one from its own `sampler`, `batchSize` and `dropLast`; this type is public for batch samplers that build on it.
public struct BatchSampler<Base: Sampler>: Sampler where Base.Element == Int {
    /// The sampler of single indices.
    public let sampler: Base
    /// The number of samples in a batch.
    public let batchSize: Int
    /// Whether a smaller last batch is left out.
    public let dropLast: Bool

    public var count: Int { batchCount(samples: sampler.count, batchSize: batchSize, dropLast: dropLast) }

    /// Batches of `batchSize` samples. Traps on a batch size below 1.
    public init(_ sampler: Base, batchSize: Int, dropLast: Bool = false) {
        if batchSize < 1 { fail("BatchSampler", "batchSize is \(batchSize), it must be at least 1") }
        (self.sampler, self.batchSize, self.dropLast) = (sampler, max(batchSize, 1), dropLast)
    }

    public func order(using generator: Generator) -> AnySequence<[Int]> {
        let (indices, batchSize, dropLast) = (sampler.order(using: generator), batchSize, dropLast)
        return AnySequence {
            var rest = indices.makeIterator()
            return AnyIterator {
                var batch: [Int] = []
                while batch.count < batchSize, let index = rest.next() { batch.append(index) }
                return batch.isEmpty || dropLast && batch.count < batchSize ? nil : batch
            }
        }
    }
}

/// The number of batches that `samples` samples make.
func batchCount(samples: Int, batchSize: Int, dropLast: Bool) -> Int {
    dropLast ? samples / batchSize : samples / batchSize + (samples % batchSize == 0 ? 0 : 1)
}
