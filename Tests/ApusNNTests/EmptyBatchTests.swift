import ApusCore
import ApusNN
import TestSupport
import Testing

/// Every layer and loss accepts a batch without samples: the output is empty, and the parameters' gradients are zero, not missing.
@Suite struct EmptyBatchTests {
    static let layers: [(String, Shape, @Sendable () -> Module)] = [
        ("Linear", [0, 3], { Linear(3, 2) }), ("Conv1d", [0, 3, 5], { Conv1d(3, 2, kernelSize: 3) }),
        ("Conv2d", [0, 3, 5, 5], { Conv2d(3, 2, kernelSize: 3) }),
        ("Conv3d", [0, 3, 4, 4, 4], { Conv3d(3, 2, kernelSize: 3) }),
        ("Conv2d of groups", [0, 4, 5, 5], { Conv2d(4, 4, kernelSize: 3, groups: 2) }),
        ("ConvTranspose1d", [0, 3, 5], { ConvTranspose1d(3, 2, kernelSize: 3) }),
        ("ConvTranspose2d", [0, 3, 5, 5], { ConvTranspose2d(3, 2, kernelSize: 3, stride: 2) }),
        ("BatchNorm1d", [0, 3], { BatchNorm1d(3) }), ("BatchNorm2d", [0, 3, 4, 4], { BatchNorm2d(3) }),
        ("BatchNorm3d", [0, 3, 2, 2, 2], { BatchNorm3d(3) }),
        ("LayerNorm", [0, 3], { LayerNorm([3]) }), ("RMSNorm", [0, 3], { RMSNorm([3]) }), ("GroupNorm", [0, 4, 3], { GroupNorm(2, 4) }),
        ("InstanceNorm1d", [0, 3, 5], { InstanceNorm1d(3, affine: true) }),
        ("InstanceNorm2d", [0, 3, 5, 5], { InstanceNorm2d(3, affine: true) }),
        ("PReLU", [0, 3], { PReLU(3) }), ("MaxPool2d", [0, 3, 4, 4], { MaxPool2d(kernelSize: 2) }),
        ("AvgPool2d", [0, 3, 4, 4], { AvgPool2d(kernelSize: 2) }),
        ("AdaptiveAvgPool2d", [0, 3, 4, 4], { AdaptiveAvgPool2d(2) }), ("AdaptiveMaxPool2d", [0, 3, 4, 4], { AdaptiveMaxPool2d(2) }),
        ("LPPool2d", [0, 3, 4, 4], { LPPool2d(2, kernelSize: 2) }),
        ("Upsample", [0, 3, 4, 4], { Upsample(scaleFactor: 2) }), ("ReflectionPad2d", [0, 3, 4, 4], { ReflectionPad2d(1) }),
        ("Softmax", [0, 3], { Softmax(dim: 1) }),
        ("GELU", [0, 3], { GELU() }), ("Dropout", [0, 3], { Dropout() }), ("Flatten", [0, 3, 4], { Flatten() }),
        ("LocalResponseNorm", [0, 3, 4, 4], { LocalResponseNorm(2) }),
        ("TransformerEncoderLayer", [0, 3, 4], { TransformerEncoderLayer(4, 2, dimFeedforward: 8, dropout: 0, batchFirst: true) }),
    ]

    @Test func layersPassIt() {
        for (name, shape, make) in Self.layers {
            let layer = make()
            let x = Tensor.zeros(shape, requiresGrad: true)
            let y = layer(x)
            #expect(y.numel == 0, "\(name)")
            y.sum().backward()
            for (key, parameter) in layer.namedParameters() {
                #expect(
                    parameter.grad.map { $0.eq(0).all().item(Bool.self) } ?? false,
                    "\(name): the gradient of \(key) is \(parameter.grad.map { "\($0)" } ?? "missing")")
            }
            #expect(x.grad?.shape == shape, "\(name): the input's gradient")
            for (key, buffer) in layer.namedBuffers() { #expect(!buffer.to(.float32).isnan().any().item(Bool.self), "\(name): \(key)") }
        }
    }

    @Test func recurrentLayersPassIt() {
        for (name, run) in [
            (
                "RNN",
                { (x: Tensor) in
                    let layer = RNN(3, 4, batchFirst: true); return (layer(x).output, layer.parameters())
                }
            ),
            (
                "LSTM",
                { x in
                    let layer = LSTM(3, 4, batchFirst: true); return (layer(x).output, layer.parameters())
                }
            ),
            (
                "GRU",
                { x in
                    let layer = GRU(3, 4, batchFirst: true); return (layer(x).output, layer.parameters())
                }
            ),
            (
                "Embedding",
                { x in
                    let layer = Embedding(5, 4); return (layer(Tensor.zeros([0, 3], dtype: .int64)), layer.parameters())
                }
            ),
            (
                "Bilinear",
                { x in
                    let layer = Bilinear(3, 3, 2); return (layer(x[.all, 0], x[.all, 1]), layer.parameters())
                }
            ),
        ] as [(String, (Tensor) -> (Tensor, [Parameter]))] {
            let (y, parameters) = run(Tensor.zeros([0, 2, 3], requiresGrad: true))
            y.sum().backward()
            for parameter in parameters {
                #expect(
                    parameter.grad.map { $0.eq(0).all().item(Bool.self) } ?? false,
                    "\(name): \(parameter.grad.map { "\($0)" } ?? "missing")")
            }
        }
    }

    /// Without elements, sums of losses are 0 and means NaN; the gradients are empty.
    @Test func lossesOfNothing() {
        let losses: [(String, (Tensor, Reduction) -> Tensor)] = [
            ("mse", { F.mseLoss($0, Tensor.zeros([0, 3]), reduction: $1) }), ("l1", { F.l1Loss($0, Tensor.zeros([0, 3]), reduction: $1) }),
            ("smoothL1", { F.smoothL1Loss($0, Tensor.zeros([0, 3]), reduction: $1) }),
            ("huber", { F.huberLoss($0, Tensor.zeros([0, 3]), reduction: $1) }),
            ("crossEntropy", { F.crossEntropy($0, Tensor.zeros([0], dtype: .int64), reduction: $1) }),
            ("nll", { F.nllLoss($0, Tensor.zeros([0], dtype: .int64), reduction: $1) }),
            ("bce", { F.binaryCrossEntropy($0, Tensor.zeros([0, 3]), reduction: $1) }),
            ("bceWithLogits", { F.binaryCrossEntropyWithLogits($0, Tensor.zeros([0, 3]), reduction: $1) }),
            ("klDiv", { F.klDiv($0, Tensor.zeros([0, 3]), reduction: $1 == .sum ? .sum : .mean) }),
            ("poisson", { F.poissonNLLLoss($0, Tensor.zeros([0, 3]), reduction: $1) }),
            ("softMargin", { F.softMarginLoss($0, Tensor.zeros([0, 3]), reduction: $1) }),
        ]
        for (name, loss) in losses {
            for reduction in [Reduction.sum, .mean] {
                let x = Tensor.zeros([0, 3], requiresGrad: true)
                let y = loss(x, reduction)
                y.backward()
                #expect(reduction == .sum ? y.item() == 0 : y.item().isNaN, "\(name), \(reduction): \(y.item())")
                #expect(x.grad?.shape == [0, 3], "\(name), \(reduction)")
            }
        }
    }
}
