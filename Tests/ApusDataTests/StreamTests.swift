import Apus
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
        struct Ragged: IterableDataset {
            func makeIterator() -> SampleIterator<Tensor> { SampleIterator((0..<6).map { Tensor.zeros([$0 == 5 ? 2 : 1]) }) }
        }
        #expect(message { try DataLoader(stream: Ragged(), batchSize: 2).forEach { _ in } }.hasPrefix("sample 5: a tensor of shape [2]"))
    }
}
