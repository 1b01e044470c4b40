import ApusCore

/// What losses have in common: they compare an input with a target and become one number by `reduction`. PyTorch: `nn.modules.loss._Loss`.
open class Loss: Module {
    /// How many losses become one number.
    public let reduction: Reduction

    /// A loss reduced that way.
    public init(reduction: Reduction = .mean) { self.reduction = reduction }

    @available(*, unavailable, message: "a loss compares two tensors: call it with input and target, as in criterion(model(x), labels)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { forward(x) }
}

/// A loss with weights of classes or elements, which are part of its state. PyTorch: `_WeightedLoss`.
open class WeightedLoss: Loss {
    /// The weights, nil where all are 1.
    public let weight: Buffer?

    /// A loss with `weight`, reduced that way.
    public init(weight: Tensor? = nil, reduction: Reduction = .mean) {
        self.weight = weight.map { Buffer($0) }
        super.init(reduction: reduction)
    }
}
