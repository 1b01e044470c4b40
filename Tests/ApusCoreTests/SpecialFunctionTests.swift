import ApusCore
import ApusSystem
import Foundation
import TestSupport
import Testing

/// Special functions against exact values in float64, which `Tests/ApusCoreTests/record_special.py` recorded: about 2,000 arguments for
/// each, over all binades of its domain, near its zeros and poles, and at the ends of the domain.
enum SpecialFunctions {
    /// By NAME/x, NAME/y (of two numbers), NAME/value, and NAME/scale where terms cancel: the largest of them.
    static let recorded = Dictionary(uniqueKeysWithValues: Recorded.tensors("special").map { ($0.key, values($0.value)) })
    static let names: [String] = recorded.keys.filter { $0.hasSuffix("/value") }.map { String($0.dropLast(6)) }.sorted()

    /// How far a function may be from the exact value, in units in the last place (ULP) of the value, or of the largest term where terms cancel.
    ///
    /// The processor keeps to 3, but for the derivative of samples of the gamma distribution: 10⁻¹³ relatively. The reference too, and but for the
    /// incomplete gamma function, whose hundreds of terms it and devices sum in float64, and for what `wide` names. Devices have the functions of their own language, of which
    /// OpenCL (C specification, 7.4) promises what `openCL` says, 3 where it says nothing; what is made of several has the sum. PoCL is within 3.
    static func bound(_ name: String, _ device: Device) -> Double {
        let kind = String(name.prefix { $0 != "(" })
        switch kind {
        case "gammaSampleGrad": return 1000
        case "gammainc" where device != .cpu, "gammaincc" where device != .cpu: return 10_000
        case _ where wide.contains(kind) && device != .cpu: return 4000
        default: return device == .cpu || device == .reference ? 3 : openCL[kind] ?? 3
        }
    }
    /// Series, recurrences and exponents of some hundreds, which the processor computes in more digits than float64 has.
    static let wide: Set<String> = [
        "i0", "i1", "i0e", "i1e", "modifiedBesselK0", "modifiedBesselK1", "scaledModifiedBesselK0", "scaledModifiedBesselK1", "besselJ0",
        "besselJ1", "besselY0", "besselY1", "airyAi", "erfcx", "zeta", "chebyshevPolynomialT", "chebyshevPolynomialU",
        "chebyshevPolynomialV", "chebyshevPolynomialW", "shiftedChebyshevPolynomialT", "shiftedChebyshevPolynomialU",
        "shiftedChebyshevPolynomialV", "shiftedChebyshevPolynomialW", "hermitePolynomialH", "hermitePolynomialHe", "laguerrePolynomialL",
        "legendrePolynomialP",
    ]
    static let openCL: [String: Double] = [
        "erf": 16, "erfc": 16, "pow": 16, "powScalar": 16, "sinh": 4, "cosh": 4, "tan": 5, "tanh": 5, "asin": 4, "acos": 4, "atan": 5,
        "asinh": 4, "acosh": 4, "atanh": 5,
        "atan2": 6, "hypot": 4, "sin": 4, "cos": 4, "sphericalBesselJ0": 5,
        // With erfc.
        "gelu": 17, "geluGrad": 17,
        // With exp and log1p, 3 and 2, plus roundings in between.
        "sigmoid": 5, "silu": 6, "siluGrad": 6, "mish": 6, "geluTanh": 6, "geluTanhGrad": 6, "softplus": 6, "softplusGrad": 6, "eluGrad": 6,
        "logSigmoid": 5, "logaddexp": 5, "elu": 5,
        // With log and tan, or with pow.
        "erfinv": 5, "ndtri": 5, "logit": 5, "digamma": 8, "polygamma": 17,
    ]

    /// The function on the arguments, moved to the device.
    static func run(_ name: String, _ dtype: DType, _ device: Device) throws -> [Double] {
        let parts = name.split(separator: "(")
        let constants = parts.count < 2 ? [] : parts[1].dropLast().split(separator: ",").map { Double($0)! }
        func constant(_ i: Int) -> Double { i < constants.count ? constants[i] : 0 }
        let p = KernelParameters(constant(0), constant(1), constant(2))
        let operands = ["x", "y"].compactMap { recorded["\(name)/\($0)"] }.map { moved(reference($0, [$0.count], dtype), to: device) }
        let out = blank(operands[0].shape, dtype, on: device)
        if let kind = UnaryKind.allCases.first(where: { "\($0)" == parts[0] }) {
            try device.backend.unary(kind, operands[0], p, into: out)
        } else if let kind = BinaryKind.allCases.first(where: { "\($0)" == parts[0] }) {
            try device.backend.binary(kind, operands[0], operands[1], p, into: out)
        } else {
            precondition(name == "logit", "no function \(name)")
            return values(operands[0].logit())
        }
        return values(out)
    }

    /// The error in units in the last place; 0 if the value is exact.
    static func error(_ found: Double, _ wanted: Double, scale: Double) -> Double {
        if found == wanted || found.isNaN && wanted.isNaN { return 0 }
        // Near the largest number a result may either round to infinity or not.
        let largest = Double.greatestFiniteMagnitude
        if found.isInfinite && wanted.magnitude > largest * (1 - 0x1p-51) && found.sign == wanted.sign { return 1 }
        if wanted.isInfinite && found.magnitude > largest * (1 - 0x1p-51) && found.sign == wanted.sign { return 1 }
        guard found.isFinite, wanted.isFinite else { return .infinity }
        return (found - wanted).magnitude / max(wanted.magnitude.ulp, scale.isFinite ? scale.ulp : 0, .leastNonzeroMagnitude)
    }
}

@Suite("BackendTests: special functions", .serialized) struct SpecialFunctionBackendTests {
    @Test(arguments: BackendTests.devices + [.reference], SpecialFunctions.names) func errorIsWithinItsBound(
        _ device: Device, _ name: String
    ) throws {
        let found = try SpecialFunctions.run(name, .float64, device)
        let wanted = SpecialFunctions.recorded["\(name)/value"]!
        let scales = SpecialFunctions.recorded["\(name)/scale"]
        let arguments = ["x", "y"].compactMap { SpecialFunctions.recorded["\(name)/\($0)"] }
        var worst = (error: 0.0, at: 0)
        var count = 0
        let bound = SpecialFunctions.bound(name, device)
        for i in found.indices {
            let error = SpecialFunctions.error(found[i], wanted[i], scale: scales?[i] ?? 0)
            if error > bound { count += 1 }
            if !(error <= worst.error) { worst = (error, i) }
        }
        let (at, i) = (arguments.map { "\($0[worst.at])" }.joined(separator: ", "), worst.at)
        #expect(
            found.count == wanted.count && worst.error <= bound,
            "\(device) \(name)(\(at)): \(found[i]), exactly \(wanted[i]): \(worst.error) ULP; \(count) of \(found.count) beyond \(bound)")
        if environment("APUS_TEST_WORST") != nil { print("\(device) \(name): \(worst.error) ULP at \(at)") }
    }

    /// In float32 these are computed in float64, where the device has it: the float64 value, rounded.
    @Test(
        arguments: BackendTests.devices + [.reference],
        [
            "erfinv", "ndtri", "lgamma", "digamma", "polygamma(1)", "polygamma(2)", "gammainc", "gammaincc", "i0e", "i1e",
            "modifiedBesselK0", "erfcx", "zeta",
        ])
    func float32IsRoundedFloat64(_ device: Device, _ name: String) throws {
        let operands = ["x", "y"].compactMap { SpecialFunctions.recorded["\(name)/\($0)"] }
        let single = try SpecialFunctions.run(name, .float32, device)
        // The arguments, rounded to float32.
        let p = KernelParameters(name.hasSuffix("(1)") ? 1 : 2)
        let rounded = operands.map { reference(values(reference($0, [$0.count], .float32)), [$0.count], .float64) }
        let exact = blank(rounded[0].shape, .float64, on: .reference)
        if let kind = UnaryKind.allCases.first(where: { name.hasPrefix("\($0)") && ("\($0)" == name || name.hasSuffix(")")) }) {
            ReferenceBackend.shared.unary(kind, rounded[0], p, into: exact)
        } else {
            let kind = try #require(BinaryKind.allCases.first { "\($0)" == name })
            ReferenceBackend.shared.binary(kind, rounded[0], rounded[1], p, into: exact)
        }
        let wanted = values(exact)
        for (i, x) in single.enumerated() {
            let y = Float(wanted[i])
            let isRight =
                Double(y) == x || y.isNaN && x.isNaN || (Double(y) - x).magnitude <= Double(max(y.magnitude.ulp, .leastNonzeroMagnitude))
            guard !isRight else { continue }
            Issue.record(
                "\(device) \(name)(\(operands.map { "\(Float($0[i]))" }.joined(separator: ", "))) in float32: \(x), in float64 \(wanted[i])"
            )
            return
        }
    }
}

@Suite struct PolygammaTests {
    /// At its poles as PyTorch where the limits differ, infinite where PyTorch's sine is not quite 0.
    @Test func poles() {
        let x = Tensor([0, -0.0, -1, -2, .infinity, -.infinity, .nan], dtype: .float64)
        expectClose(x.polygamma(0), [-.infinity, .infinity, .nan, .nan, .infinity, .nan, .nan])
        expectClose(x.polygamma(1), [.infinity, .infinity, .infinity, .infinity, 0, .nan, .nan])
        expectClose(x.polygamma(2), [-.infinity, -.infinity, -.infinity, -.infinity, 0, .nan, .nan])
    }

    @Test func digammasGradientForNegativeNumbers() {
        let x = Tensor([-7.5, -0.5, -100.25], dtype: .float64, requiresGrad: true)
        x.digamma().sum().backward()
        expectClose(x.grad!, [9.7447662821704326, 8.93480220054467931, 19.7292833253493633], rtol: 1e-12, atol: 0)
    }

    /// Against mpmath. From order 21 on the factorial is multiplied factor by factor.
    @Test func highOrders() {
        let cases: [(n: Int, x: Double, wanted: Double)] = [
            (20, 2.5, -10709198259.1241325), (20, -1.25, 1.07000161878962977e31), (21, 0.75, 2.86415238453502289e22),
            (60, 3.5, -5.39540735358672117e48), (100, 12, -9.39359361988278155e48), (100, 0.5, -2.36610066049089716e188),
        ]
        for (n, x, wanted) in cases {
            for device in [Device.cpu, .reference] {
                expectClose(
                    Tensor([x], dtype: .float64).to(device).polygamma(n), [wanted], rtol: Double(n + 10) * 0x1p-52, atol: 0,
                    "polygamma(\(n)) of \(x)")
            }
        }
    }

    @Test func negativeOrderIsRefused() throws {
        let error = #expect(throws: OpError.self) { try checked { Tensor([1.0]).polygamma(-1) } }
        #expect(error!.op == "polygamma" && error!.message.contains("-1"))
    }
}
