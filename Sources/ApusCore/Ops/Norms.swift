extension Tensor {
    /// Scales each slice along `dim` whose norm of order `p` is larger than `maxnorm` by maxnorm / (norm + 10⁻⁷). Traps for integers, for
    /// less than two dimensions, for p ≤ 0 and for a negative maxnorm. PyTorch: `renorm`.
    public final func renorm(_ p: Double, dim: Int, _ maxnorm: Double) -> Tensor {
        if let failed = floatsOnly("renorm") { return failed }
        return composite("renorm", .float32, self) { (x) throws(OpError) in
            guard x.ndim >= 2 else { throw OpError("needs at least two dimensions, the shape is \(x.shape)") }
            guard p > 0, maxnorm >= 0 else {
                throw OpError("p must be positive and maxnorm not negative, they are \(p) and \(maxnorm)")
            }
            let at = try normalize(dim: dim, ndim: x.ndim)
            let norms = x.to(x.dtype.computeType).norm(p: p, dim: (0..<x.ndim).filter { $0 != at }, keepDim: true)
            return x * Tensor.where(norms.gt(maxnorm), maxnorm / (norms + 1e-7), 1).to(x.dtype)
        }
    }
    /// `renorm(_:dim:_:)`, by position.
    public final func renorm(_ p: Double, _ dim: Int, _ maxnorm: Double) -> Tensor { renorm(p, dim: dim, maxnorm) }
    /// x ← x with slices along `dim` scaled to a norm of at most `maxnorm`, as `renorm`. PyTorch: `renorm_`.
    @discardableResult public final func renorm_(_ p: Double, dim: Int, _ maxnorm: Double) -> Self {
        updateInPlace("renorm_") { $0.renorm(p, dim: dim, maxnorm) }
    }
    /// `renorm_(_:dim:_:)`, by position.
    @discardableResult public final func renorm_(_ p: Double, _ dim: Int, _ maxnorm: Double) -> Self { renorm_(p, dim: dim, maxnorm) }
}
