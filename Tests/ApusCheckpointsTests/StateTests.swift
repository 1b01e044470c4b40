import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import ApusSystem
import Foundation
import TestSupport
import Testing

/// States of every optimizer and schedule that PyTorch has, but for LBFGS' own: from PyTorch's file of record_states.py and back.
@Suite struct StateTests {
    let folder = TemporaryFolder()
    private static let path = inCheckout("Recorded/states.pt").path

    private static let optimizers: [(String, @Sendable ([Tensor]) -> Optimizer)] = [
        ("SGD", { SGD($0, lr: 0.05, momentum: 0.9, nesterov: true) }), ("Adam", { Adam($0, lr: 0.05, amsgrad: true) }),
        ("AdamW", { AdamW($0, lr: 0.05) }), ("RMSprop", { RMSprop($0, lr: 0.05, momentum: 0.5, centered: true) }),
        ("Adagrad", { Adagrad($0, lr: 0.05) }), ("Adadelta", { Adadelta($0, lr: 0.5) }), ("Adafactor", { Adafactor($0, lr: 0.05) }),
        ("Adamax", { Adamax($0, lr: 0.05) }), ("NAdam", { NAdam($0, lr: 0.05) }), ("RAdam", { RAdam($0, lr: 0.05) }),
        ("SparseAdam", { SparseAdam($0, lr: 0.05) }), ("Rprop", { Rprop($0, lr: 0.05) }), ("ASGD", { ASGD($0, lr: 0.05, t0: 2) }),
        ("Muon", { Muon($0, lr: 0.05) }),
    ]

    private static let schedules: [(String, @Sendable (Optimizer) -> LRScheduler)] = [
        ("StepLR", { StepLR($0, 3) }), ("MultiStepLR", { MultiStepLR($0, [2, 7, 7]) }), ("ExponentialLR", { ExponentialLR($0, 0.9) }),
        ("ConstantLR", { ConstantLR($0, totalIters: 6) }), ("LinearLR", { LinearLR($0, totalIters: 9) }),
        ("PolynomialLR", { PolynomialLR($0, totalIters: 15, power: 2) }),
        ("CosineAnnealingLR", { CosineAnnealingLR($0, 7, etaMin: 0.001) }),
        ("CosineAnnealingWarmRestarts", { CosineAnnealingWarmRestarts($0, 4, tMult: 2) }),
        ("LambdaLR", { LambdaLR($0) { 1 / (1 + Double($0)) } }),
        ("MultiplicativeLR", { MultiplicativeLR($0) { 1 - 1 / (9 + Double($0)) } }),
        ("OneCycleLR", { OneCycleLR($0, [2.5, 0.75], totalSteps: 30) }),
        ("CyclicLR", { CyclicLR($0, [0.1, 0.03], [0.4, 0.12], stepSizeUp: 4, stepSizeDown: 5) }),
        ("SWALR", { SWALR($0, [0.05, 0.015], annealEpochs: 8) }),
        ("ChainedScheduler", { ChainedScheduler([LinearLR($0, totalIters: 9), ExponentialLR($0, 0.9)]) }),
        ("SequentialLR", { SequentialLR($0, [LinearLR($0, totalIters: 5), CosineAnnealingLR($0, 7)], [8]) }),
    ]

    /// The last tensor never has a gradient.
    private func run(_ optimizer: Optimizer, _ parameters: [Tensor], steps: Int) {
        for _ in 0..<steps {
            for p in parameters.dropLast() {
                let values = p.detach() * 0.5 + 0.1
                p.grad = optimizer is SparseAdam ? Tensor.sparseRows(Tensor([0, 1]), values[0..<2], shape: p.shape) : values
            }
            optimizer.step()
        }
    }

    private func groups() -> Optimizer {
        func group(_ rate: Double) -> ParameterGroup { ParameterGroup([Tensor.zeros([1], requiresGrad: true)], lr: rate) }
        return SGD([group(0.1), group(0.03)], lr: 0.1, momentum: 0.9)
    }

    private func rates(_ optimizer: Optimizer, _ schedule: LRScheduler) -> [Double] {
        (0..<8).flatMap { _ in
            schedule.step()
            return optimizer.paramGroups.flatMap { [$0.lr, $0.momentum] }
        }
    }

    /// Each goes on from PyTorch's state to where PyTorch comes, and so it does from its own file of that state, which PyTorch reads too.
    @Test func theyGoOnWherePyTorchWas() throws {
        let root = try PyTorchFile(Self.path).root
        func tensors(_ key: String) throws -> [Tensor] { try root[key]!.elements.map { try $0.tensor() } }
        var written: [String: PyTorchObject] = [:]
        for (name, make) in Self.optimizers {
            let (before, after) = (try tensors("\(name).before"), try tensors("\(name).after"))
            func begin() -> (Optimizer, [Tensor]) {
                let parameters = before.map { $0.clone().requiresGrad_() }
                return (make(parameters), parameters)
            }
            let (one, first) = begin(), (other, second) = begin()
            try Checkpoint.load(Self.path, into: [name: one])
            // Adagrad's are made with it, the others' in the first step of a parameter.
            let numbers = Set(one.stateDict().tensors.keys.map { $0.split(separator: ".")[1] })
            #expect(numbers == (name == "Adagrad" ? ["0", "1", "2"] : ["0", "1"]), "\(name)")
            written[name] = try one.checkpointed().withTensorsCopied()
            (written["\(name).before"], written["\(name).after"]) = (root["\(name).before"], root["\(name).after"])
            let path = folder.file("\(name).pt")
            try Checkpoint.save([name: one], to: path)
            try Checkpoint.load(path, into: [name: other])
            for (optimizer, parameters) in [(one, first), (other, second)] {
                run(optimizer, parameters, steps: 2)
                let tolerance = name == "Muon" ? 1e-3 : 1e-9
                for (a, b) in zip(parameters, after) { expectClose(a.detach(), b, rtol: tolerance, atol: tolerance, "\(name)") }
            }
            for (a, b) in zip(first, second) { expectEqual(a, b) }
        }
        for (name, make) in Self.schedules {
            func begin() -> (Optimizer, LRScheduler) {
                let optimizer = groups()
                return (optimizer, make(optimizer))
            }
            let (one, first) = begin(), (other, second) = begin()
            try Checkpoint.load(Self.path, into: ["\(name).optimizer": one, name: first])
            let path = folder.file("\(name).pt")
            try Checkpoint.save(["\(name).optimizer": one, name: first], to: path)
            let own = try PyTorchFile(path).root
            for key in [name, "\(name).optimizer"] { written[key] = own[key] }
            written["\(name).after"] = root["\(name).after"]
            try Checkpoint.load(path, into: [name: second, "\(name).optimizer": other])
            let wanted = root["\(name).after"]!.elements.map { $0.double! }
            for (optimizer, schedule) in [(one, first), (other, second)] {
                let found = rates(optimizer, schedule)
                #expect(zip(found, wanted).allSatisfy { abs($0 - $1) <= 1e-12 } && found.count == wanted.count, "\(name): \(found)")
            }
        }
        guard let exchange = environment("APUS_TEST_FILES") else { return }
        try PyTorchObject.dictionary(written.map { (key: PyTorchObject($0.key), value: $0.value) }).save(to: "\(exchange)/runs/states.pt")
    }

    /// A part of one's own, which changes before it refuses.
    private final class Counter: CheckpointPart {
        struct TooMany: Error {}
        var count = 0
        let most: Int
        init(most: Int) { self.most = most }
        func checkpointed() throws -> PyTorchObject { PyTorchObject(count) }
        func restore(_ saved: PyTorchObject) throws {
            let before = count
            count = saved.int ?? 0
            if count > most {
                count = before
                throw TooMany()
            }
        }
    }

    /// Whichever part does not fit, none has changed, a schedule that a group waits to join neither.
    @Test func aRefusedFileChangesNoPart() throws {
        let path = folder.file("run.pt")
        let one = groups(), first = StepLR(one, 2), scaler = GradScaler(initScale: 4), counter = Counter(most: 9)
        counter.count = 3
        _ = rates(one, first)
        try Checkpoint.save(["counter": counter, "optimizer": one, "schedule": first, "scaler": scaler, "other": counter], to: path)
        let other = SGD([Tensor.zeros([1], requiresGrad: true)], lr: 0.5, momentum: 0.9), second = StepLR(other, 2)
        other.addParamGroup(ParameterGroup([Tensor.zeros([1], requiresGrad: true)], lr: 0.25))
        let otherScaler = GradScaler(), low = Counter(most: 2), high = Counter(most: 9)
        func everything() -> [[String: OptionValue]] {
            [other.stateDict().values, second.stateDict(), otherScaler.stateDict(), ["low": .int(low.count), "high": .int(high.count)]]
        }
        let before = everything()
        let good: [(String, any CheckpointPart)] = [("counter", high), ("optimizer", other), ("schedule", second), ("scaler", otherScaler)]
        for bad: (String, any CheckpointPart) in [
            ("other", low), ("scaler", SGD([Tensor.zeros([1], requiresGrad: true)])), ("other", StepLR(one, 2)),
        ] {
            // With and without a part of one's own.
            for parts in [[bad] + good, good + [bad], [bad] + good.dropFirst(), good.dropFirst() + [bad]] {
                #expect(throws: FormatError.self) { try load(path, parts) }
                #expect(everything() == before)
            }
        }
        try load(path, good)
        #expect(everything() == [one.stateDict().values, first.stateDict(), scaler.stateDict(), ["low": 0, "high": 3]])
    }

    private func load(_ path: String, _ parts: [(String, any CheckpointPart)]) throws {
        switch parts.count {
        case 4:
            try Checkpoint.load(
                path, into: [parts[0].0: parts[0].1, parts[1].0: parts[1].1, parts[2].0: parts[2].1, parts[3].0: parts[3].1])
        default:
            try Checkpoint.load(
                path,
                into: [
                    parts[0].0: parts[0].1, parts[1].0: parts[1].1, parts[2].0: parts[2].1, parts[3].0: parts[3].1, parts[4].0: parts[4].1,
                ])
        }
    }

    // MARK: What files say

    /// `object` with `value` in place of what is at a path of keys and positions.
    private func replacing(_ path: ArraySlice<Substring>, of object: PyTorchObject, by value: PyTorchObject) -> PyTorchObject {
        guard let first = path.first else { return value }
        func replaced(_ key: String, _ part: PyTorchObject) -> PyTorchObject {
            key == first ? replacing(path.dropFirst(), of: part, by: value) : part
        }
        if object.kind == .dictionary {
            return .dictionary(object.items.map { (key: $0.key, value: replaced($0.key.string ?? "\($0.key.int!)", $0.value)) })
        }
        return .list(object.elements.enumerated().map { replaced("\($0)", $1) })
    }

    private func replacing(_ path: String, of object: PyTorchObject, by value: PyTorchObject) -> PyTorchObject {
        replacing(path.split(separator: ".")[...], of: object, by: value)
    }

    private func text(_ part: any CheckpointPart) -> String {
        let values =
            switch part {
            case let optimizer as Optimizer: optimizer.stateDict().values
            case let schedule as LRScheduler: schedule.stateDict()
            case let plateau as ReduceLROnPlateau: plateau.stateDict()
            case let scaler as GradScaler: scaler.stateDict()
            default: [:]
            }
        return values.map { "\($0.key) \($0.value)" }.sorted().joined(separator: "\n")
    }

    /// A part of that name, in the middle of its way.
    private func part(_ name: String, begun: Bool = true) -> any CheckpointPart {
        if name == "groups" { return groups() }
        if name == "GradScaler" { return GradScaler() }
        if name == "ReduceLROnPlateau" { return ReduceLROnPlateau(groups()) }
        if let (_, make) = Self.optimizers.first(where: { $0.0 == name }) {
            let tensors = [[3, 2], [2, 2], [2, 3]].map { Tensor.ones($0, requiresGrad: true) }, optimizer = make(tensors)
            if begun { run(optimizer, tensors, steps: 2) }
            return optimizer
        }
        let optimizer = groups(), schedule = Self.schedules.first { $0.0 == name }!.1(optimizer)
        if begun { _ = rates(optimizer, schedule) }
        return schedule
    }

    private static let names = optimizers.map(\.0) + schedules.map(\.0) + ["groups", "ReduceLROnPlateau", "GradScaler"]

    private typealias Bad = (path: String, values: [PyTorchObject])

    /// What no count can be.
    private static var counts: [PyTorchObject] {
        let whole: [Int] = [.max, .min, 1 << 53 + 1, -(1 << 53) - 1], others: [Double] = [0.5, .nan, 1e300]
        return whole.map { PyTorchObject($0) } + others.map { PyTorchObject($0) }
    }

    /// Values that a part of that name cannot have, by their paths in PyTorch's objects.
    private func hostile(_ name: String) throws -> [Bad] {
        let counts = Self.counts
        func numbers(_ numbers: Double...) -> [PyTorchObject] { numbers.map { PyTorchObject($0) } }
        func tensor(_ numbers: Double...) -> PyTorchObject { .tensor(Tensor(numbers, dtype: .float64)) }
        var bad: [Bad] = []
        switch name {
        case "Adam":
            bad.append(("state.0.step", counts + [-1, tensor(), tensor(1, 2), tensor(.nan), tensor(1e300), "one"]))
            bad.append(("state.0.step", [.list([1])]))
            bad.append(("param_groups.0.betas", [.tuple([tensor(0.9, 0.9), 0.9]), .tuple([tensor(), 0.9]), .list(["a", 0.9])]))
            bad.append(("param_groups.0.betas", [.list([0.9]), .list([0.9, 1])]))
            bad.append(("param_groups.0.lr", [tensor(), tensor(1, 2), tensor(.nan), -1, "fast", .list([0.1])]))
            bad.append(("param_groups", [.list([])]))
        case "groups":
            let all = try groups().checkpointed()["param_groups"]!.elements
            bad.append(("param_groups", [.list([]), .list([all[0]]), .list(all + [all[0]])]))
        case "GradScaler":
            bad += [("_growth_tracker", counts + [-1]), ("scale", numbers(.nan, 0, 1e300)), ("growth_interval", [0])]
        case "ReduceLROnPlateau":
            for path in ["last_epoch", "num_bad_epochs", "cooldown_counter"] { bad.append((path, counts)) }
        case _ where Self.schedules.contains { $0.0 == name }: bad += [("last_epoch", counts), ("_step_count", counts)]
        default: break
        }
        switch name {
        case "MultiStepLR":
            let counters: [[(Double, Int)]] = [
                [(30, 1_000_000_000_000_000)], [(30, 600_000), (31, 600_000)], [(30, .max), (31, .max)], [(.nan, 1)], [(.infinity, 1)],
                [(2.5, 1)],
            ]
            for counter in counters {
                let items: [(key: PyTorchObject, value: PyTorchObject)] = counter.map { (PyTorchObject($0.0), PyTorchObject($0.1)) }
                bad.append(("milestones", [.dictionary(items)]))
            }
            bad.append(("milestones", [.list([.null]), .list([0.5]), 3]))
        case "CyclicLR":
            bad += [("total_size", numbers(.nan, 1e300, -9, 0)), ("step_ratio", numbers(.nan, .infinity, 1e300, -1, 2))]
            bad += [("max_lrs", [.list([0.1]), .list([.list([0.1]), 0.1])]), ("initial_lrs", [.list([0.1])])]
        case "CosineAnnealingWarmRestarts": bad += [("T_0", [0, -1]), ("T_mult", [0, -1])]
        case "SequentialLR", "ChainedScheduler":
            bad += [("_schedulers.0.last_epoch", counts), ("_schedulers.1._step_count", counts)]
        default: break
        }
        return bad
    }

    /// What a file may say and no part can be is thrown as an error, never a trap, and the part is as it was.
    @Test(arguments: names) func whatCannotBeIsRefused(_ name: String) throws {
        let part = part(name), good = try part.checkpointed().withTensorsCopied(), before = text(part)
        for (path, values) in try hostile(name) {
            for value in values {
                let bad = replacing(path, of: good, by: value)
                #expect(throws: (any Error).self, "\(path): \(value)") { try part.restore(bad) }
                #expect(text(part) == before, "\(path): \(value)")
            }
        }
        try part.restore(good)
        #expect(text(part) == before)
    }

    /// Numbers may be tensors of one element, alone or in lists, as PyTorch keeps rates and betas of capturable optimizers.
    @Test(arguments: names) func numbersMayBeTensors(_ name: String) throws {
        func changed(_ object: PyTorchObject) -> PyTorchObject {
            switch object.kind {
            case .float: .tensor(Tensor([object.double!], dtype: .float64))
            case .list: .list(object.elements.map(changed))
            case .tuple: .tuple(object.elements.map(changed))
            case .dictionary where !object.items.contains { $0.key.double != nil && $0.value.int != nil }:
                .dictionary(object.items.map { (key: $0.key, value: changed($0.value)) })
            default: object
            }
        }
        let begun = part(name), other = part(name, begun: false)
        try other.restore(changed(try begun.checkpointed().withTensorsCopied()))
        #expect(text(other) == text(begun))
    }

    /// What is large but possible is taken, and written again.
    @Test func whatIsLargeIsTaken() throws {
        for (first, factor) in [(1, 1), (4, .max), (.max, .max), (3, 2)] {
            let schedule = CosineAnnealingWarmRestarts(groups(), 4)
            var object = try schedule.checkpointed()
            for (key, value) in [("T_0", first), ("T_mult", factor), ("last_epoch", 1 << 53)] {
                object = replacing(key, of: object, by: PyTorchObject(value))
            }
            try schedule.restore(object)
            schedule.step()
            #expect(try schedule.checkpointed()["last_epoch"]?.int == 1 << 53 + 1)
        }
        for (first, factor) in [(4, 1), (4, 2), (1, 3), (5, 1)] {
            // By counting: each cycle is as many times longer than the one before.
            var (place, length) = (0, first)
            for epoch in 0..<200 {
                let found = CosineAnnealingWarmRestarts.place(of: epoch, first: first, factor: factor)
                #expect(found.place == place && (factor == 1 || found.length == length))
                place += 1
                if place == length { (place, length) = (0, length * factor) }
            }
        }
        let never = MultiStepLR(groups(), [3, .max]), again = MultiStepLR(groups(), [1])
        try again.restore(never.checkpointed())
        #expect(text(again) == text(never))
    }

    /// A file with a group too few is named as such, whatever it would be filled up with.
    @Test func groupsThatAFileLacks() throws {
        let one = groups(), object = try one.checkpointed()
        let bad = replacing("param_groups", of: object, by: .list([object["param_groups"]!.elements[0]]))
        let error = #expect(throws: OptimizerStateError.self) { try one.restore(bad) }
        #expect(error?.problems.contains("param_groups.1.params is missing") == true)
        // A setting of a group that is there may be missing.
        let first = object["param_groups"]!.elements[0].items.filter { $0.key.string != "nesterov" }
        try one.restore(replacing("param_groups.0", of: object, by: .dictionary(first)))
    }

    /// The state of a schedule is the same after a file, that of one which a group has joined too. PyTorch finds the lower ends of a cycle
    /// where it looks for them.
    @Test func aScheduleIsTheSameAfterAFile() throws {
        let more: [(String, @Sendable (Optimizer) -> LRScheduler)] = [
            ("CyclicLR, from 0", { CyclicLR($0, 0, 0.1, stepSizeUp: 4) }),
            ("in a sequence", { SequentialLR($0, [CyclicLR($0, 0, 0.1, stepSizeUp: 4), LinearLR($0)], [20]) }),
        ]
        for (name, make) in Self.schedules + more {
            func begin() -> (Optimizer, LRScheduler) {
                let optimizer = groups()
                return (optimizer, make(optimizer))
            }
            let (one, first) = begin(), (other, second) = begin()
            for _ in 0..<3 { first.step() }
            for optimizer in [one, other] { optimizer.addParamGroup(ParameterGroup([Tensor.zeros([1], requiresGrad: true)], lr: 0.05)) }
            for _ in 0..<2 { first.step() }
            let path = folder.file("\(name).pt")
            try Checkpoint.save(["optimizer": one, "schedule": first], to: path)
            let root = try Checkpoint.load(path, into: ["optimizer": other, "schedule": second])
            #expect(second.stateDict() == first.stateDict(), "\(name)")
            guard first is CyclicLR, case .list(let low)? = first.stateDict()["base_lr"] else { continue }
            #expect(root["schedule"]!["base_lrs"]!.elements.map(\.double) == low)
            // Earlier versions wrote the initial rates in their place.
            let earlier = replacing("base_lrs", of: root["schedule"]!, by: root["schedule"]!["initial_lrs"]!)
            try second.restore(.dictionary(earlier.items.filter { $0.key.string != "initial_lrs" }))
            #expect(second.stateDict() == first.stateDict(), "\(name)")
        }
    }

    /// A part of one's own that does something when it is restored.
    private final class Acting: CheckpointPart {
        struct Refused: Error {}
        let act: () throws -> Void
        init(_ act: @escaping () throws -> Void) { self.act = act }
        func checkpointed() throws -> PyTorchObject { 0 }
        func restore(_ saved: PyTorchObject) throws { try act() }
    }

    /// A part of one's own finds the parts before it restored, and may give those after it their form.
    @Test func partsOfOnesOwnComeInTheirOrder() throws {
        let path = folder.file("ordered.pt"), model = Linear(2, 1), one = groups(), first = StepLR(one, 2)
        _ = rates(one, first)
        let nothing = Acting {}
        try Checkpoint.save(["model": model, "looks": nothing, "grows": nothing, "optimizer": one, "schedule": first], to: path)
        let other = Linear(2, 1), before = other.weight.detach().clone()
        let second = SGD([Tensor.zeros([1], requiresGrad: true)], lr: 0.1, momentum: 0.9), schedule = StepLR(second, 2)
        var isRestored = false, times = 0
        let looks = Acting { isRestored = other.weight.array(Double.self) == model.weight.array(Double.self) }
        let grows = Acting { second.addParamGroup(ParameterGroup([Tensor.zeros([1], requiresGrad: true)])) }
        let once = Acting {
            times += 1
            if times > 1 { throw Acting.Refused() }
        }
        // One that does not take back its own state is named; the others have changed back.
        let error = #expect(throws: FormatError.self) {
            try Checkpoint.load(path, into: ["model": other, "looks": looks, "grows": once, "optimizer": second])
        }
        #expect(error?.place == .key("optimizer") && error?.reason.contains("'grows' does not take back") == true)
        #expect(times == 2)
        expectEqual(other.weight.detach(), before)
        isRestored = false
        try Checkpoint.load(path, into: ["model": other, "looks": looks, "grows": grows, "optimizer": second, "schedule": schedule])
        #expect(isRestored && text(second) == text(one) && text(schedule) == text(first))
    }
}
