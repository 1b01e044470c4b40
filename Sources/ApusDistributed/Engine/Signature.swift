import ApusCore

/// Describes a collective. All processes of a group must call the same one with the same arguments.
struct Signature: Hashable {
    enum Kind: Int {
        case allReduce, broadcast, allGather, reduceScatter, allToAll, barrier, split, exchange, bytes, sum, send, receive, devices, end
    }

    var kind: Kind
    var count = 0
    var dtype: DType?
    var op: ReduceOp?
    /// The rank that a message comes from or goes to; the root of a broadcast.
    var peer: Int?

    /// How many words `words` has.
    static let wordCount = 3

    var words: [UInt64] {
        let codes = kind.rawValue | Int(dtype?.rawValue ?? 255) << 8 | (op?.rawValue ?? 255) << 16
        return [UInt64(codes), UInt64(bitPattern: Int64(count)), UInt64(bitPattern: Int64(peer ?? -1))]
    }

    /// Decodes `words`; nil if another version of the program has sent them.
    init?(words: some RandomAccessCollection<UInt64>) {
        let all = Array(words)
        guard let kind = Kind(rawValue: Int(all[0] & 255)) else { return nil }
        self.kind = kind
        dtype = DType(rawValue: UInt8(all[0] >> 8 & 255))
        op = ReduceOp(rawValue: Int(all[0] >> 16 & 255))
        count = Int(Int64(bitPattern: all[1]))
        peer = all[2] == UInt64.max ? nil : Int(truncatingIfNeeded: all[2])
    }

    init(_ kind: Kind, count: Int = 0, _ dtype: DType? = nil, _ op: ReduceOp? = nil, peer: Int? = nil) {
        (self.kind, self.count, self.dtype, self.op, self.peer) = (kind, count, dtype, op, peer)
    }
}

extension Signature: CustomStringConvertible {
    var description: String {
        let numbers = dtype.map { " of \(count) \($0)" } ?? ""
        switch kind {
        case .allReduce: return "allReduce (\(op.map { "\($0)" } ?? "?"))\(numbers)"
        case .broadcast: return "broadcast from \(peer ?? 0)\(numbers)"
        case .allGather: return "allGather\(numbers)"
        case .reduceScatter: return "reduceScatter (\(op.map { "\($0)" } ?? "?"))\(numbers)"
        case .allToAll: return "allToAll"
        case .barrier: return "barrier"
        case .split: return "split"
        case .exchange: return "exchange of \(count) words"
        case .bytes: return peer.map { "broadcast of bytes from \($0)" } ?? "allGather of bytes"
        case .sum: return "sum\(numbers)"
        case .send: return "send to \(peer ?? 0)\(numbers)"
        case .receive: return "receive from \(peer ?? 0)\(numbers)"
        case .devices: return "telling devices"
        case .end: return "the end of the program"
        }
    }
}
