import ApusCore
import ApusFormats
import ApusNN
import ApusTraining
import ApusVision

/// What a run writes to TensorBoard: curves, and at its beginning options, facts and the model's graph, at its end pictures that the model
/// takes for others.
final class RunTensorBoard {
    let observer: TensorBoardObserver
    private let writer: SummaryWriter

    /// Begins another file in `folder`. `step` is that from which a resumed run goes on.
    init(
        _ folder: String, _ options: RunOptions, _ model: Module, input: [Int], batches: Int, command: String, step: Int, stop: StopFlag
    ) throws {
        writer = try SummaryWriter(folder)
        observer = TensorBoardObserver(writer, every: max(1, batches / 50), histograms: model, stop: stop)
        guard step == 0 else { return }
        try writer.beginRun(options.hyperParameters, metrics: ["accuracy/test", "loss/test"])
        let facts = (command.isEmpty ? [] : [("command", command)]) + SystemFacts.gather().map { ($0.name, $0.value) }
        try writer.addText("run", RunTensorBoard.table(["", ""], facts.map { [$0.0, $0.1] }))
        try writer.addGraph(model, Tensor.zeros([1] + input, device: RunOptions.device(options.device)))
    }

    /// Writes the end of a run.
    func finish(_ evaluation: Evaluation, _ data: ImageData, step: Int) throws {
        if !evaluation.mistakes.isEmpty {
            let images = try evaluation.mistakes.map { try data[$0.index].0.to(.cpu) }
            // Pictures of other channels than a screen's: the first of them.
            let shown = Tensor.stack(images)
            try writer.addImages("mistakes", [1, 3].contains(shown.size(1)) ? shown : shown.narrow(1, 0, 1), step)
            let rows = evaluation.mistakes.map { mistake in
                [
                    "\(mistake.index)", printable(data.classes[mistake.predicted]), Text.fixed(100 * mistake.probability, 1) + " %",
                    printable(data.classes[mistake.actual]), Text.fixed(100 * mistake.actualProbability, 1) + " %",
                ]
            }
            try writer.addText("mistakes", RunTensorBoard.table(["image", "taken for", "by", "is", "by"], rows), step)
        }
        try writer.endRun(succeeded: true)
        try writer.close()
    }

    /// A table in Markdown.
    private static func table(_ head: [String], _ rows: [[String]]) -> String {
        ([head, head.map { _ in "---" }] + rows).map { row in
            "| " + row.map { $0.replacing("|", with: "\\|").replacing("\n", with: " ") }.joined(separator: " | ") + " |"
        }.joined(separator: "\n")
    }
}

extension RunOptions {
    /// The options as TensorBoard's table of runs has them.
    fileprivate var hyperParameters: [String: any HyperParameter] {
        var parameters: [String: any HyperParameter] = [:]
        for member in json.members ?? [] where !["format", "model_table", "former"].contains(member.key) {
            parameters[member.key] = member.value.string ?? member.value.double
        }
        return parameters
    }
}
