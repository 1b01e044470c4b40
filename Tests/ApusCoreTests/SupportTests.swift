import ApusCore
import TestSupport
import Testing

/// Tests of the helpers: a comparison, layout or gradient check that missed errors would make all other tests worthless.
@Suite("Test support") struct SupportTests {
    @Test func comparisonsSeeDifferences() throws {
        let x = reference([1, 2, .nan, .infinity], [2, 2], .float32)
        #expect(difference(x, x, rtol: 0, atol: 0) == nil)
        #expect(difference(x, reference([1, 2.1, .nan, .infinity], [2, 2], .float32), rtol: 0.1, atol: 0) == nil)
        let complaint = try #require(difference(x, reference([1, 2.5, .nan, .infinity], [2, 2], .float32), rtol: 0.1, atol: 0.1))
        #expect(complaint.contains("[0, 1]") && complaint.contains("2.0") && complaint.contains("2.5") && complaint.contains("1 of 4"))
        #expect(difference(x, reference([1, 2, 3, .infinity], [2, 2], .float32), rtol: 1e9, atol: 1e9) != nil, "a number is not NaN")
        #expect(
            difference(x, reference([1, 2, .nan, -.infinity], [2, 2], .float32), rtol: 1e9, atol: 1e9) != nil, "infinities have a sign")
        #expect(
            difference(x, reference([1, 2, .nan, 1e30], [2, 2], .float32), rtol: 1e9, atol: .infinity) != nil, "a number is not infinite")
        #expect(difference(x, reference([1, 2, .nan, .infinity], [4], .float32), rtol: 1, atol: 1) != nil, "shapes count")
        #expect(difference(x, reference([1, 2, .nan, .infinity], [2, 2], .float64), rtol: 1, atol: 1) != nil, "dtypes count")
        // Doubles cannot tell these apart, since they exceed 2^53.
        let (a, b) = (reference([.max] as [Int64], [1], .int64), reference([.max - 1] as [Int64], [1], .int64))
        #expect(difference(a, b, rtol: 1, atol: 1) != nil, "integers are exact")
    }

    @Test(arguments: Layout.allCases) func layoutsHoldTheirElements(_ layout: Layout) {
        let x = reference((0..<24).map(Double.init), [2, 3, 4], .float32)
        let laid = layout.lay(x)
        switch layout {
        case .broadcast: expectClose(laid, (0..<24).map { Double($0 % 12) })
        case .broadcastLast: expectClose(laid, (0..<24).map { Double($0 / 4 * 4) })
        default: expectEqual(laid, x)
        }
        #expect(laid.isContiguous == (layout == .contiguous || layout == .offset))
        for shape in [[], [0], [2, 0, 3], [1, 1]] as [Shape] {
            #expect(layout.lay(reference([Double](repeating: 1, count: shape.numel), shape, .int8)).shape == shape)
        }
    }

    /// x³ with a first derivative that may be wrong by a factor, or with a wrong second derivative only.
    struct Cube: Op {
        let factor: Double
        var name: String { "cube" }
        func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
            saved.keep(inputs[0])
            return inputs[0].detach() * inputs[0].detach() * inputs[0].detach()
        }
        func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
            let x = context.saved[0]
            // With the detached x a part of the second derivative is missing.
            return [grad * x * (factor == 0 ? x.detach() : x) * (factor == 0 ? 3 : factor)]
        }
    }

    @Test func gradientChecksSeeErrors() {
        let x = Tensor([0.5, -1.25, 2], dtype: .float64)
        checkGradients([x]) { apply(Cube(factor: 3), Inputs($0[0])) }
        checkGradients([x, x + 1]) { ($0[0] * $0[1]).exp() / $0[1] }
        withKnownIssue("a derivative off by 10⁻⁵") { checkGradients([x]) { apply(Cube(factor: 3.00003), Inputs($0[0])) } }
        withKnownIssue("a second derivative that is half of what it should be") {
            checkGradients([x]) { apply(Cube(factor: 0), Inputs($0[0])) }
        }
        withKnownIssue("no graph") { checkGradients([x]) { $0[0].detach() } }
        checkGradients([x], second: false) { apply(Cube(factor: 0), Inputs($0[0])) }
    }
}
