import Apus
import ArgumentParser
import ConformanceRunner
import Glibc

/// `apus-conformance [--device NAME] [--only MODULE] FOLDER`: compares every module with PyTorch's recorded answers.
@main struct ConformanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus-conformance",
        abstract: "Compares the modules of Apus with PyTorch's recorded answers.",
        discussion:
            "FOLDER holds one folder a class, each with cases.json and tensors.safetensors. Names each failure and what differed, and ends with 'N passed, M failed'."
    )

    @Option(help: "The device to compute on: cpu, reference, opencl:0, …") var device = "cpu"
    @Option(help: "Run the cases of this class only.") var only: String?
    @ArgumentParser.Argument(help: "The folder with the recorded cases.") var folder: String

    func run() throws {
        guard let device = Device(device) else {
            throw ValidationError(
                "there is no device '\(device)'; there are \((Device.all + [.reference]).map(\.description).joined(separator: ", "))")
        }
        if let reason = device.unavailableReason { throw ValidationError("\(device) is not available: \(reason)") }
        var (passed, failed) = (0, 0)
        try ConformanceRunner(device: device, only: only).run(folder) { result in
            if let complaint = result.complaint {
                failed += 1
                print("\(result.module) \(result.key): \(complaint)")
            } else {
                passed += 1
            }
        }
        print("\(passed) passed, \(failed) failed")
        guard fflush(nil) == 0 else { throw ExitCode.failure } // The output could not be written.
        if failed > 0 { throw ExitCode.failure }
    }
}
