import ApusCore
import TestSupport
import Testing

@Suite("Members of Double stand where a number may") struct ImplicitNumberTests {
    private let x = Tensor([1.0, -2])
    private let mask = Tensor([true, false])

    @Test func infinitiesFill() {
        #expect(x.maskedFill(mask, .infinity).array(Double.self) == [.infinity, -2])
        #expect(x.maskedFill(mask, -.infinity).array(Double.self) == [-.infinity, -2])
        #expect(x.maskedFill(mask, .nan).isnan().array(Bool.self) == [true, false])
        #expect(x.maskedFill(mask, .pi / 2)[0].item(Float.self) == Float(Double.pi / 2))
        #expect(x.clone().maskedFill_(mask, -.infinity)[0].item() == -.infinity)
        #expect(x.clone().fill_(.infinity).array(Double.self) == [.infinity, .infinity])
        #expect(Tensor.full([2], .infinity).dtype == .float32 && Tensor.full([1], -.infinity, dtype: .float64).item() == -.infinity)
        #expect(Tensor.full(like: x, .infinity).array(Double.self) == [.infinity, .infinity])
        #expect(Tensor.where(mask, x, .infinity).array(Double.self) == [1, .infinity])
        #expect(Tensor.where(mask, -.infinity, x).array(Double.self) == [-.infinity, -2])
    }

    @Test func infinitiesBound() {
        #expect(x.clamp(max: .infinity).equal(x) && x.clamp(min: -.infinity, max: 0).array(Double.self) == [0, -2])
        #expect(x.clone().clamp_(min: 0, max: .infinity).array(Double.self) == [1, 0])
    }

    /// The forms for Double take no literal away from those for any number.
    @Test func wholeLiteralsStayIntegers() {
        let n = Tensor([1, 2])
        #expect(Tensor.full([2], 3).dtype == .int64 && Tensor.full([2], true).dtype == .bool && Tensor.full([2], -3).dtype == .int64)
        #expect(n.clamp(min: 2).dtype == .int64 && n.clamp(min: 0, max: 1).dtype == .int64 && n.clamp(max: 1.5).dtype == .float32)
        #expect(Tensor.where(mask, n, 0).dtype == .int64 && Tensor.where(mask, 1, n).dtype == .int64)
        let large = 1 << 53 + 1
        #expect(n.maskedFill(mask, large).array(Int.self)[0] == large && n.clone().fill_(large).array(Int.self)[1] == large)
        #expect(n.clone().fill_(9_007_199_254_740_993).array(Int.self)[0] == 9_007_199_254_740_993)
    }
}

@Suite("A list of tensors has a sum") struct ListSumTests {
    @Test func elementwise() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        let losses = (1...3).map { x * Double($0) }
        expectClose(losses.sum(), Tensor([6.0, 12]))
        losses.sum().sum().backward()
        expectClose(x.grad, Tensor([6.0, 6]))
        expectClose([Parameter(Tensor([1.0])), Parameter(Tensor([2.0]))].sum(), Tensor([3.0]))
        expectClose(Tensor([1.0, 2, 3, 4]).split(2).sum(), Tensor([4.0, 6]))
        #expect([Tensor([1]), Tensor([0.5])].sum().dtype == .float32)
    }

    @Test func ofNothingIsAnError() {
        #expect(message { [Tensor]().sum() }.contains("start from Tensor.zeros(shape) instead"))
    }
}

@Suite("A generator serves Swift's random functions") struct SwiftRandomTests {
    @Test func theSameSeedShufflesAlike() {
        func order(_ seed: UInt64) -> [Int] {
            var random = Generator(seed: seed)
            return Array(0..<50).shuffled(using: &random)
        }
        #expect(order(1) == order(1) && order(1) != order(2) && order(1).sorted() == Array(0..<50))
        // The numbers themselves: words 0 and 1 of consecutive blocks.
        let random = Generator(seed: 7)
        for counter in UInt64(0)..<4 {
            let words = Philox.block(key: 7, counter: counter)
            #expect(random.next() == UInt64(words.1) << 32 + UInt64(words.0))
        }
        #expect(random.state.offset == 4)
    }

    @Test func aFreshSeedIsReturned() {
        let generator = Generator(seed: 1)
        _ = generator.next()
        let first = generator.seed()
        #expect(generator.state == Generator.State(seed: first, offset: 0))
        #expect(generator.seed() != first)
    }

    @Test func manualSeedReachesThem() {
        func drawn() -> ([Int], Double, [Float]) {
            manualSeed(3)
            var random = Generator.current
            let order = Array(0..<20).shuffled(using: &random)
            return (order, Double.random(in: 0..<1, using: &random), Tensor.rand([2]).array(Float.self))
        }
        // A generator of its own, since other tests draw from the process-wide one.
        let (a, b) = withGenerator(Generator(seed: 0)) { (drawn(), drawn()) }
        #expect(a == b)
    }
}

@Suite("One output and one input need no lists") struct SingleGradientTests {
    @Test func gradientsOfOneOutput() {
        let x = Tensor([1.0, 2], requiresGrad: true), w = Tensor([3.0, 4], requiresGrad: true)
        let slope: Tensor = grad(of: (x * x).sum(), withRespectTo: x)
        expectClose(slope, Tensor([2.0, 4]))
        let y = x * w
        let both = grad(of: y, withRespectTo: [x, w], gradients: Tensor([10.0, 100]), retainGraph: true)
        expectClose(both[0], Tensor([30.0, 400]))
        expectClose(both[1], Tensor([10.0, 200]))
        expectClose(grad(of: y, withRespectTo: w, gradients: Tensor([1.0, -1])), Tensor([1.0, -2]))
        let first = grad(of: (x * x * x).sum(), withRespectTo: x, createGraph: true)
        expectClose(grad(of: first.sum(), withRespectTo: x), Tensor([6.0, 12]))
        #expect(message { grad(of: x * w, withRespectTo: x) }.contains("is no scalar; pass gradients:"))
    }

    @Test func severalArgumentsAreSlicedAlongTheFirstDimension() {
        let x = Tensor([[1.0, 2], [3, 4]]), y = Tensor([[5.0, 6], [7, 8]]), z = Tensor([[1.0, 1], [2, 2]])
        expectClose(Func.vmap { a, b in a.dot(b) }(x, y), (x * y).sum(dim: 1))
        expectClose(Func.vmap { a, b, c in a.dot(b) + c[0] }(x, y, z), (x * y).sum(dim: 1) + z[.all, 0])
        expectClose(Func.vmap(inDims: (1, nil, 0), outDim: 1) { $0 * $1 + $2 }(x, y[0], z), (x.t() * y[0] + z).t())
    }
}

@Suite("Transposes are properties") struct TransposeTests {
    @Test func ofMatrices() {
        let x = Tensor([[1.0, 2, 3], [4, 5, 6]])
        #expect(x.T.equal(x.t()) && x.T.shape == [3, 2] && x.T.mT.equal(x))
        #expect(Tensor.zeros([2, 3, 4]).mT.shape == [2, 4, 3])
        #expect(message { Tensor([1.0, 2]).T }.contains("a column of a vector with unsqueeze(1)"))
        #expect(message { Tensor.zeros([2, 3, 4]).T }.contains("use mT for the matrices in its last two dimensions"))
    }

    @Test func masksAreInverted() {
        let x = Tensor([1.0, -1])
        #expect((~(x > 0)).array(Bool.self) == [false, true] && ((x > 0) & ~(x > 2)).array(Bool.self) == [true, false])
    }
}

/// These compile without a warning; the package is built without any.
@Suite("Blocks and changes in place stand as statements") struct StatementTests {
    @Test func theirResultsMayBeIgnored() throws {
        let x = Tensor([1.0, 2])
        noGrad { x.add_(1) }
        inferenceMode { x.mul_(2) }
        enableGrad { x.sub_(1) }
        autocast(.bfloat16) { x.neg_() }
        withGenerator(Generator(seed: 1)) { x.abs_() }
        try checked { x.add_(1) }
        #expect(x.array(Double.self) == [4, 6])
    }
}

@Suite("Names and forms that one types from habit") struct TypedTests {
    @Test func aSeedIsAnyInteger() {
        let seed: Int = 7
        manualSeed(seed)
        let x = Tensor.rand([3])
        manualSeed(7 as UInt64)
        #expect(x.equal(Tensor.rand([3])))
        // As in PyTorch, −1 stands for 2⁶⁴ − 1.
        #expect(Generator(seed: -1).state == Generator(seed: UInt64.max).state)
    }

    @Test func dataIsTheValuesWithoutTheHistory() {
        let w = Parameter(Tensor([1.0, 2]))
        w.data.add_(1)
        #expect(w.array(Double.self) == [2, 3] && !w.data.requiresGrad)
        let same = w
        w.data = Tensor([[5.0]])
        #expect(same.shape == [1, 1] && same.item() == 5 && same.requiresGrad)
    }

    @Test func boundsByPosition() {
        let x = Tensor([-1.0, 0.5, 2, .nan])
        #expect(x.clamp(0, 1).array(Float.self).prefix(3) == [0, 0.5, 1] && x.clamp(0, 1)[3].item().isNaN)
        let whole = Tensor([-1, 5]).clamp(0, 3)
        #expect(whole.dtype == .int64 && whole.array(Int.self) == [0, 3])
    }

    @Test func oneOfTwoNumbers() {
        let mask = Tensor([true, false])
        let whole = Tensor.where(mask, 1, 0), mixed = Tensor.where(mask, 0.5, 2), decimals = Tensor.where(mask, 0.5, -Double.infinity)
        #expect(whole.dtype == .int64 && whole.array(Int.self) == [1, 0])
        #expect(mixed.dtype == .float32 && mixed.array(Double.self) == [0.5, 2])
        #expect(decimals.array(Double.self) == [0.5, -Double.infinity])
    }

    @Test func placesAndSizes() {
        let x = Tensor.zeros([2, 3])
        #expect(x.size() == [2, 3] && x.cpu() === x)
    }
}
