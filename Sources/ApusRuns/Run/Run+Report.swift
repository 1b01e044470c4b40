import ApusCore
import ApusDistributed
import ApusFormats
import ApusNN
import ApusSystem
import ApusTraining
import ApusVision
import Glibc

extension Run {
    /// The page with the results of the run.
    func report(
        _ result: Result, _ evaluation: Evaluation, _ summary: ModelSummary, _ found: LoadedData, _ history: [EpochRecord],
        _ rates: LearningRateCurve?, _ changes: [String], _ model: Module
    ) throws -> Report {
        let (all, data) = (found.data, found.data.test)
        let name = options.modelTable == nil ? options.model : AtomicFile.split(options.model).name
        let first = options.lr ?? rates?.suggestion ?? options.rate
        var lead =
            "\(result.epochs) \(result.epochs == 1 ? "epoch" : "epochs") of batches of \(options.batchSize) with \(options.optimizer.rawValue), learning rate \(Text.short(first)), schedule \(options.schedule.rawValue), seed \(options.seed)"
        if result.endedEarly { lead += "; ended early, after \(options.earlyStop ?? 0) epochs without a better accuracy" }
        if let epoch = result.bestEpoch { lead += "; the weights are those of epoch \(epoch), the best on the \(evaluated(all)) images" }
        var report = Report(title: "\(name) on \(options.data)", lead: lead)
        let rate = history.reduce(0) { $0 + $1.samplesPerSecond * $1.seconds } / max(result.seconds, 1e-9)
        report.headline = [
            ("test accuracy", Text.fixed(100 * result.testAccuracy, 2) + " %"), ("test loss", Text.fixed(result.testLoss, 4)),
            ("calibration error", Text.fixed(100 * evaluation.calibration.value, 2) + " %"),
            ("parameters", Text.grouped(result.parameters)), ("multiply-adds / image", Text.compact(Double(summary.multiplyAdds))),
            ("training time", Text.duration(result.seconds)), ("images a second", Text.compact(rate)),
        ]
        report.charts = try charts(history, evaluated(all)) + (rates.map { [chart($0)] } ?? [])
        try report.add(evaluation, data) { try found.transforms.test.preview($0) }
        report.galleries = [try fed(found), try answers(found, model)]
        report.summary = summary
        report.facts = facts(summary, found, first, Run.waiting(history), changes)
        return report
    }

    /// The share of the time of training in which it waited for images; nil where an epoch's record does not say that.
    private static func waiting(_ history: [EpochRecord]) -> Double? {
        let waits = history.compactMap(\.waiting)
        return waits.count == history.count ? waits.reduce(0, +) / max(history.reduce(0) { $0 + $1.seconds }, 1e-9) : nil
    }

    /// What the images are called that are evaluated on after each epoch.
    private func evaluated(_ all: RunData) -> String { all.validation == nil ? "test" : "validation" }

    /// Images to learn from, as the model gets them.
    private func fed(_ found: LoadedData) throws -> Report.Gallery {
        let data = found.data.train
        let chosen = (0..<min(12, data.count)).map { $0 * data.count / min(12, data.count) }
        let pictures = try withGenerator(Generator(seed: options.seed)) {
            try chosen.map { index in
                let (image, label) = try checked { try data[index] }
                return (try found.transforms.test.preview(image).encoded(), data.classes[label.item(Int.self)])
            }
        }
        let note = found.transforms.train.map { "Changed at random: \($0.steps.map { "\($0)" }.joined(separator: ", "))." }
        return Report.Gallery(title: "Learned from", note: note ?? "Images as the model gets them.", pictures: pictures)
    }

    /// Some of the images that were tested on, and what the model says of them.
    private func answers(_ found: LoadedData, _ model: Module) throws -> Report.Gallery {
        let data = found.data.test
        let chosen = (0..<min(12, data.count)).map { $0 * data.count / min(12, data.count) }
        let device = try RunOptions.device(options.device, in: group)
        let pictures = try chosen.map { index in
            let (image, label) = try checked { try data[index] }
            let scores = try checked { inferenceMode { F.softmax(model(image.unsqueeze(0).to(device)), dim: 1).array(Float.self) } }
            let best = scores.indices.max { scores[$0] < scores[$1] } ?? 0
            let actual: Int = label.item()
            let right = best == actual ? "" : ", is \(data.classes[actual])"
            return (
                png: try found.transforms.test.preview(image).encoded(),
                caption: "\(data.classes[best]) \(Text.fixed(100 * Double(scores[best]), 1)) %\(right)"
            )
        }
        return Report.Gallery(title: "Answers", note: "Some of the images that it was tested on.", pictures: pictures)
    }

    private func chart(_ curve: LearningRateCurve) -> Chart {
        let suggestion = curve.suggestion.map { " (suggested: \(Text.short($0)))" } ?? ""
        return Chart(
            title: "Learning rates that were tried\(suggestion)", xLabel: "log₁₀ of the rate",
            series: [.init("smoothed loss", zip(curve.rates, curve.losses).map { (log10($0), $1) })])
    }

    private func charts(_ history: [EpochRecord], _ evaluated: String) throws -> [Chart] {
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
                title: "Loss", xLabel: "epoch",
                series: [.init("training", losses), .init(evaluated, points { $0.test?.loss }, marks: true)]),
            Chart(
                title: "Accuracy", xLabel: "epoch",
                series: [
                    .init("training", points { $0.train["accuracy"] }, marks: true),
                    .init(evaluated, points { $0.test?["accuracy"] }, marks: true),
                ]),
            Chart(title: "Learning rate", xLabel: "epoch", series: [.init("learning rate", rates)], digits: 6),
            Chart(
                title: "Images a second", xLabel: "epoch", series: [.init("training", points { $0.samplesPerSecond }, marks: true)],
                digits: 0, fromZero: true),
        ]
    }

    private func facts(
        _ summary: ModelSummary, _ found: LoadedData, _ rate: Double, _ waiting: Double?, _ changes: [String]
    ) -> [(name: String, value: String)] {
        let all = found.data
        var facts: [(name: String, value: String)] = []
        if !command.isEmpty { facts.append(("command", command)) }
        facts += [
            ("model", options.model), ("data", options.data), ("epochs", "\(options.epochs)"), ("batch size", "\(options.batchSize)"),
            ("optimizer", options.optimizer.rawValue), ("learning rate", Text.short(rate)), ("schedule", options.schedule.rawValue),
            ("seed", "\(options.seed)"), ("device", options.device), ("input", "\(summary.input)"),
        ]
        if group.size > 1 {
            let hosts = Set(group.hosts).count
            facts.append(("processes", "\(group.size)\(hosts > 1 ? " on \(hosts) hosts" : "")"))
        }
        facts += options.notable
        facts.append(("transforms", found.transforms.test.transform.steps.map { "\($0)" }.joined(separator: ", ")))
        if let train = found.transforms.train {
            facts.append(("transforms of training", train.steps.map { "\($0)" }.joined(separator: ", ")))
        }
        if let pictures = all.pictures { facts.append(("pictures", pictures.text)) }
        if let waiting {
            facts.append(("waiting for images", Text.fixed(100 * waiting, 1) + " % of the time; more workers may make that less"))
        }
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

extension RunOptions {
    /// Options that differ from the defaults, and that a report says nothing else of.
    fileprivate var notable: [(name: String, value: String)] {
        let told = ["model", "data", "epochs", "batch_size", "optimizer", "lr", "schedule", "seed", "device"]
        return RunOptions.table.filter { !told.contains($0.key) }.compactMap { option in
            guard let value = option.json(self), option.json(RunOptions()) != value else { return nil }
            return (option.key.replacing("_", with: " "), value.string ?? value.text)
        }
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
