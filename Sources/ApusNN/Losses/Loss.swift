import ApusCore

/// The base class of the library's losses, which compare an input with a target and reduce the result. One of your own is a ``Module`` with
/// a `callAsFunction` of two tensors. PyTorch: `nn.modules.loss._Loss`.
public class Loss: Module {
    /// How the elementwise losses are reduced.
    public let reduction: Reduction

    init(reduction: Reduction) { self.reduction = reduction }

    @available(*, unavailable, message: "a loss compares two tensors: call it with input and target, as in criterion(model(x), labels)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { forward(x) }
}

/// A loss with weights for classes or elements, which are a buffer `weight` of its state. PyTorch: `_WeightedLoss`.
public class WeightedLoss: Loss {
    /// The weights; nil means 1.
    public let weight: Buffer?

    init(weight: Tensor?, reduction: Reduction) {
        self.weight = weight.map { Buffer($0) }
        super.init(reduction: reduction)
    }
}
