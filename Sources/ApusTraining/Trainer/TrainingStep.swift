import ApusCore
import ApusOptim

/// One batch in a ``Trainer``. A custom step calls ``minimize(_:by:)``, which applies the trainer's settings: accumulation, loss scaling
/// and clipping.
public final class TrainingStep {
    /// The number of samples in the batch.
    public let samples: Int
    /// The weight of the batch in its update: its share of the samples of all accumulated batches, or 1.
    let weight: Double
    /// Whether the batch is the last of its update.
    let isLast: Bool
    private let scaler: GradScaler?
    private let clipping: Clipping?
    /// The optimizers that have gradients of this update.
    private(set) var begun: Set<ObjectIdentifier>
    private var seen: Set<ObjectIdentifier> = []

    init(samples: Int, weight: Double, isLast: Bool, scaler: GradScaler?, clipping: Clipping?, begun: Set<ObjectIdentifier>) {
        (self.samples, self.weight, self.isLast, self.scaler, self.clipping, self.begun) = (
            samples, weight, isLast, scaler, clipping, begun
        )
    }

    /// Whether an optimizer has been asked to take its step.
    var hasStepped: Bool { isLast && !seen.isEmpty }

    /// Computes the gradients of `loss`, a scalar, for the parameters of `optimizer` alone, and takes its step, or with accumulation takes
    /// it after the last batch of the group. Traps if it is called twice for one optimizer in a batch.
    public func minimize(_ loss: Tensor, by optimizer: Optimizer) {
        guard seen.insert(ObjectIdentifier(optimizer)).inserted else {
            fail("minimize", "is called twice for one \(type(of: optimizer)) in a batch; add the losses, and call it once")
            return
        }
        // The loss may have low precision; it is scaled in float32, as in PyTorch.
        autocast(.bfloat16, enabled: false) {
            if begun.insert(ObjectIdentifier(optimizer)).inserted { optimizer.zeroGrad() }
            var loss = loss.to(loss.dtype.computeType)
            if weight != 1 { loss = loss * weight }
            (scaler?.scale(loss) ?? loss).backward(inputs: optimizer.paramGroups.flatMap(\.parameters))
            guard isLast else { return }
            if let clipping {
                scaler?.unscale_(optimizer)
                clipping.apply(optimizer)
            }
            if let scaler { scaler.step(optimizer) } else { optimizer.step() }
        }
    }
}
