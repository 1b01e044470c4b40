import ApusCore

/// x·Wᵀ + b: [*, inFeatures] → [*, outFeatures]. PyTorch: `nn.Linear`.
///
/// Weight and bias start uniformly distributed in ±1/√inFeatures.
public class Linear: Module, DeclaredModule {
    /// Features of the input; 0 for a lazy layer before its first input.
    public final fileprivate(set) var inFeatures: Int
    /// Features of the output.
    public final let outFeatures: Int
    /// [outFeatures, inFeatures]
    @exclusivity(unchecked) public final var weight: Parameter {
        didSet { weight = assigned("weight", weight, for: oldValue) }
    }
    /// [outFeatures]; nil without a bias.
    @exclusivity(unchecked) public final var bias: Parameter? {
        didSet { bias = assigned("bias", bias, for: oldValue, shape: [outFeatures]) }
    }

    /// Arguments, order and defaults of PyTorch's `nn.Linear`.
    public init(_ inFeatures: Int, _ outFeatures: Int, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32) {
        self.inFeatures = inFeatures
        self.outFeatures = outFeatures
        weight = parameter("Linear", ["outFeatures": outFeatures, "inFeatures": inFeatures], from: 0, device, dtype)
        self.bias = bias ? parameter("Linear", ["outFeatures": outFeatures], from: 0, device, dtype) : nil
        super.init()
        resetParameters()
    }

    /// Without the number of input features, which the first input sets.
    fileprivate init(lazy outFeatures: Int, bias: Bool, device: Device, dtype: DType) {
        inFeatures = 0
        self.outFeatures = outFeatures
        if outFeatures < 0 || outFeatures > Int(Int32.max) {
            fail("LazyLinear", "outFeatures must be from 0 to \(Int32.max), it is \(outFeatures)")
        }
        if !dtype.isFloatingPoint { fail("LazyLinear", "parameters can only be floating-point numbers, not \(dtype)") }
        weight = Parameter(Tensor.empty([0], dtype: dtype.isFloatingPoint ? dtype : .float32, device: device))
        self.bias = bias ? Parameter(Tensor.empty([0], dtype: weight.dtype, device: device)) : nil
        super.init()
    }

    /// Draws weight and bias again. PyTorch: `reset_parameters()`.
    public final func resetParameters() {
        let bound = inFeatures > 0 ? 1 / Double(inFeatures).squareRoot() : 0
        Init.uniform_(weight, a: -bound, b: bound)
        if let bias { Init.uniform_(bias, a: -bound, b: bound) }
    }

    public override func forward(_ x: Tensor) -> Tensor { F.linear(x, weight, bias) }
    public override var extraRepr: String { shown(Linear.arguments.declared) }

    class var arguments: ModuleConstructor {
        Signature(
            .int("in_features").shown, .int("out_features").shown, .bool("bias", true).shown, .device, .dtype
        ).makes(Linear.init)
    }
}

/// `Linear` that takes the number of input features from the last extent of its first input. Weight and bias are empty until then;
/// afterwards it prints as `Linear`. PyTorch: `nn.LazyLinear`.
public final class LazyLinear: Linear {
    /// Whether weight and bias are still empty, before the first input.
    public private(set) var isLazy = true

    /// As `Linear`, without the number of input features.
    public init(_ outFeatures: Int, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32) {
        super.init(lazy: outFeatures, bias: bias, device: device, dtype: dtype)
    }

    public override var typeName: String { isLazy ? "LazyLinear" : "Linear" }

    public override func forward(_ x: Tensor) -> Tensor {
        if isLazy && !x.isPoisoned {
            guard x.ndim > 0 else { return fail("LazyLinear", "a scalar input does not say how many features there are") }
            materialize(channels: x.shape[-1])
            if weight.isPoisoned { return weight }
        }
        return super.forward(x)
    }

    override class var arguments: ModuleConstructor {
        Signature(.int("out_features"), .bool("bias", true), .device, .dtype).makes(LazyLinear.init)
    }
}

extension LazyLinear: LazyModule {
    func channels(_ key: String, _ shape: Shape) -> Int? { key == "weight" && shape.count == 2 ? shape[1] : nil }
    func shape(_ key: String, channels: Int) -> Shape { key == "weight" ? [outFeatures, channels] : [outFeatures] }

    func materialize(channels: Int) {
        inFeatures = channels
        noGrad {
            weight.setData(Tensor.empty([outFeatures, channels], dtype: weight.dtype, device: weight.device))
            bias?.setData(Tensor.empty([outFeatures], dtype: weight.dtype, device: weight.device))
        }
        isLazy = false
        withoutNotingDraws { resetParameters() }
    }
}

/// y_o = Σ_ij x1_i·W_oij·x2_j + b_o: [*, in1Features] and [*, in2Features] → [*, outFeatures]. PyTorch: `nn.Bilinear`.
///
/// Weight and bias start uniformly distributed in ±1/√in1Features.
public final class Bilinear: Module, DeclaredModule {
    /// Features of the first input.
    public let in1Features: Int
    /// Features of the second input.
    public let in2Features: Int
    /// Features of the output.
    public let outFeatures: Int
    /// [outFeatures, in1Features, in2Features]
    @exclusivity(unchecked) public var weight: Parameter {
        didSet { weight = assigned("weight", weight, for: oldValue) }
    }
    /// [outFeatures]; nil without a bias.
    @exclusivity(unchecked) public var bias: Parameter? {
        didSet { bias = assigned("bias", bias, for: oldValue, shape: [outFeatures]) }
    }

    /// Arguments, order and defaults of PyTorch's `nn.Bilinear`.
    public init(
        _ in1Features: Int, _ in2Features: Int, _ outFeatures: Int, bias: Bool = true, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.in1Features = in1Features
        self.in2Features = in2Features
        self.outFeatures = outFeatures
        weight = parameter("Bilinear", ["outFeatures": outFeatures, "in1Features": in1Features, "in2Features": in2Features], device, dtype)
        self.bias = bias ? parameter("Bilinear", ["outFeatures": outFeatures], device, dtype) : nil
        super.init()
        resetParameters()
    }

    /// Draws weight and bias again. PyTorch: `reset_parameters()`.
    public func resetParameters() {
        let bound = 1 / Double(max(in1Features, 1)).squareRoot()
        Init.uniform_(weight, a: -bound, b: bound)
        if let bias { Init.uniform_(bias, a: -bound, b: bound) }
    }

    /// The output for a pair of inputs, [*, in1Features] and [*, in2Features].
    @discardableResult public func callAsFunction(_ input1: Tensor, _ input2: Tensor) -> Tensor {
        call(input1, input2) { F.bilinear($0, $1, weight, bias) }
    }

    @available(*, unavailable, message: "Bilinear takes two inputs: bilinear(x1, x2)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { needsOtherInputs("bilinear(x1, x2)") }

    static let arguments = Signature(
        .int("in1_features").shown, .int("in2_features").shown, .int("out_features").shown, .bool("bias", true).shown, .device, .dtype
    ).makes(Bilinear.init)
    static let inputs = Signature(.tensor("input1"), .tensor("input2")).calls { (module: Bilinear, x1, x2) in module(x1, x2) }
}

/// Cosine of the angle between two inputs along `dim`: x1·x2 / (max(‖x1‖, eps)·max(‖x2‖, eps)). PyTorch: `nn.CosineSimilarity`.
public final class CosineSimilarity: Module, DeclaredModule {
    /// The dimension of the vectors.
    public let dim: Int
    /// The lower bound of each norm.
    public let eps: Double

    /// Arguments, order and defaults of PyTorch's `nn.CosineSimilarity`.
    public init(dim: Int = 1, eps: Double = 1e-8) {
        self.dim = dim
        self.eps = eps
        super.init()
    }

    /// The similarity of `x1` and `x2`.
    @discardableResult public func callAsFunction(_ x1: Tensor, _ x2: Tensor) -> Tensor {
        call(x1, x2) { F.cosineSimilarity($0, $1, dim: dim, eps: eps) }
    }

    @available(*, unavailable, message: "CosineSimilarity takes two inputs: similarity(x1, x2)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { needsOtherInputs("similarity(x1, x2)") }

    static let arguments = Signature(.int("dim", 1), .double("eps", 1e-8)).makes(CosineSimilarity.init)
    static let inputs = Signature(.tensor("x1"), .tensor("x2")).calls { (module: CosineSimilarity, x1, x2) in module(x1, x2) }
}

/// ‖x1 − x2 + eps‖ₚ along the last dimension. PyTorch: `nn.PairwiseDistance`.
public final class PairwiseDistance: Module, DeclaredModule {
    /// p in the formula.
    public let p: Double
    /// Added to each difference, so that the distance has a derivative at 0.
    public let eps: Double
    /// Whether the dimension stays, with extent 1.
    public let keepDim: Bool

    /// Arguments, order and defaults of PyTorch's `nn.PairwiseDistance`.
    public init(_ p: Double = 2, eps: Double = 1e-6, keepDim: Bool = false) {
        self.p = p
        self.eps = eps
        self.keepDim = keepDim
        super.init()
    }

    /// The distance of `x1` and `x2`.
    @discardableResult public func callAsFunction(_ x1: Tensor, _ x2: Tensor) -> Tensor {
        call(x1, x2) { F.pairwiseDistance($0, $1, p: p, eps: eps, keepDim: keepDim) }
    }

    @available(*, unavailable, message: "PairwiseDistance takes two inputs: distance(x1, x2)")
    public override func callAsFunction(_ x: Tensor) -> Tensor { needsOtherInputs("distance(x1, x2)") }

    static let arguments = Signature(.double("p", 2), .double("eps", 1e-6), .bool("keepdim", false)).makes(
        PairwiseDistance.init(_:eps:keepDim:))
    static let inputs = Signature(.tensor("x1"), .tensor("x2")).calls { (module: PairwiseDistance, x1, x2) in module(x1, x2) }
}
