import ApusCore

/// The sum of the tensors of several shards, which are added one after the other, in the order of a binary counter: neighbours first, then
/// neighbouring pairs, and so on.
///
/// 2ʲ shards that begin at a multiple of 2ʲ are a subtree, whoever adds them. So the sum has the same bits however many processes share the
/// shards, as long as each has such a block. nil stands for a shard without a gradient; it leaves the sum as it is, as −0 would.
struct TreeSum {
    private var levels: [(count: Int, sum: Tensor?)] = []

    /// Adds the tensor of the next shard, whose memory may be overwritten by the sum.
    mutating func add(_ tensor: Tensor?) throws {
        levels.append((1, tensor))
        while levels.count > 1, levels[levels.count - 1].count == levels[levels.count - 2].count { try merge() }
    }

    /// Returns the sum, nil if no shard has a tensor, and empties this value.
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

/// a + b, computed in the memory of a; nil counts as zero.
func added(_ a: Tensor?, _ b: Tensor?) throws -> Tensor? {
    guard let a, let b else { return a ?? b }
    return try checked { noGrad { a.add_(b) } }
}
