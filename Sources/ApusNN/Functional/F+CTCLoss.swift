import ApusCore

extension F {
    /// Connectionist temporal classification (Graves et al., 2006): −log of the probability that the frames' symbols, with repeats merged and blanks
    /// removed, spell the target. PyTorch: `F.ctc_loss`.
    ///
    /// - Parameters:
    ///   - logProbs: [T, N, C], or [T, C] for one sequence, usually from `logSoftmax`.
    ///   - targets: [N, S] padded, or all targets one after the other in one dimension.
    ///   - inputLengths: how many frames of each sequence count, at most T.
    ///   - targetLengths: how many symbols each target has.
    ///   - zeroInfinity: losses of targets that do not fit into their frames are 0, with zero gradients, instead of infinite.
    ///
    /// `mean` divides each loss by its target's length, then averages over the batch. Traps where lengths or labels do not fit.
    ///
    /// As in PyTorch, the gradient takes for granted that `logProbs` are normalised: it is that of the scores before `logSoftmax`,
    /// exp(logProbs) − posterior, which gives the same gradients through `logSoftmax` as −posterior does.
    public static func ctcLoss(
        _ logProbs: Tensor, _ targets: Tensor, inputLengths: [Int], targetLengths: [Int], blank: Int = 0, reduction: Reduction = .mean,
        zeroInfinity: Bool = false
    ) -> Tensor {
        composite("ctcLoss", logProbs, targets) { () throws(OpError) in
            guard logProbs.ndim == 2 || logProbs.ndim == 3, logProbs.dtype.isFloatingPoint else {
                throw OpError("logProbs must be floating-point numbers [T, N, C] or [T, C], they are \(logProbs.dtype) \(logProbs.shape)")
            }
            // Half types have too few digits for sums of many logarithms.
            if logProbs.dtype.size == 2 {
                return ctcLoss(logProbs.to(.float32), targets, inputLengths: inputLengths, targetLengths: targetLengths, blank: blank,
                               reduction: reduction, zeroInfinity: zeroInfinity).to(logProbs.dtype)
            }
            let isBatched = logProbs.ndim == 3
            let x = isBatched ? logProbs : logProbs.unsqueeze(1)
            let (frames, count, classes) = (x.shape[0], x.shape[1], x.shape[2])
            let alignment = try CTCAlignment(
                targets, frames: frames, count: count, classes: classes, blank: blank, inputLengths: inputLengths, targetLengths: targetLengths)
            var losses = alignment.losses(x)
            let impossible = noGrad { losses.gt(1e29) }
            losses = losses.maskedFill(impossible, zeroInfinity ? 0 : Double.infinity)

            // Zero in value; its gradient is the exp(logProbs) that PyTorch's has.
            let counted = alignment.isCounted(frames: frames, device: x.device).logicalAnd(impossible.logicalNot().unsqueeze(0)).unsqueeze(2)
            let p = x.exp().maskedFill(counted.logicalNot(), 0)
            losses = losses + (p - p.detach()).sum(dim: [0, 2])

            switch reduction {
            case .none: return isBatched ? losses : losses.squeeze(0)
            case .sum: return losses.sum()
            case .mean:
                let lengths = Tensor(targetLengths.map { Double(max($0, 1)) }).to(x.dtype).to(x.device)
                return (losses / lengths).mean()
            }
        }
    }

    /// The same with lengths in integer tensors.
    public static func ctcLoss(
        _ logProbs: Tensor, _ targets: Tensor, inputLengths: Tensor, targetLengths: Tensor, blank: Int = 0, reduction: Reduction = .mean,
        zeroInfinity: Bool = false
    ) -> Tensor {
        composite("ctcLoss", inputLengths, targetLengths) { () throws(OpError) in
            guard inputLengths.dtype.isInteger, targetLengths.dtype.isInteger else {
                throw OpError("lengths must be integers, they are \(inputLengths.dtype) and \(targetLengths.dtype)")
            }
            return ctcLoss(logProbs, targets, inputLengths: try inputLengths.numbers(Int.self), targetLengths: try targetLengths.numbers(Int.self),
                           blank: blank, reduction: reduction, zeroInfinity: zeroInfinity)
        }
    }
}

/// log(eᵃ + eᵇ) of two bundles of paths, a share of e^(a − y) and e^(b − y) of the gradient to each.
///
/// `logaddexp` takes the shares from a − b, which is exact. PyTorch's CTC takes them from the rounded result, which a long input makes large:
/// all of its gradients in float32 are off by one factor, 1 + 6·10⁻⁵ for a loss of 100. These are the same, not the exact ones.
private struct JoinedPaths: Op {
    var name: String { "ctcLoss" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let y = noGrad { inputs[0].logaddexp(inputs[1]) }
        saved.keep(inputs[0])
        saved.keep(inputs[1])
        saved.keepOutput(y)
        return y
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
        let (a, b, y) = (context.saved[0], context.saved[1], context.saved[2])
        return [grad * (a - y).exp(), grad * (b - y).exp()]
    }
}

private func join(_ a: Tensor, _ b: Tensor) -> Tensor { apply(JoinedPaths(), Inputs(a, b)) }

/// Targets with blanks around and between their symbols: the states that a path through the frames visits in order.
private struct CTCAlignment {
    /// The symbol of each state, [N, L] with L = 2·longest + 1.
    let states: Tensor
    /// 0 where a path may come from two states before (other symbol, no blank), else −10³⁰.
    let skip: Tensor
    let inputLengths: [Int]
    let targetLengths: [Int]

    /// Stands for log 0: far below any sum of logarithms, but its differences are numbers.
    static let nothing = -1e30

    init(
        _ targets: Tensor, frames: Int, count: Int, classes: Int, blank: Int, inputLengths: [Int], targetLengths: [Int]
    ) throws(OpError) {
        guard inputLengths.count == count, targetLengths.count == count else {
            throw OpError("there are \(inputLengths.count) inputLengths and \(targetLengths.count) targetLengths for a batch of \(count)")
        }
        guard blank >= 0 && blank < classes else { throw OpError("blank \(blank) is outside 0 ..< \(classes)") }
        for (i, length) in inputLengths.enumerated() where length < 0 || length > frames {
            throw OpError("inputLengths[\(i)] is \(length), there are \(frames) frames")
        }
        for (i, length) in targetLengths.enumerated() where length < 0 { throw OpError("targetLengths[\(i)] is \(length)") }
        guard targets.dtype.isInteger else { throw OpError("targets must be integers, they are \(targets.dtype)") }
        // As a Double, since lengths from outside could overflow.
        let total = targetLengths.reduce(0.0) { $0 + Double($1) }
        let isFlat = targets.ndim == 1
        if isFlat {
            guard Double(targets.numel) == total else {
                throw OpError("targets has \(targets.numel) symbols, targetLengths add up to \(Int(total))")
            }
        } else {
            guard targets.ndim == 2, targets.shape[0] == count, targetLengths.allSatisfy({ $0 <= targets.shape[1] }) else {
                throw OpError("targets of shape \(targets.shape) must be [\(count), S] with S at least the longest of targetLengths \(targetLengths)")
            }
        }
        let symbols = try targets.numbers(Int.self)
        let longest = targetLengths.max() ?? 0
        let width = 2 * longest + 1
        var states = [Int](repeating: blank, count: count * width)
        var skip = [Double](repeating: CTCAlignment.nothing, count: count * width)
        var start = 0
        for n in 0..<count {
            if !isFlat { start = n * targets.shape[1] }
            for s in 0..<targetLengths[n] {
                let symbol = symbols[start + s]
                guard symbol >= 0 && symbol < classes else {
                    throw OpError("label \(symbol) at position \(s) of target \(n) is outside 0 ..< \(classes)")
                }
                states[n * width + 2 * s + 1] = symbol
                if s > 0 && symbol != blank && symbol != symbols[start + s - 1] { skip[n * width + 2 * s + 1] = 0 }
            }
            start += targetLengths[n]
        }
        self.states = Tensor(states).reshape([count, width]).to(targets.device)
        self.skip = Tensor(skip, dtype: .float64).reshape([count, width]).to(targets.device)
        self.inputLengths = inputLengths
        self.targetLengths = targetLengths
    }

    /// [T, N], bool: which frames count.
    func isCounted(frames: Int, device: Device) -> Tensor {
        noGrad { Tensor.arange(frames, device: device).unsqueeze(1).lt(Tensor(inputLengths).to(device).unsqueeze(0)) }
    }

    /// −log of the summed probability of all paths, [N]; above 10²⁹ where there is none.
    ///
    /// αₜ(s) = log(e^αₜ₋₁(s) + e^αₜ₋₁(s−1) + e^(αₜ₋₁(s−2) + skip(s))) + logProbs(t, symbol of s).
    func losses(_ x: Tensor) -> Tensor {
        let (frames, count, width) = (x.shape[0], x.shape[1], states.shape[1])
        let (device, nothing) = (x.device, CTCAlignment.nothing)
        if count == 0 { return x.sum(dim: [0, 2]) }
        let emitted = x.gather(2, states.unsqueeze(0).expand(frames, count, width))
        let skip = self.skip.to(x.dtype)
        let counted = isCounted(frames: frames, device: device)

        // Before the first frame only the state before all others has been reached.
        let places = Tensor.arange(width, device: device).unsqueeze(0)
        var alpha = Tensor.full([count, width], nothing, dtype: x.dtype, device: device)
        let border = Tensor.full([count, 2], nothing, dtype: x.dtype, device: device)
        for t in 0..<frames {
            let next: Tensor
            if t == 0 {
                let first = places.le(1).expand(count, width)
                next = Tensor.where(first, emitted.select(0, 0), alpha)
            } else {
                let shifted = Tensor.cat([border, alpha], dim: 1)
                let one = shifted.narrow(1, 1, width), two = shifted.narrow(1, 0, width) + skip
                let joined = join(join(alpha, one), two)
                // Unreachable states stay at the floor, however often something is added.
                next = (joined + emitted.select(0, t)).clamp(min: nothing)
            }
            alpha = Tensor.where(counted.select(0, t).unsqueeze(1).expand(count, width), next, alpha)
        }
        // A path ends in the last symbol or the blank behind it; without frames only the empty target is spelt.
        let last = Tensor(targetLengths.map { [2 * $0] }).to(device)
        let before = Tensor(targetLengths.map { [max(2 * $0 - 1, 0)] }).to(device)
        let end = alpha.gather(1, last).squeeze(1), symbol = alpha.gather(1, before).squeeze(1)
        let empty = Tensor(targetLengths.map { $0 == 0 }).to(device)
        let spelt = Tensor.where(empty, end, join(end, symbol))
        let silent = Tensor(zip(targetLengths, inputLengths).map { $0 == 0 && $1 == 0 }).to(device)
        return -(spelt.maskedFill(silent, 0))
    }
}
