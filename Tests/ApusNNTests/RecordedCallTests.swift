import ApusCore
import ApusNN
import TestSupport
import Testing

/// The functions of `F`, `Func` and `Init`, and `AveragedModel`, against the answers of PyTorch that `Tests/ApusNNTests/record_calls.py`
/// recorded: outputs, and the gradients of their sum weighted by `wave(k: 2.3)`.
@Suite struct RecordedCallTests {
    struct Call: Decodable {
        let inputs, outputs: [RecordedTensor]
        /// By place of the input.
        let gradients: [String: RecordedTensor]
    }

    private struct File: Decodable {
        let calls: [String: Call]
    }

    static let recorded = Recorded.load("calls", as: File.self).calls

    /// The same calls by the script's names.
    static let calls: [String: RecordedCall] = {
        var all: [String: RecordedCall] = [:]
        for family in [
            RecordedCalls.activations, RecordedCalls.losses, RecordedCalls.spatial, RecordedCalls.interpolation, RecordedCalls.others,
            RecordedCalls.transforms, RecordedCalls.initialisers,
        ] {
            all.merge(family()) { _, _ in fatalError("a call has two entries") }
        }
        return all
    }()

    @Test func everyCallIsCompared() {
        #expect(Set(Self.calls.keys).symmetricDifference(Self.recorded.keys).sorted() == [])
    }

    @Test(arguments: recorded.keys.sorted()) func agrees(_ name: String) throws {
        let (call, wanted) = (try #require(Self.calls[name]), Self.recorded[name]!)
        let inputs = wanted.inputs.enumerated().map { i, value in
            let x = value.tensor
            return wanted.gradients["\(i)"] == nil ? x : x.requiresGrad_()
        }
        let outputs = call(inputs)
        // PyTorch's derivatives of these functions round their constants to float32.
        let rtol = name == "celu/alpha" || name == "hardsigmoid" ? 1e-6 : 1e-9
        #expect(outputs.count == wanted.outputs.count)
        for (i, (output, value)) in zip(outputs, wanted.outputs).enumerated() {
            expectClose(output.detach(), value.tensor, rtol: 1e-9, atol: 1e-11, "\(name): output \(i)")
        }
        let differentiable = outputs.filter(\.requiresGrad)
        #expect(differentiable.isEmpty == wanted.gradients.isEmpty)
        let leaves = inputs.filter(\.requiresGrad)
        if leaves.isEmpty { return }
        let found = grad(
            of: differentiable, withRespectTo: leaves, gradients: differentiable.map { Recorded.wave($0.shape, k: 2.3) }, allowUnused: true)
        for (leaf, gradient) in zip(leaves, found) {
            let i = inputs.firstIndex { $0 === leaf }!
            expectClose(
                gradient ?? Tensor.zeros(like: leaf), wanted.gradients["\(i)"]!.tensor, rtol: rtol, atol: 1e-11,
                "\(name): gradient of input \(i)")
        }
    }
}

typealias RecordedCall = @Sendable ([Tensor]) -> [Tensor]

/// The calls in Apus, by family.
enum RecordedCalls {
    static func wave(_ shape: Shape, k: Double = 0.7) -> Tensor { Recorded.wave(shape, k: k) }

    static func activations() -> [String: RecordedCall] {
        var calls: [String: RecordedCall] = [
            "relu": { [F.relu($0[0])] }, "relu6": { [F.relu6($0[0])] }, "elu": { [F.elu($0[0])] }, "selu": { [F.selu($0[0])] },
            "celu": { [F.celu($0[0])] },
            "leaky_relu": { [F.leakyRelu($0[0])] }, "silu": { [F.silu($0[0])] }, "mish": { [F.mish($0[0])] },
            "sigmoid": { [F.sigmoid($0[0])] },
            "tanh": { [F.tanh($0[0])] }, "softplus": { [F.softplus($0[0])] }, "softsign": { [F.softsign($0[0])] },
            "hardtanh": { [F.hardtanh($0[0])] },
            "hardswish": { [F.hardswish($0[0])] }, "hardsigmoid": { [F.hardsigmoid($0[0])] }, "hardshrink": { [F.hardshrink($0[0])] },
            "softshrink": { [F.softshrink($0[0])] }, "tanhshrink": { [F.tanhshrink($0[0])] }, "logsigmoid": { [F.logsigmoid($0[0])] },
            "gelu": { [F.gelu($0[0])] }, "glu": { [F.glu($0[0])] }, "rrelu": { [F.rrelu($0[0])] },
        ]
        calls["elu/alpha"] = { [F.elu($0[0], alpha: 0.4)] }
        calls["celu/alpha"] = { [F.celu($0[0], alpha: 0.4)] }
        calls["leaky_relu/slope"] = { [F.leakyRelu($0[0], negativeSlope: 0.3)] }
        calls["softplus/beta"] = { [F.softplus($0[0], beta: 2, threshold: 3)] }
        calls["hardtanh/bounds"] = { [F.hardtanh($0[0], minVal: -0.5, maxVal: 2)] }
        calls["hardshrink/lambd"] = { [F.hardshrink($0[0], lambd: 1.5)] }
        calls["softshrink/lambd"] = { [F.softshrink($0[0], lambd: 1.5)] }
        calls["gelu/tanh"] = { [F.gelu($0[0], approximate: .tanh)] }
        calls["glu/dim"] = { [F.glu($0[0], dim: 0)] }
        calls["threshold"] = { [F.threshold($0[0], threshold: 0.1, value: 20)] }
        calls["prelu"] = { [F.prelu($0[0], $0[1])] }
        calls["prelu/one"] = { [F.prelu($0[0], $0[1])] }
        for (end, dim) in [("0", 0), ("-1", -1), ("usual", nil)] {
            calls["softmax/\(end)"] = { [F.softmax($0[0], dim: dim)] }
            calls["log_softmax/\(end)"] = { [F.logSoftmax($0[0], dim: dim)] }
            calls["softmin/\(end)"] = { [F.softmin($0[0], dim: dim)] }
        }
        return calls
    }

    static func others() -> [String: RecordedCall] {
        var calls: [String: RecordedCall] = [:]
        calls["linear"] = { [F.linear($0[0], $0[1], $0[2])] }
        calls["bilinear"] = { [F.bilinear($0[0], $0[1], $0[2], $0[3])] }
        calls["cosine_similarity"] = { [F.cosineSimilarity($0[0], $0[1], dim: 0)] }
        calls["pairwise_distance"] = { [F.pairwiseDistance($0[0], $0[1], p: 3, keepDim: true)] }
        calls["normalize"] = { [F.normalize($0[0], p: 3, dim: 0)] }
        calls["one_hot"] = { [F.oneHot($0[0], numClasses: 5)] }
        calls["layer_norm"] = { [F.layerNorm($0[0], [4], weight: $0[1], bias: $0[2], eps: 1e-3)] }
        calls["rms_norm"] = { [F.rmsNorm($0[0], [3, 4], weight: $0[1], eps: 1e-3)] }
        calls["embedding"] = { [F.embedding($0[0], $0[1], paddingIdx: 3, scaleGradByFreq: true)] }
        calls["embedding_bag"] = { [F.embeddingBag($0[0], $0[1], offsets: Tensor([0, 3]), mode: .sum, perSampleWeights: $0[2])] }
        calls["dropout/off"] = { [F.dropout($0[0], p: 0.4, training: false)] }
        calls["alpha_dropout/off"] = { [F.alphaDropout($0[0], p: 0.4, training: false)] }
        calls["feature_alpha_dropout/off"] = { [F.featureAlphaDropout($0[0], p: 0.4, training: false)] }
        calls.merge(attention()) { first, _ in first }
        return calls
    }

    private static func attention() -> [String: RecordedCall] {
        var calls: [String: RecordedCall] = [:]
        let dot = "scaled_dot_product_attention"
        calls["\(dot)/plain"] = { [F.scaledDotProductAttention($0[0], $0[1], $0[2])] }
        calls["\(dot)/causal"] = { [F.scaledDotProductAttention($0[0], $0[1], $0[2], isCausal: true, scale: 0.3)] }
        calls["\(dot)/added"] = { [F.scaledDotProductAttention($0[0], $0[1], $0[2], attnMask: $0[3])] }
        calls["\(dot)/bool"] = { [F.scaledDotProductAttention($0[0], $0[1], $0[2], attnMask: wave([3, 6], k: 1.7).gt(-0.5))] }
        calls["\(dot)/grouped"] = { [F.scaledDotProductAttention($0[0], $0[1], $0[2], enableGqa: true)] }
        calls["\(dot)/3"] = { [F.scaledDotProductAttention($0[0], $0[1], $0[2])] }

        /// x and y, and the four weights behind them.
        @Sendable func attend(
            _ t: [Tensor], zero: Bool = false, averages: Bool = true, padding: Tensor? = nil, mask: Tensor? = nil,
            bias: (Tensor, Tensor)? = nil, fixed: (Tensor, Tensor)? = nil
        ) -> [Tensor] {
            let (output, weights) = F.multiHeadAttentionForward(
                t[0], t[1], t[1], embedDimToCheck: 4, numHeads: 2, inProjWeight: t[2], inProjBias: t[3], biasK: bias?.0, biasV: bias?.1,
                addZeroAttn: zero,
                outProjWeight: t[4], outProjBias: t[5], keyPaddingMask: padding, attnMask: mask, staticK: fixed?.0, staticV: fixed?.1,
                averageAttnWeights: averages)
            return [output, weights!]
        }
        let heads = "multi_head_attention_forward"
        calls["\(heads)/plain"] = { attend($0) }
        calls["\(heads)/zero heads"] = { attend($0, zero: true, averages: false) }
        calls["\(heads)/padding"] = {
            attend($0, padding: Tensor([false, false, false, false, true, true, false, false, false, false], shape: [2, 5]))
        }
        calls["\(heads)/static"] = { attend($0, fixed: ($0[6], $0[7])) }
        calls["\(heads)/bias"] = { attend($0, mask: wave([3, 5]).gt(0.9), bias: ($0[6], $0[7])) }
        calls["\(heads)/separate"] = { t in
            let (output, weights) = F.multiHeadAttentionForward(
                t[0], t[1], t[2], embedDimToCheck: 4, numHeads: 2, inProjWeight: nil, inProjBias: t[3], outProjWeight: t[4],
                outProjBias: t[5], qProjWeight: t[6],
                kProjWeight: t[7], vProjWeight: t[8])
            return [output, weights!]
        }
        return calls
    }
}
