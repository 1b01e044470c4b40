import ApusCore

/// Point-to-point messages, and collectives on bytes of any length.
extension ProcessGroup {
    /// Sends the tensor to rank `to`, which must receive it into a tensor with the same number of elements and the same dtype. PyTorch:
    /// `send`.
    ///
    /// May block until the other rank receives. Messages with the same tag arrive in order. Traps unless 0 ≤ tag < 16384; throws
    /// `DistributedError`.
    public func send(_ tensor: Tensor, to rank: Int, tag: Int = 0) throws {
        if tensor.isPoisoned || isNoPeer("send", rank, tag) { return }
        let signature = Signature(.send, count: tensor.numel, tensor.dtype, peer: rank)
        try worker.perform {
            try self.run(signature) {
                try self.reading(tensor, as: tensor.dtype) { host in
                    let tag = tag + ProcessGroup.firstTag
                    try signature.words.withUnsafeBytes { try self.worker.move($0, to: rank, nil, from: rank, self.members, tag: tag) }
                    let bytes = UnsafeRawBufferPointer(start: host.pointer, count: host.numel * host.dtype.size)
                    try self.worker.move(bytes, to: rank, nil, from: rank, self.members, tag: tag)
                }
            }
        }
    }

    /// Receives the tensor that rank `from` sends with this tag into `tensor`. PyTorch: `recv`.
    ///
    /// Throws `DistributedError`, also if the sender's number of elements or dtype differs.
    public func receive(into tensor: Tensor, from rank: Int, tag: Int = 0) throws {
        if tensor.isPoisoned || isNoPeer("receive", rank, tag) { return }
        let signature = Signature(.receive, count: tensor.numel, tensor.dtype, peer: rank)
        try worker.perform {
            try self.run(signature) {
                try self.changing(tensor, as: tensor.dtype, signature) { host in
                    func take(_ memory: UnsafeMutableRawBufferPointer) throws {
                        try self.worker.move(nil, to: rank, memory, from: rank, self.members, tag: tag + ProcessGroup.firstTag)
                    }
                    var words = [UInt64](repeating: 0, count: Signature.wordCount)
                    try words.withUnsafeMutableBytes { try take($0) }
                    guard let sent = Signature(words: words), let dtype = sent.dtype else {
                        throw EngineError(message: "\(self.name(rank)) has sent something unknown")
                    }
                    if sent.count == signature.count, dtype == signature.dtype {
                        return try take(UnsafeMutableRawBufferPointer(start: host.pointer, count: host.numel * host.dtype.size))
                    }
                    // The data arrives nevertheless and must be received, or it would be taken for the next message.
                    let rest = UnsafeMutableRawBufferPointer.allocate(byteCount: sent.count * dtype.size, alignment: 64)
                    defer { rest.deallocate() }
                    try take(rest)
                    throw EngineError(message: "\(self.name(rank)) has sent \(sent.count) \(dtype)")
                }
            }
        }
    }

    /// Broadcasts the bytes of `root`; the other ranks need not know how many.
    package func broadcast(bytes: [UInt8], from root: Int) throws -> [UInt8] {
        if isNoRank("broadcast", root) { return bytes }
        return try collective(Signature(.bytes, peer: root), note: (UInt64(bytes.count), 0)) { notes in
            var result = self.rank == root ? bytes : [UInt8](repeating: 0, count: Int(notes[root].0))
            try result.withUnsafeMutableBytes { memory in
                if let address = memory.baseAddress { try self.worker.spread(address, memory.count, from: root, self.members) }
            }
            return result
        }
    }

    /// All-gather of bytes, by rank; their counts may differ.
    package func allGather(bytes: [UInt8]) throws -> [[UInt8]] {
        try collective(Signature(.bytes), note: (UInt64(bytes.count), 0)) { notes in
            var ends: [Int] = [0]
            for note in notes { ends.append(ends.last! + Int(note.0)) }
            let ranges = (0..<self.size).map { ends[$0]..<ends[$0 + 1] }
            var all = [UInt8](repeating: 0, count: ends.last!)
            all.replaceSubrange(ranges[self.rank], with: bytes)
            try all.withUnsafeMutableBytes { memory in
                guard let address = memory.baseAddress else { return }
                try self.worker.exchange(address, size: 1, self.members, ranges: ranges.map { [$0] }, join: nil, spreads: true)
            }
            return ranges.map { Array(all[$0]) }
        }
    }

    private static var firstTag: Int { 1024 }

    func name(_ rank: Int) -> String { "rank \(rank) (\(hosts[rank]))" }

    private func isNoPeer(_ name: String, _ peer: Int, _ tag: Int) -> Bool {
        if isNoRank(name, peer) { return true }
        if peer == rank {
            fail(name, "rank \(rank) is this process itself")
            return true
        }
        if !(0..<1 << 14).contains(tag) {
            fail(name, "tag \(tag) is outside 0 ..< 16384")
            return true
        }
        return false
    }
}
