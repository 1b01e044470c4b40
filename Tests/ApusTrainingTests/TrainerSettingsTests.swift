import ApusCore
import ApusData
import ApusNN
import ApusOptim
import Glibc
import OrderedCollections
import TestSupport
import Testing
@testable import ApusTraining

/// Everything that a trainer does besides the plain loop, each against a handwritten equivalent.
@Suite struct TrainerSettingsTests {
    private let x = Tensor.randn([36, 5], generator: Generator(seed: 1))
    private let y = Tensor.randn([36, 2], generator: Generator(seed: 2))

    private func makeModel() -> Sequential { withGenerator(Generator(seed: 3)) { Sequential(Linear(5, 4), Tanh(), Linear(4, 2)) } }
    private func loader(_ batchSize: Int) -> DataLoader<(Tensor, Tensor)> { DataLoader(TensorDataset(x, y), batchSize: batchSize) }
    private func makeTrainer(_ model: Module, _ optimizer: Optimizer, _ schedule: Schedule? = nil) -> SupervisedTrainer {
        Trainer(model: model, optimizer: optimizer, schedule: schedule) { F.mseLoss($0, $1) }
    }

    /// Accumulated batches equal one large batch, also if the last group has fewer batches or a smaller one.
    @Test(arguments: [(12, 3), (6, 2), (5, 3), (7, 4), (36, 5), (8, 1)]) func accumulationIsALargerBatch(
        _ batchSize: Int, _ accumulate: Int
    ) throws {
        let (small, large) = (makeModel(), makeModel())
        let (first, second) = (
            makeTrainer(small, SGD(small.parameters(), lr: 0.1, momentum: 0.9)),
            makeTrainer(large, SGD(large.parameters(), lr: 0.1, momentum: 0.9))
        )
        first.accumulate = accumulate
        try first.fit(loader(batchSize), epochs: 3)
        try second.fit(loader(batchSize * accumulate), epochs: 3)
        for (a, b) in zip(small.parameters(), large.parameters()) { expectClose(a, b, rtol: 1e-4, atol: 1e-6) }
        #expect(first.step == second.step && first.history.map(\.epoch) == [1, 2, 3])
    }

    /// Clipping, loss scaling and weight averaging equal a loop that calls them in PyTorch's order.
    @Test(arguments: [Clipping.norm(0.05), .value(0.01)], [false, true]) func asInALoop(_ clipping: Clipping, scaled: Bool) throws {
        let (own, byHand) = (makeModel(), makeModel())
        let (trainer, averaged) = (makeTrainer(own, SGD(own.parameters(), lr: 0.1)), AveragedModel(own, average: .exponential(decay: 0.5)))
        trainer.clipping = clipping
        if scaled { trainer.scaler = GradScaler(initScale: 1024) }
        trainer.average(own, into: averaged)
        try trainer.fit(loader(9), epochs: 2)

        let (optimizer, scaler, average) = (
            SGD(byHand.parameters(), lr: 0.1), GradScaler(initScale: 1024, enabled: scaled),
            AveragedModel(byHand, average: .exponential(decay: 0.5))
        )
        for _ in 0..<2 {
            for (x, y) in loader(9) {
                optimizer.zeroGrad()
                scaler.scale(F.mseLoss(byHand(x), y)).backward()
                scaler.unscale_(optimizer)
                switch clipping {
                case .norm(let norm): clipGradNorm_(byHand.parameters(), maxNorm: norm)
                case .value(let value): clipGradValue_(byHand.parameters(), clipValue: value)
                }
                scaler.step(optimizer)
                scaler.update()
                average.updateParameters(byHand)
            }
        }
        for (a, b) in zip(own.parameters() + averaged.parameters(), byHand.parameters() + average.parameters()) { #expect(a.equal(b)) }
    }

    /// An epoch's record says how long the loop waited for batches: for those of slow data nearly always.
    @Test func theTimeOfWaitingIsCounted() throws {
        struct Slow: Dataset {
            let count = 10
            subscript(index: Int) -> (Tensor, Tensor) {
                usleep(4000)
                return (.zeros([5]), .zeros([2]))
            }
        }
        let trainer = makeTrainer(makeModel(), SGD([Parameter(Tensor.zeros([1]))], lr: 0.1))
        try trainer.fit(DataLoader(Slow(), batchSize: 5, prefetch: 0), epochs: 2)
        for record in trainer.history {
            let waiting = try #require(record.waiting)
            #expect(waiting >= 0.04 && waiting <= record.seconds)
        }
    }

    /// Evaluation uses the averaged weights, and training continues with its own.
    @Test func evaluationUsesTheAverage() throws {
        let own = makeModel()
        let averaged = AveragedModel(own)
        let trainer = makeTrainer(own, SGD(own.parameters(), lr: 0.1))
        trainer.average(own, into: averaged)
        try trainer.fit(loader(12), test: loader(36), epochs: 2)
        let weights = own.parameters().map { $0.clone() }
        #expect(trainer.history[1].test!.loss == noGrad { F.mseLoss(averaged.module(x), y) }.item())
        #expect(trainer.history[1].test!.loss != noGrad { F.mseLoss(own(x), y) }.item())
        #expect(try trainer.evaluate(loader(36)).loss == trainer.history[1].test!.loss)
        #expect(zip(weights, own.parameters()).allSatisfy { $0.equal($1) })
    }

    /// Training ends when the metric stops improving, also after a resume; the best weights are available.
    @Test func theEndAndTheBest() throws {
        try withFolder { (folder: String) throws in
            func run() -> (SupervisedTrainer, Sequential) {
                let model = makeModel()
                // The learning rate is too high from the third epoch on.
                let optimizer = SGD(model.parameters(), lr: 0.05)
                let trainer = makeTrainer(model, optimizer, .everyEpoch(LambdaLR(optimizer) { $0 < 3 ? 1 : 40 }))
                trainer.earlyStopping = EarlyStopping(.lowest("mae"), patience: 2)
                trainer.keepBest = .lowest("mae")
                trainer.measure("mae") { MeanAbsoluteError($0, $1) }
                trainer.checkpoints = .init(folder: folder)
                return (trainer, model)
            }
            let (trainer, model) = run()
            #expect(try trainer.fit(loader(12), test: loader(36), epochs: 50) == .finishedEarly)
            let best = trainer.history.min { $0.test!["mae"]! < $1.test!["mae"]! }!
            #expect(trainer.history.count == best.epoch + 2 && best.epoch >= 2)
            #expect(try trainer.fit(loader(12), test: loader(36), epochs: 50) == .finishedEarly)
            #expect(try trainer.loadBest())
            #expect(try trainer.evaluate(loader(36))["mae"] == best.test!["mae"])
            let (later, other) = run()
            #expect(try later.resume(train: loader(12)))
            #expect(try later.fit(loader(12), test: loader(36), epochs: 50) == .finishedEarly && later.history == trainer.history)
            #expect(try later.loadBest())
            for (a, b) in zip(model.parameters(), other.parameters()) { #expect(a.equal(b)) }
        }
        let plain = makeTrainer(makeModel(), SGD([Parameter(Tensor.zeros([1]))], lr: 1))
        #expect(try !plain.loadBest())
    }

    /// Two adversarial networks: each optimizer's step uses the gradients of its own loss only, also with accumulation.
    @Test(arguments: [1, 2]) func aStepOfOnesOwn(accumulate: Int) throws {
        let pair = withGenerator(Generator(seed: 5)) { Sequential(["generator": Linear(5, 2), "critic": Linear(2, 1)]) }
        let (generator, critic) = (pair[0], pair[1])
        let optimizers = [SGD(critic.parameters(), lr: 0.1), SGD(generator.parameters(), lr: 0.1)]
        let trainer = Trainer(model: pair, optimizers: optimizers, schedules: optimizers.map { .everyEpoch(ExponentialLR($0, gamma: 0.5)) })
        { (batch: (Tensor, Tensor), step) in
            let fake = generator(batch.0)
            let wrong = critic(fake.detach()).mean() - critic(batch.1).mean()
            step.minimize(wrong, by: optimizers[0])
            let loss = -critic(fake).mean()
            step.minimize(loss, by: optimizers[1])
            return (loss: loss, output: (wrong, step.samples))
        }
        trainer.measure("critic") { Mean($0.0, count: $0.1) }
        trainer.accumulate = accumulate
        try trainer.fit(loader(18), epochs: 1)

        let copy = withGenerator(Generator(seed: 5)) { Sequential(["generator": Linear(5, 2), "critic": Linear(2, 1)]) }
        let batches = Array(loader(18))
        for group in accumulate == 1 ? batches.map({ [$0] }) : [batches] {
            // The critic that each batch's step sees: the one before its update, except in the last batch.
            let parameters = [copy[1].parameters(), copy[0].parameters()]
            var sums = parameters.map { $0.map { Tensor.zeros(like: $0) } }
            for (number, (x, y)) in group.enumerated() {
                let fake = copy[0](x)
                func add(_ loss: Tensor, _ i: Int) {
                    for (sum, gradient) in zip(sums[i], grad(of: loss / Double(group.count), withRespectTo: parameters[i])) {
                        sum.add_(gradient)
                    }
                }
                func update(_ i: Int) { noGrad { for (parameter, sum) in zip(parameters[i], sums[i]) { parameter.sub_(sum * 0.1) } } }
                add(copy[1](fake.detach()).mean() - copy[1](y).mean(), 0)
                if number == group.count - 1 { update(0) }
                add(-copy[1](fake).mean(), 1)
                if number == group.count - 1 { update(1) }
            }
            sums = []
        }
        for (a, b) in zip(pair.parameters(), copy.parameters()) { expectClose(a, b, rtol: 1e-5, atol: 1e-6) }
        #expect(
            trainer.step == 2 / accumulate && trainer.history[0].train["critic"] != nil
                && optimizers.allSatisfy { $0.paramGroups[0].lr == 0.05 })
        // Evaluation without a closure for it is an error.
        #expect(throws: OpError.self) { try trainer.fit(loader(18), test: loader(18), epochs: 2) }
        #expect(throws: OpError.self) { try trainer.evaluate(loader(18)) }
    }

    /// Any batch and output types: several inputs, and an output that is not a tensor.
    @Test func anyBatch() throws {
        struct Pair { var left, right, target: Tensor }
        let data = TensorDataset(x, x * 2, y)
        let loader = DataLoader(data, batchSize: 9) { samples in
            Pair(left: Tensor.stack(samples.map(\.0)), right: Tensor.stack(samples.map(\.1)), target: Tensor.stack(samples.map(\.2)))
        }
        let model = Bilinear(5, 5, 2)
        let trainer = Trainer(model: model, optimizer: Adam(model.parameters(), lr: 1e-2)) { (pair: Pair) in
            let output = model(pair.left, pair.right)
            return (loss: F.mseLoss(output, pair.target), output: ["error": output - pair.target])
        }
        trainer.measure("largest") { Largest(value: $0["error"]!.abs().max().item()) }
        #expect(try trainer.fit(loader, test: loader, epochs: 3) == .finished)
        #expect(trainer.history[2].train.loss < trainer.history[0].train.loss && trainer.history[2].test!["largest"]! > 0)
    }

    private struct Largest: Metric {
        var value: Double
        mutating func merge(_ other: Largest) { value = max(value, other.value) }
    }

    /// Wrong settings are reported before the first step.
    @Test func wrongSettingsAreNamed() throws {
        func complaint(_ change: (SupervisedTrainer) -> Void) -> String {
            let model = makeModel()
            let trainer = makeTrainer(model, SGD(model.parameters(), lr: 0.1))
            change(trainer)
            let text = message { try trainer.fit(loader(12), epochs: 1) }
            #expect(trainer.step == 0)
            return text
        }
        #expect(complaint { $0.accumulate = 0 }.contains("accumulate is 0"))
        #expect(complaint { $0.keepBest = .highest("accuracy") }.contains("no metric 'accuracy' to watch; there are loss"))
        #expect(complaint { $0.earlyStopping = EarlyStopping(.lowest("los"), patience: 2) }.contains("'los'"))
        let model = makeModel()
        let optimizer = SGD(model.parameters(), lr: 0.1)
        #expect(
            message {
                try makeTrainer(model, optimizer, .plateau(ReduceLROnPlateau(optimizer), watching: .lowest("mae"))).fit(
                    loader(12), epochs: 1)
            }.contains("'mae'"))
        #expect(
            message {
                let trainer = makeTrainer(model, optimizer)
                for _ in 0..<2 { trainer.measure("mae") { MeanAbsoluteError($0, $1) } }
            }.contains("there is a metric 'mae' already"))
        #expect(message { EarlyStopping(patience: 0) }.contains("patience is 0"))
    }

    /// An optimizer that computes the loss several times gets to: the trainer takes the steps of a loop by hand, and goes on to the same
    /// bytes.
    @Test func optimizersThatComputeTheLossAgain() throws {
        let x = Tensor.randn([12, 3], generator: Generator(seed: 1))
        let y = x.mm(Tensor([[1.0], [-2], [0.5]])) + 1
        let loader = DataLoader(TensorDataset(x, y), batchSize: 12)
        func make() -> (Linear, SupervisedTrainer) {
            let model = withGenerator(Generator(seed: 3)) { Linear(3, 1) }
            let optimizer = LBFGS(model.parameters(), lr: 0.5, maxIter: 4, lineSearchFn: .strongWolfe)
            return (model, Trainer(model: model, optimizer: optimizer) { F.mseLoss($0, $1) })
        }
        func bytes(_ model: Linear) -> [[UInt8]] { model.parameters().map { $0.bytes() } }
        let (byHand, _) = make()
        let optimizer = LBFGS(byHand.parameters(), lr: 0.5, maxIter: 4, lineSearchFn: .strongWolfe)
        var losses: [Double] = []
        for _ in 0..<3 {
            let loss = optimizer.step {
                optimizer.zeroGrad()
                let loss = F.mseLoss(byHand(x), y)
                loss.backward()
                return loss
            }
            losses.append(loss.item())
        }
        let (model, trainer) = make()
        try trainer.fit(loader, epochs: 3)
        #expect(bytes(model) == bytes(byHand) && trainer.history.map(\.train.loss) == losses && losses[2] < 1e-3 * losses[0])
        try withFolder { folder in
            let (_, first) = make()
            first.checkpoints = .init(folder: folder)
            try first.fit(loader, epochs: 2)
            let (second, rest) = make()
            rest.checkpoints = .init(folder: folder)
            try rest.resume(train: loader)
            try rest.fit(loader, epochs: 3)
            #expect(bytes(second) == bytes(model))
        }
        // In lower precision it computes the loss, not its own sums.
        let (low, lower) = make()
        lower.autocast = .bfloat16
        try lower.fit(loader, epochs: 8)
        #expect(lower.history.last!.train.loss < 1e-2 * losses[0] && bytes(low) != bytes(model))
        let (clipped, clipping) = make()
        clipping.clipping = .norm(1e-9)
        try clipping.fit(loader, epochs: 1)
        let moved = zip(clipped.parameters(), make().0.parameters()).map { ($0 - $1).abs().max().item() as Double }
        #expect(moved.allSatisfy { $0 < 1e-6 })
        // What needs the gradients of one computation alone is refused, before a step.
        for (word, change) in [
            ("accumulated batches", { $0.accumulate = 2 }), ("a scaler", { $0.scaler = GradScaler() }),
        ] as [(String, (SupervisedTrainer) -> Void)] {
            let (model, trainer) = make()
            let before = bytes(model)
            change(trainer)
            #expect(message { try trainer.fit(loader, epochs: 1) }.contains("LBFGS computes the loss of a batch as often as it needs"))
            #expect(message { try trainer.fit(loader, epochs: 1) }.contains(word) && bytes(model) == before)
        }
        let own = Trainer(model: model, optimizers: [optimizer]) { (batch: (Tensor, Tensor), step) in
            let loss = F.mseLoss(model(batch.0), batch.1)
            step.minimize(loss, by: optimizer)
            return (loss: loss, output: ())
        }
        #expect(message { try own.fit(loader, epochs: 1) }.contains("minimize(by: optimizer)"))
    }
}
