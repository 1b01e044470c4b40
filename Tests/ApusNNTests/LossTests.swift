import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

/// Losses against PyTorch's answers (the literals below) and finite differences, and errors for bad input. The recorded cases of the
/// conformance suite cover more settings in float32.
@Suite struct LossTests {
    /// sin(1.7·(start + i)), float64.
    private func numbers(_ shape: Shape, _ start: Int) -> Tensor {
        Tensor((0..<shape.numel).map { sin(1.7 * Double(start + $0)) }, shape: shape, dtype: .float64)
    }

    private func expect(_ loss: Tensor, _ expected: Double..., sourceLocation: SourceLocation = #_sourceLocation) {
        expectClose(loss, expected, rtol: 1e-10, atol: 1e-12, sourceLocation: sourceLocation)
    }

    private func softmax(_ x: Tensor) -> Tensor { F.softmax(x, dim: 1) }

    @Test func answersOfPyTorch() {
        let (a, p, n) = (numbers([4, 3], 0), numbers([4, 3], 20), numbers([4, 3], 40))
        expect(TripletMarginLoss()(a, p, n), 1.9607359500539998)
        expect(F.tripletMarginLoss(a, p, n, margin: 0.5, p: 1, swap: true, reduction: .sum), 7.866463235892148)
        expect(TripletMarginWithDistanceLoss(swap: true)(a, p, n), 1.9607359500539998)

        let x = numbers([4, 5], 3), y = Tensor([0, 4, 2, 1]), weight = numbers([5], 60).abs()
        expect(MultiMarginLoss(p: 2, margin: 0.7, weight: weight)(x, y), 0.7002698869455877)
        expect(CrossEntropyLoss(weight: weight, ignoreIndex: 2, labelSmoothing: 0.2)(x, y), 1.8500556848802385)
        expect(CrossEntropyLoss(weight: weight, labelSmoothing: 0.1)(x, softmax(numbers([4, 5], 9))), 1.3542522976754494)

        expect(PoissonNLLLoss(full: true)(numbers([5], 1), numbers([5], 8).abs() * 4), 2.7036210598136434)
        expect(GaussianNLLLoss(full: true, eps: 0.5)(numbers([4, 3], 1), numbers([4, 3], 8), numbers([4], 30).abs()), 0.8596344274215876)
        let target = Tensor([0, 0.5, 0.5], dtype: .float64).expand(4, 3)
        expect(KLDivLoss(reduction: .batchmean)(F.logSoftmax(numbers([4, 3], 1), dim: 1), target), 0.5987689793154937)
        expect(
            MultiLabelMarginLoss(reduction: .none)(numbers([2, 4], 1), Tensor([[3, 0, -1, 1], [-1, 2, 2, 2]])), 0.06258638670864014, 0)
        let signs = Tensor([1, -1, 1, -1], dtype: .float64)
        expect(CosineEmbeddingLoss(margin: 0.1)(numbers([4, 3], 1), numbers([4, 3], 8), signs), 0.40655158700635885)
        expect(F.huberLoss(numbers([5], 1) * 3, numbers([5], 8), delta: 0.7, weight: numbers([5], 2).abs()), 0.5157081752730484)
    }

    /// CTC: losses, the gradient for normalised inputs, impossible targets.
    @Test func connectionistTemporalClassification() {
        let logProbs = F.logSoftmax(numbers([6, 2, 4], 5), dim: 2).detach().requiresGrad_()
        let targets = Tensor([[1, 2, 2], [3, 1, 0]])
        let losses = CTCLoss(reduction: .none)(logProbs, targets, inputLengths: [6, 4], targetLengths: [3, 2])
        expect(losses, 6.952688528773516, 2.305476683218392)
        losses.sum().backward()
        let expected = [
            0.014256001241660321, -0.5303892795506715, 0.09591601337631231, 0.4202172649326987, -0.019728463665314167, 0.07017526790731282,
            0.15812635142540443, -0.20857315566740314,
        ]
        for (a, b) in zip(values(logProbs.grad!), expected) { #expect(abs(a - b) < 1e-12) }
        // Frames beyond a sequence's length have the gradient 0.
        #expect(values(logProbs.grad!.select(1, 1).narrow(0, 4, 2)).allSatisfy { $0 == 0 })

        let flat = Tensor([1, 2, 2, 3, 1])
        expect(
            F.ctcLoss(logProbs, flat, inputLengths: Tensor([6, 4]), targetLengths: Tensor([3, 2]), reduction: .none), 6.952688528773516,
            2.305476683218392)
        let impossible = F.ctcLoss(logProbs, targets, inputLengths: [2, 4], targetLengths: [3, 2], reduction: .none)
        #expect(values(impossible)[0] == .infinity)
        let zeroed = CTCLoss(zeroInfinity: true)(logProbs, targets, inputLengths: [2, 4], targetLengths: [3, 2])
        expect(zeroed, 0.576369170804598)
        logProbs.grad = nil
        zeroed.backward()
        #expect(values(logProbs.grad!).allSatisfy { $0.isFinite })
        #expect(values(logProbs.grad!.select(1, 0)).allSatisfy { $0 == 0 })
    }

    /// At 0 and 1 the logarithms are clamped at −100, and the derivative is finite.
    @Test func binaryCrossEntropyAtItsEnds() {
        let x = Tensor([0, 1, 0.3], dtype: .float64).requiresGrad_()
        let loss = F.binaryCrossEntropy(x, Tensor([1, 0, 0.5], dtype: .float64), reduction: .sum)
        expect(loss, 200.78032387413234)
        loss.backward()
        expectClose(x.grad!, [-1e12, 1e12, -0.9523809523809524], rtol: 1e-7)
    }

    @Test func derivatives() {
        let x = numbers([3, 4], 3), y = Tensor([0, 3, 1])
        checkGradients([x]) { F.crossEntropy($0[0], y) }
        checkGradients([x]) { F.crossEntropy($0[0], y, weight: numbers([4], 60).abs(), ignoreIndex: 3, reduction: .none) }
        checkGradients([x]) { F.crossEntropy($0[0], y, reduction: .sum, labelSmoothing: 0.2) }
        checkGradients([x, softmax(numbers([3, 4], 9))]) { F.crossEntropy($0[0], $0[1]) }
        checkGradients([x]) { F.nllLoss($0[0], y, weight: numbers([4], 60).abs()) }
        let other = numbers([3, 4], 40)
        checkGradients([x, other]) { F.mseLoss($0[0], $0[1]) }
        checkGradients([x, other]) { F.smoothL1Loss($0[0], $0[1], beta: 0.7) }
        checkGradients([x, other]) { F.huberLoss($0[0], $0[1], delta: 0.6) }
        let (p, q) = (F.sigmoid(x), F.sigmoid(other))
        checkGradients([p, q]) { F.binaryCrossEntropy($0[0], $0[1]) }
        checkGradients([x, q]) { F.binaryCrossEntropyWithLogits($0[0], $0[1], posWeight: numbers([4], 60).abs()) }
        checkGradients([F.logSoftmax(x, dim: 1), softmax(other)]) { F.klDiv($0[0], $0[1], reduction: .batchmean) }
        checkGradients([F.logSoftmax(x, dim: 1), F.logSoftmax(other, dim: 1)]) { F.klDiv($0[0], $0[1], logTarget: true) }
        checkGradients([x, q]) { F.poissonNLLLoss($0[0], $0[1]) }
        checkGradients([x, other, q + 0.5]) { F.gaussianNLLLoss($0[0], $0[1], $0[2]) }
        checkGradients([x]) { F.softMarginLoss($0[0], Tensor([1, -1, 1, -1], dtype: .float64).expand(3, 4)) }
        checkGradients([x, other]) { F.cosineEmbeddingLoss($0[0], $0[1], Tensor([1, -1, 1], dtype: .float64), margin: -1) }
        checkGradients([x, other, numbers([3, 4], 80)]) { F.tripletMarginLoss($0[0], $0[1], $0[2]) }
        checkGradients([x]) { F.multiMarginLoss($0[0], y, p: 2) }
    }

    /// A second derivative through the fused op reaches the inputs of the scores.
    @Test func crossEntropyTwice() {
        let x = numbers([3, 4], 3).requiresGrad_(), y = Tensor([0, 3, 1])
        let g = grad(of: F.crossEntropy(x, y, reduction: .sum), withRespectTo: [x], createGraph: true)[0]
        let fused = grad(of: (g * numbers([3, 4], 70)).sum(), withRespectTo: [x])[0]
        let h = grad(of: F.nllLoss(x - x.logsumexp(dim: 1, keepDim: true), y, reduction: .sum), withRespectTo: [x], createGraph: true)[0]
        expectClose(fused, grad(of: (h * numbers([3, 4], 70)).sum(), withRespectTo: [x])[0], rtol: 1e-11)
    }

    @Test func shapesMustAgree() {
        let a = Tensor.zeros([3]), b = Tensor.zeros([3, 1])
        for (name, loss) in [
            ("mseLoss", message { F.mseLoss(a, b) }), ("l1Loss", message { F.l1Loss(a, b) }),
            ("smoothL1Loss", message { F.smoothL1Loss(a, b) }),
            ("huberLoss", message { F.huberLoss(a, b) }), ("klDiv", message { F.klDiv(a, b) }),
            ("binaryCrossEntropy", message { F.binaryCrossEntropy(a, b) }),
            ("softMarginLoss", message { F.softMarginLoss(a, b) }), ("poissonNLLLoss", message { F.poissonNLLLoss(a, b) }),
        ] {
            #expect(loss.contains(name) && loss.contains("[3]") && loss.contains("[3, 1]") && loss.contains("reshape"), "\(loss)")
        }
    }

    @Test func labelsMustBeClasses() {
        let x = Tensor.zeros([5, 10])
        #expect(message { F.crossEntropy(x, Tensor([1, 2, 3, 10, 4])) }.contains("label 10 at position 3 is outside 0 ..< 10"))
        #expect(message { F.crossEntropy(x, Tensor([1, -2, 3, 0, 4])) }.contains("label -2 at position 1"))
        #expect(message { F.nllLoss(x, Tensor([1, 2, 3, 10, 4])) }.contains("label 10 at position 3"))
        #expect(message { F.crossEntropy(x.reshape(1, 10, 5), Tensor([[0, 0, 0, 0, 11]])) }.contains("label 11 at position [0, 4]"))
        #expect(message { F.crossEntropy(x, Tensor([1, -100, 3, 0, 4])) } == "")
        #expect(message { F.crossEntropy(x, Tensor([1, 2])) }.contains("must have shape [5], these have [2]"))
        #expect(message { F.crossEntropy(x, Tensor([1.0, 2, 3, 4, 5])) }.contains("float32"))
        #expect(message { F.crossEntropy(x, Tensor([1, 2, 3, 4, 5]), weight: Tensor.ones([9])) }.contains("weight"))
        #expect(message { F.binaryCrossEntropy(Tensor([1.5]), Tensor([1.0])) }.contains("between 0 and 1"))
    }

    /// The message contains the path of the module.
    @Test func messagesNameTheModule() {
        #expect(message { CrossEntropyLoss()(Tensor.zeros([2, 3]), Tensor([0, 3])) }.contains("CrossEntropyLoss"))
    }

    @Test func weightsAreState() {
        let loss = BCEWithLogitsLoss(weight: Tensor.ones([3]), posWeight: Tensor.ones([3]))
        #expect(loss.stateDict().keys == ["weight", "pos_weight"])
        #expect("\(loss)" == "BCEWithLogitsLoss()")
        #expect(CrossEntropyLoss().stateDict().isEmpty)
        #expect(
            "\(LinearCrossEntropyLoss(5, 4, outFeatures: [3]))".contains(
                "in_features=5, num_classes=4, out_features=(3,), bias=False, reduction=mean"))
    }
}
