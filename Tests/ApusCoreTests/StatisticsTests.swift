@testable import ApusCore
import Foundation
import TestSupport
import Testing

/// What the recorded answers of statistics, searching and random counts do not show: large inputs, ties, other dtypes and devices.
@Suite struct StatisticsTests {
    private static let devices: [Device] = [.cpu, .reference]

    @Test("Rows are cut where their differences would fill memory, forward and backward", arguments: [0, 1, 2.5, Double.infinity])
    func distancesInParts(_ p: Double) {
        // Each row has 2²² / 2.5 differences, so that a part has two rows.
        let (rows, width) = (200, 8389)
        let a = (Tensor.arange(5 * width) % 1013).to(.float32).reshape(5, width) / 100
        let b = (Tensor.arange(rows * width) % 1009).to(.float32).reshape(rows, width) / 100
        let x = a.clone().requiresGrad_(), y = b.clone().requiresGrad_()
        let distances = Tensor.cdist(x, y, p: p, computeMode: .donotUseMMForEuclidDist)
        #expect(distances.shape == [5, rows])
        for i in 0..<5 { expectClose(distances[i].detach(), (a[i] - b).norm(p: p, dim: 1), rtol: 1e-5, atol: 0) }
        distances.sum().backward()
        let (u, v) = (a.clone().requiresGrad_(), b.clone().requiresGrad_())
        for i in 0..<5 { Tensor.cdist(u[i].unsqueeze(0), v, p: p, computeMode: .donotUseMMForEuclidDist).sum().backward() }
        expectClose(x.grad!, u.grad!, rtol: 1e-5, atol: 1e-5)
        expectClose(y.grad!, v.grad!, rtol: 1e-5, atol: 1e-5)
    }

    @Test func distancesByAProductAreThoseOfDifferences() {
        let a = DerivativeTests.numbers([3, 30, 4]), b = DerivativeTests.numbers([10, 4], phase: 5)
        expectClose(Tensor.cdist(a, b), Tensor.cdist(a, b, computeMode: .donotUseMMForEuclidDist), rtol: 1e-12, atol: 1e-12)
        // Equal rows have gradient 0 by both ways.
        for mode in DistanceComputeMode.allCases {
            let x = Tensor.ones([30, 3], dtype: .float64).requiresGrad_()
            let y = Tensor.cdist(x, x.detach(), computeMode: mode)
            y.sum().backward()
            #expect(values(x.grad!).allSatisfy { $0 == 0 } && values(y).allSatisfy { $0 == 0 }, "\(mode)")
        }
    }

    /// Against the definition, for many ties and NaN, on every device and in every dtype.
    @Test(arguments: devices, [DType.float32, .float64, .float16, .bfloat16, .int64, .int32, .uint8])
    func runningExtremes(_ device: Device, _ dtype: DType) {
        var numbers = (0..<75).map { Double($0 * 7919 % 11) }
        if dtype.isFloatingPoint { for i in [9, 13, 40, 41, 74] { numbers[i] = .nan } }
        let x = Tensor(numbers, shape: [3, 25], dtype: dtype).to(device)
        func check(_ found: (values: Tensor, indices: Tensor), _ wins: (Double, Double) -> Bool) {
            var (expected, places): ([Double], [Int]) = ([], [])
            for row in 0..<3 {
                var best = 0
                for i in 0..<25 {
                    let (new, old) = (numbers[row * 25 + i], numbers[row * 25 + best])
                    if new.isNaN || wins(new, old) { best = i }
                    places.append(best)
                    expected.append(numbers[row * 25 + best])
                }
            }
            #expect(found.indices.array(Int.self) == places && found.values.dtype == dtype)
            expectClose(found.values, expected)
        }
        check(x.cummax(dim: 1)) { $0 >= $1 }
        check(x.cummin(dim: 1)) { $0 <= $1 }
    }

    @Test(arguments: devices) func modesWithTies(_ device: Device) {
        let numbers = (0..<120).map { $0 * 7919 % 7 + $0 % 2 }
        let x = Tensor(numbers, shape: [4, 30]).to(device)
        let (found, indices) = x.mode(dim: 1)
        for row in 0..<4 {
            let line = Array(numbers[row * 30..<row * 30 + 30])
            let counts = Dictionary(grouping: line) { $0 }.mapValues(\.count)
            let most = counts.filter { $0.value == counts.values.max() }.keys.min()!
            #expect(found[row].item(Int.self) == most && indices[row].item(Int.self) == line.lastIndex(of: most))
        }
    }

    @Test(arguments: devices) func membership(_ device: Device) {
        let elements = (0..<200).map { $0 * 7919 % 97 }, tests = (0..<50).map { $0 * 31 % 89 }
        let expected = elements.map { tests.contains($0) }
        let x = Tensor(elements, shape: [10, 20]).to(device), y = Tensor(tests).to(device)
        #expect(Tensor.isin(x, y).array(Bool.self) == expected)
        #expect(
            Tensor.isin(x.unique().values, y, assumeUnique: true, invert: true).array(Bool.self) == (0..<97).map { !tests.contains($0) })
        #expect(Tensor.isin(x.to(.float16), y).array(Bool.self) == expected)
    }

    /// Bisection agrees with counting, for integers that `Double` does not hold too.
    @Test(arguments: devices, [false, true]) func places(_ device: Device, _ right: Bool) {
        let large = Int64(1) << 60
        let sequence = [large, large + 1, large + 1, large + 3], wanted = [large - 1, large, large + 1, large + 2, large + 4]
        let found = Tensor.searchsorted(Tensor(sequence).to(device), Tensor(wanted).to(device), right: right)
        #expect(
            found.device == device && found.array(Int.self) == wanted.map { value in sequence.count { right ? $0 <= value : $0 < value } })
        #expect(Tensor.searchsorted(Tensor.zeros([2, 0]), Tensor.zeros([2, 3]), right: right).array(Int.self) == [0, 0, 0, 0, 0, 0])
    }

    @Test(arguments: devices) func histogramsOfManyValues(_ device: Device) {
        let x = (Tensor.arange(1000) * 7919 % 1000).to(.float32).to(device) / 100
        let (counts, edges) = x.histogram(10, range: (0, 10))
        #expect(values(counts) == [Double](repeating: 100, count: 10))
        expectClose(edges, (0...10).map { Double($0) })
        expectClose(x.histc(bins: 10, min: 0, max: 10), counts)
        expectClose(x.histogram(10, range: (0, 10), density: true).hist.sum(), [1])
        #expect(x.half().histc(bins: 4).dtype == .float16 && x.half().histc(bins: 4).sum().item() == 1000)
        #expect(counts.device == device)
    }

    /// A product of ten matrices takes the order that was found, and equals that from left to right.
    @Test func chains() {
        let extents = [3, 40, 2, 25, 1, 30, 4, 7, 50, 5, 6]
        let factors = (0..<10).map { DerivativeTests.numbers([extents[$0], extents[$0 + 1]], phase: Double($0)) }
        for first in [0, 4, 8] {
            let expected = factors[(first + 1)...].reduce(factors[first]) { $0.mm($1) }
            let scale = expected.abs().max()
            expectClose(Tensor.multiDot(factors.dropFirst(first)) / scale, expected / scale, rtol: 0, atol: 1e-13)
        }
    }

    @Test func powersOfMatrices() {
        let x = Tensor([1.0, 1, 1, 0], shape: [2, 2], dtype: .float64)
        #expect(values(x.matrixPower(50)) == [20_365_011_074, 12_586_269_025, 12_586_269_025, 7_778_742_049])
        let y = x.clone().requiresGrad_()
        y.matrixPower(0).sum().backward()
        #expect(values(y.grad!) == [0, 0, 0, 0])
    }

    // MARK: Random numbers

    @Test func normalNumbers() {
        let generator = Generator(seed: 3)
        let mean = Tensor([0.0, 10]).unsqueeze(1), std = Tensor([1.0, 0.5]).unsqueeze(1).expand(2, 20_000)
        let x = Tensor.normal(mean: mean, std: std, generator: generator)
        #expect(x.shape == [2, 20_000] && x.dtype == .float32 && !x.requiresGrad)
        for i in 0..<2 {
            let (deviation, center) = Tensor.stdMean(x[i].to(.float64))
            #expect(abs(center.item() - mean[i].item()) < 0.03 && abs(deviation.item() - std[i, 0].item()) < 0.02)
        }
        #expect(values(Tensor.normal(mean: Tensor([1.0, 2]), std: 0)) == [1, 2])
        #expect(Tensor.normal(mean: 5, std: Tensor.zeros([2], dtype: .float64)).dtype == .float64)
        #expect(Tensor.normal(mean: 5, std: 0, [2, 3]).shape == [2, 3])
        // The generator alone decides.
        let again = Tensor.normal(mean: mean, std: std, generator: Generator(seed: 3))
        #expect(again.bytes() == x.bytes())
    }

    @Test(arguments: devices) func poissonCounts(_ device: Device) {
        let rates = Tensor([0.0, 0.3, 4, 25, 300]).to(device)
        let count = device == .cpu ? 20_000 : 500
        let x = Tensor.poisson(rates.unsqueeze(1).expand(5, count), generator: Generator(seed: 5)).to(.cpu)
        for (i, rate) in [0, 0.3, 4, 25, 300].enumerated() {
            let (variance, center) = Tensor.varMean(x[i].to(.float64))
            let error = 5 * (rate / Double(count)).squareRoot()
            #expect(abs(center.item() - rate) <= error && abs(variance.item() - rate) <= error * 4 + rate * 0.05 * 20_000 / Double(count))
        }
        #expect(Tensor.poisson(Tensor.zeros([0])).shape == [0] && Tensor.poisson(rates.half()).dtype == .float16)
    }

    @Test(arguments: devices) func binomialCounts(_ device: Device) {
        let trials = [0.0, 1, 10, 10, 40, 1000, 1000, 100_000], probs = [0.5, 0.3, 0.25, 0.9, 0.5, 0.002, 0.97, 0.3]
        let count = device == .cpu ? 20_000 : 500
        let n = Tensor(trials, dtype: .float64).to(device).unsqueeze(1).expand(8, count)
        let x = Tensor.binomial(n, Tensor(probs, dtype: .float64).to(device).unsqueeze(1), generator: Generator(seed: 7)).to(.cpu)
        for (i, (n, p)) in zip(trials, probs).enumerated() {
            let (variance, center) = Tensor.varMean(x[i])
            let spread = n * p * (1 - p)
            let error = 5 * (spread / Double(count)).squareRoot()
            #expect(abs(center.item() - n * p) <= error, "\(n) trials of \(p): \(center)")
            #expect(abs(variance.item() - spread) <= spread * 10 / Double(count).squareRoot(), "\(n) trials of \(p): \(variance)")
            #expect(x[i].ge(0).logicalAnd(x[i].le(n)).all().item(Bool.self) && x[i].eq(x[i].floor()).all().item(Bool.self))
        }
        let edges = Tensor.binomial(Tensor([5.0, 5, 5, 5, -1, 0]), Tensor([0.0, 1, 2, .nan, 0.5, .nan]))
        #expect(values(edges)[..<3] == [0, 5, 5] && values(edges)[3].isNaN && values(edges)[4...] == [0, 0])
    }

    @Test(arguments: SegmentReduction.allCases) func segmentsByOffsets(_ reduce: SegmentReduction) {
        let x = Tensor.randn([2, 6, 3], generator: Generator(seed: 4))
        let (lengths, offsets) = (Tensor([[1, 0, 5], [2, 2, 2]]), Tensor([[0, 1, 1, 6], [0, 2, 4, 6]]))
        expectEqual(
            Tensor.segmentReduce(x, reduce, offsets: offsets, axis: 1, initial: 0.5),
            Tensor.segmentReduce(x, reduce, lengths: lengths, axis: 1, initial: 0.5))
    }

    /// What reduces everything to one element with `keepDim` gives as many dimensions, and the position among all elements.
    @Test(arguments: [Shape([]), [5], [2, 3], [2, 1, 4]]) func positionsOfExtremesKeepDims(_ shape: Shape) {
        let x = Tensor.randn(shape, generator: Generator(seed: 5))
        for (kept, plain) in [(x.argmax(keepDim: true), x.argmax()), (x.argmin(keepDim: true), x.argmin())] {
            #expect(kept.shape == Shape(repeating: 1, count: shape.count) && plain.shape == Shape())
            expectEqual(kept.reshape([]), plain)
        }
    }
}
