import ApusCore

/// Memory layouts of a tensor that every kernel must be able to read.
package enum Layout: String, CaseIterable, Sendable {
    case contiguous
    /// Contiguous, but starting at an odd element, so that vectors are not aligned.
    case offset
    /// The order of the dimensions in memory is reversed.
    case transposed
    /// Every second element of every dimension of a larger tensor, starting at the second.
    case sliced
    /// Stride 0 along the first dimension with more than one element.
    case broadcast
    /// Stride 0 along the last dimension with more than one element.
    case broadcastLast

    /// A tensor of x's shape, dtype and device in this layout, with x's elements; along a broadcast dimension, the elements at index 0.
    package func lay(_ x: Tensor) -> Tensor {
        let shape = x.shape
        switch self {
        case .contiguous:
            let out = Layout.memory(shape, like: x)
            return Layout.write(x, into: out)
        case .offset:
            let memory = Layout.memory([shape.numel + 3], like: x)
            return Layout.write(x, into: memory.view(shape, strides: shape.contiguousStrides, offset: 3))
        case .transposed:
            let reversed = Layout.memory(Shape(shape.reversed()), like: x)
            return Layout.write(x, into: reversed.view(shape, strides: Shape(reversed.strides.reversed()), offset: 0))
        case .sliced:
            let memory = Layout.memory(Shape(shape.map { 2 * $0 + 1 }), like: x)
            let strides = Shape(memory.strides.map { 2 * $0 })
            return Layout.write(x, into: memory.view(shape, strides: strides, offset: memory.strides.reduce(0, +)))
        case .broadcast, .broadcastLast:
            let dim = self == .broadcast ? shape.firstIndex { $0 > 1 } : shape.lastIndex { $0 > 1 }
            guard let dim else { return Layout.contiguous.lay(x) }
            var narrow = shape
            narrow[dim] = 1
            let first = x.view(narrow, strides: x.strides, offset: x.offset)
            return Layout.write(first, into: Layout.memory(narrow, like: x)).expanded(shape)
        }
    }

    /// Blank memory, so that the gaps between a view's elements are 0xFF bytes.
    private static func memory(_ shape: Shape, like x: Tensor) -> Tensor { blank(shape, x.dtype, on: x.device) }

    /// Copies with the reference backend, so that the layouts do not depend on the backend under test.
    private static func write(_ x: Tensor, into out: Tensor) -> Tensor {
        ReferenceBackend.shared.copy(x, into: out)
        return out
    }
}
