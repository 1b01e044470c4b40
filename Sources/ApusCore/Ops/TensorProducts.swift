extension Tensor {
    /// The products of all elements of a and b, summed over the last `dims` dimensions of a and the first of b. Traps if extents or dtypes
    /// differ. PyTorch: `torch.tensordot`.
    public static func tensordot(_ a: Tensor, _ b: Tensor, dims: Int = 2) -> Tensor {
        composite("tensordot", a, b) { () throws(OpError) in
            guard dims >= 0, dims <= a.ndim, dims <= b.ndim else {
                throw OpError("shapes \(a.shape) and \(b.shape) do not both have \(dims) dimensions to sum over")
            }
            return tensordot(a, b, dims: (Array(a.ndim - dims..<a.ndim), Array(0..<dims)))
        }
    }
    /// The products of all elements of a and b, summed over the pairs of dimensions `dims.0` of a and `dims.1` of b. The other dimensions
    /// keep their order, those of a first. An extent of 1 broadcasts. Traps if other extents or dtypes differ. PyTorch: `torch.tensordot`.
    public static func tensordot(_ a: Tensor, _ b: Tensor, dims: ([Int], [Int])) -> Tensor {
        composite("tensordot", .widest, a, b) { (a, b) throws(OpError) in
            guard dims.0.count == dims.1.count else { throw OpError("\(dims.0) and \(dims.1) are not pairs of dimensions") }
            try a.requireSameDType(b)
            guard dims.0.isEmpty || a.ndim > 0 && b.ndim > 0 else { throw OpError("a scalar has no dimensions to sum over") }
            let (inA, inB) = (try a.distinctDims(dims.0), try b.distinctDims(dims.1))
            var (x, y) = (a, b)
            for (i, j) in zip(inA, inB) where a.shape[i] != b.shape[j] {
                guard a.shape[i] == 1 || b.shape[j] == 1 else {
                    throw OpError("dim \(i) of shape \(a.shape) and dim \(j) of shape \(b.shape) differ")
                }
                if b.shape[j] == 1 {
                    x = x.sum(dim: i, keepDim: true, dtype: x.dtype)
                } else {
                    y = y.sum(dim: j, keepDim: true, dtype: y.dtype)
                }
            }
            let (rows, columns) = ((0..<a.ndim).filter { !inA.contains($0) }, (0..<b.ndim).filter { !inB.contains($0) })
            let inner = inA.reduce(1) { $0 * x.shape[$1] }
            let left = x.permute(rows + inA).reshape([rows.reduce(1) { $0 * a.shape[$1] }, inner])
            let right = y.permute(inB + columns).reshape([inner, columns.reduce(1) { $0 * b.shape[$1] }])
            let shape: [Int] = rows.map { a.shape[$0] } + columns.map { b.shape[$0] }
            return left.mm(right).reshape(shape)
        }
    }

    /// The Kronecker product: each element is replaced by its product with all of `other`. The extent of each dimension is the product of
    /// both extents; missing leading dimensions count as 1. PyTorch: `kron`.
    public final func kron(_ other: Tensor) -> Tensor {
        composite("kron", self, other) {
            let rank = Swift.max(ndim, other.ndim)
            let a: [Int] = Array(repeating: 1, count: rank - ndim) + Array(shape)
            let b: [Int] = Array(repeating: 1, count: rank - other.ndim) + Array(other.shape)
            let (outer, inner) = (Shape(a.flatMap { [$0, 1] }), Shape(b.flatMap { [1, $0] }))
            return (reshape(outer) * other.reshape(inner)).reshape(Shape((0..<rank).map { a[$0] * b[$0] }))
        }
    }

    /// The cross products a × b of the vectors along `dim`, which must have 3 elements; by default the first dimension that does. The other
    /// dimensions broadcast. Traps if shapes do not fit. PyTorch: `torch.cross`.
    public final func cross(_ other: Tensor, dim: Int? = nil) -> Tensor {
        composite("cross", .widest, self, other) { (a, b) throws(OpError) in
            guard a.ndim == b.ndim, Shape.broadcast(a.shape, b.shape) != nil else {
                throw OpError("shapes \(a.shape) and \(b.shape) must have as many dimensions and broadcast")
            }
            var found = a.shape.firstIndex(of: 3)
            if let dim { found = try normalize(dim: dim, ndim: a.ndim) }
            guard let at = found else { throw OpError("no dimension of shape \(a.shape) has 3 elements") }
            guard a.ndim > 0, a.shape[at] == 3, b.shape[at] == 3 else {
                throw OpError("dim \(at) must have 3 elements, the shapes are \(a.shape) and \(b.shape)")
            }
            return a.roll(-1, dim: at) * b.roll(-2, dim: at) - a.roll(-2, dim: at) * b.roll(-1, dim: at)
        }
    }

    /// Σ selfᵢ·otherᵢ along `dim`; the operands broadcast. Traps unless both have the same float dtype. PyTorch: `torch.linalg.vecdot`.
    package final func vecdot(_ other: Tensor, dim: Int = -1) -> Tensor {
        composite("vecdot", .lower, self, other) { (x, y) throws(OpError) in
            guard x.dtype == y.dtype, x.dtype.isFloatingPoint else {
                throw OpError("both must be of one float type, they are \(x.dtype) and \(y.dtype)")
            }
            _ = try Shape.broadcast([x.shape, y.shape])
            return (x * y).sum(dim: dim)
        }
    }

    /// The product of two or more matrices in the order that needs the fewest multiplications; the first may be a vector as a row, the last
    /// a vector as a column. Traps if shapes or dtypes do not fit. PyTorch: `torch.linalg.multi_dot`.
    public static func multiDot(_ tensors: some Sequence<Tensor>) -> Tensor {
        let all = Array(tensors)
        if let poisoned = all.first(where: \.isPoisoned) { return poisoned }
        do throws(OpError) {
            return try casting(.lower, all) { (cast) throws(OpError) in try chained(cast) }
        } catch {
            return fail(error, op: "multiDot")
        }
    }

    private static func chained(_ factors: [Tensor]) throws(OpError) -> Tensor {
        guard let first = factors.first, let last = factors.last, factors.count > 1 else {
            throw OpError("needs at least two tensors, not \(factors.count)")
        }
        let matrices = factors.enumerated().map { i, x in
            if x.ndim != 1 { return x }
            return i == 0 ? x.unsqueeze(0) : i == factors.count - 1 ? x.unsqueeze(1) : x
        }
        for (i, x) in matrices.enumerated() {
            guard x.ndim == 2 else {
                throw OpError("tensor \(i) has shape \(x.shape); it must be a matrix, or a vector at one of the ends")
            }
            guard i == 0 || matrices[i - 1].shape[1] == x.shape[0], x.dtype == first.dtype else {
                let (left, right) = (factors[i - 1], factors[i])
                throw OpError(
                    "tensors \(i - 1) and \(i) do not multiply: \(left.shape) (\(left.dtype)) and \(right.shape) (\(right.dtype))")
            }
        }
        let cuts = cheapestCuts([Double(matrices[0].shape[0])] + matrices.map { Double($0.shape[1]) })
        func product(_ i: Int, _ j: Int) -> Tensor { i == j ? matrices[i] : product(i, cuts[i][j]).mm(product(cuts[i][j] + 1, j)) }
        var result = product(0, matrices.count - 1)
        if last.ndim == 1 { result = result.squeeze(-1) }
        return first.ndim == 1 ? result.squeeze(0) : result
    }

    /// For the product of factors i to j, where factor k is [extents[k], extents[k + 1]], the last factor of the left part of the best
    /// split.
    private static func cheapestCuts(_ extents: [Double]) -> [[Int]] {
        let n = extents.count - 1
        var costs = [[Double]](repeating: [Double](repeating: 0, count: n), count: n)
        var cuts = [[Int]](repeating: [Int](repeating: 0, count: n), count: n)
        for length in 1..<n {
            for i in 0..<n - length {
                let j = i + length
                costs[i][j] = .infinity
                for k in i..<j {
                    let cost = costs[i][k] + costs[k + 1][j] + extents[i] * extents[k + 1] * extents[j + 1]
                    if cost < costs[i][j] {
                        costs[i][j] = cost
                        cuts[i][j] = k
                    }
                }
            }
        }
        return cuts
    }
}
