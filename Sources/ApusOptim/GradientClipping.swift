import ApusCore

/// Scales all gradients so that their norm, as of one long vector, is at most `maxNorm`. Returns the norm before. PyTorch: `nn.utils.clip_grad_norm_`.
///
/// total = ‖(‖g₁‖ₚ, ‖g₂‖ₚ, …)‖ₚ, g ← g·min(maxNorm/(total + 10⁻⁶), 1), with p = `normType` (`.infinity` is the largest absolute value).
/// With `errorIfNonfinite` a total that is NaN or infinite traps.
@discardableResult public func clipGradNorm_(_ parameters: [Tensor], maxNorm: Double, normType: Double = 2, errorIfNonfinite: Bool = false) -> Tensor {
    noGrad {
        let grads = parameters.compactMap(\.grad)
        guard let first = grads.first else { return Tensor.zeros([]) }
        let norms = grads.map { $0.norm(p: normType).to(first.device) }
        let total = Tensor.stack(norms).norm(p: normType)
        if errorIfNonfinite && !total.isfinite().item(Bool.self) {
            return fail("clipGradNorm_", "the total norm of order \(normType) of the gradients is \(total.item()), so they cannot be clipped; "
                + "errorIfNonfinite: false scales them all the same")
        }
        let factor = (maxNorm / (total + 1e-6)).clamp(max: 1)
        for grad in grads { grad.detach().mul_(factor.to(grad.device)) }
        return total
    }
}

/// Clamps every element of all gradients to −`clipValue` … `clipValue`. PyTorch: `nn.utils.clip_grad_value_`.
public func clipGradValue_(_ parameters: [Tensor], clipValue: Double) {
    noGrad {
        for grad in parameters.compactMap(\.grad) { grad.detach().clamp_(min: -clipValue, max: clipValue) }
    }
}
