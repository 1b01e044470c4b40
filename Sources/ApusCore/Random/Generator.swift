import Synchronization

/// A stream of random numbers: Philox 4x32-10, whose n-th number depends only on the seed and n.
///
/// The same seed gives the same numbers on every device and with any number of threads. PyTorch: `torch.Generator` (its numbers differ).
/// Safe to use from several tasks, but the order of their draws then decides who gets which numbers.
public final class Generator: RandomNumberGenerator, Sendable {
    /// A position in a generator's stream.
    public struct State: Hashable, Sendable, Codable {
        /// The key of the stream.
        public var seed: UInt64
        /// How many counters of the stream have been used.
        public var offset: UInt64
        /// The position `offset` in the stream of `seed`.
        public init(seed: UInt64, offset: UInt64) {
            self.seed = seed
            self.offset = offset
        }
    }

    private let protected: Mutex<State>

    /// A generator at the start of the stream of `seed`.
    public init(seed: some BinaryInteger) { protected = Mutex(State(seed: UInt64(truncatingIfNeeded: seed), offset: 0)) }

    /// The position in the stream; set it to continue from there.
    public var state: State {
        get { protected.withLock { $0 } }
        set { protected.withLock { $0 = newValue } }
    }

    /// Starts the stream of `seed` from the beginning. PyTorch: `manual_seed`.
    public func manualSeed(_ seed: some BinaryInteger) { state = State(seed: UInt64(truncatingIfNeeded: seed), offset: 0) }

    /// Starts the stream of an unpredictable seed, and returns the seed. PyTorch: `Generator.seed`, and `torch.seed` for
    /// `Generator.current`.
    @discardableResult public func seed() -> UInt64 {
        let seed = UInt64.random(in: 0 ... .max)
        manualSeed(seed)
        return seed
    }

    /// Takes `blocks` counters from the stream and returns the position before them.
    package func take(_ blocks: UInt64) -> State {
        if Context.read({ $0.draws != nil }), let draws = Context.current.draws { return draws.take(blocks, from: self) }
        return advance(blocks)
    }

    /// `take`, without recording the draw.
    func advance(_ blocks: UInt64) -> State {
        protected.withLock { state in
            let start = state
            state.offset &+= blocks
            return start
        }
    }

    /// 64 random bits, from one counter of the stream.
    ///
    /// As a `RandomNumberGenerator` it serves Swift's own functions too, so `manualSeed` reaches them through `Generator.current`:
    ///
    ///     manualSeed(0)
    ///     var random = Generator.current
    ///     let order = names.shuffled(using: &random), sign = Bool.random(using: &random)
    public func next() -> UInt64 {
        let start = take(1)
        let words = Philox.block(key: start.seed, counter: start.offset)
        return UInt64(words.0) | UInt64(words.1) << 32
    }

    /// The generator that functions use by default: that of `withGenerator`, else the process-wide one, whose initial seed is random.
    public static var current: Generator { Context.current.generator ?? processWide }

    private static let processWide = Generator(seed: UInt64.random(in: 0 ... .max))
}

/// Seeds the process-wide generator, or that of the enclosing `withGenerator`. PyTorch: `torch.manual_seed`.
public func manualSeed(_ seed: some BinaryInteger) { Generator.current.manualSeed(seed) }

/// Runs `body` with `generator` as the default generator of this thread.
@discardableResult public func withGenerator<Result>(_ generator: Generator, _ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.generator
    context.generator = generator
    defer { context.generator = outer }
    return try body()
}
