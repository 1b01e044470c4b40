import ApusSystem
import CDrivers

/// An engine on MPI, which is opened at run time.
final class MPIEngine: Engine {
    private(set) var (rank, size) = (0, 1)
    private(set) var allowsAnyThread = false
    let (world, control) = (0, 1)
    /// The communicators, indexed by channel.
    private var channels: [OpaquePointer] = []
    private let wanted: apus_mpi_threads

    /// An engine on the library that `apus_mpi_open` has opened. If funneled, it asks MPI only for the thread level at which one thread
    /// makes all calls.
    init(isFunneled: Bool) { wanted = isFunneled ? APUS_MPI_FUNNELED : APUS_MPI_SERIALIZED }

    func start() throws {
        var provided = APUS_MPI_SINGLE
        try check(apus_mpi_init(wanted, &provided))
        allowsAnyThread = wanted == APUS_MPI_SERIALIZED && provided.rawValue >= APUS_MPI_SERIALIZED.rawValue
        let all = apus_mpi_world()
        (rank, size) = (Int(apus_mpi_rank(all)), Int(apus_mpi_size(all)))
        // Duplicates of the world communicator, so that our messages never match those that the program sends by MPI itself.
        channels = [all]
        for _ in [world, control] { _ = try split(0, color: 0, key: rank, members: Array(0..<size)) }
        channels.removeFirst()
    }

    func send(_ memory: UnsafeRawBufferPointer, to rank: Int, on channel: Channel, tag: Int) throws -> Request {
        var request: OpaquePointer?
        try check(apus_mpi_send(channels[channel], memory.baseAddress!, Int32(memory.count), Int32(rank), Int32(tag), &request))
        return Request(address: UnsafeMutableRawPointer(request!))
    }

    func receive(into memory: UnsafeMutableRawBufferPointer, from rank: Int?, on channel: Channel, tag: Int) throws -> Request {
        var request: OpaquePointer?
        try check(
            apus_mpi_receive(channels[channel], memory.baseAddress!, Int32(memory.count), Int32(rank ?? -1), Int32(tag), &request))
        return Request(address: UnsafeMutableRawPointer(request!))
    }

    func isDone(_ request: Request) throws -> Bool {
        var done = false
        try check(apus_mpi_test(OpaquePointer(request.address), &done))
        return done
    }

    func unorderedSum(_ memory: UnsafeMutableRawPointer, count: Int, isDouble: Bool, on channel: Channel) throws -> Request? {
        var request: OpaquePointer?
        try check(apus_mpi_sum(channels[channel], memory, Int32(count), isDouble, &request))
        return Request(address: UnsafeMutableRawPointer(request!))
    }

    func split(_ channel: Channel, color: Int, key: Int, members: [Int]) throws -> Channel {
        var made: OpaquePointer?
        try check(apus_mpi_split(channels[channel], Int32(color), Int32(key), &made))
        channels.append(made!)
        return channels.count - 1
    }

    func finish() { apus_mpi_finalize() }
    func abort(_ code: Int32) { apus_mpi_abort(code) }

    private func check(_ error: Int32) throws {
        if error == 0 { return }
        var text = [CChar](repeating: 0, count: 512)
        apus_mpi_error_text(error, &text, text.count)
        throw EngineError(message: "MPI says: \(String(fromC: text))")
    }
}
