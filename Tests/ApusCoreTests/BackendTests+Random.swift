import ApusCore
import TestSupport
import Testing

@Suite("Backends: random numbers") struct RandomBackendTests {
    /// The test vectors of the authors of Philox (Random123's kat_vectors, philox4x32 with 10 rounds).
    @Test func knownAnswers() {
        #expect(Philox.block(key: 0, counter: 0) == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(Philox.block(key: .max, counter: .max, upper: .max) == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        let pi = Philox.block(key: 0x299f_31d0_a409_3822, counter: 0x85a3_08d3_243f_6a88, upper: 0x0370_7344_1319_8a2e)
        #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    static let sizes = [0, 1, 2, 3, 4, 5, 63, 64, 65, 255, 256, 257, 1001, 9001]
    static let states: [(UInt64, UInt64)] = [(0, 0), (1, 0), (0x9E37_79B9_7F4A_7C15, 12345), (.max, UInt64(UInt32.max) - 3), (7, .max - 2)]

    private func compare(_ device: Device, _ kind: RandomKind, _ dtype: DType, _ tolerance: Tolerance) throws {
        for (number, (seed, offset)) in Self.states.enumerated() {
            for size in Self.sizes where number == 0 || size < 300 {
                let out = Twin(blank: [size], dtype, on: device)
                ReferenceBackend.shared.random(kind, seed: seed, offset: offset, into: out.reference)
                try device.backend.random(kind, seed: seed, offset: offset, into: out.tested)
                BackendTests.complain(tolerance.difference(out), "\(size) of \(kind) in \(dtype), seed \(seed), offset \(offset)")
            }
        }
    }

    @Test(arguments: BackendTests.devices, DType.floats) func uniform(_ device: Device, _ dtype: DType) throws {
        for (low, high) in [(0.0, 1.0), (-1, 3), (0.1, 0.3), (-1000, -999)] {
            try compare(device, .uniform(low: low, high: high), dtype, .exact)
        }
    }

    @Test(arguments: BackendTests.devices, DType.floats) func normal(_ device: Device, _ dtype: DType) throws {
        // Near the zeros of sine and cosine, and where the mean cancels, errors are relative to numbers up to 6·std + mean.
        for (mean, std) in [(0.0, 1.0), (3, 0.5), (-100, 20)] {
            try compare(device, .normal(mean: mean, std: std), dtype, Tolerance(ulps: 16, absolute: 16 * (mean.magnitude + std)))
        }
    }

    @Test(arguments: BackendTests.devices, DType.floats) func bernoulli(_ device: Device, _ dtype: DType) throws {
        for (p, value) in [(0.0, 1.0), (1, 1), (0.5, 2), (0.9, 1 / 0.9), (1e-7, -3), (1 - 1e-9, 0.1)] {
            try compare(device, .bernoulli(p: p, value: value), dtype, .exact)
        }
    }

    /// Bernoulli draws equal a comparison of uniform numbers, also if p is next to one of them.
    @Test func bernoulliIsAComparison() {
        let uniform = Tensor.rand([5000], generator: Generator(seed: 4))
        let some = uniform[17].item()
        for p in [0.3, 0.9, some, Double(Float(some).nextUp), Double(Float(some).nextDown)] {
            let drawn = Tensor.bernoulli([5000], p: p, generator: Generator(seed: 4))
            expectClose(drawn, values(uniform.lt(p).to(.float32)), rtol: 0, atol: 0, "\(p)")
        }
    }

    @Test(arguments: BackendTests.devices, [DType.uint8, .int8, .int16, .int32, .int64]) func integersFill(
        _ device: Device, _ dtype: DType
    ) throws {
        var ranges: [(Int64, Int64)] = [(0, 10), (-3, 4), (5, 6)]
        if dtype == .uint8 { ranges = [(0, 10), (0, 256), (5, 6)] }
        if dtype == .int64 { ranges += [(.min, .max), (-1, .max), (1 << 53, 1 << 60)] }
        if dtype == .int32 { ranges += [(-(1 << 31), 1 << 31)] }
        for (low, high) in ranges { try compare(device, .integers(low: low, high: high), dtype, .exact) }
    }

    /// Element i does not depend on the number of elements after it; a fill that starts one block later continues with the next block.
    @Test(arguments: BackendTests.devices + [.reference]) func prefixes(_ device: Device) throws {
        for (kind, dtype) in [
            (RandomKind.uniform(low: 0, high: 1), DType.float32), (.normal(mean: 0, std: 1), .float64),
            (.integers(low: 0, high: 99), .int64), (.bernoulli(p: 0.4, value: 3), .float64),
        ] {
            let (long, short) = (blank([1000], dtype, on: device), blank([77], dtype, on: device))
            let perBlock = Philox.elementsPerBlock(kind, dtype)
            let later = blank([1000 - 5 * perBlock], dtype, on: device)
            try device.backend.random(kind, seed: 3, offset: 10, into: long)
            try device.backend.random(kind, seed: 3, offset: 10, into: short)
            try device.backend.random(kind, seed: 3, offset: 15, into: later)
            let all = values(long)
            expectClose(short, Array(all[..<77]), rtol: 0, atol: 0, "\(kind)")
            expectClose(later, Array(all[(5 * perBlock)...]), rtol: 0, atol: 0, "\(kind)")
        }
    }

    /// Moments and ranges of many numbers, of the reference too; within 5 standard errors, with a fixed seed.
    @Test(arguments: BackendTests.devices + [.reference], DType.floats) func distributions(_ device: Device, _ dtype: DType) throws {
        let n = 10_000
        let out = blank([n], dtype, on: device)
        func moments(_ numbers: [Double]) -> (mean: Double, variance: Double) {
            let mean = numbers.reduce(0, +) / Double(numbers.count)
            return (mean, numbers.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(numbers.count))
        }
        try device.backend.random(.uniform(low: -1, high: 3), seed: 11, offset: 0, into: out)
        let uniform = values(out)
        #expect(uniform.allSatisfy { $0 >= -1 && $0 < 3 })
        // Rounding down to a grid of 2^-8, bfloat16's, would lower the mean by half a cell.
        #expect((moments(uniform).mean - 1).magnitude < 5 * 1.1547 / Double(n).squareRoot() + 2 * dtype.epsilon)
        #expect((moments(uniform).variance - 16.0 / 12).magnitude < 0.06)

        try device.backend.random(.normal(mean: 2, std: 3), seed: 12, offset: 0, into: out)
        let normal = values(out)
        #expect(normal.allSatisfy { $0.isFinite })
        #expect((moments(normal).mean - 2).magnitude < 5 * 3 / Double(n).squareRoot())
        #expect((moments(normal).variance - 9).magnitude < 5 * 9 * (2 / Double(n)).squareRoot() + 9 * dtype.epsilon)
        let within = Double(normal.count { ($0 - 2).magnitude < 3 }) / Double(n)
        #expect((within - 0.6827).magnitude < 0.025)
    }
}
