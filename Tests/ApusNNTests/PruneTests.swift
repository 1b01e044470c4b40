import ApusCore
import ApusNN
import ApusOptim
import TestSupport
import Testing

private typealias R = Recorded

@Suite struct PruneTests {
    private func conv() -> Conv2d {
        let conv = Conv2d(2, 4, kernelSize: 2, dtype: .float64)
        noGrad { _ = conv.weight.copy_(R.wave([4, 2, 2, 2])) }
        return conv
    }
    private func mask(_ module: Module) -> Tensor { module.namedBuffers().first { $0.name == "weight_mask" }!.buffer }

    @Test func masksAsPyTorchs() {
        let conv = conv()
        Prune.l1Unstructured(conv, "weight", amount: 0.3)
        R.expect("prune/l1", [mask(conv)])
        Prune.l1Unstructured(conv, "weight", amount: 5)
        R.expect("prune/l1 again", [mask(conv)])
        Prune.lnStructured(conv, "weight", amount: 1, n: 2, dim: 0)
        R.expect("prune/ln", [mask(conv), conv.weight])
        Prune.lnStructured(conv, "weight", amount: 0.5, n: .infinity, dim: 1)
        R.expect("prune/ln inf", [mask(conv)])
        let y = conv(R.wave([1, 2, 3, 3]))
        (y * R.wave(y.shape, k: 2.3)).sum().backward()
        R.expect("prune/grad", [conv.namedParameters().first { $0.name == "weight_orig" }!.parameter.grad!])
        R.expectText("prune", conv)
    }

    @Test func severalParametersAsOne() {
        let net = Sequential(Linear(4, 3, dtype: .float64), Linear(3, 2, dtype: .float64))
        let (first, second) = (net[0] as! Linear, net[1] as! Linear)
        noGrad {
            first.weight.copy_(R.wave([3, 4]))
            second.weight.copy_(R.wave([2, 3], k: 1.3))
        }
        #expect(!Prune.isPruned(net))
        Prune.l1Unstructured(first, "weight", amount: 2)
        Prune.globalUnstructured([(first, "weight"), (second, "weight")], Prune.L1Unstructured(0.4))
        R.expect("prune/global", [mask(first), mask(second)])
        #expect(Prune.isPruned(net))
        Prune.remove(first, "weight")
        R.expect("prune/removed", [first.weight])
        #expect(first.stateDict().keys == ["weight", "bias"] && first.weight.isLeaf && first.weight.requiresGrad)
        Prune.remove(second, "weight")
        #expect(!Prune.isPruned(net))
    }

    /// Pruned elements stay 0 with every optimizer, in a copy too; the others are trained.
    @Test func trainingKeepsTheMask() {
        let linear = Prune.randomUnstructured(Linear(6, 5), "weight", amount: 12)
        let copy = linear.copy()
        let optimizer = SGD(copy.parameters(), lr: 0.5)
        let before = copy.weight.detach().clone()
        for _ in 0..<3 {
            optimizer.zeroGrad()
            copy(Tensor.ones([2, 6])).square().sum().backward()
            optimizer.step()
        }
        #expect(copy.weight.detach().eq(0).sum().item() == 12 && !copy.weight.detach().equal(before))
        #expect(linear.weight.detach().equal(before))
    }

    @Test func channelsAndOwnMasks() {
        let random = withGenerator(Generator(seed: 4)) { Prune.randomStructured(conv(), "weight", amount: 2, dim: 0) }
        let alive = mask(random).sum(dim: [1, 2, 3])
        #expect(alive.array(Int.self).sorted() == [0, 0, 8, 8])
        withGenerator(Generator(seed: 5)) { _ = Prune.randomStructured(random, "weight", amount: 1, dim: 0) }
        #expect(mask(random).sum(dim: [1, 2, 3]).array(Int.self).sorted() == [0, 0, 0, 8])
        let own = Prune.customFromMask(Linear(3, 2), "bias", mask: Tensor([0, 1]))
        #expect(own.bias!.detach()[0].item() == 0 && own.stateDict().keys == ["weight", "bias_orig", "bias_mask"])
        let scored = Prune.l1Unstructured(
            conv(), "weight", amount: 31, importanceScores: Tensor.arange(32).reshape(4, 2, 2, 2).to(.float64))
        #expect(mask(scored).reshape([-1]).nonzero().array(Int.self) == [31])
        let same = Prune.identity(conv(), "weight")
        #expect(same.weight.detach().equal(R.wave([4, 2, 2, 2])) && mask(same).eq(1).all().item(Bool.self))
    }

    @Test func whatCannotBeIsNamed() {
        #expect(message { Prune.l1Unstructured(conv(), "weight", amount: 33) }.contains("33"))
        #expect(message { Prune.l1Unstructured(conv(), "weight", amount: 1.5) }.contains("1.5"))
        #expect(message { Prune.randomUnstructured(conv(), "weight", amount: -1) }.contains("-1"))
        #expect(message { Prune.lnStructured(conv(), "bias", amount: 1, n: 2, dim: 0) }.contains("2 dimensions"))
        #expect(message { Prune.lnStructured(conv(), "weight", amount: 1, n: 2, dim: 4) }.contains("dim 4"))
        #expect(message { Prune.identity(conv(), "weights") }.contains("'weights'"))
        #expect(message { Prune.remove(conv(), "weight") }.contains("not pruned"))
        #expect(message { Prune.customFromMask(conv(), "weight", mask: Tensor.ones([2])) }.contains("[2]"))
        #expect(message { Prune.globalUnstructured([(conv(), "weight")], Prune.LnStructured(1, n: 2)) }.contains("LnStructured"))
        #expect(message { Prune.identity(weightNorm(conv()), "weight") }.contains("computed already"))
    }
}
