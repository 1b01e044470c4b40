import ApusSystem
import Glibc
import TestSupport
import Testing
@testable import ApusFormats

/// The log that `apus train --tensorboard` writes.
@Suite struct RunTensorBoardTests {
    let folder = TemporaryFolder()

    private func train(_ arguments: [String]) throws -> Command.Result { try Command.run(["train"] + arguments, in: folder.path) }

    /// Images of three classes, and a network for them; the arguments of a run.
    private func begin(_ out: String) throws -> [String] {
        try folder.makeImages()
        try folder.makeModel()
        return [
            "--model", "net.json", "--data", "images", "--epochs", "3", "--batch-size", "8", "--lr", "0.0001", "--device", "cpu", "--out",
            out,
        ]
    }

    private func events(_ log: String) throws -> [TensorBoardEvent] {
        let path = folder.file(log)
        let files = try #require(try Folder.names(in: path)).filter { $0.contains("tfevents") }
        return try files.flatMap { try EventFile(contentsOf: "\(path)/\($0)").events }
    }

    private func tags(_ events: [TensorBoardEvent]) -> [String: [Int64]] {
        var tags: [String: [Int64]] = [:]
        for event in events {
            guard case .summary(let values) = event.content else { continue }
            for value in values { tags[value.tag, default: []].append(event.step) }
        }
        return tags
    }

    @Test func aRunIsLogged() throws {
        let plain = try train(begin("plain"))
        let logged = try train(begin("logged") + ["--tensorboard", "board/a"])
        #expect(plain.status == 0 && logged.status == 0, "\(plain.errors) \(logged.errors)")
        #expect(
            bytes(ofFile: folder.file("plain/model.safetensors")) == bytes(ofFile: folder.file("logged/model.safetensors")),
            "a log changes nothing of a run")

        let events = try events("board/a")
        let tags = tags(events)
        let steps = try #require(tags["loss/step"]), last = try #require(steps.last)
        #expect(steps == Array(1...last) && tags["accuracy/step"] == steps && tags["learning_rate"] == steps)
        for tag in ["loss/train", "loss/test", "accuracy/train", "accuracy/test", "samples_per_second"] {
            #expect(tags[tag] == [last / 3, last / 3 * 2, last], "\(tag)")
        }
        #expect(
            tags["_hparams_/experiment"] == [0] && tags["_hparams_/session_start_info"] == [0] && tags["_hparams_/session_end_info"] == [0])
        #expect(tags["run/text_summary"] == [0])
        // At this rate most images are taken for others.
        #expect(tags["mistakes"] == [last] && tags["mistakes/text_summary"] == [last])
        #expect(events.contains { if case .graph(let graph) = $0.content { !graph.isEmpty } else { false } })

        let name = try #require(try Folder.names(in: folder.file("board/a"))?.first)
        let listed = try Command.run(["info", "board/a/\(name)"], in: folder.path)
        #expect(
            listed.status == 0 && listed.output.contains("a TensorBoard log") && listed.output.contains(" events\n"), "\(listed.errors)")
        #expect(listed.lines.contains { $0.split(separator: " ").prefix(6) == ["loss/step", "scalar", "\(last)", "1", "to", "\(last)"] })
        #expect(listed.lines.contains { $0.contains("graph") } && listed.lines.contains { $0.hasPrefix("_hparams_/experiment") })
        // A log that is cut off is listed up to there; extreme steps are numbers like others.
        let writer = try SummaryWriter(folder.file("odd"))
        for step in [Int.min, Int.max] { try writer.addScalar("x", Double.nan, step) }
        let odd = folder.file("odd/" + (try #require(try Folder.names(in: folder.file("odd"))?.first)))
        folder.write(Array(bytes(ofFile: odd).dropLast()), "cut")
        let whole = try Command.run(["info", odd, "--json"], in: folder.path)
        #expect(
            whole.status == 0 && whole.output.contains("\"first_step\":\(Int.min),\"last_step\":\(Int.max)"),
            "\(whole.output)\(whole.errors)")
        let cut = try Command.run(["info", "cut"], in: folder.path)
        #expect(
            cut.status == 0 && cut.errors.contains("the last record is cut off") && cut.output.contains("2 events"),
            "\(cut.output)\(cut.errors)")
    }

    /// A run that is killed in the middle and resumed begins another file, in which later steps of the first are hidden.
    @Test func aResumedRunGoesOnInAnotherFile() throws {
        let arguments = try begin("run") + ["--checkpoint-every", "2", "--tensorboard", "board"]
        _ = try Command.run(
            ["train"] + arguments, in: folder.path, signal: (SIGINT, 0), after: folder.file("run/checkpoint.safetensors"))
        let resumed = try train(["--resume", "run", "--tensorboard", "board"])
        #expect(resumed.status == 0, "\(resumed.errors)")
        let names = try #require(try Folder.names(in: folder.file("board")))
        let all = try names.map { try EventFile(contentsOf: folder.file("board/\($0)")) }
        #expect(all.allSatisfy { $0.cutOff == nil })
        if resumed.output.contains("the run is finished") { return }
        #expect(names.count == 2)
        let second = try #require(all.first { file in !file.events.contains { if case .graph = $0.content { true } else { false } } })
        guard case .session(status: 1) = second.events[1].content else { Issue.record("\(second.events[1])"); return }
        let steps = try #require(tags(second.events)["loss/step"])
        #expect(steps.first == second.events[1].step)
    }

    @Test func aLogThatCannotBeWrittenEndsTheRun() throws {
        folder.write([1], "file")
        let result = try train(begin("run") + ["--tensorboard", "file"])
        #expect(result.status == 1 && result.errors.contains("file"), "\(result.errors)")
        #expect(!Folder.exists(folder.file("run")), "a run that could not begin leaves no folder")
    }
}
