import ApusCore
import Glibc

/// What batches add up to: a loss, an accuracy, an area under a curve. A value of it is made of one batch, and takes in those of others.
///
/// One of one's own needs its sums, how they are merged, and what they come to; that it is `Codable` puts it into checkpoints:
/// ```swift
/// struct WithinOne: Metric {
///     var hits: Sum, count: Sum
///     init(_ prediction: Tensor, _ target: Tensor) {
///         hits = Sum(((prediction - target).abs().le(1).sum())
///         count = Sum(Double(target.numel))
///     }
///     mutating func merge(_ other: WithinOne) { hits += other.hits; count += other.count }
///     var value: Double { hits.value / count.value }
/// }
/// trainer.measure("within one") { WithinOne($0, $1) }
/// ```
/// Merging must not depend on how the samples were dealt out among batches: a mean is kept as a sum and a count. The library's torchmetrics
/// counterpart has `update`, `compute` and `merge_state` for this.
public protocol Metric: Codable {
    /// Takes in what `other` has seen, which came later.
    mutating func merge(_ other: Self)
    /// What it comes to; NaN where nothing was seen.
    var value: Double { get }
    /// Whether progress bars ask for it several times a second; true where not said otherwise.
    static var isShownOnTheWay: Bool { get }
}

extension Metric {
    public static var isShownOnTheWay: Bool { true }
}

/// Numbers that are added up over batches, in double precision and in the order of the batches, whenever they are read.
///
/// They may still be on a device: nobody waits for them until they are read, since waiting for each batch would hold up a device that works
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

    /// The elements of `numbers`, each times `weight`; a scalar is one number.
    public init(_ numbers: Tensor, times weight: Double = 1) {
        // A copy: what was given may be a parameter, which changes before somebody reads.
        memory = Memory([], [(noGrad { numbers.detach().clone() }, weight)])
    }

    /// A number that is known already.
    public init(_ number: Double) { memory = Memory([number], []) }

    /// Numbers that are known already.
    public init(_ numbers: [Double]) { memory = Memory(numbers, []) }

    /// Adds number to number. Traps where there are not as many, as soon as somebody reads; a sum of nothing takes any.
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
        // Each keeps a tensor alive.
        if sum.memory.pending.count >= 64 { sum.memory.settle() }
    }

    /// The numbers. Waits for the device.
    public var values: [Double] {
        memory.settle()
        return memory.settled
    }

    /// The number, where it is one; NaN where there is none. Waits for the device.
    public var value: Double { values.first ?? .nan }
}

extension Sum: Codable {
    /// The numbers, as a list.
    public func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }
    /// Reads what `encode(to:)` has written.
    public init(from decoder: any Decoder) throws { self.init(try [Double](from: decoder)) }
}

extension KeyedDecodingContainer {
    /// A sum of `count` numbers. Throws where there are not as many.
    func sum(_ key: Key, count: Int) throws -> Sum {
        let sum = try decode(Sum.self, forKey: key)
        guard sum.values.count == count else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "\(sum.values.count) numbers, where \(count) are wanted")
        }
        return sum
    }
}

/// Σ value · count / Σ count: the mean over all samples of what is a mean over each batch, as losses are.
public struct Mean: Metric {
    private var sum: Sum
    private var count: Double

    /// A scalar that is the mean over `count` samples; of none it is nothing, whatever the scalar says.
    public init(_ mean: Tensor, count: Int) { (sum, self.count) = (count == 0 ? Sum(0) : Sum(mean, times: Double(count)), Double(count)) }

    /// From Σ value · count.
    package init(total: Double, count: Int) { (sum, self.count) = (Sum(total), Double(count)) }

    public mutating func merge(_ other: Mean) {
        sum += other.sum
        count += other.count
    }

    public var value: Double { count == 0 ? .nan : sum.value / count }

    private enum CodingKeys: CodingKey { case sum, count }

    /// Reads what `encode(to:)` has written.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        (sum, count) = (try container.sum(.sum, count: 1), try container.decode(Double.self, forKey: .count))
    }

    /// Σ value · count, in double precision.
    package var total: Double { sum.value }
}

/// exp of the mean negative log-likelihood of a token: 1 is certainty, the vocabulary's size is a guess. torchmetrics: `Perplexity`.
public struct Perplexity: Metric {
    private var mean: Mean

    /// From the mean cross-entropy over `tokens` tokens, in nats.
    public init(_ crossEntropy: Tensor, tokens: Int) { mean = Mean(crossEntropy, count: tokens) }

    public mutating func merge(_ other: Perplexity) { mean.merge(other.mean) }
    public var value: Double { exp(mean.value) }
}
