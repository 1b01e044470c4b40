import ApusCore

/// The concatenation of data sets of one type. PyTorch: `torch.utils.data.ConcatDataset`.
///
/// To concatenate data sets of different types that have the same samples and batches: `ConcatDataset([AnyDataset(photos),
/// AnyDataset(drawings)])`.
public struct ConcatDataset<Base: Dataset>: Dataset {
    public typealias Sample = Base.Sample
    public typealias Batch = Base.Batch
    /// The concatenated data sets, in order.
    public let parts: [Base]
    /// The index of the first sample of each part, and the total count.
    private let starts: [Int]
    public var count: Int { starts.last! }
    public var allowsConcurrentReads: Bool { parts.allSatisfy(\.allowsConcurrentReads) }

    /// The samples of `parts`, in order. A batch whose samples are all in one part is made by that part, any other by the first part's
    /// `collate`. Traps if `parts` is empty.
    public init(_ parts: [Base]) {
        if parts.isEmpty { fail("ConcatDataset", "there are no data sets") }
        self.parts = parts
        starts = parts.reduce(into: [0]) { $0.append($0.last! + $1.count) }
    }

    private func place(_ index: Int) throws -> (part: Int, index: Int) {
        guard index >= 0, index < count else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
        let part = starts.lastIndex { $0 <= index }!
        return (part, index - starts[part])
    }

    public subscript(index: Int) -> Base.Sample {
        get throws {
            let (part, inner) = try place(index)
            return try parts[part][inner]
        }
    }

    public func collate(_ samples: [Base.Sample]) throws -> Base.Batch { try parts[0].collate(samples) }

    /// Errors name the sample's index in this data set, not in its part.
    public func batch(at indices: [Int]) throws -> Base.Batch {
        let places = try indices.map(place)
        guard let part = places.first?.part, places.allSatisfy({ $0.part == part }) else { return try batchOneByOne(at: indices) }
        do {
            return try parts[part].batch(at: places.map(\.index))
        } catch let error as DataError {
            guard let index = error.index else { throw error }
            throw DataError(index: starts[part] + index, underlying: error.underlying)
        }
    }
}

/// A type-erased data set with these samples and batches.
public struct AnyDataset<Sample, Batch>: Dataset {
    /// The wrapped data set.
    public let base: any Dataset
    private let read: (Int) throws -> Sample
    private let together: ([Sample]) throws -> Batch
    private let readBatch: ([Int]) throws -> Batch
    public var count: Int { base.count }
    public var allowsConcurrentReads: Bool { base.allowsConcurrentReads }

    /// Wraps `base`.
    public init<Base: Dataset>(_ base: Base) where Base.Sample == Sample, Base.Batch == Batch {
        self.base = base
        (read, together, readBatch) = ({ try base[$0] }, { try base.collate($0) }, { try base.batch(at: $0) })
    }

    public subscript(index: Int) -> Sample { get throws { try read(index) } }
    public func collate(_ samples: [Sample]) throws -> Batch { try together(samples) }
    public func batch(at indices: [Int]) throws -> Batch { try readBatch(indices) }
}

/// Data sets of equal length side by side: sample i is a pair of their samples i. PyTorch: `torch.utils.data.StackDataset`.
///
/// Each data set collates its own part. To stack more than two, nest them: `StackDataset(StackDataset(a, b), c)` has samples `((a, b), c)`.
public struct StackDataset<First: Dataset, Second: Dataset>: Dataset {
    public typealias Sample = (First.Sample, Second.Sample)
    public typealias Batch = (First.Batch, Second.Batch)
    /// The data set of the first elements of the pairs.
    public let first: First
    /// The data set of the second elements of the pairs.
    public let second: Second
    public var count: Int { first.count }
    public var allowsConcurrentReads: Bool { first.allowsConcurrentReads && second.allowsConcurrentReads }

    /// Pairs the samples of two data sets. Traps unless they have the same number of samples.
    public init(_ first: First, _ second: Second) {
        if first.count != second.count {
            fail("StackDataset", "the data sets have \(first.count) and \(second.count) samples; there must be equally many")
        }
        (self.first, self.second) = (first, second)
    }

    public subscript(index: Int) -> Sample { get throws { (try first[index], try second[index]) } }

    public func collate(_ samples: [Sample]) throws -> Batch {
        (try first.collate(samples.map(\.0)), try second.collate(samples.map(\.1)))
    }
}
