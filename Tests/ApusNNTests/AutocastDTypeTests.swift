import ApusCore
import ApusNN
import ApusOptim
import Foundation
import TestSupport
import Testing

/// The dtypes that functions give inside `autocast`, against PyTorch's (Tests/ApusOptimTests/record_autocast.py), and layers and training in mixed precision.
@Suite struct AutocastDTypeTests {
    static let recorded: [String: String] = Recorded.load("autocast")

    /// By the script's names: functions of x [3, 4] and of y, which has the same shape and dtype float32 (float64 if x is float64).
    static let functions: [String: @Sendable (Tensor, Tensor) -> Tensor] = [
        "neg": { x, _ in -x }, "abs": { x, _ in x.abs() }, "square": { x, _ in x.square() }, "reciprocal": { x, _ in x.reciprocal() },
        "sqrt": { x, _ in x.sqrt() },
        "rsqrt": { x, _ in x.rsqrt() }, "exp": { x, _ in x.exp() }, "exp2": { x, _ in x.exp2() }, "expm1": { x, _ in x.expm1() },
        "log": { x, _ in x.log() },
        "log2": { x, _ in x.log2() }, "log10": { x, _ in x.log10() }, "log1p": { x, _ in x.log1p() }, "sin": { x, _ in x.sin() },
        "cos": { x, _ in x.cos() },
        "tan": { x, _ in x.tan() }, "asin": { x, _ in x.asin() }, "acos": { x, _ in x.acos() }, "atan": { x, _ in x.atan() },
        "sinh": { x, _ in x.sinh() },
        "cosh": { x, _ in x.cosh() }, "tanh": { x, _ in x.tanh() }, "asinh": { x, _ in x.asinh() }, "acosh": { x, _ in x.acosh() },
        "atanh": { x, _ in x.atanh() },
        "erf": { x, _ in x.erf() }, "erfc": { x, _ in x.erfc() }, "erfinv": { x, _ in x.erfinv() }, "lgamma": { x, _ in x.lgamma() },
        "digamma": { x, _ in x.digamma() }, "polygamma": { x, _ in x.polygamma(1) },
        "floor": { x, _ in x.floor() }, "sigmoid": { x, _ in x.sigmoid() }, "logit": { x, _ in x.logit() }, "relu": { x, _ in x.relu() },
        "logsigmoid": { x, _ in F.logsigmoid(x) }, "softsign": { x, _ in F.softsign(x) }, "mish": { x, _ in F.mish(x) },
        "silu": { x, _ in F.silu(x) },
        "gelu": { x, _ in F.gelu(x) }, "elu": { x, _ in F.elu(x) }, "softplus": { x, _ in F.softplus(x) },
        "hardswish": { x, _ in F.hardswish(x) },
        "leakyRelu": { x, _ in F.leakyRelu(x) }, "clamp": { x, _ in x.clamp(min: -1, max: 1) }, "powNumber": { x, _ in x.pow(2.0) },
        "numberPow": { x, _ in Tensor.pow(2.0, x) }, "numberDiv": { x, _ in 1.0 / x }, "divNumber": { x, _ in x / 2.0 },
        "add": { x, _ in x + 1.0 },
        "sum": { x, _ in x.sum() }, "sumDim": { x, _ in x.sum(dim: 1) }, "mean": { x, _ in x.mean() }, "prod": { x, _ in x.prod() },
        "amax": { x, _ in x.amax(dim: [1]) },
        "var": { x, _ in x.var(dim: 1) }, "std": { x, _ in x.std(dim: 1) }, "norm": { x, _ in x.norm() },
        "norm1": { x, _ in x.norm(p: 1, dim: 1) },
        "logsumexp": { x, _ in x.logsumexp(dim: 1) }, "cumsum": { x, _ in x.cumsum(dim: 1) }, "cumprod": { x, _ in x.cumprod(dim: 1) },
        "softmax": { x, _ in x.softmax(dim: 1) }, "logSoftmax": { x, _ in x.logSoftmax(dim: 1) },
        "softmaxAsked": { x, _ in x.softmax(dim: 1, dtype: .bfloat16) },
        "softmin": { x, _ in F.softmin(x, dim: 1) }, "normalize": { x, _ in F.normalize(x) }, "pdist": { x, _ in F.pdist(x) },
        "glu": { x, _ in F.glu(x) },
        "dropout": { x, _ in F.dropout(x) }, "maxPool": { x, _ in F.maxPool1d(x, kernelSize: 2) },
        "avgPool": { x, _ in F.avgPool1d(x, kernelSize: 2) },
        "interpolate": { x, _ in F.interpolate(x.unsqueeze(0).unsqueeze(0), scaleFactor: [2]) },
        "interpolateBilinear": { x, _ in F.interpolate(x.unsqueeze(0).unsqueeze(0), scaleFactor: [2], mode: .bilinear) },
        "interpolateArea": { x, _ in F.interpolate(x.unsqueeze(0).unsqueeze(0), size: 2, mode: .area) },
        "add2": { $0 + $1 }, "mul2": { $0 * $1 }, "div2": { $0 / $1 }, "pow2": { $0.pow($1) }, "atan2": { $0.atan2($1) },
        "hypot": { $0.hypot($1) },
        "logaddexp": { $0.logaddexp($1) }, "xlogy": { $0.xlogy($1) }, "maximum": { $0.maximum($1) }, "addcmul": { $0.addcmul($1, $1) },
        "addcdiv": { $0.addcdiv($1, $1) },
        "cat": { Tensor.cat([$0, $1]) }, "stack": { Tensor.stack([$0, $1]) }, "where": { Tensor.where($0.gt(0), $0, $1) },
        "lerp": { $0.lerp($1.to($0.dtype), 0.5) },
        "matmul": { $0.matmul($1.t()) }, "mm": { $0.mm($1.t()) }, "bmm": { $0.unsqueeze(0).bmm($1.t().unsqueeze(0)) },
        "mv": { $0.mv($1[0]) }, "dot": { $0[0].dot($1[0]) },
        "addmm": { $1.t().addmm($0.t(), $0.matmul($1.t())) }, "baddbmm": { square($1).baddbmm(square($0), square($1)) },
        "outer": { $0[0].outer($1[0]) },
        "einsum": { Tensor.einsum("ij,kj->ik", $0, $1) }, "linear": { F.linear($0, $1) },
        "linearBias": { F.linear($0, $1, $1.select(1, 0)) },
        "conv1d": { F.conv1d($0, $1.narrow(1, 0, 3).unsqueeze(2)) },
        "conv1dBias": { F.conv1d($0, $1.narrow(1, 0, 3).unsqueeze(2), $1.select(1, 0)) },
        "convTranspose1d": { F.convTranspose1d($0, $1.unsqueeze(2)) },
        "bilinear": { F.bilinear($0, $0, $1.unsqueeze(2).expand([3, 4, 4])) }, "prelu": { F.prelu($0, $1[0]) },
        "scaledDotProductAttention": { F.scaledDotProductAttention($0.unsqueeze(0), $1.unsqueeze(0), $1.unsqueeze(0)) },
        "layerNorm": { F.layerNorm($0, [4], weight: $1[0], bias: $1[0]) }, "rmsNorm": { F.rmsNorm($0, [4], weight: $1[0]) },
        "groupNorm": { F.groupNorm($0, 2, weight: $1[0], bias: $1[0]) },
        "batchNorm": { F.batchNorm($0, nil, nil, weight: $1[0], bias: $1[0], training: true) },
        "embedding": { F.embedding(Tensor([0, 0]), $1) }, "cosineSimilarity": { F.cosineSimilarity($0, $1) },
        "pairwiseDistance": { F.pairwiseDistance($0, $1) },
        "scatterAdd": { $0.scatterAdd(0, Tensor.zeros([3, 4], dtype: .int64), $1) },
        "mseLoss": { F.mseLoss($0, $1) }, "l1Loss": { F.l1Loss($0, $1) }, "smoothL1Loss": { F.smoothL1Loss($0, $1) },
        "huberLoss": { F.huberLoss($0, $1) },
        "klDiv": { F.klDiv($0, $1) }, "poissonNLLLoss": { F.poissonNLLLoss($0, $1) },
        "binaryCrossEntropyWithLogits": { F.binaryCrossEntropyWithLogits($0, $1) },
        "softMarginLoss": { F.softMarginLoss($0, $1) }, "hingeEmbeddingLoss": { F.hingeEmbeddingLoss($0, $1) },
        "marginRankingLoss": { F.marginRankingLoss($0, $1, $1) },
        "cosineEmbeddingLoss": { F.cosineEmbeddingLoss($0, $1, $1.select(1, 0)) }, "tripletMarginLoss": { F.tripletMarginLoss($0, $1, $1) },
        "crossEntropy": { x, _ in F.crossEntropy(x, Tensor([0, 0, 0])) }, "crossEntropyProbabilities": { F.crossEntropy($0, $1) },
        "nllLoss": { x, _ in F.nllLoss(x, Tensor([0, 0, 0])) }, "multiMarginLoss": { x, _ in F.multiMarginLoss(x, Tensor([0, 0, 0])) },
        "multilabelMarginLoss": { x, _ in F.multilabelMarginLoss(x, Tensor.zeros([3, 4], dtype: .int64)) },
        "binaryCrossEntropy": { F.binaryCrossEntropy($0, $1) },
        "RNNCell": { RNNCell(4, 4, dtype: $1.dtype)($0, $1) },
    ]

    /// The first three columns of [3, 4], as [1, 3, 3].
    private static func square(_ x: Tensor) -> Tensor { x.narrow(1, 0, 3).unsqueeze(0) }

    @Test func everyRecordedFunctionIsHere() {
        #expect(Set(Self.recorded.keys.map { String($0.split(separator: "/")[0]) }) == Set(Self.functions.keys))
        #expect(Self.recorded.count == 3 * Self.functions.count)
    }

    @Test(arguments: [DType.float32, .bfloat16, .float64]) func recordedDTypes(_ dtype: DType) {
        withGenerator(Generator(seed: 1)) {
            let x = Tensor.rand([3, 4]).to(dtype), y = Tensor.rand([3, 4]).to(dtype == .float64 ? .float64 : .float32)
            for (name, function) in Self.functions {
                let found = autocast(.bfloat16) { Result { try checked { function(x, y).dtype } } }
                let expected = Self.recorded["\(name)/\(dtype)"]
                switch found {
                case .success(let type): #expect("\(type)" == expected, "\(name) of \(dtype)")
                case .failure(let error): #expect(expected == "error", "\(name) of \(dtype): \(error)")
                }
            }
        }
    }

    @Test func gridsAndRecurrentLayers() {
        autocast(.float16) {
            let image = Tensor.rand([1, 1, 3, 4]), grid = Tensor.rand([1, 2, 2, 2])
            #expect(F.gridSample(image.to(.float16), grid).dtype == .float32)
            #expect(F.gridSample(image.to(.float16), grid.to(.float16)).dtype == .float16)
            let x = Tensor.rand([5, 2, 4])
            let (output, (h, c)) = LSTM(4, 3)(x)
            #expect([output.dtype, h.dtype, c.dtype] == [.float16, .float16, .float16])
            #expect(GRU(4, 3)(x).output.dtype == .float16)
            #expect(LSTMCell(4, 3)(x[0]).c.dtype == .float16 && GRUCell(4, 3)(x[0]).dtype == .float16)
        }
    }

    /// Parameters stay float32; gradients are float32 and close to those without `autocast`.
    @Test(arguments: HalfPrecisionTests.layerCases, [DType.float16, .bfloat16]) func layers(
        _ layer: HalfPrecisionTests.Sample, _ dtype: DType
    ) {
        withGenerator(Generator(seed: 21)) {
            let net = layer.make(), exact = net.copy()
            let x = Tensor.randn(layer.shape)
            let (a, b) = (x.clone().requiresGrad_(), x.clone().requiresGrad_())
            let (y, z) = (autocast(dtype) { layer.call(net, a).to(.float32) }, layer.call(exact, b))
            let tolerance = (dtype == .float16 ? 1e-3 : 1.6e-2) * layer.roundings
            func compare(_ x: Tensor?, _ y: Tensor?, _ factor: Double, _ what: String) {
                guard let x, let y else { return #expect(x == nil && y == nil, "\(what) is missing") }
                #expect(x.dtype == .float32, "\(what)")
                expectClose(x, y, rtol: factor * tolerance, atol: factor * tolerance * max(y.abs().max().item(), 1e-2), what)
            }
            compare(y.detach(), z.detach(), 1, layer.name)
            let cotangent = Tensor.randn(y.shape)
            y.backward(gradient: cotangent)
            z.backward(gradient: cotangent)
            compare(a.grad, b.grad, 2, "\(layer.name), gradient of the input")
            for ((name, p), (_, q)) in zip(net.namedParameters(), exact.namedParameters()) {
                compare(p.grad, q.grad, 2, "\(layer.name), gradient of \(name)")
            }
        }
    }

    @Test func weightsUnderAConstraint() throws {
        // The weight is orthogonal to float32 precision: it is computed in its own dtype, and cast where it is used.
        for map in [Parametrizations.OrthogonalMap.matrixExp, .cayley, .householder] {
            try checked {
                autocast(.bfloat16) {
                    let layer = Parametrizations.orthogonal(Linear(4, 4), orthogonalMap: map)
                    let y = layer(Tensor.ones([2, 4]))
                    #expect(y.dtype == .bfloat16)
                    y.sum().backward()
                    let w = layer.weight.detach()
                    #expect(autocast(.bfloat16, enabled: false) { w.matmul(w.t()).allclose(Tensor.eye(4), atol: 1e-5) }, "\(map)")
                    #expect(layer.parameters().allSatisfy { $0.grad == nil || $0.grad!.dtype == .float32 }, "\(map)")
                }
            }
        }
    }

    /// A classifier with convolution and normalisation on a learnable task: the final loss is close to float32's.
    @Test(arguments: [DType.bfloat16, .float16]) func trainingReachesTheSameLoss(_ dtype: DType) {
        func train(_ dtype: DType?) -> (loss: Double, isWide: Bool) {
            withGenerator(Generator(seed: 9)) {
                let net = Sequential(
                    Conv1d(1, 8, kernelSize: 3, padding: 1), BatchNorm1d(8), ReLU(), Flatten(), Linear(64, 16), GELU(), LayerNorm([16]),
                    Linear(16, 3))
                let optimizer = Adam(net.parameters(), lr: 0.01)
                let scaler = GradScaler(initScale: 0x1p20, growthInterval: 20, enabled: dtype == .float16)
                let x = Tensor.randn([96, 1, 8])
                let target = Tensor.stack(
                    [
                        x.select(1, 0).narrow(1, 0, 3).sum(dim: 1), x.select(1, 0).narrow(1, 3, 2).sum(dim: 1),
                        x.select(1, 0).narrow(1, 5, 3).sum(dim: 1),
                    ], dim: 1
                )
                .argmax(dim: 1)
                var last = 0.0
                for _ in 0..<60 {
                    optimizer.zeroGrad()
                    let loss = autocast(dtype ?? .bfloat16, enabled: dtype != nil) { F.crossEntropy(net(x), target) }
                    scaler.scale(loss).backward()
                    scaler.step(optimizer)
                    scaler.update()
                    last = loss.item()
                }
                let isScaled = dtype != .float16 || scaler.scale < 0x1p20
                return (last, isScaled && net.parameters().allSatisfy { $0.dtype == .float32 && $0.grad?.dtype == .float32 })
            }
        }
        let (exact, mixed) = (train(nil), train(dtype))
        #expect(exact.loss < 0.1, "the task is learned: \(exact.loss)")
        #expect(mixed.isWide && abs(mixed.loss - exact.loss) < 0.05, "\(mixed) instead of \(exact)")
    }
}
