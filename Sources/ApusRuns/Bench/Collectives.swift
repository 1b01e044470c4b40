import ApusCore
import ApusData
import ApusDistributed
import ApusNN
import ApusSystem
import ApusVision

/// What sums over processes take, and how much of it the computation hides; scripts/bench/distributed runs it under launchers.
package enum Collectives {
    /// Medians of sums of float32 in fixed order, beside those in the order of MPI's own, in turns.
    package static func sums(_ group: ProcessGroup, rounds: Int) throws -> [(bytes: Int, fixed: Double, unordered: Double)] {
        try [1 << 10, 100 << 10, 10 << 20, 100 << 20].map { bytes in
            let x = Tensor.zeros(bytes / 4)
            var times: [Bool: [Double]] = [:]
            // Short sums are timed several at once, since processes leave a barrier at different moments.
            let together = max(1, min(200, (1 << 20) / bytes))
            for _ in 0..<(rounds + 2) {
                for unordered in [false, true] {
                    try group.barrier()
                    let begin = monotonicSeconds()
                    for _ in 0..<together { try group.allReduce(x, allowsUnorderedSums: unordered) }
                    times[unordered, default: []].append((monotonicSeconds() - begin) / Double(together))
                }
            }
            return (bytes, median(times[false]!.dropFirst(2)), median(times[true]!.dropFirst(2)))
        }
    }

    /// When the gradients of a step travel.
    package enum Sum: String, CaseIterable {
        /// Not at all.
        case none
        /// After the backward pass.
        case after
        /// Beside it.
        case beside
    }

    /// Medians of a training step of resnet18 on 32 × 32 images, in turns.
    package static func steps(_ group: ProcessGroup, batch: Int, rounds: Int) throws -> [(sum: Sum, seconds: Double)] {
        let model = withGenerator(Generator(seed: 1)) { resnet18(classes: 10, smallImages: true) }
        let reducer = try GradientReducer(model, in: group)
        let (x, y) = (Tensor.randn([batch, 3, 32, 32]), Tensor.randint(10, [batch]))
        let shard = ShardedBatch<Tensor>.Shard(number: group.rank, batch: x, samples: batch, generator: nil)
        model.train()
        func step(_ sum: Sum) throws {
            if sum == .none {
                model.zeroGrad()
                F.crossEntropy(model(x), y).backward()
                return
            }
            try reducer.begin()
            try reducer.learn(shard, isLast: true, isSingle: sum == .beside) { F.crossEntropy(model($0), y).backward() }
            _ = try reducer.finish()
        }
        var times: [Sum: [Double]] = [:]
        for _ in 0..<(rounds + 2) {
            for sum in Sum.allCases {
                try group.barrier()
                let begin = monotonicSeconds()
                try step(sum)
                times[sum, default: []].append(monotonicSeconds() - begin)
            }
        }
        return Sum.allCases.map { ($0, median(times[$0]!.dropFirst(2))) }
    }

    private static func median(_ times: some Sequence<Double>) -> Double {
        let sorted = times.sorted()
        return sorted[sorted.count / 2]
    }
}
