import ApusCore

/// Gradients that travel together, in one block of memory: on their device if they need not leave it for the exchange, else on the
/// processor.
final class GradientBucket {
    /// A parameter's place.
    struct Member {
        /// The parameter's number in the model.
        let number: Int
        let range: Range<Int>
    }

    let members: [Member]
    let sum: Tensor
    /// How many gradients are not in it yet.
    private(set) var missing = 0
    private var work: Work<Void>?
    private let communicator: Communicator?

    /// How many numbers of it each process sums up where steps are shared.
    let chunk: Int

    init(_ members: [Member], _ dtype: DType, _ device: Device, processes: Int, _ communicator: Communicator?) {
        (self.members, self.communicator) = (members, communicator)
        let count = members.last?.range.upperBound ?? 0
        chunk = (count + processes - 1) / processes
        // The last chunk may be longer than what is left.
        sum = Tensor.zeros([chunk * processes], dtype: dtype, device: processes == 1 || communicator != nil ? device : .cpu)
    }

    var isFull: Bool { missing == 0 }

    /// Makes it ready for the gradients of an update.
    func begin() { (missing, work) = (members.count, nil) }

    /// Takes the sum over this process's shards of a member's gradient, nil where there is none.
    func put(_ gradient: Tensor?, _ range: Range<Int>) throws {
        // −0 is what changes no sum, not even one that is −0 itself.
        if let gradient { try put(gradient, at: range.lowerBound) } else { _ = try checked { noGrad { self[range].fill_(-0.0) } } }
        missing -= 1
    }

    /// Puts numbers at a place.
    func put(_ numbers: Tensor, at place: Int) throws {
        _ = try checked { noGrad { self[place..<(place + numbers.numel)].copy_(numbers.reshape(-1)) } }
    }

    /// Begins the sum over processes: of all, or on each process of its chunk.
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

    /// Begins to give each process's chunk to all.
    func startGathering(_ group: ProcessGroup) throws {
        if group.size == 1 { return }
        if let communicator { try communicator.gather(sum) } else { work = group.startAllGather(sum.pointer, chunk: chunk, sum.dtype) }
    }

    /// Waits for what has been started; on a device, later work does.
    func finish() throws {
        try work?.wait()
        try communicator?.check()
    }

    func divide(by divisor: Double) throws { _ = try checked { noGrad { sum.mul_(1 / divisor) } } }

    /// The numbers of a member, in the bucket's memory.
    subscript(range: Range<Int>) -> Tensor { sum.narrow(dim: 0, range.lowerBound, range.count) }
}

extension GradientBucket {
    /// Buckets for `parameters` in reverse order, in which their gradients come: of up to `bytes`, the first two of up to `firstBytes`, so that
    /// sums begin early. Those of a bucket are on one device. Sums are float64 for float64 parameters, else float32.
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
