import ApusCore

// Each applies the function of `F` that has its name. Numbers are kept as they were written, so that `Softplus(beta: 2)` prints
// `beta=2` and `Softplus(beta: 2.0)` prints `beta=2.0`, as in PyTorch.

/// An activation that can take its input's memory. PyTorch's classes with `inplace`.
public class InplaceActivation: Module {
    /// Whether the output overwrites the input.
    public final let inplace: Bool

    init(inplace: Bool) {
        self.inplace = inplace
        super.init()
    }

    static let signature = Signature(.bool("inplace", false).shownUnlessDefault)
}

/// max(x, 0). PyTorch: `nn.ReLU`.
public final class ReLU: InplaceActivation, DeclaredModule {
    /// With `inplace` the output overwrites the input.
    public override init(inplace: Bool = false) { super.init(inplace: inplace) }

    public override func forward(_ x: Tensor) -> Tensor { F.relu(x, inplace: inplace) }
    static let arguments = signature.makes(ReLU.init)
}

/// min(max(x, 0), 6). PyTorch: `nn.ReLU6`.
public final class ReLU6: InplaceActivation, DeclaredModule {
    /// With `inplace` the output overwrites the input.
    public override init(inplace: Bool = false) { super.init(inplace: inplace) }

    public override func forward(_ x: Tensor) -> Tensor { F.relu6(x, inplace: inplace) }
    static let arguments = signature.makes(ReLU6.init)
}

/// scale·(x > 0 ? x : α(eˣ − 1)) with scale 1.0507… and α 1.6733…, for self-normalising networks. PyTorch: `nn.SELU`.
public final class SELU: InplaceActivation, DeclaredModule {
    /// With `inplace` the output overwrites the input.
    public override init(inplace: Bool = false) { super.init(inplace: inplace) }

    public override func forward(_ x: Tensor) -> Tensor { F.selu(x, inplace: inplace) }
    static let arguments = signature.makes(SELU.init)
}

/// x·σ(x). PyTorch: `nn.SiLU`.
public final class SiLU: InplaceActivation, DeclaredModule {
    /// With `inplace` the output overwrites the input.
    public override init(inplace: Bool = false) { super.init(inplace: inplace) }

    public override func forward(_ x: Tensor) -> Tensor { F.silu(x, inplace: inplace) }
    static let arguments = signature.makes(SiLU.init)
}

/// x·tanh(softplus x). PyTorch: `nn.Mish`.
public final class Mish: InplaceActivation, DeclaredModule {
    /// With `inplace` the output overwrites the input.
    public override init(inplace: Bool = false) { super.init(inplace: inplace) }

    public override func forward(_ x: Tensor) -> Tensor { F.mish(x, inplace: inplace) }
    static let arguments = signature.makes(Mish.init)
}

/// x·min(max(x + 3, 0), 6)/6. PyTorch: `nn.Hardswish`.
public final class Hardswish: InplaceActivation, DeclaredModule {
    /// With `inplace` the output overwrites the input.
    public override init(inplace: Bool = false) { super.init(inplace: inplace) }

    public override func forward(_ x: Tensor) -> Tensor { F.hardswish(x, inplace: inplace) }
    public override var extraRepr: String { "" }
    static let arguments = signature.makes(Hardswish.init)
}

/// min(max(x + 3, 0), 6)/6. PyTorch: `nn.Hardsigmoid`.
public final class Hardsigmoid: InplaceActivation, DeclaredModule {
    /// With `inplace` the output overwrites the input.
    public override init(inplace: Bool = false) { super.init(inplace: inplace) }

    public override func forward(_ x: Tensor) -> Tensor { F.hardsigmoid(x, inplace: inplace) }
    public override var extraRepr: String { "" }
    static let arguments = signature.makes(Hardsigmoid.init)
}

/// x > 0 ? x : slope·x. PyTorch: `nn.LeakyReLU`.
public final class LeakyReLU: InplaceActivation, DeclaredModule {
    /// The slope below zero.
    public let negativeSlope: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.LeakyReLU`.
    public init<Slope: ScalarConvertible>(_ negativeSlope: Slope = 0.01, inplace: Bool = false) {
        self.negativeSlope = negativeSlope._scalar
        super.init(inplace: inplace)
    }

    /// The same with PyTorch's name of the argument.
    public convenience init(negativeSlope: some ScalarConvertible, inplace: Bool = false) { self.init(negativeSlope, inplace: inplace) }

    public override func forward(_ x: Tensor) -> Tensor { F.leakyRelu(x, negativeSlope: negativeSlope.doubleValue, inplace: inplace) }
    static let arguments = Signature(.number("negative_slope", 0.01).shown, .bool("inplace", false).shownUnlessDefault).makes {
        LeakyReLU($0, inplace: $1)
    }
}

/// x > 0 ? x : α(eˣ − 1). PyTorch: `nn.ELU`.
public final class ELU: InplaceActivation, DeclaredModule {
    /// α in the formula.
    public let alpha: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.ELU`.
    public init<Alpha: ScalarConvertible>(alpha: Alpha = 1.0, inplace: Bool = false) {
        self.alpha = alpha._scalar
        super.init(inplace: inplace)
    }

    public override func forward(_ x: Tensor) -> Tensor { F.elu(x, alpha: alpha.doubleValue, inplace: inplace) }
    static let arguments = Signature(.number("alpha", 1.0).shown, .bool("inplace", false).shownUnlessDefault).makes(
        ELU.init(alpha:inplace:))
}

/// x > 0 ? x : α(e^(x/α) − 1). PyTorch: `nn.CELU`.
public final class CELU: InplaceActivation, DeclaredModule {
    /// α in the formula.
    public let alpha: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.CELU`.
    public init<Alpha: ScalarConvertible>(alpha: Alpha = 1.0, inplace: Bool = false) {
        self.alpha = alpha._scalar
        super.init(inplace: inplace)
    }

    public override func forward(_ x: Tensor) -> Tensor { F.celu(x, alpha: alpha.doubleValue, inplace: inplace) }
    static let arguments = Signature(.number("alpha", 1.0).shown, .bool("inplace", false).shownUnlessDefault).makes(
        CELU.init(alpha:inplace:))
}

/// x·Φ(x), with Φ the normal distribution function. PyTorch: `nn.GELU`.
public final class GELU: Module, DeclaredModule {
    /// How Φ is computed: `.none` by the error function, `.tanh` approximately.
    public let approximate: GELUApproximation

    /// Arguments, order and defaults of PyTorch's `nn.GELU`.
    public init(approximate: GELUApproximation = .none) {
        self.approximate = approximate
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { F.gelu(x, approximate: approximate) }
    static let arguments = Signature(.choice("approximate", GELUApproximation.none).shown).makes(GELU.init)
}

/// 1/(1 + e⁻ˣ). PyTorch: `nn.Sigmoid`.
public final class Sigmoid: Module, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.sigmoid(x) }
    static let arguments = Signature().makes(Sigmoid.init)
}

/// tanh x. PyTorch: `nn.Tanh`.
public final class Tanh: Module, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.tanh(x) }
    static let arguments = Signature().makes(Tanh.init)
}

/// ln σ(x). PyTorch: `nn.LogSigmoid`.
public final class LogSigmoid: Module, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.logsigmoid(x) }
    static let arguments = Signature().makes(LogSigmoid.init)
}

/// x/(1 + |x|). PyTorch: `nn.Softsign`.
public final class Softsign: Module, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.softsign(x) }
    static let arguments = Signature().makes(Softsign.init)
}

/// x − tanh x. PyTorch: `nn.Tanhshrink`.
public final class Tanhshrink: Module, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.tanhshrink(x) }
    static let arguments = Signature().makes(Tanhshrink.init)
}

/// ln(1 + e^(βx))/β, and x itself where βx > threshold. PyTorch: `nn.Softplus`.
public final class Softplus: Module, DeclaredModule {
    /// β in the formula.
    public let beta: Scalar
    /// Where βx is greater, the output is x.
    public let threshold: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.Softplus`.
    public init<Beta: ScalarConvertible, Threshold: ScalarConvertible>(beta: Beta = 1.0, threshold: Threshold = 20.0) {
        self.beta = beta._scalar
        self.threshold = threshold._scalar
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { F.softplus(x, beta: beta.doubleValue, threshold: threshold.doubleValue) }
    static let arguments = Signature(.number("beta", 1.0).shown, .number("threshold", 20.0).shown).makes(Softplus.init(beta:threshold:))
}

/// |x| > λ ? x : 0. PyTorch: `nn.Hardshrink`.
public final class Hardshrink: Module, DeclaredModule {
    /// λ in the formula.
    public let lambd: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.Hardshrink`.
    public init<Lambda: ScalarConvertible>(_ lambd: Lambda = 0.5) {
        self.lambd = lambd._scalar
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { F.hardshrink(x, lambd: lambd.doubleValue) }
    static let arguments = Signature(.number("lambd", 0.5).shownAsValue).makes(Hardshrink.init(_:))
}

/// x − λ for x > λ, x + λ for x < −λ, else 0. PyTorch: `nn.Softshrink`. A call traps where λ is negative.
public final class Softshrink: Module, DeclaredModule {
    /// λ in the formula.
    public let lambd: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.Softshrink`.
    public init<Lambda: ScalarConvertible>(_ lambd: Lambda = 0.5) {
        self.lambd = lambd._scalar
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { F.softshrink(x, lambd: lambd.doubleValue) }
    static let arguments = Signature(.number("lambd", 0.5).shownAsValue).makes(Softshrink.init(_:))
}

/// min(max(x, minVal), maxVal). PyTorch: `nn.Hardtanh`.
public final class Hardtanh: InplaceActivation, DeclaredModule {
    /// The lower bound.
    public let minVal: Scalar
    /// The upper bound.
    public let maxVal: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.Hardtanh`. Traps unless `maxVal` is greater than `minVal`.
    public init<Low: ScalarConvertible, High: ScalarConvertible>(_ minVal: Low = -1.0, _ maxVal: High = 1.0, inplace: Bool = false) {
        self.minVal = minVal._scalar
        self.maxVal = maxVal._scalar
        super.init(inplace: inplace)
        if self.minVal.doubleValue >= self.maxVal.doubleValue { fail("Hardtanh", "maxVal \(maxVal) must be greater than minVal \(minVal)") }
    }

    public override func forward(_ x: Tensor) -> Tensor {
        F.hardtanh(x, minVal: minVal.doubleValue, maxVal: maxVal.doubleValue, inplace: inplace)
    }
    static let arguments = Signature(
        .number("min_val", -1.0).shown, .number("max_val", 1.0).shown, .bool("inplace", false).shownUnlessDefault,
        .optionalNumber("min_value"),
        .optionalNumber("max_value")
    ).makes { least, most, inplace, oldLeast, oldMost in Hardtanh(oldLeast ?? least, oldMost ?? most, inplace: inplace) }
}

/// x > threshold ? x : value. PyTorch: `nn.Threshold`.
public final class Threshold: InplaceActivation, DeclaredModule {
    /// Where x is greater, the output is x.
    public let threshold: Scalar
    /// The output elsewhere.
    public let value: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.Threshold`.
    public init(_ threshold: some ScalarConvertible, _ value: some ScalarConvertible, inplace: Bool = false) {
        self.threshold = threshold._scalar
        self.value = value._scalar
        super.init(inplace: inplace)
    }

    public override func forward(_ x: Tensor) -> Tensor {
        F.threshold(x, threshold: threshold.doubleValue, value: value.doubleValue, inplace: inplace)
    }
    static let arguments = Signature(.number("threshold").shown, .number("value").shown, .bool("inplace", false).shownUnlessDefault).makes(
        Threshold.init)
}

/// a·σ(b), where a and b are the halves of x along `dim`. PyTorch: `nn.GLU`.
public final class GLU: Module, DeclaredModule {
    /// The dimension it works along.
    public let dim: Int

    /// Arguments, order and defaults of PyTorch's `nn.GLU`.
    public init(_ dim: Int = -1) {
        self.dim = dim
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor { F.glu(x, dim: dim) }
    static let arguments = Signature(.int("dim", -1).shown).makes(GLU.init(_:))
}

/// x > 0 ? x : w·x with a learned w for each channel, or one for all. PyTorch: `nn.PReLU`.
public final class PReLU: Module, DeclaredModule {
    /// The number of slopes: 1, or as many as the input has channels.
    public let numParameters: Int
    /// The slopes, [numParameters].
    @exclusivity(unchecked) public var weight: Parameter {
        didSet { weight = assigned("weight", weight, for: oldValue) }
    }

    /// Arguments, order and defaults of PyTorch's `nn.PReLU`.
    public init(_ numParameters: Int = 1, init start: Double = 0.25, device: Device = .cpu, dtype: DType = .float32) {
        self.numParameters = numParameters
        weight = parameter("PReLU", ["numParameters": numParameters], device, dtype)
        super.init()
        Init.constant_(weight, start)
    }

    public override func forward(_ x: Tensor) -> Tensor { F.prelu(x, weight) }
    static let arguments = Signature(.int("num_parameters", 1).shown, .double("init", 0.25), .device, .dtype).makes(
        PReLU.init(_:init:device:dtype:))
}

/// x > 0 ? x : a·x, with a random a in [lower, upper) for each element in training, else a = (lower + upper)/2. PyTorch: `nn.RReLU`.
public final class RReLU: InplaceActivation, DeclaredModule {
    /// The lower end of the slopes.
    public let lower: Scalar
    /// The upper end of the slopes.
    public let upper: Scalar

    /// Arguments, order and defaults of PyTorch's `nn.RReLU`.
    public init<Low: ScalarConvertible, High: ScalarConvertible>(_ lower: Low = 1.0 / 8, _ upper: High = 1.0 / 3, inplace: Bool = false) {
        self.lower = lower._scalar
        self.upper = upper._scalar
        super.init(inplace: inplace)
    }

    public override func forward(_ x: Tensor) -> Tensor {
        F.rrelu(x, lower: lower.doubleValue, upper: upper.doubleValue, training: training, inplace: inplace)
    }
    static let arguments = Signature(
        .number("lower", 1.0 / 8).shown, .number("upper", 1.0 / 3).shown, .bool("inplace", false).shownUnlessDefault
    ).makes(RReLU.init(_:_:inplace:))
}

/// eˣ / Σ eˣ along `dim`. PyTorch: `nn.Softmax`.
public final class Softmax: Module, DeclaredModule {
    /// The dimension it works along; nil as in `F.softmax`.
    public let dim: Int?

    /// Arguments, order and defaults of PyTorch's `nn.Softmax`.
    public init(_ dim: Int? = nil) {
        self.dim = dim
        super.init()
    }

    /// The same with PyTorch's name of the argument.
    public convenience init(dim: Int?) { self.init(dim) }

    public override func forward(_ x: Tensor) -> Tensor { F.softmax(x, dim: dim) }
    static let arguments = Signature(.optionalInt("dim").shown).makes(Softmax.init(_:))
}

/// ln softmax along `dim`. PyTorch: `nn.LogSoftmax`.
public final class LogSoftmax: Module, DeclaredModule {
    /// The dimension it works along; nil as in `F.softmax`.
    public let dim: Int?

    /// Arguments, order and defaults of PyTorch's `nn.LogSoftmax`.
    public init(_ dim: Int? = nil) {
        self.dim = dim
        super.init()
    }

    /// The same with PyTorch's name of the argument.
    public convenience init(dim: Int?) { self.init(dim) }

    public override func forward(_ x: Tensor) -> Tensor { F.logSoftmax(x, dim: dim) }
    static let arguments = Signature(.optionalInt("dim").shown).makes(LogSoftmax.init(_:))
}

/// softmax(−x) along `dim`. PyTorch: `nn.Softmin`.
public final class Softmin: Module, DeclaredModule {
    /// The dimension it works along; nil as in `F.softmax`.
    public let dim: Int?

    /// Arguments, order and defaults of PyTorch's `nn.Softmin`.
    public init(_ dim: Int? = nil) {
        self.dim = dim
        super.init()
    }

    /// The same with PyTorch's name of the argument.
    public convenience init(dim: Int?) { self.init(dim) }

    public override func forward(_ x: Tensor) -> Tensor { F.softmin(x, dim: dim) }
    static let arguments = Signature(.optionalInt("dim").shown).makes(Softmin.init(_:))
}

/// Softmax over the channels of [N, C, H, W] or [C, H, W]. PyTorch: `nn.Softmax2d`.
public final class Softmax2d: Module, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor {
        if x.isPoisoned { return x }
        guard x.ndim == 3 || x.ndim == 4 else {
            return fail("Softmax2d", "the input must be [N, C, H, W] or [C, H, W], its shape is \(x.shape)")
        }
        return F.softmax(x, dim: -3)
    }

    static let arguments = Signature().makes(Softmax2d.init)
}
