import ApusCore
import ApusNN
import TestSupport
import Testing

/// Attention and transformers: answers recorded from PyTorch, derivatives, masks, names, printed forms, errors.
@Suite struct AttentionTests {
    @Test func answersOfPyTorch() {
        let attention = fill(MultiheadAttention(4, 2, addBiasKv: true, addZeroAttn: true, batchFirst: true, dtype: .float64))
        let mask = Tensor([[false, true, false], [false, false, false]])
        let padding = Tensor([[false, false, true]])
        let (output, weights) = attention(wave([1, 2, 4]), wave([1, 3, 4]), wave([1, 3, 4]) * 2, keyPaddingMask: padding, attnMask: mask)
        expectClose(output, [-0.0824341, 1.3400632, 0.9341569, -0.0356236, -0.5071526, 1.425872, 1.3744363, -0.0415907], atol: 1e-6)
        expectClose(weights!, [0.5112736, 0.0, 0.0, 0.2384176, 0.2503088, 0.2985963, 0.5029881, 0.0, 0.0860693, 0.1123463], atol: 1e-6)
        // Without weights another implementation computes the same.
        let (lean, none) = attention(
            wave([1, 2, 4]), wave([1, 3, 4]), wave([1, 3, 4]) * 2, keyPaddingMask: padding, needWeights: false, attnMask: mask)
        #expect(none == nil)
        expectClose(lean, output, rtol: 1e-12)

        let other = fill(MultiheadAttention(4, 2, bias: false, kdim: 3, vdim: 5, dtype: .float64))
        let (unbatched, heads) = other(wave([2, 4]), wave([3, 3]), wave([3, 5]), averageAttnWeights: false)
        expectClose(unbatched, [-0.1256524, 0.1767172, 0.1576989, -0.1481196, -0.1697669, 0.2431527, 0.213861, -0.2043705], atol: 1e-6)
        #expect(heads!.shape == [2, 2, 3])
        expectClose(heads!.select(0, 0), [0.2573473, 0.4763019, 0.2663508, 0.1879348, 0.5912223, 0.2208429], atol: 1e-6)

        expectClose(
            F.scaledDotProductAttention(
                wave([1, 4, 2, 2]), wave([1, 2, 3, 2]) * 2, wave([1, 2, 3, 2]), isCausal: true, scale: 0.5, enableGqa: true),
            [
                0.0, 0.3616154, 0.483931, 0.7449227, 0.0, 0.3616154, 0.4676852, 0.7320549, 0.7965655, 0.5240443, 0.3591609, 0.0189169,
                0.7965655, 0.5240443,
                0.3431381, 0.0004133,
            ], atol: 1e-6)
    }

    @Test func transformersOfPyTorch() {
        let encoder = fill(
            TransformerEncoderLayer(4, 2, dimFeedforward: 5, dropout: 0, activation: .gelu, normFirst: true, dtype: .float64))
        expectClose(
            encoder(wave([3, 1, 4])),
            [
                3.2319214, 7.1956253, -4.1178503, 0.8420859, 3.8451406, 6.7490478, -3.1511017, 0.6930897, 2.4825478, 4.9060549, -3.5661287,
                -0.4545493,
            ], atol: 1e-6)
        let decoder = fill(TransformerDecoderLayer(4, 2, dimFeedforward: 5, dropout: 0, dtype: .float64))
        let mask = Transformer.generateSquareSubsequentMask(2, dtype: .float64)
        expectClose(
            decoder(wave([2, 1, 4]), wave([3, 1, 4]) * 1.3, tgtMask: mask),
            [0.0, 1.6207069, -0.660637, 1.4952449, 0.0, 1.6472436, -0.6138867, 1.3837493], atol: 1e-6)
    }

    @Test func derivatives() {
        let attention = fill(MultiheadAttention(2, 2, addBiasKv: true, dtype: .float64))
        checkGradients([wave([2, 1, 2]), wave([3, 1, 2]), wave([3, 1, 2]).cos()], "attention") { attention($0[0], $0[1], $0[2]).output }
        checkGradients([wave([2, 1, 2])], "self-attention") { attention($0[0], $0[0], $0[0], needWeights: false).output }
        checkGradients(
            [wave([2, 3]), wave([4, 3]), wave([4, 2]), Tensor([[true, false, true, true], [true, true, true, false]])], "product"
        ) {
            F.scaledDotProductAttention($0[0], $0[1], $0[2], attnMask: $0[3])
        }
        let layer = fill(TransformerEncoderLayer(2, 1, dimFeedforward: 3, dropout: 0, activation: .gelu, dtype: .float64))
        checkGradients([wave([3, 1, 2])], "encoder layer", { layer($0[0]) })
    }

    /// A position whose mask excludes every key gets 0, and its gradient is 0, not NaN.
    @Test func maskedRows() {
        let x = wave([2, 3]).requiresGrad_()
        let out = F.scaledDotProductAttention(x, x, x, attnMask: Tensor([[true, true], [false, false]]))
        expectClose(out.select(0, 1), [0, 0, 0])
        out.sum().backward()
        #expect(x.grad!.isfinite().all().item(Bool.self))
    }

    @Test func namesAndPrintedForms() {
        #expect("\(MultiheadAttention(4, 2))" == "MultiheadAttention(\n  (out_proj): Linear(in_features=4, out_features=4, bias=True)\n)")
        #expect(
            MultiheadAttention(4, 2, addBiasKv: true).stateDict().keys.map(\.description) == [
                "in_proj_weight", "in_proj_bias", "bias_k", "bias_v", "out_proj.weight", "out_proj.bias",
            ])
        #expect(
            MultiheadAttention(4, 2, kdim: 3).stateDict().keys.map(\.description).prefix(3) == [
                "q_proj_weight", "k_proj_weight", "v_proj_weight",
            ])
        let model = Transformer(4, 2, numEncoderLayers: 2, numDecoderLayers: 1, dimFeedforward: 8)
        #expect(
            "\(model)".hasPrefix(
                """
                Transformer(
                  (encoder): TransformerEncoder(
                    (layers): ModuleList(
                      (0-1): 2 x TransformerEncoderLayer(
                        (self_attn): MultiheadAttention(
                          (out_proj): Linear(in_features=4, out_features=4, bias=True)
                        )
                        (linear1): Linear(in_features=4, out_features=8, bias=True)
                        (dropout): Dropout(p=0.1, inplace=False)
                """))
        #expect(model.namedParameters().contains { $0.name == "decoder.layers.0.multihead_attn.in_proj_weight" })
        #expect(model(Tensor.ones([3, 2, 4]), Tensor.ones([5, 2, 4])).shape == [5, 2, 4])
    }

    @Test func badArgumentsAreNamed() {
        let x = Tensor.ones([3, 2, 4])
        let attention = MultiheadAttention(4, 2)
        #expect(message { MultiheadAttention(4, 3)(x, x, x).output }.contains("embedDim (4) must be divisible by numHeads (3)"))
        #expect(message { attention(x.select(0, 0).select(0, 0), x, x).output }.contains("query must have 2 dimensions, or 3 with a batch"))
        #expect(message { attention(x, Tensor.ones([5, 2, 4]), x).output }.contains("key of shape [5, 2, 4] and value of shape [3, 2, 4]"))
        #expect(
            message { attention(x, x, x, attnMask: Tensor.zeros([3, 4])).output }.contains(
                "attnMask of shape [3, 4] must have shape [3, 3] or [4, 3, 3]"))
        #expect(message { attention(x, x, x, keyPaddingMask: Tensor.zeros([3, 2])).output }.contains("keyPaddingMask of shape [3, 2]"))
        #expect(message { attention(x, x, x, isCausal: true).output }.contains("attnMask, which is missing"))
        let biased = MultiheadAttention(4, 2, addBiasKv: true)
        biased.biasV = nil
        #expect(message { biased(x, x, x).output }.contains("biasK and biasV belong together"))
        let plain = TransformerEncoder(Linear(4, 4), 1)
        #expect(message { plain(x, isCausal: true) }.contains("isCausal was given; make the class a MaskedEncoderLayer"))
        #expect(
            message { Transformer(4, 2, numEncoderLayers: 1, numDecoderLayers: 1, dimFeedforward: 4)(x, Tensor.ones([3, 1, 4])) }.contains(
                "differ in batch size"))
    }

    /// In 16-bit types, also inside `autocast`, scores are not rounded: the result equals float64's, to the precision of the output.
    @Test(arguments: [DType.float16, .bfloat16]) func halfTypesKeepScores(_ dtype: DType) {
        // Scores of 40,000 whose differences are below float16's precision; its range ends at 65,504.
        let ones = Tensor.full([1, 1, 4], 100.0, dtype: dtype)
        #expect(
            F.scaledDotProductAttention(ones, ones, Tensor.full([1, 1, 4], 2.0, dtype: dtype)).to(.float64).equal(
                Tensor.full([1, 1, 4], 2.0, dtype: .float64)))
        for scale in [1.0, 4, 30] {
            let (q, k, v) = ((wave([2, 5, 8]) * scale).to(dtype), (wave([2, 7, 8]) * scale + 1).to(dtype), wave([2, 7, 3]).to(dtype))
            let mask = wave([5, 7]).to(dtype)
            let wanted = F.scaledDotProductAttention(q.to(.float64), k.to(.float64), v.to(.float64), attnMask: mask.to(.float64))
            expectClose(
                F.scaledDotProductAttention(q, k, v, attnMask: mask).to(.float64), wanted, rtol: dtype.epsilon, atol: dtype.epsilon,
                "\(dtype), queries of \(scale)")
            let cast = autocast(dtype) {
                F.scaledDotProductAttention(q.to(.float32), k.to(.float32), v.to(.float32), attnMask: mask.to(.float32))
            }
            expectClose(
                cast.to(.float64), wanted, rtol: dtype.epsilon, atol: dtype.epsilon, checkDType: false,
                "autocast to \(dtype), queries of \(scale)")
        }
        // With weights and without.
        let attention = fill(MultiheadAttention(4, 2, dtype: dtype))
        let exact = fill(MultiheadAttention(4, 2, dtype: .float64))
        for (to, from) in zip(attention.parameters(), exact.parameters()) {
            noGrad {
                _ = to.copy_(from * 20); _ = from.copy_(to)
            }
        }
        let x = (wave([3, 2, 4]) * 2).to(dtype)
        for needWeights in [true, false] {
            let found = attention(x, x, x, needWeights: needWeights).output
            let wanted = exact(x.to(.float64), x.to(.float64), x.to(.float64), needWeights: needWeights).output
            let size = wanted.abs().max().item()
            // Queries, keys and values are rounded first, each by at most half a unit.
            expectClose(found.to(.float64), wanted, rtol: 0, atol: 40 * dtype.epsilon * size, "\(dtype), weights \(needWeights)")
        }
    }
}
