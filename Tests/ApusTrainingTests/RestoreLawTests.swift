import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusOptim
import Foundation
import TestSupport
import Testing
@testable import ApusTraining

/// What a trainer restores: everything or nothing, wherever it was ended.
@Suite struct RestoreLawTests {
    private typealias SmallRun = TrainerLawTests.SmallRun

    /// Everything that a trainer, and what it trains, can have changed.
    static func everything(_ run: TrainerLawTests.SmallRun) throws -> [String] {
        func text(_ tensors: StateDict?) -> String {
            tensors?.map { "\($0.key) \($0.value.dtype) \($0.value.shape) \($0.value.bytes())" }.joined() ?? "none"
        }
        func text(_ values: [String: OptionValue]) -> String {
            values.map { "\($0.key): \($0.value.text)" }.sorted().joined(separator: ", ")
        }
        let (trainer, tensors) = (run.trainer, StateTensors())
        let optimizer = trainer.optimizers[0].stateDict()
        let partial = try trainer.partial.map {
            try "\($0.position) \(JSON(encoding: $0.measurements.state(tensors)).text) \($0.learningRate) \($0.seconds) \($0.waiting)"
        }
        return [
            text(trainer.model.stateDict()), text(run.averaged?.stateDict()), text(optimizer.tensors),
            text(optimizer.values),
            "\(trainer.schedules.map { text($0.stateDict()) })", text(trainer.scaler?.stateDict() ?? [:]),
            text(trainer.bestWeights), "\(trainer.bestEpoch ?? 0) \(trainer.step) \(trainer.history)", partial ?? "no epoch under way",
            text(tensors.all), "\(trainer.generator.state) \(run.train.generator!.state)",
        ]
    }

    /// `json` with each of its members in turn, at any depth, made something that it cannot be.
    private func spoilt(_ json: JSON, _ path: String = "") -> [(path: String, json: JSON)] {
        switch json {
        case .object(let members):
            return members.indices.flatMap { i in
                spoilt(members[i].value, path + "." + members[i].key).map { inner in
                    var changed = members
                    changed[i].value = inner.json
                    return (path: inner.path, json: JSON.object(changed))
                }
            } + [(path, "spoilt")]
        case .array(let elements):
            // Of many numbers one will do.
            return elements.indices.prefix(2).flatMap { i in
                spoilt(elements[i], path + ".\(i)").map { inner in
                    var changed = elements
                    changed[i] = inner.json
                    return (path: inner.path, json: JSON.array(changed))
                }
            } + [(path, "spoilt")]
        case .null: return []
        default: return [(path, ["spoilt": true])]
        }
    }

    /// Whichever part of a checkpoint is spoilt, it is refused, and nothing has changed: not a byte of trainer, model, average, optimizer,
    /// schedule, scaler, metrics and generators.
    @Test(arguments: [TrainerLawTests.Setting.plain, .all]) func aRefusedCheckpointChangesNothing(_ setting: TrainerLawTests.Setting) throws
    {
        try withFolder { folder in
            let first = SmallRun(setting, folder: folder)
            first.trainer.observers = [TrainerLawTests.StopAt(11, first.trainer.stop)] // Within the second epoch.
            _ = try first.trainer.fit(first.train, test: first.test, epochs: 3)
            let good = try #require(try Checkpoint.load(from: folder))
            // Another run of the kind that is under way, so that it has something to lose.
            let other = SmallRun(setting)
            other.trainer.observers = [TrainerLawTests.StopAt(9, other.trainer.stop)]
            _ = try other.trainer.fit(other.train, test: other.test, epochs: 2)
            let before = try RestoreLawTests.everything(other)
            func refuses(_ bad: Checkpoint, _ what: String) throws {
                #expect(throws: (any Error).self, "\(what)") { try other.trainer.restore(bad, train: other.train, file: "FILE") }
                #expect(try RestoreLawTests.everything(other) == before, "\(what)")
            }
            var count = 0
            for section in good.sectionNames {
                var bad = good
                bad[section] = nil
                try refuses(bad, "without \(section)")
                for (key, tensor) in good[section]! {
                    bad = good
                    bad[section]![key] = nil
                    try refuses(bad, "\(section) without \(key)")
                    bad[section]![key] = Tensor.zeros(tensor.shape == [3, 7] ? [2] : [3, 7], dtype: tensor.dtype)
                    try refuses(bad, "\(section) with another shape of \(key)")
                    count += 1
                }
                guard section != "metrics" else { continue } // What no state names is not read.
                bad = good
                bad[section]!["more"] = Tensor.zeros([1])
                try refuses(bad, "\(section) with more")
            }
            let text = try JSON(parsing: try #require(good.metadata["trainer"]))
            for (path, json) in spoilt(text) {
                var bad = good
                bad.metadata["trainer"] = json.text
                try refuses(bad, "\(path) spoilt")
                count += 1
            }
            #expect(count > 80)
            try other.trainer.restore(good, train: other.train, file: "FILE")
            #expect(try RestoreLawTests.everything(other) == RestoreLawTests.everything(first))
        }
    }

    /// Checkpoints of earlier versions leave out parameters that had no step; they are gone on with. One of today's that does is refused.
    @Test func parametersThatHadNoStep() throws {
        for make in [{ Adam($0, lr: 1e-2) }, { SGD($0, lr: 1e-2, momentum: 0.9) }, { RMSprop($0, momentum: 0.9) }]
            as [([Parameter]) -> Optimizer]
        {
            try withFolder { folder in
                func run(_ folder: String?) -> SmallRun {
                    let run = SmallRun(folder: folder, optimizer: make)
                    for i in [0, 3] { run.trainer.model.parameters()[i].requiresGrad_(false) }
                    return run
                }
                let first = run(folder)
                _ = try first.trainer.fit(first.train, epochs: 1)
                var earlier = try #require(try Checkpoint.load(from: folder))
                var state = try TrainerState(earlier, file: "FILE")
                let count = state.optimizers[0].count
                state.optimizers[0] = state.optimizers[0].filter { !$0.key.hasPrefix("state.0.") && !$0.key.hasPrefix("state.3.") }
                #expect(state.optimizers[0].count < count)
                for settings in [state.settings, nil] {
                    state.settings = settings
                    earlier.metadata["trainer"] = try JSON(encoding: state).text
                    let other = run(nil)
                    let before = try Self.everything(other)
                    if settings != nil {
                        let error = #expect(throws: OptimizerStateError.self) {
                            try other.trainer.restore(earlier, train: other.train, file: "FILE")
                        }
                        #expect(error?.problems.allSatisfy { $0.hasPrefix("state.") && $0.hasSuffix(" is missing") } == true)
                        #expect(try Self.everything(other) == before)
                    } else {
                        try other.trainer.restore(earlier, train: other.train, file: "FILE")
                        #expect(try Self.everything(other) == Self.everything(first))
                    }
                }
            }
        }
    }

    /// Keeps what is in a folder at every event.
    private final class Snapshots: TrainingObserver {
        let folder: String
        var taken: [(event: String, files: [String: Data])] = []
        init(_ folder: String) { self.folder = folder }

        func take(_ event: String) {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            taken.append(
                (event, Dictionary(uniqueKeysWithValues: names.map { ($0, FileManager.default.contents(atPath: folder + "/" + $0)!) })))
        }
        func willTrain(_: TrainingProgress) { take("begin") }
        func didTrain(_ progress: TrainingProgress) { take("batch \(progress.batch) of epoch \(progress.epoch)") }
        func didEvaluate(batch: Int, of _: Int, after progress: TrainingProgress) { take("evaluation \(batch) of epoch \(progress.epoch)") }
        func didFinish(_ epoch: EpochRecord, of _: Int) { take("end of epoch \(epoch.epoch)") }
    }

    /// A run that is killed, asked nothing: at each batch, each batch of an evaluation, and while each checkpoint is written. Another
    /// process goes on from what lies in the folder, to the bytes of a run that nobody has killed.
    @Test(arguments: [1, 2]) func killedAnywhereItEndsWithTheSameBytes(_ every: Int) throws {
        func run(_ folder: String) -> SmallRun {
            let run = SmallRun(.all, folder: folder)
            run.trainer.checkpoints?.steps = every
            return run
        }
        try withFolder { folder in
            let whole = run(folder)
            let snapshots = Snapshots(folder)
            whole.trainer.observers = [snapshots]
            var writes = 0
            whole.trainer.checkpointMetadata = {
                writes += 1
                snapshots.take("write \(writes)")
                return [:]
            }
            _ = try whole.trainer.fit(whole.train, test: whole.test, epochs: 3)
            #expect(writes > 3 && snapshots.taken.count >= 1 + 3 * (5 + 2 + 1) + writes)
            for (event, files) in snapshots.taken {
                try withFolder { place in
                    for (name, data) in files { #expect(FileManager.default.createFile(atPath: place + "/" + name, contents: data)) }
                    let second = run(place)
                    #expect(try second.trainer.resume(train: second.train) == !files.isEmpty)
                    _ = try second.trainer.fit(second.train, test: second.test, epochs: 3)
                    #expect(second.bytes == whole.bytes, "killed at \(event)")
                    let (resumed, undisturbed) = (second.trainer.history, whole.trainer.history)
                    #expect(resumed.map(\.train) == undisturbed.map(\.train), "killed at \(event)")
                    #expect(resumed.map(\.test) == undisturbed.map(\.test), "killed at \(event)")
                }
            }
        }
    }
}
