/// Evaluates expressions over temporary tensors of one dtype on one backend: `compose(.sub, x, compose(.mean, x, [1]))`.
struct Composition {
    let backend: any Backend
    let device: Device
    let dtype: DType

    /// The computation dtype is float64 for float64, else float32.
    init(_ backend: any Backend, like x: Tensor) {
        self.backend = backend
        device = x.device
        dtype = x.dtype == .float64 ? .float64 : .float32
    }

    func temporary(_ shape: Shape) throws(OpError) -> Tensor { try Tensor.uninitialized(shape, dtype, device) }

    // MARK: Expressions. Never inlined, since a formula with many of them would be compiled to many copies.

    @inline(never) func callAsFunction(_ kind: UnaryKind, _ x: Tensor, _ p: KernelParameters = KernelParameters()) throws(OpError) -> Tensor
    {
        let out = try temporary(x.shape)
        try backend.unary(kind, x, p, into: out)
        return out
    }

    /// Broadcasts the operands.
    @inline(never) func callAsFunction(
        _ kind: BinaryKind, _ a: Tensor, _ b: Tensor, _ p: KernelParameters = KernelParameters()
    ) throws(OpError) -> Tensor {
        guard let shape = Shape.broadcast(a.shape, b.shape) else {
            preconditionFailure("\(backend.name): shapes \(a.shape) and \(b.shape) in a composition")
        }
        let out = try temporary(shape)
        try backend.binary(kind, a.expanded(shape), b.expanded(shape), p, into: out)
        return out
    }

    @inline(never) func callAsFunction(_ kind: ReduceKind, _ x: Tensor, _ dims: [Int]) throws(OpError) -> Tensor {
        var shape = x.shape
        for dim in dims { shape[dim] = 1 }
        let out = try temporary(shape)
        try backend.reduce(kind, x, dims: dims, into: out)
        return out
    }

    // MARK: Dtypes and shapes

    /// x in the dtype of the composition; x itself if it has it.
    func cast(_ x: Tensor) throws(OpError) -> Tensor { try x.dtype == dtype ? x : copied(x) }

    @inline(never) private func copied(_ x: Tensor) throws(OpError) -> Tensor {
        let out = try temporary(x.shape)
        try backend.copy(x, into: out)
        return out
    }

    /// x, cast, and the dimension to work along; a scalar becomes a vector of one element.
    func line(_ x: Tensor, _ dim: Int) throws(OpError) -> (Tensor, Int) {
        let x = try cast(x)
        return x.ndim == 0 ? (x.view([1], strides: [1], offset: x.offset), 0) : (x, dim)
    }

    /// A vector, cast, as a tensor of `rank` dimensions with all extents 1 except `dim`.
    @inline(never) func column(_ vector: Tensor, at dim: Int, of rank: Int) throws(OpError) -> Tensor {
        let vector = try cast(vector)
        var shape = Shape(repeating: 1, count: rank)
        var strides = Shape(repeating: 0, count: rank)
        shape[dim] = vector.numel
        strides[dim] = vector.strides[0]
        return vector.view(shape, strides: strides, offset: vector.offset)
    }

    /// A view of the columns i·count ..< (i + 1)·count of a matrix.
    func columns(_ x: Tensor, _ i: Int, _ count: Int) -> Tensor {
        x.view([x.shape[0], count], strides: x.strides, offset: x.offset + i * count * x.strides[1])
    }

    /// x·weight + bias, with the vectors along dimension `channel`; nil vectors are skipped.
    @inline(never) func scaled(_ x: Tensor, _ weight: Tensor?, _ bias: Tensor?, channel: Int) throws(OpError) -> Tensor {
        var x = x
        if let weight { x = try self(.mul, x, column(weight, at: channel, of: x.ndim)) }
        if let bias { x = try self(.add, x, column(bias, at: channel, of: x.ndim)) }
        return x
    }

    /// x minus its mean over `dims`, and the variance. Writes the mean to `mean` in two parts, in the form of `Backend.layerNorm`.
    func centered(_ x: Tensor, _ dims: [Int], mean: Tensor) throws(OpError) -> (x: Tensor, variance: Tensor) {
        var x = x
        for part in 0..<2 {
            let center = try self(.mean, x, dims)
            x = try self(.sub, x, center)
            try write(center, to: mean.part(part))
        }
        return try (x, self(.mean, self(.square, x), dims))
    }

    /// x minus a mean of one or two parts along dimension `dim`.
    func centered(_ x: Tensor, by mean: Tensor, at dim: Int) throws(OpError) -> Tensor {
        var x = x
        for part in 0..<(mean.ndim == 2 ? 2 : 1) { x = try self(.sub, x, column(mean.part(part), at: dim, of: x.ndim)) }
        return x
    }

    /// Writes the elements of contiguous x to `out` in row-major order; `out` may have another shape with as many elements.
    func write(_ x: Tensor, to out: Tensor) throws(OpError) {
        try backend.copy(x.view(out.shape, strides: out.shape.contiguousStrides, offset: x.offset), into: out)
    }
}

extension Tensor {
    /// Row `i` of a mean in two parts, [2, n], as a vector; for a mean [n], the mean itself.
    final func part(_ i: Int) -> Tensor {
        ndim == 2 ? view([shape[1]], strides: [strides[1]], offset: offset + i * strides[0]) : self
    }
}
