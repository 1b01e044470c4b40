import ApusFormats
import ApusTraining

/// What a checkpoint holds of a run beside the trainer's state: one value, under one key of its metadata.
struct RunState: Codable {
    /// The options with which it was written; nil in checkpoints of earlier versions.
    var options: JSON?
    /// Which images the run learns from; nil in checkpoints of earlier versions.
    var data: JSON?
    /// How far `metrics.jsonl` goes.
    var metrics = MetricsRecorder.State()
    /// What was loaded of other weights, in words.
    var loaded: String?
    /// What the network expects that those are of.
    var pretrained: JSON?

    static let key = "run"

    init(options: JSON, data: JSON, loaded: String?, pretrained: JSON?) {
        (self.options, self.data, self.loaded, self.pretrained) = (options, data, loaded, pretrained)
    }

    /// The state in `checkpoint`. Throws a `FormatError` that names `file` where it is none.
    init(_ checkpoint: Checkpoint, file: String) throws {
        let metadata = checkpoint.metadata
        func parsed<Value>(_ key: String, _ read: (JSON) throws -> Value) throws -> Value? {
            do { return try metadata[key].map { try read(JSON(parsing: $0)) } } catch {
                throw FormatError(file: file, place: .key(key), reason: JSON.problem(error))
            }
        }
        if let state = try parsed(RunState.key, { try $0.decoded(as: RunState.self) }) {
            self = state
            return
        }
        // Earlier versions have a key for each.
        (options, data) = (try parsed("run.options") { $0 }, try parsed("run.data") { $0 })
        (loaded, pretrained) = (metadata["run.loaded"], try parsed("run.pretrained") { $0 })
        func number<Value: LosslessStringConvertible>(_ name: String, _ none: Value) throws -> Value {
            guard let text = metadata["metrics.\(name)"] else { return none }
            guard let value = Value(text) else {
                throw FormatError(file: file, place: .key("metrics.\(name)"), reason: "'\(text)' is no number")
            }
            return value
        }
        metrics.length = try number("length", 0)
        metrics.lossSum = try number("lossSum", 0)
        metrics.images = try number("images", 0)
    }
}
