import Foundation
import TestSupport
import Testing

/// What `scripts/check/fuzz` has found, and inputs that reach much of each reader's code: none crashes, hangs, or takes much memory.
@Suite struct FuzzRegressionTests {
    static func files(_ reader: FuzzReader) -> [URL] {
        ["findings", "corpus"].flatMap { kind in
            let folder = inCheckout("../Fuzz/\(kind)/\(reader.rawValue)")
            return ((try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? [])
                .sorted { $0.path < $1.path }
        }
    }

    /// In a process of its own, since a crash ends it.
    @Test(arguments: FuzzReader.allCases) func everyFileIsReadOrRefused(_ reader: FuzzReader) async {
        #expect(!FuzzRegressionTests.files(reader).isEmpty)
        await #expect(processExitsWith: .success) { [name = reader.rawValue as String] in
            let reader = FuzzReader(rawValue: name)!
            limitMemory(toMoreBytes: 256 << 20)
            for file in FuzzRegressionTests.files(reader) {
                let bytes = try! Data(contentsOf: file)
                let start = ContinuousClock.now
                bytes.withUnsafeBytes { reader.read($0) }
                let seconds = start.duration(to: .now) / .seconds(1)
                // A debug build on a busy machine: hangs took minutes.
                precondition(seconds < 10, "\(file.path): \(seconds) s")
            }
        }
    }
}
