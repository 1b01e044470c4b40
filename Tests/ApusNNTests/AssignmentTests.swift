import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import TestSupport
import Testing

private final class Tied: Module {
    let wte = Embedding(7, 4)
    var fc = Linear(4, 4)
    let lmHead = Linear(4, 7, bias: false)
    override func forward(_ x: Tensor) -> Tensor { lmHead(fc(wte(x))) }
}

private final class Doubled: Module, InvertibleParametrization {
    override func forward(_ x: Tensor) -> Tensor { x * 2 }
    func rightInverse(_ value: Tensor) -> Tensor? { value / 2 }
}

private final class Cubed: Module {
    override func forward(_ x: Tensor) -> Tensor { x * x * x }
}

private func trained(_ model: Tied) -> Tensor {
    let optimizer = SGD(model.parameters(), lr: 0.1)
    let loss = F.crossEntropy(model(Tensor([1, 2, 3])), Tensor([2, 3, 4]))
    loss.backward()
    optimizer.step()
    return loss
}

@Suite("Parts of layers can be assigned") struct AssignmentTests {
    @Test func tiedWeightsAreOneParameterWithTwoNames() throws {
        let model = Tied()
        model.wte.weight = model.lmHead.weight
        #expect(model.parameters().count == 3 && model.namedParameters().map(\.name).first == "wte.weight")
        #expect(model.stateDict().keys == ["wte.weight", "fc.weight", "fc.bias", "lm_head.weight"])
        // The gradient is the sum over both uses, and the step is made once.
        let (embedding, head) = (model.wte.weight.clone().detach(), model.lmHead.weight.clone().detach())
        embedding.requiresGrad = true
        head.requiresGrad = true
        let logits = F.linear(model.fc(F.embedding(Tensor([1, 2, 3]), embedding)), head)
        F.crossEntropy(logits, Tensor([2, 3, 4])).backward()
        let wanted = noGrad { embedding - 0.1 * (embedding.grad! + head.grad!) }
        model.zeroGrad()
        _ = trained(model)
        #expect(model.wte.weight.allclose(wanted) && model.wte.weight === model.lmHead.weight)

        // The copy ties its own.
        let copy = model.copy()
        #expect(copy.wte.weight === copy.lmHead.weight && copy.wte.weight !== model.wte.weight && copy.parameters().count == 3)
        #expect(copy.wte.weight.equal(model.wte.weight))

        // A file has both names, and is read into tied and untied models.
        let folder = TemporaryFolder()
        let path = folder.file("tied.safetensors")
        try model.stateDict().save(to: path)
        let (tied, untied) = (Tied(), Tied())
        tied.wte.weight = tied.lmHead.weight
        for other in [tied, untied] {
            try other.loadStateDict(StateDict.load(from: path))
            #expect(other.wte.weight.equal(model.wte.weight) && other.lmHead.weight.equal(model.lmHead.weight))
        }
    }

    @Test func layersOfNetworksAreExchanged() {
        let model = Tied()
        model.fc = Linear(4, 4, bias: false)
        #expect(model.stateDict().keys == ["wte.weight", "fc.weight", "lm_head.weight"])
        let layer = TransformerEncoderLayer(4, 2, dimFeedforward: 8)
        (layer.linear1, layer.linear2) = (Linear(4, 6), Linear(6, 4))
        let stack = TransformerEncoder(layer, 2, norm: LayerNorm(4))
        stack.norm = nil
        stack.layers[1] = Identity()
        #expect(stack(Tensor.zeros([3, 1, 4])).shape == [3, 1, 4] && stack.parameters().count == layer.parameters().count)
    }

    @Test func childrenOfASequenceAreExchangedByIndexAndName() {
        let net: Sequential = ["body": Linear(3, 4), "fc": Linear(4, 2)]
        net["fc"] = Linear(4, 5)
        net[0] = Linear(2, 4)
        #expect(net(Tensor.zeros([1, 2])).shape == [1, 5] && net.map(\.typeName) == ["Linear", "Linear"])
        net["softmax"] = Softmax(dim: 1)
        net["body"] = nil
        #expect(net.stateDict().keys == ["fc.weight", "fc.bias"] && net.count == 2 && net["softmax"] is Softmax)
        net[-1] = ReLU()
        #expect(net["softmax"] is ReLU && net["none"] == nil)
    }

    /// Each part of each layer, by keypaths: a tensor of the same shape is taken as it is, one of another shape refused.
    private func check<Layer: Module>(
        _ layer: Layer, _ parts: [ReferenceWritableKeyPath<Layer, Parameter>] = [],
        optional: [ReferenceWritableKeyPath<Layer, Parameter?>] = [], sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let keys = layer.stateDict().keys
        var count = layer.parameters().count
        #expect(parts.count + optional.count == layer.namedParameters(recurse: false).count, sourceLocation: sourceLocation)
        func isRefused(_ assign: (Parameter) -> Void) -> Bool {
            let text = message { assign(Parameter(Tensor.zeros([2, 9]))) }
            return text.contains("cannot take its place") && text.contains("[2, 9]")
        }
        for part in parts {
            let new = Parameter(Tensor.ones(like: layer[keyPath: part]))
            layer[keyPath: part] = new
            #expect(layer[keyPath: part] === new && layer.parameters().contains { $0 === new }, sourceLocation: sourceLocation)
            #expect(isRefused { layer[keyPath: part] = $0 }, sourceLocation: sourceLocation)
            #expect(layer[keyPath: part] === new, sourceLocation: sourceLocation)
        }
        for part in optional {
            let new = Parameter(Tensor.ones(like: layer[keyPath: part]!))
            layer[keyPath: part] = new
            #expect(layer.parameters().contains { $0 === new }, sourceLocation: sourceLocation)
            #expect(isRefused { layer[keyPath: part] = $0 } && layer[keyPath: part] === new, sourceLocation: sourceLocation)
            layer[keyPath: part] = nil
            #expect(layer.parameters().count == count - 1, sourceLocation: sourceLocation)
            // What is missing has its shape still, or no place.
            let text = message { layer[keyPath: part] = Parameter(Tensor.zeros([2, 9])) }
            #expect(text.contains("[2, 9]") || text.contains("has no place"), sourceLocation: sourceLocation)
            #expect(layer[keyPath: part] == nil, sourceLocation: sourceLocation)
            if text.contains("[2, 9]") { layer[keyPath: part] = new } else { count -= 1 }
        }
        #expect(layer.stateDict().keys == keys || layer.parameters().count == count, sourceLocation: sourceLocation)
    }

    @Test func partsKeepTheirShapes() {
        check(Linear(3, 2), [\.weight], optional: [\.bias])
        check(Bilinear(3, 4, 2), [\.weight], optional: [\.bias])
        check(Embedding(5, 3), [\.weight])
        check(EmbeddingBag(5, 3), [\.weight])
        check(PReLU(4), [\.weight])
        check(Conv2d(2, 4, kernelSize: 3), [\.weight], optional: [\.bias])
        check(ConvTranspose1d(2, 4, kernelSize: 3), [\.weight], optional: [\.bias])
        check(LayerNorm([2, 3]), optional: [\.weight, \.bias])
        check(RMSNorm(3), optional: [\.weight])
        check(GroupNorm(2, 4), optional: [\.weight, \.bias])
        check(BatchNorm2d(4), optional: [\.weight, \.bias])
        check(InstanceNorm1d(4, affine: true), optional: [\.weight, \.bias])
        check(LSTMCell(3, 2), [\.weightIh, \.weightHh], optional: [\.biasIh, \.biasHh])
        check(MultiheadAttention(4, 2, addBiasKv: true), optional: [\.inProjBias, \.biasK, \.biasV, \.inProjWeight])
        check(MultiheadAttention(4, 2, bias: false, kdim: 3), optional: [\.qProjWeight, \.kProjWeight, \.vProjWeight])
    }

    @Test func layersWithoutABiasCompute() {
        let x = Tensor.randn([2, 4, 5, 5])
        let conv = Conv2d(4, 3, kernelSize: 3)
        let before = conv(x) - conv.bias!.reshape([1, 3, 1, 1])
        conv.bias = nil
        #expect(conv(x).allclose(before, atol: 1e-5) && "\(conv)".contains("bias=False"))
        let norm = BatchNorm2d(4)
        norm.bias = nil
        norm.runningMean = Buffer(Tensor.ones([4]))
        #expect(norm.eval()(Tensor.ones([1, 4, 2, 2])).equal(Tensor.zeros([1, 4, 2, 2])))
        let linear = Linear(4, 3)
        linear.bias = nil
        #expect(linear(Tensor.zeros([1, 4])).equal(Tensor.zeros([1, 3])) && "\(linear)".contains("bias=False"))
    }

    @Test func aLazyLayerHasNoShapeYet() {
        let lazy = LazyLinear(3)
        let weight = Parameter(Tensor.ones([3, 2]))
        #expect(message { lazy.weight = weight }.contains("call it once before"))
        lazy(Tensor.zeros([1, 2]))
        lazy.weight = weight
        #expect(lazy(Tensor.ones([1, 2])).shape == [1, 3] && lazy.parameters()[0] === weight)
    }

    @Test func aParametrizedWeightIsAssignedThroughTheInverse() {
        let linear = Linear(2, 2)
        registerParametrization(linear, "weight", Doubled())
        let original = linear.parametrization("weight")!.originals[0]
        linear.weight = Parameter(Tensor([[2.0, 4], [6, 8]]))
        #expect(original.equal(Tensor([[1.0, 2], [3, 4]])) && linear.weight.equal(Tensor([[2.0, 4], [6, 8]])))
        #expect(linear.parameters().contains { $0 === original } && !linear.parameters().contains { $0 === linear.weight })

        let cubed = Linear(2, 2)
        registerParametrization(cubed, "weight", Cubed())
        let value = cubed.weight.clone()
        #expect(message { cubed.weight = Parameter(Tensor.ones([2, 2])) }.contains("Cubed has no inverse"))
        #expect(cubed.weight.equal(value))
        registerParametrization(cubed, "bias", Doubled())
        #expect(message { cubed.bias = nil }.contains("computed from others"))
        #expect(cubed.bias != nil)
    }

    @Test func aPrunedWeightSaysWhatToChange() {
        let linear = Prune.customFromMask(Linear(2, 2), "weight", mask: Tensor([[1.0, 0], [0, 1]]))
        let value = linear.weight.clone()
        let text = message { linear.weight = Parameter(Tensor.ones([2, 2])) }
        #expect(text.contains("cannot be assigned") && text.contains("weight_orig"))
        #expect(linear.weight.equal(value))
    }

    @Test(arguments: [true, false]) func aTiedWeightMayBeParametrized(tiedFirst: Bool) {
        let model = Tied()
        if tiedFirst { model.wte.weight = model.lmHead.weight }
        registerParametrization(model.lmHead, "weight", Doubled())
        if !tiedFirst { model.wte.weight = model.lmHead.weight }
        let names = model.namedParameters().map(\.name)
        #expect(names == ["fc.weight", "fc.bias", "lm_head.parametrizations.weight.original"])
        let original = model.lmHead.parametrization("weight")!.originals[0]
        let before = original.clone()
        _ = trained(model)
        #expect(!original.equal(before) && model.wte.weight.equal(original.detach() * 2))
        let copy = model.copy()
        #expect(copy.wte.weight === copy.lmHead.weight && copy.wte.weight.equal(model.wte.weight))
        noGrad { _ = copy.lmHead.parametrization("weight")!.originals[0].zero_() }
        #expect(copy.wte.weight.equal(Tensor.zeros([7, 4])) && model.wte.weight.equal(original.detach() * 2))
    }
}
