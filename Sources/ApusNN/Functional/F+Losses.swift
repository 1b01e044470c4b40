import ApusCore
import Glibc

// Losses between real values: regression and likelihoods. Input and target must have the same shape, since a loss that broadcasts
// silently trains on the wrong pairs.

extension Tensor {
    /// The elementwise losses, reduced as `reduction` says.
    func reduced(_ reduction: Reduction) -> Tensor {
        switch reduction {
        case .none: self
        case .sum: sum()
        case .mean: mean()
        }
    }
}

/// The elementwise losses, reduced; with `weight` (of the input's shape) each is multiplied by it, and the mean is Σ w·loss / Σ w.
private func reduced(_ losses: Tensor, _ reduction: Reduction, _ weight: Tensor?) throws(OpError) -> Tensor {
    guard let weight else { return losses.reduced(reduction) }
    try checkShapes(losses, weight, names: ("input", "weight"))
    return reduction == .mean ? (losses * weight).sum() / weight.sum() : (losses * weight).reduced(reduction)
}

/// Throws unless input and target have the same shape.
func checkShapes(_ input: Tensor, _ target: Tensor, names: (String, String) = ("input", "target")) throws(OpError) {
    guard input.shape == target.shape else {
        throw OpError(
            "\(names.0) has shape \(input.shape) and \(names.1) \(target.shape); they must have the same: reshape or expand one of them")
    }
}

extension F {
    /// (input − target)², times `weight` where given; `mean` is then Σ w·loss / Σ w. PyTorch: `F.mse_loss`.
    /// Traps where the shapes, that of `weight` too, differ.
    public static func mseLoss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean, weight: Tensor? = nil) -> Tensor {
        if let weight, weight.isPoisoned { return weight }
        return composite("mseLoss", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            return try reduced((input - target).square(), reduction, weight)
        }
    }

    /// |input − target|, times `weight` where given; `mean` is then Σ w·loss / Σ w. PyTorch: `F.l1_loss`.
    /// Traps where the shapes, that of `weight` too, differ.
    public static func l1Loss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean, weight: Tensor? = nil) -> Tensor {
        if let weight, weight.isPoisoned { return weight }
        return composite("l1Loss", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            return try reduced((input - target).abs(), reduction, weight)
        }
    }

    /// With d = |input − target|: d²/(2·beta) where d < beta, else d − beta/2; beta 0 is `l1Loss`. PyTorch: `F.smooth_l1_loss`.
    /// Traps where the shapes differ or beta is negative.
    public static func smoothL1Loss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean, beta: Double = 1) -> Tensor {
        composite("smoothL1Loss", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            guard beta >= 0 else { throw OpError("beta must not be negative, it is \(beta)") }
            if beta == 0 { return l1Loss(input, target, reduction: reduction) }
            let distance = (input - target).abs()
            return Tensor.where(distance.lt(beta), distance.square() * (0.5 / beta), distance - 0.5 * beta).reduced(reduction)
        }
    }

    /// With d = |input − target|: d²/2 where d ≤ delta, else delta·(d − delta/2), times `weight` where given; `mean` is the mean of these
    /// products. PyTorch: `F.huber_loss`. Traps where the shapes, that of `weight` too, differ or delta is not positive.
    public static func huberLoss(
        _ input: Tensor, _ target: Tensor, reduction: Reduction = .mean, delta: Double = 1, weight: Tensor? = nil
    ) -> Tensor {
        composite("huberLoss", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            guard delta > 0 else { throw OpError("delta must be positive, it is \(delta)") }
            let distance = (input - target).abs()
            let losses = Tensor.where(distance.le(delta), distance.square() * 0.5, (distance - 0.5 * delta) * delta)
            guard let weight else { return losses.reduced(reduction) }
            try checkShapes(input, weight, names: ("input", "weight"))
            return (losses * weight).reduced(reduction)
        }
    }

    /// How `klDiv` is reduced.
    public enum KLDivReduction: String, Sendable, CaseIterable {
        /// The mean over all elements, which is not the divergence's definition.
        case mean
        /// The sum: the divergence, summed over the batch.
        case sum
        /// No reduction.
        case none
        /// The sum divided by the batch size (dimension 0): the mean divergence of a sample.
        case batchmean
    }

    /// The terms target·(log target − input) of the Kullback-Leibler divergence KL(target ‖ exp input): `input` holds log-probabilities,
    /// with `logTarget` the target too. PyTorch: `F.kl_div`. Traps where the shapes differ.
    public static func klDiv(_ input: Tensor, _ target: Tensor, reduction: KLDivReduction = .mean, logTarget: Bool = false) -> Tensor {
        composite("klDiv", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            let losses: Tensor
            if logTarget {
                losses = target.exp() * (target - input)
            } else {
                // 0·log 0 is 0 here, in the derivative too.
                losses = target * target.maskedFill(target.eq(0), 1).log() - target * input
            }
            switch reduction {
            case .mean: return losses.mean()
            case .sum: return losses.sum()
            case .none: return losses
            case .batchmean: return input.ndim == 0 ? losses.sum() : losses.sum() / input.shape[0]
            }
        }
    }

    /// The negative log-likelihood of counts `target` under Poisson distributions with mean exp(input), or input where `logInput` is false:
    /// exp(input) − target·input, or input − target·log(input + eps). `full` adds Stirling's term of log target! for targets above 1.
    /// PyTorch: `F.poisson_nll_loss`. Traps where the shapes differ.
    public static func poissonNLLLoss(
        _ input: Tensor, _ target: Tensor, logInput: Bool = true, full: Bool = false, eps: Double = 1e-8, reduction: Reduction = .mean
    ) -> Tensor {
        composite("poissonNLLLoss", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            var losses = logInput ? input.exp() - target * input : input - target * (input + eps).log()
            if full {
                // For targets up to 1 the term is left out, and its logarithm may not exist.
                let small = target.le(1)
                let safe = target.maskedFill(small, 1)
                let stirling = safe * safe.log() - safe + (safe * (2 * Double.pi)).log() * 0.5
                losses = losses + stirling.maskedFill(small, 0)
            }
            return losses.reduced(reduction)
        }
    }

    /// The negative log-likelihood of `target` under normal distributions with mean `input` and variance `var`:
    /// (log var + (input − target)²/var)/2, var at least eps; `full` adds log(2π)/2. PyTorch: `F.gaussian_nll_loss`.
    ///
    /// var has input's shape, or lacks its last dimension, or has 1 in place of one dimension. Where a variance is below eps, the
    /// derivative by it is that at eps. Traps where shapes do not fit, a variance is negative or eps is not positive.
    public static func gaussianNLLLoss(
        _ input: Tensor, _ target: Tensor, _ var: Tensor, full: Bool = false, eps: Double = 1e-6, reduction: Reduction = .mean
    ) -> Tensor {
        composite("gaussianNLLLoss", input, target, `var`) { () throws(OpError) in
            try checkShapes(input, target)
            var variance = `var`
            if variance.shape != input.shape {
                if variance.shape == Shape(input.shape.dropLast()) {
                    variance = variance.unsqueeze(-1)
                } else {
                    let differing = zip(input.shape, variance.shape).filter { $0 != $1 }
                    guard input.ndim == variance.ndim, differing.count == 1, differing[0].1 == 1 else {
                        throw OpError(
                            "var has shape \(variance.shape), which does not fit input of shape \(input.shape): it must be the same, "
                                + "that without the last dimension, or have a 1 in place of one dimension")
                    }
                }
            }
            guard eps > 0 else { throw OpError("eps must be positive, it is \(eps)") }
            guard variance.numel == 0 || noGrad({ variance.lt(0).any().item(Bool.self) }) == false else {
                throw OpError("var has a negative entry")
            }
            // The clamp changes the value but not the derivative, as in PyTorch.
            variance = variance + noGrad { variance.clamp(min: eps) - variance }
            let losses = (variance.log() + (input - target).square() / variance) * 0.5
            return (full ? losses + 0.5 * log(2 * Double.pi) : losses).reduced(reduction)
        }
    }

    /// The same with one variance for all elements.
    public static func gaussianNLLLoss(
        _ input: Tensor, _ target: Tensor, _ var: Double, full: Bool = false, eps: Double = 1e-6, reduction: Reduction = .mean
    ) -> Tensor {
        input.isPoisoned
            ? input
            : gaussianNLLLoss(input, target, Tensor.full(like: input, `var`), full: full, eps: eps, reduction: reduction)
    }
}
