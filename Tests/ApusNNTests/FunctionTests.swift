import ApusCore
import ApusNN
import TestSupport
import Testing

private func numbers(_ shape: Shape, _ seed: UInt64 = 1) -> Tensor {
    Tensor.randn(shape, dtype: .float64, generator: Generator(seed: seed))
}

@Suite struct FunctionDerivativeTests {
    /// The functions are smooth, or the inputs keep away from their kinks.
    @Test func activations() {
        let x = numbers([3, 4]) + 0.05
        let functions: [(String, (Tensor) -> Tensor)] = [
            ("softmax", { F.softmax($0, dim: 1) }), ("softmax of columns", { F.softmax($0, dim: 0) }),
            ("logSoftmax", { F.logSoftmax($0, dim: -1) }),
            ("softmin", { F.softmin($0, dim: 0) }), ("glu", { F.glu($0) }), ("celu", { F.celu($0, alpha: 0.7) }),
            ("elu", { F.elu($0, alpha: 1.3) }),
            ("selu", { F.selu($0) }), ("gelu", { F.gelu($0) }), ("gelu tanh", { F.gelu($0, approximate: .tanh) }), ("silu", { F.silu($0) }),
            ("mish", { F.mish($0) }), ("softplus", { F.softplus($0, beta: 2) }), ("softsign", { F.softsign($0) }),
            ("tanhshrink", { F.tanhshrink($0) }),
            ("logsigmoid", { F.logsigmoid($0) }), ("normalize", { F.normalize($0) }),
            ("leakyRelu", { F.leakyRelu($0, negativeSlope: 0.2) }),
        ]
        for (name, function) in functions { checkGradients([x], name) { function($0[0]) } }
    }

    @Test func functionsOfSeveralTensors() {
        checkGradients([numbers([2, 3, 2]), numbers([3], 2)], "prelu") { F.prelu($0[0], $0[1]) }
        checkGradients([numbers([2, 3]), numbers([4, 3], 2), numbers([4], 3)], "linear") { F.linear($0[0], $0[1], $0[2]) }
        checkGradients([numbers([2, 3]), numbers([2, 2], 2), numbers([4, 3, 2], 3), numbers([4], 4)], "bilinear") {
            F.bilinear($0[0], $0[1], $0[2], $0[3])
        }
        checkGradients([numbers([2, 3]), numbers([2, 3], 2)], "cosineSimilarity") { F.cosineSimilarity($0[0], $0[1]) }
        checkGradients([numbers([2, 3]), numbers([2, 3], 2)], "pairwiseDistance") { F.pairwiseDistance($0[0], $0[1]) }
        let index = Tensor([[0, 2], [2, 1]])
        checkGradients([numbers([4, 3])], "embedding") { F.embedding(index, $0[0]) }
    }
}

@Suite struct EmbeddingTests {
    @Test func paddingAndFrequencyShapeTheGradient() {
        let weight = Tensor.ones([4, 2], requiresGrad: true)
        let index = Tensor([0, 2, 2, 1])
        F.embedding(index, weight, paddingIdx: -4).sum().backward()
        #expect(weight.grad!.array(Double.self) == [0, 0, 1, 1, 2, 2, 0, 0])
        weight.grad = nil
        F.embedding(index, weight, scaleGradByFreq: true).sum().backward()
        #expect(weight.grad!.array(Double.self) == [1, 1, 1, 1, 1, 1, 0, 0])
    }

    @Test func rowsLookedUpAreScaledToTheMaximumNorm() {
        let embedding = Embedding(3, 2, maxNorm: 1)
        noGrad { _ = embedding.weight.copy_(Tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])) }
        expectClose(embedding(Tensor([0, 1])), Tensor([[0.6, 0.8], [0.3, 0.4]]), rtol: 1e-5, atol: 1e-6)
        #expect(embedding.weight.detach()[2].array(Double.self) == [6, 8])
        #expect(Embedding(3, 2, paddingIdx: 1).weight.detach()[1].array(Double.self) == [0, 0])
    }

    @Test func badIndicesAreNamed() {
        let embedding = Embedding(3, 2)
        #expect { try checked { embedding(Tensor([0, 3])) } } throws: { "\($0)".contains("3") && "\($0)".contains("embedding") }
        #expect { try checked { embedding(Tensor([0.5])) } } throws: { "\($0)".contains("int64") }
        #expect { try checked { Embedding(3, 2, paddingIdx: 3) } } throws: { "\($0)".contains("paddingIdx 3") }
        #expect { try checked { F.oneHot(Tensor([0, 5]), numClasses: 4) } } throws: { "\($0)".contains("class 5") }
        #expect(F.oneHot(Tensor([0, 2])).array(Int.self) == [1, 0, 0, 0, 0, 1])
    }
}

@Suite struct DropoutTests {
    /// The factors are 1 / (1 − p), rounded to the input's dtype, where a uniform float32 number is below 1 − p, else 0.
    @Test(arguments: DType.floats) func factors(_ dtype: DType) {
        for p in [0.1, 0.3, 0.5, 0.999] {
            let dropped = F.dropout(.ones([3001], dtype: dtype), p: p, generator: Generator(seed: 8))
            let kept = Tensor.rand([3001], generator: Generator(seed: 8)).lt(1 - p).to(dtype)
            expectClose(dropped, values(kept * (1 / (1 - p))), rtol: 0, atol: 0, "\(p)")
        }
    }

    @Test func theExpectationStays() {
        let x = Tensor.ones([200, 500])
        for p in [0.1, 0.5, 0.9] {
            let y = F.dropout(x, p: p, generator: Generator(seed: 7))
            // 100,000 draws; the bound is five standard errors.
            #expect(abs(y.mean().item() - 1) < 5 * (p / (1 - p) / 100_000).squareRoot())
            #expect(y.eq(0).logicalOr((y - 1 / (1 - p)).abs().lt(1e-5)).all().item(Bool.self))
        }
        let layer = Dropout(0.5).eval()
        #expect(layer(x) === x)
        #expect(F.dropout(x, p: 1).sum().item() == 0)
    }

    @Test func channelsDropAsAWhole() {
        let y = F.dropout2d(Tensor.ones([8, 16, 3, 3]), p: 0.5, generator: Generator(seed: 3)).reshape(128, 9)
        #expect(y.amax(dim: [1]).eq(y.amin(dim: [1])).all().item(Bool.self))
        let kept = y.select(1, 0).gt(0).sum().item(Int.self)
        #expect(kept > 32 && kept < 96)
    }

    @Test func alphaDropoutKeepsMeanAndVariance() {
        let x = Tensor.randn([400, 500], generator: Generator(seed: 1))
        let y = F.alphaDropout(x, p: 0.3, training: true, generator: Generator(seed: 2))
        #expect(abs(y.mean().item()) < 0.02 && abs(y.var().item() - 1) < 0.03)
    }

    @Test func theGradientPassesWhatWasKept() {
        let x = Tensor.ones([50], requiresGrad: true)
        let y = F.dropout(x, p: 0.5, generator: Generator(seed: 5))
        y.sum().backward()
        #expect(x.grad!.equal(y.detach()))
    }

    @Test func badProbabilitiesAreNamed() {
        #expect { try checked { Dropout(1.5) } } throws: { "\($0)".contains("Dropout") && "\($0)".contains("1.5") }
        #expect { try checked { F.dropout(Tensor.ones([2]), p: -0.1) } } throws: { "\($0)".contains("-0.1") }
    }
}

@Suite struct ConstructorTests {
    @Test func absurdSizesAreNamed() {
        #expect { try checked { Linear(1 << 40, 2) } } throws: { "\($0)".contains("inFeatures") && "\($0)".contains("Linear") }
        #expect { try checked { Linear(3, -1) } } throws: { "\($0)".contains("outFeatures") }
        #expect { try ModuleTable.make("Linear", [.int(3), .string("many")], []) } throws: {
            "\($0)".contains("'out_features' must be an integer")
        }
        #expect { try ModuleTable.make("Linear", [.int(3)], []) } throws: { "\($0)".contains("'out_features' is missing") }
        #expect { try ModuleTable.make("Linear", [.int(3), .int(2)], [("width", .int(1))]) } throws: { "\($0)".contains("'width'") }
        #expect { try ModuleTable.make("Linaer", [], []) } throws: { "\($0)".contains("Linaer") }
    }

    @Test func inPlaceActivationsWriteIntoTheirInput() {
        let x = Tensor([-1.0, 2.0])
        let y = LeakyReLU(0.5, inplace: true)(x)
        #expect(x.array(Double.self) == [-0.5, 2] && y === x)
        let leaf = Tensor([-1.0, 2.0], requiresGrad: true)
        let z = F.elu(leaf * 2, inplace: true)
        z.sum().backward()
        expectClose(leaf.grad!, Tensor([2 * 0.1353352832366127, 2.0]), rtol: 1e-5, atol: 1e-6)
        #expect { try checked { F.relu(leaf, inplace: true) } } throws: { "\($0)".contains("leaf") }
    }
}
