import ApusDistributed
import ApusSystem
import ApusRuns
import ApusTraining
import ArgumentParser
import Glibc

/// The command line of Apus, one file per command. The work is done in libraries, so that programs can do it too.
@main struct ApusTool: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apus",
        abstract: "Trains networks on images, evaluates them and predicts with them.",
        discussion: """
            The first steps:
              apus train                              an MLP on Fashion-MNIST, in a few seconds
              apus train --model cnn --out runs/cnn   a convolutional network, in a folder of its own
              apus train --resume runs/cnn            goes on where a run was ended or killed
              apus predict runs/cnn shoe.png          what is in a picture
              apus new MyNetwork                      a package of your own: network, data, training loop, tests
            """,
        version: "apus \(version)",
        subcommands: [
            New.self, Train.self, Evaluate.self, Predict.self, Embed.self, Compare.self, Summary.self, ProfileCommand.self, Info.self,
            Convert.self, Bench.self,
        ])

    /// Output that could not be written makes the command fail, even if it is a help text.
    static func main() {
        Output.open()
        var status: Int32 = 0
        // Of the processes that a launcher has started with the same arguments, one says what is wrong with those.
        var isTold = Launcher.detect()?.rank ?? 0 > 0
        // Whose usage is shown: that of the command that was asked for, once it is known.
        var own: any ParsableCommand.Type = ApusTool.self
        do {
            var command = try parseAsRoot()
            (own, isTold) = (type(of: command), false)
            try command.run()
        } catch {
            status = own.exitCode(for: error).rawValue
            // The parser knows a command's place under `apus` only while it parses.
            let (name, path) = (own._commandName, own == ApusTool.self ? "" : "apus ")
            let text =
                isTold
                ? ""
                : own.fullMessage(for: error).replacing("Usage: \(name)", with: "Usage: \(path)\(name)")
                    .replacing("See '\(name)", with: "See '\(path)\(name)")
            if !text.isEmpty, status == 0 { say(text) } else if !text.isEmpty { writeAll(text + "\n", to: STDERR_FILENO) }
        }
        if status == 0, let problem = Output.problem {
            warn("error: \(problem)")
            status = 1
        }
        Glibc.exit(status)
    }
}
