/// Thrown on the ranks that did not fail themselves; the failed rank throws the actual error.
package struct ErrorElsewhere: Error, Hashable, CustomStringConvertible {
    /// The rank that failed and throws the actual error.
    package let rank: Int
    /// The type of its error.
    package let type: String
    package var description: String { "process \(rank) has failed" }
}

/// Work that rank 0 does for all, and work that succeeds on all ranks or on none.
extension ProcessGroup {
    /// Runs `body` on rank 0 only, and returns its result on all ranks. The others wait without a time limit.
    ///
    /// If it throws, all ranks throw: rank 0 the error itself, the others ``ErrorElsewhere``.
    package func first(_ body: () throws -> [UInt8]) throws -> [UInt8] {
        if size == 1 { return try body() }
        return try patiently {
            let own = isFirst ? Result { try body() } : .success([])
            switch own {
            case .success(let bytes):
                let found = try broadcast(bytes: [0] + bytes, from: 0)
                guard found[0] == 0 else { throw ErrorElsewhere(rank: 0, type: String(decoding: found.dropFirst(), as: UTF8.self)) }
                return Array(found.dropFirst())
            case .failure(let error):
                _ = try broadcast(bytes: [1] + Array("\(type(of: error))".utf8), from: 0)
                throw error
            }
        }
    }

    /// Returns the result of `body` if it throws on no rank. Otherwise all ranks throw: the lowest rank that failed throws its own error,
    /// and so does every rank with a different one; all others throw ``ErrorElsewhere``.
    package func all<Value>(_ body: () throws -> Value) throws -> Value {
        if size == 1 { return try body() }
        return try patiently {
            let own = Result { try body() }
            var (text, type) = ("", "")
            if case .failure(let error) = own { (text, type) = ("\(error)", "\(Swift.type(of: error))") }
            let texts = try allGather(bytes: Array((type + "\n" + text).utf8)).map { String(decoding: $0, as: UTF8.self) }
            guard let failed = texts.firstIndex(where: { $0 != "\n" }) else { return try own.get() }
            if case .failure(let error) = own, texts.firstIndex(of: texts[rank]) == rank { throw error }
            throw ErrorElsewhere(rank: failed, type: String(texts[failed].prefix { $0 != "\n" }))
        }
    }

    /// Runs `body`, during which ranks may wait for each other without a time limit.
    private func patiently<Value>(_ body: () throws -> Value) rethrows -> Value {
        let limit = stallTimeout
        stallTimeout = .infinity
        defer { stallTimeout = limit }
        return try body()
    }
}
