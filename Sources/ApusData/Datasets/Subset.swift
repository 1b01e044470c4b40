import ApusCore

/// Chosen samples of a data set, in any order. PyTorch: `torch.utils.data.Subset`.
public struct Subset<Base: Dataset>: Dataset {
    public typealias Sample = Base.Sample
    public typealias Batch = Base.Batch
    /// The data set that the samples are chosen from.
    public let base: Base
    /// The samples' indices in `base`.
    public let indices: [Int]
    public var count: Int { indices.count }
    public var allowsConcurrentReads: Bool { base.allowsConcurrentReads }

    /// The samples of `base` at `indices`. Traps on an index out of range.
    public init(_ base: Base, _ indices: some Sequence<Int>) {
        self.base = base
        self.indices = Array(indices)
        let count = base.count
        if let bad = self.indices.first(where: { $0 < 0 || $0 >= count }) {
            fail("Subset", "index \(bad) is out of range, the data set has \(count) samples")
        }
    }

    public subscript(index: Int) -> Base.Sample {
        get throws {
            guard indices.indices.contains(index) else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
            return try base[indices[index]]
        }
    }

    public func collate(_ samples: [Base.Sample]) throws -> Base.Batch { try base.collate(samples) }

    /// A batch made by `base`. Errors name the sample's index in `base`.
    public func batch(at positions: [Int]) throws -> Base.Batch {
        _ = try positions.first { $0 < 0 || $0 >= count }.map { throw DataError(index: $0, underlying: NoSuchSample(count: count)) }
        return try base.batch(at: positions.map { indices[$0] })
    }
}

/// Splits `dataset` at random into parts of the given lengths. PyTorch: `torch.utils.data.random_split`.
///
/// Traps unless the lengths add up to the number of samples. `generator` is the current one by default.
public func randomSplit<Base: Dataset>(_ dataset: Base, _ lengths: [Int], generator: Generator? = nil) -> [Subset<Base>] {
    let count = dataset.count
    guard lengths.allSatisfy({ $0 >= 0 }), lengths.reduce(0, +) == count else {
        fail("randomSplit", "lengths \(lengths) add up to \(lengths.reduce(0, +)), the data set has \(count) samples")
        return lengths.map { _ in Subset(dataset, []) }
    }
    let order = Tensor.randperm(count, generator: generator).array(Int.self)
    var start = 0
    return lengths.map { length in
        defer { start += length }
        return Subset(dataset, order[start..<(start + length)])
    }
}

/// Splits `dataset` at random into the given fractions, which must add up to 1. Samples left over by rounding down go to the first parts,
/// one each.
public func randomSplit<Base: Dataset>(_ dataset: Base, _ fractions: [Double], generator: Generator? = nil) -> [Subset<Base>] {
    let count = dataset.count
    guard fractions.allSatisfy({ $0 >= 0 && $0 <= 1 }), abs(fractions.reduce(0, +) - 1) < 1e-6 else {
        fail("randomSplit", "fractions \(fractions) do not add up to 1")
        return fractions.map { _ in Subset(dataset, []) }
    }
    var lengths = fractions.map { Int((Double(count) * $0).rounded(.down)) }
    for i in 0..<(count - lengths.reduce(0, +)) { lengths[i % lengths.count] += 1 }
    return randomSplit(dataset, lengths, generator: generator)
}
