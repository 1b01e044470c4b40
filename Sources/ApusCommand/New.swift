import ApusRuns
import ArgumentParser

struct New: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a Swift package of your own: a network, data, a training loop and tests.",
        discussion: """
            The package depends on the checkout that this program was built from, or on what --path or --url name.
              apus new MyNetwork && cd MyNetwork && swift run -c release
            """)

    @ArgumentParser.Argument(help: ArgumentHelp("The package's name, also that of its module and of its folder.", valueName: "name"))
    var name: String

    @Option(help: ArgumentHelp("A folder other than ./NAME; it must be empty or not be there.", valueName: "folder"))
    var out: String?

    @Option(help: ArgumentHelp("The checkout of Apus that the package depends on.", valueName: "folder"))
    var path: String?

    @Option(help: ArgumentHelp("The repository of Apus that the package depends on.", valueName: "url"))
    var url: String?

    func validate() throws {
        guard path == nil || url == nil else { throw ValidationError("--path and --url exclude each other") }
    }

    func run() throws {
        try reporting {
            let source: PackageTemplate.Source
            if let url {
                source = .url(url)
            } else if let path = path ?? PackageTemplate.checkout {
                source = .path(path)
            } else {
                throw ValidationError(
                    "the checkout that this program was built from is gone; name one with --path, or a repository with --url")
            }
            let template = try PackageTemplate(name: name, source: source), folder = out ?? name
            try template.write(to: folder)
            for (path, _) in template.files { say("\(folder)/\(path)") }
            say("Next: cd \(folder) && swift run -c release")
        }
    }
}
