import ApusCore
import ApusSystem
import CDrivers
import CKernels
import Glibc
import Synchronization

/// The result of `world`, and the group that must be ended when the program ends. There is such a group even if `world` threw because of
/// mixed processors.
private let made = Mutex<Result<ProcessGroup, any Error>?>(nil)
private let running = Mutex<ProcessGroup?>(nil)

extension ProcessGroup {
    /// All processes that a launcher (`mpirun`, `mpiexec`, `srun`) has started together, or a group of one if there is no launcher.
    /// PyTorch: `init_process_group` and `group.WORLD`.
    ///
    /// Every call returns the same group. MPI is opened at run time: the library that APUS_MPI names, else the launcher's own, else one
    /// that the system's linker finds by name (Open MPI, MPICH and libraries with its ABI, the standard ABI). Unless APUS_THREADS or
    /// OMP_NUM_THREADS is set, processes that may run on the same cores divide them among themselves. The world ends by itself when the
    /// program ends: it waits for the other processes, for ten times `stallTimeout` at most.
    ///
    /// Throws `DistributedError` if a launcher has started the process but no MPI library opens or the library is not the launcher's, and
    /// if the processes run on processors of different kinds, since the same program then computes different bits: `allowsMixedProcessors`
    /// or APUS_ALLOW_MIXED=1 allow that.
    public static func world(allowsMixedProcessors: Bool = false) throws -> ProcessGroup {
        try world(allowsMixedProcessors: allowsMixedProcessors, isFunneled: false)
    }

    /// The world; if funneled, only one thread calls MPI, as with a library that allows no more.
    package static func world(allowsMixedProcessors: Bool = false, isFunneled: Bool) throws -> ProcessGroup {
        try made.withLock { made in
            let result =
                made
                ?? Result {
                    guard let launcher = Launcher.detect(), let (group, kinds) = try join(launcher, isFunneled: isFunneled) else {
                        return alone()
                    }
                    running.withLock { $0 = group }
                    on_exit(endWorld, nil)
                    try group.compareProcessors(kinds, isAllowed: allowsMixedProcessors || environment("APUS_ALLOW_MIXED") == "1")
                    return group
                }
            made = result
            return try result.get()
        }
    }

    /// A group of this process alone.
    package static func alone() -> ProcessGroup {
        ProcessGroup(rank: 0, hosts: [ProcessFacts.hostName], channel: 0, session: Session(worker: Worker(engine: AloneEngine())))
    }

    /// `count` ranks in this process that exchange messages through its memory, to test with any number of ranks. Each is used by a thread
    /// of its own. `hosts` are the names of the hosts that they pretend to be on; `report` receives the reports of the watch.
    package static func threads(
        _ count: Int, hosts: [String]? = nil, stallTimeout: Double? = nil, report: (@Sendable (String) -> Void)? = nil
    ) throws -> [ProcessGroup] {
        let post = MemoryEngine.Post(size: count)
        return try (0..<count).map { rank in
            let worker = Worker(engine: MemoryEngine(rank: rank, of: post))
            let hosts = hosts ?? Array(repeating: ProcessFacts.hostName, count: count)
            worker.watch.change { settings in
                if let stallTimeout { settings.limit = stallTimeout }
                if let report { settings.report = report }
                settings.hosts = hosts
            }
            try worker.start()
            return ProcessGroup(rank: rank, hosts: hosts, channel: 0, session: Session(worker: worker))
        }
    }

    /// The world that the launcher has started, and the ranks' kinds of processor; nil for a single process without a library, as in an
    /// interactive shell of Slurm.
    private static func join(_ launcher: Launcher, isFunneled: Bool) throws -> (ProcessGroup, [String])? {
        let host = ProcessFacts.hostName
        func error(_ message: String) -> DistributedError {
            DistributedError(rank: launcher.rank ?? 0, host: host, operation: "ProcessGroup.world", message: message)
        }
        apus_end_with_parent()
        if let why = MPILibrary.open(for: launcher) {
            if launcher.size == 1 { return nil }
            throw error("\(launcher.name) has started this process, but no library of MPI opens (\(why)); APUS_MPI=FILE names one")
        }
        let worker = Worker(engine: MPIEngine(isFunneled: isFunneled))
        do { try worker.start() } catch let problem as EngineError { throw error(problem.message) }
        let (rank, size) = (worker.engine.rank, worker.engine.size)
        let session = Session(worker: worker)
        if let told = launcher.size, told != size {
            _ = worker.enqueue { worker.engine.finish() }
            throw error(
                "\(launcher.name) has started \(told) processes, but \(String(cString: apus_mpi_path())) knows of \(size): it is not the launcher's library; "
                    + "APUS_MPI=FILE names another")
        }
        // The other ranks' hosts are not known yet; this rank's name stands in for them.
        let first = ProcessGroup(rank: rank, hosts: Array(repeating: host, count: size), channel: worker.engine.world, session: session)
        let facts = try first.allGather(bytes: ProcessFacts.gather().bytes).map { bytes in
            guard let facts = ProcessFacts(bytes: bytes) else { throw error("another process is of another version of the program") }
            return facts
        }
        worker.watch.change { $0.hosts = facts.map(\.host) }
        if environment("APUS_THREADS") == nil, environment("OMP_NUM_THREADS") == nil {
            apus_set_thread_count(Int32(ProcessFacts.threads(of: rank, among: facts)))
        }
        let group = ProcessGroup(
            rank: rank, hosts: facts.map(\.host), keys: facts.map { "\($0.host) \($0.bootID)" }, channel: worker.engine.world,
            session: session)
        return (group, facts.map(\.kind))
    }

    /// Throws if the processors are of different kinds.
    func compareProcessors(_ kinds: [String], isAllowed: Bool) throws {
        guard !isAllowed, Set(kinds).count > 1 else { return }
        let list = Set(kinds).sorted().map { kind in
            let rank = kinds.firstIndex(of: kind)!
            return "rank \(rank) (\(hosts[rank])): \(kind)"
        }
        throw error(
            "ProcessGroup.world",
            "the processes run on processors of different kinds, whose results have other bits; APUS_ALLOW_MIXED=1 allows it: "
                + list.joined(separator: "; "))
    }

    // MARK: The end

    /// Terminates all processes of the world at once, this one with the exit code `code`. PyTorch has no counterpart; MPI: `MPI_Abort`.
    public func abort(_ code: Int32 = 1) -> Never { worker.abort(code) }

    /// The last exchange, in which every rank learns that all have ended, or which one has ended too early; then MPI is finalised.
    fileprivate func end(_ status: Int32) {
        let limit = stallTimeout
        // After a failure it waits for a shorter time, since the others may compute for long before they notice.
        let patience = status == 0 ? 10 * limit : Swift.min(limit, 5)
        let devices = session.devices.withLock { $0 }
        if status == 0, !devices.isEmpty {
            // Other ranks wait for work that is still queued. Errors in it can no longer be reported.
            let settled = worker.enqueue { for device in devices { try? device.backend.synchronize() } }
            if !settled.wait(atMost: patience) { abort(1) }
        }
        if !session.isOver.load(ordering: .relaxed) {
            let last = startCollective(Signature(.end), note: (UInt64(UInt32(bitPattern: status)), 0)) { _ in }
            if !last.wait(atMost: patience) { abort(status == 0 ? 1 : status) }
        }
        let (watch, engine) = (worker.watch, worker.engine)
        let finished = worker.enqueue {
            watch.close()
            engine.finish()
        }
        if !finished.wait(atMost: patience) { abort(status == 0 ? 1 : status) }
        worker.end()
    }
}

private func endWorld(_ status: Int32, _: UnsafeMutableRawPointer?) { running.withLock { $0 }?.end(status) }
