import Apus
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
}
