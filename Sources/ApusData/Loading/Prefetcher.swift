import CKernels
import Glibc
import Synchronization

/// Makes items ahead on its own thread, at most `capacity` of them.
///
/// @unchecked: while the thread runs, `ready`, `isCancelled` and `isDone` are accessed with the mutex held, except that the thread, which
/// alone sets `isDone`, also reads it without. Only the thread calls `produce`, and while it runs other threads only read what `produce`
/// captures (the contract of `Dataset`). Items are not Sendable, but the thread keeps no reference to them, and the mutex orders its
/// writes before the taker's reads.
final class Prefetcher<Item>: @unchecked Sendable {
    private var ready: [Result<Item, any Error>] = []
    private var isCancelled = false
    private var isDone = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// The number of items made, plus one at the end; a waiting taker polls it before it sleeps.
    private let made = Atomic<Int>(0)
    private var taken = 0
    /// Signalled whenever `ready`, `isCancelled` or `isDone` changes.
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let capacity: Int
    private static var patience: Int { 100 }
    private var produce: (() throws -> Item?)?
    private var thread: pthread_t?

    /// Prepares to call `produce` until it returns nil or throws.
    init(capacity: Int, produce: @escaping () throws -> Item?) {
        self.capacity = capacity
        self.produce = produce
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    /// Starts the thread, which holds `self` until it ends; false if the system cannot start one.
    func start() -> Bool {
        thread = startThread(Work { self.run() })
        return thread != nil
    }

    deinit {
        mutex.deallocate()
        changed.deallocate()
    }

    private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    private func run() {
        // Small loops of batches stay on this thread, so that it does not start a second thread pool.
        apus_run_alone()
        while true {
            let mayGoOn = locked {
                while ready.count >= capacity && !isCancelled { pthread_cond_wait(changed, mutex) }
                return !isCancelled
            }
            guard mayGoOn else { break }
            let result = Result { try produce!() }
            locked {
                switch result {
                case .success(let item?): ready.append(.success(item))
                case .success(nil): isDone = true
                case .failure(let error):
                    ready.append(.failure(error))
                    isDone = true
                }
                made.add(1, ordering: .releasing)
                pthread_cond_broadcast(changed)
            }
            if isDone { break } // Only this thread sets it.
        }
        produce = nil
    }

    /// The next item, nil after the last. Waits until there is one.
    func next() throws -> Item? {
        // Making an item takes some tens of microseconds, and waking a sleeping thread takes as long again.
        for _ in 0..<Prefetcher.patience where made.load(ordering: .acquiring) == taken { sched_yield() }
        taken += 1
        return try locked {
            while ready.isEmpty && !isDone { pthread_cond_wait(changed, mutex) }
            guard !ready.isEmpty else { return nil }
            pthread_cond_broadcast(changed)
            return try ready.removeFirst().get()
        }
    }

    /// Ends the thread and waits for it, at most for the item it is making; afterwards it accesses nothing.
    func stop() {
        guard let thread else { return }
        self.thread = nil
        locked {
            isCancelled = true
            pthread_cond_broadcast(changed)
        }
        pthread_join(thread, nil)
        ready.removeAll()
    }
}

/// The body of a thread. @unchecked: only the new thread uses it.
private final class Work: @unchecked Sendable {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

private func startThread(_ work: Work) -> pthread_t? {
    let context = Unmanaged.passRetained(work).toOpaque()
    var handle = pthread_t()
    if pthread_create(&handle, nil, threadMain, context) == 0 { return handle }
    Unmanaged<Work>.fromOpaque(context).release()
    return nil
}

private func threadMain(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    Unmanaged<Work>.fromOpaque(context!).takeRetainedValue().body()
    return nil
}
