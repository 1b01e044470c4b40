import ApusCore

/// The norm of `tensors` as of one long vector: ‖(‖t₁‖ₚ, ‖t₂‖ₚ, …)‖ₚ, p = `normType` (`.infinity` is the largest absolute value); 0 of none.
/// With `errorIfNonfinite` a norm that is NaN or infinite traps. PyTorch: `nn.utils.get_total_norm`.
public func totalNorm(_ tensors: [Tensor], normType: Double = 2, errorIfNonfinite: Bool = false) -> Tensor {
    noGrad {
        // Empty tensors do not change the norm, but by themselves have no largest element.
        let tensors = tensors.filter { $0.isPoisoned || $0.numel > 0 }
        guard let first = tensors.first else { return Tensor.zeros([]) }
        // The norm of half-precision tensors may overflow their dtype.
        let total = Tensor.stack(tensors.map { $0.to($0.dtype.computeType).norm(p: normType).to(first.device) }).norm(p: normType)
        if errorIfNonfinite && !total.isfinite().item(Bool.self) {
            return fail(
                "totalNorm",
                "the total norm of order \(normType) of the gradients is \(total.item()), so they cannot be clipped; "
                    + "errorIfNonfinite: false scales them all the same")
        }
        return total
    }
}

@available(*, unavailable, renamed: "totalNorm(_:normType:errorIfNonfinite:)")
public func getTotalNorm(_ tensors: [Tensor], normType: Double = 2, errorIfNonfinite: Bool = false) -> Tensor {
    totalNorm(tensors, normType: normType, errorIfNonfinite: errorIfNonfinite)
}

/// Multiplies all gradients by min(maxNorm/(totalNorm + 10⁻⁶), 1). PyTorch: `nn.utils.clip_grads_with_norm_`.
public func clipGradsWithNorm_(_ parameters: [Tensor], _ maxNorm: Double, _ totalNorm: Tensor) {
    noGrad {
        let factor = (maxNorm / (totalNorm + 1e-6)).clamp(max: 1)
        for grad in parameters.compactMap(\.grad) { grad.detach().mul_(factor.to(grad.device)) }
    }
}

/// Scales all gradients so that their norm as one long vector is at most `maxNorm`. Returns the norm before scaling.
/// PyTorch: `nn.utils.clip_grad_norm_`.
///
/// The same as `totalNorm` of the gradients and `clipGradsWithNorm_`.
@discardableResult public func clipGradNorm_(
    _ parameters: [Tensor], _ maxNorm: Double, normType: Double = 2, errorIfNonfinite: Bool = false
) -> Tensor {
    let total = totalNorm(parameters.compactMap(\.grad), normType: normType, errorIfNonfinite: errorIfNonfinite)
    if !total.isPoisoned { clipGradsWithNorm_(parameters, maxNorm, total) }
    return total
}

/// Clamps every element of all gradients to −`clipValue` … `clipValue`. PyTorch: `nn.utils.clip_grad_value_`.
public func clipGradValue_(_ parameters: [Tensor], _ clipValue: Double) {
    noGrad {
        for grad in parameters.compactMap(\.grad) { grad.detach().clamp_(min: -clipValue, max: clipValue) }
    }
}

// The same with labels.

/// `clipGradsWithNorm_` with the labels `maxNorm` and `totalNorm`.
public func clipGradsWithNorm_(_ parameters: [Tensor], maxNorm: Double, totalNorm: Tensor) {
    clipGradsWithNorm_(parameters, maxNorm, totalNorm)
}

/// `clipGradNorm_` with the label `maxNorm`.
@discardableResult public func clipGradNorm_(
    _ parameters: [Tensor], maxNorm: Double, normType: Double = 2, errorIfNonfinite: Bool = false
) -> Tensor {
    clipGradNorm_(parameters, maxNorm, normType: normType, errorIfNonfinite: errorIfNonfinite)
}

/// `clipGradValue_` with the label `clipValue`.
public func clipGradValue_(_ parameters: [Tensor], clipValue: Double) { clipGradValue_(parameters, clipValue) }
