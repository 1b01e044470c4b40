import ApusCore
import ApusFormats
import ApusNN

/// A transform that declares its constructor's arguments, by torchvision's names; ``TransformTable`` lists it.
protocol DeclaredTransform: Transform, CustomStringConvertible {
    static var arguments: Constructor<Self> { get }
}

extension DeclaredTransform {
    /// As torchvision prints it: `RandomHorizontalFlip(p=0.5)`.
    public var description: String { "\(Self.self)(\(printedArguments(Self.arguments.declared, of: self)))" }
}

/// A declared transform of pictures.
protocol PictureStep: DeclaredTransform where Input == Picture, Output == Picture {}

/// A declared transform of tensors.
protocol TensorStep: DeclaredTransform where Input == Tensor, Output == Tensor {}

/// Transforms by torchvision's class and argument names, for files that list them.
package enum TransformTable {
    private static let pictures: [any PictureStep.Type] = [
        Resize.self, RandomHorizontalFlip.self, RandomVerticalFlip.self,
    ]
    private static let tensors: [any TensorStep.Type] = [Normalize.self]

    /// The names of all transforms, sorted.
    package static var names: [String] { (pictures.map { "\($0)" } + tensors.map { "\($0)" } + ["ToTensor"]).sorted() }

    /// One transform.
    package enum Step {
        case ofPictures(any Transform<Picture, Picture>)
        case toTensor
        case ofTensors(any Transform<Tensor, Tensor>)
    }

    /// Builds a transform. Throws `TableError` for wrong names and types, and `OpError` where the constructor reports a programming error.
    package static func make(_ name: String, _ positional: [Argument], _ named: [(name: String, value: Argument)]) throws -> Step {
        func made<Made>(_ arguments: Constructor<Made>) throws -> Made { try checked { try arguments(name, positional, named) } }
        func picture(_ type: (some PictureStep).Type) throws -> Step { .ofPictures(try made(type.arguments)) }
        func tensor(_ type: (some TensorStep).Type) throws -> Step { .ofTensors(try made(type.arguments)) }
        if name == "ToTensor" {
            _ = try made(ToTensor.arguments)
            return .toTensor
        }
        if let type = pictures.first(where: { "\($0)" == name }) { return try picture(type) }
        if let type = tensors.first(where: { "\($0)" == name }) { return try tensor(type) }
        throw TableError("there is no transform '\(name.prefix(60))'", isUnknownName: true)
    }
}
