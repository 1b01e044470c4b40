import ApusCore

/// The sum of the tensors of several shards, added one after the other, in the order of a binary counter: two neighbours, two pairs of
/// neighbours, and so on.
///
/// 2ʲ shards that begin at a multiple of 2ʲ are a subtree, whoever adds them up. So the sum has the same bits however many processes share
/// the shards, as long as each has such a block. A shard without a gradient is nil and leaves the sum as it is, as −0 would.
struct TreeSum {
    private var levels: [(count: Int, sum: Tensor?)] = []

    /// Adds the tensor of the next shard. The sum may be made in its memory.
    mutating func add(_ tensor: Tensor?) throws {
        levels.append((1, tensor))
        while levels.count > 1, levels[levels.count - 1].count == levels[levels.count - 2].count { try merge() }
    }

    /// The sum over all; nil where no shard has a tensor. Afterwards there is nothing in it.
    mutating func take() throws -> Tensor? {
        while levels.count > 1 { try merge() }
        return levels.popLast()?.sum
    }

    private mutating func merge() throws {
        let later = levels.removeLast()
        let earlier = levels.removeLast()
        levels.append((earlier.count + later.count, try added(earlier.sum, later.sum)))
    }
}

/// a + b in the memory of a; nil is nothing.
func added(_ a: Tensor?, _ b: Tensor?) throws -> Tensor? {
    guard let a, let b else { return a ?? b }
    return try checked { noGrad { a.add_(b) } }
}
