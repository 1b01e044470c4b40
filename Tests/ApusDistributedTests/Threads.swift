import ApusDistributed
import Foundation
import Synchronization

/// Calls `body` for each group on a thread of its own, and returns what they return, by rank. Swift's tasks would not do: a thread that
/// waits in a collective blocks its processor's.
func onThreads<Value: Sendable>(
    _ groups: [ProcessGroup], _ body: @escaping @Sendable (ProcessGroup) throws -> Value
) throws -> [Value] {
    try resultsOnThreads(groups, body).map { try $0.get() }
}

func resultsOnThreads<Value: Sendable>(
    _ groups: [ProcessGroup], _ body: @escaping @Sendable (ProcessGroup) throws -> Value
) -> [Result<Value, any Error>] {
    let results = Results<Value>()
    let done = DispatchSemaphore(value: 0)
    for group in groups {
        Thread {
            let result = Result { try body(group) }
            results.all.withLock { $0[group.rank] = result }
            done.signal()
        }.start()
    }
    for _ in groups { done.wait() }
    return results.all.withLock { all in groups.map { all[$0.rank]! } }
}

private final class Results<Value: Sendable>: Sendable {
    let all = Mutex<[Int: Result<Value, any Error>]>([:])
}
