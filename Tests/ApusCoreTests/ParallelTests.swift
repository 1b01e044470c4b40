import ApusCore
import CKernels
import Testing

/// The parallel loop, whose results do not depend on the number of threads. Serialized, because that number belongs to the process.
@Suite(.serialized) struct ParallelTests {
    @Test(arguments: [(0, 1), (1, 1), (7, 3), (1000, 7), (1000, 1000), (1000, 5000), (4097, 1)])
    func everyElementIsVisitedOnceInFixedChunks(_ count: Int, _ grain: Int) {
        for threads in [1, 2, 4] {
            withThreads(threads) {
                let counts = UnsafeMutablePointer<Int64>.allocate(capacity: count + 1)
                defer { counts.deallocate() }
                counts.initialize(repeating: -1, count: count + 1)
                apus_parallel_for(
                    Int64(count), Int64(grain),
                    { context, begin, end in
                        let begins = context!.assumingMemoryBound(to: Int64.self)
                        for i in begin..<end { begins[Int(i)] = begins[Int(i)] == -1 ? begin : -2 }
                    }, counts)
                for i in 0..<count {
                    #expect(counts[i] == Int64(i / grain * grain), "element \(i) of \(count) by \(grain) on \(threads) threads")
                }
                #expect(counts[count] == -1)
            }
        }
    }

    @Test func aLoopInsideALoopVisitsAllToo() {
        withThreads(4) {
            let counts = UnsafeMutablePointer<Int64>.allocate(capacity: 64)
            defer { counts.deallocate() }
            counts.initialize(repeating: 0, count: 64)
            apus_parallel_for(
                8, 1,
                { context, begin, _ in
                    let row = context!.assumingMemoryBound(to: Int64.self) + 8 * Int(begin)
                    apus_parallel_for(8, 1, { context, begin, _ in context!.assumingMemoryBound(to: Int64.self)[Int(begin)] += 1 }, row)
                }, counts)
            for i in 0..<64 { #expect(counts[i] == 1) }
        }
    }

    /// The rule of `Backend`: results have the same bits for every number of threads.
    @Test func threadsNeverShowInTheBits() throws {
        let backend = CPUBackend.shared
        func random(_ shape: Shape, _ dtype: DType, _ seed: UInt64) throws -> Tensor {
            let x = try Tensor.uninitialized(shape, dtype, .cpu)
            backend.random(.normal(mean: 0.1, std: 1), seed: seed, offset: 0, into: x)
            return x
        }
        func blank(_ shape: Shape, _ dtype: DType = .float32) throws -> Tensor {
            let x = try Tensor.uninitialized(shape, dtype, .cpu)
            backend.fill(x, with: .int(0))
            return x
        }
        let results = try [1, 2, 4].map { threads in
            try withThreads(threads) {
                var made: [Tensor] = []
                let x = try random([700, 300], .float32, 1), g = try random([700, 300], .float32, 2)
                let doubles = try random([500_000], .float64, 3)
                made += [x, doubles]
                for (dims, shape) in [([0], [1, 300]), ([1], [700, 1]), ([0, 1], [1, 1])] as [([Int], Shape)] {
                    let sum = try blank(shape)
                    try backend.reduce(.sum, x, dims: dims, into: sum)
                    made.append(sum)
                }
                let total = try blank([1], .float64)
                try backend.reduce(.mean, doubles, dims: [0], into: total)
                made.append(total)
                let tall = try random([100_000, 5], .float32, 4), columns = try blank([1, 5])
                try backend.reduce(.sum, tall, dims: [0], into: columns)
                made.append(columns)
                let out = try blank([700, 300]), mean = try blank([2, 700]), rstd = try blank([700])
                try backend.softmax(x, dim: 0, log: false, into: out)
                made.append(try out.converted(to: .float32))
                try backend.layerNorm(x, weight: nil, bias: nil, eps: 1e-5, into: out, mean: mean, rstd: rstd)
                let gradX = try blank([700, 300]), gradWeight = try blank([300]), gradBias = try blank([300])
                try backend.layerNormBackward(
                    g, x, weight: nil, mean: mean, rstd: rstd, gradX: gradX, gradWeight: gradWeight, gradBias: gradBias)
                made += [out, mean, rstd, gradX, gradWeight, gradBias]
                for shape in [[70, 30, 100], [7000, 30, 1]] as [Shape] {
                    let x = try random(shape, .float32, 5), mean = try blank([2, 30]), variance = try blank([30])
                    try backend.channelStatistics(x, mean: mean, variance: variance)
                    made += [mean, variance]
                }
                let index = try Tensor.uninitialized([5000], .int64, .cpu)
                backend.random(.integers(low: 0, high: 40), seed: 6, offset: 0, into: index)
                let table = try blank([40, 100]), rows = try random([5000, 100], .float32, 7)
                try backend.indexAdd(table, dim: 0, index, rows)
                made.append(table)
                let p = try random([100_000], .float32, 8), step = try random([100_000], .float32, 9)
                backend.optimizerStep(
                    OptimizerRule(.sgd, 0.1, 0.01, 1, 0, 1, flags: [false, false]), parameters: [p], gradients: [step], state: [])
                made.append(p)
                return made
            }
        }
        for other in results.dropFirst() {
            for (a, b) in zip(results[0], other) {
                let bytes = a.numel * a.dtype.size
                #expect(
                    UnsafeRawBufferPointer(start: a.pointer, count: bytes).elementsEqual(
                        UnsafeRawBufferPointer(start: b.pointer, count: bytes)), "\(a.shape)")
            }
        }
    }

    /// LAPACK's factors too: each matrix, or each part of a large one, is computed on one thread.
    @Test func threadsNeverShowInFactors() {
        let numbers: [Double] = (0..<20800).map { Double($0 * $0 * 7919 % 10007) / 10007 - 0.5 }
        let a = Tensor(numbers, shape: [13, 40, 40], dtype: .float32)
        let large = a.reshape([-1])[..<16900].reshape(130, 130)
        func factors() -> [Tensor] {
            let (largeU, largeS, largeVh) = Linalg.svd(large)
            let (largeValues, largeVectors) = Linalg.eigh(large + large.mT)
            let larges = [
                largeU, largeS, largeVh, largeValues, largeVectors, Linalg.solve(a[0], a.reshape([-1])[..<20800].reshape(40, 520)),
            ]
            let (u, s, vh) = Linalg.svd(a)
            let (values, vectors) = Linalg.eigh(a + a.mT)
            let (q, r) = Linalg.qr(a)
            let solution = Linalg.lstsq(a, a).solution
            return [u, s, vh, values, vectors, q, r, a.inverse(), solution, a[0].inverse(), a.det(), (a * 20).matrixExp()] + larges
        }
        let results = [1, 2, 4].map { withThreads($0, factors) }
        for other in results.dropFirst() {
            for (i, (one, more)) in zip(results[0], other).enumerated() { #expect(one.bytes() == more.bytes(), "result \(i)") }
        }
    }

    private func withThreads<Result>(_ count: Int, _ body: () throws -> Result) rethrows -> Result {
        let before = apus_thread_count()
        apus_set_thread_count(Int32(count))
        defer { apus_set_thread_count(before) }
        return try body()
    }
}
