import ApusCore
import ApusFormats
import ApusNN
import ApusOptim
import Foundation
import TestSupport
import Testing
@testable import ApusRuns
@testable import ApusTraining

/// Numbers in a program whose locale has a decimal comma.
@Suite struct LocaleTests {
    /// A locale made here, so that the test needs no installed one: the C library reads the file that `localedef` would make.
    private static func writeLocale(_ folder: TemporaryFolder) {
        let texts = [",", ".", "\u{3}\u{3}"]
        var data: [UInt8] = []
        var offsets: [UInt32] = []
        func word(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
        let start = 8 + 6 * 4
        for text in texts {
            offsets.append(UInt32(start + data.count))
            data += Array(text.utf8) + [0]
        }
        while data.count % 4 != 0 { data.append(0) }
        for character in [UInt32(0x2C), 0x2E] {
            offsets.append(UInt32(start + data.count))
            data += word(character)
        }
        offsets.append(UInt32(start + data.count))
        data += Array("UTF-8".utf8) + [0]
        folder.write(word(0x2003_1114) + word(6) + offsets.flatMap(word) + data, "comma/LC_NUMERIC")
    }

    @Test func noNumberOfOursGoesThroughIt() async {
        await #expect(processExitsWith: .success) {
            let folder = TemporaryFolder()
            LocaleTests.writeLocale(folder)
            setenv("LOCPATH", folder.path, 1)
            func texts() throws -> [String] {
                let tensor = Tensor([0.5, -1234.5678, 3, 1e-3])
                let chart = Chart(
                    title: "Loss", xLabel: "epoch", series: [.init("training", [(0, 2.25), (1, 0.5), (2, 0.125)], marks: true)])
                var report = Report(title: "t", lead: "l")
                report.charts = [chart]
                report.confusion = (["a", "b"], ConfusionMatrix(classes: 2))
                func measured(_ loss: Double, _ accuracy: Double) -> Measured {
                    Measured(loss: loss, metrics: [.init(name: "accuracy", value: accuracy)])
                }
                let record = EpochRecord(
                    epoch: 1, step: 2, train: measured(0.5, 0.25), test: measured(1.5, 0.75), learningRate: 1e-3, samplesPerSecond: 1.5,
                    seconds: 2.5)
                return [
                    "\(tensor)", "\(tensor * 1e12)", "\(tensor.to(.float16))", "\(Tensor([1.0, 2.0]))", Text.fixed(0.3121, 4),
                    Text.short(1.5e-5), Text.short(0.25), Text.compact(1.25e6),
                    Text.duration(7.3), Text.bytes(1_500_000), report.html(), "\(Adam([Parameter(tensor)], lr: 0.5))", "\(Linear(2, 2))",
                    "\(Dropout(0.5))",
                    record.json(evaluated: "test").text,
                    ProgressBar.line(record, of: 3),
                ] + (try ModelSummary(Linear(2, 2), input: [1, 2]).rows.map(\.title))
            }
            let before = try texts()
            precondition(setlocale(LC_NUMERIC, "comma") != nil, "the C library has not read the locale")
            var buffer = [CChar](repeating: 0, count: 16)
            _ = withVaList([1.5]) { vsnprintf(&buffer, 16, "%.1f", $0) }
            precondition(buffer[1] == 0x2C, "the locale has no decimal comma")
            for (now, then) in zip(try texts(), before) { precondition(now == then, "\(now)\nin place of\n\(then)") }
            // The program's own locale is unchanged.
            _ = withVaList([1.5]) { vsnprintf(&buffer, 16, "%.1f", $0) }
            precondition(buffer[1] == 0x2C)
        }
    }

    /// No source file formats or parses a fractional number with a function that depends on the locale, except the one that handles it.
    @Test func noSourceFormatsThroughIt() throws {
        let files = try #require(
            FileManager.default.enumerator(at: inCheckout("../../Sources"), includingPropertiesForKeys: nil)
        ).compactMap { $0 as? URL }
        #expect(files.count > 100)
        for file in files where ["swift", "c", "h"].contains(file.pathExtension) && !file.path.hasSuffix("CSystem/text.c") {
            let text = try String(contentsOf: file, encoding: .utf8)
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                let place = "\(file.lastPathComponent):\(number + 1)"
                for name in [
                    "String(format", "vsnprintf", "vsprintf", "NumberFormatter", "strtod(", "strtof(", "strtold(", "atof(", "sscanf(",
                    "localizedString",
                ] { #expect(!line.contains(name), "\(place)") }
                // printf and similar functions may format only strings and integers.
                if line.contains("printf(") { #expect(line.firstMatch(of: /%[-+ 0#]*[0-9.*]*[lLh]*[aAeEfFgG]/) == nil, "\(place)") }
            }
        }
    }
}
