import ApusCore
import TestSupport
import Testing

/// Forms of calls that PyTorch's programs have beside the usual ones give what the usual ones give.
@Suite struct ArgumentTests {
    private let x = Tensor([[0.5, -1.25, 3], [2, 0.25, -0.75]])

    @Test func byPositionAndByLabel() {
        expectEqual(x.clone().clamp_(-1, 1), x.clamp(min: -1, max: 1))
        expectEqual(x.roll(1, 0), x.roll(1, dim: 0))
        expectEqual(x.asStrided([2], [1], storageOffset: 1), x.asStrided([2], [1], 1))
        expectEqual(Tensor.linspace(0, 1, steps: 5), Tensor.linspace(0, 1, 5))
        expectEqual(Tensor.logspace(0, 1, steps: 3, base: 2), Tensor.logspace(0, 1, 3, base: 2))
        expectEqual(Tensor.arange(3.5), Tensor.arange(0.0, 3.5))
        #expect(Tensor.arange(3).dtype == .int64)
        expectEqual(Linalg.norm(x, 1), Linalg.norm(x, ord: 1))
        expectEqual(Linalg.norm(x, 2, dim: 1), x.norm(dim: 1))
        expectEqual(Linalg.vectorNorm(x, 3), Linalg.vectorNorm(x, ord: 3))
        expectEqual(Linalg.vectorNorm(x, 3, dim: 0), Linalg.vectorNorm(x, ord: 3, dim: 0))
        expectEqual(Linalg.matrixNorm(x, .nuc), Linalg.matrixNorm(x, ord: .nuc))
        let square = x[.all, ..<2]
        expectEqual(Linalg.cond(square, 1), Linalg.cond(square, p: 1))
        expectEqual(x.topk(2, sorted: true).values, x.topk(2).values)
        #expect(x.tensorSplit(Tensor([1]), dim: 1).map(\.shape) == x.tensorSplit([1], dim: 1).map(\.shape))
        #expect(x.tensorSplit(Tensor(3), dim: 1).count == 3)
    }

    @Test func drawsByPosition() {
        func drawn(_ f: (Generator) -> Tensor) -> Tensor { f(Generator(seed: 3)) }
        let y = Tensor.zeros([50])
        expectEqual(drawn { y.clone().normal_(1, 2, generator: $0) }, drawn { y.clone().normal_(mean: 1, std: 2, generator: $0) })
        expectEqual(drawn { y.clone().cauchy_(1, 2, generator: $0) }, drawn { y.clone().cauchy_(median: 1, sigma: 2, generator: $0) })
        expectEqual(drawn { y.clone().logNormal_(1, 2, generator: $0) }, drawn { y.clone().logNormal_(mean: 1, std: 2, generator: $0) })
        expectEqual(drawn { .normal(1, 2, [9], generator: $0) }, drawn { .normal(mean: 1, std: 2, [9], generator: $0) })
        expectEqual(
            drawn { y.abs().add(1).multinomial(numSamples: 3, generator: $0) }, drawn { y.abs().add(1).multinomial(3, generator: $0) })
        expectEqual(drawn { y.bernoulli(0.25, generator: $0) }, drawn { .bernoulli([50], p: 0.25, generator: $0) })
        expectEqual(drawn { .randint(like: y, 9, generator: $0) }, drawn { .randint(like: y, 0, 9, generator: $0) })
        expectEqual(drawn { .randperm(9, dtype: .float32, generator: $0) }, drawn { .randperm(9, generator: $0) }.float())
    }

    @Test func dtypesDevicesAndGradients() {
        let like: [Tensor] = [
            .zeros(like: x, dtype: .float64, device: .reference, requiresGrad: true),
            .ones(like: x, dtype: .float64, device: .reference, requiresGrad: true),
            .full(like: x, 2, dtype: .float64, device: .reference, requiresGrad: true),
            .empty(like: x, dtype: .float64, device: .reference, requiresGrad: true),
            .rand(like: x, dtype: .float64, device: .reference, requiresGrad: true),
            .randn(like: x, dtype: .float64, device: .reference, requiresGrad: true),
        ]
        for y in like { #expect(y.shape == x.shape && y.dtype == .float64 && y.device == .reference && y.requiresGrad && y.isLeaf) }
        let rows: [Tensor] = [
            .arange(0.0, 3, requiresGrad: true), .linspace(0, 1, 3, requiresGrad: true), .logspace(0, 1, 3, requiresGrad: true),
            .eye(3, requiresGrad: true), .normal(0, 1, [3], requiresGrad: true),
        ]
        for y in rows { #expect(y.requiresGrad && y.isLeaf) }
        #expect(x.to(Tensor.zeros([1], dtype: .float64)).dtype == .float64)
        #expect(x.to(.float32) === x && x.to(.float32, copy: true) !== x && x.to(.cpu, copy: true) !== x)
        #expect(Tensor.resultType(Tensor([1]), 1.5) == .float32 && Tensor.resultType(x.half(), 1.5) == .float16)
    }

    @Test func placesOfEqualElements() {
        let sorted = Tensor([1, 3, 3, 5]), values = Tensor([3, 0, 9])
        for side in SearchSide.allCases {
            expectEqual(
                Tensor.searchsorted(sorted, values, outInt32: true, side: side),
                Tensor.searchsorted(sorted, values, right: side == .right).int())
        }
        expectEqual(Tensor.bucketize(values, sorted, outInt32: true, right: true), Tensor.searchsorted(sorted, values, right: true).int())
    }

    @Test func limitsOfNumbers() {
        let floats: [(DType, Double, Double, Double)] = [
            (.float64, .greatestFiniteMagnitude, .ulpOfOne, .leastNormalMagnitude),
            (.float32, Double(Float.greatestFiniteMagnitude), Double(Float.ulpOfOne), Double(Float.leastNormalMagnitude)),
            (.float16, 65504, 0x1p-10, 0x1p-14), (.bfloat16, 0x1.FEp127, 0x1p-7, 0x1p-126),
        ]
        for (dtype, max, eps, tiny) in floats {
            let info = finfo(dtype)
            #expect(info.max == max && info.min == -max && info.eps == eps && info.tiny == tiny && info.bits == 8 * dtype.size)
        }
        #expect(iinfo(.int8).min == -128 && iinfo(.int8).max == 127 && iinfo(.int8).bits == 8)
        #expect(iinfo(.uint8).max == 255 && iinfo(.uint8).min == 0)
        #expect(iinfo(.int64).max == .max && iinfo(.int64).min == .min && iinfo(.int32).min == Int(Int32.min))
        #expect(throws: OpError.self) { try checked { finfo(.int8) } }
        #expect(throws: OpError.self) { try checked { iinfo(.bool) } }
    }

    @Test func gradientsOfWhatWasNotUsed() {
        let (a, b) = (Tensor([2.0], requiresGrad: true), Tensor([[1.0, 2]], requiresGrad: true))
        let found = grad(of: (a * a).sum(), withRespectTo: [a, b], materializeGrads: true)
        #expect(found[0].item() == 4 && found[1].shape == [1, 2] && found[1].abs().sum().item() == 0)
        for mode in [false, true] { #expect(setGradEnabled(mode) { (a * 2).requiresGrad } == mode) }
    }

    @Test(arguments: [Shape([4, 4]), [2, 3, 5], [2, 5, 3]]) func unpackedFactors(_ shape: Shape) {
        let a = Tensor.randn(shape, dtype: .float64, generator: Generator(seed: 2))
        let (factors, pivots) = Linalg.luFactor(a)
        let (p, l, u) = Tensor.luUnpack(factors, pivots), whole = Linalg.lu(a)
        for (part, other) in zip([p, l, u], [whole.p, whole.l, whole.u]) { expectEqual(part, other) }
        #expect(throws: OpError.self) { try checked { Tensor.luUnpack(factors, pivots + 9) } }
    }
}
