import ApusCore
import CKernels
import TestSupport
import Testing

/// Pooling of the CPU backend against its definition.
@Suite struct PoolingKernelTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var size: [Int], kernel: [Int], stride: [Int], padding: [Int], dilation: [Int]
        var ceil = false, countIncludePad = true
        var divisor: Int?
        var testDescription: String {
            "\(size) kernel \(kernel) stride \(stride) padding \(padding) dilation \(dilation) ceil \(ceil) pad counts \(countIncludePad) divisor \(divisor.map(String.init) ?? "-")"
        }
        init(
            _ size: [Int], _ kernel: Int, stride: Int, padding: Int = 0, dilation: Int = 1, ceil: Bool = false,
            countIncludePad: Bool = true, divisor: Int? = nil
        ) {
            self.size = size
            self.kernel = size.map { _ in kernel }
            self.stride = size.map { _ in stride }
            self.padding = size.map { _ in padding }
            self.dilation = size.map { _ in dilation }
            self.ceil = ceil
            self.countIncludePad = countIncludePad
            self.divisor = divisor
        }
        var parameters: PoolParameters {
            PoolParameters(
                .sliding(
                    kernel: kernel, stride: stride, padding: padding, dilation: dilation, countIncludePad: countIncludePad, divisor: divisor
                ))
        }

        /// PyTorch's rule: in ceil mode a last window that starts beyond the input and its left padding is dropped.
        var out: [Int] {
            size.indices.map { d in
                let span = size[d] + 2 * padding[d] - dilation[d] * (kernel[d] - 1) - 1
                var n = (ceil ? (span + stride[d] - 1) / stride[d] : span / stride[d]) + 1
                if ceil, (n - 1) * stride[d] >= size[d] + padding[d] { n -= 1 }
                return n
            }
        }

        /// The window at flat output position `place`: its positions in the input, and its number of positions in the padded input.
        func window(_ place: Int) -> (positions: [Int], padded: Int) {
            var rest = place
            var spans: [[Int]] = []
            var padded = 1
            for d in size.indices.reversed() {
                let start = rest % out[d] * stride[d] - padding[d]
                rest /= out[d]
                let all = (0..<kernel[d]).map { start + $0 * dilation[d] }
                padded *= all.filter { $0 < size[d] + padding[d] }.count
                spans.insert(all.filter { $0 >= 0 && $0 < size[d] }, at: 0)
            }
            var positions = [0]
            for (d, span) in spans.enumerated() { positions = positions.flatMap { p in span.map { p * size[d] + $0 } } }
            return (positions, padded)
        }
    }

    static let cases: [Case] = [
        Case([7], 2, stride: 2), Case([7], 3, stride: 2, padding: 1, ceil: true), Case([8, 9], 2, stride: 2), Case([33, 37], 2, stride: 2),
        Case([8, 9], 3, stride: 2, padding: 1),
        Case([6, 7], 3, stride: 1, padding: 1, countIncludePad: false), Case([7, 7], 2, stride: 2, padding: 1, ceil: true),
        Case([6, 6], 3, stride: 3, padding: 1, ceil: true, countIncludePad: false),
        Case([5, 6], 2, stride: 3, ceil: true, divisor: 3), Case([4, 5, 6], 2, stride: 2),
        Case([4, 5, 6], 3, stride: 2, padding: 1, ceil: true),
        // Rows with more outputs than one chunk.
        Case([2, 1101], 3, stride: 2, padding: 1), Case([1030], 3, stride: 1, padding: 1),
    ]
    static let dilated: [Case] = [
        Case([11], 3, stride: 2, padding: 1, dilation: 2), Case([9, 10], 3, stride: 2, padding: 1, dilation: 3, ceil: true),
        Case([9, 9], 2, stride: 1, padding: 1, dilation: 4),
        // Windows that lie on both sides of the input without an element of it, in one dimension or in all.
        Case([5], 2, stride: 1, padding: 1, dilation: 6), Case([5, 6], 2, stride: 1, padding: 1, dilation: 6),
        Case([6, 5], 2, stride: 1, padding: 1, dilation: 6), Case([4, 4, 3], 2, stride: 1, padding: 1, dilation: 4),
    ]

    static let types: [DType] = [.float32, .float64, .float16, .bfloat16, .int8, .uint8, .int16, .int32, .int64]

    @Test(arguments: cases + dilated, types) func largestAndFirst(_ c: Case, _ dtype: DType) throws {
        let plane = c.size.reduce(1, *), places = c.out.reduce(1, *)
        // Few different values, so that ties are common. All negative if the type is signed, so that padding read as 0 is noticed.
        let lowest = dtype == .uint8 ? 0 : -9
        var data: [Double] = []
        for i in 0..<(6 * plane) {
            let value = (i * 7919 + i / 5) % 5 + lowest
            data.append(dtype.isFloatingPoint && i % 29 == 3 ? Double.nan : Double(value))
        }
        let x = Tensor(data, shape: Shape([2, 3] + c.size), dtype: dtype)
        let shape = Shape([2, 3] + c.out)
        for layout in [Layout.contiguous, .sliced] {
            let laid = layout.lay(x)
            let out = Tensor.zeros(shape, dtype: dtype), indices = Tensor.zeros(shape, dtype: .int64)
            try CPUBackend.shared.maxPool(laid, c.parameters, into: out, indices: indices)
            let (found, at) = (values(out), integers(indices))
            for i in 0..<(6 * places) {
                let start = i / places * plane
                let positions: [Int] = c.window(i % places).positions
                guard !positions.isEmpty else {
                    #expect(at[i] == 0, "\(layout) at \(i)")
                    continue
                }
                if let last = positions.last(where: { data[start + $0].isNaN }) {
                    #expect(found[i].isNaN, "\(layout) at \(i)")
                    #expect(at[i] == Int64(last), "\(layout) at \(i)")
                    continue
                }
                var winner = positions[0]
                for p in positions where data[start + p] > data[start + winner] { winner = p }
                #expect(found[i] == data[start + winner], "\(layout) at \(i)")
                #expect(at[i] == Int64(winner), "\(layout) at \(i)")
            }
        }
    }

    @Test(arguments: cases, [DType.float32, .float64, .float16, .bfloat16]) func meansAndTheirGradients(_ c: Case, _ dtype: DType) throws {
        let plane = c.size.reduce(1, *), places = c.out.reduce(1, *)
        let x = grid(Shape([2, 3] + c.size), dtype), grad = grid(Shape([2, 3] + c.out), dtype, 5)
        let (xs, gs) = (values(x), values(grad))
        var means: [Double] = [], gradX = [Double](repeating: 0, count: xs.count)
        for i in 0..<(6 * places) {
            let (positions, padded) = c.window(i % places)
            let divisor = Double(c.divisor ?? (c.countIncludePad ? padded : positions.count))
            var sum = 0.0
            for p in positions { sum += xs[i / places * plane + p] }
            means.append(positions.isEmpty ? 0 : sum / divisor)
            for p in positions { gradX[i / places * plane + p] += gs[i] / divisor }
        }
        let tolerance = dtype.size == 2 ? 2 * dtype.epsilon : 16 * dtype.epsilon
        for layout in [Layout.contiguous, .transposed] {
            let out = Tensor.zeros(grad.shape, dtype: dtype), back = Tensor.full(x.shape, 77.0, dtype: dtype)
            try CPUBackend.shared.averagePool(layout.lay(x), c.parameters, into: out)
            try CPUBackend.shared.averagePoolBackward(layout.lay(grad), c.parameters, into: back)
            expectClose(out, means, rtol: tolerance, atol: tolerance, "\(layout) means")
            expectClose(back, gradX, rtol: tolerance, atol: tolerance, "\(layout) gradient")
        }
    }

    @Test(arguments: [([7], [3]), ([5, 8], [2, 5]), ([4, 4], [1, 1]), ([3, 4], [6, 4]), ([4, 5, 6], [2, 2, 4])]) func adaptiveWindows(
        _ sizes: ([Int], [Int])
    ) throws {
        let (size, out) = sizes
        let plane = size.reduce(1, *), places = out.reduce(1, *), p = PoolParameters(.adaptive)
        let x = grid(Shape([2, 2] + size), .float64), grad = grid(Shape([2, 2] + out), .float64, 3)
        let (xs, gs) = (values(x), values(grad))
        var means: [Double] = [], largest: [Double] = [], gradX = [Double](repeating: 0, count: xs.count)
        for i in 0..<(4 * places) {
            var rest = i % places, spans: [Range<Int>] = []
            for d in size.indices.reversed() {
                let o = rest % out[d]
                rest /= out[d]
                spans.insert(o * size[d] / out[d]..<((o + 1) * size[d] + out[d] - 1) / out[d], at: 0)
            }
            var positions = [0]
            for (d, span) in spans.enumerated() { positions = positions.flatMap { p in span.map { p * size[d] + $0 } } }
            let window = positions.map { xs[i / places * plane + $0] }
            means.append(window.reduce(0, +) / Double(window.count))
            largest.append(window.max()!)
            for p in positions { gradX[i / places * plane + p] += gs[i] / Double(window.count) }
        }
        let mean = Tensor.zeros(grad.shape, dtype: .float64), most = Tensor.zeros(grad.shape, dtype: .float64),
            indices = Tensor.zeros(grad.shape, dtype: .int64)
        let back = Tensor.zeros(x.shape, dtype: .float64)
        try CPUBackend.shared.averagePool(x, p, into: mean)
        try CPUBackend.shared.averagePoolBackward(grad, p, into: back)
        try CPUBackend.shared.maxPool(x, p, into: most, indices: indices)
        expectClose(mean, means)
        expectClose(back, gradX)
        expectClose(most, largest)
        for (i, at) in integers(indices).enumerated() { #expect(xs[i / places * plane + Int(at)] == largest[i]) }
    }

    @Test func planesAreSharedOutWithoutTrace() throws {
        let c = Case([40, 40], 3, stride: 2, padding: 1)
        let x = grid([8, 16, 40, 40], .float32)
        _ = try onThreads("means") {
            let out = Tensor.zeros(Shape([8, 16] + c.out))
            try CPUBackend.shared.averagePool(x, c.parameters, into: out)
            return out
        }
        _ = try onThreads("gradient") {
            let out = Tensor.zeros(x.shape)
            try CPUBackend.shared.averagePoolBackward(grid(Shape([8, 16] + c.out), .float32), c.parameters, into: out)
            return out
        }
    }
}
