import ApusCore
import ApusNN
import TestSupport
import Testing

/// Normalisation: answers recorded from PyTorch, running statistics, derivatives of first (fused) and second (composed) order, errors.
@Suite struct NormalizationTests {
    @Test func batchNormOfPyTorch() {
        let x = wave([3, 2, 4])
        let norm = BatchNorm1d(2, momentum: nil, dtype: .float64)
        noGrad {
            _ = norm.weight!.copy_(wave([2]) + 1)
            _ = norm.bias!.copy_(wave([2]) - 1)
        }
        _ = norm(x)
        let y = norm(x * 2 + 1)
        expectClose(
            y.select(0, 0), [-1.2169543, -0.4889706, 0.1404839, 0.5862155, 0.5226468, 0.4662305, 0.1977098, -0.2465721], atol: 1e-6)
        // Without momentum, the mean over both batches.
        expectClose(norm.runningMean!, [0.6616534, 0.9255617], atol: 1e-7)
        expectClose(norm.runningVar!, [0.6729376, 1.9024756], atol: 1e-7)
        #expect(norm.numBatchesTracked!.item(Int.self) == 2)
        norm.eval()
        expectClose(
            norm(x).select(0, 0), [-1.806566, -1.365751, -0.9845983, -0.714695, -0.5689673, -0.6031291, -0.7657263, -1.0347521], atol: 1e-6)
        #expect(norm.numBatchesTracked!.item(Int.self) == 2)
        #expect(norm.stateDict().keys.map(\.description) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"])
    }

    @Test func statisticsStartAnew() {
        let norm = BatchNorm1d(2)
        noGrad { _ = norm.weight!.fill_(3) }
        _ = norm(wave([3, 2, 4]).float())
        norm.resetRunningStats()
        #expect(norm.runningMean!.array(Float.self) == [0, 0])
        #expect(norm.runningVar!.array(Float.self) == [1, 1])
        #expect(norm.numBatchesTracked!.item(Int.self) == 0)
        #expect(norm.weight!.array(Float.self) == [3, 3])
    }

    @Test func othersOfPyTorch() {
        let x = wave([3, 2, 4])
        expectClose(
            F.layerNorm(x, [2, 4], weight: wave([2, 4]), bias: wave([2, 4]) * 2).select(0, 0),
            [
                0.0, 0.3962913, 1.3972461, 2.4752754, 3.0636504, 2.853324, 1.9547556, 0.8400744,
            ], atol: 1e-6)
        expectClose(
            F.groupNorm(wave([2, 4, 3]), 2, weight: wave([4]), bias: wave([4]) * 2).select(0, 0),
            [
                0.0, 0.0, 0.0, 0.9710254, 1.0712974, 1.0366607, 2.3067094, 1.9800466, 1.5683657, 1.4975771, 0.9521593, 0.5209244,
            ], atol: 1e-6)
        let instance = InstanceNorm1d(2, affine: true, trackRunningStats: true, dtype: .float64)
        expectClose(
            instance(x).select(0, 0), [-1.4318389, -0.35962, 0.5674791, 1.2239798, 0.9462548, 0.7606627, -0.1226853, -1.5842323], atol: 1e-6
        )
        expectClose(instance.runningMean!, [0.0107769, 0.0283708], atol: 1e-7)
        expectClose(instance.runningVar!, [0.9177601, 0.9025295], atol: 1e-7)
        expectClose(
            F.rmsNorm(x, [4], weight: wave([4])).select(0, 0),
            [0.0, 0.2220113, 0.7719195, 1.3620879, 0.0, 0.4136356, 0.6391313, 0.5585386], atol: 1e-6)
        expectClose(
            F.localResponseNorm(x * 3, 3, alpha: 0.5, beta: 0.75, k: 2).select(0, 0),
            [
                0.0, 0.416633, 0.7685966, 1.0248743, 1.1706506, 1.1075274, 0.9079764, 0.5996208,
            ], atol: 1e-6)
    }

    @Test func derivatives() {
        let x = wave([3, 2, 4])
        let (w, b) = (wave([2]) + 1, wave([2]))
        checkGradients([x, w, b], "batch") { F.batchNorm($0[0], nil, nil, weight: $0[1], bias: $0[2], training: true) }
        checkGradients([x, b], "batch with bias alone") { F.batchNorm($0[0], nil, nil, bias: $0[1], training: true) }
        let (mean, variance) = (wave([2]), wave([2]).abs() + 1)
        checkGradients([x, w, b], "running statistics") { F.batchNorm($0[0], mean, variance, weight: $0[1], bias: $0[2]) }
        checkGradients([x, wave([2, 4]) + 1, wave([2, 4])], "layer") { F.layerNorm($0[0], [2, 4], weight: $0[1], bias: $0[2]) }
        checkGradients([x], "layer without weights") { F.layerNorm($0[0], [4]) }
        checkGradients([wave([2, 4, 3]), wave([4]), wave([4])], "group") { F.groupNorm($0[0], 2, weight: $0[1], bias: $0[2]) }
        checkGradients([x, w, b], "instance") { F.instanceNorm($0[0], weight: $0[1], bias: $0[2]) }
        checkGradients([x, wave([4]) + 1], "rms") { F.rmsNorm($0[0], [4], weight: $0[1]) }
        checkGradients([x], "local response") { F.localResponseNorm($0[0], 2, alpha: 0.5) }
    }

    /// A gradient with `createGraph` uses the composed form, one without it the fused kernel: both give the same.
    @Test func fusedAndComposedGradientsAgree() {
        let x = wave([4, 3, 5]).requiresGrad_()
        let (w, b) = ((wave([3]) + 1).requiresGrad_(), wave([3]).requiresGrad_())
        let g = wave([4, 3, 5]).cos()
        for (name, f) in [
            ("batch", { F.batchNorm(x, nil, nil, weight: w, bias: b, training: true) }),
            ("layer", { F.layerNorm(x.transpose(1, 2), [3], weight: w, bias: b).transpose(1, 2) }),
            ("group", { F.groupNorm(x, 3, weight: w, bias: b) }),
        ] as [(String, () -> Tensor)] {
            let fused = grad(of: [f()], withRespectTo: [x, w, b], gradients: [g])
            let composed = grad(of: [f()], withRespectTo: [x, w, b], gradients: [g], createGraph: true)
            for (a, c) in zip(fused, composed) { expectClose(a!, c!.detach(), rtol: 1e-10, atol: 1e-12, name) }
        }
    }

    @Test func layersPrintAsPyTorchDoes() {
        #expect("\(BatchNorm2d(3))" == "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)")
        #expect(
            "\(BatchNorm1d(10, eps: 1e-3, momentum: nil))"
                == "BatchNorm1d(10, eps=0.001, momentum=None, affine=True, bias=True, track_running_stats=True)")
        #expect("\(LayerNorm([2, 5], bias: false))" == "LayerNorm((2, 5), eps=1e-05, elementwise_affine=True, bias=False)")
        #expect("\(GroupNorm(3, 6))" == "GroupNorm(3, 6, eps=1e-05, affine=True, bias=True)")
        #expect("\(InstanceNorm1d(3))" == "InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=False)")
        #expect("\(RMSNorm([5]))" == "RMSNorm((5,), eps=None, elementwise_affine=True)")
        #expect("\(LocalResponseNorm(3))" == "LocalResponseNorm(3, alpha=0.0001, beta=0.75, k=1.0)")
        let lazy = LazyBatchNorm2d()
        #expect("\(lazy)".hasPrefix("LazyBatchNorm2d(0, "))
        _ = lazy(Tensor.ones([2, 3, 4, 4]))
        #expect("\(lazy)".hasPrefix("BatchNorm2d(3, "))
        #expect(lazy.runningVar!.shape == [3])
    }

    @Test func badArgumentsAreNamed() {
        #expect(message { BatchNorm1d(3)(Tensor.ones([3])) }.contains("expects an input with 2 or 3 dimensions"))
        #expect(message { BatchNorm2d(3)(Tensor.ones([2, 4, 2, 2])) }.contains("runningMean of shape [3] does not fit the 4 channels"))
        #expect(message { BatchNorm1d(3)(Tensor.ones([1, 3])) }.contains("more than one value for each channel"))
        #expect(message { BatchNorm1d(3, eps: 0)(Tensor.ones([2, 3])) }.contains("eps is 0.0"))
        #expect(message { LayerNorm([5])(Tensor.ones([4, 6])) }.contains("input of shape [4, 6] does not end in normalizedShape [5]"))
        #expect(
            message { GroupNorm(5, 13)(Tensor.ones([4, 13])) }.contains("numChannels (13) must be positive and divisible by numGroups (5)"))
        #expect(message { GroupNorm(3, 6)(Tensor.ones([4, 9, 2])) }.contains("weight of shape [6]"))
        #expect(message { InstanceNorm1d(3, affine: true)(Tensor.ones([2, 4, 5])) }.contains("has 4 channels, but numFeatures is 3"))
        #expect(message { LayerNorm([1 << 40])(Tensor.ones([4])) }.contains("normalizedShape"))
    }

    /// 16-bit types are computed in float32 and rounded once.
    @Test func halfPrecision() {
        let x = wave([3, 2, 4])
        for dtype in [DType.float16, .bfloat16] {
            let half = x.to(dtype)
            let tolerance = dtype == .float16 ? 2e-3 : 2e-2
            expectClose(
                F.batchNorm(half, nil, nil, training: true).to(.float64), F.batchNorm(half.to(.float64), nil, nil, training: true),
                atol: tolerance)
            expectClose(F.layerNorm(half, [4]).to(.float64), F.layerNorm(half.to(.float64), [4]), atol: tolerance)
            expectClose(F.rmsNorm(half, [4], eps: 1e-5).to(.float64), F.rmsNorm(half.to(.float64), [4], eps: 1e-5), atol: tolerance)
        }
    }
}
