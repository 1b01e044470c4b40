import ApusSystem
import Foundation
import TestSupport
import Testing
@testable import ApusCore
@testable import ApusFormats

@Suite struct PyTorchFileTests {
    @Test(arguments: Interop.names("pt/cases")) func readsWhatPyTorchWrote(_ name: String) throws {
        let recorded = Interop.description("pt/cases/\(name)")
        let path = Interop.path("pt/cases/\(recorded["file"]!.string!)")
        let tensors = try StateDict.load(from: Interop.path("pt/cases/\(name).safetensors"))
        let file = try PyTorchFile(path)
        let format = ["zip": "zip", "legacy": "legacy", "tar": "tar", "torchscript": "torchScript", "pt2": "export"][
            recorded["format"]!.string!]
        #expect(file.format.rawValue == format)
        if file.format == .torchScript {
            try check(scripted: file, tensors, name)
        } else {
            let problems = file.root.differences(from: recorded["tree"]!, tensors)
            #expect(problems.isEmpty, "\(problems.prefix(5).joined(separator: "\n"))")
        }
        guard let names = recorded["state_dict"]?.members else { return }
        // A module that was saved whole has the names and tensors of its state_dict().
        let state = try file.stateDict()
        #expect(state.keys == names.map(\.key))
        for (key, pointer) in names.map({ ($0.key, $0.value.string!) }) {
            #expect(bytes(of: state[key]!) == bytes(of: tensors[pointer]!), "\(key)")
        }
    }

    private func check(scripted file: PyTorchFile, _ tensors: StateDict, _ name: String) throws {
        if name == "torchscript_frozen" {
            #expect(message { _ = try file.stateDict() }.contains("torch.jit.freeze"))
            return
        }
        let state = try file.stateDict()
        #expect(state.keys.map { "/" + $0 }.sorted() == tensors.keys.sorted())
        for (key, tensor) in state { #expect(bytes(of: tensor) == bytes(of: tensors["/" + key]!), "\(key)") }
    }

    @Test(arguments: Interop.names("pt/hostile")) func refusesWhatAttacksOrLies(_ name: String) throws {
        let recorded = Interop.description("pt/hostile/\(name)")
        let path = Interop.path("pt/hostile/\(name).pt")
        let start = ContinuousClock.now
        let error = message {
            let file = try PyTorchFile(path)
            _ = try file.stateDict()
        }
        let seconds = start.duration(to: .now) / .seconds(1)
        let outcome = recorded["outcome"]!.string!
        if error.isEmpty {
            #expect(outcome.contains("or"), "\(name) was read: \(recorded["why"]!.string!)")
        } else {
            #expect(error.contains(path))
            #expect(Interop.names(recorded["place"]!.string!, in: error), "\(recorded["place"]!.string!) is not in: \(error)")
        }
        // A debug build is ten times slower; a hang is a hang.
        #expect(seconds < 10 * recorded["limit"]!["seconds"]!.double!, "\(seconds) s")
    }

    /// None of them takes more memory than its description allows.
    @Test func attacksTakeNoMemory() async {
        await #expect(processExitsWith: .success) {
            limitMemory(toMoreBytes: 300 << 20)
            for name in Interop.names("pt/hostile") {
                _ = message { _ = try PyTorchFile(Interop.path("pt/hostile/\(name).pt")).stateDict() }
            }
        }
    }

    /// Opening a large file and reading a tensor of 1 MB reads the directory, the pickle and that tensor. `scripts/check/files` makes the file, of 2 GB.
    @Test(.enabled(if: environment("APUS_LARGE_FILE") != nil)) func aLargeFileCostsItsPages() throws {
        let path = environment("APUS_LARGE_FILE")!
        /// The part of the file that is in the process's memory.
        func mappedKilobytes() -> Int {
            var isInside = false
            var sum = 0
            // The system gives it in pieces of a page.
            for line in try! String(decoding: FileHandle(forReadingAtPath: "/proc/self/smaps")!.readToEnd()!, as: UTF8.self).split(
                separator: "\n")
            {
                let fields = line.split(separator: " ")
                if fields[0].contains("-") { isInside = line.hasSuffix(path) }
                if isInside, fields[0] == "Rss:" { sum += Int(fields[1])! }
            }
            return sum
        }
        func resident() -> Int { Int(try! String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1])! * 4 }
        func readBytes() -> Int {
            let text = try! String(contentsOfFile: "/proc/self/io", encoding: .utf8)
            return Int(text.split(separator: "\n").first { $0.hasPrefix("read_bytes") }!.split(separator: " ")[1])!
        }
        let (before, read) = (resident(), readBytes())
        let file = try PyTorchFile(path)
        let small = try file.root["small"]!.tensor()
        #expect(small.numel == 1 << 18)
        #expect(small.sum().item() as Double == Double(1 << 18))
        let mapped = withExtendedLifetime(file) { mappedKilobytes() }
        let (added, fromDisk) = (resident() - before, (readBytes() - read) / 1024)
        print("large file: \(mapped) kB of it mapped, \(added) kB more memory, \(fromDisk) kB read from the disk")
        #expect(mapped >= 1024 && mapped <= 2048 && fromDisk <= 2048 && added <= 50 * 1024)
    }

    /// Writes that file: a tensor of 2 GB of zeros, and one of 1 MB.
    @Test(.enabled(if: environment("APUS_LARGE_FILE_TO_WRITE") != nil)) func writeALargeFile() throws {
        try StateDict([("big", Tensor.zeros([1 << 29])), ("small", Tensor.ones([1 << 18]))]).save(
            to: environment("APUS_LARGE_FILE_TO_WRITE")!)
    }
}
