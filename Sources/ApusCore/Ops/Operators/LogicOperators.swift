// `& | ^ << >> ~`: bitwise for integers, logical for bools. An `Int` is accepted on either side.

extension Tensor {
    /// Bits set in both; logical and for bool.
    public static func & (a: Tensor, b: Tensor) -> Tensor { binary(.bitwiseAnd, a, b) }
    /// x & value
    public static func & (x: Tensor, value: Int) -> Tensor { binary(.bitwiseAnd, x, x.wrapped(value)) }
    /// value & x
    public static func & (value: Int, x: Tensor) -> Tensor { binary(.bitwiseAnd, x.wrapped(value), x) }

    /// Bits set in either; logical or for bool.
    public static func | (a: Tensor, b: Tensor) -> Tensor { binary(.bitwiseOr, a, b) }
    /// x | value
    public static func | (x: Tensor, value: Int) -> Tensor { binary(.bitwiseOr, x, x.wrapped(value)) }
    /// value | x
    public static func | (value: Int, x: Tensor) -> Tensor { binary(.bitwiseOr, x.wrapped(value), x) }

    /// Bits set in one of them; exclusive or for bool.
    public static func ^ (a: Tensor, b: Tensor) -> Tensor { binary(.bitwiseXor, a, b) }
    /// x ^ value
    public static func ^ (x: Tensor, value: Int) -> Tensor { binary(.bitwiseXor, x, x.wrapped(value)) }
    /// value ^ x
    public static func ^ (value: Int, x: Tensor) -> Tensor { binary(.bitwiseXor, x.wrapped(value), x) }

    /// Bits shifted left.
    public static func << (a: Tensor, b: Tensor) -> Tensor { binary(.shiftLeft, a, b) }
    /// x << value
    public static func << (x: Tensor, value: Int) -> Tensor { binary(.shiftLeft, x, x.wrapped(value)) }
    /// value << x
    public static func << (value: Int, x: Tensor) -> Tensor { binary(.shiftLeft, x.wrapped(value), x) }

    /// Bits shifted right, the sign kept.
    public static func >> (a: Tensor, b: Tensor) -> Tensor { binary(.shiftRight, a, b) }
    /// x >> value
    public static func >> (x: Tensor, value: Int) -> Tensor { binary(.shiftRight, x, x.wrapped(value)) }
    /// value >> x
    public static func >> (value: Int, x: Tensor) -> Tensor { binary(.shiftRight, x.wrapped(value), x) }

    /// Bits inverted; logical not for bool.
    public static prefix func ~ (x: Tensor) -> Tensor { x.unary(.bitwiseNot) }
}
