import ApusCore

/// Pieces along a dimension as outputs of one op: the gradient is their gradients joined, written once, where as many `narrow`s would each
/// write zeros for the rest. For gates of recurrent layers and for the steps of a sequence.
struct Cut: DifferentiableFunction {
    let dim: Int
    let sizes: [Int]
    var name: String { "cut" }

    func forward(_ inputs: [Tensor], _ context: FunctionContext) -> [Tensor] {
        var start = 0
        return sizes.map { size in
            defer { start += size }
            return inputs[0].narrow(dim, start, size)
        }
    }

    func backward(_ gradients: [Tensor], _ context: FunctionContext) -> [Tensor?] { [Tensor.cat(gradients, dim: dim)] }
}

extension Tensor {
    /// `count` pieces of one size along `dim`, which they fill.
    func cut(_ count: Int, dim: Int) -> [Tensor] {
        if isPoisoned { return Array(repeating: self, count: count) }
        return Cut(dim: dim, sizes: Array(repeating: shape[dim] / count, count: count))(self)
    }
}
