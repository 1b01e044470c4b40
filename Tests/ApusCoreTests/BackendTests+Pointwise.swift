import ApusCore
import TestSupport
import Testing

/// Every backend against the reference. A kind is tested with every dtype that `Backend` prescribes for it, in every layout, with sizes
/// around the widths of vectors, chunks and blocks. A new kind is included automatically; it needs a case only for special inputs.
enum BackendTests {
    /// The devices that are compared with the reference.
    static let devices = Device.tested

    /// From scalars to five dimensions, including empty shapes, and sizes next to vector widths.
    static let shapes: [Shape] = [[], [0], [1], [2, 0, 3], [7], [65], [3, 5], [17, 16], [2, 3, 9], [2, 3, 4, 5], [2, 1, 3, 2, 3]]
    /// More elements than one thread's chunk (32,768). Each kind gets one of these in turn, since the reference is slow.
    static let large: [(Shape, Layout)] = [
        ([33001], .contiguous), ([131, 269], .transposed), ([40, 7, 130], .sliced), ([260, 137], .broadcast),
    ]
    static func large(_ kind: Int32) -> (Shape, Layout) { large[Int(kind) % large.count] }

    static func complain(_ complaint: String?, _ place: @autoclosure () -> String) {
        guard let complaint else { return }
        let place = place()
        Issue.record("\(place): \(complaint)")
    }
}

/// The allowed difference from the reference's correctly rounded numbers: in units in the last place of the compute type (float32 for
/// 16-bit types), plus one unit of the 16-bit type if the result was rounded to it, plus one subnormal unit.
struct Tolerance {
    /// The relative tolerance.
    var ulps: Double
    /// The absolute tolerance, for results near 0 that are differences of larger numbers.
    var absolute: Double = 0

    /// One correctly rounded operation, or none.
    static let exact = Tolerance(ulps: 0)
    /// One elementary function: kernels guarantee 2.5, libm 1.
    static let elementary = Tolerance(ulps: 4)
    /// A formula with several roundings and differences.
    static let formula = Tolerance(ulps: 16, absolute: 64)

    func difference(_ pair: Twin, signsOfZero: Bool = false) -> String? {
        let dtype = pair.reference.dtype
        guard dtype.isFloatingPoint else { return TestSupport.difference(pair.tested, pair.reference, rtol: 0, atol: 0) }
        let isHalf = dtype.size == 2
        let unit = isHalf ? DType.float32.epsilon : dtype.epsilon
        let rounding = isHalf && ulps > 0 ? dtype.epsilon : 0
        let denormal = ulps > 0 ? dtype.tiny * dtype.epsilon * max(1, ulps) : 0
        if let found = TestSupport.difference(pair.tested, pair.reference, rtol: ulps * unit + rounding, atol: absolute * unit + denormal) {
            return found
        }
        if signsOfZero {
            let (a, b) = (values(pair.tested), values(pair.reference))
            if let i = a.indices.first(where: { a[$0] == 0 && b[$0] == 0 && a[$0].sign != b[$0].sign }) {
                return "element \(i) is \(a[i]), expected \(b[i])"
            }
        }
        return nil
    }
}

@Suite("Backends: pointwise") struct PointwiseBackendTests {
    // MARK: Functions of one number

    struct Case {
        var tolerance = Tolerance.elementary
        var range = -4.0...4.0
        /// Whether the corner values (infinities, the largest number) are in its domain and overflow nowhere in between.
        var corners = true
        /// Whether the largest number is included.
        var largest = true
        var parameters: [KernelParameters] = [KernelParameters()]

        func specials(_ dtype: DType) -> [Double] {
            dtype.corners.filter { corners || $0.isNaN || $0.isFinite } + (corners && largest ? [dtype.largest, -dtype.largest] : [])
        }
    }

    static func unaryCase(_ kind: UnaryKind) -> Case {
        switch kind {
        case .negative, .absolute, .sign, .square, .logicalNot, .isNaN, .isInf, .isFinite, .bitwiseNot, .reciprocal, .sqrt, .floor, .ceil,
            .round,
            .trunc, .frac, .relu:
            Case(tolerance: .exact)
        case .asin, .acos, .atanh: Case(range: -1...1)
        case .erfinv: Case(tolerance: Tolerance(ulps: 8), range: -1...1)
        case .acosh: Case(range: 1...100)
        case .log, .log2, .log10, .rsqrt: Case(range: 0...1000)
        // Zeros between poles: the error near them is absolute.
        case .ndtri: Case(tolerance: Tolerance(ulps: 8), range: 0...1)
        case .polygamma:
            Case(tolerance: Tolerance(ulps: 64, absolute: 256), range: -6...20, parameters: [0, 1, 2, 5, 25].map { KernelParameters($0) })
        case .lgamma, .digamma: Case(tolerance: Tolerance(ulps: 16, absolute: 256), range: -6...20)
        // The reference sums some hundred numbers.
        case .i0, .i1, .i0e, .i1e: Case(tolerance: Tolerance(ulps: 64), range: -40...40)
        case .modifiedBesselK0, .modifiedBesselK1, .scaledModifiedBesselK0, .scaledModifiedBesselK1:
            Case(tolerance: Tolerance(ulps: 64), range: 0...20)
        case .besselJ0, .besselJ1: Case(tolerance: .formula, range: -40...40)
        case .besselY0, .besselY1: Case(tolerance: .formula, range: 0...40)
        case .airyAi: Case(tolerance: .formula, range: -15...6)
        case .erfcx: Case(tolerance: Tolerance(ulps: 64), range: -5...20)
        case .exp, .exp2, .expm1, .sinh, .cosh, .tanh, .sigmoid: Case(range: -80...80)
        case .logSigmoid, .mish, .silu, .gelu, .geluTanh, .hardsigmoid, .softsign: Case(tolerance: .formula, range: -20...20)
        // x·6/6 overflows.
        case .hardswish: Case(tolerance: .formula, corners: false)
        case .leakyRelu, .hardshrink: Case(tolerance: .exact, parameters: [KernelParameters(0.25), KernelParameters(0)])
        case .softshrink: Case(tolerance: .exact, parameters: [KernelParameters(0.5)])
        case .threshold: Case(tolerance: .exact, parameters: [KernelParameters(0.5, -3)])
        case .clamp:
            Case(tolerance: .exact, parameters: [KernelParameters(-1, 2), KernelParameters(-.infinity, 1), KernelParameters(1, .infinity)])
        case .elu: Case(tolerance: .formula, corners: false, parameters: [KernelParameters(1, 1, 1), KernelParameters(1.5, 1.25, 0.75)])
        case .softplus:
            Case(tolerance: .formula, range: -30...30, corners: false, parameters: [KernelParameters(1, 20), KernelParameters(2, 8)])
        case .affine: Case(tolerance: .formula, corners: false, parameters: [KernelParameters(1.5, -0.25), KernelParameters(-3, 2)])
        case .powScalar:
            Case(
                tolerance: Tolerance(ulps: 8), range: -5...5,
                parameters: [2, 3, 1, 0, 0.5, -0.5, -1, -2, 2.5, 7].map { KernelParameters($0) })
        default: Case()
        }
    }

    @Test(arguments: BackendTests.devices, UnaryKind.allCases) func unary(_ device: Device, _ kind: UnaryKind) throws {
        let test = Self.unaryCase(kind)
        let oracle = ReferenceFunctions.unary(kind, KernelParameters()), domain = kind.function.domain
        #expect(
            domain.floats == (oracle.ofFloats != nil) && domain.integers == (oracle.ofIntegers != nil),
            "\(kind) is for other dtypes in the table than in the reference")
        var samples = Samples(seed: UInt64(kind.rawValue))

        func compare(_ x: Tensor, _ layout: Layout, _ p: KernelParameters) throws {
            let x = Twin(x, layout, on: device)
            let out = Twin(blank: x.reference.shape, domain.writesBool ? .bool : x.reference.dtype, on: device)
            ReferenceBackend.shared.unary(kind, x.reference, p, into: out.reference)
            try device.backend.unary(kind, x.tested, p, into: out.tested)
            BackendTests.complain(
                test.tolerance.difference(out, signsOfZero: Self.signed.contains(kind)),
                "\(kind) (\(p.a), \(p.b), \(p.c)) of \(x.reference.dtype) \(x.reference.shape) \(layout)")
        }

        if domain.floats {
            for dtype in DType.floats {
                for p in test.parameters {
                    for shape in BackendTests.shapes {
                        let x = samples.tensor(shape, dtype, in: test.range, specials: test.specials(dtype))
                        for layout in Layout.allCases { try compare(x, layout, p) }
                    }
                }
            }
            let (shape, layout) = BackendTests.large(kind.rawValue)
            try compare(
                samples.tensor(shape, .float32, in: test.range, specials: DType.float32.corners.filter { test.corners || $0.isNaN }),
                layout, test.parameters[0])
        }
        for dtype in DType.allCases where !dtype.isFloatingPoint && domain.contains(dtype) {
            for p in test.parameters where kind != .powScalar || p.a >= 0 && p.a == p.a.rounded() {
                // Constants for integers are whole.
                let p = KernelParameters(p.a.rounded(), p.b.rounded())
                for shape in BackendTests.shapes {
                    let x = samples.integers(shape, dtype)
                    for layout in Layout.allCases { try compare(x, layout, p) }
                }
            }
        }
    }

    /// Kinds whose zeros have the sign that IEEE 754 prescribes.
    static let signed: [UnaryKind] = [
        .negative, .absolute, .reciprocal, .sqrt, .floor, .ceil, .round, .trunc, .sin, .tan, .asin, .atan, .sinh, .tanh, .asinh,
    ]

    /// In place: the output is the operand itself.
    @Test(arguments: BackendTests.devices) func inPlace(_ device: Device) throws {
        var samples = Samples(seed: 1)
        for dtype in DType.floats {
            let x = samples.tensor([1003], dtype)
            let (a, b) = (Twin(x, on: device), Twin(samples.tensor([1003], dtype), .offset, on: device))
            for (backend, x, y) in [
                (ReferenceBackend.shared as any Backend, a.reference, b.reference), (device.backend, a.tested, b.tested),
            ] {
                try backend.unary(.negative, x, KernelParameters(), into: x)
                try backend.binary(.mul, x, y, KernelParameters(), into: x)
                try backend.binary(.sub, y, x, KernelParameters(), into: x)
            }
            BackendTests.complain(Tolerance.exact.difference(a), "in place, \(dtype)")
        }
    }

    // MARK: Functions of two numbers

    static func binaryCase(_ kind: BinaryKind) -> Case {
        switch kind {
        case .add, .sub, .mul, .minimum, .maximum, .truncDivide, .remainder, .fmod, .div, .copysign, .heaviside, .reluGrad, .bitwiseAnd,
            .bitwiseOr,
            .bitwiseXor, .shiftLeft, .shiftRight, .nextafter, .gcd, .lcm:
            Case(tolerance: .exact)
        // A quotient that exceeds the integers of the type is rounded in between.
        case .floorDivide: Case(tolerance: Tolerance(ulps: 2), largest: false)
        case .pow, .atan2, .hypot: Case(tolerance: Tolerance(ulps: 8))
        case .logaddexp: Case(tolerance: .formula)
        case .gammainc, .gammaincc, .gammaSampleGrad: Case(tolerance: Tolerance(ulps: 2000, absolute: 2000), corners: false)
        case .zeta: Case(tolerance: Tolerance(ulps: 64), corners: false)
        case .chebyshevPolynomialT, .chebyshevPolynomialU, .chebyshevPolynomialV, .chebyshevPolynomialW, .shiftedChebyshevPolynomialT,
            .shiftedChebyshevPolynomialU, .shiftedChebyshevPolynomialV, .shiftedChebyshevPolynomialW, .hermitePolynomialH,
            .hermitePolynomialHe, .laguerrePolynomialL, .legendrePolynomialP:
            Case(tolerance: .formula, corners: false)
        case .leakyReluGrad: Case(tolerance: .exact, corners: false, parameters: [KernelParameters(0.25)])
        case .hardtanhGrad, .clampGrad: Case(tolerance: .exact, parameters: [KernelParameters(-1, 2), KernelParameters(0.5, .infinity)])
        case .eluGrad:
            Case(tolerance: .formula, corners: false, parameters: [KernelParameters(1, 1, 1), KernelParameters(1.5, 1.25, 0.75)])
        case .softplusGrad: Case(tolerance: .formula, corners: false, parameters: [KernelParameters(1, 20), KernelParameters(2, 8)])
        case .addScaled: Case(tolerance: .formula, corners: false, parameters: [KernelParameters(1), KernelParameters(-0.75)])
        case .sigmoidGrad, .tanhGrad, .geluGrad, .geluTanhGrad, .siluGrad: Case(tolerance: .formula, corners: false)
        }
    }

    @Test(arguments: BackendTests.devices, BinaryKind.allCases) func binary(_ device: Device, _ kind: BinaryKind) throws {
        let test = Self.binaryCase(kind)
        var samples = Samples(seed: 100 + UInt64(kind.rawValue))
        let oracle = ReferenceFunctions.binary(kind, KernelParameters(), .float64), domain = kind.function.domain
        #expect(
            domain.floats == (oracle.ofFloats != nil) && domain.integers == (oracle.ofIntegers != nil),
            "\(kind) is for other dtypes in the table than in the reference")

        func compare(_ a: Tensor, _ layoutA: Layout, _ b: Tensor, _ layoutB: Layout, _ p: KernelParameters) throws {
            let (a, b) = (Twin(a, layoutA, on: device), Twin(b, layoutB, on: device))
            let out = Twin(blank: a.reference.shape, domain.writesBool ? .bool : a.reference.dtype, on: device)
            ReferenceBackend.shared.binary(kind, a.reference, b.reference, p, into: out.reference)
            try device.backend.binary(kind, a.tested, b.tested, p, into: out.tested)
            let signs = [.add, .sub, .mul, .div, .copysign, .fmod].contains(kind)
            BackendTests.complain(
                test.tolerance.difference(out, signsOfZero: signs),
                "\(kind) (\(p.a), \(p.b)) of \(a.reference.dtype) \(a.reference.shape) \(layoutA), \(layoutB)")
        }

        if domain.floats {
            for dtype in DType.floats {
                let specials = Self.isGamma(kind) ? [.nan, 1] : test.specials(dtype)
                for p in test.parameters {
                    for shape in BackendTests.shapes {
                        let (a, b) = (
                            samples.tensor(shape, dtype, specials: specials),
                            samples.tensor(shape, dtype, specials: specials.reversed() + [1])
                        )
                        for layoutA in Layout.allCases {
                            for layoutB in Layout.allCases where layoutA == layoutB || layoutA == .contiguous || layoutB == .contiguous {
                                try compare(a, layoutA, b, layoutB, p)
                            }
                        }
                    }
                }
            }
            let (shape, layout) = BackendTests.large(kind.rawValue)
            try compare(samples.tensor(shape, .float32), layout, samples.tensor(shape, .float32), .contiguous, test.parameters[0])
        }
        for dtype in DType.allCases where !dtype.isFloatingPoint && domain.contains(dtype) {
            for shape in BackendTests.shapes {
                let a = samples.integers(shape, dtype)
                let b = Self.second(kind, shape, dtype, &samples)
                for layout in Layout.allCases {
                    let p = KernelParameters(.int(kind == .addScaled ? -3 : 0))
                    try compare(a, layout, b, .contiguous, p)
                    try compare(a, .contiguous, b, layout, p)
                }
            }
        }
    }

    /// The gamma functions leave the range of the type if a concentration is subnormal.
    static func isGamma(_ kind: BinaryKind) -> Bool { kind == .gammainc || kind == .gammaincc || kind == .gammaSampleGrad }

    /// A second operand in the kind's domain for integers.
    static func second(_ kind: BinaryKind, _ shape: Shape, _ dtype: DType, _ samples: inout Samples) -> Tensor {
        switch kind {
        case .floorDivide, .truncDivide, .remainder, .fmod:
            // The op refuses division by zero.
            return reference(integers(samples.integers(shape, dtype)).map { $0 == 0 ? 3 : $0 }, shape, dtype)
        case .pow: return samples.tensor(shape, dtype, in: 0...9)
        case .shiftLeft, .shiftRight: return samples.tensor(shape, dtype, in: (dtype == .uint8 ? 0 : -2)...70)
        default: return samples.integers(shape, dtype)
        }
    }

    // MARK: Comparison, selection

    @Test(arguments: BackendTests.devices, CompareKind.allCases) func compare(_ device: Device, _ kind: CompareKind) throws {
        var samples = Samples(seed: 200 + UInt64(kind.rawValue))
        for dtype in DType.allCases {
            for (shape, layouts) in BackendTests.shapes.map({ ($0, Layout.allCases) })
                + (dtype == .float32 ? [([33001], [.contiguous])] : [])
            {
                for layout in layouts {
                    // Few different numbers, so that ties occur.
                    let few = { (samples: inout Samples) in
                        samples.tensor(
                            shape, dtype, in: dtype == .bool ? 0...1 : 0...3, specials: dtype.isFloatingPoint ? dtype.corners : [])
                    }
                    let (a, b) = (Twin(few(&samples), layout, on: device), Twin(few(&samples), on: device))
                    let out = Twin(blank: shape, .bool, on: device)
                    ReferenceBackend.shared.compare(kind, a.reference, b.reference, into: out.reference)
                    try device.backend.compare(kind, a.tested, b.tested, into: out.tested)
                    BackendTests.complain(Tolerance.exact.difference(out), "\(kind) of \(dtype) \(shape) \(layout)")
                }
            }
        }
    }

    @Test(arguments: BackendTests.devices) func select(_ device: Device) throws {
        var samples = Samples(seed: 300)
        for dtype in DType.allCases {
            for shape in BackendTests.shapes + (dtype == .float32 ? [[33001]] : []) {
                for layout in Layout.allCases where shape.numel < 1000 || layout == .contiguous {
                    let condition = Twin(samples.tensor(shape, .bool, in: 0...1), layout, on: device)
                    let a = Twin(samples.tensor(shape, dtype, in: 0...9), layout, on: device)
                    let b = Twin(samples.tensor(shape, dtype, in: 0...9), layout == .contiguous ? .broadcast : .contiguous, on: device)
                    let out = Twin(blank: shape, dtype, on: device)
                    ReferenceBackend.shared.select(condition.reference, a.reference, b.reference, into: out.reference)
                    try device.backend.select(condition.tested, a.tested, b.tested, into: out.tested)
                    BackendTests.complain(Tolerance.exact.difference(out), "select of \(dtype) \(shape) \(layout)")
                }
            }
        }
    }

    // MARK: Copies

    @Test(arguments: BackendTests.devices, DType.allCases) func copy(_ device: Device, _ from: DType) throws {
        var samples = Samples(seed: 400 + UInt64(from.rawValue))
        for to in DType.allCases {
            for shape in BackendTests.shapes + (from == to || from == .float32 ? [[200, 180]] : []) {
                let specials =
                    from.corners + [from.largest, -from.largest, 65519.9, 65520, 0x1p-25, 0x1p31, -0x1p31 - 1, 0x1p63, 255.5, -128.5]
                let x =
                    from.isFloatingPoint ? samples.tensor(shape, from, in: -1000...1000, specials: specials) : samples.integers(shape, from)
                for layout in Layout.allCases where shape.numel < 1000 || layout == .transposed {
                    let x = Twin(x, layout, on: device)
                    let out = Twin(blank: shape, to, on: device)
                    ReferenceBackend.shared.copy(x.reference, into: out.reference)
                    try device.backend.copy(x.tested, into: out.tested)
                    BackendTests.complain(Tolerance.exact.difference(out), "copy of \(from) to \(to) \(shape) \(layout)")
                }
                guard shape.numel < 1000 else { continue }
                // Copies into views may change nothing else.
                for layout in [Layout.transposed, .sliced, .offset] {
                    let out = Twin(samples.tensor(shape, to, in: 0...1), layout, on: device)
                    let target = layout.lay(out.reference)
                    ReferenceBackend.shared.copy(x, into: target)
                    let source = Twin(x, on: device)
                    try device.backend.copy(source.tested, into: out.tested)
                    BackendTests.complain(difference(out.tested, target, rtol: 0, atol: 0), "copy of \(from) into \(to) \(shape) \(layout)")
                    // The gaps between a view's elements were blank on both sides. (NaNs among the elements may have other bits.)
                    if !to.isFloatingPoint {
                        BackendTests.complain(
                            differentByte(moved(out.tested, to: .reference).storage, target.storage),
                            "copy into \(layout) \(shape) of \(to) wrote beside the view")
                    }
                }
            }
        }
    }

    private func differentByte(_ a: Storage, _ b: Storage) -> String? {
        let (x, y) = (UnsafeRawBufferPointer(start: a.base, count: a.byteCount), UnsafeRawBufferPointer(start: b.base, count: b.byteCount))
        if x.count != y.count { return "memories of \(x.count) and \(y.count) bytes" }
        for i in 0..<x.count where x[i] != y[i] { return "byte \(i) is \(x[i]), expected \(y[i])" }
        return nil
    }

    @Test(arguments: BackendTests.devices) func fill(_ device: Device) throws {
        let numbers: [Scalar] = [
            .double(2.75), .double(-.infinity), .double(.nan), .double(3e9), .double(0.5), .int(100), .int(-1), .int(1 << 53 + 1),
            .bool(true), .int(0),
        ]
        for dtype in DType.allCases {
            for value in numbers {
                for shape in BackendTests.shapes + (dtype == .float32 && value == .int(100) ? [[70001]] : []) {
                    for layout in [Layout.contiguous, .transposed, .sliced] where shape.numel < 1000 || layout == .contiguous {
                        let out = Twin(reference([Int64](repeating: 0, count: shape.numel), shape, dtype), layout, on: device)
                        ReferenceBackend.shared.fill(out.reference, with: value)
                        try device.backend.fill(out.tested, with: value)
                        BackendTests.complain(Tolerance.exact.difference(out), "fill of \(dtype) \(shape) \(layout) with \(value)")
                    }
                }
            }
        }
    }
}
