extension Tensor {
    /// A tensor filled from `generator` (the current one by default). Never recorded.
    package static func random(
        _ kind: RandomKind, _ shape: Shape, dtype: DType, device: Device, generator: Generator?, _ op: String
    ) -> Tensor {
        do throws(OpError) {
            let out = try uninitialized(shape, dtype, device)
            if out.numel == 0 { return out }
            let start = (generator ?? .current).take(Philox.blocks(for: kind, dtype, count: out.numel))
            try device.backend.random(kind, seed: start.seed, offset: start.offset, into: out)
            return out
        } catch {
            return fail(error, op: op)
        }
    }

    /// Uniform numbers in [0, 1). Traps for integer dtypes.
    public static func rand(
        _ shape: some Collection<Int>, dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil,
        requiresGrad: Bool = false
    ) -> Tensor {
        guard dtype.isFloatingPoint else { return fail("rand", "makes floating-point numbers, not \(dtype); use randint") }
        return random(.uniform(low: 0, high: 1), Shape(shape), dtype: dtype, device: device, generator: generator, "rand").requiresGrad_(
            requiresGrad)
    }
    /// Samples of the standard normal distribution. Traps for integer dtypes.
    public static func randn(
        _ shape: some Collection<Int>, dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil,
        requiresGrad: Bool = false
    ) -> Tensor {
        guard dtype.isFloatingPoint else { return fail("randn", "makes floating-point numbers, not \(dtype); use randint") }
        return random(.normal(mean: 0, std: 1), Shape(shape), dtype: dtype, device: device, generator: generator, "randn").requiresGrad_(
            requiresGrad)
    }
    /// Uniform numbers in [0, 1). Traps for integer dtypes.
    public static func rand(
        _ shape: Int..., dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        rand(Shape(shape), dtype: dtype, device: device, generator: generator, requiresGrad: requiresGrad)
    }
    /// Samples of the standard normal distribution. Traps for integer dtypes.
    public static func randn(
        _ shape: Int..., dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        randn(Shape(shape), dtype: dtype, device: device, generator: generator, requiresGrad: requiresGrad)
    }
    /// Uniform integers in `low ..< high`. Traps if that is empty or `dtype` cannot represent the bounds.
    public static func randint(
        _ low: Int, _ high: Int, _ shape: some Collection<Int>, dtype: DType = .int64, device: Device = .cpu, generator: Generator? = nil
    ) -> Tensor {
        integers("randint", low, high, Shape(shape), dtype, device, generator)
    }
    /// Uniform integers for the function `op`.
    static func integers(
        _ op: String, _ low: Int, _ high: Int, _ shape: Shape, _ dtype: DType, _ device: Device, _ generator: Generator?
    ) -> Tensor {
        guard low < high else { return fail(op, "there is no integer in \(low) ..< \(high)") }
        let (first, last) = (Double(low), Double(high - 1))
        let fits =
            dtype.isFloatingPoint
            ? dtype.isFinite(first) && dtype.isFinite(last) : dtype.nearest(Int64(low)) == low && dtype.nearest(Int64(high - 1)) == high - 1
        guard fits else { return fail(op, "\(dtype) does not reach from \(low) to \(high - 1)") }
        let kind = RandomKind.integers(low: Int64(low), high: Int64(high))
        return random(kind, shape, dtype: .int64, device: device, generator: generator, op).to(dtype)
    }
    /// Uniform integers in `0 ..< high`. Traps if that is empty or `dtype` cannot represent the bounds.
    public static func randint(
        _ high: Int, _ shape: some Collection<Int>, dtype: DType = .int64, device: Device = .cpu, generator: Generator? = nil
    ) -> Tensor {
        randint(0, high, shape, dtype: dtype, device: device, generator: generator)
    }
    /// A random permutation of 0 ..< n, by default int64, found by sorting n random 63-bit keys. Traps if n is negative.
    public static func randperm(_ n: Int, dtype: DType = .int64, device: Device = .cpu, generator: Generator? = nil) -> Tensor {
        guard n >= 0 else { return fail("randperm", "there are no \(n) numbers to order") }
        let keys = random(.integers(low: 0, high: .max), [n], dtype: .int64, device: device, generator: generator, "randperm")
        return keys.argsort(dim: 0).to(dtype)
    }

    /// Like `rand`, with x's shape, and its dtype and device unless others are given. PyTorch: `rand_like`.
    public static func rand(
        like x: Tensor, dtype: DType? = nil, device: Device? = nil, generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        x.isPoisoned
            ? x : rand(x.shape, dtype: dtype ?? x.dtype, device: device ?? x.device, generator: generator, requiresGrad: requiresGrad)
    }
    /// Like `randn`, with x's shape, and its dtype and device unless others are given. PyTorch: `randn_like`.
    public static func randn(
        like x: Tensor, dtype: DType? = nil, device: Device? = nil, generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        x.isPoisoned
            ? x : randn(x.shape, dtype: dtype ?? x.dtype, device: device ?? x.device, generator: generator, requiresGrad: requiresGrad)
    }
    /// Like `randint`, with x's shape, and its dtype and device unless others are given. PyTorch: `randint_like`.
    public static func randint(
        like x: Tensor, _ low: Int, _ high: Int, dtype: DType? = nil, device: Device? = nil, generator: Generator? = nil
    ) -> Tensor {
        x.isPoisoned ? x : randint(low, high, x.shape, dtype: dtype ?? x.dtype, device: device ?? x.device, generator: generator)
    }
    /// Uniform integers in `0 ..< high` with x's shape, and its dtype and device unless others are given.
    public static func randint(
        like x: Tensor, _ high: Int, dtype: DType? = nil, device: Device? = nil, generator: Generator? = nil
    ) -> Tensor {
        randint(like: x, 0, high, dtype: dtype, device: device, generator: generator)
    }

    /// Elementwise 1 with the probability given by the element, else 0, in the same dtype. Traps if a probability is not in 0 … 1.
    public final func bernoulli(generator: Generator? = nil) -> Tensor {
        if let failed = floatsOnly("bernoulli") { return failed }
        return noGrad {
            if numel > 0 && ge(0).logicalAnd(le(1)).all().item(Bool.self) == false {
                return fail("bernoulli", "probabilities must lie in 0 … 1")
            }
            // At least float32, since bfloat16 has too few values between 0 and 1.
            let kind = dtype == .float64 ? DType.float64 : .float32
            return Tensor.rand(shape, dtype: kind, device: device, generator: generator).lt(to(kind)).to(dtype)
        }
    }
    /// 1 with probability `p`, else 0, in x's shape and dtype. Traps if `p` is not in 0 … 1.
    public final func bernoulli(_ p: Double, generator: Generator? = nil) -> Tensor {
        isPoisoned ? self : Tensor.bernoulli(shape, p: p, dtype: dtype, device: device, generator: generator)
    }
    /// 1 with probability `p`, else 0. Traps if `p` is not in 0 … 1.
    public static func bernoulli(
        _ shape: some Collection<Int>, p: Double, dtype: DType = .float32, device: Device = .cpu, generator: Generator? = nil
    ) -> Tensor {
        bernoulli(Shape(shape), p: p, value: 1, dtype: dtype, device: device, generator: generator)
    }
    /// `value` with probability `p`, else 0.
    package static func bernoulli(_ shape: Shape, p: Double, value: Double, dtype: DType, device: Device, generator: Generator?) -> Tensor {
        guard p >= 0 && p <= 1 else { return fail("bernoulli", "the probability \(p) does not lie in 0 … 1") }
        let float = dtype.isFloatingPoint ? dtype : .float32
        return noGrad {
            random(.bernoulli(p: p, value: value), shape, dtype: float, device: device, generator: generator, "bernoulli").to(dtype)
        }
    }

    /// Draws `count` indices (int64) from each row of weights, [N] or [M, N] → [count] or [M, count]. Traps if weights are negative or not
    /// finite, a row's sum is 0, or there are too few positive weights without replacement. Without replacement it uses the exponential
    /// race: the smallest Eᵢ/wᵢ are an ordered sample (Efraimidis and Spirakis, 2006).
    public final func multinomial(_ count: Int, replacement: Bool = false, generator: Generator? = nil) -> Tensor {
        if let failed = floatsOnly("multinomial") { return failed }
        return composite("multinomial", self) { () throws(OpError) in
            guard ndim == 1 || ndim == 2, numel > 0 else {
                throw OpError("weights of shape \(shape) are not one or two dimensions of at least one element")
            }
            guard count > 0 else { throw OpError("\(count) draws are not possible") }
            let weights = detach().to(dtype.computeType)
            guard
                noGrad({
                    weights.ge(0).logicalAnd(weights.isfinite()).all().item(Bool.self) && weights.sum(dim: -1).gt(0).all().item(Bool.self)
                })
            else {
                throw OpError("weights must be finite and not negative, with a positive sum in each row")
            }
            return noGrad {
                if replacement {
                    let cumulative = weights.cumsum(dim: -1)
                    let u = Tensor.rand(Shape(shape.dropLast() + [count]), dtype: weights.dtype, device: device, generator: generator)
                    let target = u * cumulative.narrow(-1, shape[-1] - 1, 1)
                    return cumulative.unsqueeze(-2).le(target.unsqueeze(-1)).sum(dim: -1).clamp(max: shape[-1] - 1)
                }
                guard weights.gt(0).sum(dim: -1).ge(count).all().item(Bool.self) else {
                    return fail("multinomial", "\(count) draws without replacement need as many positive weights in each row")
                }
                let race = Tensor.rand(shape, dtype: weights.dtype, device: device, generator: generator)
                let arrival = Tensor.where(weights.gt(0), -(1 - race).log() / weights, Tensor.full(like: weights, Double.infinity))
                return arrival.argsort(dim: -1).narrow(-1, 0, count).contiguous()
            }
        }
    }

    /// `multinomial` with the label `numSamples`.
    public final func multinomial(numSamples: Int, replacement: Bool = false, generator: Generator? = nil) -> Tensor {
        multinomial(numSamples, replacement: replacement, generator: generator)
    }

    /// Fills with uniform numbers in [low, high). Traps for integers. PyTorch: `uniform_`.
    @discardableResult public final func uniform_(_ low: Double = 0, _ high: Double = 1, generator: Generator? = nil) -> Self {
        refill("uniform_", .uniform(low: low, high: high), generator)
    }
    /// Fills with samples of the normal distribution. Traps for integers. PyTorch: `normal_`.
    @discardableResult public final func normal_(mean: Double = 0, std: Double = 1, generator: Generator? = nil) -> Self {
        refill("normal_", .normal(mean: mean, std: std), generator)
    }

    /// `normal_(mean:std:generator:)`, by position.
    @discardableResult public final func normal_(_ mean: Double, _ std: Double = 1, generator: Generator? = nil) -> Self {
        normal_(mean: mean, std: std, generator: generator)
    }

    private final func refill(_ op: String, _ kind: RandomKind, _ generator: Generator?) -> Self {
        if floatsOnly(op) != nil { return self }
        return updateInPlace(op) { Tensor.random(kind, $0.shape, dtype: $0.dtype, device: $0.device, generator: generator, op) }
    }
}
