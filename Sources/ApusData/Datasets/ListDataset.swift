import ApusCore

/// A data set of the samples in an array. PyTorch: a list used as a data set.
///
/// ``DataLoader`` takes arrays directly; this type is for arrays that are split, mapped or sampled by weights.
public struct ListDataset<Sample, Batch>: Dataset {
    /// The samples.
    public let samples: [Sample]
    private let together: ([Sample]) throws -> Batch
    public var count: Int { samples.count }

    /// A data set whose samples are collated as ``Collatable`` says.
    public init(_ samples: [Sample]) where Sample: Collatable, Batch == Sample.Collated { self.init(samples, collate: defaultCollate) }

    /// A data set of tuples, which are collated part by part: samples `(Tensor, Int)` give batches `(Tensor, Tensor)`.
    public init<each Part: Collatable>(
        _ samples: [(repeat each Part)]
    ) where Sample == (repeat each Part), Batch == (repeat (each Part).Collated) {
        self.init(samples) { try defaultCollate($0) }
    }

    /// A data set whose samples are collated by `collate`.
    public init(_ samples: [Sample], collate: @escaping ([Sample]) throws -> Batch) { (self.samples, together) = (samples, collate) }

    public subscript(index: Int) -> Sample {
        get throws {
            guard samples.indices.contains(index) else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
            return samples[index]
        }
    }

    public func collate(_ samples: [Sample]) throws -> Batch { try together(samples) }
}

/// The samples of a data set, each transformed when it is read. See `Dataset.map`.
public struct MappedDataset<Base: Dataset, Sample, Batch>: Dataset {
    /// The data set whose samples are transformed.
    public let base: Base
    let change: (Base.Sample) throws -> Sample
    let together: ([Sample]) throws -> Batch
    public var count: Int { base.count }
    public var allowsConcurrentReads: Bool { base.allowsConcurrentReads }

    public subscript(index: Int) -> Sample { get throws { try change(try base[index]) } }

    public func collate(_ samples: [Sample]) throws -> Batch { try together(samples) }
}

extension Dataset {
    /// This data set with `change` applied to each sample whenever it is read; results are collated as ``Collatable`` says. If a loader has
    /// more than one of `workers`, several threads call `change` at once. Random numbers that it draws from the current generator belong to
    /// the sample. At the top level of `main.swift` pass a function instead of a closure, as for ``DataLoader/mapBatches(_:)``.
    public func map<Changed: Collatable>(_ change: @escaping (Sample) throws -> Changed) -> MappedDataset<Self, Changed, Changed.Collated> {
        map(collate: { try defaultCollate($0) }, change)
    }

    /// The same for a `change` that returns pairs, which are collated part by part.
    public func map<A: Collatable, B: Collatable>(
        _ change: @escaping (Sample) throws -> (A, B)
    ) -> MappedDataset<Self, (A, B), (A.Collated, B.Collated)> {
        map(collate: { try defaultCollate($0) }, change)
    }

    /// The same for a `change` that returns triples, which are collated part by part.
    public func map<A: Collatable, B: Collatable, C: Collatable>(
        _ change: @escaping (Sample) throws -> (A, B, C)
    ) -> MappedDataset<Self, (A, B, C), (A.Collated, B.Collated, C.Collated)> {
        map(collate: { try defaultCollate($0) }, change)
    }

    /// The same with a `collate` function for the changed samples.
    public func map<Changed, Together>(
        collate: @escaping ([Changed]) throws -> Together, _ change: @escaping (Sample) throws -> Changed
    ) -> MappedDataset<Self, Changed, Together> {
        MappedDataset(base: self, change: change, together: collate)
    }
}
