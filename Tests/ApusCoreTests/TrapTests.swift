import ApusCore
import Foundation
import Testing

/// A substitute for the Swift runtime's handlers of these signals, which write 45 lines; test drivers switch those off.
private func writeRegisters() {
    for number in [SIGILL, SIGTRAP] {
        signal(number) { _ in
            FileHandle.standardError.write(Data("rax 0\n".utf8))
            _exit(1)
        }
    }
}

@Suite struct TrapTests {
    private func lastLine(_ result: ExitTest.Result) -> Substring {
        String(decoding: result.standardErrorContent, as: UTF8.self).split(separator: "\n").last ?? ""
    }

    @Test func theMessageIsTheLastLine() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            unsetenv("SWIFT_BACKTRACE")
            writeRegisters()
            _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3]))
        }
        #expect(lastLine(result).hasPrefix("Apus: matmul: "))
        let never = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            unsetenv("SWIFT_BACKTRACE")
            writeRegisters()
            try? checked { trap("Some", "nothing to go on with") }
        }
        #expect(lastLine(never) == "Apus: Some: nothing to go on with")
    }

    @Test func whoAsksForTheRuntimesBacktraceGetsIt() async throws {
        let result = try await #require(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            setenv("SWIFT_BACKTRACE", "enable=yes", 1)
            writeRegisters()
            _ = Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3]))
        }
        #expect(lastLine(result) == "rax 0")
    }
}

@Suite struct NegativeRangeTests {
    /// Python's `x[a:b]` with Swift's ranges. (`1..<(-1)` is impossible: Swift traps when creating it.)
    @Test func openRangesCountFromTheEnd() {
        let x = Tensor.arange(5)
        func numbers(_ x: Tensor) -> [Int] { x.array(Int.self) }
        for n in 1...5 {
            let all = Array(0..<5)
            #expect(numbers(x[..<(-n)]) == Array(all.dropLast(n)))
            #expect(numbers(x[(-n)...]) == Array(all.suffix(n)))
            #expect(numbers(x[...(-n)]) == Array(all.dropLast(n - 1)))
            for start in 0..<5 { #expect(numbers(x[.slice(start, -n)]) == Array(all.dropLast(n).dropFirst(start))) }
        }
        let y = Tensor.arange(10).reshape(2, 5)
        #expect(
            numbers(y[.all, ..<(-1)]) == [0, 1, 2, 3, 5, 6, 7, 8] && numbers(y[-1, (-2)...]) == [8, 9]
                && numbers(x[-4..<(-1)]) == [1, 2, 3])
    }
}
