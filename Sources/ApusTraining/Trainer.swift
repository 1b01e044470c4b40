import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim
import ApusSystem
import Synchronization

/// A training loop for those who want one: epochs, metrics, evaluation, checkpoints, resuming, stopping in good order.
///
/// ```swift
/// let trainer = Trainer(model: model, optimizer: Adam(model.parameters()), loss: { F.crossEntropy($0, $1) })
/// trainer.observers = [ProgressBar()]
/// trainer.checkpoints = .init(folder: "run")  // which exists
/// try trainer.resume(train: train)            // from the newest checkpoint, where there is one
/// try trainer.fit(train, test: test, epochs: 5)
/// ```
/// Everything random during training comes from `generator`, whose state is part of a checkpoint together with the place in the epoch: a
/// run that is killed and resumed ends with the same bytes as one that was not.
public final class Trainer {
    /// Batches of images and their labels.
    public typealias Loader = DataLoader<(Tensor, Tensor)>

    /// When a schedule takes its step.
    public enum Pace: Hashable, Sendable {
        /// After every batch, and after every epoch.
        case batch, epoch
    }

    /// Where checkpoints go, and how often. One is written after every epoch and when the run is stopped.
    public struct CheckpointPolicy: Sendable {
        /// The folder; it must exist.
        public var folder: String
        /// In the middle of an epoch, after that many seconds without one.
        public var seconds: Double
        /// In the middle of an epoch, after every so many batches of the run; nil: only by time.
        public var steps: Int?
        /// Checkpoints in `folder`, every so many seconds, or every so many steps where given.
        public init(folder: String, seconds: Double = 15, steps: Int? = nil) {
            self.folder = folder
            self.seconds = seconds
            self.steps = steps
        }
    }

    /// How training ended.
    public enum Outcome: Hashable, Sendable {
        /// All epochs are done.
        case finished
        /// ``stop`` was requested; a checkpoint was written where there is a policy.
        case stopped
    }

    /// What is trained.
    public let model: Module
    /// What updates the parameters.
    public let optimizer: Optimizer
    /// What changes the learning rate, nil for nothing.
    public let scheduler: LRScheduler?
    /// When the schedule steps.
    public let pace: Pace
    /// The loss of scores [N, C] against labels [N]: a scalar, the mean over the batch.
    public let loss: (Tensor, Tensor) -> Tensor
    /// Where batches are moved before they are computed on; the model must be there already.
    public let device: Device
    /// The source of everything random in training (dropout; the loader's order where the loader has no generator of its own).
    public let generator: Generator
    /// Who watches.
    public var observers: [any TrainingObserver] = []
    /// Where checkpoints go; nil: nowhere.
    public var checkpoints: CheckpointPolicy?
    /// Ends training after the batch at hand, once it is set. Any thread and any signal handler may set it.
    public let stop: StopFlag
    /// What else a checkpoint holds: asked for before each is written.
    public var checkpointMetadata: () throws -> [String: String] = { [:] }

    /// The finished epochs.
    public internal(set) var history: [EpochRecord] = []
    /// Batches learned from so far.
    public internal(set) var step = 0
    /// The epoch under way, where a checkpoint was taken in its middle.
    var partial: Partial?

    /// What is known of an epoch under way.
    struct Partial {
        var position: Loader.Position
        var metrics: RunningMetrics.State
        var seconds: Double
    }

    /// A trainer of `model`, which is on `device` already. A `scheduler` takes a step after each batch or epoch, as `pace` says.
    public init(
        model: Module, optimizer: Optimizer, scheduler: LRScheduler? = nil, pace: Pace = .epoch, device: Device = .cpu, generator: Generator = .current,
        stop: StopFlag = StopFlag(), loss: @escaping (Tensor, Tensor) -> Tensor
    ) {
        self.model = model
        self.optimizer = optimizer
        self.scheduler = scheduler
        self.pace = pace
        self.loss = loss
        self.device = device
        self.generator = generator
        self.stop = stop
    }

    /// Trains until `epochs` epochs are done, those before a resumed checkpoint included; evaluates on `test` after each.
    ///
    /// A model that is in eval mode is put into training mode; layers of a model in training mode that were put into eval mode stay there.
    ///
    /// Throws what reading a sample throws, an ``OpError`` where a loader has no batches or model and data do not fit (a last batch of one
    /// image that batch normalisation cannot learn from among them, before the first step), and what writing a checkpoint throws.
    @discardableResult public func fit(_ train: Loader, test: Loader? = nil, epochs: Int) throws -> Outcome {
        try Trainer.checkIsNotEmpty(train, "train")
        if let test { try Trainer.checkIsNotEmpty(test, "test") }
        if !model.training { model.train() }
        return try withGenerator(generator) {
            var progress = TrainingProgress(
                epoch: min(history.count + 1, max(epochs, 1)), epochs: epochs, batch: 0, batches: train.count, step: step, learningRate: learningRate,
                imagesPerSecond: 0, metrics: RunningMetrics(partial?.metrics ?? .init()))
            for observer in observers { observer.willTrain(progress) }
            while history.count < epochs {
                guard try checked({ try runEpoch(train, test: test, epochs: epochs, &progress) }) else {
                    for observer in observers { observer.didStop(progress) }
                    return .stopped
                }
            }
            return .finished
        }
    }

    private static func checkIsNotEmpty(_ loader: Loader, _ name: String) throws(OpError) {
        guard loader.count == 0 else { return }
        throw OpError("\(name) has no batches: \(loader.sampleCount) samples, batches of \(loader.batchSize)\(loader.dropLast ? ", and dropLast leaves out a smaller one" : "")", op: "fit")
    }

    /// Throws where an epoch ends with a batch of one image that the model cannot learn from: batch normalisation has no statistics of one
    /// number a channel. Tried on a copy, with the first image of `images`, before anything is learned.
    private func checkLastBatch(_ train: Loader, _ images: Tensor) throws(OpError) {
        guard train.batchSize > 1, !train.dropLast, train.sampleCount % train.batchSize == 1, model.training,
            ([model] + model.modules()).contains(where: { $0 is BatchNorm && $0.training })
        else { return }
        do {
            // Random numbers of its own: what the copy draws is not missing in the run.
            try withGenerator(Generator(seed: 0)) {
                try checked { noGrad { _ = model.copy()(images.narrow(0, 0, 1).to(device)) } }
            }
        } catch {
            throw OpError(
                "an epoch of \(train.sampleCount) images in batches of \(train.batchSize) ends with a batch of one, from which the model cannot learn (\(error)); "
                    + "choose another batch size, \(train.batchSize - 1) or \(train.batchSize + 1) say, or dropLast: true", op: "fit")
        }
    }

    private var learningRate: Double { optimizer.paramGroups.first?.lr ?? 0 }

    /// One epoch, or what is left of it; false where it was stopped.
    private func runEpoch(_ train: Loader, test: Loader?, epochs: Int, _ progress: inout TrainingProgress) throws -> Bool {
        let metrics = RunningMetrics(partial?.metrics ?? .init())
        let secondsBefore = partial?.seconds ?? 0
        if let partial { train.resume(at: partial.position) }
        let iterator = train.makeIterator()
        progress = TrainingProgress(
            epoch: history.count + 1, epochs: epochs, batch: partial?.position.batch ?? 0, batches: train.count, step: step, learningRate: learningRate,
            imagesPerSecond: 0, metrics: metrics)
        partial = nil
        let begin = monotonicSeconds()
        var lastCheckpoint = begin
        while !stop.isSet, let (images, labels) = try iterator.nextBatch() {
            if progress.batch == 0 { try checkLastBatch(train, images) }
            progress.learningRate = learningRate
            try learn(images, labels, metrics)
            step += 1
            progress.step = step
            progress.batch += 1
            let now = monotonicSeconds()
            progress.imagesPerSecond = Double(metrics.images) / max(secondsBefore + now - begin, 1e-9)
            for observer in observers { observer.didTrain(progress) }
            try throwFailure() // What a device has reported meanwhile.
            if let policy = checkpoints, now - lastCheckpoint >= policy.seconds || policy.steps.map({ step % $0 == 0 }) == true, let position = train.position {
                partial = Partial(position: position, metrics: metrics.state, seconds: secondsBefore + now - begin)
                defer { partial = nil }
                try saveCheckpoint(train)
                lastCheckpoint = monotonicSeconds()
            }
        }
        let state = metrics.state // Waits for the device: the time below is that of the work.
        try throwFailure()
        let seconds = secondsBefore + monotonicSeconds() - begin
        progress.imagesPerSecond = Double(state.images) / max(seconds, 1e-9)
        func pause() throws -> Bool {
            if let position = train.position {
                partial = Partial(position: position, metrics: state, seconds: seconds)
                try saveCheckpoint(train)
            }
            return false
        }
        if stop.isSet { return try pause() }
        var record = EpochRecord(
            epoch: progress.epoch, step: step, trainLoss: metrics.loss, trainAccuracy: metrics.accuracy, testLoss: nil, testAccuracy: nil,
            learningRate: progress.learningRate, imagesPerSecond: progress.imagesPerSecond, seconds: seconds)
        if let test {
            // A test loader may draw from the run's generator or from one of its own: whoever goes on evaluates from the same place.
            let (own, others) = (generator.state, test.generator?.state)
            guard let result = try evaluate(test, after: progress) else {
                generator.state = own
                if let others { test.generator?.state = others }
                return try pause()
            }
            record.testLoss = result.loss
            record.testAccuracy = result.accuracy.isNaN ? nil : result.accuracy
        }
        if pace == .epoch { scheduler?.step() }
        history.append(record)
        for observer in observers { observer.didFinish(record, of: epochs) }
        try saveCheckpoint(train)
        return true
    }

    /// One step of gradient descent. A model that does not fit its data throws here instead of ending the program.
    private func learn(_ images: Tensor, _ labels: Tensor, _ metrics: RunningMetrics) throws {
        try checkedStep {
            let labels = labels.to(device)
            let scores = model(images.to(device))
            let value = loss(scores, labels)
            optimizer.zeroGrad()
            value.backward()
            optimizer.step()
            if pace == .batch { scheduler?.step() }
            metrics.add(loss: value, answers: .init(scores, labels), images: images.size(0))
        }
    }

    private func evaluate(_ test: Loader, after progress: TrainingProgress) throws -> Evaluation? {
        var count = 0
        return try Trainer.evaluate(model, on: test, device: device, loss: loss) {
            count += 1
            for observer in observers { observer.didEvaluate(batch: count, of: test.count, after: progress) }
            return !stop.isSet
        }
    }

    /// What `model` makes of the images of `loader`, in eval mode (each of its layers is put back into its own mode afterwards).
    ///
    /// With `classes` their confusion matrix is counted; `mistakes` says how many of the worst are kept.
    /// `goOn` is asked after each batch; nil is returned where it said no.
    public static func evaluate(
        _ model: Module, on loader: Loader, device: Device = .cpu, classes: [String] = [], mistakes limit: Int = 0,
        loss: (Tensor, Tensor) -> Tensor, goOn: () -> Bool = { true }
    ) throws -> Evaluation? {
        try checked { try run(model, on: loader, device, classes, limit, loss, goOn) }
    }

    private static func run(
        _ model: Module, on loader: Loader, _ device: Device, _ classes: [String], _ limit: Int, _ loss: (Tensor, Tensor) -> Tensor, _ goOn: () -> Bool
    ) throws -> Evaluation? {
        let modes = ([model] + model.modules()).map { (module: $0, training: $0.training) }
        model.eval()
        defer { for (module, training) in modes { module.training = training } }
        let metrics = RunningMetrics()
        var result = Evaluation(loss: .nan, accuracy: .nan, images: 0, imagesPerSecond: 0, confusion: ConfusionMatrix(classes: classes), mistakes: [])
        let begin = monotonicSeconds()
        var first = 0
        let iterator = loader.makeIterator()
        while let (images, labels) = try iterator.nextBatch() {
            try checkedStep {
                try inferenceMode {
                    let labels = labels.to(device)
                    let scores = model(images.to(device))
                    metrics.add(loss: loss(scores, labels), answers: .init(scores, labels), images: images.size(0))
                    guard !classes.isEmpty else { return }
                    // A model with other classes than its data must not be counted out of bounds.
                    guard scores.ndim == 2, scores.size(1) == classes.count else {
                        throw OpError("the model gives scores of shape \(scores.shape), the data has \(classes.count) classes", op: "evaluate")
                    }
                    count(scores, labels, first, limit, &result)
                }
            }
            first += images.size(0)
            try throwFailure()
            guard goOn() else { return nil }
        }
        result.loss = metrics.loss
        result.accuracy = metrics.accuracy
        result.images = metrics.images
        result.imagesPerSecond = Double(metrics.images) / max(monotonicSeconds() - begin, 1e-9)
        return result
    }

    private static func count(_ scores: Tensor, _ labels: Tensor, _ first: Int, _ limit: Int, _ result: inout Evaluation) {
        let classes = result.confusion.classes.count
        let predicted = scores.argmax(dim: 1).array(Int.self)
        let actual = labels.array(Int.self)
        let probabilities = limit > 0 ? F.softmax(scores, dim: 1).array(Float.self) : []
        for i in 0..<min(predicted.count, actual.count) {
            guard (0..<classes).contains(actual[i]), (0..<classes).contains(predicted[i]) else { continue } // The loss has named it.
            result.confusion.add(actual: actual[i], predicted: predicted[i])
            guard limit > 0, predicted[i] != actual[i] else { continue }
            let mistake = Mistake(
                index: first + i, predicted: predicted[i], actual: actual[i], probability: Double(probabilities[i * classes + predicted[i]]),
                actualProbability: Double(probabilities[i * classes + actual[i]]))
            let place = result.mistakes.firstIndex { $0.probability < mistake.probability } ?? result.mistakes.count
            guard place < limit else { continue }
            result.mistakes.insert(mistake, at: place)
            if result.mistakes.count > limit { result.mistakes.removeLast() }
        }
    }
}

/// A request to end in good order. Setting it is safe everywhere, in signal handlers too.
public final class StopFlag: Sendable {
    private let flag = Atomic(false)
    /// Makes an empty one.
    public init() {}
    /// Whether an end was asked for.
    public var isSet: Bool { flag.load(ordering: .acquiring) }
    /// Asks for an end.
    public func set() { flag.store(true, ordering: .releasing) }
}
