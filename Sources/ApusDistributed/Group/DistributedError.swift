/// An error between processes: the rank that throws it, what it was doing, and what went wrong.
public struct DistributedError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The rank that throws the error, and the name of its host.
    public let rank: Int, host: String
    /// The operation: `allReduce (sum) of 100 float32`.
    public let operation: String
    /// What went wrong.
    public let message: String

    /// An error of `operation` on this rank.
    public init(rank: Int, host: String, operation: String, message: String) {
        (self.rank, self.host, self.operation, self.message) = (rank, host, operation, message)
    }

    /// `rank 3 (node2): allReduce (sum) of 100 float32: the processes do different things: …`.
    public var description: String { "rank \(rank) (\(host)): \(operation): \(message)" }
}
