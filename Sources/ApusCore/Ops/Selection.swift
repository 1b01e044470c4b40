/// `condition ? a : b`, elementwise; each operand gets the gradient of the elements taken from it.
struct Where: Op {
    var name: String { "where" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let out = try Tensor.uninitialized(inputs[0].shape, inputs[1].dtype, inputs[0].device)
        try out.device.backend.select(inputs[0], inputs[1], inputs[2], into: out)
        saved.keep(inputs[0])
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let zeros = Tensor.zeros([], dtype: grad.dtype, device: grad.device)
        return [
            nil,
            context.needs(1) ? Tensor.where(context.saved[0], grad, zeros) : nil,
            context.needs(2) ? Tensor.where(context.saved[0], zeros, grad) : nil,
        ]
    }
}

/// The slices of x at the positions `index` [J] along `dim`; gradients of repeated positions add up.
struct IndexSelect: Op {
    let dim: Int
    let inputShape: Shape
    var name: String { "indexSelect" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (x, index) = (inputs[0], inputs[1])
        var shape = x.shape
        shape[dim] = index.numel
        let out = try Tensor.uninitialized(shape, x.dtype, x.device)
        try x.device.backend.indexSelect(x, dim: dim, index, into: out)
        saved.keep(index)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [Tensor.zeros(inputShape, dtype: grad.dtype, device: grad.device).indexAdd(dim: dim, context.saved[0], grad), nil]
    }
}

/// x plus the slices of `source` at the positions `index` along `dim`, in order.
struct IndexAdd: Op {
    let dim: Int
    var name: String { "indexAdd" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let out = try inputs[0].converted(to: inputs[0].dtype)
        try out.device.backend.indexAdd(out, dim: dim, inputs[1], inputs[2])
        saved.keep(inputs[1])
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [grad, nil, context.needs(2) ? grad.indexSelect(dim: dim, context.saved[0]) : nil]
    }
}

/// PyTorch's `gather`: along `dim` each element is taken from the position given by `index`.
struct Gather: Op {
    let dim: Int
    let inputShape: Shape
    var name: String { "gather" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (x, index) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized(index.shape, x.dtype, x.device)
        // An empty index may have any rank.
        if index.numel > 0 { try x.device.backend.gather(x, dim: dim, index, into: out) }
        saved.keep(index)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [apply(GatherBackward(dim: dim, shape: inputShape), [grad, context.saved[0]]), nil]
    }
}

/// Zeros of `shape` plus each element at the position given by the index: the gradient of `Gather`, whose own gradient is a gather.
struct GatherBackward: Op {
    let dim: Int
    let shape: Shape
    var name: String { "gatherBackward" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let grad = inputs[0]
        let out = try Tensor.uninitialized(shape, grad.dtype, grad.device)
        try grad.device.backend.fill(out, with: .double(0))
        if grad.numel > 0 { try grad.device.backend.scatter(.add, out, dim: dim, inputs[1], grad) }
        saved.keep(inputs[1])
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [grad.gather(dim, context.saved[0]), nil] }
}

/// PyTorch's `scatter` and `scatter_add`: along `dim` each element of `source` goes to the position given by `index`.
struct Scatter: Op {
    let kind: ScatterKind
    let dim: Int
    var name: String { kind == .set ? "scatter" : kind == .add ? "scatterAdd" : "scatterReduce" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let out = try inputs[0].converted(to: inputs[0].dtype)
        try out.device.backend.scatter(kind, out, dim: dim, inputs[1], inputs[2])
        saved.keep(inputs[1])
        if kind == .multiply || kind == .min || kind == .max {
            saved.keep(inputs[0])
            saved.keep(inputs[2])
            saved.keepOutput(out)
        }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let index = context.saved[0]
        switch kind {
        case .add:
            return [grad, nil, context.needs(2) ? grad.gather(dim, index) : nil]
        case .set:
            let gx = context.needs(0) ? grad.scatter(dim, index, Tensor.zeros(index.shape, dtype: grad.dtype, device: grad.device)) : nil
            return [
                gx, nil,
                context.needs(2)
                    ? Tensor.where(
                        winners(index, grad.shape), grad.gather(dim, index),
                        Tensor.zeros(index.shape, dtype: grad.dtype, device: grad.device)) : nil,
            ]
        case .multiply:
            let (x, source, y) = (context.saved[1], context.saved[2], context.saved[3])
            let gx = context.needs(0) ? grad * Tensor.ones(like: x).scatterReduce(dim, index, source, reduce: .prod) : nil
            return [gx, nil, context.needs(2) ? productGradient(grad, x, index, source, y) : nil]
        case .min, .max:
            // All elements equal to the extreme share the gradient evenly.
            let (x, source, y) = (context.saved[1], context.saved[2], context.saved[3])
            let wide = grad.dtype.computeType // 16-bit floats cannot represent large counts.
            let own = x.eq(y).to(wide)
            let theirs = source.eq(y.gather(dim, index)).to(wide)
            let share = grad.to(wide) / own.scatterAdd(dim, index, theirs).clamp(min: 1.0)
            return [(own * share).to(grad.dtype), nil, context.needs(2) ? (theirs * share.gather(dim, index)).to(grad.dtype) : nil]
        }
    }

    /// Which elements of the source are in the result: the last one for each position.
    private func winners(_ index: Tensor, _ shape: Shape) -> Tensor {
        let numbers = Tensor.arange(index.numel, device: index.device).reshape(index.shape)
        return Tensor.zeros(shape, dtype: .int64, device: index.device).scatter(dim, index, numbers).gather(dim, index).eq(numbers)
    }

    /// The gradient of a factor is the product of the others: the whole product divided by the factor. For the only zero among a position's
    /// factors it is the product with 1 in its place; if there are several zeros it is 0.
    private func productGradient(_ grad: Tensor, _ x: Tensor, _ index: Tensor, _ source: Tensor, _ y: Tensor) -> Tensor {
        let isZero = source.eq(0)
        let zeros = Tensor.zeros(x.shape, dtype: .int64, device: x.device).scatterAdd(dim, index, isZero.to(.int64)).gather(dim, index)
        let isOnlyZero = isZero.logicalAnd(zeros.eq(1))
        let without = x.scatterReduce(dim, index, source.maskedFill(isOnlyZero, 1), reduce: .prod)
        return Tensor.where(isOnlyZero, (grad * without).gather(dim, index), (grad * y).gather(dim, index) / source.maskedFill(isZero, 1))
    }
}

/// The coordinates of the elements that are not zero. It has no derivative.
private struct Nonzero: Op {
    var name: String { "nonzero" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor { try inputs[0].device.backend.nonzero(inputs[0]) }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [nil] }
}

extension Tensor {
    /// `condition ? a : b`, elementwise; all three broadcast, a and b promote.
    public static func `where`(_ condition: Tensor, _ a: Tensor, _ b: Tensor) -> Tensor {
        composite("where", condition, a, b) { () throws(OpError) in
            guard condition.dtype == .bool else {
                throw OpError("the condition must be bool, this one is \(condition.dtype); compare it (ne(0))")
            }
            guard let operands = Shape.broadcast(a.shape, b.shape), let shape = Shape.broadcast(condition.shape, operands) else {
                throw OpError("shapes \(condition.shape), \(a.shape) and \(b.shape) do not broadcast")
            }
            let dtype = resultType(a, b)
            return apply(Where(), [condition.expand(shape), a.to(dtype).expand(shape), b.to(dtype).expand(shape)])
        }
    }
    /// `condition ? a : value`, elementwise.
    public static func `where`(_ condition: Tensor, _ a: Tensor, _ value: some ScalarConvertible) -> Tensor {
        `where`(condition, a, a.wrapped(value))
    }
    /// `condition ? value : b`, elementwise.
    public static func `where`(_ condition: Tensor, _ value: some ScalarConvertible, _ b: Tensor) -> Tensor {
        `where`(condition, b.wrapped(value), b)
    }
    /// `a` where `condition` is true, else `b`: float32, or int64 if both are integers.
    public static func `where`(_ condition: Tensor, _ a: some ScalarConvertible, _ b: some ScalarConvertible) -> Tensor {
        let dtype = resultType(a._scalar.dtype, b._scalar)
        return `where`(
            condition, full([], a._scalar, dtype: dtype, device: condition.device),
            full([], b._scalar, dtype: dtype, device: condition.device))
    }
    /// `condition ? a : value`, for literals such as `.infinity`.
    public static func `where`(_ condition: Tensor, _ a: Tensor, _ value: Double) -> Tensor { `where`(condition, a, a.wrapped(value)) }
    /// `condition ? value : b`, for literals such as `.infinity`.
    public static func `where`(_ condition: Tensor, _ value: Double, _ b: Tensor) -> Tensor { `where`(condition, b.wrapped(value), b) }

    /// x with `value`, for literals such as `.infinity`, where the bool `mask` is true.
    public final func maskedFill(_ mask: Tensor, _ value: Double) -> Tensor { maskedFill(mask, Scalar.double(value)) }
    /// x with `value`, converted to x's dtype, where the bool `mask` is true.
    public final func maskedFill(_ mask: Tensor, _ value: some ScalarConvertible) -> Tensor {
        isPoisoned ? self : maskedFill(mask, Tensor.full([], value._scalar, dtype: dtype, device: device))
    }
    /// x with the scalar tensor `value`, converted to x's dtype, where the bool `mask` is true. Traps if `value` has dimensions.
    public final func maskedFill(_ mask: Tensor, _ value: Tensor) -> Tensor {
        composite("maskedFill", self, mask, value) { () throws(OpError) in
            guard mask.dtype == .bool else { throw OpError("the mask must be bool, this one is \(mask.dtype)") }
            guard value.ndim == 0 else {
                throw OpError("the value must be a number or a scalar tensor, it has shape \(value.shape); use Tensor.where for several")
            }
            return Tensor.where(mask, value.to(dtype), self)
        }
    }

    /// Converts indices to int64; throws if they are not integers.
    static func index(_ index: Tensor) throws(OpError) -> Tensor {
        guard index.dtype.isInteger else {
            throw OpError("indices must be integers, these are \(index.dtype); use maskedSelect for a mask")
        }
        return index.to(.int64)
    }

    /// Positions among `extent` elements as int64, where negative ones count from the end; throws if they are not integers.
    static func positions(_ index: Tensor, among extent: Int) throws(OpError) -> Tensor {
        let index = try Tensor.index(index)
        return Tensor.where(index.lt(0), index + extent, index)
    }

    /// Throws unless an index along a dimension is a vector or a number.
    static func checkVector(_ index: Tensor) throws(OpError) {
        guard index.ndim <= 1 else { throw OpError("the index must be a vector, its shape is \(index.shape)") }
    }

    /// The slices at the positions `index` (a vector) along `dim`, in that order. Traps if an index is out of range. PyTorch:
    /// `index_select`.
    public final func indexSelect(dim: Int, _ index: Tensor) -> Tensor {
        composite("indexSelect", self, index) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            try Tensor.checkVector(index)
            if ndim == 0 {
                guard index.numel == 1 else { throw OpError("a scalar has one element, the index names \(index.numel)") }
                return reshape([1]).indexSelect(dim: 0, index).reshape([])
            }
            return apply(IndexSelect(dim: at, inputShape: shape), [self, try Tensor.index(index).reshape([-1])])
        }
    }

    /// x plus the slices of `source` at the positions `index` along `dim`; repeated positions add up, in order. Traps if an index is out of
    /// range. PyTorch: `index_add`.
    public final func indexAdd(dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
        composite("indexAdd", self, index, source) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            try Tensor.checkVector(index)
            var wanted = shape
            if ndim > 0 { wanted[at] = index.numel }
            guard ndim > 0 || index.numel == 1, source.shape == wanted, source.dtype == dtype else {
                throw OpError(
                    "x \(shape) (\(dtype)), index \(index.shape) and source \(source.shape) (\(source.dtype)) do not fit; source must be \(wanted)"
                )
            }
            let places = try Tensor.index(index).reshape([-1])
            if ndim == 0 { return reshape([1]).indexAdd(dim: 0, places, source.reshape([1])).reshape([]) }
            return apply(IndexAdd(dim: at), [self, places, source])
        }
    }

    /// x + alpha times the slices of `source` at the positions `index` along `dim`. Traps as `add(_:alpha:)` does.
    public final func indexAdd(dim: Int, _ index: Tensor, _ source: Tensor, alpha: some ScalarConvertible) -> Tensor {
        indexAdd(dim: dim, index, Tensor.zeros(like: source).add(source, alpha: alpha))
    }

    /// x with `value` at the positions `index` along `dim`; negative positions count from the end. Traps if one is out of range. PyTorch:
    /// `index_fill`.
    public final func indexFill(dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Tensor {
        composite("indexFill", self, index) { () throws(OpError) in maskedFill(try mask(of: index, dim: dim), value) }
    }
    /// The same with a scalar tensor, which may have a gradient.
    public final func indexFill(dim: Int, _ index: Tensor, _ value: Tensor) -> Tensor {
        composite("indexFill", self, index, value) { () throws(OpError) in maskedFill(try mask(of: index, dim: dim), value) }
    }

    /// A mask of the positions `index` along `dim`, with the extents of the other dims 1.
    private final func mask(of index: Tensor, dim: Int) throws(OpError) -> Tensor {
        let at = try normalize(dim: dim, ndim: ndim)
        try Tensor.checkVector(index)
        let extent = ndim == 0 ? 1 : shape[at]
        let places = try Tensor.positions(index.reshape([-1]), among: extent)
        let marks = Tensor.zeros([extent], dtype: .int64, device: device)
            .scatter(0, places, Tensor.ones([index.numel], dtype: .int64, device: device))
        var spread = Shape(repeating: 1, count: ndim)
        if ndim > 0 { spread[at] = extent }
        return marks.to(.bool).reshape(spread)
    }

    /// out[i][j][k] = x[index[i][j][k]][j][k] for dim 0, x[i][index[i][j][k]][k] for dim 1, and so on. The result has the shape of `index`;
    /// an empty index may have any shape. Traps if an index is out of range. PyTorch: `gather`.
    public final func gather(dim: Int, _ index: Tensor) -> Tensor {
        composite("gather", self, index) { () throws(OpError) in
            let at = try checkGather(dim, index)
            return ndim == 0 && index.numel > 0
                ? reshape([1]).gather(0, index.reshape([-1])).reshape(index.shape)
                : apply(Gather(dim: at, inputShape: shape), [self, try Tensor.index(index)])
        }
    }

    private final func checkGather(_ dim: Int, _ index: Tensor) throws(OpError) -> Int {
        let at = try normalize(dim: dim, ndim: ndim)
        if index.numel == 0 { return at }
        guard index.ndim == ndim || ndim == 0 && index.ndim == 1 else {
            throw OpError("index of shape \(index.shape) and x of shape \(shape) must have as many dimensions")
        }
        for i in 0..<ndim where i != at && index.shape[i] > shape[i] {
            throw OpError("index of shape \(index.shape) is larger than x of shape \(shape) in dim \(i)")
        }
        return at
    }

    final func scattered(_ kind: ScatterKind, _ dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor {
        // Autocast converts only sums, as in PyTorch; otherwise x's dtype is kept.
        if kind == .add && autocastDType != nil {
            return composite("scatterAdd", .widest, self, source) { x, source in x.scattered(kind, dim, index, source) }
        }
        return composite(kind == .add ? "scatterAdd" : "scatter", self, index, source) { () throws(OpError) in
            let at = try checkGather(dim, index)
            if index.numel == 0 { return clone() }
            if ndim == 0 { return reshape([1]).scattered(kind, 0, index.reshape([-1]), source.reshape([-1])).reshape(Shape()) }
            guard source.ndim == ndim, source.dtype == dtype else {
                throw OpError("source of shape \(source.shape) (\(source.dtype)) does not fit x of shape \(shape) (\(dtype))")
            }
            for i in 0..<ndim where index.shape[i] > source.shape[i] {
                throw OpError("index of shape \(index.shape) is larger than source of shape \(source.shape) in dim \(i)")
            }
            var part = source
            for i in 0..<ndim where index.shape[i] < source.shape[i] { part = part.narrow(i, 0, index.shape[i]) }
            return apply(Scatter(kind: kind, dim: at), [self, try Tensor.index(index), part])
        }
    }

    /// x with source[i][j][k] put at [index[i][j][k]][j][k] for dim 0, and so on; the last of repeated positions wins. PyTorch: `scatter`.
    public final func scatter(dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor { scattered(.set, dim, index, source) }
    /// x with a number put at the positions of `index`. PyTorch: `scatter`.
    public final func scatter(dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Tensor {
        index.isPoisoned
            ? index : scattered(.set, dim, index, Tensor.full([], value._scalar, dtype: dtype, device: device).expand(index.shape))
    }
    /// x plus `source` at the positions of `index`, in order. PyTorch: `scatter_add`.
    public final func scatterAdd(dim: Int, _ index: Tensor, _ source: Tensor) -> Tensor { scattered(.add, dim, index, source) }

    /// Puts `source` at the positions of `index`, in place. PyTorch: `scatter_`.
    @discardableResult public final func scatter_(dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        updateInPlace("scatter_") { $0.scatter(dim, index, source) }
    }
    /// Puts a number at the positions of `index`, in place. PyTorch: `scatter_`.
    @discardableResult public final func scatter_(dim: Int, _ index: Tensor, _ value: some ScalarConvertible) -> Self {
        updateInPlace("scatter_") { $0.scatter(dim, index, value) }
    }
    /// Adds `source` at the positions of `index`, in place. PyTorch: `scatter_add_`.
    @discardableResult public final func scatterAdd_(dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        updateInPlace("scatterAdd_") { $0.scatterAdd(dim, index, source) }
    }
    /// Adds the slices of `source` at the positions `index` along `dim`, in place. PyTorch: `index_add_`.
    @discardableResult public final func indexAdd_(dim: Int, _ index: Tensor, _ source: Tensor) -> Self {
        updateInPlace("indexAdd_") { $0.indexAdd(dim: dim, index, source) }
    }
    /// Adds alpha times the slices of `source` at the positions `index` along `dim`, in place. PyTorch: `index_add_`.
    @discardableResult public final func indexAdd_(dim: Int, _ index: Tensor, _ source: Tensor, alpha: some ScalarConvertible) -> Self {
        updateInPlace("indexAdd_") { $0.indexAdd(dim: dim, index, source, alpha: alpha) }
    }

    /// The coordinates of the nonzero elements, in row-major order: [count, ndim], int64. PyTorch: `nonzero`.
    public final func nonzero() -> Tensor { apply(Nonzero(), Inputs(self)) }

    /// The elements where the bool `mask` (which broadcasts with x) is true, as a vector. PyTorch: `masked_select`.
    public final func maskedSelect(_ mask: Tensor) -> Tensor {
        composite("maskedSelect", self, mask) { () throws(OpError) in
            let (spread, places) = try maskPlaces(mask)
            return expand(spread).reshape([-1]).indexSelect(dim: 0, places)
        }
    }

    /// The shape that x and the bool `mask` broadcast to, and the row-major positions in it at which the mask is true.
    final func maskPlaces(_ mask: Tensor) throws(OpError) -> (shape: Shape, places: Tensor) {
        guard mask.dtype == .bool else { throw OpError("the mask must be bool, this one is \(mask.dtype)") }
        let spread = try Shape.broadcast([shape, mask.shape])
        return (spread, mask.expand(spread).reshape([-1]).nonzero().squeeze(1))
    }
}
