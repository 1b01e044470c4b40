import ApusCore
import ApusFormats

/// A transform of a picture or of its tensor. PyTorch: the classes of `torchvision.transforms.v2`.
///
/// Most transforms take and return a `Picture`, so that values stay bytes as long as possible; ``ToTensor`` converts it to a tensor, and
/// ``Normalize`` and ``RandomErasing`` come after that. ``Compose`` chains transforms, and compiles only if each takes what the one before
/// returns.
///
/// A custom transform is a value with one function:
/// ```swift
/// struct Negative: Transform {
///     func apply(_ picture: Picture, using generator: Generator) -> Picture { picture.mapped { 255 - $0 } }
/// }
/// ```
/// All random numbers must come from `generator`, so that a sample is the same on whichever thread it is made (`DataLoader`).
public protocol Transform<Input, Output>: Sendable {
    /// The input type: `Picture`, or a tensor of shape [C, H, W].
    associatedtype Input
    /// The output type.
    associatedtype Output

    /// Transforms `input`, with random numbers from `generator`.
    func apply(_ input: Input, using generator: Generator) -> Output

    /// The size to which the transform resizes a picture of `height` × `width` pixels before anything else, if it does; a JPEG may then be
    /// decoded at a lower resolution (`Picture/Decoding/scaled`). By default nil.
    func firstSize(height: Int, width: Int) -> (height: Int, width: Int)?
}

extension Transform {
    public func firstSize(height: Int, width: Int) -> (height: Int, width: Int)? { nil }

    /// Transforms `input`, with random numbers from the current generator.
    public func callAsFunction(_ input: Input) -> Output { apply(input, using: .current) }
}
