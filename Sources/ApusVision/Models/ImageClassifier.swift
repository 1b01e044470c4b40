import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusSystem

/// A network of pictures whose last layer gives a score for each class.
///
/// ```swift
/// let model = resnet18(classes: 5)
/// print(try model.loadPretrained(from: "resnet18-f37072fd.pth"))   // loaded 120 tensors; 2 kept (fc.weight, fc.bias: …)
/// model.freeze("conv1", "bn1", "layer1")
/// let optimizer = SGD(model.parameterGroups(lr: 0.01, layerDecay: 0.75), lr: 0.01, momentum: 0.9)
/// ```
public protocol ImageClassifier: Module {
    /// The linear layer whose outputs are the scores, the last one.
    var head: Linear { get set }
    /// All layers by depth, those that see the picture first, the head last; those of one stage learn at one rate
    /// (`parameterGroups(lr:layerDecay:weightDecay:decayNormAndBias:)`). By default each child is a stage.
    var stages: [[Module]] { get }
}

extension ImageClassifier {
    public var stages: [[Module]] { children().map { [$0] } }

    /// The path of the head among the network's layers, such as `fc` or `classifier.1`.
    public var headPath: String {
        let head = head
        return namedModules().first { $0.module === head }?.name ?? ""
    }

    /// Puts a new linear layer in place of the head, for another number of classes: initialised as `Linear` is, with the same number of
    /// inputs, on the same device and in the same dtype. An optimizer that was made before does not know it. Traps for less than 1 class.
    public func replaceHead(classes: Int) {
        guard classes >= 1 else {
            fail("\(typeName).replaceHead", "\(classes) classes; it needs at least 1")
            return
        }
        let old = head
        let new = Linear(old.inFeatures, classes, bias: old.bias != nil, device: old.weight.device, dtype: old.weight.dtype)
        new.training = old.training
        head = new
    }

    /// Loads the weights of a file of any format that Apus reads, all of them; where the file has another number of classes, all but the head, which
    /// stays as it is.
    ///
    /// - Parameters:
    ///   - path: the file: torchvision's `.pth`, a `.safetensors`; its format is told by its contents.
    ///   - place: where in the file the weights are, names joined by dots (`"state_dict"`); the whole file by default.
    ///   - prefix: what the names begin with and the network's do not, such as `module.`.
    ///
    /// Returns what was loaded; tensors of the head that were not are its `kept`. Throws as
    /// `loadStateDict(from:at:dropping:renaming:strict:)`, and then nothing has changed.
    @discardableResult public func loadPretrained(
        from path: String, at place: String = "", dropping prefix: String? = nil
    ) throws -> LoadReport {
        let (own, key) = (head, headPath)
        let found = try TensorFile(path, at: place).tensors["\(prefix ?? "")\(key).weight"]?.shape
        guard let found, found.count == 2, found[0] != own.outFeatures, found[1] == own.inFeatures else {
            return try loadStateDict(from: path, at: place, dropping: prefix)
        }
        // The file's head takes the place of the network's while the file is loaded, so that whatever else does not fit is an error as ever.
        head = skipInit { Linear(found[1], found[0], bias: own.bias != nil, dtype: own.weight.dtype) }
        defer { head = own }
        var report = try loadStateDict(from: path, at: place, dropping: prefix)
        let names = own.stateDict().keys.map { "\(key).\($0)" }
        report.keep(names, because: "the file has \(found[0]) classes, the network \(own.outFeatures)")
        return report
    }
}

/// ``resnet18(inChannels:classes:smallImages:)`` with the weights of a file: ``ImageClassifier/loadPretrained(from:at:dropping:)``.
public func resnet18(weights: String, inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false) throws -> ResNet {
    try pretrained(resnet18(inChannels: inChannels, classes: classes, smallImages: smallImages), weights)
}

/// ``resnet34(inChannels:classes:smallImages:)`` with the weights of a file: ``ImageClassifier/loadPretrained(from:at:dropping:)``.
public func resnet34(weights: String, inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false) throws -> ResNet {
    try pretrained(resnet34(inChannels: inChannels, classes: classes, smallImages: smallImages), weights)
}

/// ``resnet50(inChannels:classes:smallImages:)`` with the weights of a file: ``ImageClassifier/loadPretrained(from:at:dropping:)``.
public func resnet50(weights: String, inChannels: Int = 3, classes: Int = 1000, smallImages: Bool = false) throws -> ResNet {
    try pretrained(resnet50(inChannels: inChannels, classes: classes, smallImages: smallImages), weights)
}

/// ``mobilenetV2(inChannels:classes:dropout:)`` with the weights of a file: ``ImageClassifier/loadPretrained(from:at:dropping:)``.
public func mobilenetV2(weights: String, inChannels: Int = 3, classes: Int = 1000, dropout: Double = 0.2) throws -> MobileNetV2 {
    try pretrained(mobilenetV2(inChannels: inChannels, classes: classes, dropout: dropout), weights)
}

private func pretrained<Network: ImageClassifier>(_ network: Network, _ weights: String) throws -> Network {
    try network.loadPretrained(from: weights)
    return network
}

/// What torchvision's weights for ImageNet expect of a picture: channels from 0 to 1, less the mean, by the standard deviation.
public enum ImageNet {
    /// The means of red, green and blue.
    public static let mean = [0.485, 0.456, 0.406]
    /// The standard deviations of red, green and blue.
    public static let std = [0.229, 0.224, 0.225]

    /// What makes an input of a picture: its shorter side resized, the middle cut out, normalised. PyTorch:
    /// `torchvision.transforms._presets.ImageClassification`.
    public static func transform(crop: Int = 224, resize: Int = 256) -> Compose<Picture, Tensor> {
        Compose {
            Resize(resize)
            CenterCrop(crop)
            ToTensor()
            Normalize(mean: mean, std: std)
        }
    }
}
