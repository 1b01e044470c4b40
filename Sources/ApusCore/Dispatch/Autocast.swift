/// How `autocast` converts the inputs of an op, following PyTorch's lists for CUDA.
///
/// Only float16, bfloat16 and float32 are converted; float64, integers and bool are not.
package enum AutocastPolicy: Sendable {
    /// No conversion; for most ops.
    case asIs
    /// The scope's dtype; for products, which gain most speed and lose little accuracy.
    case lower
    /// float32; for ops that overflow or lose accuracy in half precision.
    case float32
    /// The widest dtype of the inputs; for ops that need equal dtypes.
    case widest

    /// The dtype that inputs are converted to in a scope of dtype `lower`; nil for none.
    private func target(_ inputs: some Sequence<Tensor>, _ lower: DType) -> DType? {
        switch self {
        case .asIs: nil
        case .lower: lower
        case .float32: .float32
        case .widest: inputs.reduce(nil) { widest, x in x.isCastable ? widest.map { DType.promote($0, x.dtype) } ?? x.dtype : widest }
        }
    }

    /// The inputs converted for a scope of dtype `lower`; nil if nothing changes.
    func cast(_ inputs: some Collection<Tensor>, _ lower: DType) -> [Tensor]? {
        guard let target = target(inputs, lower), inputs.contains(where: { $0.isCastable && $0.dtype != target }) else { return nil }
        return inputs.map { $0.isCastable ? $0.autocast(to: target) : $0 }
    }
}

extension Tensor {
    fileprivate final var isCastable: Bool { dtype == .float32 || dtype == .bfloat16 || dtype == .float16 }

    /// Converts to `target` by a recorded op; a weight is converted to half precision only once in the outermost scope.
    fileprivate final func autocast(to target: DType) -> Tensor {
        guard target.size < dtype.size, form == nil, requiresGrad, isLeaf, let casts = Context.current.weightCasts else {
            return to(target)
        }
        return casts.cast(self, to: target)
    }
}

/// The weights that the outermost `autocast` scope has already converted.
final class WeightCasts {
    private struct Key: Hashable {
        let leaf: ObjectIdentifier
        let dtype: DType
    }

    private struct Cast {
        // Keeps the leaf alive, so that its identifier is not reused.
        let leaf: Tensor
        let storage: Storage
        let version: Int
        let value: Tensor
    }

    private var casts: [Key: Cast] = [:]

    func cast(_ leaf: Tensor, to dtype: DType) -> Tensor {
        let key = Key(leaf: ObjectIdentifier(leaf), dtype: dtype)
        // A conversion made inside `noGrad` has no history, so it cannot be reused while recording.
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

/// Runs `body` in mixed precision: products in `dtype`, ops that need it in float32. PyTorch: `torch.autocast`.
///
/// ```swift
/// let loss = autocast(.bfloat16) { F.crossEntropy(net(x), target) }
/// loss.backward()
/// ```
/// Parameters stay float32: each op converts its inputs according to its list (docs/mixed-precision.md), and gradients are converted back
/// to the parameters' dtype. A weight is converted once in the outermost scope, and again after it has changed. Scopes nest; with `enabled:
/// false` nothing is converted. Derivatives run in the dtypes of their forward ops, wherever `backward()` is called.
///
/// Traps unless `dtype` is bfloat16 or float16. float16 needs a `GradScaler`.
@discardableResult public func autocast<Result>(_ dtype: DType, enabled: Bool = true, _ body: () throws -> Result) rethrows -> Result {
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

/// The dtype of the active `autocast` scope, nil if there is none. PyTorch: `torch.is_autocast_enabled`, `torch.get_autocast_dtype`.
public var autocastDType: DType? { Context.current.autocast }

extension Context {
    /// Runs `body` with `dtype` as the autocast dtype; nil for none.
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

/// Converts the inputs by `policy` and runs `body` on them; ops inside convert nothing. For functions of several ops that convert once, and
/// for functions that check dtypes before their op does.
package func casting<Result>(
    _ policy: AutocastPolicy, _ inputs: [Tensor], _ body: ([Tensor]) throws(OpError) -> Result
) throws(OpError) -> Result {
    guard let lower = Context.current.autocast else { return try body(inputs) }
    let cast = policy.cast(inputs, lower) ?? inputs
    return try Context.autocasting(to: nil) { () throws(OpError) in try body(cast) }
}

// MARK: - Compositions that convert once

// Outside an autocast scope they cost one comparison more than `composite`.

/// `composite` with one tensor, converted by `policy`.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, body: (Tensor) throws(OpError) -> Tensor
) -> Tensor {
    composite(name, x) { () throws(OpError) in
        if autocastDType == nil { return try body(x) }
        return try casting(policy, [x]) { (cast) throws(OpError) in try body(cast[0]) }
    }
}

/// `composite` with two tensors, converted by `policy`.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, _ y: Tensor, body: (Tensor, Tensor) throws(OpError) -> Tensor
) -> Tensor {
    composite(name, x, y) { () throws(OpError) in
        if autocastDType == nil { return try body(x, y) }
        return try casting(policy, [x, y]) { (cast) throws(OpError) in try body(cast[0], cast[1]) }
    }
}

/// `composite` with three tensors, converted by `policy`.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, _ y: Tensor, _ z: Tensor,
    body: (Tensor, Tensor, Tensor) throws(OpError) -> Tensor
) -> Tensor {
    composite(name, x, y, z) { () throws(OpError) in
        if autocastDType == nil { return try body(x, y, z) }
        return try casting(policy, [x, y, z]) { (cast) throws(OpError) in try body(cast[0], cast[1], cast[2]) }
    }
}

/// `composite` with an input, a weight and an optional bias, converted by `policy`.
@inline(never) package func composite(
    _ name: String, _ policy: AutocastPolicy, _ x: Tensor, _ weight: Tensor, bias: Tensor?,
    body: (Tensor, Tensor, Tensor?) throws(OpError) -> Tensor
) -> Tensor {
    if let bias { return composite(name, policy, x, weight, bias) { (x, weight, bias) throws(OpError) in try body(x, weight, bias) } }
    return composite(name, policy, x, weight) { (x, weight) throws(OpError) in try body(x, weight, nil) }
}

/// The same with an optional weight.
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

/// `composite` for functions with several results; ops inside convert nothing for `autocast`.
@inline(never) func compositeList(
    _ name: String, count: Int, _ inputs: Tensor..., body: () throws(OpError) -> [Tensor]
) -> [Tensor] {
    if let poison = inputs.first(where: \.isPoisoned) { return Array(repeating: poison, count: count) }
    do throws(OpError) {
        return try Context.autocasting(to: nil, body)
    } catch {
        return Array(repeating: fail(error, op: name), count: count)
    }
}

/// The results of `body`, computed by functions within an op's `forward`: unrecorded, and without conversions for `autocast`.
func unrecorded(_ body: () throws(OpError) -> Tensor) throws(OpError) -> Tensor {
    try setGradEnabled(false) { () throws(OpError) in try Context.autocasting(to: nil, body) }.usable()
}
