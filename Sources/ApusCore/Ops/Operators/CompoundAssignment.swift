// `x += y` and similar, in place as in PyTorch and recorded by autograd.
//
// Each has two forms. The `inout` form is for anything that can be assigned to (a variable, `x[mask]`): a part that a subscript has copied
// out is changed and assigned back. The form by value is for constants (`let x`, a loop variable), whose tensor can still be changed in
// place. It is disfavoured, so that the first form is used wherever it applies.
extension Tensor {
    /// x ← x + y in place. PyTorch: `x += y`.
    public static func += (x: inout Tensor, y: Tensor) { x.add_(y) }
    /// x ← x + y in place, of a constant.
    @_disfavoredOverload public static func += (x: Tensor, y: Tensor) { x.add_(y) }
    /// x ← x + value in place.
    public static func += (x: inout Tensor, value: some TensorOperand) { x.add_(value._number) }
    /// x ← x + value in place, of a constant.
    @_disfavoredOverload public static func += (x: Tensor, value: some TensorOperand) { x.add_(value._number) }

    /// x ← x − y in place.
    public static func -= (x: inout Tensor, y: Tensor) { x.sub_(y) }
    /// x ← x − y in place, of a constant.
    @_disfavoredOverload public static func -= (x: Tensor, y: Tensor) { x.sub_(y) }
    /// x ← x − value in place.
    public static func -= (x: inout Tensor, value: some TensorOperand) { x.sub_(value._number) }
    /// x ← x − value in place, of a constant.
    @_disfavoredOverload public static func -= (x: Tensor, value: some TensorOperand) { x.sub_(value._number) }

    /// x ← x · y in place.
    public static func *= (x: inout Tensor, y: Tensor) { x.mul_(y) }
    /// x ← x · y in place, of a constant.
    @_disfavoredOverload public static func *= (x: Tensor, y: Tensor) { x.mul_(y) }
    /// x ← x · value in place.
    public static func *= (x: inout Tensor, value: some TensorOperand) { x.mul_(value._number) }
    /// x ← x · value in place, of a constant.
    @_disfavoredOverload public static func *= (x: Tensor, value: some TensorOperand) { x.mul_(value._number) }

    /// x ← x / y in place.
    public static func /= (x: inout Tensor, y: Tensor) { x.div_(y) }
    /// x ← x / y in place, of a constant.
    @_disfavoredOverload public static func /= (x: Tensor, y: Tensor) { x.div_(y) }
    /// x ← x / value in place.
    public static func /= (x: inout Tensor, value: some TensorOperand) { x.div_(value._number) }
    /// x ← x / value in place, of a constant.
    @_disfavoredOverload public static func /= (x: Tensor, value: some TensorOperand) { x.div_(value._number) }

    /// x ← x mod y in place. PyTorch: `x %= y`.
    public static func %= (x: inout Tensor, y: Tensor) { x.remainder_(y) }
    /// x ← x mod y in place, of a constant.
    @_disfavoredOverload public static func %= (x: Tensor, y: Tensor) { x.remainder_(y) }
    /// x ← x mod value in place.
    public static func %= (x: inout Tensor, value: some TensorOperand) { x.remainder_(value._number) }
    /// x ← x mod value in place, of a constant.
    @_disfavoredOverload public static func %= (x: Tensor, value: some TensorOperand) { x.remainder_(value._number) }

    /// x ← x & y in place.
    public static func &= (x: inout Tensor, y: Tensor) { x.updateInPlace("&=") { $0 & y } }
    /// x ← x & y in place, of a constant.
    @_disfavoredOverload public static func &= (x: Tensor, y: Tensor) { x.updateInPlace("&=") { $0 & y } }
    /// x ← x & value in place.
    public static func &= (x: inout Tensor, value: Int) { x.updateInPlace("&=") { $0 & value } }
    /// x ← x & value in place, of a constant.
    @_disfavoredOverload public static func &= (x: Tensor, value: Int) { x.updateInPlace("&=") { $0 & value } }

    /// x ← x | y in place.
    public static func |= (x: inout Tensor, y: Tensor) { x.updateInPlace("|=") { $0 | y } }
    /// x ← x | y in place, of a constant.
    @_disfavoredOverload public static func |= (x: Tensor, y: Tensor) { x.updateInPlace("|=") { $0 | y } }
    /// x ← x | value in place.
    public static func |= (x: inout Tensor, value: Int) { x.updateInPlace("|=") { $0 | value } }
    /// x ← x | value in place, of a constant.
    @_disfavoredOverload public static func |= (x: Tensor, value: Int) { x.updateInPlace("|=") { $0 | value } }

    /// x ← x ^ y in place.
    public static func ^= (x: inout Tensor, y: Tensor) { x.updateInPlace("^=") { $0 ^ y } }
    /// x ← x ^ y in place, of a constant.
    @_disfavoredOverload public static func ^= (x: Tensor, y: Tensor) { x.updateInPlace("^=") { $0 ^ y } }
    /// x ← x ^ value in place.
    public static func ^= (x: inout Tensor, value: Int) { x.updateInPlace("^=") { $0 ^ value } }
    /// x ← x ^ value in place, of a constant.
    @_disfavoredOverload public static func ^= (x: Tensor, value: Int) { x.updateInPlace("^=") { $0 ^ value } }

    /// x ← x << y in place.
    public static func <<= (x: inout Tensor, y: Tensor) { x.updateInPlace("<<=") { $0 << y } }
    /// x ← x << y in place, of a constant.
    @_disfavoredOverload public static func <<= (x: Tensor, y: Tensor) { x.updateInPlace("<<=") { $0 << y } }
    /// x ← x << value in place.
    public static func <<= (x: inout Tensor, value: Int) { x.updateInPlace("<<=") { $0 << value } }
    /// x ← x << value in place, of a constant.
    @_disfavoredOverload public static func <<= (x: Tensor, value: Int) { x.updateInPlace("<<=") { $0 << value } }

    /// x ← x >> y in place.
    public static func >>= (x: inout Tensor, y: Tensor) { x.updateInPlace(">>=") { $0 >> y } }
    /// x ← x >> y in place, of a constant.
    @_disfavoredOverload public static func >>= (x: Tensor, y: Tensor) { x.updateInPlace(">>=") { $0 >> y } }
    /// x ← x >> value in place.
    public static func >>= (x: inout Tensor, value: Int) { x.updateInPlace(">>=") { $0 >> value } }
    /// x ← x >> value in place, of a constant.
    @_disfavoredOverload public static func >>= (x: Tensor, value: Int) { x.updateInPlace(">>=") { $0 >> value } }
}
