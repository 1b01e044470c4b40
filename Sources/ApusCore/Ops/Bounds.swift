/// min(max(x, min), max) for tensors of one shape and dtype. Inputs: x, then the bounds that are given.
struct Clamp: Op {
    let hasMin: Bool
    let hasMax: Bool

    var name: String { "clamp" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        let out = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        let backend = x.device.backend
        if hasMin { try backend.binary(.maximum, x, inputs[1], KernelParameters(), into: out) }
        if hasMax { try backend.binary(.minimum, hasMin ? out : x, inputs[hasMin ? 2 : 1], KernelParameters(), into: out) }
        for input in inputs { saved.keep(input) }
        return out
    }

    /// The gradient at a bound goes to x, as with number bounds; there is none if x is NaN.
    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let x = context.saved[0], low = hasMin ? context.saved[1] : nil, high = hasMax ? context.saved[hasMin ? 2 : 1] : nil
        func part(_ i: Int, _ isIts: Tensor) -> Tensor? { context.needs(i) ? Tensor.where(isIts, grad, Tensor.zeros(like: grad)) : nil }
        guard let low else { return [part(0, x.le(high!)), part(1, x.gt(high!))] }
        guard let high else { return [part(0, x.ge(low)), part(1, x.lt(low))] }
        // If low > high the result is high.
        return [
            part(0, x.ge(low).logicalAnd(x.le(high))), part(1, x.lt(low).logicalAnd(low.le(high))),
            part(2, x.gt(high).logicalOr(low.gt(high))),
        ]
    }
}

extension Tensor {
    /// min(max(x, minVal), maxVal); d = 1 inside the bounds, 0 at the bounds and outside. Integers stay integers: bounds are truncated.
    package final func hardtanh(minVal: Double = -1, maxVal: Double = 1) -> Tensor {
        unary(.hardtanh, bounds(.double(minVal), .double(maxVal)))
    }
    /// min(max(x, min), max); d = 1 for min ≤ x ≤ max. A nil bound is ignored; a NaN bound makes everything NaN. For integers a decimal
    /// bound gives a float32 result. Traps if both bounds are nil. PyTorch: `clamp`, `clamp_min`, `clamp_max`.
    @_disfavoredOverload public final func clamp(min: (any ScalarConvertible)? = nil, max: (any ScalarConvertible)? = nil) -> Tensor {
        if isPoisoned { return self }
        let (low, high) = (min?._scalar, max?._scalar)
        let given = [low, high].compactMap { $0 }
        if given.isEmpty { return fail("clamp", "neither min nor max is given") }
        let x = to(given.reduce(dtype) { Tensor.resultType($0, $1) })
        if given.contains(where: \.doubleValue.isNaN) { return x.maskedFill(Tensor.full([], .bool(true), device: device), Double.nan) }
        return x.unary(.clamp, x.bounds(low ?? .double(-.infinity), high ?? .double(.infinity)))
    }
    /// min(max(x, min), max) by position, for integer literals too.
    public final func clamp(_ min: some ScalarConvertible, _ max: some ScalarConvertible) -> Tensor {
        clamp(min: min._scalar, max: max._scalar)
    }
    /// x between `min` and `max`; NaN stays NaN.
    public final func clamp(min: Int? = nil, max: Int? = nil) -> Tensor { clamp(min: min?._scalar, max: max?._scalar) }
    /// min(max(x, min), max), for literals such as `.infinity`.
    public final func clamp(min: Double? = nil, max: Double? = nil) -> Tensor {
        clamp(min: min.map(Scalar.double), max: max.map(Scalar.double))
    }
    /// min(max(x, min), max) with tensor bounds; all three broadcast and promote. The gradient goes to x for min ≤ x ≤ max, else to the
    /// bound that replaced it. Traps if both bounds are nil.
    public final func clamp(min: Tensor? = nil, max: Tensor? = nil) -> Tensor {
        let operands = [self, min, max].compactMap { $0 }
        if let poisoned = operands.first(where: \.isPoisoned) { return poisoned }
        do throws(OpError) {
            guard operands.count > 1 else { throw OpError("neither min nor max is given") }
            let dtype = Tensor.resultType(operands)
            let shape = try Shape.broadcast(operands.map(\.shape))
            return apply(Clamp(hasMin: min != nil, hasMax: max != nil), Inputs(operands.map { $0.to(dtype).expand(shape) }))
        } catch {
            return fail(error, op: "clamp")
        }
    }
    /// max(x, min), as `clamp(min: min)`. PyTorch: `clamp_min`.
    public final func clampMin(_ min: some ScalarConvertible) -> Tensor { clamp(min: min._scalar) }
    /// max(x, min), for literals such as `.infinity`.
    public final func clampMin(_ min: Double) -> Tensor { clamp(min: min) }
    /// max(x, min) with a tensor of bounds, as `clamp(min: min)`.
    public final func clampMin(_ min: Tensor) -> Tensor { clamp(min: min) }
    /// min(x, max), as `clamp(max: max)`. PyTorch: `clamp_max`.
    public final func clampMax(_ max: some ScalarConvertible) -> Tensor { clamp(max: max._scalar) }
    /// min(x, max), for literals such as `.infinity`.
    public final func clampMax(_ max: Double) -> Tensor { clamp(max: max) }
    /// min(x, max) with a tensor of bounds, as `clamp(max: max)`.
    public final func clampMax(_ max: Tensor) -> Tensor { clamp(max: max) }

    /// The bounds for the kernel; for integers they are clamped to the dtype's range.
    private final func bounds(_ low: Scalar, _ high: Scalar) -> KernelParameters {
        if dtype.isFloatingPoint || dtype == .bool { return KernelParameters(low, high) }
        return KernelParameters(.int(dtype.nearest(low.int64Value)), .int(dtype.nearest(high.int64Value)))
    }
    /// x ≤ threshold ? value : x. Integers stay integers: `value` is truncated.
    package final func threshold(_ threshold: Double, _ value: Double) -> Tensor {
        if dtype.isFloatingPoint || dtype == .bool { return unary(.threshold, threshold, value) }
        // For an integer x, x ≤ threshold is the same as x ≤ ⌊threshold⌋.
        return unary(.threshold, KernelParameters(.double(threshold.rounded(.down)), .int(Scalar.double(value).integer(in: dtype))))
    }
}
