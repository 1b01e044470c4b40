import ApusCore
import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusFormats

@Suite struct CheckpointTests {
    let folder = TemporaryFolder()

    static func example(epoch: Int) -> Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint["model"] = ["fc.weight": make((0..<20).map { Float($0 + epoch) }, [4, 5]), "steps": make([Int64(epoch)], [])]
        checkpoint["optimizer"] = [:]
        checkpoint["generator"] = ["state": make([1, 2, 3] as [UInt8], [3]), "with/slash": make([true], [1])]
        checkpoint.metadata = ["epoch": "\(epoch)", "options": #"{"lr":0.1}"#]
        return checkpoint
    }

    func epoch(_ checkpoint: Checkpoint?) -> Float? { checkpoint.map { elements($0["model"]!["fc.weight"]!, Float.self)[0] } }

    @Test func roundTrip() throws {
        try Self.example(epoch: 3).save(in: folder.path)
        let read = try #require(try Checkpoint.load(from: folder.path))
        #expect(read.sectionNames == ["model", "optimizer", "generator"])
        #expect(read.metadata == ["epoch": "3", "options": #"{"lr":0.1}"#])
        #expect(read["optimizer"]!.isEmpty && read["nothing"] == nil)
        #expect(read["model"]!.keys == ["fc.weight", "steps"] && read["model"]!["fc.weight"]!.shape == [4, 5])
        #expect(elements(read["generator"]!["with/slash"]!, Bool.self) == [true])
        #expect(epoch(read) == 3 && read.newestFailed == nil)
        // A checkpoint is a safetensors file that any reader can read.
        #expect(try StateDict.load(from: Checkpoint.newest(in: folder.path))["model/steps"] != nil)
    }

    @Test func theOneBeforeIsKeptAndUsed() throws {
        #expect(try Checkpoint.load(from: folder.path) == nil)
        for i in 1...3 { try Self.example(epoch: i).save(in: folder.path) }
        #expect(folder.names == ["checkpoint.previous.safetensors", "checkpoint.safetensors"])
        let (newest, previous) = (Checkpoint.newest(in: folder.path), Checkpoint.previous(in: folder.path))
        #expect(try epoch(Checkpoint.load(from: folder.path)) == 3)

        var damaged = bytes(ofFile: newest)
        damaged[damaged.count / 2] ^= 1
        folder.write(damaged, "checkpoint.safetensors")
        let fallback = try #require(try Checkpoint.load(from: folder.path))
        #expect(epoch(fallback) == 2 && "\(fallback.newestFailed!)".contains(newest))

        // Saving over a damaged checkpoint keeps the intact previous one.
        try Self.example(epoch: 4).save(in: folder.path)
        #expect(try epoch(Checkpoint(contentsOf: previous)) == 2)
        #expect(try epoch(Checkpoint.load(from: folder.path)) == 4)

        unlink(newest)
        #expect(try epoch(Checkpoint.load(from: folder.path)) == 2)
        folder.write([], "checkpoint.safetensors")
        folder.write([1], "checkpoint.previous.safetensors")
        let message = message { _ = try Checkpoint.load(from: folder.path) }
        #expect(message.contains("neither checkpoint can be used") && message.contains(newest) && message.contains(previous), "\(message)")
    }

    /// The checksum covers the whole file: every flipped bit is detected.
    @Test func everyFlippedBitIsFound() throws {
        try Self.example(epoch: 1).write(to: folder.file("a"))
        let good = bytes(ofFile: folder.file("a"))
        for i in good.indices {
            var damaged = good
            damaged[i] ^= 1 << UInt8(i % 8)
            let path = folder.write(damaged)
            #expect(message { _ = try Checkpoint(contentsOf: path) }.hasPrefix(path), "byte \(i)")
        }
        for count in good.indices {
            let path = folder.write(Array(good[..<count]))
            #expect(message { _ = try Checkpoint(contentsOf: path) }.hasPrefix(path), "\(count) bytes")
        }
    }

    @Test func otherFilesAreRefused() throws {
        try (["x": make([1] as [Float], [1])] as StateDict).save(to: folder.file("a"))
        #expect(message { _ = try Checkpoint(contentsOf: folder.file("a")) }.contains("the file is no checkpoint"))
    }

    /// Killed with SIGKILL while saving, repeatedly: each time a complete checkpoint is left, and its step never decreases.
    @Test func aKilledSaveLosesNothing() async throws {
        // The child of an exit test knows only its parent's process ID.
        let path = "/tmp/apus-test-kill-\(getpid())"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Self.example(epoch: 1).save(in: path)
        var last: Float = 1
        for _ in 0..<6 {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                let path = "/tmp/apus-test-kill-\(getppid())"
                var epoch = Int(try Checkpoint.load(from: path)!.metadata["epoch"]!)!
                Thread.detachNewThread {
                    usleep(.random(in: 500...20_000))
                    kill(getpid(), SIGKILL)
                }
                while true {
                    epoch += 1
                    try CheckpointTests.example(epoch: epoch).save(in: path)
                }
            }
            let found = try #require(try epoch(Checkpoint.load(from: path)))
            #expect(found >= last)
            last = found
        }
        #expect(last > 1)
        try Self.example(epoch: 0).save(in: path)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
                "checkpoint.previous.safetensors", "checkpoint.safetensors",
            ])
    }

    @Test func damageNeverCrashes() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            try CheckpointTests.example(epoch: 1).write(to: folder.file("a"))
            let contents = bytes(ofFile: folder.file("a"))
            fuzz(contents, mutations: 500) { _ = try Checkpoint(contentsOf: $0) }
            // Damaged contents with a matching checksum, as only an attacker makes them.
            var random = SplitMix(state: 5)
            for _ in 0..<3000 {
                var forged = contents
                forged[Int.random(in: 0..<(forged.count - 8), using: &random)] = UInt8.random(in: 0...255, using: &random)
                let seal = forged.dropLast(8).withUnsafeBytes { Checksum.of($0) }
                withUnsafeBytes(of: seal.littleEndian) { forged.replaceSubrange((forged.count - 8)..., with: $0) }
                _ = message { _ = try Checkpoint(contentsOf: folder.write(forged)) }
            }
        }
    }
}
