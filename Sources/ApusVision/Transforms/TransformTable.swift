import ApusCore
import ApusFormats
import ApusNN

/// A transform that declares its constructor's arguments by torchvision's names; ``TransformTable`` lists all of them.
protocol DeclaredTransform: Transform, CustomStringConvertible {
    static var arguments: Constructor<Self> { get }
}

extension DeclaredTransform {
    /// As torchvision prints it, `RandomHorizontalFlip(p=0.5)`: its non-nil properties in order.
    public var description: String {
        let properties = Mirror(reflecting: self).children.compactMap { property -> String? in
            text(of: property.value).map { "\(snakeCase(property.label!))=\($0)" }
        }
        return "\(Self.self)(\(properties.joined(separator: ", ")))"
    }
}

/// A property's value as torchvision prints it, names without quotes; nil for a nil value.
private func text(of value: Any) -> String? {
    // Unwraps an optional within `Any`.
    if Mirror(reflecting: value).displayStyle == .optional {
        return Mirror(reflecting: value).children.first.flatMap { text(of: $0.value) }
    }
    return switch value {
    case let value as any RawRepresentable<String>: value.rawValue
    case let value as [Double]: "[" + value.map { repr($0) }.joined(separator: ", ") + "]"
    case let value as any PythonRepresentable: repr(value)
    default: preconditionFailure("a \(type(of: value)) has no Python spelling")
    }
}

/// A declared transform of pictures.
protocol PictureStep: DeclaredTransform where Input == Picture, Output == Picture {}

/// A declared transform of tensors.
protocol TensorStep: DeclaredTransform where Input == Tensor, Output == Tensor {}

/// Transforms by torchvision's class and argument names, for files that list them.
package enum TransformTable {
    private static let pictures: [any PictureStep.Type] = [
        Resize.self, CenterCrop.self, Pad.self, RandomCrop.self, RandomResizedCrop.self, RandomHorizontalFlip.self, RandomVerticalFlip.self,
        RandomRotation.self, RandomAffine.self, RandomPerspective.self, ColorJitter.self, Grayscale.self, RandomGrayscale.self,
        GaussianBlur.self, RandomAdjustSharpness.self, RandomPosterize.self, RandomSolarize.self, RandomEqualize.self,
        RandomAutocontrast.self, RandomInvert.self, RandAugment.self, TrivialAugmentWide.self, AutoAugment.self, AugMix.self,
    ]
    private static let tensors: [any TensorStep.Type] = [Normalize.self, RandomErasing.self]

    /// Transforms that hold other transforms.
    static let containers = ["RandomApply", "RandomChoice", "RandomOrder"]

    /// The names of all transforms, sorted.
    package static var names: [String] { (pictures.map { "\($0)" } + tensors.map { "\($0)" } + containers + ["ToTensor"]).sorted() }

    /// A transform by the type that it takes and returns.
    package enum Step {
        case ofPictures(any Transform<Picture, Picture>)
        case toTensor
        case ofTensors(any Transform<Tensor, Tensor>)
    }

    /// Builds a transform; one that holds others needs them in `inner`. Throws `TableError` on wrong names and types, and `OpError` if the
    /// constructor reports a programming error.
    package static func make(
        _ name: String, _ positional: [Argument], _ named: [(name: String, value: Argument)],
        containing inner: [any Transform<Picture, Picture>]? = nil
    ) throws -> Step {
        func made<Made>(_ arguments: Constructor<Made>) throws -> Made { try checked { try arguments(name, positional, named) } }
        func picture(_ type: (some PictureStep).Type) throws -> Step { .ofPictures(try made(type.arguments)) }
        func tensor(_ type: (some TensorStep).Type) throws -> Step { .ofTensors(try made(type.arguments)) }
        if name == "ToTensor" {
            _ = try made(ToTensor.arguments)
            return .toTensor
        }
        if containers.contains(name) {
            guard let inner else { throw TableError("\(name): argument 'transforms' is missing") }
            func holding(_ constructor: Constructor<some Transform<Picture, Picture>>) throws -> Step { .ofPictures(try made(constructor)) }
            return switch name {
            case "RandomApply": try holding(Signature(.double("p", 0.5)).constructs { RandomApply(inner, p: $0) })
            case "RandomChoice": try holding(Signature(.optionalDoubles("p")).constructs { RandomChoice(inner, p: $0) })
            default: try holding(Signature().constructs { RandomOrder(inner) })
            }
        }
        if let type = pictures.first(where: { "\($0)" == name }) { return try picture(type) }
        if let type = tensors.first(where: { "\($0)" == name }) { return try tensor(type) }
        throw TableError("there is no transform '\(name.prefix(60))'", isUnknownName: true)
    }
}
