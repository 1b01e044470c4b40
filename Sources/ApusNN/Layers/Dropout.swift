import ApusCore

/// The base class of the dropout layers, which act in training alone. The base class itself drops elements. PyTorch: `_DropoutNd`.
open class DropoutLayer: Module {
    /// The probability that an element, or a channel, is dropped.
    public final let p: Scalar
    /// Whether the output overwrites the input.
    public final let inplace: Bool

    /// `p`: the probability that an element, or a channel, is dropped. Traps outside 0 ... 1.
    public init<Probability: ScalarConvertible>(_ p: Probability, inplace: Bool = false) {
        self.p = p._scalar
        self.inplace = inplace
        super.init()
        if !(self.p.doubleValue >= 0 && self.p.doubleValue <= 1) {
            fail("\(Self.self)", "the probability p must lie in 0 ... 1, it is \(p)")
        }
    }

    /// With p = 0.5. A separate initialiser, since Swift does not infer a generic argument's type from its default where a `Module` is
    /// expected.
    public convenience init(inplace: Bool = false) { self.init(0.5, inplace: inplace) }

    open override func forward(_ x: Tensor) -> Tensor { F.dropout(x, p: p.doubleValue, training: training, inplace: inplace) }

    public final override var extraRepr: String { shown(DropoutLayer.signature.declared) }

    static let signature = Signature(.number("p", 0.5).shown, .bool("inplace", false).shown)
}

/// In training each element is 0 with probability `p`, else x/(1 − p). PyTorch: `nn.Dropout`.
public final class Dropout: DropoutLayer, DeclaredModule {
    static let arguments = signature.makes(Dropout.init(_:inplace:))
}

/// Dropout of whole channels of [N, C, L] or [C, L]. PyTorch: `nn.Dropout1d`.
public final class Dropout1d: DropoutLayer, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.dropout1d(x, p: p.doubleValue, training: training, inplace: inplace) }
    static let arguments = signature.makes(Dropout1d.init(_:inplace:))
}

/// Dropout of whole channels of [N, C, H, W], or of [N, C, L] (three dimensions have a batch, as in PyTorch). PyTorch: `nn.Dropout2d`.
public final class Dropout2d: DropoutLayer, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.dropout2d(x, p: p.doubleValue, training: training, inplace: inplace) }
    static let arguments = signature.makes(Dropout2d.init(_:inplace:))
}

/// Dropout of whole channels of [N, C, D, H, W] or [C, D, H, W]. PyTorch: `nn.Dropout3d`.
public final class Dropout3d: DropoutLayer, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.dropout3d(x, p: p.doubleValue, training: training, inplace: inplace) }
    static let arguments = signature.makes(Dropout3d.init(_:inplace:))
}

/// Dropout that keeps SELU's mean and variance. PyTorch: `nn.AlphaDropout`.
public final class AlphaDropout: DropoutLayer, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.alphaDropout(x, p: p.doubleValue, training: training, inplace: inplace) }
    static let arguments = signature.makes(AlphaDropout.init(_:inplace:))
}

/// Alpha dropout of whole channels (dimension 1). PyTorch: `nn.FeatureAlphaDropout`.
public final class FeatureAlphaDropout: DropoutLayer, DeclaredModule {
    public override func forward(_ x: Tensor) -> Tensor { F.featureAlphaDropout(x, p: p.doubleValue, training: training, inplace: inplace) }
    static let arguments = signature.makes(FeatureAlphaDropout.init(_:inplace:))
}
