import ApusCore
import Foundation
import TestSupport
import Testing

/// Every rule of the pointwise functions, with every dtype, layout and its constants: each device gives the reference's result, and
/// the op reports an error for dtypes that the function does not accept. New rules are included automatically.
@Suite("Backends: rules") struct RuleBackendTests {
    /// All other tests iterate over these lists.
    @Test func `no rule is missing from the lists`() throws {
        let folder = inCheckout("../../Sources/ApusCore/Ops")
        func rules(_ file: String, _ type: String) throws -> [String] {
            let text = try String(contentsOf: folder.appendingPathComponent(file), encoding: .utf8)
            return text.matches(
                of: try Regex(
                    "static let (\\w+)[^=\\n]*= (\(type)\(type == "BinaryRule" ? "|fused" : ""))\\(",
                    as: (Substring, Substring, Substring).self)
            )
            .map { String($0.output.1) }
        }
        let files = ["Unary.swift", "Binary.swift", "SpecialFunctions.swift"]
        #expect(try files.flatMap { try rules($0, "UnaryRule") }.count == Set(UnaryRule.all.map(ObjectIdentifier.init)).count)
        #expect(try files.flatMap { try rules($0, "BinaryRule") }.count == Set(BinaryRule.all.map(ObjectIdentifier.init)).count)
        // A kind without a rule would be an unused kernel.
        #expect(Set(UnaryRule.all.map(\.kind)) == Set(UnaryKind.allCases))
        #expect(Set(BinaryRule.all.map(\.kind)) == Set(BinaryKind.allCases))
    }

    /// The dtype of the result; nil if the op refuses.
    private static func result(_ domain: PointwiseDomain, _ dtype: DType, leavesIntegers: Bool = false) -> DType? {
        if domain.contains(dtype) { return domain.writesBool ? .bool : dtype }
        if leavesIntegers { return dtype }
        // Only functions with float kernels alone accept integers by conversion.
        return domain.floats && !domain.integers && !dtype.isFloatingPoint ? .float32 : nil
    }

    /// All layouts if the kernel reads the dtype directly; a conversion makes a chain of two steps, which devices compile if it recurs.
    private static func layouts(_ domain: PointwiseDomain, _ dtype: DType) -> [Layout] {
        domain.contains(dtype) ? Layout.allCases : [.transposed]
    }

    /// Constants for integers are whole, and exponents are not negative.
    private static func constants(_ all: [KernelParameters], _ dtype: DType, exponents: Bool) -> [KernelParameters] {
        if dtype.isFloatingPoint { return all }
        return all.map { KernelParameters($0.a.rounded(), $0.b.rounded(), $0.c.rounded()) }.filter { !exponents || $0.a >= 0 }
    }

    private static func compare(
        _ expected: DType?, _ device: Device, _ tolerance: Tolerance, _ what: @autoclosure () -> String,
        _ reference: @autoclosure () -> Tensor, _ tested: @autoclosure () -> Tensor
    ) {
        guard let expected else {
            #expect(throws: OpError.self, "\(what()) on the reference is not refused") { try checked { reference() } }
            #expect(throws: OpError.self, "\(what()) on \(device) is not refused") { try checked { tested() } }
            return
        }
        let pair = Twin(reference: reference(), tested: tested())
        #expect(pair.reference.dtype == expected && pair.tested.dtype == expected, "\(what()) on \(device)")
        BackendTests.complain(tolerance.difference(pair), "\(what()) on \(device)")
    }

    private static let shape: Shape = [2, 3, 5]

    @Test(arguments: BackendTests.devices, UnaryRule.all) func unary(_ device: Device, _ rule: UnaryRule) {
        let test = PointwiseBackendTests.unaryCase(rule.kind)
        var samples = Samples(seed: UInt64(rule.kind.rawValue))
        for dtype in DType.allCases where dtype != .float64 || device.backend.computes(.float64) {
            let expected = Self.result(rule.domain, dtype, leavesIntegers: rule.leavesIntegers)
            let x =
                switch dtype.isFloatingPoint {
                case true: samples.tensor(Self.shape, dtype, in: test.range, specials: test.specials(dtype))
                case false: rule.domain.contains(dtype) ? samples.integers(Self.shape, dtype) : samples.tensor(Self.shape, dtype, in: 0...4)
                }
            for p in Self.constants(test.parameters, dtype, exponents: rule.kind == .powScalar) {
                for layout in Self.layouts(rule.domain, dtype) {
                    let x = Twin(x, layout, on: device)
                    Self.compare(
                        expected, device, test.tolerance, "\(rule.name) (\(p.a), \(p.b), \(p.c)) of \(dtype) \(layout)",
                        x.reference.unary(rule, p), x.tested.unary(rule, p))
                }
            }
        }
    }

    @Test(arguments: BackendTests.devices, BinaryRule.all) func binary(_ device: Device, _ rule: BinaryRule) {
        let test = PointwiseBackendTests.binaryCase(rule.kind)
        var samples = Samples(seed: 100 + UInt64(rule.kind.rawValue))
        for dtype in DType.allCases where dtype != .float64 || device.backend.computes(.float64) {
            let expected = Self.result(rule.domain, dtype)
            func numbers() -> Tensor {
                if !dtype.isFloatingPoint {
                    return rule.domain.contains(dtype) ? samples.integers(Self.shape, dtype) : samples.tensor(Self.shape, dtype, in: 0...4)
                }
                return samples.tensor(
                    Self.shape, dtype, specials: PointwiseBackendTests.isGamma(rule.kind) ? [.nan, 1] : test.specials(dtype))
            }
            let a = numbers(),
                b =
                    dtype.isFloatingPoint || !rule.domain.contains(dtype)
                    ? numbers() : PointwiseBackendTests.second(rule.kind, Self.shape, dtype, &samples)
            for p in Self.constants(test.parameters, dtype, exponents: false) {
                for layout in Self.layouts(rule.domain, dtype) {
                    let (a, b) = (Twin(a, layout, on: device), Twin(b, on: device))
                    Self.compare(
                        expected, device, test.tolerance, "\(rule.name) (\(p.a), \(p.b), \(p.c)) of \(dtype) \(layout)",
                        Tensor.binary(rule, a.reference, b.reference, p), Tensor.binary(rule, a.tested, b.tested, p))
                }
                // Broadcast by the op itself, and with the layouts swapped.
                let row = Twin(reference(Array(values(a).prefix(5)), [5], dtype), on: device), other = Twin(b, .transposed, on: device)
                Self.compare(
                    expected, device, test.tolerance, "\(rule.name) of a row and a tensor of \(dtype)",
                    Tensor.binary(rule, row.reference, other.reference, p), Tensor.binary(rule, row.tested, other.tested, p))
            }
        }
    }
}

/// The same on every device: a derivative there is made of the device's kernels.
@Suite("Backends: derivatives of rules") struct RuleDerivativeBackendTests {
    @Test(arguments: Device.testedAndReference.filter { $0 != .cpu && $0.backend.computes(.float64) }) func rules(_ device: Device) {
        for rule in UnaryRule.all where rule.domain.floats { RuleDerivativeTests.check(rule, on: device) }
        for rule in BinaryRule.all where rule.domain.floats { RuleDerivativeTests.check(rule, on: device) }
    }
}

extension UnaryRule: CustomTestStringConvertible {
    public var testDescription: String { "\(name) (\(kind))" }
}

extension BinaryRule: CustomTestStringConvertible {
    public var testDescription: String { "\(name) (\(kind))" }
}

/// Every rule of the pointwise functions against finite differences in float64: first and second derivatives.
@Suite struct RuleDerivativeTests {
    /// The inputs where a function is smooth, and its constants if they differ from the default ones.
    struct Case {
        var ranges = [-1.9...1.9]
        var constants: [KernelParameters]?
    }

    static func unaryCase(_ rule: UnaryRule) -> Case {
        switch rule.kind {
        case .reciprocal, .sqrt, .rsqrt, .log, .log2, .log10: Case(ranges: [0.3...1.9])
        case .log1p: Case(ranges: [-0.7...1.9])
        case .tan: Case(ranges: [-1.2...1.2])
        case .asin, .acos: Case(ranges: [-0.9...0.9])
        case .acosh: Case(ranges: [1.2...3])
        case .atanh, .erfinv: Case(ranges: [-0.8...0.8])
        case .ndtri: Case(ranges: [0.1...0.9])
        case .lgamma: Case(ranges: [0.4...4, -1.8 ... -1.2])
        case .digamma: Case(ranges: [0.4...4, -7.8 ... -7.2])
        case .polygamma: Case(ranges: [0.6...4, -0.8 ... -0.2], constants: [0, 1, 2, 3].map { KernelParameters($0) })
        case .i0e, .i1e: Case(ranges: [0.2...4, -4 ... -0.2])
        case .hardsigmoid, .hardswish: Case(ranges: [-4.4...4.4])
        case .softplus: Case(constants: [KernelParameters(1, 20), KernelParameters(1.5, 2)])
        case .powScalar: Case(ranges: [0.3...1.9], constants: [3, 1, 0.5, 2.5, -1, 0].map { KernelParameters($0) })
        // The constants of the rules for a tensor and a number.
        case .affine:
            Case(
                constants: rule.name == "mul"
                    ? [KernelParameters(-2.5, -0.0)]
                    : rule.name == "add" ? [KernelParameters(1, 0.75)] : [KernelParameters(1, -0.75), KernelParameters(-1, 0.75)])
        default: Case()
        }
    }

    /// The functions without a derivative; who asks for one is told.
    static let underived: Set<UnaryKind> = [
        .besselJ0, .besselJ1, .besselY0, .besselY1, .modifiedBesselK0, .modifiedBesselK1, .scaledModifiedBesselK0, .scaledModifiedBesselK1,
        .sphericalBesselJ0, .airyAi,
    ]

    @Test(arguments: UnaryRule.all.filter(\.domain.floats)) func unary(_ rule: UnaryRule) { Self.check(rule, on: .cpu) }

    static func check(_ rule: UnaryRule, on device: Device) {
        let test = Self.unaryCase(rule)
        if Self.underived.contains(rule.kind) {
            let error = #expect(throws: OpError.self, "\(rule.name) is differentiated") {
                try checked { Tensor([0.5, 2], device: device, requiresGrad: true).unary(rule, KernelParameters()).sum().backward() }
            }
            #expect(error.map { $0.op == rule.name && $0.message.contains("has no derivative") } == true)
            return
        }
        for p in test.constants ?? PointwiseBackendTests.unaryCase(rule.kind).parameters {
            for range in test.ranges {
                let x = DerivativeTests.numbers([5], from: range.lowerBound, to: range.upperBound).to(device)
                if rule.domain.writesBool {
                    #expect(!x.requiresGrad_().unary(rule, p).requiresGrad, "\(rule.name) has a graph")
                    continue
                }
                // A constant gradient has no graph; the gradient of a product has one.
                let isConstant = rule.isLocallyConstant || rule.kind == .powScalar && p.a == 0
                checkGradients([x], "\(rule.name) (\(p.a), \(p.b), \(p.c)) on \(device)") {
                    isConstant ? $0[0].unary(rule, p) * $0[0].square() : $0[0].unary(rule, p)
                }
            }
        }
    }

    static func binaryCase(_ kind: BinaryKind) -> Case {
        switch kind {
        case .div, .pow, .remainder, .fmod, .floorDivide, .truncDivide: Case(ranges: [0.4...1.9])
        case .gammainc, .gammaincc, .gammaSampleGrad: Case(ranges: [0.4...1.9, 3...9])
        case .softplusGrad: Case(constants: [KernelParameters(1, 20), KernelParameters(1.5, 2)])
        default: Case()
        }
    }

    /// How often a function can be differentiated, if that is limited; a further derivative is an error that says so.
    static let limits: [BinaryKind: Int] = [
        .gammaSampleGrad: 0, .gammainc: 1, .gammaincc: 1, .zeta: 0, .chebyshevPolynomialT: 0, .chebyshevPolynomialU: 0,
        .chebyshevPolynomialV: 0, .chebyshevPolynomialW: 0, .shiftedChebyshevPolynomialT: 0, .shiftedChebyshevPolynomialU: 0,
        .shiftedChebyshevPolynomialV: 0, .shiftedChebyshevPolynomialW: 0, .hermitePolynomialH: 0, .hermitePolynomialHe: 0,
        .laguerrePolynomialL: 0, .legendrePolynomialP: 0,
    ]

    /// What has a kink or a step where its operands are equal.
    static let kinked: Set<BinaryKind> = [.minimum, .maximum, .floorDivide, .truncDivide, .remainder, .fmod, .nextafter]

    /// A branch for equal operands must have the derivatives of the function around them.
    @Test(arguments: BinaryRule.all.filter { $0.domain.floats && !kinked.contains($0.kind) && limits[$0.kind] == nil })
    func binaryOfEqualOperands(_ rule: BinaryRule) {
        let test = Self.binaryCase(rule.kind)
        for p in test.constants ?? PointwiseBackendTests.binaryCase(rule.kind).parameters {
            for range in test.ranges {
                let a = DerivativeTests.numbers([5], from: range.lowerBound, to: range.upperBound)
                checkGradients([a, a.clone()], "\(rule.name) (\(p.a), \(p.b), \(p.c)) of equal operands") {
                    let y = Tensor.binary(rule, $0[0], $0[1], p)
                    return rule.isLocallyConstant ? y * $0[0] * $0[1] : y
                }
            }
        }
    }

    @Test(arguments: BinaryRule.all.filter(\.domain.floats)) func binary(_ rule: BinaryRule) { Self.check(rule, on: .cpu) }

    static func check(_ rule: BinaryRule, on device: Device) {
        let test = Self.binaryCase(rule.kind), limit = Self.limits[rule.kind] ?? 2
        for p in test.constants ?? PointwiseBackendTests.binaryCase(rule.kind).parameters {
            for range in test.ranges {
                let (a, b) = (
                    DerivativeTests.numbers([5], from: range.lowerBound, to: range.upperBound).to(device),
                    DerivativeTests.numbers([5], from: range.lowerBound, to: range.upperBound, phase: 11).to(device)
                )
                func f(_ x: [Tensor]) -> Tensor {
                    let y = Tensor.binary(rule, x[0], x[1], p)
                    return rule.isLocallyConstant ? y * x[0] * x[1] : y
                }
                if limit > 0 { checkGradients([a, b], second: limit > 1, "\(rule.name) (\(p.a), \(p.b), \(p.c)) on \(device)", f) }
                guard limit < 2 else { continue }
                let error = #expect(throws: OpError.self, "\(rule.name) differentiated \(limit + 1) times") {
                    try checked {
                        let x = [a.clone().requiresGrad_(), b.clone().requiresGrad_()]
                        var y = f(x)
                        for order in 0...limit { y = grad(of: [y.sum()], withRespectTo: x, createGraph: order < limit)[0]! }
                        return y
                    }
                }
                #expect(error.map { "\($0)".contains("has no derivative") } == true)
            }
        }
    }
}
