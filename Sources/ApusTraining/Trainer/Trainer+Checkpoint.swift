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
    /// Values of states as texts, of which optimizers, schedules and scalers read the numbers that they are.
    var optimizers: [[String: String]]
    var schedules: [[String: String]]
    var scaler: [String: String]?
    /// The epoch with the best weights.
    var bestEpoch: Int?
    /// How many shards a batch has; nil for one.
    var shards: Int?
    /// Each ``TrainerSetting`` by its name; nil in checkpoints of earlier versions, whose optimizers leave out parameters that had no step.
    var settings: [String: String]?

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
        schedules: [[String: String]], scaler: [String: String]?, bestEpoch: Int?, shards: Int? = nil,
        settings: [String: String]? = nil
    ) {
        (self.bestEpoch, self.shards, self.settings) = (bestEpoch, shards, settings)
        (self.step, self.history, self.generator, self.loader) = (step, history, generator, loader)
        (self.partial, self.optimizers, self.schedules, self.scaler) = (partial, optimizers, schedules, scaler)
    }
}

extension Trainer {
    private static var modelSection: String { "model" }
    private static var averageSection: String { "average" }
    private static var bestSection: String { "best" }
    private static var metricsSection: String { "metrics" }
    private static func section(optimizer i: Int) -> String { i == 0 ? "optimizer" : "optimizer.\(i)" }

    /// Writes a checkpoint of the current state, if there is a policy.
    func saveCheckpoint(_ train: DataLoader<Batch>) throws {
        guard let policy = checkpoints else { return }
        let reducer = try shared()
        // All processes have the same state but for what they have measured, and the first one writes it.
        let measuredTensors = StateTensors()
        let measured = try partial.map { try gathered($0.measurements, reducer).state(measuredTensors) }
        let states = optimizers.map { $0.stateDict() }
        guard group?.isFirst ?? true else { return }
        var checkpoint = Checkpoint()
        // Copy from the device first: if that fails, or the work before did, the last checkpoint stays.
        func keep(_ section: String, _ tensors: StateDict) { checkpoint[section] = StateDict(tensors.map { ($0.key, $0.value.to(.cpu)) }) }
        keep(Self.modelSection, model.stateDict())
        for (i, state) in states.enumerated() { keep(Self.section(optimizer: i), state.tensors) }
        if let average { keep(Self.averageSection, average.module.stateDict()) }
        if let bestWeights { keep(Self.bestSection, bestWeights) }
        if measuredTensors.all.count > 0 { keep(Self.metricsSection, measuredTensors.all) }
        try throwFailure()
        for (key, value) in try checkpointMetadata() { checkpoint.metadata[key] = value }
        let state = TrainerState(
            step: step, history: history, generator: generator.state, loader: train.generator?.state,
            partial: partial.map {
                .init(
                    seed: $0.position.seed, batch: $0.position.batch, measurements: measured!,
                    learningRate: $0.learningRate, seconds: $0.seconds, waiting: $0.waiting)
            },
            optimizers: states.map { $0.values.mapValues(\.text) }, schedules: schedules.map { $0.stateDict().mapValues(\.text) },
            scaler: scaler?.stateDict().mapValues(\.text), bestEpoch: bestEpoch,
            shards: reducer?.sharding.count, settings: settings)
        checkpoint.metadata[TrainerState.key] = try JSON(encoding: state).text
        try checkpoint.save(in: policy.folder)
    }

    /// What all processes have measured.
    func gathered(_ measurements: Measurements, _ reducer: GradientReducer?) throws -> Measurements {
        try reducer.map { try measurements.gathered(in: $0.group, measures) } ?? measurements
    }

    /// Continues from the newest undamaged checkpoint in the policy's folder, with the settings of this trainer, which must be those of before
    /// but for `changing`. Returns false where there is no checkpoint; then nothing has changed.
    @discardableResult public func resume(train: DataLoader<Batch>, changing: Set<TrainerSetting> = []) throws -> Bool {
        guard let policy = checkpoints, let checkpoint = try Checkpoint.load(from: policy.folder, in: group) else { return false }
        try restore(checkpoint, train: train, file: Checkpoint.newest(in: policy.folder), changing: changing)
        return true
    }

    /// Restores the state in `checkpoint`. `file` names it in messages. All processes of a group call it.
    ///
    /// Throws if it belongs to another model, optimizer, schedule or loader, to other settings of the trainer than those in `changing`
    /// (``TrainerSetting``), or to another batch size or other metrics within an epoch; then nothing has changed, on any process, unless
    /// memory runs out while steps are first shared. At an epoch's end batches and metrics may be others from there on.
    public func restore(
        _ checkpoint: Checkpoint, train: DataLoader<Batch>, file: String, changing: Set<TrainerSetting> = []
    ) throws {
        func checked() throws -> [() throws -> Void] { try loading(checkpoint, train: train, file: file, changing) }
        func agreed() throws -> [() throws -> Void] { try group.map { try $0.all(checked) } ?? checked() }
        let isFirst = reducer == nil
        var loads = try agreed()
        // Only now the processes know which parts of the optimizers' states are whose; the whole ones go before the parts are made.
        if try shared() != nil, isFirst, sharesSteps {
            loads = []
            loads = try agreed()
        }
        for load in loads { try load() }
    }

    /// Reads and checks everything in `checkpoint`; nothing changes before what it returns is called.
    private func loading(
        _ checkpoint: Checkpoint, train: DataLoader<Batch>, file: String, _ changing: Set<TrainerSetting>
    ) throws -> [() throws -> Void] {
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
        let sharding = try sharding()
        let average = checkpoint[Self.averageSection]
        for (what, found, own) in [
            ("shards a batch", state.shards ?? 1, sharding?.count ?? 1),
            ("optimizers", state.optimizers.count, optimizers.count),
            ("schedules of learning rates", state.schedules.count, schedules.count),
            ("scalers of the loss", state.scaler == nil ? 0 : 1, scaler == nil ? 0 : 1),
            ("averages of the weights", average == nil ? 0 : 1, self.average == nil ? 0 : 1),
            ("generators of the loader's own", state.loader == nil ? 0 : 1, train.generator == nil ? 0 : 1),
        ] where found != own { throw differs(what, found, own) }
        try checkSettings(state, changing: changing, file: file)
        let best = try bestWeights(checkpoint, state, file)
        var partial = try state.partial.map { found in
            try self.partial(found, StateTensors(checkpoint[Self.metricsSection] ?? StateDict()), train, sharding, file)
        }
        var loads = [try model.loading(section(Self.modelSection)).load]
        if let module = self.average?.module, let average { loads.append(try module.loading(average).load) }
        func values(_ texts: [String: String]) -> [String: OptionValue] { texts.mapValues { .string($0) } }
        for (i, optimizer) in optimizers.enumerated() {
            let found = OptimizerState(tensors: try section(Self.section(optimizer: i)), values: values(state.optimizers[i]))
            loads.append(try optimizer.loading(state.settings == nil ? optimizer.completed(found) : found))
        }
        for (schedule, found) in zip(schedules, state.schedules) { loads.append(try schedule.loading(values(found))) }
        if let scaler, let found = state.scaler { loads.append(try scaler.loading(values(found))) }
        loads.append { [self] in
            // Checkpoints of version 0.1 lack the rate of the last step.
            if partial?.learningRate.isNaN == true { partial?.learningRate = learningRate }
            (step, history, self.partial) = (state.step, state.history, partial)
            (bestWeights, bestEpoch) = (best, state.bestEpoch)
            generator.state = state.generator
            if let loader = state.loader { train.generator?.state = loader }
        }
        return loads
    }

    /// The best weights in `checkpoint`, on the model's device; nil where there are none.
    private func bestWeights(_ checkpoint: Checkpoint, _ state: TrainerState, _ file: String) throws -> StateDict? {
        let (found, own) = (checkpoint[Self.bestSection], model.stateDict())
        let fits = found.map { found in
            own.count == found.count && own.allSatisfy { found[$0.key]?.shape == $0.value.shape }
        }
        guard (found != nil) == (state.bestEpoch != nil), fits ?? true else {
            throw FormatError(file: file, reason: "the weights in section '\(Self.bestSection)' are not those of an epoch of this model")
        }
        let device = model.parameters().first?.device ?? .cpu
        return try checkedStep { found.map { StateDict($0.map { ($0.key, $0.value.to(device)) }) } }
    }

    /// The unfinished epoch of a checkpoint, of whose measurements this process keeps those of its shards.
    private func partial(
        _ found: TrainerState.Partial, _ measured: StateTensors, _ train: DataLoader<Batch>, _ sharding: Sharding?, _ file: String
    ) throws -> Partial {
        func wrong(_ reason: String) -> FormatError { FormatError(file: file, place: .key(TrainerState.key), reason: reason) }
        guard let count = train.knownCount, (0...count).contains(found.batch),
            found.measurements.samples == train.samples(before: found.batch, seed: found.seed)
        else {
            throw wrong(
                "\(found.measurements.samples) samples in batch \(found.batch), an epoch has \(train.knownCount ?? 0) batches\(train.batchSize.map { " of \($0)" } ?? ""): the checkpoint belongs to other data or another batch size"
            )
        }
        do {
            return Partial(
                position: .init(seed: found.seed, batch: found.batch),
                measurements: try Measurements(found.measurements, measures, tensors: measured, own: sharding?.own),
                learningRate: found.learningRate ?? .nan, seconds: found.seconds, waiting: found.waiting ?? 0)
        } catch {
            throw wrong("\(error)")
        }
    }
}
