import ApusCore
import TestSupport
import Testing
@testable import ApusData

@Suite struct DatasetTests {
    @Test func tensorDatasetsGatherParts() throws {
        let (x, y) = (numbers([5, 2]), Tensor([10, 11, 12, 13, 14]))
        let pairs = TensorDataset(x, y)
        #expect(pairs.count == 5)
        #expect(pairs[3].0.array(Float.self) == [6, 7] && pairs[3].1.item(Int.self) == 13)
        let (a, b) = try pairs.batch(at: [4, 0, 4])
        #expect(a.shape == [3, 2] && a.array(Float.self) == [8, 9, 0, 1, 8, 9])
        #expect(b.dtype == .int64 && b.array(Int.self) == [14, 10, 14])
        #expect(try TensorDataset(x).batch(at: [1]).array(Float.self) == [2, 3])
        #expect(try TensorDataset(x, y, x).batch(at: [1]).2.array(Float.self) == [2, 3])
        // The batch gathered at once equals the collated samples.
        let one = try pairs.collate([4, 0, 4].map { pairs[$0] })
        #expect(one.0.array(Float.self) == a.array(Float.self) && one.1.array(Int.self) == b.array(Int.self))
        #expect(message { _ = try pairs.batch(at: [0, 5]) } == "sample 5: the data set has 5 samples")
        #expect(message { _ = try checked { TensorDataset(x, numbers([4])) } }.contains("TensorDataset: the tensors' first dimensions"))
    }

    @Test func collationStacksAndNamesWhatDoesNotFit() throws {
        let (x, y) = try Squares().batch(at: [3, 1])
        #expect(x.shape == [2, 1] && x.array(Float.self) == [3, 1] && y.shape == [2] && y.array(Int.self) == [9, 1])
        struct Ragged: Dataset {
            let count = 4
            subscript(index: Int) -> Tensor { numbers([index == 2 ? 3 : 2]) }
        }
        #expect(message { _ = try Ragged().batch(at: [0, 2]) }.hasPrefix("sample 2: a tensor of shape [3]"))
        // Strided views are collated by value.
        struct Views: Dataset {
            let x = numbers([2, 3])
            let count = 3
            subscript(index: Int) -> Tensor { x.transpose(0, 1).select(0, index) }
        }
        #expect(try Views().batch(at: [2, 0]).array(Float.self) == [2, 5, 0, 3])
    }

    @Test func errorsNameTheSample() {
        let broken = Squares(broken: 7)
        #expect(message { _ = try broken.batch(at: [6, 7]) } == "sample 7: no such square")
        #expect(message { _ = try Subset(broken, [1, 7]).batch(at: [1]) } == "sample 7: no such square")
        #expect(message { _ = try ConcatDataset([Squares(), broken]).batch(at: [107]) } == "sample 107: no such square")
        #expect(message { _ = try ConcatDataset([Squares(), broken]).batch(at: [5, 107]) } == "sample 107: no such square")
        // A programming error in a subscript is reported too.
        struct Wrong: Dataset {
            let count = 3
            subscript(index: Int) -> Tensor { numbers([2]) + numbers([3]) }
        }
        #expect(message { _ = try Wrong().batch(at: [1]) }.hasPrefix("sample 1: add"))
    }

    @Test func subsetsAndConcatenations() throws {
        let base = TensorDataset(numbers([6]))
        let subset = Subset(base, [5, 0, 3])
        #expect(subset.count == 3)
        #expect(try subset[0].item() == 5)
        #expect(try subset.batch(at: [2, 1]).array(Float.self) == [3, 0])
        let both = ConcatDataset([Subset(base, [5]), Subset(base, []), subset])
        #expect(both.count == 4)
        #expect(try (0..<4).map { try both[$0].item() } == [5, 5, 0, 3])
        #expect(try both.batch(at: [1, 3]).array(Float.self) == [5, 3])
        #expect(try both.batch(at: [3, 0]).array(Float.self) == [3, 5])
        #expect(message { _ = try both.batch(at: [4]) }.hasPrefix("sample 4"))
        #expect(message { _ = try checked { Subset(base, [6]) } }.contains("index 6 is out of range"))
        #expect(message { _ = try subset[3] }.hasPrefix("sample 3"))
    }

    @Test func randomSplitDealsOutEachSampleOnce() throws {
        let base = TensorDataset(numbers([10]))
        let parts = randomSplit(base, [7, 0, 3], generator: Generator(seed: 1))
        #expect(parts.map(\.count) == [7, 0, 3])
        #expect(parts.flatMap(\.indices).sorted() == Array(0..<10))
        #expect(parts.flatMap(\.indices) != Array(0..<10))
        #expect(randomSplit(base, [7, 0, 3], generator: Generator(seed: 1)).map(\.indices) == parts.map(\.indices))
        #expect(randomSplit(base, [0.25, 0.75], generator: Generator(seed: 1)).map(\.count) == [3, 7])
        #expect(randomSplit(base, [0.33, 0.33, 0.34]).map(\.count) == [4, 3, 3])
        #expect(message { _ = try checked { randomSplit(base, [7, 4]) } }.contains("add up to 11, the data set has 10 samples"))
        #expect(message { _ = try checked { randomSplit(base, [0.5, 0.4]) } }.contains("do not add up to 1"))
    }
}

@Suite("A loader knows its data set") struct LoaderDatasetTests {
    @Test func byItsCount() {
        let loader = DataLoader(TensorDataset(Tensor.zeros([5, 2])), batchSize: 2)
        #expect(loader.dataset.count == 5 && loader.count == 3)
        #expect(DataLoader([1, 2, 3]).dataset.count == 3)
    }
}
