import ApusCore

/// Matrices (the last two dimensions) with orthonormal columns, or orthonormal rows if those are fewer. See `Parametrizations.orthogonal`.
final class OrthogonalMatrices: Module, InvertibleParametrization {
    private let shape: Shape
    private let map: Parametrizations.OrthogonalMap
    private let useTrivialization: Bool
    /// The matrix that multiplies the map's result; set by the first assignment.
    private var base: Buffer?

    init(_ shape: Shape, _ map: Parametrizations.OrthogonalMap, _ useTrivialization: Bool) {
        self.shape = shape
        self.map = map
        self.useTrivialization = useTrivialization
    }

    override var typeName: String { "_Orthogonal" }

    override func forward(_ x: Tensor) -> Tensor {
        let isWide = x.shape[-2] < x.shape[-1]
        let tall = isWide ? x.mT : x
        let (n, k) = (tall.shape[-2], tall.shape[-1])
        var q: Tensor
        if map == .householder {
            q = OrthogonalMaps.householderProduct(tall.tril(-1)) * tall.diagonal(dim1: -2, dim2: -1).detach().trunc().unsqueeze(-2)
        } else {
            var lower = tall.tril()
            if n != k { lower = lower.pad([0, n - k]) }
            let skew = lower - lower.mT
            q = map == .matrixExp ? skew.matrixExp() : OrthogonalMaps.cayley(skew)
            if n != k { q = q.narrow(-1, 0, k) }
        }
        if let base { q = base.matmul(q) }
        return isWide ? q.mT : q
    }

    func rightInverse(_ value: Tensor) -> Tensor? {
        if value.isPoisoned { return value }
        guard value.shape == shape else { return fail("orthogonal", "needs matrices of shape \(shape), these have \(value.shape)") }
        return noGrad {
            let isWide = value.shape[-2] < value.shape[-1]
            let tall = isWide ? value.mT : value
            guard useTrivialization else {
                guard map == .householder else { return nil }
                let vectors = OrthogonalMaps.householderVectors(tall)
                return isWide ? vectors.mT.contiguous() : vectors
            }
            let (n, k) = (tall.shape[-2], tall.shape[-1])
            let q: Tensor
            if n == k {
                q = isOrthogonal(tall) ? tall.clone() : OrthogonalMaps.orthogonalized(tall)
            } else {
                // Any completion to a basis will do.
                let rest = Tensor.randn(Shape(Array(tall.shape.dropLast()) + [n - k]), dtype: tall.dtype, device: tall.device)
                q = OrthogonalMaps.orthogonalized(Tensor.cat([tall, rest], dim: -1))
            }
            if let base { base.setData(q) } else { base = Buffer(q) }
            return Tensor.zeros(like: value) - Tensor.eye(value.shape[-2], value.shape[-1], dtype: value.dtype, device: value.device)
        }
    }

    private func isOrthogonal(_ q: Tensor) -> Bool {
        // With bfloat16's epsilon, any matrix with more than a dozen rows would pass.
        let unit = min(q.dtype.epsilon, DType.float16.epsilon)
        let identity = Tensor.eye(q.shape[-1], dtype: q.dtype, device: q.device)
        return q.mT.matmul(q).allclose(
            identity.expand(Shape(Array(q.shape.dropLast(2)) + [q.shape[-1], q.shape[-1]])), atol: 10 * Double(q.shape[-2]) * unit)
    }
}

/// The linear algebra of `OrthogonalMatrices`. Maps are composed of differentiable ops, so they have derivatives of any order.
///
/// `Linalg` has systems and QR decompositions by LAPACK, which a machine may lack. A layer must not depend on it, so those that are needed
/// here are written out.
enum OrthogonalMaps {
    /// (I − A/2)⁻¹(I + A/2).
    static func cayley(_ a: Tensor) -> Tensor {
        let identity = Tensor.eye(a.shape[-1], dtype: a.dtype, device: a.device)
        return apply(Elimination(), Inputs(identity - a * 0.5, identity + a * 0.5))
    }

    /// The first k columns of H₁H₂…H_k with Hᵢ = I − 2·vᵢvᵢᵀ/(vᵢᵀvᵢ); vᵢ has a 1 at row i, and below it column i of `lower` [*, n, k].
    static func householderProduct(_ lower: Tensor) -> Tensor {
        composite("householderProduct", .asIs, lower) { lower in
            Linalg.householderProduct(lower, 2 / (lower.square().sum(dim: -2) + 1))
        }
    }

    /// The Q of A = QR, with a positive diagonal of R.
    static func orthogonalized(_ a: Tensor) -> Tensor {
        let vectors = householderVectors(a)
        return householderProduct(vectors.tril(-1)) * vectors.diagonal(dim1: -2, dim2: -1).unsqueeze(-2)
    }

    /// The QR decomposition of A [*, n, k], n ≥ k: below the diagonal the Householder vectors vᵢ, on it the signs that make the columns of
    /// `householderProduct` those of the Q for which R has a positive diagonal.
    static func householderVectors(_ a: Tensor) -> Tensor {
        let (n, k) = (a.shape[-2], a.shape[-1])
        var numbers: [Double]
        do throws(OpError) { numbers = try a.numbers() } catch { return fail(error, op: "orthogonal") }
        for start in stride(from: 0, to: numbers.count, by: Swift.max(n * k, 1)) {
            func at(_ row: Int, _ column: Int) -> Int { start + row * k + column }
            for i in 0..<k {
                let below = (i + 1..<Swift.max(n, i + 1)).reduce(0) { $0 + numbers[at($1, i)] * numbers[at($1, i)] }
                let pivot = numbers[at(i, i)]
                // The column is a multiple of the unit vector already; its reflection only flips its sign.
                if below == 0 {
                    numbers[at(i, i)] = pivot > 0 ? -1 : pivot < 0 ? 1 : 0
                    continue
                }
                let length = (pivot * pivot + below).squareRoot()
                let beta = pivot >= 0 ? -length : length
                for row in i + 1..<n { numbers[at(row, i)] /= pivot - beta }
                let tau = (beta - pivot) / beta
                for column in i + 1..<Swift.max(k, i + 1) {
                    let sum = (i + 1..<n).reduce(numbers[at(i, column)]) { $0 + numbers[at($1, i)] * numbers[at($1, column)] }
                    numbers[at(i, column)] -= tau * sum
                    for row in i + 1..<n { numbers[at(row, column)] -= tau * sum * numbers[at(row, i)] }
                }
                numbers[at(i, i)] = beta > 0 ? 1 : -1
            }
        }
        return Tensor(numbers, shape: a.shape, dtype: a.dtype, device: a.device)
    }
}

/// X with M·X = B for square matrices M (the last two dimensions), by Gaussian elimination with pivoting, in float64 on the host.
///
/// Derivatives: ∂B = M⁻ᵀ·∂X, ∂M = −∂B·Xᵀ.
private struct Elimination: Op {
    var name: String { "gaussianElimination" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (m, b) = (inputs[0], inputs[1])
        let (n, width) = (m.shape[-1], b.shape[-1])
        var (a, x) = try (m.numbers(Double.self), b.numbers(Double.self))
        for batch in 0..<(n == 0 ? 0 : a.count / (n * n)) {
            let (left, right) = (batch * n * n, batch * n * width)
            for i in 0..<n {
                let pivot = (i..<n).max { a[left + $0 * n + i].magnitude < a[left + $1 * n + i].magnitude } ?? i
                if pivot != i {
                    for column in 0..<n { a.swapAt(left + i * n + column, left + pivot * n + column) }
                    for column in 0..<width { x.swapAt(right + i * width + column, right + pivot * width + column) }
                }
                for row in 0..<n where row != i {
                    let factor = a[left + row * n + i] / a[left + i * n + i]
                    if factor == 0 { continue }
                    for column in i..<n { a[left + row * n + column] -= factor * a[left + i * n + column] }
                    for column in 0..<width { x[right + row * width + column] -= factor * x[right + i * width + column] }
                }
            }
            for row in 0..<n {
                for column in 0..<width { x[right + row * width + column] /= a[left + row * n + row] }
            }
        }
        let result = Tensor(x, shape: b.shape, dtype: b.dtype, device: b.device)
        saved.keep(m)
        saved.keepOutput(result)
        return result
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (m, x) = (context.saved[0], context.saved[1])
        let gradB = apply(Elimination(), Inputs(m.mT, grad))
        return [-gradB.matmul(x.mT), gradB]
    }
}
