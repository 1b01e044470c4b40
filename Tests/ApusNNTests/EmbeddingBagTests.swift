import ApusCore
import ApusNN
import ApusOptim
import TestSupport
import Testing

@Suite struct EmbeddingBagTests {
    private let weight = Recorded.wave([5, 3])
    private let input = Tensor([1, 4, 2, 2, 0, 1])
    private let offsets = Tensor([0, 2, 2, 5])

    @Test(arguments: EmbeddingBagMode.allCases) func derivatives(_ mode: EmbeddingBagMode) {
        checkGradients([weight], "\(mode)") { F.embeddingBag(input, $0[0], offsets: offsets, mode: mode) }
        checkGradients([weight], "\(mode), padding") { F.embeddingBag(input, $0[0], offsets: offsets, mode: mode, paddingIdx: 2) }
        if mode == .sum {
            checkGradients([weight, Recorded.wave([6])], "weighted") {
                F.embeddingBag(input, $0[0], offsets: offsets, mode: .sum, perSampleWeights: $0[1])
            }
        }
    }

    @Test func theLastOffsetMayEndTheLastBag() {
        let open = F.embeddingBag(input.narrow(0, 0, 4), weight, offsets: Tensor([0, 1]), mode: .sum)
        let closed = F.embeddingBag(input, weight, offsets: Tensor([0, 1, 4]), mode: .sum, includeLastOffset: true)
        #expect(open.equal(closed))
        #expect(F.embeddingBag(Tensor([] as [Int]), weight, offsets: Tensor([0, 0])).array(Double.self) == [0, 0, 0, 0, 0, 0])
    }

    /// Sparse gradients sum up to the dense ones, and hold only the rows that were looked up.
    @Test func sparseGradients() {
        func gradient(_ sparse: Bool, _ f: (Tensor) -> Tensor) -> Tensor {
            let leaf = weight.detach().clone().requiresGrad_()
            (f(leaf) * Recorded.wave(f(leaf).shape, k: 2.3)).sum().backward()
            #expect(leaf.grad!.isSparse == sparse)
            return leaf.grad!
        }
        for padding in [nil, 2] {
            let dense = gradient(false) { F.embedding(input, $0, paddingIdx: padding) }
            let sparse = gradient(true) { F.embedding(input, $0, paddingIdx: padding, sparse: true) }
            #expect(sparse.sparseRows!.indices.array(Int.self) == (padding == nil ? [1, 4, 2, 2, 0, 1] : [1, 4, 0, 1]))
            expectClose(sparse.toDense(), dense)
        }
        for mode in [EmbeddingBagMode.sum, .mean] {
            let dense = gradient(false) { F.embeddingBag(input, $0, offsets: offsets, mode: mode, paddingIdx: 0) }
            let sparse = gradient(true) { F.embeddingBag(input, $0, offsets: offsets, mode: mode, sparse: true, paddingIdx: 0) }
            expectClose(sparse.toDense(), dense)
        }
        let layer = Embedding(5, 3, sparse: true)
        layer(input).sum().backward()
        layer(input).sum().backward()
        #expect(layer.weight.grad!.isSparse && layer.weight.grad!.coalesce().sparseRows!.indices.array(Int.self) == [0, 1, 2, 4])
        #expect("\(layer)" == "Embedding(5, 3, sparse=True)")
        #expect(message { F.embedding(input, weight, scaleGradByFreq: true, sparse: true) }.contains("frequency"))
    }

    /// A gradient that will be differentiated again is dense.
    @Test func sparseLayersHaveSecondDerivatives() {
        let leaf = weight.detach().clone().requiresGrad_()
        let first = grad(of: F.embedding(input, leaf, sparse: true).pow(3).sum(), withRespectTo: [leaf], createGraph: true)[0]
        let second = grad(of: first.sum(), withRespectTo: [leaf])[0]
        let expected = grad(of: (F.embedding(input, leaf).pow(2) * 3).sum(), withRespectTo: [leaf])[0]
        expectClose(second, expected)
    }

    @Test func givenRows() {
        let bag = EmbeddingBag.fromPretrained(Tensor([[1.0, 2.0], [3.0, 5.0]]), mode: .sum)
        #expect(!bag.weight.requiresGrad && bag(Tensor([[0, 1], [1, 1]])).array(Double.self) == [4, 7, 6, 10])
        #expect(Embedding.fromPretrained(Tensor([[1.0], [2.0]]), freeze: false).weight.requiresGrad)
        #expect(EmbeddingBag(4, 2, paddingIdx: -1).weight.detach()[3].array(Double.self) == [0, 0])
        #expect(message { EmbeddingBag.fromPretrained(Tensor.ones([2])) }.contains("two-dimensional"))
        #expect(message { EmbeddingBag(4, 2, paddingIdx: 4) }.contains("paddingIdx 4"))
    }
}

@Suite struct LazyLayerTests {
    @Test func linearLayersLearnTheirInputs() throws {
        let layer = LazyLinear(3)
        #expect("\(layer)" == "LazyLinear(in_features=0, out_features=3, bias=True)" && layer.isLazy)
        let optimizer = SGD(layer.parameters(), lr: 0.1)
        let y = layer(Tensor.ones([2, 5]))
        #expect(
            y.shape == [2, 3] && layer.weight.shape == [3, 5] && layer.inFeatures == 5
                && layer.weight.abs().max().item() <= 1 / 5.0.squareRoot())
        #expect("\(layer)" == "Linear(in_features=5, out_features=3, bias=True)")
        let before = layer.weight.detach().clone()
        y.sum().backward()
        optimizer.step()
        #expect(!layer.weight.detach().equal(before))

        let loaded = LazyLinear(3)
        try loaded.loadStateDict(layer.stateDict())
        #expect(loaded.inFeatures == 5 && loaded.weight.detach().equal(layer.weight.detach()))
        #expect(message { LazyLinear(3)(Tensor.ones([])) }.contains("scalar"))
        #expect(message { LazyLinear(-1) }.contains("outFeatures"))
    }

    @Test func normalisationsLearnTheirChannels() {
        let instance = LazyInstanceNorm2d()
        #expect(instance.affine && instance.trackRunningStats && "\(instance)".hasPrefix("LazyInstanceNorm2d(0, "))
        #expect(
            instance(Tensor.ones([2, 3, 4, 4])).shape == [2, 3, 4, 4] && instance.weight!.shape == [3]
                && "\(instance)".hasPrefix("InstanceNorm2d(3, "))
        let batch = LazyBatchNorm1d(affine: false)
        #expect(batch(Tensor.ones([2, 3])).shape == [2, 3] && batch.runningMean!.shape == [3])
    }
}

@Suite struct AdaptiveSoftmaxTests {
    @Test func probabilitiesAddUpAndAgreeWithTheLoss() {
        let layer = withGenerator(Generator(seed: 1)) {
            AdaptiveLogSoftmaxWithLoss(6, 9, cutoffs: [3, 5], divValue: 2, headBias: true, dtype: .float64)
        }
        let x = Recorded.wave([4, 6])
        let all = layer.logProb(x)
        expectClose(all.exp().sum(dim: 1), Tensor.ones([4], dtype: .float64))
        let (output, loss) = layer(x, Tensor([0, 4, 8, 3]))
        expectClose(output, all.gather(1, Tensor([[0], [4], [8], [3]])).squeeze(1))
        expectClose(loss, -output.mean())
        #expect(layer.predict(x).equal(all.argmax(dim: 1)))
        checkGradients([x], "adaptive softmax") { layer($0[0], Tensor([1, 4, 8, 3])).output }
    }

    @Test func absurdArgumentsAreNamed() {
        #expect(message { AdaptiveLogSoftmaxWithLoss(6, 9, cutoffs: [5, 3]) }.contains("ascend"))
        #expect(message { AdaptiveLogSoftmaxWithLoss(6, 9, cutoffs: []) }.contains("empty"))
        #expect(message { AdaptiveLogSoftmaxWithLoss(6, 9, cutoffs: [3])(Tensor.ones([1, 6]), Tensor([9])) }.contains("target 9"))
    }
}

@Suite struct FractionalPoolTests {
    @Test func derivatives() {
        let x = Tensor.randperm(48, generator: Generator(seed: 5)).reshape(1, 2, 4, 6).to(.float64)
        let samples = Recorded.wave([1, 2, 2]).abs()
        checkGradients([x], "fractional") { F.fractionalMaxPool2d($0[0], kernelSize: 2, outputSize: [3, 4], randomSamples: samples) }
    }

    /// Without given samples the windows are random: they always cover the corners, and differ between calls.
    @Test func windowsLieAtRandom() {
        let x = Tensor.arange(400).reshape(1, 1, 20, 20).to(.float32)
        let draws = (0..<8).map { seed in
            withGenerator(Generator(seed: UInt64(seed))) { F.fractionalMaxPool2dWithIndices(x, kernelSize: 2, outputRatio: [0.6]) }
        }
        #expect(draws.map(\.values.shape) == Array(repeating: [1, 1, 12, 12], count: 8))
        #expect(draws.contains { !$0.indices.equal(draws[0].indices) })
        for draw in draws { #expect(draw.indices[0, 0, -1, -1].item() == 399 && draw.indices[0, 0, 0, 0].item() == 21) }
        let pool = FractionalMaxPool2d(kernelSize: 2, outputRatio: [0.5])
        #expect(pool.stateDict().isEmpty && "\(pool)" == "FractionalMaxPool2d()")
        #expect(
            FractionalMaxPool2d(kernelSize: 2, outputSize: 3, randomSamples: Tensor.zeros([1, 1, 2])).stateDict().keys == [
                "_random_samples"
            ])
    }
}
