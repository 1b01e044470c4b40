/// Records the random numbers that a piece of work draws from any generator, so that it can be repeated with the same numbers.
final class Draws {
    /// The start of each draw in its stream, and how many counters it took.
    private var all: [(start: Generator.State, blocks: UInt64)]
    /// In a repetition, the number of draws so far.
    private var repeated: Int?
    private var hasDiffered = false
    private let outer: Draws?

    private init(_ all: [(start: Generator.State, blocks: UInt64)], repeated: Int?, within outer: Draws?) {
        (self.all, self.repeated, self.outer) = (all, repeated, outer)
    }

    /// The draws of a first run, which also count as draws of the enclosing work.
    convenience init(within outer: Draws?) { self.init([], repeated: nil, within: outer) }

    /// The draws of a repetition: they are the same as before, and the generators do not advance.
    func again() -> Draws { Draws(all, repeated: 0, within: nil) }

    /// Whether a repetition has made exactly the same draws.
    var isRepeated: Bool { !hasDiffered && repeated == all.count }

    /// The next draw, of `blocks` counters from `generator`.
    func take(_ blocks: UInt64, from generator: Generator) -> Generator.State {
        guard let place = repeated else {
            let start = outer?.take(blocks, from: generator) ?? generator.advance(blocks)
            all.append((start, blocks))
            return start
        }
        repeated = place + 1
        if place < all.count && all[place].blocks == blocks { return all[place].start }
        hasDiffered = true
        return Generator.State(seed: 0, offset: 0)
    }
}

/// Runs `body` without recording its draws in an enclosing `checkpoint`: for work that happens only in the first run, such as the creation
/// of a layer's parameters.
package func withoutNotingDraws<Result>(_ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.draws
    context.draws = nil
    defer { context.draws = outer }
    return try body()
}
