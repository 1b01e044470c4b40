import ApusCore
import ApusData
import ApusNN
import ApusOptim
import Glibc
import TestSupport
import Testing
@testable import ApusTraining

/// Properties of every run of a trainer, wherever it is stopped and whatever its settings.
@Suite struct TrainerLawTests {
    /// The settings of a trainer, one at a time and all together.
    enum Setting: CaseIterable {
        case plain, accumulation, clipping, scaler, average, plateau, best, all

        func has(_ other: Setting) -> Bool { self == other || self == .all }
    }

    /// A small run with all kinds of randomness: weights, order, dropout, the order of the test set.
    struct SmallRun {
        let trainer: SupervisedTrainer
        let train: DataLoader<(Tensor, Tensor)>
        let test: DataLoader<(Tensor, Tensor)>
        let averaged: AveragedModel<Sequential>?

        init(
            _ setting: Setting = .plain, folder: String? = nil, testGenerator: Generator? = nil,
            optimizer make: ([Parameter]) -> Optimizer = { Adam($0, lr: 1e-2) },
            schedule: ((Optimizer) -> Schedule)? = { .everyStep(StepLR($0, stepSize: 5)) }, watching watched: Watched = .highest("accuracy")
        ) {
            let generator = Generator(seed: 3)
            let (x, y) = (Tensor.randn([37, 6], generator: Generator(seed: 1)), Tensor.randint(3, [37], generator: Generator(seed: 2)))
            train = DataLoader(TensorDataset(x, y), batchSize: 8, shuffle: true, generator: Generator(seed: 4))
            test = DataLoader(TensorDataset(x, y), batchSize: 20, shuffle: true, generator: testGenerator)
            let model = withGenerator(generator) { Sequential(Linear(6, 8), BatchNorm1d(8), Dropout(0.4), ReLU(), Linear(8, 3)) }
            let optimizer = make(model.parameters())
            let plateau =
                setting.has(.plateau)
                ? Schedule.plateau(ReduceLROnPlateau(optimizer, patience: 0, threshold: 0.5), watching: watched) : nil
            trainer = Trainer(model: model, optimizer: optimizer, schedule: plateau ?? schedule?(optimizer), generator: generator) {
                F.crossEntropy($0, $1)
            }
            trainer.measure("accuracy") { Accuracy($0, $1) }
            trainer.measure("f1") { F1Score($0, $1) }
            trainer.measure("area") { AUROC($0.select(1, 1), $1.eq(1)) }
            averaged = setting.has(.average) ? AveragedModel(model, average: .exponential(decay: 0.7), useBuffers: true) : nil
            if let averaged { trainer.average(model, into: averaged) }
            if setting.has(.accumulation) { trainer.accumulate = 2 }
            if setting.has(.clipping) { trainer.clipping = .norm(0.1) }
            if setting.has(.scaler) { (trainer.autocast, trainer.scaler) = (.float16, GradScaler(initScale: 1e6, growthInterval: 3)) }
            if setting.has(.best) { trainer.keepBest = .lowest("loss") }
            if let folder { trainer.checkpoints = .init(folder: folder) }
        }

        var bytes: [[UInt8]] {
            (trainer.model.stateDict().map(\.value) + (averaged?.stateDict().map(\.value) ?? []) + (trainer.bestWeights?.map(\.value) ?? []))
                .map { $0.bytes() }
        }
    }

    /// Stops at the n-th event: a training batch or an evaluation batch.
    final class StopAt: TrainingObserver {
        private var left: Int
        private let flag: StopFlag
        init(_ event: Int, _ flag: StopFlag) { (left, self.flag) = (event, flag) }
        private func happened() {
            left -= 1
            if left == 0 { flag.set() }
        }
        func didTrain(_: TrainingProgress) { happened() }
        func didEvaluate(batch _: Int, of _: Int, after _: TrainingProgress) { happened() }
    }

    /// Stopped after any training or evaluation batch and resumed, a run ends with the same bytes and the same history.
    @Test(arguments: Setting.allCases) func stoppedAnywhereItEndsWithTheSameBytes(_ setting: Setting) throws {
        let whole = SmallRun(setting)
        _ = try whole.trainer.fit(whole.train, test: whole.test, epochs: 3)
        for event in [.plain, .all].contains(setting) ? Array(1...21) : [2, 5, 6, 7, 13, 21] {
            try withFolder { folder in
                let first = SmallRun(setting, folder: folder)
                first.trainer.observers = [StopAt(event, first.trainer.stop)]
                let outcome = try first.trainer.fit(first.train, test: first.test, epochs: 3)
                let second = SmallRun(setting, folder: folder)
                try second.trainer.resume(train: second.train)
                _ = try second.trainer.fit(second.train, test: second.test, epochs: 3)
                #expect(second.bytes == whole.bytes, "stopped (\(outcome)) after event \(event)")
                let (resumed, undisturbed) = (second.trainer.history, whole.trainer.history)
                #expect(
                    resumed.map(\.train) == undisturbed.map(\.train) && resumed.map(\.test) == undisturbed.map(\.test), "event \(event)")
                #expect(resumed.map(\.learningRate) == undisturbed.map(\.learningRate), "event \(event)")
            }
        }
        #expect(whole.trainer.step == (setting.has(.accumulation) ? 9 : 15))
        if setting.has(.scaler) { #expect(whole.trainer.scaler!.scale < 1e6) } // It met infinities, and skipped.
        if setting.has(.plateau) { #expect(whole.trainer.optimizers[0].paramGroups[0].lr < 1e-2) }
    }

    /// Layers that were set to eval mode keep it through training and evaluation; each layer keeps its own mode.
    @Test func frozenLayersStayFrozen() throws {
        let norm = BatchNorm1d(6)
        let model = Sequential(Linear(6, 6), norm, Dropout(0.4), Linear(6, 3))
        norm.eval()
        let before = norm.runningMean!.clone()
        let data = TensorDataset(Tensor.randn([16, 6]), Tensor.randint(3, [16]))
        let loader = DataLoader(data, batchSize: 8)
        let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.1)) { F.crossEntropy($0, $1) }
        _ = try trainer.fit(loader, test: loader, epochs: 2)
        #expect(!norm.training && model.training && norm.runningMean!.equal(before))
        #expect(model.modules().allSatisfy { $0.training || $0 === norm })
        _ = try trainer.evaluate(loader)
        #expect(!norm.training && model.training)
        model.eval()
        _ = try trainer.evaluate(loader)
        #expect(!model.training && model.modules().allSatisfy { !$0.training })
    }

    /// A loader without batches is an error, and the trainer's position does not change.
    @Test func nothingToLearnFrom() throws {
        let some = DataLoader(TensorDataset(Tensor.randn([4, 3]), Tensor.randint(2, [4])), batchSize: 2)
        let none = DataLoader(TensorDataset(Tensor.zeros([0, 3]), Tensor.zeros([0], dtype: .int64)), batchSize: 2)
        let dropped = DataLoader(TensorDataset(Tensor.randn([4, 3]), Tensor.randint(2, [4])), batchSize: 8, dropLast: true)
        for (train, test, word) in [(none, nil, "train"), (dropped, nil, "dropLast"), (some, none, "test")]
            as [(DataLoader<(Tensor, Tensor)>, DataLoader<(Tensor, Tensor)>?, String)]
        {
            let model = Linear(3, 2)
            let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.1)) { F.crossEntropy($0, $1) }
            let error = #expect(throws: OpError.self) { try trainer.fit(train, test: test, epochs: 1) }
            #expect("\(error!)".contains(word) && trainer.history.isEmpty && trainer.step == 0, "\(error!)")
        }
    }

    /// A checkpoint that does not fit is refused, and model, optimizer, schedule and position are unchanged.
    @Test func refusedCheckpointsChangeNothing() throws {
        try withFolder { folder in
            let run = SmallRun(folder: folder)
            _ = try run.trainer.fit(run.train, epochs: 1)
            let others: [(String, SmallRun)] = [
                ("another optimizer", SmallRun(folder: folder, optimizer: { SGD($0, lr: 0.1) })),
                ("no schedule", SmallRun(folder: folder, schedule: nil)),
                ("another schedule", SmallRun(folder: folder, schedule: { .everyStep(ExponentialLR($0, gamma: 0.9)) })),
                ("an average", SmallRun(.average, folder: folder)), ("a scaler", SmallRun(.scaler, folder: folder)),
                (
                    "another model",
                    {
                        let other = SmallRun(folder: folder)
                        other.trainer.model.addModule("more", Linear(2, 2))
                        return other
                    }()
                ),
            ]
            for (name, other) in others {
                let (bytes, state) = (other.bytes, other.trainer.optimizers[0].stateDict())
                let schedule = other.trainer.schedules.first?.stateDict()
                #expect(throws: (any Error).self, "\(name)") { try other.trainer.resume(train: other.train) }
                #expect(other.bytes == bytes && other.trainer.step == 0 && other.trainer.history.isEmpty, "\(name)")
                #expect(
                    other.trainer.optimizers[0].stateDict().values == state.values
                        && other.trainer.optimizers[0].stateDict().tensors.count == state.tensors.count, "\(name)")
                #expect(other.trainer.schedules.first?.stateDict() == schedule, "\(name)")
            }
        }
        // A checkpoint without a schedule is refused by a trainer that has one.
        try withFolder { folder in
            let run = SmallRun(folder: folder, schedule: nil)
            _ = try run.trainer.fit(run.train, epochs: 1)
            let other = SmallRun(folder: folder)
            let bytes = other.bytes
            #expect(throws: (any Error).self) { try other.trainer.resume(train: other.train) }
            #expect(other.bytes == bytes)
        }
    }

    /// If the last batch has one image and batch normalisation cannot train on it, that is an error before the first step.
    @Test func aLastBatchOfOne() throws {
        func run(_ model: Module, _ x: Tensor, dropLast: Bool = false) throws -> SupervisedTrainer {
            let loader = DataLoader(TensorDataset(x, Tensor.randint(2, [x.size(0)])), batchSize: 4, dropLast: dropLast)
            let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.1)) { F.crossEntropy($0, $1) }
            do { _ = try trainer.fit(loader, epochs: 2) } catch { throw Told(text: "\(error)", step: trainer.step) }
            return trainer
        }
        let flat: () -> Module = { Sequential(Linear(3, 4), BatchNorm1d(4), Linear(4, 2)) }
        let told = #expect(throws: Told.self) { _ = try run(flat(), Tensor.randn([9, 3])) }
        #expect(told?.step == 0 && told!.text.contains("batch of one") && told!.text.contains("dropLast"), "\(told?.text ?? "")")
        #expect(try run(flat(), Tensor.randn([9, 3]), dropLast: true).history.count == 2)
        #expect(try run(flat(), Tensor.randn([10, 3])).history.count == 2)
        #expect(try run(Sequential(Linear(3, 2)), Tensor.randn([9, 3])).history.count == 2)
        // A single image of several pixels has statistics.
        #expect(
            try run(Sequential(Conv2d(1, 2, kernelSize: 3), BatchNorm2d(2), Flatten(), Linear(18, 2)), Tensor.randn([9, 1, 5, 5])).history
                .count == 2)
        let frozen = flat()
        frozen.modules().first { $0 is BatchNorm1d }!.eval()
        #expect(try run(frozen, Tensor.randn([9, 3])).history.count == 2)
    }

    private struct Told: Error {
        let text: String
        let step: Int
    }
}
