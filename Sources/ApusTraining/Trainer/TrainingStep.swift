import ApusCore
import ApusOptim

/// One batch on its way through a ``Trainer``: what a step of one's own calls to make optimizers smaller a loss, with everything the trainer is
/// set to (accumulation, scaling of the loss, clipping).
public final class TrainingStep {
    /// Samples of the batch.
    public let samples: Int
    /// The share that the batch has in its update: 1, or its part of the samples of all batches that are accumulated.
    let weight: Double
    /// Whether the batch is the first of its update, and the last.
    let isFirst, isLast: Bool
    private let scaler: GradScaler?
    private let clipping: Clipping?
    /// Whether an optimizer has been told to take its step.
    private(set) var hasStepped = false

    init(samples: Int, weight: Double, isFirst: Bool, isLast: Bool, scaler: GradScaler?, clipping: Clipping?) {
        (self.samples, self.weight, self.isFirst, self.isLast, self.scaler, self.clipping) = (samples, weight, isFirst, isLast, scaler, clipping)
    }

    /// Computes the gradients of `loss`, a scalar, for the parameters of `optimizer` alone, and takes its step, after the last batch where
    /// several are accumulated.
    public func minimize(_ loss: Tensor, by optimizer: Optimizer) {
        // The loss may have been computed in fewer bits; what is done with it is not.
        autocast(.bfloat16, enabled: false) {
            if isFirst { optimizer.zeroGrad() }
            let part = weight == 1 ? loss : loss * weight
            (scaler?.scale(part) ?? part).backward(inputs: optimizer.paramGroups.flatMap(\.parameters))
            guard isLast else { return }
            if let clipping {
                scaler?.unscale_(optimizer)
                clipping.apply(optimizer)
            }
            if let scaler { scaler.step(optimizer) } else { optimizer.step() }
            hasStepped = true
        }
    }
}
