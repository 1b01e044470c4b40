import ApusSystem
import CKernels
import Glibc
import Synchronization

/// Makes items ahead on threads of its own and returns them in order. At most `capacity` items are ready or in progress at any time.
///
/// @unchecked: while the threads run, `ready`, `failure`, `claimed`, `taken`, `isClaiming`, `waiting`, `isCancelled` and `isDone` are
/// accessed with the mutex held. Only the thread that has set `isClaiming` calls `claim`; what it returns runs on that thread alone, and
/// while the threads run, others only read what it captures (the contract of `Dataset`). Items are not Sendable, but the thread keeps no
/// reference to them, and the mutex orders its writes before the taker's reads.
final class Prefetcher<Item>: @unchecked Sendable {
    /// Finished items, each at its number modulo the capacity.
    private var ready: [Item?]
    /// The lowest-numbered item that failed; no item after it is returned.
    private var failure: (number: Int, error: any Error)?
    /// How many items were claimed by threads, and how many were returned.
    private var (claimed, taken) = (0, 0)
    private var isClaiming = false
    /// How many threads wait for room or for their turn to claim.
    private var waiting = 0
    private var isCancelled = false
    /// Whether no more items can be claimed, because they have ended or one has failed.
    private var isDone = false
    /// Guards the state above, and is signalled on every change.
    private let monitor = Monitor()
    /// Whether `next` need not wait; `next` polls this before it sleeps.
    private let isReady = Atomic<Bool>(false)
    private static var patience: Int { 300 }
    private let capacity: Int
    private var claim: (() throws -> (() throws -> Item)?)?
    private var threads: [pthread_t] = []

    /// Items come from `claim`, which is called until it returns nil or throws; the closures that it returns make the items, several at
    /// once.
    init(capacity: Int, claim: @escaping () throws -> (() throws -> Item)?) {
        self.capacity = capacity
        self.claim = claim
        ready = Array(repeating: nil, count: capacity)
    }

    /// Starts `count` threads, or as many as the system allows; they keep `self` alive until they end. False if none could be started.
    func start(threads count: Int) -> Bool {
        for _ in 0..<count {
            guard let thread = startThread({ self.run() }) else { break }
            threads.append(thread)
        }
        return !threads.isEmpty
    }

    private func run() {
        // Loops on this thread run on it alone, so that it does not start a second thread pool.
        apus_run_alone()
        while let number = monitor.locked({ nextNumber() }) {
            var make: (() throws -> Item)?
            var problem: (any Error)?
            do { make = try claim!() } catch { problem = error }
            monitor.locked {
                isClaiming = false
                if let problem {
                    fail(number, problem)
                } else if make == nil {
                    // The items have ended before this number.
                    (isDone, claimed) = (true, claimed - 1)
                }
                // Nobody needs to wake up for an item that is only claimed.
                if make == nil || waiting > 0 { update() }
            }
            guard let make else { break }
            do { store(try make(), number) } catch {
                monitor.locked {
                    fail(number, error)
                    update()
                }
                break
            }
        }
    }

    /// Stores a finished item. The thread waits only after this returns, so that it keeps no reference to the item.
    private func store(_ item: consuming Item, _ number: Int) {
        monitor.lock()
        defer { monitor.unlock() }
        ready[number % capacity] = item
        update()
    }

    /// Records a failure and stops further claims. The mutex is held.
    private func fail(_ number: Int, _ error: any Error) {
        isDone = true
        if failure.map({ number < $0.number }) ?? true { failure = (number, error) }
    }

    /// Waits for room and for the turn to claim, and returns the number of the item to claim; nil if there are no more. The mutex is held.
    private func nextNumber() -> Int? {
        waiting += 1
        while !isCancelled, !isDone, isClaiming || claimed - taken >= capacity { monitor.wait() }
        waiting -= 1
        if isCancelled || isDone { return nil }
        isClaiming = true
        claimed += 1
        return claimed - 1
    }

    /// Signals a change to all waiting threads. The mutex is held.
    private func update() {
        isReady.store(canTake, ordering: .releasing)
        monitor.broadcast()
    }

    /// Whether `next` can return: the next item is ready, or there is none. The mutex is held.
    private var canTake: Bool { ready[taken % capacity] != nil || taken >= failure?.number ?? .max || isDone && claimed == taken }

    /// The next item; nil after the last and after an error. Waits until the item is ready.
    func next() throws -> Item? {
        // Making an item takes some tens of microseconds, and waking a sleeping thread as long again: poll for about 100 µs first.
        for _ in 0..<Prefetcher.patience where !isReady.load(ordering: .acquiring) { sched_yield() }
        return try monitor.locked {
            while !canTake { monitor.wait() }
            if let failure, taken >= failure.number {
                if taken > failure.number { return nil }
                taken += 1
                throw failure.error
            }
            guard let item = ready[taken % capacity] else { return nil }
            ready[taken % capacity] = nil
            taken += 1
            update()
            return item
        }
    }

    /// Ends the threads and waits for them, at most for the items in progress; afterwards they access nothing.
    func stop() {
        if threads.isEmpty { return }
        monitor.locked {
            isCancelled = true
            monitor.broadcast()
        }
        for thread in threads { pthread_join(thread, nil) }
        threads = []
        ready = Array(repeating: nil, count: capacity)
        claim = nil
    }
}
