import ApusCore
import ApusDistributed
import Synchronization
import Testing

/// What processes do that do not do the same.
@Suite struct AgreementTests {
    /// What the last of three ranks does while the others sum a thousand float32, and what all are told of it.
    private static let disagreements: [(told: String, does: @Sendable (ProcessGroup) throws -> Void)] = [
        ("rank 2 (c): allReduce (sum) of 1001 float32", { try $0.allReduce(Tensor.ones([1001])) }),
        ("rank 2 (c): allReduce (sum) of 1000 float64", { try $0.allReduce(Tensor.ones([1000], dtype: .float64)) }),
        ("rank 2 (c): allReduce (max) of 1000 float32", { try $0.allReduce(Tensor.ones([1000]), .max) }),
        ("rank 2 (c): broadcast from 1 of 1000 float32", { try $0.broadcast(Tensor.ones([1000]), from: 1) }),
        ("rank 2 (c): reduceScatter (sum) of 3 float32", { _ = try $0.reduceScatter(Tensor.ones([3])) }),
        ("rank 2 (c): allGather of 1000 float32", { _ = try $0.allGather(Tensor.ones([1000])) }),
        ("rank 2 (c): barrier", { try $0.barrier() }),
        ("rank 2 (c): split", { _ = try $0.split(color: 0, key: 0) }),
        ("rank 2 (c): exchange of 2 words", { _ = try $0.startAllGather(words: [1, 2]).wait() }),
    ]

    @Test(arguments: disagreements.indices) func allAreToldWhoDoesWhat(index: Int) throws {
        let (told, does) = AgreementTests.disagreements[index]
        let results = resultsOnThreads(try ProcessGroup.threads(3, hosts: ["a", "b", "c"])) { group in
            do {
                if group.rank == 2 { try does(group) } else { try group.allReduce(Tensor.ones([1000])) }
                return ""
            } catch let error as DistributedError {
                // All took part in finding out, so the group goes on.
                try group.barrier()
                return "\(error)"
            }
        }
        for (rank, result) in results.enumerated() {
            let text = try result.get()
            #expect(text.hasPrefix("rank \(rank) (\(["a", "b", "c"][rank])): "))
            #expect(text.contains("rank 0 (a), rank 1 (b): allReduce (sum) of 1000 float32"), "\(text)")
            #expect(text.contains(told), "\(text)")
        }
    }

    @Test func aMessageOfAnotherLengthIsNamedAndPassed() throws {
        let results = try onThreads(try ProcessGroup.threads(2)) { group -> String in
            if group.rank == 0 {
                try group.send(Tensor.ones([7]), to: 1, tag: 2)
                try group.send(Tensor.ones([3]) * 5, to: 1, tag: 2)
                return ""
            }
            let tensor = Tensor.zeros([3])
            var text = ""
            do { try group.receive(into: tensor, from: 0, tag: 2) } catch { text = "\(error)" }
            try group.receive(into: tensor, from: 0, tag: 2)
            return text + " \(tensor.array(Float.self))"
        }
        #expect(results[1].contains("receive from 0 of 3 float32: rank 0"))
        #expect(results[1].hasSuffix("has sent 7 float32 [5.0, 5.0, 5.0]"), "\(results[1])")
    }

    /// Whoever is missing, the lowest of the others prints one table; after ten times as long all give up.
    @Test(arguments: [0, 1, 2]) func aMissingProcessIsNamed(missing: Int) throws {
        let reports = Reports()
        let groups = try ProcessGroup.threads(3, stallTimeout: 0.15) { text in reports.all.withLock { $0.append(text) } }
        let results = resultsOnThreads(groups) { group in
            group.place("step \(group.rank)")
            // Not all wait in a collective that compares.
            if group.rank == missing { return }
            let ones = Tensor.ones([1000])
            try group.startSum(ones.pointer, count: 1000, .float32).wait()
        }
        for (rank, result) in results.enumerated() where rank != missing {
            #expect(throws: DistributedError.self) { try result.get() }
        }
        let tables = reports.all.withLock { $0 }.filter { $0.contains("have waited") }
        #expect(tables.count == 1)
        for rank in 0..<3 {
            let text = rank == missing ? "step \(rank): computes" : "step \(rank): waits in sum of 1000 float32"
            #expect(tables.first?.contains(text) == true, "\(tables)")
        }
    }

    private final class Reports: Sendable {
        let all = Mutex<[String]>([])
    }
}
