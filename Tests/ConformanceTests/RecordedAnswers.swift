import Apus
import ConformanceRunner
import Foundation
import TestSupport
import Testing

/// Every class of the toolbox against PyTorch's recorded answers (`FORMAT.md` beside the cases describes them).
///
/// On every tested device and on the reference.
@Suite struct RecordedAnswers {
    private static let cases = Bundle.module.resourceURL!.appending(path: "cases").path
    private static let errors = Bundle.module.resourceURL!.appending(path: "errors").path
    private static let forms = Bundle.module.resourceURL!.appending(path: "forms").path
    private static let half = Bundle.module.resourceURL!.appending(path: "half").path
    private static let classes = folders(cases)
    private static let devices = Device.tested + [.reference]

    private static func folders(_ path: String) -> [String] { (try? FileManager.default.contentsOfDirectory(atPath: path))?.sorted() ?? [] }

    private func expectNoComplaint(_ device: Device, _ module: String, _ folder: String) throws {
        var failures: [String] = []
        var count = 0
        try ConformanceRunner(device: device, only: module).run(folder) { result in
            count += 1
            if let complaint = result.complaint { failures.append("\(result.module) \(result.key): \(complaint)") }
        }
        #expect(count > 0)
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    @Test(arguments: devices, classes) func agree(_ device: Device, _ module: String) throws {
        try expectNoComplaint(device, module, Self.cases)
    }

    /// Arguments in older or other forms, which PyTorch accepts too.
    @Test(arguments: devices, folders(forms)) func takeEveryForm(_ device: Device, _ module: String) throws {
        try expectNoComplaint(device, module, Self.forms)
    }

    /// float16 and bfloat16: within PyTorch's tolerances for them, or no less exact than PyTorch.
    @Test(arguments: devices, folders(half)) func takeHalfTypes(_ device: Device, _ module: String) throws {
        var complaints: [String] = []
        try ConformanceRunner(device: device, only: module).checkHalfTypes(Self.half) { result in
            if let complaint = result.complaint { complaints.append("\(result.module) \(result.key): \(complaint)") }
        }
        #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }

    /// What PyTorch refuses is refused here too.
    @Test(arguments: devices, folders(errors)) func refuse(_ device: Device, _ module: String) throws {
        try expectNoComplaint(device, module, Self.errors)
    }

    @Test func everyClassIsThere() {
        #expect(
            Self.classes.count == 149 && Self.folders(Self.errors).count == 146 && Self.folders(Self.forms).count == 20
                && Self.folders(Self.half).count == 33)
    }

    /// The number of settings whose gradient jumps at every point tried, so that finite differences prove nothing.
    private static let excused: [String: Int] = [:]

    /// Second derivatives of every class, in every recorded setting, against differences in float64.
    @Test(arguments: classes) func secondDerivatives(_ module: String) throws {
        var failures: [String] = []
        var excused = 0
        try ConformanceRunner(only: module).checkSecondDerivatives(Self.cases) { result in
            if let complaint = result.complaint { failures.append("\(result.module) \(result.key): \(complaint)") }
            if result.isExcused { excused += 1 }
        }
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
        #expect(excused == Self.excused[module, default: 0])
    }

    /// Every class with an allocator that refuses its k-th block, for every k: the result must be an error within `checked`.
    @Test func failWithoutMemory() throws {
        let folder = Self.cases
        let (count, complaints) = try alone {
            var complaints: [String] = []
            var (count, scratch) = (0, 0)
            for (name, prepare) in try ConformanceRunner().trials(folder) {
                // A call may change the module's state, so each uses a new module.
                let found = complaintsWithoutMemory(name, isRepeatable: false, scratch: &scratch) { Trial([], try prepare()) }
                count += found == nil ? 0 : 1
                complaints += found ?? []
            }
            return (count, complaints)
        }
        #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
        #expect(count >= 140, "\(count) classes")
    }

    /// Whatever an argument is replaced with, the result is an error that names it or an output, never a trap.
    @Test(arguments: classes) func wrongArguments(_ module: String) throws {
        var failures: [String] = []
        var count = 0
        let before = peakMemory
        try ConformanceRunner(only: module).sweepArguments(Self.cases) { result in
            count += 1
            if let complaint = result.complaint { failures.append("\(module)(\(result.key)) \(complaint)") }
        }
        #expect(count >= 10)
        #expect(peakMemory - before < 1 << 30)
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    /// The peak resident memory of this process, in bytes.
    private var peakMemory: Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
        return (line.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
    }
}
