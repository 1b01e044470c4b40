import ApusCore
import ApusData

/// Every `group.size`-th sample of a data set, for loops in which each rank reads samples of its own. PyTorch:
/// `torch.utils.data.DistributedSampler`.
///
/// ```swift
/// let sampler = DistributedSampler(data, in: group)
/// for (x, y) in DataLoader(data, batchSize: 64, sampler: sampler) { … model.backward(loss) … }   // 64 a process
/// ```
/// All ranks follow the order that rank 0's loader draws anew for each epoch; there is no `set_epoch` to forget. So that all ranks have the
/// same number of samples, the order is extended by its own beginning, or cut with `dropLast`. The result of training depends on the number
/// of processes: where it should not, use `DataLoader.sharded(by:)`.
public struct DistributedSampler: Sampler {
    /// The number of samples of the data set.
    public let sampleCount: Int
    /// Whether each epoch has a random order.
    public let shuffle: Bool
    /// Whether to drop the last samples if their number is not divisible by the number of ranks.
    public let dropLast: Bool
    private let group: ProcessGroup

    /// Distributes the samples of `dataset` over the ranks of `group`.
    public init(_ dataset: some Dataset, in group: ProcessGroup, shuffle: Bool = true, dropLast: Bool = false) {
        (sampleCount, self.shuffle, self.dropLast, self.group) = (dataset.count, shuffle, dropLast, group)
    }

    /// The number of samples of this rank; the same on every rank.
    public var count: Int { dropLast ? sampleCount / group.size : (sampleCount + group.size - 1) / group.size }

    public func order(using generator: Generator) -> [Int] {
        var order = Array(0..<sampleCount)
        if shuffle {
            let seed: UInt64
            do { seed = try group.startAllGather(words: [generator.next()]).wait()[0][0] } catch {
                fail("DistributedSampler", "\(error)")
                return []
            }
            order = Tensor.randperm(sampleCount, generator: Generator(seed: seed)).array(Int.self)
        }
        return (0..<count).map { order[($0 * group.size + group.rank) % max(sampleCount, 1)] }
    }
}
