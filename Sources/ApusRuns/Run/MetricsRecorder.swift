import ApusFormats
import ApusTraining

/// Writes a run's `metrics.jsonl`: the mean loss and the learning rate about fifty times per epoch, and each epoch's record.
final class MetricsRecorder: TrainingObserver {
    /// The part of it that a checkpoint stores.
    struct State: Codable {
        /// The length of the file in bytes.
        var length = 0
        /// The epoch's sum of losses at the last line.
        var lossSum = 0.0
        var images = 0
    }

    private let log: MetricsLog
    private let evaluated: String
    private let stop: StopFlag
    private var state: State
    /// The first error in writing, which stops the training.
    private(set) var error: (any Error)?

    init(_ path: String, _ state: State, evaluated: String, stop: StopFlag) throws {
        self.evaluated = evaluated
        log = try MetricsLog(path, keeping: state.length)
        self.state = state
        self.stop = stop
    }

    /// The state for a checkpoint; the file is flushed first, so that the checkpoint never refers to lost lines.
    func stateOnDisk() throws -> State {
        try log.sync()
        state.length = log.length
        return state
    }

    func didTrain(_ progress: TrainingProgress) {
        let every = max(1, progress.batches / 50)
        guard progress.batch % every == 0 || progress.batch == progress.batches else { return }
        let (lossSum, images) = (progress.measurements.lossTotal, progress.measurements.samples)
        guard images > state.images else { return }
        append([
            "event": "batches", "epoch": .int(Int64(progress.epoch)), "step": .int(Int64(progress.step)),
            "loss": .double((lossSum - state.lossSum) / Double(images - state.images)), "lr": .double(progress.learningRate),
        ])
        (state.lossSum, state.images) = (lossSum, images)
    }

    func didFinish(_ epoch: EpochRecord, of epochs: Int) {
        append(epoch.json(evaluated: evaluated))
        (state.lossSum, state.images) = (0, 0)
    }

    private func append(_ line: JSON) {
        guard error == nil else { return }
        do {
            try log.append(line)
        } catch {
            self.error = error
            stop.set()
        }
    }
}

extension EpochRecord {
    /// The record in `metrics.jsonl` and in the output of `--json`: `train_loss`, `test_accuracy` and so on. `evaluated` is what the images are
    /// called that are evaluated on after each epoch.
    package func json(evaluated: String) -> JSON {
        func members(_ part: String, _ measured: Measured) -> [JSON.Member] {
            [.init("\(part)_loss", .double(measured.loss))] + measured.metrics.map { .init("\(part)_\($0.name)", .double($0.value)) }
        }
        return .object(
            [.init("event", "epoch"), .init("epoch", .int(Int64(epoch))), .init("step", .int(Int64(step)))] + members("train", train)
                + (test.map { members(evaluated, $0) } ?? []) + [
                    .init("lr", .double(learningRate)), .init("images_per_second", .double((samplesPerSecond * 10).rounded() / 10)),
                    .init("seconds", .double((seconds * 1000).rounded() / 1000)),
                ] + (waiting.map { [.init("waiting_seconds", .double(($0 * 1000).rounded() / 1000))] } ?? []))
    }
}
