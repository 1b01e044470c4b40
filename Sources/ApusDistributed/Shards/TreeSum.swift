import ApusCore

/// The sum of the tensors of several shards, which are added one after the other, in the order of a binary counter: neighbours first, then
/// neighbouring pairs, and so on.
///
/// So the sum has the same bits however many processes share the shards, as long as each has a block that is a subtree of `BinaryTree`. nil
/// stands for a shard without a gradient; it leaves the sum as it is, as −0 would.
struct TreeSum {
    private var tree = BinaryTree<Tensor?, any Error>(added)

    /// Adds the tensor of the next shard, whose memory may be overwritten by the sum.
    mutating func add(_ tensor: Tensor?) throws { try tree.add(tensor) }

    /// Returns the sum, nil if no shard has a tensor, and empties this value.
    mutating func take() throws -> Tensor? { try tree.take() ?? nil }
}

/// a + b, computed in the memory of a; nil counts as zero.
@Sendable func added(_ a: Tensor?, _ b: Tensor?) throws -> Tensor? {
    guard let a, let b else { return a ?? b }
    return try checked { noGrad { a.add_(b) } }
}
