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
            for parts in [[bad] + good, good + [bad]] {
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
}
