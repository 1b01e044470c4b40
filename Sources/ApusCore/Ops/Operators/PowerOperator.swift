precedencegroup ExponentiationPrecedence {
    associativity: right
    higherThan: MultiplicationPrecedence
}

infix operator ** : ExponentiationPrecedence

// `**`, as in Python: above multiplication, from the right. But Swift's prefix minus binds tighter than any operator: `-x ** 2` would be (−x)²
// where Python means −(x²). So the minus has a second form, whose result has a `**` of its own, and either reading costs the type checker one
// disfavoured overload: it finds the expression ambiguous and refuses it. Every `**` here gives a tensor; one that took two numbers and gave a
// number would cost each correct expression a thousand times as much checking (docs/why/operators.md).

extension Tensor {
    /// x to the power of `exponent`, elementwise. PyTorch: `x ** y`.
    @_disfavoredOverload public static func ** (x: Tensor, exponent: Tensor) -> Tensor { x.pow(exponent) }
    /// x to the power of a number; d = n·x^(n−1).
    @_disfavoredOverload public static func ** (x: Tensor, exponent: Double) -> Tensor { x.pow(exponent) }
    /// x to the power of an integer; integers stay integers.
    @_disfavoredOverload public static func ** (x: Tensor, exponent: Int) -> Tensor { x.pow(exponent) }
    /// base to the power of x. Traps where the base is negative, as in `-2 ** x`, which Swift reads as (−2)^x and Python as −(2^x).
    @_disfavoredOverload public static func ** (base: Double, x: Tensor) -> Tensor { power(of: base, x) }
    /// base to the power of x. Traps where the base is negative, as in `-2 ** x`, which Swift reads as (−2)^x and Python as −(2^x).
    @_disfavoredOverload public static func ** (base: Int, x: Tensor) -> Tensor { power(of: base, x) }

    private static func power(of base: some ScalarConvertible, _ x: Tensor) -> Tensor {
        guard !(base._scalar.doubleValue < 0) else {
            return fail(
                "**", "the base \(base) is negative, and Swift's prefix minus binds tighter than **: write -(2 ** x), or Tensor.pow(-2, x)")
        }
        return pow(base, x)
    }

    /// What `-x` is before `**`, so that `-x ** 2` is ambiguous; everywhere else `-x` is a tensor.
    @_disfavoredOverload public static prefix func - (x: Tensor) -> NegatedBeforePower { NegatedBeforePower() }
}

/// A number to the power of a number. Its conformances are unavailable, and are the message.
public protocol PowerBase {}

extension PowerBase {
    /// Fits where two numbers stand, so that the error says what to write.
    @_disfavoredOverload public static func ** (base: Self, exponent: Double) -> Tensor {
        fatalError("a power of two numbers is pow(a, b)")
    }
}

@available(*, unavailable, message: "of two numbers write pow(a, b) or a.squareRoot(); ** makes tensors")
extension Double: PowerBase {}
@available(*, unavailable, message: "of two numbers write pow(a, b) or a * a; ** makes tensors")
extension Int: PowerBase {}

/// What makes `-x ** 2` ambiguous, which Swift would read as (−x)² and Python as −(x²): write `-(x ** 2)` or `(-x).pow(2)`.
public struct NegatedBeforePower {
    /// Makes `-x ** y` ambiguous.
    public static func ** (x: NegatedBeforePower, exponent: Tensor) -> Tensor { unreachable() }
    /// Makes `-x ** 0.5` ambiguous.
    public static func ** (x: NegatedBeforePower, exponent: Double) -> Tensor { unreachable() }
    /// Makes `-x ** 2` ambiguous.
    public static func ** (x: NegatedBeforePower, exponent: Int) -> Tensor { unreachable() }

    private static func unreachable() -> Never { fatalError("-x ** y does not compile: write -(x ** y) or (-x).pow(y)") }
}
