extension Tensor {
    /// The elements of tensors of one shape, dtype and device, joined by `kind` in the order of a binary counter: (0 + 1) + (2 + 3), and so on.
    /// Not recorded. On the processor `apus_binary_tree` gives the same bits in one pass.
    package static func binaryTree(_ kind: BinaryKind, _ operands: [Tensor]) throws(OpError) -> Tensor {
        var levels: [(count: Int, value: Tensor)] = []
        func merge() throws(OpError) {
            let later = levels.removeLast()
            let earlier = levels.removeLast()
            let out = try Tensor.uninitialized(earlier.value.shape, earlier.value.dtype, earlier.value.device)
            try out.device.backend.binary(kind, earlier.value, later.value, KernelParameters(), into: out)
            levels.append((earlier.count + later.count, out))
        }
        for operand in operands {
            levels.append((1, operand))
            while levels.count > 1, levels[levels.count - 1].count == levels[levels.count - 2].count { try merge() }
        }
        while levels.count > 1 { try merge() }
        return levels[0].value
    }
}
