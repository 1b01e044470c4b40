import ApusSystem
import CKernels
import Glibc
import Synchronization

/// Makes items ahead on its own threads, and gives them out in order: at most `capacity` of them are made or being made at any time.
///
/// @unchecked: while the threads run, `ready`, `failure`, `claimed`, `taken`, `isClaiming`, `waiting`, `isCancelled` and `isDone` are accessed
/// with the mutex held. Only the thread that has set `isClaiming` calls `claim`; what it returns runs on that thread alone, and while the
/// threads run, others only read what it captures (the contract of `Dataset`). Items are not Sendable, but the thread keeps no reference to
/// them, and the mutex orders its writes before the taker's reads.
final class Prefetcher<Item>: @unchecked Sendable {
    /// Items that were made, each at its number modulo the capacity.
    private var ready: [Item?]
    /// The first item that could not be made; nothing comes after it.
    private var failure: (number: Int, error: any Error)?
    /// How many items were claimed by a thread, and how many were taken.
    private var (claimed, taken) = (0, 0)
    private var isClaiming = false
    /// How many threads wait for room or for their turn.
    private var waiting = 0
    private var isCancelled = false
    /// Whether nothing more is to be claimed: the items have ended, or one has failed.
    private var isDone = false
    /// Holds these; told whenever any of them changes.
    private let monitor = Monitor()
    /// Whether `next` need not wait; a waiting taker polls it before it sleeps.
    private let isReady = Atomic<Bool>(false)
    private static var patience: Int { 300 }
    private let capacity: Int
    private var claim: (() throws -> (() throws -> Item)?)?
    private var threads: [pthread_t] = []

    /// Prepares to call `claim` until it returns nil or throws. What it returns makes an item; the threads do that side by side.
    init(capacity: Int, claim: @escaping () throws -> (() throws -> Item)?) {
        self.capacity = capacity
        self.claim = claim
        ready = Array(repeating: nil, count: capacity)
    }

    /// Starts so many threads, which hold `self` until they end, or as many as the system can start; false if it can start none.
    func start(threads count: Int) -> Bool {
        for _ in 0..<count {
            guard let thread = startThread({ self.run() }) else { break }
            threads.append(thread)
        }
        return !threads.isEmpty
    }

    private func run() {
        // Small loops of batches stay on this thread, so that it does not start a second thread pool.
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
                    // What has ended has no item of this number.
                    (isDone, claimed) = (true, claimed - 1)
                }
                // A taker that sleeps is not woken for an item that is yet to be made.
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

    /// Puts an item where it is taken from. The thread waits afterwards, when nothing of it is left here.
    private func store(_ item: consuming Item, _ number: Int) {
        monitor.lock()
        defer { monitor.unlock() }
        ready[number % capacity] = item
        update()
    }

    /// Nothing more is claimed. The mutex is held.
    private func fail(_ number: Int, _ error: any Error) {
        isDone = true
        if failure.map({ number < $0.number }) ?? true { failure = (number, error) }
    }

    /// Waits for room, and for the turn to claim the item of this number; nil where there is nothing more to claim. The mutex is held.
    private func nextNumber() -> Int? {
        waiting += 1
        while !isCancelled, !isDone, isClaiming || claimed - taken >= capacity { monitor.wait() }
        waiting -= 1
        if isCancelled || isDone { return nil }
        isClaiming = true
        claimed += 1
        return claimed - 1
    }

    /// Tells all that something has changed. The mutex is held.
    private func update() {
        isReady.store(canTake, ordering: .releasing)
        monitor.broadcast()
    }

    /// Whether the next item is there, or there is none. The mutex is held.
    private var canTake: Bool { ready[taken % capacity] != nil || taken >= failure?.number ?? .max || isDone && claimed == taken }

    /// The next item, nil after the last and after an error. Waits until there is one.
    func next() throws -> Item? {
        // Making an item takes some tens of microseconds, and waking a sleeping thread takes as long again: waits for some 100.
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

    /// Ends the threads and waits for them, at most for the items they are making; afterwards they access nothing.
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
