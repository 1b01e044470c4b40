import ApusCore

/// Joins dimensions `startDim` to `endDim` to one; by default all but the first. PyTorch: `nn.Flatten`.
public final class Flatten: Module, DeclaredModule {
    /// The first dimension that is joined.
    public let startDim: Int
    /// The last dimension that is joined.
    public let endDim: Int

    /// Arguments, order and defaults of PyTorch's `nn.Flatten`.
    public init(startDim: Int = 1, endDim: Int = -1) {
        self.startDim = startDim
        self.endDim = endDim
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { x.flatten(startDim: startDim, endDim: endDim) }
    static let arguments = Signature(.int("start_dim", 1).shown, .int("end_dim", -1).shown).makes(Flatten.init(startDim:endDim:))
}

/// Splits dimension `dim` into dimensions of `unflattenedSize`; one of them may be −1. PyTorch: `nn.Unflatten`.
public final class Unflatten: Module, DeclaredModule {
    /// The dimension that is split.
    public let dim: Int
    /// The extents that replace it.
    public let unflattenedSize: [Int]

    /// Arguments, order and defaults of PyTorch's `nn.Unflatten`.
    public init(_ dim: Int, _ unflattenedSize: some Collection<Int>) {
        self.dim = dim
        self.unflattenedSize = Array(unflattenedSize)
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { x.unflatten(dim, unflattenedSize) }
    static let arguments = Signature(.int("dim").shown, .ints("unflattened_size").shown).makes(Unflatten.init)
}
