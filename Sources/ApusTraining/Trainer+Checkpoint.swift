import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim

extension Trainer {
    /// Writes a checkpoint of this moment, where there is a policy.
    func saveCheckpoint(_ train: Loader) throws {
        guard let policy = checkpoints else { return }
        var checkpoint = Checkpoint()
        // Copied from the device first: where that fails, or the work before did, the last checkpoint stays.
        let optimizerState = optimizer.stateDict()
        checkpoint["model"] = StateDict(model.stateDict().map { ($0.key, $0.value.to(.cpu)) })
        checkpoint["optimizer"] = StateDict(optimizerState.tensors.map { ($0.key, $0.value.to(.cpu)) })
        try throwFailure()
        for (key, value) in optimizerState.values { checkpoint.metadata["optimizer." + key] = value }
        if let scheduler { for (key, value) in scheduler.stateDict() { checkpoint.metadata["scheduler." + key] = value } }
        for (key, value) in try checkpointMetadata() { checkpoint.metadata[key] = value }
        checkpoint.metadata["trainer.step"] = String(step)
        checkpoint.metadata["trainer.history"] = JSON.array(history.map(\.json)).text
        checkpoint.metadata["trainer.generator"] = Trainer.text(generator.state)
        if let own = train.generator { checkpoint.metadata["trainer.loader.generator"] = Trainer.text(own.state) }
        if let partial {
            checkpoint.metadata["trainer.epoch.seed"] = String(partial.position.seed)
            checkpoint.metadata["trainer.epoch.batch"] = String(partial.position.batch)
            checkpoint.metadata["trainer.epoch.lossSum"] = "\(partial.metrics.lossSum)"
            checkpoint.metadata["trainer.epoch.right"] = String(partial.metrics.right)
            checkpoint.metadata["trainer.epoch.answers"] = String(partial.metrics.answers)
            checkpoint.metadata["trainer.epoch.images"] = String(partial.metrics.images)
            checkpoint.metadata["trainer.epoch.seconds"] = "\(partial.seconds)"
        }
        try checkpoint.save(in: policy.folder)
    }

    /// Goes on from the newest whole checkpoint of the policy's folder. False where there is none: then nothing has changed.
    @discardableResult public func resume(train: Loader) throws -> Bool {
        guard let policy = checkpoints, let checkpoint = try Checkpoint.load(from: policy.folder) else { return false }
        try restore(checkpoint, train: train, file: Checkpoint.newest(in: policy.folder))
        return true
    }

    /// Takes over what `checkpoint` holds. `file` is what messages call it. Throws where it belongs to another model, optimizer, schedule or
    /// loader; then nothing has changed.
    public func restore(_ checkpoint: Checkpoint, train: Loader, file: String) throws {
        func wrong(_ key: String, _ reason: String) -> FormatError { FormatError(file: file, place: .key(key), reason: reason) }
        func value<Value: LosslessStringConvertible>(_ key: String, _ type: Value.Type = Value.self) throws -> Value {
            guard let text = checkpoint.metadata[key] else { throw wrong(key, "missing: the checkpoint is not one of a trainer") }
            guard let value = Value(text) else { throw wrong(key, "'\(text)' is no number") }
            return value
        }
        func entries(_ prefix: String) -> [String: String] {
            var found: [String: String] = [:]
            for (key, value) in checkpoint.metadata where key.hasPrefix(prefix) { found[String(key.dropFirst(prefix.count))] = value }
            return found
        }
        func generatorState(_ key: String) throws -> Generator.State {
            let parts = (checkpoint.metadata[key] ?? "").split(separator: " ").compactMap { UInt64($0) }
            guard parts.count == 2 else { throw wrong(key, "not a seed and an offset") }
            return Generator.State(seed: parts[0], offset: parts[1])
        }
        // All is read and checked before anything changes.
        guard let modelState = checkpoint["model"], let optimizerTensors = checkpoint["optimizer"] else {
            throw FormatError(file: file, reason: "there is no section 'model' or 'optimizer': the checkpoint is not one of a trainer")
        }
        let step: Int = try value("trainer.step")
        guard let lines = try? JSON(parsing: try value("trainer.history", String.self)).array, let history = Trainer.records(lines), step >= 0 else {
            throw wrong("trainer.history", "not a list of epochs")
        }
        let ownState = try generatorState("trainer.generator")
        let loaderState = train.generator == nil ? nil : try generatorState("trainer.loader.generator")
        var partial: Partial?
        if checkpoint.metadata["trainer.epoch.batch"] != nil {
            var metrics = RunningMetrics.State()
            metrics.lossSum = try value("trainer.epoch.lossSum")
            metrics.right = try value("trainer.epoch.right")
            metrics.images = try value("trainer.epoch.images")
            // Checkpoints from before there were others than one label an image do not say it.
            metrics.answers = checkpoint.metadata["trainer.epoch.answers"] == nil ? metrics.images : try value("trainer.epoch.answers")
            let batch: Int = try value("trainer.epoch.batch")
            guard (0...train.count).contains(batch) else {
                throw wrong("trainer.epoch.batch", "batch \(batch), an epoch has \(train.count): the checkpoint belongs to other data or another batch size")
            }
            partial = Partial(position: .init(seed: try value("trainer.epoch.seed"), batch: batch), metrics: metrics, seconds: try value("trainer.epoch.seconds"))
        }
        let schedule = entries("scheduler.")
        if scheduler == nil, let key = schedule.keys.min() {
            throw wrong("scheduler.\(key)", "the checkpoint's run has a schedule of learning rates, this trainer has none; give it the same one")
        }
        // Each of the three takes over all or nothing. Where a later one refuses, those before it get back what they had.
        var undo: [() throws -> Void] = []
        do {
            let oldModel = noGrad { StateDict(model.stateDict().map { ($0.key, $0.value.clone()) }) }
            try model.loadStateDict(modelState)
            undo.append { [model] in try model.loadStateDict(oldModel) }
            let oldOptimizer = optimizer.stateDict()
            try optimizer.loadStateDict(OptimizerState(tensors: optimizerTensors, values: entries("optimizer.")))
            undo.append { [optimizer] in try optimizer.loadStateDict(oldOptimizer) }
            try scheduler?.loadStateDict(schedule)
        } catch {
            for step in undo.reversed() { try step() }
            throw error
        }
        self.step = step
        self.history = history
        self.partial = partial
        generator.state = ownState
        if let loaderState { train.generator?.state = loaderState }
    }

    private static func text(_ state: Generator.State) -> String { "\(state.seed) \(state.offset)" }

    private static func records(_ lines: [JSON]) -> [EpochRecord]? {
        let records = lines.compactMap(EpochRecord.init(json:))
        return records.count == lines.count && records.indices.allSatisfy { records[$0].epoch == $0 + 1 } ? records : nil
    }
}

extension EpochRecord {
    /// The record as checkpoints, `metrics.jsonl` and `--json` have it.
    package var json: JSON {
        var members: [JSON.Member] = [
            .init("event", "epoch"), .init("epoch", .int(Int64(epoch))), .init("step", .int(Int64(step))), .init("train_loss", .double(trainLoss)),
            .init("train_accuracy", .double(trainAccuracy)),
        ]
        if let testLoss { members.append(.init("test_loss", .double(testLoss))) }
        if let testAccuracy { members.append(.init("test_accuracy", .double(testAccuracy))) }
        members += [
            .init("lr", .double(learningRate)), .init("images_per_second", .double((imagesPerSecond * 10).rounded() / 10)),
            .init("seconds", .double((seconds * 1000).rounded() / 1000)),
        ]
        return .object(members)
    }

    /// The record that `json` is, nil where it is none. A number that JSON lacks was written as null: NaN.
    package init?(json: JSON) {
        func number(_ key: String) -> Double? {
            switch json[key] {
            case .null?: .nan
            case let value?: value.double
            case nil: nil
            }
        }
        guard json["event"]?.string == "epoch", let epoch = json["epoch"]?.int, let step = json["step"]?.int, let trainLoss = number("train_loss"),
            let trainAccuracy = number("train_accuracy"), let rate = number("lr"), let speed = number("images_per_second"), let seconds = number("seconds")
        else { return nil }
        self.init(
            epoch: epoch, step: step, trainLoss: trainLoss, trainAccuracy: trainAccuracy, testLoss: number("test_loss"),
            testAccuracy: number("test_accuracy"), learningRate: rate, imagesPerSecond: speed, seconds: seconds)
    }
}
