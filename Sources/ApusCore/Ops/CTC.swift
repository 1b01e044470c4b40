/// Logarithms of the forward probabilities αₜ(s), [T, N, L], of all paths in state s at frame t (Graves et al., 2006); −10³⁰ if there is
/// none.
///
/// αₜ(s) = log(e^(αₜ₋₁(s−2) + skip(s)) + e^αₜ₋₁(s−1) + e^αₜ₋₁(s)) + emitted(t, s); a path begins in one of the first two states.
///
/// Inputs: `emitted` [T, N, L], T > 0, and `skip` [N, L], which has no gradient.
/// Derivative: a backward recursion with the shares e^(a − y) of the summands a in their sum y. A softmax would give exact shares, but
/// PyTorch uses the rounded y, which is large for long inputs: in float32 all its gradients are off by one factor, 1 + 6·10⁻⁵ for a loss of
/// 100. This op gives PyTorch's values.
private struct CTCPaths: Op {
    var name: String { "ctcLoss" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (emitted, skip) = (inputs[0], inputs[1])
        let alpha = try Tensor.uninitialized(emitted.shape, emitted.dtype, emitted.device)
        let backend = emitted.device.backend
        let compose = Composition(backend, like: emitted)
        try backend.fill(alpha.frame(0), with: .double(Tensor.ctcNothing))
        let first = min(emitted.shape[2], 2)
        try backend.copy(compose.columns(emitted.frame(0), 0, first), into: compose.columns(alpha.frame(0), 0, first))
        let before = try CTCNeighbours(of: alpha, border: Tensor.ctcNothing, isReversed: false)
        for t in 1..<max(emitted.shape[0], 1) {
            try before.take(alpha.frame(t - 1))
            let near = try compose(.logaddexp, before[2], before[1])
            let all = try compose(.logaddexp, near, compose(.add, before[0], skip))
            // Unreachable states stay at −10³⁰, whatever is added.
            try backend.unary(
                .clamp, compose(.add, all, emitted.frame(t)), KernelParameters(Tensor.ctcNothing, .infinity), into: alpha.frame(t))
        }
        saved.keep(skip)
        saved.keepOutput(alpha)
        return alpha
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (skip, alpha) = (context.saved[0], context.saved[1])
        let ways = CTCWalk(isReversed: false).neighbours(alpha, border: Tensor.ctcNothing)
        let skipped = ways[0] + skip
        let all = ways[2].logaddexp(ways[1]).logaddexp(skipped)
        let shares = (Tensor.stack([skipped, ways[1], ways[2]]) - all).exp()
        // The shares of unreachable states would all be 1, and their sum would grow from frame to frame.
        return [CTCWalk(isReversed: false).back(shares.maskedFill(all.lt(Tensor.ctcNothing / 2), 0), grad), nil]
    }
}

/// A linear recursion: yₜ(s) = gₜ(s) + Σⱼ wⱼ,ₜ(s)·yₜ₋₁(s + j − 2) from the first frame on; reversed, yₜ(s) = gₜ(s) + Σⱼ wⱼ,ₜ(s)·yₜ₊₁(s + j)
/// from the last frame back. 0 ≤ j < 3; y is 0 outside.
///
/// Inputs: w [3, T, N, L] and g [T, N, L], T > 0.
/// Derivative: for g, the recursion ḡ in the other direction; for wⱼ, ḡ times the neighbour that it weights.
private struct CTCWalk: Op {
    let isReversed: Bool

    var name: String { "ctcLossBackward" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let (w, g) = (inputs[0], inputs[1])
        let y = try Tensor.uninitialized(g.shape, g.dtype, g.device)
        let backend = g.device.backend
        let compose = Composition(backend, like: g)
        let known = try CTCNeighbours(of: y, border: 0, isReversed: isReversed)
        let last = g.shape[0] - 1
        for step in 0...last {
            let t = isReversed ? last - step : step
            if step == 0 {
                try backend.copy(g.frame(t), into: y.frame(t))
                continue
            }
            try known.take(y.frame(isReversed ? t + 1 : t - 1))
            let weights = w.view(known.all.shape, strides: [w.strides[0], w.strides[2], w.strides[3]], offset: w.offset + t * w.strides[1])
            let sum = try compose(.sum, compose(.mul, weights, known.all), [0]).frame(0)
            try backend.binary(.add, g.frame(t), sum, KernelParameters(), into: y.frame(t))
        }
        saved.keep(w)
        saved.keepOutput(y)
        return y
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (w, y) = (context.saved[0], context.saved[1])
        let gradG = back(w, grad)
        return [context.needs(0) ? Tensor.stack(neighbours(y, border: 0).map { $0 * gradG }) : nil, gradG]
    }

    /// The gradient of g from that of y: each weight moves to the neighbour that it weights.
    func back(_ w: Tensor, _ grad: Tensor) -> Tensor {
        let other = CTCWalk(isReversed: !isReversed)
        let seen = other.neighbours(w, border: 0).enumerated().map { j, moved in moved.select(0, 2 - j) }
        return apply(other, Inputs(Tensor.stack(seen), grad))
    }

    /// The three neighbours of each state of y [*, T, N, L] that `forward` weights.
    func neighbours(_ y: Tensor, border: Double) -> [Tensor] {
        let wide = y.pad(isReversed ? [0, 2, 0, 0, 0, 1] : [2, 0, 0, 0, 1, 0], value: border).narrow(-3, isReversed ? 1 : 0, y.shape[-3])
        return (0..<3).map { wide.narrow(-1, $0, y.shape[-1]) }
    }
}

/// The states of one frame [N, L] with two border states before them (after them if reversed), and views of each state's three neighbours.
private struct CTCNeighbours {
    private let buffer: Tensor
    private let states: Tensor
    /// [3, N, L]
    let all: Tensor

    init(of y: Tensor, border: Double, isReversed: Bool) throws(OpError) {
        let (count, width) = (y.shape[1], y.shape[2])
        buffer = try Tensor.uninitialized([count, width + 2], y.dtype, y.device)
        try y.device.backend.fill(buffer, with: .double(border))
        states = buffer.view([count, width], strides: [width + 2, 1], offset: buffer.offset + (isReversed ? 0 : 2))
        all = buffer.view([3, count, width], strides: [1, width + 2, 1], offset: buffer.offset)
    }

    func take(_ frame: Tensor) throws(OpError) { try buffer.device.backend.copy(frame, into: states) }

    subscript(j: Int) -> Tensor { all.frame(j) }
}

extension Tensor {
    /// Represents log 0: far below any sum of logarithms, but finite, so that differences are not NaN.
    package static var ctcNothing: Double { -1e30 }

    /// For each frame and state, the logarithm of the total probability of all paths to it, [T, N, L]; `ctcNothing` if there is none.
    /// `emitted` has the log probabilities of the states at each frame, T > 0, in float32 or float64; `skip` [N, L] is 0 if a path may come
    /// from two states before, else `ctcNothing`.
    package static func ctcPaths(_ emitted: Tensor, skip: Tensor) -> Tensor { apply(CTCPaths(), Inputs(emitted, skip)) }

    /// Matrix `t` of a stack [T, N, L], a view without history.
    fileprivate final func frame(_ t: Int) -> Tensor {
        view([shape[1], shape[2]], strides: [strides[1], strides[2]], offset: offset + t * strides[0])
    }
}
