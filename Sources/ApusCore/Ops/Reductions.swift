/// Sum, mean, product, minimum, maximum, any, all over `dims`, which keep extent 1 (`Tensor.reduced` removes them).
struct Reduce: Op {
    let kind: ReduceKind
    /// Sorted, without repeats.
    let dims: [Int]
    let inputShape: Shape

    var name: String { "\(kind)" }
    var autocast: AutocastPolicy { kind == .sum || kind == .prod ? .float32 : .asIs }

    /// The number of elements per result.
    private var count: Int { dims.reduce(1) { $0 * inputShape[$1] } }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        var shape = x.shape
        for dim in dims { shape[dim] = 1 }
        if (kind == .min || kind == .max) && count == 0 && shape.numel > 0 {
            throw OpError("an empty tensor (shape \(x.shape)) has no smallest or largest element")
        }
        let out = try Tensor.uninitialized(shape, kind == .any || kind == .all ? .bool : x.dtype, x.device)
        try x.device.backend.reduce(kind, x, dims: dims, into: out)
        if kind == .prod || kind == .min || kind == .max {
            saved.keep(x)
            saved.keepOutput(out)
        }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        switch kind {
        case .sum: return [grad.expand(inputShape)]
        case .mean: return [(grad / count).expand(inputShape)]
        case .prod: return [Reduce.productGradient(grad, context.saved[0], dims)]
        case .min, .max:
            // Equal extremes share the gradient evenly, as in PyTorch's amin and amax.
            let isExtreme = context.saved[0].eq(context.saved[1])
            return [isExtreme.to(grad.dtype) * grad.shared(among: isExtreme.sum(dim: dims, keepDim: true))]
        case .any, .all: return [nil]
        }
    }

    /// The gradient of an element is the product of the others: the product before it times the product after it. There is no division, so
    /// zeros are handled correctly.
    private static func productGradient(_ grad: Tensor, _ x: Tensor, _ dims: [Int]) -> Tensor {
        let rest = (0..<x.ndim).filter { !dims.contains($0) }
        let order = rest + dims
        let flat = x.permute(order).flatten(startDim: rest.count)
        let n = flat.shape[-1]
        let ones = Tensor.ones(Shape(flat.shape.dropLast() + [1]), dtype: x.dtype, device: x.device)
        let before = Tensor.cat([ones, flat.narrow(-1, 0, max(n - 1, 0)).cumprod(dim: -1)], dim: -1).narrow(-1, 0, n)
        let after = Tensor.cat([ones, flat.flip([-1]).narrow(-1, 0, max(n - 1, 0)).cumprod(dim: -1)], dim: -1).narrow(-1, 0, n).flip([-1])
        var inverse = order
        for (i, dim) in order.enumerated() { inverse[dim] = i }
        let others = (before * after).reshape(Shape(order.map { x.shape[$0] })).permute(inverse)
        return grad * others
    }
}

/// (Σ|x|ᵖ)^(1/p) over `dims`, which keep extent 1, for finite p; for p = 0 the number of non-zero elements.
///
/// Derivative: sign x·(|x|/y)^(p−1); 0 if y = 0, for p < 1 if x = 0, and for p = 0.
struct PowerNorm: Op {
    let p: Double
    let dims: [Int]
    var name: String { "norm" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        let out: Tensor
        if p == 2 {
            var shape = x.shape
            for dim in dims { shape[dim] = 1 }
            out = try Tensor.uninitialized(shape, x.dtype, x.device)
            try x.device.backend.euclideanNorm(x, dims: dims, into: out)
        } else {
            out = noGrad { p == 0 ? x.ne(0).to(x.dtype).sum(dim: dims, keepDim: true) : PowerNorm.scaled(x.abs(), p, dims) }
        }
        saved.keep(x)
        saved.keepOutput(out)
        return out
    }

    /// Divides by the largest element (for p < 0 the smallest), so that powers neither overflow nor vanish.
    private static func scaled(_ x: Tensor, _ p: Double, _ dims: [Int]) -> Tensor {
        guard x.numel > 0 else { return x.pow(p).sum(dim: dims, keepDim: true).pow(1 / p) }
        let most = p > 0 ? x.amax(dim: dims, keepDim: true) : x.amin(dim: dims, keepDim: true)
        let unit = Tensor.where(most.gt(0).logicalAnd(most.isfinite()), most, 1)
        return (x / unit).pow(p).sum(dim: dims, keepDim: true).pow(1 / p) * unit
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (x, y) = (context.saved[0], context.saved[1])
        return [p == 0 ? Tensor.zeros(like: x) : grad * PowerNorm.slope(p, x, y)]
    }

    /// The derivative of the norm y of order p ≠ 0 by x.
    static func slope(_ p: Double, _ x: Tensor, _ y: Tensor) -> Tensor {
        let isZero = y.eq(0)
        let divisor = y.maskedFill(isZero, 1)
        if p == 2 { return x / divisor }
        if p >= 1 { return ((x.abs() / divisor).pow(p - 1) * x.sign()).maskedFill(isZero, 0) }
        let isFlat = isZero.logicalOr(x.eq(0))
        return ((x.abs() / divisor).maskedFill(isFlat, 1).pow(p - 1) * x.sign()).maskedFill(isFlat, 0)
    }
}

/// The largest or smallest element along `dim` and its first position (int64); NaN wins. `dim` keeps extent 1.
///
/// Derivative: the gradient goes to that position.
struct Extreme: Op {
    /// `max` or `min`; `argmax` or `argmin` if only the position is used.
    let name: String
    let kind: ArgReduceKind
    let dim: Int
    let inputShape: Shape
    var outputCount: Int { 2 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let x = inputs[0]
        var shape = x.shape
        if x.ndim > 0 { shape[dim] = 1 }
        guard x.ndim == 0 || x.shape[dim] > 0 || shape.numel == 0 else {
            throw OpError("dim \(dim) of shape \(x.shape) is empty and has no extreme element")
        }
        let indices = try Tensor.uninitialized(shape, .int64, x.device)
        if x.ndim == 0 {
            try x.device.backend.fill(indices, with: .int(0))
            return [try x.converted(to: x.dtype), indices]
        }
        let numbers = x.dtype == .bool ? try x.converted(to: .uint8) : x
        let values = try Tensor.uninitialized(shape, numbers.dtype, x.device)
        try x.device.backend.argReduce(kind, numbers, dim: dim, indices: indices, values: values)
        saved.keep(indices)
        return [x.dtype == .bool ? try values.converted(to: .bool) : values, indices]
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) -> Gradients {
        inputShape.isEmpty ? [grads[0]] : [apply(GatherBackward(dim: dim, shape: inputShape), [grads[0]!, context.saved[0]])]
    }
}

/// Cumulative sum or product along `dim`.
struct Scan: Op {
    let kind: ScanKind
    let dim: Int
    var name: String { kind == .sum ? "cumsum" : "cumprod" }
    var autocast: AutocastPolicy { .float32 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = inputs[0]
        let out = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        if x.ndim == 0 { try x.device.backend.copy(x, into: out) } else { try x.device.backend.scan(kind, x, dim: dim, into: out) }
        if kind == .prod { saved.keep(x) }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        if grad.ndim == 0 || grad.numel == 0 { return [grad] }
        if kind == .sum { return [grad.flip([dim]).cumsum(dim: dim).flip([dim])] }
        // Σ_k≥i g_k · Π_{j≤k, j≠i} x_j is the product of the elements before i, times s_i = g_i + x_{i+1}·s_{i+1}. There is no division, so
        // zeros are handled correctly.
        let type = grad.dtype.computeType
        let (x, g) = (context.saved[0].to(type), grad.to(type))
        let n = x.shape[dim]
        var edge = x.shape
        edge[dim] = 1
        let one = Tensor.ones(edge, dtype: type, device: x.device)
        let before = Tensor.cat([one, x.narrow(dim, 0, n - 1).cumprod(dim: dim)], dim: dim)
        let next = Tensor.cat([x.narrow(dim, 1, n - 1), one], dim: dim)
        let sums = Tensor.linearScan(next.flip([dim]), g.flip([dim]), dim: dim).flip([dim])
        return [(before * sums).to(grad.dtype)]
    }
}

/// y_k = a_k·y_{k−1} + b_k along `dim`, with y_0 = b_0.
///
/// Derivative: with λ_k = g_k + a_{k+1}·λ_{k+1}, the same recurrence from the end, the gradient of b is λ and that of a_k is λ_k·y_{k−1}.
private struct LinearScan: Op {
    let dim: Int
    var name: String { "linearScan" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let out = try Tensor.uninitialized(inputs[0].shape, inputs[0].dtype, inputs[0].device)
        try out.device.backend.linearScan(try inputs[0].contiguousData(), try inputs[1].contiguousData(), dim: dim, into: out)
        saved.keep(inputs[0])
        saved.keepOutput(out)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (a, y) = (context.saved[0], context.saved[1])
        let n = a.shape[dim]
        var edge = a.shape
        edge[dim] = 1
        let zero = Tensor.zeros(edge, dtype: a.dtype, device: a.device)
        let next = Tensor.cat([a.narrow(dim, 1, n - 1), zero], dim: dim)
        let sums = Tensor.linearScan(next.flip([dim]), grad.flip([dim]), dim: dim).flip([dim])
        let previous = Tensor.cat([zero, y.narrow(dim, 0, n - 1)], dim: dim)
        return [context.needs(0) ? sums * previous : nil, sums]
    }
}

extension Tensor {
    /// y_k = a_k·y_{k−1} + b_k along `dim`, with y_0 = b_0, for non-empty float32 or float64 tensors.
    static func linearScan(_ a: Tensor, _ b: Tensor, dim: Int) -> Tensor { apply(LinearScan(dim: dim), Inputs(a, b)) }
}

extension Tensor {
    /// Divides by an integer tensor of counts, which a 16-bit float might not represent.
    final func shared(among count: Tensor) -> Tensor {
        let wide: DType = dtype.size == 2 ? .float32 : dtype
        return (to(wide) / count.to(wide)).to(dtype)
    }

    /// The dims of a reduction, sorted; all of them for nil or an empty list.
    final func reductionDims(_ dims: [Int]?) throws(OpError) -> [Int] {
        guard let dims, !dims.isEmpty else { return Array(0..<ndim) }
        if ndim == 0 {
            for dim in dims { _ = try normalize(dim: dim, ndim: 0) }
            return []
        }
        return try distinctDims(dims).sorted()
    }

    private final func reduced(_ kind: ReduceKind, _ dims: [Int]?, keepDim: Bool) -> Tensor {
        composite("\(kind)", self) { () throws(OpError) in
            let at = try reductionDims(dims)
            let out = apply(Reduce(kind: kind, dims: at, inputShape: shape), Inputs(self))
            return keepDim || at.isEmpty ? out : out.squeeze(at)
        }
    }

    /// Converts for sums and products: to `dtype` if given, else integers and bool to int64.
    private final func summable(_ wanted: DType?) -> Tensor { wanted == nil && dtype.isFloatingPoint ? self : to(wanted ?? .int64) }

    /// The sum of all elements, converted to `dtype` first if given; integers and bool give int64.
    public final func sum(dtype: DType? = nil) -> Tensor { summable(dtype).reduced(.sum, nil, keepDim: false) }
    /// The sums along `dim`.
    public final func sum(dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        summable(dtype).reduced(.sum, [dim], keepDim: keepDim)
    }
    /// The sums over `dim`; an empty list means all dimensions.
    public final func sum(dim: some Collection<Int>, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        summable(dtype).reduced(.sum, Array(dim), keepDim: keepDim)
    }

    /// The mean of all elements, converted to `dtype` first if given; NaN if there are none. Traps for integers and bool.
    public final func mean(dtype: DType? = nil) -> Tensor { mean(dim: Shape(), dtype: dtype) }
    /// The means along `dim`.
    public final func mean(dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        mean(dim: [dim], keepDim: keepDim, dtype: dtype)
    }
    /// The means over `dim`; an empty list means all dimensions.
    public final func mean(dim: some Collection<Int>, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        let x = dtype.map { to($0) } ?? self
        return x.floatsOnly("mean") ?? x.reduced(.mean, Array(dim), keepDim: keepDim)
    }

    /// The product of all elements, converted to `dtype` first if given; integers and bool give int64.
    public final func prod(dtype: DType? = nil) -> Tensor { summable(dtype).reduced(.prod, nil, keepDim: false) }
    /// The products along `dim`.
    public final func prod(dim: Int, keepDim: Bool = false, dtype: DType? = nil) -> Tensor {
        summable(dtype).reduced(.prod, [dim], keepDim: keepDim)
    }

    /// The smallest elements over `dim`, all dimensions by default; equal ones share the gradient. Traps if there are no elements. PyTorch:
    /// `amin`.
    public final func amin(dim: some Collection<Int> = [], keepDim: Bool = false) -> Tensor {
        reduced(.min, Array(dim), keepDim: keepDim)
    }
    /// The smallest elements along `dim`; equal ones share the gradient. Traps if there are no elements.
    public final func amin(dim: Int, keepDim: Bool = false) -> Tensor { reduced(.min, [dim], keepDim: keepDim) }
    /// The largest elements over `dim`, all dimensions by default; equal ones share the gradient. Traps if there are no elements. PyTorch:
    /// `amax`.
    public final func amax(dim: some Collection<Int> = [], keepDim: Bool = false) -> Tensor {
        reduced(.max, Array(dim), keepDim: keepDim)
    }
    /// The largest elements along `dim`; equal ones share the gradient. Traps if there are no elements.
    public final func amax(dim: Int, keepDim: Bool = false) -> Tensor { reduced(.max, [dim], keepDim: keepDim) }
    /// The smallest element; equal ones share the gradient. Traps if there are none.
    public final func min() -> Tensor { reduced(.min, nil, keepDim: false) }
    /// The largest element; equal ones share the gradient. Traps if there are none.
    public final func max() -> Tensor { reduced(.max, nil, keepDim: false) }
    /// The smallest elements along `dim` and the first position of each, which gets the gradient.
    public final func min(dim: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) { extreme(.min, dim, keepDim) }
    /// The largest elements along `dim` and the first position of each, which gets the gradient.
    public final func max(dim: Int, keepDim: Bool = false) -> (values: Tensor, indices: Tensor) { extreme(.max, dim, keepDim) }

    private final func extreme(_ kind: ArgReduceKind, _ dim: Int, _ keepDim: Bool, name: String? = nil) -> (values: Tensor, indices: Tensor)
    {
        let name = name ?? "\(kind)"
        return compositePair(name, self) { () throws(OpError) in
            let at = try normalize(dim: dim, ndim: ndim)
            let found = apply(Extreme(name: name, kind: kind, dim: at, inputShape: shape), Inputs(self))
            return keepDim || ndim == 0 ? (found[0], found[1]) : (found[0].squeeze(at), found[1].squeeze(at))
        }
    }

    private final func argReduced(_ kind: ArgReduceKind, _ dim: Int, keepDim: Bool) -> Tensor {
        noGrad { extreme(kind, dim, keepDim, name: kind == .max ? "argmax" : "argmin").indices }
    }

    private final func argReducedWhole(_ kind: ArgReduceKind, keepDim: Bool) -> Tensor {
        let position = reshape([-1]).argReduced(kind, 0, keepDim: false)
        return keepDim ? position.reshape(Shape(repeating: 1, count: ndim)) : position
    }

    /// The first position of the largest element along `dim`, int64; NaN counts as largest.
    public final func argmax(dim: Int, keepDim: Bool = false) -> Tensor { argReduced(.max, dim, keepDim: keepDim) }
    /// The first position of the largest element in row-major order; with `keepDim`, a tensor with as many dimensions as x.
    public final func argmax(keepDim: Bool = false) -> Tensor { argReducedWhole(.max, keepDim: keepDim) }
    /// The first position of the smallest element along `dim`, int64; NaN counts as smallest.
    public final func argmin(dim: Int, keepDim: Bool = false) -> Tensor { argReduced(.min, dim, keepDim: keepDim) }
    /// The first position of the smallest element in row-major order; with `keepDim`, a tensor with as many dimensions as x.
    public final func argmin(keepDim: Bool = false) -> Tensor { argReducedWhole(.min, keepDim: keepDim) }

    /// Whether any element is not zero.
    public final func any() -> Tensor { reduced(.any, nil, keepDim: false) }
    /// Whether any element along `dim` is not zero.
    public final func any(dim: Int, keepDim: Bool = false) -> Tensor { reduced(.any, [dim], keepDim: keepDim) }
    /// Whether any element over `dim` is not zero; an empty list means all dimensions.
    public final func any(dim: some Collection<Int>, keepDim: Bool = false) -> Tensor {
        reduced(.any, Array(dim), keepDim: keepDim)
    }
    /// Whether all elements are not zero.
    public final func all() -> Tensor { reduced(.all, nil, keepDim: false) }
    /// Whether all elements along `dim` are not zero.
    public final func all(dim: Int, keepDim: Bool = false) -> Tensor { reduced(.all, [dim], keepDim: keepDim) }
    /// Whether all elements over `dim` are not zero; an empty list means all dimensions.
    public final func all(dim: some Collection<Int>, keepDim: Bool = false) -> Tensor {
        reduced(.all, Array(dim), keepDim: keepDim)
    }

    /// Runs `compute` in float32 for 16-bit floats, whose squares and sums overflow at 65,504 and whose digits are few, and converts the
    /// result back. Integers and bool become float32.
    final func widened(_ compute: (Tensor) -> Tensor) -> Tensor {
        isHalf ? compute(to(.float32)).to(dtype) : compute(dtype.isFloatingPoint ? self : to(.float32))
    }

    /// Σ(x − mean)² / (n − correction) over `dim`, all dimensions by default. PyTorch: `torch.var` (correction 1 is the unbiased estimate).
    public final func `var`(dim: some Collection<Int> = [], correction: Double = 1, keepDim: Bool = false) -> Tensor {
        floatsOnly("var") ?? widened { $0.variance(Array(dim), correction, keepDim) }
    }
    private final func variance(_ dim: [Int], _ correction: Double, _ keepDim: Bool) -> Tensor {
        composite("var", .asIs, self) { (x) throws(OpError) in
            let at = try reductionDims(dim)
            let count = Double(at.reduce(1) { $0 * shape[$1] })
            let centered = x - x.reduced(.mean, at, keepDim: true)
            // Subtracts the rounding error of the mean, Σ centered / n: far from 0 it may be as large as the differences of the elements.
            let rest = centered.reduced(.sum, at, keepDim: keepDim).square() / Swift.max(count, 1)
            return (centered.square().reduced(.sum, at, keepDim: keepDim) - rest) / Swift.max(count - correction, 0)
        }
    }
    /// The variance along `dim`.
    public final func `var`(dim: Int, correction: Double = 1, keepDim: Bool = false) -> Tensor {
        `var`(dim: [dim], correction: correction, keepDim: keepDim)
    }
    /// √x of a sum of squares, with gradient 0 at 0, where the slope of √ is infinite but that of the squares is 0.
    final func rootOfSquares() -> Tensor {
        let isZero = detach().eq(0)
        return maskedFill(isZero, 1).sqrt().maskedFill(isZero, 0)
    }
    /// The square root of the variance over `dim`, all dimensions by default; the gradient is 0 if all numbers are equal.
    public final func std(dim: some Collection<Int> = [], correction: Double = 1, keepDim: Bool = false) -> Tensor {
        floatsOnly("std") ?? widened { $0.variance(Array(dim), correction, keepDim).rootOfSquares() }
    }
    /// The standard deviation along `dim`.
    public final func std(dim: Int, correction: Double = 1, keepDim: Bool = false) -> Tensor {
        std(dim: [dim], correction: correction, keepDim: keepDim)
    }

    /// (Σ|x|ᵖ)^(1/p) over `dim`, all dimensions by default; p may be ∞ (largest |x|), −∞ (smallest |x|) or 0 (number of non-zero elements).
    /// The gradient at a zero vector is 0. Powers are scaled so that they neither overflow nor vanish. Traps for integers. PyTorch:
    /// `torch.norm`.
    public final func norm(p: Double = 2, dim: some Collection<Int> = [], keepDim: Bool = false) -> Tensor {
        let dim = Array(dim)
        if let failed = floatsOnly("norm") { return failed }
        return composite("norm", .float32, self) { x in x.widened { $0.norm(of: p, dim, keepDim) } }
    }
    private final func norm(of p: Double, _ dim: [Int], _ keepDim: Bool) -> Tensor {
        if p == .infinity { return abs().amax(dim: dim, keepDim: keepDim) }
        if p == -.infinity { return abs().amin(dim: dim, keepDim: keepDim) }
        if p == 1 { return abs().sum(dim: dim, keepDim: keepDim) }
        return composite("norm", self) { () throws(OpError) in
            let dims = try reductionDims(dim)
            let out = apply(PowerNorm(p: p, dims: dims), Inputs(self))
            return keepDim || dims.isEmpty ? out : out.squeeze(dims)
        }
    }
    /// The norm along `dim`.
    public final func norm(p: Double = 2, dim: Int, keepDim: Bool = false) -> Tensor { norm(p: p, dim: [dim], keepDim: keepDim) }
    /// The norm of order `p` over `dim`, all dimensions by default: `x.norm(1)` is Σ|x|.
    public final func norm(_ p: Double, dim: some Collection<Int> = [], keepDim: Bool = false) -> Tensor {
        norm(p: p, dim: dim, keepDim: keepDim)
    }
    /// The norm of order `p` along `dim`.
    public final func norm(_ p: Double, dim: Int, keepDim: Bool = false) -> Tensor { norm(p: p, dim: [dim], keepDim: keepDim) }

    /// ln Σeˣ over `dim`, without overflow.
    public final func logsumexp(dim: some Collection<Int>, keepDim: Bool = false) -> Tensor {
        let dim = Array(dim)
        return composite("logsumexp", .float32, dtype.isFloatingPoint ? self : to(.float32)) { x in x.widened { $0.logOfSum(dim, keepDim) }
        }
    }
    private final func logOfSum(_ dim: [Int], _ keepDim: Bool) -> Tensor {
        if isPoisoned || numel == 0 { return exp().sum(dim: dim, keepDim: keepDim).log() }
        let largest = detach().amax(dim: dim, keepDim: true)
        let shift = Tensor.where(largest.isinf(), Tensor.zeros(like: largest), largest)
        // If all elements are −∞ the sum is 0, its logarithm −∞ and the gradient 0.
        let exponentials = (self - shift).exp().sum(dim: dim, keepDim: true)
        let isZero = exponentials.detach().eq(0)
        let sum = exponentials.maskedFill(isZero, 1).log().maskedFill(isZero, -Double.infinity) + shift
        return keepDim ? sum : sum.squeeze(dim.isEmpty ? Array(0..<ndim) : dim)
    }
    /// ln Σeˣ along `dim`, without overflow.
    public final func logsumexp(dim: Int, keepDim: Bool = false) -> Tensor { logsumexp(dim: [dim], keepDim: keepDim) }

    /// The cumulative sum along `dim`, converted to `dtype` first if given; integers and bool give int64.
    public final func cumsum(dim: Int, dtype: DType? = nil) -> Tensor { scanned(.sum, dim, dtype) }
    /// The cumulative product along `dim`, converted to `dtype` first if given; integers and bool give int64.
    public final func cumprod(dim: Int, dtype: DType? = nil) -> Tensor { scanned(.prod, dim, dtype) }

    private final func scanned(_ kind: ScanKind, _ dim: Int, _ wanted: DType?) -> Tensor {
        composite(kind == .sum ? "cumsum" : "cumprod", self) { () throws(OpError) in
            apply(Scan(kind: kind, dim: try normalize(dim: dim, ndim: ndim)), [summable(wanted)])
        }
    }

    /// Throws for integers and bool.
    final func requireFloats() throws(OpError) {
        guard dtype.isFloatingPoint else {
            throw OpError("is for floating-point tensors, this one is \(dtype); convert it with to(.float32)")
        }
    }

    /// Fails for integers and bool; nil for floats.
    final func floatsOnly(_ op: String) -> Tensor? {
        if isPoisoned { return self }
        do throws(OpError) {
            try requireFloats()
            return nil
        } catch {
            return fail(error, op: op)
        }
    }
}
