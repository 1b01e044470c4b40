import ApusCore
import TestSupport
import Testing

/// Pointwise functions composed of others, where recorded answers and finite differences do not reach: gradients at kinks and ends, signs
/// of zero, bits, and what a wrong call says.
@Suite struct ComposedTests {
    /// The gradients of the sum of `f` of `inputs`, in float64.
    private func gradients(_ inputs: [Double]..., f: ([Tensor]) -> Tensor) -> [[Double]] {
        let leaves = inputs.map { Tensor($0, shape: [$0.count], dtype: .float64).requiresGrad_() }
        f(leaves).sum().backward()
        return leaves.map { values($0.grad!) }
    }

    /// Equal operands give the gradient to the first, and a number that wins over NaN has it.
    @Test func fmaxAndFminGiveTheGradientToOneOperand() {
        let a = [1.0, 2, .nan, 4, .nan], b = [1.0, 3, 3, .nan, .nan]
        #expect(gradients(a, b) { $0[0].fmax($0[1]) } == [[1, 0, 0, 1, 1], [0, 1, 1, 0, 0]])
        #expect(gradients(a, b) { $0[0].fmin($0[1]) } == [[1, 1, 0, 1, 1], [0, 0, 1, 0, 0]])
    }

    @Test func gradientsAtTheEnds() {
        #expect(gradients([.nan, 1, .infinity, -.infinity]) { $0[0].nanToNum(nan: 5) } == [[0, 1, 0, 0]])
        #expect(gradients([0, -0.0]) { $0[0].sinc() } == [[0, 0]])
        #expect(gradients([1.26, -3.5]) { $0[0].round(decimals: 1) } == [[0, 0]])
        #expect(gradients([0]) { $0[0].entr() } == [[.infinity]])
        #expect(gradients([.infinity, -.infinity]) { $0[0].ndtr() } == [[0, 0]])
        #expect(gradients([.infinity, -.infinity]) { $0[0].logNdtr() } == [[0, .infinity]])
        // The derivative φ/Φ approaches −x.
        let far = gradients([-1e5, -1e100]) { $0[0].logNdtr() }[0]
        #expect(abs(far[0] / 1e5 - 1) < 1e-9 && abs(far[1] / 1e100 - 1) < 1e-9)
        #expect(gradients([0, 0, 2], [-1, 3, 0]) { $0[0].xlog1py($0[1]) }[1] == [0, 0, 2])
        let shared = gradients([1, .infinity], [1, .infinity]) { $0[0].logaddexp2($0[1]) }
        #expect(shared.joined().allSatisfy { abs($0 - 0.5) < 1e-15 })
    }

    /// The forms of ln Φ agree where one follows another.
    @Test func logNdtrHasNoSteps() {
        for dtype in [DType.float64, .float32] {
            for place in [-20.0, -10, -1] {
                let x = Tensor([place - 1e-3, place, place + 1e-3], dtype: dtype)
                let y = values(x.logNdtr().to(.float64)), slope = (y[2] - y[0]) / 2
                #expect(abs(y[1] - y[0] - slope) < 16 * dtype.epsilon * abs(y[1]) + 1e-6, "\(dtype) at \(place)")
            }
        }
        let x = Tensor([-9.5, -3, 0.25, 2])
        expectClose(x.logNdtr(), x.to(.float64).ndtr().log().to(.float32))
        expectClose(x.half().logNdtr(), x.half().to(.float32).logNdtr().half())
    }

    @Test func nextafterIsOneBitAway() {
        let x: [Float] = [0, 1, 1, -1, .infinity, 0x1p-126], to: [Float] = [1, 2, -.infinity, 0, 0, 0]
        let wanted = zip(x, to).map { $0 < $1 ? $0.nextUp : $0.nextDown }
        #expect(Tensor(x).nextafter(Tensor(to)).array(Float.self).map(\.bitPattern) == wanted.map(\.bitPattern))
        #expect(Tensor([1.0], dtype: .float64).nextafter(2).array(Double.self) == [(1.0).nextUp])
        let same = Tensor([0.0, 5]).nextafter(Tensor([-0.0, 5])).array(Float.self)
        #expect(same == [0, 5] && same[0].sign == .minus)
    }

    @Test func signbitOfHalfTypes() {
        for dtype in [DType.float64, .float32, .float16, .bfloat16] {
            let x = Tensor([Double.nan, -Double.nan, 0, -0.0, -.infinity, 2], dtype: dtype)
            #expect(x.signbit().array(Bool.self) == [false, true, false, true, true, false], "\(dtype)")
            #expect(!x.requiresGrad_().signbit().requiresGrad)
        }
    }

    @Test func divisorsOfTheSmallestIntegers() {
        let smallest = Tensor([Int64.min, .min, .min, 0, 0])
        #expect(smallest.gcd(Tensor([Int64.min, -1, 6, 0, -7])).array(Int64.self) == [.min, 1, 2, 0, 7])
        #expect(smallest.lcm(Tensor([0, 0, 0, 0, 9])).array(Int64.self) == [0, 0, 0, 0, 0])
        #expect(Tensor([-4, 6]).lcm(10).array(Int.self) == [20, 30] && Tensor([-4, 6]).gcd(10).array(Int.self) == [2, 2])
    }

    @Test func dtypesAndEmptiness() {
        #expect(DType.allCases.filter(\.isSigned).count == 8 && !DType.bool.isSigned && !DType.uint8.isSigned)
        #expect(DType.canCast(.int64, .float16) && DType.canCast(.float64, .bfloat16) && DType.canCast(.bool, .uint8))
        #expect(!DType.canCast(.float32, .int64) && !DType.canCast(.uint8, .bool))
        #expect(Tensor.zeros([2, 3], dtype: .float64).nbytes == 48 && Tensor.zeros([0], dtype: .float64).nbytes == 0)
        for call in [
            { $0.sinc() }, { $0.entr() }, { $0.ndtr() }, { $0.logNdtr() }, { $0.multigammaln(2) }, { $0.deg2rad() }, { $0.rad2deg() },
        ] as [(Tensor) -> Tensor] {
            #expect(call(Tensor([1, 2])).dtype == .float32 && call(Tensor([1.0, 2]).half()).dtype == .float16)
            #expect(call(Tensor.zeros([0, 3])).shape == [0, 3] && call(Tensor(2.0)).shape == [])
        }
        #expect(Tensor([true]).floatPower(2).dtype == .float64 && Tensor([1.0]).half().floatPower(Tensor([1])).dtype == .float64)
        let x = Tensor([1.0], dtype: .float16)
        #expect(x.newEmpty(2).dtype == .float16 && x.newZeros([2], dtype: .int8).dtype == .int8 && x.newTensor(3).shape == [])
        #expect(x.newFull([1], .infinity).item() == .infinity && Tensor([1]).newFull([1], 7).array(Int.self) == [7])
        #expect(x.newOnes(2, requiresGrad: true).requiresGrad && x.newZeros(2, 3).shape == [2, 3] && x.newEmpty([4]).numel == 4)
    }

    @Test func wrongCalls() {
        let x = Tensor([1.0, 2]), n = Tensor([1, 2]), b = Tensor([true, false])
        let wrongs: [(words: [String], call: () -> Tensor)] = [
            (["gcd", "integers", "float32"], { x.gcd(n) }), (["lcm", "integers", "bool"], { b.lcm(b) }),
            (["nextafter", "float32 and float64", "int64"], { n.nextafter(n) }), (["nextafter", "float16"], { x.half().nextafter(0) }),
            (["positive", "bool"], { b.positive() }), (["round", "int64", "to(.float32)"], { n.round(decimals: 1) }),
            (["multigammaln", "at least 1", "0"], { x.multigammaln(0) }), (["multigammaln", "bool"], { b.multigammaln(1) }),
            (["sub", "bool"], { b.sub(b, alpha: 1) }), (["sub", "2.5", "to(.float32)"], { n.sub(n, alpha: 2.5) }),
            (["zero"], { n.div(Tensor([1, 0]), roundingMode: .trunc) }), (["zero"], { Tensor.floorDivide(3, Tensor([1, 0])) }),
            (["[2]", "[3]"], { x.fmax(Tensor.zeros([3])) }), (["[2]", "[3]"], { x.logaddexp2(Tensor.zeros([3])) }),
            (["floatPower_", "float64", "float32"], { x.clone().floatPower_(2) }),
            (["sin_", "float32", "int64"], { n.clone().sin_() }), (["fmod_", "[2]"], { Tensor([1.0]).fmod_(x) }),
            (["addcdiv_", "int64"], { n.clone().addcdiv_(n, n) }), (["cumsum_", "int64", "bool"], { b.clone().cumsum_(dim: 0) }),
            (["tril", "two dimensions"], { x.clone().tril_() }), (["eq_", "[2]"], { Tensor(1.0).eq_(x) }),
            (["cos_", "leaf", "noGrad"], { Tensor([1.0], requiresGrad: true).cos_() }),
            (["detach_", "view", "detach()"], { Tensor([1.0, 2], requiresGrad: true)[0].detach_() }),
            (["bernoulli", "0 … 1"], { x.clone().bernoulli_(1.5) }), (["bernoulli", "0 … 1"], { x.clone().bernoulli_(Tensor(-1.0)) }),
            (["exponential_", "positive"], { x.clone().exponential_(0) }), (["exponential_", "int64"], { n.clone().exponential_() }),
            (["cauchy_", "sigma"], { x.clone().cauchy_(sigma: -1) }),
            (["logNormal_", "standard deviation"], { x.clone().logNormal_(std: 0) }),
            (["geometric_", "between 0 and 1"], { x.clone().geometric_(1) }), (["geometric_", "bool"], { b.clone().geometric_(0.5) }),
            (["random_", "no integer"], { x.clone().random_(3, 3) }), (["random_", "uint8"], { n.to(.uint8).random_(300) }),
        ]
        for (words, call) in wrongs {
            let text = message(call)
            #expect(words.allSatisfy { text.contains($0) }, "\(words): \(text)")
        }
    }
}

/// The new functions in place: derivatives, and fills with random numbers.
@Suite struct PointwiseInPlaceTests {
    @Test func changesAreDifferentiated() {
        let x = Tensor([0.3, 0.7], dtype: .float64, requiresGrad: true)
        let y = x.clone()
        y.sin_().square_().addcmul_(x, x, value: 0.5).clampMax_(10).pow_(x)
        y.sum().backward()
        let z = x.detach().requiresGrad_()
        (z.sin().square() + z.square() * 0.5).pow(z).sum().backward()
        expectClose(x.grad, z.grad)
        // A comparison's result has no gradient: that of the old values is zero.
        let w = x.clone()
        w.gt_(0.5)
        #expect(values(w) == [0, 1])
        x.grad = nil
        (w * x).sum().backward()
        expectClose(x.grad, [0, 1])
    }

    @Test func aDetachedTensorIsALeaf() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        let y = x * 2, z = y * 3
        y.retainGrad()
        #expect(y.detach_() === y && y.isLeaf && !y.requiresGrad && y.gradFn == nil)
        z.sum().backward()
        expectClose(x.grad, [6, 6])
        #expect(y.grad == nil)
        y.requiresGrad_().mul(5).sum().backward()
        expectClose(y.grad, [5, 5])
        expectClose(x.grad, [6, 6])
        #expect(!x.detach_().requiresGrad)
    }

    @Test func fillsHaveTheirDistributions() {
        let generator = Generator(seed: 5), n = 200_000
        func drawn(_ dtype: DType = .float32, _ fill: (Tensor) -> Tensor) -> Tensor {
            let x = Tensor.zeros([n], dtype: dtype)
            let filled = fill(x)
            #expect(filled === x && x.dtype == dtype)
            return x.to(.float64)
        }
        for dtype in [DType.float64, .float32, .float16, .bfloat16] {
            let loose = dtype.size == 2 ? 0.02 : 0.01
            let exponential = drawn(dtype) { $0.exponential_(2, generator: generator) }
            let (least, mean, std) = (exponential.min().item(), exponential.mean().item(), exponential.std().item())
            #expect(least >= 0 && abs(mean - 0.5) < loose && abs(std - 0.5) < loose, "\(dtype)")
            let cauchy = drawn(dtype) { $0.cauchy_(median: 3, sigma: 0.5, generator: generator) }
            let (median, above) = (cauchy.median().item(), cauchy.gt(3.5).to(.float64).mean().item())
            #expect(abs(median - 3) < 0.02 && abs(above - 0.25) < loose, "\(dtype)")
            let logNormal = drawn(dtype) { $0.logNormal_(mean: 0.5, std: 0.25, generator: generator) }.log()
            let (center, spread) = (logNormal.mean().item(), logNormal.std().item())
            #expect(abs(center - 0.5) < loose && abs(spread - 0.25) < loose, "\(dtype)")
        }
        for dtype in [DType.float32, .int64, .uint8, .float16] {
            let geometric = drawn(dtype) { $0.geometric_(0.25, generator: generator) }
            let (least, mean, first) = (geometric.min().item(), geometric.mean().item(), geometric.eq(1).to(.float64).mean().item())
            #expect(least == 1 && abs(mean - 4) < 0.05 && abs(first - 0.25) < 0.01, "\(dtype)")
        }
        for dtype in [DType.float32, .bool, .int8, .bfloat16] {
            let mean = drawn(dtype) { $0.bernoulli_(0.3, generator: generator) }.mean().item()
            #expect(abs(mean - 0.3) < 0.01, "\(dtype)")
        }
        let chances = Tensor([0.0, 1, 0.5]), each = Tensor.zeros([n, 3], dtype: .int64)
        let means = values(each.bernoulli_(chances, generator: generator).to(.float64).mean(dim: 0))
        #expect(means[0] == 0 && means[1] == 1 && abs(means[2] - 0.5) < 0.01)
    }

    @Test func uniformIntegers() {
        let generator = Generator(seed: 6)
        for (dtype, last) in [(DType.bool, 1.0), (.uint8, 255), (.int8, 127), (.float16, 2048), (.bfloat16, 256), (.float32, 0x1p24)] {
            let x = Tensor.zeros([50_000], dtype: dtype).random_(generator: generator).to(.float64)
            let (least, most, mean) = (x.min().item(), x.max().item(), x.mean().item())
            #expect(least >= 0 && most <= last && most > 0.99 * last, "\(dtype)")
            #expect(abs(mean / last - 0.5) < 0.01 && x.eq(x.floor()).all().item(Bool.self), "\(dtype)")
        }
        let wide = Tensor.zeros([10_000], dtype: .int64).random_(generator: generator)
        #expect(wide.ge(0).all().item(Bool.self) && wide.max().item() > 9e18)
        let dice = Tensor.zeros([10_000]).random_(1, 7, generator: generator)
        #expect(dice.unique().values.array(Int.self) == [1, 2, 3, 4, 5, 6])
        #expect(Tensor.zeros([1000], dtype: .int32).random_(3, generator: generator).unique().values.array(Int.self) == [0, 1, 2])
    }

    @Test func theSameSeedFillsAlike() {
        for fill in [
            { $0.exponential_(generator: $1) }, { $0.cauchy_(generator: $1) }, { $0.logNormal_(generator: $1) },
            { $0.geometric_(0.1, generator: $1) }, { $0.bernoulli_(generator: $1) }, { $0.random_(100, generator: $1) },
        ] as [(Tensor, Generator) -> Tensor] {
            let (a, b) = (fill(Tensor.zeros([3, 5]).t(), Generator(seed: 1)), fill(Tensor.zeros([3, 5]).t(), Generator(seed: 1)))
            #expect(a.equal(b) && !a.equal(fill(Tensor.zeros([3, 5]).t(), Generator(seed: 2))))
            #expect(fill(Tensor.zeros([0, 2]), Generator(seed: 1)).shape == [0, 2])
            // The old values have no part in the new ones.
            let x = Tensor([1.0, 2], requiresGrad: true), y = x * 1
            (fill(y, Generator(seed: 1)) * 1).sum().backward()
            expectClose(x.grad, [0, 0])
        }
    }
}
