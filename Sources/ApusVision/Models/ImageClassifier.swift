import ApusCheckpoints
import ApusCore
import ApusFormats
import ApusNN
import ApusSystem

/// An image classification network whose last layer computes a score for each class.
///
/// ```swift
/// let model = resnet18(classes: 5)
/// print(try model.loadPretrained(from: "resnet18-f37072fd.pth"))   // loaded 120 tensors; 2 kept (fc.weight, fc.bias: …)
/// model.freeze("conv1", "bn1", "layer1")
/// let optimizer = SGD(model.parameterGroups(lr: 0.01, layerDecay: 0.75), lr: 0.01, momentum: 0.9)
/// ```
public protocol ImageClassifier: Module {
    /// The last layer, whose outputs are the scores.
    var head: Linear { get set }
    /// The layers by depth, those next to the input first, the head last. The layers of one stage get the same learning rate
    /// (`parameterGroups(lr:layerDecay:weightDecay:decayNormAndBias:)`). By default each child is a stage.
    var stages: [[Module]] { get }
}

extension ImageClassifier {
    public var stages: [[Module]] { children().map { [$0] } }

    /// The name of the head among the network's modules, such as `fc` or `classifier.1`.
    public var headPath: String {
        let head = head
        return namedModules().first { $0.module === head }?.name ?? ""
    }

    /// Replaces the head by a new linear layer for another number of classes: initialised as `Linear` is, with the same number of inputs,
    /// on the same device and in the same dtype. An optimizer created before does not train the new layer. Traps for less than 1 class.
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

    /// Loads all weights of a file of any format that Apus reads. If the file has another number of classes, the head keeps its weights.
    ///
    /// - Parameters:
    ///   - path: the file, such as torchvision's `.pth` or a `.safetensors`; its format is detected from its contents.
    ///   - place: where the weights are in the file: names joined by dots (`"state_dict"`); by default the whole file.
    ///   - prefix: a prefix of names in the file that the network's names lack, such as `module.`.
    ///
    /// Returns what was loaded; its `kept` lists the tensors of the head that were not. Throws like
    /// `loadStateDict(from:at:dropping:renaming:strict:)`; then nothing has changed.
    @discardableResult public func loadPretrained(
        from path: String, at place: String = "", dropping prefix: String? = nil
    ) throws -> LoadReport {
        let (own, key) = (head, headPath)
        let found = try TensorFile(path, at: place).tensors["\(prefix ?? "")\(key).weight"]?.shape
        guard let found, found.count == 2, found[0] != own.outFeatures, found[1] == own.inFeatures else {
            return try loadStateDict(from: path, at: place, dropping: prefix)
        }
        // While the file is loaded, a head of the file's shape replaces the network's, so that anything else that does not fit is still an
        // error.
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

/// The normalisation that torchvision's ImageNet weights expect: channels from 0 to 1, minus the mean, divided by the standard deviation.
public enum ImageNet {
    /// The means of red, green and blue.
    public static let mean = [0.485, 0.456, 0.406]
    /// The standard deviations of red, green and blue.
    public static let std = [0.229, 0.224, 0.225]

    /// Converts a picture to a network input: resizes its shorter side, crops the centre and normalises. PyTorch:
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
