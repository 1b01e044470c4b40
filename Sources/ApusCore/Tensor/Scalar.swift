/// A Swift number in an expression with tensors: a bool, an integer or a float.
public enum Scalar: Sendable, Hashable {
    /// A bool.
    case bool(Bool)
    /// An integer.
    case int(Int64)
    /// A floating-point number.
    case double(Double)

    /// The number's own dtype: bool, int64, float32.
    @inlinable public var dtype: DType {
        switch self {
        case .bool: .bool
        case .int: .int64
        case .double: .float32
        }
    }

    /// The number as a Double; true is 1.
    @inlinable public var doubleValue: Double {
        switch self {
        case .bool(let b): b ? 1 : 0
        case .int(let i): Double(i)
        case .double(let d): d
        }
    }

    /// The number as an integer: floats are truncated toward zero and clamped to the range; NaN gives 0.
    @inlinable public var int64Value: Int64 {
        switch self {
        case .bool(let b): b ? 1 : 0
        case .int(let i): i
        case .double(let d): d.isNaN ? 0 : d >= 0x1p63 ? .max : d < -0x1p63 ? .min : Int64(d)
        }
    }

    /// How to get an integer from this number, if it is not exactly `integer`.
    func remedy(unlessEqualTo integer: Int64) -> String? {
        switch self {
        case .bool: return nil
        case .int(let number): return number == integer ? nil : "ask for an Int"
        case .double(let number):
            // `Int64(exactly:)`, since the largest Int64 as a Double is one more.
            if let exact = Int64(exactly: number) { return exact == integer ? nil : "ask for an Int" }
            return number.isFinite && Swift.abs(number) < 0x1p63
                ? "round() or trunc() the tensor first, or ask for a Double" : "ask for a Double"
        }
    }

    /// The number with the other sign; the smallest integer stays itself.
    var negated: Scalar {
        switch self {
        case .bool(let b): .int(b ? -1 : 0)
        case .int(let i): .int(0 &- i)
        case .double(let d): .double(-d)
        }
    }

    /// The number as Swift writes it.
    var text: String {
        switch self {
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        }
    }

    /// The number as an element of an integer dtype or bool. A float is truncated and clamped to the range (NaN gives 0); an integer keeps
    /// its low bits. For bool, everything but 0 is true.
    package func integer(in dtype: DType) -> Int64 {
        if dtype == .bool { return doubleValue != 0 ? 1 : 0 }
        if case .double = self { return dtype.nearest(int64Value) }
        return int64Value
    }
}

extension DType {
    /// `number` clamped to the range of an integer dtype or bool.
    package func nearest(_ number: Int64) -> Int64 {
        let (low, high): (Int64, Int64) =
            switch self {
            case .bool: (0, 1)
            case .uint8: (0, 255)
            default: (Int64.min >> Int64(64 - 8 * size), Int64.max >> Int64(64 - 8 * size))
            }
        return Swift.min(Swift.max(number, low), high)
    }

    /// `number` rounded to this float dtype.
    private func rounded(_ number: Double) -> Double {
        switch self {
        case .float16: Double(Float16(Float(number)))
        case .bfloat16: Double(BFloat16(Float(number)).floatValue)
        case .float32: Double(Float(number))
        default: number
        }
    }

    /// Whether this float dtype represents `number` exactly.
    func holds(_ number: Double) -> Bool { rounded(number) == number || number.isNaN }

    /// Whether `number` is finite in this float dtype.
    func isFinite(_ number: Double) -> Bool { rounded(number).isFinite }
}

/// A Swift number in an expression with a tensor: `x * 2`, `1 - x`, `x + rate`.
///
/// As in PyTorch only the category of the number affects the result's dtype: an integer with a float tensor gives that tensor's dtype, a
/// `Double` with an integer tensor gives float32.
public protocol ScalarConvertible: Sendable {
    /// The number with its category; an implementation detail of functions that take numbers.
    var _scalar: Scalar { get }
}

/// A Swift type for reading and writing elements of a tensor.
public protocol TensorElement: ScalarConvertible {
    /// The dtype with this memory layout.
    static var dtype: DType { get }
    /// The dtype of `Tensor([values])` without `dtype:`. As in PyTorch, float32 for `Double`.
    static var literalDType: DType { get }
    init(_ scalar: Scalar)
}

extension TensorElement {
    public static var literalDType: DType { dtype }
}

extension TensorElement where Self: FixedWidthInteger {
    @inlinable public var _scalar: Scalar { .int(Int64(truncatingIfNeeded: self)) }
    /// An integer keeps its low bits; a float is truncated and clamped to the range (NaN gives 0).
    @inlinable public init(_ scalar: Scalar) {
        if case .double = scalar { self.init(clamping: scalar.int64Value) } else { self.init(truncatingIfNeeded: scalar.int64Value) }
    }
}

extension Int8: TensorElement { public static var dtype: DType { .int8 } }
extension Int16: TensorElement { public static var dtype: DType { .int16 } }
extension Int32: TensorElement { public static var dtype: DType { .int32 } }
extension Int64: TensorElement { public static var dtype: DType { .int64 } }
extension Int: TensorElement { public static var dtype: DType { .int64 } }
extension UInt8: TensorElement { public static var dtype: DType { .uint8 } }

extension Bool: TensorElement {
    public static var dtype: DType { .bool }
    public var _scalar: Scalar { .bool(self) }
    public init(_ scalar: Scalar) { self = scalar.doubleValue != 0 }
}
extension Double: TensorElement {
    public static var dtype: DType { .float64 }
    public static var literalDType: DType { .float32 }
    @inlinable public var _scalar: Scalar { .double(self) }
    @inlinable public init(_ scalar: Scalar) { self = scalar.doubleValue }
}
extension Float: TensorElement {
    public static var dtype: DType { .float32 }
    @inlinable public var _scalar: Scalar { .double(Double(self)) }
    @inlinable public init(_ scalar: Scalar) { self = Float(scalar.doubleValue) }
}
extension Float16: TensorElement {
    public static var dtype: DType { .float16 }
    public var _scalar: Scalar { .double(Double(self)) }
    public init(_ scalar: Scalar) { self = Float16(Float(scalar.doubleValue)) }
}
extension Scalar: ScalarConvertible {
    public var _scalar: Scalar { self }
}

/// A float32 without its lower 16 bits: 8 bits of exponent, 7 of fraction.
public struct BFloat16: TensorElement, Hashable, CustomStringConvertible {
    /// The sixteen bits: sign, 8 bits of exponent, 7 of fraction.
    public var bitPattern: UInt16

    /// The number with these bits.
    public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

    /// Rounds to nearest, ties to even; NaN stays NaN.
    public init(_ value: Float) {
        let bits = value.bitPattern
        if value.isNaN {
            bitPattern = UInt16(truncatingIfNeeded: bits >> 16) | 0x40
        } else {
            bitPattern = UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16)
        }
    }

    /// The same number as a float32; exact.
    public var floatValue: Float { Float(bitPattern: UInt32(bitPattern) << 16) }
    public static var dtype: DType { .bfloat16 }
    public var _scalar: Scalar { .double(Double(floatValue)) }
    public init(_ scalar: Scalar) { self.init(Float(scalar.doubleValue)) }
    public var description: String { floatValue.description }
}
