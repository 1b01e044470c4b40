import ApusCore
import ApusFormats
import ApusVision

/// The means and deviations of the channels that a network expects.
struct Normalization: Hashable, Sendable {
    var mean, std: [Double]

    init(mean: [Double], std: [Double]) { (self.mean, self.std) = (mean, std) }

    var json: JSON { ["type": "Normalize", "mean": .array(mean.map { .double($0) }), "std": .array(std.map { .double($0) })] }

    /// That in a list of transforms, if it has one.
    init?(in transforms: JSON) {
        guard let step = transforms.array?.first(where: { $0["type"] == "Normalize" }),
            let mean = step["mean"]?.array?.compactMap(\.double),
            let std = step["std"]?.array?.compactMap(\.double)
        else { return nil }
        self.init(mean: mean, std: std)
    }

    /// The values that were normalised to `x`, which is [C, H, W].
    func undone(_ x: Tensor) -> Tensor {
        func column(_ values: [Double]) -> Tensor { Tensor(values.map { Float($0) }, shape: [values.count, 1, 1]).to(x.device) }
        return x * column(std) + column(mean)
    }
}

/// What is made of a picture that a model is to classify.
struct InputTransform {
    let transform: Compose<Picture, Tensor>
    /// As the weights' metadata store it.
    let json: JSON
    /// How tensors are normalised; nil where they are not.
    let normalization: Normalization?
    /// Whether it is no more than a size and `byte / 255`.
    private let isPlain: Bool

    /// Pictures in the size of `input` (channels, height, width). Where `isCropped`, for networks that were learned elsewhere, the middle of
    /// the picture is taken, as torchvision's presets do.
    init(_ input: [Int], _ normalization: Normalization?, isCropped: Bool) throws {
        let json = InputTransform.json(input, normalization, isCropped)
        (self.json, self.normalization, isPlain) = (json, normalization, normalization == nil)
        transform = try TransformFile.transforms(json, file: "the run's transforms")
    }

    /// That in the metadata of weights; `file` names them in messages.
    init(_ metadata: Metadata, _ input: [Int], file: String) throws {
        let text = metadata["apus.transform"]
        let (json, place) = (
            try text.map { try LayerFile.parsed($0, file: file) } ?? InputTransform.json(input, nil, false), "\(file), apus.transform"
        )
        (self.json, normalization, isPlain) = (json, Normalization(in: json), text == nil)
        transform = try TransformFile.transforms(json, file: place)
    }

    /// The steps without and with normalisation.
    private static func json(_ input: [Int], _ normalization: Normalization?, _ isCropped: Bool) -> JSON {
        .array(resizing(input, isCropped) + tensor(normalization))
    }

    static func resizing(_ input: [Int], _ isCropped: Bool) -> [JSON] {
        let size: JSON = .array(input[1...].map { .int(Int64($0)) })
        guard isCropped else { return [["type": "Resize", "size": size]] }
        // A picture that is not square keeps its proportions only where a square is cut out of it.
        let sides = input[1...].map { JSON.int(Int64($0) * 256 / 224) }
        return [["type": "Resize", "size": input[1] == input[2] ? sides[0] : .array(sides)], ["type": "CenterCrop", "size": size]]
    }

    static func tensor(_ normalization: Normalization?) -> [JSON] { ["ToTensor"] + (normalization.map { [$0.json] } ?? []) }

    /// The picture of an image as the model gets it.
    func preview(_ image: Tensor) throws -> Picture { try Picture(preview: normalization?.undone(image) ?? image) }

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
    init(_ options: RunOptions, input: [Int], _ normalization: Normalization?) throws {
        let isCropped = normalization != nil
        let (size, resize): (JSON, [JSON]) = (.array(input[1...].map { .int(Int64($0)) }), InputTransform.resizing(input, false))
        if let table = options.transformTable, let file = options.transform {
            let list = try LayerFile.parsed(table, file: file)
            let own = Normalization(in: list)
            if let own, let normalization, own != normalization {
                throw RunError(
                    "\(file) normalises otherwise than the weights to begin with, by \(own.json.text) where they expect \(normalization.json.text)"
                )
            }
            test = try InputTransform(input, normalization ?? own, isCropped: isCropped)
            train = try RunTransforms.given(list, file, resize, InputTransform.tensor(normalization))
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
