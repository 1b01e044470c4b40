// `x += y` and similar, in place as in PyTorch and recorded by autograd.
//
// Each has two forms. The `inout` form is for whatever can be assigned to (a variable, `x[mask]`): a part that a subscript copied out is
// changed and assigned back. The form by value is for constants (`let x`, a loop variable), whose tensor can be changed in place. It is
// disfavoured, so that the first form is used wherever it applies.
extension Tensor {
    /// x ← x + y in place. PyTorch: `x += y`.
    public static func += (x: inout Tensor, y: Tensor) { x.add_(y) }
    /// x ← x + y in place, of a constant.
    @_disfavoredOverload public static func += (x: Tensor, y: Tensor) { x.add_(y) }
    /// x ← x + value in place.
    public static func += (x: inout Tensor, value: some ScalarConvertible) { x.add_(value) }
    /// x ← x + value in place, of a constant.
    @_disfavoredOverload public static func += (x: Tensor, value: some ScalarConvertible) { x.add_(value) }

    /// x ← x − y in place.
    public static func -= (x: inout Tensor, y: Tensor) { x.sub_(y) }
    /// x ← x − y in place, of a constant.
    @_disfavoredOverload public static func -= (x: Tensor, y: Tensor) { x.sub_(y) }
    /// x ← x − value in place.
    public static func -= (x: inout Tensor, value: some ScalarConvertible) { x.sub_(value) }
    /// x ← x − value in place, of a constant.
    @_disfavoredOverload public static func -= (x: Tensor, value: some ScalarConvertible) { x.sub_(value) }

    /// x ← x · y in place.
    public static func *= (x: inout Tensor, y: Tensor) { x.mul_(y) }
    /// x ← x · y in place, of a constant.
    @_disfavoredOverload public static func *= (x: Tensor, y: Tensor) { x.mul_(y) }
    /// x ← x · value in place.
    public static func *= (x: inout Tensor, value: some ScalarConvertible) { x.mul_(value) }
    /// x ← x · value in place, of a constant.
    @_disfavoredOverload public static func *= (x: Tensor, value: some ScalarConvertible) { x.mul_(value) }

    /// x ← x / y in place.
    public static func /= (x: inout Tensor, y: Tensor) { x.div_(y) }
    /// x ← x / y in place, of a constant.
    @_disfavoredOverload public static func /= (x: Tensor, y: Tensor) { x.div_(y) }
    /// x ← x / value in place.
    public static func /= (x: inout Tensor, value: some ScalarConvertible) { x.div_(value) }
    /// x ← x / value in place, of a constant.
    @_disfavoredOverload public static func /= (x: Tensor, value: some ScalarConvertible) { x.div_(value) }

    /// x ← x mod y in place. PyTorch: `x %= y`.
    public static func %= (x: inout Tensor, y: Tensor) { x.remainder_(y) }
    /// x ← x mod y in place, of a constant.
    @_disfavoredOverload public static func %= (x: Tensor, y: Tensor) { x.remainder_(y) }
    /// x ← x mod value in place.
    public static func %= (x: inout Tensor, value: some ScalarConvertible) { x.remainder_(value) }
    /// x ← x mod value in place, of a constant.
    @_disfavoredOverload public static func %= (x: Tensor, value: some ScalarConvertible) { x.remainder_(value) }

    /// x ← x & y in place.
    public static func &= (x: inout Tensor, y: Tensor) { x.updateInPlace("&=") { $0 & y } }
    /// x ← x & y in place, of a constant.
    @_disfavoredOverload public static func &= (x: Tensor, y: Tensor) { x.updateInPlace("&=") { $0 & y } }

    /// x ← x | y in place.
    public static func |= (x: inout Tensor, y: Tensor) { x.updateInPlace("|=") { $0 | y } }
    /// x ← x | y in place, of a constant.
    @_disfavoredOverload public static func |= (x: Tensor, y: Tensor) { x.updateInPlace("|=") { $0 | y } }

    /// x ← x ^ y in place.
    public static func ^= (x: inout Tensor, y: Tensor) { x.updateInPlace("^=") { $0 ^ y } }
    /// x ← x ^ y in place, of a constant.
    @_disfavoredOverload public static func ^= (x: Tensor, y: Tensor) { x.updateInPlace("^=") { $0 ^ y } }

    /// x ← x << y in place.
    public static func <<= (x: inout Tensor, y: Tensor) { x.updateInPlace("<<=") { $0 << y } }
    /// x ← x << y in place, of a constant.
    @_disfavoredOverload public static func <<= (x: Tensor, y: Tensor) { x.updateInPlace("<<=") { $0 << y } }

    /// x ← x >> y in place.
    public static func >>= (x: inout Tensor, y: Tensor) { x.updateInPlace(">>=") { $0 >> y } }
    /// x ← x >> y in place, of a constant.
    @_disfavoredOverload public static func >>= (x: Tensor, y: Tensor) { x.updateInPlace(">>=") { $0 >> y } }
}
