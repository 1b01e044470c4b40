import ApusSystem
import CKernels
import Glibc
import Synchronization

/// Makes items ahead on its own threads, and gives them out in order: at most `capacity` of them are made or being made at any time.
///
/// @unchecked: while the threads run, `ready`, `claimed`, `taken`, `isClaiming`, `isCancelled` and `isDone` are accessed with the mutex held.
/// Only the thread that has set `isClaiming` calls `claim`; what it returns runs on that thread alone, and while the threads run, others only
/// read what it captures (the contract of `Dataset`). Items are not Sendable, but the thread keeps no reference to them, and the mutex
/// orders its writes before the taker's reads.
final class Prefetcher<Item>: @unchecked Sendable {
    /// Items that were made, by their numbers.
    private var ready: [Int: Result<Item, any Error>] = [:]
    /// How many items were claimed by a thread, and how many were taken.
    private var (claimed, taken) = (0, 0)
    private var isClaiming = false
    private var isCancelled = false
    /// Whether nothing more is to be claimed: the items have ended, or one has failed.
    private var isDone = false
    /// Holds these; told whenever any of them changes.
    private let monitor = Monitor()
    /// Whether `next` need not wait; a waiting taker polls it before it sleeps.
    private let isReady = Atomic<Bool>(false)
    private static var patience: Int { 100 }
    private let capacity: Int
    private var claim: (() throws -> (() throws -> Item)?)?
    private var threads: [pthread_t] = []

    /// Prepares to call `claim` until it returns nil or throws. What it returns makes an item; the threads do that side by side.
    init(capacity: Int, claim: @escaping () throws -> (() throws -> Item)?) {
        self.capacity = capacity
        self.claim = claim
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
        while let number = nextNumber() {
            let result = Result { try claim!() }
            let make = try? result.get()
            monitor.locked {
                isClaiming = false
                if make == nil { isDone = true }
                if case .failure(let error) = result { ready[number] = .failure(error) }
                // What has ended has no item of this number.
                if case .success(nil) = result { claimed -= 1 }
                update()
            }
            guard let made = make.map({ make in Result { try make() } }) else { break }
            monitor.locked {
                ready[number] = made
                if case .failure = made { isDone = true }
                update()
            }
        }
    }

    /// Waits for room, and for the turn to claim the item of this number; nil where there is nothing more to claim.
    private func nextNumber() -> Int? {
        monitor.locked {
            while !isCancelled, !isDone, isClaiming || claimed - taken >= capacity { monitor.wait() }
            if isCancelled || isDone { return nil }
            isClaiming = true
            claimed += 1
            return claimed - 1
        }
    }

    /// Tells all that something has changed. The mutex is held.
    private func update() {
        isReady.store(ready[taken] != nil || isDone && claimed == taken, ordering: .releasing)
        monitor.broadcast()
    }

    /// The next item, nil after the last. Waits until there is one.
    func next() throws -> Item? {
        // Making an item takes some tens of microseconds, and waking a sleeping thread takes as long again.
        for _ in 0..<Prefetcher.patience where !isReady.load(ordering: .acquiring) { sched_yield() }
        return try monitor.locked {
            while ready[taken] == nil, !(isDone && claimed == taken) { monitor.wait() }
            guard let result = ready.removeValue(forKey: taken) else { return nil }
            taken += 1
            update()
            return try result.get()
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
        ready = [:]
        claim = nil
    }
}
