import ApusCore
import TestSupport
import Testing

@Suite("Backends: reductions") struct ReductionBackendTests {
    /// Shapes and the dimensions to reduce, none of which is empty.
    static let cases: [(Shape, [[Int]])] = [
        ([], [[]]),
        ([1], [[0]]),
        ([9], [[0], []]),
        ([67], [[0]]),
        ([5, 33], [[0], [1], [0, 1]]),
        ([0, 3], [[1]]),
        ([2, 3, 17], [[0], [1], [2], [0, 2], [1, 2], [0, 1, 2]]),
        ([3, 4, 5, 6], [[1], [0, 2], [1, 3], [0, 1, 3], [2, 3]]),
        ([2, 3, 2, 3, 2], [[0, 2, 4], [1, 3], [2, 3]]),
    ]
    /// Large reductions, of rows and of columns: several threads share one sum, or each thread has many.
    static let large: [(Shape, [Int], Layout)] = [
        ([70_003], [0], .contiguous), ([3, 23_000], [1], .contiguous), ([23_000, 3], [0], .contiguous), ([300, 130], [1], .transposed),
        ([45, 20, 40], [0, 2], .contiguous), ([45, 20, 40], [1], .sliced),
    ]

    @Test(arguments: BackendTests.devices, ReduceKind.allCases) func reduce(_ device: Device, _ kind: ReduceKind) throws {
        var samples = Samples(seed: 500 + UInt64(kind.rawValue))
        let isLogical = kind == .any || kind == .all

        func compare(_ x: Tensor, _ layout: Layout, _ dims: [Int], _ tolerance: Tolerance) throws {
            let x = Twin(x, layout, on: device)
            var shape = x.reference.shape
            for dim in dims { shape[dim] = 1 }
            let out = Twin(blank: shape, isLogical ? .bool : x.reference.dtype, on: device)
            ReferenceBackend.shared.reduce(kind, x.reference, dims: dims, into: out.reference)
            try device.backend.reduce(kind, x.tested, dims: dims, into: out.tested)
            BackendTests.complain(tolerance.difference(out), "\(kind) over \(dims) of \(x.reference.dtype) \(x.reference.shape) \(layout)")
        }

        for dtype in DType.allCases where kind != .mean || dtype.isFloatingPoint {
            for (shape, choices) in Self.cases {
                for dims in choices {
                    // A sum of n numbers up to 4 is off by at most n·4 units; n is at most 200 here.
                    let count = Double(dims.reduce(1) { $0 * shape[$1] })
                    let tolerance: Tolerance =
                        switch kind {
                        case .sum: Tolerance(ulps: 4, absolute: 4 * count)
                        case .mean: Tolerance(ulps: 4, absolute: 4)
                        case .prod: Tolerance(ulps: 2 + count)
                        default: .exact
                        }
                    var inputs: [Tensor]
                    if dtype.isFloatingPoint {
                        // Factors near 1, so that products neither overflow nor vanish.
                        inputs = [samples.tensor(shape, dtype, in: kind == .prod ? 0.9...1.1 : -4...4)]
                        inputs.append(
                            samples.tensor(
                                shape, dtype, in: isLogical ? 0...0 : 0.9...1.1, specials: [.infinity, 1, 1, 0, 1, .nan, -.infinity, 1]))
                    } else {
                        inputs = [samples.integers(shape, dtype), samples.tensor(shape, dtype, in: 0...1)]
                    }
                    for x in inputs { for layout in Layout.allCases { try compare(x, layout, dims, tolerance) } }
                }
            }
        }
        for (shape, dims, layout) in Self.large {
            for dtype in kind == .sum || kind == .max ? [DType.float32, .bfloat16, .int32] : [.float32] {
                let count = Double(dims.reduce(1) { $0 * shape[$1] })
                // Sums consist of partial sums, so that errors grow with the root of the count only.
                let tolerance: Tolerance =
                    switch kind {
                    case .sum: Tolerance(ulps: 8, absolute: 8 * count.squareRoot())
                    case .mean: Tolerance(ulps: 8, absolute: 8)
                    case .prod: Tolerance(ulps: 8 * count.squareRoot())
                    default: .exact
                    }
                let x =
                    dtype.isFloatingPoint
                    ? samples.tensor(shape, dtype, in: kind == .prod ? 0.999...1.001 : -1...1) : samples.integers(shape, dtype)
                try compare(x, layout, dims, tolerance)
            }
        }
    }

    /// An empty sum is 0, an empty product 1, an empty mean NaN.
    @Test(arguments: BackendTests.devices) func emptyReductions(_ device: Device) throws {
        for (kind, expected) in [(ReduceKind.sum, 0.0), (.prod, 1), (.mean, .nan), (.any, 0), (.all, 1)] {
            for dtype in [DType.float32, .float64, .bfloat16, .int64] where kind != .mean || dtype.isFloatingPoint {
                let out = blank([3, 1, 2], kind == .any || kind == .all ? .bool : dtype, on: device)
                try device.backend.reduce(kind, blank([3, 0, 2], dtype, on: device), dims: [1], into: out)
                expectClose(out, [Double](repeating: expected, count: 6), "\(kind) of nothing, \(dtype)")
            }
        }
    }

    /// A maximum or minimum is NaN if any element is.
    @Test(arguments: BackendTests.devices) func nanWins(_ device: Device) throws {
        for dtype in DType.floats {
            for place in [0, 1, 31, 64, 99] {
                var numbers = (0..<100).map { Double($0 % 10) }
                numbers[place] = .nan
                let x = Twin(reference(numbers, [100], dtype), on: device)
                for kind in [ReduceKind.max, .min] {
                    let out = blank([1], dtype, on: device)
                    try device.backend.reduce(kind, x.tested, dims: [0], into: out)
                    expectClose(out, [.nan], "\(kind) with NaN at \(place), \(dtype)")
                }
                for kind in ArgReduceKind.allCases {
                    let (index, value) = (blank([1], .int64, on: device), blank([1], dtype, on: device))
                    try device.backend.argReduce(kind, x.tested, dim: 0, indices: index, values: value)
                    #expect(integers(index) == [Int64(place)], "arg\(kind) with NaN at \(place), \(dtype)")
                    expectClose(value, [.nan])
                }
            }
        }
    }

    // MARK: Along one dimension

    static let lines: [(Shape, [Int])] = [
        ([1], [0]), ([8], [0]), ([65], [0]), ([5, 33], [0, 1]), ([2, 3, 17], [0, 1, 2]), ([3, 4, 5, 6], [1, 2]),
        ([2, 3, 2, 3, 2], [0, 2, 4]), ([0, 4], [1]),
    ]
    static let largeLines: [(Shape, Int, Layout)] = [
        ([33_001], 0, .contiguous), ([300, 120], 1, .contiguous), ([300, 120], 0, .contiguous), ([120, 300], 1, .transposed),
    ]

    /// Runs `body` for every dtype, shape, dimension and layout, with few different numbers, so that ties occur.
    private func forEachLine(
        _ seed: UInt64, _ dtypes: [DType] = DType.allCases, specials: Bool = true, _ body: (Tensor, Layout, Int) throws -> Void
    ) rethrows {
        var samples = Samples(seed: seed)
        for dtype in dtypes {
            for (shape, dims) in Self.lines {
                for dim in dims {
                    let corners = dtype.isFloatingPoint && specials ? [.nan, 0, -0.0, .infinity, -.infinity, 2, 1] : []
                    let few = samples.tensor(shape, dtype, in: dtype == .bool ? 0...1 : 0...5, specials: corners)
                    for layout in Layout.allCases { try body(few, layout, dim) }
                    try body(dtype.isFloatingPoint ? samples.tensor(shape, dtype) : samples.integers(shape, dtype), .contiguous, dim)
                }
            }
        }
        for (shape, dim, layout) in Self.largeLines { try body(samples.tensor(shape, .float32, in: -100...100), layout, dim) }
    }

    @Test(arguments: BackendTests.devices, ArgReduceKind.allCases) func argReduce(_ device: Device, _ kind: ArgReduceKind) throws {
        try forEachLine(600) { x, layout, dim in
            let x = Twin(x, layout, on: device)
            var shape = x.reference.shape
            shape[dim] = 1
            let (index, value) = (Twin(blank: shape, .int64, on: device), Twin(blank: shape, x.reference.dtype, on: device))
            ReferenceBackend.shared.argReduce(kind, x.reference, dim: dim, indices: index.reference, values: value.reference)
            let place = "arg\(kind) along \(dim) of \(x.reference.dtype) \(x.reference.shape) \(layout)"
            try device.backend.argReduce(kind, x.tested, dim: dim, indices: index.tested, values: value.tested)
            BackendTests.complain(Tolerance.exact.difference(index), place + ", places")
            BackendTests.complain(Tolerance.exact.difference(value), place + ", values")
        }
    }

    @Test(arguments: BackendTests.devices, ScanKind.allCases) func scan(_ device: Device, _ kind: ScanKind) throws {
        func compare(_ x: Tensor, _ layout: Layout, _ dim: Int, _ tolerance: Tolerance) throws {
            let x = Twin(x, layout, on: device)
            let out = Twin(blank: x.reference.shape, x.reference.dtype, on: device)
            ReferenceBackend.shared.scan(kind, x.reference, dim: dim, into: out.reference)
            try device.backend.scan(kind, x.tested, dim: dim, into: out.tested)
            BackendTests.complain(
                tolerance.difference(out), "running \(kind) along \(dim) of \(x.reference.dtype) \(x.reference.shape) \(layout)")
        }
        // Up to 40,001 numbers up to 100: running sums reach about 10⁴ times a number, and each step rounds once.
        // Products of more than 8 numbers would overflow.
        try forEachLine(700, DType.allCases.filter { $0 != .bool }) { x, layout, dim in
            guard kind == .sum || x.shape[dim] <= 8 || !x.dtype.isFloatingPoint else { return }
            try compare(x, layout, dim, Tolerance(ulps: 64, absolute: x.numel > 1000 ? 40_000 : 256))
        }
        var samples = Samples(seed: 701)
        for (shape, dim, layout) in Self.largeLines where kind == .prod {
            try compare(samples.tensor(shape, .float32, in: 0.99...1.01), layout, dim, Tolerance(ulps: 40_000))
        }
    }

    @Test(arguments: BackendTests.devices, [false, true]) func sort(_ device: Device, _ descending: Bool) throws {
        try forEachLine(800) { x, layout, dim in
            let x = Twin(x, layout, on: device)
            let shape = x.reference.shape
            let (value, index) = (Twin(blank: shape, x.reference.dtype, on: device), Twin(blank: shape, .int64, on: device))
            ReferenceBackend.shared.sort(x.reference, dim: dim, descending: descending, values: value.reference, indices: index.reference)
            try device.backend.sort(x.tested, dim: dim, descending: descending, values: value.tested, indices: index.tested)
            let place = "sort along \(dim) of \(x.reference.dtype) \(shape) \(layout), descending \(descending)"
            BackendTests.complain(Tolerance.exact.difference(value), place + ", values")
            BackendTests.complain(Tolerance.exact.difference(index), place + ", places")
        }
    }
}
