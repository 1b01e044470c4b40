import ApusCore

/// A running average of a model's parameters: their mean (stochastic weight averaging; Izmailov et al., 2018), or an exponential one.
/// PyTorch: `swa_utils.AveragedModel`, with its state keys (`module.…`, `n_averaged`).
///
/// ```swift
/// let averaged = AveragedModel(model, average: .exponential(decay: 0.999))
/// // after each step of the optimizer:
/// averaged.updateParameters(model)
/// // for evaluation:
/// averaged.module(x)
/// ```
public final class AveragedModel<Averaged: Module>: Module {
    /// What becomes of an average when another value comes.
    public enum Average {
        /// The mean of all: a ← a + (p − a)/(n + 1).
        case mean
        /// a ← decay·a + (1 − decay)·p. PyTorch: `get_ema_avg_fn`.
        case exponential(decay: Double)
        /// From the average, the new value and how many came before. PyTorch: `avg_fn`.
        case custom((Tensor, Tensor, Int) -> Tensor)
    }

    /// The averaged model, in the mode (training or not) of the one it was copied from.
    public let module: Averaged
    /// How many models have been averaged.
    public let nAveraged: Buffer
    @Unregistered private var average: Average
    /// Whether buffers (running statistics) are averaged too; else they are copied.
    public let useBuffers: Bool

    /// Begins with a copy of `model`. Traps on a decay outside 0 ... 1.
    public convenience init(_ model: Averaged, average: Average = .mean, useBuffers: Bool = false) {
        self.init(takingOver: model.copy(), average, useBuffers)
    }

    /// Begins with the values of `model` in `module`, another object with the same layers, that was made as `model` was. Traps where the
    /// layers differ, and on a decay outside 0 ... 1.
    public convenience init(_ model: Averaged, into module: Averaged, average: Average = .mean, useBuffers: Bool = false) {
        if module === model {
            fail("AveragedModel", "the average would be kept in the model itself; give it another object, made as the model was")
        }
        do { try module.loadStateDict(model.stateDict()) } catch {
            fail("AveragedModel", "\(error); make the other object as the model was made")
        }
        module.train(model.training)
        self.init(takingOver: module, average, useBuffers)
    }

    private init(takingOver module: Averaged, _ average: Average, _ useBuffers: Bool) {
        self.module = module
        nAveraged = Buffer(Tensor.zeros([], dtype: .int64))
        self.average = average
        self.useBuffers = useBuffers
        super.init()
        if case .exponential(let decay) = average, !(decay >= 0 && decay <= 1) {
            fail("AveragedModel", "decay must lie in 0 ... 1, it is \(decay)")
        }
    }

    public override func forward(_ x: Tensor) -> Tensor { module(x) }

    /// Takes the present parameters of `model`, which has the same layers, into the average.
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
        // Counters are averaged too, and cut to integers as they are put back.
        let (average, value) = average.dtype.isFloatingPoint ? (average, value) : (average.to(.float64), value.to(.float64))
        return switch self.average {
        case .mean: average + (value - average) / Double(count + 1)
        case .exponential(let decay): average * decay + value * (1 - decay)
        case .custom(let function): function(average, value, count)
        }
    }
}

/// Computes the running statistics of all batch normalisations anew, as means over `batches`: averaged weights need statistics of their own.
/// PyTorch: `swa_utils.update_bn`.
public func updateBN(_ batches: some Sequence<Tensor>, _ model: Module) {
    let layers = model.modules().compactMap { $0 as? BatchNorm }
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
