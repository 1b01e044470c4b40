import Apus
import ApusFormats
import ApusSystem
import ApusRuns
import ApusTraining
import ArgumentParser

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what is in pictures.",
        discussion: "Pictures are brought to the size and colours that the model was trained on.")

    @ArgumentParser.Argument(help: ArgumentHelp("A run's folder, or the model.safetensors in it.", valueName: "run"))
    var source: String

    @ArgumentParser.Argument(help: ArgumentHelp("\(PictureHeader.Format.names) files.", valueName: "file"))
    var files: [String]

    @Option(help: ArgumentHelp("How many classes to name, the likeliest first.", valueName: "n"))
    var top = 3

    @Option(
        help: ArgumentHelp(
            "What becomes of pictures that cannot be read. Either way they are named and the others are answered; stop ends with exit code 1 then.",
            valueName: "skip|stop"))
    var onBadImage = "stop"

    @Option(help: ArgumentHelp("Where it is computed.", valueName: "device"))
    var device = "\(Device.best)"

    @Flag(help: "Print one JSON object a picture.")
    var json = false

    func validate() throws {
        guard top >= 1 else { throw ValidationError("--top is \(top), it must be at least 1") }
        guard !files.isEmpty else { throw ValidationError("name one or more pictures") }
        _ = try validating { try RunOptions.device(device) }
        _ = try validating { try ImageFolder.OnBadImage.named(onBadImage) }
    }

    func run() throws {
        try reporting {
            let device = try RunOptions.device(device)
            let trained = try TrainedModel(source, device: device)
            let skips = try ImageFolder.OnBadImage.named(onBadImage) == .skip
            var failed = 0
            for file in rawArguments(files) {
                // A picture that cannot be read must not stop the others.
                do { try predict(file, trained) } catch {
                    warn("\(skips ? "skipped" : "error"): \(error)")
                    failed += 1
                }
            }
            if failed > 0, !skips { throw ExitCode(1) }
        }
    }

    private func predict(_ file: RawPath, _ trained: TrainedModel) throws {
        let answers = try trained.predict(trained.image(file)).prefix(top)
        if json {
            let list = answers.map { answer -> JSON in ["class": .string(answer.label), "probability": .double(answer.probability)] }
            say(JSON.object([.init("event", "prediction"), .init("file", .string(file.text)), .init("classes", .array(list))]).text)
        } else {
            let texts = answers.map { "\($0.label) \(Text.fixed(100 * $0.probability, 1)) %" }
            say((files.count > 1 ? "\(file.text): " : "") + texts.joined(separator: ", "))
        }
    }
}
