import ApusCore
import ApusData
import ApusNN
import ApusOptim
import ApusFormats
@testable import ApusTraining
import TestSupport
import Testing

/// A checkpoint knows how its run was set.
@Suite struct TrainerSettingLawTests {
    private typealias SmallRun = TrainerLawTests.SmallRun

    /// A run with every setting there is.
    private func run(_ folder: String, watching watched: Watched = .highest("accuracy")) -> SmallRun {
        let run = SmallRun(.all, folder: folder, watching: watched)
        run.trainer.earlyStopping = EarlyStopping(.lowest("loss"), patience: 5)
        run.trainer.weight = { Double($0.1.numel) }
        return run
    }

    /// Runs in the folder, each with another value of the setting.
    private func others(_ setting: TrainerSetting, _ folder: String) -> [SmallRun] {
        func set(_ changes: [(SupervisedTrainer) -> Void]) -> [SmallRun] {
            changes.map { change in
                let other = run(folder)
                change(other.trainer)
                return other
            }
        }
        func averaged(_ average: AveragedModel<Sequential>.Average, useBuffers: Bool = true) -> (SupervisedTrainer) -> Void {
            { trainer in
                guard let model = trainer.model as? Sequential else { return }
                trainer.average(model, into: AveragedModel(model, average: average, useBuffers: useBuffers))
            }
        }
        return switch setting {
        case .accumulate: set([{ $0.accumulate = 1 }, { $0.accumulate = 3 }])
        case .weight: set([{ $0.weight = nil }])
        case .clipping: set([{ $0.clipping = nil }, { $0.clipping = .norm(0.2) }, { $0.clipping = .value(0.1) }])
        case .autocast: set([{ $0.autocast = nil }, { $0.autocast = .bfloat16 }])
        case .average:
            set([
                averaged(.mean), averaged(.exponential(decay: 0.8)), averaged(.custom { average, _, _ in average }),
                averaged(.exponential(decay: 0.7), useBuffers: false),
            ])
        case .schedules: [run(folder, watching: .lowest("loss")), run(folder, watching: .lowest("accuracy"))]
        case .earlyStopping:
            set([
                { $0.earlyStopping = nil }, { $0.earlyStopping?.patience = 4 }, { $0.earlyStopping?.minDelta = 0.1 },
                { $0.earlyStopping?.watched = .highest("accuracy") },
            ])
        case .keepBest: set([{ $0.keepBest = nil }, { $0.keepBest = .highest("loss") }])
        }
    }

    /// A trainer that is set otherwise does not go on, which names the setting and what both have, and nothing has changed; a change that is
    /// named goes on.
    @Test(arguments: TrainerSetting.allCases) func anotherSettingIsRefusedUnlessItIsNamed(_ setting: TrainerSetting) throws {
        try withFolder { folder in
            let first = run(folder)
            _ = try first.trainer.fit(first.train, test: first.test, epochs: 1)
            for other in others(setting, folder) {
                let before = try RestoreLawTests.everything(other)
                let (own, found) = (other.trainer.text(of: setting), first.trainer.text(of: setting))
                let text = message { try other.trainer.resume(train: other.train) }
                #expect(own != found && text.contains("\(setting) is \(own), the checkpoint's run has \(found)"), "\(text)")
                #expect(text.contains("changing: [.\(setting)]"), "\(text)")
                #expect(try RestoreLawTests.everything(other) == before)
                // Another one that is named does not help.
                let rest = Set(TrainerSetting.allCases).subtracting([setting])
                #expect(message { try other.trainer.resume(train: other.train, changing: rest) } == text)
                #expect(try RestoreLawTests.everything(other) == before)
                #expect(try other.trainer.resume(train: other.train, changing: [setting]) && other.trainer.step == first.trainer.step)
                other.trainer.checkpoints = nil
                _ = try other.trainer.fit(other.train, test: other.test, epochs: 2)
                #expect(other.trainer.history.count == 2)
            }
        }
    }

    /// Everything that differs is named at once. A checkpoint of an earlier version does not say how its run was set, and a name that is none
    /// is refused.
    @Test func whatDiffersIsNamedAtOnce() throws {
        try withFolder { folder in
            let first = run(folder)
            _ = try first.trainer.fit(first.train, epochs: 1)
            let other = run(folder)
            (other.trainer.accumulate, other.trainer.clipping, other.trainer.keepBest) = (3, .value(1), nil)
            let text = message { try other.trainer.resume(train: other.train) }
            for part in [
                "accumulate is 3, the checkpoint's run has 2", "clipping is value 1.0, the checkpoint's run has norm 0.1",
                "keepBest is none, the checkpoint's run has lowest loss", "changing: [.accumulate, .clipping, .keepBest]",
            ] { #expect(text.contains(part), "\(text)") }
            var earlier = try #require(try Checkpoint.load(from: folder))
            guard case .object(var members) = try JSON(parsing: try #require(earlier.metadata["trainer"])) else {
                Issue.record("a checkpoint's trainer is no object")
                return
            }
            let place = try #require(members.firstIndex { $0.key == "settings" })
            members[place].value = ["accumulation": "2"]
            earlier.metadata["trainer"] = JSON.object(members).text
            let newer = message { try other.trainer.restore(earlier, train: other.train, file: "FILE") }
            #expect(newer.contains("no setting 'accumulation': written by a newer version") && other.trainer.step == 0, "\(newer)")
            members[place].value = ["clipping": "\u{1B}[2J"]
            earlier.metadata["trainer"] = JSON.object(members).text
            let strange = message { try other.trainer.restore(earlier, train: other.train, file: "FILE") }
            #expect(strange.contains("the checkpoint's run has \\u{1b}[2J") && !strange.contains("\u{1B}"), "\(strange)")
            members.remove(at: place)
            earlier.metadata["trainer"] = JSON.object(members).text
            try other.trainer.restore(earlier, train: other.train, file: "FILE")
            #expect(other.trainer.step == first.trainer.step)
        }
    }
}
