import ApusCore
import Glibc

/// A metric that is accumulated over batches, such as a loss, an accuracy or an area under a curve. It is made from one batch and merged.
///
/// A custom metric needs its sums, a way to merge them, and its value; it is `Codable` for checkpoints:
/// ```swift
/// struct WithinOne: Metric {
///     var hits: Sum, count: Sum
///     init(_ prediction: Tensor, _ target: Tensor) {
///         hits = Sum((prediction - target).abs().le(1).sum())
///         count = Sum(Double(target.numel))
///     }
///     mutating func merge(_ other: WithinOne) { hits += other.hits; count += other.count }
///     var value: Double { hits.value / count.value }
/// }
/// trainer.measure("within one") { WithinOne($0, $1) }
/// ```
/// The result must not depend on how the samples are divided into batches: store a mean as a sum and a count, and what is no function of
/// sums as ``PerSample``. torchmetrics has `update`, `compute` and `merge_state` for this.
public protocol Metric: Codable {
    /// Adds the samples of `other`, which came later.
    mutating func merge(_ other: Self)
    /// The value of the metric; NaN without samples.
    var value: Double { get }
    /// Whether progress bars show it, which read it several times a second; true by default.
    static var isShownOnTheWay: Bool { get }
}

extension Metric {
    public static var isShownOnTheWay: Bool { true }
}

/// Numbers summed over batches, in double precision and in the order of the batches, whenever they are read.
///
/// They may still be on a device: reading them waits, but adding does not, since waiting for each batch would stall a device that works
/// ahead.
public struct Sum {
    /// Shared by copies until one of them changes.
    private final class Memory {
        var settled: [Double]
        var pending: [(numbers: Tensor, weight: Double)]
        init(_ settled: [Double], _ pending: [(Tensor, Double)]) { (self.settled, self.pending) = (settled, pending) }

        func settle() {
            for (numbers, weight) in pending {
                let numbers = numbers.array(Double.self)
                if settled.isEmpty { settled = Array(repeating: 0, count: numbers.count) }
                if settled.count != numbers.count {
                    fail("Sum", "\(numbers.count) numbers are added to \(settled.count); a metric adds as many for every batch")
                    break
                }
                for i in settled.indices { settled[i] += numbers[i] * weight }
            }
            pending.removeAll(keepingCapacity: true)
        }
    }

    private var memory: Memory

    /// The elements of `numbers`, each times `weight`.
    public init(_ numbers: Tensor, times weight: Double = 1) {
        // A copy, since `numbers` may be a parameter that changes before the sum is read.
        memory = Memory([], [(noGrad { numbers.detach().clone() }, weight)])
    }

    /// A number on the host.
    public init(_ number: Double) { memory = Memory([number], []) }

    /// Numbers on the host.
    public init(_ numbers: [Double]) { memory = Memory(numbers, []) }

    /// Adds elementwise. Traps, when the sum is read, unless both have the same number of elements; an empty sum takes any number.
    public static func += (sum: inout Sum, other: Sum) {
        if !isKnownUniquelyReferenced(&sum.memory) { sum.memory = Memory(sum.memory.settled, sum.memory.pending) }
        if !other.memory.settled.isEmpty {
            sum.memory.settle()
            let (mine, others) = (sum.memory.settled, other.memory.settled)
            if !mine.isEmpty, mine.count != others.count {
                fail("Sum", "\(others.count) numbers are added to \(mine.count); a metric adds as many for every batch")
            }
            sum.memory.settled = mine.isEmpty ? others : zip(mine, others).map { $0 + $1 }
        }
        sum.memory.pending += other.memory.pending
        // Pending tensors stay alive, so read them now and then.
        if sum.memory.pending.count >= 64 { sum.memory.settle() }
    }

    /// The sums. Waits for the device.
    public var values: [Double] {
        memory.settle()
        return memory.settled
    }

    /// The first sum; NaN where there is none. Waits for the device.
    public var value: Double { values.first ?? .nan }
}

extension Sum: Codable {
    /// Encodes the sums as a list, in a checkpoint as a tensor where they are many.
    public func encode(to encoder: any Encoder) throws {
        let values = values
        if try values.count <= 64 || !StateTensors.put(values, in: encoder) { try values.encode(to: encoder) }
    }
    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws {
        self.init(try StateTensors.take(from: decoder) ?? [Double](from: decoder))
    }
}

extension KeyedDecodingContainer {
    /// A sum of `count` numbers. Throws for another number of them.
    func sum(_ key: Key, count: Int) throws -> Sum {
        let sum = try decode(Sum.self, forKey: key)
        guard sum.values.count == count else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "\(sum.values.count) numbers, where \(count) are wanted")
        }
        return sum
    }
}

/// Σ value · count / Σ count: the mean over all samples of a value that is a mean over each batch, such as a loss.
public struct Mean: Metric {
    private var sum: Sum
    private var count: Double

    /// A scalar that is the mean over `count` samples; ignored if `count` is 0.
    public init(_ mean: Tensor, count: Int) { (sum, self.count) = (count == 0 ? Sum(0) : Sum(mean, times: Double(count)), Double(count)) }

    /// A mean with the given Σ value · count.
    package init(total: Double, count: Int) { (sum, self.count) = (Sum(total), Double(count)) }

    public mutating func merge(_ other: Mean) {
        sum += other.sum
        count += other.count
    }

    public var value: Double { count == 0 ? .nan : sum.value / count }

    private enum CodingKeys: CodingKey { case sum, count }

    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        (sum, count) = (try container.sum(.sum, count: 1), try container.decode(Double.self, forKey: .count))
    }

    /// Σ value · count, in double precision.
    package var total: Double { sum.value }
}

/// exp of the mean negative log-likelihood per token: 1 for certainty, the vocabulary's size for guessing. torchmetrics: `Perplexity`.
public struct Perplexity: Metric {
    private var mean: Mean

    /// From the mean cross-entropy in nats over `tokens` tokens.
    public init(_ crossEntropy: Tensor, tokens: Int) { mean = Mean(crossEntropy, count: tokens) }

    public mutating func merge(_ other: Perplexity) { mean.merge(other.mean) }
    public var value: Double { exp(mean.value) }
}
