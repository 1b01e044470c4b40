// In-place functions. `Autograd/InPlace.swift` explains how the graph records them.

extension Tensor {
    /// x ← x + other. Recorded by autograd; traps on a leaf that requires a gradient.
    @discardableResult public final func add_(_ other: Tensor) -> Self { updateInPlace("add_") { $0 + other } }
    /// x ← x + alpha·other
    @discardableResult public final func add_(_ other: Tensor, alpha: some ScalarConvertible) -> Self {
        updateInPlace("add_") { $0.add(other, alpha: alpha) }
    }
    /// x ← x + alpha·value
    @discardableResult public final func add_(_ value: some ScalarConvertible, alpha: some ScalarConvertible) -> Self {
        updateInPlace("add_") { $0.add(value, alpha: alpha) }
    }
    /// x ← x + value
    @discardableResult public final func add_(_ value: some ScalarConvertible) -> Self { updateInPlace("add_") { $0.plus(value._scalar) } }
    /// x ← x − alpha·other
    @discardableResult public final func sub_(_ other: Tensor, alpha: some ScalarConvertible) -> Self {
        updateInPlace("sub_") { $0.sub(other, alpha: alpha) }
    }
    /// x ← x − alpha·value
    @discardableResult public final func sub_(_ value: some ScalarConvertible, alpha: some ScalarConvertible) -> Self {
        updateInPlace("sub_") { $0.sub(value, alpha: alpha) }
    }
    /// x ← x − other
    @discardableResult public final func sub_(_ other: Tensor) -> Self { updateInPlace("sub_") { $0 - other } }
    /// x ← x − value
    @discardableResult public final func sub_(_ value: some ScalarConvertible) -> Self { updateInPlace("sub_") { $0.minus(value._scalar) } }
    /// x ← x · other
    @discardableResult public final func mul_(_ other: Tensor) -> Self { updateInPlace("mul_") { $0 * other } }
    /// x ← x · value
    @discardableResult public final func mul_(_ value: some ScalarConvertible) -> Self { updateInPlace("mul_") { $0.times(value._scalar) } }
    /// x ← x / other
    @discardableResult public final func div_(_ other: Tensor) -> Self { updateInPlace("div_") { $0 / other } }
    /// x ← x / value
    @discardableResult public final func div_(_ value: some ScalarConvertible) -> Self {
        updateInPlace("div_") { $0.divided(by: value._scalar) }
    }
    /// x ← x / other, rounded toward zero or to the integer below. Traps if integers are divided by 0.
    @discardableResult public final func div_(_ other: Tensor, roundingMode: DivisionRounding?) -> Self {
        updateInPlace("div_") { $0.div(other, roundingMode: roundingMode) }
    }
    /// x ← x / value, rounded toward zero or to the integer below. Traps if integers are divided by 0.
    @discardableResult public final func div_(_ value: some ScalarConvertible, roundingMode: DivisionRounding?) -> Self {
        updateInPlace("div_") { $0.div(value, roundingMode: roundingMode) }
    }
    /// x ← x − other·⌊x / other⌋
    @discardableResult public final func remainder_(_ other: Tensor) -> Self { updateInPlace("remainder_") { $0.remainder(other) } }
    /// x ← x − value·⌊x / value⌋
    @discardableResult public final func remainder_(_ value: some ScalarConvertible) -> Self {
        updateInPlace("remainder_") { $0.remainder(value) }
    }
    /// x ← x^exponent
    @discardableResult public final func pow_(_ exponent: some ScalarConvertible) -> Self { updateInPlace("pow_") { $0.pow(exponent) } }
    /// x ← x^exponent, elementwise.
    @discardableResult public final func pow_(_ exponent: Tensor) -> Self { updateInPlace("pow_") { $0.pow(exponent) } }
    /// x ← other, broadcast to x's shape and converted to its dtype and device; gradients flow to `other`. PyTorch: `copy_`.
    @discardableResult public final func copy_(_ other: Tensor) -> Self {
        let x = self
        if other.isPoisoned { return self }
        return updateInPlace("copy_") { _ in
            guard let shape = Shape.broadcast(other.shape, x.shape), shape == x.shape else {
                return fail("copy_", "a tensor of shape \(other.shape) does not fit into one of shape \(x.shape)")
            }
            return other.to(x.device).to(x.dtype)
        }
    }
    /// Every element ← value; the gradient of the old values is zero. PyTorch: `fill_`.
    @discardableResult public final func fill_(_ value: some ScalarConvertible) -> Self {
        let x = self
        return updateInPlace("fill_") { _ in Tensor.full([], value._scalar, dtype: x.dtype, device: x.device) }
    }
    /// Every element ← value, for literals such as `.infinity`.
    @discardableResult public final func fill_(_ value: Double) -> Self { fill_(Scalar.double(value)) }
    /// Every element ← the scalar tensor `value`, which gets the sum of the gradient. Traps if `value` has dimensions.
    @discardableResult public final func fill_(_ value: Tensor) -> Self { updateInPlace("fill_") { Tensor.fill($0, value) } }
    /// Every element ← 0.
    @discardableResult public final func zero_() -> Self { fill_(0) }
    /// x ← min(max(x, min), max). Traps for integers if a bound is a decimal.
    @_disfavoredOverload @discardableResult public final func clamp_(
        min: (any ScalarConvertible)? = nil, max: (any ScalarConvertible)? = nil
    ) -> Self {
        updateInPlace("clamp_") { $0.clamp(min: min, max: max) }
    }
    /// x ← min(max(x, min), max), by position.
    @discardableResult public final func clamp_(_ min: some ScalarConvertible, _ max: some ScalarConvertible) -> Self {
        updateInPlace("clamp_") { $0.clamp(min, max) }
    }
    /// x ← min(max(x, min), max) with integer bounds, whose literals would be decimals otherwise.
    @discardableResult public final func clamp_(min: Int? = nil, max: Int? = nil) -> Self {
        updateInPlace("clamp_") { $0.clamp(min: min, max: max) }
    }
    /// x ← min(max(x, min), max), for literals such as `.infinity`.
    @discardableResult public final func clamp_(min: Double? = nil, max: Double? = nil) -> Self {
        updateInPlace("clamp_") { $0.clamp(min: min, max: max) }
    }
    /// x ← min(max(x, min), max) with tensor bounds.
    @discardableResult public final func clamp_(min: Tensor? = nil, max: Tensor? = nil) -> Self {
        updateInPlace("clamp_") { $0.clamp(min: min, max: max) }
    }
    /// x ← eˣ
    @discardableResult public final func exp_() -> Self { updateInPlace("exp_") { $0.exp() } }
    /// x ← ln x
    @discardableResult public final func log_() -> Self { updateInPlace("log_") { $0.log() } }
    /// x ← |x|
    @discardableResult public final func abs_() -> Self { updateInPlace("abs_") { $0.abs() } }
    /// x ← x + weight·(end − x)
    @discardableResult public final func lerp_(_ end: Tensor, _ weight: some ScalarConvertible) -> Self {
        updateInPlace("lerp_") { $0.lerp(end, weight) }
    }
    /// x ← x + weight·(end − x), elementwise in `weight` too.
    @discardableResult public final func lerp_(_ end: Tensor, _ weight: Tensor) -> Self { updateInPlace("lerp_") { $0.lerp(end, weight) } }
    /// x ← √x
    @discardableResult public final func sqrt_() -> Self { updateInPlace("sqrt_") { $0.sqrt() } }
    /// x ← −x
    @discardableResult public final func neg_() -> Self { updateInPlace("neg_") { -$0 } }
    /// x ← max(x, 0)
    @discardableResult public final func relu_() -> Self { updateInPlace("relu_") { $0.relu() } }
    /// x ← 1/(1 + e⁻ˣ)
    @discardableResult public final func sigmoid_() -> Self { updateInPlace("sigmoid_") { $0.sigmoid() } }
    /// x ← tanh x
    @discardableResult public final func tanh_() -> Self { updateInPlace("tanh_") { $0.tanh() } }
    /// x ← value where `mask` is true. PyTorch: `masked_fill_`.
    @discardableResult public final func maskedFill_(_ mask: Tensor, _ value: some ScalarConvertible) -> Self {
        updateInPlace("maskedFill_") { $0.maskedFill(mask, value) }
    }
    /// x ← the scalar tensor `value` where `mask` is true.
    @discardableResult public final func maskedFill_(_ mask: Tensor, _ value: Tensor) -> Self {
        updateInPlace("maskedFill_") { $0.maskedFill(mask, value) }
    }
    /// x ← value, for literals such as `.infinity`, where `mask` is true.
    @discardableResult public final func maskedFill_(_ mask: Tensor, _ value: Double) -> Self { maskedFill_(mask, Scalar.double(value)) }
}
