import ApusCore
import ApusNN
import TestSupport
import Testing

/// Layers and losses in float16 and bfloat16 against the same in float64 from the same (rounded) numbers, forward and backward, within a few roundings
/// of the largest number of a tensor. `ConformanceTests` compares with PyTorch's own numbers in these types, number by number.
@Suite struct HalfPrecisionTests {
    struct Sample: CustomTestStringConvertible, Sendable {
        let name: String
        let shape: Shape
        /// The number of times the result is rounded: a layer of several ops rounds in between.
        var roundings = 1.0
        let make: @Sendable () -> Module
        var call: @Sendable (Module, Tensor) -> Tensor = { $0($1) }
        var testDescription: String { name }
    }

    static let layerCases: [Sample] = [
        Sample(name: "Linear", shape: [5, 16]) { Linear(16, 8) },
        Sample(name: "Conv1d", shape: [2, 4, 9]) { Conv1d(4, 6, kernelSize: 3, padding: 1) },
        Sample(name: "Conv2d", shape: [2, 3, 7, 7]) { Conv2d(3, 4, kernelSize: 3, stride: 2) },
        Sample(name: "Conv3d", shape: [1, 2, 4, 4, 4]) { Conv3d(2, 3, kernelSize: 2) },
        Sample(name: "ConvTranspose2d", shape: [2, 3, 4, 4]) { ConvTranspose2d(3, 4, kernelSize: 3) },
        Sample(name: "BatchNorm2d", shape: [4, 3, 5, 5], roundings: 2) { BatchNorm2d(3) },
        Sample(name: "LayerNorm", shape: [6, 12], roundings: 2) { LayerNorm([12]) },
        Sample(name: "GroupNorm", shape: [3, 4, 6], roundings: 2) { GroupNorm(2, 4) },
        Sample(name: "InstanceNorm1d", shape: [3, 4, 9], roundings: 2) { InstanceNorm1d(4, affine: true) },
        Sample(name: "RMSNorm", shape: [6, 12], roundings: 4) { RMSNorm([12]) },
        Sample(name: "GELU", shape: [40]) { GELU() }, Sample(name: "SiLU", shape: [40]) { SiLU() },
        Sample(name: "Softmax", shape: [4, 10]) { Softmax(dim: -1) },
        Sample(name: "AvgPool2d", shape: [2, 2, 6, 6]) { AvgPool2d(kernelSize: 2) },
        Sample(name: "MaxPool2d", shape: [2, 2, 6, 6]) { MaxPool2d(kernelSize: 2) },
        Sample(name: "LSTM", shape: [5, 2, 6], roundings: 8, make: { LSTM(6, 4) }, call: { ($0 as! LSTM)($1).output }),
        Sample(name: "GRU", shape: [5, 2, 6], roundings: 8, make: { GRU(6, 4) }, call: { ($0 as! GRU)($1).output }),
        Sample(
            name: "MultiheadAttention", shape: [2, 5, 8], roundings: 6, make: { MultiheadAttention(8, 2, batchFirst: true) },
            call: { ($0 as! MultiheadAttention)($1, $1, $1).output }),
        Sample(
            name: "TransformerEncoderLayer", shape: [2, 5, 8], roundings: 8,
            make: { TransformerEncoderLayer(8, 2, dimFeedforward: 16, dropout: 0, batchFirst: true) },
            call: { ($0 as! TransformerEncoderLayer)($1) }),
    ]

    private func compare(_ half: Tensor, _ exact: Tensor, _ roundings: Double, _ what: String) {
        let tolerance = (half.dtype == .float16 ? 1e-3 : 1.6e-2) * roundings
        let largest = exact.numel == 0 ? 0 : exact.abs().max().item()
        expectClose(half.to(.float64), exact, rtol: tolerance, atol: tolerance * max(largest, 1e-2), what)
    }

    @Test(arguments: layerCases, [DType.float16, .bfloat16]) func layers(_ layer: Sample, _ dtype: DType) {
        withGenerator(Generator(seed: 21)) {
            let half = layer.make().to(dtype)
            let exact = half.copy().to(.float64)
            let x = Tensor.randn(layer.shape).to(dtype)
            let (a, b) = (x.clone().requiresGrad_(), x.to(.float64).requiresGrad_())
            let (y, z) = (layer.call(half, a), layer.call(exact, b))
            #expect(y.dtype == dtype)
            compare(y, z, layer.roundings, layer.name)
            let cotangent = Tensor.randn(y.shape).to(dtype)
            y.backward(gradient: cotangent)
            z.backward(gradient: cotangent.to(.float64))
            // A gradient is rounded twice as often.
            compare(a.grad!, b.grad!, 2 * layer.roundings, "\(layer.name), gradient of the input")
            for ((name, p), (_, q)) in zip(half.namedParameters(), exact.namedParameters()) {
                #expect(p.grad?.dtype == dtype)
                compare(p.grad!, q.grad!, 2 * layer.roundings, "\(layer.name), gradient of \(name)")
            }
        }
    }

    struct LossCase: CustomTestStringConvertible, Sendable {
        let name: String
        let f: @Sendable (Tensor, Tensor) -> Tensor
        var testDescription: String { name }
    }

    static let lossCases: [LossCase] = [
        LossCase(name: "crossEntropy") { x, _ in F.crossEntropy(x, Tensor([0, 3, 1, 2])) },
        LossCase(name: "nllLoss") { x, _ in F.nllLoss(F.logSoftmax(x, dim: 1), Tensor([0, 3, 1, 2])) },
        LossCase(name: "mseLoss") { F.mseLoss($0, $1) }, LossCase(name: "l1Loss") { F.l1Loss($0, $1) },
        LossCase(name: "smoothL1Loss") { F.smoothL1Loss($0, $1) },
        LossCase(name: "huberLoss") { F.huberLoss($0, $1) },
        LossCase(name: "binaryCrossEntropyWithLogits") { F.binaryCrossEntropyWithLogits($0, $1.sigmoid().detach()) },
        LossCase(name: "klDiv") { F.klDiv(F.logSoftmax($0, dim: 1), F.softmax($1, dim: 1).detach(), reduction: .batchmean) },
        LossCase(name: "cosineEmbeddingLoss") { F.cosineEmbeddingLoss($0, $1, Tensor([1, -1, 1, -1]).to($0.dtype)) },
    ]

    @Test(arguments: lossCases, [DType.float16, .bfloat16]) func losses(_ loss: LossCase, _ dtype: DType) {
        withGenerator(Generator(seed: 22)) {
            let (x, y) = (Tensor.randn([4, 6]).to(dtype), Tensor.randn([4, 6]).to(dtype))
            let (a, b) = (x.clone().requiresGrad_(), x.to(.float64).requiresGrad_())
            let (value, exact) = (loss.f(a, y), loss.f(b, y.to(.float64)))
            #expect(value.dtype == dtype)
            compare(value, exact, 4, loss.name)
            value.backward()
            exact.backward()
            compare(a.grad!, b.grad!, 4, "\(loss.name), gradient")
        }
    }
}
