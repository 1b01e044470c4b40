import ApusCore
import ApusData
import ApusDistributed
import ApusNN
import ApusOptim
import ApusSystem

extension Trainer {
    /// Trains until `epochs` epochs are done, including those before a resumed checkpoint; evaluates on `test` after each.
    ///
    /// A model in evaluation mode is switched to training mode; single layers of a model in training mode keep their evaluation mode.
    ///
    /// Throws errors of reading samples and of writing checkpoints, and an `OpError` if a loader has no batches, or if model and data do
    /// not fit; that a last batch of one sample is too small for batch normalisation is found before the first step.
    @discardableResult public func fit(_ train: DataLoader<Batch>, test: DataLoader<Batch>? = nil, epochs: Int) throws -> TrainingOutcome {
        try checkSettings(train, test)
        let reducer = try shared()
        try agree(reducer, train, test, epochs: epochs)
        if !model.training { model.train() }
        return try withGenerator(generator) {
            var progress = progress(train, epochs: max(epochs, 1), partial?.measurements ?? Measurements(measures.map(\.name)))
            for observer in observers { observer.willTrain(progress) }
            while history.count < epochs {
                if let earlyStopping, partial == nil, earlyStopping.isOver(history) { return .finishedEarly }
                guard try checked({ try runEpoch(train, test: test, epochs: epochs, reducer, &progress) }) else {
                    for observer in observers { observer.didStop(progress) }
                    return .stopped
                }
            }
            return .finished
        }
    }

    /// Throws for settings that are known to be wrong before the first step.
    private func checkSettings(_ train: DataLoader<Batch>, _ test: DataLoader<Batch>?) throws(OpError) {
        func complain(_ text: String) -> OpError { OpError(text, op: "fit") }
        for (name, loader) in [("train", train), ("test", test)] {
            guard let loader else { continue }
            guard let count = loader.knownCount else {
                throw complain("\(name) is a stream that does not know its number of samples; give it a count")
            }
            guard count == 0 else { continue }
            guard let samples = loader.sampleCount, let size = loader.batchSize else {
                throw complain("\(name) has no batches: its batch sampler gives none")
            }
            throw complain(
                "\(name) has no batches: \(samples) samples, batches of \(size)\(loader.dropLast ? ", and dropLast leaves out a smaller one" : "")"
            )
        }
        guard accumulate >= 1 else { throw complain("accumulate is \(accumulate), it must be at least 1") }
        for optimizer in optimizers where optimizer.needsClosure {
            let others = [
                (accumulate > 1, "accumulated batches"), (scaler?.isEnabled == true, "a scaler of the loss"), (cutsBatches, "shards"),
            ]
            guard let (_, other) = others.first(where: \.0) else { continue }
            throw complain(
                "\(type(of: optimizer)) computes the loss of a batch as often as it needs, which does not go with \(other); leave that out, or take another optimizer"
            )
        }
        if let steps = checkpoints?.steps, steps < 1 {
            throw complain("a checkpoint every \(steps) steps is asked for, it must be at least 1")
        }
        if let partial {
            guard partial.measurements.names == measures.map(\.name) else {
                throw complain("the epoch under way has other metrics than the trainer; call measure before resume")
            }
            guard partial.position.batch % accumulate == 0 || partial.position.batch == train.count else {
                throw complain(
                    "the epoch under way goes on at batch \(partial.position.batch), which \(accumulate) accumulated batches do not come to; take the same accumulate as before"
                )
            }
        }
        if test != nil, compute == nil {
            throw complain("there is a test set, but nothing that says what to compute of it; give the trainer an evaluate closure")
        }
        var watched = [earlyStopping?.watched, keepBest].compactMap(\.self)
        for case .plateau(_, let number) in schedules { watched.append(number) }
        for number in watched where number.name != "loss" && !measures.contains(where: { $0.name == number.name }) {
            throw complain(
                "there is no metric '\(number.name)' to watch; there are \((["loss"] + measures.map(\.name)).joined(separator: ", "))")
        }
    }

    private func progress(_ train: DataLoader<Batch>, epochs: Int, _ measurements: Measurements) -> TrainingProgress {
        TrainingProgress(
            epoch: min(history.count + 1, epochs), epochs: epochs, batch: partial?.position.batch ?? 0, batches: train.count, step: step,
            learningRate: partial?.learningRate ?? learningRate, samplesPerSecond: 0, measurements: measurements)
    }

    var learningRate: Double { optimizers.first?.paramGroups.first?.lr ?? 0 }

    /// Runs one epoch, or the rest of one; false if it was stopped.
    private func runEpoch(
        _ train: DataLoader<Batch>, test: DataLoader<Batch>?, epochs: Int, _ reducer: GradientReducer?, _ progress: inout TrainingProgress
    ) throws -> Bool {
        let measurements = partial?.measurements ?? Measurements(measures.map(\.name))
        let secondsBefore = partial?.seconds ?? 0
        var waiting = partial?.waiting ?? 0
        progress = self.progress(train, epochs: epochs, measurements)
        let position = partial?.position
        partial = nil
        if progress.batch == 0 { try checkLastBatch(train, reducer?.sharding ?? .whole) }
        // Others may iterate over the loader meanwhile: an evaluation with the same loader, or an observer.
        let batches = Batches(train, reducer, at: position)
        func nextBatch() throws -> ShardedBatch<Batch>? {
            let begin = monotonicSeconds()
            defer { waiting += monotonicSeconds() - begin }
            return try batches.next()
        }
        func place(_ progress: TrainingProgress, seconds: Double) -> Partial {
            Partial(
                position: .init(seed: batches.seed, batch: progress.batch), measurements: measurements, learningRate: progress.learningRate,
                seconds: seconds, waiting: waiting)
        }
        let begin = monotonicSeconds()
        var lastCheckpoint = begin
        var isBetweenSteps = true
        // What the first process wants is what all do.
        func isCheckpointDue() -> Bool { checkpoints.map { monotonicSeconds() - lastCheckpoint >= $0.seconds } ?? false }
        // Checkpoints hold no gradients, so they are written between steps, and training is stopped there too.
        while !(wantsStop(reducer) && isBetweenSteps), let batch = try nextBatch() {
            progress.learningRate = learningRate
            let told = try learn(
                batch, number: progress.batch, of: batches, train.count, measurements, reducer, signals(isCheckpointDue()))
            isBetweenSteps = told != nil
            progress.step = step
            progress.batch += 1
            let now = monotonicSeconds()
            progress.samplesPerSecond = Double(measurements.samples) / max(secondsBefore + now - begin, 1e-9)
            for observer in observers { observer.didTrain(progress) }
            try throwFailure() // Errors that a device has reported meanwhile.
            guard let told, let policy = checkpoints else { continue }
            if told.contains(.checkpoint) || policy.steps.map({ step % $0 == 0 }) == true {
                partial = place(progress, seconds: secondsBefore + now - begin)
                defer { partial = nil }
                try saveCheckpoint(train)
                lastCheckpoint = monotonicSeconds()
            }
        }
        let trained = try gathered(measurements, reducer).record // Waits for the device, so that the time below includes all work.
        try throwFailure()
        let seconds = secondsBefore + monotonicSeconds() - begin
        progress.samplesPerSecond = Double(measurements.samples) / max(seconds, 1e-9)
        func pause() throws -> Bool {
            partial = place(progress, seconds: seconds)
            try saveCheckpoint(train)
            return false
        }
        if wantsStop(reducer) { return try pause() }
        var record = EpochRecord(
            epoch: progress.epoch, step: step, train: trained, test: nil, learningRate: progress.learningRate,
            samplesPerSecond: progress.samplesPerSecond, seconds: seconds, waiting: waiting)
        if let test {
            // A test loader may draw from the run's generator: a resumed evaluation must start from the same state. A test loader with its
            // own generator gives the same order in every epoch.
            let (own, others) = (generator.state, test.generator?.state)
            let tested = try evaluate(test, reducer, after: progress)
            if let others { test.generator?.state = others }
            guard let tested else {
                (generator.state, isStopAgreed) = (own, true)
                return try pause()
            }
            record.test = tested
        }
        for schedule in schedules { try schedule.didFinish(record) }
        history.append(record)
        if let keepBest,
            try keepBest.isBetter(
                keepBest.value(in: record), than: bestEpoch.flatMap { keepBest.number(in: history[$0 - 1], like: record) } ?? .nan)
        {
            (bestWeights, bestEpoch) = (try evaluatedWeights(), record.epoch)
        }
        for observer in observers { observer.didFinish(record, of: epochs) }
        try saveCheckpoint(train)
        return true
    }

    /// A copy of the weights used in evaluation: the averages if there are any.
    package func evaluatedWeights() throws -> StateDict {
        func copies() -> StateDict { noGrad { StateDict(model.stateDict().map { ($0.key, $0.value.clone()) }) } }
        return try average.map { try $0.inPlace(copies) } ?? copies()
    }

    /// Trains on a batch. Where that completes a step, returns what the processes have told each other with it, of which this one tells
    /// `signals`; else nil. A model that does not fit its data throws here instead of trapping.
    private func learn(
        _ batch: ShardedBatch<Batch>, number: Int, of batches: Batches<Batch>, _ count: Int, _ measurements: Measurements,
        _ reducer: GradientReducer?, _ signals: GradientReducer.Signals
    ) throws -> GradientReducer.Signals? {
        let group = number - number % accumulate
        let end = min(group + accumulate, count)
        let isLast = number + 1 == end
        let samples = batches.samples(group..<end) ?? batch.samples
        var told = signals
        try checkedStep {
            if number == group {
                (begun, losses, shares) = ([], [:], [:])
                try reducer?.begin(signals)
            }
            for shard in batch.shards {
                let share = try (weight.map { weight in try noGrad { try weight(shard.batch) } } ?? Double(shard.samples)) / Double(samples)
                shares[shard.number, default: 0] += share
                let taken = TrainingStep(
                    samples: shard.samples, weight: share, of: weight == nil ? nil : shares[0], isLast: isLast, reducer: reducer,
                    scaler: scaler, clipping: clipping, autocast: autocast, begun: begun)
                let single = optimizers.count == 1
                func compute(_ batch: Batch) throws -> Computed { try inItsDType { try learn(batch, taken) } }
                let computed = try reducer.map { try $0.learn(shard, isLast: isLast, isSingle: single, compute) } ?? compute(shard.batch)
                begun = taken.begun
                if reducer == nil {
                    measurements.add(loss: computed.loss, computed.output, samples: shard.samples, measures)
                } else {
                    losses[shard.number, default: 0] += computed.loss.item() * share
                    measurements.add(computed.output, measures, shard: shard.number)
                }
            }
            guard isLast else { return }
            if let reducer {
                let result = try reducer.finish(losses: losses, shares: weight == nil ? nil : shares)
                measurements.add(loss: result.loss, samples: samples)
                told = result.signals
                isStopAgreed = isStopAgreed || result.signals.contains(.stop)
                begun = Set(optimizers.lazy.filter(reducer.hasReached).map(ObjectIdentifier.init))
                let taken = TrainingStep(
                    samples: samples, weight: 1, of: nil, isLast: true, reducer: reducer, scaler: scaler, clipping: clipping,
                    autocast: autocast, begun: begun)
                for optimizer in optimizers where begun.contains(ObjectIdentifier(optimizer)) { taken.step(optimizer) }
            }
            if !begun.isEmpty { scaler?.update() }
            for schedule in schedules { schedule.didStep() }
            average?.update()
            step += 1
        }
        return isLast ? told : nil
    }

    /// What this process tells the others with the next step.
    private func signals(_ isCheckpointDue: Bool) -> GradientReducer.Signals {
        var signals: GradientReducer.Signals = stop.isSet ? [.stop] : []
        if isCheckpointDue, group?.isFirst ?? true { signals.insert(.checkpoint) }
        return signals
    }

    /// Whether training is to stop here: on all processes or on none.
    private func wantsStop(_ reducer: GradientReducer?) -> Bool { reducer == nil ? stop.isSet : isStopAgreed }

    /// Throws unless all processes are about to do the same.
    private func agree(_ reducer: GradientReducer?, _ train: DataLoader<Batch>, _ test: DataLoader<Batch>?, epochs: Int) throws {
        guard let reducer else { return }
        isStopAgreed = false
        func name(_ loader: DataLoader<Batch>) -> String {
            "\(loader.count) batches of \(loader.batchSize.map { "\($0)" } ?? "any size"), \(loader.sampleCount.map { "\($0)" } ?? "any number of") samples"
        }
        let settings = TrainerSetting.allCases.map { "\($0): \(text(of: $0))" }
        try reducer.group.agree(
            on: [
                "\(epochs) epochs", "\(history.count) of them done", "\(reducer.sharding.count) shards",
                "training on \(name(train))", test.map { "evaluation on \(name($0))" } ?? "no evaluation", "step \(step)",
                "\(partial?.position.batch ?? 0) batches of an epoch done", "optimizers: \(optimizers.map { "\(type(of: $0))" })",
                checkpoints.map { "checkpoints, every \($0.steps.map { "\($0)" } ?? "no") steps" } ?? "no checkpoints",
                "metrics: \(measures.map(\.name))",
            ] + settings, "what to do")
        try reducer.group.synchronize(model)
    }

    private func inItsDType<Result>(_ body: () throws -> Result) rethrows -> Result {
        if let autocast { try ApusCore.autocast(autocast, body) } else { try body() }
    }

    /// Throws if an epoch ends with a batch of one sample that the model cannot learn from: batch normalisation cannot compute statistics
    /// from one value per channel. It tries the first sample before training begins.
    private func checkLastBatch(_ train: DataLoader<Batch>, _ sharding: Sharding) throws {
        guard let compute, let size = train.batchSize, let count = train.sampleCount, size > 1, !train.dropLast,
            sharding.leavesOne(of: count % size) || sharding.leavesOne(of: min(size, count)), model.training,
            ([model] + model.modules()).contains(where: { $0 is BatchNorm && $0.training })
        else { return }
        let buffers = model.buffers().map { ($0, $0.clone()) }
        defer { noGrad { for (buffer, value) in buffers { buffer.copy_(value) } } }
        // A separate generator, so that the trial does not change the run's random numbers.
        try withGenerator(Generator(seed: 0)) {
            guard let sample = try train.read(at: [0]) else { return }
            do {
                try checked { try noGrad { _ = try inItsDType { try compute(sample) } } }
            } catch {
                throw OpError(
                    sharding.count > 1
                        ? "an epoch of \(count) samples in batches of \(size) has batches of which a shard of \(sharding.count) is one sample, from which the model cannot learn (\(error)); choose larger batches, fewer shards, or dropLast: true"
                        : "an epoch of \(count) samples in batches of \(size) ends with a batch of one, from which the model cannot learn (\(error)); choose another batch size, \(size - 1) or \(size + 1) say, or dropLast: true",
                    op: "fit")
            }
        }
    }

    // MARK: Evaluation

    private func evaluate(_ test: DataLoader<Batch>, _ reducer: GradientReducer?, after progress: TrainingProgress) throws -> Measured? {
        var count = 0
        return try evaluate(test, reducer) {
            count += 1
            for observer in observers { observer.didEvaluate(batch: count, of: test.count, after: progress) }
            return !stop.isSet
        }?.record
    }

    /// Evaluates the model on `loader`, in evaluation mode and with the averaged weights if there are any (afterwards each layer gets its
    /// own mode back).
    public func evaluate(_ loader: DataLoader<Batch>) throws -> Measurements {
        guard let measurements = try evaluate(loader, shared(), goOn: { true }) else {
            preconditionFailure("an evaluation that nobody stops has a result")
        }
        return measurements
    }

    /// The same; `goOn` is called after each batch, and nil is returned once it returns false.
    func evaluate(_ loader: DataLoader<Batch>, _ reducer: GradientReducer? = nil, goOn: () -> Bool) throws -> Measurements? {
        guard let compute else {
            throw OpError("nothing says what to compute of a batch; give the trainer an evaluate closure", op: "evaluate")
        }
        func run() throws -> Measurements? {
            try measured(
                model, on: loader, measures, reducer: reducer, compute: { batch in try inItsDType { try compute(batch) } }, goOn: goOn)
        }
        return try average.map { try $0.inPlace(run) } ?? run()
    }
}

extension Sharding {
    /// Whether a shard of so many samples has one.
    fileprivate func leavesOne(of samples: Int) -> Bool { (0..<count).contains { self.samples(of: $0, in: samples).count == 1 } }
}
