/// A number of the channel that a message travels on: messages of two channels never meet.
typealias Channel = Int

/// An operation of an engine under way.
///
/// The address is the engine's own; it is handed to the thread that holds the engine and to no other.
struct Request {
    let address: UnsafeMutableRawPointer
}

/// What moves bytes between the processes of a world. All collectives are made of these calls, once for all engines.
///
/// Its calls are made by one thread at a time: `Worker` sees to that. An operation reads or writes its memory until `isDone` has said so.
/// Messages between two processes with one tag on one channel arrive in the order in which they were sent.
protocol Engine: AnyObject {
    /// This process among those of the world, and their number.
    var rank: Int { get }
    var size: Int { get }
    /// Whether any thread may call, one at a time; else only the one that has called `start`.
    var allowsAnyThread: Bool { get }
    /// The channel of all processes, and a second one for questions where they are.
    var world: Channel { get }
    var control: Channel { get }

    /// The first call.
    func start() throws
    func send(_ memory: UnsafeRawBufferPointer, to rank: Int, on channel: Channel, tag: Int) throws -> Request
    /// Receives at most so many bytes; from any process where `rank` is nil.
    func receive(into memory: UnsafeMutableRawBufferPointer, from rank: Int?, on channel: Channel, tag: Int) throws -> Request
    /// Whether the operation has ended; then the request may not be used again.
    func isDone(_ request: Request) throws -> Bool
    /// Sums float32 or float64 numbers in place, in an order of its own; nil where it has none.
    func unorderedSum(_ memory: UnsafeMutableRawPointer, count: Int, isDouble: Bool, on channel: Channel) throws -> Request?
    /// A channel of those that pass the same colour, ordered by key: of `members`, as ranks of `channel`. All processes of `channel` call it
    /// together.
    func split(_ channel: Channel, color: Int, key: Int, members: [Int]) throws -> Channel
    /// The last call.
    func finish()
    /// Ends all processes of the world, if they are processes.
    func abort(_ code: Int32)
}

extension Engine {
    func unorderedSum(_ memory: UnsafeMutableRawPointer, count: Int, isDouble: Bool, on channel: Channel) throws -> Request? { nil }
}

/// What is wrong with a message, before it is known who has done what.
struct EngineError: Error {
    let message: String
}
