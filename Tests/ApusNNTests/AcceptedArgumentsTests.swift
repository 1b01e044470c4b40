import ApusCore
import ApusNN
import TestSupport
import Testing

/// Everything that PyTorch accepts is accepted, with its dtypes and values: integers in convolutions and pools, scalars in margin losses.
/// An option that a form would ignore is refused, as in PyTorch.
@Suite struct AcceptedArgumentsBackendTests {
    static let integers = [DType.uint8, .int8, .int16, .int32, .int64]

    @Test(arguments: Device.testedAndReference) func poolsOfIntegers(_ device: Device) {
        let x = Tensor((0..<16).map { $0 * 7 % 200 }, shape: [1, 1, 4, 4], dtype: .int64).to(device)
        #expect(TestSupport.integers(F.avgPool2d(x, kernelSize: 2)) == [17, 31, 73, 87])
        #expect(TestSupport.integers(F.avgPool2d(-x, kernelSize: 2)) == [-17, -31, -73, -87])
        #expect(TestSupport.integers(F.avgPool1d(x[0], kernelSize: 2, padding: 1)).prefix(3) == [0, 10, 10])
        #expect(F.avgPool2d(x, kernelSize: 2).dtype == .int64)
        for dtype in Self.integers {
            let (values, places) = F.maxPool2dWithIndices(x.to(dtype), kernelSize: 2)
            #expect(
                values.dtype == dtype && TestSupport.integers(values) == [35, 49, 91, 105]
                    && TestSupport.integers(places) == [5, 7, 13, 15])
            expectThrows("floating-point") { F.maxPool1d(x[0].to(dtype), kernelSize: 3) }
            let volume = x.to(dtype).reshape([1, 1, 1, 4, 4])
            #expect(TestSupport.integers(F.maxPool3d(volume, kernelSize: [1, 2, 2])) == [35, 49, 91, 105])
            expectThrows("floating-point") { F.adaptiveMaxPool2d(x.to(dtype), 2) }
            expectThrows("floating-point") { F.adaptiveAvgPool2d(x.to(dtype), 2) }
            if dtype != .int64 { expectThrows("floating-point") { F.avgPool2d(x.to(dtype), kernelSize: 2) } }
        }
        expectThrows("floating-point") { F.maxPool2d(x.to(.bool), kernelSize: 2) }
    }

    /// PyTorch's numbers.
    @Test(arguments: Device.testedAndReference) func convolutionsOfIntegers(_ device: Device) {
        for dtype in Self.integers {
            let x = Tensor((0..<16).map { $0 * 7 % 200 }, shape: [1, 1, 4, 4], dtype: .int64).to(dtype).to(device)
            let two = Tensor.full([1, 1, 3, 3], 2, dtype: dtype, device: device), one = Tensor.ones([1], dtype: dtype, device: device)
            let wrapped: [Int64] =
                switch dtype {
                case .uint8: [118, 244, 110, 236]
                case .int8: [118, -12, 110, -20]
                default: [630, 756, 1134, 1260]
                }
            let y = F.conv2d(x, two)
            #expect(y.dtype == dtype && TestSupport.integers(y) == wrapped, "\(dtype) on \(device)")
            if dtype != .int8 { #expect(TestSupport.integers(F.conv2d(x, two, one)) == wrapped.map { $0 + 1 }) }
            let line = Tensor((0..<8).map { $0 % 5 }, shape: [1, 1, 8], dtype: dtype).to(device)
            #expect(
                TestSupport.integers(F.convTranspose1d(line, Tensor.ones([1, 1, 3], dtype: dtype, device: device))) == [
                    0, 1, 3, 6, 9, 7, 5, 3, 3, 2,
                ])
        }
        let flags = Tensor.ones([1, 1, 3], dtype: .bool, device: device)
        expectThrows("bool") { F.conv1d(flags, flags) }
    }

    @Test(arguments: Device.testedAndReference) func scalarsInMarginLosses(_ device: Device) {
        func scalar(_ x: Double) -> Tensor { Tensor([x], dtype: .float32).reshape([]).to(device) }
        func label(_ i: Int) -> Tensor { Tensor([i]).reshape([]).to(device) }
        for reduction in Reduction.allCases {
            let losses: [(String, Tensor, Double)] = [
                ("multiMarginLoss", F.multiMarginLoss(scalar(0.3), label(0), reduction: reduction), 0),
                (
                    "multiMarginLoss with weight",
                    F.multiMarginLoss(scalar(0.3), label(0), weight: Tensor([2.0]).to(device), reduction: reduction), 0
                ),
                ("multilabelMarginLoss", F.multilabelMarginLoss(scalar(0.3), label(0), reduction: reduction), 0),
                ("multilabelMarginLoss without label", F.multilabelMarginLoss(scalar(0.3), label(-1), reduction: reduction), 0),
                ("multilabelMarginLoss of a list", F.multilabelMarginLoss(scalar(0.3), Tensor([0]).to(device), reduction: reduction), 0),
                ("hingeEmbeddingLoss", F.hingeEmbeddingLoss(scalar(0.3), scalar(1), reduction: reduction), 0.3),
                ("marginRankingLoss", F.marginRankingLoss(scalar(0.3), scalar(0.2), scalar(-1), margin: 0.5, reduction: reduction), 0.6),
                ("softMarginLoss", F.softMarginLoss(scalar(0.3), scalar(1), reduction: reduction), 0.5543552),
                ("tripletMarginLoss", F.tripletMarginLoss(scalar(0.3), scalar(0.2), scalar(1), reduction: reduction), 0.400002),
                (
                    "tripletMarginWithDistanceLoss",
                    F.tripletMarginWithDistanceLoss(scalar(0.3), scalar(0.2), scalar(1), reduction: reduction), 0.400002
                ),
                (
                    "a distance of one's own",
                    F.tripletMarginWithDistanceLoss(
                        scalar(0.3), scalar(0.2), scalar(1), distanceFunction: { ($0 - $1).abs() }, reduction: reduction), 0.4
                ),
            ]
            for (name, loss, wanted) in losses {
                #expect(loss.shape == [], "\(name)")
                expectClose(loss.to(.cpu), [wanted], atol: 1e-6, name)
            }
        }
        expectThrows("out") { F.multiMarginLoss(scalar(0.3), label(1)) }
        #expect(F.multiMarginLoss(scalar(0.3), Tensor([0]).to(device), reduction: .none).shape == [1])
        expectThrows("at least one class") { F.multiMarginLoss(Tensor.ones([2, 0], device: device), Tensor([0, 0]).to(device)) }
    }

    @Test func ignoredOptions() {
        let scores = Tensor.ones([2, 3]), shares = Tensor.full([2, 3], 1.0 / 3), x = Tensor.ones([1, 1, 4, 4])
        expectThrows("ignoreIndex") { F.crossEntropy(scores, shares, ignoreIndex: 0) }
        expectThrows("ignoreIndex") { F.crossEntropy(scores, shares, ignoreIndex: 7) }
        expectThrows("ignoreIndex") { CrossEntropyLoss(ignoreIndex: 1)(scores, shares) }
        _ = F.crossEntropy(scores, shares, ignoreIndex: -1)
        expectThrows("ignoreIndex") { F.linearCrossEntropy(scores, Tensor.ones([3, 3]), shares, ignoreIndex: 1) }
        expectThrows("alignCorners") { F.interpolate(x, size: 5, alignCorners: false) }
        expectThrows("alignCorners") { F.interpolate(x, size: 5, mode: .area, alignCorners: true) }
        expectThrows("recomputeScaleFactor") { F.interpolate(x, size: 5, recomputeScaleFactor: true) }
        expectThrows("antialias") { F.interpolate(x, size: 5, mode: .area, antialias: true) }
        expectThrows("value") { F.pad(x, [1, 1, 1, 1], mode: .reflect, value: 1) }
        expectThrows("perSampleWeights") {
            F.embeddingBag(Tensor([[0, 1]]), Tensor.ones([3, 2]), mode: .mean, perSampleWeights: Tensor.ones([1, 2]))
        }
        expectThrows("offsets") { F.embeddingBag(Tensor([[0, 1]]), Tensor.ones([3, 2]), offsets: Tensor([0])) }
        expectThrows("divisorOverride") { F.avgPool2d(x, kernelSize: 2, divisorOverride: 0) }
        expectThrows("stride 1") { F.conv2d(x, Tensor.ones([1, 1, 3, 3]), stride: 2, padding: .same) }
    }
}
