import ApusCore

/// Makes distances of similar pairs (1) small, of others (−1) at least `margin`. See `F.hingeEmbeddingLoss`. PyTorch:
/// `nn.HingeEmbeddingLoss`.
public final class HingeEmbeddingLoss: Loss, ComparingModule {
    /// The margin in the formula.
    public let margin: Double

    /// Arguments, order and defaults of PyTorch's `nn.HingeEmbeddingLoss`.
    public init(margin: Double = 1, reduction: Reduction = .mean) {
        self.margin = margin
        super.init(reduction: reduction)
    }

    /// The loss of `input` against `target`.
    public func callAsFunction(_ input: Tensor, _ target: Tensor) -> Tensor {
        call(input, target) { F.hingeEmbeddingLoss($0, $1, margin: margin, reduction: reduction) }
    }

    static let arguments = Signature(.double("margin", 1), .reductionAndOldNames).makes(HingeEmbeddingLoss.init)
}

/// Makes one of two inputs larger, by `margin` at least. See `F.marginRankingLoss`. PyTorch: `nn.MarginRankingLoss`.
public final class MarginRankingLoss: Loss, DeclaredModule {
    /// The margin in the formula.
    public let margin: Double

    /// Arguments, order and defaults of PyTorch's `nn.MarginRankingLoss`.
    public init(margin: Double = 0, reduction: Reduction = .mean) {
        self.margin = margin
        super.init(reduction: reduction)
    }

    /// The loss of two inputs of one shape; `target` is 1 where the first should be larger, −1 where the second should.
    public func callAsFunction(_ input1: Tensor, _ input2: Tensor, _ target: Tensor) -> Tensor {
        call(input1, input2, target) { F.marginRankingLoss($0, $1, $2, margin: margin, reduction: reduction) }
    }

    static let arguments = Signature(.double("margin", 0), .reductionAndOldNames).makes(MarginRankingLoss.init)
    static let inputs = Signature(.tensor("input1"), .tensor("input2"), .tensor("target"))
        .calls { (module: MarginRankingLoss, x1, x2, y) in module(x1, x2, y) }
}

/// Makes angles of similar pairs (1) small, of others (−1) large. See `F.cosineEmbeddingLoss`. PyTorch: `nn.CosineEmbeddingLoss`.
public final class CosineEmbeddingLoss: Loss, DeclaredModule {
    /// The margin in the formula.
    public let margin: Double

    /// Arguments, order and defaults of PyTorch's `nn.CosineEmbeddingLoss`.
    public init(margin: Double = 0, reduction: Reduction = .mean) {
        self.margin = margin
        super.init(reduction: reduction)
    }

    /// The loss of two batches of rows; `target` is 1 for similar rows, −1 for dissimilar ones.
    public func callAsFunction(_ input1: Tensor, _ input2: Tensor, _ target: Tensor) -> Tensor {
        call(input1, input2, target) { F.cosineEmbeddingLoss($0, $1, $2, margin: margin, reduction: reduction) }
    }

    static let arguments = Signature(.double("margin", 0), .reductionAndOldNames).makes(CosineEmbeddingLoss.init)
    static let inputs = Signature(.tensor("input1"), .tensor("input2"), .tensor("target"))
        .calls { (module: CosineEmbeddingLoss, x1, x2, y) in module(x1, x2, y) }
}

/// Makes the positive nearer to the anchor than the negative. See `F.tripletMarginLoss`. PyTorch: `nn.TripletMarginLoss`.
public final class TripletMarginLoss: Loss, DeclaredModule {
    /// The margin in the formula.
    public let margin: Double
    /// p in the formula.
    public let p: Double
    /// Added to each difference, so that the distance has a derivative at 0.
    public let eps: Double
    /// Whether the smaller of d(positive, negative) and d(anchor, negative) is used.
    public let swap: Bool

    /// Traps where `margin` is not positive.
    public init(margin: Double = 1, p: Double = 2, eps: Double = 1e-6, swap: Bool = false, reduction: Reduction = .mean) {
        if !(margin > 0) { fail("TripletMarginLoss", "margin must be positive, it is \(margin)") }
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap
        super.init(reduction: reduction)
    }

    /// The loss of `anchor`, which should be nearer to `positive` than to `negative`.
    public func callAsFunction(_ anchor: Tensor, _ positive: Tensor, _ negative: Tensor) -> Tensor {
        call(anchor, positive, negative) {
            F.tripletMarginLoss($0, $1, $2, margin: margin, p: p, eps: eps, swap: swap, reduction: reduction)
        }
    }

    static let arguments = Signature(
        .double("margin", 1), .double("p", 2), .double("eps", 1e-6), .bool("swap", false), .reductionAndOldNames
    )
    .makes(TripletMarginLoss.init)
    static let inputs = Signature(.tensor("anchor"), .tensor("positive"), .tensor("negative"))
        .calls { (module: TripletMarginLoss, anchor, positive, negative) in module(anchor, positive, negative) }
}

/// `TripletMarginLoss` with a custom distance. See `F.tripletMarginWithDistanceLoss`. PyTorch: `nn.TripletMarginWithDistanceLoss`.
public final class TripletMarginWithDistanceLoss: Loss, DeclaredModule {
    /// The distance between two rows.
    public let distanceFunction: (Tensor, Tensor) -> Tensor
    /// The layer for the distance where no function was given; a submodule, as in PyTorch.
    @Named("distance_function") private var measure: PairwiseDistance? = nil
    /// By how much the positive should be nearer than the negative.
    public let margin: Double
    /// Whether the smaller of d(positive, negative) and d(anchor, negative) is used.
    public let swap: Bool

    /// By default the distance is ``PairwiseDistance``: ‖a − b + 10⁻⁶‖ over the last dimension. Traps where `margin` is not positive.
    public init(
        distanceFunction: ((Tensor, Tensor) -> Tensor)? = nil, margin: Double = 1, swap: Bool = false, reduction: Reduction = .mean
    ) {
        if !(margin > 0) { fail("TripletMarginWithDistanceLoss", "margin must be positive, it is \(margin)") }
        let measure = PairwiseDistance()
        self.distanceFunction = distanceFunction ?? { measure($0, $1) }
        self.margin = margin
        self.swap = swap
        super.init(reduction: reduction)
        if distanceFunction == nil { self.measure = measure }
    }

    /// The loss of `anchor`, which should be nearer to `positive` than to `negative`.
    public func callAsFunction(_ anchor: Tensor, _ positive: Tensor, _ negative: Tensor) -> Tensor {
        call(anchor, positive, negative) {
            F.tripletMarginWithDistanceLoss(
                $0, $1, $2, distanceFunction: distanceFunction, margin: margin, swap: swap, reduction: reduction)
        }
    }

    static let arguments = Signature(
        .noneOnly("distance_function", "a function has no name here").byName, .double("margin", 1).byName, .bool("swap", false).byName,
        .reduction.byName
    ).makes { TripletMarginWithDistanceLoss(margin: $1, swap: $2, reduction: $3) }
    static let inputs = Signature(.tensor("anchor"), .tensor("positive"), .tensor("negative"))
        .calls { (module: TripletMarginWithDistanceLoss, anchor, positive, negative) in module(anchor, positive, negative) }
}
