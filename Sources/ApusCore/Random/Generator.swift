import Synchronization

/// A stream of random numbers: Philox 4x32-10, where the n-th number is a function of seed and n alone.
///
/// The same seed gives the same numbers on every device and with any number of threads. PyTorch: `torch.Generator` (its numbers differ).
/// Safe to use from several tasks; who draws first then decides who gets which numbers.
public final class Generator: Sendable {
    /// What a generator needs to go on where it was.
    public struct State: Hashable, Sendable, Codable {
        /// The key of the stream.
        public var seed: UInt64
        /// How many counters of the stream have been consumed.
        public var offset: UInt64
        /// A state to go on from.
        public init(seed: UInt64, offset: UInt64) {
            self.seed = seed
            self.offset = offset
        }
    }

    private let protected: Mutex<State>

    /// A stream from its beginning.
    public init(seed: UInt64) { protected = Mutex(State(seed: seed, offset: 0)) }

    /// The place in the stream; setting it goes on from there.
    public var state: State {
        get { protected.withLock { $0 } }
        set { protected.withLock { $0 = newValue } }
    }

    /// Starts the stream of `seed` from its beginning. PyTorch: `manual_seed`.
    public func manualSeed(_ seed: UInt64) { state = State(seed: seed, offset: 0) }

    /// Takes `blocks` counters from the stream.
    package func take(_ blocks: UInt64) -> State {
        protected.withLock { state in
            let start = state
            state.offset &+= blocks
            return start
        }
    }

    /// The generator that functions use where none is given: the one of `withGenerator`, else one of the process,
    /// which starts at a seed of its own in each process.
    public static var current: Generator { Context.current.generator ?? processWide }

    private static let processWide = Generator(seed: UInt64.random(in: 0 ... .max))
}

/// Seeds the process's generator (or that of the enclosing `withGenerator`). PyTorch: `torch.manual_seed`.
public func manualSeed(_ seed: UInt64) { Generator.current.manualSeed(seed) }

/// Runs `body` with `generator` in place of the process's, on this thread.
public func withGenerator<Result>(_ generator: Generator, _ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.generator
    context.generator = generator
    defer { context.generator = outer }
    return try body()
}
