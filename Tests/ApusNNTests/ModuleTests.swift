import ApusCore
import ApusNN
import OrderedCollections
import Testing

private final class Block: Module {
    let convA = Conv2d(1, 2, kernelSize: 3, padding: 0)
    let act = ReLU()
    let scale = Parameter(Tensor.ones([2]))
    let count = Buffer(Tensor.zeros([], dtype: .int64))
    override func forward(_ x: Tensor) -> Tensor { act(convA(x)) * scale.reshape(1, 2, 1, 1) }
}

private final class Net: Module {
    let features = Sequential(Conv2d(1, 8, kernelSize: 3, padding: 1), ReLU(), Flatten())
    @Named("LayerNorm") var norm = LayerNorm([8])
    let blocks = [Linear(8, 8), Linear(8, 8), Linear(8, 4)]
    let heads = ["b": Linear(4, 1), "a": Linear(4, 2)]
    var extra: Linear?
    let inProjWeight = Parameter(Tensor.zeros([3]))
    @Unregistered var hidden = Linear(2, 2)
    let plain = Tensor.zeros([5])
    override func forward(_ x: Tensor) -> Tensor { features(x) }
}

@Suite struct MemberTests {
    @Test func namesAreThoseOfPyTorch() {
        let names = [
            "convA": "conv_a", "conv1": "conv1", "inProjWeight": "in_proj_weight", "weightIhL0": "weight_ih_l0",
            "biasHhL0Reverse": "bias_hh_l0_reverse",
            "fcHTTPHead": "fc_http_head", "x": "x", "_private": "_private", "runningMean": "running_mean", "fc2Out": "fc2_out",
        ]
        for (name, expected) in names { #expect(snakeCase(name) == expected) }
    }

    @Test func storedPropertiesBecomeKeys() {
        #expect(Block().stateDict().keys == ["scale", "count", "conv_a.weight", "conv_a.bias"])
        #expect(
            Net().stateDict().keys == [
                "in_proj_weight", "features.0.weight", "features.0.bias", "LayerNorm.weight", "LayerNorm.bias", "blocks.0.weight",
                "blocks.0.bias",
                "blocks.1.weight", "blocks.1.bias", "blocks.2.weight", "blocks.2.bias", "heads.a.weight", "heads.a.bias", "heads.b.weight",
                "heads.b.bias",
            ])
    }

    @Test func childrenAreTheModulesOfTheFirstFloor() {
        let net = Net()
        #expect(net.namedChildren().map(\.name) == ["features", "LayerNorm", "blocks.0", "blocks.1", "blocks.2", "heads.a", "heads.b"])
        #expect(net.children().first === net.features)
        #expect(net.features.children().count == 3)
        #expect(ReLU().children().isEmpty)
    }

    @Test func registeredParametersAndBuffersBecomeKeys() throws {
        let layer = ReLU()
        let weight = Parameter(Tensor.ones([2]))
        layer.registerParameter("weight", weight)
        layer.registerParameter("bias", nil)
        let kept = layer.registerBuffer("kept", Tensor.zeros([3]))
        layer.registerBuffer("passing", Tensor.zeros([1]), persistent: false)
        #expect(layer.stateDict().keys == ["weight", "kept"])
        #expect(layer.parameters().count == 1 && layer.parameters()[0] === weight)
        #expect(layer.namedBuffers().map(\.name) == ["kept", "passing"])
        #expect(layer.namedBuffers()[0].buffer === kept)
        #expect(throws: OpError.self) { try checked { layer.registerParameter("kept", weight) } }
        #expect(throws: OpError.self) { try checked { layer.registerBuffer("a.b", Tensor.zeros([1])) } }
        #expect(layer.stateDict().keys == ["weight", "kept"])
    }

    @Test func aLayerThatArrivesLaterIsSeen() {
        let net = Net()
        let before = net.parameters().count
        net.extra = Linear(2, 3)
        #expect(net.parameters().count == before + 2)
        #expect(net.namedModules().contains { $0.name == "extra" })
    }

    @Test func sharedParametersCountOnce() {
        final class Tied: Module {
            let encoder = Embedding(5, 3)
            let decoder: Linear
            let again: Linear
            override init() {
                decoder = Linear(3, 5)
                again = decoder
                super.init()
            }
        }
        let tied = Tied()
        #expect(tied.namedParameters().map(\.name) == ["encoder.weight", "decoder.weight", "decoder.bias"])
        #expect(tied.stateDict().keys == ["encoder.weight", "decoder.weight", "decoder.bias", "again.weight", "again.bias"])
        #expect(tied.namedModules().map(\.name) == ["", "encoder", "decoder"])
    }

    @Test func aModuleThatContainsItselfEndsTheWalk() {
        final class Ring: Module {
            var next: Module?
            let fc = Linear(1, 1)
        }
        let ring = Ring()
        ring.next = ring
        #expect(ring.parameters().count == 2)
        #expect(ring.stateDict().keys == ["fc.weight", "fc.bias"])
        ring.next = nil
    }

    @Test func modesReachEveryModule() {
        let net = Net()
        net.eval()
        #expect(net.modules().allSatisfy { !$0.training })
        net.train()
        #expect(net.modules().allSatisfy { $0.training })
    }

    @Test func conversionKeepsTheObjects() {
        let net = Block()
        let before = net.parameters().map { ObjectIdentifier($0) }
        net.to(.float64)
        #expect(net.parameters().map { ObjectIdentifier($0) } == before)
        #expect(net.parameters().allSatisfy { $0.dtype == .float64 && $0.requiresGrad })
        #expect(net.count.dtype == .int64)
        net.to(.reference)
        #expect(net.parameters().allSatisfy { $0.device == .reference })
    }

    @Test func applyVisitsChildrenFirst() {
        var seen: [String] = []
        Sequential(Linear(1, 1), Sequential(ReLU())).apply { seen.append($0.typeName) }
        #expect(seen == ["Linear", "ReLU", "Sequential", "Sequential"])
    }

    @Test func gradientsAreCleared() {
        let layer = Linear(3, 2)
        layer(Tensor.ones([1, 3])).sum().backward()
        #expect(layer.weight.grad != nil)
        layer.zeroGrad()
        #expect(layer.weight.grad == nil && layer.bias?.grad == nil)
        layer.requiresGrad_(false)
        #expect(!layer(Tensor.ones([1, 3])).requiresGrad)
    }
}

@Suite struct PrintingTests {
    @Test func asPyTorchPrints() {
        let two: Sequential = ["linear1": Linear(784, 256), "relu1": ReLU(), "linear2": Linear(256, 10, bias: false)]
        #expect(
            two.description == """
                Sequential(
                  (linear1): Linear(in_features=784, out_features=256, bias=True)
                  (relu1): ReLU()
                  (linear2): Linear(in_features=256, out_features=10, bias=False)
                )
                """)
        #expect(
            "\(Net())" == """
                Net(
                  (features): Sequential(
                    (0): Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
                    (1): ReLU()
                    (2): Flatten(start_dim=1, end_dim=-1)
                  )
                  (LayerNorm): LayerNorm((8,), eps=1e-05, elementwise_affine=True, bias=True)
                  (blocks): ModuleList(
                    (0-1): 2 x Linear(in_features=8, out_features=8, bias=True)
                    (2): Linear(in_features=8, out_features=4, bias=True)
                  )
                  (heads): ModuleDict(
                    (a): Linear(in_features=4, out_features=2, bias=True)
                    (b): Linear(in_features=4, out_features=1, bias=True)
                  )
                )
                """)
        #expect(
            Sequential(ModuleList([ReLU(), ReLU(), Linear(1, 2)])).description == """
                Sequential(
                  (0): ModuleList(
                    (0-1): 2 x ReLU()
                    (2): Linear(in_features=1, out_features=2, bias=True)
                  )
                )
                """)
        #expect(
            ParameterList([Tensor.zeros([2, 3]), Tensor.zeros([1])]).description == """
                ParameterList(
                    (0): Parameter containing: [torch.float32 of size 2x3]
                    (1): Parameter containing: [torch.float32 of size 1]
                )
                """)
        #expect(ModuleList().description == "ModuleList()" && Sequential().description == "Sequential()")
    }

    @Test func argumentsPrintAsWritten() {
        let expected: [(Module, String)] = [
            (Softplus(beta: 2, threshold: -100), "Softplus(beta=2, threshold=-100)"), (Softplus(), "Softplus(beta=1.0, threshold=20.0)"),
            (Softshrink(1), "Softshrink(1)"), (LeakyReLU(), "LeakyReLU(negative_slope=0.01)"),
            (LeakyReLU(0.5, inplace: true), "LeakyReLU(negative_slope=0.5, inplace=True)"),
            (ReLU(inplace: true), "ReLU(inplace=True)"), (Dropout(0.5), "Dropout(p=0.5, inplace=False)"),
            (GELU(approximate: .tanh), "GELU(approximate='tanh')"),
            (Softmax(), "Softmax(dim=None)"), (Embedding(4, 3, paddingIdx: -1, maxNorm: 1), "Embedding(4, 3, padding_idx=3, max_norm=1.0)"),
            (Unflatten(1, [2, 3]), "Unflatten(dim=1, unflattened_size=(2, 3))"), (Hardtanh(), "Hardtanh(min_val=-1.0, max_val=1.0)"),
        ]
        for (module, text) in expected { #expect(module.description == text) }
    }

    @Test func numbersInPythonsSpelling() {
        let expected: [(Double, String)] = [
            (1e-5, "1e-05"), (0.1, "0.1"), (1, "1.0"), (1e16, "1e+16"), (9_007_199_254_740_994, "9007199254740994.0"), (1e-4, "0.0001"),
            (.infinity, "inf"), (-2.5, "-2.5"),
        ]
        for (number, text) in expected { #expect(repr(number) == text) }
        #expect(
            repr(true) == "True" && repr(nil as Int?) == "None" && repr([3]) == "(3,)" && repr([3, 4]) == "(3, 4)"
                && repr("mean") == "'mean'")
    }
}

@Suite struct ContainerTests {
    @Test func everyFormOfConstruction() {
        let one = Sequential()
        one.addModule("layer1", Linear(4, 3))
        one.addModule("relu1", ReLU())
        let two: Sequential = ["layer1": Linear(4, 3), "relu1": ReLU()]
        let three = Sequential([("layer1", Linear(4, 3)), ("relu1", ReLU())])
        var ordered: OrderedDictionary<String, Module> = [:]
        ordered["layer1"] = Linear(4, 3)
        ordered["relu1"] = ReLU()
        let four = Sequential(ordered)
        for sequence in [one, two, three, four] {
            #expect(sequence.namedChildren().map(\.name) == ["layer1", "relu1"])
            #expect(sequence(Tensor.ones([2, 4])).shape == [2, 3])
        }
        #expect(Sequential(Linear(4, 3), ReLU()).namedChildren().map(\.name) == ["0", "1"])
        #expect(Sequential([Linear(4, 3), ReLU()]).count == 2)
        #expect(two["relu1"] is ReLU && two["none"] == nil && two[0] is Linear && two[-1] is ReLU)
    }

    @Test func listsGrow() {
        let list = ModuleList([Linear(1, 1), ReLU()])
        list.append(Tanh())
        list.insert(Sigmoid(), at: 0)
        list.extend([GELU()])
        #expect(list.namedChildren().map(\.name) == ["0", "1", "2", "3", "4"])
        #expect(list.map(\.typeName) == ["Sigmoid", "Linear", "ReLU", "Tanh", "GELU"])
        list[1] = Identity()
        #expect(list[1] is Identity && list[-1] is GELU)
        let dict: ModuleDict = ["x": ReLU(), "a": Tanh()]
        #expect(dict.keys == ["x", "a"] && dict["a"] is Tanh)
        let parameters: ParameterDict = ["b": Tensor.zeros([2]), "a": Tensor.zeros([3])]
        #expect(parameters.stateDict().keys == ["b", "a"] && parameters["b"]!.requiresGrad)
    }

    @Test func aNameGivenTwiceTraps() async {
        await #expect(processExitsWith: .failure) { _ = ["a": ReLU(), "a": ReLU()] as Sequential }
        await #expect(processExitsWith: .failure) { Sequential().addModule("a.b", ReLU()) }
    }
}
