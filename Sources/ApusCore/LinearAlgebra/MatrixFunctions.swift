/// exp A of square matrices by scaling and squaring: (Σ Bⁱ/i!)^(2ˢ) with B = A/2ˢ, ‖B‖₁ ≤ ½, and as many terms as the dtype's precision
/// needs. 16-bit floats are computed in float32.
///
/// Derivative: the upper right block of exp of (Aᵀ Ȳ; 0 Aᵀ), where Ȳ is the result's gradient.
private struct MatrixExponential: Op {
    var name: String { "matrixExp" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let a = inputs[0]
        try a.requireSquare()
        try a.requireFloats()
        saved.keep(a)
        return try unrecorded { () throws(OpError) in
            a.numel == 0 ? a.clone() : try MatrixExponential.exponential(a.to(a.dtype.computeType)).to(a.dtype)
        }
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let a = context.saved[0].mT
        if a.numel == 0 { return [grad] }
        // The result is linear in the gradient, which is normalised so that a large one does not reduce the precision of the scaling.
        let size = noGrad { grad.detach().abs().sum(dim: -2, keepDim: true).amax(dim: [-1], keepDim: true) }
        let unit = noGrad { size.maskedFill(size.eq(0), 1.0) }
        let n = a.shape[-1]
        let above = Tensor.cat([a, grad / unit], dim: -1)
        let below = Tensor.cat([Tensor.zeros(like: a), a], dim: -1)
        return [Tensor.cat([above, below], dim: -2).matrixExp().narrow(-2, 0, n).narrow(-1, n, n) * unit]
    }

    private static func exponential(_ a: Tensor) throws(OpError) -> Tensor {
        let norms = a.abs().sum(dim: -2).amax(dim: [-1])
        let squarings = try norms.numbers(Double.self).map { norm in
            norm > 0.5 && norm.isFinite ? Int(norm.exponent) + (norm.significand == 1 ? 1 : 2) : 0
        }
        let each = Shape(norms.shape + [1, 1])
        let scales = squarings.map { Double(sign: .plus, exponent: -$0, significand: 1) }
        let b = a * Tensor(scales, shape: each, dtype: a.dtype, device: a.device)

        // ½ⁿ/n! is below 2⁻²⁴ from n = 9 on, and below 2⁻⁵³ from n = 16 on. The series is a polynomial in B³ or B⁴, whose coefficients are
        // polynomials with this many terms in B (Paterson, Stockmeyer, 1973).
        let terms = a.dtype == .float64 ? 4 : 3
        let identity = a.identity
        var powers = [identity, b]
        while powers.count <= terms { powers.append(powers[powers.count - 1].matmul(b)) }
        var inverseFactorials = [1.0]
        for i in 1..<terms * terms { inverseFactorials.append(inverseFactorials[i - 1] / Double(i)) }
        func coefficient(_ place: Int) -> Tensor {
            var sum = identity * inverseFactorials[place * terms]
            for i in 1..<terms { sum = sum + powers[i] * inverseFactorials[place * terms + i] }
            return sum
        }
        var result = coefficient(terms - 1)
        for place in (0..<terms - 1).reversed() { result = result.matmul(powers[terms]) + coefficient(place) }

        for step in 0..<(squarings.max() ?? 0) {
            let squared = result.matmul(result)
            let isGoingOn = Tensor(squarings.map { $0 > step }, shape: each, device: a.device)
            result = Tensor.where(isGoingOn, squared, result)
        }
        return result.maskedFill(norms.isfinite().logicalNot().reshape(each), Double.nan)
    }
}

extension Tensor {
    /// exp A = Σ Aⁱ/i! for square matrices. PyTorch: `matrix_exp`.
    public final func matrixExp() -> Tensor { apply(MatrixExponential(), Inputs(self)) }

    /// The n-th power of square matrices; for negative n that of the inverse. Traps if the inverse is needed and a matrix is singular.
    public final func matrixPower(_ n: Int) -> Tensor {
        composite("matrixPower", .asIs, self) { (x) throws(OpError) in
            try x.requireSquare()
            // The identity does not depend on x, whose gradient is 0.
            if n == 0 { return Tensor.where(Tensor.full([], .bool(false), device: x.device), x, x.identity) }
            if n == 1 { return x.clone() }
            var (square, result, left) = (n < 0 ? x.inverse() : x, nil as Tensor?, n.magnitude)
            while true {
                if left % 2 == 1 { result = result.map { $0.matmul(square) } ?? square }
                left /= 2
                guard left > 0 else { break }
                square = square.matmul(square)
            }
            return result ?? square
        }
    }
}

extension Linalg {
    /// Products of matrices: `Tensor.matmul`.
    public static func matmul(_ a: Tensor, _ b: Tensor) -> Tensor { a.matmul(b) }
    /// The product of several matrices, in the order that takes the fewest steps: `Tensor.multiDot`.
    public static func multiDot(_ tensors: some Sequence<Tensor>) -> Tensor { Tensor.multiDot(tensors) }
    /// Σ aᵢ·bᵢ along `dim`: `Tensor.vecdot`.
    public static func vecdot(_ a: Tensor, _ b: Tensor, dim: Int = -1) -> Tensor { a.vecdot(b, dim: dim) }
    /// The cross product of vectors of three elements along `dim`: `Tensor.cross`.
    public static func cross(_ a: Tensor, _ b: Tensor, dim: Int = -1) -> Tensor { a.cross(b, dim: dim) }
    /// The diagonals of the matrices in the last two dimensions: `Tensor.diagonal`.
    public static func diagonal(_ a: Tensor, offset: Int = 0, dim1: Int = -2, dim2: Int = -1) -> Tensor {
        a.diagonal(offset: offset, dim1: dim1, dim2: dim2)
    }
    /// The powers 0, 1, …, n − 1 of each element: `Tensor.vander`.
    public static func vander(_ x: Tensor, n: Int? = nil) -> Tensor { Tensor.vander(x, n: n, increasing: true) }

    /// exp A of square matrices: `Tensor.matrixExp`.
    public static func matrixExp(_ a: Tensor) -> Tensor { a.matrixExp() }

    /// The n-th power of square matrices: `Tensor.matrixPower`.
    public static func matrixPower(_ a: Tensor, _ n: Int) -> Tensor { a.matrixPower(n) }

    /// A norm of the vectors along `dim`, by default of all elements: (Σ|x|ᵖ)^(1/p), the largest |x| for ∞, the smallest for −∞, the number
    /// of nonzero elements for 0. Elements are converted to `dtype` first if it is given.
    public static func vectorNorm(
        _ x: Tensor, ord: Double = 2, dim: some Collection<Int> = [], keepDim: Bool = false, dtype: DType? = nil
    ) -> Tensor {
        (dtype.map { x.to($0) } ?? x).norm(p: ord, dim: dim, keepDim: keepDim)
    }
    /// A norm of the vectors along `dim`.
    public static func vectorNorm(_ x: Tensor, ord: Double = 2, dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        vectorNorm(x, ord: ord, dim: [dim], keepDim: keepDim, dtype: dtype)
    }

    /// A norm of the matrices whose rows and columns are the two dimensions `dim`, as listed in `NormOrder`. Elements are converted to
    /// `dtype` first if it is given. Norms by singular values are computed in float32 or float64.
    public static func matrixNorm(
        _ a: Tensor, ord: NormOrder = .fro, dim: [Int] = [-2, -1], keepDim: Bool = false, dtype: DType? = nil
    ) -> Tensor {
        composite("matrixNorm", .asIs, a) { (a) throws(OpError) in
            try a.requireMatrices()
            let x = dtype.map { a.to($0) } ?? a
            try x.requireFloats()
            guard dim.count == 2 else { throw OpError("dim = \(dim) are not the two dimensions of matrices") }
            let (rows, columns) = (try normalize(dim: dim[0], ndim: x.ndim), try normalize(dim: dim[1], ndim: x.ndim))
            guard rows != columns else { throw OpError("dim \(dim[1]) stands twice in \(dim)") }
            // Reduces the singular values; restores the two dimensions if they are to be kept.
            func spectral(_ reduce: (Tensor) -> Tensor) -> Tensor {
                let others = (0..<x.ndim).filter { $0 != rows && $0 != columns }
                let norms = reduce(svdvals(x.permute(others + [rows, columns])))
                return keepDim ? norms.unsqueeze(min(rows, columns)).unsqueeze(max(rows, columns)) : norms
            }
            switch ord {
            case .fro: return x.norm(dim: [rows, columns], keepDim: keepDim)
            case .nuc: return spectral { $0.sum(dim: -1) }
            case .p(2): return spectral { $0.amax(dim: [-1]) }
            case .p(-2): return spectral { $0.amin(dim: [-1]) }
            case .p(let p) where abs(p) == 1 || abs(p) == .infinity:
                let (summed, other) = abs(p) == 1 ? (rows, columns) : (columns, rows)
                let sums = x.abs().sum(dim: summed, keepDim: true)
                let norms = p > 0 ? sums.amax(dim: [other], keepDim: true) : sums.amin(dim: [other], keepDim: true)
                return keepDim ? norms : norms.squeeze([rows, columns])
            case .p(let p): throw OpError("matrices have no norm of order \(p); ±1, ±2 and ±∞ there are, .fro and .nuc")
            }
        }
    }

    /// A norm of vectors if `dim` is one dimension, of matrices if it is two: `vectorNorm`, `matrixNorm`. Without `dim` the tensor must be
    /// a vector or a matrix, unless `ord` is omitted too: then all elements are one vector. Without `ord` the norm is the root of the sum
    /// of squares.
    public static func norm(
        _ x: Tensor, ord: NormOrder? = nil, dim: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil
    ) -> Tensor {
        composite("norm", .asIs, x) { (x) throws(OpError) in
            if let dim, dim.count != 1 && dim.count != 2 { throw OpError("dim = \(dim) are neither one dimension nor two") }
            guard let ord else { return vectorNorm(x, dim: dim ?? [], keepDim: keepDim, dtype: dtype) }
            guard dim != nil || x.ndim == 1 || x.ndim == 2 else {
                throw OpError("a tensor of shape \(x.shape) is neither a vector nor a matrix; say dim")
            }
            if (dim?.count ?? x.ndim) == 2 { return matrixNorm(x, ord: ord, dim: dim ?? [0, 1], keepDim: keepDim, dtype: dtype) }
            guard case .p(let p) = ord else { throw OpError("\(ord) is a norm of matrices, which have two dimensions") }
            return vectorNorm(x, ord: p, dim: dim ?? [0], keepDim: keepDim, dtype: dtype)
        }
    }
    /// A norm of the vectors along `dim`.
    public static func norm(_ x: Tensor, ord: NormOrder? = nil, dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        norm(x, ord: ord, dim: [dim], keepDim: keepDim, dtype: dtype)
    }

    /// `norm(_:ord:dim:keepDim:dtype:)`, the order by position.
    public static func norm(_ x: Tensor, _ ord: NormOrder, dim: [Int]? = nil, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        norm(x, ord: ord, dim: dim, keepDim: keepDim, dtype: dtype)
    }
    /// `norm(_:ord:dim:keepDim:dtype:)` along one dimension, the order by position.
    public static func norm(_ x: Tensor, _ ord: NormOrder, dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        norm(x, ord: ord, dim: [dim], keepDim: keepDim, dtype: dtype)
    }
    /// `vectorNorm(_:ord:dim:keepDim:dtype:)`, the order by position.
    public static func vectorNorm(
        _ x: Tensor, _ ord: Double, dim: some Collection<Int> = [], keepDim: Bool = false, dtype: DType? = nil
    ) -> Tensor {
        vectorNorm(x, ord: ord, dim: dim, keepDim: keepDim, dtype: dtype)
    }
    /// `vectorNorm(_:ord:dim:keepDim:dtype:)` along one dimension, the order by position.
    public static func vectorNorm(_ x: Tensor, _ ord: Double, dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        vectorNorm(x, ord: ord, dim: [dim], keepDim: keepDim, dtype: dtype)
    }
    /// `matrixNorm(_:ord:dim:keepDim:dtype:)`, the order by position.
    public static func matrixNorm(
        _ a: Tensor, _ ord: NormOrder, dim: [Int] = [-2, -1], keepDim: Bool = false, dtype: DType? = nil
    ) -> Tensor {
        matrixNorm(a, ord: ord, dim: dim, keepDim: keepDim, dtype: dtype)
    }
    /// `cond(_:p:)`, the norm by position.
    public static func cond(_ a: Tensor, _ p: NormOrder) -> Tensor { cond(a, p: p) }

    /// The condition number of matrices in the norm `p`, ‖A‖·‖A⁻¹‖: by default, and for 2, the largest singular value divided by the
    /// smallest, for −2 the smallest divided by the largest, also for matrices that are not square. Infinite for a singular matrix; for a
    /// zero matrix NaN if it is computed from singular values.
    public static func cond(_ a: Tensor, p: NormOrder? = nil) -> Tensor {
        composite("cond", .asIs, a) { (a) throws(OpError) in
            let order = p ?? 2
            let isSpectral = order == 2 || order == -2
            if isSpectral { try a.requireMatrices() } else { try a.requireSquare() }
            try a.requireLAPACKNumbers()
            if a.numel == 0 { return Tensor.zeros(a.batchShape, dtype: a.dtype, device: a.device) }
            if isSpectral || order == .nuc {
                let values = svdvals(a)
                if order == .nuc { return values.sum(dim: -1) * values.reciprocal().sum(dim: -1) }
                let (largest, smallest) = (values.select(-1, 0), values.select(-1, -1))
                return order == -2 ? smallest / largest : largest / smallest
            }
            let (inverse, info) = invEx(a)
            let filled = inverse.maskedFill(info.gt(0).unsqueeze(-1).unsqueeze(-1), Double.infinity)
            let product = matrixNorm(a, ord: order) * matrixNorm(filled, ord: order)
            // For a zero matrix the product is 0·∞.
            return product.maskedFill(product.isnan(), Double.infinity)
        }
    }
}
