import ApusCore
import CKernels
import Foundation
import TestSupport
import Testing

/// Numbers between −1 and 1 that are exact in every float type, and whose products and short sums are exact in float32.
func grid(_ shape: Shape, _ dtype: DType, _ seed: Int = 1) -> Tensor {
    let steps = Tensor.arange(shape.numel) * 7919 + seed * 104_729
    return ((steps.remainder(31) - 15).to(.float64) / 16).to(dtype).reshape(shape)
}

/// The result with one thread; expects the same bits with two and four.
func onThreads(_ what: String, _ body: () throws -> Tensor) rethrows -> Tensor {
    let before = apus_thread_count()
    defer { apus_set_thread_count(before) }
    apus_set_thread_count(1)
    let one = try body()
    for count: Int32 in [2, 4] {
        apus_set_thread_count(count)
        let other = try body()
        #expect(memcmp(other.pointer, one.pointer, one.numel * one.dtype.size) == 0, "\(what) on \(count) threads")
        withExtendedLifetime((one, other)) {}
    }
    return one
}

/// Matrix products of the CPU backend against sums in Double.
@Suite struct ProductTests {
    struct Sizes: CustomTestStringConvertible, Sendable {
        let b: Int, m: Int, k: Int, n: Int
        init(_ b: Int, _ m: Int, _ k: Int, _ n: Int) { (self.b, self.m, self.k, self.n) = (b, m, k, n) }
        var testDescription: String { "\(b)×[\(m), \(k)]·[\(k), \(n)]" }
    }

    /// Sizes around those of registers, tiles and blocks, one dimension at a time.
    static let sizes: [Sizes] =
        [1, 2, 4, 5, 7, 13, 17, 64, 65].flatMap { [Sizes(1, $0, 9, 5), Sizes(1, 6, 9, $0), Sizes(1, 5, $0, 18)] } + [
            Sizes(1, 511, 3, 9), Sizes(1, 513, 3, 21), Sizes(1, 7, 511, 6), Sizes(1, 7, 512, 20), Sizes(1, 3, 513, 33),
            Sizes(1, 5, 257, 255),
            Sizes(1, 9, 5, 513), Sizes(1, 1, 300, 1100), Sizes(1, 1100, 30, 1), Sizes(1, 65, 700, 65), Sizes(1, 64, 512, 40),
            Sizes(1, 600, 20, 512), Sizes(1, 300, 40, 520), Sizes(1, 768, 24, 256),
            Sizes(3, 7, 5, 6), Sizes(4, 1, 8, 3), Sizes(40, 17, 4, 9), Sizes(2, 70, 64, 70),
        ]

    /// How a [rows, columns] matrix lies in memory.
    enum Lie: CaseIterable { case rows, columns, sliced }

    func lay(_ x: Tensor, _ lie: Lie) -> Tensor {
        switch lie {
        case .rows: return x
        case .columns:
            let t = Tensor.zeros([x.shape[0], x.shape[2], x.shape[1]], dtype: x.dtype)
            let view = t.view(x.shape, strides: [t.strides[0], t.strides[2], t.strides[1]], offset: 0)
            CPUBackend.shared.copy(x, into: view)
            return view
        case .sliced:
            let memory = Tensor.zeros([x.shape[0], x.shape[1] + 1, 2 * x.shape[2]], dtype: x.dtype)
            let view = memory.view(x.shape, strides: [memory.strides[0], memory.strides[1], 2], offset: 1)
            CPUBackend.shared.copy(x, into: view)
            return view
        }
    }

    func product(_ a: Tensor, _ b: Tensor, bias: Tensor?) throws -> Tensor {
        let out = Tensor.full([a.shape[0], a.shape[1], b.shape[2]], 77.0, dtype: a.dtype)
        try CPUBackend.shared.matmul(a, b, bias: bias, into: out)
        return out
    }

    func expected(_ a: Tensor, _ b: Tensor, bias: Tensor?) -> [Double] {
        let (m, k, n) = (a.shape[1], a.shape[2], b.shape[2])
        let (x, y, z) = (values(a), values(b), bias.map(values))
        var out: [Double] = []
        for batch in 0..<a.shape[0] {
            for i in 0..<m {
                var row = z ?? [Double](repeating: 0, count: n)
                for p in 0..<k {
                    let left = x[(batch * m + i) * k + p], start = (batch * k + p) * n
                    for j in 0..<n { row[j] += left * y[start + j] }
                }
                out += row
            }
        }
        return out
    }

    /// What a sum of k products of grid numbers may be off by, beside half a unit of a result in 16 bits.
    func tolerance(_ k: Int, _ dtype: DType) -> Double { 16 * Double(k) * (dtype.size == 2 ? DType.float32 : dtype).epsilon }

    @Test(arguments: sizes, [DType.float32, .float64, .bfloat16]) func agreesWithSums(_ s: Sizes, _ dtype: DType) throws {
        let (a, b, bias) = (grid([s.b, s.m, s.k], dtype), grid([s.b, s.k, s.n], dtype, 2), grid([s.n], dtype, 3))
        let want = expected(a, b, bias: bias), plain = expected(a, b, bias: nil)
        for left in Lie.allCases {
            for right in Lie.allCases {
                let (x, y) = (lay(a, left), lay(b, right))
                // With one thread nothing is divided; small products are computed alike on any number.
                let got =
                    try s.m * s.k * s.n < 10_000
                    ? product(x, y, bias: bias) : onThreads("\(left) · \(right)") { try product(x, y, bias: bias) }
                let (rtol, atol) = (dtype.epsilon / 2, tolerance(s.k, dtype))
                expectClose(got, want, rtol: rtol, atol: atol, "\(left) · \(right) + bias")
                try expectClose(product(x, y, bias: nil), plain, rtol: rtol, atol: atol, "\(left) · \(right)")
            }
        }
    }

    /// Sizes that are tiled: only some elements are checked, since sums in Double are slow in debug builds.
    @Test(arguments: [Sizes(1, 600, 1100, 300), Sizes(1, 512, 512, 512), Sizes(2, 530, 130, 530)], [DType.float32, .float64, .bfloat16])
    func agreesWithSumsWhereTiled(_ s: Sizes, _ dtype: DType) throws {
        let (a, b) = (grid([s.b, s.m, s.k], dtype), grid([s.b, s.k, s.n], dtype, 2))
        let (wideA, wideB) = (a.to(.float64), b.to(.float64))
        let (x, y) = (wideA.pointer.assumingMemoryBound(to: Double.self), wideB.pointer.assumingMemoryBound(to: Double.self))
        defer { withExtendedLifetime((wideA, wideB)) {} }
        for (left, right) in [(Lie.rows, Lie.rows), (.rows, .columns), (.columns, .rows), (.columns, .columns), (.sliced, .rows)] {
            let (one, two) = (lay(a, left), lay(b, right))
            let found = try onThreads("\(left) · \(right)") { try product(one, two, bias: nil) }.to(.float64)
            let at = found.pointer.assumingMemoryBound(to: Double.self)
            for spot in stride(from: 0, to: s.b * s.m * s.n, by: 4013) {
                let (batch, i, j) = (spot / (s.m * s.n), spot / s.n % s.m, spot % s.n)
                var sum = 0.0
                for p in 0..<s.k { sum += x[(batch * s.m + i) * s.k + p] * y[(batch * s.k + p) * s.n + j] }
                #expect(
                    abs(at[spot] - sum) <= abs(sum) * dtype.epsilon / 2 + tolerance(s.k, dtype),
                    "\(left) · \(right) at [\(batch), \(i), \(j)]")
            }
            withExtendedLifetime(found) {}
        }
    }

    @Test(arguments: [DType.float16, .bfloat16]) func halvesRoundASumInFloat32(_ dtype: DType) throws {
        let (a, b, bias) = (grid([2, 9, 70], dtype), grid([2, 70, 11], dtype, 2), grid([11], dtype, 3))
        let want = expected(a, b, bias: bias)
        for lie in Lie.allCases {
            try expectClose(product(lay(a, lie), lay(b, lie), bias: bias), want, rtol: dtype.epsilon / 2, atol: 1e-4, "\(lie)")
        }
    }

    @Test(arguments: [DType.int8, .uint8, .int16, .int32, .int64]) func integersWrap(_ dtype: DType) throws {
        let bits = UInt64(dtype.size * 8)
        let mask: UInt64 = bits == 64 ? .max : (1 << bits) - 1
        func spread(_ shape: Shape, _ seed: Int) -> Tensor {
            Tensor((0..<shape.numel).map { Int64(truncatingIfNeeded: ($0 &+ seed) &* 0x9E37_79B9_7F4A_7C1) }, shape: shape, dtype: dtype)
        }
        let (a, b, bias) = (spread([2, 5, 40], 1), spread([2, 40, 37], 99), spread([37], 7))
        let (x, y, z) = (integers(a), integers(b), integers(bias))
        for left in Lie.allCases {
            for right in Lie.allCases {
                let found = try integers(onThreads("\(dtype)") { try product(lay(a, left), lay(b, right), bias: bias) })
                for batch in 0..<2 {
                    for i in 0..<5 {
                        for j in 0..<37 {
                            var sum = z[j]
                            for p in 0..<40 { sum &+= x[(batch * 5 + i) * 40 + p] &* y[(batch * 40 + p) * 37 + j] }
                            let at = (batch * 5 + i) * 37 + j
                            #expect(
                                UInt64(bitPattern: sum) & mask == UInt64(bitPattern: found[at]) & mask,
                                "\(dtype) \(left) · \(right) at \(at)")
                        }
                    }
                }
            }
        }
    }

    @Test(arguments: [DType.float32, .float64, .float16, .int32]) func anEmptySumIsTheBias(_ dtype: DType) throws {
        let (a, b, bias) = (Tensor.zeros([2, 3, 0], dtype: dtype), Tensor.zeros([2, 0, 4], dtype: dtype), Tensor.arange(4, dtype: dtype))
        try expectClose(product(a, b, bias: bias), (0..<6).flatMap { _ in [0.0, 1, 2, 3] })
        try expectClose(product(a, b, bias: nil), [Double](repeating: 0, count: 24))
        for (m, n, batch) in [(0, 4, 2), (3, 0, 2), (3, 4, 0)] {
            let out = try product(Tensor.zeros([batch, m, 5], dtype: dtype), Tensor.zeros([batch, 5, n], dtype: dtype), bias: nil)
            #expect(out.numel == 0)
        }
    }

    @Test(arguments: [DType.float32, .float64]) func aBatchMayRepeatAnOperand(_ dtype: DType) throws {
        let (a, b) = (grid([3, 20, 30], dtype), grid([3, 30, 25], dtype, 2))
        let firstA = a.view([1, 20, 30], strides: a.strides, offset: 0).expanded([3, 20, 30])
        let firstB = b.view([1, 30, 25], strides: b.strides, offset: 0).expanded([3, 30, 25])
        try expectClose(product(a, firstB, bias: nil), expected(a, firstB, bias: nil))
        try expectClose(product(firstA, b, bias: nil), expected(firstA, b, bias: nil))
        try expectClose(product(firstA, firstB, bias: nil), expected(firstA, firstB, bias: nil))
    }

    @Test func notANumberAndInfinityPassThrough() throws {
        for dtype in [DType.float32, .float64, .bfloat16] {
            for (k, n) in [(4, 17), (512, 40)] {
                let numbers = [1.0, 0, .infinity, -.infinity] + [Double](repeating: 1, count: 5 * k - 4)
                let found = try values(
                    product(Tensor(numbers, shape: [1, 5, k], dtype: dtype), Tensor.ones([1, k, n], dtype: dtype), bias: nil))
                for i in 0..<found.count { #expect(i < n ? found[i].isNaN : found[i] == Double(k)) }
            }
        }
    }
}
