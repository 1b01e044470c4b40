import Apus
import ApusCore
import ApusFormats
import ApusRuns
import ApusTraining
import ArgumentParser
import Glibc

struct ProfileCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Shows where a training step's time goes, by op and by layer, and writes a trace for chrome://tracing.",
        discussion: """
            The step is that of apus train: forward, cross-entropy, backward, optimizer, on random images and labels. Three steps warm up. \
            On a device the ops' times are the processor's, which calls its kernels; as many steps more say what these took.
            """)

    @ArgumentParser.Argument(
        help: ArgumentHelp(
            "\(ModelSource.names.joined(separator: ", ")) or a FILE.json that lists a Sequential's layers.", valueName: "model"),
        completion: .file(extensions: ["json"]))
    var source: String?

    @Option(help: ArgumentHelp("The same, as an option.", valueName: "model"))
    var model: String?

    @Option(help: ArgumentHelp("Channels, height and width of an image, as 3x32x32.", valueName: "CxHxW"))
    var input = ImageShape(sizes: [1, 28, 28])

    @Option(help: ArgumentHelp("The number of classes.", valueName: "n"))
    var classes = 10

    @Option(help: ArgumentHelp("Images a step.", valueName: "n"))
    var batchSize = 64

    @Option(help: ArgumentHelp("Steps that are recorded.", valueName: "n"))
    var steps = 20

    @Option(
        help: ArgumentHelp("One of `apus train`'s.", valueName: "optimizer"),
        completion: .list(OptimizerChoice.allCases.map(\.rawValue)))
    var optimizer = "adam"

    @Option(help: ArgumentHelp("Where it is computed; `apus info` lists the devices. (default: \(Device.best))", valueName: "device"))
    var device: String?

    @Option(help: ArgumentHelp("Where the trace goes.", valueName: "file"))
    var trace = "apus.trace.json"

    @Flag(help: "Print one JSON object an op, a layer and a kernel; the last is {\"event\":\"done\",\"step_s\":…}.")
    var json = false

    func validate() throws {
        guard (source == nil) != (model == nil) else { throw ValidationError("name one model, such as: apus profile cnn") }
        guard (1...1_000_000).contains(classes) else { throw ValidationError("--classes is \(classes), it must be from 1 to 1000000") }
        guard (1...10_000).contains(steps) else { throw ValidationError("--steps is \(steps), it must be from 1 to 10000") }
    }

    func run() throws {
        try reporting {
            let name = source ?? model ?? ""
            let options = try validating {
                try RunOptions(model: name, batchSize: batchSize, optimizer: .named(optimizer), device: device ?? "\(Device.best)")
            }
            let network = try ModelSource.make(name, table: options.modelTable, input: input.sizes, classes: classes)
            let summary = try ModelSource.check(network, name, input: input.sizes, classes: classes, device: .cpu)
            let target = try RunOptions.device(options.device)
            network.to(target)
            let (profile, kernels) = try options.profile(network, input: input.sizes, classes: classes, steps: steps, on: target)
            try profile.writeTrace(to: trace)
            json
                ? sayJSON(profile, kernels)
                : say(
                    "\(name), batch of \(batchSize), \(Text.grouped(summary.parameters)) parameters, \(target)\n\n"
                        + profile.text(unicode: Terminal.of(STDOUT_FILENO).hasUnicode)
                        + (kernels.isEmpty ? "" : "\n\n\(KernelTable.text(kernels, steps))\n") + "\ntrace: \(trace)")
        }
    }

    private func sayJSON(_ profile: Profile, _ kernels: [KernelTime]) {
        let n = Double(profile.steps)
        for (event, rows) in [("op", profile.ops), ("layer", profile.layers)] {
            for row in rows {
                say(
                    JSON.object([
                        .init("event", .string(event)), .init("name", .string(row.name)), .init("depth", .int(Int64(row.depth))),
                        .init("calls", .double(Double(row.calls) / n)),
                        .init("forward_s", .double(row.forward / n)), .init("backward_s", .double(row.backward / n)),
                        .init("bytes", .double(Double(row.bytes) / n)),
                    ]).text)
            }
        }
        if !kernels.isEmpty { say(KernelTable.json(kernels, steps)) }
        say(
            JSON.object([
                .init("event", "done"), .init("steps", .int(Int64(profile.steps))), .init("step_s", .double(profile.duration / n)),
                .init("accounted_s", .double(profile.accounted / n)), .init("trace", .string(trace)),
            ]).text)
    }
}
