import ApusCore
import ApusFormats
import ApusOptim
import Glibc
import TestSupport
import Testing

/// Properties of every schedule.
@Suite struct ScheduleLawTests {
    /// A sequence or chain of one schedule equals that schedule, also when nested: rates and momentums, bit for bit.
    @Test(arguments: ScheduleTests.schedules.indices) func sequencesOfOne(_ i: Int) {
        let run = ScheduleTests.schedules[i]
        func make(_ wrap: (Optimizer, LRScheduler) -> LRScheduler) -> [[Double]] {
            let optimizer = ScheduleTests.makeOptimizer(run.value("optimizer"))
            let schedule = wrap(optimizer, ScheduleTests.make(run.value("schedule"), run.value("options"), optimizer))
            return (0..<40).map { _ in
                let rates = ScheduleTests.rates(optimizer)
                #expect(schedule.lastLR == optimizer.paramGroups.map(\.lr))
                schedule.step()
                return rates
            }
        }
        let plain = make { $1 }
        let what = "\(run.value("schedule", as: String.self)) \(run.value("options", as: JSON.self).text)"
        #expect(make { SequentialLR($0, [$1], milestones: []) } == plain, "\(what) in a sequence")
        #expect(make { SequentialLR($0, [SequentialLR($0, [$1], milestones: [])], milestones: []) } == plain, "\(what) in two sequences")
        #expect(make { ChainedScheduler([$1], optimizer: $0) } == plain, "\(what) in a chain")
        #expect(make { SequentialLR($0, [ChainedScheduler([$1])], milestones: []) } == plain, "\(what) in a chain in a sequence")
    }

    /// A sequence or chain that starts later starts like a new one.
    @Test func sequencesWithin() {
        func optimizer() -> Optimizer { SGD([Tensor.zeros([1], requiresGrad: true)], lr: 1) }
        func rates(_ make: (Optimizer) -> LRScheduler, _ steps: Int) -> [Double] {
            let o = optimizer()
            let schedule = make(o)
            return (0..<steps).map { _ in
                defer { schedule.step() }
                return o.paramGroups[0].lr
            }
        }
        let warm = rates(
            {
                SequentialLR(
                    $0, [SequentialLR($0, [LinearLR($0, startFactor: 0.1, totalIters: 3), ConstantLR($0, factor: 1)], milestones: [3])],
                    milestones: [])
            }, 4)
        for (a, b) in zip(warm, [0.1, 0.4, 0.7, 1]) { #expect(abs(a - b) < 1e-12) }
        let parts: [(Optimizer) -> LRScheduler] = [
            { SequentialLR($0, [LinearLR($0, startFactor: 0.1, totalIters: 3), ExponentialLR($0, gamma: 0.5)], milestones: [3]) },
            {
                ChainedScheduler([
                    ConstantLR($0, factor: 0.5, totalIters: 2), ExponentialLR($0, gamma: 0.9),
                    LinearLR($0, startFactor: 0.2, totalIters: 4),
                ])
            },
        ]
        for part in parts {
            let found = rates({ SequentialLR($0, [StepLR($0, stepSize: 2), part($0), StepLR($0, stepSize: 1)], milestones: [5, 11]) }, 14)
            let wanted = rates({ StepLR($0, stepSize: 2) }, 5) + rates(part, 6) + rates({ StepLR($0, stepSize: 1) }, 3)
            #expect(found == wanted)
        }
    }

    static let makers: [(String, @Sendable (Optimizer, [Double]) -> LRScheduler)] = [
        ("StepLR", { o, _ in StepLR(o, stepSize: 3) }), ("MultiStepLR", { o, _ in MultiStepLR(o, milestones: [2, 7]) }),
        ("ExponentialLR", { o, _ in ExponentialLR(o, gamma: 0.9) }),
        ("ConstantLR", { o, _ in ConstantLR(o, totalIters: 6) }), ("LinearLR", { o, _ in LinearLR(o, totalIters: 9) }),
        ("PolynomialLR", { o, _ in PolynomialLR(o, totalIters: 15, power: 2) }),
        ("CosineAnnealingLR", { o, _ in CosineAnnealingLR(o, tMax: 7, etaMin: 0.001) }),
        ("CosineAnnealingWarmRestarts", { o, _ in CosineAnnealingWarmRestarts(o, t0: 4, tMult: 2) }),
        ("LambdaLR", { o, _ in LambdaLR(o) { 1 / (1 + Double($0)) } }),
        ("MultiplicativeLR", { o, _ in MultiplicativeLR(o) { 1 - 1 / (9 + Double($0)) } }),
        ("OneCycleLR", { o, rates in OneCycleLR(o, maxLR: rates.map { $0 * 25 }, totalSteps: 30) }),
        ("CyclicLR", { o, rates in CyclicLR(o, baseLR: rates, maxLR: rates.map { $0 * 4 }, stepSizeUp: 4) }),
        ("SWALR", { o, rates in SWALR(o, swaLR: rates.map { $0 / 2 }, annealEpochs: 8) }),
        ("ChainedScheduler", { o, _ in ChainedScheduler([LinearLR(o, totalIters: 9), ExponentialLR(o, gamma: 0.9)]) }),
        ("SequentialLR", { o, _ in SequentialLR(o, [LinearLR(o, totalIters: 5), CosineAnnealingLR(o, tMax: 7)], milestones: [5]) }),
    ]

    /// A state is taken over whole or not at all: without each of its names, with each of another kind, and with one more.
    @Test(arguments: makers.indices) func statesThatDoNotFit(_ i: Int) throws {
        let (name, make) = Self.makers[i]
        let schedule = make(ScheduleTests.makeOptimizer("SGD"), [0.1, 0.03])
        for _ in 0..<3 { schedule.step() }
        let state = schedule.stateDict()
        for key in state.keys {
            for wrong in [nil, .string("?"), .list([1])] as [OptionValue?] where wrong != .list([1]) || !key.hasSuffix("milestones") {
                var other = state
                other[key] = wrong
                // All the others are of another schedule, and would be taken.
                if key != "last_epoch" { other["last_epoch"] = 7 }
                let error = #expect(throws: OptimizerStateError.self, "\(name) \(key) \(wrong?.text ?? "-")") {
                    try schedule.loadStateDict(other)
                }
                #expect(
                    error?.problems.count == 1 && error!.problems[0].hasPrefix("\(key) "), "\(name) \(key): \(error?.description ?? "")")
            }
        }
        #expect(throws: OptimizerStateError.self) { try schedule.loadStateDict(state.merging(["more": 1]) { $1 }) }
        #expect(schedule.stateDict() == state, "\(name)")
    }

    /// Settings that make no sense are refused after all were taken over: then they are put back.
    @Test func statesThatMakeNoSense() throws {
        let optimizer = ScheduleTests.makeOptimizer("SGD")
        let cases: [(LRScheduler, String, OptionValue)] = [
            (StepLR(optimizer, stepSize: 3), "step_size", 0), (ConstantLR(optimizer), "factor", 2.0),
            (LinearLR(optimizer), "start_factor", 0.0), (PolynomialLR(optimizer), "total_iters", 0),
            (CosineAnnealingLR(optimizer, tMax: 3), "T_max", -1), (CosineAnnealingWarmRestarts(optimizer, t0: 3), "T_mult", 0),
            (OneCycleLR(optimizer, maxLR: 1, totalSteps: 9), "pct_start", 1.5),
            (CyclicLR(optimizer, baseLR: 0.1, maxLR: 1), "step_size_up", 0),
            (SWALR(optimizer, swaLR: 0.1), "anneal_epochs", -1),
        ]
        for (schedule, key, wrong) in cases {
            let state = schedule.stateDict()
            #expect(throws: OptimizerStateError.self, "\(key)") {
                try schedule.loadStateDict(state.merging([key: wrong, "last_epoch": 7]) { $1 })
            }
            #expect(schedule.stateDict() == state, "\(key)")
        }
        let plateau = ReduceLROnPlateau(optimizer)
        let state = plateau.stateDict()
        for (key, wrong) in [
            ("factor", 1.0), ("mode", .string("least")), ("threshold_mode", .string("?")), ("min_lrs", .list([0])),
            ("patience", .string("x")), ("patience", 1.5), ("mode", true),
        ] as [(String, OptionValue)] {
            #expect(throws: OptimizerStateError.self, "\(key)") {
                try plateau.loadStateDict(state.merging([key: wrong, "best": 1.0]) { $1 })
            }
            #expect(plateau.stateDict() == state, "\(key)")
        }
    }

    /// A schedule of one's own has settings of its own, which its rates may read from the first on.
    @Test func aScheduleOfOnesOwn() {
        let optimizer = SGD([Tensor.zeros([1], requiresGrad: true)], lr: 1)
        let schedule = Halving(optimizer, every: 2)
        var rates: [Double] = []
        for _ in 0..<5 {
            rates.append(optimizer.paramGroups[0].lr)
            schedule.step()
        }
        #expect(rates == [1, 1, 0.5, 0.5, 0.25])
    }

    private final class Halving: LRScheduler {
        let every: Int
        init(_ optimizer: Optimizer, every: Int) {
            self.every = every
            super.init(optimizer)
        }
        override func rates() -> [Double] { baseLRs.map { $0 * pow(0.5, Double(lastEpoch / every)) } }
    }

    /// A group that is added later has, from the next step on, the rates that it would have had from the start.
    @Test(arguments: makers.indices) func laterGroupsJoin(_ i: Int) throws {
        let (name, make) = Self.makers[i]
        for joins in [0, 1, 4, 6, 11] {
            func parameter() -> Tensor { Tensor.zeros([1], requiresGrad: true) }
            let whole = SGD([ParameterGroup([parameter()], lr: 0.1), ParameterGroup([parameter()], lr: 0.03)], lr: 1, momentum: 0.9)
            let part = SGD([ParameterGroup([parameter()], lr: 0.1)], lr: 1, momentum: 0.9)
            let (of, schedule) = (make(whole, [0.1, 0.03]), make(part, [0.1]))
            for step in 1...16 {
                if step == joins + 1 { part.addParamGroup(ParameterGroup([parameter()], lr: 0.03)) }
                of.step()
                schedule.step()
                if step <= joins { continue }
                for (a, b) in zip(ScheduleTests.rates(part), ScheduleTests.rates(whole)) {
                    #expect(
                        abs(a - b) <= 1e-12 * abs(b),
                        "\(name), a group from step \(joins) on: \(ScheduleTests.rates(part)) in step \(step), not \(ScheduleTests.rates(whole))"
                    )
                }
                #expect(schedule.lastLR == part.paramGroups.map(\.lr), "\(name)")
            }
            // Its state fits a schedule of both groups, and restores it.
            let other = make(whole, [0.1, 0.03])
            try other.loadStateDict(schedule.stateDict())
        }
    }

    /// Reading a state that is refused changes nothing, of the schedule or the optimizer, where a group waits to join. One that is taken over
    /// leaves the rates to the optimizer's state, and gives the group its numbers, or leaves it waiting where the state is older than it.
    @Test(arguments: makers.indices) func aGroupThatWaitsToJoin(_ i: Int) throws {
        let (name, make) = Self.makers[i]
        func parameter() -> Tensor { Tensor.zeros([1], requiresGrad: true) }
        let whole = SGD([ParameterGroup([parameter()], lr: 0.1), ParameterGroup([parameter()], lr: 0.03)], lr: 1, momentum: 0.9)
        let part = SGD([ParameterGroup([parameter()], lr: 0.1)], lr: 1, momentum: 0.9)
        let (of, schedule) = (make(whole, [0.1, 0.03]), make(part, [0.1]))
        for _ in 0..<6 { of.step() }
        for _ in 0..<3 { schedule.step() }
        part.addParamGroup(ParameterGroup([parameter()], lr: 0.5))
        func everything() -> [[String: OptionValue]] { [part.stateDict().values, schedule.stateDict()] }
        let (before, state) = (everything(), of.stateDict())
        for key in state.keys {
            var wrong = state
            wrong[key] = nil
            let error = #expect(throws: OptimizerStateError.self) { try schedule.loadStateDict(wrong) }
            #expect(error?.problems == ["\(key) is missing"], "\(name)")
            #expect(everything() == before, "\(name) without \(key)")
        }
        try schedule.loadStateDict(before[1])
        #expect(everything() == before, "\(name)")
        try schedule.loadStateDict(state)
        #expect(schedule.stateDict() == state && part.paramGroups.map(\.lr) == before[0].rates, "\(name)")
        try part.loadStateDict(whole.stateDict())
        for _ in 0..<9 {
            of.step()
            schedule.step()
            #expect(ScheduleTests.rates(part) == ScheduleTests.rates(whole), "\(name)")
        }
    }

    @Test func laterGroupsJoinAPlateau() {
        let optimizer = SGD([Tensor.zeros([1], requiresGrad: true)], lr: 1)
        let schedule = ReduceLROnPlateau(optimizer, patience: 0)
        schedule.step(1)
        optimizer.addParamGroup(ParameterGroup([Tensor.zeros([1], requiresGrad: true)], lr: 0.5))
        schedule.step(2)
        #expect(schedule.lastLR == [0.1, 0.05])
    }

    /// Schedules with a factor or a length of 0.
    @Test func degenerateSettings() {
        func rates(_ make: (Optimizer) -> LRScheduler) -> [Double] {
            let optimizer = SGD([Tensor.zeros([1], requiresGrad: true)], lr: 0.5)
            let schedule = make(optimizer)
            return (0..<4).map { _ in
                defer { schedule.step() }
                return optimizer.paramGroups[0].lr
            }
        }
        #expect(rates { ConstantLR($0, factor: 0, totalIters: 2) } == [0, 0, 0.5, 0.5])
        #expect(rates { ConstantLR($0, factor: 0.5, totalIters: 0) } == [0.5, 0.5, 0.5, 0.5])
        #expect(rates { LinearLR($0, startFactor: 0.1, endFactor: 0.5, totalIters: 0) } == [0.25, 0.25, 0.25, 0.25])
        #expect(rates { LinearLR($0, startFactor: 1, endFactor: 0, totalIters: 2) } == [0.5, 0.25, 0, 0])
    }

    /// A rate that is not finite is refused, whatever sets it, and the old rate is kept.
    @Test func ratesThatAreNotFinite() {
        for wrong in [Double.nan, .infinity, -.infinity] {
            let optimizer = SGD([Tensor.zeros([1], requiresGrad: true)], lr: 0.5)
            let makers: [(String, (Optimizer) -> LRScheduler)] = [
                ("LambdaLR", { LambdaLR($0) { $0 == 0 ? 1 : wrong } }), ("MultiplicativeLR", { MultiplicativeLR($0) { _ in wrong } }),
                ("ExponentialLR", { ExponentialLR($0, gamma: wrong) }),
                ("StepLR", { StepLR($0, stepSize: 1, gamma: wrong) }), ("MultiStepLR", { MultiStepLR($0, milestones: [1], gamma: wrong) }),
            ]
            for (name, make) in makers {
                let schedule = make(optimizer)
                var message = ""
                do { try checked { schedule.step() } } catch { message = "\(error)" }
                #expect(message.contains("learning rate of group 0 to"), "\(name): \(message)")
                #expect(optimizer.paramGroups[0].lr == 0.5, "\(name)")
            }
            #expect(throws: OpError.self) { try checked { optimizer.paramGroups[0].lr = wrong } }
            #expect(throws: OpError.self) { try checked { optimizer.paramGroups[0][option: "lr"] = .double(wrong) } }
            #expect(throws: OpError.self) { try checked { _ = SGD([Tensor.zeros([1], requiresGrad: true)], lr: wrong) } }
            #expect(optimizer.paramGroups[0].lr == 0.5)
        }
    }
}

extension [String: OptionValue] {
    /// The rates of two groups.
    fileprivate var rates: [Double] { (0..<2).compactMap { self["param_groups.\($0).lr"]?.number } }
}
