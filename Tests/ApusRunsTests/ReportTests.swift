import ApusFormats
@testable import ApusRuns
@testable import ApusTraining
import Testing

@Suite struct ReportTests {
    private var report: Report {
        get throws {
            var report = Report(title: "a <b> & \"c\"", lead: "lead")
            report.headline = [("test accuracy", "91.62 %")]
            report.charts = [
                Chart(
                    title: "Loss", xLabel: "epoch",
                    series: [.init("training", [(0, 2), (1, 0.5), (2, 0.25)]), .init("test", [(1, 0.6), (2, .nan)], marks: true)])
            ]
            var matrix = ConfusionMatrix(classes: 2)
            for (actual, predicted) in [(0, 0), (0, 0), (0, 1), (1, 1)] { matrix.add(actual: actual, predicted: predicted) }
            report.confusion = (["cat", "dog"], matrix)
            let png = try Picture(width: 2, height: 1, channels: 1, pixels: [0, 255]).encoded()
            report.wrong = [.init(png: png, index: 17, predicted: "dog", probability: 0.98, actual: "cat", actualProbability: 0.01)]
            report.facts = [("command", "apus train --lr 0.1")]
            return report
        }
    }

    @Test func thePageHoldsEverythingAndNeedsNothing() throws {
        let html = try report.html()
        for part in [
            "91.62 %", "<svg", "<polyline class=\"s1\"", "cat taken for dog: 1 of 3", "66.7 %", "98.0 %", "is cat, 1.0",
            "apus train --lr 0.1", "prefers-color-scheme: dark",
        ] {
            #expect(html.contains(part), "\(part)")
        }
        for outside in ["http://", "https://", "<script", "src=\"/", "<link"] { #expect(!html.contains(outside), "\(outside)") }
        #expect(html.contains("a &lt;b&gt; &amp; &quot;c&quot;") && !html.contains("a <b>"))
        // NaN values are not drawn.
        #expect(html.ranges(of: "<circle").count == 1)
    }

    @Test func imagesAreDataURIs() throws {
        let html = try report.html()
        let start = try #require(html.ranges(of: "data:image/png;base64,").first)
        let text = html[start.upperBound...].prefix { $0 != "\"" }
        #expect(text.hasPrefix("iVBORw0KGgo")) // The first bytes of every PNG file.
        #expect(text.count % 4 == 0)
    }

    @Test func base64IsThatOfTheStandard() {
        // RFC 4648, section 10.
        let pairs = [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ]
        for (plain, encoded) in pairs { #expect(base64(Array(plain.utf8)) == encoded) }
    }

    @Test(arguments: [(0.0, 1.0), (0.31, 0.87), (-3.2, 4.1), (0, 1e-5), (12_000, 48_000), (0.99991, 0.99999)])
    func ticksAreFewAndSurroundTheValues(low: Double, high: Double) {
        let ticks = Chart.ticks(low, high, count: 5, isOuter: true)
        #expect((3...8).contains(ticks.count))
        #expect(ticks.first! <= low + 1e-12 && ticks.last! >= high * (1 - 1e-9))
        let inner = Chart.ticks(low, high, count: 5, isOuter: false)
        #expect(!inner.isEmpty && inner.allSatisfy { $0 >= low - 1e-9 && $0 <= high + 1e-9 * abs(high) })
    }

    @Test func chartsOfOneValueAndOfNoneAreDrawn() {
        let one = Chart(title: "t", xLabel: "x", series: [.init("s", [(1, 0.5)], marks: true)]).html()
        #expect(one.contains("<circle") && !one.contains("\"nan\"") && !one.contains("\"inf\""))
        let none = Chart(title: "t", xLabel: "x", series: [.init("s", [])]).html()
        #expect(none.contains("Nothing was recorded"))
    }

    @Test func theConfusionMatrixCounts() throws {
        let matrix = try #require(try report.confusion).matrix
        #expect(matrix.accuracy == 0.75 && matrix.recall(1) == 1 && matrix.precision(1) == 0.5 && matrix.total(0) == 3)
    }
}
