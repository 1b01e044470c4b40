import ApusCore
import TestSupport
import Testing

@Suite("An element is the number that the context asks for, exactly") struct ItemTests {
    @Test func theContextDecides() {
        let x = Tensor([3, 1, 2])
        let n: Int = x.sum().item()
        let f: Float = Tensor(0.1, dtype: .float64).item()
        let small: UInt8 = Tensor(255).item()
        let isAny: Bool = x.gt(2).any().item()
        #expect(n == 6 && f == 0.1 && small == 255 && isAny)
        #expect(["a", "b", "c"][x.argmax().item()] == "a")
        if x.gt(3).any().item() { Issue.record("no element exceeds 3") }
        var correct = 1
        correct += x.eq(2).sum().item()
        #expect(correct == 2)
    }

    @Test func elsewhereItIsADouble() {
        let correct = Tensor(3)
        let share = 100 * correct.item() / 7
        #expect(share == 300.0 / 7)
        let plain = correct.item()
        #expect(type(of: plain) == Double.self && type(of: share) == Double.self)
        #expect(Int(Tensor(2.9, dtype: .float64).item()) == 2)
    }

    @Test func anIntegerTypeHoldsTheElementOrItIsAnError() {
        func said<Number: TensorElement>(_ value: some TensorElement, _ dtype: DType, _ type: Number.Type) -> String {
            let byContext = message { () -> Number in Tensor.full([], value, dtype: dtype).item() }
            #expect(byContext == message { Tensor.full([], value, dtype: dtype).item(Number.self) })
            return byContext
        }
        #expect(said(2.5, .float64, Int.self) == "item: Int does not hold 2.5; round() or trunc() the tensor first, or ask for a Double")
        #expect(said(Double.nan, .float32, Int.self) == "item: Int does not hold nan; ask for a Double")
        #expect(said(-Double.infinity, .float32, Int8.self).contains("Int8 does not hold -inf; ask for a Double"))
        #expect(said(0x1p63, .float64, Int.self).contains("does not hold 9.223372036854776e+18; ask for a Double"))
        #expect(said(300, .int64, UInt8.self) == "item: UInt8 does not hold 300; ask for an Int")
        #expect(said(-1, .int32, UInt8.self).contains("UInt8 does not hold -1"))
        #expect(said(300.0, .float16, UInt8.self).contains("UInt8 does not hold 300.0; ask for an Int"))
        #expect(said(Int64.max, .int64, Int32.self).contains("does not hold 9223372036854775807"))
        // What fits is no error, whatever the dtype.
        #expect(Tensor(-0x1p63, dtype: .float64).item(Int.self) == .min && Tensor(Int64.max).item(Int.self) == .max)
        #expect(Tensor(-128.0).item(Int8.self) == -128 && Tensor(true).item(Int.self) == 1 && Tensor(0.5).item(Bool.self))
    }
}

@Suite("A scalar tensor in a text is its number") struct InterpolationTests {
    @Test func writtenAsSwiftWritesOneOfItsDType() {
        #expect("\(Tensor([10, 20, 30]).sum())" == "60" && "\(Tensor(7, dtype: .uint8)) of 8" == "7 of 8")
        #expect("\(Tensor(0.1))" == "0.1" && "\(Tensor(0.1, dtype: .float64))" == "0.1" && "\(Tensor(60.0))" == "60.0")
        #expect("\(Tensor(0.1, dtype: .float16))" == "0.1" && "\(Tensor(0.1, dtype: .bfloat16))" == BFloat16(0.1).description)
        #expect("\(Tensor([1, 2]).eq(1).all())" == "false" && "\(Tensor(Double.nan))" == "nan")
        #expect("\(Tensor(2.0, requiresGrad: true) * 2)" == "4.0" && "\(Parameter(Tensor(1.5)))" == "1.5")
    }

    @Test func otherTensorsAreTheirDescription() {
        #expect("\(Tensor([60]))" == "tensor([60])")
        #expect(Tensor(60).description == "tensor(60)" && String(describing: Tensor(60)) == "tensor(60)")
        _ = try? checked {
            let failed = Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3]))
            #expect("\(failed)" == "tensor(poisoned)")
        }
    }
}
