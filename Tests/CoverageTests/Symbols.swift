// swift-format-ignore-file
// Written by Tests/CoverageTests/coverage: every name that docs/coverage.md lists, used once. It does not compile where one is missing.
import Apus

enum Symbols {
    static let names: Set<String> = [
        "Adadelta",
        "Adafactor",
        "Adagrad",
        "Adam",
        "Adamax",
        "AdamW",
        "AdaptiveAvgPool1d",
        "AdaptiveAvgPool2d",
        "AdaptiveAvgPool3d",
        "AdaptiveLogSoftmaxWithLoss",
        "AdaptiveMaxPool1d",
        "AdaptiveMaxPool2d",
        "AdaptiveMaxPool3d",
        "AlphaDropout",
        "ASGD",
        "autocast",
        "AveragedModel",
        "AveragedModel.Average",
        "AvgPool1d",
        "AvgPool2d",
        "AvgPool3d",
        "BatchNorm1d",
        "BatchNorm2d",
        "BatchNorm3d",
        "BCELoss",
        "BCEWithLogitsLoss",
        "Bernoulli",
        "Beta",
        "Bilinear",
        "Buffer",
        "cachedParametrizations",
        "Categorical",
        "CELU",
        "ChainedScheduler",
        "ChannelShuffle",
        "CircularPad1d",
        "CircularPad2d",
        "CircularPad3d",
        "clipGradNorm_",
        "clipGradsWithNorm_",
        "clipGradValue_",
        "ConstantLR",
        "ConstantPad1d",
        "ConstantPad2d",
        "ConstantPad3d",
        "Conv1d",
        "Conv2d",
        "Conv3d",
        "ConvTranspose1d",
        "ConvTranspose2d",
        "ConvTranspose3d",
        "CosineAnnealingLR",
        "CosineAnnealingWarmRestarts",
        "CosineEmbeddingLoss",
        "CosineSimilarity",
        "CrossEntropyLoss",
        "CrossMapLRN2d",
        "CTCLoss",
        "CyclicLR",
        "Dirichlet",
        "Dropout",
        "Dropout1d",
        "Dropout2d",
        "Dropout3d",
        "ELU",
        "Embedding",
        "EmbeddingBag",
        "ExponentialLR",
        "F.adaptiveAvgPool1d",
        "F.adaptiveAvgPool2d",
        "F.adaptiveAvgPool3d",
        "F.adaptiveMaxPool1d",
        "F.adaptiveMaxPool1dWithIndices",
        "F.adaptiveMaxPool2d",
        "F.adaptiveMaxPool2dWithIndices",
        "F.adaptiveMaxPool3d",
        "F.adaptiveMaxPool3dWithIndices",
        "F.affineGrid",
        "F.alphaDropout",
        "F.avgPool1d",
        "F.avgPool2d",
        "F.avgPool3d",
        "F.batchNorm",
        "F.bilinear",
        "F.binaryCrossEntropy",
        "F.binaryCrossEntropyWithLogits",
        "F.celu",
        "F.celu_",
        "F.channelShuffle",
        "F.conv1d",
        "F.conv2d",
        "F.conv3d",
        "F.convTbc",
        "F.convTranspose1d",
        "F.convTranspose2d",
        "F.convTranspose3d",
        "F.cosineEmbeddingLoss",
        "F.cosineSimilarity",
        "F.crossEntropy",
        "F.ctcLoss",
        "F.dropout",
        "F.dropout1d",
        "F.dropout2d",
        "F.dropout3d",
        "F.elu",
        "F.elu_",
        "F.embedding",
        "F.embeddingBag",
        "F.featureAlphaDropout",
        "F.fold",
        "F.fractionalMaxPool2d",
        "F.fractionalMaxPool2dWithIndices",
        "F.fractionalMaxPool3d",
        "F.fractionalMaxPool3dWithIndices",
        "F.gaussianNLLLoss",
        "F.gelu",
        "F.glu",
        "F.gridSample",
        "F.groupNorm",
        "F.gumbelSoftmax",
        "F.hardshrink",
        "F.hardsigmoid",
        "F.hardswish",
        "F.hardtanh",
        "F.hardtanh_",
        "F.hingeEmbeddingLoss",
        "F.huberLoss",
        "F.instanceNorm",
        "F.interpolate",
        "F.klDiv",
        "F.l1Loss",
        "F.layerNorm",
        "F.leakyRelu",
        "F.leakyRelu_",
        "F.linear",
        "F.linearCrossEntropy",
        "F.localResponseNorm",
        "F.logsigmoid",
        "F.logSoftmax",
        "F.lpPool1d",
        "F.lpPool2d",
        "F.lpPool3d",
        "F.marginRankingLoss",
        "F.maxPool1d",
        "F.maxPool1dWithIndices",
        "F.maxPool2d",
        "F.maxPool2dWithIndices",
        "F.maxPool3d",
        "F.maxPool3dWithIndices",
        "F.maxUnpool1d",
        "F.maxUnpool2d",
        "F.maxUnpool3d",
        "F.mish",
        "F.mseLoss",
        "F.multiHeadAttentionForward",
        "F.multilabelMarginLoss",
        "F.multilabelSoftMarginLoss",
        "F.multiMarginLoss",
        "F.nllLoss",
        "F.normalize",
        "F.oneHot",
        "F.pad",
        "F.pairwiseDistance",
        "F.pdist",
        "F.pixelShuffle",
        "F.pixelUnshuffle",
        "F.poissonNLLLoss",
        "F.prelu",
        "F.relu",
        "F.relu6",
        "F.relu_",
        "F.rmsNorm",
        "F.rrelu",
        "F.rrelu_",
        "F.scaledDotProductAttention",
        "F.selu",
        "F.selu_",
        "F.sigmoid",
        "F.silu",
        "F.smoothL1Loss",
        "F.softMarginLoss",
        "F.softmax",
        "F.softmin",
        "F.softplus",
        "F.softshrink",
        "F.softsign",
        "F.tanh",
        "F.tanhshrink",
        "F.threshold",
        "F.threshold_",
        "F.tripletMarginLoss",
        "F.tripletMarginWithDistanceLoss",
        "F.unfold",
        "FeatureAlphaDropout",
        "Flatten",
        "Fold",
        "FractionalMaxPool2d",
        "FractionalMaxPool3d",
        "Func.grad",
        "Func.gradAndValue",
        "Func.hessian",
        "Func.jacfwd",
        "Func.jacrev",
        "Func.jvp",
        "Func.linearize",
        "Func.vjp",
        "Func.vmap",
        "fuseConvBNEval",
        "fuseConvBNWeights",
        "fuseLinearBNEval",
        "fuseLinearBNWeights",
        "Gamma",
        "GaussianNLLLoss",
        "GELU",
        "GLU",
        "GradScaler",
        "GroupNorm",
        "GRU",
        "GRUCell",
        "Hardshrink",
        "Hardsigmoid",
        "Hardswish",
        "Hardtanh",
        "HingeEmbeddingLoss",
        "HuberLoss",
        "Identity",
        "Init.calculateGain",
        "Init.constant_",
        "Init.dirac_",
        "Init.eye_",
        "Init.kaimingNormal_",
        "Init.kaimingUniform_",
        "Init.normal_",
        "Init.ones_",
        "Init.orthogonal_",
        "Init.sparse_",
        "Init.truncNormal_",
        "Init.uniform_",
        "Init.xavierNormal_",
        "Init.xavierUniform_",
        "Init.zeros_",
        "InstanceNorm1d",
        "InstanceNorm2d",
        "InstanceNorm3d",
        "invertPermutation",
        "isParametrized",
        "KLDivLoss",
        "L1Loss",
        "LambdaLR",
        "LayerNorm",
        "LazyBatchNorm1d",
        "LazyBatchNorm2d",
        "LazyBatchNorm3d",
        "LazyConv1d",
        "LazyConv2d",
        "LazyConv3d",
        "LazyConvTranspose1d",
        "LazyConvTranspose2d",
        "LazyConvTranspose3d",
        "LazyInstanceNorm1d",
        "LazyInstanceNorm2d",
        "LazyInstanceNorm3d",
        "LazyLinear",
        "LBFGS",
        "LeakyReLU",
        "Linear",
        "LinearCrossEntropyLoss",
        "LinearLR",
        "LocalResponseNorm",
        "LogSigmoid",
        "LogSoftmax",
        "LPPool1d",
        "LPPool2d",
        "LPPool3d",
        "LRScheduler",
        "LSTM",
        "LSTMCell",
        "MarginRankingLoss",
        "MaxPool1d",
        "MaxPool2d",
        "MaxPool3d",
        "MaxUnpool1d",
        "MaxUnpool2d",
        "MaxUnpool3d",
        "Mish",
        "Module",
        "Module.functionalCall",
        "ModuleDict",
        "ModuleList",
        "MSELoss",
        "MultiheadAttention",
        "MultiLabelMarginLoss",
        "MultiLabelSoftMarginLoss",
        "MultiMarginLoss",
        "MultiplicativeLR",
        "MultiStepLR",
        "MultivariateNormal",
        "Muon",
        "NAdam",
        "NLLLoss",
        "Normal",
        "OneCycleLR",
        "Optimizer",
        "PackedSequence",
        "packPaddedSequence",
        "packSequence",
        "padPackedSequence",
        "padSequence",
        "PairwiseDistance",
        "Parameter",
        "ParameterDict",
        "ParameterList",
        "parametersToVector",
        "ParametrizationList",
        "Parametrizations.orthogonal",
        "Parametrizations.spectralNorm",
        "Parametrizations.weightNorm",
        "PixelShuffle",
        "PixelUnshuffle",
        "Poisson",
        "PoissonNLLLoss",
        "PolynomialLR",
        "PReLU",
        "Prune.CustomFromMask",
        "Prune.customFromMask",
        "Prune.globalUnstructured",
        "Prune.Identity",
        "Prune.identity",
        "Prune.isPruned",
        "Prune.L1Unstructured",
        "Prune.l1Unstructured",
        "Prune.LnStructured",
        "Prune.lnStructured",
        "Prune.RandomStructured",
        "Prune.randomStructured",
        "Prune.RandomUnstructured",
        "Prune.randomUnstructured",
        "Prune.remove",
        "PruningMethod",
        "RAdam",
        "Recurrent",
        "RecurrentCell",
        "ReduceLROnPlateau",
        "ReflectionPad1d",
        "ReflectionPad2d",
        "ReflectionPad3d",
        "registerParametrization",
        "ReLU",
        "ReLU6",
        "removeParametrizations",
        "removeSpectralNorm",
        "removeWeightNorm",
        "ReplicationPad1d",
        "ReplicationPad2d",
        "ReplicationPad3d",
        "RMSNorm",
        "RMSprop",
        "RNN",
        "RNNCell",
        "Rprop",
        "RReLU",
        "SELU",
        "Sequential",
        "SequentialLR",
        "SGD",
        "Sigmoid",
        "SiLU",
        "skipInit",
        "SmoothL1Loss",
        "SoftMarginLoss",
        "Softmax",
        "Softmax2d",
        "Softmin",
        "Softplus",
        "Softshrink",
        "Softsign",
        "SparseAdam",
        "spectralNorm",
        "stackModuleState",
        "StepLR",
        "SWALR",
        "Tanh",
        "Tanhshrink",
        "Threshold",
        "totalNorm",
        "transferParametrizationsAndParams",
        "Transformer",
        "TransformerDecoder",
        "TransformerDecoderLayer",
        "TransformerEncoder",
        "TransformerEncoderLayer",
        "TripletMarginLoss",
        "TripletMarginWithDistanceLoss",
        "Unflatten",
        "Unfold",
        "Uniform",
        "unpackSequence",
        "unpadSequence",
        "updateBN",
        "Upsample",
        "UpsamplingBilinear2d",
        "UpsamplingNearest2d",
        "vectorToParameters",
        "weightNorm",
        "ZeroPad1d",
        "ZeroPad2d",
        "ZeroPad3d",
    ]

    /// Never called: the compiler alone reads it.
    static func uses() {
        let (x, m, conv, bn) = (Tensor.ones([1]), Linear(1, 1), Conv1d(1, 1, kernelSize: 1), BatchNorm1d(1))
        let packed = packSequence([x])
        var types: [Any] = [m, conv, bn, packed]
        types.append(Adadelta.self)
        types.append(Adafactor.self)
        types.append(Adagrad.self)
        types.append(Adam.self)
        types.append(Adamax.self)
        types.append(AdamW.self)
        types.append(AdaptiveAvgPool1d.self)
        types.append(AdaptiveAvgPool2d.self)
        types.append(AdaptiveAvgPool3d.self)
        types.append(AdaptiveLogSoftmaxWithLoss.self)
        types.append(AdaptiveMaxPool1d.self)
        types.append(AdaptiveMaxPool2d.self)
        types.append(AdaptiveMaxPool3d.self)
        types.append(AlphaDropout.self)
        types.append(ASGD.self)
        types.append(AveragedModel<Linear>.self)
        types.append(AveragedModel<Linear>.Average.self)
        types.append(AvgPool1d.self)
        types.append(AvgPool2d.self)
        types.append(AvgPool3d.self)
        types.append(BatchNorm1d.self)
        types.append(BatchNorm2d.self)
        types.append(BatchNorm3d.self)
        types.append(BCELoss.self)
        types.append(BCEWithLogitsLoss.self)
        types.append(Bernoulli.self)
        types.append(Beta.self)
        types.append(Bilinear.self)
        types.append(Buffer.self)
        types.append(Categorical.self)
        types.append(CELU.self)
        types.append(ChainedScheduler.self)
        types.append(ChannelShuffle.self)
        types.append(CircularPad1d.self)
        types.append(CircularPad2d.self)
        types.append(CircularPad3d.self)
        types.append(ConstantLR.self)
        types.append(ConstantPad1d.self)
        types.append(ConstantPad2d.self)
        types.append(ConstantPad3d.self)
        types.append(Conv1d.self)
        types.append(Conv2d.self)
        types.append(Conv3d.self)
        types.append(ConvTranspose1d.self)
        types.append(ConvTranspose2d.self)
        types.append(ConvTranspose3d.self)
        types.append(CosineAnnealingLR.self)
        types.append(CosineAnnealingWarmRestarts.self)
        types.append(CosineEmbeddingLoss.self)
        types.append(CosineSimilarity.self)
        types.append(CrossEntropyLoss.self)
        types.append(CrossMapLRN2d.self)
        types.append(CTCLoss.self)
        types.append(CyclicLR.self)
        types.append(Dirichlet.self)
        types.append(Dropout.self)
        types.append(Dropout1d.self)
        types.append(Dropout2d.self)
        types.append(Dropout3d.self)
        types.append(ELU.self)
        types.append(Embedding.self)
        types.append(EmbeddingBag.self)
        types.append(ExponentialLR.self)
        types.append(FeatureAlphaDropout.self)
        types.append(Flatten.self)
        types.append(Fold.self)
        types.append(FractionalMaxPool2d.self)
        types.append(FractionalMaxPool3d.self)
        types.append(Gamma.self)
        types.append(GaussianNLLLoss.self)
        types.append(GELU.self)
        types.append(GLU.self)
        types.append(GradScaler.self)
        types.append(GroupNorm.self)
        types.append(GRU.self)
        types.append(GRUCell.self)
        types.append(Hardshrink.self)
        types.append(Hardsigmoid.self)
        types.append(Hardswish.self)
        types.append(Hardtanh.self)
        types.append(HingeEmbeddingLoss.self)
        types.append(HuberLoss.self)
        types.append(Identity.self)
        types.append(InstanceNorm1d.self)
        types.append(InstanceNorm2d.self)
        types.append(InstanceNorm3d.self)
        types.append(KLDivLoss.self)
        types.append(L1Loss.self)
        types.append(LambdaLR.self)
        types.append(LayerNorm.self)
        types.append(LazyBatchNorm1d.self)
        types.append(LazyBatchNorm2d.self)
        types.append(LazyBatchNorm3d.self)
        types.append(LazyConv1d.self)
        types.append(LazyConv2d.self)
        types.append(LazyConv3d.self)
        types.append(LazyConvTranspose1d.self)
        types.append(LazyConvTranspose2d.self)
        types.append(LazyConvTranspose3d.self)
        types.append(LazyInstanceNorm1d.self)
        types.append(LazyInstanceNorm2d.self)
        types.append(LazyInstanceNorm3d.self)
        types.append(LazyLinear.self)
        types.append(LBFGS.self)
        types.append(LeakyReLU.self)
        types.append(Linear.self)
        types.append(LinearCrossEntropyLoss.self)
        types.append(LinearLR.self)
        types.append(LocalResponseNorm.self)
        types.append(LogSigmoid.self)
        types.append(LogSoftmax.self)
        types.append(LPPool1d.self)
        types.append(LPPool2d.self)
        types.append(LPPool3d.self)
        types.append(LRScheduler.self)
        types.append(LSTM.self)
        types.append(LSTMCell.self)
        types.append(MarginRankingLoss.self)
        types.append(MaxPool1d.self)
        types.append(MaxPool2d.self)
        types.append(MaxPool3d.self)
        types.append(MaxUnpool1d.self)
        types.append(MaxUnpool2d.self)
        types.append(MaxUnpool3d.self)
        types.append(Mish.self)
        types.append(Module.self)
        types.append(ModuleDict.self)
        types.append(ModuleList.self)
        types.append(MSELoss.self)
        types.append(MultiheadAttention.self)
        types.append(MultiLabelMarginLoss.self)
        types.append(MultiLabelSoftMarginLoss.self)
        types.append(MultiMarginLoss.self)
        types.append(MultiplicativeLR.self)
        types.append(MultiStepLR.self)
        types.append(MultivariateNormal.self)
        types.append(Muon.self)
        types.append(NAdam.self)
        types.append(NLLLoss.self)
        types.append(Normal.self)
        types.append(OneCycleLR.self)
        types.append(Optimizer.self)
        types.append(PackedSequence.self)
        types.append(PairwiseDistance.self)
        types.append(Parameter.self)
        types.append(ParameterDict.self)
        types.append(ParameterList.self)
        types.append(ParametrizationList.self)
        types.append(PixelShuffle.self)
        types.append(PixelUnshuffle.self)
        types.append(Poisson.self)
        types.append(PoissonNLLLoss.self)
        types.append(PolynomialLR.self)
        types.append(PReLU.self)
        types.append(Prune.CustomFromMask.self)
        types.append(Prune.Identity.self)
        types.append(Prune.L1Unstructured.self)
        types.append(Prune.LnStructured.self)
        types.append(Prune.RandomStructured.self)
        types.append(Prune.RandomUnstructured.self)
        types.append(PruningMethod.self)
        types.append(RAdam.self)
        types.append(Recurrent.self)
        types.append(RecurrentCell.self)
        types.append(ReduceLROnPlateau.self)
        types.append(ReflectionPad1d.self)
        types.append(ReflectionPad2d.self)
        types.append(ReflectionPad3d.self)
        types.append(ReLU.self)
        types.append(ReLU6.self)
        types.append(ReplicationPad1d.self)
        types.append(ReplicationPad2d.self)
        types.append(ReplicationPad3d.self)
        types.append(RMSNorm.self)
        types.append(RMSprop.self)
        types.append(RNN.self)
        types.append(RNNCell.self)
        types.append(Rprop.self)
        types.append(RReLU.self)
        types.append(SELU.self)
        types.append(Sequential.self)
        types.append(SequentialLR.self)
        types.append(SGD.self)
        types.append(Sigmoid.self)
        types.append(SiLU.self)
        types.append(SmoothL1Loss.self)
        types.append(SoftMarginLoss.self)
        types.append(Softmax.self)
        types.append(Softmax2d.self)
        types.append(Softmin.self)
        types.append(Softplus.self)
        types.append(Softshrink.self)
        types.append(Softsign.self)
        types.append(SparseAdam.self)
        types.append(StepLR.self)
        types.append(SWALR.self)
        types.append(Tanh.self)
        types.append(Tanhshrink.self)
        types.append(Threshold.self)
        types.append(Transformer.self)
        types.append(TransformerDecoder.self)
        types.append(TransformerDecoderLayer.self)
        types.append(TransformerEncoder.self)
        types.append(TransformerEncoderLayer.self)
        types.append(TripletMarginLoss.self)
        types.append(TripletMarginWithDistanceLoss.self)
        types.append(Unflatten.self)
        types.append(Unfold.self)
        types.append(Uniform.self)
        types.append(Upsample.self)
        types.append(UpsamplingBilinear2d.self)
        types.append(UpsamplingNearest2d.self)
        types.append(ZeroPad1d.self)
        types.append(ZeroPad2d.self)
        types.append(ZeroPad3d.self)
        _ = autocast(.bfloat16) { x }
        _ = cachedParametrizations { x }
        _ = clipGradNorm_([x], maxNorm: 1)
        clipGradsWithNorm_([x], maxNorm: 1, totalNorm: x)
        clipGradValue_([x], clipValue: 1)
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
        _ = F.alphaDropout(x)
        _ = F.avgPool1d(x, kernelSize: 1)
        _ = F.avgPool2d(x, kernelSize: 1)
        _ = F.avgPool3d(x, kernelSize: 1)
        _ = F.batchNorm(x, x, x)
        _ = F.bilinear(x, x, x)
        _ = F.binaryCrossEntropy(x, x)
        _ = F.binaryCrossEntropyWithLogits(x, x)
        _ = F.celu(x)
        _ = F.celu_(x)
        _ = F.channelShuffle(x, 1)
        _ = F.conv1d(x, x)
        _ = F.conv2d(x, x)
        _ = F.conv3d(x, x)
        _ = F.convTbc(x, x, x)
        _ = F.convTranspose1d(x, x)
        _ = F.convTranspose2d(x, x)
        _ = F.convTranspose3d(x, x)
        _ = F.cosineEmbeddingLoss(x, x, x)
        _ = F.cosineSimilarity(x, x)
        _ = F.crossEntropy(x, x)
        _ = F.ctcLoss(x, x, inputLengths: [1], targetLengths: [1])
        _ = F.dropout(x)
        _ = F.dropout1d(x)
        _ = F.dropout2d(x)
        _ = F.dropout3d(x)
        _ = F.elu(x)
        _ = F.elu_(x)
        _ = F.embedding(x, x)
        _ = F.embeddingBag(x, x)
        _ = F.featureAlphaDropout(x)
        _ = F.fold(x, 1, kernelSize: 1)
        _ = F.fractionalMaxPool2d(x, kernelSize: 1)
        _ = F.fractionalMaxPool2dWithIndices(x, kernelSize: 1)
        _ = F.fractionalMaxPool3d(x, kernelSize: 1)
        _ = F.fractionalMaxPool3dWithIndices(x, kernelSize: 1)
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
        _ = F.leakyRelu_(x)
        _ = F.linear(x, x)
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
        _ = F.oneHot(x)
        _ = F.pad(x, [1])
        _ = F.pairwiseDistance(x, x)
        _ = F.pdist(x)
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
        _ = F.threshold(x, threshold: 1, value: 1)
        _ = F.threshold_(x, threshold: 1, value: 1)
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
        _ = Init.calculateGain(.relu)
        _ = Init.constant_(x, 1)
        _ = Init.dirac_(x)
        _ = Init.eye_(x)
        _ = Init.kaimingNormal_(x)
        _ = Init.kaimingUniform_(x)
        _ = Init.normal_(x)
        _ = Init.ones_(x)
        _ = Init.orthogonal_(x)
        _ = Init.sparse_(x, sparsity: 1)
        _ = Init.truncNormal_(x)
        _ = Init.uniform_(x)
        _ = Init.xavierNormal_(x)
        _ = Init.xavierUniform_(x)
        _ = Init.zeros_(x)
        _ = invertPermutation(x)
        _ = isParametrized(m)
        _ = m.functionalCall(StateDict(), x)
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
        _ = types
    }
}
