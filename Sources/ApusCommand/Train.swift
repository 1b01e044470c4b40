import Apus
import ApusDistributed
import ApusFormats
import ApusRuns
import ApusSystem
import ApusTraining
import ArgumentParser

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains a model; keeps weights, checkpoints, metrics and a report in a folder.",
        discussion: """
            Without options: an MLP on Fashion-MNIST for 5 epochs with Adam. The same options and seed give the same weights, byte for byte.
            Ctrl-C ends the run in good order, with a checkpoint and exit code 130; --resume goes on.
            """)

    @OptionGroup(title: "Data") var data: DataOptions
    @OptionGroup(title: "Model") var model: ModelOptions
    @OptionGroup(title: "Augmentation and targets") var augmentation: AugmentationOptions
    @OptionGroup(title: "Optimization") var optimization: OptimizationOptions
    @OptionGroup(title: "Run") var running: RunningOptions

    @OptionGroup(title: "Several processes") var sharing: SharingOptions

    @Option(
        help: ArgumentHelp(
            "Options as JSON, with the names and values of a run's options.json; those on the command line go before.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "The run's folder; must be new or empty. (default: runs/MODEL-DATA-1, or the next free number)", valueName: "dir"),
        completion: .directory)
    var out: String?

    @Option(
        help: ArgumentHelp(
            "Go on with the run in DIR, with all its options; --epochs gives it more, --data says where its images have gone.",
            valueName: "dir"), completion: .directory)
    var resume: String?

    @Option(
        help: ArgumentHelp(
            "Write a TensorBoard log to DIR: curves, options, the model's graph, the worst mistakes. With --resume another file is begun there.",
            valueName: "dir"), completion: .directory)
    var tensorboard: String?

    @Flag(help: "Print one JSON object a line; the last is {\"event\":\"done\",\"test_accuracy\":…}.")
    var json = false

    /// The options that are given, by their keys in `options.json`.
    func given() throws -> [(key: RunOptions.Key, value: JSON)] {
        let groups: [any TrainOptionGroup] = [data, model, augmentation, optimization, running, sharing]
        return try groups.flatMap { try $0.given }.compactMap { key, value in value.map { (key, $0) } }
    }

    /// The options of a run that so many processes begin, checked as far as possible without reading data.
    private func options(processes: Int) throws -> RunOptions {
        var options = RunOptions()
        if let config { options = try RunOptions(given: JSON(contentsOf: config), file: config) }
        try options.take(given())
        try options.resolve(processes: processes)
        return options
    }

    func validate() throws {
        if let processes = sharing.processes, !(1...65536).contains(processes) {
            throw ValidationError("--processes is \(processes), it must be from 1 to 65536")
        }
        for (name, isGiven) in [("hosts", sharing.hosts != nil), ("restarts", sharing.restarts != nil)]
        where isGiven && sharing.processes == nil {
            throw ValidationError("--\(name) is for --processes, which is not given")
        }
        if let restarts = sharing.restarts, restarts < 0 { throw ValidationError("--restarts is \(restarts), it must be at least 0") }
        guard resume != nil else { return }
        if let epochs = optimization.epochs, !(1...1_000_000).contains(epochs) {
            throw ValidationError("--epochs is \(epochs), it must be from 1 to 1000000")
        }
        let others = try given().map(\.key).filter { ![.epochs, .data, .shards].contains($0) }.map(\.flag)
        let names = others + (out == nil ? [] : ["--out"]) + (config == nil ? [] : ["--config"])
        guard names.isEmpty else {
            throw ValidationError(
                "--resume restores every option of the run but --epochs and --data; leave out \(names.joined(separator: ", "))")
        }
    }

    func run() throws {
        try reporting {
            if let processes = sharing.processes, Launcher.detect() == nil, processes > 1 || sharing.hosts != nil {
                throw ExitCode(try launch(processes))
            }
            let group = try ProcessGroup.world()
            if let processes = sharing.processes, processes != group.size {
                guard group.isFirst else { throw ExitCode.validationFailure }
                throw ValidationError("--processes is \(processes), and \(group.size) were started; leave it out under a launcher")
            }
            try reporting(group) { try train(group) }
        }
    }

    /// Starts the processes; what is wrong with the options is said before that. Where one dies they start again, as often as that is asked for.
    private func launch(_ processes: Int) throws -> Int32 {
        var arguments = Array(CommandLine.arguments.dropFirst())
        var folder = RunFolder(resume ?? "")
        if resume != nil {
            try folder.loadOptions().checkShards(of: folder, asked: sharing.shards, processes: processes)
        } else {
            let options: RunOptions = try validating { try self.options(processes: processes) }
            folder = RunFolder(out ?? defaultFolder(options))
            // The folder that it is gone on in must be known.
            if out == nil, sharing.restarts != nil { arguments += ["--out", folder.path] }
        }
        var restarts = 0
        while true {
            let code = try Launch.run(arguments, processes: processes, hosts: sharing.hosts)
            guard let death = Launch.death(code) else { return code }
            guard restarts < sharing.restarts ?? 0 else {
                warn("error: \(death); --resume goes on from the last checkpoint")
                return code
            }
            restarts += 1
            warn("\(death); start \(restarts) of \(sharing.restarts ?? 0) from the last checkpoint")
            guard resume == nil, Folder.exists(folder.options) else { continue }
            arguments = ["train", "--resume", folder.path, "--processes", "\(processes)"] + (json ? ["--json"] : [])
            if let tensorboard { arguments += ["--tensorboard", tensorboard] }
        }
    }

    private func train(_ group: ProcessGroup) throws {
        Interrupts.watch()
        if group.isFirst, Launch.isParentThere { Launch.listen() }
        let run = try makeRun(group)
        guard group.isFirst else {
            if case .stopped = try run.train() { throw ExitCode(130) }
            return
        }
        run.command = (["apus"] + CommandLine.arguments.dropFirst()).map(quoted).joined(separator: " ")
        let bar = json ? nil : ProgressBar(unit: "img", evaluated: run.options.evaluated)
        let lines = json ? JSONLines(evaluated: run.options.evaluated) : nil
        run.tensorBoard = tensorboard
        run.note = { message in if let bar { bar.note(message.typed) } else { warn(message.typed) } }
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

    private func makeRun(_ group: ProcessGroup) throws -> Run {
        if let resume {
            return try Run(
                resuming: resume, epochs: optimization.epochs, data: data.data, shards: sharing.shards, stop: Interrupts.stop, group: group)
        }
        // The first process alone reads the files that they name.
        let given = group.isFirst ? Result { try options(processes: group.size) } : .success(RunOptions())
        return try validating {
            try Run(given.get(), in: out ?? defaultFolder(given.get()), stop: Interrupts.stop, group: group)
        }
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
                if case .wasFinished = outcome {
                    say(
                        result.endedEarly
                            ? "the run ended early, after \(result.epochs) epochs, since its accuracy did not grow for \(run.options.earlyStop ?? 0); more --epochs change nothing"
                            : "the run is finished")
                } else if result.endedEarly {
                    say("ended early, after \(result.epochs) epochs: no better accuracy in the last \(run.options.earlyStop ?? 0)")
                }
                if let epoch = result.bestEpoch { say("the weights are those of epoch \(epoch)") }
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
