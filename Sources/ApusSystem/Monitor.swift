import Glibc

/// A mutex with a condition variable: threads change what it guards while they hold it, and wait for changes by others.
///
/// @unchecked: the mutex and the condition variable are made for several threads; they are on the heap, since they must not move.
package final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
    }

    package func lock() { pthread_mutex_lock(mutex) }
    package func unlock() { pthread_mutex_unlock(mutex) }

    package func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        lock()
        defer { unlock() }
        return try body()
    }

    // MARK: With the mutex held

    /// Waits for a signal; may also return spuriously.
    package func wait() { pthread_cond_wait(changed, mutex) }

    /// The same for at most `nanoseconds`; false on a timeout.
    package func wait(nanoseconds: Int) -> Bool {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let end = time.tv_nsec + nanoseconds
        time = timespec(tv_sec: time.tv_sec + end / 1_000_000_000, tv_nsec: end % 1_000_000_000)
        return pthread_cond_timedwait(changed, mutex, &time) != ETIMEDOUT
    }

    /// Wakes all waiting threads.
    package func broadcast() { pthread_cond_broadcast(changed) }
    /// Wakes one waiting thread.
    package func signal() { pthread_cond_signal(changed) }
}

/// Runs `body` on a new thread; nil if the system cannot start one.
package func startThread(_ body: @escaping () -> Void) -> pthread_t? {
    let context = Unmanaged.passRetained(ThreadBody(body)).toOpaque()
    var handle = pthread_t()
    if pthread_create(&handle, nil, threadMain, context) == 0 { return handle }
    Unmanaged<ThreadBody>.fromOpaque(context).release()
    return nil
}

/// The body of a thread.
private final class ThreadBody {
    let run: () -> Void
    init(_ run: @escaping () -> Void) { self.run = run }
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<ThreadBody>.fromOpaque(context!).takeRetainedValue().run()
    return nil
}
