import ApusCore
import ApusFormats
import ApusOptim
import Glibc
import TestSupport
import Testing

@Suite struct ScheduleTests {
    static let runs: [JSON] = Recorded.load("schedules")

    static func makeOptimizer(_ name: String) -> Optimizer {
        let a = Tensor.zeros([1], requiresGrad: true), b = Tensor.zeros([1], requiresGrad: true)
        let groups = [ParameterGroup([a]), ParameterGroup([b], lr: 0.03)]
        return name == "SGD" ? SGD(groups, lr: 0.1, momentum: 0.9) : Adam(groups, lr: 0.1)
    }

    // The script's functions, one for each of the two groups.
    private static var lambdas: [[(Int) -> Double]] {
        [
            [{ pow(0.95, Double($0)) }, { 1 / (1 + Double($0)) }], [{ _ in 1 }, { min(1, Double($0 + 1) / 20) }],
            [{ pow(cos(Double($0) / 7), 2) }, { $0 < 30 ? 0.5 : 0 }],
        ]
    }
    private static var factors: [[(Int) -> Double]] {
        [
            [{ _ in 0.95 }, { 1 - 1 / (10 + Double($0)) }], [{ $0 % 5 == 0 ? 0.5 : 1 }, { _ in 1.03 }],
            [{ 1 + sin(Double($0)) / 10 }, { $0 == 40 ? 0 : 1 }],
        ]
    }
    private static var scales: [(Double) -> Double] { [{ 1 / (1 + $0) }, { pow(0.9, $0) }] }

    static func make(_ name: String, _ o: JSON, _ optimizer: Optimizer) -> LRScheduler {
        func number(_ key: String, _ fallback: Double) -> Double { o[key]?.double ?? fallback }
        /// One for each group, or one for both.
        func rates(_ key: String) -> [Double] { o[key]?.array == nil ? Array(repeating: o.value(key), count: 2) : o.value(key) }
        switch name {
        case "StepLR": return StepLR(optimizer, stepSize: o.value("step_size"), gamma: number("gamma", 0.1))
        case "MultiStepLR": return MultiStepLR(optimizer, milestones: o.value("milestones"), gamma: number("gamma", 0.1))
        case "ExponentialLR": return ExponentialLR(optimizer, gamma: number("gamma", 0))
        case "ConstantLR": return ConstantLR(optimizer, factor: number("factor", 1.0 / 3), totalIters: o["total_iters"]?.int ?? 5)
        case "LinearLR":
            return LinearLR(
                optimizer, startFactor: number("start_factor", 1.0 / 3), endFactor: number("end_factor", 1),
                totalIters: o["total_iters"]?.int ?? 5)
        case "CosineAnnealingLR": return CosineAnnealingLR(optimizer, tMax: o.value("T_max"), etaMin: number("eta_min", 0))
        case "LambdaLR": return LambdaLR(optimizer, lambdas[o.value("which")])
        case "OneCycleLR":
            return OneCycleLR(
                optimizer, maxLR: rates("max_lr"), totalSteps: o["total_steps"]?.int, epochs: o["epochs"]?.int,
                stepsPerEpoch: o["steps_per_epoch"]?.int,
                pctStart: number("pct_start", 0.3), annealStrategy: .init(rawValue: o["anneal_strategy"]?.string ?? "cos")!,
                cycleMomentum: o["cycle_momentum"]?.bool ?? true, baseMomentum: o["base_momentum"].map { [$0.double!, $0.double!] },
                maxMomentum: o["max_momentum"].map { [$0.double!, $0.double!] }, divFactor: number("div_factor", 25),
                finalDivFactor: number("final_div_factor", 1e4), threePhase: o["three_phase"]?.bool ?? false)
        case "MultiplicativeLR": return MultiplicativeLR(optimizer, factors[o.value("which")])
        case "PolynomialLR": return PolynomialLR(optimizer, totalIters: o["total_iters"]?.int ?? 5, power: number("power", 1))
        case "CosineAnnealingWarmRestarts":
            return CosineAnnealingWarmRestarts(optimizer, t0: o.value("T_0"), tMult: o["T_mult"]?.int ?? 1, etaMin: number("eta_min", 0))
        case "CyclicLR":
            return CyclicLR(
                optimizer, baseLR: rates("base_lr"), maxLR: rates("max_lr"), stepSizeUp: o.value("step_size_up"),
                stepSizeDown: o["step_size_down"]?.int,
                mode: .init(rawValue: o["mode"]?.string ?? "triangular")!, gamma: number("gamma", 1),
                scale: o["scale_fn"].map { o["scale_mode"] == "cycle" ? .cycle(scales[$0.int!]) : .iterations(scales[$0.int!]) },
                cycleMomentum: o["cycle_momentum"]?.bool ?? true,
                baseMomentum: o["base_momentum"].map { [$0.double!, $0.double!] },
                maxMomentum: o["max_momentum"].map { [$0.double!, $0.double!] })
        case "SWALR":
            return SWALR(
                optimizer, swaLR: rates("swa_lr"), annealEpochs: o["anneal_epochs"]?.int ?? 10,
                annealStrategy: .init(rawValue: o["anneal_strategy"]?.string ?? "cos")!)
        case "ChainedScheduler" where o["which"] == 1:
            return ChainedScheduler([
                StepLR(optimizer, stepSize: 9, gamma: 0.5), LinearLR(optimizer, startFactor: 0.2, totalIters: 15),
                MultiStepLR(optimizer, milestones: [30, 44]),
            ])
        case "ChainedScheduler" where o["which"] == 2:
            return ChainedScheduler([CosineAnnealingLR(optimizer, tMax: 25), ExponentialLR(optimizer, gamma: 0.98)])
        case "ChainedScheduler":
            return ChainedScheduler([ConstantLR(optimizer, factor: 0.1, totalIters: 12), ExponentialLR(optimizer, gamma: 0.95)])
        case "SequentialLR" where o["which"] == 0:
            return SequentialLR(
                optimizer, [ConstantLR(optimizer, factor: 0.1, totalIters: 10), ExponentialLR(optimizer, gamma: 0.9)], milestones: [10])
        case "SequentialLR":
            return SequentialLR(
                optimizer, [LinearLR(optimizer, totalIters: 8), CosineAnnealingLR(optimizer, tMax: 20), StepLR(optimizer, stepSize: 5)],
                milestones: [8, 30])
        default: fatalError("no schedule \(name)")
        }
    }

    private static func makePlateau(_ o: JSON, _ optimizer: Optimizer) -> ReduceLROnPlateau {
        func number(_ key: String, _ fallback: Double) -> Double { o[key]?.double ?? fallback }
        return ReduceLROnPlateau(
            optimizer, mode: .init(rawValue: o["mode"]?.string ?? "min")!, factor: number("factor", 0.1),
            patience: o["patience"]?.int ?? 10,
            threshold: number("threshold", 1e-4), thresholdMode: .init(rawValue: o["threshold_mode"]?.string ?? "rel")!,
            cooldown: o["cooldown"]?.int ?? 0,
            minLR: number("min_lr", 0))
    }
    /// The script's metric: it falls, stays, rises, and falls again.
    private static func metric(_ i: Int) -> Double { cos(Double(i) / 9) + 0.01 * sin(3 * Double(i)) }

    static let plateaus = runs.filter { $0["schedule"] == "ReduceLROnPlateau" }
    static let schedules = runs.filter { $0["schedule"] != "ReduceLROnPlateau" }

    /// The rates for 60 metrics equal PyTorch's, also after a state is loaded.
    @Test(arguments: plateaus.indices) func recordedPlateaus(_ i: Int) throws {
        let run = Self.plateaus[i]
        let optimizer = Self.makeOptimizer(run.value("optimizer"))
        var schedule = Self.makePlateau(run.value("options"), optimizer)
        for (step, expected) in run.value("steps", as: [[Double]].self).enumerated() {
            for (a, b) in zip(Self.rates(optimizer), expected) {
                #expect(abs(a - b) <= 1e-14 + 1e-12 * abs(b), "step \(step): \(a), PyTorch has \(b)")
            }
            if step == 23 {
                let state = schedule.stateDict()
                schedule = Self.makePlateau(run.value("options"), optimizer)
                try schedule.loadStateDict(state)
            }
            schedule.step(Self.metric(step))
        }
    }

    static func rates(_ optimizer: Optimizer) -> [Double] {
        optimizer.paramGroups.map(\.lr) + optimizer.paramGroups.map { $0[option: "betas"] == nil ? $0.momentum : $0.betas.0 }
    }

    /// The rates and momentums of 60 steps equal PyTorch's.
    @Test(arguments: schedules.indices) func recordedSteps(_ i: Int) {
        let run = Self.schedules[i]
        let optimizer = Self.makeOptimizer(run.value("optimizer"))
        let schedule = Self.make(run.value("schedule"), run.value("options"), optimizer)
        for (step, expected) in run.value("steps", as: [[Double]].self).enumerated() {
            for (a, b) in zip(Self.rates(optimizer), expected) {
                guard abs(a - b) <= 1e-14 + 1e-12 * abs(b) else {
                    Issue.record(
                        "\(run.value("schedule", as: String.self)) \(run.value("options", as: JSON.self).text) step \(step): \(a), PyTorch has \(b)"
                    )
                    return
                }
            }
            #expect(schedule.lastLR == optimizer.paramGroups.map(\.lr))
            optimizer.step()
            schedule.step()
        }
    }

    /// A schedule that loads a state continues with the same rates.
    @Test(arguments: schedules.indices) func stateSurvives(_ i: Int) throws {
        let run = Self.schedules[i]
        let one = Self.makeOptimizer(run.value("optimizer")), other = Self.makeOptimizer(run.value("optimizer"))
        let first = Self.make(run.value("schedule"), run.value("options"), one)
        for _ in 0..<17 { first.step() }
        let second = Self.make(run.value("schedule"), run.value("options"), other)
        try other.loadStateDict(one.stateDict())
        try second.loadStateDict(first.stateDict())
        for _ in 0..<20 {
            first.step()
            second.step()
            #expect(Self.rates(one) == Self.rates(other))
        }
    }

    @Test func wrongStateIsRefused() {
        let optimizer = Self.makeOptimizer("SGD")
        let schedule = StepLR(optimizer, stepSize: 3)
        var state = schedule.stateDict()
        state["step_size"] = 0
        #expect(throws: OptimizerStateError.self) { try schedule.loadStateDict(state) }
        state["step_size"] = nil
        state["gamma"] = .string("x")
        state["more"] = 1
        let error = #expect(throws: OptimizerStateError.self) { try schedule.loadStateDict(state) }
        for part in ["step_size is missing", "gamma is 'x'", "more is not one of its settings"] {
            #expect(error?.description.contains(part) == true)
        }
        #expect(throws: OptimizerStateError.self) { try schedule.loadStateDict(ExponentialLR(optimizer, gamma: 0.9).stateDict()) }
    }

    @Test func programmingErrorsAreNamed() {
        let optimizer = Self.makeOptimizer("SGD")
        #expect(message { _ = StepLR(optimizer, stepSize: 0) }.contains("stepSize must be positive"))
        #expect(message { _ = ConstantLR(optimizer, factor: 2) }.contains("factor must be between 0 and 1"))
        #expect(message { _ = LinearLR(optimizer, startFactor: 0) }.contains("startFactor"))
        #expect(message { _ = CosineAnnealingLR(optimizer, tMax: 0) }.contains("tMax must be positive"))
        #expect(message { _ = OneCycleLR(optimizer, maxLR: 1) }.contains("needs totalSteps"))
        #expect(message { _ = OneCycleLR(optimizer, maxLR: 1, totalSteps: 0) }.contains("must be positive"))
        #expect(message { _ = OneCycleLR(optimizer, maxLR: [1], totalSteps: 10) }.contains("maxLR has 1 values for 2 groups"))
        #expect(message { _ = PolynomialLR(optimizer, totalIters: 0) }.contains("totalIters must be positive"))
        #expect(message { _ = CosineAnnealingWarmRestarts(optimizer, t0: 0) }.contains("t0 must be positive"))
        #expect(message { _ = CosineAnnealingWarmRestarts(optimizer, t0: 5, tMult: 0) }.contains("tMult must be at least 1"))
        #expect(message { _ = CyclicLR(optimizer, baseLR: [0.1], maxLR: [1, 1]) }.contains("baseLR has 1 values for 2 groups"))
        #expect(
            message { _ = CyclicLR(Adagrad([Tensor.zeros([1], requiresGrad: true)]), baseLR: 0.1, maxLR: 1) }.contains(
                "neither momentum nor betas"))
        #expect(message { _ = SWALR(optimizer, swaLR: 0.1, annealEpochs: -1) }.contains("annealEpochs must not be negative"))
        #expect(message { _ = ReduceLROnPlateau(optimizer, factor: 1) }.contains("factor must be below 1"))
        #expect(message { _ = SequentialLR(optimizer, [], milestones: []) }.contains("no schedules"))
        #expect(
            message { _ = SequentialLR(optimizer, [StepLR(optimizer, stepSize: 3)], milestones: [2]) }.contains(
                "1 milestones for 1 schedules"))
        #expect(
            message { _ = ChainedScheduler([StepLR(optimizer, stepSize: 3), StepLR(Self.makeOptimizer("SGD"), stepSize: 3)]) }.contains(
                "another optimizer"))
        #expect(message { _ = LambdaLR(optimizer, [{ _ in 1 }]) }.contains("1 functions for 2 groups"))
        #expect(message { _ = StepLR(Self.makeOptimizer("SGD"), stepSize: 3, lastEpoch: 4) }.contains("initial_lr"))
        let schedule = OneCycleLR(optimizer, maxLR: 1, totalSteps: 3)
        #expect(message { for _ in 0..<4 { schedule.step() } }.contains("beyond the schedule's 3 steps"))
        let plain = SGD([Tensor.zeros([1], requiresGrad: true)])
        #expect(message { _ = OneCycleLR(plain, maxLR: 1, totalSteps: 3) } == "")
    }

    /// The factors of two schedules on one optimizer are multiplied.
    @Test func chained() {
        let optimizer = SGD([Tensor.zeros([1], requiresGrad: true)], lr: 1)
        let one = ExponentialLR(optimizer, gamma: 0.5), two = StepLR(optimizer, stepSize: 2, gamma: 0.1)
        for _ in 0..<4 {
            one.step()
            two.step()
        }
        #expect(abs(optimizer.paramGroups[0].lr - 0.0625 * 0.01) < 1e-15)
    }
}

/// Schedules whose end is changed while they run.
@Suite struct StretchedScheduleTests {
    private static let places = 12
    private static let schedules: [(String, @Sendable (Optimizer) -> LRScheduler)] = [
        ("onecycle", { OneCycleLR($0, maxLR: 1, totalSteps: places) }), ("cosine", { CosineAnnealingLR($0, tMax: places) }),
        ("step", { StepLR($0, stepSize: 4) }),
    ]

    private func rates(_ optimizer: Optimizer, _ schedule: LRScheduler, steps: Int) -> [Double] {
        (0..<steps).map { _ in
            defer { schedule.step() }
            return optimizer.paramGroups[0].lr
        }
    }

    private func make(_ schedule: (Optimizer) -> LRScheduler) -> (Optimizer, LRScheduler) {
        let optimizer = Adam([Parameter(Tensor([0.0]))], lr: 1)
        return (optimizer, schedule(optimizer))
    }

    /// From each step to each new end: the same rates before, then on from the present rate without a jump, to the same final rate.
    @Test func theRestTakesUntilTheNewEnd() {
        let (places, bound) = (Self.places, 1.0)
        for (name, schedule) in Self.schedules {
            let (first, plain) = make(schedule)
            let way = rates(first, plain, steps: places)
            for step in 0..<(places - 1) {
                for end in [step + 2, places, places + 1, 2 * places, 5 * places] {
                    let (optimizer, stretched) = make(schedule)
                    let begin = rates(optimizer, stretched, steps: step)
                    #expect(stretched.stretch(at: step, places: places, until: end) == false)
                    let rest = rates(optimizer, stretched, steps: end - step)
                    #expect(begin == Array(way[..<step]), "\(name) \(step) \(end)")
                    #expect(abs(rest[0] - way[step]) <= 1e-12 && abs(rest.last! - way.last!) <= 1e-9, "\(name) \(step) \(end): \(rest)")
                    #expect(rest.allSatisfy { $0 <= bound + 1e-12 && $0 >= 0 })
                    // At half the speed, every second rate is one of the old schedule's.
                    if end - 1 - step == 2 * (places - 1 - step) {
                        for i in step..<places { #expect(abs(rest[2 * (i - step)] - way[i]) <= 1e-9, "\(name) \(i)") }
                    }
                    // Nothing traps after the end.
                    #expect(stretched.lastEpoch == end)
                }
            }
        }
    }

    /// A schedule that has ended almost at 0 starts again; a rate that falls in steps stays.
    @Test func whatHasEndedBeginsAnew() {
        for (name, schedule) in Self.schedules {
            let (first, plain) = make(schedule)
            let way = rates(first, plain, steps: Self.places)
            let (optimizer, stretched) = make(schedule)
            _ = rates(optimizer, stretched, steps: Self.places)
            let begins = stretched.stretch(at: Self.places, places: Self.places, until: 2 * Self.places)
            let rest = rates(optimizer, stretched, steps: Self.places)
            #expect(begins == (name != "step"))
            for i in 0..<Self.places { #expect(abs(rest[i] - (begins ? way[i] : way.last!)) <= 1e-9, "\(name) \(i): \(rest)") }
        }
    }

    /// The stretch may be set before its step, and is part of the state.
    @Test func itIsPartOfTheState() throws {
        for (name, schedule) in Self.schedules {
            let (a, one) = make(schedule)
            _ = rates(a, one, steps: 5)
            one.stretch(at: 5, places: Self.places, until: 30)
            let (b, two) = make(schedule)
            two.stretch(at: 5, places: Self.places, until: 30)
            _ = rates(b, two, steps: 5)
            #expect(abs(a.paramGroups[0].lr - b.paramGroups[0].lr) <= 1e-12, "\(name)")
            try two.loadStateDict(one.stateDict())
            try b.loadStateDict(a.stateDict())
            #expect(rates(a, one, steps: 25) == rates(b, two, steps: 25), "\(name)")
            let (_, plain) = make(schedule)
            #expect(throws: OptimizerStateError.self) { try plain.loadStateDict(one.stateDict()) }
        }
    }
}
