/// Values that come one after the other, joined in the order of a binary counter: (0 + 1) + (2 + 3), and so on.
///
/// 2ʲ values that begin at a multiple of 2ʲ are a subtree, whoever joins them.
package struct BinaryTree<Value, Failure: Error> {
    private var subtrees: [(count: Int, value: Value)] = []
    private let join: @Sendable (_ earlier: Value, _ later: Value) throws(Failure) -> Value

    package init(_ join: @escaping @Sendable (_ earlier: Value, _ later: Value) throws(Failure) -> Value) { self.join = join }

    package mutating func add(_ value: Value) throws(Failure) {
        subtrees.append((1, value))
        while subtrees.count > 1, subtrees[subtrees.count - 1].count == subtrees[subtrees.count - 2].count { try merge() }
    }

    /// Returns the tree's value, nil if there is none, and empties the tree.
    package mutating func take() throws(Failure) -> Value? {
        while subtrees.count > 1 { try merge() }
        return subtrees.popLast()?.value
    }

    private mutating func merge() throws(Failure) {
        let later = subtrees.removeLast()
        let earlier = subtrees.removeLast()
        subtrees.append((earlier.count + later.count, try join(earlier.value, later.value)))
    }
}

extension Tensor {
    /// The elements of tensors of one shape, dtype and device, joined by `kind` as a `BinaryTree`. Not recorded. On the processor
    /// `apus_binary_tree` gives the same bits in one pass.
    package static func binaryTree(_ kind: BinaryKind, _ operands: [Tensor]) throws(OpError) -> Tensor {
        var tree = BinaryTree<Tensor, OpError> { (earlier, later) throws(OpError) in
            let out = try Tensor.uninitialized(earlier.shape, earlier.dtype, earlier.device)
            try out.device.backend.binary(kind, earlier, later, KernelParameters(), into: out)
            return out
        }
        for operand in operands { try tree.add(operand) }
        return try tree.take()!
    }
}
