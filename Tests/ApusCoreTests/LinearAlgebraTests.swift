@testable import ApusCore
import TestSupport
import Testing

/// Factors and triangular systems.
@Suite struct LinearAlgebraTests {
    /// Square matrices a, not symmetric, and right-hand sides b, whose batches broadcast.
    static let cases: [DerivativeTests.Case2] = [
        DerivativeTests.Case2(name: "cholesky") { a, _ in positive(a).cholesky() },
        DerivativeTests.Case2(name: "solveTriangular lower") { a, b in dominant(a).solveTriangular(b, upper: false) },
        DerivativeTests.Case2(name: "solveTriangular upper") { a, b in dominant(a).solveTriangular(b, upper: true) },
        DerivativeTests.Case2(name: "solveTriangular transposed") { a, b in dominant(a).mT.solveTriangular(b, upper: true) },
    ]

    private static func dominant(_ a: Tensor) -> Tensor { a + 3 * Tensor.eye(a.shape[-1], dtype: a.dtype, device: a.device) }
    private static func positive(_ a: Tensor) -> Tensor { dominant(a.matmul(a.mT)) }

    /// Batches of matrices, of right-hand sides, of both, empty and none; one column and several.
    static let shapes: [(a: Shape, b: Shape)] = [
        ([3, 3], [3, 2]), ([1, 1], [1, 1]), ([2, 3, 3], [3, 2]), ([3, 3], [2, 3, 1]), ([2, 1, 3, 3], [4, 3, 2]), ([2, 2, 2], [2, 2, 3]),
        ([0, 0], [0, 2]), ([2, 0, 0], [0, 1]),
        ([0, 2, 2], [2, 1]), ([2, 2], [0, 2, 1]), ([2, 2], [2, 0]),
    ]

    @Test(arguments: cases) func derivatives(_ c: DerivativeTests.Case2) {
        for (a, b) in Self.shapes where a.numel > 0 && b.numel > 0 {
            let inputs = [DerivativeTests.numbers(a), DerivativeTests.numbers(b, phase: 5)]
            checkGradients(inputs, "\(c.name) of \(a) and \(b)") { c.f($0[0], $0[1]) + 0 * $0[1].sum() }
        }
    }

    /// Products of the factors give the matrices back; every device, dtype and layout equals the reference.
    @Test(arguments: BackendTests.devices, DType.floats) func productsAreTheMatrices(_ device: Device, _ dtype: DType) {
        guard device.backend.computes(dtype) else { return }
        let tolerance = dtype == .float64 ? 1e-12 : dtype == .float32 ? 1e-5 : 0.1
        var samples = Samples(seed: 9)
        func close(_ x: Tensor, _ wanted: Tensor, _ what: String) {
            let (ours, theirs) = (x.to(.cpu).to(.float64), wanted.to(.cpu).to(.float64).expand(x.shape))
            expectClose(ours, theirs, rtol: tolerance, atol: tolerance, "\(what), \(dtype) on \(device)")
        }
        for (a, b) in Self.shapes {
            for layout in [Layout.contiguous, .transposed, .sliced] {
                let right = Twin(samples.tensor(b, dtype, in: -1...1), layout, on: device)
                let symmetric = Twin(Self.positive(samples.tensor(a, .float64, in: -1...1)).to(dtype), layout, on: device)
                let l = symmetric.tested.cholesky()
                let whole = l.to(.cpu).to(.float64)
                close(l, symmetric.reference.cholesky(), "cholesky of \(a) \(layout)")
                close(whole.matmul(whole.mT), symmetric.reference, "L·Lᵀ of \(a) \(layout)")
                #expect(whole.triu(1).equal(Tensor.zeros(like: whole)) && l.dtype == dtype && l.device == device)
                for upper in [false, true] {
                    // The other triangle is not read.
                    let nothing = Tensor.full(a, Double.nan, dtype: dtype, device: device)
                    let x = ((upper ? l.mT : l) + (upper ? nothing.tril(-1) : nothing.triu(1))).solveTriangular(right.tested, upper: upper)
                    let product = (upper ? whole.mT : whole).matmul(x.to(.cpu).to(.float64))
                    close(product, right.reference, "\(a) and \(b), upper \(upper), \(layout)")
                    #expect(x.dtype == dtype && x.device == device)
                }
            }
        }
    }

    /// The elements above the diagonal equal those below: both get half the gradient, though only the lower triangle is read.
    @Test func `cholesky's gradient is symmetric`() {
        let a = Tensor([4.0, 9, 1, 3], shape: [2, 2], dtype: .float64).requiresGrad_()
        let l = a.cholesky()
        expectClose(l, [2, 0, 0.5, 2.75.squareRoot()])
        l.sum().backward()
        // PyTorch's answer.
        expectClose(a.grad!, [0.20634445, 0.17462217, 0.17462217, 0.30151134], rtol: 1e-6, atol: 1e-6)
        let positive = Tensor([5.0, 1, 0.5, 1, 4, -1, 0.5, -1, 3], shape: [3, 3], dtype: .float64)
        let x = positive.clone().requiresGrad_()
        (x.cholesky() * Tensor([1.0, 0, 0, 2, -3, 0, 0.5, 4, 1], shape: [3, 3], dtype: .float64)).sum().backward()
        expectClose(x.grad!, values(x.grad!.t()))
    }

    /// Each is one op at any size, and its errors name it.
    @Test func `one op, named in its errors`() {
        for n in [2, 5] {
            let x = Tensor.eye(n, dtype: .float64).requiresGrad_()
            #expect(OpLawTests.ops(of: x.cholesky()).map(\.name) == ["cholesky"])
            #expect(
                OpLawTests.ops(of: x.solveTriangular(Tensor.ones([n, 1], dtype: .float64), upper: true)).map(\.name) == ["solveTriangular"])
        }
        func says(_ parts: String..., call: () -> Tensor) {
            let error = #expect(throws: OpError.self) { try checked { call() } }
            for part in parts { #expect(error?.description.contains(part) == true, "\(error?.description ?? "") lacks \(part)") }
        }
        let square = Tensor.eye(3)
        says("cholesky", "its leading 2 × 2 part") { Tensor([1.0, 2, 2, 1], shape: [2, 2]).cholesky() }
        says("cholesky", "its leading 3 × 3 part") { (Tensor.eye(3) * Tensor([1, 1, Float.nan])).cholesky() }
        says("cholesky", "float32 [2, 3]") { Tensor.ones([2, 3]).cholesky() }
        says("cholesky", "int64 [2, 2]") { Tensor.ones([2, 2], dtype: .int64).cholesky() }
        says("solveTriangular", "[3, 3]", "[2, 1]") { square.solveTriangular(Tensor.ones([2, 1]), upper: true) }
        says("solveTriangular", "float32 and float64") { square.solveTriangular(Tensor.ones([3, 1], dtype: .float64), upper: true) }
        says("solveTriangular", "[2, 3]", "[3, 1]") { Tensor.ones([2, 3]).solveTriangular(Tensor.ones([3, 1]), upper: true, left: false) }
        says("solveTriangular", "do not broadcast") { Tensor.ones([2, 3, 3]).solveTriangular(Tensor.ones([4, 3, 1]), upper: true) }
    }
}
