import ApusCore
import Synchronization

/// A group of processes that communicate by collectives. PyTorch: `torch.distributed.ProcessGroup` and the functions of
/// `torch.distributed`.
///
/// A program that no launcher has started is a group of one; under `mpirun` or `mpiexec` the same program is one of many. All ranks of a
/// group must call the same collectives in the same order. Before each, they compare what they are about to do, so that different counts,
/// dtypes or operations, and a process that has ended, are an error on all ranks instead of a hang. If a rank does not arrive, the others
/// report after `stallTimeout` what each rank is doing, and terminate after ten times as long.
///
/// Reductions have a fixed order, that of a binary counter over the ranks: (0 + 1) + (2 + 3), and so on. The result has the same bits in
/// every call, with any library, any placement and any message size.
public final class ProcessGroup: Sendable {
    /// This process's rank in the group, from 0.
    public let rank: Int
    /// The number of ranks in the group.
    public let size: Int
    /// This process's rank among those of the group on its host.
    public let localRank: Int
    /// The number of ranks of the group on this host.
    public let localSize: Int
    /// The name of this process's host.
    public var host: String { hosts[rank] }
    /// Whether this is rank 0, which prints and writes files.
    public var isFirst: Bool { rank == 0 }

    /// The ranks' host names.
    package let hosts: [String]
    let keys: [String]
    let session: Session
    let members: Members
    /// The ranks on this host, and the ranks with this local rank on all hosts, if reductions go within hosts first: if every host has the
    /// same number of consecutive ranks, a power of two. A host's ranks are then a subtree of the reduction tree, so the bits are the same.
    let byHosts: (local: Members, cross: Members)?

    /// Communicators between NVIDIA devices, by the second words of the ranks' notes.
    let communicators = Mutex<[[UInt64]: Communicator]>([:])

    /// Whether reductions go within hosts first.
    package var sumsByHosts: Bool { byHosts != nil }

    var worker: Worker { session.worker }
    var engine: any Engine { session.worker.engine }

    /// A group of the ranks of a channel, in which this process has rank `rank`. Ranks are on the same host if their `keys` are equal,
    /// which tell hosts of the same name apart.
    init(rank: Int, hosts: [String], keys: [String]? = nil, channel: Channel, session: Session) {
        let keys = keys ?? hosts
        self.keys = keys
        self.rank = rank
        self.hosts = hosts
        self.session = session
        size = hosts.count
        let all = Array(hosts.indices)
        members = Members(channel: channel, ranks: all, index: rank)
        let neighbours = all.filter { keys[$0] == keys[rank] }
        localRank = neighbours.firstIndex(of: rank)!
        localSize = neighbours.count
        let each = neighbours.count
        let isRegular =
            hosts.count % each == 0 && all.allSatisfy { keys[$0] == keys[$0 / each * each] } && Set(keys).count == keys.count / each
        if each > 1, each < hosts.count, each & (each - 1) == 0, isRegular {
            let others = stride(from: localRank, to: hosts.count, by: each)
            byHosts = (
                Members(channel: channel, ranks: neighbours, index: localRank),
                Members(channel: channel, ranks: Array(others), index: rank / each)
            )
        } else {
            byHosts = nil
        }
    }

    /// Seconds without progress after which ranks that wait for each other report what each is doing; after ten times as long they
    /// terminate. 60, or the value of APUS_STALL_TIMEOUT.
    public var stallTimeout: Double {
        get { worker.watch.limit }
        set { worker.watch.change { $0.limit = newValue } }
    }

    /// Sets what this rank is doing ("step 12, evaluation: batch 3 of 10"), for the report of stalled ranks.
    package func place(_ text: String) { worker.watch.setPlace(text) }

    /// An error of this rank; `operation` is a collective's signature, or a description.
    package func error(_ operation: some CustomStringConvertible, _ message: String) -> DistributedError {
        DistributedError(rank: rank, host: host, operation: "\(operation)", message: message)
    }
}

/// An engine with its worker, shared by the groups of one world.
final class Session: Sendable {
    let worker: Worker
    /// Whether a process has ended, so that no more collectives are possible.
    let isOver = Atomic(false)
    /// Devices whose queues may hold work that other ranks wait for.
    let devices = Mutex<Set<Device>>([])

    init(worker: Worker) { self.worker = worker }
    deinit { worker.end() }
}
