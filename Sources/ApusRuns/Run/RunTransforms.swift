import ApusCore
import ApusFormats
import ApusVision

extension Normalize {
    /// As files list it.
    var json: JSON { ["type": "Normalize", "mean": .array(mean.map { .double($0) }), "std": .array(std.map { .double($0) })] }
}

extension Compose {
    /// How tensors are normalised; nil where they are not.
    var normalization: Normalize? { steps.lazy.compactMap { $0 as? Normalize }.first }
}

/// What is made of a picture that a model is to classify.
struct InputTransform {
    let transform: Compose<Picture, Tensor>
    /// As the weights' metadata store it.
    let json: JSON
    /// Whether it is no more than a size and `byte / 255`.
    private let isPlain: Bool

    /// Pictures in the size of `input` (channels, height, width). Where `isCropped`, for networks that were learned elsewhere, the middle of
    /// the picture is taken, as torchvision's presets do.
    init(_ input: [Int], _ normalization: Normalize?, isCropped: Bool) throws {
        let json = InputTransform.json(input, normalization, isCropped)
        (self.json, isPlain) = (json, normalization == nil)
        transform = try TransformFile.transforms(json, file: "the run's transforms")
    }

    /// That in the metadata of weights; `file` names them in messages.
    init(_ metadata: Metadata, _ input: [Int], file: String) throws {
        let text = metadata["apus.transform"]
        let (json, place) = (
            try text.map { try LayerFile.parsed($0, file: file) } ?? InputTransform.json(input, nil, false), "\(file), apus.transform"
        )
        (self.json, isPlain) = (json, text == nil)
        transform = try TransformFile.transforms(json, file: place)
    }

    /// The steps without and with normalisation.
    private static func json(_ input: [Int], _ normalization: Normalize?, _ isCropped: Bool) -> JSON {
        .array(resizing(input, isCropped) + tensor(normalization))
    }

    static func resizing(_ input: [Int], _ isCropped: Bool) -> [JSON] {
        let size: JSON = .array(input[1...].map { .int(Int64($0)) })
        guard isCropped else { return [["type": "Resize", "size": size]] }
        // A picture that is not square keeps its proportions only where a square is cut out of it.
        let sides = input[1...].map { JSON.int(Int64($0) * 256 / 224) }
        return [["type": "Resize", "size": input[1] == input[2] ? sides[0] : .array(sides)], ["type": "CenterCrop", "size": size]]
    }

    static func tensor(_ normalization: Normalize?) -> [JSON] { ["ToTensor"] + (normalization.map { [$0.json] } ?? []) }

    /// The picture of an image as the model gets it.
    func preview(_ image: Tensor) throws -> Picture { try Picture(preview: transform.normalization?.undone(image) ?? image) }

    /// The images as the model gets them. Batches of those that lie ready in memory are made at once.
    func applied(to data: ImageData) -> ImageData { data.transformed(by: isPlain && data.isReady ? nil : transform) }
}

/// What a run makes of pictures: what it learns from, and what it evaluates on.
struct RunTransforms {
    /// For images to evaluate on.
    let test: InputTransform
    /// For images to learn from; nil where they are not changed at random, and get the same as those to evaluate on.
    let train: Compose<Picture, Tensor>?

    /// The transforms of a run with these options, whose images get the shape `input` (channels, height, width). `normalization` is that of
    /// the weights to begin with; without it that of a user's list of transforms holds for all images.
    init(_ options: RunOptions, input: [Int], _ normalization: Normalize?) throws {
        let isCropped = normalization != nil
        let (size, resize): (JSON, [JSON]) = (.array(input[1...].map { .int(Int64($0)) }), InputTransform.resizing(input, false))
        if let table = options.transformTable, let file = options.transform {
            let list = try LayerFile.parsed(table, file: file)
            let given = try RunTransforms.given(list, file, resize, InputTransform.tensor(normalization))
            let own = given.normalization
            if let own, let normalization, own != normalization {
                throw RunError(
                    "\(file) normalises otherwise than the weights to begin with, by \(own.json.text) where they expect \(normalization.json.text)"
                )
            }
            test = try InputTransform(input, normalization ?? own, isCropped: isCropped)
            train = given
            return
        }
        test = try InputTransform(input, normalization, isCropped: isCropped)
        let end = InputTransform.tensor(normalization)
        guard options.augment != .none else {
            train = nil
            return
        }
        let crop: [JSON] =
            max(input[1], input[2]) > 64
            ? [["type": "RandomResizedCrop", "size": size]]
            : resize + [["type": "RandomCrop", "size": size, "padding": .array(RunTransforms.margins(input).map { .int(Int64($0)) })]]
        let changes: [JSON] =
            switch options.augment {
            case .none: []
            case .flip: InputTransform.resizing(input, isCropped) + ["RandomHorizontalFlip"]
            case .crop: crop + ["RandomHorizontalFlip"]
            case .trivial: crop + ["RandomHorizontalFlip", "TrivialAugmentWide"]
            case .randaugment: crop + ["RandomHorizontalFlip", "RandAugment"]
            case .autoaugment: crop + ["RandomHorizontalFlip", "AutoAugment"]
            }
        train = try TransformFile.transforms(.array(changes + end), file: "the run's transforms")
    }

    /// An eighth of each side: left and right, top and bottom.
    private static func margins(_ input: [Int]) -> [Int] { [max(1, input[2] / 8), max(1, input[1] / 8)] }

    /// A user's list. What it leaves out at its end is added: the size of the images, the tensor, its normalisation.
    private static func given(_ json: JSON, _ file: String, _ resize: [JSON], _ end: [JSON]) throws -> Compose<Picture, Tensor> {
        guard var list = json.array else { return try TransformFile.transforms(json, file: file) } // which says what is wrong
        func has(_ name: String) -> Bool { list.contains { ($0["type"] ?? $0) == .string(name) } }
        if !has("ToTensor") { list += resize + ["ToTensor"] }
        if !has("Normalize") { list += end.dropFirst() }
        return try TransformFile.transforms(.array(list), file: file)
    }

    /// Images to learn from.
    func training(_ data: ImageData) -> ImageData { train.map { data.transformed(by: $0) } ?? test.applied(to: data) }
}
