import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import TestSupport
import Testing

/// Counts steps, and keeps nothing else.
private struct CountingSettings: OptimizerSettings {
    var lr = 0.1
    static let settings: [Setting<Self>] = [.init("lr", \.lr)]
}

private final class Counting: TypedOptimizer<CountingSettings> {
    override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) { p.sub_(gradient * (step.settings.lr / Double(step.number))) }
}

/// Updates the first or the second half of each parameter's elements.
private final class Half: SharedSteps {
    private let isFirst: Bool
    init(isFirst: Bool) { self.isFirst = isFirst }

    func range(of parameter: Tensor) -> Range<Int> {
        let middle = (parameter.numel + 1) / 2
        return isFirst ? 0..<middle : middle..<parameter.numel
    }
    func part(of parameter: Tensor) -> Tensor {
        noGrad {
            let part = parameter.detach().view(-1)[range(of: parameter)]
            part.grad = parameter.grad.map { $0.detach().reshape(-1)[range(of: parameter)] }
            return part
        }
    }
    /// The other half is that of another process; zeros stand for it.
    func whole(_ part: Tensor, of parameter: Tensor) -> Tensor {
        noGrad {
            let rest = Tensor.zeros([parameter.numel - part.numel], dtype: part.dtype)
            return Tensor.cat(isFirst ? [part, rest] : [rest, part]).reshape(parameter.shape)
        }
    }
    func didStep() {}
    func anyProcess(_ flag: Bool) -> Bool { flag }
}

/// States of optimizers: whole, or refused.
@Suite struct StateLawTests {
    struct Kind: Sendable, CustomTestStringConvertible {
        let name: String
        let make: @Sendable ([Tensor]) -> Optimizer
        var testDescription: String { name }

        init(_ name: String, _ make: @escaping @Sendable ([Tensor]) -> Optimizer) { (self.name, self.make) = (name, make) }
    }

    static let kinds: [Kind] = [
        Kind("SGD") { SGD($0) }, Kind("SGD, momentum") { SGD($0, momentum: 0.9) }, Kind("Adam") { Adam($0) },
        Kind("Adam, amsgrad") { Adam($0, amsgrad: true) }, Kind("AdamW") { AdamW($0) }, Kind("RMSprop") { RMSprop($0) },
        Kind("RMSprop, centered") { RMSprop($0, momentum: 0.9, centered: true) }, Kind("Adagrad") { Adagrad($0) },
        Kind("Adadelta") { Adadelta($0) }, Kind("Adafactor") { Adafactor($0) }, Kind("Adamax") { Adamax($0) }, Kind("NAdam") { NAdam($0) },
        Kind("RAdam") { RAdam($0) }, Kind("SparseAdam") { SparseAdam($0) }, Kind("Rprop") { Rprop($0) }, Kind("ASGD") { ASGD($0) },
        Kind("Muon") { Muon($0) }, Kind("LBFGS") { LBFGS($0, maxIter: 2) }, Kind("Lion") { Lion($0) },
        Kind("of one's own") { Counting($0, CountingSettings()) },
    ]

    /// The last one never has a gradient.
    private func parameters(_ kind: Kind) -> [Tensor] {
        let shapes: [Shape] = [[3, 2], kind.name == "Muon" || kind.name == "SparseAdam" ? [2, 2] : [4], [2, 3]]
        return shapes.enumerated().map { i, shape in Recorded.numbers(shape, i + 3).requiresGrad_() }
    }

    private func run(_ optimizer: Optimizer, _ parameters: [Tensor], steps: Int) {
        for _ in 0..<steps {
            optimizer.step {
                var loss = 0.0
                for p in parameters.dropLast() {
                    let values = p.detach() * 0.5 + 0.1
                    p.grad = optimizer is SparseAdam ? Tensor.sparseRows(Tensor([0, 1]), values[0..<2], shape: p.shape) : values
                    loss += (values * values).sum().item()
                }
                return Tensor(loss)
            }
        }
    }

    private func text(_ state: OptimizerState) -> String {
        let tensors = state.tensors.map { "\($0.key) \($0.value.dtype) \($0.value.shape) \($0.value.array(Double.self))" }
        return (state.values.map { "\($0.key) \($0.value)" } + tensors).sorted().joined(separator: "\n")
    }

    /// Without each of its tensors and each of its values a state is refused by name, and nothing has changed; whole it is taken.
    @Test(arguments: kinds) func aStateLacksNothing(_ kind: Kind) throws {
        let (first, second) = (parameters(kind), parameters(kind))
        let (one, other) = (kind.make(first), kind.make(second))
        // Before the first step, and where the steps that there were are forgotten.
        run(other, second, steps: 1)
        try other.loadStateDict(one.stateDict())
        #expect(text(other.stateDict()) == text(one.stateDict()))
        run(one, first, steps: 3)
        run(other, second, steps: 2)
        let (state, before) = (one.stateDict(), text(other.stateDict()))
        func refuses(_ key: String, _ drop: (inout OptimizerState) -> Void) {
            for asTexts in [false, true] {
                var wrong = state
                if asTexts { wrong.values = wrong.values.mapValues { .string($0.text) } }
                drop(&wrong)
                let error = #expect(throws: OptimizerStateError.self, "\(key)") { try other.loadStateDict(wrong) }
                #expect(error?.problems == ["\(key) is missing"])
                #expect(text(other.stateDict()) == before, "\(key)")
            }
        }
        for key in state.tensors.keys { refuses(key) { $0.tensors[key] = nil } }
        for key in state.values.keys { refuses(key) { $0.values[key] = nil } }
        try other.loadStateDict(state)
        #expect(text(other.stateDict()) == text(state))
        try other.loadStateDict(.init(tensors: state.tensors, values: state.values.mapValues { .string($0.text) }))
        #expect(text(other.stateDict()) == text(state))
        noGrad { for (a, b) in zip(second, first) { a.copy_(b) } }
        run(one, first, steps: 2)
        run(other, second, steps: 2)
        for (a, b) in zip(first, second) { expectEqual(a, b) }
    }

    /// A state whose settings have changed since the last step fits the optimizer that it is of: what they need now is made by the next one.
    @Test func settingsThatChangeBetweenSteps() throws {
        let cases: [(Kind, String, OptionValue)] = [
            (Kind("SGD") { SGD($0) }, "momentum", 0.5), (Kind("SGD") { SGD($0, momentum: 0.5) }, "momentum", 0),
            (Kind("Adam") { Adam($0) }, "amsgrad", true), (Kind("RMSprop") { RMSprop($0) }, "momentum", 0.5),
            (Kind("RMSprop") { RMSprop($0, centered: true) }, "centered", false), (Kind("RMSprop") { RMSprop($0) }, "centered", true),
        ]
        let folder = TemporaryFolder()
        for (kind, name, value) in cases {
            let (first, second, third) = (parameters(kind), parameters(kind), parameters(kind))
            let (one, other, fromFile) = (kind.make(first), kind.make(second), kind.make(third))
            run(one, first, steps: 2)
            one.paramGroups[0][option: name] = value
            try other.loadStateDict(one.stateDict())
            try Checkpoint.save(["optimizer": one], to: folder.file("run.pt"))
            try Checkpoint.load(folder.file("run.pt"), into: ["optimizer": fromFile])
            for (optimizer, own) in [(other, second), (fromFile, third)] {
                #expect(text(optimizer.stateDict()) == text(one.stateDict()), "\(kind.name) \(name)")
                noGrad { for (a, b) in zip(own, first) { a.copy_(b) } }
            }
            for (optimizer, own) in [(one, first), (other, second), (fromFile, third)] { run(optimizer, own, steps: 2) }
            for own in [second, third] { for (a, b) in zip(own, first) { expectEqual(a, b) } }
        }
    }

    /// The rate that a schedule starts from may be missing: a state of before the schedule was made has none.
    @Test func statesOfBeforeASchedule() throws {
        let x = Tensor.ones([2], requiresGrad: true), optimizer = SGD([x], lr: 0.5)
        let before = optimizer.stateDict()
        _ = StepLR(optimizer, stepSize: 2)
        #expect(optimizer.stateDict().values["param_groups.0.initial_lr"] == 0.5)
        try optimizer.loadStateDict(before)
        #expect(optimizer.stateDict().values["param_groups.0.initial_lr"] == 0.5)
        var wrong = optimizer.stateDict()
        for value in [OptionValue.string("?"), true, .list([0.5])] {
            wrong.values["param_groups.0.initial_lr"] = value
            #expect(throws: OptimizerStateError.self) { try optimizer.loadStateDict(wrong) }
        }
    }

    /// A tensor and the word that there is none contradict each other, and so do others in its place.
    @Test func whatStandsForATensor() throws {
        let x = Tensor.ones([2], requiresGrad: true), optimizer = SGD([x], momentum: 0.9)
        x.grad = Tensor([1.0, 2])
        let key = "state.0.momentum_buffer", fresh = optimizer.stateDict()
        #expect(fresh.values[key] == .string("None") && fresh.tensors.isEmpty)
        optimizer.step()
        let state = optimizer.stateDict()
        for value in [OptionValue.string("None"), 0] {
            var wrong = state
            wrong.values[key] = value
            #expect(throws: OptimizerStateError.self) { try optimizer.loadStateDict(wrong) }
        }
        var wrong = fresh
        wrong.values[key] = 0
        let error = #expect(throws: OptimizerStateError.self) { try optimizer.loadStateDict(wrong) }
        #expect(error?.problems == ["\(key) is '0', neither a tensor nor None"])
        expectEqual(optimizer.stateDict().tensors[key]!, state.tensors[key]!)
    }

    /// A matrix has no variance of its own in Adafactor's state; the empty tensor that earlier versions kept in its place is left out.
    @Test func tensorsThatAParameterHasNot() throws {
        let matrix = Tensor.ones([3, 2], requiresGrad: true), vector = Tensor.ones([4], requiresGrad: true)
        let optimizer = Adafactor([matrix, vector])
        (matrix.grad, vector.grad) = (Tensor.ones([3, 2]), Tensor.ones([4]))
        optimizer.step()
        let state = optimizer.stateDict()
        #expect(state.tensors.keys.sorted() == ["state.0.col_var", "state.0.row_var", "state.1.variance"])
        #expect(!state.values.values.contains(.string("None")))
        var earlier = state
        for key in ["state.0.variance", "state.1.row_var", "state.1.col_var"] {
            earlier.tensors[key] = Tensor.zeros([0])
            try optimizer.loadStateDict(earlier)
            #expect(text(optimizer.stateDict()) == text(state))
            var wrong = earlier
            wrong.tensors[key] = Tensor.zeros([3, 2])
            #expect(throws: OptimizerStateError.self, "\(key)") { try optimizer.loadStateDict(wrong) }
        }
    }

    /// Counts that are negative, or so large that a few steps more would overflow, are refused, as numbers and as texts.
    @Test(arguments: kinds) func countsThatAreNone(_ kind: Kind) throws {
        let own = parameters(kind), optimizer = kind.make(own)
        run(optimizer, own, steps: 2)
        let state = optimizer.stateDict(), before = text(state)
        guard state.values["state.0.step"] != nil else { return }
        for count in [OptionValue.int(-1), .int(1 << 53 + 1), .int(.max), .int(.min), .string("\(Int.max)"), .double(2), .list([2])] {
            var wrong = state
            wrong.values["state.0.step"] = count
            #expect(throws: OptimizerStateError.self, "\(count)") { try optimizer.loadStateDict(wrong) }
            #expect(text(optimizer.stateDict()) == before)
        }
        var large = state
        large.values["state.0.step"] = .int(1 << 53)
        try optimizer.loadStateDict(large)
        run(optimizer, own, steps: 1)
        #expect(optimizer.stateDict().values["state.0.step"] == .int(1 << 53 + 1))
    }

    /// The memory of LBFGS is whole or none: all of its tensors, as many changes of the one kind as of the other, and counts that are some.
    @Test func memoriesOfLBFGS() throws {
        let kind = Kind("LBFGS") { LBFGS($0, maxIter: 2) }, own = parameters(kind), optimizer = kind.make(own)
        run(optimizer, own, steps: 3)
        let state = optimizer.stateDict(), before = text(state)
        func refuses(_ what: String, _ change: (inout OptimizerState) -> Void) {
            var wrong = state
            change(&wrong)
            #expect(throws: OptimizerStateError.self, "\(what)") { try optimizer.loadStateDict(wrong) }
            #expect(text(optimizer.stateDict()) == before, "\(what)")
        }
        let keys = state.tensors.keys.sorted()
        #expect(keys.count == 5)
        func absent(_ mask: Int, _ state: inout OptimizerState) {
            for (i, key) in keys.enumerated() where mask >> i & 1 == 1 { (state.tensors[key], state.values[key]) = (nil, .absent) }
        }
        for mask in 1..<31 { refuses("without \(mask)") { absent(mask, &$0) } }
        let numbers = state.tensors["state.0.numbers"]!.array(Double.self)
        for place in [3, 4] {
            for count in [Double.nan, .infinity, -1, 0.5, 1e300, 9.3e18] {
                var wrong = numbers
                wrong[place] = count
                refuses("\(place) \(count)") { $0.tensors["state.0.numbers"] = Tensor(wrong, dtype: .float64) }
            }
        }
        for key in ["state.0.old_dirs", "state.0.old_stps"] {
            let rows = state.tensors[key]!
            #expect(rows.shape[0] > 0)
            for fewer in 0..<rows.shape[0] { refuses(key) { $0.tensors[key] = rows[0..<fewer] } }
        }
        for key in keys {
            refuses("of the second") { $0.tensors["state.1." + key.dropFirst("state.0.".count)] = state.tensors[key] }
        }
        var none = state
        absent(31, &none)
        try optimizer.loadStateDict(none)
        #expect(optimizer.stateDict().tensors.isEmpty)
        run(optimizer, own, steps: 1)
    }

    /// Where processes share steps, each keeps its part of a moment, and the whole of a number, that of a parameter without dimensions too:
    /// together they go on from a state as one does.
    @Test(arguments: kinds) func stepsThatAreShared(_ kind: Kind) throws {
        func parameters() -> [Tensor] {
            ([[], [1], [5], [3, 2], [2]] as [Shape]).enumerated().map { i, shape in Recorded.numbers(shape, i + 3).requiresGrad_() }
        }
        if ["SparseAdam", "Muon", "LBFGS"].contains(kind.name) || kind.make(parameters()).sharingProblem != nil { return }
        let alone = parameters(), one = kind.make(alone)
        run(one, alone, steps: 2)
        let state = one.stateDict(), start = alone.map { $0.detach().clone() }
        run(one, alone, steps: 2)
        let after = one.stateDict()
        for isFirst in [true, false] {
            let own = start.map { $0.clone().requiresGrad_() }, optimizer = kind.make(own), half = Half(isFirst: isFirst)
            #expect(optimizer.share(half) == nil)
            try optimizer.loadStateDict(state)
            for (key, tensor) in optimizer.stateDict().tensors { #expect(tensor.shape == state.tensors[key]!.shape, "\(key)") }
            run(optimizer, own, steps: 2)
            for (a, b) in zip(own, alone) {
                expectEqual(a.detach().reshape(-1)[half.range(of: a)], b.detach().reshape(-1)[half.range(of: b)])
            }
            for (key, tensor) in optimizer.stateDict().tensors where ["mu_product", "eta", "mu"].contains(where: key.hasSuffix) {
                expectEqual(tensor, after.tensors[key]!)
            }
        }
    }

    /// Stretches come in threes, of finite numbers.
    @Test func stretchesThatAreNone() throws {
        let optimizer = SGD([Tensor.ones([2], requiresGrad: true)], lr: 0.5), schedule = StepLR(optimizer, stepSize: 2)
        schedule.stretch(at: 0, places: 4, until: 8)
        let state = schedule.stateDict()
        for numbers in [[0], [0, 1], [0, 0, 1, 2], [0, 0, .nan], [0, -.infinity, 1], [0, 0, .infinity]] as [[Double]] {
            var wrong = state
            wrong["stretches"] = .list(numbers)
            #expect(throws: OptimizerStateError.self, "\(numbers)") { try schedule.loadStateDict(wrong) }
            #expect(schedule.stateDict() == state)
        }
        schedule.step()
    }
}
