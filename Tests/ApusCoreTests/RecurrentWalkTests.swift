@testable import ApusCore
import TestSupport
import Testing

/// The recurrent op against its composition from ordinary ops, and both against finite differences.
@Suite struct RecurrentWalkTests {
    /// Batches of equal sequences, and of sequences of different lengths.
    static let batches: [[Int]] = [[3, 3, 3, 3], [1], [4, 3, 1, 1], [2, 2, 1]]

    private func inputs(
        _ kind: RecurrentKind, _ batchSizes: [Int], in size: Int, units: Int, bias: Bool, projection: Int? = nil, dtype: DType = .float64
    ) -> [Tensor] {
        let rows = batchSizes.reduce(0, +)
        let generator = Generator(seed: 7)
        return withGenerator(generator) {
            var made = [Tensor.randn([rows, size], dtype: dtype), .randn([batchSizes[0], projection ?? units], dtype: dtype)]
            if kind == .lstm { made.append(.randn([batchSizes[0], units], dtype: dtype)) }
            made += [
                Tensor.randn([kind.gates * units, size], dtype: dtype) * 0.5,
                Tensor.randn([kind.gates * units, projection ?? units], dtype: dtype) * 0.5,
            ]
            if bias { made += [Tensor.randn([kind.gates * units], dtype: dtype), .randn([kind.gates * units], dtype: dtype)] }
            if let projection { made.append(.randn([projection, units], dtype: dtype)) }
            return made
        }
    }

    @Test(arguments: RecurrentKind.allCases, batches) func `equals its composition`(_ kind: RecurrentKind, _ batchSizes: [Int]) {
        for (reversed, bias, projection, dtype) in [
            (false, true, nil, DType.float64), (true, false, nil, .float64), (true, true, nil, .float32), (false, false, nil, .bfloat16),
            (false, true, 2, .float64), (true, false, 2, .float64),
        ] where projection == nil || kind == .lstm {
            let walk = RecurrentWalk(kind, batchSizes: batchSizes, isReversed: reversed, hasBias: bias, hasProjection: projection != nil)
            let given = inputs(kind, batchSizes, in: 3, units: 5, bias: bias, projection: projection, dtype: dtype)
            let (ours, theirs) = (given.map { $0.clone().requiresGrad_() }, given.map { $0.clone().requiresGrad_() })
            let (outputs, expected) = (walk(ours), walk.composed(theirs))
            let tolerance = dtype == .float64 ? 1e-12 : dtype == .float32 ? 1e-5 : 0.06
            for (a, b) in zip(outputs, expected) { expectClose(a, b, rtol: tolerance, atol: tolerance) }
            // Every output has its own weight in the loss.
            let weights = withGenerator(Generator(seed: 8)) { expected.map { Tensor.randn($0.shape, dtype: dtype) } }
            for (results, _) in [(outputs, ours), (expected, theirs)] {
                zip(results, weights).map { ($0 * $1).sum() }.reduce(Tensor.zeros([], dtype: dtype), +).backward()
            }
            for (i, (a, b)) in zip(ours, theirs).enumerated() {
                expectClose(
                    a.grad!, b.grad!, rtol: tolerance * 4, atol: tolerance * 4,
                    "gradient of input \(i), \(kind) \(batchSizes) reversed \(reversed) \(dtype)")
            }
        }
    }

    @Test(arguments: RecurrentKind.allCases) func `derivatives`(_ kind: RecurrentKind) {
        for (batchSizes, reversed) in [([2, 2, 2], false), ([3, 2, 1], true)] {
            let walk = RecurrentWalk(kind, batchSizes: batchSizes, isReversed: reversed, hasBias: true)
            checkGradients(inputs(kind, batchSizes, in: 2, units: 2, bias: true), second: true) { x in
                let weights = withGenerator(Generator(seed: 9)) { walk(x).map { ($0 * Tensor.randn($0.shape, dtype: .float64)).sum() } }
                return weights.reduce(Tensor.zeros([], dtype: .float64), +)
            }
        }
    }
}
