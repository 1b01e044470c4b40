import ApusCore

/// The base class of losses, which compare an input with a target and reduce the result. PyTorch: `nn.modules.loss._Loss`.
open class Loss: Module {
    /// How the elementwise losses are reduced.
    public let reduction: Reduction

    /// A loss with that reduction.
    public init(reduction: Reduction = .mean) { self.reduction = reduction }

    @available(*, unavailable, message: "a loss compares two tensors: call it with input and target, as in criterion(model(x), labels)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { forward(x) }
}

/// A loss with weights for classes or elements, which are part of its state. PyTorch: `_WeightedLoss`.
open class WeightedLoss: Loss {
    /// The weights; nil means 1.
    public let weight: Buffer?

    /// A loss with `weight` and that reduction.
    public init(weight: Tensor? = nil, reduction: Reduction = .mean) {
        self.weight = weight.map { Buffer($0) }
        super.init(reduction: reduction)
    }
}
