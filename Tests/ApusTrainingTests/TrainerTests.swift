import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim
import ApusVision
import Glibc
import TestSupport
import Testing
@testable import ApusTraining

/// A small run on the first images of Fashion-MNIST with all kinds of randomness: weights, order, dropout.
private struct SmallRun {
    let trainer: SupervisedTrainer
    let train: DataLoader<(Tensor, Tensor)>
    let test: DataLoader<(Tensor, Tensor)>

    init(
        seed: UInt64 = 3, count: Int = 320, batchSize: Int = 32, folder: String? = nil, checkpointSteps: Int? = nil,
        schedule: Rates = .onecycle
    ) throws {
        let generator = Generator(seed: seed)
        let data = try FashionMNIST(.test)
        train = DataLoader(Subset(data, 0..<count), batchSize: batchSize, shuffle: true, generator: Generator(seed: seed + 100))
        test = DataLoader(Subset(data, 1000..<1100), batchSize: 50)
        let model = withGenerator(generator) { Sequential(Flatten(), Linear(784, 16), ReLU(), Dropout(0.3), Linear(16, 10)) }
        let optimizer = Adam(model.parameters(), lr: 3e-3)
        trainer = Trainer(
            model: model, optimizer: optimizer, schedule: schedule.make(optimizer, steps: 3 * train.count), generator: generator
        ) { F.crossEntropy($0, $1) }
        trainer.measure("accuracy") { Accuracy($0, $1) }
        if let folder { trainer.checkpoints = .init(folder: folder, steps: checkpointSteps) }
    }

    func fit() throws -> TrainingOutcome { try trainer.fit(train, test: test, epochs: 3) }
    var weights: [[UInt8]] { trainer.model.stateDict().map { $0.value.bytes() } }
}

/// The kinds of learning-rate schedules.
enum Rates: CaseIterable {
    case onecycle, cosine, step, plateau, constant

    func make(_ optimizer: Optimizer, steps: Int) -> Schedule? {
        switch self {
        case .onecycle: .everyStep(OneCycleLR(optimizer, maxLR: 3e-3, totalSteps: steps))
        case .cosine: .everyStep(CosineAnnealingLR(optimizer, tMax: steps))
        case .step: .everyEpoch(StepLR(optimizer, stepSize: 1))
        case .plateau: .plateau(ReduceLROnPlateau(optimizer, patience: 0, threshold: 0.5))
        case .constant: nil
        }
    }
}

/// Stops a trainer after a batch.
private final class Stopper: TrainingObserver {
    let step: Int
    let flag: StopFlag
    private(set) var epochs: [EpochRecord] = []
    private(set) var stops = 0
    init(at step: Int, _ flag: StopFlag) {
        self.step = step
        self.flag = flag
    }
    func didTrain(_ progress: TrainingProgress) { if progress.step == step { flag.set() } }
    func didFinish(_ epoch: EpochRecord, of _: Int) { epochs.append(epoch) }
    func didStop(_: TrainingProgress) { stops += 1 }
}

@Suite struct TrainerTests {
    @Test func learningMakesTheLossSmaller() throws {
        let run = try SmallRun()
        #expect(try run.fit() == .finished)
        let history = run.trainer.history
        #expect(history.map(\.epoch) == [1, 2, 3] && history.map(\.step) == [10, 20, 30])
        #expect(history[2].train.loss < 0.8 * history[0].train.loss)
        #expect(history[2].test!["accuracy"]! > 0.5)
        // A one-cycle schedule ends at almost 0.
        #expect(history[2].learningRate < 1e-4)
    }

    @Test(arguments: Rates.allCases) func theSameSeedGivesTheSameBits(schedule: Rates) throws {
        let runs = try (0..<2).map { _ in try SmallRun(schedule: schedule) }
        for run in runs { _ = try run.fit() }
        #expect(runs[0].weights == runs[1].weights)
        let other = try SmallRun(seed: 4, schedule: schedule)
        _ = try other.fit()
        #expect(runs[0].weights != other.weights)
    }

    /// In the middle of an epoch, after its first and last batch, and in the last epoch.
    @Test(arguments: [1, 7, 10, 11, 20, 29, 30]) func stoppedAndResumedIsAsIfNothingHadHappened(step: Int) throws {
        let whole = try SmallRun()
        _ = try whole.fit()
        try withFolder { folder in
            let first = try SmallRun(folder: folder)
            let stopper = Stopper(at: step, first.trainer.stop)
            first.trainer.observers = [stopper]
            #expect(try first.fit() == .stopped)
            #expect(stopper.stops == 1 && first.trainer.step == step)
            let second = try SmallRun(seed: 99, folder: folder) // Its own seed must have no influence.
            #expect(try second.trainer.resume(train: second.train))
            #expect(second.trainer.step == step)
            #expect(try second.fit() == .finished)
            #expect(second.weights == whole.weights)
            let (resumed, undisturbed) = (second.trainer.history, whole.trainer.history)
            #expect(resumed.map(\.train) == undisturbed.map(\.train) && resumed.map(\.test) == undisturbed.map(\.test))
        }
    }

    @Test func aCheckpointInTheMiddleIsGoneOnWith() throws {
        let whole = try SmallRun()
        _ = try whole.fit()
        try withFolder { folder in
            // The process dies in step 17 and leaves the checkpoint of step 15.
            let first = try SmallRun(folder: folder, checkpointSteps: 5)
            let stopper = Stopper(at: 17, first.trainer.stop)
            first.trainer.observers = [stopper]
            _ = try first.fit()
            try #require(unlink(Checkpoint.newest(in: folder)) == 0) // The checkpoint written at the stop.
            let second = try SmallRun(folder: folder)
            #expect(try second.trainer.resume(train: second.train))
            #expect(second.trainer.step == 15 && second.trainer.history.count == 1)
            #expect(try second.fit() == .finished)
            #expect(second.weights == whole.weights)
        }
    }

    @Test func withoutACheckpointNothingIsResumed() throws {
        try withFolder { folder in
            let run = try SmallRun(folder: folder)
            #expect(try !run.trainer.resume(train: run.train))
        }
    }

    @Test func aCheckpointOfAnotherRunIsRefused() throws {
        try withFolder { folder in
            let first = try SmallRun(folder: folder)
            first.trainer.observers = [Stopper(at: 9, first.trainer.stop)]
            _ = try first.fit()
            let larger = try SmallRun(batchSize: 64, folder: folder)
            let before = larger.weights
            #expect { try larger.trainer.resume(train: larger.train) } throws: { "\($0)".contains("batch 9, an epoch has 5") }
            #expect(larger.weights == before && larger.trainer.step == 0)
            let bare = try SmallRun(folder: folder, schedule: .step)
            #expect { try bare.trainer.resume(train: bare.train) } throws: {
                "\($0)".contains("schedules is every epoch, the checkpoint's")
            }
            #expect(throws: OptimizerStateError.self) { try bare.trainer.resume(train: bare.train, changing: [.schedules]) }
        }
    }

    @Test func aModelThatDoesNotFitItsDataThrows() throws {
        let model = withGenerator(Generator(seed: 1)) { Sequential(Flatten(), Linear(9, 10)) }
        let loader = DataLoader(Subset(try FashionMNIST(.test), 0..<8), batchSize: 4)
        let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.1), generator: Generator(seed: 1)) {
            F.crossEntropy($0, $1)
        }
        #expect { try trainer.fit(loader, epochs: 1) } throws: { "\($0)".contains("Sequential.1 (Linear)") }
    }

    /// A label outside the classes ends training with an error that names it, even if a device reports it after the step.
    @Test(arguments: Device.tested) func aWrongLabelThrows(_ device: Device) throws {
        let generator = Generator(seed: 9)
        let labels = Tensor((0..<40).map { $0 == 30 ? 7 : $0 % 3 })
        let loader = DataLoader(TensorDataset(Tensor.randn([40, 4], generator: generator), labels), batchSize: 4).to(device)
        let model = withGenerator(generator) { Linear(4, 3) }.to(device)
        let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.1), device: device, generator: generator) {
            F.crossEntropy($0, $1)
        }
        let error = #expect(throws: OpError.self) { try trainer.fit(loader, epochs: 2) }
        #expect("\(error!)".contains("7"), "\(error!)")
        #expect(trainer.history.isEmpty)
        #expect(throws: OpError.self) { try trainer.evaluate(loader) }
        // Another run on the same device is not affected.
        let right = DataLoader(TensorDataset(Tensor.randn([8, 4], generator: generator), Tensor([0, 1, 2, 0, 1, 2, 0, 1])), batchSize: 4)
            .to(device)
        #expect(try trainer.fit(right, epochs: 1) == .finished)
    }

    @Test func evaluationLeavesTheModelAsItWas() throws {
        let run = try SmallRun()
        _ = try run.fit()
        let result = try run.trainer.evaluate(run.test)
        #expect(result.samples == 100 && result["accuracy"] == run.trainer.history[2].test!["accuracy"] && result["nothing"] == nil)
        #expect(run.trainer.model.training) // The mode is as training left it.
        #expect(try run.trainer.evaluate(run.test, goOn: { false }) == nil)
    }

    @Test func metricsDoNotDependOnWhenTheyAreRead() throws {
        let (often, once) = (Measurements(["accuracy"]), Measurements(["accuracy"]))
        let measures = [Measure<(Tensor, Tensor)>("accuracy") { Accuracy($0, $1) }]
        for i in 1...200 {
            for measurements in [often, once] {
                measurements.add(
                    loss: Tensor(1 / Double(i), dtype: .float64), (Tensor([[1.0, 0], [0, 1]]), Tensor([Int64(i % 2), 1])),
                    samples: 2 + i % 5, measures)
            }
            _ = often.record
        }
        #expect(often.record == once.record && once["accuracy"] == 0.75)
        #expect(once.samples == (1...200).reduce(0) { $0 + 2 + $1 % 5 })
    }
}
