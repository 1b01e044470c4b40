import CKernels
import Glibc
import Synchronization

/// Makes items ahead on a thread of its own, at most `capacity` before they are asked for.
///
/// @unchecked: `ready`, `isCancelled` and `isDone` are touched only with the mutex held; `produce` is called on the thread alone, and what it captures is only
/// read elsewhere while the thread runs (`Dataset`'s contract). Items are not Sendable, but each is handed over whole: the thread keeps
/// nothing of it, and the mutex orders its writes before the taker's reads.
final class Prefetcher<Item>: @unchecked Sendable {
    private var ready: [Result<Item, any Error>] = []
    private var isCancelled = false
    private var isDone = false
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// How many items were made, or one more at the end: what a taker that waits looks at before it sleeps.
    private let made = Atomic<Int>(0)
    private var taken = 0
    /// Signalled whenever one of these changes.
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let capacity: Int
    private static var patience: Int { 100 }
    private var produce: (() throws -> Item?)?
    private var thread: pthread_t?

    /// Will call `produce` until it gives nil or throws.
    init(capacity: Int, produce: @escaping () throws -> Item?) {
        self.capacity = capacity
        self.produce = produce
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    /// Starts the thread, which holds `self` until it ends; false where the system has none to give.
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
        // The batches' small loops stay on this thread, so that it does not start a second pool beside the trainer's.
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
            if isDone { break } // Nobody else sets it.
        }
        produce = nil
    }

    /// The next item, nil after the last. Waits until there is one.
    func next() throws -> Item? {
        // An item takes some tens of microseconds, waking a thread that sleeps as long again.
        for _ in 0..<Prefetcher.patience where made.load(ordering: .acquiring) == taken { sched_yield() }
        taken += 1
        return try locked {
            while ready.isEmpty && !isDone { pthread_cond_wait(changed, mutex) }
            guard !ready.isEmpty else { return nil }
            pthread_cond_broadcast(changed)
            return try ready.removeFirst().get()
        }
    }

    /// Ends the thread, and returns when it has ended: after that it touches nothing. Waits at most for the item it is making.
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

/// What a thread runs. @unchecked: it is handed to the thread and left alone.
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
