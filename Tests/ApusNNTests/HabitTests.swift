import ApusCore
import ApusNN
import OrderedCollections
import TestSupport
import Testing

private final class Up: Module {
    let fc: Linear
    init(_ width: Int) { fc = Linear(width, width) }
    func callAsFunction(_ x: Tensor, _ skip: Tensor) -> Tensor { call(x, skip) { fc($0) + $1 } }
}

private final class Decoder: Module {
    var ups: [Up]
    init(_ ups: [Up]) { self.ups = ups }
    func callAsFunction(_ x: Tensor, _ skips: [Tensor]) -> Tensor {
        call(x, skips) { x, skips in
            var x = x
            for (up, skip) in zip(ups, skips) { x = up(x, skip) }
            return x
        }
    }
}

@Suite("Containers are lists and dictionaries of modules") struct NamedContainerTests {
    @Test func anArrayIsAListOfOneClass() {
        let decoder = Decoder([Up(2), Up(2)])
        #expect(decoder(Tensor.zeros([1, 2]), [Tensor.ones([1, 2]), Tensor.ones([1, 2])]).shape == [1, 2])
        #expect(decoder.stateDict().keys == ["ups.0.fc.weight", "ups.0.fc.bias", "ups.1.fc.weight", "ups.1.fc.bias"])
        decoder.ups.append(Up(2))
        decoder.ups[0] = Up(3)
        #expect(decoder.parameters().count == 6 && decoder.ups[0].fc.inFeatures == 3 && decoder.copy().ups.count == 3)
        #expect("\(decoder)".contains("(ups): ModuleList("))
    }

    @Test func modulesByNameAreIteratedInOrder() {
        let heads: ModuleDict = ["mean": Linear(2, 1), "variance": Linear(2, 3), "a": ReLU()]
        var sizes: [String] = []
        for (name, head) in heads { sizes.append("\(name) \(head(Tensor.zeros([1, 2])).shape[1])") }
        #expect(sizes == ["mean 1", "variance 3", "a 2"] && heads.keys == ["mean", "variance", "a"] && heads.count == 3)
        #expect(heads.map(\.key) == heads.keys && heads[1].value === heads["variance"] && heads.last?.key == "a")
        heads["mean"] = nil
        heads["z"] = Identity()
        #expect(heads.map(\.key) == ["variance", "a", "z"])
        #expect(ModuleDict().isEmpty && message { heads[3].value }.contains("index 3 is out of range"))
    }

    @Test func parametersByNameAreIteratedInOrder() {
        let written: ParameterDict = ["w": Tensor.ones([2]), "b": Tensor.zeros([3])]
        let ordered: OrderedDictionary = ["w": Tensor.ones([2]), "b": Tensor.zeros([3])]
        for dictionary in [written, ParameterDict(ordered), ParameterDict([("w", Tensor.ones([2])), ("b", Tensor.zeros([3]))])] {
            var found: [String] = []
            for (name, parameter) in dictionary { found.append("\(name) \(parameter.numel)") }
            #expect(found == ["w 2", "b 3"] && dictionary.keys == ["w", "b"] && dictionary.values.map(\.numel) == [2, 3])
            #expect(dictionary.parameters().count == 2 && dictionary.count == 2)
        }
        #expect(ParameterDict().isEmpty && message { written[2].value }.contains("index 2 is out of range"))
    }
}

@Suite("Hooks may return nothing") struct LookingHookTests {
    @Test func hooksOfModules() {
        let layer = Linear(2, 3)
        var seen: [Shape] = []
        var texts: [String] = []
        layer.registerForwardPreHook { _, inputs in seen.append(inputs[0].shape) }
        layer.registerForwardHook { module, _, outputs in
            texts.append(module.typeName)
            seen.append(outputs[0].shape)
        }
        layer.registerFullBackwardPreHook { _, gradients in seen.append(gradients[0].shape) }
        layer.registerFullBackwardHook { _, gradInputs, gradOutputs in
            if gradInputs.isEmpty { texts.append("none") } else { seen.append(gradInputs[0].shape) }
        }
        let x = Tensor.ones([4, 2], requiresGrad: true)
        let plain = F.linear(x, layer.weight, layer.bias)
        let y = layer(x)
        #expect(y.equal(plain))
        y.sum().backward()
        #expect(seen == [[4, 2], [4, 3], [4, 3], [4, 2]] && texts == ["Linear"])
    }

    @Test func prependedHooksRunFirst() {
        let layer = Identity()
        var order: [Int] = []
        layer.registerForwardHook { _, _, _ in order.append(2) }
        layer.registerForwardHook({ _, _, y in [y[0] * 10] }, prepend: true)
        layer.registerForwardPreHook { _, x in [x[0] + 1] }
        layer.registerForwardPreHook({ _, x in [x[0] * 2] }, prepend: true)
        #expect(layer(Tensor([3.0])).item() == 70 && order == [2])
        let x = Tensor([1.0], requiresGrad: true)
        x.registerHook { $0 + 1 }
        x.registerHook({ $0 * 5 }, prepend: true)
        let y = Linear(1, 1)
        y.registerFullBackwardHook { _, _, g in order.append(g.count) }
        y.registerFullBackwardHook({ _, gradInputs, _ in gradInputs.map { $0 * 0 + 1 } }, prepend: true)
        y.registerFullBackwardPreHook { _, g in g.map { $0 + 1 } }
        y.registerFullBackwardPreHook({ _, g in g.map { $0 * 3 } }, prepend: true)
        y(x).sum().backward()
        #expect(x.grad!.item() == 6 && y.bias!.grad!.item() == 4 && order == [2, 1])
    }

    @Test func handlesRemoveThem() {
        var count = 0
        let layer = ReLU()
        let handle = layer.registerForwardHook { _, _, _ in count += 1 }
        layer(Tensor.zeros([1]))
        handle.remove()
        layer(Tensor.zeros([1]))
        #expect(count == 1)
    }

    @Test func hooksOfTensors() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        let y = x * 3
        var seen: [Tensor] = []
        var keys: Set<Int> = []
        y.registerHook { g in seen.append(g) }
        y.registerHook { g in keys.insert(g.numel) }
        y.registerHook { gradient in
            let doubled = gradient * 2
            seen.append(doubled)
        }
        y.sum().backward()
        #expect(seen.map { $0.array(Float.self) } == [[1, 1], [2, 2]] && keys == [2] && x.grad!.array(Float.self) == [3, 3])
    }

    /// Closures that return something replace, in each spelling.
    @Test func hooksThatReturnSomethingReplace() {
        let x = Tensor([1.0, 2], requiresGrad: true)
        x.registerHook { $0 * 2 }
        x.registerHook { g in g.clamp(max: 1.5) }
        x.registerHook { _ in nil }
        x.registerHook { g in
            if g.numel == 0 { return nil }
            return g + 1
        }
        x.registerHook { g in g.mul_(10) }
        x.sum().backward()
        #expect(x.grad!.array(Float.self) == [25, 25])
        let layer = Identity()
        layer.registerForwardHook { _, _, y in [y[0] + 1] }
        layer.registerForwardPreHook { _, x in x.map { $0 * 2 } }
        layer.registerForwardHook { _, _, _ in nil }
        #expect(layer(Tensor([3.0])).item() == 7)
    }
}

@Suite("A call may stand as a statement") struct StatementTests {
    @Test func ofLayersAndModels() {
        var shapes: [Shape] = []
        let model = Sequential(Conv2d(1, 2, kernelSize: 3), ReLU())
        model[0].registerForwardHook { _, _, y in shapes.append(y[0].shape) }
        model(Tensor.zeros([1, 1, 5, 5]))
        let lstm = LSTM(2, 3)
        lstm.registerForwardHook { _, _, y in shapes.append(y[0].shape) }
        lstm(Tensor.zeros([4, 1, 2]))
        let attention = MultiheadAttention(4, 2)
        attention.registerForwardHook { _, _, y in shapes.append(y[0].shape) }
        let x = Tensor.zeros([3, 1, 4])
        attention(x, x, x)
        #expect(shapes == [[1, 2, 3, 3], [4, 1, 3], [3, 1, 4]])
    }
}

@Suite("A model is called with other weights") struct FunctionalDictionaryTests {
    @Test func ofAnOrdinaryDictionary() {
        let model = Linear(2, 1)
        let x = Tensor([[1.0, 2]])
        let weights: [String: Tensor] = ["weight": Tensor([[3.0, 4]]), "bias": Tensor([5.0])]
        #expect(model.functionalCall(weights, x).item() == 16)
        #expect(model.functionalCall(weights) { model(x) * 2 }.item() == 32)
        #expect(model.functionalCall(["weight": Tensor([[0.0, 0]]), "bias": Tensor([7.0])], x).item() == 7)
        let own = Dictionary(uniqueKeysWithValues: model.namedParameters())
        #expect(model.functionalCall(own, x, strict: true).equal(model(x)))
        #expect(message { model.functionalCall(["other": x] as [String: Tensor], x) }.contains("'other'"))
        #expect(StateDict(weights).keys == ["bias", "weight"])
    }
}

@Suite("Kernel sizes are written as pairs too") struct PairTests {
    @Test func pairsMakeTheLayersOfLists() {
        let pairs = Conv2d(2, 4, (3, 5), stride: (1, 2), padding: (0, 2), groups: 2, bias: false)
        let lists = Conv2d(2, 4, [3, 5], stride: [1, 2], padding: [0, 2], groups: 2, bias: false)
        #expect("\(pairs)" == "\(lists)" && pairs.weight.shape == lists.weight.shape)
        #expect("\(Conv2d(1, 2, (3, 3)))" == "\(Conv2d(1, 2, 3))")
        let up = ConvTranspose2d(2, 3, (2, 4), stride: (2, 3), padding: (1, 0), outputPadding: (1, 2))
        let same = ConvTranspose2d(2, 3, [2, 4], stride: [2, 3], padding: [1, 0], outputPadding: [1, 2])
        #expect("\(up)" == "\(same)" && up.weight.shape == same.weight.shape)
    }
}
