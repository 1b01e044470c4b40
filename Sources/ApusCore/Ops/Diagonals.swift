/// A diagonal as the last dimension; a view.
struct Diagonal: Op {
    let offset: Int
    let dim1: Int
    let dim2: Int
    let inputShape: Shape

    var name: String { "diagonal" }
    static var makesView: Bool { true }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        guard dim1 != dim2 else { throw OpError("the two dimensions of a diagonal must differ, both are \(dim1)") }
        let length = offset >= 0 ? min(x.shape[dim1], x.shape[dim2] - offset) : min(x.shape[dim1] + offset, x.shape[dim2])
        var (shape, strides) = (Shape(), Shape())
        for i in 0..<x.ndim where i != dim1 && i != dim2 {
            shape.append(x.shape[i])
            strides.append(x.strides[i])
        }
        shape.append(max(length, 0))
        strides.append(x.strides[dim1] + x.strides[dim2])
        let start = length <= 0 ? 0 : offset >= 0 ? offset * x.strides[dim2] : -offset * x.strides[dim1]
        return x.view(shape, strides: strides, offset: x.offset + start)
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let zeros = Tensor.zeros(inputShape, dtype: grad.dtype, device: grad.device)
        return [apply(ViewScatter(view: self), Inputs(zeros, grad))]
    }
}

/// A copy of the first input in which the part selected by a view is replaced by the second input.
///
/// Derivative: the gradient with zeros in that part, and that part of the gradient.
struct ViewScatter<View: Op>: Op where View.Outputs == Tensor, View.OutputGradients == Tensor {
    /// The op that selects the part.
    let view: View

    var name: String { "\(view.name)Scatter" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let out = try inputs[0].converted(to: inputs[0].dtype)
        let part = try view.forward(Inputs(out), Saved(node: nil))
        guard inputs[1].shape == part.shape else {
            throw OpError("the source has shape \(inputs[1].shape), the part of shape \(out.shape) that it replaces \(part.shape)")
        }
        try out.device.backend.copy(inputs[1], into: part)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let part = apply(view, Inputs(grad))
        return [
            context.needs(0) ? apply(self, Inputs(grad, Tensor.zeros(like: part))) : nil,
            context.needs(1) ? part : nil,
        ]
    }
}

extension Tensor {
    /// The diagonal of dimensions `dim1` and `dim2`, `offset` above the main diagonal, as the last dimension; a view.
    public final func diagonal(offset: Int = 0, dim1: Int = 0, dim2: Int = 1) -> Tensor {
        composite("diagonal", self) { () throws(OpError) in apply(try diagonalView(offset, dim1, dim2), Inputs(self)) }
    }

    private final func diagonalView(_ offset: Int, _ dim1: Int, _ dim2: Int) throws(OpError) -> Diagonal {
        guard ndim >= 2 else { throw OpError("needs two dimensions, shape \(shape) has \(ndim)") }
        return Diagonal(
            offset: offset, dim1: try normalize(dim: dim1, ndim: ndim), dim2: try normalize(dim: dim2, ndim: ndim), inputShape: shape)
    }

    /// For a vector, the matrix with the vector on diagonal number `diagonal` (positive above the main diagonal) and zeros elsewhere; for a
    /// matrix, a copy of that diagonal. Traps for other ranks. PyTorch: `diag`.
    public final func diag(_ diagonal: Int = 0) -> Tensor {
        composite("diag", self) { () throws(OpError) in
            switch ndim {
            case 1: return diagEmbed(offset: diagonal)
            case 2: return self.diagonal(offset: diagonal).clone()
            default:
                throw OpError("is for vectors and matrices, this tensor has shape \(shape); use diagEmbed or diagonal for batches of them")
            }
        }
    }
    /// `diag` with the label `diagonal`.
    public final func diag(diagonal: Int) -> Tensor { diag(diagonal) }

    /// Matrices in dimensions `dim1` and `dim2` of the result, with the rows of the last dimension on the diagonals that are `offset` above
    /// the main ones, and zeros elsewhere. PyTorch: `diag_embed`.
    public final func diagEmbed(offset: Int = 0, dim1: Int = -2, dim2: Int = -1) -> Tensor {
        composite("diagEmbed", self) { () throws(OpError) in
            guard ndim > 0 else { throw OpError("a scalar is no diagonal; reshape(1) makes a vector of it") }
            let (rows, columns) = (try normalize(dim: dim1, ndim: ndim + 1), try normalize(dim: dim2, ndim: ndim + 1))
            guard rows != columns else { throw OpError("the two dimensions of a diagonal must differ, both are \(rows)") }
            let side = shape[-1] + Swift.abs(offset)
            var target = Array(shape.dropLast())
            for dim in [rows, columns].sorted() { target.insert(side, at: dim) }
            return Tensor.zeros(target, dtype: dtype, device: device).diagonalScatter(self, offset: offset, dim1: rows, dim2: columns)
        }
    }

    /// The matrix with all elements, in row-major order, on the diagonal that is `offset` above the main one, and zeros elsewhere. PyTorch:
    /// `diagflat`.
    public final func diagflat(offset: Int = 0) -> Tensor { reshape([-1]).diag(offset) }

    /// The sum of the main diagonal of a matrix; integers and bool give int64. Traps for other ranks. PyTorch: `trace`.
    public final func trace() -> Tensor {
        composite("trace", self) { () throws(OpError) in
            guard ndim == 2 else {
                throw OpError("is for matrices, this tensor has shape \(shape); sum diagonal(dim1: -2, dim2: -1) for batches of them")
            }
            return diagonal().sum()
        }
    }

    // MARK: Copies with a part replaced

    /// A copy with `source` in place of the diagonal that `diagonal` with the same arguments selects. Traps if the shapes differ. PyTorch:
    /// `diagonal_scatter`.
    public final func diagonalScatter(_ source: Tensor, offset: Int = 0, dim1: Int = 0, dim2: Int = 1) -> Tensor {
        composite("diagonalScatter", self, source) { () throws(OpError) in
            apply(ViewScatter(view: try diagonalView(offset, dim1, dim2)), Inputs(self, source.to(dtype)))
        }
    }

    /// A copy with `source` in place of the slice at `index` along `dim`. Traps if `source` does not have the slice's shape. PyTorch:
    /// `select_scatter`.
    public final func selectScatter(_ source: Tensor, dim: Int, _ index: Int) -> Tensor {
        composite("selectScatter", self, source) { () throws(OpError) in
            let part = select(dim: dim, index)
            if part.isPoisoned { return part }
            guard source.shape == part.shape else {
                throw OpError("the source has shape \(source.shape), the slice of shape \(shape) that it replaces \(part.shape)")
            }
            let at = try normalize(dim: dim, ndim: ndim)
            let slice = Slice(dim: at, start: index < 0 ? index + shape[at] : index, length: 1, step: 1, inputShape: shape)
            return apply(ViewScatter(view: slice), Inputs(self, source.to(dtype).unsqueeze(at)))
        }
    }
    /// `selectScatter(_:dim:_:)`, by position.
    public final func selectScatter(_ source: Tensor, _ dim: Int, _ index: Int) -> Tensor { selectScatter(source, dim: dim, index) }

    /// A copy with `source` in place of every `step`-th slice along `dim` from `start` up to but excluding `end`; negative positions count
    /// from the end, and positions beyond it are left out. Traps if `source` does not have the part's shape. PyTorch: `slice_scatter`.
    public final func sliceScatter(_ source: Tensor, dim: Int = 0, start: Int? = nil, end: Int? = nil, step: Int = 1) -> Tensor {
        composite("sliceScatter", self, source) { () throws(OpError) in
            guard ndim > 0 else { throw OpError("a scalar has no slices") }
            let at = try normalize(dim: dim, ndim: ndim)
            let (from, count) = try rangePositions(from: start ?? 0, to: end, step: step, extent: shape[at])
            let slice = Slice(dim: at, start: from, length: count, step: step, inputShape: shape)
            return apply(ViewScatter(view: slice), Inputs(self, source.to(dtype)))
        }
    }

    /// A copy with `source` in place of the part that `asStrided` with the same arguments selects. Traps if the shapes differ, if elements
    /// of the part share memory, or if it extends beyond this tensor's elements. PyTorch: `as_strided_scatter`.
    public final func asStridedScatter(
        _ source: Tensor, _ size: some Collection<Int>, _ stride: some Collection<Int>, storageOffset: Int? = nil
    ) -> Tensor {
        composite("asStridedScatter", self, source) { () throws(OpError) in
            // Elements that share memory could not be replaced individually.
            let base = strides.hasRepeats(shape) ? clone() : self
            if base.isPoisoned { return base }
            let region = StridedRegion(shape: Shape(size), strides: Shape(stride), offset: storageOffset ?? base.offset, base: base)
            // Its forward checks the region.
            _ = try AsStrided(region: region).forward(Inputs(base), Saved(node: nil))
            guard source.shape == region.shape else {
                throw OpError("the source has shape \(source.shape), the part that it replaces \(region.shape)")
            }
            guard !region.strides.hasRepeats(region.shape) else {
                throw OpError("elements of a part with shape \(region.shape) and strides \(region.strides) share memory")
            }
            if region.shape.numel == 0 { return clone() }
            let (own, part) = (
                Shape.range(base.shape, base.strides, base.offset), Shape.range(region.shape, region.strides, region.offset)
            )
            guard base.numel > 0, own.low <= part.low, part.high <= own.high else {
                throw OpError(
                    "elements \(part.low) … \(part.high) of the storage do not lie within this tensor's, \(own.low) … \(own.high)")
            }
            return apply(AsStridedScatter(region: region), Inputs(base, source.to(dtype)))
        }
    }

    /// Every element of the main diagonal ← value, in place; with more than two dimensions, which must be equal, the elements whose indices
    /// are all equal. With `wrap`, the diagonal of a tall matrix starts over below each square block, after one row. Traps for vectors and
    /// scalars. PyTorch: `fill_diagonal_`.
    @discardableResult public final func fillDiagonal_(_ value: some ScalarConvertible, wrap: Bool = false) -> Self {
        updateInPlace("fillDiagonal_") { x in
            composite("fillDiagonal_", x) { () throws(OpError) in
                let shape = x.shape
                guard x.ndim >= 2 else { throw OpError("needs two dimensions, shape \(shape) has \(x.ndim)") }
                guard x.ndim == 2 || shape.allSatisfy({ $0 == shape[0] }) else {
                    throw OpError("all extents of a tensor with more than two dimensions must be equal, its shape is \(shape)")
                }
                let step = shape.contiguousStrides.reduce(0, +)
                let count = wrap && x.ndim == 2 ? (x.numel + step - 1) / step : Swift.min(shape[0], shape[1])
                let places = Tensor.arange(0, count * step, step, device: x.device)
                return x.reshape([-1]).scatter(dim: 0, places, value).reshape(shape)
            }
        }
    }
    /// Every element of the main diagonal ← value, for literals such as `.infinity`.
    @discardableResult public final func fillDiagonal_(_ value: Double, wrap: Bool = false) -> Self {
        fillDiagonal_(Scalar.double(value), wrap: wrap)
    }
}
