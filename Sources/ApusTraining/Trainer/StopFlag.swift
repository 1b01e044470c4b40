import Synchronization

/// A request to end in good order. Setting it is safe everywhere, in signal handlers too.
public final class StopFlag: Sendable {
    private let flag = Atomic(false)
    /// Makes an empty one.
    public init() {}
    /// Whether an end was asked for.
    public var isSet: Bool { flag.load(ordering: .acquiring) }
    /// Asks for an end.
    public func set() { flag.store(true, ordering: .releasing) }
}
