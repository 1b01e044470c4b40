import ApusCore

/// PyTorch's ready-made parametrizations. PyTorch: `nn.utils.parametrizations`. See `registerParametrization`.
public enum Parametrizations {
    /// w = g·v/‖v‖, with separate length g and direction v (Salimans and Kingma, 2016). PyTorch: `parametrizations.weight_norm`.
    ///
    /// There is a norm for each index of dimension `dim`, or one over all elements where it is nil (or −1, as in PyTorch). g is
    /// `original0`, v is `original1`; state dicts with `weight_g` and `weight_v` load as well.
    @discardableResult public static func weightNorm<Layer: Module>(_ module: Layer, _ name: String = "weight", dim: Int? = 0) -> Layer {
        register(module, name, WeightNormalization(dim), true, Parametrized(olderSuffixes: ["_g", "_v"]))
        return module
    }

    /// w/σ(w) with the largest singular value σ, found by power iteration; w/‖w‖ for a vector (Miyato et al., 2018).
    /// PyTorch: `parametrizations.spectral_norm`.
    ///
    /// The rows of the matrix are dimension `dim` (by default 0, or 1 for transposed convolutions). In training each call of the layer
    /// performs `nPowerIterations` steps, after 15 at registration. Traps unless they are positive.
    @discardableResult public static func spectralNorm<Layer: Module>(
        _ module: Layer, _ name: String = "weight", nPowerIterations: Int = 1, eps: Double = 1e-12, dim: Int? = nil
    ) -> Layer {
        guard let weight = module.tensor(named: name) else {
            fail("spectralNorm", "\(module.typeName) has no parameter or buffer named '\(name)'")
            return module
        }
        let rows = dim ?? (isTransposed(module) ? 1 : 0)
        guard let norm = SpectralNormalization(weight, nPowerIterations, rows, eps) else { return module }
        registerParametrization(module, name, norm)
        return module
    }

    /// The map from any matrix to an orthogonal one.
    public enum OrthogonalMap: String, Sendable, CaseIterable {
        /// exp A, A skew-symmetric.
        case matrixExp = "matrix_exp"
        /// (I + A/2)(I − A/2)⁻¹, A skew-symmetric.
        case cayley
        /// A product of Householder reflections.
        case householder
    }

    /// A matrix with orthonormal columns, or rows if those are fewer; or a batch of matrices. PyTorch: `parametrizations.orthogonal`.
    ///
    /// `orthogonalMap` is by default `matrixExp` for square matrices and `householder` for others. With `useTrivialization` the result is
    /// base·map(x), where base is a buffer set by assignment, so that the map starts at the identity (Lezcano-Casado, 2019). The initial
    /// value is the current one if it is orthogonal, else the Q of its QR decomposition; without `useTrivialization` and with another map
    /// than `householder`, it is the map of the current value.
    @discardableResult public static func orthogonal<Layer: Module>(
        _ module: Layer, _ name: String = "weight", orthogonalMap: OrthogonalMap? = nil, useTrivialization: Bool = true
    ) -> Layer {
        guard let weight = module.tensor(named: name) else {
            fail("orthogonal", "\(module.typeName) has no parameter or buffer named '\(name)'")
            return module
        }
        if weight.isPoisoned { return module }
        guard weight.ndim >= 2 else {
            fail("orthogonal", "is for matrices or batches of them, '\(name)' has shape \(weight.shape)")
            return module
        }
        let map = orthogonalMap ?? (weight.shape[-2] == weight.shape[-1] ? .matrixExp : .householder)
        registerParametrization(module, name, OrthogonalMatrices(weight.shape, map, useTrivialization), unsafe: true)
        return module
    }

    static func isTransposed(_ module: Module) -> Bool { module is ConvolutionTranspose || module is LazyConvolutionTranspose }
}

/// g·v/‖v‖.
final class WeightNormalization: Module, JointParametrization {
    private let dim: Int?

    init(_ dim: Int?) { self.dim = dim == -1 ? nil : dim }

    override var typeName: String { "_WeightNorm" }

    func callAsFunction(_ originals: [Tensor]) -> Tensor { WeightNormalization.weight(originals[0], originals[1], dim) }

    func rightInverse(_ value: Tensor) -> [Tensor] { [WeightNormalization.length(value, dim), value] }

    static func weight(_ g: Tensor, _ v: Tensor, _ dim: Int?) -> Tensor { v * (g / length(v, dim)) }

    /// The norm for each index of `dim`, with extents 1 elsewhere; a scalar where `dim` is nil.
    static func length(_ v: Tensor, _ dim: Int?) -> Tensor {
        guard let dim else { return v.norm() }
        return composite("weightNorm", v) { () throws(OpError) in
            let kept = try normalize(dim: dim, ndim: v.ndim)
            let others = (0..<v.ndim).filter { $0 != kept }
            return others.isEmpty ? v.abs() : v.norm(dim: others, keepDim: true)
        }
    }

    override func callAsFunction(_ x: Tensor) -> Tensor { needsOtherInputs("weightNorm([g, v])") }
}

/// w/σ(w).
final class SpectralNormalization: Module, InvertibleParametrization {
    @Named("_u") private var u: Buffer? = nil
    @Named("_v") private var v: Buffer? = nil
    private let dim: Int
    private let eps: Double
    private let steps: Int

    /// nil after an error.
    init?(_ weight: Tensor, _ nPowerIterations: Int, _ dim: Int, _ eps: Double) {
        if weight.isPoisoned { return nil }
        guard dim >= -weight.ndim, dim < weight.ndim else {
            fail("spectralNorm", "dim \(dim) is out of range for a weight of shape \(weight.shape)")
            return nil
        }
        guard nPowerIterations > 0 else {
            fail("spectralNorm", "nPowerIterations must be positive, it is \(nPowerIterations)")
            return nil
        }
        self.eps = eps
        self.dim = dim < 0 ? dim + weight.ndim : dim
        steps = nPowerIterations
        super.init()
        guard weight.ndim > 1 else { return }
        let iteration = PowerIteration(weight, dim: self.dim, eps)
        (u, v) = (iteration.u, iteration.v)
        noGrad { iteration.advance(iteration.matrix(weight.detach()), 15, leftFirst: true) }
    }

    override var typeName: String { "_SpectralNorm" }

    override func forward(_ x: Tensor) -> Tensor {
        guard let u, let v else { return F.normalize(x, dim: 0, eps: eps) }
        let iteration = PowerIteration(u: u, v: v, dim: dim, eps: eps)
        let matrix = iteration.matrix(x)
        if training && !Context.current.isReadingComputed && !isRecomputing {
            noGrad { iteration.advance(matrix.detach(), steps, leftFirst: true) }
        }
        return x / iteration.sigma(matrix)
    }

    func rightInverse(_ value: Tensor) -> Tensor? { value }
}

/// Estimates of the singular vectors of a matrix's largest singular value.
struct PowerIteration {
    let u: Buffer
    let v: Buffer
    /// The dimension of the weight that becomes the matrix's rows.
    let dim: Int
    let eps: Double

    init(u: Buffer, v: Buffer, dim: Int, eps: Double) {
        self.u = u
        self.v = v
        self.dim = dim
        self.eps = eps
    }

    /// Starts from random vectors.
    init(_ weight: Tensor, dim: Int, _ eps: Double) {
        func start(_ count: Int) -> Buffer {
            Buffer(noGrad { F.normalize(Tensor.randn([count], dtype: weight.dtype, device: weight.device), dim: 0, eps: eps) })
        }
        self.init(u: start(weight.shape[dim]), v: start(weight.numel / Swift.max(weight.shape[dim], 1)), dim: dim, eps: eps)
    }

    func matrix(_ weight: Tensor) -> Tensor { (dim == 0 ? weight : weight.movedim(dim, 0)).reshape([u.numel, v.numel]) }

    /// u ← W·v/‖W·v‖ and v ← Wᵀ·u/‖Wᵀ·u‖, in that order where `leftFirst`.
    func advance(_ matrix: Tensor, _ steps: Int, leftFirst: Bool) {
        for _ in 0..<steps {
            if leftFirst { u.copy_(F.normalize(matrix.mv(v), dim: 0, eps: eps)) }
            v.copy_(F.normalize(matrix.t().mv(u), dim: 0, eps: eps))
            if !leftFirst { u.copy_(F.normalize(matrix.mv(v), dim: 0, eps: eps)) }
        }
    }

    /// uᵀ·W·v, with copies of u and v, since later steps change them.
    func sigma(_ matrix: Tensor) -> Tensor {
        let (left, right) = noGrad { (u.detach().clone(), v.detach().clone()) }
        return left.dot(matrix.mv(right))
    }
}
