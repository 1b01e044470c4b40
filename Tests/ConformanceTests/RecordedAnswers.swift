import ConformanceRunner
import Foundation
import Testing

/// Every class of the toolbox against PyTorch's recorded answers (`FORMAT.md` beside the cases says what they are).
@Suite struct RecordedAnswers {
    private static let cases = Bundle.module.resourceURL!.appending(path: "cases").path
    private static let classes = (try? FileManager.default.contentsOfDirectory(atPath: cases))?.sorted() ?? []

    @Test(arguments: classes) func agree(_ module: String) throws {
        var failures: [String] = []
        var count = 0
        try ConformanceRunner(only: module).run(Self.cases) { result in
            count += 1
            if let complaint = result.complaint { failures.append("\(result.module) \(result.key): \(complaint)") }
        }
        #expect(count > 0)
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }

    @Test func everyClassIsThere() {
        #expect(Self.classes.count == 149)
    }

    /// Second derivatives of every class, in every recorded setting, against differences in float64.
    @Test(arguments: classes) func secondDerivatives(_ module: String) throws {
        var failures: [String] = []
        try ConformanceRunner(only: module).checkSecondDerivatives(Self.cases) { result in
            if let complaint = result.complaint { failures.append("\(result.module) \(result.key): \(complaint)") }
        }
        #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
    }
}
