import ApusCore
import ApusDistributed
import ApusOptim

/// One batch in a ``Trainer``. A custom step calls ``minimize(_:by:)``, which applies the trainer's settings: accumulation, loss scaling
/// and clipping.
public final class TrainingStep {
    /// The number of samples in the batch.
    public let samples: Int
    /// The weight of the batch in its update: its share of the samples of all accumulated batches, or of what the trainer weighs them by.
    let weight: Double
    /// The sum of the weights of the update's batches where it is not 1.
    private let weights: Double?
    /// Whether the batch is the last of its update.
    let isLast: Bool
    /// What sums gradients over shards; the trainer takes the step of the optimizers then, once those of all shards are there.
    private let reducer: GradientReducer?
    private let scaler: GradScaler?
    private let clipping: Clipping?
    private let dtype: DType?
    /// The optimizers that have gradients of this update.
    private(set) var begun: Set<ObjectIdentifier>
    private var seen: Set<ObjectIdentifier> = []

    init(
        samples: Int, weight: Double, of weights: Double?, isLast: Bool, reducer: GradientReducer?, scaler: GradScaler?,
        clipping: Clipping?, autocast dtype: DType?, begun: Set<ObjectIdentifier>
    ) {
        (self.samples, self.weight, self.weights, self.isLast, self.reducer) = (samples, weight, weights, isLast, reducer)
        (self.scaler, self.clipping, self.dtype, self.begun) = (scaler, clipping, dtype, begun)
    }

    /// Computes the gradients of `loss`, a scalar, for the parameters of `optimizer` alone, and takes its step, or with accumulation takes
    /// it after the last batch of the group. Where batches are cut into shards, all optimizers take their steps after the last shard.
    /// Traps if it is called twice for one optimizer in a batch, and for one that `Optimizer/needsClosure`.
    public func minimize(_ loss: Tensor, by optimizer: Optimizer) {
        guard !optimizer.needsClosure else {
            fail("minimize", "\(type(of: optimizer)) computes the loss several times: minimize(by: optimizer) { … return loss }")
            return
        }
        guard isFirst(optimizer) else { return }
        // The loss may have low precision; it is scaled in float32, as in PyTorch.
        autocast(.bfloat16, enabled: false) {
            if begun.insert(ObjectIdentifier(optimizer)).inserted { optimizer.zeroGrad() }
            var loss = loss.to(loss.dtype.computeType)
            if weight != 1 { loss = loss * weight }
            (scaler?.scale(loss) ?? loss).backward(inputs: optimizer.paramGroups.flatMap(\.parameters))
            if isLast, reducer == nil { step(optimizer) }
        }
    }

    /// The same for a loss that is computed here: once, or as often as an optimizer asks for that `Optimizer/needsClosure`, such as
    /// `LBFGS`. Its gradients are clipped each time.
    public func minimize(by optimizer: Optimizer, _ loss: () throws -> Tensor) rethrows {
        guard optimizer.needsClosure else { return minimize(try loss(), by: optimizer) }
        guard isFirst(optimizer) else { return }
        begun.insert(ObjectIdentifier(optimizer))
        try autocast(.bfloat16, enabled: false) {
            _ = try optimizer.step {
                optimizer.zeroGrad()
                let loss = if let dtype { try autocast(dtype, loss) } else { try loss() }
                let full = loss.to(loss.dtype.computeType)
                full.backward(inputs: optimizer.paramGroups.flatMap(\.parameters))
                clipping?.apply(optimizer, nil)
                return full.detach()
            }
        }
    }

    private func isFirst(_ optimizer: Optimizer) -> Bool {
        if seen.insert(ObjectIdentifier(optimizer)).inserted { return true }
        fail("minimize", "is called twice for one \(type(of: optimizer)) in a batch; add the losses, and call it once")
        return false
    }

    /// Takes the step of an optimizer whose gradients are there.
    func step(_ optimizer: Optimizer) {
        if let weights {
            if weights == 0 { fail("Trainer.weight", "the weights of all batches of a step add up to 0") }
            noGrad { for gradient in optimizer.stepped.compactMap(\.grad) { gradient.detach().mul_(1 / weights) } }
        }
        if let clipping {
            scaler?.unscale_(optimizer)
            clipping.apply(optimizer, reducer)
        }
        if let scaler { scaler.step(optimizer) } else { optimizer.step() }
    }
}
