import ApusCore

/// The Kullback–Leibler divergence E_p[ln p(x) − ln q(x)] for each element of the batch. PyTorch: `torch.distributions.kl_divergence`.
/// Traps for pairs of distributions that PyTorch does not support either.
public func klDivergence(_ p: Distribution, _ q: Distribution) -> Tensor {
    switch (p, q) {
    case (let p as Normal, let q as Normal):
        let ratio = (p.scale / q.scale).square()
        return (ratio + ((p.loc - q.loc) / q.scale).square() - 1 - ratio.log()) / 2
    case (let p as MultivariateNormal, let q as MultivariateNormal):
        guard p.eventShape == q.eventShape else {
            return fail("klDivergence", "vectors of \(p.eventShape) and \(q.eventShape) elements have no divergence")
        }
        let spread = q.scaleTril.solveTriangular(p.scaleTril, upper: false).square().sum(dim: [-2, -1])
        return q.halfLogDeterminant - p.halfLogDeterminant
            + (spread + q.whitened(q.loc - p.loc).square().sum(dim: -1) - Double(p.eventShape[0])) / 2
    case (let p as Bernoulli, let q as Bernoulli):
        let ones = p.probs * ((-q.logits).softplus() - (-p.logits).softplus())
        let zeros = (1 - p.probs) * (q.logits.softplus() - p.logits.softplus())
        return ones.maskedFill(q.probs.eq(0), Double.infinity).maskedFill(p.probs.eq(0), 0)
            + zeros.maskedFill(q.probs.eq(1), Double.infinity).maskedFill(p.probs.eq(1), 0)
    case (let p as Categorical, let q as Categorical):
        return (p.probs * (p.logits - q.logits)).maskedFill(q.probs.eq(0), Double.infinity).maskedFill(p.probs.eq(0), 0).sum(dim: -1)
    case (let p as Poisson, let q as Poisson): return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)
    case (let p as Bernoulli, let q as Poisson): return -p.entropy() - (p.probs * q.rate.log() - q.rate)
    case (let p as Gamma, let q as Gamma):
        return q.concentration * (p.rate / q.rate).log() + q.concentration.lgamma() - p.concentration.lgamma()
            + (p.concentration - q.concentration) * p.concentration.digamma() + (q.rate - p.rate) * p.mean
    case (let p as Dirichlet, let q as Dirichlet):
        let (a, b) = (p.concentration, q.concentration)
        let total = a.sum(dim: -1)
        return total.lgamma() - b.sum(dim: -1).lgamma() - (a.lgamma() - b.lgamma()).sum(dim: -1)
            + ((a - b) * (a.digamma() - total.digamma().unsqueeze(-1))).sum(dim: -1)
    case (let p as Beta, let q as Beta):
        func stacked(_ x: Beta) -> Dirichlet {
            Dirichlet(Tensor.stack([x.concentration1, x.concentration0], dim: -1), validateArgs: false)
        }
        return klDivergence(stacked(p), stacked(q))
    case (let p as Uniform, let q as Uniform):
        return ((q.high - q.low) / (p.high - p.low)).log().maskedFill(q.low.gt(p.low).logicalOr(q.high.lt(p.high)), Double.infinity)
    case (_ as Gamma, _ as Uniform), (_ as Gamma, _ as Beta), (_ as Normal, _ as Uniform), (_ as Normal, _ as Gamma),
        (_ as Normal, _ as Beta), (_ as Poisson, _ as Bernoulli):
        // Values that p can take are impossible under q.
        return Tensor.full(p.batchShape, Double.infinity, dtype: p.mean.dtype, device: p.mean.device)
    default: return expectation(p, q)
    }
}

/// −H(p) − E_p[ln q], where ln q is a combination of x, x², ln x and ln(1 − x), whose expectations under p are known.
private func expectation(_ p: Distribution, _ q: Distribution) -> Tensor {
    guard let moments = Moments(of: p) else { return fail("klDivergence", "is not known for \(p.typeName) and \(q.typeName)") }
    let cross: Tensor
    switch q {
    case let q as Normal:
        cross = (moments.square - moments.mean * q.loc * 2 + q.loc.square()) / (q.variance * 2) + q.scale.log() + 0.9189385332046727
    case let q as Gamma:
        cross = q.concentration.lgamma() - q.concentration * q.rate.log() - (q.concentration - 1) * moments.log + q.rate * moments.mean
    case let q as Beta:
        let normaliser = q.concentration1.lgamma() + q.concentration0.lgamma() - (q.concentration1 + q.concentration0).lgamma()
        cross = normaliser - (q.concentration1 - 1) * moments.log - (q.concentration0 - 1) * moments.logOfRest
    case let q as Uniform: cross = (q.high - q.low).log()
    default: return fail("klDivergence", "is not known for \(p.typeName) and \(q.typeName)")
    }
    guard let (least, greatest) = moments.range else { return cross - p.entropy() }
    // Infinite if values that p can take are impossible under q.
    let (low, high): (Tensor?, Tensor?) =
        switch q {
        case let q as Uniform: (q.low, q.high)
        case is Gamma: (Tensor.zeros(like: least), nil)
        case is Beta: (Tensor.zeros(like: least), Tensor.ones(like: least))
        default: (nil, nil)
        }
    var result = cross - p.entropy()
    if let low { result = Tensor.where(low.gt(least), Tensor.full(like: result, Double.infinity), result) }
    if let high { result = Tensor.where(high.lt(greatest), Tensor.full(like: result, Double.infinity), result) }
    return result
}

/// E[x], E[x²], E[ln x] and E[ln(1 − x)], and the range of x if it is bounded.
private struct Moments {
    var mean: Tensor
    var square: Tensor
    var log: Tensor
    var logOfRest: Tensor
    var range: (least: Tensor, greatest: Tensor)?

    init?(of p: Distribution) {
        switch p {
        case let p as Beta:
            let total = (p.concentration1 + p.concentration0).digamma()
            (log, logOfRest) = (p.concentration1.digamma() - total, p.concentration0.digamma() - total)
            range = (Tensor.zeros(like: total), Tensor.ones(like: total))
        case let p as Gamma:
            log = p.concentration.digamma() - p.rate.log()
            logOfRest = log * Double.nan
        case let p as Uniform:
            let width = p.high - p.low
            // The integral of ln x is x·ln x − x.
            log = (p.high.xlogy(p.high) - p.low.xlogy(p.low)) / width - 1
            logOfRest = ((1 - p.low).xlogy(1 - p.low) - (1 - p.high).xlogy(1 - p.high)) / width - 1
            range = (p.low, p.high)
        default: return nil
        }
        mean = p.mean
        square = p.variance + p.mean.square()
    }
}
