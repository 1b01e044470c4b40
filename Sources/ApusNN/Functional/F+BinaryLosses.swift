import ApusCore

/// −(y·log x + (1 − y)·log(1 − x)), each logarithm at least −100.
///
/// Derivatives as in PyTorch: by x (x − y)/max(x(1 − x), 10⁻¹²), nonzero at x = 0 and x = 1 too; by y log(1 − x) − log x.
private struct BinaryCrossEntropy: Op {
    var name: String { "binaryCrossEntropy" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (x, y) = (inputs[0], inputs[1])
        saved.keep(x)
        saved.keep(y)
        return noGrad {
            let (logX, logRest) = BinaryCrossEntropy.logarithms(x)
            return (y - 1) * logRest - y * logX
        }
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (x, y) = (context.saved[0], context.saved[1])
        var gradY: Tensor?
        if context.needs(1) {
            let (logX, logRest) = BinaryCrossEntropy.logarithms(x)
            gradY = grad * (logRest - logX)
        }
        return [context.needs(0) ? grad * (x - y) / ((1 - x) * x).clamp(min: 1e-12) : nil, gradY]
    }

    private static func logarithms(_ x: Tensor) -> (Tensor, Tensor) { (x.log().clamp(min: -100), (1 - x).log().clamp(min: -100)) }
}

extension F {
    /// The cross entropy of probabilities `input` with `target` (0 to 1): −(y·log x + (1 − y)·log(1 − x)), times `weight` where given, which
    /// broadcasts. Logarithms are at least −100. PyTorch: `F.binary_cross_entropy`.
    ///
    /// Traps where the shapes differ, an input is outside 0 … 1, or inside `autocast`. `binaryCrossEntropyWithLogits` is the stable form for scores.
    public static func binaryCrossEntropy(_ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean) -> Tensor
    {
        composite("binaryCrossEntropy", input, target) { () throws(OpError) in
            guard autocastDType == nil else {
                throw OpError(
                    "is not safe inside autocast: sigmoid may have rounded an input to 0 or 1 in half precision; use binaryCrossEntropyWithLogits "
                        + "(BCEWithLogitsLoss) on the scores, or autocast(_, enabled: false) on float32 inputs")
            }
            try checkShapes(input, target)
            guard input.dtype.isFloatingPoint, target.dtype == input.dtype else {
                throw OpError("input and target must be floating-point tensors of one type, they are \(input.dtype) and \(target.dtype)")
            }
            guard input.numel == 0 || noGrad({ input.ge(0).logicalAnd(input.le(1)).all().item(Bool.self) }) else {
                throw OpError("all inputs must be between 0 and 1; apply sigmoid first, or use binaryCrossEntropyWithLogits")
            }
            var losses = apply(BinaryCrossEntropy(), Inputs(input, target))
            if let weight { losses = losses * (try F.spread(weight, "weight", over: losses)) }
            return losses.reduced(reduction)
        }
    }

    /// The cross entropy of sigmoid(input) with `target`, computed stably from the scores themselves:
    /// (1 − y)·x − (1 + (posWeight − 1)·y)·log sigmoid(x), times `weight` where given; both weights broadcast.
    /// PyTorch: `F.binary_cross_entropy_with_logits`. Traps where the shapes differ.
    public static func binaryCrossEntropyWithLogits(
        _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean, posWeight: Tensor? = nil
    ) -> Tensor {
        composite("binaryCrossEntropyWithLogits", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            var log = input.logSigmoid()
            if let posWeight { log = log * (1 + (try F.spread(posWeight, "posWeight", over: input) - 1) * target) }
            var losses = (1 - target) * input - log
            if let weight { losses = losses * (try F.spread(weight, "weight", over: losses)) }
            return losses.reduced(reduction)
        }
    }

    /// For several labels a sample, the mean over the classes (last dimension) of −(y·log sigmoid(x) + (1 − y)·log sigmoid(−x)),
    /// times `weight` [C] where given; input and target [N, C] or [C]. PyTorch: `F.multilabel_soft_margin_loss`. Traps where the shapes
    /// differ.
    public static func multilabelSoftMarginLoss(
        _ input: Tensor, _ target: Tensor, weight: Tensor? = nil, reduction: Reduction = .mean
    ) -> Tensor {
        composite("multilabelSoftMarginLoss", input, target) { () throws(OpError) in
            try checkShapes(input, target)
            guard input.ndim > 0 else { throw OpError("input must have a dimension of classes, it is a scalar") }
            var losses = -(target * input.logSigmoid() + (1 - target) * (-input).logSigmoid())
            if let weight { losses = losses * (try F.spread(weight, "weight", over: losses)) }
            return losses.mean(dim: -1).reduced(reduction)
        }
    }

    /// log(1 + exp(−y·x)) for targets y of 1 and −1. PyTorch: `F.soft_margin_loss`. Traps where the shapes differ.
    public static func softMarginLoss(_ input: Tensor, _ target: Tensor, reduction: Reduction = .mean) -> Tensor {
        composite("softMarginLoss", .float32, input, target) { (input, target) throws(OpError) in
            try checkShapes(input, target)
            // Above 50 softplus(z) equals z to the last bit, and exp would overflow.
            return (-(target * input)).softplus(beta: 1, threshold: 50).reduced(reduction)
        }
    }

    /// Checks that the weight broadcasts to the losses' shape, and does not enlarge it.
    private static func spread(_ weight: Tensor, _ name: String, over losses: Tensor) throws(OpError) -> Tensor {
        guard Shape.broadcast(weight.shape, losses.shape) == losses.shape else {
            throw OpError("\(name) of shape \(weight.shape) does not broadcast to input of shape \(losses.shape)")
        }
        return weight
    }
}
