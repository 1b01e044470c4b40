import ApusCore
import ApusData
import ApusDistributed
import ApusNN
import ApusOptim

/// An optional training loop with epochs, metrics, evaluation, checkpoints, resuming and clean stopping, for any model and any type of
/// batch.
///
/// ```swift
/// let trainer = Trainer(model: model, optimizer: Adam(model.parameters(), lr: 1e-3)) { x, y in
///     let scores = model(x)
///     return (loss: F.crossEntropy(scores, y), output: (scores, y))
/// }
/// trainer.measure("accuracy") { Accuracy($0, $1) }
/// trainer.observers = [ProgressBar()]
/// trainer.checkpoints = .init(folder: "run")  // the folder exists
/// try trainer.resume(train: train)            // from the newest checkpoint, if any
/// try trainer.fit(train, test: test, epochs: 5)
/// ```
/// The closure computes the loss to minimise and the input of the metrics from a batch. It is called in training, and also in evaluation,
/// then in evaluation mode and without a graph. For several optimizers or losses pass a `step` closure.
///
/// All random numbers during training come from `generator`. Its state is in each checkpoint, together with the position in the epoch: a
/// run that is killed and resumed ends with the same bytes as an uninterrupted one.
///
/// With a `group` several processes share each batch: it is cut into `shards`, of which each process computes some, and all take the same
/// step. The batch size of the loader is that of all together, and the weights depend on the number of shards, not on that of processes.
/// Random numbers of the network belong to the shard then. The first process writes the checkpoints.
public final class Trainer<Batch, Output> {
    /// The loss of a batch, a scalar that is the mean over its samples, and the input of the metrics.
    public typealias Computed = (loss: Tensor, output: Output)

    /// The model to train.
    public let model: Module
    /// The optimizers of its parameters.
    public let optimizers: [Optimizer]
    /// The learning rate schedules.
    public let schedules: [Schedule]
    /// The source of all random numbers in training: dropout, and the loader's order if the loader has no generator of its own.
    public let generator: Generator
    /// Stops training after the current step, once it is set. Any thread and any signal handler may set it.
    public let stop: StopFlag
    /// The processes that train together; nil for this one alone.
    public let group: ProcessGroup?
    /// How many shards a batch is cut into, whoever computes them; nil for one a process.
    public let shards: Int?
    /// The metrics computed for every batch.
    public private(set) var measures: [Measure<Output>] = []

    /// The observers of training.
    public var observers: [any TrainingObserver] = []
    /// Where checkpoints are written; nil for none.
    public var checkpoints: CheckpointPolicy?
    /// Additional metadata of a checkpoint; called before each is written.
    public var checkpointMetadata: () throws -> [String: String] = { [:] }
    /// The number of batches whose gradients are accumulated before a step, as if they were one batch: means are weighted by the number of
    /// samples. The last group of an epoch may be smaller.
    public var accumulate = 1
    /// How much of the mean over an update a batch has, or a shard of one: its number of samples where this is nil. For losses that are means
    /// over something else: `trainer.weight = { batch in Double(batch.1.ne(padding).sum().item()) }`.
    public var weight: ((Batch) throws -> Double)?
    /// How large gradients are clipped.
    public var clipping: Clipping?
    /// The lower-precision dtype for ops in which it is safe; see `autocast(_:enabled:_:)`.
    public var autocast: DType?
    /// The loss scaler, needed for float16.
    public var scaler: GradScaler?
    /// Whether the processes of the group share the steps of the optimizers, each of which then keeps its part of their state; see
    /// `Optimizer/sharded(by:)`. Set it before the first call of `fit` or `restore`.
    public var sharesSteps = false
    /// When to stop before the last epoch.
    public var earlyStopping: EarlyStopping?
    /// Keeps the weights of the best epoch by that value, in memory and in checkpoints; ``loadBest()`` restores them.
    public var keepBest: Watched?

    /// The finished epochs.
    public internal(set) var history: [EpochRecord] = []
    /// The number of steps so far: batches, or groups of accumulated batches.
    public internal(set) var step = 0
    /// The optimizers that have gradients of the current group of batches.
    var begun: Set<ObjectIdentifier> = []
    /// Of each shard of this process: its share of the current group of batches, and its loss times that.
    var shares: [Int: Double] = [:], losses: [Int: Double] = [:]
    /// The weights of the best epoch since ``keepBest`` was set.
    public internal(set) var bestWeights: StateDict?
    /// The number of that epoch, from 1.
    public internal(set) var bestEpoch: Int?
    /// The unfinished epoch after restoring a checkpoint within one.
    var partial: Partial?
    /// A running average of the weights.
    var average: WeightAverage?
    /// What sums gradients over shards; see ``shared()``.
    private(set) var reducer: GradientReducer?
    /// Whether any process wants training to stop.
    var isStopAgreed = false

    let learn: (Batch, TrainingStep) throws -> Computed
    let compute: ((Batch) throws -> Computed)?

    /// The state of an unfinished epoch.
    struct Partial {
        var position: DataLoader<Batch>.Position
        var measurements: Measurements
        /// The rate of the last step.
        var learningRate: Double
        var seconds: Double
        var waiting: Double
    }

    /// A trainer whose `step` does anything with a batch, and calls ``TrainingStep/minimize(_:by:)`` for each optimizer in turn: for
    /// adversarial networks, or several losses. `evaluate` computes a batch of the test set; without it there is no evaluation.
    public init(
        model: Module, optimizers: [Optimizer], schedules: [Schedule] = [], generator: Generator = .current, stop: StopFlag = StopFlag(),
        group: ProcessGroup? = nil, shards: Int? = nil, step: @escaping (Batch, TrainingStep) throws -> Computed,
        evaluate: ((Batch) throws -> Computed)? = nil
    ) {
        (self.model, self.optimizers, self.schedules, self.group, self.shards) = (model, optimizers, schedules, group, shards)
        (self.generator, self.stop, learn, compute) = (generator, stop, step, evaluate)
    }

    /// A trainer that minimises the loss returned by `compute`.
    public convenience init(
        model: Module, optimizer: Optimizer, schedule: Schedule? = nil, generator: Generator = .current, stop: StopFlag = StopFlag(),
        group: ProcessGroup? = nil, shards: Int? = nil, compute: @escaping (Batch) throws -> Computed
    ) {
        self.init(
            model: model, optimizers: [optimizer], schedules: schedule.map { [$0] } ?? [], generator: generator, stop: stop,
            group: group, shards: shards,
            step: { batch, step in
                // Measured is what was computed first, before a step that computes several times.
                var first: Computed?
                try step.minimize(by: optimizer) {
                    let computed = try compute(batch)
                    if first == nil { first = computed }
                    return computed.loss
                }
                guard let first else { preconditionFailure("a step computes the loss at least once") }
                return first
            }, evaluate: compute)
    }

    /// What sums gradients over the shards of a batch; nil where one process computes whole batches. All processes call it for the first time
    /// at the same place: it gives them the weights of the first.
    func shared() throws -> GradientReducer? {
        guard let group, cutsBatches else { return nil }
        if reducer == nil {
            let made = try GradientReducer(model, in: group, shards: shards)
            if sharesSteps { for optimizer in optimizers { try made.shareSteps(of: optimizer) } }
            reducer = made
        }
        return reducer
    }

    /// Whether batches are cut into shards.
    var cutsBatches: Bool { group.map { $0.size > 1 || shards ?? 1 > 1 } ?? false }

    /// The shards of a batch; nil where one process computes whole batches. Throws where they cannot be dealt out, or the processes cannot
    /// share the steps of the optimizers. Nothing changes, unlike in ``shared()``.
    func sharding() throws -> Sharding? {
        guard let group, cutsBatches else { return nil }
        if let reducer { return reducer.sharding }
        for case let problem? in optimizers.map(\.sharingProblem) where sharesSteps { throw group.error("sharing steps", problem) }
        return try Sharding(dealing: shards ?? group.size, in: group)
    }

    /// Adds a metric, which `make` computes for every batch.
    public func measure<M: Metric>(_ name: String, _ make: @escaping (Output) -> M) {
        if name == "loss" || measures.contains(where: { $0.name == name }) {
            fail("Trainer.measure", "there is a metric '\(name)' already; give it another name")
            return
        }
        measures.append(Measure(name, make))
    }

    /// Averages the weights of `model`, the trainer's model or a part of it, into `averaged` after every step. Evaluation uses the average.
    public func average<M: Module>(_ model: M, into averaged: AveragedModel<M>) {
        average = WeightAverage(
            module: averaged, text: averaged.settingsText, update: { averaged.updateParameters(model) },
            pairs: {
                Array(zip(model.parameters() + model.buffers(), averaged.module.parameters() + averaged.module.buffers()))
            })
    }

    /// Loads the weights of the best epoch into the model, and into its average if there is one. Returns false if none are kept.
    @discardableResult public func loadBest() throws -> Bool {
        guard let bestWeights else { return false }
        try model.loadStateDict(bestWeights)
        average?.takeOver()
        return true
    }
}

/// A trainer for batches of inputs with targets, whose metrics compare outputs with targets.
public typealias SupervisedTrainer = Trainer<(Tensor, Tensor), (Tensor, Tensor)>

extension Trainer where Batch == (Tensor, Tensor), Output == (Tensor, Tensor) {
    /// A trainer of a model that takes the batch's first tensor; `loss` takes the model's output and the second tensor, the target, and
    /// returns the mean over the batch. Metrics get the same two. Batches are moved to `device`, where the model must be already.
    public convenience init(
        model: Module, optimizer: Optimizer, schedule: Schedule? = nil, device: Device = .cpu, generator: Generator = .current,
        stop: StopFlag = StopFlag(), group: ProcessGroup? = nil, shards: Int? = nil,
        loss: @escaping (Tensor, Tensor) -> Tensor
    ) {
        self.init(
            model: model, optimizer: optimizer, schedule: schedule, generator: generator, stop: stop, group: group, shards: shards
        ) { x, y in
            let (output, target) = (model(x.to(device)), y.to(device))
            return (loss(output, target), (output, target))
        }
    }
}

/// Averaged weights, and how they are updated from those of the model.
struct WeightAverage {
    /// The module whose state a checkpoint stores.
    let module: Module
    /// How it averages.
    let text: String
    let update: () -> Void
    /// The model's tensors, paired with their averages.
    let pairs: () -> [(own: Tensor, averaged: Tensor)]

    /// Runs `body` with the averages in place of the model's weights.
    func inPlace<Result>(_ body: () throws -> Result) throws -> Result {
        let both = pairs().map { (own: $0.detach(), averaged: $1.detach()) }
        // Allocate all memory before anything changes.
        let kept = try checkedStep { noGrad { both.map { $0.own.clone() } } }
        func put(_ tensors: [Tensor]) { noGrad { for (pair, tensor) in zip(both, tensors) { pair.own.copy_(tensor) } } }
        put(both.map(\.averaged))
        defer { put(kept) }
        return try body()
    }

    /// Sets the averages to the model's weights.
    func takeOver() { noGrad { for (own, averaged) in pairs() { averaged.detach().copy_(own.detach()) } } }
}
