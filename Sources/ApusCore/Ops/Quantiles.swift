/// The value of a quantile whose position is between two elements. PyTorch: `interpolation`.
public enum QuantileInterpolation: String, Sendable, CaseIterable {
    /// Interpolates linearly between both.
    case linear
    /// The smaller and the larger of both.
    case lower, higher
    /// The mean of both.
    case midpoint
    /// The nearer one; in the middle, the one at the even position.
    case nearest
}

extension Tensor {
    /// The `q`-quantiles (0 … 1) along `dim`, or of all elements if nil. If q is a vector, its extent becomes the first dimension. NaN if
    /// there is one among the elements. Traps if a q is not in 0 … 1, or there are no elements. PyTorch: `quantile`.
    public final func quantile(
        _ q: Tensor, dim: Int? = nil, keepDim: Bool = false, interpolation: QuantileInterpolation = .linear
    ) -> Tensor {
        quantile("quantile", q, dim, keepDim, interpolation, ignoringNaN: false)
    }
    /// The `q`-quantile (0 … 1) along `dim`, or of all elements if nil; NaN if there is one among the elements. Traps if q is not in 0 … 1,
    /// or there are no elements.
    public final func quantile(
        _ q: Double, dim: Int? = nil, keepDim: Bool = false, interpolation: QuantileInterpolation = .linear
    ) -> Tensor {
        quantile("quantile", q, dim, keepDim, interpolation, ignoringNaN: false)
    }
    /// The `q`-quantiles (0 … 1) along `dim`, or of all elements if nil, ignoring NaN; NaN if there are no other elements. If q is a
    /// vector, its extent becomes the first dimension. Traps if a q is not in 0 … 1, or there are no elements. PyTorch: `nanquantile`.
    public final func nanquantile(
        _ q: Tensor, dim: Int? = nil, keepDim: Bool = false, interpolation: QuantileInterpolation = .linear
    ) -> Tensor {
        quantile("nanquantile", q, dim, keepDim, interpolation, ignoringNaN: true)
    }
    /// The `q`-quantile (0 … 1) along `dim`, or of all elements if nil, ignoring NaN; NaN if there are no other elements. Traps if q is not
    /// in 0 … 1, or there are no elements.
    public final func nanquantile(
        _ q: Double, dim: Int? = nil, keepDim: Bool = false, interpolation: QuantileInterpolation = .linear
    ) -> Tensor {
        quantile("nanquantile", q, dim, keepDim, interpolation, ignoringNaN: true)
    }

    private final func quantile(
        _ op: String, _ q: Tensor, _ dim: Int?, _ keepDim: Bool, _ rule: QuantileInterpolation, ignoringNaN: Bool
    ) -> Tensor {
        if let failed = floatsOnly(op) { return failed }
        return composite(op, self, q) { () throws(OpError) in
            guard q.ndim <= 1, q.dtype == dtype else {
                throw OpError("q must be a number or vector of \(dtype), it is \(q.dtype) of shape \(q.shape)")
            }
            let source = q.requiresGrad ? q.reshape([-1]) : nil
            let values = try quantiles(
                q.detach().to(.cpu).numbers(Double.self), dim, keepDim, rule, ignoringNaN: ignoringNaN, of: source)
            return q.ndim == 0 ? values.squeeze(0) : values
        }
    }

    private final func quantile(
        _ op: String, _ q: Double, _ dim: Int?, _ keepDim: Bool, _ rule: QuantileInterpolation, ignoringNaN: Bool
    ) -> Tensor {
        if let failed = floatsOnly(op) { return failed }
        return composite(op, self) { () throws(OpError) in
            try quantiles([q], dim, keepDim, rule, ignoringNaN: ignoringNaN).squeeze(0)
        }
    }

    /// The quantiles along a new first dimension. `source` is q as a tensor if it requires a gradient.
    private final func quantiles(
        _ q: [Double], _ dim: Int?, _ keepDim: Bool, _ rule: QuantileInterpolation, ignoringNaN: Bool, of source: Tensor? = nil
    ) throws(OpError) -> Tensor {
        guard let dim, ndim > 0 else {
            if let dim { _ = try normalize(dim: dim, ndim: 0) }
            let values = try reshape([-1]).usable().quantiles(q, 0, false, rule, ignoringNaN: ignoringNaN, of: source)
            return keepDim ? values.reshape([q.count] + [Int](repeating: 1, count: ndim)) : values
        }
        let at = try normalize(dim: dim, ndim: ndim)
        guard shape[at] > 0 else { throw OpError("dim \(dim) of shape \(shape) has no quantiles") }
        if let wrong = q.first(where: { !($0 >= 0 && $0 <= 1) }) { throw OpError("q must lie within 0 … 1, it is \(wrong)") }
        let sorted = movedim(at, -1).sort(dim: -1).values
        let values =
            ignoringNaN
            ? sorted.quantilesOfNumbers(source ?? Tensor(q, shape: [q.count], dtype: dtype, device: device), rule)
            : sorted.quantilesOfAll(q, rule, of: source)
        let inFront = values.to(dtype).movedim(-1, 0)
        return keepDim ? inFront.unsqueeze(at + 1) : inFront
    }

    /// The quantiles of sorted rows, along the last dimension. Positions are computed in `Double`: 16-bit floats represent integers only up
    /// to 2,048, float32 up to 2²⁴.
    private final func quantilesOfAll(_ q: [Double], _ rule: QuantileInterpolation, of source: Tensor?) -> Tensor {
        let wide = dtype.computeType
        let last = Double(shape[-1] - 1)
        // For rules that jump, a position that rounds to an integer in the dtype's arithmetic counts as that integer, as in PyTorch:
        // ⌊0.29·100⌋ is 29.
        let isRounded = rule != .linear && dtype != .float64 && last < 0x1p24
        let places = q.map { isRounded ? Double(Float($0) * Float(last)) : $0 * last }
        let values = interpolated(rule) { rounding in
            indexSelect(dim: -1, Tensor(places.map { Int64($0.rounded(rounding)) }, shape: [q.count], device: device)).to(wide)
        } weight: {
            let weight = Tensor(places.map { $0 - $0.rounded(.down) }, shape: [q.count], dtype: wide, device: device)
            return source.map { weight + ($0.to(wide) - $0.detach().to(wide)) * last } ?? weight
        }
        return values.maskedFill(isnan().any(dim: -1, keepDim: true), Double.nan)
    }

    /// The quantiles of sorted rows along the last dimension, ignoring NaN, which is sorted last. Each row has positions of its own; for a
    /// row of only NaN the position is 0.
    private final func quantilesOfNumbers(_ q: Tensor, _ rule: QuantileInterpolation) -> Tensor {
        let wide = dtype.computeType
        let count = isnan().logicalNot().sum(dim: -1, keepDim: true)
        let places = (q.to(wide) * (count - 1).to(wide)).clamp(min: 0.0)
        return interpolated(rule) { rounding in
            let place = places.detach()
            let whole = rounding == .down ? place.floor() : rounding == .up ? place.ceil() : place.round()
            return gather(-1, whole.to(.int64)).to(wide)
        } weight: {
            places - places.detach().floor()
        }
    }

    /// Interpolates by `rule` between the elements at the positions rounded in a given way; `weight` is the weight of the one rounded up.
    private final func interpolated(
        _ rule: QuantileInterpolation, _ element: (FloatingPointRoundingRule) -> Tensor, weight: () -> Tensor
    ) -> Tensor {
        switch rule {
        case .lower: return element(.down)
        case .higher: return element(.up)
        case .nearest: return element(.toNearestOrEven)
        case .linear, .midpoint:
            let (a, b) = (element(.down), element(.up))
            // The difference of equal infinities would be NaN.
            let between = rule == .linear ? a.lerp(b, weight()) : a.lerp(b, 0.5)
            return Tensor.where(a.eq(b).logicalAnd(a.isinf()), a, between)
        }
    }
}
