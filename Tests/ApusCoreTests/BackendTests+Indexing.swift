import ApusCore
import TestSupport
import Testing

@Suite("Backends: indexing") struct IndexingBackendTests {
    static let shapes: [(Shape, Int)] = [
        ([7], 0), ([5, 6], 0), ([5, 6], 1), ([3, 4, 5], 1), ([2, 3, 2, 3, 2], 2), ([3, 4, 5], 2), ([0, 4], 1),
    ]

    private func numbers(_ shape: Shape, _ dtype: DType, _ samples: inout Samples) -> Tensor {
        dtype.isFloatingPoint ? samples.tensor(shape, dtype) : samples.integers(shape, dtype)
    }

    /// Indices in 0..<extent, with repetitions.
    private func indices(_ shape: Shape, below extent: Int, _ samples: inout Samples) -> Tensor {
        samples.tensor(shape, .int64, in: -0.49...(Double(extent) - 0.51))
    }

    private func run(_ place: @autoclosure () -> String, _ body: () throws -> Void) {
        do { try body() } catch { Issue.record("\(place()): \(error)") }
    }

    @Test(arguments: BackendTests.devices, DType.allCases) func select(_ device: Device, _ dtype: DType) {
        var samples = Samples(seed: 1300 + UInt64(dtype.rawValue))
        for (shape, dim) in Self.shapes + (dtype == .float32 ? [([200, 170], 0), ([170, 200], 1)] : []) {
            for count in shape.numel < 1000 ? [0, 1, 11] : [11] {
                for layout in shape.numel < 1000 ? Layout.allCases : [.contiguous, .transposed] {
                    let x = Twin(numbers(shape, dtype, &samples), layout, on: device)
                    let index = Twin(indices([count], below: shape[dim], &samples), layout, on: device)
                    var outShape = shape
                    outShape[dim] = count
                    let out = Twin(blank: outShape, dtype, on: device)
                    let place = "indexSelect along \(dim) of \(dtype) \(shape) \(layout), \(count) indices"
                    run(place) {
                        try ReferenceBackend.shared.indexSelect(x.reference, dim: dim, index.reference, into: out.reference)
                        try device.backend.indexSelect(x.tested, dim: dim, index.tested, into: out.tested)
                    }
                    BackendTests.complain(Tolerance.exact.difference(out), place)
                }
            }
        }
    }

    @Test(arguments: BackendTests.devices, DType.allCases) func add(_ device: Device, _ dtype: DType) {
        var samples = Samples(seed: 1400 + UInt64(dtype.rawValue))
        for (shape, dim) in Self.shapes + (dtype == .float32 ? [([50, 700], 0), ([700, 50], 1)] : []) {
            for count in shape.numel < 1000 ? [0, 1, 11] : [11] {
                for layout in shape.numel < 1000 ? Layout.allCases : [.contiguous, .transposed] {
                    var sourceShape = shape
                    sourceShape[dim] = count
                    let out = Twin(numbers(shape, dtype, &samples), on: device)
                    let source = Twin(numbers(sourceShape, dtype, &samples), layout, on: device)
                    let index = Twin(indices([count], below: shape[dim], &samples), layout, on: device)
                    let place = "indexAdd along \(dim) of \(dtype) \(shape) \(layout), \(count) indices"
                    run(place) {
                        try ReferenceBackend.shared.indexAdd(out.reference, dim: dim, index.reference, source.reference)
                        try device.backend.indexAdd(out.tested, dim: dim, index.tested, source.tested)
                    }
                    // Up to 12 summands up to 4; in 16-bit types each sum is rounded.
                    let tolerance =
                        dtype.size == 2
                        ? Tolerance(ulps: 12, absolute: 48 * dtype.epsilon / DType.float32.epsilon) : Tolerance(ulps: 12, absolute: 48)
                    BackendTests.complain(tolerance.difference(out), place)
                }
            }
        }
    }

    /// The index may be shorter than the tensor in every other dimension.
    private func indexShape(_ shape: Shape, _ dim: Int, _ count: Int) -> Shape {
        Shape(shape.indices.map { $0 == dim ? count : Swift.max(shape[$0] - 1, 0) })
    }

    @Test(arguments: BackendTests.devices, DType.allCases) func gather(_ device: Device, _ dtype: DType) {
        var samples = Samples(seed: 1500 + UInt64(dtype.rawValue))
        for (shape, dim) in Self.shapes + (dtype == .float32 ? [([170, 200], 0), ([170, 200], 1)] : []) {
            for count in shape.numel < 1000 ? [0, 1, 9] : [190] {
                for layout in shape.numel < 1000 ? Layout.allCases : [.contiguous, .transposed] {
                    let x = Twin(numbers(shape, dtype, &samples), layout, on: device)
                    let outShape = indexShape(shape, dim, count)
                    let index = Twin(indices(outShape, below: shape[dim], &samples), layout, on: device)
                    let out = Twin(blank: outShape, dtype, on: device)
                    let place = "gather along \(dim) of \(dtype) \(shape) by \(outShape) \(layout)"
                    run(place) {
                        try ReferenceBackend.shared.gather(x.reference, dim: dim, index.reference, into: out.reference)
                        try device.backend.gather(x.tested, dim: dim, index.tested, into: out.tested)
                    }
                    BackendTests.complain(Tolerance.exact.difference(out), place)
                }
            }
        }
    }

    @Test(arguments: BackendTests.devices, ScatterKind.allCases) func scatter(_ device: Device, _ kind: ScatterKind) {
        var samples = Samples(seed: 1600 + UInt64(kind.rawValue))
        for dtype in DType.allCases {
            for (shape, dim) in Self.shapes + (dtype == .float32 ? [([170, 200], 0), ([170, 200], 1)] : []) {
                for count in shape.numel < 1000 ? [0, 1, 9] : [190] {
                    for layout in shape.numel < 1000 ? Layout.allCases : [.contiguous, .transposed] {
                        let sourceShape = indexShape(shape, dim, count)
                        let out = Twin(numbers(shape, dtype, &samples), on: device)
                        let source = Twin(numbers(sourceShape, dtype, &samples), layout, on: device)
                        let index = Twin(indices(sourceShape, below: shape[dim], &samples), layout, on: device)
                        let place = "scatter \(kind) along \(dim) of \(dtype) \(shape) by \(sourceShape) \(layout)"
                        run(place) {
                            try ReferenceBackend.shared.scatter(kind, out.reference, dim: dim, index.reference, source.reference)
                            try device.backend.scatter(kind, out.tested, dim: dim, index.tested, source.tested)
                        }
                        let rounds = kind == .add || kind == .multiply
                        // Up to ten steps, each rounded to the element type; products reach 4¹⁰.
                        let unit = dtype.size == 2 ? dtype.epsilon / DType.float32.epsilon : 1
                        let tolerance =
                            rounds && dtype.isFloatingPoint ? Tolerance(ulps: 12 * unit, absolute: kind == .add ? 48 * unit : 0) : .exact
                        BackendTests.complain(tolerance.difference(out), place)
                    }
                }
            }
        }
    }

    /// A scattered minimum or maximum with NaN is NaN, as everywhere.
    @Test(arguments: BackendTests.devices, DType.floats) func scatterKeepsNaN(_ device: Device, _ dtype: DType) throws {
        for kind in [ScatterKind.min, .max] {
            let out = Twin(reference([.nan, 1, 1], [3], dtype), on: device).tested
            let source = Twin(reference([2, .nan, 0, 3], [4], dtype), on: device).tested
            let index = Twin(reference([0, 1, 1, 2] as [Int64], [4], .int64), on: device).tested
            try device.backend.scatter(kind, out, dim: 0, index, source)
            expectClose(out, [.nan, .nan, kind == .min ? 1 : 3], "\(kind)")
        }
    }

    @Test(arguments: BackendTests.devices, DType.allCases) func nonzero(_ device: Device, _ dtype: DType) throws {
        var samples = Samples(seed: 1700 + UInt64(dtype.rawValue))
        for shape in BackendTests.shapes + (dtype == .float32 ? [[40001], [30, 50, 24]] : []) {
            for layout in shape.numel < 1000 ? Layout.allCases : [.contiguous, .transposed] {
                let x = Twin(
                    samples.tensor(shape, dtype, in: 0...1, specials: dtype.isFloatingPoint ? [0, -0.0, .nan, 0] : [0]), layout, on: device)
                let expected = try ReferenceBackend.shared.nonzero(x.reference)
                let found = try device.backend.nonzero(x.tested)
                #expect(found.device == device)
                BackendTests.complain(difference(found, expected, rtol: 0, atol: 0), "nonzero of \(dtype) \(shape) \(layout)")
            }
        }
    }

    /// An index out of range throws with its value and position, at once or at the next wait. On the CPU and the reference, nothing
    /// has been written then.
    @Test(arguments: BackendTests.devices + [.reference]) func outOfRange(_ device: Device) throws {
        let backend = device.backend
        let x = Twin(reference((0..<12).map(Double.init), [4, 3], .float32), on: device).tested
        for (wrong, value) in [([1, -1, 2], -1), ([1, 3, 4], 4), ([.max, 0, 0], .max), ([.min, 0, 0], .min)] as [([Int64], Int64)] {
            let index = Twin(reference(wrong, [3], .int64), on: device).tested
            let square = Twin(reference(wrong, [3, 1], .int64), on: device).tested
            let place = "\(wrong.firstIndex(of: value)!)"
            let calls: [(String, Tensor, (Tensor) throws(OpError) -> Void)] = [
                (
                    "indexSelect", blank([3, 3], .float32, on: device),
                    { out throws(OpError) in try backend.indexSelect(x, dim: 0, index, into: out) }
                ),
                (
                    "indexAdd", Twin(reference([Double](repeating: 1, count: 12), [4, 3], .float32), on: device).tested,
                    { out throws(OpError) in
                        try backend.indexAdd(out, dim: 0, index, blank([3, 3], .float32, on: device))
                    }
                ),
                (
                    "gather", blank([3, 1], .float32, on: device),
                    { out throws(OpError) in try backend.gather(x, dim: 0, square, into: out) }
                ),
                (
                    "scatter", Twin(reference([Double](repeating: 1, count: 12), [4, 3], .float32), on: device).tested,
                    { out throws(OpError) in
                        try backend.scatter(.set, out, dim: 0, square, blank([3, 1], .float32, on: device))
                    }
                ),
            ]
            for (name, out, call) in calls {
                let before = values(out)
                do {
                    // Meanwhile other tests wait for the same device: an error belongs to its own scope only.
                    try checked {
                        try call(out)
                        try backend.synchronize()
                    }
                    Issue.record("\(name) took index \(value)")
                } catch let error as OpError {
                    #expect(error.message.contains("\(value)"), "\(name): \(error.message)")
                    #expect(error.message.contains(place), "\(name): \(error.message)")
                    #expect(error.message.contains("4"), "\(name): \(error.message)")
                }
                if device.sharesHostMemory { expectClose(out, before, rtol: 0, atol: 0, "\(name) wrote before it threw") }
            }
        }
    }
}
