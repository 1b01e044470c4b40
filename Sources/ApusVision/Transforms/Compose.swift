import ApusCore
import ApusFormats

/// Transforms one after the other. PyTorch: `torchvision.transforms.v2.Compose`.
///
/// ```swift
/// let transform = Compose {
///     RandomResizedCrop(224)
///     RandomHorizontalFlip()
///     ToTensor()
///     Normalize(mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
/// }
/// let train = try ImageFolder("photos/train", transform: transform)
/// ```
/// This one is a `Compose<Picture, Tensor>`, the type that picture data sets take. A transform whose input is not the output of the one
/// before, such as a crop of pictures after ``ToTensor``, does not compile.
public struct Compose<Input, Output>: Transform, CustomStringConvertible {
    /// The transforms, in order.
    public let steps: [any Transform]
    private let run: @Sendable (Input, Generator) -> Output

    /// The transforms in `body`, in order.
    public init(@ComposeBuilder _ body: () -> Compose) { self = body() }

    fileprivate init(_ steps: [any Transform], _ run: @escaping @Sendable (Input, Generator) -> Output) {
        (self.steps, self.run) = (steps, run)
    }

    public func apply(_ input: Input, using generator: Generator) -> Output { run(input, generator) }

    public func firstSize(height: Int, width: Int) -> (height: Int, width: Int)? { steps.first?.firstSize(height: height, width: width) }

    /// One line per transform: `Compose(` … `)`.
    public var description: String { "Compose(\n\(indentedLines(steps)))" }

    /// These transforms followed by `next`.
    fileprivate func then<Next: Transform>(_ next: Next) -> Compose<Input, Next.Output> where Next.Input == Output {
        Compose<Input, Next.Output>(steps + [next]) { [run] in next.apply(run($0, $1), using: $1) }
    }
}

extension Compose where Input == Output {
    /// A list of transforms of one type, which may be computed at run time and may be empty.
    public init(_ transforms: [any Transform<Input, Output>]) {
        self.init(transforms) { input, generator in transforms.reduce(input) { $1.apply($0, using: generator) } }
    }
}

extension Compose where Input == Picture, Output == Tensor {
    /// `pictures` first, then ``ToTensor``, then `tensors`.
    public init(pictures: [any Transform<Picture, Picture>], tensors: [any Transform<Tensor, Tensor>]) {
        self = Compose<Picture, Picture>(pictures).then(ToTensor()).flattened(pictures + [ToTensor()], tensors)
    }

    private func flattened(_ first: [any Transform], _ tensors: [any Transform<Tensor, Tensor>]) -> Compose {
        let rest = Compose<Tensor, Tensor>(tensors)
        return Compose(first + tensors) { [run] in rest.apply(run($0, $1), using: $1) }
    }
}

/// Builds a ``Compose`` from transforms, and from `if` around transforms whose output type is their input type.
@resultBuilder public enum ComposeBuilder {
    public static func buildPartialBlock<Step: Transform>(first: Step) -> Compose<Step.Input, Step.Output> {
        if let steps = first as? Compose<Step.Input, Step.Output> { return steps }
        return Compose([first]) { first.apply($0, using: $1) }
    }

    public static func buildPartialBlock<Input, Step: Transform>(
        accumulated: Compose<Input, Step.Input>, next: Step
    ) -> Compose<Input, Step.Output> { accumulated.then(next) }

    public static func buildOptional<Value>(_ steps: Compose<Value, Value>?) -> Compose<Value, Value> { steps ?? Compose([]) }
    public static func buildEither<Input, Output>(first: Compose<Input, Output>) -> Compose<Input, Output> { first }
    public static func buildEither<Input, Output>(second: Compose<Input, Output>) -> Compose<Input, Output> { second }
}
