import Apus
import Testing

/// `Labels.swift` compiles, so every callable has the form that the rule of labels gives it. Here: the other form, where there is one, is the
/// same function.
@Suite("A label that may be left out changes nothing") struct LabelTests {
    private let image = Tensor.arange(96).reshape(1, 2, 6, 8).to(.float64)

    @Test func functions() {
        let x = image, row = image[0], volume = image.unsqueeze(2), weight = Tensor.ones([3, 2, 2, 2], dtype: .float64)
        let bias = Tensor.ones([3], dtype: .float64), kernel1 = Tensor.ones([3, 6, 2], dtype: .float64)
        let kernel3 = Tensor.ones([3, 2, 1, 2, 2], dtype: .float64), square = row[0, .all, ..<6]
        let signal = row
        let turned = Tensor.ones([2, 3, 2, 2], dtype: .float64), turned1 = Tensor.ones([6, 3, 2], dtype: .float64)
        let pooled = F.maxPool2dWithIndices(x, 2), pooled1 = F.maxPool1dWithIndices(signal, 2),
            pooled3 = F.maxPool3dWithIndices(volume, [1, 2, 2])
        let turned3 = Tensor.ones([2, 3, 1, 2, 2], dtype: .float64), samples = Tensor.full([1, 2, 2], 0.3, dtype: .float64)
        let deep = x.reshape(1, 1, 2, 6, 8), samples3 = Tensor.full([1, 1, 3], 0.3, dtype: .float64), columns = F.unfold(x, 2)
        let pairs: [(Tensor, Tensor)] = [
            (F.maxPool1d(signal, 2), F.maxPool1d(signal, kernelSize: 2)), (F.maxPool2d(x, 2), F.maxPool2d(x, kernelSize: 2)),
            (F.maxPool3d(volume, [1, 2, 2]), F.maxPool3d(volume, kernelSize: [1, 2, 2])),
            (pooled1.indices, F.maxPool1dWithIndices(signal, kernelSize: 2).indices),
            (pooled.indices, F.maxPool2dWithIndices(x, kernelSize: 2).indices),
            (pooled3.indices, F.maxPool3dWithIndices(volume, kernelSize: [1, 2, 2]).indices),
            (F.maxUnpool1d(pooled1.values, pooled1.indices, 2), F.maxUnpool1d(pooled1.values, pooled1.indices, kernelSize: 2)),
            (
                F.maxUnpool2d(pooled.values, pooled.indices, 2, outputSize: x.shape),
                F.maxUnpool2d(pooled.values, pooled.indices, kernelSize: 2, outputSize: [6, 8])
            ),
            (
                F.maxUnpool3d(pooled3.values, pooled3.indices, [1, 2, 2]),
                F.maxUnpool3d(pooled3.values, pooled3.indices, kernelSize: [1, 2, 2])
            ),
            (F.avgPool1d(signal, 2), F.avgPool1d(signal, kernelSize: 2)), (F.avgPool2d(x, 2), F.avgPool2d(x, kernelSize: 2)),
            (F.avgPool3d(volume, [1, 2, 2]), F.avgPool3d(volume, kernelSize: [1, 2, 2])),
            (F.lpPool1d(signal, 2, 2), F.lpPool1d(signal, 2, kernelSize: 2)), (F.lpPool2d(x, 2, 2), F.lpPool2d(x, 2, kernelSize: 2)),
            (F.lpPool3d(volume, 2, [1, 2, 2]), F.lpPool3d(volume, 2, kernelSize: [1, 2, 2])),
            (
                F.fractionalMaxPool2d(x, 2, outputSize: 3, randomSamples: samples),
                F.fractionalMaxPool2d(x, kernelSize: 2, outputSize: 3, randomSamples: samples)
            ),
            (
                F.fractionalMaxPool2dWithIndices(x, 2, outputSize: 3, randomSamples: samples).indices,
                F.fractionalMaxPool2dWithIndices(x, kernelSize: 2, outputSize: 3, randomSamples: samples).indices
            ),
            (
                F.fractionalMaxPool3d(deep, [1, 2, 2], outputSize: [1, 3, 3], randomSamples: samples3),
                F.fractionalMaxPool3d(deep, kernelSize: [1, 2, 2], outputSize: [1, 3, 3], randomSamples: samples3)
            ),
            (
                F.fractionalMaxPool3dWithIndices(deep, [1, 2, 2], outputSize: [1, 3, 3], randomSamples: samples3).indices,
                F.fractionalMaxPool3dWithIndices(deep, kernelSize: [1, 2, 2], outputSize: [1, 3, 3], randomSamples: samples3).indices
            ),
            (columns, F.unfold(x, kernelSize: 2)), (F.fold(columns, [6, 8], 2), F.fold(columns, [6, 8], kernelSize: 2)),
            (F.threshold(x, 1, 5), F.threshold(x, threshold: 1, value: 5)),
            (F.threshold_(x.clone(), 1, 5), F.threshold_(x.clone(), threshold: 1, value: 5)),
            (F.conv1d(signal, kernel1, bias), F.conv1d(signal, kernel1, bias: bias)),
            (F.conv1d(signal, kernel1, bias, padding: .valid), F.conv1d(signal, kernel1, bias: bias, padding: .valid)),
            (F.conv2d(x, weight, bias), F.conv2d(x, weight, bias: bias)),
            (F.conv2d(x, weight, bias, padding: .same), F.conv2d(x, weight, bias: bias, padding: .same)),
            (F.conv3d(volume, kernel3, bias), F.conv3d(volume, kernel3, bias: bias)),
            (F.conv3d(volume, kernel3, bias, padding: .valid), F.conv3d(volume, kernel3, bias: bias, padding: .valid)),
            (F.convTranspose1d(signal, turned1, bias), F.convTranspose1d(signal, turned1, bias: bias)),
            (F.convTranspose2d(x, turned, bias), F.convTranspose2d(x, turned, bias: bias)),
            (F.convTranspose3d(volume, turned3, bias), F.convTranspose3d(volume, turned3, bias: bias)),
            (F.linear(square, square, square[0]), F.linear(square, square, bias: square[0])),
            (
                F.bilinear(square, square, square.expand(2, 6, 6), square[0, ..<2]),
                F.bilinear(square, square, square.expand(2, 6, 6), bias: square[0, ..<2])
            ),
            (F.leakyRelu(-x, 0.2), F.leakyRelu(-x, negativeSlope: 0.2)), (F.leakyRelu_(-x, 0.2), F.leakyRelu_(-x, negativeSlope: 0.2)),
            (F.elu(-x, 2), F.elu(-x, alpha: 2)), (F.elu_(-x, 2), F.elu_(-x, alpha: 2)), (F.celu(-x, 2), F.celu(-x, alpha: 2)),
            (F.celu_(-x, 2), F.celu_(-x, alpha: 2)), (F.softplus(x, 2), F.softplus(x, beta: 2)),
            (F.hardshrink(x, 4), F.hardshrink(x, lambd: 4)), (F.softshrink(x, 4), F.softshrink(x, lambd: 4)),
            (F.oneHot(Tensor([0, 1]), 3), F.oneHot(Tensor([0, 1]), numClasses: 3)),
            (F.layerNorm(x, [6, 8]), F.layerNorm(x, x.shape[2...])), (F.rmsNorm(x, [8]), F.rmsNorm(x, x.shape[3...])),
            (F.interpolate(x, size: volume.shape[3...]), F.interpolate(x, size: [6, 8])), (F.pad(x, [1, 2]), F.pad(x, Shape([1, 2]))),
            (
                F.affineGrid(Tensor.ones([1, 2, 3]), x.shape), F.affineGrid(Tensor.ones([1, 2, 3]), [1, 2, 6, 8])
            ),
            (Init.sparse_(square.clone(), 1), Init.sparse_(square.clone(), sparsity: 1)),
        ]
        for (i, (a, b)) in pairs.enumerated() { #expect(a.equal(b), "pair \(i): \(a.shape), \(b.shape)") }
        let dropouts: [(Tensor, Tensor)] = [
            (F.dropout(x, 1), F.dropout(x, p: 1)), (F.dropout1d(signal, 1), F.dropout1d(signal, p: 1)),
            (F.dropout2d(x, 1), F.dropout2d(x, p: 1)),
            (F.dropout3d(volume, 1), F.dropout3d(volume, p: 1)),
            (F.alphaDropout(x, 1, training: true), F.alphaDropout(x, p: 1, training: true)),
            (F.featureAlphaDropout(x, 1, training: true), F.featureAlphaDropout(x, p: 1, training: true)),
        ]
        for (i, (a, b)) in dropouts.enumerated() { #expect(a.equal(b) && !a.equal(x), "dropout \(i)") }
    }

    @Test func layers() {
        let pairs: [(Module, Module)] = [
            (Conv1d(1, 8, 3), Conv1d(1, 8, kernelSize: 3)), (Conv2d(1, 8, [3, 5]), Conv2d(1, 8, kernelSize: [3, 5])),
            (Conv2d(1, 8, 3, padding: .same), Conv2d(1, 8, kernelSize: 3, padding: .same)), (Conv3d(1, 8, 3), Conv3d(1, 8, kernelSize: 3)),
            (ConvTranspose2d(1, 8, 3, outputPadding: 0), ConvTranspose2d(1, 8, kernelSize: 3)),
            (LazyConv2d(8, 3), LazyConv2d(8, kernelSize: 3)),
            (LazyConv2d(8, 3, padding: .same), LazyConv2d(8, kernelSize: 3, padding: .same)),
            (LazyConvTranspose2d(8, 3), LazyConvTranspose2d(8, kernelSize: 3)), (MaxPool2d(2), MaxPool2d(kernelSize: 2)),
            (MaxUnpool2d(2), MaxUnpool2d(kernelSize: 2)), (AvgPool1d(2), AvgPool1d(kernelSize: 2)),
            (AvgPool2d(2), AvgPool2d(kernelSize: 2)),
            (LPPool2d(2, 3), LPPool2d(2, kernelSize: 3)),
            (FractionalMaxPool2d(2, outputSize: 3), FractionalMaxPool2d(kernelSize: 2, outputSize: 3)),
            (Unfold(2), Unfold(kernelSize: 2)), (Fold(4, 2), Fold(4, kernelSize: 2)),
            (AdaptiveLogSoftmaxWithLoss(4, 9, [3]), AdaptiveLogSoftmaxWithLoss(4, 9, cutoffs: [3])), (ELU(2), ELU(alpha: 2)),
            (CELU(2), CELU(alpha: 2)), (Softplus(2.0), Softplus(beta: 2.0)), (Hardshrink(2), Hardshrink(lambd: 2)),
            (Softshrink(2), Softshrink(lambd: 2)), (Hardtanh(-2, 2), Hardtanh(minVal: -2, maxVal: 2)), (Hardtanh(-2), Hardtanh(minVal: -2)),
            (Hardtanh(-1.0, 2), Hardtanh(maxVal: 2)), (RReLU(0.1, 0.2), RReLU(lower: 0.1, upper: 0.2)), (RReLU(0.1), RReLU(lower: 0.1)),
            (RReLU(1.0 / 8, 0.5), RReLU(upper: 0.5)), (PReLU(3), PReLU(numParameters: 3)), (GLU(1), GLU(dim: 1)),
            (Dropout(0.1), Dropout(p: 0.1)), (Dropout2d(0.1), Dropout2d(p: 0.1)), (PairwiseDistance(1), PairwiseDistance(p: 1)),
            (Flatten(2), Flatten(startDim: 2)), (Flatten(0, 1), Flatten(startDim: 0, endDim: 1)),
            (Transformer(4, 2, numEncoderLayers: 1), Transformer(dModel: 4, nhead: 2, numEncoderLayers: 1)),
            (LayerNorm([2, 3]), LayerNorm(Shape([2, 3]))), (RMSNorm([2, 3]), RMSNorm(Shape([2, 3]))),
            (Unflatten(1, [2, 3]), Unflatten(1, Shape([2, 3]))), (AdaptiveAvgPool2d([2, 3]), AdaptiveAvgPool2d(Shape([2, 3]))),
        ]
        for (a, b) in pairs { #expect("\(a)" == "\(b)") }
        let plain = Hardtanh(), doubled = Sequential(Softplus(2), Dropout(), Hardtanh(), RReLU(), ELU(), Flatten(), GLU(), PReLU())
        #expect("\(plain)" == "\(Hardtanh(-1.0, 1.0))" && doubled.count == 8)
        let loss = CTCLoss(), logits = Tensor.zeros([4, 1, 3]).logSoftmax(dim: 2), target = Tensor([[1, 2]])
        #expect(loss(logits, target, [4], [2]).equal(loss(logits, target, inputLengths: [4], targetLengths: [2])))
        #expect(F.ctcLoss(logits, target, [4], [2]).equal(F.ctcLoss(logits, target, inputLengths: [4], targetLengths: [2])))
        let (long, short) = (Tensor([4]), Tensor([2]))
        #expect(loss(logits, target, long, short).equal(loss(logits, target, inputLengths: long, targetLengths: short)))
        #expect(F.ctcLoss(logits, target, long, short).equal(F.ctcLoss(logits, target, inputLengths: long, targetLengths: short)))
        let up = ConvTranspose2d(2, 1, 2, stride: 2), small = Tensor.ones([1, 2, 3, 4])
        #expect(up(small, outputSize: Shape([6, 9])).equal(up(small, outputSize: [6, 9])))
    }

    /// A convolution of one's own may call either initialiser of its superclass.
    @Test func subclasses() {
        final class Labelled: Conv2d { init() { super.init(1, 2, kernelSize: 3) } }
        final class ByPosition: Conv2d { init() { super.init(1, 2, 3) } }
        #expect(Labelled().kernelSize == [3, 3] && ByPosition().kernelSize == [3, 3])
    }

    private func rates(_ make: (Optimizer) -> LRScheduler) -> [Double] {
        let optimizer = SGD([Tensor.zeros([1], requiresGrad: true)], lr: 1, momentum: 0.9)
        let schedule = make(optimizer)
        return (0..<6).map { _ in
            optimizer.step()
            schedule.step()
            return optimizer.paramGroups[0].lr
        }
    }

    @Test func schedules() {
        let pairs: [((Optimizer) -> LRScheduler, (Optimizer) -> LRScheduler)] = [
            ({ StepLR($0, 2) }, { StepLR($0, stepSize: 2) }), ({ MultiStepLR($0, [2, 3]) }, { MultiStepLR($0, milestones: [2, 3]) }),
            ({ ExponentialLR($0, 0.5) }, { ExponentialLR($0, gamma: 0.5) }),
            ({ CosineAnnealingLR($0, 4) }, { CosineAnnealingLR($0, tMax: 4) }),
            ({ CosineAnnealingWarmRestarts($0, 2) }, { CosineAnnealingWarmRestarts($0, t0: 2) }),
            ({ CyclicLR($0, 0.1, 0.5, stepSizeUp: 2) }, { CyclicLR($0, baseLR: 0.1, maxLR: 0.5, stepSizeUp: 2) }),
            ({ CyclicLR($0, [0.1], [0.5], stepSizeUp: 2) }, { CyclicLR($0, baseLR: [0.1], maxLR: [0.5], stepSizeUp: 2) }),
            ({ OneCycleLR($0, 0.5, totalSteps: 9) }, { OneCycleLR($0, maxLR: 0.5, totalSteps: 9) }),
            ({ OneCycleLR($0, [0.5], totalSteps: 9) }, { OneCycleLR($0, maxLR: [0.5], totalSteps: 9) }),
            ({ SWALR($0, 0.5) }, { SWALR($0, swaLR: 0.5) }), ({ SWALR($0, [0.5]) }, { SWALR($0, swaLR: [0.5]) }),
            (
                { SequentialLR($0, [ConstantLR($0), ExponentialLR($0, 0.5)], [2]) },
                { SequentialLR($0, [ConstantLR($0), ExponentialLR($0, gamma: 0.5)], milestones: [2]) }
            ),
        ]
        for (i, (a, b)) in pairs.enumerated() {
            let found = rates(a)
            #expect(found == rates(b) && Set(found).count > 1, "schedule \(i): \(found)")
        }
    }

    @Test func clipping() {
        func clipped(_ clip: ([Tensor]) -> Void) -> [Double] {
            let x = Tensor.zeros([3], dtype: .float64, requiresGrad: true)
            x.grad = Tensor([-3.0, 0.5, 2], dtype: .float64)
            clip([x])
            return x.grad!.array(Double.self)
        }
        #expect(clipped { clipGradValue_($0, 1) } == [-1, 0.5, 1] && clipped { clipGradValue_($0, clipValue: 1) } == [-1, 0.5, 1])
        let scaled = clipped { clipGradNorm_($0, 1) }
        #expect(scaled == clipped { clipGradNorm_($0, maxNorm: 1) } && scaled[1] < 0.2)
        let byNorm = clipped { clipGradsWithNorm_($0, 1, Tensor(5.0)) }
        #expect(byNorm == clipped { clipGradsWithNorm_($0, maxNorm: 1, totalNorm: Tensor(5.0)) } && byNorm[1] < 0.11)
    }
}
