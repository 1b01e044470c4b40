import Apus
import ApusDistributed
import ApusFormats
import ApusRuns
import ApusTraining
import ArgumentParser

struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract:
            "Says what a file is and lists its tensors; without a file, what this machine has: processor, devices, libraries, versions.")

    @Argument(help: "Files of tensors, or any others: PyTorch's, safetensors, NumPy's, TensorBoard's.", completion: .file())
    var files: [String] = []

    @Flag(help: "Print JSON objects: one, or one for each tensor of a file.")
    var json = false

    func run() throws {
        guard files.isEmpty else {
            return try reporting { for file in files { try FileListing(file, json: json).say() } }
        }
        var facts = SystemFacts.gather()
        facts.append(.init(name: "devices", value: Device.all.map { "\($0)" }.joined(separator: ", ")))
        for device in Device.all where !device.isCPU {
            let known =
                [device.hardware, device.memory.map { Text.fixed(Double($0) / Double(1 << 30), 1) + " GiB" }, device.driver].compactMap {
                    $0
                } + device.libraries + (device.isCUDA ? [ProcessGroup.deviceLibrary] : [])
            facts.append(
                .init(
                    name: "device \(device)",
                    value: device.unavailableReason.map { "not available: \($0)" } ?? known.joined(separator: ", ")))
        }
        facts.append(.init(name: "MPI", value: mpi))
        facts.append(.init(name: "models", value: ModelSource.names.joined(separator: ", ") + ", FILE.json"))
        facts.append(
            .init(
                name: "data sets",
                value: DataSource.names.map { name in DataSource.isPresent(name) ? name : "\(name) (not found)" }.joined(separator: ", ")))
        if json {
            say(JSON.object(facts.map { .init($0.name.replacing(" ", with: "_").lowercased(), .string($0.value)) }).text)
        } else {
            let width = facts.map(\.name.count).max() ?? 0
            for fact in facts { say("\(Text.left(fact.name, width))  \(fact.value)") }
        }
    }

    /// What `--processes` starts, and the library that the processes open.
    private var mpi: String {
        do {
            let program = try LauncherProgram.find()
            return "\(try program.library()), started by \(program.path) (\(program.version))"
        } catch {
            return "none: \(error)"
        }
    }
}
