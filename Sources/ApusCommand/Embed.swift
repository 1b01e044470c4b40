import Apus
import ApusFormats
import ApusRuns
import ApusSystem
import ApusTraining
import ArgumentParser
import Glibc

struct Embed: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes what a trained model makes of pictures: the features that its last layer tells the classes by.",
        discussion: """
            The file is an archive of NumPy: features [N, D] in float32, and of folders with a subfolder a class labels [N], which count the classes by name. \
            Beside it FILE.json has the names: files, in the order of the rows, and classes.
            """)

    @ArgumentParser.Argument(help: ArgumentHelp("A run's folder, or the model.safetensors in it.", valueName: "run"), completion: .file())
    var source: String

    @ArgumentParser.Argument(
        help: ArgumentHelp("\(PictureHeader.Format.names) files, or folders of them.", valueName: "file"), completion: .file())
    var files: [String]

    @Option(help: ArgumentHelp("The archive to write.", valueName: "file.npz"), completion: .file(extensions: ["npz"]))
    var out: String

    @Option(
        help: ArgumentHelp(
            "What becomes of pictures that cannot be read: stop ends with the first one; skip names them and leaves them out.",
            valueName: "skip|stop"), completion: .list(["skip", "stop"]))
    var onBadImage = "stop"

    @Option(help: ArgumentHelp("Where it is computed.", valueName: "device"), completion: .list(Device.all.map(\.description)))
    var device = "\(Device.best)"

    func validate() throws {
        guard !files.isEmpty else { throw ValidationError("name one or more pictures") }
        guard out.hasSuffix(".npz") else { throw ValidationError("--out is \(out); its name must end in .npz") }
        _ = try validating { try RunOptions.device(device) }
        _ = try validating { try ImageFolder.OnBadImage.named(onBadImage) }
    }

    func run() throws {
        try reporting {
            let trained = try TrainedModel(source, device: try RunOptions.device(device))
            let skips = try ImageFolder.OnBadImage.named(onBadImage) == .skip
            let pictures = try PictureFiles(rawArguments(files))
            let bar = PictureBar(pictures.paths.count, isHidden: false)
            let (rows, features) = try trained.features(of: pictures.paths) { _, error in
                bar.clear()
                if !skips { throw error }
                warn("skipped: \(typed(error))")
            } progress: {
                bar.show($0)
            }
            bar.clear()
            let beside = try pictures.write(features, of: rows, to: out)
            say("\(out): features \(features.shape)\(pictures.classes == nil ? "" : " and labels"); \(beside): their names")
        }
    }
}
