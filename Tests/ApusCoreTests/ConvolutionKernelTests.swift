import ApusCore
import CKernels
import TestSupport
import Testing

/// Convolutions and pooling of the CPU backend against plain loops in Double.
@Suite struct ConvolutionKernelTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var n: Int, c: Int, o: Int, size: [Int], kernel: [Int]
        var stride = 1, padding = 0, dilation = 1, groups = 1
        /// Rows of x beyond all windows, as a transposed convolution's output padding makes them.
        var extra = 0
        var testDescription: String {
            "\(n)×\(c)→\(o) \(size) kernel \(kernel) stride \(stride) padding \(padding) dilation \(dilation) groups \(groups) extra \(extra)"
        }

        var parameters: ConvolutionParameters {
            func all(_ v: Int) -> [Int] { size.map { _ in v } }
            return ConvolutionParameters(stride: all(stride), padding: all(padding), dilation: all(dilation), groups: groups)
        }
        var out: [Int] { zip(size, kernel).map { ($0 - extra + 2 * padding - dilation * ($1 - 1) - 1) / stride + 1 } }
        var shapes: (x: Shape, weight: Shape, y: Shape) {
            (Shape([n, c] + size), Shape([o, c / groups] + kernel), Shape([n, o] + out))
        }

        /// Calls `body` with the flat positions in x, weight and y of every product.
        func forEach(_ body: (Int, Int, Int) -> Void) {
            let rank = size.count, (gc, go) = (c / groups, o / groups)
            let taps = kernel.reduce(1, *), places = out.reduce(1, *), plane = size.reduce(1, *)
            // The pairs of positions in a plane are the same for all channels.
            var pairs: [(Int, Int, Int)] = []
            for place in 0..<places {
                for tap in 0..<taps {
                    var (rp, rt, at, step, inside) = (place, tap, 0, 1, true)
                    for d in (0..<rank).reversed() {
                        let i = rp % out[d] * stride - padding + rt % kernel[d] * dilation
                        rp /= out[d]
                        rt /= kernel[d]
                        if i < 0 || i >= size[d] { inside = false }
                        at += i * step
                        step *= size[d]
                    }
                    if inside { pairs.append((at, tap, place)) }
                }
            }
            for image in 0..<n {
                for output in 0..<o {
                    for input in 0..<gc {
                        let x = (image * c + output / go * gc + input) * plane, w = (output * gc + input) * taps,
                            y = (image * o + output) * places
                        for (at, tap, place) in pairs { body(x + at, w + tap, y + place) }
                    }
                }
            }
        }
    }

    static let cases: [Case] = [
        Case(n: 1, c: 1, o: 1, size: [5], kernel: [3]),
        Case(n: 3, c: 4, o: 6, size: [17], kernel: [5], stride: 2, padding: 2),
        Case(n: 2, c: 3, o: 5, size: [9, 8], kernel: [3, 2], padding: 1),
        Case(n: 9, c: 1, o: 8, size: [12, 12], kernel: [3, 3], padding: 1),
        Case(n: 2, c: 2, o: 3, size: [35, 11], kernel: [5, 4], padding: 1),
        Case(n: 1, c: 2, o: 5, size: [9, 16], kernel: [2, 8]),
        Case(n: 2, c: 1, o: 2, size: [40, 10], kernel: [3, 3], padding: 2, extra: 3),
        Case(n: 1, c: 16, o: 32, size: [11, 13], kernel: [3, 3], stride: 2, padding: 1),
        Case(n: 2, c: 16, o: 16, size: [9, 9], kernel: [3, 3], padding: 2, dilation: 2),
        Case(n: 2, c: 16, o: 16, size: [10, 10], kernel: [3, 3], padding: 1, groups: 16),
        Case(n: 3, c: 8, o: 12, size: [7, 7], kernel: [3, 3], padding: 1, groups: 4),
        Case(n: 1, c: 32, o: 32, size: [6, 6], kernel: [3, 3], padding: 1, groups: 2),
        Case(n: 5, c: 24, o: 40, size: [8, 8], kernel: [1, 1]),
        Case(n: 5, c: 16, o: 24, size: [9, 9], kernel: [1, 1], stride: 2),
        Case(n: 2, c: 32, o: 32, size: [2, 2], kernel: [3, 3], padding: 1),
        Case(n: 2, c: 3, o: 4, size: [5, 6, 5], kernel: [2, 3, 3], padding: 1),
        Case(n: 2, c: 8, o: 8, size: [4, 5, 4], kernel: [3, 3, 3], stride: 2, padding: 1),
        Case(n: 2, c: 5, o: 7, size: [6, 6], kernel: [3, 3], stride: 2, padding: 1, extra: 1),
        Case(n: 2, c: 6, o: 4, size: [9, 9], kernel: [2, 2], stride: 2, dilation: 3, extra: 2),
        Case(n: 1, c: 64, o: 64, size: [6, 6], kernel: [3, 3], padding: 1),
        Case(n: 10, c: 3, o: 16, size: [8, 8], kernel: [3, 3], padding: 1),
    ]

    @Test(arguments: cases, [DType.float32, .float64, .float16, .bfloat16]) func agreesWithLoops(_ c: Case, _ dtype: DType) throws {
        let shapes = c.shapes
        let (x, weight, bias, grad) = (
            grid(shapes.x, dtype), grid(shapes.weight, dtype, 2), grid([c.o], dtype, 3), grid(shapes.y, dtype, 4)
        )
        let (xs, ws, bs, gs) = (values(x), values(weight), values(bias), values(grad))
        let places = c.out.reduce(1, *)
        var y = (0..<shapes.y.numel).map { bs[$0 / places % c.o] }
        var plain = [Double](repeating: 0, count: y.count)
        var gradX = [Double](repeating: 0, count: xs.count), gradWeight = [Double](repeating: 0, count: ws.count)
        c.forEach { i, k, o in
            y[o] += xs[i] * ws[k]
            plain[o] += xs[i] * ws[k]
            gradX[i] += gs[o] * ws[k]
            gradWeight[k] += gs[o] * xs[i]
        }
        let cpu = CPUBackend.shared, p = c.parameters
        // Sums of up to some thousand products; 16-bit results are rounded once, from float32.
        let half = dtype.size == 2
        let rtol = half ? dtype.epsilon : 64 * dtype.epsilon, atol = half ? 1e-3 : 2000 * dtype.epsilon
        for layout in [Layout.contiguous, .transposed, .sliced] where layout == .contiguous || !half {
            let (x, weight, grad) = (layout.lay(x), layout.lay(weight), layout.lay(grad))
            func run(_ shape: Shape, _ what: String, _ body: (Tensor) throws -> Void) rethrows -> Tensor {
                try onThreads(what) {
                    let out = Tensor.full(shape, 77.0, dtype: dtype)
                    try body(out)
                    return out
                }
            }
            try expectClose(
                run(shapes.y, "forward") { try cpu.convolution(x, weight, bias: bias, p, into: $0) }, y, rtol: rtol, atol: atol,
                "\(layout) forward with bias")
            try expectClose(
                run(shapes.y, "forward") { try cpu.convolution(x, weight, bias: nil, p, into: $0) }, plain, rtol: rtol, atol: atol,
                "\(layout) forward")
            try expectClose(
                run(shapes.x, "input") { try cpu.convolutionBackwardInput(grad, weight, p, into: $0) }, gradX, rtol: rtol, atol: atol,
                "\(layout) backward input")
            try expectClose(
                run(shapes.weight, "weight") { try cpu.convolutionBackwardWeight(grad, x, p, into: $0) }, gradWeight, rtol: rtol,
                atol: atol, "\(layout) backward weight")
        }
    }

    /// Large enough to be divided into tiles of images or channels in every direction.
    @Test(arguments: [
        Case(n: 8, c: 256, o: 256, size: [4, 4], kernel: [3, 3], padding: 1),
        Case(n: 1, c: 64, o: 128, size: [28, 28], kernel: [3, 3], stride: 2, padding: 1),
        Case(n: 19, c: 32, o: 64, size: [14, 14], kernel: [3, 3], padding: 1),
        Case(n: 8, c: 512, o: 512, size: [2, 2], kernel: [3, 3], padding: 1),
        // As a product of unrolled windows; the second only for the weight's gradient.
        Case(n: 3, c: 128, o: 130, size: [4, 4], kernel: [3, 3]),
        Case(n: 40, c: 128, o: 130, size: [4, 3], kernel: [3, 3], stride: 2, padding: 1),
        Case(n: 2, c: 64, o: 64, size: [28, 28], kernel: [3, 3], padding: 1, groups: 64),
        Case(n: 1, c: 128, o: 128, size: [28, 28], kernel: [3, 3], padding: 1, groups: 4),
        Case(n: 64, c: 1, o: 32, size: [28, 28], kernel: [3, 3], padding: 1),
        // Winograd: whole and partial tiles of 4 × 4, each padding, strips of images and of rows, the last one smaller.
        Case(n: 37, c: 32, o: 64, size: [14, 14], kernel: [3, 3], padding: 1),
        Case(n: 8, c: 64, o: 64, size: [16, 16], kernel: [3, 3], padding: 1),
        Case(n: 5, c: 64, o: 80, size: [31, 26], kernel: [3, 3]),
        Case(n: 1, c: 64, o: 64, size: [53, 50], kernel: [3, 3], padding: 2),
        Case(n: 2, c: 96, o: 128, size: [28, 30], kernel: [3, 3], padding: 1),
        // With few tiles: in blocks of output channels.
        Case(n: 1, c: 160, o: 130, size: [14, 15], kernel: [3, 3], padding: 1),
        Case(n: 2, c: 130, o: 160, size: [12, 9], kernel: [3, 3], padding: 1),
    ]) func tilesDoNotShow(_ c: Case) throws {
        let shapes = c.shapes, cpu = CPUBackend.shared, p = c.parameters
        func both(_ shape: Shape, _ what: String, _ body: (DType, Tensor) throws -> Void) rethrows {
            let wide = Tensor.full(shape, 77.0, dtype: .float64)
            try body(.float64, wide)
            let scale = wide.abs().max().item()
            #expect(scale > 0)
            for dtype in [DType.float32, .bfloat16] {
                let narrow = try onThreads(what) {
                    let out = Tensor.full(shape, 77.0, dtype: dtype)
                    try body(dtype, out)
                    return out
                }
                // A 16-bit result is rounded once.
                let worst = ((narrow.to(.float64) - wide).abs() - wide.abs() * (dtype.epsilon / 2)).max().item()
                #expect(worst <= 1e-5 * scale, "\(what) in \(dtype): off by \(worst) of \(scale)")
            }
        }
        let operands = Dictionary(
            uniqueKeysWithValues: [DType.float32, .float64, .bfloat16].map {
                ($0, (x: grid(shapes.x, $0), weight: grid(shapes.weight, $0, 2), grad: grid(shapes.y, $0, 4)))
            })
        try both(shapes.y, "forward") { try cpu.convolution(operands[$0]!.x, operands[$0]!.weight, bias: nil, p, into: $1) }
        try both(shapes.x, "input") { try cpu.convolutionBackwardInput(operands[$0]!.grad, operands[$0]!.weight, p, into: $1) }
        try both(shapes.weight, "weight") { try cpu.convolutionBackwardWeight(operands[$0]!.grad, operands[$0]!.x, p, into: $1) }
    }

    /// Which of a convolution's three directions Winograd's algorithm handles; those results are compared with float64.
    private func winograd(_ c: Case) throws -> (forward: Bool, input: Bool, weight: Bool) {
        let shapes = c.shapes
        var shape = CPUBackend.shared.description(input: shapes.x, weight: shapes.weight, output: shapes.y, c.parameters)
        func floats(_ t: Tensor) -> UnsafeMutablePointer<Float> { t.pointer.assumingMemoryBound(to: Float.self) }
        let (x, weight, bias, y) = (
            grid(shapes.x, .float32), grid(shapes.weight, .float32, 2), grid([c.o], .float32, 3), Tensor.full(shapes.y, 77.0)
        )
        let (gradX, gradWeight) = (Tensor.full(shapes.x, 77.0), Tensor.full(shapes.weight, 77.0))
        let taken = (
            forward: apus_convolution_winograd(&shape, floats(x), floats(weight), floats(bias), floats(y)) == APUS_DONE,
            input: apus_convolution_winograd_backward_input(&shape, floats(y), floats(weight), floats(gradX)) == APUS_DONE,
            weight: apus_convolution_winograd_backward_weight(&shape, floats(y), floats(x), floats(gradWeight)) == APUS_DONE
        )
        func compare(_ what: String, _ got: Tensor, _ body: (Tensor) throws -> Void) rethrows {
            let wide = Tensor.full(got.shape, 77.0, dtype: .float64)
            try body(wide)
            let worst = (got.to(.float64) - wide).abs().max().item(), scale = (wide * wide).mean().sqrt().item()
            #expect(worst <= 3e-5 * scale, "\(what) of \(c): off by \(worst) of \(scale)")
        }
        let cpu = CPUBackend.shared, p = c.parameters
        if taken.forward {
            try compare("forward", y) { try cpu.convolution(x.to(.float64), weight.to(.float64), bias: bias.to(.float64), p, into: $0) }
        }
        if taken.input {
            try compare("input", gradX) { try cpu.convolutionBackwardInput(y.to(.float64), weight.to(.float64), p, into: $0) }
        }
        if taken.weight {
            try compare("weight", gradWeight) { try cpu.convolutionBackwardWeight(y.to(.float64), x.to(.float64), p, into: $0) }
        }
        withExtendedLifetime((x, weight, bias, y, gradX, gradWeight)) {}
        return taken
    }

    /// Tiles of 4 × 4 outputs, cut off at the border in every way, with each padding.
    @Test(arguments: 0...2, 21...24) func winogradsSquaresDoNotShow(_ padding: Int, _ width: Int) throws {
        for height in 21...24 {
            let taken = try winograd(
                Case(n: 5, c: 131, o: 128, size: [height + 2 - 2 * padding, width + 2 - 2 * padding], kernel: [3, 3], padding: padding))
            #expect(taken.forward && taken.input && taken.weight, "\(taken)")
        }
    }

    @Test(arguments: [
        // Strips of images and of rows, the last one smaller: many strips are shared among threads; with few, the channels are.
        Case(n: 37, c: 48, o: 64, size: [14, 14], kernel: [3, 3], padding: 1),
        Case(n: 1, c: 64, o: 64, size: [66, 50], kernel: [3, 3], padding: 1),
        Case(n: 1, c: 32, o: 48, size: [130, 90], kernel: [3, 3], padding: 1),
        Case(n: 1, c: 26, o: 34, size: [120, 118], kernel: [3, 3], padding: 1),
        // Few tiles, in blocks of output channels.
        Case(n: 1, c: 190, o: 170, size: [16, 15], kernel: [3, 3], padding: 1),
        Case(n: 2, c: 150, o: 200, size: [12, 12], kernel: [3, 3], padding: 1),
        // Weights in more than one pass, and more than one block of sums.
        Case(n: 3, c: 270, o: 25, size: [28, 28], kernel: [3, 3], padding: 1),
    ]) func winogradsStripsDoNotShow(_ c: Case) throws {
        let taken = try winograd(c)
        #expect(taken.forward && taken.input && taken.weight, "\(taken)")
    }

    @Test(arguments: [
        Case(n: 23, c: 64, o: 64, size: [12, 12], kernel: [3, 3], stride: 2, padding: 1),
        Case(n: 23, c: 64, o: 64, size: [12, 12], kernel: [3, 3], padding: 2, dilation: 2),
        Case(n: 23, c: 64, o: 64, size: [12, 12], kernel: [3, 3], padding: 1, groups: 2),
        Case(n: 23, c: 64, o: 64, size: [12, 12], kernel: [3, 1]),
        Case(n: 23, c: 64, o: 64, size: [12, 12], kernel: [3, 3], padding: 3),
        Case(n: 2, c: 64, o: 64, size: [3, 12, 12], kernel: [1, 3, 3]),
        Case(n: 23, c: 64, o: 64, size: [52, 52], kernel: [3, 3], padding: 1, extra: 40),
        Case(n: 1, c: 64, o: 64, size: [4, 4], kernel: [3, 3], padding: 1),
        Case(n: 23, c: 3, o: 64, size: [12, 12], kernel: [3, 3], padding: 1),
    ]) func winogradRefuses(_ c: Case) throws {
        let taken = try winograd(c)
        #expect(!taken.forward && !taken.input && !taken.weight, "\(taken)")
    }

    /// Of every output whose window has a pixel that is not a number, and of no other; zeros that fill up registers may not meet it.
    @Test func notANumberStaysInItsWindows() throws {
        let c = Case(n: 3, c: 17, o: 33, size: [11, 9], kernel: [3, 3], stride: 2, padding: 1)
        let shapes = c.shapes, cpu = CPUBackend.shared
        func spoilt(_ shape: Shape, _ dtype: DType) -> Tensor {
            let x = grid(shape, dtype)
            x[0, 16, 4, 3] = Tensor(Double.nan, dtype: dtype)
            x[2, 0, 3, 3] = Tensor(Double.infinity, dtype: dtype)
            return x
        }
        func finite(_ dtype: DType) throws -> [[Double]] {
            let (x, weight, grad) = (spoilt(shapes.x, dtype), grid(shapes.weight, dtype, 2), spoilt(shapes.y, dtype))
            let (y, gradX) = (Tensor.full(shapes.y, 77.0, dtype: dtype), Tensor.full(shapes.x, 77.0, dtype: dtype))
            let gradWeight = Tensor.full(shapes.weight, 77.0, dtype: dtype)
            try cpu.convolution(x, weight, bias: nil, c.parameters, into: y)
            try cpu.convolutionBackwardInput(grad, weight, c.parameters, into: gradX)
            try cpu.convolutionBackwardWeight(grid(shapes.y, dtype, 4), x, c.parameters, into: gradWeight)
            return [y, gradX, gradWeight].map { values($0).map { $0.isFinite ? 1 : 0 } }
        }
        let want = try finite(.float64)
        for dtype in [DType.float32, .bfloat16] { #expect(try finite(dtype) == want, "\(dtype)") }
        #expect(want.allSatisfy { $0.contains(0) && $0.contains(1) })
    }

    @Test func emptyBatchesGiveNothingAndZeros() throws {
        let p = ConvolutionParameters(stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1), cpu = CPUBackend.shared
        for dtype in [DType.float32, .float64, .bfloat16] {
            let (x, y, weight) = (
                Tensor.zeros([0, 3, 5, 5], dtype: dtype), Tensor.zeros([0, 4, 5, 5], dtype: dtype), Tensor.ones([4, 3, 3, 3], dtype: dtype)
            )
            try cpu.convolution(x, weight, bias: nil, p, into: y)
            try cpu.convolutionBackwardInput(y, weight, p, into: x)
            let gradWeight = Tensor.ones([4, 3, 3, 3], dtype: dtype)
            try cpu.convolutionBackwardWeight(y, x, p, into: gradWeight)
            expectClose(gradWeight, [Double](repeating: 0, count: 108))
        }
    }

    @Test func noChannelsGiveZeros() throws {
        let p = ConvolutionParameters(stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1), cpu = CPUBackend.shared
        for dtype in [DType.float32, .float64, .bfloat16] {
            let (x, weight, y) = (
                Tensor.zeros([2, 0, 9, 9], dtype: dtype), Tensor.zeros([4, 0, 3, 3], dtype: dtype), Tensor.ones([2, 4, 9, 9], dtype: dtype)
            )
            try cpu.convolution(x, weight, bias: nil, p, into: y)
            expectClose(y, [Double](repeating: 0, count: y.numel))
            try cpu.convolutionBackwardInput(y, weight, p, into: x)
            try cpu.convolutionBackwardWeight(y, x, p, into: weight)
        }
    }
}
