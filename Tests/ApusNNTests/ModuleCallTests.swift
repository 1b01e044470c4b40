import ApusCore
import ApusNN
import TestSupport
import Testing

private final class Two: Module {
    let fc = Linear(3, 2)
    func callAsFunction(_ a: Tensor, _ b: Tensor) -> (Tensor, Tensor) {
        call(a, b) { a, b in (fc(a), fc(b)) }
    }
    @available(*, unavailable, message: "takes two inputs")
    override func callAsFunction(_ x: Tensor) -> Tensor { needsOtherInputs("two(a, b)") }
}

private final class Net: Module {
    let features = Sequential(Linear(4, 3), ReLU(), Conv2d(1, 1, kernelSize: 3, padding: 0))
    override func forward(_ x: Tensor) -> Tensor { features(x) }
}

@Suite struct CallTests {
    @Test func messagesNameTheModulesPath() {
        let net = Net()
        #expect { try checked { net(Tensor.zeros([2, 5])) } } throws: { error in
            let error = error as? OpError
            return error?.modulePath == "Net.features.0 (Linear)" && error?.op == "linear" && "\(error!)".contains("[2, 5]")
        }
        #expect { try checked { net(Tensor.zeros([2, 4])) } } throws: { "\($0)".contains("Net.features.2 (Conv2d)") }
        #expect { try checked { Linear(3, 2)(Tensor.zeros([5])) } } throws: { ($0 as? OpError)?.modulePath == "Linear" }
        #expect(Context.current.modules.isEmpty)
    }

    @Test func aModuleWithoutForwardSaysSo() {
        final class Empty: Module {}
        #expect { try checked { Empty()(Tensor.zeros([1])) } } throws: { "\($0)".contains("Empty") && "\($0)".contains("forward") }
    }

    @Test func severalInputsReachedThroughTheBaseClassFail() {
        let module: Module = Two()
        #expect { try checked { module(Tensor.zeros([3])) } } throws: { "\($0)".contains("two(a, b)") }
    }

    @Test func hooksSeeEveryForm() {
        let two = Two()
        var seen: [[Shape]] = []
        two.registerForwardPreHook { _, inputs in
            seen.append(inputs.map(\.shape))
            return nil
        }
        two.registerForwardHook { _, inputs, outputs in
            seen.append(outputs.map(\.shape))
            return nil
        }
        _ = two(Tensor.ones([1, 3]), Tensor.ones([5, 3]))
        #expect(seen == [[[1, 3], [5, 3]], [[1, 2], [5, 2]]])
    }

    @Test func hooksReplaceAndGo() {
        let layer = Identity()
        let before = layer.registerForwardPreHook { _, inputs in [inputs[0] + 1] }
        let after = layer.registerForwardHook { _, inputs, outputs in [outputs[0] * 10] }
        #expect(layer(Tensor([1.0])).item() == 20)
        before.remove()
        #expect(layer(Tensor([1.0])).item() == 10)
        after.remove()
        #expect(layer(Tensor([1.0])).item() == 1)
    }

    @Test func backwardHooksSeeGradientsAndReplaceThem() {
        let layer = Linear(2, 1, bias: false)
        noGrad { _ = layer.weight.copy_(Tensor([[2.0, 3.0]])) }
        var seen: [[Double]] = []
        layer.registerFullBackwardHook { _, gradInputs, gradOutputs in
            seen.append(gradInputs[0].array(Double.self))
            seen.append(gradOutputs[0].array(Double.self))
            return [gradInputs[0] * 2]
        }
        let x = Tensor([[1.0, 1.0]], requiresGrad: true)
        (layer(x) * 5).sum().backward()
        #expect(seen == [[10, 15], [5]])
        #expect(x.grad!.array(Double.self) == [20, 30])
        #expect(layer.weight.grad!.array(Double.self) == [5, 5])
    }

    @Test func backwardPreHooksChangeWhatComesIn() {
        let layer = Linear(2, 1, bias: false)
        layer.registerFullBackwardPreHook { _, gradOutputs in [gradOutputs[0] * 3] }
        layer(Tensor([[1.0, 2.0]])).sum().backward()
        #expect(layer.weight.grad!.array(Double.self) == [3, 6])
    }

    @Test func aHookThatReturnsTooFewIsNamed() {
        let layer = Identity()
        layer.registerForwardHook { _, _, _ in [] }
        #expect { try checked { layer(Tensor([1.0])) } } throws: { "\($0)".contains("forward hook") }
    }
}

@Suite struct StateTests {
    @Test func loadingCopiesIntoTheSameObjects() throws {
        let (a, b) = (Net(), Net())
        let weight = b.stateDict()["features.0.weight"]!
        try b.loadStateDict(a.stateDict())
        for (key, value) in a.stateDict() { #expect(b.stateDict()[key]!.equal(value)) }
        #expect(weight.equal(a.stateDict()["features.0.weight"]!))
        var converted = StateDict()
        for (key, value) in a.stateDict() { converted[key] = value.to(.float64) }
        try b.loadStateDict(converted)
        #expect(b.parameters().allSatisfy { $0.dtype == .float32 })
    }

    @Test func everyFaultIsNamedAtOnceAndNothingChanges() throws {
        let net = Net()
        let before = net.stateDict().map { $0.value.clone() }
        var state = StateDict()
        for (key, value) in net.stateDict() { state[key] = value + 1 }
        state["features.0.weight"] = Tensor.zeros([1, 2])
        state["features.2.bias"] = nil
        state["other"] = Tensor.zeros([1])
        #expect { try net.loadStateDict(state) } throws: { error in
            guard let error = error as? StateDictError else { return false }
            return error.missing == ["features.2.bias"] && error.unexpected == ["other"]
                && error.mismatched.map(\.key) == ["features.0.weight"] && error.mismatched[0].found == [1, 2]
                && error.mismatched[0].expected == [3, 4] && "\(error)".contains("Net")
        }
        for (old, now) in zip(before, net.stateDict()) { #expect(old.equal(now.value)) }
        state["features.0.weight"] = Tensor.ones([3, 4])
        let rest = try net.loadStateDict(state, strict: false)
        #expect(rest.missingKeys == ["features.2.bias"] && rest.unexpectedKeys == ["other"])
        #expect(net.stateDict()["features.0.weight"]!.equal(Tensor.ones([3, 4])))
    }

    @Test func aBufferThatDoesNotPersistIsNoState() {
        final class Masked: Module {
            let mask = Buffer(Tensor.ones([2]), persistent: false)
            let mean = Buffer(Tensor.ones([2]))
        }
        #expect(Masked().stateDict().keys == ["mean"])
        #expect(Masked().namedBuffers().map(\.name) == ["mask", "mean"])
    }
}

private final class Everything<Extra>: Module {
    let layers = [Linear(2, 3), Linear(3, 2)]
    @Named("Norm") var norm = LayerNorm([2])
    let first: Linear
    var optional: Module?
    let table: [String: Parameter] = ["a": Parameter(Tensor.ones([2]))]
    let text = "a string that is longer than what fits into the value itself"
    let extra: Extra
    let wide = SIMD16<Float>(repeating: 3)
    lazy var late = Linear(1, 1)
    var itself: Module?
    init(_ extra: Extra) {
        self.extra = extra
        first = layers[0]
        super.init()
        addModule("registered", ReLU())
    }
    override func forward(_ x: Tensor) -> Tensor { norm(layers[1](layers[0](x))) }
}

@Suite struct CopyTests {
    @Test func theCopyIsDeepAndKeepsWhatIsShared() {
        let original = Everything(("tuple", [1, 2, 3]))
        original.optional = Dropout(0.3)
        original.itself = original
        _ = original.late
        original.eval()
        original.layers[0].weight.requiresGrad = false
        original(Tensor.ones([1, 2])).sum().backward()
        let copy = original.copy()
        #expect(type(of: copy) == type(of: original) && copy !== original)
        #expect(copy.first === copy.layers[0] && copy.first !== original.first)
        #expect(copy.itself === copy)
        #expect(copy.text == original.text && copy.extra.1 == [1, 2, 3] && copy.wide == original.wide && !copy.training)
        #expect(copy.optional is Dropout && copy.optional !== original.optional)
        copy.itself = nil
        original.itself = nil
        #expect(copy.description == original.description)
        #expect(copy.stateDict().keys == original.stateDict().keys)
        for (a, b) in zip(copy.parameters(), original.parameters()) {
            #expect(a !== b && a.equal(b) && a.requiresGrad == b.requiresGrad && (a.grad == nil) == (b.grad == nil))
        }
        let x = Tensor.ones([1, 2])
        #expect(copy(x).equal(original(x)))
        noGrad { _ = copy.layers[0].weight.zero_() }
        #expect(!copy(x).equal(original(x)))
    }

    @Test func copiesAreFreed() {
        final class Watched: Module {
            let fc = Linear(2, 2)
            let onEnd: () -> Void
            init(_ onEnd: @escaping () -> Void) {
                self.onEnd = onEnd
                super.init()
            }
            deinit { onEnd() }
        }
        var ends = 0
        weak var layer: Linear?
        do {
            let original = Watched { ends += 1 }
            for _ in 0..<3 {
                let copy = original.copy()
                layer = copy.fc
            }
            #expect(ends == 3 && layer == nil)
        }
        #expect(ends == 4)
    }

    @Test func aWeakPropertyIsRefused() {
        final class Child: Module { weak var parent: Module? }
        #expect { try checked { Child().copy() } } throws: { "\($0)".contains("'parent'") }
    }
}

@Suite struct SharedTests {
    @Test func eightTasksAskOneModel() async {
        func net() -> Sequential { Sequential(Linear(16, 32), ReLU(), Dropout(0.5), BatchNorm1d(32), Linear(32, 4)) }
        let model = net()
        let expected = Sequential(model.map { $0 }).copy().eval()
        let answers = noGrad { (0..<8).map { expected(Tensor.full([3, 16], Double($0))).array(Float.self) } }
        let shared = Shared(copying: model, net)
        #expect(model.training)
        #expect(message { _ = Shared(copying: model) { model } }.contains("the model itself"))
        #expect(message { _ = Shared(copying: model) { Sequential(Linear(16, 31)) } }.contains("0.weight has shape"))
        let right = await withTaskGroup(of: Bool.self) { group in
            for task in 0..<8 {
                let wanted = answers[task]
                group.addTask {
                    (0..<50).allSatisfy { _ in shared(Tensor.full([3, 16], Double(task))).array(Float.self) == wanted }
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(right)
    }

    @Test func itTakesAModelOver() async {
        let shared = Shared(Linear(3, 2))
        let shape = await Task.detached { shared(Tensor.ones([1, 3])).shape }.value
        #expect(shape == [1, 2])
        #expect(shared.withModel { $0(Tensor.ones([1, 3])).requiresGrad } == false)
    }
}

@Suite struct LazyStateTests {
    @Test func aLazyLayerTakesItsShapesFromTheState() throws {
        let (known, lazy) = (
            Sequential(Conv2d(3, 4, kernelSize: 3), BatchNorm2d(4)), Sequential(LazyConv2d(4, kernelSize: 3), LazyBatchNorm2d())
        )
        try lazy.loadStateDict(known.stateDict())
        #expect(lazy.description == known.description)
        for (key, value) in known.stateDict() { #expect(lazy.stateDict()[key]!.equal(value)) }
        var wrong = known.stateDict()
        wrong["0.bias"] = Tensor.zeros([7])
        let fresh = Sequential(LazyConv2d(4, kernelSize: 3), LazyBatchNorm2d())
        #expect(throws: StateDictError.self) { try fresh.loadStateDict(wrong) }
        #expect((fresh[0] as! LazyConv2d).isLazy)
    }
}
