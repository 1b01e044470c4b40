import ApusCore

/// −log softmax(input)[target] for scores [N, C, …] and class indices [N, …] or class probabilities. See `F.crossEntropy`.
/// PyTorch: `nn.CrossEntropyLoss`.
public final class CrossEntropyLoss: WeightedLoss, ComparingModule {
    /// The label that is ignored.
    public let ignoreIndex: Int
    /// The fraction of each target that is spread over all classes.
    public let labelSmoothing: Double

    /// A call traps where `labelSmoothing` is outside 0 … 1.
    public init(weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean, labelSmoothing: Double = 0) {
        self.ignoreIndex = ignoreIndex
        self.labelSmoothing = labelSmoothing
        super.init(weight: weight, reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) {
            F.crossEntropy($0, $1, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction, labelSmoothing: labelSmoothing)
        }
    }

    static let arguments = Signature(
        .optionalTensor("weight"), .sizeAverage, .int("ignore_index", -100), .reduce, .reduction, .double("label_smoothing", 0)
    ).makes { (weight, average, ignored, reduce, reduction: Reduction, smoothing) in
        CrossEntropyLoss(weight: weight, ignoreIndex: ignored, reduction: reduction.overruled(average, reduce), labelSmoothing: smoothing)
    }
}

/// −input[target] for log-probabilities [N, C, …] and class indices [N, …]. See `F.nllLoss`. PyTorch: `nn.NLLLoss`.
public final class NLLLoss: WeightedLoss, ComparingModule {
    /// The label that is ignored.
    public let ignoreIndex: Int

    /// Arguments, order and defaults of PyTorch's `nn.NLLLoss`.
    public init(weight: Tensor? = nil, ignoreIndex: Int = -100, reduction: Reduction = .mean) {
        self.ignoreIndex = ignoreIndex
        super.init(weight: weight, reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.nllLoss($0, $1, weight: weight, ignoreIndex: ignoreIndex, reduction: reduction) }
    }

    static let arguments = Signature(.optionalTensor("weight"), .sizeAverage, .int("ignore_index", -100), .reduce, .reduction)
        .makes { (weight, average, ignored, reduce, reduction: Reduction) in
            NLLLoss(weight: weight, ignoreIndex: ignored, reduction: reduction.overruled(average, reduce))
        }
}

/// Wants the score of every other class at least a margin below the label's. See `F.multiMarginLoss`. PyTorch: `nn.MultiMarginLoss`.
public final class MultiMarginLoss: WeightedLoss, ComparingModule {
    /// p in the formula.
    public let p: Int
    /// The margin in the formula.
    public let margin: Double

    /// Traps where `p` is neither 1 nor 2, or `weight` has not one dimension.
    public init(p: Int = 1, margin: Double = 1, weight: Tensor? = nil, reduction: Reduction = .mean) {
        if p != 1 && p != 2 { fail("MultiMarginLoss", "p must be 1 or 2, it is \(p)") }
        if let weight, !weight.isPoisoned, weight.ndim != 1 {
            fail("MultiMarginLoss", "weight must have 1 dimension, its shape is \(weight.shape)")
        }
        self.p = p
        self.margin = margin
        super.init(weight: weight, reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.multiMarginLoss($0, $1, p: p, margin: margin, weight: weight, reduction: reduction) }
    }

    static let arguments = Signature(.int("p", 1), .double("margin", 1), .optionalTensor("weight"), .reductionAndOldNames).makes(
        MultiMarginLoss.init)
}

/// Wants the scores of the labels at least 1 above all others. See `F.multilabelMarginLoss`. PyTorch: `nn.MultiLabelMarginLoss`.
public final class MultiLabelMarginLoss: Loss, ComparingModule {
    /// A loss with that reduction.
    public override init(reduction: Reduction = .mean) { super.init(reduction: reduction) }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.multilabelMarginLoss($0, $1, reduction: reduction) }
    }

    static let arguments = Signature(.reductionAndOldNames).makes(MultiLabelMarginLoss.init)
}

/// The mean over classes of the binary cross entropy of each class's score. See `F.multilabelSoftMarginLoss`.
/// PyTorch: `nn.MultiLabelSoftMarginLoss`.
public final class MultiLabelSoftMarginLoss: WeightedLoss, ComparingModule {
    /// A loss with weights of classes, and that reduction.
    public override init(weight: Tensor? = nil, reduction: Reduction = .mean) { super.init(weight: weight, reduction: reduction) }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.multilabelSoftMarginLoss($0, $1, weight: weight, reduction: reduction) }
    }

    static let arguments = Signature(.optionalTensor("weight"), .reductionAndOldNames).makes(MultiLabelSoftMarginLoss.init)
}

/// Binary cross entropy of probabilities. See `F.binaryCrossEntropy`. PyTorch: `nn.BCELoss`.
public final class BCELoss: WeightedLoss, ComparingModule {
    /// A loss with weights of elements, and that reduction.
    public override init(weight: Tensor? = nil, reduction: Reduction = .mean) { super.init(weight: weight, reduction: reduction) }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.binaryCrossEntropy($0, $1, weight: weight, reduction: reduction) }
    }

    static let arguments = Signature(.optionalTensor("weight"), .reductionAndOldNames).makes(BCELoss.init)
}

/// Binary cross entropy of scores, numerically stable. See `F.binaryCrossEntropyWithLogits`. PyTorch: `nn.BCEWithLogitsLoss`.
public final class BCEWithLogitsLoss: WeightedLoss, ComparingModule {
    /// The weight of positive targets, which broadcasts; nil means 1.
    public let posWeight: Buffer?

    /// Arguments, order and defaults of PyTorch's `nn.BCEWithLogitsLoss`.
    public init(weight: Tensor? = nil, reduction: Reduction = .mean, posWeight: Tensor? = nil) {
        self.posWeight = posWeight.map { Buffer($0) }
        super.init(weight: weight, reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.binaryCrossEntropyWithLogits($0, $1, weight: weight, reduction: reduction, posWeight: posWeight) }
    }

    static let arguments = Signature(.optionalTensor("weight"), .reductionAndOldNames, .optionalTensor("pos_weight")).makes(
        BCEWithLogitsLoss.init)
}

/// log(1 + exp(−target·input)). See `F.softMarginLoss`. PyTorch: `nn.SoftMarginLoss`.
public final class SoftMarginLoss: Loss, ComparingModule {
    /// A loss with that reduction.
    public override init(reduction: Reduction = .mean) { super.init(reduction: reduction) }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.softMarginLoss($0, $1, reduction: reduction) }
    }

    static let arguments = Signature(.reductionAndOldNames).makes(SoftMarginLoss.init)
}

/// Connectionist temporal classification, a loss of sequences without alignment. See `F.ctcLoss`. PyTorch: `nn.CTCLoss`.
public final class CTCLoss: Loss, DeclaredModule {
    /// The class that means no label.
    public let blank: Int
    /// Whether infinite losses count as zero.
    public let zeroInfinity: Bool

    /// Arguments, order and defaults of PyTorch's `nn.CTCLoss`.
    public init(blank: Int = 0, reduction: Reduction = .mean, zeroInfinity: Bool = false) {
        self.blank = blank
        self.zeroInfinity = zeroInfinity
        super.init(reduction: reduction)
    }

    /// The loss of `logProbs` [T, N, C] or [T, C] against `targets`, whose lengths are given.
    @discardableResult public func callAsFunction(
        _ logProbs: Tensor, _ targets: Tensor, _ inputLengths: [Int], _ targetLengths: [Int]
    ) -> Tensor {
        call(logProbs, targets) {
            F.ctcLoss(
                $0, $1, inputLengths, targetLengths, blank: blank, reduction: reduction, zeroInfinity: zeroInfinity)
        }
    }

    /// The same with integer tensors for the lengths.
    @discardableResult public func callAsFunction(
        _ logProbs: Tensor, _ targets: Tensor, _ inputLengths: Tensor, _ targetLengths: Tensor
    ) -> Tensor {
        call(logProbs, targets, inputLengths, targetLengths) {
            F.ctcLoss($0, $1, $2, $3, blank: blank, reduction: reduction, zeroInfinity: zeroInfinity)
        }
    }

    /// The same with the labels `inputLengths` and `targetLengths`.
    @discardableResult public func callAsFunction(
        _ logProbs: Tensor, _ targets: Tensor, inputLengths: [Int], targetLengths: [Int]
    ) -> Tensor {
        self(logProbs, targets, inputLengths, targetLengths)
    }
    /// The same with the labels `inputLengths` and `targetLengths`.
    @discardableResult public func callAsFunction(
        _ logProbs: Tensor, _ targets: Tensor, inputLengths: Tensor, targetLengths: Tensor
    ) -> Tensor {
        self(logProbs, targets, inputLengths, targetLengths)
    }

    static let arguments = Signature(.int("blank", 0), .reduction, .bool("zero_infinity", false)).makes(CTCLoss.init)
    static let inputs = Signature(
        .tensor("log_probs"), .tensor("targets"), .integersOfListOrTensor("input_lengths"), .integersOfListOrTensor("target_lengths")
    )
    .calls { (module: CTCLoss, logProbs, targets, inputs, lengths) in
        module(logProbs, targets, inputLengths: inputs, targetLengths: lengths)
    }
}
