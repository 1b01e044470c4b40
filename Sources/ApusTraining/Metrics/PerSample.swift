import ApusCore

/// Numbers of which each sample has one, in the order of the samples, for metrics that are no function of sums: ranks, medians, areas under
/// curves. torchmetrics: a list state with `dist_reduce_fx="cat"`.
///
/// ```swift
/// struct MedianError: Metric {
///     var errors: PerSample<Double>
///     init(_ prediction: Tensor, _ target: Tensor) { errors = PerSample((prediction - target).abs()) }
///     mutating func merge(_ other: MedianError) { errors += other.errors }
///     var value: Double { let sorted = errors.values.sorted(); return sorted.isEmpty ? .nan : sorted[sorted.count / 2] }
/// }
/// ```
/// As with ``Sum``, adding does not wait for the device, reading does. Checkpoints and messages between processes hold them as tensors.
public struct PerSample<Number: TensorElement & Codable> {
    /// Shared by copies until one of them changes.
    private final class Memory {
        var settled: [Number]
        var pending: [Tensor]
        init(_ settled: [Number], _ pending: [Tensor]) { (self.settled, self.pending) = (settled, pending) }

        func settle() {
            for numbers in pending { settled += numbers.array(Number.self) }
            pending.removeAll(keepingCapacity: true)
        }
    }

    private var memory: Memory

    /// The elements of `numbers`, converted to `Number`.
    public init(_ numbers: Tensor) {
        // A copy, since `numbers` may be a parameter that changes, or a view that would keep its base alive.
        memory = Memory([], [noGrad { numbers.detach().clone() }])
    }

    /// Numbers on the host.
    public init(_ numbers: [Number] = []) { memory = Memory(numbers, []) }

    /// Adds numbers behind those that there are.
    public static func += (samples: inout PerSample, other: PerSample) {
        if !isKnownUniquelyReferenced(&samples.memory) {
            samples.memory = Memory(samples.memory.settled, samples.memory.pending)
        }
        if !other.memory.settled.isEmpty {
            samples.memory.settle()
            samples.memory.settled += other.memory.settled
        }
        samples.memory.pending += other.memory.pending
        // Pending tensors stay alive, so read them now and then.
        if samples.memory.pending.count >= 64 { samples.memory.settle() }
    }

    /// All numbers. Waits for the device.
    public var values: [Number] {
        memory.settle()
        return memory.settled
    }
}

extension PerSample: Codable {
    /// Encodes the numbers, as a list where the encoder is not that of a checkpoint.
    public func encode(to encoder: any Encoder) throws {
        if try !StateTensors.put(values, in: encoder) { try values.encode(to: encoder) }
    }

    /// Decodes the result of `encode(to:)`.
    public init(from decoder: any Decoder) throws {
        self.init(try StateTensors.take(from: decoder) ?? [Number](from: decoder))
    }
}
