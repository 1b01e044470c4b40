import ApusCore

/// Samples that can only be read one after the other, without random access: lines of a file, messages of a service, generated data.
/// PyTorch: `torch.utils.data.IterableDataset`.
///
/// ```swift
/// struct Countdown: IterableDataset {
///     func makeIterator() -> SampleIterator<Int> { SampleIterator((0..<10).reversed()) }
/// }
/// for batch in DataLoader(stream: Countdown(), batchSize: 4) { … }
/// ```
/// Batches are made of samples as in a ``Dataset``. If the parts of a tuple have other types in a batch (`(Tensor, Int)` gives `(Tensor,
/// Tensor)`), the stream declares it: `typealias Batch = (Tensor, Tensor)`.
///
/// A loader reads the stream from one thread at a time, in order, whatever its `workers`: they share only the collation of batches and the
/// functions given to ``DataLoader/mapBatches(_:)``. Random numbers that an iterator draws from the current generator belong to the sample
/// that it makes, as in a data set. To resume an epoch, the loader reads and drops the samples before.
public protocol IterableDataset<Sample> {
    /// A sample of the stream.
    associatedtype Sample
    /// Several samples, collated.
    associatedtype Batch = Sample

    /// The number of samples if known; nil by default. A loader then knows its number of batches, which a `Trainer` needs.
    var count: Int? { get }

    /// An iterator over all samples. Called once per epoch, under a generator with the epoch's seed.
    func makeIterator() throws -> SampleIterator<Sample>

    /// Several samples as one batch. PyTorch: `collate_fn`.
    func collate(_ samples: [Sample]) throws -> Batch
}

/// An iterator over the samples of a stream; reading a sample may throw.
public struct SampleIterator<Sample> {
    private let step: () throws -> Sample?

    /// An iterator that calls `next` until it returns nil.
    public init(next: @escaping () throws -> Sample?) { step = next }

    /// An iterator over the elements of a sequence.
    public init(_ samples: some Sequence<Sample>) {
        var rest = samples.makeIterator()
        step = { rest.next() }
    }

    /// The next sample; nil after the last.
    public func next() throws -> Sample? { try step() }
}

extension IterableDataset {
    public var count: Int? { nil }
}

extension IterableDataset where Sample: Collatable {
    /// Collates the samples as their type says (``Collatable``).
    public func collate(_ samples: [Sample]) throws -> Sample.Collated { try defaultCollate(samples) }
}

extension IterableDataset {
    /// Collates the samples part by part.
    public func collate<A: Collatable, B: Collatable>(_ samples: [(A, B)]) throws -> (A.Collated, B.Collated) where Sample == (A, B) {
        try defaultCollate(samples)
    }

    /// Collates the samples part by part.
    public func collate<A: Collatable, B: Collatable, C: Collatable>(
        _ samples: [(A, B, C)]
    ) throws -> (A.Collated, B.Collated, C.Collated) where Sample == (A, B, C) {
        try defaultCollate(samples)
    }
}

/// Streams of one type, one after the other. PyTorch: `torch.utils.data.ChainDataset`.
public struct ChainDataset<Base: IterableDataset>: IterableDataset {
    public typealias Sample = Base.Sample
    public typealias Batch = Base.Batch
    /// The streams, in order.
    public let parts: [Base]
    /// The sum of the parts' counts if all are known.
    public var count: Int? { parts.reduce(0) { sum, part in sum.flatMap { sum in part.count.map { sum + $0 } } } }

    /// The samples of `parts`, in order. Batches are made by the first part's `collate`. Traps if `parts` is empty.
    public init(_ parts: [Base]) {
        if parts.isEmpty { fail("ChainDataset", "there are no streams") }
        self.parts = parts
    }

    public func makeIterator() throws -> SampleIterator<Base.Sample> {
        var rest = parts[...]
        var current: SampleIterator<Base.Sample>?
        return SampleIterator {
            while true {
                if let sample = try current?.next() { return sample }
                guard let part = rest.popFirst() else { return nil }
                current = try part.makeIterator()
            }
        }
    }

    public func collate(_ samples: [Base.Sample]) throws -> Base.Batch { try parts[0].collate(samples) }
}

/// A stream made of a closure, without a type of its own.
///
/// ```swift
/// let lines = StreamDataset { SampleIterator { readLine() } }
/// ```
public struct StreamDataset<Sample, Batch>: IterableDataset {
    public let count: Int?
    private let begin: () throws -> SampleIterator<Sample>
    private let together: ([Sample]) throws -> Batch

    /// A stream whose samples are collated as ``Collatable`` says.
    public init(count: Int? = nil, _ begin: @escaping () throws -> SampleIterator<Sample>)
    where Sample: Collatable, Batch == Sample.Collated {
        self.init(count: count, collate: defaultCollate, begin)
    }

    /// A stream of tuples, which are collated part by part.
    public init<each Part: Collatable>(
        count: Int? = nil, _ begin: @escaping () throws -> SampleIterator<(repeat each Part)>
    ) where Sample == (repeat each Part), Batch == (repeat (each Part).Collated) {
        self.init(count: count, collate: { try defaultCollate($0) }, begin)
    }

    /// A stream whose samples are collated by `collate`. `begin` is called once per epoch, like ``IterableDataset/makeIterator()``.
    public init(
        count: Int? = nil, collate: @escaping ([Sample]) throws -> Batch, _ begin: @escaping () throws -> SampleIterator<Sample>
    ) {
        (self.count, together, self.begin) = (count, collate, begin)
    }

    public func makeIterator() throws -> SampleIterator<Sample> { try begin() }

    public func collate(_ samples: [Sample]) throws -> Batch { try together(samples) }
}

/// Reads a stream for an epoch. One thread at a time uses it.
final class StreamReader<Stream: IterableDataset> {
    private let stream: Stream
    private let seed: UInt64
    private var iterator: SampleIterator<Stream.Sample>?
    private var position = 0
    private var isEnded = false

    init(_ stream: Stream, seed: UInt64) { (self.stream, self.seed) = (stream, seed) }

    /// The next `count` samples; fewer if the stream ends.
    func take(_ count: Int) throws -> [Stream.Sample] {
        var samples: [Stream.Sample] = []
        while samples.count < count, let sample = try next() { samples.append(sample) }
        return samples
    }

    /// Drops the samples before `first`.
    func skip(to first: Int) throws { while position < first, try next() != nil {} }

    private func next() throws -> Stream.Sample? {
        if isEnded { return nil }
        do {
            return try noGrad {
                try checked {
                    if iterator == nil { iterator = try withGenerator(Generator(seed: seed)) { try stream.makeIterator() } }
                    let sample = try withGenerator(Generator.State(epoch: seed, sample: position).ofSample(0)) { try iterator?.next() }
                    if sample == nil { isEnded = true } else { position += 1 }
                    return sample
                }
            }
        } catch {
            isEnded = true
            throw error as? DataError ?? DataError(index: position, underlying: error)
        }
    }
}
