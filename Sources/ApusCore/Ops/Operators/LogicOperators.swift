// `& | ^ << >> ~`: bits of integers, logic of bools.

extension Tensor {
    /// Bits set in both; logical and for bool.
    public static func & (a: Tensor, b: Tensor) -> Tensor { binary(.bitwiseAnd, a, b) }
    /// Bits set in either; logical or for bool.
    public static func | (a: Tensor, b: Tensor) -> Tensor { binary(.bitwiseOr, a, b) }
    /// Bits set in one of them; exclusive or for bool.
    public static func ^ (a: Tensor, b: Tensor) -> Tensor { binary(.bitwiseXor, a, b) }
    /// Bits shifted left.
    public static func << (a: Tensor, b: Tensor) -> Tensor { binary(.shiftLeft, a, b) }
    /// Bits shifted right, the sign kept.
    public static func >> (a: Tensor, b: Tensor) -> Tensor { binary(.shiftRight, a, b) }
    /// Bits inverted; logical not for bool.
    public static prefix func ~ (x: Tensor) -> Tensor { x.unary(.bitwiseNot) }
}
