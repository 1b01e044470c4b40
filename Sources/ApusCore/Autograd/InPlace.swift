/// In-place changes that autograd records.
///
/// `x.add_(y)` computes `x + y` as a recorded op, writes the result to x's memory and gives x the result's history. If x is a view, its
/// base gets the history: it becomes "itself with this region replaced", and each view of it makes a new node when asked for one (its
/// `generation` shows that the old node is stale). Saved tensors detect the change by the storage's version.
extension Tensor {
    /// Makes this tensor a differentiable view of `source`, or of the base if `source` is itself a view.
    final func becomeView(of source: Tensor) {
        let base = source.extras?.viewBase ?? source
        let extras = extrasForWriting
        extras.viewBase = base
        isView = true
        extras.viewGeneration = base.extras?.generation ?? 0
    }

    final func renewIfStale() {
        guard let extras, let base = extras.viewBase, let generation = base.extras?.generation, generation != extras.viewGeneration else {
            return
        }
        extras.viewGeneration = generation
        if base.requiresGrad {
            record(OpNode(AsStrided(region: StridedRegion(shape: shape, strides: strides, offset: offset, base: base)), Inputs(base)))
        } else if recordedNode != nil {
            recordedNode = nil
            requiresGradFlag = false
        }
    }

    /// Records that the memory has changed. Every op that writes calls it.
    package final func didChange(by op: String) {
        storage.version += 1
        storage.lastWriter = op
    }

    /// Replaces the values by `make(old)`, where `old` has the current values and history. `name` is the name of the in-place op.
    @discardableResult
    package final func updateInPlace(_ name: String, _ make: (Tensor) -> Tensor) -> Self {
        if isPoisoned { return self }
        if let substitution = form as? Substitution {
            substitution.tensor.updateInPlace(name, make)
        } else if let old = replaceable(name) {
            replace(by: make(old), name)
        }
        return self
    }

    /// A tensor with the current values and history; nil, after failing `name`, if the values must not change.
    @inline(never) private final func replaceable(_ name: String) -> Tensor? {
        if let reason = form?.refusesChange {
            fail(name, reason)
            return nil
        }
        let base = extras?.viewBase
        if Context.current.gradEnabled && ((requiresGrad && isLeaf) || (base.map { $0.requiresGrad && $0.isLeaf } ?? false)) {
            fail(
                name,
                "\(base == nil ? "a leaf" : "a view of a leaf") that requires a gradient cannot be changed in place; do it inside noGrad { }, or use the form that is not in place"
            )
            return nil
        }
        let old: Tensor
        if Context.current.gradEnabled && Context.current.savedTensorsHooks != nil {
            // Hooks may keep the old values without a copy, and these are about to be overwritten.
            do throws(OpError) {
                old = try converted(to: dtype)
            } catch {
                fail(error, op: name)
                return nil
            }
        } else {
            old = Tensor(sharing: self)
        }
        if requiresGrad, let node { old.record(node, index: outputIndex) }
        return old
    }

    @inline(never) private final func replace(by result: Tensor, _ name: String) {
        if result.isPoisoned { return }
        do throws(OpError) {
            guard let spread = Shape.broadcast(result.shape, shape), spread == shape else {
                throw OpError(
                    "the result has shape \(result.shape), which does not fit into this tensor of shape \(shape); use the form that is not in place"
                )
            }
            guard DType.canCast(result.dtype, dtype) else {
                throw OpError("the result is \(result.dtype) and cannot be kept in a \(dtype) tensor; use the form that is not in place")
            }
            if strides.hasRepeats(shape) {
                throw OpError(
                    "several elements of this tensor (expanded, or of overlapping windows) share memory; write into contiguous() instead")
            }
            // Old values that the op has saved for its derivative are copied before they are overwritten.
            if let node = result.recordedNode {
                for i in node.saved.indices where node.saved[i].tensor.storage === storage && !node.saved[i].isOutput {
                    let kept = node.saved[i].tensor
                    let copy = try kept.converted(to: kept.dtype)
                    if kept.requiresGrad, let history = kept.recordedNode { copy.record(history, index: kept.outputIndex) }
                    node.saved[i] = SavedTensor(tensor: copy, version: 0)
                }
            }
            let value = result.shape == shape && result.dtype == dtype ? result : result.to(dtype).expand(shape)
            if value.isPoisoned { return }
            // Kernels read and write in arbitrary order, so an overlapping source is copied first.
            try device.backend.copy(value.overlaps(self) ? value.converted(to: dtype) : value, into: self)
            didChange(by: name)
            if Context.current.gradEnabled { adoptHistory(of: value, base: extras?.viewBase) }
        } catch {
            _ = fail(error, op: name)
        }
    }

    /// Whether it shares memory with `other` in a different geometry.
    private final func overlaps(_ other: Tensor) -> Bool {
        guard storage === other.storage, shape != other.shape || strides != other.strides || offset != other.offset else { return false }
        let (mine, others) = (Shape.range(shape, strides, offset), Shape.range(other.shape, other.strides, other.offset))
        return mine.low <= others.high && others.low <= mine.high
    }

    private final func adoptHistory(of value: Tensor, base: Tensor?) {
        guard let base else {
            if let node = value.recordedNode, value.requiresGradFlag {
                record(node, index: value.outputIndex)
            } else if requiresGrad {
                record(OpNode(Overwrite(), Inputs(self)))
            }
            extrasForWriting.generation += 1
            return
        }
        guard value.requiresGrad || base.requiresGrad else { return }
        let scatter = AsStridedScatter(region: StridedRegion(shape: shape, strides: strides, offset: offset, base: base))
        base.record(OpNode(scatter, Inputs(base, value)))
        base.extrasForWriting.generation += 1
    }
}

/// Replacement of the previous values by constants: the gradient is zero, as for PyTorch's `fill_` and `copy_`.
private struct Overwrite: Op {
    var name: String { "overwrite" }

    // `adoptHistory` records this op after the values have been written.
    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor { inputs[0] }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients { [Tensor.zeros(like: grad)] }
}

extension Shape {
    /// Whether two elements have the same address: expanded dimensions or overlapping windows.
    func hasRepeats(_ shape: Shape) -> Bool {
        if shape.numel == 0 || self == shape.contiguousStrides { return false }
        for i in 0..<count where shape[i] > 1 && self[i] == 0 { return true }
        // If each stride exceeds the reach of all smaller ones, there are no repeats.
        var reach = 0
        var isApart = true
        for i in (0..<count).filter({ shape[$0] > 1 }).sorted(by: { self[$0] < self[$1] }) {
            isApart = isApart && self[i] > reach
            reach += (shape[i] - 1) * self[i]
        }
        if isApart { return false }
        var places: Set<Int> = [0]
        for i in 0..<count {
            let wanted = places.count * shape[i]
            places = Set(places.flatMap { place in (0..<shape[i]).map { place + $0 * self[i] } })
            if places.count < wanted { return true }
        }
        return false
    }
}

/// The geometry of a view and of its base in their storage.
struct StridedRegion: Equatable {
    let shape: Shape
    let strides: Shape
    let offset: Int
    let baseShape: Shape
    let baseStrides: Shape
    let baseOffset: Int

    init(shape: Shape, strides: Shape, offset: Int, base: Tensor) {
        self.shape = shape
        self.strides = strides
        self.offset = offset
        baseShape = base.shape
        baseStrides = base.strides
        baseOffset = base.offset
    }
}

/// The view of `base`'s storage with these strides. PyTorch: `as_strided`.
///
/// Derivative: adds the gradient's elements at their places in the base; repeated elements add up.
struct AsStrided: Op {
    let region: StridedRegion

    var name: String { "asStrided" }
    static var makesView: Bool { true }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        guard region.shape.count == region.strides.count else {
            throw OpError("shape \(region.shape) and strides \(region.strides) have different lengths")
        }
        for stride in region.strides where stride < 0 { throw OpError("stride \(stride) is negative; use flip for a reversed copy") }
        for extent in region.shape where extent < 0 { throw OpError("extent \(extent) is negative") }
        let (low, high) = Shape.range(region.shape, region.strides, region.offset)
        guard region.shape.numel == 0 || low >= 0 && high < x.storage.byteCount / x.dtype.size else {
            throw OpError(
                "shape \(region.shape), strides \(region.strides), offset \(region.offset) reach element \(high) of a storage with \(x.storage.byteCount / x.dtype.size)"
            )
        }
        return x.view(region.shape, strides: region.strides, offset: region.offset)
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        // A flat buffer that covers both views.
        let (low, high) = Shape.range(region.baseShape, region.baseStrides, region.baseOffset)
        let (viewLow, viewHigh) = Shape.range(region.shape, region.strides, region.offset)
        let start = min(low, viewLow)
        let buffer = Tensor.zeros([max(high, viewHigh) - start + 1], dtype: grad.dtype, device: grad.device)
        let places = Tensor.arange(buffer.numel, device: grad.device)
        let into = places.asStrided(region.shape, region.strides, region.offset - start).reshape([-1])
        let spread = buffer.indexAdd(dim: 0, into, grad.reshape([-1]))
        return [spread.asStrided(region.baseShape, region.baseStrides, region.baseOffset - start)]
    }
}

/// `base` with the region of a view replaced by `value`. PyTorch: `as_strided_scatter`.
struct AsStridedScatter: Op {
    let region: StridedRegion

    var name: String { "asStridedScatter" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (base, value) = (inputs[0], inputs[1])
        // A copy with the base's strides, so that the view's geometry applies to it.
        let (low, high) = Shape.range(region.baseShape, region.baseStrides, region.baseOffset)
        let flat = try base.view([high - low + 1], strides: [1], offset: low).converted(to: base.dtype)
        try base.device.backend.copy(value, into: flat.view(region.shape, strides: region.strides, offset: region.offset - low))
        return flat.view(region.baseShape, strides: region.baseStrides, offset: region.baseOffset - low)
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let dense = grad.contiguous()
        let (low, high) = Shape.range(region.baseShape, region.baseStrides, region.baseOffset)
        let count = high - low + 1
        // The gradient in the layout of the base.
        let places = Tensor.arange(count, device: grad.device)
        let basePlaces = places.asStrided(region.baseShape, region.baseStrides, region.baseOffset - low).reshape([-1])
        let flat = Tensor.zeros([count], dtype: grad.dtype, device: grad.device).indexAdd(dim: 0, basePlaces, dense.reshape([-1]))
        let viewPlaces = places.asStrided(region.shape, region.strides, region.offset - low).reshape([-1])
        let gradValue = flat.indexSelect(dim: 0, viewPlaces).reshape(region.shape)
        let mask = Tensor.ones([count], dtype: grad.dtype, device: grad.device).indexFill(dim: 0, viewPlaces, 0)
        let gradBase = (flat * mask).indexSelect(dim: 0, basePlaces).reshape(region.baseShape)
        return [gradBase, gradValue]
    }
}

extension Shape {
    /// The first and last storage element of a view.
    static func range(_ shape: Shape, _ strides: Shape, _ offset: Int) -> (low: Int, high: Int) {
        var high = offset
        for i in 0..<shape.count where shape.unsafeGet(i) > 0 { high += (shape.unsafeGet(i) - 1) * strides.unsafeGet(i) }
        return (offset, high)
    }
}

extension Tensor {
    /// A view of the storage with these strides and this offset, in elements. Traps if it reaches beyond the storage, or an extent or
    /// stride is negative. PyTorch: `as_strided`.
    public final func asStrided(_ shape: some Collection<Int>, _ strides: some Collection<Int>, _ offset: Int? = nil) -> Tensor {
        let region = StridedRegion(shape: Shape(shape), strides: Shape(strides), offset: offset ?? self.offset, base: self)
        return apply(AsStrided(region: region), Inputs(self))
    }
    /// `asStrided(_:_:_:)` with the label `storageOffset`.
    public final func asStrided(_ shape: some Collection<Int>, _ strides: some Collection<Int>, storageOffset: Int?) -> Tensor {
        asStrided(shape, strides, storageOffset)
    }
}
