import ApusCore
import ApusFormats
import ApusSystem
import Testing
@testable import ApusTraining

@Suite struct ProgressTests {
    func progress(batch: Int = 620, batches: Int = 1000) throws -> TrainingProgress {
        let (samples, right) = (batch * 64, (0.8873 * Double(batch * 64)).rounded())
        let accuracy: JSON = ["right": [.double(right)], "count": [.double(Double(samples))]]
        let state = Measurements.State(
            samples: samples, mean: Mean(total: 0.3121 * Double(samples), count: samples),
            metrics: [.init(name: "accuracy", metric: samples == 0 ? JSON?.none : accuracy)])
        let measurements = try Measurements(state, [Measure<(Tensor, Tensor)>("accuracy") { Accuracy($0, $1) }])
        return TrainingProgress(
            epoch: 2, epochs: 5, batch: batch, batches: batches, step: 1620, learningRate: 0.001, samplesPerSecond: 41_230,
            measurements: measurements)
    }

    @Test func aWideTerminalShowsEverything() throws {
        let line = try ProgressBar.bar(progress(), Terminal(width: 120, hasColour: false, hasUnicode: true), "img")
        #expect(line.hasPrefix("epoch 2/5 ━"))
        #expect(line.contains(" 62%  loss 0.3121  accuracy 0.8873  41,230 img/s  0:01 left"))
        // 40 cells at 62 %: 24 whole ones and a half.
        #expect(line.filter { $0 == "━" }.count == 24)
        #expect(line.contains("╸"))
    }

    @Test(arguments: 1...140) func noLineReachesTheLastColumn(width: Int) throws {
        for unicode in [true, false] {
            let line = try ProgressBar.bar(progress(), Terminal(width: width, hasColour: false, hasUnicode: unicode))
            #expect(line.count <= width - 1)
        }
    }

    @Test func aNarrowTerminalKeepsLossAndAccuracyLongest() throws {
        let line = try ProgressBar.bar(progress(), Terminal(width: 50))
        #expect(line.contains("loss 0.3121") && line.contains("accuracy 0.8873"))
        #expect(!line.contains("/s"))
    }

    @Test func coloursAreSwitchedOff() throws {
        #expect(try ProgressBar.bar(progress(), Terminal(width: 100, hasColour: true, hasUnicode: true)).contains("\u{1B}["))
        let plain = try ProgressBar.bar(progress(), Terminal(width: 100))
        #expect(!plain.contains("\u{1B}"))
        #expect(plain.allSatisfy { $0.isASCII })
    }

    @Test func theBarIsEmptyAtTheStartAndFullAtTheEnd() throws {
        let (start, end) = (
            try ProgressBar.bar(progress(batch: 0), Terminal(width: 120)), try ProgressBar.bar(progress(batch: 1000), Terminal(width: 120))
        )
        #expect(!start.contains("#") && start.contains("  0%") && start.contains("loss nan") && start.contains("-:-- left"))
        #expect(!end.contains("---") && end.contains("100%") && end.contains("0:00 left"))
    }

    @Test func anEpochIsOneLine() throws {
        let record = EpochRecord(
            epoch: 3, step: 2814, train: Measured(loss: 0.28461, metrics: [.init(name: "accuracy", value: 0.89512)]),
            test: Measured(loss: 0.3312, metrics: [.init(name: "accuracy", value: 0.8811)]), learningRate: 0.001,
            samplesPerSecond: 41_230.4, seconds: 1.46)
        #expect(
            ProgressBar.line(record, of: 12, "img")
                == "epoch  3/12  loss 0.2846  accuracy 0.8951  test loss 0.3312  test accuracy 0.8811  41,230 img/s  1.5 s")
    }

    @Test func numbersReadWell() throws {
        #expect(["0", "-7", "999", "1,000", "-12,345", "203,530"] == [0, -7, 999, 1000, -12345, 203530].map(Text.grouped))
        #expect(["-", "3.2", "812", "41,230", "1.25M", "3.61G"] == [.infinity, 3.2, 812.4, 41_230, 1.25e6, 3.61e9].map(Text.compact))
        #expect(["0:00", "0:07", "12:30", "3:05:00", "-:--"] == [0, 6.2, 750, 11_100, .nan].map(Text.clock))
        #expect(["0.42 s", "7.3 s", "2 min 05 s", "1 min 00 s", "3 h 05 min"] == [0.42, 7.3, 125, 59.99, 11_100].map(Text.duration))
        #expect(Text.fixed(-.infinity, 2) == "-inf" && Text.fixed(1e300, 1).count == 303)
        #expect(nearest(to: "mlpp", in: ["mlp", "cnn"]) == "mlp")
        #expect(nearest(to: "transformer", in: ["mlp", "cnn"]) == nil)
    }
}
