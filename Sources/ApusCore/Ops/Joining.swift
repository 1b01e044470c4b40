/// Concatenates tensors along `dim`; each gets its part of the gradient.
struct Cat: Op {
    let dim: Int
    /// The extent of each input along `dim`.
    let extents: [Int]
    var name: String { "cat" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        var shape = inputs[0].shape
        shape[dim] = extents.reduce(0, +)
        let out = try Tensor.uninitialized(shape, inputs[0].dtype, inputs[0].device)
        var start = 0
        for (x, extent) in zip(inputs, extents) {
            try out.device.backend.copy(x, into: out.view(x.shape, strides: out.strides, offset: start * out.strides[dim]))
            start += extent
        }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        var start = 0
        return Gradients(
            extents.enumerated().map { i, extent in
                defer { start += extent }
                return context.needs(i) ? grad.narrow(dim, start, extent) : nil
            })
    }
}

/// Splits into views of `sizes` along `dim`. With `squeezes` all sizes are 1 and the dimension is removed.
///
/// Derivative: the concatenated gradients of the pieces. One op per piece would each write zeros for the rest.
struct Split: Op {
    let dim: Int
    let sizes: [Int]
    let squeezes: Bool
    let inputShape: Shape
    var name: String { squeezes ? "unbind" : "split" }
    static var makesView: Bool { true }
    var outputCount: Int { sizes.count }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let x = inputs[0]
        var (shape, strides, start) = (x.shape, x.strides, 0)
        if squeezes {
            shape.remove(at: dim)
            strides.remove(at: dim)
        }
        return sizes.map { size in
            defer { start += size }
            if !squeezes { shape[dim] = size }
            return x.view(shape, strides: strides, offset: x.offset + (size == 0 ? 0 : start * x.strides[dim]))
        }
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        let given = grads.compactMap { $0 }
        // Adjacent pieces without a gradient become one block of zeros.
        var (parts, missing): ([Tensor], Int) = ([], 0)
        func fill() {
            if missing > 0 {
                var shape = inputShape
                shape[dim] = missing
                parts.append(Tensor.zeros(shape, dtype: given[0].dtype, device: given[0].device))
            }
            missing = 0
        }
        for (grad, size) in zip(grads, sizes) {
            guard let grad else {
                missing += size
                continue
            }
            fill()
            parts.append(squeezes ? grad.unsqueeze(dim) : grad)
        }
        fill()
        return [parts.count == 1 ? parts[0] : Tensor.cat(parts, dim: dim)]
    }
}

extension Sequence where Element: Tensor {
    /// The sum of all tensors, elementwise, as `a + b + c`. Traps if there are none. PyTorch: `sum(list)`.
    public func sum() -> Tensor {
        var tensors = makeIterator()
        guard let first = tensors.next() else {
            return fail("sum", "a list without tensors has no sum, since no shape is known; start from Tensor.zeros(shape) instead")
        }
        var sum: Tensor = first
        while let next = tensors.next() { sum = sum + next }
        return sum
    }
}

/// The tensors that an op returns. If the op failed, the list is empty, and every index returns the poisoned tensor.
public struct TensorList: RandomAccessCollection {
    private let tensors: [Tensor]
    private let poison: Tensor?

    init(_ tensors: [Tensor]) {
        self.tensors = tensors
        poison = nil
    }
    init(poisoned: Tensor) {
        tensors = []
        poison = poisoned
    }
    public var startIndex: Int { 0 }
    public var endIndex: Int { tensors.count }
    /// Tensor `i`; poisoned if the op failed. Traps if `i` is out of range.
    public subscript(i: Int) -> Tensor {
        if let poison { return poison }
        guard tensors.indices.contains(i) else {
            return fail("TensorList", "index \(i) is out of range for a list of \(tensors.count) tensors")
        }
        return tensors[i]
    }
}

extension Tensor {
    /// Concatenates tensors along `dim`. dtypes promote. Traps unless all other extents are equal. PyTorch: `torch.cat`.
    public static func cat(_ tensors: some Sequence<Tensor>, dim: Int = 0) -> Tensor { joined(Array(tensors), dim) }

    private static func joined(_ all: [Tensor], _ dim: Int) -> Tensor {
        // As in PyTorch, empty vectors are left out whatever the others' rank.
        if let poisoned = all.first(where: \.isPoisoned) { return poisoned }
        let parts = all.contains { $0.ndim != 1 || $0.numel > 0 } ? all.filter { $0.ndim != 1 || $0.numel > 0 } : Array(all.prefix(1))
        do throws(OpError) {
            guard let first = parts.first else { throw OpError("needs at least one tensor") }
            guard first.ndim > 0 else { throw OpError("scalars have no dimension to join along; use stack") }
            let at = try normalize(dim: dim, ndim: first.ndim)
            // Empty vectors take part in type promotion.
            let dtype = resultType(all)
            for (i, x) in parts.enumerated() {
                guard x.ndim == first.ndim else {
                    throw OpError("tensor \(i) has shape \(x.shape), tensor 0 \(first.shape): as many dimensions are needed")
                }
                for d in 0..<first.ndim where d != at && x.shape[d] != first.shape[d] {
                    throw OpError("tensor \(i) has shape \(x.shape), tensor 0 \(first.shape): they may differ only in dim \(at)")
                }
            }
            return apply(Cat(dim: at, extents: parts.map { $0.shape[at] }), Inputs(parts.map { $0.to(dtype) }))
        } catch {
            return fail(error, op: "cat")
        }
    }

    /// Stacks tensors of the same shape along a new dimension `dim`. Traps if shapes differ. PyTorch: `torch.stack`.
    public static func stack(_ tensors: some Sequence<Tensor>, dim: Int = 0) -> Tensor {
        let all = Array(tensors)
        if let poisoned = all.first(where: \.isPoisoned) { return poisoned }
        guard let first = all.first else { return fail("stack", "needs at least one tensor") }
        for (i, x) in all.enumerated() where x.shape != first.shape {
            return fail("stack", "tensor \(i) has shape \(x.shape), tensor 0 \(first.shape): all must have one shape")
        }
        return cat(all.map { $0.unsqueeze(dim) }, dim: dim < 0 ? dim + first.ndim + 1 : dim)
    }

    final func pieces(_ op: String, _ dim: Int, squeezes: Bool = false, _ sizes: (Int) throws(OpError) -> [Int]) -> TensorList {
        if isPoisoned { return TensorList(poisoned: self) }
        do throws(OpError) {
            guard ndim > 0 else { throw OpError("a scalar cannot be cut") }
            let at = try normalize(dim: dim, ndim: ndim)
            return TensorList(apply(Split(dim: at, sizes: try sizes(shape[at]), squeezes: squeezes, inputShape: shape), Inputs(self)))
        } catch {
            return TensorList(poisoned: fail(error, op: op))
        }
    }

    /// Pieces of `size` along `dim`, the last one smaller if necessary; views. Traps if `size` is not positive.
    public final func split(_ size: Int, dim: Int = 0) -> TensorList {
        pieces("split", dim) { (extent) throws(OpError) in
            guard size > 0 || extent == 0 && size == 0 else { throw OpError("pieces of \(size) elements do not fill \(extent)") }
            return size == 0 ? [0] : extent == 0 ? [0] : Swift.stride(from: 0, to: extent, by: size).map { Swift.min(size, extent - $0) }
        }
    }
    /// Pieces of these sizes along `dim`; views. Traps unless the sizes add up to the extent.
    public final func split(_ sizes: some Collection<Int>, dim: Int = 0) -> TensorList {
        let sizes = Array(sizes)
        return pieces("split", dim) { (extent) throws(OpError) in
            guard sizes.reduce(0, +) == extent, sizes.allSatisfy({ $0 >= 0 }) else {
                throw OpError("sizes \(sizes) do not add up to the \(extent) elements of dim \(dim)")
            }
            return sizes
        }
    }
    /// At most `count` pieces of equal size along `dim`, the last one smaller if necessary; views. Traps if `count` is not positive.
    public final func chunk(_ count: Int, dim: Int = 0) -> TensorList {
        if !isPoisoned && count <= 0 { return TensorList(poisoned: fail("chunk", "\(count) pieces cannot be made")) }
        if isPoisoned || ndim == 0 { return split(1, dim: dim) }
        guard dim >= -ndim && dim < ndim else { return split(1, dim: dim) }
        return shape[dim] == 0 ? split(0, dim: dim) : split((shape[dim] + count - 1) / count, dim: dim)
    }
    /// The slices along `dim`, without that dimension; views.
    public final func unbind(dim: Int = 0) -> TensorList {
        pieces("unbind", dim, squeezes: true) { (extent) throws(OpError) in [Int](repeating: 1, count: extent) }
    }

    /// The elements in reverse order along each of `dims`; a copy.
    public final func flip(_ dims: some Collection<Int>) -> Tensor {
        composite("flip", self) { () throws(OpError) in
            var out = self
            for dim in try reductionDims(dims.isEmpty ? nil : Array(dims)) where !dims.isEmpty {
                let n = shape[dim]
                out = out.indexSelect(dim: dim, Tensor.arange(n - 1, -1, -1, device: device))
            }
            return out
        }
    }
    /// The elements in reverse order along each of `dims`; a copy.
    public final func flip(_ dims: Int...) -> Tensor { flip(dims) }

    /// Moves elements by `shift` positions along `dim`; those moved past the end reappear at the start.
    public final func roll(_ shift: Int, dim: Int) -> Tensor { roll([shift], dims: [dim]) }
    /// Moves elements by `shift` positions along `dim`, by position.
    public final func roll(_ shift: Int, _ dim: Int) -> Tensor { roll([shift], dims: [dim]) }
    /// Moves elements by `shift` positions along `dims`; those moved past the end reappear at the start.
    public final func roll(_ shift: Int, dims: Int) -> Tensor { roll([shift], dims: [dims]) }
    /// Moves elements by `shifts[i]` positions along `dims[i]`; one shift without dims moves them in row-major order.
    public final func roll(_ shifts: some Collection<Int>, dims: some Collection<Int>) -> Tensor {
        let shifts = Array(shifts)
        return composite("roll", self) { () throws(OpError) in
            guard !shifts.isEmpty else { throw OpError("no shift is given") }
            if shifts.count == 1 && dims.isEmpty { return roll(shifts[0]) }
            guard shifts.count == dims.count else { throw OpError("\(shifts.count) shifts for \(dims.count) dims") }
            guard ndim > 0 else { throw OpError("a scalar has no dimensions to roll along") }
            var out = self
            for (shift, dim) in zip(shifts, dims) {
                let at = try normalize(dim: dim, ndim: ndim)
                let n = shape[at]
                if n == 0 { continue }
                let by = ((shift % n) + n) % n
                if by > 0 { out = Tensor.cat([out.narrow(at, n - by, by), out.narrow(at, 0, n - by)], dim: at) }
            }
            return out
        }
    }
    /// Moves elements by `shift` positions in row-major order.
    public final func roll(_ shift: Int) -> Tensor { reshape([-1]).roll(shift, dim: 0).reshape(shape) }

    /// Repeats the tensor `counts[i]` times along each dimension; extra counts add leading dimensions. Traps if there are too few counts.
    /// PyTorch: `repeat`.
    public final func `repeat`(_ counts: some Collection<Int>) -> Tensor {
        let counts = Array(counts)
        return composite("repeat", self) { () throws(OpError) in
            guard counts.count >= ndim, counts.allSatisfy({ $0 >= 0 }) else {
                throw OpError("counts \(counts) do not fit shape \(shape): one for each dimension, none negative")
            }
            let padded = Array(repeating: 1, count: counts.count - ndim) + Array(shape)
            // Each extent becomes two dimensions, count and extent: one expanded view and one copy.
            var (from, to) = ([Int](), [Int]())
            for (count, extent) in zip(counts, padded) {
                from += [1, extent]
                to += [count, extent]
            }
            return reshape(from).expand(Shape(to)).contiguous().reshape(zip(counts, padded).map { $0 * $1 })
        }
    }
    /// Repeats the tensor `counts[i]` times along each dimension. PyTorch: `repeat`.
    public final func `repeat`(_ counts: Int...) -> Tensor { `repeat`(counts) }
    /// Repeats the tensor along each dimension; missing leading counts are 1. PyTorch: `tile`.
    public final func tile(_ counts: some Collection<Int>) -> Tensor {
        `repeat`(Array(repeating: 1, count: Swift.max(0, ndim - counts.count)) + counts)
    }
    /// Repeats the tensor along each dimension; missing leading counts are 1. PyTorch: `tile`.
    public final func tile(_ counts: Int...) -> Tensor { tile(counts) }
    /// Repeats each element `count` times along `dim`. PyTorch: `repeat_interleave`.
    public final func repeatInterleave(_ count: Int, dim: Int) -> Tensor {
        composite("repeatInterleave", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            guard count >= 0, ndim > 0 else { throw OpError("\(count) repeats of shape \(shape) are not possible") }
            var shape = Array(self.shape)
            shape.insert(count, at: at + 1)
            return unsqueeze(at + 1).expand(Shape(shape)).contiguous().flatten(startDim: at, endDim: at + 1)
        }
    }

    /// Repeats each element `count` times, in row-major order; a vector. PyTorch: `repeat_interleave`.
    public final func repeatInterleave(_ count: Int) -> Tensor { reshaped([-1]).repeatInterleave(count, dim: 0) }

    /// The lower triangle of the last two dimensions, including diagonal `diagonal`; zeros above.
    public final func tril(_ diagonal: Int = 0) -> Tensor { triangle("tril", diagonal) { $0.le($1 + diagonal) } }
    /// The upper triangle of the last two dimensions, including diagonal `diagonal`; zeros below.
    public final func triu(_ diagonal: Int = 0) -> Tensor { triangle("triu", diagonal) { $0.ge($1 + diagonal) } }

    /// `tril` with the label `diagonal`.
    public final func tril(diagonal: Int) -> Tensor { tril(diagonal) }
    /// `triu` with the label `diagonal`.
    public final func triu(diagonal: Int) -> Tensor { triu(diagonal) }

    private final func triangle(_ op: String, _ diagonal: Int, _ keep: (_ column: Tensor, _ row: Tensor) -> Tensor) -> Tensor {
        composite(op, self) { () throws(OpError) in
            guard ndim >= 2 else { throw OpError("needs two dimensions, shape \(shape) has \(ndim)") }
            let row = Tensor.arange(shape[-2], device: device).unsqueeze(1)
            let column = Tensor.arange(shape[-1], device: device).unsqueeze(0)
            return Tensor.where(keep(column, row), self, Tensor.zeros([], dtype: dtype, device: device))
        }
    }

    /// Pads with `value`: `padding` has the amounts before and after each dimension, beginning with the last; negative amounts crop.
    /// PyTorch: `F.pad` with mode constant.
    package final func pad(_ padding: [Int], value: Double = 0) -> Tensor {
        composite("pad", self) { () throws(OpError) in
            guard padding.count % 2 == 0, padding.count / 2 <= ndim else {
                throw OpError("padding \(padding) does not come in pairs for at most \(ndim) dimensions")
            }
            var out = self
            for pair in 0..<padding.count / 2 {
                let dim = ndim - 1 - pair
                let (before, after) = (padding[2 * pair], padding[2 * pair + 1])
                guard out.shape[dim] + before + after >= 0 else {
                    throw OpError("padding \(padding) leaves less than nothing of dim \(dim) of shape \(shape)")
                }
                let from = Swift.max(-before, 0)
                let count = out.shape[dim] - from - Swift.max(-after, 0)
                var parts = [count == out.shape[dim] ? out : out.narrow(dim, from, Swift.max(count, 0))]
                func filled(_ extent: Int) -> Tensor {
                    var shape = out.shape
                    shape[dim] = extent
                    return Tensor.full(shape, .double(value), dtype: dtype, device: device)
                }
                if before > 0 { parts.insert(filled(before), at: 0) }
                if after > 0 { parts.append(filled(after)) }
                out = parts.count == 1 ? parts[0] : Tensor.cat(parts, dim: dim)
            }
            return out
        }
    }
}
