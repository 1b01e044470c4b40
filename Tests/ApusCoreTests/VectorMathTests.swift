import ApusCore
import CKernels
import Foundation
import Testing

/// The float32 functions of `math_float.h` against libm in float64, in units in the last place of the exact result.
struct VectorMathTests {
    struct Function: Sendable, CustomTestStringConvertible {
        let kind: UnaryKind
        /// The largest error documented in `math_float.h`, plus half a unit for processors without fused multiply-add.
        let bound: Double
        let exact: @Sendable (Double) -> Double
        var testDescription: String { "\(kind)" }
    }

    static let functions: [Function] = [
        Function(kind: .exp, bound: 1.1) { exp($0) },
        Function(kind: .exp2, bound: 1.2) { exp2($0) },
        Function(kind: .expm1, bound: 1.5) { expm1($0) },
        Function(kind: .log, bound: 1.0) { log($0) },
        Function(kind: .log2, bound: 1.5) { log2($0) },
        Function(kind: .log10, bound: 1.7) { log10($0) },
        Function(kind: .log1p, bound: 1.6) { log1p($0) },
        Function(kind: .sigmoid, bound: 2.4) { $0 < 0 ? exp($0) / (1 + exp($0)) : 1 / (1 + exp(-$0)) },
        Function(kind: .tanh, bound: 2.5) { tanh($0) },
        Function(kind: .erf, bound: 1.1) { erf($0) },
        Function(kind: .sin, bound: 0.6) { sin($0) },
        Function(kind: .cos, bound: 0.6) { cos($0) },
        // Beyond 10⁶ libm computes it, and its tanf is less exact.
        Function(kind: .tan, bound: 1) { tan($0) },
        // Computed by libm.
        Function(kind: .atan, bound: 1) { atan($0) },
        Function(kind: .sinh, bound: 2) { sinh($0) },
        Function(kind: .erfc, bound: 4) { erfc($0) },
    ]

    /// Every 30,011th float from the lowest bit pattern to the highest: all exponents, both signs, NaNs.
    static let arguments: [Float] =
        stride(from: UInt64(0), to: 1 << 32, by: 30_011).map { Float(bitPattern: UInt32($0)) }
        + [
            0, -0.0, .infinity, -.infinity, .nan, 1, -1, .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 88.72284,
            -103.97208, 1e6, 1.0000001e6,
        ]

    @Test(arguments: functions) func errorIsWithinItsBound(_ function: Function) {
        let x = VectorMathTests.arguments
        var y = [Float](repeating: 0, count: x.count)
        apus_unary_flat(function.kind, Int32(DType.float32.rawValue), Int64(x.count), x, apus_parameters(), &y)
        var worst = (error: 0.0, at: Float(0))
        for (x, y) in zip(x, y) {
            let exact = function.exact(Double(x))
            let rounded = Float(exact)
            if rounded.isNaN || rounded.isInfinite || exact == 0 {
                // Near overflow a function may round either way.
                let isRight =
                    rounded.isNaN
                    ? y.isNaN : y == rounded && y.sign == rounded.sign || rounded.isInfinite && y.magnitude == .greatestFiniteMagnitude
                #expect(isRight, "\(function.kind)(\(x)) = \(y), exactly \(exact)")
                continue
            }
            let error = (Double(y) - exact).magnitude / Double(max(rounded.ulp, .leastNonzeroMagnitude))
            if !(error <= worst.error) { worst = (error, x) }
        }
        // `ulp` of the rounded result may be half or twice that of the exact one at a power of two.
        #expect(worst.error <= function.bound + 0.1, "\(function.kind): \(worst.error) ULP at \(worst.at)")
    }

    /// The test vectors of the authors (Random123's kat_vectors).
    @Test func philoxGivesItsPublishedNumbers() {
        let zeros = Philox.block(key: 0, counter: 0)
        #expect(zeros == (0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8))
    }
}
