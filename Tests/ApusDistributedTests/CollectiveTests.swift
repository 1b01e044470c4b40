import ApusCore
import ApusDistributed
import CKernels
import Glibc
import Testing

@testable import DistributedProgram

/// Collectives over ranks that are threads of this process.
@Suite struct CollectiveTests {
    @Test(arguments: [1, 2, 3, 4, 8]) func collectivesHoldTheirLaws(ranks: Int) throws {
        let found = try onThreads(try ProcessGroup.threads(ranks)) { group in
            var laws = Laws(group)
            try laws.reductions(ranks < 4 ? DType.allCases : [.bool, .int32, .float16, .float32])
            try laws.movements()
            try laws.splits()
            return laws.violations
        }
        #expect(found.flatMap { $0 } == [])
    }

    /// Slices of three under way at once, lengths that do not divide, and hosts that are summed first.
    @Test(arguments: [(2, 1), (3, 1), (4, 2), (8, 2), (8, 4), (6, 2), (6, 3)])
    func largeSumsHoldTheirLaws(ranks: Int, onEachHost: Int) throws {
        let hosts = (0..<ranks).map { "host \($0 / onEachHost)" }
        let found = try onThreads(try ProcessGroup.threads(ranks, hosts: hosts)) { group in
            var laws = Laws(group)
            // Most slices are the result of the second: 1 MB for each of two ranks.
            try laws.large(ranks == 2 ? [1, 1_600_001] : [1, 40_003])
            return laws.violations
        }
        #expect(found.flatMap { $0 } == [])
    }

    /// Any number of operands, over several tiles, into the place of one of them; blocks of a power of two are subtrees.
    @Test(arguments: [1, 2, 3, 5, 7, 8, 12, 33]) func treesAreThoseOfABinaryCounter(operands n: Int) {
        let count = 2500
        func number(_ i: Int, _ j: Int) -> Float {
            let scale = Float(1 << (i % 11))
            return j == 0 ? -0.0 : scale * Float(sin(Double(i * 7919 + j)))
        }
        let parts: [[Float]] = (0..<n).map { (i: Int) -> [Float] in (0..<count).map { number(i, $0) } }
        func sum(_ range: Range<Int>) -> [Float] {
            if range.count == 1 { return parts[range.lowerBound] }
            // The largest power of two below the count is the left subtree.
            let left = 1 << (Int.bitWidth - 1 - (range.count - 1).leadingZeroBitCount)
            let middle = range.lowerBound + left
            return zip(sum(range.lowerBound..<middle), sum(middle..<range.upperBound)).map { $0 + $1 }
        }
        let memory = parts.map { part in
            let place = UnsafeMutablePointer<Float>.allocate(capacity: count)
            place.update(from: part, count: count)
            return place
        }
        defer { for place in memory { place.deallocate() } }
        let out = memory[n / 2]
        memory.map { UnsafeRawPointer($0) }.withUnsafeBufferPointer {
            apus_binary_tree(.add, CInt(DType.float32.rawValue), $0.baseAddress!, CInt(n), Int64(count), out)
        }
        let expected = sum(0..<n)
        #expect((0..<count).allSatisfy { out[$0].bitPattern == expected[$0].bitPattern })
    }

    @Test func hostsAreSummedFirstWhereTheyAreSubtrees() throws {
        let cases: [([String], Bool)] = [
            (["a", "a", "b", "b"], true), (["a", "b", "a", "b"], false), (["a", "a", "a", "b", "b", "b"], false), (["a", "a", "b"], false),
            (["a", "a"], false), (["a", "b"], false),
        ]
        for (hosts, isByHosts) in cases {
            let groups = try ProcessGroup.threads(hosts.count, hosts: hosts)
            #expect(groups.allSatisfy { $0.sumsByHosts == isByHosts }, "\(hosts)")
            for (i, group) in groups.enumerated() {
                #expect(group.localRank == hosts[..<i].filter { $0 == hosts[i] }.count)
                #expect(group.localSize == hosts.filter { $0 == hosts[i] }.count)
            }
        }
    }

    @Test func parametersAreChangedWithoutHistory() throws {
        let found = try onThreads(try ProcessGroup.threads(2)) { group -> [Float] in
            let weight = Tensor([Float(group.rank + 1), 2])
            weight.requiresGrad = true
            try group.allReduce(weight, .mean)
            (weight * weight).sum().backward()
            return weight.array(Float.self) + weight.grad!.array(Float.self)
        }
        #expect(found == [[1.5, 2, 3, 4], [1.5, 2, 3, 4]])
    }

    @Test func wrongCallsAreRefused() throws {
        let group = try ProcessGroup.threads(1)[0]
        let cases: [(String, (ProcessGroup) throws -> Void)] = [
            ("the mean of int64", { try $0.allReduce(Tensor([1, 2]), .mean) }),
            ("float32 numbers have no bits", { try $0.allReduce(Tensor([1.0]), .bitwiseOr) }),
            ("no rank 3 in a group of 1", { try $0.broadcast(Tensor([1.0]), from: 3) }),
            ("rank 0 is this process itself", { try $0.send(Tensor([1.0]), to: 0) }),
            ("has no 1 equal parts", { _ = try $0.reduceScatter(Tensor(1.0)) }),
            ("2 tensors for 1 processes", { _ = try $0.allToAll([Tensor([1.0]), Tensor([1.0])]) }),
        ]
        for (message, call) in cases {
            let error = #expect(throws: OpError.self) { try checked { try call(group) } }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "none")")
        }
    }
}
