import ApusCore
import ApusNN
import Foundation
import TestSupport
import Testing

/// Results that would be wrong with a running sum, or a square, in the tensor's own dtype.
@Suite("Backends: sums") struct SumsBackendTests {
    /// Many numbers summed into one element: the sum is exact to the last digits of the dtype for every op, although a running sum in
    /// that dtype would have stopped growing. All summands are 1, or 1/3 if
    /// the dtype has digits to lose.
    @Test(arguments: BackendTests.devices) func sumsOfManyInOnePlace(_ device: Device) {
        for dtype in [DType.float16, .bfloat16, .float32, .float64] where device.backend.computes(dtype) {
            let n = dtype == .float32 ? 300_000 : 6_000
            // In float32, so that 1/3 is not exact: a running sum of 300,000 loses four digits.
            let one = dtype == .float32 || dtype == .float64 ? 1.0 / 3 : 1
            let source = Tensor.full([n, 2], one, dtype: dtype).to(device)
            let value = source[0, 0].to(.cpu).to(.float64).item()
            let index = Tensor.full([n], 1, dtype: .int64).to(device)
            let wide = index.unsqueeze(1).expand([n, 2])
            let wanted = Tensor([0, 0, value * Double(n), value * Double(n), 0, 0], shape: [3, 2], dtype: .float64).to(dtype)
            let zeros = Tensor.zeros([3, 2], dtype: dtype).to(device)
            func expectExact(_ x: Tensor, _ what: String) {
                expectClose(x.to(.cpu), wanted, rtol: dtype == .float64 ? 1e-12 : dtype.epsilon, "\(what) of \(dtype) on \(device)")
            }
            expectExact(zeros.indexAdd(dim: 0, index, source), "indexAdd")
            expectExact(zeros.scatterAdd(0, wide, source), "scatterAdd")
            let table = zeros.clone().requiresGrad_()
            F.embedding(index, table).backward(gradient: source)
            expectExact(table.grad!, "embedding's gradient")
            let sparse = zeros.clone().requiresGrad_()
            F.embedding(index, sparse, sparse: true).backward(gradient: source)
            expectExact(sparse.grad!.coalesce().toDense(), "embedding's sparse gradient")
            let chosen = zeros.clone().requiresGrad_()
            chosen.indexSelect(dim: 0, index).backward(gradient: source)
            expectExact(chosen.grad!, "indexSelect's gradient")
            let gathered = zeros.clone().requiresGrad_()
            gathered.gather(0, wide).backward(gradient: source)
            expectExact(gathered.grad!, "gather's gradient")
            let strided = zeros.clone().requiresGrad_()
            strided.asStrided([n, 2], [0, 1], 2).backward(gradient: source)
            expectExact(strided.grad!, "asStrided's gradient")
            let bag = F.embeddingBag(
                Tensor.zeros([1, n], dtype: .int64).to(device), Tensor.full([1, 2], one, dtype: dtype).to(device), mode: .mean)
            expectClose(
                bag.to(.cpu), Tensor.full([1, 2], value, dtype: dtype), rtol: dtype == .float64 ? 1e-12 : dtype.epsilon,
                "embeddingBag's mean of \(dtype) on \(device)")
        }
    }

    /// Sums of rows with indices in any order equal those in float64.
    @Test(arguments: BackendTests.devices) func indexAddOfManyRows(_ device: Device) {
        for (outer, size, count, inner) in [
            (1, 7, 500, 3), (2, 300, 70, 5), (3, 1, 90, 1), (1, 70_000, 40, 2), (1, 5, 1, 4), (2, 40, 100, 300),
        ] {
            let index = Tensor((0..<count).map { Int64($0 * 7919 % (size * 3) % size) }, shape: [count])
            let source = Tensor(
                (0..<outer * count * inner).map { sin(Double($0) * 0.7) * 3 }, shape: [outer, count, inner], dtype: .float32)
            let start = Tensor((0..<outer * size * inner).map { cos(Double($0) * 0.3) }, shape: [outer, size, inner], dtype: .float32)
            let exact = start.to(.float64).to(.reference).indexAdd(dim: 1, index.to(.reference), source.to(.float64).to(.reference)).to(
                .cpu
            ).to(.float32)
            expectClose(
                start.to(device).indexAdd(dim: 1, index.to(device), source.to(device)).to(.cpu), exact, rtol: 2 * DType.float32.epsilon,
                "\(outer) \(size) \(count) \(inner)")
        }
    }

    /// y_k = a_k·y_{k−1} + b_k, as computed by a loop.
    @Test(arguments: BackendTests.devices) func linearRecurrences(_ device: Device) throws {
        for dtype in [DType.float32, .float64] where device.backend.computes(dtype) {
            for (outer, length, inner) in [(1, 1, 1), (1, 300, 1), (3, 17, 1), (2, 9, 70), (1, 5, 200)] {
                let n = outer * length * inner
                let (a, b) = ((0..<n).map { sin(Double($0) * 0.9) * 1.2 }, (0..<n).map { $0 % 5 == 0 ? 0 : cos(Double($0)) })
                var wanted = b
                for at in 0..<n where at / inner % length > 0 { wanted[at] += a[at] * wanted[at - inner] }
                func tensor(_ x: [Double]) -> Tensor { Tensor(x, shape: [outer, length, inner], dtype: dtype).to(device) }
                let out = tensor(b)
                try device.backend.linearScan(tensor(a), tensor(b), dim: 1, into: out)
                expectClose(
                    out.to(.cpu), Tensor(wanted, shape: [outer, length, inner], dtype: dtype), rtol: 1e-5, atol: 1e-5,
                    "\(dtype) \(outer) \(length) \(inner) on \(device)")
            }
        }
    }

    /// Norms, over rows and columns, of numbers whose squares are out of range.
    @Test(arguments: BackendTests.devices) func normsBeyondTheRangeOfSquares(_ device: Device) {
        for dtype in [DType.float16, .bfloat16, .float32, .float64] where device.backend.computes(dtype) {
            let scales: [Double] =
                switch dtype {
                case .float16: [1e4, 1, 1e-3]
                case .float64: [1e300, 1e200, 1, 1e-200, 1e-300]
                default: [1e37, 1e20, 1, 1e-20, 1e-30, 1e-37]
                }
            for scale in scales {
                for p in [2.0, 3, 1.5, -2] {
                    let x = Tensor([3 * scale, 4 * scale, 4 * scale, 3 * scale], shape: [2, 2], dtype: dtype)
                    let unit = (x.to(.float64) / scale)
                    let wanted = unit.norm(p: p, dim: 1) * scale
                    for (dim, name) in [(1, "rows"), (0, "columns")] {
                        expectClose(
                            x.to(device).norm(p: p, dim: dim).to(.cpu).to(.float64), wanted, rtol: 8 * dtype.epsilon, atol: 0,
                            "\(name), p = \(p), \(dtype) at \(scale) on \(device)")
                    }
                    let y = x.to(device).requiresGrad_()
                    y.norm(p: p).backward()
                    let z = unit.requiresGrad_()
                    z.norm(p: p).backward()
                    expectClose(
                        y.grad!.to(.cpu).to(.float64), z.grad!, rtol: 16 * dtype.epsilon, atol: 0,
                        "gradient, p = \(p), \(dtype) at \(scale) on \(device)")
                }
            }
        }
    }
}
