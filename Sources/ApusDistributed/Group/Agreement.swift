import ApusCore
import Glibc
import Synchronization

extension ProcessGroup {
    /// Words that each process sends along with its signature; they are not compared.
    typealias Note = (UInt64, UInt64)

    /// Runs a collective: first checks that all processes call the same one, then runs `body` with the notes of all.
    func collective<Value>(
        _ signature: Signature, note: Note = (0, 0), _ body: @escaping ([Note]) throws -> Value
    ) throws -> Value {
        try worker.perform { try self.run(signature) { try body(self.agree(signature, note)) } }
    }

    /// The same, in the background.
    func startCollective<Value>(
        _ signature: Signature, note: Note = (0, 0), _ body: @escaping ([Note]) throws -> Value
    ) -> Work<Value> {
        worker.enqueue { try self.run(signature) { try body(self.agree(signature, note)) } }
    }

    /// Runs `body` as the operation that the watch reports, and adds rank and operation to its errors.
    func run<Value>(_ signature: Signature, _ body: () throws -> Value) throws -> Value {
        worker.watch.begin(signature)
        defer { worker.watch.end() }
        do {
            if session.isOver.load(ordering: .relaxed) { throw EngineError(message: "another process has ended") }
            return try body()
        } catch let error as EngineError {
            throw self.error(signature, error.message)
        } catch let error as OpError {
            throw self.error(signature, "\(error)")
        }
    }

    private static var blockWords: Int { Signature.wordCount + 2 }

    /// Compares what the processes are about to do. All see the same signatures, so either all throw or none does.
    func agree(_ signature: Signature, _ note: Note) throws -> [Note] {
        if size == 1 { return [note] }
        let length = ProcessGroup.blockWords
        let mine = signature.words + [note.0, note.1]
        let memory = UnsafeMutablePointer<UInt64>.allocate(capacity: size * length)
        defer { memory.deallocate() }
        for (i, word) in mine.enumerated() { memory[i] = word }
        try worker.gatherBlocks(memory, length * 8, members)
        var notes = [Note](repeating: (0, 0), count: size)
        var isSame = true
        for i in 0..<size {
            let block = memory + i * length
            for word in 0..<Signature.wordCount where block[word] != mine[word] { isSame = false }
            notes[(rank + i) % size] = (block[Signature.wordCount], block[Signature.wordCount + 1])
        }
        if isSame { return notes }
        var signatures: [Signature?] = Array(repeating: nil, count: size)
        for i in 0..<size {
            signatures[(rank + i) % size] = Signature(words: (0..<Signature.wordCount).map { memory[i * length + $0] })
        }
        throw EngineError(message: differences(signatures, notes))
    }

    /// Lists which ranks do what.
    private func differences(_ signatures: [Signature?], _ notes: [Note]) -> String {
        var kinds: [(what: String, ranks: [Int])] = []
        for (rank, signature) in signatures.enumerated() {
            var what = signature.map { "\($0)" } ?? "something unknown (another version of the program?)"
            if signature?.kind == .end {
                session.isOver.store(true, ordering: .relaxed)
                what = notes[rank].0 == 0 ? "has ended" : "has ended with exit code \(notes[rank].0)"
            }
            if let i = kinds.firstIndex(where: { $0.what == what }) { kinds[i].ranks.append(rank) } else { kinds.append((what, [rank])) }
        }
        let parts = kinds.map { kind in
            let shown = kind.ranks.prefix(8).map { "rank \($0) (\(hosts[$0]))" }.joined(separator: ", ")
            return "\(shown)\(kind.ranks.count > 8 ? " and \(kind.ranks.count - 8) more" : ""): \(kind.what)"
        }
        return "the processes do different things: " + parts.joined(separator: "; ")
    }
}
