import ApusCore
import ApusData
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
    /// Called with short messages, such as that a damaged checkpoint was skipped.
    public var note: (String) -> Void = { _ in }
    /// Called with the data of the run before training begins.
    public var didLoad: (RunData) -> Void = { _ in }
    private let isNew: Bool
    /// The epochs and the data that replace those of a resumed run's options; nil to keep them.
    private let wanted: (epochs: Int?, data: String?)

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

    /// A new run in a new or empty folder.
    public init(_ options: RunOptions, in path: String, stop: StopFlag = StopFlag()) throws {
        self.options = options
        self.stop = stop
        folder = RunFolder(path)
        isNew = true
        wanted = (nil, nil)
        try self.options.resolve()
        try DataSource.check(options.data)
        try folder.create(self.options)
    }

    /// Continues the run in a folder, with its options. It may get another number of `epochs` (at least those that are done), and another
    /// place of its `data`; the rest of its schedule is then stretched to the new end.
    public init(resuming path: String, epochs: Int? = nil, data: String? = nil, stop: StopFlag = StopFlag()) throws {
        folder = RunFolder(path)
        options = try folder.loadOptions()
        self.stop = stop
        isNew = false
        wanted = (epochs, data)
        if let data { try DataSource.check(data) }
    }

    /// Trains until the end or until it is stopped; at the end evaluates, and writes weights and report.
    ///
    /// Throws a ``RunError`` if another process works on the run, or if `options.json` was changed.
    public func train(observers: [any TrainingObserver] = []) throws -> Outcome {
        // Nothing is written for a finished run that stays unchanged, so that its folder may be read-only.
        if wanted == (nil, nil), let result = try folder.loadResult(options) {
            if let known = try (try? Checkpoint.load(from: folder.path)).flatMap(knownOptions) { try checkOptions(known) }
            return .wasFinished(result)
        }
        return try withExtendedLifetime(RunLock(folder)) {
            let found = try folder.loadOptions()
            guard !isNew || found == options else {
                throw RunError("another run was begun in \(folder.path) at the same moment; choose another folder by --out")
            }
            options = found
            do {
                return try proceed(observers)
            } catch {
                // A run that could not begin leaves no folder.
                if isNew { folder.removeIfUnused() }
                throw error
            }
        }
    }

    private func proceed(_ observers: [any TrainingObserver]) throws -> Outcome {
        let checkpoint = try Checkpoint.load(from: folder.path)
        let known = try checkpoint.flatMap(knownOptions)
        if let known { try checkOptions(known) }
        let new = try amended(checkpoint)
        let device = try RunOptions.device(options.device)
        let pretrained = try new.weights.map { path in
            try checkpoint.flatMap { Pretrained(path, checkpoint: $0) } ?? Pretrained(path, model: new.model)
        }
        let found = try LoadedData(new, pretrained)
        if let checkpoint { try checkData(checkpoint, found.data, new.data) }
        // More epochs change nothing where the accuracy has not grown for so long.
        if let result = try folder.loadResult(new), result.endedEarly { return .wasFinished(result) }
        if new != options {
            try AtomicFile.write(new.json.text + "\n", to: folder.options)
            options = new
        }
        if let result = try folder.loadResult(options) { return .wasFinished(result) }
        unlink(folder.result)
        didLoad(found.data)

        let generator = Generator(seed: options.seed)
        let loaderGenerator = Generator(seed: generator.drawSeed())
        let (data, recipe) = (found.data, Recipe(options))
        let (input, classes) = (data.train.input, data.train.classes)
        let model = try withGenerator(generator) {
            try ModelSource.make(
                options.model, table: options.modelTable, input: input, classes: classes.count,
                weights: checkpoint?["model"] ?? pretrained?.weights)
        }
        // What a checkpoint holds takes the place of all weights.
        var loaded = checkpoint?.metadata["run.loaded"]
        if let pretrained, checkpoint == nil {
            loaded = try pretrained.load(into: model)
            note(loaded!)
        }
        model.to(device)
        try recipe.freeze(model)
        let summary = try ModelSource.check(model, options.model, input: input, classes: classes.count, device: device)
        let train = try trainLoader(found, loaderGenerator).to(device)
        let tested = data.validation ?? data.test
        let test = DataLoader(tested, batchSize: max(options.batchSize, 1000), workers: options.threads).to(device)
        if options.epochs * train.count == 1 {
            note(
                "the run takes a single step: its \(data.train.count) images are one batch, and it has one epoch; a smaller --batch-size or more --epochs make more of them"
            )
        }
        let loss = recipe.loss(model, counts: data.train.counts, device: device)
        let rates = try learningRates(found, LearningRateFinder(model: model, recipe: recipe, loss: loss, device: device))
        if stop.isSet, rates == nil, options.lrFind { return .stopped(epoch: 1, step: 0) }
        let rate = options.lr ?? rates?.suggestion ?? options.rate
        let optimizer = recipe.optimizer(model, lr: rate)
        let schedule = StretchedSchedule(
            options, optimizer, lr: rate, batches: recipe.steps(train.count), known: known?.former.count ?? 0)
        let trainer = Trainer(
            model: model, optimizer: optimizer, schedule: options.schedule.paced(schedule.scheduler), device: device, generator: generator,
            stop: stop, loss: loss)
        // The targets of mixed images are probabilities.
        trainer.measure("accuracy") { Accuracy($0, $1.ndim == 2 ? $1.argmax(dim: 1) : $1) }
        recipe.apply(to: trainer, model)
        trainer.checkpoints = .init(folder: folder.path, steps: options.checkpointEvery)

        var logState = MetricsRecorder.State()
        if let checkpoint {
            if let failed = checkpoint.newestFailed { note("\(failed); going on from the checkpoint before it") }
            try trainer.restore(checkpoint, train: train, file: Checkpoint.newest(in: folder.path))
            logState = MetricsRecorder.State(checkpoint.metadata)
        }
        schedule.stretchTheRest()
        let recorder = try MetricsRecorder(folder.metrics, logState, evaluated: options.evaluated, stop: stop)
        var own = ["run.data": data.fingerprint.text, "run.options": options.json.text]
        own["run.loaded"] = loaded
        own["run.pretrained"] = pretrained?.json.text
        trainer.checkpointMetadata = { [own] in try recorder.metadata().merging(own) { $1 } }
        let board = try tensorBoard.map { folder in
            try RunTensorBoard(
                folder, options, model, input: input, batches: train.count, command: command, step: trainer.step, stop: stop)
        }
        trainer.observers = [recorder] + (board.map { [$0.observer] } ?? []) + observers
        model.train()
        recipe.keepStill(model)
        let outcome = try trainer.fit(train, test: test, epochs: options.epochs)
        if let error = recorder.error ?? board?.observer.error { throw error }
        guard outcome != .stopped else { return .stopped(epoch: min(trainer.history.count + 1, options.epochs), step: trainer.step) }
        let changes = schedule.notes + (loaded.map { [$0] } ?? [])
        return .finished(try finish(trainer, outcome, summary, found, rates, changes, board))
    }

    /// The images to learn from, in batches.
    private func trainLoader(_ found: LoadedData, _ generator: Generator) throws -> DataLoader<ImageData.Batch> {
        let loader = DataLoader(
            found.data.train, batchSize: options.batchSize, shuffle: true, generator: generator, workers: options.threads)
        let classes = found.data.train.classes.count
        switch (options.mixup, options.cutmix) {
        case (nil, nil): return loader
        case (let alpha?, nil):
            let mix = MixUp(alpha: alpha, numClasses: classes)
            return loader.mapBatches { mix.apply($0, $1, using: .current) }
        case (nil, let alpha?):
            let cut = CutMix(alpha: alpha, numClasses: classes)
            return loader.mapBatches { cut.apply($0, $1, using: .current) }
        case (let mixing?, let cutting?):
            let (mix, cut) = (MixUp(alpha: mixing, numClasses: classes), CutMix(alpha: cutting, numClasses: classes))
            return loader.mapBatches { images, labels in
                var generator = Generator.current
                return Bool.random(using: &generator)
                    ? mix.apply(images, labels, using: generator) : cut.apply(images, labels, using: generator)
            }
        }
    }

    /// The rates that were tried, now or before the run was ended; nil where none are asked for or `stop` was set.
    private func learningRates(_ found: LoadedData, _ finder: LearningRateFinder) throws -> LearningRateCurve? {
        guard options.lrFind else { return nil }
        if Folder.exists(folder.learningRates) { return try LearningRateCurve(contentsOf: folder.learningRates) }
        note("trying learning rates from \(LearningRateFinder.first) to \(LearningRateFinder.last)")
        // Other random numbers than the run's.
        let seed = options.seed &+ 0x6C72
        let loader = try trainLoader(found, Generator(seed: seed)).to(finder.device)
        guard let curve = try finder.run(loader, seed: seed, stop: stop) else { return nil }
        try AtomicFile.write(curve.json.text + "\n", to: folder.learningRates)
        note(
            curve.suggestion.map {
                "learning rate \(Text.short($0)) is suggested\(options.lr.map { "; the run has \(Text.short($0)), as it was given" } ?? "")"
            } ?? "no learning rate can be suggested, since the loss did not fall; the run has \(Text.short(options.lr ?? options.rate))")
        return curve
    }

    /// The options with which a checkpoint was written; nil for checkpoints of earlier versions, which lack them.
    private func knownOptions(_ checkpoint: Checkpoint) throws -> RunOptions? {
        try checkpoint.metadata["run.options"].map { try RunOptions(json: JSON(parsing: $0), file: Checkpoint.newest(in: folder.path)) }
    }

    /// Throws unless `options.json` equals the checkpoint's options, or follows from them by amendments.
    private func checkOptions(_ known: RunOptions) throws {
        let versions = options.versions
        guard !versions.contains(known) else { return }
        let last = versions.last { $0.former.count == known.former.count } ?? options
        throw RunError(
            "\(folder.options) was changed: \(last.differences(from: known).joined(separator: "; ")). Put that back, or begin a new run; --resume \(folder.path) takes other --epochs and --data"
        )
    }

    /// The options with which the run continues.
    private func amended(_ checkpoint: Checkpoint?) throws -> RunOptions {
        let state = try checkpoint.map { try TrainerState($0, file: Checkpoint.newest(in: folder.path)) }
        let (step, done, isUnderWay) = (state?.step ?? 0, state?.history.count ?? 0, state?.partial != nil)
        if let epochs = wanted.epochs, epochs != options.epochs, epochs < done + (isUnderWay ? 1 : 0) || epochs < 1 {
            throw RunError(
                "--epochs \(epochs) is less than the run in \(folder.path) has done: \(done)\(isUnderWay ? ", and a part of the next" : "")"
            )
        }
        return options.amended(epochs: wanted.epochs, data: wanted.data, at: step)
    }

    /// Throws if the data differ from those of `checkpoint`, since the run would end with other weights than an uninterrupted one.
    private func checkData(_ checkpoint: Checkpoint, _ data: RunData, _ name: String) throws {
        guard let text = checkpoint.metadata["run.data"] else { return }
        guard let before = try? JSON(parsing: text) else {
            throw RunError("the checkpoint in \(folder.path) says of its data '\(printable(text))', which is no JSON")
        }
        let found = data.fingerprint
        func differs(_ part: String, _ key: String) -> String? {
            // Checkpoints of earlier versions have fewer keys.
            guard let (old, new) = before[part]?[key].flatMap({ old in found[part]?[key].map { (old, $0) } }),
                !old.text.isSame(as: new.text)
            else { return nil }
            return key == "names" ? "as many \(part) images, but of other names" : "\(part) \(key) \(new.text), the run has \(old.text)"
        }
        guard
            let first = ["train", "test"].lazy.flatMap({ part in
                ["count", "classes", "input", "counts", "names"].compactMap { differs(part, $0) }
            }).first
        else { return }
        throw RunError("\(name) is not the data that the run in \(folder.path) began with: \(first); put that back, or begin a new run")
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
        let device = try RunOptions.device(options.device)
        trainer.model.eval()
        let loader = DataLoader(data, batchSize: max(options.batchSize, 1000), workers: options.threads).to(device)
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
