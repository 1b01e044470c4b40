import ApusCore
import ApusFormats
import ApusNN
import ApusSystem
import ApusTraining
import Glibc

/// Where the model of a run comes from: the zoo by name, or a FILE.json that describes a `Sequential`.
public enum ModelSource {
    /// The models that have a name.
    public static let names = ["mlp", "cnn", "resnet18"]

    /// The contents of `model` where it is a FILE.json, nil where it is in the zoo.
    static func table(_ model: String) throws -> String? {
        if names.contains(model) { return nil }
        guard model.hasSuffix(".json") else {
            let hint = nearest(to: model, in: names).map { "did you mean '\($0)'? " } ?? ""
            throw RunError(
                "there is no model '\(printable(model))'; \(hint)there are \(names.joined(separator: ", ")), and files whose name ends in .json"
            )
        }
        let file = try MappedFile(model)
        guard file.bytes.count < 1 << 20 else {
            throw FormatError(file: model, reason: "\(Text.bytes(file.bytes.count)) are too many for a table of layers")
        }
        return String(decoding: file.bytes, as: UTF8.self)
    }

    /// Makes the model, with weights drawn from the current generator.
    ///
    /// - Parameters:
    ///   - model: its name, or the path that messages call FILE.json by.
    ///   - table: the contents of FILE.json.
    ///   - input: channels, height and width of an image.
    ///   - classes: how many there are.
    ///   - budget: how many bytes may be allocated on the way; without, 16 GiB, and no more than half of the machine's memory.
    ///
    /// Throws a ``RunError`` where a layer refuses its sizes or the budget does not suffice.
    public static func make(_ model: String, table: String?, input: [Int], classes: Int, budget: Int? = nil) throws -> Module {
        do {
            return try limited(to: budget ?? memoryBudget) { try checked { try build(model, table, input, classes) } }
        } catch let error as OpError {
            throw RunError("\(model) cannot be made for images of shape \(Shape(input)) and \(classes) classes: \(error)")
        }
    }

    /// Runs `body`, in which an op fails that would allocate more than what is left of `bytes`: a few wrong digits must not take the machine's memory.
    package static func limited<Result>(to bytes: Int = memoryBudget, _ body: () throws -> Result) rethrows -> Result {
        try Context.withMemoryBudget(bytes, body)
    }

    package static let memoryBudget = min(1 << 34, max(sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) / 2, 1 << 30))

    private static func build(_ model: String, _ table: String?, _ input: [Int], _ classes: Int) throws -> Module {
        if let table { return try LayerFile.sequential(table, file: model) }
        let pixels = (input[1], input[2])
        switch model {
        case "mlp": return MLP(inFeatures: Shape(input).numel, classes: classes)
        case "cnn":
            guard min(pixels.0, pixels.1) >= 4 else {
                throw RunError("cnn needs images of at least 4 × 4 pixels, these have \(pixels.0) × \(pixels.1)")
            }
            return CNN(inChannels: input[0], height: pixels.0, width: pixels.1, classes: classes)
        case "resnet18": return ResNet18(inChannels: input[0], classes: classes, smallImages: max(pixels.0, pixels.1) <= 64)
        default: throw RunError("there is no model '\(printable(model))'; there are \(names.joined(separator: ", "))")
        }
    }
}

extension ModelSource {
    /// Runs `model` once on an image of zeros. Throws where it does not take such images, or does not give a score for each class.
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
