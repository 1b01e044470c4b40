import Apus
import ApusCore
import ApusDistributed
import ApusFormats
import ApusSystem
import ApusRuns
import ApusTraining
import ArgumentParser
import Glibc
import Synchronization

let version = SystemFacts.version

/// The parser's `Argument`, as opposed to that of the table of modules.
typealias Argument = ArgumentParser.Argument

/// Standard output, and whether everything could be written to it.
enum Output {
    private static let failure = Atomic<Int32>(0)

    /// Opens those of descriptors 0 to 2 that the parent process has closed. Otherwise a file opened later would get such a number, and
    /// text for the terminal would be written into it. They are opened with the wrong access mode, so that using them is an error.
    static func open() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = Glibc.open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY)
        }
    }

    static func write(_ text: String) {
        let code = writeAll(text, to: STDOUT_FILENO)
        if code != 0 { failure.store(code, ordering: .relaxed) }
    }

    /// Why some output could not be written; nil if everything was.
    static var problem: FileError? {
        let code = failure.load(ordering: .relaxed)
        return code == 0 ? nil : FileError(file: "standard output", operation: "write", code: code)
    }
}

/// Writes a line to standard output at once.
func say(_ text: String) { Output.write(text + "\n") }

/// Writes a line to standard error.
func warn(_ text: String) { _ = writeAll("apus: " + oneLine(text) + "\n", to: STDERR_FILENO) }

/// Runs the body of a command. An error becomes one line on standard error and exit code 1; the parser handles wrong options (64).
func reporting(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as ExitCode {
        throw error
    } catch let error as ValidationError {
        throw error
    } catch {
        warn("error: \(typed(error))")
        throw ExitCode(1)
    }
}

/// Turns a wrong name or number into an error of the command line, which prints a hint at the usage.
func validating<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as RunError {
        throw ValidationError(error.message.typed)
    } catch let error as ErrorElsewhere where ["\(RunError.self)", "\(ValidationError.self)"].contains(error.type) {
        throw ExitCode.validationFailure
    }
}

/// Runs the part of a process in a command of several. Who has no part in another's failure ends without a word; else errors say where.
func reporting(_ group: ProcessGroup, _ body: () throws -> Void) throws {
    do { try body() } catch is ErrorElsewhere {
        throw ExitCode(1)
    } catch let error where !(group.isFirst || error is ExitCode || error is DistributedError) {
        throw ErrorHere(rank: group.rank, host: group.host, error: error)
    }
}

private struct ErrorHere: Error, CustomStringConvertible {
    let rank: Int, host: String, error: any Error
    var description: String { "rank \(rank) (\(host)): \(typed(error))" }
}

/// `arguments` as bytes, since Swift changes names that are not UTF-8.
func rawArguments(_ arguments: [String]) -> [RawPath] {
    var given = (1..<max(1, Int(CommandLine.argc))).compactMap { i in
        CommandLine.unsafeArgv[i].map {
            RawPath(bytes: Array(UnsafeBufferPointer(start: $0, count: strlen($0))).map { UInt8(bitPattern: $0) })
        }
    }
    return arguments.map { argument in
        guard let i = given.firstIndex(where: { String(decoding: $0.bytes, as: UTF8.self).isSame(as: argument) }) else {
            return RawPath(argument)
        }
        return given.remove(at: i)
    }
}

private func oneLine(_ text: String) -> String {
    text.split(separator: "\n").map { line in String(line.drop { $0 == " " }) }.joined(separator: " ")
}

/// Prints a run as JSON, one object per line.
final class JSONLines: TrainingObserver {
    private var lastBatch = -Double.infinity
    private let evaluated: String

    init(evaluated: String) { self.evaluated = evaluated }

    /// The data of the run, printed after the first line.
    var data: JSON?

    func willTrain(_ progress: TrainingProgress) {
        line([
            "event": "start", "epoch": .int(Int64(progress.epoch)), "epochs": .int(Int64(progress.epochs)),
            "step": .int(Int64(progress.step)), "batches": .int(Int64(progress.batches)),
        ])
        if let data { line(data) }
    }

    /// Prints at most once a second.
    func didTrain(_ progress: TrainingProgress) {
        let now = monotonicSeconds()
        guard now - lastBatch >= 1, progress.measurements.samples > 0 else { return }
        lastBatch = now
        line([
            "event": "batch", "epoch": .int(Int64(progress.epoch)), "batch": .int(Int64(progress.batch)),
            "batches": .int(Int64(progress.batches)),
            "step": .int(Int64(progress.step)), "loss": .double(progress.loss),
            "accuracy": .double(progress.measurements["accuracy"] ?? .nan), "lr": .double(progress.learningRate),
            "images_per_second": .double(progress.samplesPerSecond.rounded()),
        ])
    }

    func didFinish(_ epoch: EpochRecord, of epochs: Int) { line(epoch.json(evaluated: evaluated)) }

    func line(_ json: JSON) { say(json.text) }
}

/// Ctrl-C and `kill`. The first signal stops the run with a checkpoint, the second ends the process at once.
enum Interrupts {
    static let stop = StopFlag()
    /// How many there were, where they are counted.
    static let count = Atomic(0)

    static func watch() {
        _ = stop // Initialise it here, since a signal handler must not be the first to access it.
        catchAll { number in
            Interrupts.stop.set()
            signal(number, SIG_DFL)
        }
    }

    /// Only counts them.
    static func watchAndCount() {
        _ = count.load(ordering: .relaxed)
        catchAll { _ in Interrupts.count.add(1, ordering: .relaxed) }
    }

    private static func catchAll(_ handler: @convention(c) (Int32) -> Void) {
        // The parent process may have blocked or ignored the signals, as threads of a service do.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] {
            sigaddset(&signals, number)
            signal(number, handler)
        }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }
}
