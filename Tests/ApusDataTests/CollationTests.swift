import ApusCore
import ApusData
import TestSupport
import Testing

/// Samples in a list, whatever they are.
private struct Labelled: Dataset {
    let count = 3
    subscript(index: Int) -> (Tensor, Int) { (numbers([2]) + index, index) }
}

private struct Tokens: Dataset {
    let count = 2
    subscript(index: Int) -> [String: Tensor] { ["ids": Tensor([index, 1]), "mask": Tensor(index == 0)] }
}

private struct Point: Collatable {
    let x: Double
    static func collate(_ samples: [Point]) -> Tensor { Tensor(samples.map(\.x)) }
}

private protocol Two: Dataset {}
extension Two { var count: Int { 2 } }
private func kind(_ part: Tensor) -> String { "\(part.dtype) \(part.shape)" }
private func kind(_ part: [String]) -> String { "\(part.count) texts" }
private func kinds<Data: Dataset>(_ data: Data, _ kinds: (Data.Batch) -> [String]) throws -> [String] { kinds(try data.batch(at: [0, 1])) }

private struct P1: Two { subscript(index: Int) -> (Tensor, Int) { (numbers([1]), 1) } }
private struct P2: Two { subscript(index: Int) -> (Tensor, Float) { (numbers([1]), 1) } }
private struct P3: Two { subscript(index: Int) -> (Tensor, Double) { (numbers([1]), 1) } }
private struct P4: Two { subscript(index: Int) -> (Tensor, Bool) { (numbers([1]), true) } }
private struct P5: Two { subscript(index: Int) -> (Tensor, String) { (numbers([1]), "a") } }
private struct P6: Two { subscript(index: Int) -> (String, Int) { ("a", 1) } }
private struct P7: Two { subscript(index: Int) -> (String, Tensor) { ("a", numbers([1])) } }
private struct P8: Two { subscript(index: Int) -> (String, String) { ("a", "b") } }
private struct P9: Two { subscript(index: Int) -> (Int, Int) { (1, 2) } }
private struct P10: Two { subscript(index: Int) -> (Float, Float) { (1, 2) } }
private struct P11: Two { subscript(index: Int) -> (Double, Double) { (1, 2) } }
private struct P12: Two { subscript(index: Int) -> ([String: Tensor], Int) { (["x": numbers([1])], 1) } }
private struct P13: Two { subscript(index: Int) -> ([String: Tensor], Tensor) { (["x": numbers([1])], numbers([1])) } }
private struct T1: Two { subscript(index: Int) -> (Tensor, Tensor, Int) { (numbers([1]), numbers([1]), 1) } }
private struct T2: Two { subscript(index: Int) -> (Tensor, Int, Int) { (numbers([1]), 1, 2) } }
private struct T3: Two { subscript(index: Int) -> (Tensor, Int, String) { (numbers([1]), 1, "a") } }
private struct T4: Two { subscript(index: Int) -> (Tensor, Tensor, Tensor) { (numbers([1]), numbers([1]), numbers([1])) } }

@Suite("A data set needs no function for its batches") struct CollationTests {
    @Test func ofNumbersTextsAndTensors() throws {
        struct Numbers: Dataset {
            let count = 3
            subscript(index: Int) -> Int { index * 2 }
        }
        struct Texts: Dataset {
            let count = 2
            subscript(index: Int) -> String { "text \(index)" }
        }
        struct Lists: Dataset {
            let count = 2
            subscript(index: Int) -> [Tensor] { [numbers([2]), Tensor(index)] }
        }
        let doubled = try Numbers().batch(at: [2, 0])
        #expect(doubled.dtype == .int64 && doubled.array(Int.self) == [4, 0])
        #expect(try Texts().batch(at: [1, 0]) == ["text 1", "text 0"])
        let lists = try Lists().batch(at: [0, 1])
        #expect(lists.count == 2 && lists[0].shape == [2, 2] && lists[1].array(Int.self) == [0, 1])
        let tokens = try Tokens().batch(at: [0, 1])
        #expect(tokens["ids"]!.array(Int.self) == [0, 1, 1, 1] && tokens["mask"]!.array(Bool.self) == [true, false])
    }

    @Test func ofTuples() throws {
        for (images, labels) in DataLoader(Labelled(), batchSize: 2) {
            #expect(images.ndim == 2 && labels.dtype == .int64 && images.size(0) == labels.size(0))
        }
        let (_, labels) = try Labelled().batch(at: [2, 0])
        #expect(labels.array(Int.self) == [2, 0])
        // A tuple that is not listed says its batch.
        struct Rare: Dataset {
            typealias Batch = ([String], [Tensor], Tensor)
            let count = 2
            subscript(index: Int) -> (String, [Float], Bool) { ("\(index)", [1, Float(index)], index == 1) }
        }
        let (texts, lists, last) = try Rare().batch(at: [0, 1])
        #expect(texts == ["0", "1"] && lists.map { $0.array(Float.self) } == [[1, 1], [0, 1]])
        #expect(last.array(Bool.self) == [false, true])
        let subset = try Subset(Labelled(), [1, 2]).batch(at: [1])
        #expect(subset.1.array(Int.self) == [2])
    }

    /// Each pair and triple for which there is a function, and others whose parts give their own types.
    @Test func ofEachListedTuple() throws {
        #expect(try kinds(P1()) { [kind($0.0), kind($0.1)] } == ["float32 [2, 1]", "int64 [2]"])
        #expect(try kinds(P2()) { [kind($0.0), kind($0.1)] } == ["float32 [2, 1]", "float32 [2]"])
        #expect(try kinds(P3()) { [kind($0.0), kind($0.1)] } == ["float32 [2, 1]", "float64 [2]"])
        #expect(try kinds(P4()) { [kind($0.0), kind($0.1)] } == ["float32 [2, 1]", "bool [2]"])
        #expect(try kinds(P5()) { [kind($0.0), kind($0.1)] } == ["float32 [2, 1]", "2 texts"])
        #expect(try kinds(P6()) { [kind($0.0), kind($0.1)] } == ["2 texts", "int64 [2]"])
        #expect(try kinds(P7()) { [kind($0.0), kind($0.1)] } == ["2 texts", "float32 [2, 1]"])
        #expect(try kinds(P8()) { [kind($0.0), kind($0.1)] } == ["2 texts", "2 texts"])
        #expect(try kinds(P9()) { [kind($0.0), kind($0.1)] } == ["int64 [2]", "int64 [2]"])
        #expect(try kinds(P10()) { [kind($0.0), kind($0.1)] } == ["float32 [2]", "float32 [2]"])
        #expect(try kinds(P11()) { [kind($0.0), kind($0.1)] } == ["float64 [2]", "float64 [2]"])
        #expect(try kinds(P12()) { [kind($0.0["x"]!), kind($0.1)] } == ["float32 [2, 1]", "int64 [2]"])
        #expect(try kinds(P13()) { [kind($0.0["x"]!), kind($0.1)] } == ["float32 [2, 1]", "float32 [2, 1]"])
        #expect(try kinds(T1()) { [kind($0.0), kind($0.1), kind($0.2)] } == ["float32 [2, 1]", "float32 [2, 1]", "int64 [2]"])
        #expect(try kinds(T2()) { [kind($0.0), kind($0.1), kind($0.2)] } == ["float32 [2, 1]", "int64 [2]", "int64 [2]"])
        #expect(try kinds(T3()) { [kind($0.0), kind($0.1), kind($0.2)] } == ["float32 [2, 1]", "int64 [2]", "2 texts"])
        #expect(try kinds(T4()) { [kind($0.0), kind($0.1), kind($0.2)] } == Array(repeating: "float32 [2, 1]", count: 3))
    }

    @Test func ofArraysOfSamples() throws {
        let images = [numbers([2]), numbers([2]) + 1, numbers([2]) + 2]
        var shapes: [Shape] = []
        for batch in DataLoader(images, batchSize: 2) { shapes.append(batch.shape) }
        #expect(shapes == [[2, 2], [1, 2]])
        var labels: [Int] = []
        for (x, y) in DataLoader(Array(zip(images, [5, 6, 7])), batchSize: 2, dropLast: true) {
            #expect(x.shape == [2, 2])
            labels += y.array(Int.self)
        }
        #expect(labels == [5, 6])
        for (x, y, z) in DataLoader([(images[0], 1, "a"), (images[1], 2, "b")], batchSize: 2) {
            #expect(x.shape == [2, 2] && y.array(Int.self) == [1, 2] && z == ["a", "b"])
        }
        // A struct of one's own.
        for batch in DataLoader([Point(x: 1), Point(x: 2)], batchSize: 2) { #expect(batch.array(Float.self) == [1, 2]) }
    }

    @Test func batchesOfSeveralTensorsAreMoved() {
        var seen: [[Int]] = []
        for batch in DataLoader(Tokens(), batchSize: 2).to(.reference) {
            #expect(batch.values.allSatisfy { $0.device == .reference })
            seen.append(batch.keys.sorted().map { batch[$0]!.numel })
        }
        for (x, y, z) in DataLoader(T2(), batchSize: 2).to(.reference) {
            #expect([x, y, z].allSatisfy { $0.device == .reference })
            seen.append([x.numel, y.numel, z.numel])
        }
        #expect(seen == [[4, 2], [2, 2, 2]])
    }

    @Test func errorsNameTheSampleAndThePart() {
        struct Ragged: Dataset {
            let count = 4
            subscript(index: Int) -> (Tensor, Int) { (numbers([index == 2 ? 3 : 2]), index) }
        }
        let text = message { _ = try Ragged().batch(at: [0, 3, 2]) }
        #expect(text.hasPrefix("sample 2: a tensor of shape [3]") && text.contains("first has [2]") && text.contains("part 0"))
        struct Uneven: Dataset {
            let count = 4
            subscript(index: Int) -> [Int] { Array(repeating: 1, count: index) }
        }
        #expect(
            message { _ = try Uneven().batch(at: [3, 1]) }.hasPrefix("sample 1: an array of 1 elements, where the batch's first has 3"))
        struct Keys: Dataset {
            let count = 4
            subscript(index: Int) -> [String: Tensor] { index == 3 ? ["y": Tensor(1)] : ["x": numbers([index + 1])] }
        }
        #expect(message { _ = try Keys().batch(at: [0, 3]) }.contains("sample 3: a dictionary with the keys [\"y\"]"))
        let shapes = message { _ = try Keys().batch(at: [0, 1]) }
        #expect(shapes.hasPrefix("sample 1: a tensor of shape [2]") && shapes.contains("(in 'x')"))
    }
}
