import ApusCore
import ApusNN
import OrderedCollections
import Testing

private func linear() -> Linear { Linear(2, 2) }

private struct Stage {
    let conv = linear()
    @Named("Norm") var norm = LayerNorm([2])
    let inputIDs = Buffer(Tensor.zeros([1]))
    var rest: [(Linear, String)] = [(linear(), "a"), (linear(), "b")]
}

private enum Mixer {
    case nothing
    case one(Linear)
    case pair(first: Linear, second: Linear)
    case wide(Stage, Int)
    case listed([Linear])
    case any(any Sendable, Module)
    indirect case boxed(Linear)
}

private protocol Part {}
private struct Holder: Part { let inner = linear() }

/// A module with a property of any type that can hold layers.
private final class Held<Value>: Module {
    var held: Value
    init(_ held: Value) { self.held = held }
    override func forward(_ x: Tensor) -> Tensor { x }
}

private let own = ["weight", "bias"]
private func keys(_ prefixes: String...) -> [String] { prefixes.flatMap { prefix in own.map { "\(prefix).\($0)" } } }
private let stage = keys("held.conv", "held.Norm", "held.rest.0.0", "held.rest.1.0")

@Suite struct HeldLayerTests {
    /// Modules that hold layers in every way, and the keys of their parameters.
    private static var cases: [(Module, [String])] {
        [
            (Held((linear(), 3)), keys("held.0")),
            (Held((conv: linear(), norm: LayerNorm([2]))), keys("held.conv", "held.norm")),
            (
                Held([(conv: linear(), norm: LayerNorm([2])), (conv: linear(), norm: LayerNorm([2]))]),
                keys("held.0.conv", "held.0.norm", "held.1.conv", "held.1.norm")
            ),
            (Held(Stage()), ["held.input_ids"] + stage),
            (Held([Stage()]), ["held.0.input_ids"] + stage.map { "held.0" + $0.dropFirst(4) }),
            (Held(["a": Stage()]), ["held.a.input_ids"] + stage.map { "held.a" + $0.dropFirst(4) }),
            (Held(["b": (1, linear())] as OrderedDictionary), keys("held.b.1")),
            (Held((1, (2, [linear()] as [Linear]?))), keys("held.1.1.0")),
            (Held(Mixer.nothing), []),
            (Held(Mixer.one(linear())), keys("held")),
            (Held(Mixer.pair(first: linear(), second: linear())), keys("held.first", "held.second")),
            (Held(Mixer.wide(Stage(), 1)), ["held.0.input_ids"] + stage.map { "held.0" + $0.dropFirst(4) }),
            (Held(Mixer.listed([linear(), linear()])), keys("held.0", "held.1")),
            (Held(Mixer.any(1, linear())), keys("held.1")),
            (Held(Optional(Mixer.one(linear()))), keys("held")),
            (Held([Mixer.nothing, .one(linear())]), keys("held.1")),
            (Held([linear(), linear(), linear()][1...]), keys("held.0", "held.1")),
            (Held(ContiguousArray([linear()])), keys("held.0")),
            (Held(Holder() as any Part), keys("held.inner")),
            (Held((Holder() as Any, Parameter(Tensor.ones([1])) as Tensor)), ["held.1"] + keys("held.0.inner")),
            (Held(Result<Linear, OpError>.success(linear())), keys("held")),
        ]
    }

    @Test func layersAreFoundWhateverHoldsThem() {
        for (module, keys) in Self.cases {
            #expect(Set(module.stateDict().keys) == Set(keys) && module.stateDict().count == keys.count, "\(type(of: module))")
            #expect(module.parameters().count == keys.filter { !$0.hasSuffix("input_ids") }.count)
            module.eval()
            #expect(module.modules().allSatisfy { !$0.training })
            #expect(module.description.contains("Linear") == keys.contains { $0.hasSuffix("bias") })
        }
    }

    @Test func copiesShareNothing() {
        for (module, _) in Self.cases {
            module.parameters().first?.requiresGrad = false
            let copy = module.copy()
            #expect(copy.description == module.description && copy.stateDict().keys == module.stateDict().keys)
            for ((key, mine), (_, other)) in zip(module.stateDict(), copy.stateDict()) {
                #expect(mine.equal(other), "\(type(of: module)) \(key)")
            }
            let known = Set((module.parameters() as [Tensor] + module.buffers()).map { ObjectIdentifier($0) })
            #expect(
                (copy.parameters() as [Tensor] + copy.buffers()).allSatisfy { !known.contains(ObjectIdentifier($0)) }, "\(type(of: module))"
            )
            #expect(zip(module.parameters(), copy.parameters()).allSatisfy { $0.requiresGrad == $1.requiresGrad })
        }
    }

    @Test func copiesOfEnumsAreFreedAndWhole() {
        weak var seen: Linear?
        do {
            let layer = linear()
            let module = Held([
                Mixer.one(layer), .pair(first: layer, second: linear()), .any("text of more than fifteen bytes", layer), .nothing,
            ])
            let copy = module.copy()
            guard case .one(let one) = copy.held[0], case .pair(let first, let second) = copy.held[1],
                case .any(let text, let any) = copy.held[2], case .nothing = copy.held[3]
            else {
                Issue.record("another case")
                return
            }
            #expect(one === first && one === any && second !== one && one !== layer && text as? String == "text of more than fifteen bytes")
            seen = one
        }
        #expect(seen == nil)
    }

    @Test func whatCannotBeCopiedSaysSo() {
        let module = Held(Mixer.boxed(linear()))
        #expect(module.parameters().count == 2)
        #expect { try checked { module.copy() } } throws: { "\($0)".contains("'held'") }
    }

    @Test func aLazyLayerThatIsNotMadeIsMissed() {
        final class Late: Module {
            let width = 2
            lazy var late = Linear(width, width)
            lazy var cache = Tensor.zeros([3])
            lazy var count = 3
        }
        for look: (Late) -> Void in [{ _ = $0.parameters() }, { _ = $0.stateDict() }, { $0.eval() }, { $0.to(.float64) }] {
            let module = Late()
            #expect { try checked { look(module) } } throws: { "\($0)".contains("'late'") && "\($0)".contains("lazy") }
            _ = module.late
            look(module)
            #expect(module.stateDict().keys == keys("late"))
        }
    }
}

@Suite struct KeyTests {
    @Test func propertiesOfPyTorchsSpellingStay() throws {
        final class Attention: Module {
            let Q = linear(), q = linear(), W_q = linear(), wQ = linear(), QKV = linear(), inputIDs = linear(), gpuIDsNow = linear(),
                _hidden = linear()
        }
        #expect(Attention().namedChildren().map(\.name) == ["Q", "q", "W_q", "w_q", "QKV", "input_ids", "gpu_ids_now", "_hidden"])
        let model = Attention()
        let state = StateDict(
            model.stateDict().enumerated().map { ($0.element.key, Tensor.full($0.element.value.shape, Double($0.offset))) })
        let other = Attention()
        try other.loadStateDict(state)
        for (key, value) in other.stateDict() { #expect(value.equal(state[key]!), "\(key)") }
    }

    @Test func collidingKeysNameBothProperties() {
        final class Two: Module { let convA = linear(), conv_a = linear() }
        final class Given: Module {
            @Named("fc") var first = linear()
            let fc = linear()
        }
        class Base: Module { private let norm = linear() }
        final class Derived: Base { private let norm = linear() }
        final class Kinds: Module {
            let inputIDs = linear()
            let input_ids = Parameter(Tensor.ones([1]))
        }
        struct Inner { let aB = linear(), a_b = linear() }
        final class Within: Module { let parts = [Inner()] }
        final class Late: Module { var fc: Linear? }
        let late = Late()
        late.addModule("fc", linear())
        late.fc = linear()
        let cases: [(Module, [String])] = [
            (Two(), ["'convA'", "'conv_a'"]), (Given(), ["'first'", "'fc'"]), (Derived(), ["'norm'", "superclass"]),
            (Kinds(), ["'inputIDs'", "'input_ids'"]),
            (Within(), ["'aB'", "'a_b'"]), (late, ["'fc'"]),
        ]
        for (module, names) in cases {
            let uses: [(Module) throws -> Void] = [
                { _ = $0.stateDict() }, { _ = $0.parameters() }, { try $0.loadStateDict([:], strict: false) }, { _ = $0.to(.float64) },
            ]
            for use in uses {
                #expect { try checked { try use(module) } } throws: { error in
                    names.allSatisfy { "\(error)".contains($0) } && "\(error)".contains(module.typeName)
                }
            }
        }
    }

    @Test func aDotInANameThatMakesTwoPathsOneIsRefused() {
        final class Dotted: Module {
            let fc = linear()
            let table = ["fc.weight": Parameter(Tensor.ones([1]))]
            @Named("table.fc") var other = linear()
        }
        #expect { try checked { Dotted().stateDict() } } throws: { "\($0)".contains("'table.fc.weight'") }
    }

    @Test func olderSpellingsLoadAndAreReported() throws {
        final class Inner: Module { let W_o = linear(), outIDs = Buffer(Tensor.zeros([1])) }
        final class Net: Module {
            let W_q = linear(), QKV = [Inner()], plain = linear()
            struct Pair { let K = linear() }
            let Two = Pair()
        }
        let older = [
            "W_q.weight": "w_q.weight", "W_q.bias": "w_q.bias", "QKV.0.outIDs": "qkv.0.out_i_ds", "QKV.0.out_ids": "qkv.0.out_i_ds",
            "QKV.0.W_o.weight": "qkv.0.w_o.weight",
            "QKV.0.W_o.bias": "qkv.0.w_o.bias", "Two.K.weight": "two.k.weight", "Two.K.bias": "two.k.bias",
        ]
        let (source, target) = (Net(), Net())
        var file = StateDict()
        for (key, value) in source.stateDict() { file[older[key] ?? key] = value }
        let report = try target.loadStateDict(file)
        for (key, value) in source.stateDict() { #expect(target.stateDict()[key]!.equal(value), "\(key)") }
        #expect(report.missingKeys.isEmpty && report.unexpectedKeys.isEmpty)
        #expect(
            Dictionary(uniqueKeysWithValues: report.olderKeys.map { ($0.takenFor, $0.found) })
                == older.filter { source.stateDict()[$0.key] != nil })
        #expect(try target.loadStateDict(source.stateDict()).olderKeys.isEmpty)
        // The current key takes precedence.
        file["W_q.weight"] = Tensor.full([2, 2], 7.0)
        #expect(throws: StateDictError.self) { try target.loadStateDict(file) }
        let rest = try target.loadStateDict(file, strict: false)
        #expect(target.W_q.weight.equal(Tensor.full([2, 2], 7.0)) && rest.unexpectedKeys == ["w_q.weight"])
    }

    @Test func anOlderSpellingThatMeantTwoIsNotGuessed() throws {
        final class Net: Module { let Q = linear(), q = linear() }
        final class Other: Module { let W_k = linear(), w_K = linear() }
        var file = StateDict()
        for name in own { file["q." + name] = Net().stateDict()["q." + name] }
        #expect(try Net().loadStateDict(file, strict: false).missingKeys == keys("Q"))
        file = StateDict()
        for name in own { file["w_k." + name] = Net().stateDict()["q." + name] }
        #expect(try Other().loadStateDict(file, strict: false).missingKeys == keys("W_k", "w_K"))
    }
}

@Suite struct SharedStateTests {
    private final class Square: Module {
        let a = Linear(5, 5), b = Linear(5, 5)
        let table: Parameter
        let rows: [Parameter]
        override init() {
            // Parameters that are views of one storage.
            table = Parameter(Tensor.randn([4, 4]))
            rows = (0..<4).map { [block = table.detach()] in Parameter(block[$0]) }
        }
    }

    /// States made of a module's own tensors are read before anything is overwritten.
    @Test func whatSharesMemoryWithTheModuleIsReadBeforeItIsWritten() throws {
        let makers: [(String, (Square) -> StateDict)] = [
            ("itself", { $0.stateDict() }),
            (
                "transposed",
                { module in
                    var state = module.stateDict()
                    for key in ["a.weight", "b.weight"] { state[key] = state[key]!.t() }
                    return state
                }
            ),
            (
                "exchanged",
                { module in
                    var state = module.stateDict()
                    for name in own { (state["a." + name], state["b." + name]) = (state["b." + name], state["a." + name]) }
                    return state
                }
            ),
            (
                "one for both, transposed",
                { module in
                    var state = module.stateDict()
                    (state["a.weight"], state["b.weight"]) = (state["b.weight"]!.t(), state["b.weight"]!)
                    return state
                }
            ),
            (
                "a row for all",
                { module in
                    var state = module.stateDict()
                    state["a.weight"] = state["a.weight"]![2].expand([5, 5])
                    state["a.bias"] = state["a.weight"]![.all, 3]
                    return state
                }
            ),
            (
                "rows of a block",
                { module in
                    var state = module.stateDict()
                    for i in 0..<4 { state["rows.\(i)"] = module.table.detach()[(i + 1) % 4] }
                    return state
                }
            ),
            (
                "another type",
                { module in
                    var state = module.stateDict()
                    state["a.weight"] = state["a.weight"]!.to(.float64).t()
                    return state
                }
            ),
        ]
        for device in [Device.cpu, .reference] {
            for (name, make) in makers {
                let module = Square()
                module.to(device)
                let state = make(module)
                let apart = StateDict(state.map { ($0.key, $0.value.clone()) })
                let expected = module.copy()
                try expected.loadStateDict(apart)
                try module.loadStateDict(state)
                for (key, value) in expected.stateDict()
                where !(name == "rows of a block" && key == "table") && !(name == "itself" && key == "table") {
                    #expect(module.stateDict()[key]!.equal(value), "\(name): \(key) on \(device)")
                }
            }
        }
    }

    @Test func vectorToParametersReadsFirst() {
        let block = Tensor([0.0, 1, 2, 3, 4, 5])
        let parts = [Parameter(block[3..<6]), Parameter(block[0..<3])]
        vectorToParameters(block, parts)
        #expect(parts[0].array(Double.self) == [0, 1, 2] && parts[1].array(Double.self) == [3, 4, 5])
    }

    /// Names are compared by bytes: a composed and a decomposed letter name two layers, in containers, states and calls.
    @Test func namesAreTheirBytes() throws {
        let (one, two) = ("\u{e9}", "e\u{301}")
        let model = Sequential([(one, Linear(2, 2)), (two, Linear(2, 2))])
        #expect(model[one] !== model[two] && model[one] != nil && model[two] != nil)
        let state = model.stateDict()
        #expect(state.count == 4 && Set(state.map { Array($0.key.utf8) }).count == 4)
        let other = Sequential([(one, Linear(2, 2)), (two, Linear(2, 2))])
        let x = Tensor.randn([3, 2])
        try other.loadStateDict(state)
        #expect(other(x).equal(model(x)))
        var first = StateDict()
        first["\(one).weight"] = Tensor.zeros([2, 2])
        #expect(throws: StateDictError.self) { try other.loadStateDict(first) }
        #expect(model.functionalCall(state, x).equal(model(x)))
        let dictionary = ModuleDict()
        dictionary[one] = Linear(1, 1)
        dictionary[two] = Linear(2, 1)
        #expect(dictionary.count == 2 && (dictionary[two] as? Linear)?.inFeatures == 2)
    }
}
