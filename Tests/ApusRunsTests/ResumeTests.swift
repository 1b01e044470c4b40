import ApusCore
import ApusFormats
import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusRuns

/// Resuming runs: one process at a time, with more epochs, and with data that have moved.
@Suite struct ResumeTests {
    let folder = TemporaryFolder()

    private func makeImages() throws {
        try folder.makeImages()
        try folder.makeModel()
    }

    private func run(_ arguments: [String]) throws -> Command.Result { try Command.run(arguments, in: folder.path) }

    private func train(_ out: String, _ more: [String] = [], epochs: Int = 3) throws {
        let result = try run(
            [
                "train", "--model", "net.json", "--data", "images", "--epochs", "\(epochs)", "--batch-size", "8", "--lr", "0.05",
                "--device", "cpu", "--out", out,
            ] + more)
        #expect(result.status == 0, "\(result.errors)")
    }

    private func weights(_ run: String) throws -> [UInt8] { try Command.bytes(folder.file("\(run)/model.safetensors")) }

    private func rates(_ run: String) throws -> [Double] {
        try Command.text(folder.file("\(run)/metrics.jsonl")).split(separator: "\n").map { try JSON(parsing: String($0)) }.filter {
            $0["event"] == "batches"
        }.compactMap { $0["lr"]?.double }
    }

    // MARK: One process

    /// While a process works on a run, others are refused with its name; once it has died, in whatever way, the run can be resumed.
    @Test func oneProcessAtATimeIsAtWork() throws {
        try makeImages()
        try train("run")
        unlink(folder.file("run/result.json"))
        let before = try RawPath(folder.file("run")).names()
        var lock: RunLock? = try RunLock(RunFolder(folder.file("run")))
        #expect(throws: RunError.self) { try RunLock(RunFolder(folder.file("run"))) }
        let second = try run(["train", "--resume", "run"])
        var name = utsname()
        uname(&name)
        let host = withUnsafeBytes(of: &name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        #expect(
            second.status == 1
                && second.errors.contains("process \(getpid()) on \(host) is at work on the run in run; wait for it, or end it"),
            "\(second.errors)")
        #expect(second.errors.split(separator: "\n").count == 1)
        lock = nil
        _ = lock
        #expect(try RawPath(folder.file("run")).names() == before)
        // A lock file that a killed process left does not block others.
        try Command.write("process 1 on elsewhere\n", to: folder.file("run/lock"))
        #expect(try run(["train", "--resume", "run"]).status == 0)
        #expect(access(folder.file("run/lock"), F_OK) != 0)
        // Reading needs no lock.
        let reading = try RunLock(RunFolder(folder.file("run")))
        for command in [["evaluate", "run"], ["train", "--resume", "run"]] { #expect(try run(command).status == 0) }
        withExtendedLifetime(reading) {}
    }

    /// If many processes resume one run at once, one succeeds and the others are refused.
    @Test func ofManyOneGoesOn() throws {
        try makeImages()
        try train("run")
        let whole = try weights("run")
        for name in ["result.json", "model.safetensors", "checkpoint.safetensors"] { unlink(folder.file("run/\(name)")) }
        for i in 0..<4 { mkdir(folder.file("\(i)"), 0o777) }
        DispatchQueue.concurrentPerform(iterations: 4) { [path = folder.path] i in
            _ = try? Command.run(["train", "--resume", "../run"], in: "\(path)/\(i)")
        }
        let outputs = try (0..<4).map { try Command.text(folder.file("\($0)/.stdout")) + Command.text(folder.file("\($0)/.stderr")) }
        for output in outputs { #expect(output.contains("test accuracy") || output.contains("is at work on the run"), "\(output)") }
        #expect(outputs.contains { $0.contains("test accuracy") })
        #expect(try weights("run") == whole)
        let lines = try Command.text(folder.file("run/metrics.jsonl")).split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(lines.filter { $0["event"] == "epoch" }.compactMap { $0["epoch"]?.int } == [1, 2, 3])
    }

    /// Checkpoints hold one value of the run. Those of earlier versions, which have a key for each part, are gone on with to the same
    /// bytes; one that is spoilt is named.
    @Test func checkpointsOfEarlierVersions() throws {
        try makeImages()
        try train("run")
        let whole = try weights("run")
        for name in ["result.json", "model.safetensors", "checkpoint.safetensors"] { unlink(folder.file("run/\(name)")) }
        let path = Checkpoint.previous(in: folder.file("run"))
        let now = try Checkpoint(contentsOf: path)
        #expect(now.metadata.map(\.key).sorted() == ["run", "trainer"])
        let state = try RunState(now, file: path)
        #expect(state.options != nil && state.data != nil && state.metrics.length > 0)
        var spoilt = now
        spoilt.metadata["run"] = #"{"metrics": 3}"#
        try spoilt.write(to: path)
        let refused = try run(["train", "--resume", "run"])
        #expect(refused.status == 1 && refused.errors.contains("metrics: a number, where an object is wanted"), "\(refused.errors)")
        var earlier = now
        earlier.metadata["run"] = nil
        earlier.metadata["run.options"] = state.options?.text
        earlier.metadata["run.data"] = state.data?.text
        earlier.metadata["metrics.length"] = "\(state.metrics.length)"
        earlier.metadata["metrics.lossSum"] = "\(state.metrics.lossSum)"
        earlier.metadata["metrics.images"] = "\(state.metrics.images)"
        try earlier.write(to: path)
        #expect(try run(["train", "--resume", "run"]).status == 0)
        #expect(try weights("run") == whole)
        let lines = try Command.text(folder.file("run/metrics.jsonl")).split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(lines.filter { $0["event"] == "epoch" }.compactMap { $0["epoch"]?.int } == [1, 2, 3])
    }

    // MARK: More epochs

    /// A finished run of each schedule is given more epochs; if it is killed and resumed meanwhile, it ends with the same bytes.
    @Test(arguments: ["onecycle", "cosine", "step", "constant"]) func aRunTakesMoreEpochs(schedule: String) throws {
        try makeImages()
        for name in ["a", "b"] { try train(name, ["--schedule", schedule, "--checkpoint-every", "3"]) }
        let first = try rates("a")
        let result = try run(["train", "--resume", "a", "--epochs", "6", "--json"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(try JSON(parsing: String(try #require(result.lines.last)))["epochs"] == 6)
        let all = try rates("a")
        #expect(Array(all[..<first.count]) == first && all.count == 2 * first.count)
        if schedule == "onecycle" || schedule == "cosine" { #expect(all[first.count...].max()! > 0.045) }
        #expect(try Command.text(folder.file("a/report.html")).contains("the epochs became 6, they were 3"))
        // Killed several times.
        for milliseconds in [30, 60, 90] as [UInt32] {
            let more = milliseconds == 30 ? ["--epochs", "6"] : []
            _ = try Command.run(["train", "--resume", "b"] + more, in: folder.path, signal: (SIGKILL, milliseconds))
        }
        let last = try run(["train", "--resume", "b", "--epochs", "6"])
        #expect(last.status == 0, "\(last.errors)")
        #expect(try weights("a") == weights("b") && rates("b") == all)
        // The number of epochs can be raised again.
        #expect(try run(["train", "--resume", "a", "--epochs", "7"]).status == 0)
        let fewer = try run(["train", "--resume", "a", "--epochs", "2"])
        #expect(fewer.status == 1 && fewer.errors.contains("--epochs 2 is less than the run in a has done: 7"), "\(fewer.errors)")
    }

    /// If a stopped run gets more epochs, the rest of its schedule is stretched: the rate goes on from its value and ends as planned.
    @Test func whatIsLeftOfTheScheduleIsStretched() throws {
        try makeImages()
        try train("short")
        let short = try rates("short")
        for name in ["result.json", "model.safetensors", "checkpoint.safetensors"] { unlink(folder.file("short/\(name)")) }
        let result = try run(["train", "--resume", "short", "--epochs", "9"])
        #expect(result.status == 0, "\(result.errors)")
        let long = try rates("short")
        let place = zip(short, long).prefix { $0 == $1 }.count
        #expect(place >= short.count - short.count / 3 - 1 && long.count == 3 * short.count)
        #expect(long[place] < long[place - 1] && long[place] > short[min(place, short.count - 1)] && abs(long.last! - short.last!) < 1e-9)
        #expect(try Command.text(folder.file("short/report.html")).contains("what was left of the schedule takes until there"))
    }

    // MARK: Moved data, edited options

    @Test func imagesMayMove() throws {
        try makeImages()
        try train("run")
        let whole = try weights("run")
        for name in ["result.json", "model.safetensors", "checkpoint.safetensors"] { unlink(folder.file("run/\(name)")) }
        rename(folder.file("images"), folder.file("moved"))
        let lost = try run(["train", "--resume", "run"])
        #expect(lost.status == 1 && lost.errors.contains("images"), "\(lost.errors)")
        let found = try run(["train", "--resume", "run", "--data", "moved"])
        #expect(found.status == 0, "\(found.errors)")
        let weights = try Safetensors(contentsOf: folder.file("run/model.safetensors"))
        #expect(weights.metadata["apus.data"]?.hasSuffix("/moved") == true)
        unlink(folder.file("run/checkpoint.previous.safetensors"))
        for (key, tensor) in weights.tensors {
            folder.write(whole, "whole.safetensors")
            #expect(try tensor.array(Float.self) == StateDict.load(from: folder.file("whole.safetensors"))[key]!.array(Float.self))
        }
        // This holds for a finished run's images too; other images in their place are refused.
        rename(folder.file("moved"), folder.file("again"))
        #expect(try run(["train", "--resume", "run", "--data", "again"]).status == 0)
        #expect(try run(["evaluate", "run"]).status == 0)
        rename(folder.file("again/cat/1.png"), folder.file("again/cat/one.png"))
        let other = try run(["train", "--resume", "run", "--epochs", "5"])
        #expect(other.status == 1 && other.errors.contains("is not the data that the run in run began with"), "\(other.errors)")
    }

    /// Every option edited by hand in `options.json` is refused and named, in a finished run too.
    @Test func editedOptionsAreRefused() throws {
        try makeImages()
        try train("run")
        let options = try Command.text(folder.file("run/options.json"))
        let edits = [
            ("\"epochs\":3", "\"epochs\":4", "epochs is 4, the run began with 3"),
            ("\"lr\":0.05", "\"lr\":0.06", "lr is 0.06, the run began with 0.05"),
            ("\"seed\":\"0\"", "\"seed\":\"1\"", "seed is \"1\", the run began with \"0\""),
            ("onecycle", "cosine", "schedule is \"cosine\""),
            ("\"batch_size\":8", "\"batch_size\":16", "batch_size is 16"), ("\"format\":2", "\"format\":1", "format is 1"),
            ("\"adam\"", "\"sgd\"", "optimizer is \"sgd\""),
            ("/images\"", "/\"", "data is"), ("Flatten\\\",", "Flatten\\\", \\\"ReLU\\\",", "model_table is"),
        ]
        for finished in [true, false] {
            if !finished { unlink(folder.file("run/result.json")) }
            for (old, new, message) in edits {
                let edited = options.replacing(old, with: new)
                #expect(edited != options, "\(old)")
                try Command.write(edited, to: folder.file("run/options.json"))
                let result = try run(["train", "--resume", "run"])
                #expect(
                    result.status == 1 && result.errors.contains("options.json was changed: ") && result.errors.contains(message),
                    "\(result.errors)")
            }
        }
        try Command.write(options, to: folder.file("run/options.json"))
        #expect(try run(["train", "--resume", "run"]).status == 0)
    }
}
