import ApusCore

extension F {
    /// Connectionist temporal classification (Graves et al., 2006): −log of the probability that the frames' symbols, with repeats merged
    /// and then blanks removed, are the target. PyTorch: `F.ctc_loss`.
    ///
    /// - Parameters:
    ///   - logProbs: [T, N, C], or [T, C] for one sequence, usually from `logSoftmax`.
    ///   - targets: [N, S] padded, or one dimension with all targets concatenated.
    ///   - inputLengths: the number of valid frames of each sequence, at most T.
    ///   - targetLengths: how many symbols each target has.
    ///   - blank: the class that means no symbol.
    ///   - zeroInfinity: a target that does not fit into its frames has loss 0 and zero gradients instead of an infinite loss.
    ///
    /// `mean` divides each loss by its target's length (at least 1), then averages over the batch; `none` gives [N], or a scalar for one
    /// sequence. Traps where lengths or labels do not fit.
    ///
    /// As in PyTorch, the gradient assumes normalised `logProbs`: it is exp(logProbs) − posterior, the gradient of the scores before
    /// `logSoftmax`. Passed through `logSoftmax` it gives the same gradients as −posterior does.
    public static func ctcLoss(
        _ logProbs: Tensor, _ targets: Tensor, _ inputLengths: [Int], _ targetLengths: [Int], blank: Int = 0, reduction: Reduction = .mean,
        zeroInfinity: Bool = false
    ) -> Tensor {
        composite("ctcLoss", logProbs, targets) { () throws(OpError) in
            guard logProbs.ndim == 2 || logProbs.ndim == 3, logProbs.dtype.isFloatingPoint else {
                throw OpError("logProbs must be floating-point numbers [T, N, C] or [T, C], they are \(logProbs.dtype) \(logProbs.shape)")
            }
            // Half precision has too few digits for sums of many logarithms.
            if logProbs.dtype.size == 2 {
                return ctcLoss(
                    logProbs.to(.float32), targets, inputLengths: inputLengths, targetLengths: targetLengths, blank: blank,
                    reduction: reduction, zeroInfinity: zeroInfinity
                ).to(logProbs.dtype)
            }
            let isBatched = logProbs.ndim == 3
            let x = isBatched ? logProbs : logProbs.unsqueeze(1)
            let (frames, count, classes) = (x.shape[0], x.shape[1], x.shape[2])
            let alignment = try CTCAlignment(
                targets, frames: frames, count: count, classes: classes, blank: blank, inputLengths: inputLengths,
                targetLengths: targetLengths)
            var losses = alignment.losses(x)
            let impossible = noGrad { losses.gt(1e29) }
            losses = losses.maskedFill(impossible, zeroInfinity ? 0 : Double.infinity)

            // Its value is zero; its gradient is exp(logProbs), the term that PyTorch's gradient has.
            let counted = alignment.isCounted(frames: frames, device: x.device).logicalAnd(impossible.logicalNot().unsqueeze(0)).unsqueeze(
                2)
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

    /// The same with integer tensors for the lengths.
    public static func ctcLoss(
        _ logProbs: Tensor, _ targets: Tensor, _ inputLengths: Tensor, _ targetLengths: Tensor, blank: Int = 0,
        reduction: Reduction = .mean, zeroInfinity: Bool = false
    ) -> Tensor {
        composite("ctcLoss", inputLengths, targetLengths) { () throws(OpError) in
            guard inputLengths.dtype.isInteger, targetLengths.dtype.isInteger else {
                throw OpError("lengths must be integers, they are \(inputLengths.dtype) and \(targetLengths.dtype)")
            }
            return ctcLoss(
                logProbs, targets, inputLengths: try inputLengths.numbers(Int.self), targetLengths: try targetLengths.numbers(Int.self),
                blank: blank, reduction: reduction, zeroInfinity: zeroInfinity)
        }
    }
}

/// The targets with blanks around and between their symbols: the states that a path through the frames passes in order.
private struct CTCAlignment {
    /// The symbol of each state, [N, L] with L = 2·longest + 1.
    let states: Tensor
    /// 0 where a path may skip the state before (the symbols differ and are not blank), else `ctcNothing`.
    let skip: Tensor
    let inputLengths: [Int]
    let targetLengths: [Int]

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
                throw OpError(
                    "targets of shape \(targets.shape) must be [\(count), S] with S at least the longest of targetLengths \(targetLengths)")
            }
        }
        let symbols = try targets.numbers(Int.self)
        let longest = targetLengths.max() ?? 0
        let width = 2 * longest + 1
        var states = [Int](repeating: blank, count: count * width)
        var skip = [Double](repeating: Tensor.ctcNothing, count: count * width)
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

    /// Which frames are within their sequence's length, bool [T, N].
    func isCounted(frames: Int, device: Device) -> Tensor {
        noGrad { Tensor.arange(frames, device: device).unsqueeze(1).lt(Tensor(inputLengths).to(device).unsqueeze(0)) }
    }

    /// −log of the summed probability of all paths, [N]; above 10²⁹ where no path exists.
    func losses(_ x: Tensor) -> Tensor {
        let (frames, count, width) = (x.shape[0], x.shape[1], states.shape[1])
        let device = x.device
        if frames == 0 || count == 0 {
            return Tensor(targetLengths.map { $0 == 0 ? 0 : -Tensor.ctcNothing }, shape: [count], dtype: x.dtype, device: device)
        }
        let alpha = Tensor.ctcPaths(x.gather(2, states.unsqueeze(0).expand(frames, count, width)), skip: skip.to(x.dtype))
        // A path ends at the last valid frame, in the last symbol or in the blank after it.
        func ends(_ places: [Int]) -> Tensor { Tensor(places).to(device).unsqueeze(1) }
        let atEnd = alpha.gather(0, ends(inputLengths.map { max($0 - 1, 0) }).expand(count, width).unsqueeze(0)).squeeze(0)
        let blank = atEnd.gather(1, ends(targetLengths.map { 2 * $0 })).squeeze(1)
        let symbol = atEnd.gather(1, ends(targetLengths.map { max(2 * $0 - 1, 0) })).squeeze(1)
        let spelt = Tensor.where(Tensor(targetLengths.map { $0 == 0 }).to(device), blank, blank.logaddexp(symbol))
        // Without frames only the empty target has a path.
        let silence = Tensor(targetLengths.map { $0 == 0 ? 0 : Tensor.ctcNothing }, dtype: x.dtype).to(device)
        return -Tensor.where(Tensor(inputLengths.map { $0 == 0 }).to(device), silence, spelt)
    }
}
