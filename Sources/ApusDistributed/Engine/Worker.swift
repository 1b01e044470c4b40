import ApusSystem
import CKernels
import Glibc
import Synchronization

/// Owns an engine and serialises its use: at most one thread at a time makes calls, in the order in which work was enqueued.
///
/// The worker's own thread starts and finishes the engine and runs enqueued work. When idle, it polls for processes that ask where this one
/// is. If the engine allows calls from any thread and the queue is empty, `perform` runs its work on the caller's thread: a hand-over costs
/// more than a small collective.
///
/// @unchecked: `queue`, `isHeld` and `isEnding` are accessed with the mutex held; the engine and the watch by the thread that has set
/// `isHeld`, which the mutex orders.
final class Worker: @unchecked Sendable {
    let engine: any Engine
    let watch: Watch
    private var queue: [(work: () -> Void, promise: any Awaited)] = []
    /// The work that the worker's thread is running; nil while a caller runs its own. Accessed by the thread that holds the engine.
    private var current: (any Awaited)?
    /// Whether a thread holds the engine: only that thread makes calls.
    private var isHeld = false
    private var isEnding = false
    private var thread: pthread_t?
    private let monitor = Monitor()
    /// The exit code of a requested `abort`, which the thread in a collective carries out; −1 if there is none.
    private let aborting = Atomic<Int32>(-1)
    /// A receive buffer that is reused, since fresh memory costs a page fault per 4 KB.
    private var room = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// How often the idle thread polls for questions, in nanoseconds.
    private static var interval: Int { 20_000_000 }

    init(engine: any Engine) {
        self.engine = engine
        watch = Watch(engine: engine)
    }

    deinit { room.deallocate() }

    /// Starts the thread, which keeps `self` alive until `end`, and starts the engine on it.
    func start() throws {
        let started = Work<Void>()
        queue.append(({ started.complete(Result { try self.engine.start() }) }, started))
        guard let handle = startThread({ self.run() }) else { throw EngineError(message: "the system starts no thread") }
        thread = handle
        try started.wait()
    }

    private func run() {
        // Loops on this thread run on it alone, so that the threads of the pool stay free for the program.
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

    /// Carries out a requested abort, and answers processes that ask where this one is.
    private func serve() {
        if aborting.load(ordering: .relaxed) >= 0 { engine.abort(aborting.load(ordering: .relaxed)) }
        watch.serve()
    }

    /// Runs `work` after everything enqueued before, and returns its result.
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

    /// Enqueues `work` for the worker's thread.
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

    /// Ends the thread after all enqueued work.
    func end() {
        guard let thread else { return }
        monitor.locked {
            isEnding = true
            monitor.signal()
        }
        // A thread cannot join itself: where enqueued work held the last reference to the group, `end` runs on the worker's thread.
        if pthread_equal(thread, pthread_self()) != 0 { pthread_detach(thread) } else { pthread_join(thread, nil) }
        self.thread = nil
    }

    /// Terminates all processes of the world; exits this process even if that fails.
    func abort(_ code: Int32) -> Never {
        fflush(nil)
        aborting.store(code, ordering: .relaxed)
        // A thread that is waiting in a collective holds the engine; it checks `aborting` in `serve`.
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

    /// A buffer of at least `bytes` bytes, valid until the next call.
    func room(_ bytes: Int) -> UnsafeMutableRawPointer {
        if room.count < bytes {
            room.deallocate()
            room = .allocate(byteCount: bytes, alignment: 64)
        }
        return room.baseAddress!
    }

    /// Waits until an operation has completed.
    ///
    /// It polls at first, since most messages take microseconds; then it yields, and at last it sleeps, for 20 µs doubling to 200 µs, so
    /// that a program that computes meanwhile keeps its core, and the connection stays busy.
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
