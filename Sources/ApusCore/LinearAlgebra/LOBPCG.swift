/// How `Tensor.lobpcg` extends its search subspace. PyTorch: `method`.
public enum LOBPCGMethod: Sendable {
    /// By directions that are orthogonalised against it first, which is stable for close eigenvalues.
    case ortho
    /// By the directions without orthogonalisation, which is faster.
    case basic
}

/// The k largest or smallest eigenvalues of symmetric matrices A [N, m, m], [N, k], and their vectors [N, m, k]. Inputs: A, approximations
/// of n ≥ k vectors [N, m, n], then B and a preconditioner if there are any.
///
/// Derivative, without B, as that of `eigh` for these pairs: Ā = U·(diag(λ̄) + (UᵀŪ)ᵢⱼ/(λⱼ − λᵢ) outside the diagonal)·Uᵀ + Z·Uᵀ, where the
/// columns of Z solve (λⱼ·I − A)·zⱼ = (I − UUᵀ)·ūⱼ and are orthogonal to U: the share of the vectors that were not asked for.
private struct LOBPCG: Op {
    let k: Int
    let niter: Int
    let tol: Double
    let largest: Bool
    let method: LOBPCGMethod
    let hasB: Bool
    let hasPreconditioner: Bool

    var name: String { "lobpcg" }
    var outputCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let a = inputs[0]
        let (count, m) = (a.shape[0], a.shape[-1])
        let outputs = [
            try Tensor.uninitialized([count, k], a.dtype, a.device), try Tensor.uninitialized([count, m, k], a.dtype, a.device),
        ]
        try setGradEnabled(false) { () throws(OpError) in
            for i in 0..<count {
                var search = try EigenpairSearch(
                    a: a.select(0, i), b: hasB ? inputs[2].select(0, i) : nil,
                    preconditioner: hasPreconditioner ? inputs[hasB ? 3 : 2].select(0, i) : nil, tol: tol, largest: largest,
                    method: method, vectors: inputs[1].select(0, i))
                try search.run(for: k, niter: niter)
                let backend = a.device.backend
                try backend.copy(search.values.narrow(0, 0, k).usable(), into: outputs[0].select(0, i))
                try backend.copy(search.vectors.narrow(1, 0, k).usable(), into: outputs[1].select(0, i))
            }
        }
        saved.keep(a)
        for (i, output) in outputs.enumerated() { saved.keepOutput(output, index: i) }
        return outputs
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) throws(OpError) -> Gradients {
        if hasB { throw OpError("has no derivative with B, as in PyTorch") }
        let none = [Tensor?](repeating: nil, count: context.inputCount - 1)
        let (a, values, vectors) = (context.saved[0], context.saved[1], context.saved[2])
        let transposed = vectors.mT
        guard let gradVectors = grads[1] else { return Gradients([(vectors * grads[0]!.unsqueeze(-2)).matmul(transposed)] + none) }
        let within = transposed.matmul(gradVectors)
        var left = vectors.matmul(SymmetricEigen.gradientWithin(values, grads[0], within))
        if k < a.shape[-1] {
            let rest = gradVectors - vectors.matmul(within)
            let columns = (0..<k).map { j -> Tensor in
                // On U this is the identity, elsewhere λⱼ·I − A.
                let value = values.narrow(-1, j, 1)
                let known = (vectors * (values - value + 1).unsqueeze(-2)).matmul(transposed)
                return Linalg.solve(value.unsqueeze(-1) * a.identity - a + known, rest.narrow(-1, j, 1))
            }
            left = left + Tensor.cat(columns, dim: -1)
        }
        return Gradients([left.matmul(transposed)] + none)
    }
}

/// The search for eigenpairs of one symmetric matrix, A·x = λ·B·x. Each step takes the best pairs within a subspace, which is spanned by
/// the current vectors X, the last step P, and the residuals W = A·X − λ·B·X (Knyazev, 2001; Duersch et al., 2018).
private struct EigenpairSearch {
    private let a: Tensor
    private let b: Tensor?
    private let preconditioner: Tensor?
    private let tol: Double
    private let largest: Bool
    private let method: LOBPCGMethod
    /// X [m, n].
    private(set) var vectors: Tensor
    /// [n]
    private(set) var values: Tensor
    /// X, the last step P and the residuals W; the next step searches in it, without the first `converged` columns.
    private var subspace: Tensor
    private var converged = 0
    /// ‖A·X‖/‖X‖ and ‖B·X‖/‖X‖ of the initial X, relative to which residuals are measured.
    private let normOfA: Double
    private let normOfB: Double

    init(
        a: Tensor, b: Tensor?, preconditioner: Tensor?, tol: Double, largest: Bool, method: LOBPCGMethod, vectors: Tensor
    )
        throws(OpError)
    {
        (self.a, self.b, self.preconditioner, self.tol, self.largest, self.method) = (a, b, preconditioner, tol, largest, method)
        (self.vectors, values, subspace) = (vectors, vectors, vectors)
        let length = try Self.length(vectors)
        normOfA = try Self.length(a.matmul(vectors)) / length
        normOfB = try Self.length(b?.matmul(vectors) ?? vectors) / length
    }

    /// Runs until the first `k` pairs have converged, at most `niter` steps, or any number if that is below 1.
    mutating func run(for k: Int, niter: Int) throws(OpError) {
        try begin()
        var left = niter - 1
        while converged < k && left != 0 {
            try step()
            left -= 1
        }
    }

    private mutating func begin() throws(OpError) {
        let transform = try orthogonalization(vectors)
        let (found, z) = eigenpairs(form(form(a, vectors), transform))
        (vectors, values) = (vectors.matmul(transform.matmul(z)), found)
        try widen(by: vectors.narrow(1, 0, 0))
    }

    private mutating func step() throws(OpError) {
        let (n, done) = (vectors.shape[1], converged)
        let searched = Self.columns(subspace, from: done, to: subspace.shape[1])
        let found: Tensor
        let better: Tensor
        let direction: Tensor
        switch method {
        case .ortho:
            let (all, z) = eigenpairs(form(a, searched))
            let (first, others) = (Self.columns(z, from: 0, to: n - done), Self.columns(z, from: n - done, to: z.shape[1]))
            found = all
            better = searched.matmul(first)
            // The component of the other columns that turned the old vectors into the new ones.
            direction = searched.matmul(others.matmul(Linalg.qr(others.narrow(0, 0, n - done).mT).q))
        case .basic:
            let transform = try orthogonalization(searched)
            let (all, z) = eigenpairs(form(form(a, searched), transform))
            found = all
            better = searched.matmul(transform.matmul(Self.columns(z, from: 0, to: n - done)))
            direction = searched.matmul(transform.matmul(Self.columns(z, from: n, to: 2 * n - done)))
        }
        vectors = Tensor.cat([vectors.narrow(1, 0, done), better], dim: 1)
        values = Tensor.cat([values.narrow(0, 0, done), found.narrow(0, 0, n - done)])
        try widen(by: direction)
    }

    /// Counts the converged pairs, and builds the next subspace.
    private mutating func widen(by direction: Tensor) throws(OpError) {
        let residuals = a.matmul(vectors) - timesB(vectors) * values
        let scale = vectors.norm(dim: 0) * (values.abs() * normOfB + normOfA)
        let errors = try (residuals.norm(dim: 0) / scale).numbers(Double.self)
        // Pairs after one that has not converged do not count, so that the order is kept.
        converged = max(converged, errors.prefix(while: { $0 < tol }).count)
        let known = Tensor.cat([vectors, direction], dim: 1)
        var further = Self.columns(residuals, from: converged, to: residuals.shape[1])
        if let preconditioner { further = preconditioner.matmul(further) }
        if method == .ortho { further = try orthonormal(further, to: known) }
        subspace = try Tensor.cat([known, further], dim: 1).usable()
    }

    // MARK: Parts

    private func timesB(_ x: Tensor) -> Tensor { b?.matmul(x) ?? x }

    /// The Frobenius norm.
    private static func length(_ x: Tensor) throws(OpError) -> Double { try x.norm().numbers()[0] }

    /// Sᵀ·M·S, or Sᵀ·S.
    private func form(_ matrix: Tensor?, _ s: Tensor) -> Tensor { s.mT.matmul(matrix?.matmul(s) ?? s) }

    /// All eigenvalues of a small matrix, the wanted ones first, and eigenvectors as columns.
    private func eigenpairs(_ matrix: Tensor) -> (values: Tensor, vectors: Tensor) {
        let (values, vectors) = Linalg.eigh(matrix, uplo: .upper)
        return largest ? (values.flip(-1), vectors.flip(-1)) : (values, vectors)
    }

    /// The columns of `x` in `first` ..< `end`, as far as they exist.
    private static func columns(_ x: Tensor, from first: Int, to end: Int) -> Tensor {
        let start = min(first, x.shape[1])
        return x.narrow(1, start, max(min(end, x.shape[1]) - start, 0))
    }

    /// The R for which S·R has columns that are orthonormal by B.
    private func orthogonalization(_ s: Tensor) throws(OpError) -> Tensor {
        let products = form(b, s)
        let scales = products.diagonal().pow(-0.5)
        let factor = (products * scales * scales.unsqueeze(-1)).cholesky(upper: true)
        return try factor.solveTriangular(scales.diagonalMatrices, upper: true, left: false).usable()
    }

    /// Columns that extend V to a basis of the span of U and V, orthonormal by B and orthogonal to V; columns of U in the span of V may be
    /// left out.
    private func orthonormal(_ u: Tensor, to v: Tensor) throws(OpError) -> Tensor {
        var u = u
        let lengthOfV = try Self.length(timesB(v))
        var overlap = v.mT.matmul(timesB(u))
        for _ in 0..<3 {
            u = u - v.matmul(overlap)
            var product = u
            for _ in 0..<3 {
                u = try normalized(u)
                if u.numel == 0 { return u }
                product = timesB(u)
                let rest = u.mT.matmul(product) - Tensor.eye(u.shape[1], dtype: u.dtype, device: u.device)
                if try Self.length(rest) / (Self.length(product) * Self.length(u)) < tol { break }
            }
            overlap = v.mT.matmul(product)
            if try Self.length(overlap) / (lengthOfV * Self.length(u)) < tol { break }
        }
        return u
    }

    /// The columns of `u` made orthonormal by B, through the singular values of their products; zero columns are left out.
    private func normalized(_ u: Tensor) throws(OpError) -> Tensor {
        let lengths = try (u * timesB(u)).sum(dim: 0).numbers(Double.self)
        let kept = lengths.indices.filter { lengths[$0] != 0 }
        let columns = kept.count == lengths.count ? u : u.indexSelect(dim: 1, Tensor(kept, shape: [kept.count], device: u.device))
        if columns.numel == 0 { return columns }
        let products = form(b, columns)
        let scales = products.diagonal().pow(-0.5)
        let (values, z) = Linalg.eigh(products * scales * scales.unsqueeze(-1), uplo: .upper)
        let bounded = values.maximum(values.abs().max() * tol)
        return try (columns * scales).matmul(z * bounded.pow(-0.5)).usable()
    }
}

extension Tensor {
    /// The `k` largest eigenvalues of symmetric A [*, m, m], or the smallest unless `largest`, [*, k], and their vectors as columns [*, m,
    /// k], by steps that only need products with A: for few pairs of large matrices, where `Linalg.eigh` computes all. With `b`, symmetric
    /// and positive definite like A, solves A·x = λ·B·x with xᵀ·B·x = 1.
    ///
    /// `x` are initial approximations [*, m, n] of the vectors, by default n random ones from the default generator; n is `k` unless given,
    /// and k is 1, or that of `x`. m must be at least 3n. `iK`, an approximation of A's inverse [*, m, m], is a preconditioner that reduces
    /// the number of steps. The search ends when ‖A·x − λ·B·x‖ < `tol`·‖x‖·(‖A‖ + |λ|·‖B‖) for all pairs, by default with √ε of the dtype,
    /// or after `niter` steps; −1 sets no limit. The signs of the vectors are arbitrary.
    ///
    /// A and its gradient are symmetrised. With `b` there is no gradient. Traps for dtypes other than float32 and float64, and for shapes
    /// that do not fit. PyTorch: `torch.lobpcg`, whose method `ortho` ignores `iK`.
    public static func lobpcg(
        _ a: Tensor, k: Int? = nil, b: Tensor? = nil, x: Tensor? = nil, n: Int? = nil, iK: Tensor? = nil, niter: Int = 1000,
        tol: Double? = nil, largest: Bool = true, method: LOBPCGMethod = .ortho
    ) -> (eigenvalues: Tensor, eigenvectors: Tensor) {
        let found = compositeList("lobpcg", count: 2, a, b ?? a, x ?? a, iK ?? a) { () throws(OpError) in
            try a.requireSquare()
            try a.requireLAPACKNumbers()
            for other in [b, x, iK].compactMap({ $0 }) { try a.requireSameDType(other) }
            let (m, batch) = (a.shape[-1], a.batchShape)
            let asked = k ?? x?.shape[-1] ?? 1
            let width = x?.shape[-1] ?? n ?? asked
            guard asked >= 1, asked <= width else { throw OpError("\(asked) pairs cannot be found with \(width) vectors") }
            guard m >= 3 * width else {
                throw OpError("matrices of \(m) rows are too small for \(width) vectors, which need \(3 * width); Linalg.eigh finds all")
            }
            if let b, b.shape != a.shape { throw OpError("b has shape \(b.shape), the matrix \(a.shape)") }
            let shapeOfX = Shape(batch + [m, width])
            if let x, x.shape != shapeOfX { throw OpError("x has shape \(x.shape), not \(shapeOfX)") }
            if let iK, Shape.broadcast(iK.shape, a.shape) != a.shape {
                throw OpError("iK of shape \(iK.shape) does not broadcast to the matrix's shape \(a.shape)")
            }
            func flat(_ x: Tensor) -> Tensor { x.reshape([batch.numel, x.shape[-2], x.shape[-1]]) }
            let start = x?.detach() ?? randn(shapeOfX, dtype: a.dtype, device: a.device)
            let op = LOBPCG(
                k: asked, niter: niter, tol: tol ?? a.dtype.epsilon.squareRoot(), largest: largest, method: method, hasB: b != nil,
                hasPreconditioner: iK != nil)
            let symmetric = (a + a.mT) / 2
            let operands = [symmetric, start, b, iK?.detach().expand(a.shape)].compactMap { $0 }
            let found = apply(op, Inputs(operands.map(flat)))
            return [found[0].reshape(Shape(batch + [asked])), found[1].reshape(Shape(batch + [m, asked]))]
        }
        return (found[0], found[1])
    }
}
