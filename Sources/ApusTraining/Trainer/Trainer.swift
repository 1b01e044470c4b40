import ApusCore
import ApusData
import ApusNN
import ApusOptim

/// A training loop for those who want one: epochs, metrics, evaluation, checkpoints, resuming, stopping in good order, for any model and any
/// batch.
///
/// ```swift
/// let trainer = Trainer(model: model, optimizer: Adam(model.parameters(), lr: 1e-3)) { x, y in
///     let scores = model(x)
///     return (loss: F.crossEntropy(scores, y), output: (scores, y))
/// }
/// trainer.measure("accuracy") { Accuracy($0, $1) }
/// trainer.observers = [ProgressBar()]
/// trainer.checkpoints = .init(folder: "run")  // which exists
/// try trainer.resume(train: train)            // from the newest checkpoint, where there is one
/// try trainer.fit(train, test: test, epochs: 5)
/// ```
/// The closure says what to compute of a batch: the loss that is made smaller, and whatever the metrics are made of. It is called in training and,
/// in eval mode and without a graph, in evaluation. What needs several optimizers or losses gives a `step` of its own.
///
/// Everything random during training comes from `generator`, whose state is part of a checkpoint together with the place in the epoch: a
/// run that is killed and resumed ends with the same bytes as one that was not.
public final class Trainer<Batch, Output> {
    /// The loss of a batch, a scalar that is the mean over its samples, and what the metrics are made of.
    public typealias Computed = (loss: Tensor, output: Output)

    /// What is trained.
    public let model: Module
    /// What updates the parameters.
    public let optimizers: [Optimizer]
    /// What changes the learning rates.
    public let schedules: [Schedule]
    /// The source of everything random in training (dropout; the loader's order where the loader has no generator of its own).
    public let generator: Generator
    /// Ends training after the step at hand, once it is set. Any thread and any signal handler may set it.
    public let stop: StopFlag
    /// The metrics that are taken of every batch.
    public private(set) var measures: [Measure<Output>] = []

    /// Who watches.
    public var observers: [any TrainingObserver] = []
    /// Where checkpoints go; nil: nowhere.
    public var checkpoints: CheckpointPolicy?
    /// What else a checkpoint holds: asked for before each is written.
    public var checkpointMetadata: () throws -> [String: String] = { [:] }
    /// Batches whose gradients are added up before a step, as if they were one batch; their means are weighted by their samples. The last
    /// ones of an epoch may be fewer.
    public var accumulate = 1
    /// What is done to large gradients.
    public var clipping: Clipping?
    /// The dtype that losses are computed in where that is safe; see `autocast(_:enabled:_:)`.
    public var autocast: DType?
    /// Scales the loss, which float16 needs.
    public var scaler: GradScaler?
    /// When to end before the last epoch.
    public var earlyStopping: EarlyStopping?
    /// Keeps the weights of the best epoch by that number, in memory and in checkpoints; ``loadBest()`` takes them back.
    public var keepBest: Watched?

    /// The finished epochs.
    public internal(set) var history: [EpochRecord] = []
    /// Steps taken so far: batches, or groups of batches that were accumulated.
    public internal(set) var step = 0
    /// The optimizers that have gradients of the group of batches under way.
    var begun: Set<ObjectIdentifier> = []
    /// The weights of the best epoch since ``keepBest`` was set.
    public internal(set) var bestWeights: StateDict?
    /// Which epoch that is, from 1.
    public internal(set) var bestEpoch: Int?
    /// The epoch under way, where a checkpoint was taken in its middle.
    var partial: Partial?
    /// A running average of the weights.
    var average: WeightAverage?

    let learn: (Batch, TrainingStep) throws -> Computed
    let compute: ((Batch) throws -> Computed)?

    /// What is known of an epoch under way.
    struct Partial {
        var position: DataLoader<Batch>.Position
        var measurements: Measurements
        /// That of the last step.
        var learningRate: Double
        var seconds: Double
    }

    /// A trainer whose `step` does what it wants of a batch, and calls ``TrainingStep/minimize(_:by:)`` for each optimizer in turn: for
    /// adversaries, or several losses. `evaluate` says what to compute of a batch of the test set; without, there is no evaluation.
    public init(
        model: Module, optimizers: [Optimizer], schedules: [Schedule] = [], generator: Generator = .current, stop: StopFlag = StopFlag(),
        step: @escaping (Batch, TrainingStep) throws -> Computed, evaluate: ((Batch) throws -> Computed)? = nil
    ) {
        (self.model, self.optimizers, self.schedules) = (model, optimizers, schedules)
        (self.generator, self.stop, learn, compute) = (generator, stop, step, evaluate)
    }

    /// A trainer that makes the loss smaller that `compute` gives.
    public convenience init(
        model: Module, optimizer: Optimizer, schedule: Schedule? = nil, generator: Generator = .current, stop: StopFlag = StopFlag(),
        compute: @escaping (Batch) throws -> Computed
    ) {
        self.init(
            model: model, optimizers: [optimizer], schedules: schedule.map { [$0] } ?? [], generator: generator, stop: stop,
            step: { batch, step in
                let computed = try compute(batch)
                step.minimize(computed.loss, by: optimizer)
                return computed
            }, evaluate: compute)
    }

    /// Takes the metric that `make` gives of every batch.
    public func measure<M: Metric>(_ name: String, _ make: @escaping (Output) -> M) {
        if name == "loss" || measures.contains(where: { $0.name == name }) {
            fail("Trainer.measure", "there is a metric '\(name)' already; give it another name")
            return
        }
        measures.append(Measure(name, make))
    }

    /// Averages the weights of `model`, which is the trainer's or a part of it, into `averaged` after every step. Evaluation uses the average.
    public func average<M: Module>(_ model: M, into averaged: AveragedModel<M>) {
        average = WeightAverage(
            module: averaged, update: { averaged.updateParameters(model) },
            pairs: {
                Array(zip(model.parameters() + model.buffers(), averaged.module.parameters() + averaged.module.buffers()))
            })
    }

    /// Puts the weights of the best epoch into the model, and into its average where there is one. False where none are kept.
    @discardableResult public func loadBest() throws -> Bool {
        guard let bestWeights else { return false }
        try model.loadStateDict(bestWeights)
        average?.takeOver()
        return true
    }
}

/// A trainer of batches of inputs with their targets, whose metrics compare outputs with targets.
public typealias SupervisedTrainer = Trainer<(Tensor, Tensor), (Tensor, Tensor)>

extension Trainer where Batch == (Tensor, Tensor), Output == (Tensor, Tensor) {
    /// A trainer of a model that takes the batch's first tensor and is told the second: `loss` of the model's output and the target, the mean
    /// over the batch. Metrics are made of the same two. Batches are moved to `device`, where the model must be already.
    public convenience init(
        model: Module, optimizer: Optimizer, schedule: Schedule? = nil, device: Device = .cpu, generator: Generator = .current,
        stop: StopFlag = StopFlag(),
        loss: @escaping (Tensor, Tensor) -> Tensor
    ) {
        self.init(model: model, optimizer: optimizer, schedule: schedule, generator: generator, stop: stop) { x, y in
            let (output, target) = (model(x.to(device)), y.to(device))
            return (loss(output, target), (output, target))
        }
    }
}

/// Averaged weights, and how they follow those of the model.
struct WeightAverage {
    /// Whose state a checkpoint keeps.
    let module: Module
    let update: () -> Void
    /// The model's tensors with their averages.
    let pairs: () -> [(own: Tensor, averaged: Tensor)]

    /// Runs `body` with the averages in the model's place.
    func inPlace<Result>(_ body: () throws -> Result) throws -> Result {
        let both = pairs().map { (own: $0.detach(), averaged: $1.detach()) }
        // All memory that is needed is there before anything changes.
        let kept = try checkedStep { noGrad { both.map { $0.own.clone() } } }
        func put(_ tensors: [Tensor]) { noGrad { for (pair, tensor) in zip(both, tensors) { pair.own.copy_(tensor) } } }
        put(both.map(\.averaged))
        defer { put(kept) }
        return try body()
    }

    /// Makes the averages what the model is.
    func takeOver() { noGrad { for (own, averaged) in pairs() { averaged.detach().copy_(own.detach()) } } }
}
