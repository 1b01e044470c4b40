import ApusCore

/// Dimensions `startDim` to `endDim` as one; by default all but the first. PyTorch: `nn.Flatten`.
public final class Flatten: Module {
    public let startDim: Int
    public let endDim: Int

    public init(startDim: Int = 1, endDim: Int = -1) {
        self.startDim = startDim
        self.endDim = endDim
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { x.flatten(startDim: startDim, endDim: endDim) }
    public override var extraRepr: String { "start_dim=\(startDim), end_dim=\(endDim)" }
}

/// Dimension `dim` as several of sizes `unflattenedSize`; one of them may be −1. PyTorch: `nn.Unflatten`.
public final class Unflatten: Module {
    public let dim: Int
    public let unflattenedSize: [Int]

    public init(_ dim: Int, _ unflattenedSize: [Int]) {
        self.dim = dim
        self.unflattenedSize = unflattenedSize
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { x.unflatten(dim, unflattenedSize) }
    public override var extraRepr: String { "dim=\(dim), unflattened_size=\(repr(unflattenedSize))" }
}
