/// The same elements in the same order in another shape; a view. `Tensor.reshape` copies first if strides do not allow a view.
struct Reshape: Op {
    let shape: Shape
    let strides: Shape
    let inputShape: Shape

    var name: String { "reshape" }
    static var makesView: Bool { true }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        inputs[0].view(shape, strides: strides, offset: inputs[0].offset)
    }
    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [grad.reshape(inputShape)] }
}

/// Reorders dimensions; a view. The gradient is reordered back.
struct Permute: Op {
    /// The input dimension for each output dimension.
    let dims: [Int]

    var name: String { "permute" }
    static var makesView: Bool { true }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        var shape = x.shape
        var strides = x.strides
        for (i, dim) in dims.enumerated() {
            shape.unsafeSet(i, x.shape.unsafeGet(dim))
            strides.unsafeSet(i, x.strides.unsafeGet(dim))
        }
        return x.view(shape, strides: strides, offset: x.offset)
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        var inverse = dims
        for (i, dim) in dims.enumerated() { inverse[dim] = i }
        return [grad.permute(inverse)]
    }
}

/// Broadcasts missing dimensions and those of extent 1, with stride 0; a view. The gradient is summed over the repetitions.
struct Expand: Op {
    let shape: Shape
    let inputShape: Shape

    var name: String { "expand" }
    static var makesView: Bool { true }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor { inputs[0].expanded(shape) }
    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [grad.sum(toShape: inputShape)] }
}

/// Every step-th element of `start ..< start + step·length` along one dimension; a view. The gradient is zero elsewhere.
struct Slice: Op {
    let dim: Int
    let start: Int
    let length: Int
    let step: Int
    let inputShape: Shape

    var name: String { "slice" }
    static var makesView: Bool { true }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        var shape = x.shape
        var strides = x.strides
        shape[dim] = length
        strides[dim] *= step
        return x.view(shape, strides: strides, offset: x.offset + (length == 0 ? 0 : start * x.strides[dim]))
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [apply(SliceScatter(dim: dim, start: start, length: length, step: step, shape: inputShape), Inputs(grad))]
    }
}

/// Zeros of `shape` with a slice filled: the gradient of `Slice`, whose own gradient is a slice.
struct SliceScatter: Op {
    let dim: Int
    let start: Int
    let length: Int
    let step: Int
    let shape: Shape

    var name: String { "sliceBackward" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let grad = inputs[0]
        let out = try Tensor.uninitialized(shape, grad.dtype, grad.device)
        try grad.device.backend.fill(out, with: .double(0))
        if length > 0 {
            var strides = out.strides
            strides[dim] *= step
            try grad.device.backend.copy(grad, into: out.view(grad.shape, strides: strides, offset: start * out.strides[dim]))
        }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        [grad.slice(dim: dim, from: start, count: length, step: step)]
    }
}

/// Overlapping windows of one dimension as a new last dimension; a view. The gradient adds up overlapping elements.
struct UnfoldDimension: Op {
    let dim: Int
    let size: Int
    let step: Int
    let inputShape: Shape

    var name: String { "unfold" }
    static var makesView: Bool { true }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        var (shape, strides) = (x.shape, x.strides)
        shape[dim] = (x.shape[dim] - size) / step + 1
        strides[dim] *= step
        shape.append(size)
        strides.append(x.strides[dim])
        return x.view(shape, strides: strides, offset: x.offset)
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        // Element i of window w came from w·step + i.
        let windows = grad.shape[dim]
        let moved = grad.movedim(-1, dim + 1)
        let flat = moved.flatten(startDim: dim, endDim: dim + 1)
        let index =
            (Tensor.arange(windows, device: grad.device).mul(Tensor.full([], .int(Int64(step)), device: grad.device)).unsqueeze(1)
            + Tensor.arange(size, device: grad.device).unsqueeze(0)).reshape([-1])
        let zeros = Tensor.zeros(inputShape, dtype: grad.dtype, device: grad.device)
        return [zeros.indexAdd(dim: dim, index, flat)]
    }
}

extension Tensor {
    /// The same elements in another shape; one extent may be −1 and is inferred. A view if strides allow it, else a copy. Traps if the
    /// number of elements differs.
    @inlinable public final func reshape(_ shape: some Collection<Int>) -> Tensor { reshaped(Shape(shape)) }
    @usableFromInline final func reshaped(_ shape: Shape) -> Tensor {
        composite("reshape", self) { () throws(OpError) in
            let target = try resolved(shape)
            if target == self.shape { return self }
            if let strides = viewStrides(target) {
                return apply(Reshape(shape: target, strides: strides, inputShape: self.shape), Inputs(self))
            }
            return contiguous().reshape(target)
        }
    }
    /// The same elements in another shape; one extent may be −1 and is inferred.
    public final func reshape(_ shape: Int...) -> Tensor { reshaped(Shape(shape)) }

    /// A view in another shape; traps if strides do not allow one (`reshape` copies then).
    public final func view(_ shape: Int...) -> Tensor { viewed(Shape(shape)) }
    /// A view in another shape; traps if strides do not allow one (`reshape` copies then).
    @inlinable public final func view(_ shape: some Sequence<Int>) -> Tensor { viewed(Shape(shape)) }
    @usableFromInline final func viewed(_ shape: Shape) -> Tensor {
        composite("view", self) { () throws(OpError) in
            let target = try resolved(shape)
            guard let strides = viewStrides(target) else {
                throw OpError("no view of shape \(target) exists over the strides \(strides) of shape \(self.shape); use reshape")
            }
            return apply(Reshape(shape: target, strides: strides, inputShape: self.shape), Inputs(self))
        }
    }

    private final func resolved(_ wanted: Shape) throws(OpError) -> Shape {
        var known = 1
        var free: Int?
        for (i, extent) in wanted.enumerated() {
            if extent == -1 {
                guard free == nil else { throw OpError("only one extent of \(wanted) can be -1") }
                free = i
            } else {
                guard extent >= 0 else { throw OpError("extent \(extent) in \(wanted) is negative") }
                let (product, overflow) = known.multipliedReportingOverflow(by: extent)
                guard !overflow else { throw OpError("shape \(wanted) is too large") }
                known = product
            }
        }
        var target = wanted
        if let free {
            guard known != 0 && numel % known == 0 else {
                throw OpError("\(numel) elements of shape \(self.shape) do not fit into \(wanted)")
            }
            target[free] = numel / known
        } else if known != numel {
            throw OpError("\(numel) elements of shape \(self.shape) do not fit into \(wanted), which has \(known)")
        }
        return target
    }

    /// The strides with which `target` is a view of the same elements; nil if there are none.
    final func viewStrides(_ target: Shape) -> Shape? {
        if isContiguous || numel == 0 { return target.contiguousStrides }
        // Groups of dimensions that are contiguous among themselves can be split differently.
        var result = target.contiguousStrides
        var j = target.count - 1
        var i = shape.count - 1
        while i >= 0 {
            if shape[i] == 1 {
                i -= 1
                continue
            }
            let base = strides[i]
            var run = shape[i]
            while i > 0 && (shape[i - 1] == 1 || strides[i - 1] == base * run) {
                run *= shape[i - 1]
                i -= 1
            }
            i -= 1
            var taken = 1
            while j >= 0 && (taken < run || target[j] == 1) {
                result[j] = taken * base
                taken *= target[j]
                j -= 1
            }
            if taken != run { return nil }
        }
        while j >= 0 {
            guard target[j] == 1 else { return nil }
            result[j] = 1
            j -= 1
        }
        return result
    }

    /// Reorders the dimensions; a view. `dims` must name each dimension once.
    public final func permute(_ dims: some Collection<Int>) -> Tensor {
        composite("permute", self) { () throws(OpError) in
            guard dims.count == ndim else { throw OpError("\(Shape(dims)) names \(dims.count) dimensions, the tensor has \(ndim)") }
            return apply(Permute(dims: try distinctDims(dims)), Inputs(self))
        }
    }
    /// Reorders the dimensions; a view. `dims` must name each dimension once.
    public final func permute(_ dims: Int...) -> Tensor { permute(dims) }

    /// Swaps the dimensions `dim0` and `dim1`; a view.
    public final func transpose(_ dim0: Int, _ dim1: Int) -> Tensor {
        composite("transpose", self) { () throws(OpError) in
            let (a, b) = (try normalize(dim: dim0, ndim: ndim), try normalize(dim: dim1, ndim: ndim))
            if a == b { return self }
            var dims = Array(0..<ndim)
            dims.swapAt(a, b)
            return apply(Permute(dims: dims), Inputs(self))
        }
    }
    /// The transpose of a matrix; vectors and scalars are returned unchanged. Traps for more than two dimensions. PyTorch: `t()`.
    public final func t() -> Tensor {
        if isPoisoned { return self }
        guard ndim <= 2 else {
            return fail("t", "is for at most 2 dimensions, this tensor has shape \(shape); use transpose(dim0, dim1) or mT")
        }
        return ndim < 2 ? self : transpose(0, 1)
    }
    /// The transpose of a matrix; a view. Traps for other ranks, as PyTorch will. PyTorch: `T`.
    public final var T: Tensor {
        if isPoisoned || ndim == 2 { return t() }
        return fail(
            "T",
            ndim < 2
                ? "is for matrices, this tensor has shape \(shape) and is its own transpose; leave T out, or make a column of a vector with unsqueeze(1)"
                : "is for matrices, this tensor has shape \(shape); use mT for the matrices in its last two dimensions, or permute(dims)")
    }
    /// Swaps the last two dimensions; a view. PyTorch: `mT`.
    public final var mT: Tensor { transpose(-2, -1) }

    /// Moves dimension `source` to position `destination`; a view.
    public final func movedim(_ source: Int, _ destination: Int) -> Tensor {
        composite("movedim", self) { () throws(OpError) in
            let (from, to) = (try normalize(dim: source, ndim: ndim), try normalize(dim: destination, ndim: ndim))
            if from == to { return self }
            var dims = Array(0..<ndim)
            dims.remove(at: from)
            dims.insert(from, at: to)
            return permute(dims)
        }
    }

    /// Broadcasts to `shape`, where −1 keeps an extent; a view without copying. Traps unless each extent is equal or 1.
    @inlinable public final func expand(_ shape: some Collection<Int>) -> Tensor { expanding(Shape(shape)) }
    @usableFromInline final func expanding(_ shape: Shape) -> Tensor {
        if shape == self.shape { return self }
        return composite("expand", self) { () throws(OpError) in
            var target = shape
            let lead = shape.count - ndim
            guard lead >= 0 else { throw OpError("shape \(self.shape) has more dimensions than \(shape)") }
            for i in 0..<shape.count {
                let own = i < lead ? 1 : self.shape[i - lead]
                if shape[i] == -1 && i >= lead { target[i] = own }
                guard target[i] == own || own == 1 && target[i] >= 0 else {
                    throw OpError("shape \(self.shape) does not expand to \(shape): extents must be equal or 1")
                }
            }
            if target == self.shape { return self }
            return apply(Expand(shape: target, inputShape: self.shape), Inputs(self))
        }
    }
    /// Broadcasts to the given shape; a view.
    public final func expand(_ shape: Int...) -> Tensor { expanding(Shape(shape)) }
    /// Broadcasts to the shape of `other`; a view.
    public final func expand(as other: Tensor) -> Tensor { other.isPoisoned ? other : expand(other.shape) }

    /// Sums over the dimensions that broadcasting from `shape` adds or repeats. PyTorch: `sum_to_size`.
    public final func sumToSize(_ shape: some Collection<Int>) -> Tensor {
        let target = Shape(shape)
        guard isPoisoned || Shape.broadcast(self.shape, target) == self.shape else {
            return fail("sumToSize", "shape \(target) does not broadcast to \(self.shape), so nothing of it can be summed")
        }
        // PyTorch sums integers and bools to int64 here even if there is no dimension to sum over.
        return target.isEmpty && !dtype.isFloatingPoint ? sum() : sum(toShape: target)
    }
    /// Sums over the dimensions that broadcasting from the given shape adds or repeats. PyTorch: `sum_to_size`.
    public final func sumToSize(_ shape: Int...) -> Tensor { sumToSize(shape) }
    /// The same for a `target` that is known to broadcast to this shape. Not public, since the compiler would suggest this label for
    /// `x.sum(1)`.
    package final func sum(toShape target: Shape) -> Tensor {
        if shape == target || isPoisoned { return self }
        let lead = ndim - target.count
        var dims = Array(0..<Swift.max(lead, 0))
        for i in 0..<target.count where target[i] == 1 && shape[i + lead] != 1 { dims.append(i + lead) }
        return (dims.isEmpty ? self : sum(dim: dims, keepDim: true)).reshape(target)
    }

    /// `count` elements along `dim`, from `start` with stride `step`; a view.
    final func slice(dim: Int, from start: Int, count: Int, step: Int) -> Tensor {
        apply(Slice(dim: dim, start: start, length: count, step: step, inputShape: shape), Inputs(self))
    }

    /// `length` elements along `dim` from `start` on; a view. Traps if they are out of range. PyTorch: `narrow`.
    public final func narrow(dim: Int, _ start: Int, _ length: Int) -> Tensor {
        composite("narrow", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            guard ndim > 0 else { throw OpError("a scalar has nothing to narrow") }
            let first = start < 0 ? start + shape[at] : start
            guard first >= 0, length >= 0, first <= shape[at] - length else {
                throw OpError("\(length) elements from \(start) on do not lie within dim \(dim) of shape \(shape)")
            }
            return slice(dim: at, from: first, count: length, step: 1)
        }
    }
    /// `narrow(dim:_:_:)`, by position.
    public final func narrow(_ dim: Int, _ start: Int, _ length: Int) -> Tensor { narrow(dim: dim, start, length) }

    /// The slice at `index` along `dim`, without that dimension; a view. Traps if `index` is out of range. PyTorch: `select`.
    public final func select(dim: Int, _ index: Int) -> Tensor {
        composite("select", self) { () throws(OpError) in
            guard ndim > 0 else { throw OpError("a scalar has no dimensions to select from") }
            let at = try normalize(dim: dim, ndim: ndim)
            let i = index < 0 ? index + shape[at] : index
            guard i >= 0 && i < shape[at] else {
                throw OpError("index \(index) is out of range for dim \(dim) of shape \(shape)")
            }
            return slice(dim: at, from: i, count: 1, step: 1).squeeze(at)
        }
    }
    /// `select(dim:_:)`, by position.
    public final func select(_ dim: Int, _ index: Int) -> Tensor { select(dim: dim, index) }

    /// Windows of `size` elements along `dim`, `step` apart, as a new last dimension; a view. PyTorch: `Tensor.unfold`.
    public final func unfold(dim: Int, _ size: Int, _ step: Int) -> Tensor {
        composite("unfold", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            guard size >= 0, size <= (ndim == 0 ? 1 : shape[at]), step > 0 else {
                throw OpError("windows of \(size) elements, \(step) apart, do not fit into dim \(dim) of shape \(shape)")
            }
            // A scalar is treated as one window.
            if ndim == 0 { return reshape([1]).narrow(0, 0, size) }
            return apply(UnfoldDimension(dim: at, size: size, step: step, inputShape: shape), Inputs(self))
        }
    }
    /// `unfold(dim:_:_:)`, by position.
    public final func unfold(_ dim: Int, _ size: Int, _ step: Int) -> Tensor { unfold(dim: dim, size, step) }

    /// Inserts a dimension of extent 1 before `dim`; a view.
    public final func unsqueeze(_ dim: Int) -> Tensor {
        composite("unsqueeze", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim + 1)
            var shape = self.shape
            var strides = self.strides
            let stride = at < ndim ? shape[at] * strides[at] : 1
            shape.insert(1, at: at)
            strides.insert(stride, at: at)
            return apply(Reshape(shape: shape, strides: strides, inputShape: self.shape), Inputs(self))
        }
    }

    /// Removes dimension `dim` if its extent is 1; a view.
    public final func squeeze(_ dim: Int) -> Tensor { squeeze([dim]) }
    /// Removes those of `dims` whose extent is 1; a view.
    public final func squeeze(_ dims: some Collection<Int>) -> Tensor {
        composite("squeeze", self) { () throws(OpError) in
            var wanted: [Int] = []
            for dim in dims { wanted.append(try normalize(dim: dim, ndim: ndim)) }
            var (shape, strides) = (Shape(), Shape())
            for i in 0..<ndim where !(wanted.contains(i) && self.shape[i] == 1) {
                shape.append(self.shape[i])
                strides.append(self.strides[i])
            }
            if shape.count == ndim { return self }
            return apply(Reshape(shape: shape, strides: strides, inputShape: self.shape), Inputs(self))
        }
    }
    /// Removes all dimensions of extent 1; a view.
    public final func squeeze() -> Tensor { squeeze(Array(0..<ndim)) }

    /// Merges dimensions `startDim` to `endDim` into one; a scalar becomes a vector.
    public final func flatten(_ startDim: Int, _ endDim: Int = -1) -> Tensor { flatten(startDim: startDim, endDim: endDim) }
    /// Merges dimensions `startDim` to `endDim` into one; a scalar becomes a vector.
    public final func flatten(startDim: Int = 0, endDim: Int = -1) -> Tensor {
        composite("flatten", self) { () throws(OpError) in
            let (from, to) = (try normalize(dim: startDim, ndim: ndim), try normalize(dim: endDim, ndim: ndim))
            guard from <= to else { throw OpError("startDim \(startDim) lies behind endDim \(endDim)") }
            if ndim == 0 { return reshape([1]) }
            if from == to { return self }
            var target = Shape(shape[0..<from])
            target.append(shape[from...to].reduce(1, *))
            for extent in shape[(to + 1)...] { target.append(extent) }
            return reshape(target)
        }
    }

    /// Splits dimension `dim` into `sizes`, one of which may be −1 and is inferred. Traps if they do not multiply to its extent.
    public final func unflatten(_ dim: Int, _ sizes: some Collection<Int>) -> Tensor {
        let sizes = Array(sizes)
        return composite("unflatten", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            guard ndim > 0, !sizes.isEmpty, sizes.filter({ $0 == -1 }).count <= 1, sizes.allSatisfy({ $0 >= -1 }) else {
                throw OpError("sizes \(sizes) are no way to cut dim \(dim) of shape \(shape)")
            }
            let known = sizes.filter { $0 != -1 }.reduce(1, *)
            let cut = sizes.map { $0 == -1 ? (known == 0 ? 0 : shape[at] / known) : $0 }
            guard cut.reduce(1, *) == shape[at] else {
                throw OpError("sizes \(sizes) do not multiply to the \(shape[at]) elements of dim \(dim)")
            }
            return reshape(Shape(Array(shape[0..<at]) + cut + Array(shape[(at + 1)...])))
        }
    }

    /// The tensor itself if it is contiguous, else a contiguous copy.
    public final func contiguous() -> Tensor {
        isContiguous || isPoisoned ? self : apply(Convert(dtype: dtype, inputDType: dtype), Inputs(self))
    }
}
