import ApusCore

/// Gradients that are exchanged together, in one contiguous block: in device memory if the exchange runs from device to device or there is
/// only one process, else in host memory.
final class GradientBucket {
    /// The range of a parameter's gradient in the bucket.
    struct Member {
        /// The parameter's number in the model.
        let number: Int
        let range: Range<Int>
    }

    let members: [Member]
    let sum: Tensor
    /// How many gradients of this update the bucket still lacks.
    private(set) var missing = 0
    private var work: Work<Void>?
    private let communicator: Communicator?

    /// How many elements of the bucket each rank reduces when optimizer steps are shared.
    let chunk: Int

    init(_ members: [Member], _ dtype: DType, _ device: Device, processes: Int, _ communicator: Communicator?) {
        (self.members, self.communicator) = (members, communicator)
        let count = members.last?.range.upperBound ?? 0
        chunk = (count + processes - 1) / processes
        // Padded to equal chunks: the last one may extend past the gradients.
        sum = Tensor.zeros([chunk * processes], dtype: dtype, device: processes == 1 || communicator != nil ? device : .cpu)
    }

    var isFull: Bool { missing == 0 }

    /// Prepares the bucket for the gradients of an update.
    func begin() { (missing, work) = (members.count, nil) }

    /// Copies in a member's gradient, summed over this rank's shards; nil if no shard has one.
    func put(_ gradient: Tensor?, _ range: Range<Int>) throws {
        // −0 is the neutral element of addition: x + −0 is x even where x is −0.
        if let gradient { try put(gradient, at: range.lowerBound) } else { _ = try checked { noGrad { self[range].fill_(-0.0) } } }
        missing -= 1
    }

    /// Copies `numbers` to an offset of the bucket.
    func put(_ numbers: Tensor, at place: Int) throws {
        _ = try checked { noGrad { self[place..<(place + numbers.numel)].copy_(numbers.reshape(-1)) } }
    }

    /// Starts the reduction over ranks: an all-reduce of the whole bucket, or a reduce-scatter in chunks.
    func start(_ group: ProcessGroup, inChunks: Bool) throws {
        if group.size == 1 { return }
        if let communicator {
            if inChunks { try communicator.reduceScatter(sum, .sum) } else { try communicator.reduce(sum, .sum) }
        } else {
            work =
                inChunks
                ? group.startReduceScatter(sum.pointer, chunk: chunk, sum.dtype)
                : group.startSum(sum.pointer, count: sum.numel, sum.dtype)
        }
    }

    /// Starts an all-gather of the ranks' chunks.
    func startGathering(_ group: ProcessGroup) throws {
        if group.size == 1 { return }
        if let communicator { try communicator.gather(sum) } else { work = group.startAllGather(sum.pointer, chunk: chunk, sum.dtype) }
    }

    /// Waits for the exchange that was started; on a device it is only queued, and work that is queued later waits for it.
    func finish() throws {
        try work?.wait()
        try communicator?.check()
    }

    func divide(by divisor: Double) throws { _ = try checked { noGrad { sum.mul_(1 / divisor) } } }

    /// A view of the elements in `range`.
    subscript(range: Range<Int>) -> Tensor { sum.narrow(dim: 0, range.lowerBound, range.count) }
}

extension GradientBucket {
    /// Buckets for `parameters` in reverse order, the order in which their gradients arrive: up to `bytes` each, the first two up to
    /// `firstBytes`, so that communication begins early. All parameters of a bucket are on one device. Sums are float64 for float64
    /// parameters, else float32.
    static func buckets(
        _ parameters: [Tensor], bytes: Int, firstBytes: Int, processes: Int, communicators: [Device: Communicator]
    ) -> [GradientBucket] {
        var buckets: [GradientBucket] = []
        var (members, end): ([Member], Int) = ([], 0)
        var kind: (dtype: DType, device: Device) = (.float32, .cpu)
        func close() {
            if !members.isEmpty {
                buckets.append(GradientBucket(members, kind.dtype, kind.device, processes: processes, communicators[kind.device]))
            }
            (members, end) = ([], 0)
        }
        for (number, parameter) in parameters.enumerated().reversed() {
            let (count, own) = (parameter.numel, (parameter.dtype.computeType, parameter.device))
            if own != kind || (end + count) * own.0.size > (buckets.count < 2 ? min(bytes, firstBytes) : bytes) { close() }
            kind = own
            members.append(Member(number: number, range: end..<(end + count)))
            end += count
        }
        close()
        return buckets
    }
}
