import ApusCore
import Synchronization

/// Processes that compute together. PyTorch: `torch.distributed.ProcessGroup` and the functions of `torch.distributed`.
///
/// A program that no launcher has started is a group of one; under `mpirun` or `mpiexec` it is one of many, and the same program runs in
/// both. All processes of a group call the same collectives in the same order. Before each, they compare what they are about to do, so
/// that different counts, dtypes or operations, and a process that has ended, are an error on all of them instead of a hang. Where some
/// process does not come at all, the others say after `stallTimeout` who is where, and after ten times as long they end.
///
/// Sums have a fixed order, that of a binary counter over the ranks: (0 + 1) + (2 + 3), and so on. So they have the same bits at each call,
/// for any library, any placement and any size of the pieces that travel.
public final class ProcessGroup: Sendable {
    /// This process's number in the group, from 0.
    public let rank: Int
    /// How many processes the group has.
    public let size: Int
    /// This process's number among those of the group on its host.
    public let localRank: Int
    /// How many processes of the group are on its host.
    public let localSize: Int
    /// The name of this process's host.
    public var host: String { hosts[rank] }
    /// Whether this is rank 0, which prints and writes files.
    public var isFirst: Bool { rank == 0 }

    /// Names of the processes' hosts, by rank.
    package let hosts: [String]
    let keys: [String]
    let session: Session
    let members: Members
    /// This host's members, and those with this local number on all hosts, where sums go within hosts first: hosts with the same power of
    /// two of ranks each, numbered in a row. A host's subtree is then the same whoever sums it.
    let byHosts: (local: Members, cross: Members)?

    /// Connections between NVIDIA devices, by the second words of the processes' notes.
    let communicators = Mutex<[[UInt64]: Communicator]>([:])

    /// Whether sums go within hosts first.
    package var sumsByHosts: Bool { byHosts != nil }

    var worker: Worker { session.worker }
    var engine: any Engine { session.worker.engine }

    /// A group of the ranks of a channel, of which this process is number `rank`.
    /// Hosts of one name are told apart by `keys`.
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

    /// Seconds without progress after which processes that wait for each other say who is where; after ten times as many they end. 60, or
    /// what APUS_STALL_TIMEOUT says.
    public var stallTimeout: Double {
        get { worker.watch.limit }
        set { worker.watch.change { $0.limit = newValue } }
    }

    /// Says what this process is doing ("step 12, evaluation: batch 3 of 10"), for the table of who is where.
    package func place(_ text: String) { worker.watch.setPlace(text) }

    /// What is wrong with something that this process does with others: `operation` is a collective's signature, or words.
    func error(_ operation: some CustomStringConvertible, _ message: String) -> DistributedError {
        DistributedError(rank: rank, host: host, operation: "\(operation)", message: message)
    }
}

/// An engine with its worker, shared by the groups of one world.
final class Session: Sendable {
    let worker: Worker
    /// Whether a process has ended, after which there is nobody to agree with.
    let isOver = Atomic(false)
    /// Devices whose queues may hold work that other processes wait for.
    let devices = Mutex<Set<Device>>([])

    init(worker: Worker) { self.worker = worker }
    deinit { worker.end() }
}
