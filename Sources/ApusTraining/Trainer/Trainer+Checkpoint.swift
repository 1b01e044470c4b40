import ApusCore
import ApusData
import ApusDistributed
import ApusFormats
import ApusNN
import ApusOptim

/// The state of a trainer besides the tensors: one value, under one key of a checkpoint's metadata.
package struct TrainerState: Codable {
    package var step: Int
    package var history: [EpochRecord]
    var generator: Generator.State
    var loader: Generator.State?
    package var partial: Partial?
    var optimizers: [[String: String]]
    var schedules: [[String: String]]
    var scaler: [String: String]?
    /// The epoch with the best weights.
    var bestEpoch: Int?
    /// How many shards a batch has; nil for one.
    var shards: Int?

    /// The state of an unfinished epoch.
    package struct Partial: Codable {
        var seed: UInt64
        package var batch: Int
        var measurements: Measurements.State
        /// nil means the schedule's rate for the next step.
        var learningRate: Double?
        var seconds: Double
        var waiting: Double?
    }

    static let key = "trainer"

    /// The state in `checkpoint`. `file` names it in messages.
    package init(_ checkpoint: Checkpoint, file: String) throws {
        guard let text = checkpoint.metadata[TrainerState.key] else {
            self = try TrainerState(earlier: checkpoint, file: file)
            return
        }
        do {
            self = try JSON(parsing: text).decoded()
        } catch {
            throw FormatError(file: file, place: .key(TrainerState.key), reason: JSON.problem(error))
        }
        try check(file, TrainerState.key)
    }

    func check(_ file: String, _ key: String) throws {
        let seconds = history.map(\.seconds) + history.compactMap(\.waiting) + [partial?.seconds ?? 0, partial?.waiting ?? 0]
        guard (0...1 << 53).contains(step), history.indices.allSatisfy({ history[$0].epoch == $0 + 1 }),
            seconds.allSatisfy((0...1e12).contains),
            bestEpoch.map(history.map(\.epoch).contains) ?? true
        else { throw FormatError(file: file, place: .key(key), reason: "not a number of steps and a list of epochs") }
    }

    init(
        step: Int, history: [EpochRecord], generator: Generator.State, loader: Generator.State?, partial: Partial?,
        optimizers: [[String: String]],
        schedules: [[String: String]], scaler: [String: String]?, bestEpoch: Int?, shards: Int? = nil
    ) {
        (self.bestEpoch, self.shards) = (bestEpoch, shards)
        (self.step, self.history, self.generator, self.loader) = (step, history, generator, loader)
        (self.partial, self.optimizers, self.schedules, self.scaler) = (partial, optimizers, schedules, scaler)
    }
}

extension Trainer {
    private static var modelSection: String { "model" }
    private static var averageSection: String { "average" }
    private static var bestSection: String { "best" }
    private static func section(optimizer i: Int) -> String { i == 0 ? "optimizer" : "optimizer.\(i)" }

    /// Writes a checkpoint of the current state, if there is a policy.
    func saveCheckpoint(_ train: DataLoader<Batch>) throws {
        guard let policy = checkpoints else { return }
        let reducer = try shared()
        // All processes have the same state but for what they have measured, and the first one writes it.
        let measured = try partial.map { try gathered($0.measurements, reducer).state() }
        let states = optimizers.map { $0.stateDict() }
        guard group?.isFirst ?? true else { return }
        var checkpoint = Checkpoint()
        // Copy from the device first: if that fails, or the work before did, the last checkpoint stays.
        func keep(_ section: String, _ tensors: StateDict) { checkpoint[section] = StateDict(tensors.map { ($0.key, $0.value.to(.cpu)) }) }
        keep(Self.modelSection, model.stateDict())
        for (i, state) in states.enumerated() { keep(Self.section(optimizer: i), state.tensors) }
        if let average { keep(Self.averageSection, average.module.stateDict()) }
        if let bestWeights { keep(Self.bestSection, bestWeights) }
        try throwFailure()
        for (key, value) in try checkpointMetadata() { checkpoint.metadata[key] = value }
        let state = TrainerState(
            step: step, history: history, generator: generator.state, loader: train.generator?.state,
            partial: partial.map {
                .init(
                    seed: $0.position.seed, batch: $0.position.batch, measurements: measured!,
                    learningRate: $0.learningRate, seconds: $0.seconds, waiting: $0.waiting)
            },
            optimizers: states.map(\.values), schedules: schedules.map { $0.stateDict() }, scaler: scaler?.stateDict(),
            bestEpoch: bestEpoch,
            shards: reducer?.sharding.count)
        checkpoint.metadata[TrainerState.key] = try JSON(encoding: state).text
        try checkpoint.save(in: policy.folder)
    }

    /// What all processes have measured.
    func gathered(_ measurements: Measurements, _ reducer: GradientReducer?) throws -> Measurements {
        try reducer.map { try measurements.gathered(in: $0.group, measures) } ?? measurements
    }

    /// Continues from the newest undamaged checkpoint in the policy's folder. Returns false where there is none; then nothing has changed.
    @discardableResult public func resume(train: DataLoader<Batch>) throws -> Bool {
        guard let policy = checkpoints, let checkpoint = try Checkpoint.load(from: policy.folder, in: group) else { return false }
        try restore(checkpoint, train: train, file: Checkpoint.newest(in: policy.folder))
        return true
    }

    /// Restores the state in `checkpoint`. `file` names it in messages. Throws if it belongs to another model, optimizer, schedule or
    /// loader, or has other metrics; then nothing has changed.
    public func restore(_ checkpoint: Checkpoint, train: DataLoader<Batch>, file: String) throws {
        // Everything is read and checked before anything changes.
        let state = try TrainerState(checkpoint, file: file)
        func section(_ name: String) throws -> StateDict {
            guard let tensors = checkpoint[name] else {
                throw FormatError(file: file, reason: "there is no section '\(name)': the checkpoint is not one of this trainer")
            }
            return tensors
        }
        func differs(_ what: String, _ found: Int, _ own: Int) -> FormatError {
            FormatError(
                file: file, place: .key(TrainerState.key),
                reason: "the checkpoint's run has \(found) \(what), this trainer \(own); give it the same ones")
        }
        let sharding = try shared()?.sharding
        guard state.shards ?? 1 == sharding?.count ?? 1 else {
            throw differs("shards a batch", state.shards ?? 1, sharding?.count ?? 1)
        }
        guard state.optimizers.count == optimizers.count else { throw differs("optimizers", state.optimizers.count, optimizers.count) }
        guard state.schedules.count == schedules.count else {
            throw differs("schedules of learning rates", state.schedules.count, schedules.count)
        }
        guard (state.scaler != nil) == (scaler != nil) else {
            throw differs("scalers of the loss", state.scaler == nil ? 0 : 1, scaler == nil ? 0 : 1)
        }
        guard (checkpoint[Self.averageSection] != nil) == (average != nil) else {
            throw differs("averages of the weights", average == nil ? 1 : 0, average == nil ? 0 : 1)
        }
        guard (state.loader != nil) == (train.generator != nil) else {
            throw differs("generators of the loader's own", state.loader == nil ? 0 : 1, train.generator == nil ? 0 : 1)
        }
        let best = checkpoint[Self.bestSection]
        guard (best != nil) == (state.bestEpoch != nil), best.map(fitsModel) ?? true else {
            throw FormatError(file: file, reason: "the weights in section '\(Self.bestSection)' are not those of an epoch of this model")
        }
        var partial: Partial?
        if let found = state.partial {
            guard let count = train.knownCount, (0...count).contains(found.batch),
                found.measurements.samples == train.samples(before: found.batch, seed: found.seed)
            else {
                throw FormatError(
                    file: file, place: .key(TrainerState.key),
                    reason:
                        "\(found.measurements.samples) samples in batch \(found.batch), an epoch has \(train.knownCount ?? 0) batches\(train.batchSize.map { " of \($0)" } ?? ""): the checkpoint belongs to other data or another batch size"
                )
            }
            do {
                partial = Partial(
                    position: .init(seed: found.seed, batch: found.batch),
                    measurements: try Measurements(found.measurements, measures, own: sharding?.own),
                    learningRate: found.learningRate ?? .nan, seconds: found.seconds, waiting: found.waiting ?? 0)
            } catch {
                throw FormatError(file: file, place: .key(TrainerState.key), reason: "\(error)")
            }
        }
        // Each load changes all or nothing. If a later one throws, the earlier ones are undone.
        var undo: [() throws -> Void] = []
        func load(_ module: Module, _ tensors: StateDict) throws {
            let old = noGrad { StateDict(module.stateDict().map { ($0.key, $0.value.clone()) }) }
            try module.loadStateDict(tensors)
            undo.append { try module.loadStateDict(old) }
        }
        do {
            try load(model, section(Self.modelSection))
            if let average { try load(average.module, section(Self.averageSection)) }
            for (i, optimizer) in optimizers.enumerated() {
                let old = optimizer.stateDict()
                try optimizer.loadStateDict(OptimizerState(tensors: section(Self.section(optimizer: i)), values: state.optimizers[i]))
                undo.append { try optimizer.loadStateDict(old) }
            }
            for (schedule, found) in zip(schedules, state.schedules) {
                let old = schedule.stateDict()
                try schedule.loadStateDict(found)
                undo.append { try schedule.loadStateDict(old) }
            }
            if let scaler, let found = state.scaler { try scaler.loadStateDict(found) }
        } catch {
            for step in undo.reversed() { try? step() } // Only the first error is reported.
            throw error
        }
        // Checkpoints of version 0.1 lack the rate of the last step.
        if partial?.learningRate.isNaN == true { partial?.learningRate = learningRate }
        (step, history, self.partial, bestEpoch) = (state.step, state.history, partial, state.bestEpoch)
        let device = model.parameters().first?.device ?? .cpu
        bestWeights = best.map { StateDict($0.map { ($0.key, $0.value.to(device)) }) }
        generator.state = state.generator
        if let loader = state.loader { train.generator?.state = loader }
    }

    /// Whether `weights` has the model's keys and shapes.
    private func fitsModel(_ weights: StateDict) -> Bool {
        let own = model.stateDict()
        return own.count == weights.count && own.allSatisfy { weights[$0.key]?.shape == $0.value.shape }
    }
}
