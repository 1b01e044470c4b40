import ApusCore
import ApusData
import ApusFormats
import ApusNN
import ApusSystem
import ApusVision

/// A trained image classifier, from a run's folder or its weights.
///
/// ```swift
/// let trained = try TrainedModel("runs/cnn")
/// for answer in try trained.predict(trained.image("cat.png")).prefix(3) { print(answer.label, answer.probability) }
/// ```
public struct TrainedModel {
    /// The network, in evaluation mode.
    public let model: Module
    /// The device that it computes on.
    public let device: Device
    /// Its name in messages.
    public let name: String
    /// The data it was trained on: the name of a data set, or a folder.
    public let data: String
    /// Channels, height and width of an image.
    public let input: [Int]
    /// The names of the classes, in the order of the scores.
    public let classes: [String]
    /// The file of its weights.
    public let file: String
    /// The metadata of the weights.
    public let metadata: Metadata
    /// What makes an input of a picture.
    public var transform: Compose<Picture, Tensor> { preparation.transform }
    let preparation: InputTransform
    /// The folder of its run, if the weights are still in it.
    public let run: RunFolder?
    /// What became of pictures in its training that could not be read.
    package let onBadImage: ImageFolder.OnBadImage

    /// A class of an image with its probability.
    public struct Prediction: Hashable, Sendable {
        /// The name of the class.
        public let label: String
        /// From 0 to 1.
        public let probability: Double
    }

    /// Reads `path`: a run's folder, or a `model.safetensors` written by `apus train`.
    ///
    /// Throws a ``RunError`` if the run is not finished or its model does not take the weights, and a `FormatError` that names what is
    /// wrong with the file.
    public init(_ path: String, device: Device = .best) throws {
        self.device = device
        var folder = RunFolder(path)
        var file = path
        if try Folder.isFolder(path) {
            // Read the options first: their errors say more than that there are no weights.
            let options = try folder.loadOptions()
            guard Folder.exists(folder.weights) else {
                throw RunError(
                    "the run in \(path) (\(options.model) on \(options.data)) is not finished; \(.resume(path))"
                )
            }
            file = folder.weights
        }
        let source = file
        if try !Folder.isFolder(path) { folder = RunFolder(AtomicFile.split(path).folder) }
        run =
            Folder.exists(folder.options) && (source == path ? AtomicFile.split(path).name == AtomicFile.split(folder.weights).name : true)
            ? folder : nil
        let weights = try Safetensors(contentsOf: source)
        func entry(_ key: String) throws -> String {
            guard let value = weights.metadata[key] else {
                throw FormatError(
                    file: source, place: .key(key),
                    reason: "missing: the file is not what a run has left, and does not say which model it belongs to")
            }
            return value
        }
        func list<Value>(_ key: String, _ value: (JSON) -> Value?) throws -> [Value] {
            guard let items = (try? JSON(parsing: try entry(key)))?.array, case let values = items.compactMap(value),
                values.count == items.count, !values.isEmpty
            else {
                throw FormatError(file: source, place: .key(key), reason: "not a list of what is wanted")
            }
            return values
        }
        metadata = weights.metadata
        let described = try entry("apus.model")
        // The options have the current place of the data if it has moved.
        let options = try? run?.loadOptions()
        data = try options?.data ?? entry("apus.data")
        onBadImage = options?.onBadImage ?? .stop
        input = try list("apus.input") { $0.int }
        classes = try list("apus.classes") { $0.string }
        guard input.count == 3, input.allSatisfy({ (1...1 << 16).contains($0) }), Shape(input).numel <= 1 << 26, classes.count < 1 << 20
        else {
            throw FormatError(file: source, place: .key("apus.input"), reason: "\(input) is not the size of an image")
        }
        self.file = source
        preparation = try InputTransform(metadata, input, file: source)
        let isTable = described.contains { "{[\n".contains($0) }
        name = isTable ? source : described
        // Allow about the memory of the file's weights; initialisation is skipped.
        let bytes = weights.tensors.reduce(0) { $0 + max($1.value.numel * $1.value.dtype.size, 1024) }
        do {
            model = try skipInit { [name, input, classes] in
                try ModelSource.make(
                    name, table: isTable ? described : nil, input: input, classes: classes.count, weights: weights.tensors,
                    budget: 2 * bytes + 1 << 20)
            }
            try model.loadStateDict(weights.tensors)
        } catch let error as FormatError {
            throw error
        } catch {
            throw RunError("\(source): \(error)\(weights.leftOutNote.map { "; \($0)" } ?? "")")
        }
        model.to(device).eval()
    }

    /// `image(_:)` for a path that need not be UTF-8.
    package func image(_ file: RawPath) throws -> Tensor {
        guard [1, 3].contains(input[0]) else {
            throw RunError("\(self.file): the model takes images of \(input[0]) channels, pictures have 1 or 3")
        }
        var size: (height: Int, width: Int)?
        if try metadata.decoding == .scaled {
            let header = try PictureHeader(contentsOf: file)
            size = transform.firstSize(height: header.height, width: header.width)
        }
        let picture = try Picture(contentsOf: file, mode: input[0] == 1 ? .gray : .rgb, scaledToAtLeast: size)
        let image: Tensor
        do { image = try checked { transform(picture) } } catch {
            throw RunError("\(self.file): its transforms do not take \(file.text): \(error)")
        }
        guard Array(image.shape) == input else {
            throw RunError(
                "\(self.file): its transforms make an image of shape \(image.shape) of \(file.text), the model takes \(Shape(input))")
        }
        return image
    }

    /// The picture in the file at `path` (`Picture`) as input of the model: float32 [C, H, W], decoded, resized and normalised as those that
    /// it was evaluated on.
    public func image(_ path: String) throws -> Tensor { try image(RawPath(path)) }

    /// The probabilities of all classes for `image`, of shape `input`, highest first. Throws an `OpError` for another shape.
    public func predict(_ image: Tensor) throws -> [Prediction] {
        guard Array(image.shape) == input else {
            throw OpError("the image has shape \(image.shape), \(file) takes \(Shape(input)); image(_:) reads one so", op: "predict")
        }
        return try predict(batch: image.unsqueeze(0))[0]
    }

    /// The same for each of a batch [N] + `input`.
    func predict(batch images: Tensor) throws -> [[Prediction]] {
        let scores = try checked { inferenceMode { F.softmax(model(images.to(device)), dim: 1) } }
        guard scores.shape == [images.size(0), classes.count] else {
            throw RunError(
                "\(file): the model gives scores of shape \(scores.shape) for \(images.size(0)) images and \(classes.count) classes")
        }
        return (0..<images.size(0)).map { row in
            let probabilities = scores[row].array(Float.self)
            let order = probabilities.indices.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
            return order.map { Prediction(label: classes[$0], probability: Double(probabilities[$0])) }
        }
    }
}

extension Metadata {
    /// How the pictures were decoded that the weights were learned from: `apus.decoding`, which is there where they were not decoded in full.
    var decoding: Picture.Decoding {
        get throws {
            guard let name = self["apus.decoding"] else { return .full }
            guard let decoding = Picture.Decoding(rawValue: name) else {
                throw RunError("the weights' apus.decoding is '\(printable(name))', which is no way to decode pictures")
            }
            return decoding
        }
    }
}
