import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim
import Glibc

/// A run of `apus train`: a folder, the options in it, and all that follows from them.
///
/// Everything random comes from the seed: the first numbers of its stream are the weights, what comes after them dropout's; one of them seeds
/// the stream of the shuffled orders. The same options give the same weights byte for byte, however often the run was stopped or killed.
public final class Run {
    /// What the run depends on.
    public let options: RunOptions
    /// Where it is kept.
    public let folder: RunFolder
    /// Ends the run in good order, once it is set.
    public let stop: StopFlag
    /// The command as it was given, for the report.
    public var command = ""
    /// Called with things worth a line: a damaged checkpoint that was passed over, a data set that is read.
    public var note: (String) -> Void = { _ in }
    private let isNew: Bool

    /// What a run came to.
    public struct Result: Sendable {
        /// The part of the test set that was recognised.
        public var testAccuracy: Double
        /// The mean loss on the test set.
        public var testLoss: Double
        /// Epochs that were run.
        public var epochs: Int
        /// Updates of the parameters.
        public var steps: Int
        /// Numbers that were learned.
        public var parameters: Int
        /// Seconds of training, over all parts of the run.
        public var seconds: Double
    }

    /// How ``train(observers:)`` ended.
    public enum Outcome: Sendable {
        /// All epochs are done; weights and report are written.
        case finished(Result)
        /// The run was over already; nothing was done.
        case wasFinished(Result)
        /// Stopped, with a checkpoint, in that epoch after so many batches of all.
        case stopped(epoch: Int, step: Int)
    }

    /// A new run in a new or empty folder.
    public init(_ options: RunOptions, in path: String, stop: StopFlag = StopFlag()) throws {
        self.options = options
        self.stop = stop
        folder = RunFolder(path)
        isNew = true
        try DataSource.check(options.data)
        try folder.create(options)
    }

    /// The run in a folder, with its options.
    public init(resuming path: String, stop: StopFlag = StopFlag()) throws {
        folder = RunFolder(path)
        options = try folder.loadOptions()
        self.stop = stop
        isNew = false
    }

    /// Trains until the end or the stop; evaluates, and writes weights and report.
    public func train(observers: [any TrainingObserver] = []) throws -> Outcome {
        if let result = try folder.loadResult() {
            guard let result = Result(json: result) else { throw FormatError(file: folder.result, reason: "not the result of a run") }
            return .wasFinished(result)
        }
        do {
            return try proceed(observers)
        } catch {
            // A run that never began leaves nothing in its way.
            if isNew { folder.removeIfUnused() }
            throw error
        }
    }

    private func proceed(_ observers: [any TrainingObserver]) throws -> Outcome {
        let device = try RunOptions.device(options.device)
        let data = try DataSource.load(options.data, seed: options.seed)
        let fingerprint: JSON = ["train": data.train.fingerprint, "test": data.test.fingerprint]
        let generator = Generator(seed: options.seed)
        let loaderGenerator = Generator(seed: generator.drawSeed())
        let model = try withGenerator(generator) {
            try ModelSource.make(options.model, table: options.modelTable, input: data.train.input, classes: data.train.classes.count)
        }.to(device)
        let summary = try ModelSource.check(model, options.model, input: data.train.input, classes: data.train.classes.count, device: device)
        let train = DataLoader(data.train, batchSize: options.batchSize, shuffle: true, generator: loaderGenerator).to(device)
        let test = DataLoader(data.test, batchSize: max(options.batchSize, 1000)).to(device)
        let optimizer = options.optimizer.make(model.parameters(), lr: options.lr)
        let scheduler = options.schedule.make(optimizer, lr: options.lr, epochs: options.epochs, batches: train.count)
        let trainer = Trainer(
            model: model, optimizer: optimizer, scheduler: scheduler, pace: options.schedule.pace, device: device, generator: generator, stop: stop,
            loss: { F.crossEntropy($0, $1) })
        trainer.checkpoints = .init(folder: folder.path, steps: options.checkpointEvery)

        var logState = MetricsRecorder.State()
        if let checkpoint = try Checkpoint.load(from: folder.path) {
            if let failed = checkpoint.newestFailed { note("\(failed); going on from the checkpoint before it") }
            try checkData(checkpoint, fingerprint)
            try trainer.restore(checkpoint, train: train, file: Checkpoint.newest(in: folder.path))
            logState = MetricsRecorder.State(checkpoint.metadata)
        }
        let recorder = try MetricsRecorder(folder.metrics, logState, stop: stop)
        trainer.checkpointMetadata = { try recorder.metadata().merging(["run.data": fingerprint.text]) { $1 } }
        trainer.observers = [recorder] + observers
        let outcome = try trainer.fit(train, test: test, epochs: options.epochs)
        if let error = recorder.error { throw error }
        guard outcome == .finished else { return .stopped(epoch: min(trainer.history.count + 1, options.epochs), step: trainer.step) }
        return .finished(try finish(trainer, summary, data.test, test))
    }

    /// Throws where the data are not those that `checkpoint` was made with: the run would end with other weights than an undisturbed one.
    private func checkData(_ checkpoint: Checkpoint, _ found: JSON) throws {
        guard let text = checkpoint.metadata["run.data"], text != found.text else { return }
        let before = try? JSON(parsing: text)
        func differs(_ part: String, _ key: String) -> String? {
            guard let (old, new) = before?[part]?[key].flatMap({ old in found[part]?[key].map { (old, $0) } }), old != new else { return nil }
            return "\(part) \(key) \(new.text), the run has \(old.text)"
        }
        let first = ["train", "test"].lazy.flatMap { part in ["count", "classes", "input"].compactMap { differs(part, $0) } }.first
        throw RunError("\(options.data) is not the data that the run in \(folder.path) began with: \(first ?? "its checkpoint says \(printable(text))"); put that back, or begin a new run")
    }

    /// Weights, report, result, in this order: a run that is killed in between does this part again.
    private func finish(_ trainer: Trainer, _ summary: ModelSummary, _ data: ImageData, _ test: Trainer.Loader) throws -> Result {
        let device = trainer.device
        guard let evaluation = try Trainer.evaluate(trainer.model, on: test, device: device, classes: data.classes, mistakes: 24, loss: trainer.loss) else {
            preconditionFailure("an evaluation that nobody stops has a result")
        }
        let metadata = [
            "apus.model": options.modelTable ?? options.model, "apus.data": options.data, "apus.input": JSON.array(data.input.map { .int(Int64($0)) }).text,
            "apus.classes": JSON.array(data.classes.map { .string($0) }).text,
        ]
        try trainer.model.stateDict().save(to: folder.weights, metadata: metadata)
        let result = Result(
            testAccuracy: evaluation.accuracy, testLoss: evaluation.loss, epochs: options.epochs, steps: trainer.step, parameters: summary.parameters,
            seconds: trainer.history.reduce(0) { $0 + $1.seconds })
        try report(result, evaluation, summary, data, trainer.history).write(to: folder.report)
        try AtomicFile.write(result.json.text + "\n", to: folder.result)
        return result
    }

    private func report(_ result: Result, _ evaluation: Evaluation, _ summary: ModelSummary, _ data: ImageData, _ history: [EpochRecord]) throws -> Report {
        let name = options.modelTable == nil ? options.model : AtomicFile.split(options.model).name
        var report = Report(
            title: "\(name) on \(options.data)",
            lead: "\(result.epochs) \(result.epochs == 1 ? "epoch" : "epochs") of batches of \(options.batchSize) with \(options.optimizer.rawValue), learning rate \(Text.short(options.lr)), schedule \(options.schedule.rawValue), seed \(options.seed)")
        let rate = history.reduce(0) { $0 + $1.imagesPerSecond * $1.seconds } / max(result.seconds, 1e-9)
        report.headline = [
            ("test accuracy", Text.fixed(100 * result.testAccuracy, 2) + " %"), ("test loss", Text.fixed(result.testLoss, 4)),
            ("parameters", Text.grouped(result.parameters)), ("multiply-adds / image", Text.compact(Double(summary.multiplyAdds))),
            ("training time", Text.duration(result.seconds)), ("images a second", Text.compact(rate)),
        ]
        report.charts = try charts(history)
        report.confusion = evaluation.confusion
        report.wrong = try evaluation.mistakes.map { mistake in
            let image = try data[mistake.index].0
            return .init(
                png: try PNGImage(preview: image).encoded(), index: mistake.index, predicted: data.classes[mistake.predicted], probability: mistake.probability,
                actual: data.classes[mistake.actual], actualProbability: mistake.actualProbability)
        }
        report.summary = summary
        report.facts = facts(summary)
        return report
    }

    private func charts(_ history: [EpochRecord]) throws -> [Chart] {
        let perEpoch = Double(max(1, (history.last?.step ?? 1) / max(1, history.count)))
        var losses: [(x: Double, y: Double)] = []
        var rates: [(x: Double, y: Double)] = []
        for line in try MetricsLog.read(folder.metrics) where line["event"]?.string == "batches" {
            guard let step = line["step"]?.double else { continue }
            if let loss = line["loss"]?.double { losses.append((step / perEpoch, loss)) }
            if let rate = line["lr"]?.double { rates.append((step / perEpoch, rate)) }
        }
        func points(_ value: (EpochRecord) -> Double?) -> [(x: Double, y: Double)] {
            history.compactMap { record in value(record).map { (Double(record.epoch), $0) } }
        }
        return [
            Chart(title: "Loss", xLabel: "epoch", series: [.init("training", losses), .init("test", points(\.testLoss), marks: true)]),
            Chart(title: "Accuracy", xLabel: "epoch", series: [.init("training", points(\.trainAccuracy), marks: true), .init("test", points(\.testAccuracy), marks: true)]),
            Chart(title: "Learning rate", xLabel: "epoch", series: [.init("learning rate", rates)], digits: 6),
            Chart(title: "Images a second", xLabel: "epoch", series: [.init("training", points(\.imagesPerSecond), marks: true)], digits: 0, fromZero: true),
        ]
    }

    private func facts(_ summary: ModelSummary) -> [(name: String, value: String)] {
        var facts: [(name: String, value: String)] = []
        if !command.isEmpty { facts.append(("command", command)) }
        facts += [
            ("model", options.model), ("data", options.data), ("epochs", "\(options.epochs)"), ("batch size", "\(options.batchSize)"),
            ("optimizer", options.optimizer.rawValue), ("learning rate", Text.short(options.lr)), ("schedule", options.schedule.rawValue),
            ("seed", "\(options.seed)"), ("device", options.device), ("input", "\(summary.input)"),
        ]
        facts += SystemFacts.gather().map { ($0.name, $0.value) }
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        facts.append(("finished", "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"))
        return facts
    }
}

extension Run.Result {
    /// As `result.json` and the last line of `--json` have it.
    package var json: JSON {
        [
            "event": "done", "test_accuracy": .double(testAccuracy), "test_loss": .double(testLoss), "epochs": .int(Int64(epochs)), "steps": .int(Int64(steps)),
            "parameters": .int(Int64(parameters)), "seconds": .double((seconds * 1000).rounded() / 1000),
        ]
    }

    init?(json: JSON) {
        guard let accuracy = json["test_accuracy"]?.double, let epochs = json["epochs"]?.int, let steps = json["steps"]?.int,
            let parameters = json["parameters"]?.int, let seconds = json["seconds"]?.double
        else { return nil }
        self.init(testAccuracy: accuracy, testLoss: json["test_loss"]?.double ?? .nan, epochs: epochs, steps: steps, parameters: parameters, seconds: seconds)
    }
}

extension PNGImage {
    /// The picture of an image as data sets give it, float32 [C, H, W] from 0 to 1 (values outside are cut off), with 1 or 3 channels.
    init(preview image: Tensor) throws {
        let (channels, height, width) = (image.size(0), image.size(1), image.size(2))
        let values = image.to(.cpu).array(Float.self)
        let shown = channels == 3 ? 3 : 1
        var pixels = [UInt8](repeating: 0, count: shown * height * width)
        for i in 0..<(height * width) {
            for c in 0..<shown { pixels[i * shown + c] = UInt8(min(max(values[c * height * width + i], 0), 1) * 255 + 0.5) }
        }
        self.init(width: width, height: height, channels: shown, pixels: pixels)
    }
}
