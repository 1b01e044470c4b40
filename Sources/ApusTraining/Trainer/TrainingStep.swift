import ApusCore
import ApusOptim

/// One batch on its way through a ``Trainer``: what a step of one's own calls to make optimizers smaller a loss, with everything the trainer is
/// set to (accumulation, scaling of the loss, clipping).
public final class TrainingStep {
    /// Samples of the batch.
    public let samples: Int
    /// The share that the batch has in its update: 1, or its part of the samples of all batches that are accumulated.
    let weight: Double
    /// Whether the batch is the last of its update.
    let isLast: Bool
    private let scaler: GradScaler?
    private let clipping: Clipping?
    /// The optimizers that have gradients of this update already.
    private(set) var begun: Set<ObjectIdentifier>
    private var seen: Set<ObjectIdentifier> = []

    init(samples: Int, weight: Double, isLast: Bool, scaler: GradScaler?, clipping: Clipping?, begun: Set<ObjectIdentifier>) {
        (self.samples, self.weight, self.isLast, self.scaler, self.clipping, self.begun) = (
            samples, weight, isLast, scaler, clipping, begun
        )
    }

    /// Whether an optimizer has been told to take its step.
    var hasStepped: Bool { isLast && !seen.isEmpty }

    /// Computes the gradients of `loss`, a scalar, for the parameters of `optimizer` alone, and takes its step, after the last batch where
    /// several are accumulated. Traps where it is called twice for one optimizer in a batch.
    public func minimize(_ loss: Tensor, by optimizer: Optimizer) {
        guard seen.insert(ObjectIdentifier(optimizer)).inserted else {
            fail("minimize", "is called twice for one \(type(of: optimizer)) in a batch; add the losses, and call it once")
            return
        }
        // The loss may have been computed in few bits; it is scaled in float32, as PyTorch does.
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
