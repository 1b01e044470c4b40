import ApusCore

/// An address whose memory the caller keeps valid and untouched until the work is done.
private struct Memory: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
}

/// Collectives on plain memory. Called by the thread that holds the engine.
extension ProcessGroup {
    /// Up to this size every rank sends to every other and reduces by itself: the repeated reduction costs less than a second message.
    private static var smallBytes: Int { 1 << 16 }

    /// All-reduce of `count` elements in tree order, in place.
    func reduce(_ memory: UnsafeMutableRawPointer, count: Int, _ join: Join) throws {
        let bytes = count * join.size
        if size == 1 || count == 0 { return }
        if bytes <= ProcessGroup.smallBytes, bytes * size <= 1 << 20 {
            let room = worker.room(bytes * size)
            room.copyMemory(from: memory, byteCount: bytes)
            try worker.gatherBlocks(room, bytes, members)
            join((0..<size).map { UnsafeRawPointer(room + ($0 - rank + size) % size * bytes) }, count: count, into: memory)
        } else if let (local, cross) = byHosts {
            let mine = ProcessGroup.parts(0..<count, local.count)
            try worker.exchange(memory, size: join.size, local, ranges: mine.map { [$0] }, join: join, spreads: false)
            let parts = ProcessGroup.parts(mine[local.index], cross.count).map { [$0] }
            try worker.exchange(memory, size: join.size, cross, ranges: parts, join: join, spreads: true)
            try worker.exchange(memory, size: join.size, local, ranges: mine.map { [$0] }, join: nil, spreads: true)
        } else {
            let parts = ProcessGroup.parts(0..<count, size).map { [$0] }
            try worker.exchange(memory, size: join.size, members, ranges: parts, join: join, spreads: true)
        }
    }

    /// Reduce-scatter: `memory` has `size` chunks of `count` elements each, and this rank gets the reduction of chunk `rank`, in place. The
    /// other chunks are undefined afterwards.
    func reduceScatter(_ memory: UnsafeMutableRawPointer, chunk count: Int, _ join: Join) throws {
        let chunks = (0..<size).map { $0 * count..<($0 + 1) * count }
        if let (local, cross) = byHosts {
            let each = local.count
            let columns = (0..<each).map { l in (0..<cross.count).map { chunks[$0 * each + l] } }
            try worker.exchange(memory, size: join.size, local, ranges: columns, join: join, spreads: false)
            try worker.exchange(memory, size: join.size, cross, ranges: columns[local.index].map { [$0] }, join: join, spreads: false)
        } else {
            try worker.exchange(memory, size: join.size, members, ranges: chunks.map { [$0] }, join: join, spreads: false)
        }
    }

    /// All-gather of chunks of `count` elements of `elementBytes` each, in place; this rank contributes chunk `rank`.
    func gather(_ memory: UnsafeMutableRawPointer, chunk count: Int, elementBytes: Int) throws {
        let chunks = (0..<size).map { $0 * count..<($0 + 1) * count }
        if let (local, cross) = byHosts {
            let each = local.count
            let columns = (0..<each).map { l in (0..<cross.count).map { chunks[$0 * each + l] } }
            try worker.exchange(memory, size: elementBytes, cross, ranges: columns[local.index].map { [$0] }, join: nil, spreads: true)
            try worker.exchange(memory, size: elementBytes, local, ranges: columns, join: nil, spreads: true)
        } else {
            try worker.exchange(memory, size: elementBytes, members, ranges: chunks.map { [$0] }, join: nil, spreads: true)
        }
    }

    /// All-gather of words, by rank; all ranks pass the same number. Called in a collective by the thread that holds the engine.
    func gather(words: [UInt64]) throws -> [[UInt64]] {
        if size == 1 || words.isEmpty { return Array(repeating: words, count: size) }
        let memory = worker.room(words.count * 8 * size)
        words.withUnsafeBytes { memory.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        try worker.gatherBlocks(memory, words.count * 8, members)
        return (0..<size).map { rank in
            let block = memory + (rank - self.rank + size) % size * words.count * 8
            return (0..<words.count).map { block.load(fromByteOffset: $0 * 8, as: UInt64.self) }
        }
    }

    /// Splits a range into equal parts; the last ones are shorter if it does not divide evenly.
    private static func parts(_ range: Range<Int>, _ count: Int) -> [Range<Int>] {
        let each = (range.count + count - 1) / count
        return (0..<count).map { range.lowerBound + min($0 * each, range.count)..<range.lowerBound + min(($0 + 1) * each, range.count) }
    }
}

/// Collectives that run in the background, in the order in which they are started, which must be the same on all ranks.
///
/// Those on memory do not check that all ranks call the same one: the caller compares a whole step at once (`startAllGather(words:)`).
extension ProcessGroup {
    /// All-gather of words, by rank; all ranks pass the same number.
    package func startAllGather(words: [UInt64]) -> Work<[[UInt64]]> {
        startCollective(Signature(.exchange, count: words.count)) { _ in try self.gather(words: words) }
    }

    /// All-reduce (sum) of `count` float32 or float64 numbers in place, in tree order.
    package func startSum(_ memory: UnsafeMutableRawPointer, count: Int, _ dtype: DType) -> Work<Void> {
        start(.sum, memory, count, dtype) { try $0.reduce($1, count: count, ReduceOp.sum.join(dtype)) }
    }

    /// Reduce-scatter (sum) in place, in tree order: `memory` has `size` chunks of `count` numbers, of which this rank gets chunk `rank`.
    /// The other chunks are undefined afterwards.
    package func startReduceScatter(_ memory: UnsafeMutableRawPointer, chunk count: Int, _ dtype: DType) -> Work<Void> {
        start(.reduceScatter, memory, count * size, dtype) { try $0.reduceScatter($1, chunk: count, ReduceOp.sum.join(dtype)) }
    }

    /// All-gather in place: `memory` has `size` chunks of `count` elements, and rank i contributes chunk i.
    package func startAllGather(_ memory: UnsafeMutableRawPointer, chunk count: Int, _ dtype: DType) -> Work<Void> {
        start(.allGather, memory, count * size, dtype) { try $0.gather($1, chunk: count, elementBytes: dtype.size) }
    }

    private func start(
        _ kind: Signature.Kind, _ memory: UnsafeMutableRawPointer, _ count: Int, _ dtype: DType,
        _ body: @escaping (ProcessGroup, UnsafeMutableRawPointer) throws -> Void
    ) -> Work<Void> {
        let memory = Memory(address: memory)
        let op: ReduceOp? = kind == .reduceScatter ? .sum : nil
        return worker.enqueue { try self.run(Signature(kind, count: count, dtype, op)) { try body(self, memory.address) } }
    }
}
