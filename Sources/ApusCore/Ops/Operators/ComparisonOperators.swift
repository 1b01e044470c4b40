// `< <= > >= == !=` return masks, as in PyTorch, and so do their dotted spellings. `Tensor` is neither `Equatable` nor `Hashable`: for a
// Bool use `equal`, `===` or `item()`; `x.grad == nil` is Swift's own.

extension Tensor {
    /// a < b, elementwise.
    public static func < (a: Tensor, b: Tensor) -> Tensor { compare(.lt, a, b) }
    /// x < value, elementwise.
    public static func < (x: Tensor, value: Double) -> Tensor { x.lt(value) }
    /// x < value, elementwise.
    public static func < (x: Tensor, value: Int) -> Tensor { x.lt(value) }
    /// value < x, elementwise.
    public static func < (value: Double, x: Tensor) -> Tensor { x.gt(value) }
    /// value < x, elementwise.
    public static func < (value: Int, x: Tensor) -> Tensor { x.gt(value) }

    /// a ≤ b, elementwise.
    public static func <= (a: Tensor, b: Tensor) -> Tensor { compare(.le, a, b) }
    /// x ≤ value, elementwise.
    public static func <= (x: Tensor, value: Double) -> Tensor { x.le(value) }
    /// x ≤ value, elementwise.
    public static func <= (x: Tensor, value: Int) -> Tensor { x.le(value) }
    /// value ≤ x, elementwise.
    public static func <= (value: Double, x: Tensor) -> Tensor { x.ge(value) }
    /// value ≤ x, elementwise.
    public static func <= (value: Int, x: Tensor) -> Tensor { x.ge(value) }

    /// a > b, elementwise.
    public static func > (a: Tensor, b: Tensor) -> Tensor { compare(.gt, a, b) }
    /// x > value, elementwise.
    public static func > (x: Tensor, value: Double) -> Tensor { x.gt(value) }
    /// x > value, elementwise.
    public static func > (x: Tensor, value: Int) -> Tensor { x.gt(value) }
    /// value > x, elementwise.
    public static func > (value: Double, x: Tensor) -> Tensor { x.lt(value) }
    /// value > x, elementwise.
    public static func > (value: Int, x: Tensor) -> Tensor { x.lt(value) }

    /// a ≥ b, elementwise.
    public static func >= (a: Tensor, b: Tensor) -> Tensor { compare(.ge, a, b) }
    /// x ≥ value, elementwise.
    public static func >= (x: Tensor, value: Double) -> Tensor { x.ge(value) }
    /// x ≥ value, elementwise.
    public static func >= (x: Tensor, value: Int) -> Tensor { x.ge(value) }
    /// value ≥ x, elementwise.
    public static func >= (value: Double, x: Tensor) -> Tensor { x.le(value) }
    /// value ≥ x, elementwise.
    public static func >= (value: Int, x: Tensor) -> Tensor { x.le(value) }

    /// a = b, elementwise.
    public static func == (a: Tensor, b: Tensor) -> Tensor { compare(.eq, a, b) }
    /// x = value, elementwise.
    public static func == (x: Tensor, value: Double) -> Tensor { x.eq(value) }
    /// x = value, elementwise.
    public static func == (x: Tensor, value: Int) -> Tensor { x.eq(value) }
    /// value = x, elementwise.
    public static func == (value: Double, x: Tensor) -> Tensor { x.eq(value) }
    /// value = x, elementwise.
    public static func == (value: Int, x: Tensor) -> Tensor { x.eq(value) }

    /// a ≠ b, elementwise.
    public static func != (a: Tensor, b: Tensor) -> Tensor { compare(.ne, a, b) }
    /// x ≠ value, elementwise.
    public static func != (x: Tensor, value: Double) -> Tensor { x.ne(value) }
    /// x ≠ value, elementwise.
    public static func != (x: Tensor, value: Int) -> Tensor { x.ne(value) }
    /// value ≠ x, elementwise.
    public static func != (value: Double, x: Tensor) -> Tensor { x.ne(value) }
    /// value ≠ x, elementwise.
    public static func != (value: Int, x: Tensor) -> Tensor { x.ne(value) }
}

extension Tensor {
    /// a < b, elementwise; as `<`.
    public static func .< (a: Tensor, b: Tensor) -> Tensor { compare(.lt, a, b) }
    /// x < value, elementwise; as `<`.
    public static func .< (x: Tensor, value: some ScalarConvertible) -> Tensor { x.lt(value) }
    /// a ≤ b, elementwise; as `<=`.
    public static func .<= (a: Tensor, b: Tensor) -> Tensor { compare(.le, a, b) }
    /// x ≤ value, elementwise; as `<=`.
    public static func .<= (x: Tensor, value: some ScalarConvertible) -> Tensor { x.le(value) }
    /// a > b, elementwise; as `>`.
    public static func .> (a: Tensor, b: Tensor) -> Tensor { compare(.gt, a, b) }
    /// x > value, elementwise; as `>`.
    public static func .> (x: Tensor, value: some ScalarConvertible) -> Tensor { x.gt(value) }
    /// a ≥ b, elementwise; as `>=`.
    public static func .>= (a: Tensor, b: Tensor) -> Tensor { compare(.ge, a, b) }
    /// x ≥ value, elementwise; as `>=`.
    public static func .>= (x: Tensor, value: some ScalarConvertible) -> Tensor { x.ge(value) }
    /// a = b, elementwise; as `==`.
    public static func .== (a: Tensor, b: Tensor) -> Tensor { compare(.eq, a, b) }
    /// x = value, elementwise; as `==`.
    public static func .== (x: Tensor, value: some ScalarConvertible) -> Tensor { x.eq(value) }
    /// a ≠ b, elementwise; as `!=`.
    public static func .!= (a: Tensor, b: Tensor) -> Tensor { compare(.ne, a, b) }
    /// x ≠ value, elementwise; as `!=`.
    public static func .!= (x: Tensor, value: some ScalarConvertible) -> Tensor { x.ne(value) }
    /// Logical not, for bool.
    public static prefix func .! (x: Tensor) -> Tensor { x.logicalNot() }
}
