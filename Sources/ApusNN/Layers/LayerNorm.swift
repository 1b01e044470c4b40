import ApusCore

// Normalisations within one sample, which are the same in training and evaluation.

/// Normalises over the last dimensions: (x − mean)/√(var + eps)·weight + bias (Ba et al., 2016). PyTorch: `nn.LayerNorm`.
public final class LayerNorm: Module, DeclaredModule {
    /// The last extents of the input, over which mean and (biased) variance are computed.
    public let normalizedShape: Shape
    /// Added to the variance, under the root.
    public let eps: Double
    /// Whether there is a weight (and a bias).
    public let elementwiseAffine: Bool
    /// Of shape `normalizedShape`, initially 1; nil without `elementwiseAffine`.
    @exclusivity(unchecked) public var weight: Parameter? {
        didSet { weight = assigned("weight", weight, for: oldValue, shape: normalizedShape) }
    }
    /// Of shape `normalizedShape`, initially 0; nil without `elementwiseAffine` or without a bias.
    @exclusivity(unchecked) public var bias: Parameter? {
        didSet { bias = assigned("bias", bias, for: oldValue, shape: normalizedShape) }
    }

    /// `LayerNorm([32])` for inputs [*, 32].
    public init(
        _ normalizedShape: some Collection<Int>, eps: Double = 1e-5, elementwiseAffine: Bool = true, bias: Bool = true,
        device: Device = .cpu,
        dtype: DType = .float32
    ) {
        self.normalizedShape = checkedShape(Shape(normalizedShape), "LayerNorm")
        self.eps = eps
        self.elementwiseAffine = elementwiseAffine
        weight = elementwiseAffine ? Parameter(Tensor.ones(self.normalizedShape, dtype: dtype, device: device)) : nil
        self.bias = elementwiseAffine && bias ? Parameter(Tensor.zeros(self.normalizedShape, dtype: dtype, device: device)) : nil
        super.init()
    }

    /// `LayerNorm(32)` for inputs [*, 32].
    public convenience init(
        _ features: Int, eps: Double = 1e-5, elementwiseAffine: Bool = true, bias: Bool = true, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        self.init([features], eps: eps, elementwiseAffine: elementwiseAffine, bias: bias, device: device, dtype: dtype)
    }

    public override func forward(_ x: Tensor) -> Tensor { F.layerNorm(x, normalizedShape, weight: weight, bias: bias, eps: eps) }

    static let arguments = Signature(
        .shape("normalized_shape").shownAsValue, .double("eps", 1e-5).shown, .bool("elementwise_affine", true).shown,
        .bool("bias", true).shown,
        .device, .dtype
    ).makes(LayerNorm.init)
}

/// x/√(mean(x²) + eps)·weight, with the mean over the last dimensions (Zhang and Sennrich, 2019). PyTorch: `nn.RMSNorm`.
public final class RMSNorm: Module, DeclaredModule {
    /// The last extents of the input, over which the mean is computed.
    public let normalizedShape: Shape
    /// Added to the mean square, under the root; nil means the machine epsilon of the input's dtype, of float32 for half types.
    public let eps: Double?
    /// Whether there is a weight.
    public let elementwiseAffine: Bool
    /// Of shape `normalizedShape`, initially 1; nil without `elementwiseAffine`.
    @exclusivity(unchecked) public var weight: Parameter? {
        didSet { weight = assigned("weight", weight, for: oldValue, shape: normalizedShape) }
    }

    /// `RMSNorm([32])` for inputs [*, 32].
    public init(
        _ normalizedShape: some Collection<Int>, eps: Double? = nil, elementwiseAffine: Bool = true, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        self.normalizedShape = checkedShape(Shape(normalizedShape), "RMSNorm")
        self.eps = eps
        self.elementwiseAffine = elementwiseAffine
        weight = elementwiseAffine ? Parameter(Tensor.ones(self.normalizedShape, dtype: dtype, device: device)) : nil
        super.init()
    }

    /// `RMSNorm(32)` for inputs [*, 32].
    public convenience init(
        _ features: Int, eps: Double? = nil, elementwiseAffine: Bool = true, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.init([features], eps: eps, elementwiseAffine: elementwiseAffine, device: device, dtype: dtype)
    }

    public override func forward(_ x: Tensor) -> Tensor { F.rmsNorm(x, normalizedShape, weight: weight, eps: eps) }
    static let arguments = Signature(
        .shape("normalized_shape").shownAsValue, .optionalDouble("eps").shown, .bool("elementwise_affine", true).shown, .device,
        .dtype
    ).makes(RMSNorm.init)
    static let inputs = Signature(.tensor("x")).calls { (module: RMSNorm, x) in module(x) }
}

/// Normalises each group of channels of each sample (Wu and He, 2018) of [N, C, *] by its own mean and biased variance:
/// (x − mean)/√(var + eps)·weight + bias. PyTorch: `nn.GroupNorm`.
public final class GroupNorm: Module, DeclaredModule {
    /// The number of groups of channels.
    public let numGroups: Int
    /// Channels of the input.
    public let numChannels: Int
    /// Added to the variance, under the root.
    public let eps: Double
    /// Whether there is a weight (and a bias).
    public let affine: Bool
    /// [numChannels], initially 1; nil without `affine`.
    @exclusivity(unchecked) public var weight: Parameter? {
        didSet { weight = assigned("weight", weight, for: oldValue, shape: [numChannels]) }
    }
    /// [numChannels], initially 0; nil without `affine` or without a bias.
    @exclusivity(unchecked) public var bias: Parameter? {
        didSet { bias = assigned("bias", bias, for: oldValue, shape: [numChannels]) }
    }

    /// Traps unless `numGroups` divides `numChannels`.
    public init(
        _ numGroups: Int, _ numChannels: Int, eps: Double = 1e-5, affine: Bool = true, bias: Bool = true, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        var channels = numChannels
        if numGroups <= 0 || numChannels <= 0 || numChannels > Int(Int32.max) || numChannels % Swift.max(numGroups, 1) != 0 {
            fail("GroupNorm", "numChannels (\(numChannels)) must be positive and divisible by numGroups (\(numGroups))")
            channels = 1
        }
        self.numGroups = numGroups
        self.numChannels = numChannels
        self.eps = eps
        self.affine = affine
        weight = affine ? Parameter(Tensor.ones([channels], dtype: dtype, device: device)) : nil
        self.bias = affine && bias ? Parameter(Tensor.zeros([channels], dtype: dtype, device: device)) : nil
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { F.groupNorm(x, numGroups, weight: weight, bias: bias, eps: eps) }
    static let arguments = Signature(
        .int("num_groups").shownAsValue, .int("num_channels").shownAsValue, .double("eps", 1e-5).shown, .bool("affine", true).shown,
        .bool("bias", true).shown.byName, .device, .dtype
    ).makes(GroupNorm.init)
}

/// x/(k + alpha·s/size)^beta, with s the sum of the squares of `size` neighbouring channels, as far as they exist (Krizhevsky et al.,
/// 2012). For [N, C, *]; see `F.localResponseNorm`. PyTorch: `nn.LocalResponseNorm`.
public final class LocalResponseNorm: Module, DeclaredModule {
    /// The number of channels in the neighbourhood.
    public let size: Int
    /// α in the formula.
    public let alpha: Double
    /// β in the formula.
    public let beta: Double
    /// k in the formula.
    public let k: Double

    /// `size` is the number of channels in a neighbourhood.
    public init(_ size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) {
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { F.localResponseNorm(x, size, alpha: alpha, beta: beta, k: k) }
    static let arguments = Signature(
        .int("size").shownAsValue, .double("alpha", 1e-4).shown, .double("beta", 0.75).shown, .double("k", 1).shown
    ).makes(LocalResponseNorm.init)
}

/// `shape` if its extents are positive and a tensor can have it; otherwise an error, and [1].
private func checkedShape(_ shape: Shape, _ layer: String) -> Shape {
    var count = 1
    for extent in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: extent)
        guard extent > 0, !overflow, product <= Int(Int32.max) else {
            fail(layer, "normalizedShape \(shape) must have positive extents, and at most \(Int32.max) elements")
            return [1]
        }
        count = product
    }
    if shape.count == 0 {
        fail(layer, "normalizedShape is empty; name at least one dimension")
        return [1]
    }
    return shape
}
