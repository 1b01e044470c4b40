import ApusCore

/// A linear layer and the cross entropy of its outputs. See `F.linearCrossEntropy`. PyTorch: `nn.LinearCrossEntropyLoss`.
///
/// For inputs [N, inFeatures] and class indices [N, *outFeatures] (or probabilities [N, numClasses, *outFeatures]).
public final class LinearCrossEntropyLoss: WeightedLoss, ComparingModule {
    /// The layer that computes the scores, [N, inFeatures] → [N, numClasses·∏outFeatures].
    public var linear: Linear
    /// The number of classes.
    public let numClasses: Int
    /// The dimensions of the scores after the batch and the classes.
    public let outFeatures: [Int]
    /// The label that is ignored; nil means −100 and allows probabilities as targets.
    public let ignoreIndex: Int?
    /// The fraction of each target that is spread over all classes.
    public let labelSmoothing: Double

    /// Traps unless `weight` has one number for each class, or where `labelSmoothing` is outside 0 … 1.
    public init(
        _ inFeatures: Int, _ numClasses: Int, outFeatures: [Int] = [], bias: Bool = false, reduction: Reduction = .mean,
        weight: Tensor? = nil,
        ignoreIndex: Int? = nil, labelSmoothing: Double = 0
    ) {
        if let weight, !weight.isPoisoned, weight.shape != [numClasses] {
            fail("LinearCrossEntropyLoss", "weight must have shape [\(numClasses)], it has \(weight.shape)")
        }
        if !(labelSmoothing >= 0 && labelSmoothing <= 1) {
            fail("LinearCrossEntropyLoss", "labelSmoothing must lie in 0 ... 1, it is \(labelSmoothing)")
        }
        var scores = numClasses
        for size in outFeatures {
            let (product, overflow) = scores.multipliedReportingOverflow(by: size)
            guard size > 0, !overflow, product <= Int(Int32.max) else {
                fail(
                    "LinearCrossEntropyLoss",
                    "outFeatures \(outFeatures) must be positive, and at most \(Int32.max) together with numClasses (\(numClasses))")
                scores = 1
                break
            }
            scores = product
        }
        linear = Linear(inFeatures, scores, bias: bias)
        self.numClasses = numClasses
        self.outFeatures = outFeatures
        self.ignoreIndex = ignoreIndex
        self.labelSmoothing = labelSmoothing
        super.init(weight: weight, reduction: reduction)
    }

    // Two of the arguments are those of `linear`, which may be assigned.
    public override var extraRepr: String {
        let bias = linear.bias == nil ? "False" : "True"
        return "in_features=\(linear.inFeatures), num_classes=\(numClasses), out_features=\(repr(outFeatures)), bias=\(bias), "
            + "reduction=\(reduction.rawValue), ignore_index=\(repr(ignoreIndex)), label_smoothing=\(repr(labelSmoothing)), options=None"
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) {
            F.linearCrossEntropy(
                $0, linear.weight.reshape([numClasses] + outFeatures + [linear.inFeatures]), $1,
                linearBias: linear.bias?.reshape([numClasses] + outFeatures), weight: weight, reduction: reduction,
                ignoreIndex: ignoreIndex,
                labelSmoothing: labelSmoothing)
        }
    }

    static let arguments = Signature(
        .int("in_features"), .int("num_classes"), .ints("out_features", []).byName, .bool("bias", false).byName, .device.byName,
        .dtype.byName,
        .reduction.byName, .optionalTensor("weight").byName, .optionalInt("ignore_index").byName, .double("label_smoothing", 0).byName,
        .noneOnly("options", "there is no computation in chunks").byName
    ).makes { inputs, classes, outputs, bias, device, dtype, reduction, weight, ignored, smoothing, _ in
        LinearCrossEntropyLoss(
            inputs, classes, outFeatures: outputs, bias: bias, reduction: reduction, weight: weight, ignoreIndex: ignored,
            labelSmoothing: smoothing
        ).to(device, dtype)
    }
}
