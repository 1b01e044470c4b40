// `+ - * / %`, each with a tensor, a `Double` and an `Int` on either side; other numbers go through `TensorOperand`. Swift's type checker
// tries combinations of the overloads of all operators of an expression, so there are no more than needed (`scripts/check/types`).

extension Tensor {
    /// a + b, elementwise.
    public static func + (a: Tensor, b: Tensor) -> Tensor { binary(.add, a, b) }
    /// x + value
    public static func + (x: Tensor, value: Double) -> Tensor { x.plus(.double(value)) }
    /// x + value
    public static func + (x: Tensor, value: Int) -> Tensor { x.plus(value._scalar) }
    /// value + x
    public static func + (value: Double, x: Tensor) -> Tensor { x.plus(.double(value)) }
    /// value + x
    public static func + (value: Int, x: Tensor) -> Tensor { x.plus(value._scalar) }
    /// x + value, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func + (x: Tensor, value: some TensorOperand) -> Tensor { x.plus(value._number) }
    /// value + x, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func + (value: some TensorOperand, x: Tensor) -> Tensor { x.plus(value._number) }

    /// a − b, elementwise.
    public static func - (a: Tensor, b: Tensor) -> Tensor { binary(.sub, a, b) }
    /// x − value
    public static func - (x: Tensor, value: Double) -> Tensor { x.minus(.double(value)) }
    /// x − value
    public static func - (x: Tensor, value: Int) -> Tensor { x.minus(value._scalar) }
    /// value − x
    public static func - (value: Double, x: Tensor) -> Tensor { x.subtracted(from: .double(value)) }
    /// value − x
    public static func - (value: Int, x: Tensor) -> Tensor { x.subtracted(from: value._scalar) }
    /// x − value, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func - (x: Tensor, value: some TensorOperand) -> Tensor { x.minus(value._number) }
    /// value − x, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func - (value: some TensorOperand, x: Tensor) -> Tensor { x.subtracted(from: value._number) }

    /// a · b, elementwise.
    public static func * (a: Tensor, b: Tensor) -> Tensor { binary(.mul, a, b) }
    /// x · value
    public static func * (x: Tensor, value: Double) -> Tensor { x.times(.double(value)) }
    /// x · value
    public static func * (x: Tensor, value: Int) -> Tensor { x.times(value._scalar) }
    /// value · x
    public static func * (value: Double, x: Tensor) -> Tensor { x.times(.double(value)) }
    /// value · x
    public static func * (value: Int, x: Tensor) -> Tensor { x.times(value._scalar) }
    /// x · value, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func * (x: Tensor, value: some TensorOperand) -> Tensor { x.times(value._number) }
    /// value · x, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func * (value: some TensorOperand, x: Tensor) -> Tensor { x.times(value._number) }

    /// a / b, elementwise; integers give float32.
    public static func / (a: Tensor, b: Tensor) -> Tensor { binary(.div, a, b) }
    /// x / value; integers give float32.
    public static func / (x: Tensor, value: Double) -> Tensor { x.divided(by: .double(value)) }
    /// x / value; integers give float32.
    public static func / (x: Tensor, value: Int) -> Tensor { x.divided(by: value._scalar) }
    /// value / x; integers give float32.
    public static func / (value: Double, x: Tensor) -> Tensor { x.dividing(.double(value)) }
    /// value / x; integers give float32.
    public static func / (value: Int, x: Tensor) -> Tensor { x.dividing(value._scalar) }
    /// x / value, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func / (x: Tensor, value: some TensorOperand) -> Tensor { x.divided(by: value._number) }
    /// value / x, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func / (value: some TensorOperand, x: Tensor) -> Tensor { x.dividing(value._number) }

    /// a − b·⌊a / b⌋, which has the divisor's sign; like `remainder`.
    public static func % (a: Tensor, b: Tensor) -> Tensor { a.remainder(b) }
    /// x − value·⌊x / value⌋, which has the divisor's sign; like `remainder`.
    public static func % (x: Tensor, value: Double) -> Tensor { x.remainder(value) }
    /// x − value·⌊x / value⌋, which has the divisor's sign; like `remainder`.
    public static func % (x: Tensor, value: Int) -> Tensor { x.remainder(value) }

    /// value − x·⌊value / x⌋, which has the divisor's sign; like `remainder`.
    public static func % (value: Double, x: Tensor) -> Tensor { remainder(value, x) }
    /// value − x·⌊value / x⌋, which has the divisor's sign; like `remainder`.
    public static func % (value: Int, x: Tensor) -> Tensor { remainder(value, x) }

    /// x − value·⌊x / value⌋, for numbers other than `Double` and `Int`.
    @_disfavoredOverload public static func % (x: Tensor, value: some TensorOperand) -> Tensor { x.remainder(value._number) }

    /// −x
    public static prefix func - (x: Tensor) -> Tensor { x.unary(.neg) }
}

extension Tensor {
    /// Whether adding or multiplying by a number can use the affine kernel, without a tensor for the number.
    private final func takesAffine(_ value: Scalar) -> Bool { dtype.isFloatingPoint && value.dtype != .bool }

    /// self + value
    final func plus(_ value: Scalar) -> Tensor {
        takesAffine(value) ? unary(.addNumber, 1, value.doubleValue) : Tensor.binary(.add, self, wrapped(value))
    }

    /// self − value
    final func minus(_ value: Scalar) -> Tensor {
        takesAffine(value) ? unary(.subNumber, 1, -value.doubleValue) : Tensor.binary(.sub, self, wrapped(value))
    }

    /// value − self
    private final func subtracted(from value: Scalar) -> Tensor {
        takesAffine(value) ? unary(.subNumber, -1, value.doubleValue) : Tensor.binary(.sub, wrapped(value), self)
    }

    /// self · value
    final func times(_ value: Scalar) -> Tensor {
        // Adding −0 keeps the sign of a zero product.
        takesAffine(value) ? unary(.mulNumber, value.doubleValue, -0.0) : Tensor.binary(.mul, self, wrapped(value))
    }

    /// self / value
    final func divided(by value: Scalar) -> Tensor {
        // A divisor that a 16-bit float dtype cannot represent is applied in float32: a count of 70,000 would be infinite in float16.
        if dtype.size == 2 && dtype.isFloatingPoint && !dtype.holds(value.doubleValue) { return to(.float32).divided(by: value).to(dtype) }
        return Tensor.binary(.div, self, wrapped(value))
    }

    /// value / self
    private final func dividing(_ value: Scalar) -> Tensor {
        composite("div", .float32, self) { x in Tensor.binary(.div, x.wrapped(value), x) }
    }
}
