import ApusSystem

/// The components of `x[…]`: integers, ranges (also with a step, `stride(from: 0, to: 8, by: 2)`), `.slice(1, -1)`, `.all`, `.ellipsis`,
/// `.newAxis`, lists of integers, and tensors (integer indices or bool masks). PyTorch's rules apply: negative positions count from the
/// end; ranges are clipped to the extent, integers are not.
public protocol TensorIndex {
    /// What it selects; an implementation detail of subscripts.
    var _component: IndexComponent { get }
}

/// A component of a subscript.
public enum IndexComponent {
    /// `x[2]`, `x[-1]`: removes the dimension.
    case position(Int)
    /// `x[1..<3]`, `x[.slice(1, -1)]`; if `end` is nil, to the end.
    case range(start: Int, end: Int?, step: Int)
    /// All dimensions that the other components do not cover.
    case ellipsis
    /// A dimension of extent 1.
    case newAxis
    /// Integer positions, or a bool mask.
    case tensor(Tensor)
    /// Positions: `x[[0, 2]]`.
    case list([Int])
}

extension Int: TensorIndex {
    public var _component: IndexComponent { .position(self) }
}
extension Range: TensorIndex where Bound == Int {
    public var _component: IndexComponent { .range(start: lowerBound, end: upperBound, step: 1) }
}
extension ClosedRange: TensorIndex where Bound == Int {
    public var _component: IndexComponent { .range(start: lowerBound, end: end(after: upperBound), step: 1) }
}
extension PartialRangeFrom: TensorIndex where Bound == Int {
    public var _component: IndexComponent { .range(start: lowerBound, end: nil, step: 1) }
}
extension PartialRangeUpTo: TensorIndex where Bound == Int {
    public var _component: IndexComponent { .range(start: 0, end: upperBound, step: 1) }
}
extension PartialRangeThrough: TensorIndex where Bound == Int {
    public var _component: IndexComponent { .range(start: 0, end: end(after: upperBound), step: 1) }
}
extension StrideTo: TensorIndex where Element == Int {
    public var _component: IndexComponent {
        let bounds = bounds(of: self)
        return .range(start: bounds.from, end: bounds.end, step: bounds.by)
    }
}
extension StrideThrough: TensorIndex where Element == Int {
    public var _component: IndexComponent {
        let bounds = bounds(of: self)
        return .range(start: bounds.from, end: end(after: bounds.end), step: bounds.by)
    }
}

/// The exclusive end of a range whose last position is `last`; nil (to the end) if `last` is −1.
private func end(after last: Int) -> Int? { last == -1 || last == .max ? nil : last + 1 }

/// The positions from `start` up to but excluding `end`, every `step`-th, in a dimension of `extent` elements, by PyTorch's rules: negative
/// positions count from the end, and what lies outside is left out. nil means the end.
func rangePositions(from start: Int, to end: Int?, step: Int, extent: Int) throws(OpError) -> (from: Int, count: Int) {
    guard step > 0 else { throw OpError("the step \(step) must be positive; use flip for reversed order") }
    func clipped(_ i: Int) -> Int { min(max(i < 0 ? i + extent : i, 0), extent) }
    let from = clipped(start)
    let to = max(end.map(clipped) ?? extent, from)
    return (from, (to - from) / step + ((to - from) % step == 0 ? 0 : 1))
}

/// The parameters of a stride, from its mirror. Its elements do not determine them: a stride from 0 to −1 is empty, but here it means all
/// but the last element.
private func bounds(of stride: some CustomReflectable) -> (from: Int, end: Int, by: Int) {
    let parts = stride.customMirror.children.compactMap { $0.value as? Int }
    guard parts.count == 3 else { preconditionFailure("a stride has three parts: \(stride)") }
    return (parts[0], parts[1], parts[2])
}
extension Array: TensorIndex where Element == Int {
    public var _component: IndexComponent { .list(self) }
}
extension Tensor: TensorIndex {
    public final var _component: IndexComponent { .tensor(self) }
}

/// A named component: `.all`, `.slice(1, -1)`.
public struct IndexKeyword: TensorIndex {
    /// The component.
    public let _component: IndexComponent
}
extension TensorIndex where Self == IndexKeyword {
    /// All dimensions that the other components do not cover: `x[.ellipsis, 0]`.
    public static var ellipsis: IndexKeyword { IndexKeyword(_component: .ellipsis) }
    /// A new dimension of one element. PyTorch: `None`.
    public static var newAxis: IndexKeyword { IndexKeyword(_component: .newAxis) }
    /// The whole dimension. PyTorch: `:`.
    public static var all: IndexKeyword { slice() }
    /// From position `from` up to but excluding `to`, every `step`-th: `x[.slice(1, -1)]` is all but the first and the last. nil means the
    /// beginning or the end; negative positions count from the end. PyTorch: `from:to:step`.
    public static func slice(_ from: Int? = nil, _ to: Int? = nil, step: Int = 1) -> IndexKeyword {
        IndexKeyword(_component: .range(start: from ?? 0, end: to, step: step))
    }
}

extension Tensor {
    /// The part selected by `indices`: a view for integers, ranges, `.ellipsis` and `.newAxis`, a copy if there are tensors or lists.
    /// Assignment writes in place, broadcasts the value to the part's shape, and is recorded by autograd. Numbers can be assigned too:
    /// `x[mask] = 0`. Traps if an index is out of range.
    public final subscript(_ indices: any TensorIndex...) -> Tensor {
        get {
            if isPoisoned { return self }
            do throws(OpError) {
                let part = try Subscript(self, indices)
                return part.tensors.isEmpty ? part.view : try part.gathered()
            } catch {
                return fail(error, op: "subscript")
            }
        }
        set { assign(newValue, at: indices) }
    }

    /// Assigns a number, converted to the tensor's dtype: `x[0] = 1.5`, `x[mask] = 0`. Read numbers with `item()`.
    @_disfavoredOverload public final subscript(_ indices: any TensorIndex...) -> any ScalarConvertible {
        @available(*, unavailable, message: "an element is read with item(): x[0, 3].item()")
        get { fatalError("unavailable") }
        set { assign(Tensor.full([], newValue._scalar, dtype: dtype, device: device), at: indices) }
    }

    /// Whether both are the same part of the same tensor, with the same history.
    private final func isSame(as other: Tensor) -> Bool {
        form == nil && other.form == nil && storage === other.storage && offset == other.offset && shape == other.shape
            && strides == other.strides
            && dtype == other.dtype && (!isGradEnabled || extras?.viewBase === other.extras?.viewBase)
    }

    private final func assign(_ value: Tensor, at indices: [any TensorIndex]) {
        if isPoisoned || value.isPoisoned { return }
        do throws(OpError) {
            let part = try Subscript(self, indices)
            if part.view.isPoisoned { return }
            // `x[0] += y` has already changed the part in place.
            if part.tensors.isEmpty && value.isSame(as: part.view) { return }
            if part.tensors.isEmpty { part.view.copy_(value) } else { try part.assign(value) }
        } catch {
            fail(error, op: "subscript")
        }
    }
}

/// A parsed subscript: the view made by integers and ranges, and the index tensors for its dimensions.
struct Subscript {
    var view: Tensor
    /// Dimensions of `view` and their int64 indices, in order of dimensions.
    var tensors: [(dim: Int, index: Tensor)] = []
    /// Whether the indexed dimensions are adjacent, so that the index dimensions take their place. An integer between them has already
    /// removed its dimension; `.newAxis` separates them.
    var isAdjacent: Bool {
        guard let first = tensors.first, let last = tensors.last else { return true }
        return last.dim - first.dim == tensors.count - 1
    }

    init(_ x: Tensor, _ indices: [any TensorIndex]) throws(OpError) {
        let components = indices.map { index in
            // A list becomes an int64 tensor on x's device.
            if case .list(let positions) = index._component {
                IndexComponent.tensor(Tensor(positions, dtype: .int64, device: x.device))
            } else {
                index._component
            }
        }
        var taken = 0
        var ellipses = 0
        for component in components {
            switch component {
            case .position, .range: taken += 1
            case .ellipsis: ellipses += 1
            case .newAxis: break
            case .list: preconditionFailure("lists are tensors by now")
            case .tensor(let index):
                if index.isPoisoned {
                    view = index
                    return
                }
                taken += index.dtype == .bool ? index.ndim : 1
            }
        }
        guard ellipses <= 1 else { throw OpError("only one .ellipsis can stand in a subscript") }
        guard taken <= x.ndim else { throw OpError("\(taken) indices for a tensor of shape \(x.shape) with \(x.ndim) dimensions") }

        view = x
        var dim = 0
        for (place, component) in components.enumerated() {
            switch component {
            case .position(let i):
                guard i >= -view.shape[dim] && i < view.shape[dim] else {
                    throw OpError("index \(i) at position \(place) is out of range for an extent of \(view.shape[dim]) in shape \(x.shape)")
                }
                view = view.select(dim, i)
            case .range(let start, let end, let step):
                let extent = view.shape[dim]
                let (from, count) = try rangePositions(from: start, to: end, step: step, extent: extent)
                if count != extent || step != 1 { view = view.slice(dim: dim, from: from, count: count, step: step) }
                dim += 1
            case .ellipsis:
                dim += x.ndim - taken
            case .newAxis:
                view = view.unsqueeze(dim)
                dim += 1
            case .list: preconditionFailure("lists are tensors by now")
            case .tensor(let index):
                if index.dtype == .bool {
                    for (d, extent) in index.shape.enumerated() where extent != view.shape[dim + d] {
                        throw OpError(
                            "the mask of shape \(index.shape) does not fit shape \(x.shape): extent \(extent) meets \(view.shape[dim + d])")
                    }
                    let places = index.nonzero()
                    for d in 0..<index.ndim {
                        tensors.append((dim, places.select(1, d)))
                        dim += 1
                    }
                    guard index.ndim > 0 else { throw OpError("a scalar mask cannot index; use Tensor.where") }
                } else {
                    guard index.dtype.isInteger else {
                        throw OpError("an index tensor must be of integers or bool, this one is \(index.dtype)")
                    }
                    tensors.append((dim, index.to(.int64)))
                    dim += 1
                }
            }
        }
    }

    /// The view with its indexed dimensions first, flattened to one, and the positions in that dimension.
    private func flattened() throws(OpError) -> (flat: Tensor, places: Tensor, shape: Shape, order: [Int]) {
        var shape = Shape()
        for (_, index) in tensors {
            guard let spread = Shape.broadcast(shape, index.shape) else {
                throw OpError("index tensors of shapes \(tensors.map { "\($0.index.shape)" }.joined(separator: ", ")) do not broadcast")
            }
            shape = spread
        }
        let dims = tensors.map(\.dim)
        let rest = (0..<view.ndim).filter { !dims.contains($0) }
        var places = Tensor.zeros([], dtype: .int64, device: view.device)
        for (dim, index) in tensors {
            let extent = view.shape[dim]
            let wrong = index.lt(-extent).logicalOr(index.ge(extent))
            if index.numel > 0 && wrong.any().item(Bool.self) {
                let value = index.maskedSelect(wrong)[0].item(Int.self)
                throw OpError("index \(value) is out of range for dim \(dim) with \(extent) elements of shape \(view.shape)")
            }
            places = places * extent + (try Tensor.positions(index, among: extent))
        }
        let order = dims + rest
        let flat = view.permute(order).flatten(startDim: 0, endDim: dims.count - 1)
        // The caller relies on the shapes, so poisoned tensors throw here.
        return (try flat.usable(), try places.expand(shape).reshape([-1]).usable(), shape, order)
    }

    func gathered() throws(OpError) -> Tensor {
        if view.isPoisoned { return view }
        let (flat, places, shape, _) = try flattened()
        let taken = flat.indexSelect(dim: 0, places).reshape(Shape(Array(shape) + flat.shape.dropFirst()))
        // If the indexed dimensions are adjacent, the index dimensions take their place.
        guard isAdjacent, !taken.isPoisoned, let first = tensors.first?.dim, first > 0 else { return taken }
        let lead = shape.count
        let others = Array(lead..<taken.ndim)
        return taken.permute(Array(others.prefix(first)) + Array(0..<lead) + Array(others.dropFirst(first)))
    }

    func assign(_ value: Tensor) throws(OpError) {
        view.updateInPlace("subscript", try change(value.to(view.device).to(view.dtype)))
    }

    /// Returns a function that puts `value`, which has the view's dtype, at the indexed positions of a tensor with the view's shape; the
    /// last of repeated positions wins. With `accumulate` it is added, repeatedly for repeated positions.
    func change(_ value: Tensor, accumulate: Bool = false) throws(OpError) -> (Tensor) -> Tensor {
        let (flat, places, shape, order) = try flattened()
        // Expands to the shape of `gathered`, then moves the index dimensions to the front.
        let rest = Array(flat.shape.dropFirst())
        var source = value
        if isAdjacent, let first = tensors.first?.dim, first > 0 {
            let target = Shape(rest.prefix(first) + Array(shape) + rest.dropFirst(first))
            source = source.expand(target)
            source = source.permute(Array(first..<first + shape.count) + Array(0..<first) + Array((first + shape.count)..<target.count))
        } else {
            source = source.expand(Shape(Array(shape) + rest))
        }
        let parts = source.reshape(Shape([places.numel] + rest))
        let index = places.reshape(Shape([places.numel] + rest.map { _ in 1 })).expand(Shape([places.numel] + rest))
        var inverse = order
        for (i, dim) in order.enumerated() { inverse[dim] = i }
        let dims = tensors.map { view.shape[$0.dim] }
        return { old in
            let oldFlat = old.permute(order).flatten(startDim: 0, endDim: dims.count - 1)
            let new = accumulate ? oldFlat.indexAdd(dim: 0, places, parts) : oldFlat.scatter(0, index, parts)
            return new.reshape(Shape(dims + rest)).permute(inverse)
        }
    }
}
