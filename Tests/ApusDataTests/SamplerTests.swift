import ApusCore
import Foundation
import TestSupport
import Testing
@testable import ApusData

@Suite struct SamplerTests {
    private let data = TensorDataset(numbers([12]))

    private func draws(_ sampler: some Sampler<Int>, _ seed: Int) -> [Int] { Array(sampler.order(using: Generator(seed: seed))) }

    /// An epoch has as many elements as its sampler says, and the same for the same seed.
    @Test func everyEpochIsItsSeeds() {
        func check(_ name: String, _ sampler: some Sampler<Int>, count: Int, isRandom: Bool = true, distinct: Int? = nil) {
            for seed in 0..<20 {
                let order = draws(sampler, seed)
                #expect(order.count == count && sampler.count == count && order == draws(sampler, seed), "\(name)")
                if let distinct { #expect(Set(order).count == distinct, "\(name): \(order)") }
            }
            #expect((draws(sampler, 1) != draws(sampler, 2)) == isRandom, "\(name)")
        }
        check("in order", SequentialSampler(data), count: 12, isRandom: false, distinct: 12)
        check("random", RandomSampler(data), count: 12, distinct: 12)
        check("fewer", RandomSampler(data, numSamples: 5), count: 5, distinct: 5)
        check("more", RandomSampler(data, numSamples: 30), count: 30, distinct: 12)
        check("again", RandomSampler(data, replacement: true, numSamples: 30), count: 30)
        check("none", RandomSampler(data, numSamples: 0), count: 0, isRandom: false)
        check("subset", SubsetRandomSampler([9, 3, 4, 1]), count: 4, distinct: 4)
        let weights = (0..<12).map(Double.init)
        check("weights", WeightedRandomSampler(weights, numSamples: 40), count: 40)
        check("weights, once", WeightedRandomSampler(weights, numSamples: 11, replacement: false), count: 11, distinct: 11)
        // Each of three rounds has every sample once.
        let rounds = draws(RandomSampler(data, numSamples: 30), 3)
        #expect(rounds[..<12].sorted() == Array(0..<12) && rounds[12..<24].sorted() == Array(0..<12))
        #expect(draws(SequentialSampler(data), 0) == Array(0..<12))
        #expect(Set(draws(SubsetRandomSampler([9, 3, 4, 1]), 7)) == [9, 3, 4, 1])
    }

    /// `shuffle` is a random sampler, whose order is the permutation of the epoch's seed.
    @Test func shufflingIsARandomSampler() {
        let shuffled = DataLoader(data, batchSize: 5, shuffle: true, generator: Generator(seed: 8))
        let sampled = DataLoader(data, batchSize: 5, sampler: RandomSampler(data), generator: Generator(seed: 8))
        for (a, b) in zip(shuffled, sampled) { #expect(a.array(Float.self) == b.array(Float.self)) }
        let seed = shuffled.position!.seed
        let order = Tensor.randperm(12, generator: Generator(seed: seed)).array(Float.self)
        shuffled.resume(at: .init(seed: seed, batch: 0))
        #expect(shuffled.flatMap { $0.array(Float.self) } == order)
        #expect(shuffled.sampleCount == 12 && sampled.count == 3 && !sampled.shuffle && sampled.batchSize == 5)
    }

    /// χ² of counts against what is expected; for 9 degrees of freedom it is above 27.9 once in a thousand.
    private func chiSquare(_ counts: [Double], _ expected: [Double]) -> Double {
        zip(counts, expected).reduce(0) { $1.1 == 0 ? $0 + ($1.0 == 0 ? 0 : .infinity) : $0 + ($1.0 - $1.1) * ($1.0 - $1.1) / $1.1 }
    }

    private func counts(_ order: [Int], _ count: Int) -> [Double] {
        order.reduce(into: [Double](repeating: 0, count: count)) { $0[$1] += 1 }
    }

    @Test func drawsFollowTheWeights() {
        let n = 20_000
        let weights: [Double] = [0, 1, 2, 3, 0, 4, 0.5, 1.5, 8, 0]
        let expected = weights.map { $0 / 20 * Double(n) }
        let drawn = draws(WeightedRandomSampler(weights, numSamples: n), 1)
        #expect(chiSquare(counts(drawn, 10), expected) < 27.9)
        #expect(
            chiSquare(
                counts(draws(RandomSampler(ListDataset(weights), replacement: true, numSamples: n), 1), 10),
                Array(repeating: Double(n) / 10, count: 10)) < 27.9)
        // Without replacement the first draw follows the weights, and the second those of what is left.
        let pairs = (0..<4000).map { draws(WeightedRandomSampler([1, 2, 3, 0, 4], numSamples: 2, replacement: false), $0) }
        #expect(chiSquare(counts(pairs.map { $0[0] }, 5), [400, 800, 1200, 0, 1600]) < 27.9)
        let w = [1.0, 2, 3, 0, 4]
        let second = w.indices.map { i in
            4000 * w.indices.filter { $0 != i }.reduce(0) { $0 + w[$1] / 10 * w[i] / (10 - w[$1]) }
        }
        #expect(chiSquare(counts(pairs.map { $0[1] }, 5), second) < 27.9)
        #expect(pairs.allSatisfy { $0[0] != $0[1] })
        // Labels that are rare come as often as others.
        let labels = [String](repeating: "often", count: 90) + [String](repeating: "rare", count: 10)
        let balanced = draws(WeightedRandomSampler.balanced(labels: labels, numSamples: n), 1).map { labels[$0] == "rare" ? 1 : 0 }
        #expect(chiSquare(counts(balanced, 2), [Double(n) / 2, Double(n) / 2]) < 27.9)
        #expect(WeightedRandomSampler.balanced(labels: labels).count == 100)
    }

    @Test func batchesAreCutAsLoadersCutThem() {
        for (size, dropLast) in [(1, false), (5, false), (5, true), (12, true), (13, true), (13, false)] {
            let batches = BatchSampler(RandomSampler(data), batchSize: size, dropLast: dropLast)
            let order = Array(batches.order(using: Generator(seed: 3)))
            #expect(order.count == batches.count && order.allSatisfy { $0.count == size || !dropLast })
            let own = DataLoader(data, batchSampler: batches, generator: Generator(seed: 1))
            let usual = DataLoader(data, batchSize: size, shuffle: true, dropLast: dropLast, generator: Generator(seed: 1))
            #expect(own.count == usual.count && own.batchSize == nil && own.sampleCount == nil)
            #expect(own.map { $0.array(Float.self) } == usual.map { $0.array(Float.self) })
        }
        // Batches of any sizes, as sentences of one length are put together.
        struct Growing: Sampler {
            let count = 4
            func order(using generator: Generator) -> [[Int]] { [[0], [1, 2], [], [3, 4, 5]] }
        }
        let loader = DataLoader(data, batchSampler: Growing())
        #expect(loader.map { $0.array(Float.self) } == [[0], [1, 2], [], [3, 4, 5]])
        #expect(loader.samples(before: 2, seed: 0) == 3 && loader.samples(before: 4, seed: 0) == 6)
    }

    @Test func whatCannotBeDrawnIsRefused() {
        func text(_ body: () -> Void) -> String { message { try checked(body) } }
        #expect(text { _ = RandomSampler(TensorDataset(numbers([0])), numSamples: 3) }.contains("3 of 0 samples"))
        #expect(text { _ = RandomSampler(data, numSamples: -1) }.contains("-1 of 12"))
        #expect(text { _ = WeightedRandomSampler([1, -1], numSamples: 1) }.contains("weight 1 is -1.0"))
        #expect(text { _ = WeightedRandomSampler([1, .nan], numSamples: 1) }.contains("weight 1 is nan"))
        #expect(text { _ = WeightedRandomSampler([0, 0], numSamples: 1) }.contains("by weights of sum 0"))
        #expect(text { _ = WeightedRandomSampler([1, 0], numSamples: 2, replacement: false) }.contains("1 have a weight above 0"))
        #expect(text { _ = BatchSampler(RandomSampler(data), batchSize: 0) }.contains("batchSize is 0"))
        struct Liar: Sampler {
            let count = 3
            func order(using generator: Generator) -> [Int] { [1] }
        }
        #expect(text { for _ in DataLoader(data, sampler: Liar()) {} }.contains("has given 1 elements for an epoch, and its count is 3"))
        #expect(
            message { try DataLoader(data, sampler: SubsetRandomSampler([40])).forEach { _ in } }
                == "sample 40: the data set has 12 samples")
    }
}
