/// min(max(x, min), max) of tensors of one shape and dtype: x, then the bounds that there are.
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

    /// As with numbers, x has the gradient at the bounds, and none where it is NaN.
    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let x = context.saved[0], low = hasMin ? context.saved[1] : nil, high = hasMax ? context.saved[hasMin ? 2 : 1] : nil
        func part(_ i: Int, _ isIts: Tensor) -> Tensor? { context.needs(i) ? Tensor.where(isIts, grad, Tensor.zeros(like: grad)) : nil }
        guard let low else { return [part(0, x.le(high!)), part(1, x.gt(high!))] }
        guard let high else { return [part(0, x.ge(low)), part(1, x.lt(low))] }
        // Where the bounds cross, the upper one is the value.
        return [
            part(0, x.ge(low).logicalAnd(x.le(high))), part(1, x.lt(low).logicalAnd(low.le(high))),
            part(2, x.gt(high).logicalOr(low.gt(high))),
        ]
    }
}

extension Tensor {
    /// min(max(x, minVal), maxVal); d = 1 but at the bounds and beyond. Integers stay integers: bounds lose their fractions.
    package final func hardtanh(minVal: Double = -1, maxVal: Double = 1) -> Tensor {
        unary(.hardtanh, bounds(.double(minVal), .double(maxVal)))
    }
    /// min(max(x, min), max); d = 1 from min to max. A bound left out does not bind, NaN makes NaN of everything. Beside integers a decimal
    /// bound makes float32, as in any expression. PyTorch: `clamp`, `clamp_min`, `clamp_max`.
    public final func clamp(min: (any ScalarConvertible)? = nil, max: (any ScalarConvertible)? = nil) -> Tensor {
        if isPoisoned { return self }
        let (low, high) = (min?.scalar, max?.scalar)
        let given = [low, high].compactMap { $0 }
        if given.isEmpty { return fail("clamp", "neither min nor max is given") }
        let x = to(given.reduce(dtype) { Tensor.resultType($0, $1) })
        if given.contains(where: \.doubleValue.isNaN) { return x.maskedFill(Tensor.full([], .bool(true), device: device), Double.nan) }
        return x.unary(.clamp, x.bounds(low ?? .double(-.infinity), high ?? .double(.infinity)))
    }
    /// min(max(x, min), max) with bounds that are tensors; all three broadcast and promote. d = 1 for x from min to max, else for the bound
    /// that took its place.
    public final func clamp(min: Tensor? = nil, max: Tensor? = nil) -> Tensor {
        let operands = [self, min, max].compactMap { $0 }
        if let poisoned = operands.first(where: \.isPoisoned) { return poisoned }
        do throws(OpError) {
            guard operands.count > 1 else { throw OpError("neither min nor max is given") }
            let dtype = Tensor.resultType(operands)
            var shape = Shape()
            for x in operands {
                guard let spread = Shape.broadcast(shape, x.shape) else {
                    throw OpError("shapes \(operands.map { "\($0.shape)" }.joined(separator: ", ")) do not broadcast")
                }
                shape = spread
            }
            return apply(Clamp(hasMin: min != nil, hasMax: max != nil), Inputs(operands.map { $0.to(dtype).expand(shape) }))
        } catch {
            return fail(error, op: "clamp")
        }
    }
    /// Bounds of `clamp` as its kernels take them: beside integers the nearest that the dtype holds.
    private final func bounds(_ low: Scalar, _ high: Scalar) -> KernelParameters {
        if dtype.isFloatingPoint || dtype == .bool { return KernelParameters(low, high) }
        return KernelParameters(.int(dtype.nearest(low.int64Value)), .int(dtype.nearest(high.int64Value)))
    }
    /// x ≤ threshold ? value : x. Integers stay integers: the value loses its fraction.
    public final func threshold(_ threshold: Double, _ value: Double) -> Tensor {
        if dtype.isFloatingPoint || dtype == .bool { return unary(.threshold, threshold, value) }
        // No integer lies between a number and its floor.
        return unary(.threshold, KernelParameters(.double(threshold.rounded(.down)), .int(Scalar.double(value).integer(in: dtype))))
    }
}
