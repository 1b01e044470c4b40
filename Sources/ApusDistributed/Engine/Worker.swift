import ApusSystem
import CKernels
import Glibc
import Synchronization

/// Owns an engine: at any time one thread at most makes its calls, in the order in which work was handed over.
///
/// The worker's own thread starts and finishes the engine and does what was handed over. While there is nothing to do it looks now and then
/// whether another process asks where this one is. Where the engine allows it, a caller who finds nothing waiting does his work himself:
/// handing it over costs more than a small collective takes.
///
/// @unchecked: `queue`, `isHeld` and `isEnding` are accessed with the mutex held; the engine and the watch by the thread that has set
/// `isHeld`, which the mutex orders.
final class Worker: @unchecked Sendable {
    let engine: any Engine
    let watch: Watch
    private var queue: [(work: () -> Void, promise: any Awaited)] = []
    /// What the thread works on; nil while a caller does his own work. Accessed by the thread that holds the engine.
    private var current: (any Awaited)?
    /// Whether a thread makes calls of the engine.
    private var isHeld = false
    private var isEnding = false
    private var thread: pthread_t?
    private let monitor = Monitor()
    /// The exit code of an `abort` that the thread in a collective is to carry out; −1 without.
    private let aborting = Atomic<Int32>(-1)
    /// Memory for what arrives, kept since fresh memory costs a page fault each 4 KB.
    private var room = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// How often the thread looks for questions, in nanoseconds.
    private static var interval: Int { 20_000_000 }

    init(engine: any Engine) {
        self.engine = engine
        watch = Watch(engine: engine)
    }

    deinit { room.deallocate() }

    /// Starts the thread, which holds `self` until `end`, and the engine on it.
    func start() throws {
        let started = Work<Void>()
        queue.append(({ started.complete(Result { try self.engine.start() }) }, started))
        guard let handle = startThread({ self.run() }) else { throw EngineError(message: "the system starts no thread") }
        thread = handle
        try started.wait()
    }

    private func run() {
        // The program's own threads stay free for its loops.
        apus_run_alone()
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, nil)
        monitor.lock()
        while true {
            if isHeld || queue.isEmpty {
                if isEnding && !isHeld { break }
                if monitor.wait(nanoseconds: Worker.interval) || isHeld || !queue.isEmpty || isEnding { continue }
                isHeld = true
                monitor.unlock()
                serve()
            } else {
                let (work, promise) = queue.removeFirst()
                isHeld = true
                monitor.unlock()
                current = promise
                work()
                current = nil
            }
            monitor.lock()
            isHeld = false
        }
        monitor.unlock()
    }

    /// Answers those who ask where this process is.
    private func serve() {
        if aborting.load(ordering: .relaxed) >= 0 { engine.abort(aborting.load(ordering: .relaxed)) }
        watch.serve()
    }

    /// Does the work, after what was handed over before, and returns what it returns.
    func perform<Value>(_ work: @escaping () throws -> Value) throws -> Value {
        let isMine = monitor.locked {
            if isHeld || !queue.isEmpty || !engine.allowsAnyThread { return false }
            isHeld = true
            return true
        }
        guard isMine else { return try enqueue(work).wait() }
        defer {
            monitor.locked {
                isHeld = false
                if !queue.isEmpty { monitor.signal() }
            }
        }
        return try work()
    }

    /// Hands the work over to the thread.
    func enqueue<Value>(_ work: @escaping () throws -> Value) -> Work<Value> {
        let promise = Work<Value>()
        if thread == nil {
            promise.complete(Result { try work() })
        } else {
            monitor.locked {
                queue.append(({ promise.complete(Result { try work() }) }, promise))
                monitor.signal()
            }
        }
        return promise
    }

    /// Ends the thread after all that was handed over.
    func end() {
        guard let thread else { return }
        monitor.locked {
            isEnding = true
            monitor.signal()
        }
        // The last reference to a group may be the thread's own.
        if pthread_equal(thread, pthread_self()) != 0 { pthread_detach(thread) } else { pthread_join(thread, nil) }
        self.thread = nil
    }

    /// Ends all processes of the world, and this one whatever happens.
    func abort(_ code: Int32) -> Never {
        fflush(nil)
        aborting.store(code, ordering: .relaxed)
        // A thread that waits in a collective sees it there.
        let deadline = monotonicSeconds() + 2
        while monotonicSeconds() < deadline {
            let isMine = monitor.locked {
                if isHeld || !engine.allowsAnyThread && thread != nil { return false }
                isHeld = true
                return true
            }
            if isMine { engine.abort(code) }
            usleep(1000)
        }
        _exit(code)
    }

    // MARK: What work is made of; called by the thread that holds the engine

    /// Memory of at least so many bytes, until the next call.
    func room(_ bytes: Int) -> UnsafeMutableRawPointer {
        if room.count < bytes {
            room.deallocate()
            room = .allocate(byteCount: bytes, alignment: 64)
        }
        return room.baseAddress!
    }

    /// Waits until an operation has ended.
    ///
    /// At first it asks again and again, since most messages take microseconds; then it lets others run, and at last it sleeps: 20 µs,
    /// doubling to 200, so that a program which computes meanwhile keeps its processor, and a wire stays busy.
    func wait(_ request: Request) throws {
        if try engine.isDone(request) { return watch.hasProgress() }
        var (asked, pause) = (0, UInt32(20))
        var patience = 0.0
        while true {
            asked += 1
            if asked < 100 {
            } else if asked == 100 {
                patience = monotonicSeconds() + (current?.isAwaited ?? true ? 0.002 : 0.00005)
                sched_yield()
            } else if monotonicSeconds() < patience {
                sched_yield()
            } else {
                serve()
                try watch.check()
                usleep(pause)
                pause = min(2 * pause, 200)
            }
            if try engine.isDone(request) { return watch.hasProgress() }
        }
    }
}
