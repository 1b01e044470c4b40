import ApusCore

/// A running average of a model's parameters: their mean (stochastic weight averaging; Izmailov et al., 2018), or an exponential average.
/// PyTorch: `swa_utils.AveragedModel`, with its state keys (`module.…`, `n_averaged`).
///
/// ```swift
/// let averaged = AveragedModel(model, average: .exponential(decay: 0.999))
/// // after each step of the optimizer:
/// averaged.updateParameters(model)
/// // for evaluation:
/// averaged(x)
/// ```
/// It keeps the averages of the model's tensors. A call runs the model with them in place of its own tensors, and in the mode
/// (``Module/train(_:)`` or ``Module/eval()``) of the average, in which a `checkpoint` within it runs again too; afterwards the model has its
/// own tensors and mode again. Model and average must therefore not be called from two threads at once, and the model's layers must stay;
/// ``init(_:into:average:useBuffers:)`` makes an average that is independent of the model.
public final class AveragedModel<Averaged: Module>: Module {
    /// How a new value p updates an average a of n values, n ≥ 1; the first value is taken as it is.
    public enum Average {
        /// The mean of all values: a ← a + (p − a)/(n + 1).
        case mean
        /// a ← decay·a + (1 − decay)·p. PyTorch: `get_ema_avg_fn`.
        case exponential(decay: Double)
        /// The function (a, p, n) → a. PyTorch: `avg_fn`.
        case custom((Tensor, Tensor, Int) -> Tensor)
    }

    /// The averages as a module: with the model's keys, its modes (training or evaluation) and its order of parameters and buffers. Called
    /// with a tensor, it computes with the averages; models with other inputs are called in ``withAverages(_:)``.
    public let module: Module
    /// What computes with the averages: the model, or the object that has taken them over, which then is `module` too.
    @Unregistered private var model: Averaged
    /// The number of models averaged so far, int64.
    public let nAveraged: Buffer
    @Unregistered private var average: Average
    /// Whether buffers (running statistics) are averaged too; otherwise they are copied.
    public let useBuffers: Bool

    /// How it averages, for checkpoints; of a function, that it is one.
    package var settingsText: String {
        let kind =
            switch average {
            case .mean: "mean"
            case .exponential(let decay): "exponential of decay \(decay)"
            case .custom: "function"
            }
        return useBuffers ? kind + ", of buffers too" : kind
    }

    /// Starts with the values of `model`, which is what computes with the averages. Traps on a decay outside 0 ... 1, and on a model with lazy
    /// layers whose shapes are not known yet.
    public convenience init(_ model: Averaged, average: Average = .mean, useBuffers: Bool = false) {
        if let lazy = model.modules().first(where: { ($0 as? any LazyModule)?.isLazy == true }) {
            fail("AveragedModel", "\(lazy.typeName) has no shapes to average yet; call the model once before")
        }
        self.init(Likeness(model), of: model, average, useBuffers)
    }

    /// Starts with the values of `model`, stored in `module`, another object with the same layers, which then computes by itself. Traps where
    /// the layers differ, and on a decay outside 0 ... 1.
    public convenience init(_ model: Averaged, into module: Averaged, average: Average = .mean, useBuffers: Bool = false) {
        if module === model {
            fail("AveragedModel", "the average would be kept in the model itself; give it another object, made as the model was")
        }
        do { try module.loadStateDict(model.stateDict()) } catch {
            fail("AveragedModel", "\(error); make the other object as the model was made")
        }
        module.train(model.training)
        self.init(module, of: module, average, useBuffers)
    }

    private init(_ module: Module, of model: Averaged, _ average: Average, _ useBuffers: Bool) {
        self.module = module
        self.model = model
        nAveraged = Buffer(Tensor.zeros([], dtype: .int64))
        self.average = average
        self.useBuffers = useBuffers
        super.init()
        if case .exponential(let decay) = average, !(decay >= 0 && decay <= 1) {
            fail("AveragedModel", "decay must lie in 0 ... 1, it is \(decay)")
        }
    }

    public override func forward(_ x: Tensor) -> Tensor { module(x) }

    /// Runs `body` with the model while the averages stand in place of its tensors: `averaged.withAverages { $0(source, target) }`.
    public func withAverages<Result>(_ body: (Averaged) throws -> Result) rethrows -> Result {
        guard let likeness = module as? Likeness else { return try body(model) }
        return try likeness.withLayers { _ in try body(model) }
    }

    /// Updates the average with the current parameters of `model`, which has the same layers; its buffers are averaged with `useBuffers`,
    /// else copied. Traps where the numbers of tensors differ.
    public func updateParameters(_ model: Averaged) {
        noGrad {
            let count = nAveraged.item(Int.self)
            func take(_ own: [Tensor], _ others: [Tensor], averaging: Bool) {
                guard own.count == others.count else {
                    fail("AveragedModel.updateParameters", "the model has \(others.count) tensors, the averaged one \(own.count)")
                    return
                }
                for (mine, other) in zip(own, others) {
                    let value = other.detach().to(mine.device)
                    mine.detach().copy_(count == 0 || !averaging ? value : combined(mine.detach(), value, count))
                }
            }
            take(module.parameters(), model.parameters(), averaging: true)
            take(module.buffers(), model.buffers(), averaging: useBuffers)
            nAveraged.add_(1)
        }
    }

    private func combined(_ average: Tensor, _ value: Tensor, _ count: Int) -> Tensor {
        // Integer buffers (counters) are averaged in float64 and truncated when they are written back.
        let (average, value) = average.dtype.isFloatingPoint ? (average, value) : (average.to(.float64), value.to(.float64))
        return switch self.average {
        case .mean: average + (value - average) / Double(count + 1)
        case .exponential(let decay): average * decay + value * (1 - decay)
        case .custom(let function): function(average, value, count)
        }
    }
}

/// Recomputes the running statistics of all batch normalisations as means over `batches`, since averaged weights need other statistics.
/// Runs the model in training mode and without a graph, and then puts all of it into the mode that it had.
/// PyTorch: `swa_utils.update_bn`.
public func updateBN(_ batches: some Sequence<Tensor>, _ model: Module) {
    let averages = model.modules().compactMap { $0 as? Likeness }.filter(\.borrowsLayers)
    updateBN(batches, model, averages[...], layersOf: [model])
}

/// Runs inside each of `averages`, one after the other, so that the layers of all of them are among `parts`.
private func updateBN(_ batches: some Sequence<Tensor>, _ model: Module, _ averages: ArraySlice<Likeness>, layersOf parts: [Module]) {
    if let average = averages.first {
        return average.withLayers { updateBN(batches, model, averages.dropFirst(), layersOf: parts + [$0]) }
    }
    let layers = parts.flatMap { $0.modules() }.compactMap { $0 as? BatchNorm }
    guard !layers.isEmpty else { return }
    let (wasTraining, momenta) = (model.training, layers.map(\.momentum))
    for layer in layers {
        layer.resetRunningStats()
        layer.momentum = nil
    }
    model.train()
    noGrad { for batch in batches { _ = model(batch) } }
    for (layer, momentum) in zip(layers, momenta) { layer.momentum = momentum }
    model.train(wasTraining)
}
