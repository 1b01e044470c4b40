import ApusCore
import TestSupport
import Testing

/// Operators give what the functions behind them give.
@Suite struct OperatorTests {
    private struct Comparison {
        let name: String
        let tensors: (Tensor, Tensor) -> Tensor
        let double: (Tensor, Double) -> Tensor
        let int: (Tensor, Int) -> Tensor
        let method: (Tensor, Tensor) -> Tensor
    }

    private let comparisons = [
        Comparison(name: "<", tensors: { $0 < $1 }, double: { $0 < $1 }, int: { $0 < $1 }, method: { $0.lt($1) }),
        Comparison(name: "<=", tensors: { $0 <= $1 }, double: { $0 <= $1 }, int: { $0 <= $1 }, method: { $0.le($1) }),
        Comparison(name: ">", tensors: { $0 > $1 }, double: { $0 > $1 }, int: { $0 > $1 }, method: { $0.gt($1) }),
        Comparison(name: ">=", tensors: { $0 >= $1 }, double: { $0 >= $1 }, int: { $0 >= $1 }, method: { $0.ge($1) }),
        Comparison(name: "==", tensors: { $0 == $1 }, double: { $0 == $1 }, int: { $0 == $1 }, method: { $0.eq($1) }),
        Comparison(name: "!=", tensors: { $0 != $1 }, double: { $0 != $1 }, int: { $0 != $1 }, method: { $0.ne($1) }),
    ]

    @Test func comparisonsMakeMasks() {
        let x = Tensor([[-2.0, 0.5, 3], [0, .infinity, .nan]]), y = Tensor([[-2.0, 1, 2], [0.5, 3, 1]])
        let bytes = Tensor([1, 255], dtype: .uint8), wide = Tensor([1, 255])
        for comparison in comparisons {
            let mask = comparison.tensors(x, y)
            #expect(mask.dtype == .bool && mask.equal(comparison.method(x, y)), "\(comparison.name)")
            #expect(comparison.double(x, 0.5).equal(comparison.method(x, Tensor(0.5))), "\(comparison.name) 0.5")
            #expect(comparison.int(x, 3).equal(comparison.method(x, Tensor(3.0))), "\(comparison.name) 3")
            // A number beyond the dtype is compared exactly.
            #expect(comparison.int(bytes, 300).equal(comparison.method(wide, Tensor(300))), "\(comparison.name) 300")
        }
    }

    @Test func aComparisonWithNilIsABool() {
        let x = Tensor([1.0], requiresGrad: true)
        #expect(x.grad == nil)
        x.sum().backward()
        #expect(x.grad != nil)
    }

    @Test func aGradientUnwrapsItselfInArithmetic() {
        let w = Tensor([1.0, 2], requiresGrad: true)
        (w * w).sum().backward()
        #expect((w - 0.5 * w.grad).array(Float.self) == [0, 0])
        if let grad = w.grad { #expect(grad.array(Float.self) == [2, 4]) } else { Issue.record("the gradient is nil") }
    }

    @Test func powersAreThoseOfPow() {
        let x = Tensor([0.5, 2, 3]), y = Tensor([2.0, 0.5, -1])
        #expect((x ** y).equal(x.pow(y)))
        #expect((x ** 2).equal(x.pow(2)) && (x ** 0.5).equal(x.pow(0.5)) && (x ** -1).equal(x.pow(-1)))
        #expect((2 ** y).equal(Tensor.pow(2, y)) && (1.5 ** y).equal(Tensor.pow(1.5, y)))
        let integers = Tensor([1, 2, 3]) ** 2
        #expect(integers.dtype == .int64 && integers.array(Int.self) == [1, 4, 9])
    }

    @Test func powersBindAboveProductsAndFromTheRight() {
        let x = Tensor([2.0])
        #expect((3 * x ** 2).item() == 12 && (x ** 2 * 3).item() == 12)
        #expect((x ** 3 ** x).item() == 512)
        #expect((-(x ** 2)).item() == -4)
        #expect((1 - x ** 2 / 2).item() == -1)
    }

    @Test func aNegativeBaseIsRefused() throws {
        let x = Tensor([2.0])
        #expect(message { _ = -2 ** x }.contains("write -(2 ** x), or Tensor.pow(-2, x)"))
        #expect(message { _ = -0.5 ** x }.contains("the base -0.5 is negative"))
        #expect(Tensor.pow(-2, x).item() == 4)
        #expect((0.0 ** x).item() == 0 && (-0.0 ** x).item() == 0)
    }

    @Test func otherNumbersThanDoubleAndIntStandBesideTensorsToo() {
        let x = Tensor([1.0, 2])
        let numbers: [any TensorOperand] = [
            Float(2), Float16(2), BFloat16(2), Int8(2), Int16(2), Int32(2), Int64(2), UInt8(2), Scalar.int(2),
        ]
        for number in numbers {
            func check(_ two: some TensorOperand) {
                #expect((x + two).equal(x + 2) && (two + x).equal(x + 2), "\(type(of: two))")
                #expect((x - two).equal(x - 2) && (two - x).equal(2 - x), "\(type(of: two))")
                #expect((x * two).equal(x * 2) && (two * x).equal(x * 2), "\(type(of: two))")
                #expect((x / two).equal(x / 2) && (two / x).equal(2 / x), "\(type(of: two))")
                #expect((x % two).equal(x % 2), "\(type(of: two))")
            }
            check(number)
        }
    }

    /// A number may stand first, too.
    @Test func numbersFirst() {
        let x = Tensor([-1.5, 0, 2.5]), n = Tensor([-3, 0, 2, 5])
        for (mask, wanted) in [
            (0 < x, x > 0), (0 <= x, x >= 0), (0 > x, x < 0), (0 >= x, x <= 0), (0 == x, x == 0), (0 != x, x != 0), (0.5 < x, x > 0.5),
            (2 <= n, n >= 2), (2.5 > n, n < 2.5), (2 == n, n == 2),
        ] as [(Tensor, Tensor)] { expectEqual(mask, wanted) }
        expectEqual(7 % (n * n + 1), Tensor.remainder(7, n * n + 1))
        expectEqual(7.5 % (x * x + 1), Tensor.remainder(7.5, x * x + 1))
    }
}
