import ApusCore
import ApusNN
import ApusOptim
import TestSupport
import Testing

private typealias R = Recorded

private final class Symmetric: Module {
    override func forward(_ x: Tensor) -> Tensor { x.triu() + x.triu(1).transpose(0, 1) }
}

private final class Skewed: Module {
    let scale = Parameter(Tensor([2.0], shape: [], dtype: .float64))
    override func forward(_ x: Tensor) -> Tensor { x * scale }
}

private func layer(_ inputs: Int, _ outputs: Int) -> Linear {
    let layer = Linear(inputs, outputs, dtype: .float64)
    noGrad { _ = layer.weight.copy_(R.wave([outputs, inputs])) }
    return layer
}

private func weighted(_ x: Tensor) -> Tensor { (x * R.wave(x.shape, k: 2.3)).sum() }

@Suite struct ParametrizeTests {
    @Test func chains() {
        let linear = layer(3, 3)
        registerParametrization(linear, "weight", Symmetric())
        let skewed = Skewed()
        registerParametrization(linear, "weight", skewed)
        registerParametrization(linear, "bias", Skewed())
        R.expectText("chain", linear)
        let original = linear.parametrization("weight")!.originals[0]
        weighted(linear.weight * 1).backward()
        R.expect("chain", [linear.weight, original.grad!, skewed.scale.grad!])
        #expect(isParametrized(linear) && isParametrized(linear, "bias") && !isParametrized(linear, "scale"))
        #expect(linear.parameters().count == 4 && !linear.parameters().contains { $0 === linear.weight })

        // A change of the original shows in the weight at once, in ops and in direct reads.
        noGrad { _ = original.mul_(2) }
        let doubled = R.tensor("chain/0") * 2
        expectClose(linear.weight.detach(), doubled)
        expectClose(linear.weight, doubled.array(Double.self))
        expectClose(linear.weight + 0, doubled)

        removeParametrizations(linear, "weight")
        expectClose(linear.weight.detach(), doubled)
        #expect(linear.weight.requiresGrad && linear.weight.isLeaf && "\(linear)".hasPrefix("ParametrizedLinear"))
        removeParametrizations(linear, "bias", leaveParametrized: false)
        #expect(linear.stateDict().keys == ["weight", "bias"] && linear.parametrizations == nil && !isParametrized(linear))
        #expect("\(linear)" == "Linear(in_features=3, out_features=3, bias=True)")
        linear(R.wave([2, 3])).sum().backward()
        #expect(linear.weight.grad != nil)
    }

    /// A copy has its own originals, and its weight follows them; a state dict contains them.
    @Test func copiesAndFiles() throws {
        let linear = Parametrizations.spectralNorm(Parametrizations.weightNorm(layer(3, 4)), "bias")
        let copy = linear.copy()
        noGrad { _ = copy.parametrization("weight")!.originals[0].mul_(3) }
        expectClose(copy.weight.detach(), linear.weight.detach() * 3)
        #expect("\(copy)" == "\(linear)" && copy.stateDict().keys == linear.stateDict().keys)
        try linear.loadStateDict(copy.stateDict())
        expectClose(copy.weight.detach(), linear.weight.detach())
        linear.to(.float32)
        #expect(linear.weight.dtype == .float32 && linear(Tensor.ones([1, 3])).dtype == .float32)
    }

    @Test func lengthsAndDirections() throws {
        for (name, dim) in [("0", 0), ("1", 1), ("None", nil)] as [(String, Int?)] {
            let linear = Parametrizations.weightNorm(layer(3, 4), dim: dim)
            let originals = linear.parametrization("weight")!.originals
            R.expect("weightNorm/\(name)/start", originals)
            noGrad { _ = originals[0].mul_(1.5) }
            weighted(linear.weight * 1).backward()
            R.expect("weightNorm/\(name)", [linear.weight] + originals.map { $0.grad! })
            let v = originals[1].detach()
            checkGradients([originals[0].detach(), v], "weightNorm \(name)") { originals in
                v.numel == 0 ? v : (linear.parametrization("weight")![0] as! any JointParametrization)(originals)
            }
        }
        R.expectText("weightNorm", Parametrizations.weightNorm(layer(3, 4)))

        // The older form, whose state the newer one loads.
        let old = weightNorm(layer(3, 4))
        R.expectText("weightNorm.old", old)
        noGrad { _ = old.namedParameters().first { $0.name == "weight_g" }!.parameter.mul_(2) }
        expectClose(old.weight.detach(), R.wave([4, 3]) * 2)
        let new = Parametrizations.weightNorm(layer(3, 4))
        try new.loadStateDict(old.stateDict())
        expectClose(new.weight.detach(), R.wave([4, 3]) * 2)
        removeWeightNorm(old)
        #expect(old.stateDict().keys == ["weight", "bias"] && old.weight.isLeaf)
        expectClose(old.weight.detach(), R.wave([4, 3]) * 2)
    }

    @Test func largestSingularValues() {
        func check(_ name: String, _ module: Module, _ x: Tensor) {
            let list = module.parametrization("weight")!
            noGrad { _ = list.originals[0].copy_(R.wave(list.originals[0].shape)) }
            for (key, buffer) in module.namedBuffers() {
                noGrad { _ = buffer.copy_(F.normalize(R.wave(buffer.shape, k: key.hasSuffix("_u") ? 1.1 : 1.9), dim: 0)) }
            }
            noGrad {
                for (key, parameter) in module.namedParameters() where key == "bias" { parameter.zero_() }
            }
            for training in [true, false] {
                module.train(training)
                list.originals[0].grad = nil
                let y = module(x)
                weighted(y).backward()
                expectClose(
                    y.detach(), R.tensor("spectralNorm/\(name)/\(training ? "True" : "False")/0"), rtol: 1e-9, atol: 1e-11,
                    "\(name) \(training)")
                let recorded = R.tensor("spectralNorm/\(name)/\(training ? "True" : "False")/1")
                expectClose(list.originals[0].grad!, recorded, rtol: 1e-9, atol: 1e-11, "\(name) \(training)")
                for (i, (_, buffer)) in module.namedBuffers().enumerated() {
                    expectClose(
                        buffer, R.tensor("spectralNorm/\(name)/\(training ? "True" : "False")/\(i + 2)"), rtol: 1e-10, atol: 1e-12,
                        "\(name) \(training)")
                }
            }
        }
        let conv = Parametrizations.spectralNorm(Conv2d(2, 3, kernelSize: 2, dtype: .float64))
        R.expectText("spectralNorm", conv)
        check("conv", conv, R.wave([1, 2, 3, 3]))
        check("transposed", Parametrizations.spectralNorm(ConvTranspose1d(2, 3, kernelSize: 2, dtype: .float64)), R.wave([1, 2, 3]))
        check("vector", Parametrizations.spectralNorm(LayerNorm(4, dtype: .float64)), R.wave([2, 4]))

        // Each call makes one step, a read makes none.
        let before = conv.train().namedBuffers()[0].buffer.clone()
        _ = conv.weight.array(Double.self)
        #expect(conv.namedBuffers()[0].buffer.equal(before))

        let old = spectralNorm(Linear(3, 4, dtype: .float64), nPowerIterations: 2)
        R.expectText("spectralNorm.old", old)
        let tensors = Dictionary(
            uniqueKeysWithValues: old.namedParameters().map { ($0.name, $0.parameter as Tensor) }
                + old.namedBuffers().map { ($0.name, $0.buffer as Tensor) })
        noGrad {
            tensors["weight_orig"]!.copy_(R.wave([4, 3]))
            tensors["bias"]!.zero_()
            tensors["weight_u"]!.copy_(F.normalize(R.wave([4], k: 1.1), dim: 0))
            tensors["weight_v"]!.copy_(F.normalize(R.wave([3], k: 1.9), dim: 0))
        }
        R.expect("spectralNorm.old", [old(R.wave([2, 3])), tensors["weight_u"]!, tensors["weight_v"]!])
        let value = old.weight.detach().clone()
        removeSpectralNorm(old)
        #expect(old.stateDict().keys == ["weight", "bias"] && old.weight.detach().allclose(value))
    }

    @Test(arguments: Parametrizations.OrthogonalMap.allCases) func orthogonalMatrices(_ map: Parametrizations.OrthogonalMap) {
        for (n, m) in [(3, 3), (5, 3), (2, 4)] {
            for isTrivial in [false, true] {
                let name = "orthogonal/\(map.rawValue)/\(n)x\(m)/\(isTrivial ? "True" : "False")"
                let plain = layer(m, n)
                noGrad { _ = plain.weight.add_(R.wave([n, m], k: 1.9)) }
                let linear = Parametrizations.orthogonal(plain, orthogonalMap: map, useTrivialization: isTrivial)
                if isTrivial || map == .householder { R.expect("\(name)/start", [linear.weight]) }
                if isTrivial { noGrad { _ = linear.buffers()[0].copy_(R.tensor("\(name)/base/0")) } }
                let original = linear.parametrization("weight")!.originals[0]
                let x = R.wave([n, m], k: 0.9, scale: 0.8)
                noGrad {
                    _ = original.copy_(
                        x.tril(-1) + x.triu(1)
                            - (map == .householder ? Tensor.eye(n, m, dtype: .float64) : Tensor.zeros([n, m], dtype: .float64)))
                }
                weighted(linear.weight * 1).backward()
                R.expect(name, [linear.weight, original.grad!], rtol: 1e-9)
                let q = linear.weight.detach()
                let product = n < m ? q.matmul(q.t()) : q.t().matmul(q)
                expectClose(product, Tensor.eye(min(n, m), dtype: .float64), rtol: 1e-12, atol: 1e-12)
                if n == 3 && isTrivial && map == .cayley { R.expectText("orthogonal", linear) }
                let parametrization = linear.parametrization("weight")![0]
                let signs = original.detach().diagonal().trunc()
                // The diagonal of the reflections is rounded towards zero.
                let between = Tensor.eye(n, m, dtype: .float64) * (map == .householder ? 1.5 * signs[0].item() : 0)
                checkGradients([original.detach().tril(-1) + original.detach().triu(1)], "\(name)") { parametrization($0[0] + between) }
            }
        }
    }

    @Test func assignment() {
        let linear = Parametrizations.weightNorm(layer(3, 4))
        linear.parametrization("weight")!.rightInverse(R.wave([4, 3], k: 1.1))
        expectClose(linear.weight.detach(), R.wave([4, 3], k: 1.1))
        let square = Parametrizations.orthogonal(layer(3, 3), useTrivialization: false)
        #expect(message { square.parametrization("weight")!.rightInverse(R.wave([3, 3])) }.contains("no inverse"))
        let turned = Parametrizations.orthogonal(layer(3, 3))
        let target = Tensor([[0, -1.0, 0], [1, 0, 0], [0, 0, 1]], dtype: .float64)
        turned.parametrization("weight")!.rightInverse(target)
        expectClose(turned.weight.detach(), target)
        #expect(message { linear.weight.zero_() }.contains("original"))
        #expect(message { noGrad { _ = linear.weight.mul_(2) } }.contains("computed"))
    }

    @Test func cachedAndTransferred() {
        final class Counting: Module {
            var count = 0
            override func forward(_ x: Tensor) -> Tensor {
                count += 1
                return x * 2
            }
        }
        let counting = Counting()
        let linear = registerParametrization(layer(3, 3), "weight", counting, unsafe: true)
        counting.count = 0
        cachedParametrizations { _ = linear(R.wave([1, 3])) + linear(R.wave([1, 3])).sum() + linear.weight.sum() }
        #expect(counting.count == 1)
        _ = linear(R.wave([1, 3]))
        #expect(counting.count == 2)
        _ = linear.weight + linear.weight
        #expect(counting.count == 4)

        let from = Parametrizations.weightNorm(layer(3, 4))
        let to = transferParametrizationsAndParams(from: from, to: Linear(3, 4, dtype: .float64))
        expectClose(to.weight.detach(), from.weight.detach())
        #expect(to.stateDict().keys == from.stateDict().keys)
    }

    /// Weights that a layer passes to its own functions, in serving threads, and inside a recurrent op.
    @Test func layersOfEveryKindReadThem() async throws {
        let lstm = Parametrizations.weightNorm(LSTM(2, 3), "weight_hh_l0")
        R.expectText("lstm", lstm)
        let x = R.wave([4, 1, 2]).to(.float32)
        let (output, _) = lstm(x)
        output.sum().backward()
        #expect(lstm.parametrization("weight_hh_l0")!.originals.allSatisfy { $0.grad != nil })
        let plain = LSTM(2, 3)
        var state = StateDict()
        for name in ["weight_ih_l0", "bias_ih_l0", "bias_hh_l0"] { state[name] = lstm.stateDict()[name] }
        state["weight_hh_l0"] = noGrad { lstm.parametrization("weight_hh_l0")!() }
        try plain.loadStateDict(state)
        expectClose(plain(x).output, output)

        let attention = Parametrizations.weightNorm(MultiheadAttention(4, 2), "in_proj_weight")
        let y = R.wave([3, 1, 4]).to(.float32)
        attention(y, y, y).output.sum().backward()
        #expect(attention.parametrization("in_proj_weight")!.originals[1].grad != nil)

        let shared = Shared(copying: Parametrizations.orthogonal(Linear(6, 6))) { Parametrizations.orthogonal(Linear(6, 6)) }
        let expected = shared(Tensor.ones([2, 6])).array(Float.self)
        let answers = await withTaskGroup(of: [Float].self) { group in
            for _ in 0..<8 { group.addTask { shared(Tensor.ones([2, 6])).array(Float.self) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers == Array(repeating: expected, count: 8))
    }

    @Test func whatCannotBeIsNamed() {
        final class Widening: Module {
            override func forward(_ x: Tensor) -> Tensor { Tensor.cat([x, x]) }
        }
        #expect(message { registerParametrization(layer(3, 3), "weights", Symmetric()) }.contains("'weights'"))
        let linear = layer(3, 3)
        #expect(message { registerParametrization(linear, "weight", Widening()) }.contains("unsafe"))
        #expect(linear.stateDict().keys == ["weight", "bias"] && !isParametrized(linear))
        #expect(message { removeParametrizations(linear, "weight") }.contains("not parametrized"))
        #expect(
            message { removeParametrizations(Parametrizations.weightNorm(layer(3, 3)), "weight", leaveParametrized: false) }.contains(
                "several originals"))
        #expect(message { Parametrizations.spectralNorm(layer(3, 3), nPowerIterations: 0) }.contains("nPowerIterations"))
        #expect(message { Parametrizations.spectralNorm(layer(3, 3), dim: 2) }.contains("dim 2"))
        #expect(message { Parametrizations.orthogonal(layer(3, 3), "bias") }.contains("[3]"))
        #expect(message { removeWeightNorm(layer(3, 3)) }.contains("no weight norm"))
        let before = SGD(linear.parameters(), lr: 0.1)
        Parametrizations.weightNorm(linear)
        #expect(message { before.zeroGrad() }.contains("make the optimizer after"))
        #expect(message { _ = SGD([linear.weight], lr: 0.1) }.contains("parameter 0 of group 0"))
    }
}

/// Replacement tensors together with computed weights.
@Suite struct FunctionalParametrizationTests {
    @Test func functionalCallsReachOriginals() {
        let linear = Parametrizations.weightNorm(layer(3, 4))
        let x = R.wave([2, 3])
        let g = R.wave([4, 1], k: 1.1).abs().requiresGrad_()
        var state = StateDict()
        state["parametrizations.weight.original0"] = g
        let y = linear.functionalCall(state, x)
        let v = linear.parametrization("weight")!.originals[1].detach()
        expectClose(y, F.linear(x, v * (g.detach() / v.norm(dim: [1], keepDim: true)), linear.bias))
        y.sum().backward()
        #expect(g.grad != nil && linear.parametrization("weight")!.originals[0].grad == nil)
        expectClose(linear(x), F.linear(x, R.wave([4, 3]), linear.bias))
        checkGradients([g]) { leaves in
            var state = StateDict()
            state["parametrizations.weight.original0"] = leaves[0]
            return linear.functionalCall(state, x)
        }
    }

    /// A tensor that a layer detaches stays detached when it is replaced.
    @Test func detachedStandInsHaveNoHistory() {
        final class Detaching: Module {
            let weight = Parameter(Tensor.ones([2], dtype: .float64))
            override func forward(_ x: Tensor) -> Tensor { x * weight.detach() + weight }
        }
        let module = Detaching()
        let weight = Tensor([3.0, 5.0], requiresGrad: true)
        var state = StateDict()
        state["weight"] = weight
        let y = module.functionalCall(state, Tensor([10.0, 10.0]))
        #expect(y.array(Double.self) == [33, 55])
        y.sum().backward()
        #expect(weight.grad!.array(Double.self) == [1, 1])
    }
}
