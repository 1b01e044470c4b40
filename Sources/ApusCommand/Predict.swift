import Apus
import ApusFormats
import ApusSystem
import ApusTraining
import ArgumentParser

struct Predict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Says what is in pictures.",
        discussion: "Pictures are brought to the size and colours that the model was trained on.")

    @ArgumentParser.Argument(help: ArgumentHelp("A run's folder, or the model.safetensors in it.", valueName: "run"))
    var source: String

    @ArgumentParser.Argument(help: ArgumentHelp("PNG files.", valueName: "file"))
    var files: [String]

    @Option(help: ArgumentHelp("How many classes to name, the likeliest first.", valueName: "n"))
    var top = 3

    @Option(help: ArgumentHelp("Where it is computed.", valueName: "device"))
    var device = "\(Device.best)"

    @Flag(help: "Print one JSON object a picture.")
    var json = false

    func validate() throws {
        guard top >= 1 else { throw ValidationError("--top is \(top), it must be at least 1") }
        guard !files.isEmpty else { throw ValidationError("name one or more PNG files") }
        _ = try validating { try RunOptions.device(device) }
    }

    func run() throws {
        try reporting {
            let device = try RunOptions.device(device)
            let trained = try TrainedModel(source, device: device)
            guard [1, 3].contains(trained.input[0]) else { throw RunError("\(trained.file): the model takes images of \(trained.input[0]) channels, PNG files have 1 or 3") }
            var failed = 0
            for file in rawArguments(files) {
                // One bad picture among many does not keep the others from their answers.
                do { try predict(file, trained, device) } catch {
                    warn("error: \(error)")
                    failed += 1
                }
            }
            if failed > 0 { throw ExitCode(1) }
        }
    }

    private func predict(_ file: RawPath, _ trained: TrainedModel, _ device: Device) throws {
        var image = try PNGImage(contentsOf: file, mode: trained.input[0] == 1 ? .gray : .rgb)
        let (height, width) = (trained.input[1], trained.input[2])
        if image.height != height || image.width != width { image = image.resized(width: width, height: height) }
        let input = try image.tensor()
        let probabilities = try checked {
            inferenceMode { F.softmax(trained.model((input.to(.float32) / 255).unsqueeze(0).to(device)), dim: 1).array(Float.self) }
        }
        guard probabilities.count == trained.classes.count else { throw RunError("\(trained.file): the model gives \(probabilities.count) scores for \(trained.classes.count) classes") }
        let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }.prefix(top)
        if json {
            let list = order.map { i -> JSON in ["class": .string(trained.classes[i]), "probability": .double(Double(probabilities[i]))] }
            say(JSON.object([.init("event", "prediction"), .init("file", .string(file.text)), .init("classes", .array(list))]).text)
        } else {
            let answers = order.map { "\(trained.classes[$0]) \(Text.fixed(100 * Double(probabilities[$0]), 1)) %" }
            say((files.count > 1 ? "\(file.text): " : "") + answers.joined(separator: ", "))
        }
    }
}
