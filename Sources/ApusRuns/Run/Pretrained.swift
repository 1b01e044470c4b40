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
    /// The weights by name; empty where the run goes on, and a checkpoint has them.
    let weights: StateDict
    /// The channels and the size of images that they were learned from, where that is known.
    let request: InputRequest
    /// How inputs are normalised, where that is known.
    let normalization: Normalize?

    /// Reads a file of weights of any format (``TensorFile``), or those of a run's folder. What a run of Apus has written says its input
    /// itself; for weights of the shapes of torchvision's networks it is ImageNet's.
    init(_ given: String, model: String) throws {
        let path = try Folder.isFolder(given) ? RunFolder(given).weights : given
        self.path = path
        let file = try TensorFile(path)
        weights = file.tensors
        // The first convolution of residual networks, and of MobileNetV2.
        let first = ModelSource.fromTorchvision.contains(model) ? weights["conv1.weight"] ?? weights["features.0.0.weight"] : nil
        if let text = file.metadata["apus.input"] {
            guard let input = try LayerFile.parsed(text, file: path).array?.compactMap(\.int), input.count == 3 else {
                throw FormatError(file: path, place: .key("apus.input"), reason: "not channels, height and width")
            }
            request = InputRequest(channels: input[0], size: Array(input[1...]))
            normalization = try InputTransform(file.metadata, input, file: path).transform.normalization
        } else if let first, first.ndim == 4 {
            // Weights for small images, or for gray ones, are not ImageNet's.
            let isImageNet = first.size(1) == 3 && (model == "mobilenet_v2" || first.size(3) == 7)
            request = InputRequest(channels: first.size(1), size: isImageNet ? [224, 224] : nil)
            normalization = isImageNet ? Normalize(mean: ImageNet.mean, std: ImageNet.std) : nil
        } else {
            (request, normalization) = (InputRequest(), nil)
        }
    }

    /// What a checkpoint says of the weights in `path` (`json`), which are not read again.
    init(_ path: String, _ json: JSON) {
        (self.path, weights) = (path, StateDict())
        request = InputRequest(channels: json["channels"]?.int, size: json["size"]?.array?.compactMap(\.int))
        normalization = json["transforms"].flatMap { try? TransformFile.transforms($0, file: path).normalization }
    }

    /// What a checkpoint keeps of it.
    var json: JSON {
        var members: [JSON.Member] = []
        if let channels = request.channels { members.append(.init("channels", .int(Int64(channels)))) }
        if let size = request.size { members.append(.init("size", .array(size.map { .int(Int64($0)) }))) }
        if let normalization { members.append(.init("transforms", .array(["ToTensor", normalization.json]))) }
        return .object(members)
    }

    /// Puts the weights into `model`; the head of a classifier of pictures stays as it is where the classes differ. Throws where anything else
    /// does not fit. Returns what was done, in words.
    func load(into model: Module) throws -> String {
        do {
            let report = try (model as? any ImageClassifier)?.loadPretrained(from: path) ?? model.loadStateDict(from: path)
            return "\(report) from \(path)"
        } catch {
            let text = "\(error)"
            throw RunError(
                "\(text.prefix(400))\(text.count > 400 ? " …" : ""); if the weights lie deeper in the file, or their names have a beginning too many, \(.takeOut(path))"
            )
        }
    }
}
