import ApusCore
import ApusNN
import TestSupport
import Testing

/// The arguments that classes declare in their own files.
@Suite struct DeclaredArgumentTests {
    private struct Signature: Decodable {
        struct Argument: Decodable {
            let name: String
            let fallback: String?
            let isByName: Bool
        }
        let arguments, inputs: [Argument]
    }

    /// Names, order and defaults equal PyTorch's, as `Tests/ApusNNTests/record_signatures.py` recorded them, for every class.
    @Test func arePyTorchs() throws {
        let recorded: [String: Signature] = Recorded.load("signatures")
        #expect(Set(ModuleTable.names) == Set(recorded.keys))
        func line(_ name: String, _ fallback: String?, _ isByName: Bool) -> String {
            // 1.0 and 1 are the same default.
            let value = fallback.map { text in Double(text).map { "\($0)" } ?? text }
            return (isByName ? "by name " : "") + name + (value.map { "=\($0)" } ?? "")
        }
        for (name, expected) in recorded {
            let declared = try ModuleTable.declared(name)
            for (declared, expected) in [(declared.arguments, expected.arguments), (declared.inputs, expected.inputs)] {
                func byPositionFirst(_ lines: [String]) -> [String] {
                    lines.filter { !$0.hasPrefix("by name") } + lines.filter { $0.hasPrefix("by name") }.sorted()
                }
                #expect(
                    byPositionFirst(declared.map { line($0.name, $0.fallback, $0.isByName) })
                        == byPositionFirst(expected.map { line($0.name, $0.fallback, $0.isByName) }),
                    "\(name)")
            }
        }
    }

    /// The shortest initialiser call of each class, and the same arguments by position.
    private static func shortest() -> [([Argument], [Module])] {
        [
            (
                [],
                [
                    ReLU(), ReLU6(), SELU(), SiLU(), Mish(), Hardswish(), Hardsigmoid(), LeakyReLU(), ELU(), CELU(), GELU(), Sigmoid(),
                    Tanh(), LogSigmoid(),
                    Softsign(), Tanhshrink(), Softplus(), Hardshrink(), Softshrink(), Hardtanh(), GLU(), PReLU(), RReLU(), Softmax(),
                    LogSoftmax(), Softmin(),
                    Softmax2d(), Dropout(), Dropout1d(), Dropout2d(), Dropout3d(), AlphaDropout(), FeatureAlphaDropout(),
                    CosineSimilarity(), PairwiseDistance(),
                    Flatten(), Identity(), LazyBatchNorm1d(), LazyBatchNorm2d(), LazyBatchNorm3d(), LazyInstanceNorm1d(),
                    LazyInstanceNorm2d(),
                    LazyInstanceNorm3d(), Transformer(), CrossEntropyLoss(), NLLLoss(), MultiMarginLoss(), MultiLabelMarginLoss(),
                    MultiLabelSoftMarginLoss(),
                    BCELoss(), BCEWithLogitsLoss(), SoftMarginLoss(), CTCLoss(), MSELoss(), L1Loss(), SmoothL1Loss(), HuberLoss(),
                    KLDivLoss(), PoissonNLLLoss(),
                    GaussianNLLLoss(), HingeEmbeddingLoss(), MarginRankingLoss(), CosineEmbeddingLoss(), TripletMarginLoss(),
                    TripletMarginWithDistanceLoss(),
                    Upsample(), UpsamplingNearest2d(), UpsamplingBilinear2d(),
                ]
            ),
            (
                [.int(2)],
                [
                    LazyLinear(2), MaxPool1d(kernelSize: 2), MaxPool2d(kernelSize: 2), MaxPool3d(kernelSize: 2), MaxUnpool1d(kernelSize: 2),
                    MaxUnpool2d(kernelSize: 2),
                    MaxUnpool3d(kernelSize: 2), AvgPool1d(kernelSize: 2), AvgPool2d(kernelSize: 2), AvgPool3d(kernelSize: 2),
                    AdaptiveAvgPool1d(2),
                    AdaptiveAvgPool2d(2), AdaptiveAvgPool3d(2), AdaptiveMaxPool1d(2), AdaptiveMaxPool2d(2), AdaptiveMaxPool3d(2),
                    ZeroPad1d(2), ZeroPad2d(2),
                    ZeroPad3d(2), ReflectionPad1d(2), ReflectionPad2d(2), ReflectionPad3d(2), ReplicationPad1d(2), ReplicationPad2d(2),
                    ReplicationPad3d(2),
                    CircularPad1d(2), CircularPad2d(2), CircularPad3d(2), LayerNorm(2), RMSNorm(2), LocalResponseNorm(2), CrossMapLRN2d(2),
                    BatchNorm1d(2),
                    BatchNorm2d(2), BatchNorm3d(2), InstanceNorm1d(2), InstanceNorm2d(2), InstanceNorm3d(2), Unfold(kernelSize: 2),
                    PixelShuffle(2),
                    PixelUnshuffle(2), ChannelShuffle(2),
                ]
            ),
            (
                [.int(6), .int(2)],
                [
                    Threshold(6, 2), Linear(6, 2), Embedding(6, 2), EmbeddingBag(6, 2), LazyConv1d(6, kernelSize: 2),
                    LazyConv2d(6, kernelSize: 2),
                    LazyConv3d(6, kernelSize: 2), LazyConvTranspose1d(6, kernelSize: 2), LazyConvTranspose2d(6, kernelSize: 2),
                    LazyConvTranspose3d(6, kernelSize: 2),
                    LPPool1d(6, kernelSize: 2), LPPool2d(6, kernelSize: 2), LPPool3d(6, kernelSize: 2), ConstantPad1d(6, 2),
                    ConstantPad2d(6, 2),
                    ConstantPad3d(6, 2), RNN(6, 2), LSTM(6, 2), GRU(6, 2), RNNCell(6, 2), LSTMCell(6, 2), GRUCell(6, 2),
                    MultiheadAttention(6, 2),
                    TransformerEncoderLayer(6, 2), TransformerDecoderLayer(6, 2), LinearCrossEntropyLoss(6, 2), Fold(6, kernelSize: 2),
                    FractionalMaxPool2d(kernelSize: 6, outputSize: 2), FractionalMaxPool3d(kernelSize: 6, outputSize: 2),
                ]
            ),
            ([.int(2), .int(6)], [GroupNorm(2, 6)]),
            (
                [.int(4), .int(6), .int(2)],
                [
                    Bilinear(4, 6, 2), Conv1d(4, 6, kernelSize: 2), Conv2d(4, 6, kernelSize: 2), Conv3d(4, 6, kernelSize: 2),
                    ConvTranspose1d(4, 6, kernelSize: 2),
                    ConvTranspose2d(4, 6, kernelSize: 2), ConvTranspose3d(4, 6, kernelSize: 2),
                ]
            ),
            ([.int(1), .list([.int(2), .int(3)])], [Unflatten(1, [2, 3])]),
            ([.int(8), .int(6), .list([.int(2)])], [AdaptiveLogSoftmaxWithLoss(8, 6, cutoffs: [2])]),
        ]
    }

    /// An omitted argument has the same value by declaration and by initialiser: all stored properties are compared.
    @Test func defaultsAreTheInitialisers() throws {
        var made: Set<String> = []
        for (arguments, modules) in Self.shortest() {
            for module in modules {
                let name = module.typeName
                made.insert(name)
                let other = try ModuleTable.make(name, arguments, [])
                #expect(properties(other) == properties(module), "\(name)")
                #expect(other.description == module.description)
            }
        }
        #expect(made == Set(ModuleTable.names))
    }

    /// The names before `=` in a printed form are argument names of the class or its superclass.
    @Test func printedNamesAreDeclared() throws {
        for (_, modules) in Self.shortest() {
            for module in modules {
                let classes = sequence(first: Mirror(reflecting: module)) { $0.superclassMirror }.map { "\($0.subjectType)" }
                let names = try classes.filter(ModuleTable.names.contains).flatMap { try ModuleTable.declared($0).arguments.map(\.name) }
                let printed = module.extraRepr.matches(of: /(\w+)=/).map { String($0.1) }
                #expect(Set(printed).isSubset(of: names), "\(module)")
            }
        }
    }

    /// Everything that a value holds: stored properties; keys, dtypes and shapes of the state; and the state's single numbers.
    private func properties(_ value: Any) -> String {
        if let tensor = value as? Tensor {
            return "\(tensor.dtype) \(tensor.shape) on \(tensor.device), requiresGrad \(tensor.requiresGrad)"
                + (tensor.numel == 1 ? " \(tensor.array(Double.self))" : "")
        }
        let mirror = Mirror(reflecting: value)
        let isWrapper = mirror.displayStyle == .struct && !(value is CustomStringConvertible)
        guard value is Module || mirror.displayStyle == .optional || mirror.displayStyle == .collection || isWrapper else {
            return "\(value)"
        }
        var lines: [String] = []
        var level: Mirror? = mirror
        // What every module holds says who has called it.
        while let mirror = level, mirror.subjectType != Module.self {
            lines += mirror.children.map { "\($0.label ?? "-"): \(properties($0.value))" }
            level = mirror.superclassMirror
        }
        if let module = value as? Module {
            let state = module.stateDict()
            lines += state.keys.map { "\($0): \(properties(state[$0] as Any))" }
        }
        return lines.joined(separator: "\n")
    }
}
