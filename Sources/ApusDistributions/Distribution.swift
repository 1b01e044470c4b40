import ApusCore

/// A probability distribution over tensors, one for each element of `batchShape`. PyTorch: `torch.distributions.Distribution`.
///
/// ```swift
/// let policy = Categorical(logits: network(state))
/// let action = policy.sample()
/// let loss = -(policy.logProb(action) * reward).mean()
/// ```
/// Parameters broadcast against each other. Samples are drawn from Apus's current generator; those of `rsample` have gradients to the
/// parameters.
open class Distribution: CustomStringConvertible {
    /// The shape of the batch of independent distributions.
    public final let batchShape: Shape
    /// The shape of one sample of one of them: [] for scalars.
    public final let eventShape: Shape
    /// Whether parameters and values passed to methods are checked.
    public final let validateArgs: Bool
    /// The parameters as given, by PyTorch's names.
    final let parameters: [(name: String, value: Tensor)]

    init(_ batchShape: Shape, _ eventShape: Shape = [], validateArgs: Bool, _ parameters: [(name: String, value: Tensor)]) {
        self.batchShape = batchShape
        self.eventShape = eventShape
        self.validateArgs = validateArgs
        self.parameters = parameters
    }

    final var typeName: String { "\(Self.self)" }

    /// Samples of shape `shape` + batch + event, without a graph.
    public final func sample(_ shape: some Collection<Int> = []) -> Tensor {
        noGrad { draw(Shape(Array(shape) + Array(batchShape) + Array(eventShape))) }
    }

    /// Differentiable samples, by reparameterisation. Traps for distributions without; for those use `logProb` (REINFORCE).
    public final func rsample(_ shape: some Collection<Int> = []) -> Tensor {
        guard hasRsample else { return fail("\(typeName).rsample", "samples have no gradient; use sample() and logProb()") }
        return draw(Shape(Array(shape) + Array(batchShape) + Array(eventShape)))
    }

    /// Whether `rsample` is supported.
    open var hasRsample: Bool { false }
    /// Samples of shape `shape`, which ends with the batch and event shapes.
    func draw(_ shape: Shape) -> Tensor { missing("sample") }

    /// The logarithm of the density or probability at `value`, summed over event dimensions.
    open func logProb(_ value: Tensor) -> Tensor { missing("logProb") }
    /// −E[log p], in nats.
    open func entropy() -> Tensor { missing("entropy") }
    /// The expected value; traps if it is not defined.
    open var mean: Tensor { missing("mean") }
    /// The variance; traps if it is not defined.
    open var variance: Tensor { missing("variance") }
    /// The most probable value.
    open var mode: Tensor { missing("mode") }
    /// √variance
    public final var stddev: Tensor { variance.sqrt() }
    /// The probability that a sample is at most `value`.
    open func cdf(_ value: Tensor) -> Tensor { missing("cdf") }
    /// The inverse of `cdf`: the value x with P(X ≤ x) = `value`.
    open func icdf(_ value: Tensor) -> Tensor { missing("icdf") }
    /// The same distribution with its batch shape expanded to `batchShape`.
    open func expand(_ batchShape: Shape) -> Self { trap(typeName, "this class does not override expand") }

    private func missing(_ what: String) -> Tensor { fail("\(typeName).\(what)", "is not defined, as in PyTorch") }

    /// As PyTorch prints it: parameters with one element by value, others by shape.
    public var description: String {
        typeName + "("
            + parameters.map { name, value in
                value.numel == 1
                    ? "\(name): \(value.item())" : "\(name): torch.Size([\(value.shape.map(String.init).joined(separator: ", "))])"
            }.joined(separator: ", ") + ")"
    }

    // MARK: Checks

    /// Returns `x` if all its elements satisfy `holds`; otherwise fails and names the first that does not.
    static func checked(
        _ x: Tensor, _ owner: String, _ name: String, _ wanted: String, _ enabled: Bool, _ holds: (Tensor) -> Tensor
    ) -> Tensor {
        guard enabled, !x.isPoisoned, x.numel > 0 else { return x }
        let good = noGrad { holds(x.detach()) }
        if good.isPoisoned || good.all().item(Bool.self) { return x }
        let bad = noGrad { x.detach().expand(good.shape).maskedSelect(good.logicalNot())[0].item() }
        return fail(owner, "\(name) must be \(wanted), found \(bad)")
    }

    /// Checks a value passed to `logProb` or `cdf` against the support and the shapes.
    final func checked(_ value: Tensor, _ wanted: String, _ holds: (Tensor) -> Tensor) -> Tensor {
        if value.isPoisoned || !validateArgs { return value }
        guard Shape.broadcast(value.shape, Shape(Array(batchShape) + Array(eventShape))) != nil else {
            return fail(typeName, "a value of shape \(value.shape) does not fit batch \(batchShape) and event \(eventShape)")
        }
        return Self.checked(value, typeName, "the value", wanted, true, holds)
    }
}

/// Both tensors expanded to their broadcast shape.
func broadcast(_ owner: String, _ a: Tensor, _ b: Tensor) -> (Tensor, Tensor) {
    if a.isPoisoned || b.isPoisoned { return a.isPoisoned ? (a, a) : (b, b) }
    guard let shape = Shape.broadcast(a.shape, b.shape) else {
        let failed = fail(owner, "parameters of shapes \(a.shape) and \(b.shape) do not broadcast")
        return (failed, failed)
    }
    return (a.expand(shape), b.expand(shape))
}

/// A number as a scalar tensor.
func scalar(_ x: Double) -> Tensor { Tensor.full([], x, dtype: .float32) }

/// Clamped to ε … 1 − ε with the machine epsilon, so that logarithms are finite. PyTorch: `clamp_probs`.
func clampedProbs(_ probs: Tensor) -> Tensor { probs.clamp(min: probs.dtype.epsilon, max: 1 - probs.dtype.epsilon) }
