import ApusCore
import ApusData
import ApusDistributed
import ApusNN
import ApusOptim
import ApusTraining
import Foundation
import TestSupport
import Testing

/// A trainer that has a group computes what one process does that has all the shards.
@Suite struct SharedTrainerTests {
    private struct Settings {
        var shards = 4, sharesSteps = false, epochs = 3
        /// Where checkpoints are; nil for none.
        var folder: String?
        /// After how many batches it is stopped.
        var stopAfter: Int?
    }

    private final class Counter: TrainingObserver {
        var left: Int
        let stop: StopFlag
        init(_ left: Int, _ stop: StopFlag) { (self.left, self.stop) = (left, stop) }
        func didTrain(_ progress: TrainingProgress) {
            left -= 1
            if left == 0 { stop.set() }
        }
    }

    private static func net() -> Sequential {
        Sequential(Linear(5, 12), BatchNorm1d(12), ReLU(), Dropout(0.2), Linear(12, 3))
    }

    private static func set(_ trainer: SupervisedTrainer, _ net: Sequential) {
        trainer.measure("accuracy") { Accuracy($0, $1) }
        trainer.measure("confusion") { ConfusionMatrix($0, $1) }
        trainer.measure("area") { AUROC($0.select(1, 1), $1.eq(1)) }
        trainer.average(net, into: AveragedModel(net, average: .exponential(decay: 0.9)))
        trainer.accumulate = 2
        trainer.clipping = .norm(0.3)
        trainer.scaler = GradScaler(initScale: 1024)
        trainer.autocast = .float16
        trainer.keepBest = .highest("accuracy")
    }

    /// What training leaves: weights, average, best weights, measurements of all epochs.
    private func train(_ group: ProcessGroup?, _ settings: Settings) throws -> String {
        let generator = Generator(seed: 3)
        let net = withGenerator(generator) { Self.net() }
        let optimizer = AdamW(net.parameters(), lr: 0.01)
        let data = TensorDataset(
            Tensor.randn([75, 5], generator: Generator(seed: 1)), Tensor.randint(0, 3, [75], generator: Generator(seed: 2)))
        let train = DataLoader(data, batchSize: 16, shuffle: true)
        let test = DataLoader(data, batchSize: 35)
        let stop = StopFlag()
        let trainer = SupervisedTrainer(
            model: net, optimizer: optimizer, schedule: .everyStep(OneCycleLR(optimizer, maxLR: 0.02, totalSteps: 9)), generator: generator,
            stop: stop, group: group, shards: settings.shards, loss: { F.crossEntropy($0, $1) })
        Self.set(trainer, net)
        trainer.sharesSteps = settings.sharesSteps
        trainer.checkpoints = settings.folder.map { CheckpointPolicy(folder: $0, steps: 1) }
        // Only one process asks for the end, and it need not be the first.
        if let batches = settings.stopAfter, group?.rank ?? 0 == (group?.size ?? 1) - 1 { trainer.observers = [Counter(batches, stop)] }
        _ = try trainer.resume(train: train)
        let outcome = try trainer.fit(train, test: test, epochs: settings.epochs)
        #expect((outcome == .stopped) == (settings.stopAfter != nil))
        func numbers(_ tensors: [Tensor]) -> String {
            tensors.map { "\($0.to(.float64).reshape(-1).array(Double.self).map(\.bitPattern))" }.joined()
        }
        let records = trainer.history.map { "\($0.epoch) \($0.step) \($0.train) \($0.test!) \($0.learningRate)" }
        return numbers(net.parameters() + net.buffers()) + numbers(try trainer.evaluatedWeights().map(\.value))
            + numbers(trainer.bestWeights?.map(\.value) ?? []) + "\(trainer.bestEpoch ?? 0)" + records.joined(separator: "\n")
    }

    @Test func oneProcessAndSeveralTrainTheSame() throws {
        for shards in [2, 4] {
            let alone = try processes(1) { try self.train($0, Settings(shards: shards)) }[0]
            for count in [2, 4] where count <= shards {
                for sharesSteps in [false, true] {
                    for found in try processes(count, { try self.train($0, Settings(shards: shards, sharesSteps: sharesSteps)) }) {
                        let isSame = found == alone
                        #expect(isSame, "\(shards) shards, \(count) processes, shared steps: \(sharesSteps)")
                    }
                }
            }
        }
    }

    @Test func aRunGoesOnWithAnotherNumberOfProcesses() throws {
        let whole = try processes(1) { try self.train($0, Settings()) }[0]
        for sharesSteps in [false, true] {
            let folder = TemporaryFolder()
            // Stopped within an epoch each time, and gone on with: 4 processes, 1, 2.
            for (count, batches) in [(4, 3), (1, 4), (2, 2)] {
                _ = try processes(count) { try self.train($0, Settings(sharesSteps: sharesSteps, folder: folder.path, stopAfter: batches)) }
            }
            for found in try processes(4, { try self.train($0, Settings(sharesSteps: sharesSteps, folder: folder.path)) }) {
                let isSame = found == whole
                #expect(isSame, "shared steps: \(sharesSteps)")
            }
        }
    }

    @Test func lossesThatAreMeansOverTokensAreWeighedByThem() throws {
        // Class 0 does not count: one step over all samples is the same however they are cut and accumulated.
        let data = TensorDataset(
            Tensor.randn([12, 5], generator: Generator(seed: 1)), Tensor([0, 0, 0, 1, 2, 0, 2, 2, 1, 1, 0, 2] as [Int64]))
        func weights(_ group: ProcessGroup?, shards: Int?, batch: Int, isWeighed: Bool) throws -> Tensor {
            let net = withGenerator(Generator(seed: 3)) { Linear(5, 3) }
            let trainer = SupervisedTrainer(
                model: net, optimizer: SGD(net.parameters(), lr: 1), group: group, shards: shards,
                loss: { F.crossEntropy($0, $1, ignoreIndex: 0, reduction: .sum) / max($1.ne(0).sum().item(), 1) })
            trainer.accumulate = 12 / batch
            if isWeighed { trainer.weight = { batch in Double(batch.1.ne(0).sum().item(Int.self)) } }
            try trainer.fit(DataLoader(data, batchSize: batch), epochs: 1)
            return net.weight.detach()
        }
        let whole = try weights(nil, shards: nil, batch: 12, isWeighed: false)
        for (shards, count, batch) in [(nil, 1, 4), (nil, 1, 3), (2, 1, 12), (4, 2, 4), (2, 2, 2)] as [(Int?, Int, Int)] {
            for found in try processes(count, { try weights(shards == nil ? nil : $0, shards: shards, batch: batch, isWeighed: true) }) {
                #expect((found - whole).abs().max().item() < 1e-6, "\(shards ?? 1) shards, batches of \(batch)")
            }
        }
    }

    @Test func anotherNumberOfShardsIsRefused() throws {
        let folder = TemporaryFolder()
        _ = try processes(2) { try self.train($0, Settings(folder: folder.path, stopAfter: 2)) }
        #expect(throws: (any Error).self) { _ = try processes(2) { try self.train($0, Settings(shards: 2, folder: folder.path)) } }
    }

    /// A refused resume has not given anybody the weights of the first process, and nobody a part of the optimizer's steps.
    @Test(arguments: [false, true]) func aRefusedResumeChangesNothingOnAnyProcess(_ sharesSteps: Bool) throws {
        let folder = TemporaryFolder()
        _ = try processes(2) { try self.train($0, Settings(shards: 2, sharesSteps: sharesSteps, folder: folder.path, stopAfter: 2)) }
        // Another optimizer on all processes, or on one alone, whose refusal is that of all.
        for isAlone in [false, true] {
            let refusals = try processes(2) { group -> [String] in
                let net = withGenerator(Generator(seed: UInt64(group.rank))) { Self.net() }
                let differs = !isAlone || group.rank == 1
                let optimizer = differs ? SGD(net.parameters(), lr: 0.5, momentum: 0.5) : AdamW(net.parameters(), lr: 0.5) as Optimizer
                let trainer = SupervisedTrainer(
                    model: net, optimizer: optimizer, schedule: .everyStep(OneCycleLR(optimizer, maxLR: 0.02, totalSteps: 9)),
                    generator: Generator(seed: 3), group: group, shards: 2, loss: { F.crossEntropy($0, $1) })
                Self.set(trainer, net)
                trainer.sharesSteps = sharesSteps
                trainer.checkpoints = CheckpointPolicy(folder: folder.path)
                let data = TensorDataset(Tensor.zeros([75, 5]), Tensor.zeros([75], dtype: .int64))
                func state() -> [String] {
                    net.stateDict().map { "\($0.key) \($0.value.to(.float64).reshape(-1).array(Double.self))" }
                        + optimizer.stateDict().values.map { "\($0.key) \($0.value)" }.sorted()
                        + ["\(optimizer.sharedSteps == nil)", "\(trainer.step)", "\(trainer.generator.state)"]
                }
                let before = state()
                let text = message { try trainer.resume(train: DataLoader(data, batchSize: 16, shuffle: true)) }
                // It is the optimizer that is refused, not how the trainer is set.
                #expect(!text.isEmpty && !text.contains("the checkpoint's run has"), "\(text)")
                return [before == state() ? "same" : "changed"]
            }
            #expect(refusals == [["same"], ["same"]], "on one alone: \(isAlone)")
        }
    }

    /// Processes that are set in different ways do not begin: they would take different steps.
    @Test func processesAreSetAlike() throws {
        let changes: [(name: String, change: (SupervisedTrainer) -> Void)] = [
            ("accumulate", { $0.accumulate = 3 }), ("clipping", { $0.clipping = .value(0.3) }), ("autocast", { $0.autocast = nil }),
            ("keepBest", { $0.keepBest = .lowest("loss") }), ("earlyStopping", { $0.earlyStopping = EarlyStopping(patience: 3) }),
            ("weight", { $0.weight = { Double($0.1.numel) } }),
        ]
        for (name, change) in changes {
            let steps = try processes(2) { group -> Int in
                let net = withGenerator(Generator(seed: 3)) { Self.net() }
                let trainer = SupervisedTrainer(
                    model: net, optimizer: SGD(net.parameters(), lr: 0.1), generator: Generator(seed: 3), group: group, shards: 2,
                    loss: { F.crossEntropy($0, $1) })
                Self.set(trainer, net)
                if group.rank == 1 { change(trainer) }
                let data = TensorDataset(Tensor.zeros([75, 5]), Tensor.zeros([75], dtype: .int64))
                let error = #expect(throws: (any Error).self, "\(name)") { try trainer.fit(DataLoader(data, batchSize: 16), epochs: 1) }
                #expect(error.map { "\($0)".contains("\(name): ") } == true, "\(name): \(error.map { "\($0)" } ?? "nothing")")
                return trainer.step
            }
            #expect(steps == [0, 0], "\(name)")
        }
    }
}
