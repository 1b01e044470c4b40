import ApusCore
import ApusNN
import ApusSystem

extension ProcessGroup {
    /// Throws on all ranks unless all have the same `lines`, which describe `what`.
    package func agree(on lines: [String], _ what: String) throws {
        let all = try allGather(bytes: Array(lines.joined(separator: "\n").utf8))
        guard let other = all.firstIndex(where: { $0 != all[0] }) else { return }
        let (first, found) = (String(decoding: all[0], as: UTF8.self), String(decoding: all[other], as: UTF8.self))
        let (a, b) = (first.split(separator: "\n"), found.split(separator: "\n"))
        let place = zip(a, b).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(a.count, b.count)
        func line(_ lines: [Substring]) -> String { lines.indices.contains(place) ? "'\(lines[place])'" : "no more" }
        throw error("agreeing on \(what)", "processes differ: rank 0 has \(line(a)), rank \(other) has \(line(b))")
    }

    /// Copies the weights and buffers of rank 0 to all ranks, unless they are equal already.
    package func synchronize(_ model: Module) throws {
        let tensors = tensorsByName(model).map(\.tensor)
        let hashes = try startAllGather(words: [try hash(tensors)]).wait()
        if hashes.allSatisfy({ $0 == hashes[0] }) { return }
        for tensor in tensors { try broadcast(tensor.detach()) }
    }

    /// For each of `flags`, whether it is set on any rank.
    package func anyProcess(_ flags: [Bool]) throws -> [Bool] {
        var words = [UInt64](repeating: 0, count: (flags.count + 63) / 64)
        for (i, flag) in flags.enumerated() where flag { words[i / 64] |= 1 << UInt64(i % 64) }
        let all = try startAllGather(words: words).wait()
        let any = words.indices.map { word in all.reduce(0) { $0 | $1[word] } }
        return flags.indices.map { any[$0 / 64] & 1 << UInt64($0 % 64) != 0 }
    }
}

/// A hash of the bytes of all elements.
private func hash(_ tensors: [Tensor]) throws -> UInt64 {
    var hash = Checksum()
    for tensor in tensors {
        let own = try checked { noGrad { tensor.detach().to(.cpu).contiguous() } }
        hash.update(UnsafeRawBufferPointer(start: own.pointer, count: own.numel * own.dtype.size))
    }
    return hash.value
}
