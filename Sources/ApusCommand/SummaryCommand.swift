import Apus
import ApusFormats
import ApusSystem
import ApusRuns
import ApusTraining
import ArgumentParser
import Glibc

struct Summary: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists a model's layers with output shapes, parameters and multiply-adds.")

    @ArgumentParser.Argument(
        help: ArgumentHelp(
            "\(ModelSource.names.joined(separator: ", ")), a FILE.json, a run's folder or the model.safetensors in it.", valueName: "model"),
        completion: .file())
    var source: String?

    @Option(help: ArgumentHelp("The same, as an option.", valueName: "model"))
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Channels, height and width of an image, as 3x32x32. (default: 1x28x28, or what the run was trained on)", valueName: "CxHxW"))
    var input: ImageShape?

    @Option(help: ArgumentHelp("The number of classes of a model that has no weights yet.", valueName: "n"))
    var classes = 10

    @Flag(help: "Print one JSON object a layer; the last is {\"event\":\"done\",\"parameters\":…}.")
    var json = false

    func validate() throws {
        guard (source == nil) != (model == nil) else { throw ValidationError("name one model, such as: apus summary cnn") }
        guard (1...1_000_000).contains(classes) else { throw ValidationError("--classes is \(classes), it must be from 1 to 1000000") }
    }

    func run() throws {
        try reporting {
            let name = source ?? model ?? ""
            var input = input?.sizes
            let network: Module
            if (try? Folder.isFolder(name)) == true || name.hasSuffix(".safetensors") {
                let trained = try TrainedModel(name, device: .cpu)
                network = trained.model
                input = input ?? trained.input
            } else {
                let options = try validating { try RunOptions(model: name) }
                network = try ModelSource.make(name, table: options.modelTable, input: input ?? [1, 28, 28], classes: classes)
            }
            let shape = Shape([1] + (input ?? [1, 28, 28]))
            let summary: ModelSummary
            do { summary = try ModelSource.limited { try ModelSummary(network, input: shape) } } catch {
                throw RunError("\(name) does not take input of shape \(shape): \(error)")
            }
            json ? sayJSON(summary) : say(summary.text(unicode: Terminal.of(STDOUT_FILENO).hasUnicode))
        }
    }

    private func sayJSON(_ summary: ModelSummary) {
        for row in summary.rows {
            say(
                JSON.object([
                    .init("event", "layer"), .init("layer", .string(row.title)), .init("depth", .int(Int64(row.depth))),
                    .init("output_shapes", .array(row.outputs.map { .array($0.map { .int(Int64($0)) }) })),
                    .init("parameters", .int(Int64(row.parameters))),
                    .init("multiply_adds", .int(Int64(row.multiplyAdds))),
                ]).text)
        }
        say(
            JSON.object([
                .init("event", "done"), .init("parameters", .int(Int64(summary.parameters))),
                .init("trainable", .int(Int64(summary.trainable))),
                .init("multiply_adds", .int(Int64(summary.multiplyAdds))),
            ]).text)
    }
}
