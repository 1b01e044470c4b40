import ApusCore

// Losses that require some scores or distances to exceed others by a margin.

extension F {
    /// The input where the target is 1, max(0, margin − input) where it is −1: distances of similar pairs shrink, of others grow.
    /// PyTorch: `F.hinge_embedding_loss`. Traps where the shapes differ.
    public static func hingeEmbeddingLoss(_ input: Tensor, _ target: Tensor, margin: Double = 1, reduction: Reduction = .mean) -> Tensor {
        composite("hingeEmbeddingLoss", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            let zeros = Tensor.zeros(like: input)
            let apart = Tensor.where(target.ne(1), (margin - input).clamp(min: 0), zeros)
            return (apart + Tensor.where(target.ne(-1), input, zeros)).reduced(reduction)
        }
    }

    /// max(0, −target·(input1 − input2) + margin): input1 should be larger for target 1, input2 for −1. PyTorch: `F.margin_ranking_loss`.
    /// Traps where the shapes differ.
    public static func marginRankingLoss(
        _ input1: Tensor, _ input2: Tensor, _ target: Tensor, margin: Double = 0, reduction: Reduction = .mean
    ) -> Tensor {
        composite("marginRankingLoss", .float32, input1, input2, target) { (input1, input2, target) throws(OpError) in
            try checkShapes(input1, input2, names: ("input1", "input2"))
            try checkShapes(input1, target, names: ("input1", "target"))
            return (-target * (input1 - input2) + margin).clamp(min: 0).reduced(reduction)
        }
    }

    /// 1 − cos(input1, input2) where the target is 1, max(0, cos − margin) where it is −1; inputs [N, D], target [N], or [D] and a scalar.
    /// cos is x1·x2/√((‖x1‖² + 10⁻¹²)·(‖x2‖² + 10⁻¹²)). PyTorch: `F.cosine_embedding_loss`. Traps where the shapes do not fit.
    public static func cosineEmbeddingLoss(
        _ input1: Tensor, _ input2: Tensor, _ target: Tensor, margin: Double = 0, reduction: Reduction = .mean
    ) -> Tensor {
        composite("cosineEmbeddingLoss", .float32, input1, input2, target) { (input1, input2, target) throws(OpError) in
            try checkShapes(input1, input2, names: ("input1", "input2"))
            guard target.ndim <= 1, input1.ndim == target.ndim + 1, target.ndim == 0 || target.shape[0] == input1.shape[0] else {
                throw OpError(
                    "inputs of shape \(input1.shape) and target of shape \(target.shape) must be [N, D] and [N], or [D] and a scalar")
            }
            let product = (input1 * input2).sum(dim: -1)
            let squares = (input1.square().sum(dim: -1) + 1e-12) * (input2.square().sum(dim: -1) + 1e-12)
            let cosine = product / squares.sqrt()
            let zeros = Tensor.zeros(like: cosine)
            let near = Tensor.where(target.eq(1), 1 - cosine, zeros)
            return (near + Tensor.where(target.eq(-1), (cosine - margin).clamp(min: 0), zeros)).reduced(reduction)
        }
    }

    /// max(0, margin + d(anchor, positive) − d(anchor, negative)), d(a, b) = ‖a − b + eps‖ₚ over the last dimension. `swap` uses the
    /// smaller of d(positive, negative) and d(anchor, negative). PyTorch: `F.triplet_margin_loss`.
    /// Traps where the shapes differ or margin is not positive.
    public static func tripletMarginLoss(
        _ anchor: Tensor, _ positive: Tensor, _ negative: Tensor, margin: Double = 1, p: Double = 2, eps: Double = 1e-6, swap: Bool = false,
        reduction: Reduction = .mean
    ) -> Tensor {
        composite("tripletMarginLoss", .float32, anchor, positive, negative) { anchor, positive, negative in
            tripletMarginWithDistanceLoss(
                anchor, positive, negative, distanceFunction: { a, b in (a - b + eps).norm(p: p, dim: -1) }, margin: margin, swap: swap,
                reduction: reduction)
        }
    }

    /// `tripletMarginLoss` with a custom distance; by default ‖a − b + 10⁻⁶‖ over the last dimension.
    /// PyTorch: `F.triplet_margin_with_distance_loss`. Traps as `tripletMarginLoss` does.
    public static func tripletMarginWithDistanceLoss(
        _ anchor: Tensor, _ positive: Tensor, _ negative: Tensor,
        distanceFunction: (Tensor, Tensor) -> Tensor = { a, b in (a - b + 1e-6).norm(dim: -1) },
        margin: Double = 1, swap: Bool = false, reduction: Reduction = .mean
    ) -> Tensor {
        composite("tripletMarginLoss", anchor, positive, negative) { () throws(OpError) in
            guard margin > 0 else { throw OpError("margin must be positive, it is \(margin)") }
            try checkShapes(anchor, positive, names: ("anchor", "positive"))
            try checkShapes(anchor, negative, names: ("anchor", "negative"))
            var apart = distanceFunction(anchor, negative)
            if swap { apart = apart.minimum(distanceFunction(positive, negative)) }
            return (distanceFunction(anchor, positive) - apart + margin).clamp(min: 0).reduced(reduction)
        }
    }

    /// Σ_{i≠y} weight[y]·max(0, margin − x[y] + x[i])ᵖ / C for scores [N, C] with labels y [N], or [C] with a scalar; a scalar score is one
    /// class. PyTorch: `F.multi_margin_loss`. Traps where the shapes do not fit, a label is outside its classes, or p is neither 1 nor 2.
    public static func multiMarginLoss(
        _ input: Tensor, _ target: Tensor, p: Int = 1, margin: Double = 1, weight: Tensor? = nil, reduction: Reduction = .mean
    ) -> Tensor {
        composite("multiMarginLoss", .float32, input, target) { (input, target) throws(OpError) in
            guard p == 1 || p == 2 else { throw OpError("p must be 1 or 2, it is \(p)") }
            let x = try classScores(input)
            guard target.numel == x.shape[0], target.ndim <= 1 else {
                throw OpError("target must hold one label for each of \(x.shape[0]) samples, its shape is \(target.shape)")
            }
            let classes = x.shape[1]
            if let weight, weight.shape != [classes] { throw OpError("weight must have shape [\(classes)], it has \(weight.shape)") }
            let labels = try ClassLabels(target.reshape([-1]), classes: classes, ignoreIndex: -1 << 62)
            let index = labels.indices.unsqueeze(1)
            // Subtract first: a score far from zero would absorb the margin by rounding.
            var excess = (x - x.gather(1, index) + margin).relu()
            if p == 2 { excess = excess.square() }
            if let weight { excess = excess * weight.to(x.dtype).indexSelect(dim: 0, labels.indices).unsqueeze(1) }
            let own = Tensor.arange(classes, device: x.device).unsqueeze(0).eq(index)
            let losses = excess.maskedFill(own, 0).sum(dim: 1) / classes
            return (target.ndim == 0 ? losses.squeeze(0) : losses).reduced(reduction)
        }
    }

    /// For several labels per sample: Σ max(0, 1 − x[y] + x[i]) / C over the labels y and the classes i that are not labels.
    ///
    /// input is [N, C] or [C], or a scalar, which is one class; target has the same shape and lists each sample's labels, ended by −1.
    /// PyTorch: `F.multilabel_margin_loss`.
    /// Traps where the shapes differ or a label is outside its classes.
    public static func multilabelMarginLoss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
        composite("multilabelMarginLoss", .float32, input, target) { (input, target) throws(OpError) in
            if input.numel != 1 || target.numel != 1 || input.ndim > 1 || target.ndim > 1 { try checkShapes(input, target) }
            let x = try classScores(input)
            let classes = x.shape[1]
            // Entries after the first −1 are ignored.
            let raw = noGrad { target.reshape(x.shape).to(.int64) }
            let listed = noGrad { raw.eq(-1).to(.int64).cumsum(dim: 1).eq(0) }
            let labels = try ClassLabels(raw.maskedFill(listed.logicalNot(), -1), classes: classes, ignoreIndex: -1)
            let isLabel = noGrad {
                Tensor.zeros([x.shape[0], classes + 1], dtype: .int64, device: x.device)
                    .scatter(1, raw.maskedFill(listed.logicalNot(), classes), 1).narrow(1, 0, classes).to(.bool)
            }
            let excess = (x.unsqueeze(1) - x.gather(1, labels.indices).unsqueeze(2) + 1).relu()
            let counts = listed.unsqueeze(2).logicalAnd(isLabel.logicalNot().unsqueeze(1))
            let losses = excess.maskedFill(counts.logicalNot(), 0).sum(dim: [1, 2]) / classes
            return (input.ndim < 2 ? losses.squeeze(0) : losses).reduced(reduction)
        }
    }

    /// Scores as [N, C]; [C] is one sample, a scalar is one class of one sample.
    private static func classScores(_ input: Tensor) throws(OpError) -> Tensor {
        guard input.ndim <= 2, input.ndim == 0 || input.shape[-1] > 0 else {
            throw OpError("input must be [N, C] or [C] with at least one class, or a scalar, its shape is \(input.shape)")
        }
        return input.ndim == 2 ? input : input.reshape([1, -1])
    }
}
