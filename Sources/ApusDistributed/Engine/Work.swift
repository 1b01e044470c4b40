import ApusSystem
import Glibc
import Synchronization

/// Something that a thread may be waiting for.
protocol Awaited: AnyObject {
    var isAwaited: Bool { get }
}

/// An operation that runs in the background. PyTorch: the `Work` that `async_op=True` returns.
///
/// @unchecked: `result` is accessed with the monitor locked. The value may not be Sendable, but the worker keeps no reference to it.
package final class Work<Value>: Awaited, @unchecked Sendable {
    private var result: Result<Value, any Error>?
    private let isDone = Atomic(false)
    private let hasWaiter = Atomic(false)
    var isAwaited: Bool { hasWaiter.load(ordering: .relaxed) }
    private let monitor = Monitor()

    func complete(_ result: Result<Value, any Error>) {
        monitor.locked {
            self.result = result
            isDone.store(true, ordering: .releasing)
            monitor.broadcast()
        }
    }

    /// Waits until the work is done, and returns its value or throws its error.
    @discardableResult package func wait() throws -> Value {
        hasWaiter.store(true, ordering: .relaxed)
        for _ in 0..<100 where !isDone.load(ordering: .acquiring) { sched_yield() }
        return try monitor.locked {
            while result == nil { monitor.wait() }
            return try result!.get()
        }
    }

    /// Waits for at most `seconds`; false if the work is not done then.
    func wait(atMost seconds: Double) -> Bool {
        let deadline = monotonicSeconds() + seconds
        while !isDone.load(ordering: .acquiring) {
            if monotonicSeconds() > deadline { return false }
            usleep(1000)
        }
        return true
    }
}
