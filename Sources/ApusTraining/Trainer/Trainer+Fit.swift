import ApusCore
import ApusData
import ApusNN
import ApusOptim
import ApusSystem

extension Trainer {
    /// Trains until `epochs` epochs are done, those before a resumed checkpoint included; evaluates on `test` after each.
    ///
    /// A model that is in eval mode is put into training mode; layers of a model in training mode that were put into eval mode stay there.
    ///
    /// Throws what reading a sample throws, an ``OpError`` where a loader has no batches or model and data do not fit (a last batch of one
    /// sample that batch normalisation cannot learn from among them, before the first step), and what writing a checkpoint throws.
    @discardableResult public func fit(_ train: DataLoader<Batch>, test: DataLoader<Batch>? = nil, epochs: Int) throws -> TrainingOutcome {
        try checkSettings(train, test)
        if !model.training { model.train() }
        return try withGenerator(generator) {
            var progress = progress(train, epochs: max(epochs, 1), partial?.measurements ?? Measurements(measures.map(\.name)))
            for observer in observers { observer.willTrain(progress) }
            while history.count < epochs {
                if let earlyStopping, partial == nil, try earlyStopping.isOver(history) { return .finishedEarly }
                guard try checked({ try runEpoch(train, test: test, epochs: epochs, &progress) }) else {
                    for observer in observers { observer.didStop(progress) }
                    return .stopped
                }
            }
            return .finished
        }
    }

    /// What is known to be wrong before the first step.
    private func checkSettings(_ train: DataLoader<Batch>, _ test: DataLoader<Batch>?) throws(OpError) {
        func complain(_ text: String) -> OpError { OpError(text, op: "fit") }
        for (name, loader) in [("train", train), ("test", test)] {
            guard let loader, loader.count == 0 else { continue }
            throw complain("\(name) has no batches: \(loader.sampleCount) samples, batches of \(loader.batchSize)\(loader.dropLast ? ", and dropLast leaves out a smaller one" : "")")
        }
        guard accumulate >= 1 else { throw complain("accumulate is \(accumulate), it must be at least 1") }
        if test != nil, compute == nil { throw complain("there is a test set, but nothing that says what to compute of it; give the trainer an evaluate closure") }
        var watched = [earlyStopping?.watched, keepBest].compactMap(\.self)
        for case .plateau(_, let number) in schedules { watched.append(number) }
        for number in watched where number.name != "loss" && !measures.contains(where: { $0.name == number.name }) {
            throw complain("there is no metric '\(number.name)' to watch; there are \((["loss"] + measures.map(\.name)).joined(separator: ", "))")
        }
    }

    private func progress(_ train: DataLoader<Batch>, epochs: Int, _ measurements: Measurements) -> TrainingProgress {
        TrainingProgress(
            epoch: min(history.count + 1, epochs), epochs: epochs, batch: partial?.position.batch ?? 0, batches: train.count, step: step,
            learningRate: partial?.learningRate ?? learningRate, samplesPerSecond: 0, measurements: measurements)
    }

    var learningRate: Double { optimizers.first?.paramGroups.first?.lr ?? 0 }

    /// One epoch, or what is left of it; false where it was stopped.
    private func runEpoch(_ train: DataLoader<Batch>, test: DataLoader<Batch>?, epochs: Int, _ progress: inout TrainingProgress) throws -> Bool {
        let measurements = partial?.measurements ?? Measurements(measures.map(\.name))
        let secondsBefore = partial?.seconds ?? 0
        progress = self.progress(train, epochs: epochs, measurements)
        if let partial { train.resume(at: partial.position) }
        partial = nil
        if progress.batch == 0 { try checkLastBatch(train) }
        let iterator = train.makeIterator()
        let begin = monotonicSeconds()
        var lastCheckpoint = begin
        var isBetweenSteps = true
        // A checkpoint knows no gradients: it is taken between two steps, and so is the end.
        while !(stop.isSet && isBetweenSteps), let batch = try iterator.nextBatch() {
            progress.learningRate = learningRate
            isBetweenSteps = try learn(batch, number: progress.batch, train, measurements)
            progress.step = step
            progress.batch += 1
            let now = monotonicSeconds()
            progress.samplesPerSecond = Double(measurements.samples) / max(secondsBefore + now - begin, 1e-9)
            for observer in observers { observer.didTrain(progress) }
            try throwFailure() // What a device has reported meanwhile.
            guard isBetweenSteps, let policy = checkpoints, let position = train.position else { continue }
            if now - lastCheckpoint >= policy.seconds || policy.steps.map({ step % $0 == 0 }) == true {
                partial = Partial(position: position, measurements: measurements, learningRate: progress.learningRate, seconds: secondsBefore + now - begin)
                defer { partial = nil }
                try saveCheckpoint(train)
                lastCheckpoint = monotonicSeconds()
            }
        }
        let trained = measurements.record // Waits for the device: the time below is that of the work.
        try throwFailure()
        let seconds = secondsBefore + monotonicSeconds() - begin
        progress.samplesPerSecond = Double(measurements.samples) / max(seconds, 1e-9)
        func pause() throws -> Bool {
            if let position = train.position {
                partial = Partial(position: position, measurements: measurements, learningRate: progress.learningRate, seconds: seconds)
                try saveCheckpoint(train)
            }
            return false
        }
        if stop.isSet { return try pause() }
        var record = EpochRecord(
            epoch: progress.epoch, step: step, train: trained, test: nil, learningRate: progress.learningRate,
            samplesPerSecond: progress.samplesPerSecond, seconds: seconds)
        if let test {
            // A test loader may draw from the run's generator or from one of its own: whoever goes on evaluates from the same place.
            let (own, others) = (generator.state, test.generator?.state)
            guard let tested = try evaluate(test, after: progress) else {
                generator.state = own
                if let others { test.generator?.state = others }
                return try pause()
            }
            record.test = tested
        }
        for schedule in schedules { try schedule.didFinish(record) }
        history.append(record)
        if let keepBest, try keepBest.best(of: history)?.epoch == record.epoch { bestWeights = evaluatedWeights() }
        for observer in observers { observer.didFinish(record, of: epochs) }
        try saveCheckpoint(train)
        return true
    }

    /// A copy of the weights that evaluation sees: the averages where there are any.
    private func evaluatedWeights() -> StateDict {
        func copies() -> StateDict { noGrad { StateDict(model.stateDict().map { ($0.key, $0.value.clone()) }) } }
        return average?.inPlace(copies) ?? copies()
    }

    /// Learns from a batch; whether a step was taken with it. A model that does not fit its data throws here instead of ending the program.
    private func learn(_ batch: Batch, number: Int, _ train: DataLoader<Batch>, _ measurements: Measurements) throws -> Bool {
        func samples(from first: Int, to end: Int) -> Int { min(end * train.batchSize, train.sampleCount) - first * train.batchSize }
        let (own, group) = (samples(from: number, to: number + 1), number - number % accumulate)
        let end = min(group + accumulate, train.count)
        let isLast = number + 1 == end
        try checkedStep {
            let taken = TrainingStep(
                samples: own, weight: Double(own) / Double(samples(from: group, to: end)), isFirst: number == group, isLast: isLast, scaler: scaler,
                clipping: clipping)
            let computed = try inItsDType { try learn(batch, taken) }
            if isLast {
                if taken.hasStepped { scaler?.update() }
                for schedule in schedules { schedule.didStep() }
                average?.update()
                step += 1
            }
            measurements.add(loss: computed.loss, computed.output, samples: own, measures)
        }
        return isLast
    }

    private func inItsDType<Result>(_ body: () throws -> Result) rethrows -> Result {
        if let autocast { try ApusCore.autocast(autocast, body) } else { try body() }
    }

    /// Throws where an epoch ends with a batch of one sample that the model cannot learn from: batch normalisation has no statistics of one
    /// number a channel. Tried with the first sample, before anything is learned.
    private func checkLastBatch(_ train: DataLoader<Batch>) throws {
        guard let compute, train.batchSize > 1, !train.dropLast, train.sampleCount % train.batchSize == 1, model.training,
            ([model] + model.modules()).contains(where: { $0 is BatchNorm && $0.training })
        else { return }
        let buffers = model.buffers().map { ($0, $0.clone()) }
        defer { noGrad { for (buffer, value) in buffers { buffer.copy_(value) } } }
        // Random numbers of its own: what is drawn here is not missing in the run.
        try withGenerator(Generator(seed: 0)) {
            let sample = try train.read(at: [0])
            do {
                try checked { try noGrad { _ = try inItsDType { try compute(sample) } } }
            } catch {
                throw OpError(
                    "an epoch of \(train.sampleCount) samples in batches of \(train.batchSize) ends with a batch of one, from which the model cannot learn (\(error)); "
                        + "choose another batch size, \(train.batchSize - 1) or \(train.batchSize + 1) say, or dropLast: true", op: "fit")
            }
        }
    }

    // MARK: Evaluation

    private func evaluate(_ test: DataLoader<Batch>, after progress: TrainingProgress) throws -> Measured? {
        var count = 0
        return try evaluate(test) {
            count += 1
            for observer in observers { observer.didEvaluate(batch: count, of: test.count, after: progress) }
            return !stop.isSet
        }?.record
    }

    /// What the model makes of the samples of `loader`, in eval mode and with the averaged weights where there are any (each layer is put back
    /// into its own mode afterwards). `goOn` is asked after each batch; nil is returned where it said no.
    public func evaluate(_ loader: DataLoader<Batch>, goOn: () -> Bool = { true }) throws -> Measurements? {
        guard let compute else { throw OpError("nothing says what to compute of a batch; give the trainer an evaluate closure", op: "evaluate") }
        func run() throws -> Measurements? {
            try measured(model, on: loader, measures, compute: { batch in try inItsDType { try compute(batch) } }, goOn: goOn)
        }
        return try average.map { try $0.inPlace(run) } ?? run()
    }
}
