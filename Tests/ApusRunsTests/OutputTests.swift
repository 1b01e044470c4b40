import ApusFormats
import ApusSystem
import Glibc
import TestSupport
import Testing

/// Output that cannot be written.
@Suite struct OutputTests {
    /// A command whose output cannot be written (disk full, or closed) reports it and exits with 1; other files that it wrote are complete.
    @Test(arguments: [">/dev/full", ">&-", "<&- >&- 2>&-"]) func isAFailureWhereItCannotBeWritten(redirection: String) throws {
        let folder = TemporaryFolder()
        try Command.makeImages(folder.path, train: 60, test: 20)
        mkdir(folder.file("images"), 0o777)
        for part in ["train", "test"] { rename(folder.file(part), folder.file("images/\(part)")) }
        try Command.write("[\"Flatten\", {\"type\": \"Linear\", \"in_features\": 784, \"out_features\": 10}]", to: folder.file("net.json"))
        let train = ["train", "--model", "net.json", "--data", "images", "--epochs", "2", "--batch-size", "8", "--device", "cpu", "--out"]
        func run(_ arguments: [String]) throws -> Command.Result {
            try Command.run(arguments, in: folder.path, shell: "exec \(redirection);")
        }
        let whole = try Command.run(train + ["whole"], in: folder.path)
        #expect(whole.status == 0, "\(whole.errors)")
        let picture = "images/test/0/" + RawPath.text(try #require(try RawPath(folder.file("images/test/0")).names()?.first))
        let commands = [
            train + ["run"], train + ["json", "--json"], ["train", "--resume", "whole"], ["evaluate", "whole"],
            ["evaluate", "whole", "--json"], ["predict", "whole", picture],
            ["info"], ["info", "--json"], ["summary", "mlp"], ["profile", "mlp", "--steps", "1", "--batch-size", "2"], ["--help"],
            ["train", "--help"], ["--version"],
        ]
        for command in commands {
            let result = try run(command)
            #expect(result.status == 1, "\(command): \(result.errors)")
            if !redirection.contains("2>&-") {
                #expect(result.errors.contains("apus: error: cannot write standard output: "), "\(command): \(result.errors)")
            }
        }
        for name in ["run", "json"] {
            #expect(try Command.bytes(folder.file("\(name)/model.safetensors")) == Command.bytes(folder.file("whole/model.safetensors")))
            // The metrics file contains metrics only.
            for line in try Command.text(folder.file("\(name)/metrics.jsonl")).split(separator: "\n") {
                #expect(try JSON(parsing: String(line))["event"] != nil, "\(line)")
            }
        }
        // Other errors keep their exit codes.
        #expect(try run(["train", "--nonsense"]).status == 64)
        #expect(try run(["evaluate", "nowhere"]).status == 1)
    }
}
