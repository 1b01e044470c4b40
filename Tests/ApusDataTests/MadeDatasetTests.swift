import ApusCore
import TestSupport
import Testing
@testable import ApusData

@Suite("Data sets made of others") struct MadeDatasetTests {
    @Test func mappedSamplesAreMadeWhenTheyAreRead() throws {
        let pairs = TensorDataset(numbers([5, 2]), Tensor([10, 11, 12, 13, 14]))
        let doubled = try pairs.map { ($0.0 * 2, $0.1) }.batch(at: [3, 0])
        #expect(doubled.0.array(Float.self) == [12, 14, 0, 2] && doubled.1.array(Int.self) == [13, 10])
        #expect(try pairs.map { $0.1.item(Int.self) }.batch(at: [1, 4]).array(Int.self) == [11, 14])
        #expect(try pairs.map { ($0.0, "label \($0.1.item(Int.self))", 2.5) }.batch(at: [2]).1 == ["label 12"])
        #expect(try pairs.map(collate: { $0.reduce(0, +) }) { $0.1.item(Int.self) }.batch(at: [0, 1, 2]) == 33)
        // Of what was mapped there is everything that there is of others, and errors name the sample.
        let strict = Squares(count: 9).map { x, _ in
            if x.item() == 4 { throw Squares.Unreadable() }
            return x
        }
        #expect(try Subset(strict, [7, 2]).batch(at: [0, 1]).array(Float.self) == [7, 2])
        #expect(message { try DataLoader(strict, batchSize: 3, workers: 2).forEach { _ in } } == "sample 4: no such square")
    }

    @Test func stacksAndAnyDatasets() throws {
        let stack = StackDataset(TensorDataset(numbers([3])), ListDataset(["a", "b", "c"]))
        #expect(try stack.count == 3 && stack[1].1 == "b")
        let batch = try stack.batch(at: [2, 0])
        #expect(batch.0.array(Float.self) == [2, 0] && batch.1 == ["c", "a"])
        let three = try StackDataset(stack, ListDataset([1, 2, 3])).batch(at: [1])
        #expect(three.0.1 == ["b"] && three.1.array(Int.self) == [2])
        #expect(
            message { _ = try checked { StackDataset(TensorDataset(numbers([3])), ListDataset([1])) } }.contains("have 3 and 1 samples"))
        // Different types, the same samples and batches.
        let both = ConcatDataset([AnyDataset(TensorDataset(numbers([3]))), AnyDataset(Squares(count: 4).map { $0.0.sum() * 100 })])
        #expect(both.count == 7)
        #expect(DataLoader(both, batchSize: 4).map { $0.array(Float.self) } == [[0, 1, 2, 0], [100, 200, 300]])
        #expect(try both[1].item() == 1 && AnyDataset(both).batch(at: [6, 2]).array(Float.self) == [300, 2])
    }

    @Test func anyNumberOfTensors() throws {
        let x = numbers([4, 2])
        let data = TensorDataset([x, x + 1, x + 2, Tensor.arange(4)])
        #expect(data.count == 4 && data[3].map(\.numel) == [2, 2, 2, 1])
        let batch = try data.batch(at: [2, 1])
        #expect(batch.count == 4 && batch[2].array(Float.self) == [6, 7, 4, 5] && batch[3].array(Int.self) == [2, 1])
        let one = try data.collate([2, 1].map { data[$0] })
        #expect(zip(one, batch).allSatisfy { $0.array(Float.self) == $1.array(Float.self) })
        #expect(message { _ = try checked { TensorDataset([]) } }.contains("there are no tensors"))
    }

    @Test func listsOfTuplesOfAnyLength() throws {
        let list = ListDataset([(1, "a", 2.5, true, numbers([2])), (2, "b", 3.5, false, numbers([2]) + 1)])
        let batch = try list.batch(at: [1, 0])
        #expect(batch.0.array(Int.self) == [2, 1] && batch.1 == ["b", "a"] && batch.2.dtype == .float64)
        #expect(batch.3.array(Bool.self) == [false, true] && batch.4.array(Float.self) == [1, 2, 0, 1])
        #expect(try ListDataset([3, 4]).batch(at: [1]).array(Int.self) == [4])
        #expect(message { _ = try list[2] } == "sample 2: the data set has 2 samples")
        let ragged = message { _ = try ListDataset([(1, numbers([1])), (2, numbers([2]))]).batch(at: [0, 1]) }
        #expect(ragged.hasPrefix("sample 1: a tensor of shape [2]") && ragged.contains("part 1"))
    }

    /// What Swift does not take apart is taken apart in one line.
    @Test func tuplesWithLabelsAndStructs() throws {
        struct Drive: Dataset {
            let count = 3
            subscript(index: Int) -> (view: Tensor, angle: Double) { (numbers([2]), Double(index)) }
            func collate(_ samples: [(view: Tensor, angle: Double)]) throws -> (Tensor, Tensor) {
                try defaultCollate(samples.map { ($0.view, $0.angle) })
            }
        }
        #expect(try Drive().batch(at: [2, 1]).1.array(Float.self) == [2, 1])
        struct House: Collatable {
            let area: Float, town: String
            static func collate(_ samples: [House]) throws -> (Tensor, [String]) { try defaultCollate(samples.map { ($0.area, $0.town) }) }
        }
        let batch = try ListDataset([House(area: 1, town: "a"), House(area: 2, town: "b")]).batch(at: [1, 0])
        #expect(batch.0.array(Float.self) == [2, 1] && batch.1 == ["b", "a"])
        struct Four: Dataset {
            typealias Batch = (Tensor, [String], Tensor, [Tensor])
            let count = 2
            subscript(index: Int) -> (Int, String, Bool, [Float]) { (index, "\(index)", true, [1]) }
        }
        #expect(try Four().batch(at: [1]).1 == ["1"])
    }

    /// For every number of samples and parts: each sample is validated once, and the parts are as equal as they can be.
    @Test func foldsDealOutEachSampleOnce() {
        for count in [4, 9, 10, 23] {
            let data = TensorDataset(numbers([count]))
            let labels = (0..<count).map { $0 % 5 == 0 ? "rare" : $0 % 2 == 0 ? "even" : "odd" }
            for k in 2...4 {
                for shuffle in [false, true] {
                    let generator = Generator(seed: 1)
                    let plain = kFolds(data, k, shuffle: shuffle, generator: generator)
                    let fair = kFolds(data, k, stratifiedBy: labels, shuffle: shuffle, generator: generator)
                    for folds in [plain, fair] {
                        #expect(folds.count == k && folds.flatMap(\.validation.indices).sorted() == Array(0..<count))
                        for (train, validation) in folds { #expect((train.indices + validation.indices).sorted() == Array(0..<count)) }
                        let sizes = folds.map(\.validation.count)
                        #expect(sizes.max()! - sizes.min()! <= 1)
                    }
                    for label in Set(labels) {
                        let counts = fair.map { fold in fold.validation.indices.count { labels[$0] == label } }
                        #expect(counts.max()! - counts.min()! <= 1)
                    }
                    #expect((plain.flatMap(\.validation.indices) == Array(0..<count)) == !shuffle)
                    let again = kFolds(data, k, shuffle: shuffle, generator: Generator(seed: 1))
                    #expect(again.map(\.train.indices) == plain.map(\.train.indices))
                }
            }
            #expect(message { _ = try checked { kFolds(data, 1) } }.contains("1 parts cannot be made"))
            #expect(message { _ = try checked { kFolds(data, count + 1, stratifiedBy: labels) } }.contains("of \(count) samples"))
            #expect(message { _ = try checked { kFolds(data, 2, stratifiedBy: ["a"]) } }.contains("1 labels are given"))
        }
    }
}
