import Apus
import ApusFormats
import ApusRuns
import ApusTraining
import ArgumentParser
import Glibc

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says how well a trained model does on a test set, class by class.",
        discussion: """
            Precision says how many of those taken for a class are of it, recall how many of a class were found, F1 is their harmonic mean. The calibration error \
            says how far the model's probabilities are from how often it is right.

            Of a folder without a folder test those images are taken that the run did not learn from. Classes are matched by name, images are brought to \
            the size and colours that the model was trained on.
            """)

    @ArgumentParser.Argument(help: ArgumentHelp("A run's folder, or the model.safetensors in it.", valueName: "run"), completion: .file())
    var source: String

    @Option(
        help: ArgumentHelp(
            "\(DataSource.names.joined(separator: ", ")) or a folder of \(PictureHeader.Format.names) pictures. (default: what it was trained on)",
            valueName: "data"), completion: .directory)
    var data: String?

    @Option(
        help: ArgumentHelp(
            "What becomes of pictures that cannot be read: stop ends with the first one; skip names them and tests on the others. (default: as in training)",
            valueName: "skip|stop"), completion: .list(["skip", "stop"]))
    var onBadImage: String?

    @Option(
        help: ArgumentHelp(
            "A page with all this, the confusion matrix, a chart of the calibration and the worst mistakes.", valueName: "file.html"),
        completion: .file(extensions: ["html"]))
    var report: String?

    @Option(help: ArgumentHelp("Images at once.", valueName: "n"))
    var batchSize = 1000

    @Option(help: ArgumentHelp("Where it is computed.", valueName: "device"), completion: .list(Device.all.map(\.description)))
    var device = "\(Device.best)"

    @Flag(help: "Print one JSON object a line; the last is {\"event\":\"done\",\"test_accuracy\":…}.")
    var json = false

    func validate() throws {
        guard batchSize >= 1 else { throw ValidationError("--batch-size is \(batchSize), it must be at least 1") }
        _ = try validating { try RunOptions.device(device) }
        if let data { try validating { try DataSource.check(data) } }
        if let onBadImage { _ = try validating { try ImageFolder.OnBadImage.named(onBadImage) } }
    }

    func run() throws {
        try reporting {
            let device = try RunOptions.device(device)
            let trained = try TrainedModel(source, device: device)
            let images = try TestImages(
                data ?? trained.data, input: trained.input, classes: trained.classes, metadata: trained.metadata, run: trained.run,
                onBadImage: onBadImage.map { try .named($0) } ?? trained.onBadImage)
            for note in images.notes { warn(note) }
            let loader = DataLoader(images.data, batchSize: min(batchSize, max(images.data.count, 1))).to(device)
            let evaluation = try Evaluation(
                trained.model, on: loader, device: device, classes: trained.classes, mistakes: report == nil ? 0 : 24)
            if let report {
                try Report(evaluation, of: source, on: images.data, data ?? trained.data, preview: trained.preview).write(
                    to: report)
            }
            json ? sayJSON(evaluation) : sayTable(evaluation)
        }
    }

    private func sayJSON(_ evaluation: Evaluation) {
        let matrix = evaluation.confusion
        for (i, name) in evaluation.classes.enumerated() {
            say(
                JSON.object([
                    .init("event", "class"), .init("class", .string(name)), .init("images", .int(Int64(matrix.total(i)))),
                    .init("recall", .double(matrix.recall(i))),
                    .init("precision", .double(matrix.precision(i))), .init("f1", .double(matrix.f1(i))),
                ]).text)
        }
        var last: [JSON.Member] = [
            .init("event", "done"), .init("test_accuracy", .double(evaluation.accuracy)), .init("test_loss", .double(evaluation.loss)),
            .init("f1", .double(matrix.mean(matrix.f1))), .init("calibration_error", .double(evaluation.calibration.value)),
        ]
        if let topFive = evaluation.topFive { last.append(.init("top_5_accuracy", .double(topFive))) }
        last += [
            .init("images", .int(Int64(evaluation.images))), .init("images_per_second", .double(evaluation.imagesPerSecond.rounded())),
        ]
        if let report { last.append(.init("report", .string(report))) }
        say(JSON.object(last).text)
    }

    private func sayTable(_ evaluation: Evaluation) {
        for line in Table.lines(evaluation.confusion.table(evaluation.classes), right: [1, 2, 3, 4]) { say(line) }
        let topFive = evaluation.topFive.map { ", among the five likeliest \(Text.fixed($0, 4))" } ?? ""
        say(
            "test accuracy \(Text.fixed(evaluation.accuracy, 4))\(topFive), test loss \(Text.fixed(evaluation.loss, 4)), calibration error \(Text.fixed(evaluation.calibration.value, 4)) on \(Text.grouped(evaluation.images)) images, \(Text.compact(evaluation.imagesPerSecond)) img/s"
        )
        if let report { say("report \(report)") }
    }
}
