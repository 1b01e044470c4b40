import Apus
import ApusFormats
import ApusTraining
import ArgumentParser
import Glibc

let version = SystemFacts.version

/// The parser's, not that of the table of modules.
typealias Argument = ArgumentParser.Argument

/// Writes a line to standard output at once.
func say(_ text: String) { writeAll(text + "\n", to: STDOUT_FILENO) }

/// Writes a line to standard error.
func warn(_ text: String) { writeAll("apus: " + oneLine(text) + "\n", to: STDERR_FILENO) }

/// Runs the body of a command. An error becomes one line on standard error and exit code 1; a wrong option is the parser's business (64).
func reporting(_ body: () throws -> Void) throws {
    do {
        try body()
    } catch let error as ExitCode {
        throw error
    } catch let error as ValidationError {
        throw error
    } catch {
        warn("error: \(error)")
        throw ExitCode(1)
    }
}

/// Makes a wrong name or number the error of the command line, which comes with a hint at the usage.
func validating<Value>(_ body: () throws -> Value) throws -> Value {
    do { return try body() } catch let error as RunError { throw ValidationError(error.description) }
}

private func oneLine(_ text: String) -> String {
    text.split(separator: "\n").map { line in String(line.drop { $0 == " " }) }.joined(separator: " ")
}

/// Tells a run as JSON, one object a line.
final class JSONLines: TrainingObserver {
    private var lastBatch = -Double.infinity

    func willTrain(_ progress: TrainingProgress) {
        line(["event": "start", "epoch": .int(Int64(progress.epoch)), "epochs": .int(Int64(progress.epochs)), "step": .int(Int64(progress.step)), "batches": .int(Int64(progress.batches))])
    }

    /// At most once a second.
    func didTrain(_ progress: TrainingProgress) {
        let now = monotonicSeconds()
        guard now - lastBatch >= 1 else { return }
        lastBatch = now
        line([
            "event": "batch", "epoch": .int(Int64(progress.epoch)), "batch": .int(Int64(progress.batch)), "batches": .int(Int64(progress.batches)),
            "step": .int(Int64(progress.step)), "loss": .double(progress.loss), "accuracy": .double(progress.accuracy), "lr": .double(progress.learningRate),
            "images_per_second": .double(progress.imagesPerSecond.rounded()),
        ])
    }

    func didFinish(_ epoch: EpochRecord, of epochs: Int) { line(epoch.json) }

    func line(_ json: JSON) { say(json.text) }
}

/// The request to end that Ctrl-C and `kill` make. The first ends the run in good order, a second one ends the process at once.
enum Interrupts {
    static let stop = StopFlag()

    static func watch() {
        _ = stop // Made here: a signal handler must not be the first to touch it.
        // Who starts the process may have blocked or ignored them, as threads of a service do.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGINT, SIGTERM] {
            sigaddset(&signals, number)
            signal(number) { number in
                Interrupts.stop.set()
                signal(number, SIG_DFL)
            }
        }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }
}
