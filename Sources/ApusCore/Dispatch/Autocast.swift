/// What an op wants of the dtypes of its inputs inside `autocast`: PyTorch's lists for CUDA.
///
/// Only float16, bfloat16 and float32 are ever converted; float64, integers and bool stay.
package enum AutocastPolicy: Sendable {
    /// As they come. What most ops want.
    case asIs
    /// The scope's dtype: products, which gain most and lose least.
    case lower
    /// float32: what overflows or loses its digits in half precision.
    case float32
    /// The widest among the inputs: what needs them to be equal.
    case widest

    /// What inputs become in a scope of dtype `lower`; nil where they stay.
    private func target(_ inputs: some Sequence<Tensor>, _ lower: DType) -> DType? {
        switch self {
        case .asIs: nil
        case .lower: lower
        case .float32: .float32
        case .widest: inputs.reduce(nil) { widest, x in x.isCastable ? widest.map { DType.promote($0, x.dtype) } ?? x.dtype : widest }
        }
    }

    /// The inputs as the op wants them in a scope of dtype `lower`; nil where they are so already.
    func cast(_ inputs: some Collection<Tensor>, _ lower: DType) -> [Tensor]? {
        guard let target = target(inputs, lower), inputs.contains(where: { $0.isCastable && $0.dtype != target }) else { return nil }
        return inputs.map { $0.isCastable ? $0.autocast(to: target) : $0 }
    }
}

extension Tensor {
    fileprivate final var isCastable: Bool { dtype == .float32 || dtype == .bfloat16 || dtype == .float16 }

    /// The values in `target` by a recorded op; of a weight in half precision once in the outermost scope.
    fileprivate final func autocast(to target: DType) -> Tensor {
        guard target.size < dtype.size, form == nil, requiresGrad, isLeaf, let casts = Context.current.weightCasts else {
            return to(target)
        }
        return casts.cast(self, to: target)
    }
}

/// The weights that the outermost `autocast` scope has converted so far.
final class WeightCasts {
    private struct Key: Hashable {
        let leaf: ObjectIdentifier
        let dtype: DType
    }

    private struct Cast {
        // Held, so that its identifier stays its own.
        let leaf: Tensor
        let storage: Storage
        let version: Int
        let value: Tensor
    }

    private var casts: [Key: Cast] = [:]

    func cast(_ leaf: Tensor, to dtype: DType) -> Tensor {
        let key = Key(leaf: ObjectIdentifier(leaf), dtype: dtype)
        // One made inside `noGrad` has no history to give.
        if let known = casts[key], known.storage === leaf.storage, known.version == leaf.storage.version,
            known.value.requiresGrad || !isGradEnabled
        {
            return known.value
        }
        let value = leaf.to(dtype)
        casts[key] = Cast(leaf: leaf, storage: leaf.storage, version: leaf.storage.version, value: value)
        return value
    }
}

/// Runs `body` in mixed precision: products in `dtype`, what would suffer there in float32. PyTorch: `torch.autocast`.
///
/// ```swift
/// let loss = autocast(.bfloat16) { F.crossEntropy(net(x), target) }
/// loss.backward()
/// ```
/// Parameters stay float32: each op converts what it is given, as its list says (docs/mixed-precision.md), and gradients come back in the
/// parameters' dtype. A weight is converted once in the outermost scope, and anew after it has changed. Scopes nest; `enabled: false` is one
/// in which nothing is converted. Derivatives run in the dtypes of their forward ops, wherever `backward()` is called.
///
/// Traps unless `dtype` is bfloat16 or float16. The latter needs a `GradScaler`.
public func autocast<Result>(_ dtype: DType, enabled: Bool = true, _ body: () throws -> Result) rethrows -> Result {
    let isLower = dtype == .bfloat16 || dtype == .float16
    if !isLower { fail("autocast", "casts to bfloat16 or float16, not to \(dtype); convert the module with to(_:) for other types") }
    let context = Context.current
    let (outer, outerCasts) = (context.autocast, context.weightCasts)
    context.autocast = enabled && isLower ? dtype : nil
    if outerCasts == nil { context.weightCasts = WeightCasts() }
    defer {
        context.autocast = outer
        context.weightCasts = outerCasts
    }
    return try body()
}

/// The dtype of the `autocast` scope that is active here, nil where none is. PyTorch: `torch.is_autocast_enabled`, `torch.get_autocast_dtype`.
public var autocastDType: DType? { Context.current.autocast }

extension Context {
    /// Runs `body` with `dtype` as the scope's, nil for none.
    @inline(__always)
    package static func autocasting<Result, Failure: Error>(
        to dtype: DType?, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let context = current
        let outer = context.autocast
        context.autocast = dtype
        defer { context.autocast = outer }
        return try body()
    }
}

/// Runs `body` on the inputs as `policy` wants them; its own ops convert nothing. For functions of several ops that convert as one, and for
/// those that look at dtypes before their op does.
package func casting<Result>(
    _ policy: AutocastPolicy, _ inputs: [Tensor], _ body: ([Tensor]) throws(OpError) -> Result
) throws(OpError) -> Result {
    guard let lower = Context.current.autocast else { return try body(inputs) }
    let cast = policy.cast(inputs, lower) ?? inputs
    return try Context.autocasting(to: nil) { () throws(OpError) in try body(cast) }
}

// MARK: - Compositions that convert as one

// Outside of a scope they are `composite` and one comparison.

/// `composite` on one tensor, which `body` gets as `policy` wants it.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, body: (Tensor) throws(OpError) -> Tensor
) -> Tensor {
    composite(name, x) { () throws(OpError) in
        if autocastDType == nil { return try body(x) }
        return try casting(policy, [x]) { (cast) throws(OpError) in try body(cast[0]) }
    }
}

/// `composite` on two tensors, which `body` gets as `policy` wants them.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, _ y: Tensor, body: (Tensor, Tensor) throws(OpError) -> Tensor
) -> Tensor {
    composite(name, x, y) { () throws(OpError) in
        if autocastDType == nil { return try body(x, y) }
        return try casting(policy, [x, y]) { (cast) throws(OpError) in try body(cast[0], cast[1]) }
    }
}

/// `composite` on three tensors, which `body` gets as `policy` wants them.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, _ y: Tensor, _ z: Tensor,
    body: (Tensor, Tensor, Tensor) throws(OpError) -> Tensor
) -> Tensor {
    composite(name, x, y, z) { () throws(OpError) in
        if autocastDType == nil { return try body(x, y, z) }
        return try casting(policy, [x, y, z]) { (cast) throws(OpError) in try body(cast[0], cast[1], cast[2]) }
    }
}

/// `composite` on an input, a weight and the bias, if there is one, all of which `body` gets as `policy` wants them.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, _ weight: Tensor, bias: Tensor?,
    body: (Tensor, Tensor, Tensor?) throws(OpError) -> Tensor
) -> Tensor {
    if let bias { return composite(name, policy, x, weight, bias) { (x, weight, bias) throws(OpError) in try body(x, weight, bias) } }
    return composite(name, policy, x, weight) { (x, weight) throws(OpError) in try body(x, weight, nil) }
}

/// The same where the weight too may be missing.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, optional weight: Tensor?, bias: Tensor?,
    body: (Tensor, Tensor?, Tensor?) throws(OpError) -> Tensor
) -> Tensor {
    if let weight {
        return composite(name, policy, x, weight, bias: bias) { (x, weight, bias) throws(OpError) in try body(x, weight, bias) }
    }
    if let bias { return composite(name, policy, x, bias) { (x, bias) throws(OpError) in try body(x, nil, bias) } }
    return composite(name, policy, x) { (x) throws(OpError) in try body(x, nil, nil) }
}
