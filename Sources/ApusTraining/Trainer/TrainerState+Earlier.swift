import ApusCore
import ApusFormats

extension TrainerState {
    /// The state in a checkpoint of version 0.1, which has a metadata key for each number. It has one optimizer, at most one schedule, and
    /// accuracy as the only metric.
    init(earlier checkpoint: Checkpoint, file: String) throws {
        func wrong(_ key: String, _ reason: String) -> FormatError { FormatError(file: file, place: .key(key), reason: reason) }
        func value<Value: LosslessStringConvertible>(_ key: String) throws -> Value {
            guard let text = checkpoint.metadata[key] else { throw wrong(key, "missing: the checkpoint is not one of a trainer") }
            guard let value = Value(text) else { throw wrong(key, "'\(text)' is no number") }
            return value
        }
        func entries(_ prefix: String) -> [String: String] {
            var found: [String: String] = [:]
            for (key, value) in checkpoint.metadata where key.hasPrefix(prefix) { found[String(key.dropFirst(prefix.count))] = value }
            return found
        }
        func generator(_ key: String) throws -> Generator.State? {
            guard let text = checkpoint.metadata[key] else { return nil }
            let parts = text.split(separator: " ").compactMap { UInt64($0) }
            guard parts.count == 2 else { throw wrong(key, "not a seed and an offset") }
            return Generator.State(seed: parts[0], offset: parts[1])
        }
        let historyKey = "trainer.history"
        guard let lines = try? JSON(parsing: try value(historyKey) as String).array,
            case let history = lines.compactMap(EpochRecord.init(earlier:)),
            history.count == lines.count
        else { throw wrong(historyKey, "not a list of epochs") }
        let step: Int = try value("trainer.step")
        guard let own = try generator("trainer.generator") else {
            throw wrong("trainer.generator", "missing: the checkpoint is not one of a trainer")
        }
        var partial: Partial?
        if checkpoint.metadata["trainer.epoch.batch"] != nil {
            let (samples, loss): (Int, Double) = (try value("trainer.epoch.images"), try value("trainer.epoch.lossSum"))
            let right: Int = try value("trainer.epoch.right")
            // The earliest checkpoints lack the number of labels, which was one per image.
            let answers: Int = checkpoint.metadata["trainer.epoch.answers"] == nil ? samples : try value("trainer.epoch.answers")
            let accuracy: JSON = ["right": [.double(Double(right))], "count": [.double(Double(answers))]]
            partial = Partial(
                seed: try value("trainer.epoch.seed"), batch: try value("trainer.epoch.batch"),
                measurements: .init(
                    samples: samples, mean: Mean(total: loss, count: samples),
                    metrics: [.init(name: "accuracy", metric: samples == 0 ? JSON?.none : accuracy)]),
                seconds: try value("trainer.epoch.seconds"))
        }
        let schedule = entries("scheduler.")
        self.init(
            step: step, history: history, generator: own, loader: try generator("trainer.loader.generator"), partial: partial,
            optimizers: [entries("optimizer.")], schedules: schedule.isEmpty ? [] : [schedule], scaler: nil, bestEpoch: nil)
        try check(file, historyKey)
    }
}

extension EpochRecord {
    /// The record in `json`; nil if it is not one. NaN was written as null, since JSON lacks it.
    fileprivate init?(earlier json: JSON) {
        func number(_ key: String) -> Double? {
            switch json[key] {
            case .null?: .nan
            case let value?: value.double
            case nil: nil
            }
        }
        func measured(_ part: String) -> Measured? {
            number("\(part)_loss").map { Measured(loss: $0, metrics: [.init(name: "accuracy", value: number("\(part)_accuracy") ?? .nan)]) }
        }
        guard json["event"]?.string == "epoch", let epoch = json["epoch"]?.int, let step = json["step"]?.int, let train = measured("train"),
            let rate = number("lr"), let speed = number("images_per_second"), let seconds = number("seconds")
        else { return nil }
        self.init(
            epoch: epoch, step: step, train: train, test: measured("test"), learningRate: rate, samplesPerSecond: speed, seconds: seconds)
    }
}
