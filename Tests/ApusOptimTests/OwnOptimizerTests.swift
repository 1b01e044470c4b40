import ApusCore
import ApusData
import ApusNN
import ApusOptim
import ApusTraining
import Synchronization
import TestSupport
import Testing

// Lion (Chen et al., 2023) as a user would write it.

private struct OwnLionSettings: OptimizerSettings {
    var lr = 1e-4, betas = (0.9, 0.99), weightDecay = 0.0, maximize = false
    static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("betas", \.betas), .init("weight_decay", \.weightDecay), .init("maximize", \.maximize),
    ]
    static let state: [StateTensor<Self>] = ["exp_avg"]
    static var isElementwise: Bool { true }
    var decoupledDecay: Double { weightDecay }
    func problem() -> String? { weightDecay < 0 ? "weightDecay is \(weightDecay), below 0" : nil }
}

private final class OwnLion: TypedOptimizer<OwnLionSettings> {
    override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        let (s, m) = (step.settings, step[0])
        p.sub_((m * s.betas.0 + gradient * (1 - s.betas.0)).sign() * s.lr)
        m.mul_(s.betas.1).add_(gradient * (1 - s.betas.1))
    }
}

// A rule of its own for sparse rows, and an optimizer that takes everything it can from the base.

private final class RowSigns: TypedOptimizer<HeavyBallSettings> {
    override func updateRows(_ p: Tensor, _ rows: Tensor, _ values: Tensor, _ step: Step) {
        p.indexAdd_(dim: 0, rows, values.sign() * -step.settings.lr)
    }
}

private struct HeavyBallSettings: OptimizerSettings {
    var lr = 0.1, momentum = 0.9, weightDecay = 0.0, maximize = false
    static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("momentum", \.momentum), .init("weight_decay", \.weightDecay), .init("maximize", \.maximize),
    ]
    static let state: [StateTensor<Self>] = [.init("momentum_buffer", when: { $0.momentum != 0 })]
    var addedDecay: Double { weightDecay }
}

private final class HeavyBall: TypedOptimizer<HeavyBallSettings> {
    override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        if step.settings.momentum == 0 {
            p.sub_(gradient * step.settings.lr)
        } else {
            p.sub_(step[0].mul_(step.settings.momentum).add_(gradient) * step.settings.lr)
        }
    }
}

/// What it calls momentum is no number.
private struct OddMomentumSettings: OptimizerSettings {
    var lr = 0.1, momentum = "heavy"
    static let settings: [Setting<Self>] = [.init("lr", \.lr), .init("momentum", \.momentum)]
}

private final class OddMomentum: TypedOptimizer<OddMomentumSettings> {}

private enum Pace: String, CaseIterable, SettingValue { case slow, fast }

/// A setting of every kind that there is.
private struct EverySettings: OptimizerSettings {
    var lr = 0.1, count = 3, flag = false, name = "a", list = [1.0, 2, 3, 4], pair = (0.5, 0.25), triple = (1.0, 2.0, 3.0)
    var pace = Pace.slow, other: Pace?
    static let settings: [Setting<Self>] = [
        .init("lr", \.lr), .init("count", \.count), .init("flag", \.flag), .init("name", \.name), .init("list", \.list),
        .init("pair", \.pair), .init("triple", \.triple), .init("pace", \.pace), .init("other", \.other),
    ]
}

private final class Every: TypedOptimizer<EverySettings> {}

/// Counts how often its list of names is asked for.
private struct CountedSettings: OptimizerSettings {
    var lr = 0.1, betas = (0.5, 0.5)
    @TaskLocal static var counter = Counter()
    final class Counter: Sendable {
        let asked = Mutex(0)
    }
    static var settings: [Setting<Self>] {
        counter.asked.withLock { $0 += 1 }
        return [.init("lr", \.lr), .init("betas", \.betas)]
    }
    static let state: [StateTensor<Self>] = ["exp_avg"]
}

private final class Counted: TypedOptimizer<CountedSettings> {
    override func update(_ p: Tensor, _ gradient: Tensor, _ step: Step) {
        p.sub_(step[0].add_(gradient) * (step.settings.lr * step.settings.betas.0))
    }
}

/// What a user-defined optimizer gets from its settings and one method.
@Suite struct OwnOptimizerTests {
    private func run(_ optimizer: Optimizer, _ evaluate: () -> Tensor, steps: Int) {
        for _ in 0..<steps { optimizer.step(evaluate) }
    }

    /// Each group uses its own settings: in one optimizer they are updated as in separate ones.
    @Test func groups() {
        let (together, evaluate) = Recorded.problem("quadratic"), (alone, evaluateAlone) = Recorded.problem("quadratic")
        let both = OwnLion(
            [ParameterGroup([together[0]], lr: 0.02, betas: (0.8, 0.9)), ParameterGroup([together[1]], options: ["weight_decay": 0.5])],
            OwnLionSettings(lr: 0.01))
        let first = OwnLion([alone[0]], OwnLionSettings(lr: 0.02, betas: (0.8, 0.9)))
        let second = OwnLion([alone[1]], OwnLionSettings(lr: 0.01, weightDecay: 0.5))
        for _ in 0..<10 {
            both.step(evaluate)
            _ = evaluateAlone()
            first.step()
            second.step()
        }
        for (a, b) in zip(together, alone) { expectEqual(a, b) }
        #expect(both.paramGroups[0].betas == (0.8, 0.9) && both.paramGroups[1].weightDecay == 0.5)
        #expect(both.settings(of: both.paramGroups[1]).betas == (0.9, 0.99))
        #expect("\(both)".contains("    betas: (0.8, 0.9)\n    lr: 0.02\n"))
    }

    /// State and settings are restored bit for bit.
    @Test func stateSurvives() throws {
        let (first, evaluateFirst) = Recorded.problem("network"), (second, evaluateSecond) = Recorded.problem("network")
        let one = OwnLion(first, OwnLionSettings(lr: 0.01, betas: (0.7, 0.95), weightDecay: 0.1))
        let other = OwnLion(second, OwnLionSettings())
        run(one, evaluateFirst, steps: 5)
        let state = one.stateDict()
        #expect(
            state.values["state.3.step"] == 5 && state.values["param_groups.0.betas"] == .list([0.7, 0.95]) && state.tensors.count == 4)
        try other.loadStateDict(state)
        noGrad { for (a, b) in zip(second, first) { a.copy_(b) } }
        run(one, evaluateFirst, steps: 5)
        run(other, evaluateSecond, steps: 5)
        for (a, b) in zip(second, first) { expectEqual(a, b) }
        var wrong = state
        wrong.tensors["state.1.exp_avg"] = Tensor.zeros([7], dtype: .float64)
        wrong.tensors["state.0.exp_average"] = Tensor.zeros([4, 3], dtype: .float64)
        wrong.values["param_groups.0.weight_decay"] = -1.0
        let error = #expect(throws: OptimizerStateError.self) { try other.loadStateDict(wrong) }
        for part in [
            "OwnLion: ", "state.1.exp_avg has shape [7], its parameter [4]", "tensor state.0.exp_average is not one",
            "weightDecay is -1.0, below 0",
        ] {
            #expect(error?.description.contains(part) == true, "\(part) in \(String(describing: error))")
        }
    }

    /// An unknown name or a value of the wrong kind is reported with the valid ones, wherever names are given, for each optimizer.
    @Test func misspeltSettings() {
        let a = Tensor.zeros([2, 2], requiresGrad: true)
        let makers: [([ParameterGroup]) -> Optimizer] = [
            { OwnLion($0, OwnLionSettings()) }, { SGD($0) }, { Adam($0) }, { AdamW($0) }, { RMSprop($0) }, { Adagrad($0) },
            { Adadelta($0) },
            { Adafactor($0) }, { Adamax($0) }, { NAdam($0) }, { RAdam($0) }, { SparseAdam($0) }, { Rprop($0) }, { ASGD($0) }, { Muon($0) },
            { LBFGS($0) }, { Lion($0) },
        ]
        for make in makers {
            let optimizer = make([ParameterGroup([a])])
            let group = optimizer.paramGroups[0]
            let keys = optimizer.stateDict().values.keys.filter { $0.hasPrefix("param_groups.0.") }
            let names = keys.map { String($0.dropFirst("param_groups.0.".count)) }.filter { $0 != "params" }
            #expect(names.contains("lr"))
            for name in names {
                let value = group[option: name]!
                // A value of the same kind is accepted, one of another kind refused, and so is the name without its last letter.
                #expect(message { _ = make([ParameterGroup([a], options: [name: value])]) } == "", "\(name)")
                for wrong in [OptionValue.string("?"), .bool(true), .list([1, 2, 3, 4])]
                where kind(wrong) != kind(value) || kind(wrong) == "list" {
                    for text in [
                        message { _ = make([ParameterGroup([a], options: [name: wrong])]) }, message { group[option: name] = wrong },
                    ] {
                        let wanted = "has a setting '\(name)' of another kind: it is \(value.text), not \(wrong.text)"
                        #expect(text.contains(wanted), "\(type(of: optimizer)): \(text)")
                    }
                }
                let misspelt = String(name.dropLast())
                for text in [
                    message { _ = make([ParameterGroup([a], options: [misspelt: value])]) }, message { group[option: misspelt] = value },
                ] {
                    #expect(
                        text.contains("has no setting '\(misspelt)'; it has ") && names.allSatisfy { text.contains($0) },
                        "\(type(of: optimizer)): \(text)")
                }
                #expect(group[option: name]?.text == value.text && group[option: misspelt] == nil)
            }
        }
        #expect(
            message { _ = Muon([ParameterGroup([a], options: ["adjust_lr_fn": .string("fast")])]) }.contains(
                "there are original, match_rms_adamw"))
        #expect(
            message { _ = LBFGS([ParameterGroup([a], options: ["line_search_fn": .string("fast")])]) }.contains(
                "there are strong_wolfe, None"))
    }

    private func kind(_ value: OptionValue) -> String {
        switch value {
        case .bool: "bool"
        case .int, .double: "number"
        case .string: "string"
        case .list, .ints: "list"
        }
    }

    /// Every kind of setting is given by name, kept in the state and read back, from its text too; `None` is an optional one's nil.
    @Test func settingsOfEveryKind() throws {
        func make(_ options: KeyValuePairs<String, OptionValue>) -> Every {
            Every([ParameterGroup([Tensor.zeros([2], requiresGrad: true)], options: options)], EverySettings())
        }
        let given: KeyValuePairs<String, OptionValue> = [
            "lr": 2, "count": 7, "flag": true, "name": .string("b"), "list": .list([]), "pair": .list([0.1, 1e-300]),
            "triple": .list([3, 2, 1]), "pace": .string("fast"), "other": .string("slow"),
        ]
        let optimizer = make(given), other = make([:])
        let values = optimizer.stateDict().values
        let wanted = [
            "lr": "2.0", "count": "7", "flag": "true", "name": "b", "list": "[]", "pair": "[0.1, 1e-300]", "triple": "[3.0, 2.0, 1.0]",
            "pace": "fast", "other": "slow",
        ]
        for (name, text) in wanted {
            #expect(values["param_groups.0.\(name)"] == optimizer.paramGroups[0][option: name], "\(name)")
            #expect(values["param_groups.0.\(name)"]?.text == text, "\(name)")
        }
        #expect(
            values["param_groups.0.lr"] == 2.0 && values["param_groups.0.lr"]?.number == 2 && values["param_groups.0.params"] == .ints([0]))
        try other.loadStateDict(.init(tensors: optimizer.stateDict().tensors, values: values.mapValues { .string($0.text) }))
        #expect(other.stateDict().values == values)
        try make([:]).loadStateDict(optimizer.stateDict())
        let settings = other.settings(of: other.paramGroups[0])
        #expect(settings.lr == 2 && settings.count == 7 && settings.flag && settings.name == "b" && settings.list.isEmpty)
        #expect(settings.pair == (0.1, 1e-300) && settings.triple == (3, 2, 1) && settings.pace == .fast && settings.other == .slow)
        let group = other.paramGroups[0]
        for name in wanted.keys { #expect(group[option: name] == optimizer.paramGroups[0][option: name], "\(name)") }
        group[option: "other"] = .string("None")
        #expect(other.settings(of: group).other == nil && other.stateDict().values["param_groups.0.other"] == .string("None"))
        for (name, wrong) in [("count", OptionValue.double(7)), ("list", 1), ("pair", .list([1])), ("triple", .list([1, 2])), ("flag", 1)] {
            #expect(message { group[option: name] = wrong }.contains("has a setting '\(name)' of another kind"), "\(name)")
        }
    }

    /// Schedules change the optimizer's own rate settings, and betas if the schedule moves them.
    @Test func schedules() {
        let x = Tensor.zeros([1], requiresGrad: true)
        let optimizer = OwnLion([x], OwnLionSettings(lr: 1))
        let schedule = OneCycleLR(optimizer, maxLR: 0.5, totalSteps: 10)
        var places = [0.0]
        for _ in 0..<9 {
            x.grad = Tensor([1.0])
            optimizer.step()
            places.append(places.last! - optimizer.paramGroups[0].lr)
            #expect(optimizer.settings(of: optimizer.paramGroups[0]).lr == schedule.lastLR[0])
            schedule.step()
        }
        expectClose(x.detach(), [places.last!])
        #expect(optimizer.paramGroups[0][option: "initial_lr"] == .double(0.02))
        #expect(optimizer.paramGroups[0].betas.0 == 0.95 && optimizer.paramGroups[0].betas.1 == 0.99)
        #expect(optimizer.stateDict().values["param_groups.0.initial_lr"] == 0.02)
    }

    /// 16-bit types: a step equals the float32 step, rounded once, and the state is float32.
    @Test(arguments: [DType.float16, .bfloat16]) func halfTypes(_ dtype: DType) {
        let half = Tensor([1.0, -0.5, 0.25], dtype: dtype).requiresGrad_()
        let optimizer = OwnLion([half], OwnLionSettings(lr: 0.003, weightDecay: 0.1))
        let single = half.detach().to(.float32).requiresGrad_()
        let twin = OwnLion([single], OwnLionSettings(lr: 0.003, weightDecay: 0.1))
        for numbers in [[1e-5, -2, 300], [-1e-4, 1e-3, -250.0]] {
            half.grad = Tensor(numbers, dtype: dtype)
            single.grad = half.grad!.to(.float32)
            optimizer.step()
            twin.step()
            expectEqual(half.detach(), single.detach().to(dtype))
            noGrad { _ = single.copy_(half.to(.float32)) }
        }
        let (kept, wanted) = (optimizer.stateDict().tensors["state.0.exp_avg"]!, twin.stateDict().tensors["state.0.exp_avg"]!)
        #expect(kept.dtype == .float32)
        expectEqual(kept, wanted)
    }

    /// Scaled gradients, and a skipped step.
    @Test func gradScaler() {
        let (x, y) = (Tensor([1.0, 2], requiresGrad: true), Tensor([1.0, 2], requiresGrad: true))
        let scaled = OwnLion([x], OwnLionSettings(lr: 0.1)), plain = OwnLion([y], OwnLionSettings(lr: 0.1))
        let scaler = GradScaler()
        for step in 0..<4 {
            for p in [x, y] { p.grad = nil }
            scaler.scale((x * x).sum()).backward()
            (y * y).sum().backward()
            if step == 2 { x.grad = Tensor([1.0, .infinity]) } else { plain.step() }
            scaler.step(scaled)
            scaler.update()
        }
        expectEqual(x.detach(), y.detach())
        #expect(scaled.stateDict().values["state.0.step"] == 3)
    }

    /// A run that is stopped and resumed from its checkpoint gives the same bytes as an uninterrupted one.
    @Test func checkpoints() throws {
        final class Stopper: TrainingObserver {
            let flag: StopFlag
            init(_ flag: StopFlag) { self.flag = flag }
            func didTrain(_ progress: TrainingProgress) { if progress.step == 7 { flag.set() } }
        }
        func make(_ seed: UInt64, _ folder: String?) -> (trainer: SupervisedTrainer, data: DataLoader<(Tensor, Tensor)>) {
            let generator = Generator(seed: seed), numbers = Generator(seed: 1)
            let data = TensorDataset(Tensor.randn([40, 6], generator: numbers), Tensor.randint(3, [40], generator: numbers))
            let model = withGenerator(generator) { Sequential(Linear(6, 8), ReLU(), Dropout(0.2), Linear(8, 3)) }
            let optimizer = OwnLion(model.parameters(), OwnLionSettings(lr: 0.01, weightDecay: 0.1))
            let schedule = Schedule.everyStep(CosineAnnealingLR(optimizer, tMax: 15))
            let trainer = Trainer(model: model, optimizer: optimizer, schedule: schedule, generator: generator) { F.crossEntropy($0, $1) }
            if let folder { trainer.checkpoints = .init(folder: folder) }
            return (trainer, DataLoader(data, batchSize: 8, shuffle: true, generator: Generator(seed: seed + 1)))
        }
        let whole = make(3, nil)
        #expect(try whole.trainer.fit(whole.data, epochs: 3) == .finished)
        try withFolder { folder in
            let first = make(3, folder)
            let stopper = Stopper(first.trainer.stop)
            first.trainer.observers = [stopper]
            let outcome = try first.trainer.fit(first.data, epochs: 3)
            #expect(outcome == .stopped)
            let second = make(99, folder)
            #expect(try second.trainer.resume(train: second.data))
            #expect(second.trainer.step == 7)
            #expect(try second.trainer.fit(second.data, epochs: 3) == .finished)
            for (name, tensor) in whole.trainer.model.stateDict() { expectEqual(second.trainer.model.stateDict()[name]!, tensor, name) }
            let (kept, wanted) = (second.trainer.optimizers[0].stateDict(), whole.trainer.optimizers[0].stateDict())
            expectEqual(kept.tensors["state.0.exp_avg"]!, wanted.tensors["state.0.exp_avg"]!)
        }
    }

    /// The base takes the decoupled decay from the parameter before the rule, where there is one; sparse gradients are refused then.
    @Test func decoupledDecay() {
        for decay in [0, 0.1, 0.5] {
            let (first, evaluateFirst) = Recorded.problem("network"), (second, evaluateSecond) = Recorded.problem("network")
            run(OwnLion(first, OwnLionSettings(lr: 0.02, weightDecay: decay)), evaluateFirst, steps: 6)
            run(Lion(second, lr: 0.02, weightDecay: decay), evaluateSecond, steps: 6)
            for (a, b) in zip(first, second) { expectEqual(a, b) }
        }
        let still = Tensor([1.0, -2]).requiresGrad_(), table = Tensor.ones([4, 2], requiresGrad: true)
        still.grad = Tensor([0.0, 0])
        OwnLion([still], OwnLionSettings(lr: 0.5, weightDecay: 0.5)).step()
        #expect(values(still) == [0.75, -1.5])
        table.grad = Tensor.sparseRows(Tensor([2]), Tensor([[1.0, -3]]), shape: [4, 2])
        #expect(message { OwnLion([table], OwnLionSettings(weightDecay: 0.1)).step() }.contains("sparse gradient"))
    }

    /// An elementwise rule changes the rows of a sparse gradient, each once; another refuses it without changes, unless it says how.
    @Test func sparseGradients() {
        let table = Tensor.ones([4, 2], requiresGrad: true), other = Tensor.ones([2], requiresGrad: true)
        func gradients() {
            table.grad = Tensor.sparseRows(Tensor([2, 0, 2]), Tensor([[1.0, -3], [0, 5], [-2, 1]]), shape: [4, 2])
            other.grad = Tensor([1.0, -1])
        }
        gradients()
        let refusing = HeavyBall([other, table], HeavyBallSettings(lr: 0.5))
        let text = message { refusing.step() }
        #expect(
            text.contains(
                "HeavyBall.step: a parameter of shape [4, 2] has a sparse gradient, which HeavyBall with these settings does not take"),
            "\(text)")
        #expect(values(other) == [1, 1] && values(table) == Array(repeating: 1, count: 8) && refusing.stateDict().tensors.isEmpty)
        let lion = OwnLion([table], OwnLionSettings(lr: 0.5))
        lion.step()
        #expect(values(table) == [1, 0.5, 1, 1, 1.5, 1.5, 1, 1])
        expectClose(lion.stateDict().tensors["state.0.exp_avg"]!, [0, 0.05, 0, 0, -0.01, -0.02, 0, 0])
        gradients()
        RowSigns([table], HeavyBallSettings(lr: 0.5, maximize: true)).step()
        #expect(values(table) == [1, 1, 1, 1, 1, 1, 1, 1])
        // Weight decay would change all rows.
        gradients()
        #expect(message { RowSigns([table], HeavyBallSettings(weightDecay: 0.1)).step() }.contains("sparse gradient"))
    }

    /// A rule without code for decay, sign and state gets them from the base: it equals `SGD` in all settings, also if they change later.
    @Test func whatTheBaseDoes() throws {
        for (momentum, decay, maximize) in [(0.0, 0.0, false), (0.9, 0, false), (0.9, 0.1, false), (0, 0.1, true), (0.5, 0.01, true)] {
            let (own, evaluateOwn) = Recorded.problem("network"), (wanted, evaluateWanted) = Recorded.problem("network")
            let one = HeavyBall(own, HeavyBallSettings(lr: 0.02, momentum: momentum, weightDecay: decay, maximize: maximize))
            let other = SGD(wanted, lr: 0.02, momentum: momentum, weightDecay: decay, maximize: maximize)
            run(one, evaluateOwn, steps: 6)
            run(other, evaluateWanted, steps: 6)
            #expect(one.stateDict().tensors.keys == other.stateDict().tensors.keys)
            for optimizer in [one, other] as [Optimizer] { optimizer.paramGroups[0].momentum = momentum == 0 ? 0.8 : 0 }
            run(one, evaluateOwn, steps: 3)
            run(other, evaluateWanted, steps: 3)
            for (a, b) in zip(own, wanted) {
                expectClose(a.detach(), b.detach(), rtol: 1e-12, atol: 1e-12, "\(momentum), \(decay), \(maximize)")
            }
            // An existing buffer is saved and loaded, whether it is still needed or not.
            for optimizer in [one, other] as [Optimizer] { try optimizer.loadStateDict(optimizer.stateDict()) }
        }
    }

    /// Names are for what comes from outside: steps of the optimizer and of every schedule ask for none, nor do those after a group has joined.
    @Test func noStepLooksANameUp() {
        let counter = CountedSettings.Counter()
        var asked: Int { counter.asked.withLock { $0 } }
        CountedSettings.$counter.withValue(counter) {
            let x = Tensor.zeros([2], requiresGrad: true)
            let optimizer = Counted([ParameterGroup([x], betas: (0.25, 0.5))], CountedSettings())
            let schedule = ExponentialLR(optimizer, gamma: 0.5)
            let before = asked
            #expect(before > 0)
            for _ in 0..<3 {
                x.grad = Tensor([1.0, -1])
                optimizer.step()
                schedule.step()
            }
            #expect(asked == before)
            // 0.25·(0.1·1 + 0.05·2 + 0.025·3)
            expectClose(x.detach(), [-0.06875, 0.06875])
            _ = optimizer.stateDict()
            #expect(asked > before)

            func expectNone(_ name: String, _ make: (Optimizer) -> () -> Void) {
                let optimizer = Counted([Tensor.zeros([1], requiresGrad: true)], CountedSettings())
                let step = make(optimizer)
                for _ in 0..<2 {
                    let before = asked
                    for _ in 0..<3 { step() }
                    #expect(asked == before, "\(name)")
                    optimizer.addParamGroup(ParameterGroup([Tensor.zeros([1], requiresGrad: true)], lr: 0.05))
                }
            }
            for (name, make) in ScheduleLawTests.makers {
                expectNone(name) { optimizer in
                    let schedule = make(optimizer, [0.1])
                    return { schedule.step() }
                }
            }
            expectNone("ReduceLROnPlateau") { optimizer in
                let plateau = ReduceLROnPlateau(optimizer, patience: 0)
                return { plateau.step(1) }
            }
        }
    }

    /// A schedule moves β₁ where there are betas, else the momentum; where neither is there, or is not a number, making it says so.
    @Test func momentumsAreFoundWhenAScheduleIsMade() throws {
        let a = Tensor.zeros([2, 2], requiresGrad: true)
        let makers: [() -> Optimizer] = [
            { SGD([a]) }, { RMSprop([a]) }, { Adam([a]) }, { NAdam([a]) }, { Muon([a]) }, { OwnLion([a], OwnLionSettings()) },
            { HeavyBall([a], HeavyBallSettings()) }, { Adagrad([a]) }, { Adadelta([a]) }, { Rprop([a]) }, { ASGD([a]) }, { LBFGS([a]) },
            { OddMomentum([a], OddMomentumSettings()) },
        ]
        let schedules: [(begin: Double, make: (Optimizer, Bool) -> LRScheduler)] = [
            (0.95, { OneCycleLR($0, maxLR: 1, totalSteps: 9, cycleMomentum: $1) }),
            (0.9, { CyclicLR($0, baseLR: 0.1, maxLR: 1, stepSizeUp: 4, cycleMomentum: $1) }),
        ]
        for make in makers {
            for (begin, schedule) in schedules {
                let optimizer = make(), group = optimizer.paramGroups[0]
                let (hasBetas, hasMomentum) = (group[option: "betas"] != nil, group[option: "momentum"]?.number != nil)
                let second = hasBetas ? group.betas.1 : 0
                let text = message { _ = schedule(optimizer, true) }
                // A state that asks for it is taken where making it would be.
                let plain = schedule(make(), false)
                let state = plain.stateDict().merging(["cycle_momentum": true]) { $1 }
                if hasBetas || hasMomentum {
                    #expect(text == "" && (hasBetas ? group.betas == (begin, second) : group.momentum == begin), "\(text)")
                    try plain.loadStateDict(state)
                } else {
                    #expect(text.contains("\(type(of: optimizer)) has neither momentum nor betas to cycle"), "\(text)")
                    #expect(throws: OptimizerStateError.self) { try plain.loadStateDict(state) }
                }
            }
        }
    }

    /// A group belongs to one optimizer.
    @Test func aGroupOfTwoOptimizers() {
        let group = ParameterGroup([Tensor.zeros([2], requiresGrad: true)])
        let optimizer = OwnLion([group], OwnLionSettings())
        #expect(message { _ = SGD([group]) }.contains("belongs to an optimizer already"))
        #expect(optimizer.paramGroups[0].lr == 1e-4)
        // A refused group can still be added elsewhere.
        let refused = ParameterGroup([Tensor.zeros([2], requiresGrad: true)], momentum: 0.9)
        #expect(message { _ = Adam([refused]) }.contains("has no setting 'momentum'"))
        #expect(SGD([refused]).paramGroups[0].momentum == 0.9)
    }
}
