import ApusCore

extension ModuleTable {
    static let losses: [Entry] = [
        loss(CrossEntropyLoss.self) { a in
            let weight = try a.classWeight(), ignored = try a.int("ignore_index", -100)
            let (reduction, smoothing) = (try a.lateReduction(), try a.double("label_smoothing", 0))
            return CrossEntropyLoss(weight: weight, ignoreIndex: ignored, reduction: reduction, labelSmoothing: smoothing)
        } call: { $0($1[0], $1[1]) },
        loss(NLLLoss.self) { a in
            let weight = try a.classWeight(), ignored = try a.int("ignore_index", -100)
            return NLLLoss(weight: weight, ignoreIndex: ignored, reduction: try a.lateReduction())
        } call: { $0($1[0], $1[1]) },
        loss(LinearCrossEntropyLoss.self) { a in
            let (inputs, classes) = (try a.int("in_features"), try a.int("num_classes"))
            let (outputs, bias) = (try a.ints("out_features", []), try a.bool("bias", false))
            let (reduction, weight): (Reduction, Tensor?) = (try a.choice("reduction", .mean), try a.optionalTensor("weight"))
            let (ignored, smoothing) = (try a.optionalInt("ignore_index"), try a.double("label_smoothing", 0))
            if let options = try a.read("options") {
                guard case .none = options else { throw a.wrong("options", options, "None, since there is no computation in chunks") }
            }
            let (device, dtype) = try a.deviceAndDType()
            return LinearCrossEntropyLoss(
                inputs, classes, outFeatures: outputs, bias: bias, reduction: reduction, weight: weight, ignoreIndex: ignored, labelSmoothing: smoothing
            ).to(device, dtype)
        } call: { $0($1[0], $1[1]) },
        loss(MultiMarginLoss.self) { a in
            let (p, margin) = (try a.int("p", 1), try a.double("margin", 1))
            let weight = try a.classWeight()
            return MultiMarginLoss(p: p, margin: margin, weight: weight, reduction: try a.lateReduction())
        } call: { $0($1[0], $1[1]) },
        loss(MultiLabelSoftMarginLoss.self) { a in
            let weight = try a.classWeight()
            return MultiLabelSoftMarginLoss(weight: weight, reduction: try a.lateReduction())
        } call: { $0($1[0], $1[1]) },
        loss(BCELoss.self) { a in
            let weight = try a.classWeight()
            return BCELoss(weight: weight, reduction: try a.lateReduction())
        } call: { $0($1[0], $1[1]) },
        loss(BCEWithLogitsLoss.self) { a in
            let weight = try a.classWeight(), reduction = try a.lateReduction()
            return BCEWithLogitsLoss(weight: weight, reduction: reduction, posWeight: try a.optionalTensor("pos_weight"))
        } call: { $0($1[0], $1[1]) },
        loss(MultiLabelMarginLoss.self) { a in MultiLabelMarginLoss(reduction: try a.oldReduction()) } call: { $0($1[0], $1[1]) },
        loss(SoftMarginLoss.self) { a in SoftMarginLoss(reduction: try a.oldReduction()) } call: { $0($1[0], $1[1]) },
        loss(MSELoss.self) { a in MSELoss(reduction: try a.oldReduction()) } call: { $0($1[0], $1[1]) },
        loss(L1Loss.self) { a in L1Loss(reduction: try a.oldReduction()) } call: { $0($1[0], $1[1]) },
        loss(SmoothL1Loss.self) { a in
            let reduction = try a.oldReduction()
            return SmoothL1Loss(reduction: reduction, beta: try a.double("beta", 1))
        } call: { $0($1[0], $1[1]) },
        loss(HuberLoss.self) { a in
            let reduction: Reduction = try a.reduction()
            return HuberLoss(reduction: reduction, delta: try a.double("delta", 1))
        } call: { $0($1[0], $1[1]) },
        loss(KLDivLoss.self) { a in
            try a.sizeAverage()
            try a.reduce()
            let reduction: F.KLDivReduction = try a.reduction()
            return KLDivLoss(reduction: reduction, logTarget: try a.bool("log_target", false))
        } call: { $0($1[0], $1[1]) },
        loss(PoissonNLLLoss.self, ["log_input", "target"]) { a in
            let (log, full) = (try a.bool("log_input", true), try a.bool("full", false))
            try a.sizeAverage()
            let eps = try a.double("eps", 1e-8)
            return PoissonNLLLoss(logInput: log, full: full, eps: eps, reduction: try a.lateReduction())
        } call: { $0($1[0], $1[1]) },
        Entry("GaussianNLLLoss") { (a: inout Arguments) -> GaussianNLLLoss in
            let (full, eps) = (try a.bool("full", false), try a.double("eps", 1e-6))
            return GaussianNLLLoss(full: full, eps: eps, reduction: try a.reduction())
        } call: { module, a in
            let (input, target, variance) = (try a.tensor("input"), try a.tensor("target"), try a.read("var"))
            try a.finish()
            switch variance {
            case .tensor(let variance)?: return .tensor(module(input, target, variance))
            case .some(let value):
                guard let number = value.double else { throw a.wrong("var", value, "a tensor or a number") }
                return .tensor(module(input, target, number))
            case nil: throw a.missing("var")
            }
        },
        loss(HingeEmbeddingLoss.self) { a in
            let margin = try a.double("margin", 1)
            return HingeEmbeddingLoss(margin: margin, reduction: try a.oldReduction())
        } call: { $0($1[0], $1[1]) },
        loss(MarginRankingLoss.self, ["input1", "input2", "target"]) { a in
            let margin = try a.double("margin", 0)
            return MarginRankingLoss(margin: margin, reduction: try a.oldReduction())
        } call: { $0($1[0], $1[1], $1[2]) },
        loss(CosineEmbeddingLoss.self, ["input1", "input2", "target"]) { a in
            let margin = try a.double("margin", 0)
            return CosineEmbeddingLoss(margin: margin, reduction: try a.oldReduction())
        } call: { $0($1[0], $1[1], $1[2]) },
        loss(TripletMarginLoss.self, ["anchor", "positive", "negative"]) { a in
            let (margin, p, eps, swap) = (try a.double("margin", 1), try a.double("p", 2), try a.double("eps", 1e-6), try a.bool("swap", false))
            return TripletMarginLoss(margin: margin, p: p, eps: eps, swap: swap, reduction: try a.oldReduction())
        } call: { $0($1[0], $1[1], $1[2]) },
        loss(TripletMarginWithDistanceLoss.self, ["anchor", "positive", "negative"]) { a in
            try a.refuse("distance_function")
            let (margin, swap) = (try a.double("margin", 1), try a.bool("swap", false))
            return TripletMarginWithDistanceLoss(margin: margin, swap: swap, reduction: try a.reduction())
        } call: { $0($1[0], $1[1], $1[2]) },
        Entry("AdaptiveLogSoftmaxWithLoss") { (a: inout Arguments) -> AdaptiveLogSoftmaxWithLoss in
            let (inputs, classes, cutoffs) = (try a.int("in_features"), try a.int("n_classes"), try a.ints("cutoffs"))
            let (divisor, bias) = (try a.double("div_value", 4), try a.bool("head_bias", false))
            let (device, dtype) = try a.deviceAndDType()
            return AdaptiveLogSoftmaxWithLoss(inputs, classes, cutoffs: cutoffs, divValue: divisor, headBias: bias, device: device, dtype: dtype)
        } call: { module, a in
            let (input, target) = (try a.tensor("input_"), try a.tensor("target_"))
            try a.finish()
            let (output, loss) = module(input, target)
            return .list([.tensor(output), .tensor(loss)])
        },
        Entry("CTCLoss") { (a: inout Arguments) -> CTCLoss in
            let (blank, reduction): (Int, Reduction) = (try a.int("blank", 0), try a.reduction())
            return CTCLoss(blank: blank, reduction: reduction, zeroInfinity: try a.bool("zero_infinity", false))
        } call: { module, a in
            let (logProbs, targets) = (try a.tensor("log_probs"), try a.tensor("targets"))
            let (inputs, lengths) = (try a.lengths("input_lengths"), try a.lengths("target_lengths"))
            try a.finish()
            return .tensor(module(logProbs, targets, inputLengths: inputs, targetLengths: lengths))
        },
    ]

    /// A loss that is called with tensors of these names.
    private static func loss<Made: Module>(
        _ type: Made.Type, _ inputs: [String] = ["input", "target"], _ make: @escaping @Sendable (inout Arguments) throws -> Made,
        call: @escaping @Sendable (Made, [Tensor]) -> Tensor
    ) -> Entry {
        Entry("\(type)", make) { module, a in
            var tensors: [Tensor] = []
            for input in inputs { tensors.append(try a.tensor(input)) }
            try a.finish()
            return .tensor(call(module, tensors))
        }
    }
}

extension Arguments {
    /// An argument that has no value outside Python: it can only be None.
    fileprivate mutating func refuse(_ name: String) throws {
        guard let value = try read(name) else { return }
        guard case .none = value else { throw wrong(name, value, "None") }
    }

    /// `weight`, and `size_average` behind it.
    fileprivate mutating func classWeight() throws -> Tensor? {
        let weight = try optionalTensor("weight")
        try sizeAverage()
        return weight
    }

    /// `reduce` and `reduction`.
    fileprivate mutating func lateReduction() throws -> Reduction {
        try reduce()
        return try reduction()
    }

    /// `size_average`, `reduce` and `reduction`.
    fileprivate mutating func oldReduction() throws -> Reduction {
        try sizeAverage()
        return try lateReduction()
    }

    /// A list of integers, or an integer tensor.
    fileprivate mutating func lengths(_ name: String) throws -> [Int] {
        try read(name, nil, "a list of integers or an integer tensor") {
            if let tensor = $0.tensor { return tensor.dtype.isInteger && tensor.ndim <= 1 ? tensor.array(Int.self) : nil }
            return $0.ints
        }
    }
}
