import ApusCore

/// A softmax over many classes, grouped into clusters by frequency (Grave et al., 2017). PyTorch: `nn.AdaptiveLogSoftmaxWithLoss`.
///
/// Classes are numbered by frequency, 0 the most frequent. `head` scores the classes before `cutoffs[0]` and the clusters. Cluster i holds
/// classes cutoffs[i] ..< cutoffs[i + 1]; its classes have log-probability ln p(cluster) + ln p(class | cluster), from
/// ⌊inFeatures/divValueⁱ⁺¹⌋ features.
public final class AdaptiveLogSoftmaxWithLoss: Module, DeclaredModule {
    /// Features of the input.
    public let inFeatures: Int
    /// The number of classes.
    public let nClasses: Int
    /// The ends of the head's classes and of the clusters; the last is `nClasses`.
    public let cutoffs: [Int]
    /// The factor by which the features shrink from cluster to cluster.
    public let divValue: Double
    /// Whether the head has a bias.
    public let headBias: Bool
    /// Scores the classes before the first cutoff, then the clusters.
    public var head: Linear
    /// For each cluster, a projection followed by the scores of its classes.
    public var tail: ModuleList

    private var shortlist: Int { cutoffs[0] }

    /// Traps unless `cutoffs` ascend and lie in 1 … nClasses − 1, and `divValue` is positive.
    public init(
        _ inFeatures: Int, _ nClasses: Int, _ cutoffs: [Int], divValue: Double = 4, headBias: Bool = false, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        var isValid = true
        func check(_ holds: Bool, _ message: @autoclosure () -> String) {
            if isValid && !holds {
                fail("AdaptiveLogSoftmaxWithLoss", message())
                isValid = false
            }
        }
        check(!cutoffs.isEmpty, "cutoffs are empty; give one at least")
        check(nClasses <= Int(Int32.max), "nClasses must be at most \(Int32.max), it is \(nClasses)")
        check(
            cutoffs.first ?? 0 > 0 && cutoffs.last ?? 0 < nClasses && zip(cutoffs, cutoffs.dropFirst()).allSatisfy { $0 < $1 },
            "cutoffs \(cutoffs) must ascend and lie in 1 ... \(nClasses - 1)")
        check(inFeatures >= 0 && inFeatures <= Int(Int32.max), "inFeatures must be from 0 to \(Int32.max), it is \(inFeatures)")
        check(divValue > 0, "divValue must be positive, it is \(divValue)")
        let (features, ends) = isValid ? (inFeatures, cutoffs + [nClasses]) : (1, [1])
        self.inFeatures = inFeatures
        self.nClasses = nClasses
        self.cutoffs = ends
        self.divValue = divValue
        self.headBias = headBias
        head = Linear(features, ends[0] + ends.count - 1, bias: headBias, device: device, dtype: dtype)
        tail = ModuleList()
        super.init()
        var divisor = 1.0
        for (start, end) in zip(ends, ends.dropFirst()) {
            divisor *= divValue
            let width = Int((Double(features) / divisor).rounded(.down))
            tail.append(
                Sequential(
                    Linear(features, width, bias: false, device: device, dtype: dtype),
                    Linear(width, end - start, bias: false, device: device, dtype: dtype)))
        }
    }

    /// Draws all weights again. PyTorch: `reset_parameters()`.
    public func resetParameters() {
        for module in modules() { (module as? Linear)?.resetParameters() }
    }

    /// ln p of each target class, [N], and the mean of −ln p: `input` [N, inFeatures], `target` int64 [N]; or one sample, without N.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> (output: Tensor, loss: Tensor) {
        call(input, target) { input, target in
            let output = targetLogProb(input, target)
            return (output, output.isPoisoned ? output : -output.mean())
        }
    }

    private func targetLogProb(_ input: Tensor, _ target: Tensor) -> Tensor {
        composite(typeName, input, target) { () throws(OpError) in
            guard target.dtype == .int64 else { throw OpError("target must be int64, it is \(target.dtype)") }
            guard target.ndim <= 1, input.ndim == target.ndim + 1 else {
                throw OpError(
                    "needs inputs [N, inFeatures] and targets [N], or one of each; the shapes are \(input.shape) and \(target.shape)")
            }
            let x = target.ndim == 1 ? input : input.unsqueeze(0)
            guard x.shape[0] == target.numel else { throw OpError("there are \(x.shape[0]) inputs and \(target.numel) targets") }
            guard x.shape[1] == inFeatures else {
                throw OpError("input of shape \(input.shape) has \(x.shape[1]) features, but inFeatures is \(inFeatures)")
            }
            let classes = try target.reshape([-1]).numbers(Int.self)
            for (n, label) in classes.enumerated() where label < 0 || label >= nClasses {
                throw OpError("target \(label) at \(n) is out of range for \(nClasses) classes")
            }
            func index(_ values: [Int]) -> Tensor { Tensor(values.map(Int64.init), shape: [values.count], device: x.device) }
            // The head's output for each target: the class itself, or its cluster.
            let clusters = classes.map { label in cutoffs.firstIndex { label < $0 }! }
            let places = zip(classes, clusters).map { $1 == 0 ? $0 : shortlist + $1 - 1 }
            var output = F.logSoftmax(head(x), dim: 1).gather(1, index(places).unsqueeze(1)).squeeze(1)
            for cluster in 1..<cutoffs.count {
                let rows = classes.indices.filter { clusters[$0] == cluster }
                if rows.isEmpty { continue }
                let scores = F.logSoftmax(tail[cluster - 1](x.indexSelect(dim: 0, index(rows))), dim: 1)
                let within = index(rows.map { classes[$0] - cutoffs[cluster - 1] }).unsqueeze(1)
                output = output.indexAdd(dim: 0, index(rows), scores.gather(1, within).squeeze(1))
            }
            return target.ndim == 1 ? output : output.squeeze(0)
        }
    }

    /// ln p of every class: [N, inFeatures] → [N, nClasses]. PyTorch: `log_prob`.
    public func logProb(_ input: Tensor) -> Tensor {
        composite("\(typeName).logProb", input) { () throws(OpError) in
            guard input.ndim == 2 else { throw OpError("needs inputs [N, inFeatures], the shape is \(input.shape)") }
            let scores = F.logSoftmax(head(input), dim: 1)
            var parts = [scores.narrow(1, 0, shortlist)]
            for cluster in 0..<tail.count {
                parts.append(F.logSoftmax(tail[cluster](input), dim: 1) + scores.narrow(1, shortlist + cluster, 1))
            }
            return Tensor.cat(parts, dim: 1)
        }
    }

    /// The most probable class: [N, inFeatures] → int64 [N]. PyTorch: `predict`.
    ///
    /// Where the best score of the head is a class, that is the answer: no class of a cluster is more probable than the cluster.
    public func predict(_ input: Tensor) -> Tensor {
        composite("\(typeName).predict", input) { () throws(OpError) in
            guard input.ndim == 2 else { throw OpError("needs inputs [N, inFeatures], the shape is \(input.shape)") }
            let best = head(input).argmax(dim: 1)
            let open = best.ge(shortlist).nonzero().reshape([-1])
            if open.isPoisoned || open.numel == 0 { return best }
            let answers = logProb(input.indexSelect(dim: 0, open)).argmax(dim: 1)
            return best.scatter(0, open, answers)
        }
    }

    @available(*, unavailable, message: "AdaptiveLogSoftmaxWithLoss takes inputs and targets: let (output, loss) = criterion(x, y)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { needsOtherInputs("criterion(x, y)") }

    static let arguments = Signature(
        .int("in_features"), .int("n_classes"), .ints("cutoffs"), .double("div_value", 4), .bool("head_bias", false), .device, .dtype
    ).makes(AdaptiveLogSoftmaxWithLoss.init(_:_:_:divValue:headBias:device:dtype:))
    static let inputs = Signature(.tensor("input_"), .tensor("target_")).calls {
        (module: AdaptiveLogSoftmaxWithLoss, input, target) -> Argument in
        let (output, loss) = module(input, target)
        return .answers(output, loss)
    }
}
