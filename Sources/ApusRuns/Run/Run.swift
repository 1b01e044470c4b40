import ApusCore
import ApusData
import ApusDistributed
import ApusFormats
import ApusNN
import ApusOptim
import ApusSystem
import ApusTraining
import ApusVision
import Glibc

/// A run of `apus train`: a folder, the options in it, and the training that they determine.
///
/// All random numbers come from the seed: the first number of its stream seeds the stream of the shuffled orders, the next ones give the
/// weights, and the rest is for dropout. The same options give the same weights byte for byte, however often the run was stopped or killed.
///
/// Several processes of a `group` share a run: all make it and call ``train(observers:)``, at the same places. The first alone has the
/// folder: it reads and writes all files but the data (and weights to begin with), which each reads at the same path. Batches are cut into
/// `shards` then, as many as the run begins with processes unless the options say another number; the weights depend on that, not on the
/// number of processes, and another number of them may go on.
public final class Run {
    /// The options of the run.
    public private(set) var options: RunOptions
    /// The folder of the run.
    public let folder: RunFolder
    /// Stops the run with a checkpoint, once it is set.
    public let stop: StopFlag
    /// The command line, for the report.
    public var command = ""
    /// The folder of a TensorBoard log that the run writes; nil for none. A resumed run begins another file there.
    public var tensorBoard: String?
    /// The processes that share the run.
    public let group: ProcessGroup
    /// Called with short messages, such as that a damaged checkpoint was skipped; on the first process, as all that follow.
    public var note: (RunMessage) -> Void = { _ in }
    /// Called with the data of the run before training begins.
    public var didLoad: (RunData) -> Void = { _ in }
    private let isNew: Bool
    /// The epochs and the data that replace those of a resumed run's options; nil to keep them.
    let wanted: (epochs: Int?, data: String?)

    /// The results of a run.
    public struct Result: Sendable {
        /// The fraction of the test set that was classified correctly.
        public var testAccuracy: Double
        /// The mean loss on the test set.
        public var testLoss: Double
        /// The number of epochs that were trained.
        public var epochs: Int
        /// Whether there were fewer than asked for, since the accuracy did not grow any more.
        public var endedEarly = false
        /// The epoch whose weights were kept, where not the last one's were.
        public var bestEpoch: Int?
        /// The number of updates of the parameters.
        public var steps: Int
        /// The number of trained values.
        public var parameters: Int
        /// Seconds of training, over all parts of a resumed run.
        public var seconds: Double
    }

    /// How ``train(observers:)`` ended.
    public enum Outcome: Sendable {
        /// All epochs are done; weights and report have been written.
        case finished(Result)
        /// The run had finished before; nothing was done.
        case wasFinished(Result)
        /// Stopped with a checkpoint in that epoch, after `step` batches in total.
        case stopped(epoch: Int, step: Int)
    }

    /// A new run in a new or empty folder. Options and folder are those of the first process of `group`, which alone asks for them; nil
    /// stands for this process alone.
    public init(
        _ options: @autoclosure () throws -> RunOptions, in path: @autoclosure () throws -> String, stop: StopFlag = StopFlag(),
        group: ProcessGroup? = nil
    ) throws {
        let group = group ?? .alone()
        (self.group, self.stop, isNew, wanted) = (group, stop, true, (nil, nil))
        (self.options, folder) = try Run.shared(group, isNew: true) {
            var options = try options()
            try options.resolve(processes: group.size)
            try DataSource.check(options.data)
            let folder = RunFolder(try path())
            try folder.create(options)
            return (options, folder)
        }
    }

    /// Continues the run in a folder, with its options. It may get another number of `epochs` (at least those that are done), and another
    /// place of its `data`; the rest of its schedule is then stretched to the new end. Where `shards` are given they must be the run's.
    public init(
        resuming path: String, epochs: Int? = nil, data: String? = nil, shards: Int? = nil, stop: StopFlag = StopFlag(),
        group: ProcessGroup? = nil
    ) throws {
        let group = group ?? .alone()
        (self.group, self.stop, isNew, wanted) = (group, stop, false, (epochs, data))
        (options, folder) = try Run.shared(group, isNew: false) {
            let folder = RunFolder(path)
            let options = try folder.loadOptions()
            try options.checkShards(of: folder, asked: shards, processes: group.size)
            if let data { try DataSource.check(data) }
            return (options, folder)
        }
    }

    /// What `made` gives the first process, on all.
    private static func shared(
        _ group: ProcessGroup, isNew: Bool, _ made: () throws -> (RunOptions, RunFolder)
    ) throws -> (RunOptions, RunFolder) {
        if group.size == 1 { return try made() }
        var own: (options: RunOptions, folder: RunFolder)?
        let told = try group.fromFirst {
            let (options, folder) = try made()
            own = (options, folder)
            return ["options": options.json, "folder": .string(folder.path)]
        }
        do {
            return try group.all {
                if let own { return own }
                let folder = RunFolder(told["folder"]?.string ?? "")
                return (try RunOptions(json: told["options"] ?? .null, file: folder.options), folder)
            }
        } catch {
            if isNew { own?.folder.removeIfUnused() }
            throw error
        }
    }

    /// Trains until the end or until it is stopped; at the end evaluates, and writes weights and report.
    ///
    /// Throws a ``RunError`` if another process works on the run, or if `options.json` was changed.
    public func train(observers: [any TrainingObserver] = []) throws -> Outcome {
        var lock: RunLock?
        let told = try group.fromFirst {
            // Nothing is written for a finished run that stays unchanged, so that its folder may be read-only.
            if wanted == (nil, nil), let result = try folder.loadResult(options) {
                if let checkpoint = try? Checkpoint.load(from: folder.path) { try checkOptions(state(checkpoint)) }
                return ["result": result.json]
            }
            lock = try RunLock(folder)
            let found = try folder.loadOptions()
            guard !isNew || found == options else {
                throw RunError("another run was begun in \(folder.path) at the same moment; \(.anotherFolder)")
            }
            return ["options": found.json]
        }
        if let result = told["result"].flatMap({ Result(json: $0) }) { return .wasFinished(result) }
        return try withExtendedLifetime(lock) {
            options = try RunOptions(json: told["options"] ?? .null, file: folder.options)
            do {
                return try proceed(observers)
            } catch {
                // A run that could not begin leaves no folder.
                if isNew, group.isFirst { folder.removeIfUnused() }
                throw error
            }
        }
    }

    private func proceed(_ observers: [any TrainingObserver]) throws -> Outcome {
        let start = try begin()
        // More epochs change nothing where the accuracy has not grown for so long.
        let told = try group.fromFirst {
            if let result = try folder.loadResult(start.options), result.endedEarly { return ["result": result.json] }
            if start.options != options { try AtomicFile.write(start.options.json.text + "\n", to: folder.options) }
            if let result = try folder.loadResult(start.options) { return ["result": result.json] }
            unlink(folder.result)
            return ["data": start.found.data.fingerprint]
        }
        if let result = told["result"].flatMap({ Result(json: $0) }) { return .wasFinished(result) }
        options = start.options
        try group.all {
            guard !group.isFirst, let difference = difference(of: start.found.data, from: told["data"] ?? .null) else { return }
            throw RunError("\(options.data) is not the data that the first process has there: \(difference)")
        }
        if group.isFirst { didLoad(start.found.data) }

        let built = try group.all { try build(start) }
        let (model, recipe, loss, train, test) = (built.model, built.recipe, built.loss, built.train, built.test)
        let rates = try learningRates(start.found, LearningRateFinder(model: model, recipe: recipe, loss: loss, device: built.device))
        if options.lrFind, rates == nil { return .stopped(epoch: 1, step: 0) }
        let rate = options.lr ?? rates?.suggestion ?? options.rate
        let optimizer = recipe.optimizer(model, lr: rate)
        let schedule = StretchedSchedule(
            options, optimizer, lr: rate, batches: recipe.steps(train.count), known: start.known?.former.count ?? 0)
        let trainer = Trainer(
            model: model, optimizer: optimizer, schedule: options.schedule.paced(schedule.scheduler), device: built.device,
            generator: built.generator, stop: stop, group: group, shards: options.shards, loss: loss)
        // The targets of mixed images are probabilities.
        trainer.measure("accuracy") { Accuracy($0, $1.ndim == 2 ? $1.argmax(dim: 1) : $1) }
        recipe.apply(to: trainer, model, counts: start.found.data.train.counts)
        trainer.checkpoints = .init(folder: folder.path, steps: options.checkpointEvery)

        if let checkpoint = start.checkpoint {
            if let failed = checkpoint.newestFailed { note("\(failed); going on from the checkpoint before it") }
            try trainer.restore(checkpoint, train: train, file: Checkpoint.newest(in: folder.path))
        }
        schedule.stretchTheRest()
        var recorder: MetricsRecorder?
        var board: RunTensorBoard?
        try group.onFirst {
            let known = start.state?.metrics ?? MetricsRecorder.State()
            let metrics = try MetricsRecorder(folder.metrics, known, evaluated: options.evaluated, stop: stop)
            recorder = metrics
            board = try tensorBoard.map { log in
                try RunTensorBoard(
                    log, options, model, input: start.found.data.train.input, batches: train.count, command: command, step: trainer.step,
                    stop: stop)
            }
            let own = RunState(
                options: options.json, data: start.found.data.fingerprint, loaded: built.loaded, pretrained: start.pretrained?.json)
            trainer.checkpointMetadata = {
                var state = own
                state.metrics = try metrics.stateOnDisk()
                return [RunState.key: try JSON(encoding: state).text]
            }
            trainer.observers = [metrics] + (board.map { [$0.observer] } ?? []) + observers
        }
        model.train()
        recipe.keepStill(model)
        let outcome = try trainer.fit(train, test: test, epochs: options.epochs)
        try group.onFirst { if let error = recorder?.error ?? board?.observer.error { throw error } }
        guard outcome != .stopped else { return .stopped(epoch: min(trainer.history.count + 1, options.epochs), step: trainer.step) }
        let changes = schedule.notes + (built.loaded.map { [$0] } ?? [])
        var result: Result?
        let final = try group.fromFirst {
            let own = try finish(trainer, outcome, built.summary, start.found, rates, changes, board)
            result = own
            return own.json
        }
        guard let result = result ?? Result(json: final) else { preconditionFailure("the first process gives the result of the run") }
        return .finished(result)
    }

    /// The rates that the first process has tried, now or before the run was ended; nil where none are asked for or its `stop` was set.
    private func learningRates(_ found: LoadedData, _ finder: LearningRateFinder) throws -> LearningRateCurve? {
        guard options.lrFind else { return nil }
        let told = try group.fromFirst {
            if Folder.exists(folder.learningRates) { return try LearningRateCurve(contentsOf: folder.learningRates).json }
            note("trying learning rates from \(LearningRateFinder.first) to \(LearningRateFinder.last)")
            // Other random numbers than the run's.
            let seed = options.seed &+ 0x6C72
            let loader = try trainLoader(found, Generator(seed: seed)).to(finder.device)
            guard let curve = try finder.run(loader, seed: seed, stop: stop) else { return .null }
            try AtomicFile.write(curve.json.text + "\n", to: folder.learningRates)
            note(
                curve.suggestion.map {
                    "learning rate \(Text.short($0)) is suggested\(options.lr.map { "; the run has \(Text.short($0)), as it was given" } ?? "")"
                } ?? "no learning rate can be suggested, since the loss did not fall; the run has \(Text.short(options.lr ?? options.rate))"
            )
            return curve.json
        }
        return told == .null ? nil : try LearningRateCurve(json: told, file: folder.learningRates)
    }

    /// Writes weights, report, the end of a TensorBoard log and result in this order: a run that is killed in between repeats this part.
    private func finish(
        _ trainer: Trainer<ImageData.Batch, ImageData.Batch>, _ outcome: TrainingOutcome, _ summary: ModelSummary, _ found: LoadedData,
        _ rates: LearningRateCurve?, _ changes: [String], _ board: RunTensorBoard?
    ) throws -> Result {
        let all = found.data
        let data = all.test
        var metadata: Metadata = [
            "apus.model": options.modelTable ?? options.model, "apus.data": options.data,
            "apus.input": JSON.array(data.input.map { .int(Int64($0)) }).text,
            "apus.classes": JSON.array(data.classes.map { .string($0) }).text, "apus.images": all.fingerprint.text,
        ]
        if options.decoding != .full { metadata["apus.decoding"] = options.decoding.rawValue }
        if found.transforms.test.transform.normalization != nil { metadata["apus.transform"] = found.transforms.test.json.text }
        if let deal = all.deal { metadata["apus.deal"] = deal.json.text }

        let last = try trainer.evaluatedWeights()
        let best = options.keep == .last ? nil : trainer.bestWeights
        if options.keep == .both { try last.save(to: folder.lastWeights, metadata: metadata) }
        let kept = best ?? last
        try trainer.model.loadStateDict(kept)
        let device = try RunOptions.device(options.device, in: group)
        trainer.model.eval()
        let loader = DataLoader(data, batchSize: max(options.batchSize, 1000), workers: options.threads(sharing: group.localSize)).to(
            device)
        let evaluation = try Evaluation(trainer.model, on: loader, device: device, classes: data.classes, mistakes: 24)
        try kept.save(to: folder.weights, metadata: metadata)
        let result = Result(
            testAccuracy: evaluation.accuracy, testLoss: evaluation.loss, epochs: trainer.history.count,
            endedEarly: outcome == .finishedEarly, bestEpoch: best == nil ? nil : trainer.bestEpoch, steps: trainer.step,
            parameters: summary.parameters, seconds: trainer.history.reduce(0) { $0 + $1.seconds })
        try report(result, evaluation, summary, found, trainer.history, rates, changes, trainer.model).write(to: folder.report)
        try board?.finish(evaluation, data, step: trainer.step)
        try AtomicFile.write(result.json.text + "\n", to: folder.result)
        return result
    }
}

extension Run.Result {
    /// The result in `result.json` and in the last line of `--json`.
    package var json: JSON {
        var members: [JSON.Member] = [
            .init("event", "done"), .init("test_accuracy", .double(testAccuracy)), .init("test_loss", .double(testLoss)),
            .init("epochs", .int(Int64(epochs))), .init("steps", .int(Int64(steps))), .init("parameters", .int(Int64(parameters))),
            .init("seconds", .double((seconds * 1000).rounded() / 1000)),
        ]
        if endedEarly { members.append(.init("ended_early", true)) }
        if let bestEpoch { members.append(.init("best_epoch", .int(Int64(bestEpoch)))) }
        return .object(members)
    }

    init?(json: JSON) {
        guard let accuracy = json["test_accuracy"]?.double, let epochs = json["epochs"]?.int, let steps = json["steps"]?.int,
            let parameters = json["parameters"]?.int, let seconds = json["seconds"]?.double
        else { return nil }
        self.init(
            testAccuracy: accuracy, testLoss: json["test_loss"]?.double ?? .nan, epochs: epochs,
            endedEarly: json["ended_early"]?.bool ?? false, bestEpoch: json["best_epoch"]?.int, steps: steps, parameters: parameters,
            seconds: seconds)
    }
}
