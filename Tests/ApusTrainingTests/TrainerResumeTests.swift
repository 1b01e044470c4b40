import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim
import TestSupport
import Testing
@testable import ApusTraining

/// Resuming under changed conditions, and unusual uses of a trainer.
@Suite struct TrainerResumeTests {
    private let x = Tensor.randn([20, 5], generator: Generator(seed: 1))
    private let y = Tensor.randn([20, 2], generator: Generator(seed: 2))

    private func makeLoader(_ batchSize: Int = 4, shuffle: Bool = false, generator: Generator? = nil) -> DataLoader<(Tensor, Tensor)> {
        DataLoader(TensorDataset(x, y), batchSize: batchSize, shuffle: shuffle, generator: generator)
    }

    private func makeTrainer(_ folder: String? = nil) -> SupervisedTrainer {
        let model = withGenerator(Generator(seed: 3)) { Sequential(Linear(5, 4), Dropout(0.2), Linear(4, 2)) }
        let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.05, momentum: 0.5), generator: Generator(seed: 4)) {
            F.mseLoss($0, $1)
        }
        if let folder { trainer.checkpoints = .init(folder: folder) }
        return trainer
    }

    private final class StopAt: TrainingObserver {
        var left: Int
        let flag: StopFlag
        init(_ left: Int, _ flag: StopFlag) { (self.left, self.flag) = (left, flag) }
        private func happened() {
            left -= 1
            if left == 0 { flag.set() }
        }
        func didTrain(_: TrainingProgress) { happened() }
        func didEvaluate(batch _: Int, of _: Int, after _: TrainingProgress) { happened() }
    }

    /// One loader for training and test; a test loader with its own generator; an observer that iterates over the loader: after a stop
    /// at any event, bytes and numbers are the same.
    @Test(arguments: 1...12) func loadersThatOthersGoThrough(_ event: Int) throws {
        func run(_ folder: String?, shared: Bool, stopAt: Int?) throws -> SupervisedTrainer {
            let trainer = makeTrainer(folder)
            let train = makeLoader(shuffle: true, generator: Generator(seed: 5))
            let test = shared ? train : makeLoader(shuffle: true, generator: Generator(seed: 6))
            if let stopAt { trainer.observers = [StopAt(stopAt, trainer.stop)] }
            if folder != nil { try trainer.resume(train: train) }
            try trainer.fit(train, test: test, epochs: 2)
            return trainer
        }
        for shared in [true, false] {
            let whole = try run(nil, shared: shared, stopAt: nil)
            try withFolder { folder in
                _ = try run(folder, shared: shared, stopAt: event)
                let second = try run(folder, shared: shared, stopAt: nil)
                #expect(zip(second.model.parameters(), whole.model.parameters()).allSatisfy { $0.equal($1) }, "shared \(shared)")
                #expect(
                    second.history.map(\.train) == whole.history.map(\.train) && second.history.map(\.test) == whole.history.map(\.test),
                    "shared \(shared)")
            }
        }
    }

    /// Batches of different sizes, in another order in each epoch.
    private struct Uneven: Sampler {
        let count = 7
        func order(using generator: Generator) -> [[Int]] {
            var random = generator
            return [[0], [1, 2, 3], [4, 5], [6, 7, 8, 9, 10], [11], [12, 13, 14], [15, 16, 17, 18, 19]].shuffled(using: &random)
        }
    }

    /// Whatever chooses the samples, and wherever a run is stopped, it goes on to the same weights, with another number of workers too.
    @Test(arguments: [1, 3, 6, 8]) func loadersOfEveryKind(_ event: Int) throws {
        let data = TensorDataset(x, y)
        let noisy = data.map { ($0.0 + Tensor.randn([5]) * 0.1, $0.1) }
        let weights = (0..<20).map { Double($0 % 4) }
        let stream = StreamDataset(count: 20) {
            var order = Tensor.randperm(20).array(Int.self)[...]
            return SampleIterator { order.popFirst().map { data[$0] } }
        }
        let kinds: [(Int) -> DataLoader<(Tensor, Tensor)>] = [
            { DataLoader(noisy, batchSampler: Uneven(), generator: Generator(seed: 5), workers: $0) },
            { DataLoader(noisy, batchSize: 3, sampler: WeightedRandomSampler(weights, numSamples: 17), workers: $0) },
            { DataLoader(stream: stream, batchSize: 3, generator: Generator(seed: 5), workers: $0) },
            { DataLoader(noisy, batchSize: 3, shuffle: true, workers: $0).mapBatches { ($0 + Tensor.randn([5]) * 0.1, $1) } },
        ]
        for (kind, loader) in kinds.enumerated() {
            func run(_ folder: String?, workers: Int, stopAt: Int?) throws -> SupervisedTrainer {
                let trainer = makeTrainer(folder)
                trainer.accumulate = 2
                if let stopAt { trainer.observers = [StopAt(stopAt, trainer.stop)] }
                let train = loader(workers)
                if folder != nil { try trainer.resume(train: train) }
                try trainer.fit(train, test: train, epochs: 2)
                return trainer
            }
            let whole = try run(nil, workers: 1, stopAt: nil)
            try withFolder { folder in
                _ = try run(folder, workers: 3, stopAt: event)
                let second = try run(folder, workers: 0, stopAt: nil)
                #expect(zip(second.model.parameters(), whole.model.parameters()).allSatisfy { $0.equal($1) }, "kind \(kind)")
                #expect(second.history.map(\.train) == whole.history.map(\.train), "kind \(kind)")
            }
        }
    }

    /// Accumulated batches weigh what their samples do: of any sizes they make the step of all their samples at once.
    @Test func unevenBatchesWeighTheirSamples() throws {
        struct Parts: Sampler {
            let parts: [[Int]]
            var count: Int { parts.count }
            func order(using generator: Generator) -> [[Int]] { parts }
        }
        func weights(_ parts: [[Int]], accumulate: Int) throws -> [Float] {
            let model = withGenerator(Generator(seed: 3)) { Linear(5, 2) }
            let trainer = Trainer(model: model, optimizer: SGD(model.parameters(), lr: 0.1)) { F.mseLoss($0, $1) }
            trainer.accumulate = accumulate
            try trainer.fit(DataLoader(TensorDataset(x, y), batchSampler: Parts(parts: parts)), epochs: 2)
            return model.parameters().flatMap { $0.array(Float.self) }
        }
        let (apart, together) = (
            try weights([[0], [1, 2, 3, 4], [5, 6, 7], [8]], accumulate: 2), try weights([[0, 1, 2, 3, 4], [5, 6, 7, 8]], accumulate: 1)
        )
        #expect(zip(apart, together).allSatisfy { abs($0 - $1) < 1e-6 })
        let unknown = DataLoader(stream: StreamDataset { SampleIterator([(x[0], y[0])]) })
        let trainer = makeTrainer()
        #expect(message { try trainer.fit(unknown, epochs: 1) }.contains("train is a stream that does not know its number of samples"))
        #expect(try trainer.evaluate(unknown).samples == 1)
        let none = DataLoader(TensorDataset(x, y), batchSampler: Parts(parts: []))
        #expect(message { try trainer.fit(none, epochs: 1) }.contains("its batch sampler gives none"))
    }

    /// Changed settings are either named before anything changes, or accepted.
    @Test func settingsThatHaveChanged() throws {
        func stopped(_ folder: String, after batches: Int) throws {
            let trainer = makeTrainer(folder)
            trainer.observers = [StopAt(batches, trainer.stop)]
            _ = try trainer.fit(makeLoader(), epochs: 3)
        }
        func complaint(
            _ folder: String, batchSize: Int = 4, _ change: (SupervisedTrainer) -> Void = { _ in },
            later: (SupervisedTrainer) -> Void = { _ in }
        ) -> String {
            let trainer = makeTrainer(folder)
            change(trainer)
            return message {
                try trainer.resume(train: makeLoader(batchSize))
                later(trainer)
                _ = try trainer.fit(makeLoader(batchSize), epochs: 3)
            }
        }
        try withFolder { folder in
            try stopped(folder, after: 3)
            #expect(complaint(folder, batchSize: 2).contains("12 samples in batch 3"))
            #expect(complaint(folder, { $0.accumulate = 2 }).contains("accumulate is 2, the checkpoint's run has 1"))
            #expect(complaint(folder, later: { $0.accumulate = 2 }).contains("2 accumulated batches do not come to"))
            #expect(complaint(folder, { $0.measure("mae") { MeanAbsoluteError($0, $1) } }).contains("'mae'"))
            #expect(complaint(folder, later: { $0.measure("mae") { MeanAbsoluteError($0, $1) } }).contains("call measure before resume"))
        }
        try withFolder { folder in
            // A metric that earlier epochs lack is monitored from now on.
            let first = makeTrainer(folder)
            _ = try first.fit(makeLoader(), epochs: 2)
            let second = makeTrainer(folder)
            second.measure("mae") { MeanAbsoluteError($0, $1) }
            second.keepBest = .lowest("mae")
            second.earlyStopping = EarlyStopping(.lowest("mae"), patience: 2)
            try second.resume(train: makeLoader(), changing: [.keepBest, .earlyStopping])
            #expect(try second.fit(makeLoader(), test: makeLoader(), epochs: 4) == .finished)
            #expect(second.bestEpoch ?? 0 >= 3 && second.bestWeights != nil)
            // A trainer that keeps no best weights has those that were kept.
            let third = makeTrainer(folder)
            try third.resume(train: makeLoader(), changing: [.keepBest, .earlyStopping])
            #expect(third.bestEpoch == second.bestEpoch)
        }
    }

    /// Metrics of training are not compared with those of evaluation.
    @Test func kindsOfNumbersAreNotMixed() throws {
        func record(_ epoch: Int, _ train: Double, _ test: Double?) -> EpochRecord {
            EpochRecord(
                epoch: epoch, step: epoch, train: Measured(loss: train), test: test.map { Measured(loss: $0) }, learningRate: 1,
                samplesPerSecond: 1, seconds: 1)
        }
        let stopping = EarlyStopping(patience: 2)
        #expect(!stopping.isOver([record(1, 0.1, nil), record(2, 0.1, nil), record(3, 5, 4)]))
        #expect(!stopping.isOver([record(1, 0.1, nil), record(2, 0.1, 4), record(3, 5, 3), record(4, 5, 3.5)]))
        #expect(stopping.isOver([record(1, 0.1, nil), record(2, 0.1, 4), record(3, 5, 3), record(4, 5, 3.5), record(5, 5, 3)]))
        #expect(stopping.isOver([record(1, 1, .nan), record(2, 1, .nan)]) && !stopping.isOver([]))
    }

    /// Invalid values in a checkpoint are refused.
    @Test func checkpointsThatLie() throws {
        try withFolder { folder in
            let trainer = makeTrainer(folder)
            trainer.keepBest = .lowest("loss")
            trainer.measure("mae") { MeanAbsoluteError($0, $1) }
            trainer.observers = [StopAt(8, trainer.stop)]
            _ = try trainer.fit(makeLoader(), epochs: 3)
            let good = try #require(try Checkpoint.load(from: folder))
            let text = try #require(good.metadata["trainer"])
            func refused(_ change: (inout Checkpoint) -> Void) -> String {
                var bad = good
                change(&bad)
                let other = makeTrainer()
                other.keepBest = .lowest("loss")
                other.measure("mae") { MeanAbsoluteError($0, $1) }
                let before = other.model.parameters().map { $0.clone() }
                let text = message { try other.restore(bad, train: makeLoader(), file: "FILE") }
                if text != "" { #expect(zip(before, other.model.parameters()).allSatisfy { $0.equal($1) } && other.step == 0) }
                return text
            }
            #expect(refused { _ in } == "")
            for (old, new) in [
                ("\"step\":8", "\"step\":9223372036854775807"), ("\"step\":8", "\"step\":-1"),
                ("\"samples\":12", "\"samples\":9223372036854775807"),
                ("\"batch\":3", "\"batch\":99"), ("\"batch\":3", "\"batch\":-1"), ("\"bestEpoch\":1", "\"bestEpoch\":7"),
                ("{\"bestEpoch\"", "[{\"bestEpoch\""),
                ("\"epoch\":1", "\"epoch\":2"),
            ] {
                #expect(text.contains(old), "\(old) in \(text)")
                #expect(refused { $0.metadata["trainer"] = text.replacing(old, with: new, maxReplacements: 1) }.contains("FILE"), "\(new)")
            }
            #expect(refused { $0["best"] = nil }.contains("'best'"))
            #expect(refused { $0["best"] = ["0.weight": Tensor.zeros([4, 5])] }.contains("'best'"))
            #expect(refused { $0["optimizer"] = nil }.contains("'optimizer'"))
        }
    }

    /// The best weights include those of the averaged model.
    @Test func theBestOfAnAverage() throws {
        let trainer = makeTrainer()
        let model = trainer.model as! Sequential
        trainer.optimizers[0].paramGroups[0].lr = 0.9 // From here on the loss gets worse.
        trainer.average(model, into: AveragedModel(model, average: .exponential(decay: 0.6)))
        trainer.keepBest = .lowest("loss")
        _ = try trainer.fit(makeLoader(), test: makeLoader(), epochs: 6)
        let best = trainer.history.map { $0.test!.loss }.min()!
        #expect(trainer.history[trainer.bestEpoch! - 1].test!.loss == best && trainer.history.last!.test!.loss != best)
        #expect(try trainer.loadBest())
        #expect(try trainer.evaluate(makeLoader()).loss == best)
    }

    /// Each optimizer starts each update with no gradients; stepping twice in one batch is an error.
    @Test func stepsOfAGroup() throws {
        let weight = Parameter(Tensor([1.0]).to(.float32))
        let other = Parameter(Tensor([1.0]).to(.float32))
        let (often, rare) = (SGD([weight], lr: 1), SGD([other], lr: 1))
        let model = Module()
        model.registerParameter("weight", weight)
        model.registerParameter("other", other)
        var number = 0
        let trainer = Trainer(model: model, optimizers: [often, rare]) { (batch: (Tensor, Tensor), step) in
            let loss = (weight * 1.0).sum()
            step.minimize(loss, by: often)
            if number % 3 == 2 { step.minimize((other * 1.0).sum(), by: rare) }
            number += 1
            return (loss: loss, output: ())
        }
        trainer.accumulate = 3
        _ = try trainer.fit(makeLoader(5), epochs: 1) // Four batches: a group of three, and one more.
        #expect(abs(weight.item() - (1 - 1 - 1)) < 1e-6 && abs(other.item() - 2.0 / 3) < 1e-6)
        let twice = Trainer(model: model, optimizers: [often]) { (_: (Tensor, Tensor), step) in
            let loss = (weight * 1.0).sum()
            step.minimize(loss, by: often)
            step.minimize(loss, by: often)
            return (loss: loss, output: ())
        }
        #expect(message { try twice.fit(makeLoader(), epochs: 1) }.contains("add the losses"))
        twice.checkpoints = CheckpointPolicy(folder: "/tmp", steps: 0)
        #expect(message { try twice.fit(makeLoader(), epochs: 1) }.contains("every 0 steps"))
    }
}
