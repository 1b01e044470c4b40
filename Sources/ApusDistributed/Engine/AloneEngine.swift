import Glibc

/// One process, without a library: collectives send nothing.
final class AloneEngine: Engine {
    let (rank, size) = (0, 1)
    let allowsAnyThread = true
    let (world, control) = (0, 1)

    func start() {}

    func send(_ memory: UnsafeRawBufferPointer, to rank: Int, on channel: Channel, tag: Int) throws -> Request {
        throw EngineError(message: "there is no other process to send to")
    }

    func receive(into memory: UnsafeMutableRawBufferPointer, from rank: Int?, on channel: Channel, tag: Int) throws -> Request {
        throw EngineError(message: "there is no other process to receive from")
    }

    func isDone(_ request: Request) -> Bool { true }
    func split(_ channel: Channel, color: Int, key: Int, members: [Int]) -> Channel { channel }
    func finish() {}
    func abort(_ code: Int32) { _exit(code) }
}
