// What operators of a tensor say of operands that they do not take.
//
// Where no overload fits, Swift's type checker tries every combination of the overloads of every operator of the expression, for seconds, and
// may end in 'unable to type-check'. So the commonest slips have an overload that fits: the type conforms to `TensorOperand` (or, where a Bool
// is wanted of a mask, to `MaskResult`) by a conformance that is unavailable. The checker is done at once, and the error is the conformance's
// message, at the operator.

/// What may stand beside a tensor in `+ - * /`, besides a tensor, a `Double` and an `Int`: Swift's other numbers. A type whose conformance is
/// unavailable is a slip that has a message.
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
    /// Of a type that is no number.
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

/// What a comparison of tensors gives where no mask is wanted. Its one conformance is unavailable, and is the message.
public protocol MaskResult {}

@available(*, unavailable, message: "a comparison of tensors is a mask: take .all().item() or .any().item(), or equal(_:)")
extension Bool: MaskResult {}

extension Tensor {
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func < <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func < <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func <= <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func <= <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func > <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func > <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func >= <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func >= <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func == <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func == <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func != <R: MaskResult>(a: Tensor, b: Tensor) -> R { noBool() }
    /// Fits where a Bool is wanted, and says that a mask is none.
    @_disfavoredOverload public static func != <R: MaskResult>(x: Tensor, value: Double) -> R { noBool() }

    private static func noBool() -> Never { fatalError("a comparison of tensors is a mask") }
}
