import ApusSystem
import Glibc
import Synchronization

/// Keeps track of what this process is doing, answers processes that ask, and asks the others when a collective stalls.
///
/// A process that has waited for `limit` seconds asks all others where they are. The lowest rank of those that wait prints the table of
/// answers. A process that has waited ten times as long terminates all. No rank has a special role, so any may be missing.
///
/// @unchecked: `place` and `settings` are mutexes; everything else is accessed by the thread that holds the engine.
final class Watch: @unchecked Sendable {
    private let engine: any Engine
    private let place = Mutex("")
    private let settings: Mutex<Settings>

    struct Settings {
        /// Seconds without progress after which the other processes are asked.
        var limit = environment("APUS_STALL_TIMEOUT").flatMap(Double.init).flatMap { $0 > 0 ? $0 : nil } ?? 60
        var report: @Sendable (String) -> Void = { text in _ = Array(text.utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) } }
        /// The ranks' host names, as far as they are known.
        var hosts: [String] = []
    }

    /// The collective in progress, and when it last made progress.
    private var current: Signature?
    private var progress = 0.0
    private var inquiry: Inquiry?
    /// The pending receive of the next question, and the sends in flight.
    private var question: (request: Request, memory: Buffer)?
    private var answers: [(request: Request, memory: Buffer)] = []
    /// Pending receives of answers, by rank.
    private var awaited: [Int: (request: Request, memory: Buffer)] = [:]

    private struct Inquiry {
        let began: Double
        var told: [Int: Answer] = [:]
        var isOver = false
    }

    private struct Answer {
        /// How long the rank has waited; negative while it computes.
        var seconds: Double
        var text: String
    }

    private enum Tag { static let (question, answer) = (1, 2) }
    /// How many seconds to wait for answers.
    private static let patience = 1.0
    private static let answerBytes = 512

    /// The memory of a message in flight.
    private final class Buffer {
        let bytes: UnsafeMutableRawBufferPointer
        init(_ count: Int) {
            bytes = .allocate(byteCount: count, alignment: 8)
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
        }
        deinit { bytes.deallocate() }
    }

    init(engine: any Engine) {
        self.engine = engine
        settings = Mutex(Settings())
    }

    func setPlace(_ text: String) { place.withLock { $0 = text } }
    func change(_ body: (inout Settings) -> Void) { settings.withLock { body(&$0) } }
    var limit: Double { settings.withLock(\.limit) }

    /// `rank 3 (host)`.
    func name(_ rank: Int) -> String {
        let host = settings.withLock { $0.hosts.indices.contains(rank) ? $0.hosts[rank] : "" }
        return host.isEmpty ? "rank \(rank)" : "rank \(rank) (\(host))"
    }

    // MARK: By the thread that holds the engine

    func begin(_ signature: Signature) {
        current = signature
        hasProgress()
    }

    func end() {
        current = nil
        inquiry = nil
    }

    func hasProgress() { progress = monotonicSeconds() }

    private var own: Answer {
        let where_ = place.withLock { $0 }
        let what = current.map { "waits in \($0)" } ?? "computes"
        return Answer(
            seconds: current == nil ? -1 : monotonicSeconds() - progress, text: where_.isEmpty ? what : "\(where_): \(what)")
    }

    /// Answers a process that asks where this one is.
    func serve() {
        guard engine.size > 1 else { return }
        answers.removeAll { (try? engine.isDone($0.request)) ?? true }
        if question == nil {
            let memory = Buffer(MemoryLayout<Int64>.size)
            guard let request = try? engine.receive(into: memory.bytes, from: nil, on: engine.control, tag: Tag.question) else { return }
            question = (request, memory)
        }
        guard let asked = question, (try? engine.isDone(asked.request)) ?? false else { return }
        question = nil
        let asker = Int(asked.memory.bytes.load(as: Int64.self))
        guard asker >= 0 else { return }
        let (answer, memory) = (own, Buffer(Watch.answerBytes))
        memory.bytes.storeBytes(of: answer.seconds, as: Double.self)
        UnsafeMutableRawBufferPointer(rebasing: memory.bytes[8..<(Watch.answerBytes - 1)]).copyBytes(
            from: answer.text.utf8.prefix(Watch.answerBytes - 9))
        if let request = try? engine.send(UnsafeRawBufferPointer(memory.bytes), to: asker, on: engine.control, tag: Tag.answer) {
            answers.append((request, memory))
        }
    }

    /// Compares the waiting time of a collective with the limits.
    func check() throws {
        let (now, limit) = (monotonicSeconds(), self.limit)
        let waited = now - progress
        guard waited > limit else { return }
        if inquiry == nil { ask(now) }
        if inquiry?.isOver == false { listen(now) }
        guard waited > 10 * limit else { return }
        let message = "\(name(engine.rank)) has waited for \(seconds(waited)) in \(current.map { "\($0)" } ?? "a collective")"
        settings.withLock(\.report)("Apus: \(message) and ends all processes\n")
        engine.abort(1)
        throw EngineError(message: message)
    }

    private func ask(_ now: Double) {
        inquiry = Inquiry(began: now)
        for rank in 0..<engine.size where rank != engine.rank && awaited[rank] == nil {
            let (question, memory) = (Buffer(MemoryLayout<Int64>.size), Buffer(Watch.answerBytes))
            question.bytes.storeBytes(of: Int64(engine.rank), as: Int64.self)
            guard let sent = try? engine.send(UnsafeRawBufferPointer(question.bytes), to: rank, on: engine.control, tag: Tag.question),
                let request = try? engine.receive(into: memory.bytes, from: rank, on: engine.control, tag: Tag.answer)
            else { continue }
            answers.append((sent, question))
            awaited[rank] = (request, memory)
        }
    }

    private func listen(_ now: Double) {
        for (rank, answer) in awaited where (try? engine.isDone(answer.request)) ?? false {
            awaited[rank] = nil
            let text = answer.memory.bytes[8...].prefix { $0 != 0 }
            inquiry?.told[rank] = Answer(
                seconds: answer.memory.bytes.load(as: Double.self), text: String(decoding: text, as: UTF8.self))
        }
        guard let found = inquiry, found.told.count == engine.size - 1 || now - found.began > Watch.patience else { return }
        inquiry?.isOver = true
        // Of the ranks that have waited this long, the lowest prints.
        if found.told.contains(where: { $0.key < engine.rank && $0.value.seconds > limit / 2 }) { return }
        let mine = own
        var table = "Apus: the processes have waited for each other for \(seconds(mine.seconds)):\n"
        for rank in 0..<engine.size {
            let text = rank == engine.rank ? mine.text : found.told[rank]?.text ?? "no answer"
            table += "  \(name(rank)): \(text)\n"
        }
        settings.withLock(\.report)(table)
    }

    private func seconds(_ value: Double) -> String { value < 10 ? "\((value * 10).rounded() / 10) s" : "\(Int(value.rounded())) s" }

    /// Completes the pending receive of a question by a message to this rank itself, since MPI must not be finalised with operations in
    /// flight.
    func close() {
        guard engine.size > 1, let asked = question else { return }
        let memory = Buffer(MemoryLayout<Int64>.size)
        memory.bytes.storeBytes(of: -1, as: Int64.self)
        if let sent = try? engine.send(UnsafeRawBufferPointer(memory.bytes), to: engine.rank, on: engine.control, tag: Tag.question) {
            let deadline = monotonicSeconds() + 1
            var isPending = true
            while isPending, monotonicSeconds() < deadline { isPending = !((try? engine.isDone(asked.request)) ?? true) }
            while monotonicSeconds() < deadline, !((try? engine.isDone(sent)) ?? true) {}
        }
        question = nil
    }
}
