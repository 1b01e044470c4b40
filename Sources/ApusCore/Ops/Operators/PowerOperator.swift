precedencegroup ExponentiationPrecedence {
    associativity: right
    higherThan: MultiplicationPrecedence
}

infix operator ** : ExponentiationPrecedence

// `**`, as in Python: binds tighter than multiplication, from the right. But Swift's prefix minus binds tighter than any operator: `-x **
// 2` would be (−x)² where Python has −(x²). So the minus has a second form, whose result has a `**` of its own. Either reading then uses
// one disfavoured overload, and the type checker rejects the expression as ambiguous. Every `**` here returns a tensor; a `**` of two
// numbers that returns a number would make type-checking of each correct expression a thousand times as expensive (docs/why/operators.md).

extension Tensor {
    /// x to the power of `exponent`, elementwise. PyTorch: `x ** y`.
    @_disfavoredOverload public static func ** (x: Tensor, exponent: Tensor) -> Tensor { x.pow(exponent) }
    /// x to the power of a number; d = n·x^(n−1).
    @_disfavoredOverload public static func ** (x: Tensor, exponent: Double) -> Tensor { x.pow(exponent) }
    /// x to the power of an integer; integers stay integers.
    @_disfavoredOverload public static func ** (x: Tensor, exponent: Int) -> Tensor { x.pow(exponent) }
    /// base to the power of x. Traps if the base is negative, as in `-2 ** x`, which Swift reads as (−2)^x and Python as −(2^x).
    @_disfavoredOverload public static func ** (base: Double, x: Tensor) -> Tensor { power(of: base, x) }
    /// base to the power of x. Traps if the base is negative, as in `-2 ** x`, which Swift reads as (−2)^x and Python as −(2^x).
    @_disfavoredOverload public static func ** (base: Int, x: Tensor) -> Tensor { power(of: base, x) }

    private static func power(of base: some ScalarConvertible, _ x: Tensor) -> Tensor {
        guard !(base._scalar.doubleValue < 0) else {
            return fail(
                "**", "the base \(base) is negative, and Swift's prefix minus binds tighter than **: write -(2 ** x), or Tensor.pow(-2, x)")
        }
        return pow(base, x)
    }

    /// The second form of `-x`, which makes `-x ** 2` ambiguous; everywhere else `-x` is a tensor.
    @_disfavoredOverload public static prefix func - (x: Tensor) -> NegatedBeforePower { NegatedBeforePower() }
}

/// The base in a power of two numbers. All conformances are unavailable, so that their message becomes the compiler's error.
public protocol PowerBase {}

extension PowerBase {
    /// Matches a power of two numbers, so that the error says what to write instead.
    @_disfavoredOverload public static func ** (base: Self, exponent: Double) -> Tensor {
        fatalError("a power of two numbers is pow(a, b)")
    }
}

@available(*, unavailable, message: "of two numbers write pow(a, b) or a.squareRoot(); ** makes tensors")
extension Double: PowerBase {}
@available(*, unavailable, message: "of two numbers write pow(a, b) or a * a; ** makes tensors")
extension Int: PowerBase {}

/// The result of a minus before `**`. Makes `-x ** 2` ambiguous, which Swift would read as (−x)² and Python as −(x²): write `-(x ** 2)` or
/// `(-x).pow(2)`.
public struct NegatedBeforePower {
    /// Makes `-x ** y` ambiguous.
    public static func ** (x: NegatedBeforePower, exponent: Tensor) -> Tensor { unreachable() }
    /// Makes `-x ** 0.5` ambiguous.
    public static func ** (x: NegatedBeforePower, exponent: Double) -> Tensor { unreachable() }
    /// Makes `-x ** 2` ambiguous.
    public static func ** (x: NegatedBeforePower, exponent: Int) -> Tensor { unreachable() }

    private static func unreachable() -> Never { fatalError("-x ** y does not compile: write -(x ** y) or (-x).pow(y)") }
}
