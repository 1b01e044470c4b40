import ApusCore
import TestSupport
import Testing

@Suite("Backends: products, convolutions, pooling") struct ProductBackendTests {
    /// For a sum of n products of numbers up to 2 in magnitude (1 on average), in any order: n roundings, each of at most half a unit of
    /// a partial sum, which is at most the sum of the magnitudes.
    static func tolerance(products count: Int) -> Tolerance { Tolerance(ulps: 8 + Double(count), absolute: 8 + 2 * Double(count)) }

    // MARK: Matrix products

    /// B, M, K, N: vectors, empty matrices, sizes next to those of registers and tiles.
    static let products: [(Int, Int, Int, Int)] = [
        (1, 1, 1, 1), (1, 3, 5, 2), (2, 17, 9, 33), (3, 1, 40, 7), (3, 40, 7, 1), (1, 33, 32, 48), (2, 0, 3, 4), (2, 3, 0, 4), (2, 3, 4, 0),
        (0, 3, 4, 5),
        (5, 6, 16, 16), (1, 65, 20, 66),
    ]

    @Test(arguments: BackendTests.devices, DType.allCases.filter { $0 != .bool }) func matmul(_ device: Device, _ dtype: DType) throws {
        var samples = Samples(seed: 900 + UInt64(dtype.rawValue))
        func numbers(_ shape: Shape) -> Tensor {
            dtype.isFloatingPoint ? samples.tensor(shape, dtype, in: -2...2) : samples.integers(shape, dtype)
        }

        func compare(_ a: Twin, _ b: Twin, _ bias: Twin?, _ place: String) throws {
            let (ra, rb) = (a.reference, b.reference)
            let out = Twin(blank: [ra.shape[0], ra.shape[1], rb.shape[2]], dtype, on: device)
            ReferenceBackend.shared.matmul(ra, rb, bias: bias?.reference, into: out.reference)
            try device.backend.matmul(a.tested, b.tested, bias: bias?.tested, into: out.tested)
            BackendTests.complain(
                Self.tolerance(products: ra.shape[2]).difference(out),
                "\(dtype) \(ra.shape) · \(rb.shape)\(bias == nil ? "" : " with bias"), \(place)")
        }

        for (batch, rows, inner, columns) in Self.products {
            let (a, b, bias) = (numbers([batch, rows, inner]), numbers([batch, inner, columns]), numbers([columns]))
            for layoutA in Layout.allCases {
                for layoutB in Layout.allCases where layoutA == .contiguous || layoutB == .contiguous || layoutA == layoutB {
                    try compare(Twin(a, layoutA, on: device), Twin(b, layoutB, on: device), nil, "\(layoutA), \(layoutB)")
                }
            }
            try compare(Twin(a, on: device), Twin(b, on: device), Twin(bias, on: device), "contiguous")
            try compare(Twin(a, on: device), Twin(b, on: device), Twin(bias, .offset, on: device), "the bias not aligned")
            try compare(Twin(a, .transposed, on: device), Twin(b, .transposed, on: device), Twin(bias, .sliced, on: device), "transposed")
            // Each matrix of the batch is transposed, as by `x.transpose(1, 2)`.
            func flipped(_ x: Tensor) -> Tensor {
                let (shape, strides) = (x.shape, x.strides)
                return x.view([shape[0], shape[2], shape[1]], strides: [strides[0], strides[2], strides[1]], offset: x.offset)
            }
            let (at, bt) = (Twin(numbers([batch, inner, rows]), on: device), Twin(numbers([batch, columns, inner]), on: device))
            try compare(
                Twin(reference: flipped(at.reference), tested: flipped(at.tested)),
                Twin(reference: flipped(bt.reference), tested: flipped(bt.tested)),
                nil, "both flipped")
        }
        // More than one tile of rows, columns and the inner dimension.
        for (rows, inner, columns) in dtype == .float32 || dtype == .float64
            ? [(600, 20, 20), (17, 700, 20), (10, 20, 800), (130, 40, 70)] : [(70, 60, 40)]
        {
            let (a, b) = (numbers([1, rows, inner]), numbers([1, inner, columns]))
            try compare(Twin(a, on: device), Twin(b, on: device), nil, "large")
            try compare(Twin(a, .transposed, on: device), Twin(b, .offset, on: device), nil, "large, transposed")
        }
    }

    /// NaN and infinities are kept, also when multiplied by zero.
    @Test(arguments: BackendTests.devices, DType.floats) func productsKeepNaN(_ device: Device, _ dtype: DType) throws {
        let a = Twin(reference([0, 1, .infinity, 2, 0, 0], [1, 2, 3], dtype), on: device)
        let b = Twin(reference([.nan, 1, 2, 3, 0, 4], [1, 3, 2], dtype), on: device)
        let out = blank([1, 2, 2], dtype, on: device)
        try device.backend.matmul(a.tested, b.tested, bias: nil, into: out)
        expectClose(out, [.nan, .infinity, .nan, 2])
    }

    // MARK: Convolutions

    struct ConvolutionCase {
        var batch = 2
        var input: [Int]
        var channels = (4, 6)
        var kernel: [Int]
        var stride: [Int]?
        var padding: [Int]?
        var dilation: [Int]?
        var groups = 1

        var parameters: ConvolutionParameters {
            let ones = kernel.map { _ in 1 }
            return ConvolutionParameters(
                stride: stride ?? ones, padding: padding ?? kernel.map { _ in 0 }, dilation: dilation ?? ones, groups: groups)
        }
        var output: [Int] {
            let p = parameters
            return kernel.indices.map { (input[$0] + 2 * p.padding[$0] - p.dilation[$0] * (kernel[$0] - 1) - 1) / p.stride[$0] + 1 }
        }
    }

    static let convolutions: [ConvolutionCase] = [
        ConvolutionCase(input: [9], kernel: [3]),
        ConvolutionCase(input: [16], kernel: [4], stride: [3], padding: [2], dilation: [2], groups: 2),
        ConvolutionCase(input: [8, 8], kernel: [3, 3], padding: [1, 1]),
        ConvolutionCase(input: [7, 9], kernel: [3, 2], stride: [2, 1], padding: [1, 0]),
        ConvolutionCase(input: [9, 8], kernel: [2, 3], stride: [1, 2], padding: [2, 3], dilation: [3, 2]),
        ConvolutionCase(input: [5, 6], kernel: [1, 1]),
        ConvolutionCase(input: [6, 5], kernel: [1, 1], stride: [2, 2], groups: 2),
        // Depthwise, with one and two output channels per input channel; groups of several channels.
        ConvolutionCase(input: [6, 7], channels: (4, 4), kernel: [3, 3], padding: [1, 1], groups: 4),
        ConvolutionCase(input: [6, 7], channels: (3, 6), kernel: [3, 3], stride: [2, 2], groups: 3),
        ConvolutionCase(input: [6, 6], channels: (8, 16), kernel: [3, 3], padding: [1, 1], groups: 2),
        // A kernel as large as the padded input; an input of one pixel.
        ConvolutionCase(input: [3, 3], kernel: [5, 5], padding: [1, 1]),
        ConvolutionCase(input: [1, 1], channels: (3, 2), kernel: [3, 3], padding: [1, 1]),
        // Input positions outside all windows.
        ConvolutionCase(input: [8, 7], kernel: [2, 2], stride: [3, 3]),
        ConvolutionCase(input: [4, 5, 6], channels: (2, 3), kernel: [2, 3, 2], stride: [1, 2, 1], padding: [1, 1, 0]),
        ConvolutionCase(input: [4, 4, 4], channels: (4, 4), kernel: [3, 3, 3], padding: [1, 1, 1], dilation: [1, 1, 1], groups: 2),
        ConvolutionCase(batch: 0, input: [5, 5], kernel: [3, 3]),
        ConvolutionCase(batch: 17, input: [6, 6], channels: (1, 8), kernel: [3, 3], padding: [1, 1]),
        ConvolutionCase(batch: 3, input: [6, 6], channels: (16, 17), kernel: [3, 3], padding: [1, 1]),
    ]

    @Test(arguments: BackendTests.devices, DType.floats) func convolution(_ device: Device, _ dtype: DType) throws {
        var samples = Samples(seed: 1000 + UInt64(dtype.rawValue))
        for test in Self.convolutions {
            let p = test.parameters
            let (ins, outs) = test.channels
            let taps = test.kernel.reduce(1, *)
            let x = samples.tensor(Shape([test.batch, ins] + test.input), dtype, in: -2...2)
            let weight = samples.tensor(Shape([outs, ins / test.groups] + test.kernel), dtype, in: -2...2)
            let bias = samples.tensor([outs], dtype, in: -2...2)
            let grad = samples.tensor(Shape([test.batch, outs] + test.output), dtype, in: -2...2)
            // Large ones are tested in two layouts only: the reference is slow.
            let work = grad.numel * ins / test.groups * taps
            for layout in work < 20_000 ? Layout.allCases : [.contiguous, .transposed] {
                let (x, weight, bias, grad) = (
                    Twin(x, layout, on: device), Twin(weight, layout, on: device), Twin(bias, layout, on: device),
                    Twin(grad, layout, on: device)
                )
                let place = "\(dtype) \(x.reference.shape), weight \(weight.reference.shape), \(p), \(layout)"

                let out = Twin(blank: grad.reference.shape, dtype, on: device)
                let forward = Self.tolerance(products: ins / test.groups * taps)
                ReferenceBackend.shared.convolution(x.reference, weight.reference, bias: nil, p, into: out.reference)
                try device.backend.convolution(x.tested, weight.tested, bias: nil, p, into: out.tested)
                BackendTests.complain(forward.difference(out), "convolution of \(place)")

                // cuDNN rounds its result before the bias is added, as in PyTorch, which matters in 16-bit types.
                var biased = forward
                if device.isCUDA, dtype.size == 2 {
                    biased.absolute += dtype.epsilon / DType.float32.epsilon * (out.reference.abs().array(Double.self).max() ?? 0)
                }
                ReferenceBackend.shared.convolution(x.reference, weight.reference, bias: bias.reference, p, into: out.reference)
                try device.backend.convolution(x.tested, weight.tested, bias: bias.tested, p, into: out.tested)
                BackendTests.complain(biased.difference(out), "convolution with bias of \(place)")

                let gradX = Twin(blank: x.reference.shape, dtype, on: device)
                ReferenceBackend.shared.convolutionBackwardInput(grad.reference, weight.reference, p, into: gradX.reference)
                try device.backend.convolutionBackwardInput(grad.tested, weight.tested, p, into: gradX.tested)
                BackendTests.complain(
                    Self.tolerance(products: outs / test.groups * taps).difference(gradX), "gradient of the input of \(place)")

                let gradWeight = Twin(blank: weight.reference.shape, dtype, on: device)
                ReferenceBackend.shared.convolutionBackwardWeight(grad.reference, x.reference, p, into: gradWeight.reference)
                try device.backend.convolutionBackwardWeight(grad.tested, x.tested, p, into: gradWeight.tested)
                BackendTests.complain(
                    Self.tolerance(products: test.batch * test.output.reduce(1, *)).difference(gradWeight),
                    "gradient of the weight of \(place)")
            }
        }
    }

    // MARK: Pooling

    static func sliding(
        _ kernel: [Int], _ stride: [Int], _ padding: [Int], dilation: [Int]? = nil, countIncludePad: Bool = true, divisor: Int? = nil
    ) -> PoolParameters {
        PoolParameters(
            .sliding(
                kernel: kernel, stride: stride, padding: padding, dilation: dilation ?? kernel.map { _ in 1 },
                countIncludePad: countIncludePad, divisor: divisor))
    }

    /// Input, output (larger in ceil mode) and parameters.
    static let pools: [([Int], [Int], PoolParameters)] = [
        ([8], [4], sliding([2], [2], [0])),
        ([9], [5], sliding([3], [2], [1])),
        ([6, 6], [3, 3], sliding([2, 2], [2, 2], [0, 0])),
        ([7, 9], [4, 5], sliding([3, 3], [2, 2], [1, 1])),
        ([7, 9], [4, 5], sliding([3, 3], [2, 2], [1, 1], countIncludePad: false)),
        ([7, 9], [4, 5], sliding([3, 3], [2, 2], [1, 1], divisor: 5)),
        ([6, 7], [3, 3], sliding([3, 3], [2, 2], [0, 0])),
        ([6, 7], [4, 4], sliding([3, 3], [2, 2], [1, 1])),
        ([5, 6], [4, 4], sliding([2, 3], [1, 1], [0, 0])),
        ([1, 1], [1, 1], sliding([1, 1], [1, 1], [0, 0])),
        ([4, 5, 6], [2, 2, 3], sliding([2, 2, 2], [2, 2, 2], [0, 0, 0])),
        ([4, 5, 6], [3, 3, 4], sliding([2, 3, 2], [2, 2, 2], [1, 1, 1])),
        ([33, 40], [16, 20], sliding([3, 2], [2, 2], [0, 0])),
    ]
    static let dilatedPools: [([Int], [Int], PoolParameters)] = [
        ([9], [5], sliding([3], [1], [0], dilation: [2])),
        ([7, 9], [3, 3], sliding([2, 3], [2, 2], [0, 0], dilation: [3, 2])),
        ([6, 6], [4, 4], sliding([3, 3], [1, 1], [1, 1], dilation: [2, 2])),
    ]
    static let adaptivePools: [([Int], [Int], PoolParameters)] = [
        ([7], [3], PoolParameters(.adaptive)), ([5, 7], [1, 1], PoolParameters(.adaptive)), ([5, 7], [3, 2], PoolParameters(.adaptive)),
        ([4, 4], [4, 4], PoolParameters(.adaptive)), ([3, 4], [5, 6], PoolParameters(.adaptive)),
        ([4, 5, 6], [2, 3, 4], PoolParameters(.adaptive)),
    ]

    @Test(arguments: BackendTests.devices, DType.floats) func maxPool(_ device: Device, _ dtype: DType) throws {
        var samples = Samples(seed: 1100 + UInt64(dtype.rawValue))
        for (input, output, p) in Self.pools + Self.dilatedPools + Self.adaptivePools {
            for planes in [(2, 3), (1, 17), (0, 2)] {
                let shape = Shape([planes.0, planes.1] + input)
                // Few different numbers, so that ties occur, and some NaNs. If a window contains two NaNs, either index is valid.
                for x in [
                    samples.tensor(shape, dtype, in: -4...4), samples.tensor(shape, dtype, in: 0...0, specials: [1, 2, -.infinity, 2, 1]),
                ] {
                    for layout in shape.numel < 3000 ? Layout.allCases : [.contiguous] {
                        let x = Twin(x, layout, on: device)
                        let outShape = Shape([planes.0, planes.1] + output)
                        let (out, index) = (Twin(blank: outShape, dtype, on: device), Twin(blank: outShape, .int64, on: device))
                        ReferenceBackend.shared.maxPool(x.reference, p, into: out.reference, indices: index.reference)
                        try device.backend.maxPool(x.tested, p, into: out.tested, indices: index.tested)
                        let place = "maxPool of \(dtype) \(shape), \(p), \(layout)"
                        BackendTests.complain(Tolerance.exact.difference(out), place)
                        BackendTests.complain(Tolerance.exact.difference(index), place + ", places")
                    }
                }
            }
        }
        let x = Twin(reference([1, .nan, 3, 4, -.infinity, -.infinity], [1, 1, 6], dtype), on: device)
        let (out, index) = (blank([1, 1, 3], dtype, on: device), blank([1, 1, 3], .int64, on: device))
        try device.backend.maxPool(x.tested, Self.sliding([2], [2], [0]), into: out, indices: index)
        expectClose(out, [.nan, 4, -.infinity])
        #expect(integers(index) == [1, 3, 4])
    }

    @Test(arguments: BackendTests.devices, DType.floats) func averagePool(_ device: Device, _ dtype: DType) throws {
        var samples = Samples(seed: 1200 + UInt64(dtype.rawValue))
        for (input, output, p) in Self.pools + Self.adaptivePools {
            for planes in [(2, 3), (1, 17), (0, 2)] {
                let (inShape, outShape) = (Shape([planes.0, planes.1] + input), Shape([planes.0, planes.1] + output))
                let (x, grad) = (samples.tensor(inShape, dtype, in: -2...2), samples.tensor(outShape, dtype, in: -2...2))
                for layout in inShape.numel < 3000 ? Layout.allCases : [.contiguous] {
                    let (x, grad) = (Twin(x, layout, on: device), Twin(grad, layout, on: device))
                    let (out, gradX) = (Twin(blank: outShape, dtype, on: device), Twin(blank: inShape, dtype, on: device))
                    ReferenceBackend.shared.averagePool(x.reference, p, into: out.reference)
                    try device.backend.averagePool(x.tested, p, into: out.tested)
                    BackendTests.complain(
                        Tolerance(ulps: 4, absolute: 32).difference(out), "averagePool of \(dtype) \(inShape), \(p), \(layout)")
                    ReferenceBackend.shared.averagePoolBackward(grad.reference, p, into: gradX.reference)
                    try device.backend.averagePoolBackward(grad.tested, p, into: gradX.tested)
                    BackendTests.complain(
                        Tolerance(ulps: 4, absolute: 32).difference(gradX),
                        "gradient of averagePool of \(dtype) \(inShape), \(p), \(layout)")
                }
            }
        }
    }
}
