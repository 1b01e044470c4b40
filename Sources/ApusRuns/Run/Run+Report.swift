import ApusCore
import ApusFormats
import ApusSystem
import ApusTraining
import Glibc

extension Run {
    /// The page with the results of the run.
    func report(
        _ result: Result, _ evaluation: Evaluation, _ summary: ModelSummary, _ all: RunData, _ history: [EpochRecord],
        _ changes: [String]
    ) throws -> Report {
        let name = options.modelTable == nil ? options.model : AtomicFile.split(options.model).name
        var report = Report(
            title: "\(name) on \(options.data)",
            lead:
                "\(result.epochs) \(result.epochs == 1 ? "epoch" : "epochs") of batches of \(options.batchSize) with \(options.optimizer.rawValue), learning rate \(Text.short(options.lr)), schedule \(options.schedule.rawValue), seed \(options.seed)"
        )
        let rate = history.reduce(0) { $0 + $1.samplesPerSecond * $1.seconds } / max(result.seconds, 1e-9)
        report.headline = [
            ("test accuracy", Text.fixed(100 * result.testAccuracy, 2) + " %"), ("test loss", Text.fixed(result.testLoss, 4)),
            ("calibration error", Text.fixed(100 * evaluation.calibration.value, 2) + " %"),
            ("parameters", Text.grouped(result.parameters)), ("multiply-adds / image", Text.compact(Double(summary.multiplyAdds))),
            ("training time", Text.duration(result.seconds)), ("images a second", Text.compact(rate)),
        ]
        report.charts = try charts(history)
        try report.add(evaluation, all.test) { try Picture(preview: $0) }
        report.summary = summary
        report.facts = facts(summary, all, changes)
        return report
    }

    private func charts(_ history: [EpochRecord]) throws -> [Chart] {
        let perEpoch = Double(max(1, (history.last?.step ?? 1) / max(1, history.count)))
        var losses: [(x: Double, y: Double)] = []
        var rates: [(x: Double, y: Double)] = []
        for line in try MetricsLog.read(folder.metrics) where line["event"]?.string == "batches" {
            guard let step = line["step"]?.double else { continue }
            if let loss = line["loss"]?.double { losses.append((step / perEpoch, loss)) }
            if let rate = line["lr"]?.double { rates.append((step / perEpoch, rate)) }
        }
        func points(_ value: (EpochRecord) -> Double?) -> [(x: Double, y: Double)] {
            history.compactMap { record in value(record).map { (Double(record.epoch), $0) } }
        }
        return [
            Chart(
                title: "Loss", xLabel: "epoch", series: [.init("training", losses), .init("test", points { $0.test?.loss }, marks: true)]),
            Chart(
                title: "Accuracy", xLabel: "epoch",
                series: [
                    .init("training", points { $0.train["accuracy"] }, marks: true),
                    .init("test", points { $0.test?["accuracy"] }, marks: true),
                ]),
            Chart(title: "Learning rate", xLabel: "epoch", series: [.init("learning rate", rates)], digits: 6),
            Chart(
                title: "Images a second", xLabel: "epoch", series: [.init("training", points { $0.samplesPerSecond }, marks: true)],
                digits: 0, fromZero: true),
        ]
    }

    private func facts(_ summary: ModelSummary, _ all: RunData, _ changes: [String]) -> [(name: String, value: String)] {
        var facts: [(name: String, value: String)] = []
        if !command.isEmpty { facts.append(("command", command)) }
        facts += [
            ("model", options.model), ("data", options.data), ("epochs", "\(options.epochs)"), ("batch size", "\(options.batchSize)"),
            ("optimizer", options.optimizer.rawValue), ("learning rate", Text.short(options.lr)), ("schedule", options.schedule.rawValue),
            ("seed", "\(options.seed)"), ("device", options.device), ("input", "\(summary.input)"),
        ]
        if options.decoding != .full { facts.append(("decoding", options.decoding.rawValue)) }
        if let pictures = all.pictures { facts.append(("pictures", pictures.text)) }
        facts += all.skipped.map { ("skipped", "\($0.error)") }
        facts += changes.map { ("changed on the way", $0) }
        facts += SystemFacts.gather().map { ($0.name, $0.value) }
        var now = time(nil)
        var parts = tm()
        gmtime_r(&now, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        facts.append(
            (
                "finished",
                "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(two(parts.tm_hour)):\(two(parts.tm_min)) UTC"
            ))
        return facts
    }
}

extension Picture {
    /// The picture of a data set's image, float32 [C, H, W] from 0 to 1 (other values are clamped), in RGB for 3 channels, else gray.
    init(preview image: Tensor) throws {
        let (channels, height, width) = (image.size(0), image.size(1), image.size(2))
        let values = image.to(.cpu).array(Float.self)
        let shown = channels == 3 ? 3 : 1
        var pixels = [UInt8](repeating: 0, count: shown * height * width)
        for i in 0..<(height * width) {
            for c in 0..<shown { pixels[i * shown + c] = UInt8(min(max(values[c * height * width + i], 0), 1) * 255 + 0.5) }
        }
        self.init(width: width, height: height, channels: shown, pixels: pixels)
    }
}
