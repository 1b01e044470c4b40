import Apus
import ApusFormats
import ApusRuns
import ApusTraining
import ArgumentParser

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains a model; keeps weights, checkpoints, metrics and a report in a folder.",
        discussion: """
            Without options: an MLP on Fashion-MNIST for 5 epochs with Adam. The same options and seed give the same weights, byte for byte.
            Ctrl-C ends the run in good order, with a checkpoint and exit code 130; --resume goes on.
            """)

    @Option(help: ArgumentHelp("mlp, cnn, resnet18 or a FILE.json that lists a Sequential's layers. (default: mlp)", valueName: "model"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "\(DataSource.names.joined(separator: ", ")) or a folder of \(PictureHeader.Format.names) pictures. (default: fashion-mnist)",
            valueName: "data"))
    var data: String?

    @Option(help: ArgumentHelp("How often each image is learned from. (default: 5)", valueName: "n"))
    var epochs: Int?

    @Option(help: ArgumentHelp("Images a step. (default: 64)", valueName: "n"))
    var batchSize: Int?

    @Option(help: ArgumentHelp("adam, adamw, sgd (momentum 0.9) or rmsprop. (default: adam)", valueName: "optimizer"))
    var optimizer: String?

    @Option(
        help: ArgumentHelp(
            "The learning rate; the highest one where the schedule changes it. (default: what suits optimizer and schedule)",
            valueName: "rate"))
    var lr: Double?

    @Option(help: ArgumentHelp("onecycle, cosine, step (a tenth after each third) or constant. (default: onecycle)", valueName: "schedule"))
    var schedule: String?

    @Option(help: ArgumentHelp("Where all random numbers come from. (default: 0)", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Where it is computed; `apus info` lists the devices. (default: \(Device.best))", valueName: "device"))
    var device: String?

    @Option(
        help: ArgumentHelp(
            "The run's folder; must be new or empty. (default: runs/MODEL-DATA-1, or the next free number)", valueName: "dir"))
    var out: String?

    @Option(
        help: ArgumentHelp(
            "Go on with the run in DIR, with all its options; --epochs gives it more, --data says where its images have gone.",
            valueName: "dir"))
    var resume: String?

    @Option(help: ArgumentHelp("Batches between two checkpoints within an epoch. (default: every 15 seconds)", valueName: "n"))
    var checkpointEvery: Int?

    @Option(
        help: ArgumentHelp(
            "Write a TensorBoard log to DIR: curves, options, the model's graph, the worst mistakes. With --resume another file is begun there.",
            valueName: "dir"))
    var tensorboard: String?

    @Option(
        help: ArgumentHelp(
            """
            What becomes of pictures that cannot be read: stop ends the run, before it begins where their headers are wrong, else when they are \
            reached; skip looks through all pictures first, names the bad ones and goes on without them. (default: stop)
            """,
            valueName: "skip|stop"))
    var onBadImage: String?

    @Flag(help: "Decode only as many pixels of large JPEGs as are needed: faster, and slightly other pixels.")
    var fastDecode = false

    @Flag(help: "Print one JSON object a line; the last is {\"event\":\"done\",\"test_accuracy\":…}.")
    var json = false

    /// The options, checked as far as possible without reading data.
    private func options() throws -> RunOptions {
        try RunOptions(
            model: model ?? "mlp", data: data ?? "fashion-mnist", epochs: epochs ?? 5, batchSize: batchSize ?? 64,
            optimizer: .named(optimizer ?? "adam"), lr: lr, schedule: .named(schedule ?? "onecycle"), seed: seed ?? 0,
            device: device ?? "\(Device.best)",
            checkpointEvery: checkpointEvery, decoding: fastDecode ? .scaled : .full, onBadImage: .named(onBadImage ?? "stop"))
    }

    func validate() throws {
        guard resume != nil else { return }
        if let epochs, !(1...1_000_000).contains(epochs) { throw ValidationError("--epochs is \(epochs), it must be from 1 to 1000000") }
        let given: [(String, Bool)] = [
            ("--model", model != nil), ("--batch-size", batchSize != nil), ("--optimizer", optimizer != nil),
            ("--lr", lr != nil), ("--schedule", schedule != nil), ("--seed", seed != nil), ("--device", device != nil),
            ("--out", out != nil),
            ("--checkpoint-every", checkpointEvery != nil), ("--on-bad-image", onBadImage != nil), ("--fast-decode", fastDecode),
        ]
        let names = given.filter(\.1).map(\.0)
        guard names.isEmpty else {
            throw ValidationError(
                "--resume restores every option of the run but --epochs and --data; leave out \(names.joined(separator: ", "))")
        }
    }

    func run() throws {
        try reporting {
            Interrupts.watch()
            let run = try makeRun()
            run.command = (["apus"] + CommandLine.arguments.dropFirst()).map(quoted).joined(separator: " ")
            let bar = json ? nil : ProgressBar(unit: "img")
            let lines = json ? JSONLines() : nil
            run.tensorBoard = tensorboard
            run.note = { text in if let bar { bar.note(text) } else { warn(text) } }
            run.didLoad = { [data = run.options.data] found in
                lines?.data = found.json
                if let bar { for note in found.notes(of: data) { bar.note(note) } }
            }
            if !json { say("\(run.options.model) on \(run.options.data), in \(run.folder.path)") }
            let observers = [bar as (any TrainingObserver)?, lines].compactMap(\.self)
            let outcome: Run.Outcome
            do { outcome = try run.train(observers: observers) } catch {
                bar?.clear()
                throw error
            }
            try tell(outcome, run)
        }
    }

    private func makeRun() throws -> Run {
        if let resume { return try Run(resuming: resume, epochs: epochs, data: data, stop: Interrupts.stop) }
        let options: RunOptions = try validating { try self.options() }
        return try validating { try Run(options, in: out ?? defaultFolder(options), stop: Interrupts.stop) }
    }

    private func defaultFolder(_ options: RunOptions) -> String {
        func name(_ path: String) -> String { String(path.split(separator: "/").last ?? "").replacing(".json", with: "") }
        return RunFolder.free("runs/\(name(options.model))-\(name(options.data))")
    }

    private func tell(_ outcome: Run.Outcome, _ run: Run) throws {
        let folder = run.folder
        switch outcome {
        case .finished(let result), .wasFinished(let result):
            if json {
                guard case .object(let members) = result.json else { return }
                say(
                    JSON.object(
                        members + [
                            .init("out", .string(folder.path)), .init("weights", .string(folder.weights)),
                            .init("report", .string(folder.report)),
                        ]
                    ).text)
            } else {
                if case .wasFinished = outcome { say("the run is finished") }
                say(
                    "test accuracy \(Text.fixed(result.testAccuracy, 4)), test loss \(Text.fixed(result.testLoss, 4)), trained in \(Text.duration(result.seconds))"
                )
                say("weights  \(folder.weights)")
                say("report   \(folder.report)")
            }
        case .stopped(let epoch, let step):
            if json {
                say(
                    JSON.object([
                        .init("event", "stopped"), .init("epoch", .int(Int64(epoch))), .init("step", .int(Int64(step))),
                        .init("out", .string(folder.path)),
                    ]).text)
            } else {
                say("stopped in epoch \(epoch) after \(step) steps; go on with: apus train --resume \(quoted(folder.path))")
            }
            throw ExitCode(130)
        }
    }
}

/// An argument quoted for a shell.
private func quoted(_ argument: String) -> String {
    let plain = argument.unicodeScalars.allSatisfy {
        $0.isASCII && ($0.properties.isAlphabetic || ("0"..."9").contains($0) || "-_./=,+:@%".unicodeScalars.contains($0))
    }
    return plain && !argument.isEmpty ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
}
