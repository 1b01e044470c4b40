/// The random numbers that a piece of work draws, whichever generators they come from, so that it can run again with the same.
final class Draws {
    /// Where in its stream each draw began, and how many counters it took.
    private var all: [(start: Generator.State, blocks: UInt64)]
    /// In another run: how many there have been.
    private var repeated: Int?
    private var hasDiffered = false
    private let outer: Draws?

    private init(_ all: [(start: Generator.State, blocks: UInt64)], repeated: Int?, within outer: Draws?) {
        (self.all, self.repeated, self.outer) = (all, repeated, outer)
    }

    /// Those of a first run, which are also draws of the work around it.
    convenience init(within outer: Draws?) { self.init([], repeated: nil, within: outer) }

    /// Those of another run: they are the same, and the generators stay where they are.
    func again() -> Draws { Draws(all, repeated: 0, within: nil) }

    /// Whether another run has drawn all of them and no others.
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

/// Runs `body`, whose random numbers are not those of a `checkpoint` around it: what happens in its first run alone, as when a layer makes
/// its parameters.
package func withoutNotingDraws<Result>(_ body: () throws -> Result) rethrows -> Result {
    let context = Context.current
    let outer = context.draws
    context.draws = nil
    defer { context.draws = outer }
    return try body()
}
