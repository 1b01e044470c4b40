import ApusCore
import ApusNN
import ApusOptim
import TestSupport
import Testing

private typealias R = Recorded

@Suite struct UtilityTests {
    @Test func fusion() {
        func fill(_ tensors: [Tensor?], _ bn: BatchNorm) {
            noGrad {
                for (i, tensor) in (tensors + [bn.weight, bn.bias, bn.runningMean]).compactMap({ $0 }).enumerated() {
                    tensor.copy_(R.wave(tensor.shape, k: 0.7 + Double(i)))
                }
                bn.runningVar!.copy_(R.wave([3], k: 0.4).abs() + 0.5)
            }
        }
        let (conv, bn) = (Conv2d(2, 3, kernelSize: 2, bias: false, dtype: .float64).eval(), BatchNorm2d(3, dtype: .float64).eval())
        fill([conv.weight], bn)
        let fused = fuseConvBNEval(conv, bn)
        R.expect("fused/conv", [fused.weight, fused.bias!])
        let x = R.wave([2, 2, 4, 4])
        expectClose(fused(x), bn(conv(x)), rtol: 1e-10, atol: 1e-12)
        #expect(
            conv.bias == nil && fused.stateDict().keys == ["weight", "bias"]
                && "\(fused)" == "Conv2d(2, 3, kernel_size=(2, 2), stride=(1, 1))")

        let (transposed, bn1) = (ConvTranspose1d(2, 3, kernelSize: 2, dtype: .float64).eval(), BatchNorm1d(3, dtype: .float64).eval())
        fill([transposed.weight, transposed.bias], bn1)
        let fusedTransposed = fuseConvBNEval(transposed, bn1, transpose: true)
        R.expect("fused/transposed", [fusedTransposed.weight, fusedTransposed.bias!])

        let (linear, bn2) = (Linear(2, 3, dtype: .float64).eval(), BatchNorm1d(3, dtype: .float64).eval())
        fill([linear.weight, linear.bias], bn2)
        let fusedLinear = fuseLinearBNEval(linear, bn2)
        R.expect("fused/linear", [fusedLinear.weight, fusedLinear.bias!])
        expectClose(fusedLinear(R.wave([4, 2])), bn2(linear(R.wave([4, 2]))), rtol: 1e-10, atol: 1e-12)

        #expect(message { _ = fuseConvBNEval(conv.train(), bn) }.contains("eval()"))
        #expect(message { _ = fuseLinearBNEval(linear, BatchNorm1d(4).eval()) }.contains("4 features"))
        #expect(message { _ = fuseLinearBNEval(linear, BatchNorm1d(3, trackRunningStats: false).eval()) }.contains("running statistics"))
    }

    /// A fused layer has the class and the arguments of the convolution, and no random numbers are drawn for it.
    @Test func fusedLayersKeepTheirArguments() {
        final class Own: Conv2d {}
        let x = R.wave([2, 2, 6, 6]).to(.float32)
        let layers: [ConvolutionLayer] = [
            Conv2d(2, 4, 3, padding: .same, dilation: 2, groups: 2),
            Conv2d(2, 4, [3, 2], stride: [1, 2], padding: 1, paddingMode: .reflect),
            LazyConv2d(4, 3, padding: 1, bias: false), Own(2, 4, 3, padding: 1), Convolution(2, 4, [3, 3], bias: false),
        ]
        for conv in layers {
            let (bn, generator) = (BatchNorm2d(4), Generator(seed: 2))
            for _ in 0..<3 { _ = bn(conv(x)) }
            _ = (conv.eval(), bn.eval())
            let before = generator.state
            let fused = withGenerator(generator) { fuseConvBNEval(conv, bn) }
            expectClose(fused(x), bn(conv(x)), rtol: 1e-4, atol: 1e-5)
            #expect(type(of: fused) == type(of: conv) && fused !== conv && generator.state == before && !fused.training)
            #expect(fused.description == conv.description.replacing(", bias=False", with: ""))
        }
    }

    @Test func vectors() {
        let linear = Linear(3, 2)
        let vector = parametersToVector(linear.parameters())
        #expect(vector.shape == [8] && vector.requiresGrad)
        vectorToParameters(Tensor.arange(8).to(.float32), linear.parameters())
        #expect(linear.weight.array(Int.self) == [0, 1, 2, 3, 4, 5] && linear.bias!.array(Int.self) == [6, 7] && linear.weight.isLeaf)
        #expect(message { vectorToParameters(Tensor.ones([7]), linear.parameters()) }.contains("8 elements"))
        #expect(message { _ = parametersToVector([]) }.contains("no parameters"))
    }

    @Test func withoutInitialisation() {
        let generator = Generator(seed: 1)
        let before = generator.state
        let linear = withGenerator(generator) { skipInit { Linear(4, 3) } }
        #expect(linear.weight.shape == [3, 4] && linear.weight.requiresGrad && generator.state == before)
        withGenerator(generator) { linear.resetParameters() }
        #expect(generator.state != before)
        let x = Tensor.full([2], 3)
        skipInit {
            Init.zeros_(x)
            Init.truncNormal_(x)
        }
        #expect(x.array(Int.self) == [3, 3])
    }

    @Test(arguments: ["RNN", "LSTM", "GRU"]) func packedSequencesAsPyTorchs(_ kind: String) {
        let net: Module
        switch kind {
        case "RNN": net = RNN(2, 3, numLayers: 2, bidirectional: true, dtype: .float64)
        case "LSTM": net = LSTM(2, 3, numLayers: 2, bidirectional: true, dtype: .float64)
        default: net = GRU(2, 3, numLayers: 2, bidirectional: true, dtype: .float64)
        }
        noGrad {
            for (i, parameter) in net.parameters().enumerated() {
                parameter.copy_(R.wave(parameter.shape, k: 0.5 + 0.1 * Double(i), scale: 0.6))
            }
        }
        let x = R.wave([4, 3, 2]).requiresGrad_()
        let hidden = R.wave([4, 3, 3], k: 1.3).requiresGrad_()
        let input = packPaddedSequence(x, lengths: [2, 4, 1], enforceSorted: false)
        var (output, last): (PackedSequence, [Tensor])
        switch net {
        case let rnn as RNN:
            let answer = rnn(input, hidden)
            (output, last) = (answer.output, [answer.hidden])
        case let lstm as LSTM:
            let answer = lstm(input, (hidden, R.wave([4, 3, 3], k: 0.4)))
            (output, last) = (answer.output, [answer.state.h, answer.state.c])
        default:
            let answer = (net as! GRU)(input, hidden)
            (output, last) = (answer.output, [answer.hidden])
        }
        let total = last.reduce((output.data * R.wave(output.data.shape, k: 2.3)).sum()) { $0 + ($1 * R.wave($1.shape, k: 1.7)).sum() }
        let leaves: [Tensor] = [x, hidden] + net.parameters().prefix(2).map { $0 as Tensor }
        R.expect("packed/\(kind)", [output.data] + last + grad(of: total, withRespectTo: leaves), rtol: 1e-9, atol: 1e-11)
    }

    @Test func unpacking() {
        let sequences = [Tensor([1, 2] as [Float]), Tensor([3, 4, 5] as [Float])]
        let packed = packSequence(sequences, enforceSorted: false)
        #expect(unpackSequence(packed).map { $0.array(Float.self) } == [[1, 2], [3, 4, 5]])
        #expect(unpackSequence(packed.to(.float64))[0].dtype == .float64)
        #expect(invertPermutation(Tensor([2, 0, 1])).array(Int.self) == [1, 2, 0])
    }

    @Test func totalNorms() {
        let parameters = [Parameter(Tensor.zeros([2])), Parameter(Tensor.zeros([1])), Parameter(Tensor.zeros([3]))]
        parameters[0].grad = Tensor([3.0, 0]).to(.float32)
        parameters[1].grad = Tensor([4.0]).to(.float32)
        let total = totalNorm(parameters.compactMap(\.grad))
        #expect(
            total.item() == 5 && totalNorm([]).item() == 0
                && totalNorm(parameters.compactMap(\.grad), normType: .infinity).item() == 4)
        clipGradsWithNorm_(parameters, maxNorm: 1, totalNorm: total)
        expectClose(parameters[0].grad!, Tensor([0.6, 0]).to(.float32), rtol: 1e-5, atol: 1e-6)
    }
}

/// User-defined encoders, decoders and layers in transformers.
@Suite struct CustomTransformerTests {
    private final class Doubling: Module {
        override func forward(_ x: Tensor) -> Tensor { x * 2 }
    }
    private final class Masking: Module, MaskedEncoder, MaskedEncoderLayer {
        var sawMask = false
        func callAsFunction(_ src: Tensor, mask: Tensor?, srcKeyPaddingMask: Tensor?, isCausal: Bool) -> Tensor {
            sawMask = mask != nil
            return src
        }
        func callAsFunction(_ src: Tensor, srcMask: Tensor?, srcKeyPaddingMask: Tensor?, isCausal: Bool) -> Tensor { src + 1 }
    }
    private final class Adding: Module, MaskedDecoder, MaskedDecoderLayer {
        func callAsFunction(
            _ tgt: Tensor, _ memory: Tensor, tgtMask: Tensor?, memoryMask: Tensor?, tgtKeyPaddingMask: Tensor?,
            memoryKeyPaddingMask: Tensor?, tgtIsCausal: Bool,
            memoryIsCausal: Bool
        ) -> Tensor { tgt + memory }
    }

    @Test func ownPartsTakeTheirPlaces() {
        let x = Tensor.ones([2, 1, 4])
        let plain = Transformer(4, 2, customEncoder: Doubling(), customDecoder: Adding())
        #expect(plain(x, x).array(Int.self) == Array(repeating: 3, count: 8))
        #expect("\(plain)" == "Transformer(\n  (encoder): Doubling()\n  (decoder): Adding()\n)")
        let mask = Tensor.zeros([2, 2])
        #expect(message { _ = plain(x, x, srcMask: mask) }.contains("MaskedEncoder"))
        let masking = Masking()
        _ = Transformer(4, 2, customEncoder: masking, customDecoder: Adding())(x, x, srcMask: mask)
        #expect(masking.sawMask)
        #expect(TransformerEncoder(Masking(), 3, norm: Doubling())(x, mask: mask).array(Int.self) == Array(repeating: 8, count: 8))
        #expect(TransformerEncoder(Doubling(), 3)(x).array(Int.self) == Array(repeating: 8, count: 8))
        #expect(TransformerDecoder(Adding(), 3)(x, x).array(Int.self) == Array(repeating: 4, count: 8))
        #expect(plain.copy()(x, x).equal(plain(x, x)))
    }
}

/// The sizes that files may request are bounded.
@Suite struct BoundTests {
    @Test func productsOfSizes() {
        let large = Argument.int(1 << 20)
        #expect { try ModuleTable.make("Linear", [large, large], []) } throws: { "\($0)".contains("Linear") && "\($0)".contains("bytes") }
        #expect { try ModuleTable.make("LSTM", [large, large], []) } throws: { "\($0)".contains("bytes") }
        #expect { try ModuleTable.make("EmbeddingBag", [large, large], []) } throws: { "\($0)".contains("bytes") }
        #expect { try ModuleTable.make("Bilinear", [.int(1 << 12), .int(1 << 12), .int(1 << 12)], []) } throws: {
            "\($0)".contains("bytes")
        }
        #expect {
            try ModuleTable.make("LinearCrossEntropyLoss", [.int(3), large], [("out_features", .list([large, large, large]))])
        } throws: { "\($0)".contains("outFeatures") }
        #expect(message { LinearCrossEntropyLoss(3, 4, outFeatures: [2, 0]) }.contains("outFeatures"))
    }
}
