import ApusCore

/// Every module class that declares its arguments, by PyTorch's name, to build and call modules with PyTorch's arguments.
///
/// Models from files (`apus train --model FILE.json`, recorded answers) are built here, so that arguments are checked before they
/// reach a constructor. A class declares its arguments in its own file; see `DeclaredModule`.
package enum ModuleTable {
    private static let activations: [any DeclaredModule.Type] = [
        ReLU.self, ReLU6.self, SELU.self, SiLU.self, Mish.self, Hardswish.self, Hardsigmoid.self, LeakyReLU.self, ELU.self, CELU.self,
        GELU.self,
        Sigmoid.self, Tanh.self, LogSigmoid.self, Softsign.self, Tanhshrink.self, Softplus.self, Hardshrink.self, Softshrink.self,
        Hardtanh.self,
        Threshold.self, GLU.self, PReLU.self, RReLU.self, Softmax.self, LogSoftmax.self, Softmin.self, Softmax2d.self,
    ]
    private static let dropouts: [any DeclaredModule.Type] = [
        Dropout.self, Dropout1d.self, Dropout2d.self, Dropout3d.self, AlphaDropout.self, FeatureAlphaDropout.self,
    ]
    private static let linear: [any DeclaredModule.Type] = [
        Linear.self, LazyLinear.self, Bilinear.self, CosineSimilarity.self, PairwiseDistance.self, Embedding.self, EmbeddingBag.self,
        Flatten.self,
        Unflatten.self, Identity.self,
    ]
    private static let convolutions: [any DeclaredModule.Type] = [
        Conv1d.self, Conv2d.self, Conv3d.self, LazyConv1d.self, LazyConv2d.self, LazyConv3d.self, ConvTranspose1d.self,
        ConvTranspose2d.self,
        ConvTranspose3d.self, LazyConvTranspose1d.self, LazyConvTranspose2d.self, LazyConvTranspose3d.self,
    ]
    private static let pooling: [any DeclaredModule.Type] = [
        MaxPool1d.self, MaxPool2d.self, MaxPool3d.self, MaxUnpool1d.self, MaxUnpool2d.self, MaxUnpool3d.self, AvgPool1d.self,
        AvgPool2d.self,
        AvgPool3d.self, AdaptiveAvgPool1d.self, AdaptiveAvgPool2d.self, AdaptiveAvgPool3d.self, AdaptiveMaxPool1d.self,
        AdaptiveMaxPool2d.self,
        AdaptiveMaxPool3d.self, LPPool1d.self, LPPool2d.self, LPPool3d.self, FractionalMaxPool2d.self, FractionalMaxPool3d.self,
    ]
    private static let paddings: [any DeclaredModule.Type] = [
        ConstantPad1d.self, ConstantPad2d.self, ConstantPad3d.self, ZeroPad1d.self, ZeroPad2d.self, ZeroPad3d.self, ReflectionPad1d.self,
        ReflectionPad2d.self, ReflectionPad3d.self, ReplicationPad1d.self, ReplicationPad2d.self, ReplicationPad3d.self, CircularPad1d.self,
        CircularPad2d.self, CircularPad3d.self,
    ]
    private static let normalization: [any DeclaredModule.Type] = [
        LayerNorm.self, RMSNorm.self, GroupNorm.self, LocalResponseNorm.self, CrossMapLRN2d.self, BatchNorm1d.self,
        BatchNorm2d.self, BatchNorm3d.self, LazyBatchNorm1d.self, LazyBatchNorm2d.self, LazyBatchNorm3d.self, InstanceNorm1d.self,
        InstanceNorm2d.self, InstanceNorm3d.self, LazyInstanceNorm1d.self, LazyInstanceNorm2d.self, LazyInstanceNorm3d.self,
    ]
    private static let recurrent: [any DeclaredModule.Type] = [RNN.self, LSTM.self, GRU.self, RNNCell.self, LSTMCell.self, GRUCell.self]
    private static let attention: [any DeclaredModule.Type] = [
        MultiheadAttention.self, TransformerEncoderLayer.self, TransformerDecoderLayer.self, Transformer.self,
    ]
    private static let classification: [any DeclaredModule.Type] = [
        CrossEntropyLoss.self, NLLLoss.self, LinearCrossEntropyLoss.self, AdaptiveLogSoftmaxWithLoss.self, MultiMarginLoss.self,
        MultiLabelMarginLoss.self, MultiLabelSoftMarginLoss.self, BCELoss.self, BCEWithLogitsLoss.self, SoftMarginLoss.self, CTCLoss.self,
    ]
    private static let regression: [any DeclaredModule.Type] = [
        MSELoss.self, L1Loss.self, SmoothL1Loss.self, HuberLoss.self, KLDivLoss.self, PoissonNLLLoss.self, GaussianNLLLoss.self,
    ]
    private static let embedding: [any DeclaredModule.Type] = [
        HingeEmbeddingLoss.self, MarginRankingLoss.self, CosineEmbeddingLoss.self, TripletMarginLoss.self,
        TripletMarginWithDistanceLoss.self,
    ]
    private static let vision: [any DeclaredModule.Type] = [
        Unfold.self, Fold.self, PixelShuffle.self, PixelUnshuffle.self, ChannelShuffle.self, Upsample.self, UpsamplingNearest2d.self,
        UpsamplingBilinear2d.self,
    ]

    private static let types: [String: any DeclaredModule.Type] = {
        let families = [
            activations, dropouts, linear, convolutions, pooling, paddings, normalization, recurrent, attention, classification, regression,
            embedding, vision,
        ]
        return Dictionary(uniqueKeysWithValues: families.joined().map { ("\($0)", $0) })
    }()

    /// The names of all classes, sorted.
    package static var names: [String] { types.keys.sorted() }

    /// The arguments of a class's constructor and of its call.
    package static func declared(_ name: String) throws -> (arguments: [DeclaredArgument], inputs: [DeclaredArgument]) {
        let type = try type(name)
        return (type.arguments.declared, type.inputs.declared)
    }

    /// Builds a module. Throws `TableError` for wrong names and types, and `OpError` where the constructor reports a programming error.
    package static func make(_ name: String, _ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Module {
        let constructor = try type(name).arguments
        return try Context.withMemoryBudget(memoryBudget) { try checked { try constructor(name, positional, named) } }
    }

    /// The largest number of bytes that building one module may allocate, so that a few wrong digits in a file cannot exhaust the memory.
    static let memoryBudget = 1 << 34

    /// Calls a module of the class `name`. Returns one tensor, or a list for several outputs. Throws as `make`.
    package static func call(
        _ name: String, _ module: Module, _ positional: [Argument], _ named: [(name: String, value: Argument)]
    ) throws -> Argument {
        var arguments = Arguments(name, positional, named)
        let inputs = try type(name).inputs
        return try checked { try inputs.call(module, &arguments) }
    }

    private static func type(_ name: String) throws -> any DeclaredModule.Type {
        guard let type = types[name] else { throw TableError("there is no module class '\(name.prefix(60))'", isUnknownName: true) }
        return type
    }
}
