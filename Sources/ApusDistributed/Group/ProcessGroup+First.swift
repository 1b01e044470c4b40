/// Another process has failed, and says why itself.
package struct ErrorElsewhere: Error, Hashable, CustomStringConvertible {
    /// The process that says why.
    package let rank: Int
    /// The type of its error.
    package let type: String
    package var description: String { "process \(rank) has failed" }
}

/// What the first process does for all, and what succeeds on all or on none.
extension ProcessGroup {
    /// What `body` returns on the first process, which alone calls it, on all. The others wait for as long as it takes.
    ///
    /// Where it throws, all throw: the first its error, the others ``ErrorElsewhere``.
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

    /// What `body` returns, if it throws on no process. Else all throw: of those with the same error the lowest rank throws it, all others
    /// ``ErrorElsewhere``.
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

    /// Runs `body`, in which processes may wait for each other for as long as one of them computes.
    private func patiently<Value>(_ body: () throws -> Value) rethrows -> Value {
        let limit = stallTimeout
        stallTimeout = .infinity
        defer { stallTimeout = limit }
        return try body()
    }
}
