// Comparisons and logic. Results are bool.

extension Tensor {
    /// x = other, elementwise.
    public final func eq(_ other: Tensor) -> Tensor { Tensor.compare(.eq, self, other) }
    /// x = value
    public final func eq(_ value: some ScalarConvertible) -> Tensor { compared(.eq, value._scalar) }
    /// x ≠ other, elementwise.
    public final func ne(_ other: Tensor) -> Tensor { Tensor.compare(.ne, self, other) }
    /// x ≠ value
    public final func ne(_ value: some ScalarConvertible) -> Tensor { compared(.ne, value._scalar) }
    /// x < other, elementwise.
    public final func lt(_ other: Tensor) -> Tensor { Tensor.compare(.lt, self, other) }
    /// x < value
    public final func lt(_ value: some ScalarConvertible) -> Tensor { compared(.lt, value._scalar) }
    /// x ≤ other, elementwise.
    public final func le(_ other: Tensor) -> Tensor { Tensor.compare(.le, self, other) }
    /// x ≤ value
    public final func le(_ value: some ScalarConvertible) -> Tensor { compared(.le, value._scalar) }
    /// x > other, elementwise.
    public final func gt(_ other: Tensor) -> Tensor { Tensor.compare(.gt, self, other) }
    /// x > value
    public final func gt(_ value: some ScalarConvertible) -> Tensor { compared(.gt, value._scalar) }
    /// x ≥ other, elementwise.
    public final func ge(_ other: Tensor) -> Tensor { Tensor.compare(.ge, self, other) }
    /// x ≥ value
    public final func ge(_ value: some ScalarConvertible) -> Tensor { compared(.ge, value._scalar) }

    /// Compares with a number. A number that does not fit into an integer dtype would wrap, so the comparison is in int64 then.
    private final func compared(_ kind: CompareKind, _ value: Scalar) -> Tensor {
        if case .int(let number) = value, dtype.isInteger, dtype.nearest(number) != number {
            return Tensor.compare(kind, to(.int64), wrapped(value))
        }
        return Tensor.compare(kind, self, wrapped(value))
    }

    /// x ≠ 0 and other ≠ 0, elementwise.
    public final func logicalAnd(_ other: Tensor) -> Tensor { Tensor.binary(.bitwiseAnd, to(.bool), other.to(.bool)) }
    /// x ≠ 0 or other ≠ 0, elementwise.
    public final func logicalOr(_ other: Tensor) -> Tensor { Tensor.binary(.bitwiseOr, to(.bool), other.to(.bool)) }
    /// Whether exactly one of x and other is not 0, elementwise.
    public final func logicalXor(_ other: Tensor) -> Tensor { Tensor.binary(.bitwiseXor, to(.bool), other.to(.bool)) }
    /// x = 0, elementwise.
    public final func logicalNot() -> Tensor { unary(.logicalNot) }

    /// Whether shapes and all elements are equal after type promotion (NaN equals nothing). PyTorch: `torch.equal`.
    public final func equal(_ other: Tensor) -> Bool {
        if isPoisoned || other.isPoisoned { return false }
        return shape == other.shape && (numel == 0 || eq(other).all().item(Bool.self))
    }

    /// Whether all elements differ by no more than `atol + rtol·|other|`. PyTorch: `torch.allclose`.
    public final func allclose(_ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNan: Bool = false) -> Bool {
        let close = isclose(other, rtol: rtol, atol: atol, equalNan: equalNan)
        return !close.isPoisoned && (close.numel == 0 || close.all().item(Bool.self))
    }

    /// Whether |x − other| ≤ atol + rtol·|other|, elementwise; also for integers. Traps if a tolerance is negative.
    public final func isclose(_ other: Tensor, rtol: Double = 1e-5, atol: Double = 1e-8, equalNan: Bool = false) -> Tensor {
        composite("isclose", self, other) { () throws(OpError) in
            guard rtol >= 0, atol >= 0 else { throw OpError("tolerances must not be negative, rtol is \(rtol) and atol \(atol)") }
            return noGrad {
                // Differences of 16-bit floats may overflow; integers are compared exactly.
                let common = Tensor.resultType(self, other), isFloat = common.isFloatingPoint
                let wide: DType = !isFloat ? .int64 : common.size == 2 ? .float32 : common
                let (x, y) = (to(wide), other.to(wide))
                let distance = (x - y).abs()
                let limit = (isFloat ? y : y.to(.float32)).abs() * rtol + atol
                // A difference that wraps around is negative.
                let isDefined = isFloat ? distance.isfinite() : x.ge(y).logicalXor((x - y).lt(0)).logicalAnd(distance.ge(0))
                let close = x.eq(y).logicalOr(distance.le(limit).logicalAnd(isDefined))
                return isFloat && equalNan ? close.logicalOr(x.isnan().logicalAnd(y.isnan())) : close
            }
        }
    }
}
