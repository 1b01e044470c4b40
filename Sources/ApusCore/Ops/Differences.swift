// Differences, derivatives and integrals of sampled functions.

extension Tensor {
    /// The elements from `first` on along `dim` (not negative), without the last `last`.
    private final func part(_ dim: Int, from first: Int = 0, without last: Int = 0) -> Tensor {
        narrow(dim, Swift.min(first, size(dim)), Swift.max(size(dim) - first - last, 0))
    }

    /// The differences x[i + 1] − x[i] along `dim`, applied `n` times; for bool, whether neighbours differ. `prepend` and `append` are
    /// concatenated to x first. Traps for scalars and negative n. PyTorch: `diff`.
    public final func diff(n: Int = 1, dim: Int = -1, prepend: Tensor? = nil, append: Tensor? = nil) -> Tensor {
        for ends in [prepend, append].compactMap({ $0 }) where ends.isPoisoned { return ends }
        return composite("diff", self) { () throws(OpError) in
            guard ndim > 0 else { throw OpError("a scalar has no neighbours") }
            guard n >= 0 else { throw OpError("differences cannot be taken \(n) times") }
            let at = try normalize(dim: dim, ndim: ndim)
            if n == 0 { return clone() }
            let parts = [prepend, self, append].compactMap { $0 }
            var x = parts.count == 1 ? self : Tensor.cat(parts, dim: at)
            if x.isPoisoned || x.shape[at] == 0 { return x }
            for _ in 0..<Swift.min(n, x.shape[at]) {
                let (next, previous) = (x.part(at, from: 1), x.part(at, without: 1))
                x = x.dtype == .bool ? next.logicalXor(previous) : next - previous
            }
            return x
        }
    }

    // MARK: Derivatives

    /// The partial derivatives of a function along each of `dim` (all by default), from values that are `spacing` apart: central
    /// differences, and one-sided ones at the ends, which are exact for polynomials of degree `edgeOrder` (1 or 2). Traps if a dimension
    /// does not have more than `edgeOrder` elements. PyTorch: `torch.gradient`.
    public static func gradient(_ input: Tensor, spacing: Double = 1, dim: [Int]? = nil, edgeOrder: Int = 1) -> TensorList {
        derivatives(input, dim, edgeOrder) { (_, _) in .step(spacing) }
    }
    /// The derivative along `dim`, from values `spacing` apart.
    public static func gradient(_ input: Tensor, spacing: Double = 1, dim: Int, edgeOrder: Int = 1) -> TensorList {
        gradient(input, spacing: spacing, dim: [dim], edgeOrder: edgeOrder)
    }
    /// The partial derivatives along each of `dim` (all by default), where the values are `spacing[i]` apart.
    public static func gradient(_ input: Tensor, spacing: [Double], dim: [Int]? = nil, edgeOrder: Int = 1) -> TensorList {
        derivatives(input, dim, edgeOrder, spacings: spacing.count) { (i, _) in .step(spacing[i]) }
    }
    /// The partial derivatives along each of `dim` (all by default), where the values are at the coordinates `spacing[i]`, a vector; inner
    /// derivatives are exact for polynomials of degree 2. Traps if there is not one coordinate per value. PyTorch: `torch.gradient`.
    public static func gradient(_ input: Tensor, spacing: [Tensor], dim: [Int]? = nil, edgeOrder: Int = 1) -> TensorList {
        if let poisoned = spacing.first(where: \.isPoisoned) { return TensorList(poisoned: poisoned) }
        return derivatives(input, dim, edgeOrder, spacings: spacing.count) { (i, extent) throws(OpError) in
            guard spacing[i].ndim == 1, spacing[i].numel == extent else {
                throw OpError("coordinates of shape \(spacing[i].shape) are not a vector of the \(extent) places of dim \(dim?[i] ?? i)")
            }
            return .coordinates(spacing[i])
        }
    }

    /// The coordinates of the values of a function.
    private enum Places {
        case step(Double)
        case coordinates(Tensor)
    }

    private static func derivatives(
        _ x: Tensor, _ dims: [Int]?, _ edgeOrder: Int, spacings: Int? = nil, _ places: (_ i: Int, _ extent: Int) throws(OpError) -> Places
    ) -> TensorList {
        list("gradient", [x]) { (_) throws(OpError) in
            guard x.dtype != .uint8, x.dtype != .bool else { throw OpError("is not defined for \(x.dtype); convert with to(_:)") }
            guard edgeOrder == 1 || edgeOrder == 2 else { throw OpError("edgeOrder must be 1 or 2, it is \(edgeOrder)") }
            let all = try x.distinctDims(dims ?? Array(0..<x.ndim))
            if let spacings, spacings != all.count { throw OpError("\(spacings) spacings for \(all.count) dims") }
            var found: [Tensor] = []
            for (i, at) in all.enumerated() {
                guard x.ndim > 0, x.shape[at] > edgeOrder else {
                    throw OpError("dim \(at) of shape \(x.shape) needs \(edgeOrder + 1) elements for edgeOrder \(edgeOrder)")
                }
                switch try places(i, x.shape[at]) {
                case .step(let step): found.append(x.derivative(at, step, edgeOrder))
                case .coordinates(let coordinates): found.append(x.derivative(at, coordinates, edgeOrder))
                }
            }
            return found
        }
    }

    /// Element `i` along `dim`, which keeps extent 1.
    private final func only(_ dim: Int, _ i: Int) -> Tensor { narrow(dim, i, 1) }

    private final func derivative(_ dim: Int, _ step: Double, _ edgeOrder: Int) -> Tensor {
        func slope(_ start: Int, _ a: Double, _ b: Double, _ c: Double) -> Tensor {
            let (x, y, z) = (only(dim, start), only(dim, start + 1), only(dim, start + 2))
            return (x * a + y * b + z * c) / step
        }
        let center = (part(dim, from: 2) - part(dim, without: 2)) / step / 2
        let isLine = edgeOrder == 1
        let first = isLine ? (only(dim, 1) - only(dim, 0)) / step : slope(0, -1.5, 2, -0.5)
        let last = isLine ? (only(dim, -1) - only(dim, -2)) / step : slope(-3, 0.5, -2, 1.5)
        return Tensor.cat([first, center, last], dim: dim)
    }

    /// The slope of the parabola through three neighbours; at the ends, of a line or a parabola.
    private final func derivative(_ dim: Int, _ coordinates: Tensor, _ edgeOrder: Int) -> Tensor {
        var line = Shape(repeating: 1, count: ndim)
        line[dim] = -1
        let steps = coordinates.diff().reshape(line)
        let (before, after) = (steps.part(dim, without: 1), steps.part(dim, from: 1))
        let both = before + after
        let left = -after / (before * both), middle = (after - before) / (before * after), right = before / (after * both)
        let center = part(dim, without: 2) * left + part(dim, from: 1, without: 1) * middle + part(dim, from: 2) * right
        if edgeOrder == 1 {
            let first = (only(dim, 1) - only(dim, 0)) / steps.only(dim, 0)
            let last = (only(dim, -1) - only(dim, -2)) / steps.only(dim, -1)
            return Tensor.cat([first, center, last], dim: dim)
        }
        func slope(_ start: Int, _ a: Tensor, _ b: Tensor, _ c: Tensor) -> Tensor {
            let (x, y, z) = (only(dim, start), only(dim, start + 1), only(dim, start + 2))
            return x * a + y * b + z * c
        }
        let (a, b, ab) = (before.only(dim, 0), after.only(dim, 0), both.only(dim, 0))
        let first = slope(0, -(a + ab) / (a * ab), ab / (a * b), -a / (b * ab))
        let (c, d, cd) = (before.only(dim, -1), after.only(dim, -1), both.only(dim, -1))
        let last = slope(-3, d / (c * cd), -cd / (c * d), (d + cd) / (d * cd))
        return Tensor.cat([first, center, last], dim: dim)
    }

    // MARK: Integrals

    /// The integral along `dim` by the trapezoidal rule, of values y that are `dx` apart; 0 if there are none. Traps for scalars and bool.
    /// PyTorch: `torch.trapezoid`.
    public static func trapezoid(_ y: Tensor, dx: Double = 1, dim: Int = -1) -> Tensor {
        composite("trapezoid", y) { () throws(OpError) in
            let at = try sampled(y, dim)
            if y.shape[at] == 0 { return y.sum(dim: at, dtype: y.dtype) }
            return (y.sum(dim: at) - (y.select(at, 0) + y.select(at, -1)) * 0.5) * dx
        }
    }
    /// The integral along `dim` by the trapezoidal rule, of values y at the coordinates x: a vector, or a tensor that broadcasts with y
    /// from the last dimension on. Traps if they do not fit, and for scalars and bool. PyTorch: `torch.trapezoid`.
    public static func trapezoid(_ y: Tensor, _ x: Tensor, dim: Int = -1) -> Tensor {
        composite("trapezoid", y, x) { () throws(OpError) in
            let at = try sampled(y, dim)
            if y.shape[at] == 0 { return y.sum(dim: at, dtype: y.dtype) }
            let distances = try steps(of: x, like: y, at)
            return ((y.part(at, without: 1) + y.part(at, from: 1)) * distances).sum(dim: at) / 2.0
        }
    }
    /// The same with the label `x`.
    public static func trapezoid(_ y: Tensor, x: Tensor, dim: Int = -1) -> Tensor { trapezoid(y, x, dim: dim) }

    /// The integrals along `dim` from the first value to each other one by the trapezoidal rule, of values y that are `dx` apart. Traps for
    /// scalars and bool. PyTorch: `torch.cumulative_trapezoid`.
    public static func cumulativeTrapezoid(_ y: Tensor, dx: Double = 1, dim: Int = -1) -> Tensor {
        composite("cumulativeTrapezoid", y) { () throws(OpError) in
            let at = try sampled(y, dim)
            return ((y.part(at, without: 1) + y.part(at, from: 1)) * (dx / 2)).cumsum(dim: at)
        }
    }
    /// The integrals along `dim` from the first value to each other one by the trapezoidal rule, of values y at the coordinates x, which
    /// are as for `trapezoid`. PyTorch: `torch.cumulative_trapezoid`.
    public static func cumulativeTrapezoid(_ y: Tensor, _ x: Tensor, dim: Int = -1) -> Tensor {
        composite("cumulativeTrapezoid", y, x) { () throws(OpError) in
            let at = try sampled(y, dim)
            let distances = try steps(of: x, like: y, at)
            return ((y.part(at, without: 1) + y.part(at, from: 1)) * (distances / 2.0)).cumsum(dim: at)
        }
    }
    /// The same with the label `x`.
    public static func cumulativeTrapezoid(_ y: Tensor, x: Tensor, dim: Int = -1) -> Tensor { cumulativeTrapezoid(y, x, dim: dim) }

    /// The dimension along which the values y are samples.
    private static func sampled(_ y: Tensor, _ dim: Int) throws(OpError) -> Int {
        guard y.dtype != .bool else { throw OpError("is not defined for bool; convert with to(_:)") }
        guard y.ndim > 0 else { throw OpError("a scalar has no dimension to integrate over") }
        return try normalize(dim: dim, ndim: y.ndim)
    }

    /// The spacings of the coordinates x, which broadcast with the differences of y along dimension `dim`.
    private static func steps(of x: Tensor, like y: Tensor, _ dim: Int) throws(OpError) -> Tensor {
        guard x.dtype != .bool else { throw OpError("coordinates cannot be bool; convert with to(_:)") }
        var shape = Shape(repeating: 1, count: Swift.max(y.ndim, x.ndim))
        if x.ndim == 1 {
            guard x.numel == y.shape[dim] else {
                throw OpError("\(x.numel) coordinates for the \(y.shape[dim]) values of dim \(dim) of shape \(y.shape)")
            }
            shape[dim] = x.numel
        } else {
            for i in 0..<x.ndim { shape[shape.count - x.ndim + i] = x.shape[i] }
        }
        let places = x.reshape(shape)
        let steps = places.part(dim, from: 1) - places.part(dim, without: 1)
        var values = y.shape
        values[dim] = Swift.max(values[dim] - 1, 0)
        guard Shape.broadcast(steps.shape, values) != nil else {
            throw OpError("coordinates of shape \(x.shape) do not fit values of shape \(y.shape) along dim \(dim)")
        }
        return steps
    }
}
