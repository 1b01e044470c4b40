import ApusCore
import CDrivers

/// Processes that exchange tensors from device to device, each with one NVIDIA device of its own.
///
/// All processes make the same calls in the same order. A call queues its work on the device's stream, after the work that made the tensor,
/// and returns: what comes later finds the result. Tensors are contiguous, and change in place.
///
/// It lives as long as the program, since freeing one waits for the others, and processes let their groups go when they like.
///
/// Unchecked Sendable: the handle does not change; one collective at a time uses it.
final class Communicator: @unchecked Sendable {
    let rank: Int
    let size: Int
    private let stream: CUDAStream
    private let library: NCCLLibrary
    private let handle: ncclComm_t

    /// Waits until all have come. `id` is what rank 0 has got from NCCL.
    init(_ stream: CUDAStream, _ library: NCCLLibrary, rank: Int, size: Int, id: ncclUniqueId) throws(OpError) {
        (self.stream, self.library, self.rank, self.size) = (stream, library, rank, size)
        var made: ncclComm_t?
        try stream.queue("ncclCommInitRank") { (_) throws(OpError) in
            try library.check(library.functions.ncclCommInitRank(&made, CInt(size), id, CInt(rank)), "ncclCommInitRank")
        }
        guard let made else { throw OpError("ncclCommInitRank gave no communicator") }
        handle = made
    }

    /// Bytes of memory for what others send, so that a large tensor is not there twice.
    private static var roomBytes: Int { 1 << 28 }
    /// Up to this size all get everything, and all join the same: one exchange instead of two.
    private static var smallBytes: Int { 1 << 16 }

    // MARK: Collectives

    /// Joins the elements of all in the tree's order.
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

    /// Joins the chunks of all, `size` of them: the one of this rank, in place. The others stay as they are.
    func reduceScatter(_ x: Tensor, _ op: ReduceOp) throws(OpError) {
        let x = x.flat
        let chunk = x.numel / size
        // Pieces of each chunk, so that the room is not as large as the tensor.
        let most = max(1, Communicator.roomBytes / (x.dtype.size * size))
        for start in stride(from: 0, to: chunk, by: most) {
            let count = min(most, chunk - start)
            let own = x.elements(rank * chunk + start, count)
            try own.copyElements(of: try joined(x, count, op) { $0 * chunk + start })
        }
    }

    /// Gives all the part that each rank has, by rank.
    func gather(_ part: Tensor, into all: Tensor) throws(OpError) {
        try call("ncclAllGather") {
            library.functions.ncclAllGather(part.pointer, all.pointer, part.byteCount, uint8, handle, $0)
        }
    }

    /// Gives all the chunk that each rank has at its place in `x`.
    func gather(_ x: Tensor) throws(OpError) {
        let chunk = x.numel / size
        try gather(x.flat.elements(rank * chunk, chunk), into: x)
    }

    /// Gives all what `root` has.
    func broadcast(_ x: Tensor, from root: Int) throws(OpError) {
        try call("ncclBroadcast") {
            library.functions.ncclBroadcast(x.pointer, x.pointer, x.byteCount, uint8, CInt(root), handle, $0)
        }
    }

    /// Sums float32 or float64 numbers in an order that NCCL chooses.
    func unorderedSum(_ x: Tensor) throws(OpError) {
        let type = ncclDataType_t(x.dtype == .float64 ? APUS_NCCL_FLOAT64 : APUS_NCCL_FLOAT32)
        try call("ncclAllReduce") {
            library.functions.ncclAllReduce(
                x.pointer, x.pointer, x.numel, type, ncclRedOp_t(APUS_NCCL_SUM), handle, $0)
        }
    }

    /// Throws what has gone wrong in work that was queued.
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

    /// Sends each rank its `count` elements of `x`, which begin at `place`, and joins what all have sent to this one.
    private func joined(_ x: Tensor, _ count: Int, _ op: ReduceOp, at place: ((Int) -> Int)? = nil) throws(OpError) -> Tensor {
        let place = place ?? { $0 * count }
        let room = try empty([size, count], like: x)
        let (functions, rows) = (library.functions, room.rows)
        try call("ncclSend") { stream in
            var status = functions.ncclGroupStart()
            for step in 1..<size where status == 0 {
                // Each begins with another, so that not all send to one.
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
    /// Views of a contiguous tensor. Not recorded.
    fileprivate var flat: Tensor { noGrad { detach().view(-1) } }
    fileprivate func elements(_ start: Int, _ count: Int) -> Tensor { noGrad { narrow(dim: 0, start, count) } }
    fileprivate var rows: [Tensor] { noGrad { (0..<size(0)).map { self[$0] } } }
    /// Pieces of at most so many bytes.
    fileprivate func parts(_ bytes: Int) -> [Tensor] {
        let most = Swift.max(1, bytes / dtype.size)
        return Swift.stride(from: 0, to: numel, by: most).map { elements($0, Swift.min(most, numel - $0)) }
    }
    /// Copies the elements of another tensor.
    fileprivate func copyElements(of other: Tensor) throws(OpError) { try device.backend.copy(other, into: self) }
}
