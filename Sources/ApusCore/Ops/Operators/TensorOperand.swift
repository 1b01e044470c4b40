// Error messages for operands that a tensor's operators do not accept.
//
// If no overload matches, Swift's type checker tries every combination of the overloads of every operator in the expression, for seconds,
// and may give up with 'unable to type-check'. So the commonest mistakes get an overload that matches: the operand's type conforms to
// `TensorOperand` (or, if a Bool is expected in place of a mask, the result's to `MaskResult`) by an unavailable conformance. The checker
// is done at once, and the error at the operator is the conformance's message.

/// The operands of `+ - * /` with a tensor, other than tensors, `Double` and `Int`: Swift's other numbers. A type with an unavailable
/// conformance is a common mistake that has a message.
public protocol TensorOperand {
    /// The number; an implementation detail of the operators.
    var _number: Scalar { get }
}

extension TensorOperand where Self: ScalarConvertible {
    public var _number: Scalar { _scalar }
}

extension Double: TensorOperand {}
extension Float: TensorOperand {}
extension Float16: TensorOperand {}
extension BFloat16: TensorOperand {}
extension Int: TensorOperand {}
extension Int8: TensorOperand {}
extension Int16: TensorOperand {}
extension Int32: TensorOperand {}
extension Int64: TensorOperand {}
extension UInt8: TensorOperand {}
extension Bool: TensorOperand {}
extension Scalar: TensorOperand {}

extension TensorOperand {
    /// For types that are not numbers; never called.
    public var _number: Scalar { fatalError("\(Self.self) is no operand of a tensor") }
}

@available(*, unavailable, message: "it may be nil: unwrap it with !, if let or ??")
extension Optional: TensorOperand {}
@available(*, unavailable, message: "make a tensor of the list first: Tensor([1, 2])")
extension Array: TensorOperand {}
@available(*, unavailable, message: "take an extent, x.shape[0], or x.numel")
extension Shape: TensorOperand {}
@available(*, unavailable, message: "put the tensor into the text by interpolation")
extension String: TensorOperand {}

/// The result of a comparison of tensors that is not a mask. Its one conformance is unavailable, so that its message becomes the compiler's
/// error.
public protocol MaskResult {}

@available(*, unavailable, message: "a comparison of tensors is a mask: take .all().item() or .any().item(), or equal(_:)")
extension Bool: MaskResult {}

extension Tensor {
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func < <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func < <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func <= <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func <= <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func > <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func > <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func >= <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func >= <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func == <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func == <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func != <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Matches if a Bool is expected; the error says that the result is a mask.
    @_disfavoredOverload public static func != <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }

    private static func noBool() -> Never { fatalError("a comparison of tensors is a mask") }
}
