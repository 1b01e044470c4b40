import ApusCore
import ApusFormats

/// A change of a picture or of its tensor. PyTorch: the classes of `torchvision.transforms.v2`.
///
/// Most transforms take a ``Picture`` and give one, so that bytes stay bytes as long as they can; ``ToTensor`` makes a tensor of it, and
/// ``Normalize`` and ``RandomErasing`` come after. ``Compose`` puts transforms together, and compiles where each takes what the one before
/// gives.
///
/// A transform of one's own is a value with one function:
/// ```swift
/// struct Negative: Transform {
///     func apply(_ picture: Picture, using generator: Generator) -> Picture { picture.mapped { 255 - $0 } }
/// }
/// ```
/// All random numbers come from `generator`, so that a sample is the same whatever thread makes it (``DataLoader``).
public protocol Transform<Input, Output>: Sendable {
    /// What it takes: a ``Picture``, or a tensor of shape [C, H, W].
    associatedtype Input
    /// What it gives.
    associatedtype Output

    /// The changed `input`, with random numbers from `generator`.
    func apply(_ input: Input, using generator: Generator) -> Output

    /// The size to which it brings a picture of `height` × `width` pixels before anything else, if it does; a JPEG may then be decoded to
    /// fewer pixels (``Picture/Decoding/scaled``). By default nil.
    func firstSize(height: Int, width: Int) -> (height: Int, width: Int)?
}

extension Transform {
    public func firstSize(height: Int, width: Int) -> (height: Int, width: Int)? { nil }

    /// The changed `input`, with random numbers from the current generator.
    public func callAsFunction(_ input: Input) -> Output { apply(input, using: .current) }
}
