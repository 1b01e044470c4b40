import ApusCore
import TestSupport
import Testing
@testable import ApusData

/// The numbers up to a count, of which one cannot be read.
private struct Counting: IterableDataset {
    var to: Int
    var broken: Int?
    var isKnown = false
    var count: Int? { isKnown ? to : nil }
    func makeIterator() -> SampleIterator<Int> {
        var next = 0
        return SampleIterator {
            defer { next += 1 }
            if next == broken { throw Squares.Unreadable() }
            return next < to ? next : nil
        }
    }
}

@Suite struct StreamTests {
    @Test(arguments: [0, 1, 3]) func streamsComeInBatches(workers: Int) {
        func epoch<Stream: IterableDataset>(_ stream: Stream, dropLast: Bool = false) -> [[Int]] where Stream.Batch == Tensor {
            DataLoader(stream: stream, batchSize: 4, dropLast: dropLast, workers: workers).map { $0.array(Int.self) }
        }
        #expect(epoch(Counting(to: 10)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]])
        #expect(epoch(Counting(to: 10), dropLast: true) == [[0, 1, 2, 3], [4, 5, 6, 7]])
        #expect(epoch(Counting(to: 8)) == [[0, 1, 2, 3], [4, 5, 6, 7]])
        #expect(epoch(Counting(to: 0)).isEmpty)
        #expect(epoch(ChainDataset([Counting(to: 3), Counting(to: 0), Counting(to: 2)])) == [[0, 1, 2, 0], [1]])
        var seen: [[Int]] = []
        let loader = DataLoader(stream: Counting(to: 20, broken: 9), batchSize: 4, workers: workers)
        #expect(message { try loader.forEach { seen.append($0.array(Int.self)) } } == "sample 9: no such square" && seen.count == 2)
    }

    @Test func countsAreKnownWhereTheStreamKnows() throws {
        let known = DataLoader(stream: Counting(to: 10, isKnown: true), batchSize: 4)
        #expect(known.count == 3 && known.sampleCount == 10)
        let unknown = DataLoader(stream: Counting(to: 10), batchSize: 4)
        #expect(unknown.sampleCount == nil && message { _ = try checked { unknown.count } }.contains("does not know its number"))
        #expect(message { _ = try checked { unknown.dataset } }.contains("which is no data set"))
        #expect(ChainDataset([Counting(to: 10, isKnown: true), Counting(to: 1, isKnown: true)]).count == 11)
        #expect(ChainDataset([Counting(to: 10, isKnown: true), Counting(to: 1)]).count == nil)
        let iterator = unknown.makeIterator()
        #expect(try (0..<3).map { _ in try iterator.nextBatch() != nil ? iterator.sampleCount : 0 } == [4, 4, 2])
    }

    @Test func tuplesOfAStreamSayTheirBatch() throws {
        struct Lines: IterableDataset {
            typealias Batch = ([String], Tensor)
            func makeIterator() -> SampleIterator<(String, Int)> { SampleIterator([("a", 1), ("b", 2), ("c", 3)]) }
        }
        let (texts, numbers) = try #require(DataLoader(stream: Lines(), batchSize: 3).makeIterator().next())
        #expect(texts == ["a", "b", "c"] && numbers.array(Int.self) == [1, 2, 3])
        // One of a closure needs to say nothing.
        let closure = StreamDataset(count: 3) { SampleIterator([(1, "a", 2.5, true), (2, "b", 3.5, true), (3, "c", 4.5, false)]) }
        let loader = DataLoader(stream: closure, batchSize: 2, workers: 2)
        #expect(loader.count == 2 && loader.map { $0.1 } == [["a", "b"], ["c"]] && loader.map { $0.3.numel } == [2, 1])
        #expect(DataLoader(stream: StreamDataset { SampleIterator([1, 2]) }, batchSize: 2).map { $0.array(Int.self) } == [[1, 2]])
        let sums = DataLoader(stream: StreamDataset(collate: { $0.reduce(0, +) }) { SampleIterator(1...5) }, batchSize: 2)
        #expect(sums.map { $0 } == [3, 7, 5])
        let ragged = StreamDataset { SampleIterator((0..<6).map { Tensor.zeros([$0 == 5 ? 2 : 1]) }) }
        #expect(message { try DataLoader(stream: ragged, batchSize: 2).forEach { _ in } }.hasPrefix("sample 5: a tensor of shape [2]"))
    }
}
