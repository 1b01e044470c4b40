/// A batch of matrix products a[b]·b[b] (+ bias on each row): [B, M, K] × [B, K, N] → [B, M, N].
///
/// dA = G·Bᵀ, dB = Aᵀ·G, dbias = Σ rows of G.
struct BatchedProduct: Op {
    var name: String { "matmul" }
    var autocast: AutocastPolicy { .lower }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        let out = try Tensor.uninitialized([a.shape[0], a.shape[1], b.shape[2]], a.dtype, a.device)
        try a.device.backend.matmul(a, b, bias: inputs.count > 2 ? inputs[2] : nil, into: out)
        saved.keep(a)
        saved.keep(b)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (a, b) = (context.saved[0], context.saved[1])
        var result: Gradients = [
            context.needs(0) ? product(grad, b.transpose(1, 2), like: a) : nil,
            context.needs(1) ? product(a.transpose(1, 2), grad, like: b) : nil,
        ]
        if context.inputCount > 2 { result.append(context.needs(2) ? grad.sum(dim: [0, 1]) : nil) }
        return result
    }

    /// x·y in the layout of `operand`, whose gradient it is. For a transposed view (such as the keys of attention) it computes (yᵀ·xᵀ)ᵀ,
    /// which costs the same and saves a transposing copy of the gradient.
    private func product(_ x: Tensor, _ y: Tensor, like operand: Tensor) -> Tensor {
        guard operand.strides[1] == 1 && operand.strides[2] > 1 else { return apply(BatchedProduct(), Inputs(x, y)) }
        return apply(BatchedProduct(), Inputs(y.transpose(1, 2), x.transpose(1, 2))).transpose(1, 2)
    }
}

extension Tensor {
    /// The matrix product, with PyTorch's rules: vector·vector is a dot product, a vector is a row on the left and a column on the right,
    /// and dimensions before the last two broadcast as batches. Traps if shapes or dtypes do not fit.
    public final func matmul(_ other: Tensor) -> Tensor {
        composite("matmul", .lower, self, other) { (x, y) throws(OpError) in try x.product(y) }
    }

    private final func product(_ other: Tensor) throws(OpError) -> Tensor {
        guard ndim > 0 && other.ndim > 0 else {
            throw OpError("both operands need a dimension, the shapes are \(shape) and \(other.shape); use * for scalars")
        }
        let (inner, outer) = (shape[-1], other.shape[other.ndim == 1 ? 0 : -2])
        guard inner == outer else {
            throw OpError(
                "shapes \(shape) and \(other.shape) do not multiply: \(inner) columns meet \(outer) rows; transpose or reshape one of them")
        }
        try requireSameDType(other)
        guard dtype != .bool else { throw OpError("is not defined for bool; convert with to(_:)") }
        let a = ndim == 1 ? unsqueeze(0) : self
        let b = other.ndim == 1 ? other.unsqueeze(1) : other
        var product: Tensor
        if b.ndim == 2 {
            // One product of all rows instead of many small products.
            let flat = a.reshape([1, a.shape.dropLast().reduce(1, *), inner])
            product = apply(BatchedProduct(), Inputs(flat, b.unsqueeze(0))).reshape(Shape(a.shape.dropLast() + [b.shape[1]]))
        } else {
            guard let batch = Shape.broadcast(Shape(a.shape.dropLast(2)), Shape(b.shape.dropLast(2))) else {
                throw OpError("the batch dimensions of \(shape) and \(other.shape) do not broadcast")
            }
            let x = a.expand(Shape(batch + a.shape.suffix(2))).flattenBatch()
            let y = b.expand(Shape(batch + b.shape.suffix(2))).flattenBatch()
            product = apply(BatchedProduct(), Inputs(x, y)).reshape(Shape(batch + [a.shape[-2], b.shape[-1]]))
        }
        if ndim == 1 { product = product.squeeze(-2) }
        if other.ndim == 1 { product = product.squeeze(-1) }
        return product
    }

    /// All dimensions but the last two merged into one; a matrix becomes a batch of one.
    private final func flattenBatch() -> Tensor {
        if ndim == 3 { return self }
        return ndim == 2 ? unsqueeze(0) : reshape(Shape([shape.dropLast(2).reduce(1, *)] + shape.suffix(2)))
    }

    /// The product of two matrices. Traps for other ranks. PyTorch: `mm`.
    public final func mm(_ other: Tensor) -> Tensor { ranked("mm", 2, other) ?? matmul(other) }
    /// The products of two batches of matrices, [B, M, K] and [B, K, N]. Traps for other ranks. PyTorch: `bmm`.
    public final func bmm(_ other: Tensor) -> Tensor {
        if let failed = ranked("bmm", 3, other) { return failed }
        guard isPoisoned || other.isPoisoned || shape[0] == other.shape[0] else {
            return fail("bmm", "the batches of \(shape) and \(other.shape) differ")
        }
        return matmul(other)
    }
    /// The product of a matrix and a vector. Traps for other ranks. PyTorch: `mv`.
    public final func mv(_ vector: Tensor) -> Tensor {
        if isPoisoned || vector.isPoisoned { return isPoisoned ? self : vector }
        guard ndim == 2, vector.ndim == 1 else {
            return fail("mv", "needs a matrix and a vector, the shapes are \(shape) and \(vector.shape)")
        }
        return matmul(vector)
    }
    /// Σ selfᵢ·otherᵢ for two vectors. Traps for other ranks. PyTorch: `dot`.
    public final func dot(_ other: Tensor) -> Tensor {
        ranked("dot", 1, other) ?? composite("dot", .widest, self, other) { x, y in x.matmul(y) }
    }
    /// Σ selfᵢ·otherᵢ for two vectors, the same as `dot` without complex numbers. Traps for other ranks. PyTorch: `vdot`.
    public final func vdot(_ other: Tensor) -> Tensor {
        ranked("vdot", 1, other) ?? composite("vdot", .widest, self, other) { x, y in x.matmul(y) }
    }
    /// The sums of products along the last dimension of both, for each pair of vectors of self and `other`; the product if one is a scalar.
    /// Traps if extents or dtypes differ. PyTorch: `inner`.
    public final func inner(_ other: Tensor) -> Tensor {
        composite("inner", self, other) { () throws(OpError) in
            if ndim == 0 || other.ndim == 0 { return self * other }
            guard shape[-1] == other.shape[-1] else {
                throw OpError("the last dimensions of \(shape) and \(other.shape) must have as many elements")
            }
            return Tensor.tensordot(self, other, dims: ([-1], [-1]))
        }
    }
    /// The products selfᵢ·otherⱼ of two vectors [M] and [N], [M, N]. Traps for other ranks. PyTorch: `outer`.
    public final func outer(_ other: Tensor) -> Tensor { ranked("outer", 1, other) ?? unsqueeze(1) * other.unsqueeze(0) }

    private final func ranked(_ op: String, _ rank: Int, _ other: Tensor) -> Tensor? {
        if isPoisoned || other.isPoisoned { return isPoisoned ? self : other }
        return ndim == rank && other.ndim == rank
            ? nil : fail(op, "both operands need \(rank) dimensions, the shapes are \(shape) and \(other.shape); matmul takes others")
    }

    /// β·self + α·(a·b); self broadcasts to the product's shape. If β = 0, NaN and infinities in self are ignored. All have the same dtype;
    /// for integers the factors are truncated. PyTorch: `addmm`.
    public final func addmm(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        composite("addmm", .lower, self, a, b) { (c, a, b) throws(OpError) in try c.plus(a.mm(b), beta._scalar, alpha._scalar) }
    }
    /// β·self + α·(a·b) for batches, with the rules of `addmm`. PyTorch: `baddbmm`.
    public final func baddbmm(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        composite("baddbmm", .lower, self, a, b) { (c, a, b) throws(OpError) in try c.plus(a.bmm(b), beta._scalar, alpha._scalar) }
    }
    /// β·self + α·Σ a[i]·b[i] for batches a [B, M, K] and b [B, K, N], with the rules of `addmm`. PyTorch: `addbmm`.
    public final func addbmm(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        composite("addbmm", .lower, self, a, b) { (c, a, b) throws(OpError) in
            guard a.ndim == 3, b.ndim == 3, a.shape[0] == b.shape[0], a.shape[2] == b.shape[1] else {
                throw OpError("the batches of \(a.shape) and \(b.shape) do not multiply; they must be [B, M, K] and [B, K, N]")
            }
            // The sum of the products is a single product, of all columns side by side and all rows below each other.
            let inner = a.shape[0] * a.shape[2]
            let product = a.transpose(0, 1).reshape([a.shape[1], inner]).mm(b.reshape([inner, b.shape[2]]))
            return try c.plus(product, beta._scalar, alpha._scalar)
        }
    }
    /// β·self + α·(a·b) for a matrix a and a vector b, with the rules of `addmm`. PyTorch: `addmv`.
    public final func addmv(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        composite("addmv", .lower, self, a, b) { (c, a, b) throws(OpError) in try c.plus(a.mv(b), beta._scalar, alpha._scalar) }
    }
    /// β·self + α·(aᵢ·bⱼ) for two vectors, with the rules of `addmm`; dtypes promote. PyTorch: `addr`.
    public final func addr(_ a: Tensor, _ b: Tensor, beta: some ScalarConvertible = 1, alpha: some ScalarConvertible = 1) -> Tensor {
        composite("addr", .lower, self, a, b) { (c, a, b) throws(OpError) in
            let dtype = Tensor.resultType([c, a, b])
            if dtype == .bool {
                // For bools the sum is `or` and the product `and`.
                let product = a.outer(b).logicalAnd(Tensor(alpha._scalar.doubleValue != 0, device: device))
                return c.logicalAnd(Tensor(beta._scalar.doubleValue != 0, device: device)).logicalOr(product)
            }
            return try c.to(dtype).plus(a.to(dtype).outer(b.to(dtype)), beta._scalar, alpha._scalar)
        }
    }

    /// β·self + α·product
    private final func plus(_ product: Tensor, _ beta: Scalar, _ alpha: Scalar) throws(OpError) -> Tensor {
        if product.isPoisoned { return product }
        guard dtype == product.dtype else {
            throw OpError("the summand is \(dtype), the product \(product.dtype); convert one with to(_:)")
        }
        guard Shape.broadcast(shape, product.shape) == product.shape else {
            throw OpError("a summand of shape \(shape) does not broadcast to the product's shape \(product.shape)")
        }
        func times(_ x: Tensor, _ number: Scalar) -> Tensor {
            let factor = x.dtype.isFloatingPoint ? number : .int(number.int64Value)
            return factor.doubleValue == 1 ? x : x * factor
        }
        let scaled = times(product, alpha)
        // self is ignored, but autograd still gives it a gradient of 0.
        if beta.doubleValue == 0 {
            return requiresGrad ? Tensor.where(Tensor.full([], .bool(false), device: device), self, scaled) : scaled
        }
        return times(self, beta) + scaled
    }
}
