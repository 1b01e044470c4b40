import Apus
import ApusFormats
import ApusSystem
import ApusRuns
import ApusTraining
import ArgumentParser
import Glibc

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what is in pictures.",
        discussion:
            "Pictures are brought to the size and colours that the model was trained on. Of a folder all pictures in it are taken, at any depth."
    )

    @ArgumentParser.Argument(help: ArgumentHelp("A run's folder, or the model.safetensors in it.", valueName: "run"), completion: .file())
    var source: String

    @ArgumentParser.Argument(
        help: ArgumentHelp("\(PictureHeader.Format.names) files, or folders of them.", valueName: "file"), completion: .file())
    var files: [String]

    @Option(help: ArgumentHelp("How many classes to name, the likeliest first.", valueName: "n"))
    var top = 3

    @Option(
        help: ArgumentHelp(
            "Writes a table instead of lines: file, class, probability, and class_2, probability_2, … up to --top.", valueName: "file.csv"),
        completion: .file(extensions: ["csv"]))
    var csv: String?

    @Option(
        help: ArgumentHelp(
            "A folder for pictures of where the model looks: each picture under the heat of the class that is predicted (Grad-CAM of the last convolution), as PNG.",
            valueName: "folder"), completion: .directory)
    var explain: String?

    @Option(
        help: ArgumentHelp(
            "What becomes of pictures that cannot be read. Either way they are named and the others are answered; stop ends with exit code 1 then.",
            valueName: "skip|stop"), completion: .list(["skip", "stop"]))
    var onBadImage = "stop"

    @Option(help: ArgumentHelp("Where it is computed.", valueName: "device"), completion: .list(Device.all.map(\.description)))
    var device = "\(Device.best)"

    @Flag(help: "Print one JSON object a picture.")
    var json = false

    func validate() throws {
        guard top >= 1 else { throw ValidationError("--top is \(top), it must be at least 1") }
        guard !files.isEmpty else { throw ValidationError("name one or more pictures") }
        if json, csv != nil { throw ValidationError("--csv writes a table, --json prints lines; give one of them") }
        _ = try validating { try RunOptions.device(device) }
        _ = try validating { try ImageFolder.OnBadImage.named(onBadImage) }
    }

    func run() throws {
        try reporting {
            let device = try RunOptions.device(device)
            let trained = try TrainedModel(source, device: device)
            if explain != nil { _ = try trained.lastConvolution() }
            let skips = try ImageFolder.OnBadImage.named(onBadImage) == .skip
            let pictures = try PictureFiles(rawArguments(files))
            let heat = try explain.map { try PictureFolder($0) }
            var (failed, rows) = (0, [header(trained.classes.count)])
            let bar = PictureBar(pictures.paths.count, isHidden: csv == nil && isatty(STDOUT_FILENO) == 1)
            try trained.predict(pictures.paths) { i, result in
                let file = pictures.paths[i]
                var answers: [TrainedModel.Prediction] = []
                var picture: Picture?
                // A picture that cannot be read must not stop the others.
                do {
                    answers = Array(try result.get().prefix(top))
                    if heat != nil { picture = try trained.explained(file) }
                } catch {
                    bar.clear()
                    warn("\(skips ? "skipped" : "error"): \(typed(error))")
                    failed += 1
                    return
                }
                if let picture { try heat?.write(picture, of: pictures.names[i]) }
                if csv == nil {
                    say(file.text, answers, isOne: files.count == 1 && pictures.paths.count == 1)
                } else {
                    rows.append([file.text] + answers.flatMap { [$0.label, Text.fixed($0.probability, 6)] })
                }
                bar.show(i + 1)
            }
            bar.clear()
            if let csv {
                try AtomicFile.write(commaSeparated(rows), to: csv)
                ApusCommand.say("\(csv): \(Text.grouped(rows.count - 1)) \(rows.count == 2 ? "picture" : "pictures")")
            }
            if failed > 0, !skips { throw ExitCode(1) }
        }
    }

    /// The first line of the table.
    private func header(_ classes: Int) -> [String] {
        ["file"] + (1...min(top, classes)).flatMap { $0 == 1 ? ["class", "probability"] : ["class_\($0)", "probability_\($0)"] }
    }

    private func say(_ file: String, _ answers: [TrainedModel.Prediction], isOne: Bool) {
        if json {
            let list = answers.map { answer -> JSON in ["class": .string(answer.label), "probability": .double(answer.probability)] }
            ApusCommand.say(JSON.object([.init("event", "prediction"), .init("file", .string(file)), .init("classes", .array(list))]).text)
        } else {
            let texts = answers.map { "\($0.label) \(Text.fixed(100 * $0.probability, 1)) %" }
            ApusCommand.say((isOne ? "" : "\(file): ") + texts.joined(separator: ", "))
        }
    }
}

/// A bar on standard error for many pictures, where that is a terminal.
final class PictureBar {
    private let total: Int
    private let terminal: Terminal
    private let begin = monotonicSeconds()
    private var last = 0.0
    private var isVisible = false

    /// A bar for `total` pictures; hidden where lines on the same terminal say how far it is.
    init(_ total: Int, isHidden: Bool) {
        self.total = total
        terminal = isHidden || total < 2 ? Terminal(width: nil) : .of(STDERR_FILENO)
    }

    /// Draws it, at most ten times a second.
    func show(_ done: Int) {
        let now = monotonicSeconds()
        guard terminal.width != nil, now - last >= 0.1 else { return }
        last = now
        let seconds = max(now - begin, 1e-9)
        let rate = Double(done) / seconds
        let parts = ["\(Text.compact(rate)) img/s", "\(Text.clock(Double(total - done) / rate)) left"]
        let bar = ProgressBar.bar(label: "pictures", fraction: Double(done) / Double(total), parts: parts, terminal: terminal)
        writeAll("\r\(bar)\u{1B}[K", to: STDERR_FILENO)
        isVisible = true
    }

    /// Removes it.
    func clear() {
        guard isVisible else { return }
        writeAll("\r\u{1B}[K", to: STDERR_FILENO)
        isVisible = false
    }
}
