import ApusCore

/// The samples in an array: what a data set has that was not written for its samples. PyTorch: a list as data set.
///
/// ``DataLoader`` takes arrays too; this is for arrays that are split, mapped or sampled by weights.
public struct ListDataset<Sample, Batch>: Dataset {
    /// The samples.
    public let samples: [Sample]
    private let together: ([Sample]) throws -> Batch
    public var count: Int { samples.count }

    /// Samples that are put together as ``Collatable`` says.
    public init(_ samples: [Sample]) where Sample: Collatable, Batch == Sample.Collated { self.init(samples, collate: defaultCollate) }

    /// Tuples, which are put together part by part: samples `(Tensor, Int)` give batches `(Tensor, Tensor)`.
    public init<each Part: Collatable>(
        _ samples: [(repeat each Part)]
    ) where Sample == (repeat each Part), Batch == (repeat (each Part).Collated) {
        self.init(samples) { try defaultCollate($0) }
    }

    /// Samples that `collate` puts together.
    public init(_ samples: [Sample], collate: @escaping ([Sample]) throws -> Batch) { (self.samples, together) = (samples, collate) }

    public subscript(index: Int) -> Sample {
        get throws {
            guard samples.indices.contains(index) else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
            return samples[index]
        }
    }

    public func collate(_ samples: [Sample]) throws -> Batch { try together(samples) }
}

/// The samples of a data set, each changed when it is read. See `Dataset.map`.
public struct MappedDataset<Base: Dataset, Sample, Batch>: Dataset {
    /// The data set whose samples are changed.
    public let base: Base
    let change: (Base.Sample) throws -> Sample
    let together: ([Sample]) throws -> Batch
    public var count: Int { base.count }
    public var allowsConcurrentReads: Bool { base.allowsConcurrentReads }

    public subscript(index: Int) -> Sample { get throws { try change(try base[index]) } }

    public func collate(_ samples: [Sample]) throws -> Batch { try together(samples) }
}

extension Dataset {
    /// The samples, each changed by `change` whenever it is read, and put together as ``Collatable`` says. With more than one of a loader's
    /// `workers` several threads call it at once. Random numbers that it draws from the current generator are the sample's own. At the top
    /// level of `main.swift` give it a function, as ``DataLoader/mapBatches(_:)``.
    public func map<Changed: Collatable>(_ change: @escaping (Sample) throws -> Changed) -> MappedDataset<Self, Changed, Changed.Collated> {
        map(collate: { try defaultCollate($0) }, change)
    }

    /// The samples, each changed to a pair, which are put together part by part.
    public func map<A: Collatable, B: Collatable>(
        _ change: @escaping (Sample) throws -> (A, B)
    ) -> MappedDataset<Self, (A, B), (A.Collated, B.Collated)> {
        map(collate: { try defaultCollate($0) }, change)
    }

    /// The samples, each changed to a triple, which are put together part by part.
    public func map<A: Collatable, B: Collatable, C: Collatable>(
        _ change: @escaping (Sample) throws -> (A, B, C)
    ) -> MappedDataset<Self, (A, B, C), (A.Collated, B.Collated, C.Collated)> {
        map(collate: { try defaultCollate($0) }, change)
    }

    /// The samples, each changed by `change`, and put together by `collate`.
    public func map<Changed, Together>(
        collate: @escaping ([Changed]) throws -> Together, _ change: @escaping (Sample) throws -> Changed
    ) -> MappedDataset<Self, Changed, Together> {
        MappedDataset(base: self, change: change, together: collate)
    }
}
