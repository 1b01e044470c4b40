import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusSystem
import ApusTraining
import ApusVision

/// Weights that a run begins with, and what the network that they are of expects.
struct Pretrained {
    /// The file.
    let path: String
    /// The weights by name.
    let weights: StateDict
    /// The channels and the size of images that they were learned from, where that is known.
    let request: InputRequest
    /// How inputs are normalised, where that is known.
    let normalization: Normalization?

    /// Reads a file of weights of any format (``TensorFile``) for the model of that name. What a run of Apus has written says its input
    /// itself; for torchvision's networks it is ImageNet's.
    init(_ path: String, model: String) throws {
        self.path = path
        let file = try TensorFile(path)
        weights = file.tensors
        if let text = file.metadata["apus.input"] {
            guard let input = try LayerFile.parsed(text, file: path).array?.compactMap(\.int), input.count == 3 else {
                throw FormatError(file: path, place: .key("apus.input"), reason: "not channels, height and width")
            }
            request = InputRequest(channels: input[0], size: Array(input[1...]))
            normalization = try file.metadata["apus.transform"].flatMap { Normalization(in: try LayerFile.parsed($0, file: path)) }
        } else if ModelSource.fromTorchvision.contains(model) {
            request = InputRequest(channels: 3, size: [224, 224])
            normalization = Normalization(mean: ImageNet.mean, std: ImageNet.std)
        } else {
            (request, normalization) = (InputRequest(), nil)
        }
    }

    /// Puts the weights into `model`; the head of a classifier of pictures stays as it is where the classes differ. Throws where anything else
    /// does not fit. Returns what was done, in words.
    func load(into model: Module) throws -> String {
        let report = try (model as? any ImageClassifier)?.loadPretrained(from: path) ?? model.loadStateDict(from: path)
        return "\(report) from \(path)"
    }
}
