import ApusCore

/// Chooses the samples of an epoch and their order. PyTorch: `torch.utils.data.Sampler`.
///
/// A ``DataLoader`` takes a sampler of indices (`sampler:`) or of whole batches of indices (`batchSampler:`). A custom sampler is a value
/// with a count and one function:
/// ```swift
/// struct Every: Sampler {
///     let step: Int, count: Int
///     func order(using generator: Generator) -> StrideTo<Int> { stride(from: 0, to: step * count, by: step) }
/// }
/// ```
/// All random numbers must come from `generator`, which starts at the epoch's seed: only then can an epoch be repeated and be resumed in
/// its middle.
public protocol Sampler<Element> {
    /// An index, or the indices of one batch.
    associatedtype Element = Int
    /// The sequence of elements.
    associatedtype Order: Sequence<Element>

    /// The number of elements of ``order(using:)``, whatever the generator. PyTorch: `len(sampler)`.
    var count: Int { get }

    /// The elements of one epoch. All random numbers come from `generator`.
    func order(using generator: Generator) -> Order
}

/// All samples in order, from the first to the last. PyTorch: `torch.utils.data.SequentialSampler`.
public struct SequentialSampler: Sampler, Sendable {
    public let count: Int

    /// The samples of `dataset`.
    public init(_ dataset: some Dataset) { count = dataset.count }

    public func order(using generator: Generator) -> Range<Int> { 0..<count }
}

/// Samples in random order. PyTorch: `torch.utils.data.RandomSampler`.
public struct RandomSampler: Sampler, Sendable {
    /// The number of samples to choose from.
    public let sampleCount: Int
    /// Whether each draw is from all samples, so that a sample may occur several times or not at all.
    public let replacement: Bool
    /// The number of draws in an epoch.
    public let count: Int

    /// Draws `numSamples` of the samples of `dataset`, by default as many as it has. Without `replacement` each sample occurs once before
    /// any occurs again. Traps if there is nothing to draw from.
    public init(_ dataset: some Dataset, replacement: Bool = false, numSamples: Int? = nil) {
        self.init(choosingFrom: dataset.count, replacement: replacement, numSamples: numSamples)
    }

    init(choosingFrom sampleCount: Int, replacement: Bool = false, numSamples: Int? = nil) {
        let wanted = numSamples ?? sampleCount
        let isPossible = wanted == 0 || wanted > 0 && sampleCount > 0
        if !isPossible { fail("RandomSampler", "\(wanted) of \(sampleCount) samples cannot be drawn") }
        (self.sampleCount, self.replacement, count) = (sampleCount, replacement, isPossible ? wanted : 0)
    }

    public func order(using generator: Generator) -> [Int] {
        if replacement { return Tensor.randint(max(sampleCount, 1), [count], generator: generator).array(Int.self) }
        var order: [Int] = []
        order.reserveCapacity(count)
        while order.count < count {
            order += Tensor.randperm(sampleCount, generator: generator).array(Int.self).prefix(count - order.count)
        }
        return order
    }
}

/// The samples at given indices in random order, each once. PyTorch: `torch.utils.data.SubsetRandomSampler`.
public struct SubsetRandomSampler: Sampler, Sendable {
    /// The samples' indices.
    public let indices: [Int]
    public var count: Int { indices.count }

    /// The samples at `indices`.
    public init(_ indices: some Sequence<Int>) { self.indices = Array(indices) }

    public func order(using generator: Generator) -> [Int] {
        Tensor.randperm(indices.count, generator: generator).array(Int.self).map { indices[$0] }
    }
}
