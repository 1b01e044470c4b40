/// What is in training or in evaluation mode: a module.
package protocol HasMode: AnyObject {
    /// Whether it is in training mode.
    var training: Bool { get set }
}

/// Records the random numbers that a piece of work draws from any generator, and the modes of the modules that it calls, so that it can be
/// repeated with the same ones.
package final class Draws {
    /// A call of a module and its mode in it. The address of a module that the work made and let go is soon another's, so it is not enough.
    private struct Call {
        weak var module: (any HasMode)?
        let isTraining: Bool
    }

    /// The start of each draw in its stream, and how many counters it took.
    private var all: [(start: Generator.State, blocks: UInt64)]
    /// In a repetition, the number of draws so far.
    private var repeated: Int?
    private var hasDiffered = false
    private let outer: Draws?
    /// The called modules in order, and whether each was in training mode.
    private var calls: [Call]
    /// In a repetition, the place of the next call.
    private var repeatedCalls = 0
    /// The number of calls under way.
    private var depth = 0
    /// In a repetition, the modules that are in another mode for the call at that depth, or all of it.
    private var switched: [(module: any HasMode, wasTraining: Bool, depth: Int)] = []
    /// The repetition that this work is a part of, else the outermost first run.
    private var whole: Draws { repeated == nil ? outer?.whole ?? self : self }

    private init(_ all: [(start: Generator.State, blocks: UInt64)], _ calls: [Call], repeated: Int?, within outer: Draws?) {
        (self.all, self.calls, self.repeated, self.outer) = (all, calls, repeated, outer)
    }

    /// The draws of a first run, which also count as draws of the enclosing work.
    convenience init(within outer: Draws?) { self.init([], [], repeated: nil, within: outer) }

    /// The draws of a repetition: they are the same as before, and the generators do not advance.
    func again() -> Draws { Draws(all, calls, repeated: 0, within: nil) }

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

    /// Whether a module that is called is to be in training mode: as it `isTraining` in a first run, and in a repetition as in the first run.
    private func isTraining(_ module: any HasMode, _ isTraining: Bool) -> Bool {
        guard repeated != nil else {
            let wanted = outer?.isTraining(module, isTraining) ?? isTraining
            calls.append(Call(module: module, isTraining: wanted))
            return wanted
        }
        // What is not done again, as a step of a power iteration, may have called others in between.
        guard let place = calls[repeatedCalls...].firstIndex(where: { $0.module === module }) else { return isTraining }
        repeatedCalls = place + 1
        return calls[place].isTraining
    }

    /// Begins a call of `module`. In a repetition it is in the mode of the first run until ``didCall()``.
    package func willCall(_ module: some HasMode) {
        let isTraining = isTraining(module, module.training)
        let whole = whole
        whole.depth += 1
        if isTraining != module.training { whole.switchMode(of: module, to: isTraining) }
    }

    /// Ends the last call that has begun.
    package func didCall() {
        let whole = whole
        whole.depth -= 1
        whole.switchBack()
    }

    /// Gives `module` another mode for the call under way; before the first one, until ``end()``.
    func switchMode(of module: any HasMode, to isTraining: Bool) {
        switched.append((module, module.training, depth))
        module.training = isTraining
    }

    private func switchBack() {
        while let last = switched.last, last.depth > depth {
            last.module.training = last.wasTraining
            switched.removeLast()
        }
    }

    /// Ends a repetition: modules have their own modes again.
    func end() {
        depth = -1
        switchBack()
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
