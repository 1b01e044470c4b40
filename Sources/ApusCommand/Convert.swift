import Apus
import ApusRuns
import ArgumentParser

struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a file of tensors in another format.",
        discussion: """
            Reads PyTorch's files (.pt, .pth, .ckpt and the like), safetensors, .npz and .npy, told by their contents; writes what the new name ends
            with: .pt, .pth, .ckpt and .bin for PyTorch, .npz, .npy, or .safetensors. Names are the paths in the file joined by dots.
            """)

    @Argument(help: "The file to read.", completion: .file())
    var input: String

    @Argument(help: "The file to write.", completion: .file())
    var output: String

    @Option(help: ArgumentHelp("Only what is at this place in the file, such as model or state_dict.", valueName: "name"))
    var at = ""

    func validate() throws {
        guard TensorFile.Format(ending: output) != nil else {
            let endings = TensorFile.Format.endings.map(\.key).joined(separator: ", ")
            throw ValidationError("\(output) ends with none of \(endings), which say the format")
        }
    }

    func run() throws {
        try reporting {
            let conversion = try FileConversion(input, to: output, at: at)
            for note in conversion.notes { say("\(printable(note.key)): \(note.reason)") }
            say("wrote \(output): \(conversion.count) \(conversion.count == 1 ? "tensor" : "tensors")")
        }
    }
}
