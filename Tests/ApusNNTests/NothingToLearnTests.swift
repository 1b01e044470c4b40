import ApusCore
import ApusNN
import TestSupport
import Testing

/// Where nothing depends on the input (empty batches, ignored labels only, constant results), gradients are zero: neither NaN
/// nor missing.
@Suite struct NothingToLearnBackendTests {
    private func expectZeros(_ what: String, _ leaves: [Tensor], _ loss: ([Tensor]) -> Tensor) {
        for recorded in [false, true] {
            let leaves = leaves.map { $0.detach().requiresGrad_() }
            let value = loss(leaves)
            guard value.requiresGrad else {
                Issue.record("\(what) has no graph")
                return
            }
            value.sum().backward(createGraph: recorded)
            for (i, leaf) in leaves.enumerated() {
                guard let found = leaf.grad else {
                    Issue.record("\(what): gradient \(i) is missing")
                    continue
                }
                if let wrong = values(found).first(where: { $0 != 0 }) {
                    Issue.record("\(what) on \(found.device): gradient \(i) holds \(wrong), recorded \(recorded)")
                }
            }
        }
    }

    @Test(arguments: Device.testedAndReference) func emptyBatches(_ device: Device) {
        func ones(_ shape: Shape) -> Tensor { Tensor.ones(shape, device: device) }
        for shape in [[0, 4, 3], [2, 4, 0], [0, 4]] as [Shape] {
            let parameters = [Tensor.zeros(shape, device: device), ones([4]), ones([4])]
            expectZeros("batchNorm of \(shape)", parameters) { F.batchNorm($0[0], nil, nil, weight: $0[1], bias: $0[2], training: true) }
            expectZeros("batchNorm of \(shape), not training", parameters) {
                F.batchNorm($0[0], Tensor.zeros([4], device: device), Tensor.ones([4], device: device), weight: $0[1], bias: $0[2])
            }
            expectZeros("groupNorm of \(shape)", parameters) { F.groupNorm($0[0], 2, weight: $0[1], bias: $0[2]) }
            expectZeros("instanceNorm of \(shape)", parameters) { F.instanceNorm($0[0], weight: $0[1], bias: $0[2]) }
        }
        let rows = [Tensor.zeros([0, 4], device: device), ones([4]), ones([4])]
        expectZeros("layerNorm", rows) { F.layerNorm($0[0], [4], weight: $0[1], bias: $0[2]) }
        expectZeros("rmsNorm", Array(rows.dropLast())) { F.rmsNorm($0[0], [4], weight: $0[1]) }
        expectZeros("localResponseNorm", [Tensor.zeros([0, 4, 3], device: device)]) { F.localResponseNorm($0[0], 2) }
        let weights = [ones([2, 3, 2]), ones([2])]
        expectZeros("conv1d", weights) { F.conv1d(Tensor.zeros([0, 3, 5], device: device), $0[0], $0[1]) }
        expectZeros("convTranspose1d", [ones([3, 2, 2]), ones([2])]) {
            F.convTranspose1d(Tensor.zeros([0, 3, 5], device: device), $0[0], $0[1])
        }
        expectZeros("linear", [ones([2, 3]), ones([2])]) { F.linear(Tensor.zeros([0, 3], device: device), $0[0], $0[1]) }
        let none = Tensor.zeros([0], dtype: .int64, device: device)
        for mode in EmbeddingBagMode.allCases {
            expectZeros("embeddingBag \(mode) of empty bags", [ones([3, 2])]) {
                F.embeddingBag(none, $0[0], offsets: Tensor.zeros([2], dtype: .int64, device: device), mode: mode)
            }
        }
        expectZeros("embedding of no index", [ones([3, 2])]) { F.embedding(none, $0[0]) }
        expectZeros("crossEntropy of no sample", [ones([2, 3])]) {
            F.crossEntropy(Tensor.zeros([0, 2], device: device).matmul($0[0]), none)
        }
    }

    @Test(arguments: Device.testedAndReference) func ignoredLabels(_ device: Device) {
        for shape in [[3, 4], [2, 4, 5]] as [Shape] {
            let labels = Tensor.full(Shape([shape[0]] + shape.dropFirst(2)), -100, dtype: .int64, device: device)
            let scores = (Tensor.arange(shape.numel).to(.float32) * 0.37).sin().reshape(shape).to(device)
            for weight in [nil, Tensor([0.5, 1, 2, 1]).to(device)] {
                for smoothing in [0, 0.2] {
                    for reduction in Reduction.allCases {
                        expectZeros("crossEntropy of ignored \(labels.shape), \(reduction), smoothing \(smoothing)", [scores]) {
                            F.crossEntropy($0[0], labels, weight: weight, reduction: reduction, labelSmoothing: smoothing)
                        }
                    }
                }
                expectZeros("nllLoss of ignored \(labels.shape)", [scores]) { F.nllLoss($0[0], labels, weight: weight) }
                #expect(values(F.crossEntropy(scores, labels, weight: weight))[0].isNaN)
            }
        }
        expectZeros("multilabelMarginLoss without labels", [Tensor.ones([2, 3], device: device)]) {
            F.multilabelMarginLoss($0[0], Tensor.full([2, 3], -1, dtype: .int64, device: device))
        }
    }

    @Test(arguments: Device.testedAndReference) func resultsThatStayTheSame(_ device: Device) {
        let places = (Tensor.arange(16).to(.float32) * 0.61).sin().reshape([1, 2, 4, 2]).to(device),
            image = Tensor.ones([1, 2, 3, 3], device: device)
        for padding in GridSamplePadding.allCases {
            for corners in [false, true] {
                expectZeros("gridSample by its grid, \(padding)", [places]) {
                    F.gridSample(image, $0[0], mode: .nearest, paddingMode: padding, alignCorners: corners)
                }
            }
        }
        // The input still gets a gradient.
        let x = image.detach().requiresGrad_(), grid = Tensor.zeros([1, 1, 1, 2], device: device).requiresGrad_()
        F.gridSample(x, grid, mode: .nearest).sum().backward()
        #expect(values(x.grad!).reduce(0, +) == 2 && values(grid.grad!) == [0, 0])
        let three = [Tensor([0.1, 0.2, 0.3]).to(device)]
        expectZeros("dropout of everything", three) { F.dropout($0[0], p: 1) }
        expectZeros("hardshrink", three) { F.hardshrink($0[0]) }
        expectZeros("threshold", three) { F.threshold($0[0], threshold: 5, value: 1) }
        expectZeros("pdist of one", [Tensor.ones([1, 3], device: device)]) { F.pdist($0[0]) }
        expectZeros("multiMarginLoss of one class", [Tensor.ones([1, 1], device: device)]) {
            F.multiMarginLoss($0[0], Tensor([0]).to(device))
        }
        expectZeros("multilabelMarginLoss of a scalar", [Tensor([0.3]).reshape([]).to(device)]) {
            F.multilabelMarginLoss($0[0], Tensor([0]).reshape([]).to(device))
        }
    }
}
