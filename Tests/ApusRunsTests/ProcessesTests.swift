import ApusCore
import ApusDistributed
import ApusFormats
import ApusSystem
import Foundation
import TestSupport
import Testing

/// Runs that several processes share.
@Suite(.serialized) struct ProcessesTests {
    let folder = TemporaryFolder()
    static let launcher = try? LauncherProgram.find()

    private static let base = ["train", "--json", "--model", "net.json", "--data", "images", "--device", "cpu", "--shards", "4"]

    /// Pictures of three classes, 49 of them to learn from, and a network with all that depends on shards.
    private func prepare() throws {
        try folder.makeImages(side: 8)
        try Command.write(
            """
            [{"type": "Conv2d", "in_channels": 1, "out_channels": 4, "kernel_size": 3, "padding": 1},
             {"type": "BatchNorm2d", "num_features": 4}, "ReLU", "Flatten", {"type": "Dropout", "p": 0.2},
             {"type": "Linear", "in_features": 256, "out_features": 3}]
            """, to: folder.file("net.json"))
    }

    private func apus(_ arguments: [String], launcher: String = "", meanwhile: (pid_t) throws -> Void = { _ in }) throws -> Command.Result {
        try Command.run(arguments, in: folder.path, launcher: launcher, meanwhile: meanwhile)
    }

    private func bytes(_ run: String) throws -> [UInt8] { try Command.bytes(folder.file("\(run)/model.safetensors")) }

    /// The lines of a run's metrics, without its speed.
    private func metrics(_ run: String) throws -> [String] {
        try Command.text(folder.file("\(run)/metrics.jsonl")).split(separator: "\n").map { line in
            try JSON(parsing: String(line)).members!.filter { !["images_per_second", "seconds", "waiting_seconds"].contains($0.key) }
                .map { "\($0.key) \($0.value.text)" }.joined(separator: ", ")
        }
    }

    /// The processes of this test's folder.
    private func processes() -> [(pid: pid_t, isApus: Bool, parent: pid_t)] {
        func link(_ path: String) -> String {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = readlink(path, &buffer, buffer.count)
            return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
        }
        return (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))!.compactMap { name in
            guard let pid = pid_t(name), link("/proc/\(name)/cwd") == folder.path,
                let parent = firstValue(in: "/proc/\(name)/status", of: "PPid").flatMap({ pid_t($0) })
            else { return nil }
            return (pid, link("/proc/\(name)/exe") == Command.path, parent)
        }
    }

    /// Waits until no process is left in this test's folder.
    private func expectNobody(_ what: String) {
        for _ in 0..<300 where !processes().isEmpty { usleep(10_000) }
        #expect(processes().isEmpty, "\(what)")
    }

    /// Waits until the run has written two checkpoints more.
    private func waitForCheckpoints(_ run: String) {
        let path = folder.file("\(run)/checkpoint.safetensors")
        func number() -> UInt {
            var facts = stat()
            return stat(path, &facts) == 0 ? UInt(facts.st_ino) : 0
        }
        for _ in 0..<2 {
            let before = number()
            for _ in 0..<6000 where number() == before { usleep(5000) }
        }
    }

    // MARK: The same bytes

    /// Any number of processes that the shards can be dealt to, started by `--processes` or by a launcher. The last batch of an epoch has
    /// fewer samples than shards.
    @Test(
        .enabled(if: launcher != nil, "needs mpirun or mpiexec"),
        arguments: [
            ["--epochs", "2", "--batch-size", "16", "--augment", "crop", "--ema", "0.9", "--accumulate", "2", "--clip-norm", "1"],
            ["--epochs", "2", "--batch-size", "12", "--lr-find", "--val-split", "0.25", "--keep", "both", "--tensorboard", "log"],
        ])
    func theBytesAreThoseOfOneProcess(options: [String]) throws {
        try prepare()
        let whole = try apus(ProcessesTests.base + options + ["--out", "whole"])
        #expect(whole.status == 0, "\(whole.errors)")
        for count in [2, 4] {
            let run = try apus(ProcessesTests.base + options + ["--out", "\(count)", "--processes", "\(count)"])
            #expect(run.status == 0, "\(run.errors)")
            #expect(try bytes("\(count)") == bytes("whole") && metrics("\(count)") == metrics("whole"), "\(count) processes")
            for file in ["options.json"] + (options.contains("--lr-find") ? ["lr-find.json"] : []) {
                #expect(try Command.text(folder.file("\(count)/\(file)")) == Command.text(folder.file("whole/\(file)")), "\(file)")
            }
            #expect(try Command.text(folder.file("\(count)/report.html")).contains("processes"))
            func events(_ result: Command.Result) throws -> [String] {
                try result.lines.map { try JSON(parsing: String($0))["event"]!.string! }.filter { $0 != "batch" }
            }
            #expect(try events(run) == events(whole))
        }
    }

    /// Where nothing of a network belongs to shards they change the order of sums, and nothing else: the loss is that of the whole batch.
    @Test func shardsChangeRoundingAlone() throws {
        try folder.makeImages()
        try folder.makeModel()
        let start = ["train", "--model", "net.json", "--data", "images", "--device", "cpu", "--epochs", "2", "--batch-size", "12"]
        for (i, options) in [
            [], ["--class-weights", "balanced"], ["--class-weights", "balanced", "--label-smoothing", "0.1"],
            ["--accumulate", "3", "--clip-norm", "0.1"],
        ].enumerated() {
            let weights = try ["1", "8"].map { shards in
                let run = try apus(start + options + ["--optimizer", "sgd", "--lr", "0.1", "--shards", shards, "--out", "\(i)-\(shards)"])
                #expect(run.status == 0, "\(run.errors)")
                return try StateDict.load(from: folder.file("\(i)-\(shards)/model.safetensors"))
            }
            for (key, tensor) in weights[0] {
                let difference: Double = (tensor - weights[1][key]!).abs().max().item()
                #expect(difference < 1e-5, "\(options): \(key) by \(difference)")
            }
        }
    }

    /// Killed and stopped in all ways, gone on with by other numbers of processes.
    @Test(.enabled(if: launcher != nil, "needs mpirun or mpiexec")) func anotherNumberGoesOn() throws {
        try prepare()
        let options = ProcessesTests.base + ["--epochs", "25", "--batch-size", "16", "--augment", "flip", "--checkpoint-every", "1"]
        #expect(try apus(options + ["--out", "whole"]).status == 0)
        let start = options + ["--out", "run", "--processes", "4"]
        let killed = try apus(start) { parent in
            waitForCheckpoints("run")
            // Not the process that has the launcher as its child, but one of those that train.
            kill(try #require(processes().last { $0.isApus && $0.pid != parent }).pid, SIGKILL)
        }
        #expect(
            killed.status != 0 && killed.errors.contains("--resume goes on") || killed.status == 9, "\(killed.status), \(killed.errors)")
        expectNobody("a process was killed")
        let resume = ["train", "--json", "--resume", "run"]
        let orphaned = try apus(resume + ["--processes", "2"]) { parent in
            waitForCheckpoints("run")
            kill(try #require(processes().first { $0.parent == parent }).pid, SIGKILL)
        }
        #expect(orphaned.status == 128 + SIGKILL && orphaned.errors.contains("signal 9"), "\(orphaned.status), \(orphaned.errors)")
        expectNobody("the launcher was killed")
        let parentless = try apus(resume + ["--processes", "2"]) { parent in
            waitForCheckpoints("run")
            kill(parent, SIGKILL)
        }
        #expect(parentless.signal == SIGKILL)
        expectNobody("the process between terminal and launcher was killed")
        let stopped = try apus(resume + ["--processes", "2"]) { parent in
            waitForCheckpoints("run")
            kill(parent, SIGINT)
        }
        #expect(stopped.status == 130, "\(stopped.errors)")
        #expect(try JSON(parsing: String(#require(stopped.lines.last)))["event"] == "stopped")
        expectNobody("Ctrl-C")
        let last = try apus(resume)
        #expect(last.status == 0, "\(last.errors)")
        #expect(try bytes("run") == bytes("whole") && metrics("run") == metrics("whole"))
        // By itself, in a folder that the command chooses.
        let again = try apus(options + ["--processes", "2", "--restarts", "1"]) { parent in
            waitForCheckpoints("runs/net-images-1")
            kill(try #require(processes().last { $0.isApus && $0.pid != parent }).pid, SIGKILL)
        }
        #expect(again.status == 0 && again.errors.contains("start 1 of 1 from the last checkpoint"), "\(again.errors)")
        #expect(try bytes("runs/net-images-1") == bytes("whole"))
    }

    // MARK: What is refused

    /// Before anything is created, and without a launcher.
    @Test func numbersThatDoNotFitAreRefused() throws {
        try prepare()
        let start = ["train", "--model", "net.json", "--data", "images", "--epochs", "1", "--batch-size", "8", "--device", "cpu", "--out"]
        #expect(try apus(start + ["run", "--shards", "4"]).status == 0)
        #expect(try apus(start + ["whole", "--shards", "1"]).status == 0)
        #expect(try JSON(contentsOf: folder.file("run/options.json"))["shards"] == 4)
        #expect(try JSON(contentsOf: folder.file("whole/options.json"))["shards"] == nil)
        let cases: [([String], Int32, String)] = [
            (start + ["new", "--shards", "3", "--processes", "2"], 64, "3 shards cannot be dealt to 2 processes"),
            (start + ["new", "--shards", "12", "--processes", "2"], 64, "12 shards take 1, 3, 6 or 12 processes"),
            (start + ["new", "--shards", "0"], 64, "shards is 0, it must be from 1 to 65536"),
            (start + ["new", "--processes", "0"], 64, "--processes is 0"),
            (start + ["new", "--hosts", "h"], 64, "--hosts is for --processes"),
            (start + ["new", "--restarts", "-1", "--processes", "2"], 64, "--restarts"),
            (
                ["train", "--resume", "run", "--shards", "2"], 1,
                "the run in run has batches of 4 shards, and --shards 2 would make other weights"
            ),
            (["train", "--resume", "whole", "--shards", "2"], 1, "the run in whole has whole batches"),
            (["train", "--resume", "run", "--processes", "3"], 1, "4 shards take 1, 2 or 4 processes"),
            (["train", "--resume", "whole", "--processes", "2"], 1, "has whole batches, which one process computes"),
        ]
        for (arguments, status, message) in cases {
            let result = try apus(arguments)
            #expect(result.status == status && result.errors.contains(message), "\(arguments): \(result.errors)")
        }
        #expect(access(folder.file("new"), F_OK) != 0)
        #expect(try apus(["train", "--resume", "run", "--shards", "4"]).output.contains("the run is finished"))
        let missing = try Command.run(start + ["new", "--processes", "2"], in: folder.path, shell: "APUS_MPIRUN= PATH=/nowhere")
        #expect(missing.status == 1 && missing.errors.contains("openmpi-bin"), "\(missing.errors)")
    }

    /// What is wrong on the first process, or on all, is said once.
    @Test(.enabled(if: LauncherTests.openMPI != nil, "needs mpirun.openmpi")) func errorsAreSaidOnce() throws {
        try prepare()
        let start = ["train", "--model", "net.json", "--data", "images", "--device", "cpu", "--out"]
        mkdir(folder.file("full"), 0o777)
        folder.write([1], "full/file")
        folder.write([1, 2, 3], "bad/cat/1.png")
        for (arguments, status, message) in [
            (start + ["full"], 64, "full is not empty"), (start + ["new", "--epochs", "many"], 64, "'many' is invalid"),
            (start + ["new", "--data", "bad"], 1, "bad/cat/1.png"), (start + ["new", "--processes", "4"], 64, "and 2 were started"),
        ] as [([String], Int32, String)] {
            let result = try apus(arguments, launcher: LauncherTests.openMPI! + " -n 2")
            #expect(result.status == status, "\(arguments): \(result.errors)")
            #expect(result.errors.ranges(of: message).count == 1, "\(arguments): \(result.errors)")
            #expect(access(folder.file("new"), F_OK) != 0, "\(arguments)")
        }
    }

    private enum LauncherTests {
        static let openMPI: String? =
            access("/usr/bin/mpirun.openmpi", X_OK) == 0 ? "/usr/bin/mpirun.openmpi --quiet --allow-run-as-root --oversubscribe" : nil
    }

    // MARK: The terminal

    /// A process behind another draws the bar as that says, whatever its own output is.
    @Test func theBarIsDrawnForATerminalBehind() throws {
        try prepare()
        for (told, isBar) in [("60 unicode", true), ("none", false)] {
            let out = isBar ? "bar" : "lines"
            let run = try Command.run(
                [
                    "train", "--model", "net.json", "--data", "images", "--epochs", "2", "--batch-size", "4", "--device", "cpu", "--out",
                    out,
                ],
                in: folder.path, shell: "APUS_TERMINAL='\(told)'")
            #expect(run.status == 0, "\(run.errors)")
            let drawn = run.output.split(separator: "\r").filter { $0.contains("━") }
            #expect(drawn.isEmpty == !isBar)
            #expect(drawn.allSatisfy { $0.prefix { $0 != "\u{1B}" }.count < 60 }, "\(drawn)")
        }
    }
}
