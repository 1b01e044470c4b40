import ApusCore
import CDrivers

/// A group of processes that exchange tensors from device to device, each with one NVIDIA device of its own.
///
/// All ranks must make the same calls in the same order. A call enqueues its work on the device's stream, after the work that computes the
/// tensor, and returns: work that is enqueued later sees the result. Tensors are contiguous and change in place.
///
/// A communicator is never freed, since freeing one waits for the other ranks, which release their groups whenever they like.
///
/// Unchecked Sendable: the handle does not change; one collective at a time uses it.
final class Communicator: @unchecked Sendable {
    let rank: Int
    let size: Int
    private let stream: CUDAStream
    private let library: NCCLLibrary
    private let handle: ncclComm_t

    /// Waits until all ranks have joined. `id` is the one that rank 0 has got from NCCL.
    init(_ stream: CUDAStream, _ library: NCCLLibrary, rank: Int, size: Int, id: ncclUniqueId) throws(OpError) {
        (self.stream, self.library, self.rank, self.size) = (stream, library, rank, size)
        var made: ncclComm_t?
        try stream.queue("ncclCommInitRank") { (_) throws(OpError) in
            try library.check(library.functions.ncclCommInitRank(&made, CInt(size), id, CInt(rank)), "ncclCommInitRank")
        }
        guard let made else { throw OpError("ncclCommInitRank gave no communicator") }
        handle = made
    }

    /// The size of the receive buffer, in bytes, so that a large tensor is not in memory twice.
    private static var roomBytes: Int { 1 << 28 }
    /// Up to this size every rank gathers all elements and reduces by itself: one exchange instead of two.
    private static var smallBytes: Int { 1 << 16 }

    // MARK: Collectives

    /// All-reduce in tree order.
    func reduce(_ x: Tensor, _ op: ReduceOp) throws(OpError) {
        let x = x.flat
        for part in x.parts(Communicator.roomBytes) {
            let count = part.numel
            if count * x.dtype.size * size <= Communicator.smallBytes {
                let all = try empty([size, count], like: x)
                try gather(part, into: all)
                try part.copyElements(of: try Tensor.binaryTree(op.kind, all.rows))
            } else {
                let chunk = (count + size - 1) / size
                let whole = count == chunk * size ? part : try empty([chunk * size], like: x)
                if whole !== part { try whole.elements(0, count).copyElements(of: part) }
                try gather(try joined(whole, chunk, op), into: whole)
                if whole !== part { try part.copyElements(of: whole.elements(0, count)) }
            }
        }
    }

    /// Reduce-scatter in tree order: `x` has `size` chunks, of which this rank gets chunk `rank`, in place. The other chunks stay as they
    /// are.
    func reduceScatter(_ x: Tensor, _ op: ReduceOp) throws(OpError) {
        let x = x.flat
        let chunk = x.numel / size
        // Works on pieces of each chunk, so that the receive buffer need not be as large as the tensor.
        let most = max(1, Communicator.roomBytes / (x.dtype.size * size))
        for start in stride(from: 0, to: chunk, by: most) {
            let count = min(most, chunk - start)
            let own = x.elements(rank * chunk + start, count)
            try own.copyElements(of: try joined(x, count, op) { $0 * chunk + start })
        }
    }

    /// All-gather: `part` of each rank, by rank.
    func gather(_ part: Tensor, into all: Tensor) throws(OpError) {
        try call("ncclAllGather") {
            library.functions.ncclAllGather(part.pointer, all.pointer, part.byteCount, uint8, handle, $0)
        }
    }

    /// All-gather in place: rank r contributes chunk r of `x`.
    func gather(_ x: Tensor) throws(OpError) {
        let chunk = x.numel / size
        try gather(x.flat.elements(rank * chunk, chunk), into: x)
    }

    /// Broadcasts the tensor of `root`.
    func broadcast(_ x: Tensor, from root: Int) throws(OpError) {
        try call("ncclBroadcast") {
            library.functions.ncclBroadcast(x.pointer, x.pointer, x.byteCount, uint8, CInt(root), handle, $0)
        }
    }

    /// All-reduce (sum) of float32 or float64 numbers in an order that NCCL chooses.
    func unorderedSum(_ x: Tensor) throws(OpError) {
        let type = ncclDataType_t(x.dtype == .float64 ? APUS_NCCL_FLOAT64 : APUS_NCCL_FLOAT32)
        try call("ncclAllReduce") {
            library.functions.ncclAllReduce(
                x.pointer, x.pointer, x.numel, type, ncclRedOp_t(APUS_NCCL_SUM), handle, $0)
        }
    }

    /// Throws if enqueued work has failed.
    func check() throws(OpError) {
        var status: ncclResult_t = 0
        try library.check(library.functions.ncclCommGetAsyncError(handle, &status), "ncclCommGetAsyncError", handle)
        try library.check(status, "NCCL", handle)
    }

    // MARK: What they are made of

    private var uint8: ncclDataType_t { ncclDataType_t(APUS_NCCL_UINT8) }

    private func call(_ name: StaticString, _ body: (CUstream) -> ncclResult_t) throws(OpError) {
        try stream.queue("\(name)") { (stream) throws(OpError) in try library.check(body(stream), name, handle) }
    }

    /// Sends `count` elements of `x` from offset `place(r)` to each rank r, and returns the reduction of what all ranks have sent to this
    /// one.
    private func joined(_ x: Tensor, _ count: Int, _ op: ReduceOp, at place: ((Int) -> Int)? = nil) throws(OpError) -> Tensor {
        let place = place ?? { $0 * count }
        let room = try empty([size, count], like: x)
        let (functions, rows) = (library.functions, room.rows)
        try call("ncclSend") { stream in
            var status = functions.ncclGroupStart()
            for step in 1..<size where status == 0 {
                // Each rank begins with another, so that not all send to the same one.
                let (to, from) = ((rank + step) % size, (rank - step + size) % size)
                let (part, row) = (x.elements(place(to), count), rows[from])
                status = functions.ncclSend(part.pointer, part.byteCount, uint8, CInt(to), handle, stream)
                if status == 0 { status = functions.ncclRecv(row.pointer, row.byteCount, uint8, CInt(from), handle, stream) }
            }
            let end = functions.ncclGroupEnd()
            return status == 0 ? end : status
        }
        return try Tensor.binaryTree(op.kind, (0..<size).map { $0 == rank ? x.elements(place(rank), count) : rows[$0] })
    }

    private func empty(_ shape: Shape, like x: Tensor) throws(OpError) -> Tensor { try Tensor.uninitialized(shape, x.dtype, x.device) }
}

extension Tensor {
    fileprivate var byteCount: Int { numel * dtype.size }
    /// Views of a contiguous tensor, outside the graph.
    fileprivate var flat: Tensor { noGrad { detach().view(-1) } }
    fileprivate func elements(_ start: Int, _ count: Int) -> Tensor { noGrad { narrow(dim: 0, start, count) } }
    fileprivate var rows: [Tensor] { noGrad { (0..<size(0)).map { self[$0] } } }
    /// Pieces of at most `bytes` bytes.
    fileprivate func parts(_ bytes: Int) -> [Tensor] {
        let most = Swift.max(1, bytes / dtype.size)
        return Swift.stride(from: 0, to: numel, by: most).map { elements($0, Swift.min(most, numel - $0)) }
    }
    /// Copies the elements of another tensor, of the same count.
    fileprivate func copyElements(of other: Tensor) throws(OpError) { try copyData(other, by: "collective") }
}
