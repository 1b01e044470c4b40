import ApusCore

extension F {
    /// −log softmax(input)[target], the cross entropy of scores with classes. PyTorch: `F.cross_entropy`.
    ///
    /// input is [N, C], [N, C, d₁, …] or [C]; target holds class indices ([N], [N, d₁, …], scalar), or probabilities in input's own shape.
    /// - `weight` [C] multiplies the loss of each class, and `mean` divides by the sum of the targets' weights
    ///   (by N·d₁·… for probabilities).
    /// - Targets equal to `ignoreIndex` are ignored; the mean over none is NaN. With probabilities, an `ignoreIndex` of 0 or more traps.
    /// - `labelSmoothing` ε mixes targets with the uniform distribution: (1 − ε)·target + ε/C.
    ///
    /// Traps where the shapes do not fit, or a label is neither in `0 ..< C` nor `ignoreIndex`; the message names label and place.
    public static func crossEntropy(
        _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean,
        labelSmoothing: Double = 0
    ) -> Tensor {
        composite("crossEntropy", .float32, input, target) { (input, target) throws(OpError) in
            guard labelSmoothing >= 0 && labelSmoothing <= 1 else {
                throw OpError("labelSmoothing must lie in 0 ... 1, it is \(labelSmoothing)")
            }
            let scores = try Classes(input, target: target, weight: weight)
            if target.shape == input.shape && target.dtype.isFloatingPoint {
                guard ignoreIndex < 0 else {
                    throw OpError(
                        "ignoreIndex \(ignoreIndex) has no meaning where target holds probabilities; give such places a target of zeros")
                }
                let losses = scores.probabilityLosses(target, weight: weight, smoothing: labelSmoothing)
                switch reduction {
                case .none: return losses
                case .sum: return losses.sum()
                case .mean: return losses.sum() / losses.numel
                }
            }
            try scores.checkLabels(target)
            let (x, y) = (scores.batched, scores.isBatched ? target : target.reshape([1]))
            let hard = try x.crossEntropy(labels: y, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction)
            var result = hard
            if labelSmoothing > 0 {
                let soft = try F.smoothed(x.logSoftmax(dim: 1), y, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction)
                result = hard * (1 - labelSmoothing) + soft * (labelSmoothing / Double(x.shape[1]))
            }
            return scores.isBatched || reduction != .none ? result : result.reshape([])
        }
    }

    /// The term of label smoothing: −Σ over classes of weight·logp where the target is not ignored, reduced like the loss itself.
    private static func smoothed(
        _ logp: Tensor, _ target: Tensor, weight: Tensor?, ignoreIndex: Int, reduction: Reduction
    ) throws(OpError) -> Tensor {
        let labels = try ClassLabels(target, classes: logp.shape[1], ignoreIndex: ignoreIndex)
        var losses = -(weight.map { logp * $0.alongClasses(of: logp) } ?? logp).sum(dim: 1)
        if let counted = labels.counted { losses = losses.maskedFill(counted.logicalNot(), 0) }
        switch reduction {
        case .none: return losses
        case .sum: return losses.sum()
        case .mean: return try labels.weights(weight, logp.dtype).sum.dividing(losses.sum())
        }
    }

    /// −input[target]·weight[target]: cross entropy of log-probabilities. PyTorch: `F.nll_loss`.
    ///
    /// Shapes, weights, ignored targets and errors as in `crossEntropy` with class indices.
    public static func nllLoss(
        _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean
    ) -> Tensor {
        composite("nllLoss", .float32, input, target) { (input, target) throws(OpError) in
            let scores = try Classes(input, target: target, weight: weight)
            try scores.checkLabels(target)
            let (x, y) = (scores.batched, scores.isBatched ? target : target.reshape([1]))
            let labels = try ClassLabels(y, classes: x.shape[1], ignoreIndex: ignoreIndex)
            let (weights, sum) = try labels.weights(weight, x.dtype)
            var losses = -x.gather(1, labels.indices.unsqueeze(1)).squeeze(1)
            if let counted = labels.counted { losses = losses.maskedFill(counted.logicalNot(), 0) }
            if let weights { losses = losses * weights }
            switch reduction {
            case .none: return scores.isBatched ? losses : losses.reshape([])
            case .sum: return losses.sum()
            case .mean: return sum.dividing(losses.sum())
            }
        }
    }

    /// Cross entropy of a linear layer's outputs: `crossEntropy(input·linearWeightᵀ + linearBias, target)`. PyTorch: `F.linear_cross_entropy`.
    ///
    /// input is [N, in] or [in]; linearWeight [C, d₁, …, in], linearBias [C, d₁, …]; target holds class indices [N, d₁, …], or
    /// probabilities [N, C, d₁, …], for which `ignoreIndex` must be nil.
    public static func linearCrossEntropy(
        _ input: Tensor, _ linearWeight: Tensor, _ target: Tensor, linearBias: Tensor? = nil, weight: Tensor? = nil,
        reduction: Reduction = .mean, ignoreIndex: Int? = nil, labelSmoothing: Double = 0
    ) -> Tensor {
        composite("linearCrossEntropy", input, linearWeight, target) { () throws(OpError) in
            guard input.ndim == 1 || input.ndim == 2 else { throw OpError("input must be [N, in] or [in], it has shape \(input.shape)") }
            guard linearWeight.ndim >= 2 else {
                throw OpError("linearWeight must have at least 2 dimensions, it has shape \(linearWeight.shape)")
            }
            let inFeatures = input.shape[-1]
            guard inFeatures == linearWeight.shape[-1] else {
                throw OpError("input \(input.shape) and linearWeight \(linearWeight.shape) must have the same last dimension")
            }
            let outputs = Array(linearWeight.shape.dropLast())
            if let linearBias, Array(linearBias.shape) != outputs {
                throw OpError("linearBias must have shape \(outputs), it has \(linearBias.shape)")
            }
            guard outputs.count == 1 || input.ndim == 2 else {
                throw OpError("linearWeight \(linearWeight.shape) needs input [N, \(inFeatures)], not \(input.shape)")
            }
            let scoreShape = Array(input.shape.dropLast()) + outputs
            if ignoreIndex != nil && target.shape == Shape(scoreShape) {
                throw OpError("ignoreIndex has no meaning where target holds probabilities")
            }
            let flat = linearWeight.reshape([-1, inFeatures])
            let scores = input.linear(flat, linearBias?.reshape([-1])).reshape(scoreShape)
            return crossEntropy(
                scores, target, weight: weight, ignoreIndex: ignoreIndex ?? -100, reduction: reduction, labelSmoothing: labelSmoothing)
        }
    }
}

/// Scores over classes, and the checks of classification losses.
private struct Classes {
    let input: Tensor
    /// Whether a batch dimension precedes the classes.
    let isBatched: Bool
    /// [N, C, …]
    let batched: Tensor

    init(_ input: Tensor, target: Tensor, weight: Tensor?) throws(OpError) {
        guard input.dtype.isFloatingPoint else { throw OpError("scores must be floating-point numbers, these are \(input.dtype)") }
        guard input.ndim > 0 else { throw OpError("scores must be [C], [N, C] or [N, C, ...], these are a scalar") }
        self.input = input
        isBatched = input.ndim > 1
        batched = isBatched ? input : input.unsqueeze(0)
        if let weight {
            guard weight.shape == [batched.shape[1]] else {
                throw OpError(
                    "weight must have one number for each of the \(batched.shape[1]) classes of \(input.shape), its shape is \(weight.shape)"
                )
            }
            guard weight.device == input.device else { throw OpError("weight is on \(weight.device), the scores are on \(input.device)") }
        }
        guard target.device == input.device else {
            throw OpError("target is on \(target.device), the scores are on \(input.device); move one with to(_:)")
        }
    }

    /// Throws unless class indices have the shape of the scores without dimension 1.
    func checkLabels(_ target: Tensor) throws(OpError) {
        var wanted = batched.shape
        wanted.remove(at: 1)
        if !isBatched && target.numel == 1 && target.ndim <= 1 { return }
        guard isBatched, target.shape == wanted else {
            throw OpError(
                "class labels for scores of shape \(input.shape) must have shape \(isBatched ? wanted : []), these have \(target.shape); "
                    + "class probabilities must be floating-point numbers of shape \(input.shape)")
        }
    }

    /// −Σ over classes of target·weight·log softmax, one for each sample and place.
    func probabilityLosses(_ target: Tensor, weight: Tensor?, smoothing: Double) -> Tensor {
        let dim = isBatched ? 1 : 0
        let logp = input.logSoftmax(dim: dim)
        var target = target
        if smoothing > 0 { target = target * (1 - smoothing) + smoothing / Double(input.shape[dim]) }
        var terms = logp * target
        if let weight { terms = terms * (isBatched ? weight.alongClasses(of: input) : weight) }
        return -terms.sum(dim: dim)
    }
}

extension Tensor {
    /// [C] as [C, 1, …], to broadcast along dimension 1 of `scores`.
    fileprivate func alongClasses(of scores: Tensor) -> Tensor {
        reshape([numel] + Array(repeating: 1, count: scores.ndim - 2))
    }
}
