/// The number of a channel. Messages on different channels never match each other.
typealias Channel = Int

/// An operation in progress.
///
/// The address belongs to the engine; only the thread that holds the engine uses it.
struct Request {
    let address: UnsafeMutableRawPointer
}

/// Moves bytes between the processes of a world. All collectives are built on these calls, once for all engines.
///
/// One thread at a time makes the calls; `Worker` ensures that. The memory of an operation must stay valid until `isDone` has returned
/// true. Messages between two ranks with the same tag on the same channel arrive in the order in which they were sent.
protocol Engine: AnyObject {
    /// This process's rank in the world, and the size of the world.
    var rank: Int { get }
    var size: Int { get }
    /// Whether any thread may make calls, one at a time; else only the thread that has called `start`.
    var allowsAnyThread: Bool { get }
    /// The channel for collectives of the world, and a second one for the watch's questions and answers.
    var world: Channel { get }
    var control: Channel { get }

    /// Must be called first.
    func start() throws
    func send(_ memory: UnsafeRawBufferPointer, to rank: Int, on channel: Channel, tag: Int) throws -> Request
    /// Receives at most `memory.count` bytes, from any rank if `rank` is nil.
    func receive(into memory: UnsafeMutableRawBufferPointer, from rank: Int?, on channel: Channel, tag: Int) throws -> Request
    /// Whether the operation has completed; after that the request must not be used again.
    func isDone(_ request: Request) throws -> Bool
    /// Sums float32 or float64 numbers in place, in whatever order the library chooses; nil if the engine cannot.
    func unorderedSum(_ memory: UnsafeMutableRawPointer, count: Int, isDouble: Bool, on channel: Channel) throws -> Request?
    /// A new channel of the ranks that pass the same color, ordered by key; `members` are their ranks in `channel`. All ranks of `channel`
    /// call it together.
    func split(_ channel: Channel, color: Int, key: Int, members: [Int]) throws -> Channel
    /// Must be called last.
    func finish()
    /// Terminates all processes of the world; does nothing if the ranks are threads.
    func abort(_ code: Int32)
}

extension Engine {
    func unorderedSum(_ memory: UnsafeMutableRawPointer, count: Int, isDouble: Bool, on channel: Channel) throws -> Request? { nil }
}

/// A failed message, before rank and operation are added.
struct EngineError: Error {
    let message: String
}
