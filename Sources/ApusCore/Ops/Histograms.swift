extension Tensor {
    /// The number of occurrences of 0, 1, 2, … in a vector of integers, int64; or the sums of their `weights`, float32 if the weights are,
    /// else float64. The length is the largest element plus 1, but at least `minlength`. Weights get no gradient. Traps unless x is a
    /// vector of non-negative integers. PyTorch: `bincount`.
    public final func bincount(weights: Tensor? = nil, minlength: Int = 0) -> Tensor {
        if let weights, weights.isPoisoned { return weights }
        return composite("bincount", self) { () throws(OpError) in
            guard ndim == 1, dtype.isInteger else { throw OpError("counts a vector of integers, this is \(dtype) of shape \(shape)") }
            guard minlength >= 0 else { throw OpError("minlength must not be negative, it is \(minlength)") }
            if numel == 0 { return Tensor.zeros([minlength], dtype: .int64, device: device) }
            let bins = to(.int64)
            guard bins.amin().item(Int.self) >= 0 else { throw OpError("counts 0, 1, 2, …, the smallest is \(bins.amin().item(Int.self))") }
            var values = Tensor.ones([numel], dtype: .int64, device: device)
            if let weights {
                guard weights.shape == shape else { throw OpError("weights of shape \(weights.shape) for elements of shape \(shape)") }
                values = weights.detach().to(weights.dtype == .float32 ? .float32 : .float64)
            }
            // If memory cannot hold so many counts, the allocation fails.
            let count = Swift.max(Swift.min(bins.amax().item(Int.self), Int.max - 1) + 1, minlength)
            return Tensor.zeros([count], dtype: values.dtype, device: device).indexAdd(dim: 0, bins, values)
        }
    }

    /// The number of elements in each of `bins` intervals of equal length between `min` and `max`, in x's dtype; the last interval includes
    /// its upper end. If both are equal, the smallest and the largest element are used. Elements outside and NaN are not counted. Traps for
    /// integers and bool, and if the bounds are not finite or in the wrong order. PyTorch: `histc`.
    public final func histc(bins: Int = 100, min: Double = 0, max: Double = 0) -> Tensor {
        if let failed = floatsOnly("histc") { return failed }
        return composite("histc", self) { () throws(OpError) in
            guard bins > 0 else { throw OpError("needs at least one bin, not \(bins)") }
            let x = detach().to(dtype.computeType).reshape([-1])
            var (low, high) = (min, max)
            if low == high && numel > 0 { (low, high) = (x.amin().item(), x.amax().item()) }
            if low == high { (low, high) = (low - 1, high + 1) }
            guard low.isFinite, high.isFinite, low < high else { throw OpError("\(low) … \(high) is no range of finite numbers") }
            return noGrad {
                let start = Tensor.full([], .double(low), dtype: x.dtype, device: device)
                let end = Tensor.full([], .double(high), dtype: x.dtype, device: device)
                let bin = ((x - start) * bins / (end - start)).to(.int64).clamp(max: bins - 1)
                let isInside = x.ge(start).logicalAnd(x.le(end))
                return bin.counts(where: isInside, nil, bins).to(dtype)
            }
        }
    }

    /// The number of occurrences of 0 … bins − 1 in an int64 vector, int64, or the sums of their weights, over the elements that are
    /// `included`.
    private final func counts(where included: Tensor, _ weights: Tensor?, _ bins: Int) -> Tensor {
        let values = weights ?? Tensor.ones([numel], dtype: .int64, device: device)
        // Excluded elements go to an additional bin after the last one.
        let all = Tensor.zeros([bins + 1], dtype: values.dtype, device: device)
        return all.indexAdd(dim: 0, Tensor.where(included, self, bins), values).narrow(0, 0, bins)
    }

    /// The number of elements (or the sum of their `weight`) in each of `bins` intervals of equal length within `range`, by default from
    /// the smallest to the largest element, and the edges of the intervals, both in x's dtype; the last interval includes its upper end.
    /// With `density`, counts are divided by their sum and by the length of the interval. Traps unless x and weights have the same shape
    /// and float dtype. PyTorch: `histogram`.
    public final func histogram(
        _ bins: Int, range: (Double, Double)? = nil, weight: Tensor? = nil, density: Bool = false
    ) -> (hist: Tensor, binEdges: Tensor) {
        let found = Tensor.binned("histogram", self, isPoint: true, weight, density) { (points) throws(OpError) in
            [try points.evenEdges(0, bins, range)]
        }
        return (found.hist, found.binEdges[0])
    }
    /// The number of elements (or the sum of their `weight`) between neighbouring edges in `bins`, an ascending vector; the last interval
    /// includes its upper end. PyTorch: `histogram`.
    public final func histogram(_ bins: Tensor, weight: Tensor? = nil, density: Bool = false) -> (hist: Tensor, binEdges: Tensor) {
        let found = Tensor.binned("histogram", self, isPoint: true, weight, density) { (_) throws(OpError) in [try bins.usable()] }
        return (found.hist, found.binEdges[0])
    }

    /// The number of points (or the sum of their `weight`) in each cell of a grid, for points [*, D] with D coordinates: the counts, with D
    /// dimensions of `bins` elements, and the edges of the intervals of each coordinate. `range` has a lower and an upper end for each
    /// coordinate. PyTorch: `torch.histogramdd`.
    public static func histogramdd(
        _ input: Tensor, _ bins: [Int], range: [Double]? = nil, weight: Tensor? = nil, density: Bool = false
    ) -> (hist: Tensor, binEdges: TensorList) {
        binned("histogramdd", input, isPoint: false, weight, density) { (points) throws(OpError) in
            let count = points.shape[1]
            guard bins.count == count else { throw OpError("\(bins.count) numbers of bins for \(count) coordinates") }
            if let range, range.count != 2 * count { throw OpError("\(range.count) ends of ranges for \(count) coordinates") }
            var edges: [Tensor] = []
            for (i, n) in bins.enumerated() { edges.append(try points.evenEdges(i, n, range.map { ($0[2 * i], $0[2 * i + 1]) })) }
            return edges
        }
    }
    /// `histogramdd` with the same number of bins for each coordinate.
    public static func histogramdd(
        _ input: Tensor, _ bins: Int, range: [Double]? = nil, weight: Tensor? = nil, density: Bool = false
    ) -> (hist: Tensor, binEdges: TensorList) {
        let count = input.ndim == 0 ? 0 : input.shape[-1]
        return histogramdd(input, [Int](repeating: bins, count: count), range: range, weight: weight, density: density)
    }
    /// `histogramdd` with the edges of each coordinate's intervals, ascending vectors.
    public static func histogramdd(
        _ input: Tensor, _ bins: [Tensor], weight: Tensor? = nil, density: Bool = false
    ) -> (hist: Tensor, binEdges: TensorList) {
        binned("histogramdd", input, isPoint: false, weight, density) { (points) throws(OpError) in
            guard bins.count == points.shape[1] else { throw OpError("edges of \(bins.count) coordinates for \(points.shape[1])") }
            for edges in bins { try edges.usable() }
            return bins
        }
    }

    /// The edges of `bins` equal intervals for coordinate `i` of the points, from its smallest to its largest value if `range` is nil.
    private final func evenEdges(_ i: Int, _ bins: Int, _ range: (Double, Double)?) throws(OpError) -> Tensor {
        guard bins > 0 else { throw OpError("needs at least one bin, not \(bins)") }
        var (low, high) = range ?? (0, 1)
        if range == nil && numel > 0 { (low, high) = (select(1, i).amin().item(), select(1, i).amax().item()) }
        guard low.isFinite, high.isFinite, low <= high else { throw OpError("\(low) … \(high) is no range of finite numbers") }
        if low == high { (low, high) = (low - 0.5, high + 0.5) }
        return try Tensor.linspace(low, high, bins + 1, dtype: dtype, device: device).usable()
    }

    /// Counts points [*, D] (with `isPoint` each element is a point) between the edges that `find` returns for the points as rows [N, D].
    private static func binned(
        _ op: String, _ input: Tensor, isPoint: Bool, _ weight: Tensor?, _ density: Bool,
        _ find: (Tensor) throws(OpError) -> [Tensor]
    ) -> (hist: Tensor, binEdges: TensorList) {
        for x in [input, weight].compactMap({ $0 }) where x.isPoisoned { return (x, TensorList(poisoned: x)) }
        do throws(OpError) {
            try input.requireFloats()
            guard isPoint || input.ndim >= 2 else { throw OpError("points have shape [*, D], not \(input.shape)") }
            let places = isPoint ? input.shape : Shape(input.shape.dropLast())
            if let weight, weight.shape != places || weight.dtype != input.dtype {
                throw OpError(
                    "weights must be \(input.dtype) of shape \(places), they are \(weight.dtype) of shape \(weight.shape)")
            }
            let points = input.detach().reshape([places.numel, isPoint ? 1 : input.shape[-1]])
            let edges = try find(points)
            for edge in edges {
                guard edge.ndim == 1, edge.numel >= 2, edge.dtype == input.dtype else {
                    throw OpError("edges must be at least two numbers of \(input.dtype), they are \(edge.dtype) of shape \(edge.shape)")
                }
            }
            var cell = Tensor.zeros([places.numel], dtype: .int64, device: input.device)
            var isInside = Tensor.ones([places.numel], dtype: .bool, device: input.device)
            for (i, edge) in edges.enumerated() {
                let x = points.select(1, i)
                let bin = (searchsorted(edge, x, right: true) - 1).clamp(max: edge.numel - 2)
                cell = cell * (edge.numel - 1) + bin
                isInside = isInside.logicalAnd(x.ge(edge.select(0, 0))).logicalAnd(x.le(edge.select(0, -1)))
            }
            let bins = edges.map { $0.numel - 1 }
            let counts = cell.counts(where: isInside, weight?.detach().reshape([-1]), bins.reduce(1, *))
            var hist = counts.to(input.dtype).reshape(bins)
            if density {
                hist = hist / hist.sum()
                for (i, edge) in edges.enumerated() {
                    var line = Shape(repeating: 1, count: bins.count)
                    line[i] = bins[i]
                    hist = hist / edge.detach().diff().reshape(line)
                }
            }
            return (hist, TensorList(edges))
        } catch {
            let failed = fail(error, op: op)
            return (failed, TensorList(poisoned: failed))
        }
    }
}
