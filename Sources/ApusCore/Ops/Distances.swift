/// ‖aᵢ − bⱼ‖ₚ for non-empty a [B, P, M] and b [B, R, M]: [B, P, R]. Computed for some rows of a at a time, so that no more than 2²²
/// differences, or those of one row, are in memory at once.
///
/// Derivative: that of the norm with respect to each difference; 0 if rows are equal, and for p = 0. For p = ∞ all largest differences get
/// the gradient.
private struct Distances: Op {
    let p: Double
    var name: String { "cdist" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (a, b) = (inputs[0], inputs[1])
        let out = noGrad { Tensor.cat(Distances.cuts(a, b).map { Distances.differences(a, b, $0).norm(p: p, dim: -1) }, dim: 1) }
        saved.keep(a)
        saved.keep(b)
        saved.keepOutput(out)
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (a, b, y) = (context.saved[0], context.saved[1], context.saved[2])
        if p == 0 { return [Tensor.zeros(like: a), Tensor.zeros(like: b)] }
        var gradA: [Tensor] = []
        var gradB: Tensor?
        for cut in Distances.cuts(a, b) {
            func rows(_ x: Tensor) -> Tensor { x.narrow(1, cut.lowerBound, cut.count).unsqueeze(-1) }
            let part = rows(grad) * slope(Distances.differences(a, b, cut), rows(y))
            if context.needs(0) { gradA.append(part.sum(dim: 2)) }
            if context.needs(1) {
                let sum = part.sum(dim: 1)
                gradB = gradB.map { $0 - sum } ?? -sum
            }
        }
        return [context.needs(0) ? Tensor.cat(gradA, dim: 1) : nil, gradB]
    }

    private func slope(_ x: Tensor, _ y: Tensor) -> Tensor {
        if p == 1 { return x.sign() }
        if p == .infinity { return x.sign() * x.abs().eq(y).to(x.dtype) }
        return PowerNorm.slope(p, x, y)
    }

    /// Splits the rows of a into parts with up to 2²² differences each.
    private static func cuts(_ a: Tensor, _ b: Tensor) -> [Range<Int>] {
        let (rows, step) = (a.shape[1], max((1 << 22) / b.numel, 1))
        return stride(from: 0, to: rows, by: step).map { $0..<min($0 + step, rows) }
    }

    private static func differences(_ a: Tensor, _ b: Tensor, _ cut: Range<Int>) -> Tensor {
        a.narrow(1, cut.lowerBound, cut.count).unsqueeze(2) - b.unsqueeze(1)
    }
}

/// How `cdist` computes Euclidean distances. PyTorch: `compute_mode`.
public enum DistanceComputeMode: String, Sendable, CaseIterable {
    /// By a matrix product if one operand has more than 25 rows: much faster, but distances that are small relative to the rows' norms lose
    /// digits.
    case useMMForEuclidDistIfNecessary
    /// By a matrix product.
    case useMMForEuclidDist
    /// Through the differences.
    case donotUseMMForEuclidDist
}

extension Tensor {
    /// ‖self − other‖ₚ over all elements; the operands broadcast. The gradient is 0 where they are equal. PyTorch: `dist`.
    public final func dist(_ other: Tensor, p: Double = 2) -> Tensor {
        composite("dist", .float32, self, other) { x, y in (x - y).norm(p: p) }
    }

    /// ‖x1ᵢ − x2ⱼ‖ₚ for every row of x1 [*, P, M] and every row of x2 [*, R, M]: [*, P, R]; batches broadcast. p from 0 (the number of
    /// differing elements) to infinity. The gradient is 0 where rows are equal. Traps if shapes do not fit, for integers and bool, and if p
    /// is negative. PyTorch: `torch.cdist`.
    public static func cdist(
        _ x1: Tensor, _ x2: Tensor, p: Double = 2, computeMode: DistanceComputeMode = .useMMForEuclidDistIfNecessary
    ) -> Tensor {
        composite("cdist", .float32, x1, x2) { (x1, x2) throws(OpError) in
            guard x1.dtype.isFloatingPoint, x2.dtype.isFloatingPoint else {
                throw OpError("is for floating-point tensors, these are \(x1.dtype) and \(x2.dtype)")
            }
            guard x1.ndim >= 2, x2.ndim >= 2, x1.shape[-1] == x2.shape[-1],
                let batch = Shape.broadcast(Shape(x1.shape.dropLast(2)), Shape(x2.shape.dropLast(2)))
            else { throw OpError("rows of \(x1.shape) and \(x2.shape) do not fit; they must be [*, P, M] and [*, R, M]") }
            guard p >= 0 else { throw OpError("p must not be negative, it is \(p)") }
            let dtype = resultType(x1, x2)
            func matrices(_ x: Tensor) -> Tensor {
                x.to(dtype.computeType).expand(Shape(batch + x.shape.suffix(2))).reshape([batch.numel, x.shape[-2], x.shape[-1]])
            }
            let (a, b) = (matrices(x1), matrices(x2))
            let usesProduct =
                switch computeMode {
                case .useMMForEuclidDistIfNecessary: a.shape[1] > 25 || b.shape[1] > 25
                case .useMMForEuclidDist: true
                case .donotUseMMForEuclidDist: false
                }
            let distances: Tensor
            if a.numel == 0 || b.numel == 0 {
                // Zeros that are computed from the operands, so that they have gradients.
                distances = (a.sum(dim: 2, keepDim: true) + b.sum(dim: 2).unsqueeze(1)) * 0
            } else if p == 2 && usesProduct {
                distances = euclideanDistances(a, b)
            } else {
                distances = apply(Distances(p: p), Inputs(a, b))
            }
            return distances.reshape(Shape(batch + [a.shape[1], b.shape[1]])).to(dtype)
        }
    }

    /// √(|a|² + |b|² − 2·a·b) for all pairs of rows, by one product.
    private static func euclideanDistances(_ a: Tensor, _ b: Tensor) -> Tensor {
        let (lengthA, lengthB) = (a.square().sum(dim: 2, keepDim: true), b.square().sum(dim: 2, keepDim: true))
        let left = cat([a * -2, lengthA, ones(like: lengthA)], dim: 2)
        let right = cat([b, ones(like: lengthB), lengthB], dim: 2)
        return left.matmul(right.mT).clamp(min: 0).rootOfSquares()
    }
}
