/// Linear algebra: factorisations, equations, norms. PyTorch: `torch.linalg`.
///
/// Matrices are the last two dimensions, [*, m, n]; the others are a batch. Factorisations are computed by LAPACK on the host, in float32
/// or float64, also for tensors on other devices; the library is opened when a function first needs it (docs/devices.md). The bits of a
/// result do not depend on the number of threads.
public enum Linalg {}

/// The order of a norm: a number p, or the name of a norm of matrices.
public enum NormOrder: Sendable, Hashable, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral {
    /// For vectors (Σ|x|ᵖ)^(1/p). For matrices the largest sum of |x| in a column (1) or a row (∞), or the largest singular value (2); for
    /// −1, −∞, −2 the smallest.
    case p(Double)
    /// The Frobenius norm of matrices, the root of the sum of squares.
    case fro
    /// The nuclear norm of matrices, the sum of singular values.
    case nuc

    /// The largest |x| of a vector, the largest sum of |x| in a row of a matrix.
    public static var infinity: NormOrder { .p(.infinity) }

    public init(integerLiteral value: Int) { self = .p(Double(value)) }
    public init(floatLiteral value: Double) { self = .p(value) }
}

extension Tensor {
    /// Throws unless this is a matrix of at least two dimensions.
    final func requireMatrices() throws(OpError) {
        guard ndim >= 2 else { throw OpError("needs matrices, the tensor has shape \(shape)") }
    }

    /// Throws unless these are square matrices.
    final func requireSquare() throws(OpError) {
        guard ndim >= 2, shape[-1] == shape[-2] else { throw OpError("needs square matrices, the tensor has shape \(shape)") }
    }

    /// Throws unless LAPACK has functions for the dtype.
    final func requireLAPACKNumbers() throws(OpError) {
        guard dtype == .float32 || dtype == .float64 else {
            throw OpError("is computed in float32 or float64, this tensor is \(dtype); convert it with to(.float32)")
        }
    }

    /// Throws unless `other` has this dtype.
    final func requireSameDType(_ other: Tensor) throws(OpError) {
        guard dtype == other.dtype else { throw OpError("the operands are \(dtype) and \(other.dtype); convert one with to(_:)") }
    }

    /// The dimensions before the last two.
    final var batchShape: Shape { Shape(shape.dropLast(2)) }

    /// The dimensions that the batches of matrices `a` and `b` broadcast to.
    static func commonBatch(_ a: Tensor, _ b: Tensor) throws(OpError) -> Shape {
        guard let batch = Shape.broadcast(a.batchShape, b.batchShape) else {
            throw OpError("the batches of \(a.shape) and \(b.shape) do not broadcast")
        }
        return batch
    }

    /// For each matrix of `batch`, the index of the one in `own` that broadcasts to it.
    static func owners(in own: Shape, of batch: Shape) throws(OpError) -> [Int] {
        if own == batch { return Array(0..<batch.numel) }
        return try Tensor.arange(own.numel).usable().view(own, strides: own.contiguousStrides, offset: 0).expanded(batch).numbers()
    }

    /// Identity matrices of the size of the last two dimensions, n × n, with this tensor's dtype and device; they broadcast.
    final var identity: Tensor { Tensor.eye(shape[-1], dtype: dtype, device: device) }

    /// Diagonal matrices [*, n, n] of vectors [*, n].
    final var diagonalMatrices: Tensor { Tensor.where(identity.to(.bool), unsqueeze(-1), 0.0) }

    /// Throws unless right-hand sides `b` [*, m, k] fit these matrices [*, m, n].
    final func requireFitting(_ b: Tensor) throws(OpError) {
        guard b.ndim >= 2, b.shape[-2] == shape[-2] else {
            throw OpError("matrices of shape \(shape) and right sides of shape \(b.shape) do not fit")
        }
        try requireSameDType(b)
    }

    /// Throws unless `pivots` have the dtype and shape that fit these factors.
    final func requirePivots(_ pivots: Tensor) throws(OpError) {
        guard pivots.dtype == .int32, pivots.shape == Shape(shape.dropLast()) else {
            throw OpError("factors of shape \(shape) have int32 pivots, one for each row; these are \(pivots.dtype) \(pivots.shape)")
        }
    }

    /// Whether `b` is a batch of vectors [*, n] rather than matrices, for matrices self [*, n, n]: PyTorch's rule.
    final func takesVectors(_ b: Tensor) -> Bool { b.ndim == 1 || (ndim - 1 == b.ndim && b.shape == Shape(shape.dropLast())) }
}
