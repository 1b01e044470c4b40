import ApusRuns
import ArgumentParser

struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows runs beside each other: what they came to, and the options in which they differ.",
        discussion: "Runs need not be finished. With --out a page has their curves over each other.")

    @Argument(help: ArgumentHelp("Folders of runs, two to eight.", valueName: "run"), completion: .directory)
    var runs: [String]

    @Option(
        help: ArgumentHelp("A page with the curves of the runs over each other.", valueName: "file.html"),
        completion: .file(extensions: ["html"]))
    var out: String?

    func validate() throws {
        guard (2...8).contains(runs.count) else {
            throw ValidationError("\(runs.count) \(runs.count == 1 ? "run is" : "runs are") named; name two to eight")
        }
    }

    func run() throws {
        try reporting {
            let comparison = try RunComparison(runs)
            for line in comparison.lines { say(line) }
            if let out {
                try comparison.report.write(to: out)
                say("\npage \(out)")
            }
        }
    }
}
