// swift-format-ignore-file
// Written by Tests/CoverageTests/coverage: every name that docs/coverage.md lists, used once. It does not compile where one is missing.
import Apus

extension Symbols {
    static func useFunctions0(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = autocast(.bfloat16) { x }
        _ = autocastDType
        _ = cachedParametrizations { x }
        _ = clipGradNorm_([x], 1)
        clipGradsWithNorm_([x], 1, x)
        clipGradValue_([x], 1)
        _ = try? defaultCollate([x])
        _ = detectAnomaly { x }
        _ = Device.allowsUnorderedSums
        _ = Device.float32MatmulPrecision
        _ = Double.infinity
        _ = Double.nan
        _ = Double.pi
        _ = DType.bfloat16
        _ = DType.bool
        _ = DType.float16
        _ = DType.float32
        _ = DType.float64
        _ = DType.int16
        _ = DType.int32
        _ = DType.int64
        _ = DType.int8
        _ = DType.uint8
        _ = enableGrad { x }
        _ = F.adaptiveAvgPool1d(x, 1)
        _ = F.adaptiveAvgPool2d(x, 1)
        _ = F.adaptiveAvgPool3d(x, 1)
        _ = F.adaptiveMaxPool1d(x, 1)
        _ = F.adaptiveMaxPool1dWithIndices(x, 1)
        _ = F.adaptiveMaxPool2d(x, 1)
        _ = F.adaptiveMaxPool2dWithIndices(x, 1)
        _ = F.adaptiveMaxPool3d(x, 1)
        _ = F.adaptiveMaxPool3dWithIndices(x, 1)
        _ = F.affineGrid(x, [1])
        _ = F.alphaDropout(x, 1)
        _ = F.avgPool1d(x, kernelSize: 1)
        _ = F.avgPool2d(x, kernelSize: 1)
        _ = F.avgPool3d(x, kernelSize: 1)
        _ = F.batchNorm(x, x, x)
        _ = F.bilinear(x, x, x, x)
        _ = F.binaryCrossEntropy(x, x)
        _ = F.binaryCrossEntropyWithLogits(x, x)
        _ = F.celu(x)
        _ = F.celu_(x, 1)
        _ = F.channelShuffle(x, 1)
        _ = F.conv1d(x, x, x)
        _ = F.conv2d(x, x, x)
        _ = F.conv3d(x, x, x)
        _ = F.convTbc(x, x, x)
        _ = F.convTranspose1d(x, x, x)
        _ = F.convTranspose2d(x, x, x)
        _ = F.convTranspose3d(x, x, x)
        _ = F.cosineEmbeddingLoss(x, x, x)
        _ = F.cosineSimilarity(x, x)
        _ = F.crossEntropy(x, x)
        _ = F.ctcLoss(x, x, [1], [1])
        _ = F.dropout(x, 1)
        _ = F.dropout1d(x, 1)
        _ = F.dropout2d(x, 1)
        _ = F.dropout3d(x, 1)
    }

    static func useFunctions1(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = F.elu(x)
        _ = F.elu_(x, 1)
        _ = F.embedding(x, x)
        _ = F.embeddingBag(x, x)
        _ = F.featureAlphaDropout(x, 1)
        _ = F.fold(x, 1, kernelSize: 1)
        _ = F.fractionalMaxPool2d(x, 1)
        _ = F.fractionalMaxPool2dWithIndices(x, 1)
        _ = F.fractionalMaxPool3d(x, 1)
        _ = F.fractionalMaxPool3dWithIndices(x, 1)
        _ = F.gaussianNLLLoss(x, x, x)
        _ = F.gelu(x)
        _ = F.glu(x)
        _ = F.gridSample(x, x)
        _ = F.groupNorm(x, 1)
        _ = F.gumbelSoftmax(x)
        _ = F.hardshrink(x)
        _ = F.hardsigmoid(x)
        _ = F.hardswish(x)
        _ = F.hardtanh(x)
        _ = F.hardtanh_(x)
        _ = F.hingeEmbeddingLoss(x, x)
        _ = F.huberLoss(x, x)
        _ = F.instanceNorm(x)
        _ = F.interpolate(x)
        _ = F.klDiv(x, x)
        _ = F.l1Loss(x, x)
        _ = F.layerNorm(x, [1])
        _ = F.leakyRelu(x)
        _ = F.leakyRelu_(x, 1)
        _ = F.linear(x, x, x)
        _ = F.linearCrossEntropy(x, x, x)
        _ = F.localResponseNorm(x, 1)
        _ = F.logsigmoid(x)
        _ = F.logSoftmax(x)
        _ = F.lpPool1d(x, 1, kernelSize: 1)
        _ = F.lpPool2d(x, 1, kernelSize: 1)
        _ = F.lpPool3d(x, 1, kernelSize: 1)
        _ = F.marginRankingLoss(x, x, x)
        _ = F.maxPool1d(x, kernelSize: 1)
        _ = F.maxPool1dWithIndices(x, kernelSize: 1)
        _ = F.maxPool2d(x, kernelSize: 1)
        _ = F.maxPool2dWithIndices(x, kernelSize: 1)
        _ = F.maxPool3d(x, kernelSize: 1)
        _ = F.maxPool3dWithIndices(x, kernelSize: 1)
        _ = F.maxUnpool1d(x, x, kernelSize: 1)
        _ = F.maxUnpool2d(x, x, kernelSize: 1)
        _ = F.maxUnpool3d(x, x, kernelSize: 1)
        _ = F.mish(x)
        _ = F.mseLoss(x, x)
        _ = F.multiHeadAttentionForward(x, x, x, embedDimToCheck: 1, numHeads: 1, inProjWeight: x, inProjBias: x, outProjWeight: x, outProjBias: x)
        _ = F.multilabelMarginLoss(x, x)
        _ = F.multilabelSoftMarginLoss(x, x)
        _ = F.multiMarginLoss(x, x)
        _ = F.nllLoss(x, x)
        _ = F.normalize(x)
        _ = F.oneHot(x, 1)
        _ = F.pad(x, [1])
        _ = F.pairwiseDistance(x, x)
        _ = F.pdist(x)
    }

    static func useFunctions2(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = F.pixelShuffle(x, 1)
        _ = F.pixelUnshuffle(x, 1)
        _ = F.poissonNLLLoss(x, x)
        _ = F.prelu(x, x)
        _ = F.relu(x)
        _ = F.relu6(x)
        _ = F.relu_(x)
        _ = F.rmsNorm(x, [1])
        _ = F.rrelu(x)
        _ = F.rrelu_(x)
        _ = F.scaledDotProductAttention(x, x, x)
        _ = F.selu(x)
        _ = F.selu_(x)
        _ = F.sigmoid(x)
        _ = F.silu(x)
        _ = F.smoothL1Loss(x, x)
        _ = F.softMarginLoss(x, x)
        _ = F.softmax(x)
        _ = F.softmin(x)
        _ = F.softplus(x)
        _ = F.softshrink(x)
        _ = F.softsign(x)
        _ = F.tanh(x)
        _ = F.tanhshrink(x)
        _ = F.threshold(x, 1, 1)
        _ = F.threshold_(x, 1, 1)
        _ = F.tripletMarginLoss(x, x, x)
        _ = F.tripletMarginWithDistanceLoss(x, x, x)
        _ = F.unfold(x, kernelSize: 1)
        _ = Func.grad { (y: Tensor) in y }
        _ = Func.gradAndValue { (y: Tensor) in y }
        _ = Func.hessian { (y: Tensor) in y }
        _ = Func.jacfwd { (y: Tensor) in y }
        _ = Func.jacrev { (y: Tensor) in y }
        _ = Func.jvp({ (y: Tensor) in y }, x, x)
        _ = Func.linearize({ (y: Tensor) in y }, x)
        _ = Func.vjp({ (y: Tensor) in y }, x)
        _ = Func.vmap { (y: Tensor) in y }
        _ = fuseConvBNEval(conv, bn)
        _ = fuseConvBNWeights(x, x, x, x, eps: 1, x, x)
        _ = fuseLinearBNEval(m, bn)
        _ = fuseLinearBNWeights(x, x, x, x, eps: 1, x, x)
        _ = Generator.current
        _ = Generator.current.state
        _ = Generator.current.state.seed
        _ = grad(of: x, withRespectTo: [x])
        _ = inferenceMode { x }
        _ = Init.calculateGain(.relu)
        _ = Init.constant_(x, 1)
        _ = Init.dirac_(x)
        _ = Init.eye_(x)
        _ = Init.kaimingNormal_(x)
        _ = Init.kaimingUniform_(x)
        _ = Init.normal_(x)
        _ = Init.ones_(x)
        _ = Init.orthogonal_(x)
        _ = Init.sparse_(x, 1)
        _ = Init.truncNormal_(x)
        _ = Init.uniform_(x)
        _ = Init.xavierNormal_(x)
    }

    static func useFunctions3(_ x: Tensor, _ y: Tensor, _ m: Linear, _ conv: Conv1d, _ bn: BatchNorm1d, _ packed: PackedSequence) {
        _ = Init.xavierUniform_(x)
        _ = Init.zeros_(x)
        _ = invertPermutation(x)
        _ = isGradEnabled
        _ = isParametrized(m)
        _ = klDivergence(Normal(0, 1), Normal(0, 1))
        manualSeed(0)
        _ = m.functionalCall(StateDict(), x)
        _ = noGrad { x }
        _ = packPaddedSequence(x, lengths: [1])
        _ = packSequence([x])
        _ = padPackedSequence(packed)
        _ = padSequence([x])
        _ = parametersToVector([x])
        _ = Parametrizations.orthogonal(m)
        _ = Parametrizations.spectralNorm(m)
        _ = Parametrizations.weightNorm(m)
        _ = Prune.customFromMask(m, "weight", mask: x)
        Prune.globalUnstructured([(m, "weight")], Prune.Identity())
        _ = Prune.identity(m, "weight")
        _ = Prune.isPruned(m)
        _ = Prune.l1Unstructured(m, "weight", amount: 1)
        _ = Prune.lnStructured(m, "weight", amount: 1, n: 1, dim: 1)
        _ = Prune.randomStructured(m, "weight", amount: 1, dim: 1)
        _ = Prune.randomUnstructured(m, "weight", amount: 1)
        _ = Prune.remove(m, "weight")
        _ = randomSplit(TensorDataset(x), [1])
        _ = registerParametrization(m, "weight", m)
        _ = removeParametrizations(m, "weight")
        _ = removeSpectralNorm(m)
        _ = removeWeightNorm(m)
        _ = skipInit { Linear(1, 1) }
        _ = spectralNorm(m)
        _ = stackModuleState([m])
        _ = totalNorm([x])
        _ = transferParametrizationsAndParams(from: m, to: m)
        _ = unpackSequence(packed)
        _ = unpadSequence(x, lengths: [1])
        updateBN([x], m)
        vectorToParameters(x, [x])
        _ = weightNorm(m)
    }
}
