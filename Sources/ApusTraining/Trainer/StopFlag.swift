import Synchronization

/// A request to stop training cleanly. It can be set anywhere, even in signal handlers.
public final class StopFlag: Sendable {
    private let flag = Atomic(false)
    /// A flag that is not set.
    public init() {}
    /// Whether stopping was requested.
    public var isSet: Bool { flag.load(ordering: .acquiring) }
    /// Requests stopping.
    public func set() { flag.store(true, ordering: .releasing) }
}
