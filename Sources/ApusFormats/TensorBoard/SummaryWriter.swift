import ApusCore
import ApusSystem
import Glibc
import Synchronization

/// Writes scalars, histograms, pictures, texts, hyper-parameters and graphs to a folder that TensorBoard shows.
/// PyTorch: `torch.utils.tensorboard.SummaryWriter`.
///
/// ```swift
/// let writer = try SummaryWriter("runs/first")
/// for step in 0..<100 {
///     try writer.addScalar("loss/train", loss, globalStep: step)
/// }
/// try writer.close()
/// ```
/// `tensorboard --logdir runs` shows all runs below a folder. Tags are grouped by the part before `/`.
///
/// An event is in the file when the method that writes it returns, so that a killed process loses none (PyTorch holds back up to ten, for
/// up to two minutes); ``flush()`` also waits for the disk, which only matters in a power failure. A new writer on the same folder begins
/// another file that continues the first.
///
/// Several tasks may write at once: each event is complete, and the events of one task are in order. Throws a `FileError` if the system
/// refuses an operation, and an `OpError` for invalid arguments; then nothing is written.
public final class SummaryWriter: Sendable {
    /// The folder of the log.
    public let logDir: String
    private let suffix: String
    private let state: Mutex<State>

    private struct State {
        /// The open files by folder.
        var streams: [ByteKey: EventStream] = [:]
    }

    /// A writer to the folder `logDir`, which is created if it does not exist.
    ///
    /// - Parameter purgeStep: hides what earlier files in the folder have for this step and later ones: a run that died at step 120 and
    ///   resumes from its checkpoint at step 100 writes steps 101 and on again.
    /// - Parameter filenameSuffix: appended to the file's name.
    public init(_ logDir: String, purgeStep: Int? = nil, filenameSuffix: String = "") throws {
        guard !filenameSuffix.utf8.contains(UInt8(ascii: "/")) else {
            throw OpError("the suffix '\(printable(filenameSuffix))' contains '/'", op: "SummaryWriter")
        }
        var folder = logDir
        while folder.utf8.count > 1, folder.utf8.last == UInt8(ascii: "/") { folder.removeLast() }
        (self.logDir, suffix) = (folder.isEmpty ? "." : folder, filenameSuffix)
        state = Mutex(State())
        _ = try state.withLock { state in try stream(self.logDir, &state) }
        if let purgeStep { try purge(from: purgeStep) }
    }

    /// A writer to `logDir`, or if nil to a new folder: `runs/May04_22-14-54_HOST` followed by `comment`.
    public convenience init(logDir: String? = nil, comment: String = "", purgeStep: Int? = nil, filenameSuffix: String = "") throws {
        var (now, parts, text) = (time(nil), tm(), [CChar](repeating: 0, count: 64))
        localtime_r(&now, &parts)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        strftime(&text, text.count, "%d_%H-%M-%S", &parts)
        let new = "runs/\(months[Int(parts.tm_mon)])\(String(fromC: text))_\(hostPart())\(comment)"
        try self.init(logDir ?? new, purgeStep: purgeStep, filenameSuffix: filenameSuffix)
    }

    deinit { try? close() }

    /// The open file of a folder, created if there is none.
    private func stream(_ folder: String, _ state: inout State) throws -> EventStream {
        if let open = state.streams[ByteKey(folder)] { return open }
        let new = try EventStream(in: folder, suffix: suffix)
        state.streams[ByteKey(folder)] = new
        return new
    }

    /// Hides everything written so far, in this file and earlier ones, for `step` and later steps.
    package func purge(from step: Int) throws { try write(.session(status: 1), step, nil) }

    /// Writes an event to the file of `folder`.
    func write(
        _ content: TensorBoardEvent.Content, _ step: Int?, _ walltime: Double?, folder: String? = nil
    ) throws {
        let event = TensorBoardEvent(wallTime: walltime ?? secondsSince1970(), step: Int64(step ?? 0), content)
        try state.withLock { state in try stream(folder ?? logDir, &state).append(event) }
    }

    /// Waits until everything written is on disk.
    public func flush() throws {
        try state.withLock { state in for stream in state.streams.values { try stream.sync() } }
    }

    /// Closes all files after syncing them to disk; does nothing if they are closed. Later events go to a new file.
    public func close() throws {
        try state.withLock { state in
            let open = state.streams.values
            state.streams = [:]
            var first: FileError?
            for stream in open {
                for step in [stream.sync, stream.close] {
                    do { try step() } catch let error as FileError { first = first ?? error }
                }
            }
            if let first { throw first }
        }
    }
}
