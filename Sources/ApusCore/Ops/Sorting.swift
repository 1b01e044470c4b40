/// The elements sorted along `dim` by a stable sort, and the positions (int64) they came from.
///
/// Derivative: the gradient of each element goes to the position it came from.
struct Sort: Op {
    let dim: Int
    let descending: Bool
    let inputShape: Shape
    var name: String { "sort" }
    var outputCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let isBool = inputs[0].dtype == .bool
        let x = isBool ? try inputs[0].converted(to: .uint8) : inputs[0]
        let values = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        let indices = try Tensor.uninitialized(x.shape, .int64, x.device)
        if x.ndim == 0 {
            try x.device.backend.copy(x, into: values)
            try x.device.backend.fill(indices, with: .int(0))
        } else {
            try x.device.backend.sort(x, dim: dim, descending: descending, values: values, indices: indices)
        }
        saved.keep(indices)
        return [isBool ? try values.converted(to: .bool) : values, indices]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        inputShape.isEmpty ? [grads[0]] : [apply(GatherBackward(dim: dim, shape: inputShape), [grads[0]!, context.saved[0]])]
    }
}

/// The second input, an element of x: its gradient is shared evenly by all elements equal to it (or all NaN).
private struct SharedElement: Op {
    let name: String

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        saved.keep(inputs[0])
        saved.keep(inputs[1])
        return try inputs[1].converted(to: inputs[1].dtype)
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (x, element) = (context.saved[0], context.saved[1])
        let equals = x.eq(element).logicalOr(x.isnan().logicalAnd(element.isnan()))
        return [Tensor.where(equals, grad.shared(among: equals.sum()), Tensor.zeros(like: x)), nil]
    }
}

extension Tensor {
    /// The positions that sort `dim`, int64. The sort is always stable, with or without `stable`; NaN counts as largest.
    public final func argsort(dim: Int = -1, descending: Bool = false, stable: Bool = false) -> Tensor {
        noGrad { ordered("argsort", dim, descending).indices }
    }

    /// The elements sorted along `dim`, and the positions they came from. The sort is always stable, with or without `stable`; NaN counts
    /// as largest.
    public final func sort(dim: Int = -1, descending: Bool = false, stable: Bool = false) -> (values: Tensor, indices: Tensor) {
        ordered("sort", dim, descending)
    }

    /// The elements sorted along the first dimension. PyTorch: `msort`.
    public final func msort() -> Tensor { sort(dim: 0).values }

    private final func ordered(_ name: String, _ dim: Int, _ descending: Bool) -> (values: Tensor, indices: Tensor) {
        compositePair(name, self) { () throws(OpError) in
            let outputs = apply(Sort(dim: try normalize(dim: dim, ndim: ndim), descending: descending, inputShape: shape), Inputs(self))
            return (outputs[0], outputs[1])
        }
    }

    /// The `k` largest (or smallest) elements along `dim`, and their positions; always in order, with or without `sorted`. Traps if there
    /// are fewer than `k`.
    public final func topk(_ k: Int, dim: Int = -1, largest: Bool = true, sorted: Bool = true) -> (values: Tensor, indices: Tensor) {
        let indices = composite("topk", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            guard k >= 0, k <= (ndim == 0 ? 1 : shape[at]) else {
                throw OpError("k = \(k) is not within 0 … the \(ndim == 0 ? 1 : shape[at]) elements of dim \(dim)")
            }
            let order = argsort(dim: at, descending: largest)
            return ndim == 0 ? order : order.narrow(at, 0, k).contiguous()
        }
        return (indices.isPoisoned ? indices : ndim == 0 ? clone() : gather(dim, indices), indices)
    }

    /// The k-th smallest element along `dim` (k from 1) and its position. Traps if k is out of range. PyTorch: `kthvalue`.
    public final func kthvalue(_ k: Int, dim: Int = -1, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
        let indices = composite("kthvalue", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            guard k >= 1, k <= (ndim == 0 ? 1 : shape[at]) else {
                throw OpError("k = \(k) is not within 1 … the elements of dim \(dim) of shape \(shape)")
            }
            return ndim == 0 ? argsort(dim: 0) : argsort(dim: at).narrow(at, k - 1, 1).contiguous()
        }
        return taken(indices, dim, keepDim)
    }

    /// The elements at the positions `indices` along `dim`, one per row, and these positions.
    private final func taken(_ indices: Tensor, _ dim: Int, _ keepDim: Bool) -> (values: Tensor, indices: Tensor) {
        if indices.isPoisoned { return (indices, indices) }
        let values = gather(dim, indices)
        return keepDim || ndim == 0 ? (values, indices) : (values.squeeze(dim), indices.squeeze(dim))
    }

    /// The median along `dim`, the lower one of two middle elements, and its position; NaN if there is one among the elements. Traps if
    /// `dim` is empty. PyTorch: `median`.
    public final func median(dim: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
        taken(middles("median", dim, ignoringNaN: false), dim, keepDim)
    }
    /// The median, the lower one of two middle elements; NaN if there is one among the elements. All elements equal to it share the
    /// gradient.
    public final func median() -> Tensor { middle("median") { $0.median(dim: 0).values } }

    /// The median along `dim` ignoring NaN, the lower one of two middle elements, and its position; NaN if there are no other elements.
    /// Traps if `dim` is empty. PyTorch: `nanmedian`.
    public final func nanmedian(dim: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
        taken(middles("nanmedian", dim, ignoringNaN: true), dim, keepDim)
    }
    /// The median ignoring NaN, the lower one of two middle elements; NaN if there are no other elements. All elements equal to it share
    /// the gradient.
    public final func nanmedian() -> Tensor { middle("nanmedian") { $0.nanmedian(dim: 0).values } }

    /// The positions of the medians along `dim`, which keeps extent 1.
    private final func middles(_ name: String, _ dim: Int, ignoringNaN: Bool) -> Tensor {
        composite(name, self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            if ndim == 0 { return argsort(dim: 0) }
            guard shape[at] > 0 else { throw OpError("dim \(dim) of shape \(shape) has no middle") }
            let n = shape[at]
            let order = argsort(dim: at)
            let middle = order.narrow(at, (n - 1) / 2, 1)
            if !dtype.isFloatingPoint { return middle.contiguous() }
            // NaN sorts last; if there is one, the median is the first NaN.
            let count = isnan().sum(dim: at, keepDim: true)
            if ignoringNaN { return order.gather(at, (count * -1 + (n - 1)).clamp(min: 0).floorDivide(2)) }
            let firstNaN = order.gather(at, (count * -1 + n).clamp(max: n - 1))
            return Tensor.where(count.gt(0), firstNaN, middle).contiguous()
        }
    }

    /// The element that `find` returns for the tensor as a vector.
    private final func middle(_ name: String, _ find: (Tensor) -> Tensor) -> Tensor {
        let element = noGrad { find(reshape([-1])) }
        return element.isPoisoned || !requiresGrad ? element : apply(SharedElement(name: name), Inputs(self, element))
    }

    /// The most frequent element along `dim`, the smallest if there are several, and its last position. NaN equals nothing, not even NaN.
    /// Traps if `dim` is empty. PyTorch: `mode`.
    public final func mode(dim: Int = -1, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) {
        let indices = composite("mode", self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            if ndim == 0 { return argsort(dim: 0) }
            let n = shape[at]
            guard n > 0 else { throw OpError("dim \(dim) of shape \(shape) has no most frequent element") }
            return noGrad {
                let (sorted, order) = sort(dim: at)
                var (line, edge) = (Shape(repeating: 1, count: ndim), shape)
                line[at] = n
                edge[at] = 1
                let places = Tensor.arange(n, device: device).reshape(line)
                let differs = sorted.narrow(at, 1, n - 1).ne(sorted.narrow(at, 0, n - 1)).to(.int64)
                let first = Tensor.zeros(edge, dtype: .int64, device: device)
                let starts = Tensor.cat([first, differs * places.narrow(at, 1, n - 1)], dim: at).cummax(dim: at).values
                // Counts the elements within each run: the first position with the largest count is the end of the wanted run.
                return order.gather(at, (places - starts).argmax(dim: at, keepDim: true))
            }
        }
        return taken(indices, dim, keepDim)
    }

    /// The distinct elements in ascending order, the index of each element among them, and their counts. PyTorch: `torch.unique`.
    public final func unique() -> (values: Tensor, inverse: Tensor, counts: Tensor) { distinct { $0.uniqueRows() } }

    /// The distinct slices along `dim`, sorted by their elements, the index of each slice among them, and their counts. PyTorch:
    /// `torch.unique(dim=…)`.
    public final func unique(dim: Int) -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        distinct("unique", dim) { $0.uniqueRows() }
    }

    /// The elements in row-major order with consecutive duplicates removed, the index of each element in the result, and the lengths of the
    /// runs. PyTorch: `torch.unique_consecutive`.
    public final func uniqueConsecutive() -> (values: Tensor, inverse: Tensor, counts: Tensor) { distinct { $0.runs() } }

    /// The slices along `dim` with consecutive duplicates removed, the index of each slice in the result, and the lengths of the runs.
    /// PyTorch: `torch.unique_consecutive(dim=…)`.
    public final func uniqueConsecutive(dim: Int) -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        distinct("uniqueConsecutive", dim) { $0.runs() }
    }

    /// Applies `find` to the matrix whose rows are the elements.
    private final func distinct(
        _ find: (Tensor) -> (values: Tensor, inverse: Tensor, counts: Tensor)
    ) -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        if isPoisoned { return (self, self, self) }
        return noGrad {
            let found = find(detach().reshape([-1, 1]))
            return (found.values.reshape([-1]), found.inverse.reshape(shape), found.counts)
        }
    }

    /// Applies `find` to the matrix whose rows are the slices along `dim`.
    private final func distinct(
        _ name: String, _ dim: Int, _ find: (Tensor) -> (values: Tensor, inverse: Tensor, counts: Tensor)
    ) -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        if isPoisoned { return (self, self, self) }
        do throws(OpError) {
            let at = try normalize(dim: dim, ndim: ndim)
            guard ndim > 0, numel > 0 || shape[at] == 0 else { throw OpError("shape \(shape) has no elements along dim \(dim) to compare") }
            return noGrad {
                let parts = detach().movedim(at, 0)
                let found = find(parts.reshape([shape[at], shape.enumerated().reduce(1) { $0 * ($1.offset == at ? 1 : $1.element) }]))
                let values = found.values.reshape(Shape([found.values.size(0)] + parts.shape.dropFirst()))
                return (values.movedim(0, at).contiguous(), found.inverse, found.counts)
            }
        } catch {
            let failed = fail(error, op: name)
            return (failed, failed, failed)
        }
    }

    /// The distinct rows of a matrix in ascending order, the index of each row among them, and their counts.
    private final func uniqueRows() -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        if size(0) == 0 { return runs() }
        // Sorts by the last column first: each stable sort keeps the previous order of equal elements.
        var order = Tensor.arange(size(0), device: device)
        for column in (0..<size(1)).reversed() {
            order = order.indexSelect(dim: 0, select(1, column).indexSelect(dim: 0, order).argsort(dim: 0))
        }
        let found = indexSelect(dim: 0, order).runs()
        return (found.values, Tensor.zeros([size(0)], dtype: .int64, device: device).scatter(0, order, found.inverse), found.counts)
    }

    /// The rows of a matrix with consecutive duplicates removed, the index of each row in the result, and the lengths of the runs.
    private final func runs() -> (values: Tensor, inverse: Tensor, counts: Tensor) {
        let n = size(0)
        if n == 0 {
            let none = Tensor.zeros([0], dtype: .int64, device: device)
            return (self, none, none)
        }
        // A new value starts at each row that differs from the one before.
        let starts = Tensor.cat([
            Tensor.zeros([1], dtype: .int64, device: device),
            narrow(0, 1, n - 1).ne(narrow(0, 0, n - 1)).any(dim: 1).to(.int64),
        ])
        let rank = starts.cumsum(dim: 0)
        let count = rank.narrow(0, n - 1, 1).item(Int.self) + 1
        let counts = Tensor.zeros([count], dtype: .int64, device: device).indexAdd(
            dim: 0, rank, Tensor.ones([n], dtype: .int64, device: device))
        let firsts = Tensor.cat([Tensor.ones([1], dtype: .int64, device: device), starts.narrow(0, 1, n - 1)]).nonzero().squeeze(1)
        return (indexSelect(dim: 0, firsts), rank, counts)
    }
}
