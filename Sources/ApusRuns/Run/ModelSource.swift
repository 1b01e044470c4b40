import ApusCore
import ApusFormats
import ApusNN
import ApusSystem
import ApusTraining
import ApusVision
import Glibc

/// The source of a run's model: a named model, or a FILE.json that describes a `Sequential`.
public enum ModelSource {
    /// The names of the known models.
    public static let names = ["mlp", "cnn"] + fromTorchvision

    /// Those that torchvision has, with its keys.
    static let fromTorchvision = ["resnet18", "resnet34", "resnet50", "mobilenet_v2"]

    /// The contents of `model` where it is a FILE.json; nil for a named model.
    static func table(_ model: String) throws -> String? {
        if names.contains(model) { return nil }
        guard model.hasSuffix(".json") else {
            let hint = nearest(to: model, in: names).map { "did you mean '\($0)'? " } ?? ""
            throw RunError(
                "there is no model '\(printable(model))'; \(hint)there are \(names.joined(separator: ", ")), and files whose name ends in .json"
            )
        }
        return try LayerFile.contents(model, "layers")
    }

    /// Creates the model, with weights from the current generator.
    ///
    /// - Parameters:
    ///   - model: its name, or the path of FILE.json for messages.
    ///   - table: the contents of FILE.json.
    ///   - input: channels, height and width of an image.
    ///   - classes: the number of classes.
    ///   - weights: those that it will get; they say which of two beginnings a residual network has. Without them the size of the images does.
    ///   - budget: how many bytes may be allocated meanwhile; by default 16 GiB, but at most half of the machine's memory (1 GiB at least).
    ///
    /// Throws a ``RunError`` where a layer rejects its sizes or the budget is exceeded.
    public static func make(
        _ model: String, table: String?, input: [Int], classes: Int, weights: StateDict? = nil, budget: Int? = nil
    ) throws -> Module {
        do {
            return try limited(to: budget ?? memoryBudget) { try checked { try build(model, table, input, classes, weights) } }
        } catch let error as OpError {
            throw RunError("\(model) cannot be made for images of shape \(Shape(input)) and \(classes) classes: \(error)")
        }
    }

    /// Runs `body`, in which ops fail that would allocate more than `bytes` in total, so that a few wrong digits cannot exhaust the memory.
    package static func limited<Result>(to bytes: Int = memoryBudget, _ body: () throws -> Result) rethrows -> Result {
        try Context.withMemoryBudget(bytes, body)
    }

    package static let memoryBudget = min(1 << 34, max(sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) / 2, 1 << 30))

    private static func build(
        _ model: String, _ table: String?, _ input: [Int], _ classes: Int, _ weights: StateDict?
    ) throws -> Module {
        if let table { return try LayerFile.sequential(table, file: model) }
        let pixels = (input[1], input[2])
        switch model {
        case "mlp": return MLP(inFeatures: Shape(input).numel, classes: classes)
        case "cnn":
            guard min(pixels.0, pixels.1) >= 4 else {
                throw RunError("cnn needs images of at least 4 × 4 pixels, these have \(pixels.0) × \(pixels.1)")
            }
            return CNN(inChannels: input[0], height: pixels.0, width: pixels.1, classes: classes)
        case "mobilenet_v2": return mobilenetV2(inChannels: input[0], classes: classes)
        case "resnet18", "resnet34", "resnet50":
            let isSmall = weights?["conv1.weight"].map { $0.shape.last == 3 } ?? (max(pixels.0, pixels.1) <= 64)
            let make = model == "resnet18" ? resnet18 : model == "resnet34" ? resnet34 : resnet50
            return make(input[0], classes, isSmall)
        default: throw RunError("there is no model '\(printable(model))'; there are \(names.joined(separator: ", "))")
        }
    }
}

extension ModelSource {
    /// Runs `model` once on an image of zeros. Throws unless it takes such images and gives a score for each class.
    package static func check(_ model: Module, _ name: String, input: [Int], classes: Int, device: Device) throws -> ModelSummary {
        let summary: ModelSummary
        do {
            summary = try ModelSummary(model, input: Shape([1] + input), device: device)
        } catch let error as OpError {
            throw RunError("\(name) does not take images of shape \(Shape(input)) (channels, height, width): \(error)")
        }
        guard summary.output == [1, classes] else {
            throw RunError(
                "\(name) gives an output of shape \(summary.output) for one image, where \(classes) classes need [1, \(classes)]")
        }
        return summary
    }
}
