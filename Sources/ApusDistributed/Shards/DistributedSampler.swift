import ApusCore
import ApusData

/// Every `group.size`-th sample of a data set, for loops in which each process reads samples of its own. PyTorch:
/// `torch.utils.data.DistributedSampler`.
///
/// ```swift
/// let sampler = DistributedSampler(data, in: group)
/// for (x, y) in DataLoader(data, batchSize: 64, sampler: sampler) { … model.backward(loss) … }   // 64 a process
/// ```
/// All processes have the same order, which the first one's loader draws anew for each epoch; there is no `set_epoch` to forget. So that all
/// have as many, the order is gone on with from its begin, or cut with `dropLast`. What is learned depends on the number of processes: for
/// bytes that do not, take `DataLoader.sharded(by:)`.
public struct DistributedSampler: Sampler {
    /// How many samples there are.
    public let sampleCount: Int
    /// Whether each epoch has a random order.
    public let shuffle: Bool
    /// Whether the samples are left out that not all processes can have as many of.
    public let dropLast: Bool
    private let group: ProcessGroup

    /// Deals out the samples of `dataset`.
    public init(_ dataset: some Dataset, in group: ProcessGroup, shuffle: Bool = true, dropLast: Bool = false) {
        (sampleCount, self.shuffle, self.dropLast, self.group) = (dataset.count, shuffle, dropLast, group)
    }

    /// The number of samples of this process, and of every other.
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
