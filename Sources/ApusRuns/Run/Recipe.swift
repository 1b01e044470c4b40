import ApusCore
import ApusData
import ApusNN
import ApusOptim
import ApusTraining
import ApusVision

/// What the options of a run make of its model: what learns, by which optimizer, from which loss.
struct Recipe {
    private let options: RunOptions

    init(_ options: RunOptions) { self.options = options }

    /// What is wrong with an option.
    struct Problem: Error {
        let option: RunOptions.Key
        let text: RunMessage
    }

    /// Throws where the optimizer has not a setting that is given.
    static func checkSettings(of options: RunOptions) throws(Problem) {
        let group = options.optimizer.make([Parameter(Tensor.zeros([1]))], lr: 0).paramGroups[0]
        for (key, _) in settings(options) where group[option: key.rawValue] == nil {
            throw Problem(option: key, text: "is no setting of \(options.optimizer.rawValue); it has \(group.optionNames)")
        }
    }

    /// The settings that are given. Options have the names that the settings have in PyTorch.
    private static func settings(_ options: RunOptions) -> [(RunOptions.Key, OptionValue)] {
        let given: [(RunOptions.Key, OptionValue?)] = [
            (.weightDecay, options.weightDecay.map { .double($0) }), (.momentum, options.momentum.map { .double($0) }),
            (.betas, options.betas.map { .list($0) }),
        ]
        return given.compactMap { key, value in value.map { (key, $0) } }
    }

    /// The optimizer of what learns in `model`.
    func optimizer(_ model: Module, lr: Double) -> Optimizer {
        let optimizer = options.optimizer.make(model.parameters().filter(\.requiresGrad), lr: lr)
        for group in optimizer.paramGroups {
            for (key, value) in Recipe.settings(options) { group[option: key.rawValue] = value }
        }
        return optimizer
    }

    /// Makes the parts of `model` that `freeze` names keep their weights, and the statistics of their normalisation. Throws where there is no
    /// such part, or nothing is left to learn.
    func freeze(_ model: Module) throws {
        guard !options.freeze.isEmpty else { return }
        do { _ = try checked { model.freeze(options.freeze) } } catch { throw RunError("\(option: .freeze): \(error)") }
        guard model.parameters().contains(where: \.requiresGrad) else {
            throw RunError("\(option: .freeze) \(options.freeze.joined(separator: ",")) leaves nothing that learns")
        }
        keepStill(model)
    }

    /// Puts frozen parts in evaluation mode, which training leaves them in.
    func keepStill(_ model: Module) {
        for path in options.freeze { model.submodule(path)?.eval() }
    }

    /// The weights of the classes, of which there are so many images; nil where all count the same.
    private func weights(_ counts: [Int]) -> Tensor? {
        let total = Double(counts.reduce(0, +))
        return options.classWeights == .balanced ? Tensor(counts.map { $0 == 0 ? 0 : Float(total / Double(counts.count * $0)) }) : nil
    }

    /// The loss of scores and targets: in training with the smoothing and the weights of the options, in evaluation plain.
    func loss(_ model: Module, counts: [Int], device: Device) -> (Tensor, Tensor) -> Tensor {
        let weight = weights(counts)?.to(device)
        return { [smoothing = options.labelSmoothing] scores, target in
            model.training
                ? F.crossEntropy(scores, target, weight: weight, labelSmoothing: smoothing) : F.crossEntropy(scores, target)
        }
    }

    /// Sets what the options say of a trainer's steps.
    func apply<Output>(to trainer: Trainer<ImageData.Batch, Output>, _ model: Module, counts: [Int]) {
        // The loss of labels is the mean over their weights, of which shards have different sums; that of mixed ones is the mean over images.
        if options.shards != nil, let weights = weights(counts) {
            trainer.weight = { batch in batch.1.ndim == 1 ? weights[batch.1.to(.cpu)].sum().item() : Double(batch.1.size(0)) }
        }
        trainer.accumulate = options.accumulate
        trainer.clipping = options.clipNorm.map { .norm($0) }
        trainer.autocast = options.precision.dtype
        if options.precision == .float16 { trainer.scaler = GradScaler() }
        let watched = Watched.highest("accuracy")
        trainer.earlyStopping = options.earlyStop.map { EarlyStopping(watched, patience: $0) }
        if options.keep != .last { trainer.keepBest = watched }
        if let decay = options.ema {
            trainer.average(model, into: AveragedModel(model, average: Recipe.average(decay), useBuffers: true))
        }
    }

    /// An exponential average whose decay grows to `decay` from n + 1 of n + 10, so that a short run's average forgets the random start. timm:
    /// `ModelEmaV3(use_warmup=True)`, TensorFlow: `ExponentialMovingAverage(num_updates=)`.
    private static func average(_ decay: Double) -> AveragedModel<Module>.Average {
        .custom { average, value, count in
            let kept = min(decay, Double(1 + count) / Double(10 + count))
            return average * kept + value * (1 - kept)
        }
    }

    /// The number of steps of an epoch.
    func steps(_ batches: Int) -> Int { (batches + options.accumulate - 1) / options.accumulate }
}
