import ApusCore
import ApusFormats
import ApusOptim
import TestSupport
import Testing

@Suite struct OptimizerTests {
    static let runs: [JSON] = Recorded.load("optimizers")

    /// For each setting, the parameters after each of 50 steps equal PyTorch's.
    @Test(arguments: runs.indices) func recordedSteps(_ i: Int) {
        let run = Self.runs[i]
        let (parameters, evaluate) = Recorded.problem(run.value("problem"))
        let name: String = run.value("optimizer")
        let optimizer = Recorded.optimizer(name, [ParameterGroup(parameters)], run.value("options"))
        for (step, expected) in run.value("steps", as: [[Double]].self).enumerated() {
            // Muon rounds to bfloat16 within; some settings of LBFGS multiply rounding errors as they search, by how much was recorded.
            let noise = run["noise"]?.array![step].double! ?? 0
            let tolerance = name == "Muon" ? 2e-3 : noise <= quiet ? 1e-9 : 1e-8 + 1000 * noise
            optimizer.step(evaluate)
            let found = parameters.flatMap { values($0) }
            for (a, b) in zip(found, expected) {
                guard abs(a - b) <= tolerance + tolerance * abs(b) else {
                    let setting = "\(name) \(run.value("options", as: JSON.self).text), \(run.value("problem", as: String.self))"
                    Issue.record("\(setting), step \(step): \(a), PyTorch has \(b)")
                    return
                }
            }
        }
    }

    /// The tolerance for settings that do not amplify rounding errors, recorded with eleven digits.
    private let quiet = 1.5e-10

    /// Enough settings of LBFGS are compared as tightly as those of other optimizers.
    @Test func searchesThatAreNotChaotic() {
        for problem in ["quadratic", "network"] {
            let calm = Self.runs.filter {
                $0["optimizer"] == "LBFGS" && $0["problem"] == .string(problem) && $0.value("noise", as: [Double].self).last! <= quiet
            }
            #expect(calm.count >= 5, "\(problem)")
        }
    }

    private static let makers: [(String, @Sendable ([ParameterGroup]) -> Optimizer)] = [
        ("SGD", { SGD($0, lr: 0.05, momentum: 0.9) }), ("Adam", { Adam($0, lr: 0.05, amsgrad: true) }), ("AdamW", { AdamW($0, lr: 0.05) }),
        ("RMSprop", { RMSprop($0, lr: 0.05, momentum: 0.5, centered: true) }), ("Adadelta", { Adadelta($0) }),
        ("Adafactor", { Adafactor($0) }),
        ("Adagrad", { Adagrad($0, lr: 0.05, initialAccumulatorValue: 0.1) }), ("Adamax", { Adamax($0, lr: 0.05) }),
        ("ASGD", { ASGD($0, lr: 0.05, t0: 3) }),
        ("NAdam", { NAdam($0, lr: 0.05) }), ("RAdam", { RAdam($0, lr: 0.05) }), ("Rprop", { Rprop($0) }),
        ("Lion", { Lion($0, lr: 0.05, weightDecay: 0.1) }),
    ]

    private func run(_ optimizer: Optimizer, _ evaluate: () -> Tensor, steps: Int) {
        for _ in 0..<steps { optimizer.step(evaluate) }
    }

    /// A group that is added later is updated from then on, with its own settings.
    @Test func aGroupAddedLater() throws {
        let (a, b) = (Parameter(Tensor.ones([2])), Parameter(Tensor.ones([2])))
        let optimizer = SGD([a], lr: 0.5)
        func step() {
            optimizer.zeroGrad()
            (a.sum() + 2 * b.sum()).backward()
            optimizer.step()
        }
        step()
        #expect(a.array(Float.self) == [0.5, 0.5] && b.array(Float.self) == [1, 1])
        b.grad = nil
        optimizer.addParamGroup(ParameterGroup([b], lr: 0.25))
        step()
        #expect(a.array(Float.self) == [0, 0] && b.array(Float.self) == [0.5, 0.5])
        #expect(optimizer.paramGroups.map(\.lr) == [0.5, 0.25])
        let error = #expect(throws: OpError.self) { try checked { optimizer.addParamGroup(ParameterGroup([a])) } }
        #expect("\(error!)".contains("given twice"))
        #expect(optimizer.paramGroups.count == 2)
    }

    /// The state of LBFGS covers all parameters together.
    @Test func lbfgsStateSurvives() throws {
        let (first, evaluateFirst) = Recorded.problem("network"), (second, evaluateSecond) = Recorded.problem("network")
        let one = LBFGS(first, maxIter: 4, lineSearchFn: .strongWolfe), other = LBFGS(second, maxIter: 4, lineSearchFn: .strongWolfe)
        run(one, evaluateFirst, steps: 3)
        try other.loadStateDict(one.stateDict())
        noGrad { for (a, b) in zip(second, first) { a.copy_(b) } }
        run(one, evaluateFirst, steps: 3)
        run(other, evaluateSecond, steps: 3)
        for (a, b) in zip(second, first) { expectEqual(a, b) }
        var state = one.stateDict()
        state.tensors["state.0.old_dirs"] = Tensor.zeros([2, 3], dtype: .float64)
        #expect(throws: OptimizerStateError.self) { try other.loadStateDict(state) }
    }

    /// Optimizers that take sparse gradients change only the rows in them; the others report an error.
    @Test func sparseGradients() {
        let (parameters, evaluate) = Recorded.problem("rows")
        let before = values(parameters[0])
        let optimizer = SparseAdam(parameters, lr: 0.1)
        optimizer.step(evaluate)
        let after = values(parameters[0])
        #expect((0..<12).filter { before[$0] != after[$0] } == [2, 3, 4, 5])
        _ = evaluate()
        _ = parameters[0].grad! * 2
        #expect(message { optimizer.step() }.contains("dense gradient"))
    }

    /// An optimizer that loads a state continues with the same bits.
    @Test(arguments: makers.indices) func stateSurvives(_ i: Int) throws {
        let make = Self.makers[i].1
        let (first, firstLoss) = Recorded.problem("network")
        let one = make([ParameterGroup(Array(first[..<2]), lr: 0.02), ParameterGroup(Array(first[2...]))])
        run(one, firstLoss, steps: 5)
        let state = one.stateDict()

        let (second, secondLoss) = Recorded.problem("network")
        let other = make([ParameterGroup(Array(second[..<2])), ParameterGroup(Array(second[2...]))])
        run(other, secondLoss, steps: 3)
        noGrad { for (a, b) in zip(second, first) { a.copy_(b) } }
        try other.loadStateDict(state)
        #expect(other.paramGroups[0].lr == 0.02)
        run(one, firstLoss, steps: 5)
        run(other, secondLoss, steps: 5)
        for (a, b) in zip(second, first) { expectEqual(a, b) }
    }

    /// The same for optimizers that do not accept every tensor.
    @Test(arguments: ["Muon", "SparseAdam"]) func stateOfTheSpecialSurvives(_ name: String) throws {
        let problem = name == "Muon" ? "matrices" : "embedded"
        let (first, firstLoss) = Recorded.problem(problem), (second, secondLoss) = Recorded.problem(problem)
        func make(_ parameters: [Tensor]) -> Optimizer { name == "Muon" ? Muon(parameters, lr: 0.02) : SparseAdam(parameters, lr: 0.05) }
        let one = make(first), other = make(second)
        run(one, firstLoss, steps: 5)
        let state = one.stateDict()
        #expect(!state.tensors.isEmpty)
        // The same number of calls, since the problem counts them.
        run(other, secondLoss, steps: 5)
        noGrad { for p in second { p.mul_(1.5) } }
        try other.loadStateDict(state)
        noGrad { for (a, b) in zip(second, first) { a.copy_(b) } }
        run(one, firstLoss, steps: 5)
        run(other, secondLoss, steps: 5)
        for (a, b) in zip(second, first) { expectEqual(a, b) }
        var wrong = state
        for key in wrong.tensors.keys { wrong.tensors[key] = Tensor.zeros([7], dtype: .float64) }
        #expect(throws: OptimizerStateError.self) { try other.loadStateDict(wrong) }
    }

    /// A saved state does not change with later steps.
    @Test func stateIsACopy() {
        let (parameters, evaluate) = Recorded.problem("quadratic")
        let optimizer = SGD(parameters, lr: 0.01, momentum: 0.9)
        run(optimizer, evaluate, steps: 1)
        let before = values(optimizer.stateDict().tensors["state.0.momentum_buffer"]!)
        let state = optimizer.stateDict()
        run(optimizer, evaluate, steps: 3)
        #expect(values(state.tensors["state.0.momentum_buffer"]!) == before)
    }

    /// A state that does not fit is refused with all differences, and nothing changes.
    @Test func wrongStateIsRefused() throws {
        let (parameters, evaluate) = Recorded.problem("network")
        let adam = Adam(parameters, lr: 0.1)
        run(adam, evaluate, steps: 2)
        var state = adam.stateDict()
        state.tensors["state.0.exp_avg"] = Tensor.zeros([7], dtype: .float64)
        state.tensors["state.9.exp_avg"] = Tensor.zeros([7], dtype: .float64)
        state.tensors["state.1.exp_avg_sq"] = nil
        state.values["param_groups.0.lr"] = .string("fast")
        state.values["state.2.step"] = nil
        state.values["param_groups.0.speed"] = 1
        let error = #expect(throws: OptimizerStateError.self) { try adam.loadStateDict(state) }
        for part in [
            "state.0.exp_avg has shape [7], its parameter [4, 3]", "tensor state.9.exp_avg", "state.1.exp_avg_sq is missing",
            "param_groups.0.lr is 'fast'", "state.2.step is missing", "value param_groups.0.speed",
        ] {
            #expect(error?.description.contains(part) == true, "\(part) in \(String(describing: error))")
        }
        #expect(adam.paramGroups[0].lr == 0.1)
        #expect(throws: OptimizerStateError.self) { try SGD(parameters).loadStateDict(adam.stateDict()) }
        #expect(throws: OptimizerStateError.self) { try Adam(Array(parameters[..<2])).loadStateDict(adam.stateDict()) }
        var negative = adam.stateDict()
        negative.values["param_groups.0.lr"] = -1.0
        #expect(throws: OptimizerStateError.self) { try adam.loadStateDict(negative) }
    }

    @Test func programmingErrorsAreNamed() {
        let a = Tensor.zeros([10], requiresGrad: true), b = Tensor.zeros([2, 3], requiresGrad: true)
        #expect(
            message { _ = SGD([a, b, a]) }.contains(
                "parameter 2 of group 0 (float32 [10]) is given twice: it is also parameter 0 of group 0"))
        #expect(
            message { _ = SGD([ParameterGroup([a]), ParameterGroup([b, a])]) }.contains(
                "parameter 1 of group 1 (float32 [10]) is given twice"))
        #expect(message { _ = Adam([Tensor]()) }.contains("empty list"))
        #expect(message { _ = SGD([a * 2]) }.contains("not a leaf"))
        #expect(message { _ = SGD([a], lr: -0.1) }.contains("invalid learning rate: -0.1"))
        #expect(message { _ = SGD([a], lr: .nan) }.contains("invalid learning rate"))
        #expect(message { _ = SGD([a], momentum: -1) }.contains("invalid momentum"))
        #expect(message { _ = SGD([a], nesterov: true) }.contains("Nesterov momentum requires a momentum and zero dampening"))
        #expect(message { _ = Adam([a], betas: (0.9, 1)) }.contains("invalid beta parameter at index 1: 1.0"))
        #expect(message { _ = Adam([a], eps: -1) }.contains("invalid eps"))
        #expect(message { _ = RMSprop([a], alpha: -0.5) }.contains("invalid alpha"))
        #expect(message { _ = Adadelta([a], rho: 1.5) }.contains("invalid rho: 1.5"))
        #expect(message { _ = Adafactor([a], d: 0.5) }.contains("invalid clipping threshold d: 0.5"))
        #expect(message { _ = Adafactor([a], beta2Decay: 0.5) }.contains("invalid beta2Decay: 0.5"))
        #expect(message { _ = Adagrad([a], lrDecay: -1) }.contains("invalid lrDecay"))
        #expect(message { _ = Adamax([a], betas: (1, 0.9)) }.contains("beta parameter at index 0"))
        #expect(message { _ = NAdam([a], momentumDecay: -1) }.contains("invalid momentumDecay"))
        #expect(message { _ = RAdam([a], weightDecay: -1) }.contains("invalid weightDecay"))
        #expect(message { _ = Rprop([a], etas: (1.2, 0.5)) }.contains("invalid etas"))
        #expect(message { _ = SparseAdam([a], lr: 0) }.contains("invalid learning rate: 0.0; it must be positive"))
        #expect(message { _ = Muon([a]) }.contains("parameter 0 has shape [10], but only matrices"))
        #expect(message { _ = LBFGS([ParameterGroup([a]), ParameterGroup([b])]) }.contains("got 2 groups"))
        #expect(message { LBFGS([a]).addParamGroup(ParameterGroup([b])) }.contains("got 2 groups"))
        #expect(message { LBFGS([a]).step() }.contains("needs a closure"))
        #expect(message { _ = Adadelta([ParameterGroup([a], options: ["rho": 0.5, "speed": 1])]) }.contains("has no setting 'speed'"))
        #expect(message { _ = Adam([ParameterGroup([a], momentum: 0.9)]) }.contains("has no setting 'momentum'"))
        #expect(message { Adam([a]).paramGroups[0].momentum = 0.9 }.contains("no setting 'momentum'"))
    }

    /// Outside `checked` the same error ends the program.
    @Test func twiceGivenTraps() async {
        await #expect(processExitsWith: .failure) {
            let a = Tensor.zeros([10], requiresGrad: true)
            _ = SGD([a, a])
        }
    }

    @Test func parametersWithoutGradientStay() {
        let a = Tensor.ones([2], requiresGrad: true), b = Tensor.ones([2], requiresGrad: true)
        let optimizer = Adam([a, b], lr: 0.5)
        (a * 2).sum().backward()
        optimizer.step()
        #expect(values(b) == [1, 1])
        #expect(values(a) != [1, 1])
    }

    /// Parameters of several dtypes and layouts in one group are updated as each would be alone.
    @Test func mixedGroups() {
        func make() -> [Tensor] {
            let wide = Recorded.numbers([3, 2], 1).requiresGrad_(), narrow = Recorded.numbers([5], 4).to(.float32).requiresGrad_()
            let turned = Recorded.numbers([2, 3], 9).t().detach().requiresGrad_()
            wide.grad = Recorded.numbers([2, 3], 2).t()
            narrow.grad = Recorded.numbers([5], 6).to(.float32)
            turned.grad = Recorded.numbers([3, 2], 5)
            return [wide, narrow, turned]
        }
        let together = make(), alone = make()
        let optimizer = RMSprop(together, momentum: 0.9)
        let optimizers = alone.map { RMSprop([$0.isContiguous ? $0 : $0], momentum: 0.9) }
        for _ in 0..<3 {
            optimizer.step()
            for each in optimizers { each.step() }
        }
        for (a, b) in zip(together, alone) { expectEqual(a, b) }
        // The transposed parameter against its contiguous copy.
        let dense = Recorded.numbers([2, 3], 9).t().contiguous().detach().requiresGrad_()
        dense.grad = Recorded.numbers([3, 2], 5)
        let third = RMSprop([dense], momentum: 0.9)
        for _ in 0..<3 { third.step() }
        expectEqual(together[2].contiguous(), dense)
    }

    /// A step counts as an in-place change, which the check of saved tensors notices.
    @Test func stepsCountAsChanges() {
        let a = Tensor.ones([2], requiresGrad: true)
        let optimizer = SGD([a], lr: 0.1)
        let loss = (a * a).sum()
        (a * 3).sum().backward()
        optimizer.step()
        let text = message { loss.backward() }
        #expect(text.contains("SGD.step"), "\(text)")
    }

    @Test func zeroGrad() {
        let a = Tensor.ones([2], requiresGrad: true)
        let optimizer = SGD([a])
        (a * 3).sum().backward()
        let grad = a.grad!
        optimizer.zeroGrad(setToNil: false)
        #expect(values(a.grad!) == [0, 0])
        #expect(values(grad) == [0, 0])
        optimizer.zeroGrad()
        #expect(a.grad == nil)
    }

    @Test func closureForm() {
        let a = Tensor.ones([2], requiresGrad: true)
        let optimizer = SGD([a], lr: 0.5)
        let loss = optimizer.step {
            optimizer.zeroGrad()
            let loss = (a * a).sum()
            loss.backward()
            return loss
        }
        #expect(loss.item() == 2)
        #expect(values(a) == [0, 0])
    }

    @Test func printed() {
        let a = Tensor.ones([2], requiresGrad: true)
        #expect(
            "\(SGD([a], lr: 0.5, momentum: 0.9))" == """
                SGD (
                Parameter Group 0
                    dampening: 0.0
                    lr: 0.5
                    maximize: False
                    momentum: 0.9
                    nesterov: False
                    weight_decay: 0.0
                )
                """)
    }
}
