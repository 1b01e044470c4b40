// Random numbers whose parameters are tensors. They are never recorded.

extension Tensor {
    /// Normal numbers with the means and standard deviations given by the elements, which broadcast, in the dtype of `mean`. Traps for
    /// integers, and if a standard deviation is negative. PyTorch: `torch.normal`.
    public static func normal(mean: Tensor, std: Tensor, generator: Generator? = nil) -> Tensor {
        composite("normal", mean, std) { () throws(OpError) in
            guard mean.dtype.isFloatingPoint, std.dtype.isFloatingPoint else {
                throw OpError("makes floating-point numbers, mean and std are \(mean.dtype) and \(std.dtype)")
            }
            let shape = try Shape.broadcast([mean.shape, std.shape])
            guard std.numel == 0 || std.ge(0).all().item(Bool.self) else { throw OpError("std must not be negative") }
            return noGrad {
                let normal = Tensor.randn(shape, dtype: mean.dtype, device: mean.device, generator: generator)
                return (mean + std * normal).to(mean.dtype)
            }
        }
    }
    /// `normal(mean:std:generator:)`, by position.
    public static func normal(_ mean: Tensor, _ std: Tensor, generator: Generator? = nil) -> Tensor {
        normal(mean: mean, std: std, generator: generator)
    }
    /// Normal numbers with the means given by the elements and one standard deviation.
    public static func normal(mean: Tensor, std: Double = 1, generator: Generator? = nil) -> Tensor {
        if mean.isPoisoned { return mean }
        return normal(mean: mean, std: Tensor.full([], .double(std), dtype: mean.dtype, device: mean.device), generator: generator)
    }
    /// Normal numbers with one mean and the standard deviations given by the elements.
    public static func normal(mean: Double = 0, std: Tensor, generator: Generator? = nil) -> Tensor {
        if std.isPoisoned { return std }
        return normal(mean: Tensor.full([], .double(mean), dtype: std.dtype, device: std.device), std: std, generator: generator)
    }
    /// Normal numbers of one mean and standard deviation. Traps for integer dtypes, and if `std` is negative. PyTorch: `torch.normal` with
    /// a size.
    public static func normal(
        mean: Double, std: Double, _ shape: some Collection<Int>, dtype: DType = .float32, device: Device = .cpu,
        generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        guard dtype.isFloatingPoint else { return fail("normal", "makes floating-point numbers, not \(dtype); use randint") }
        guard std >= 0 else { return fail("normal", "std must not be negative, it is \(std)") }
        return random(.normal(mean: mean, std: std), Shape(shape), dtype: dtype, device: device, generator: generator, "normal").marked(
            requiresGrad)
    }
    /// Normal numbers of one mean and standard deviation, by position.
    public static func normal(
        _ mean: Double, _ std: Double, _ shape: some Collection<Int>, dtype: DType = .float32, device: Device = .cpu,
        generator: Generator? = nil, requiresGrad: Bool = false
    ) -> Tensor {
        normal(mean: mean, std: std, shape, dtype: dtype, device: device, generator: generator, requiresGrad: requiresGrad)
    }

    /// Counts of independent events with the mean given by the element, in the same dtype. Traps for integers, and if a rate is negative.
    /// PyTorch: `torch.poisson`.
    public static func poisson(_ rates: Tensor, generator: Generator? = nil) -> Tensor {
        if let failed = rates.floatsOnly("poisson") { return failed }
        return composite("poisson", rates) { () throws(OpError) in
            guard rates.numel == 0 || rates.ge(0).all().item(Bool.self) else { throw OpError("rates must not be negative") }
            return noGrad { RejectionSampling.poisson(rates.detach(), generator) }
        }
    }

    /// The number of successes in `count` trials with success probability `prob`, elementwise, in the dtype of `count`; the operands
    /// broadcast. 0 if one of them is not positive, `count` if the probability is at least 1, NaN if it is NaN. Traps for integers.
    /// PyTorch: `torch.binomial`.
    public static func binomial(_ count: Tensor, _ prob: Tensor, generator: Generator? = nil) -> Tensor {
        composite("binomial", count, prob) { () throws(OpError) in
            guard count.dtype.isFloatingPoint, prob.dtype.isFloatingPoint else {
                throw OpError("is for floating-point tensors, count and prob are \(count.dtype) and \(prob.dtype)")
            }
            let shape = try Shape.broadcast([count.shape, prob.shape])
            return noGrad { RejectionSampling.binomial(count.detach().expand(shape), prob.detach().expand(shape), generator) }
        }
    }
}

/// Rejection sampling: all elements draw proposals at once and keep the first accepted one, until every element has one. Proposals are made
/// from the generator's normal and uniform numbers, so they are the same on every device and for any number of threads.
package enum RejectionSampling {
    /// Samples of the Poisson distribution, in `rate`'s dtype.
    package static func poisson(_ rate: Tensor, _ generator: Generator? = nil) -> Tensor {
        if rate.isPoisoned || rate.numel == 0 { return rate.isPoisoned ? rate : rate.clone() }
        let wide = rate.to(.float64)
        let isSmall = wide.lt(10)
        var result = Tensor.zeros(like: wide)
        if isSmall.any().item(Bool.self) {
            result = Tensor.where(isSmall, byProducts(Tensor.where(isSmall, wide, Tensor.zeros(like: wide)), generator), result)
        }
        if !isSmall.all().item(Bool.self) {
            let large = Tensor.where(isSmall, Tensor.full(like: wide, 10.0), wide)
            result = Tensor.where(isSmall, result, byRejection(large, generator))
        }
        return result.to(rate.dtype)
    }

    /// Knuth's method: the number of uniform factors for which the product stays above e^−rate.
    private static func byProducts(_ rate: Tensor, _ generator: Generator?) -> Tensor {
        let limit = (-rate).exp()
        var product = Tensor.ones(like: rate)
        let count = Tensor.zeros(like: rate)
        while true {
            product = product * Tensor.rand(like: rate, generator: generator)
            let goesOn = product.gt(limit)
            if goesOn.isPoisoned { return goesOn }
            if !goesOn.any().item(Bool.self) { return count }
            count.add_(goesOn.to(.float64))
            // Zero keeps finished elements finished.
            product = Tensor.where(goesOn, product, Tensor.zeros(like: product))
        }
    }

    /// Hörmann (1993), "The transformed rejection method for generating Poisson random variables" (PTRS), for rates from 10 on.
    private static func byRejection(_ rate: Tensor, _ generator: Generator?) -> Tensor {
        let b = rate.sqrt() * 2.53 + 0.931
        let a = b * 0.02483 - 0.059
        let inverse = 1.1239 + 1.1328 / (b - 3.4)
        let squeeze = 0.9277 - 3.6224 / (b - 2)
        let logRate = rate.log()
        return accepted(like: rate) {
            let u = Tensor.rand(like: rate, generator: generator) - 0.5
            let v = Tensor.rand(like: rate, generator: generator)
            let us = 0.5 - u.abs()
            let k = ((a * 2 / us + b) * u + rate + 0.43).floor()
            let isQuick = us.ge(0.07).logicalAnd(v.le(squeeze))
            let isPossible = k.ge(0).logicalAnd(us.ge(0.013).logicalOr(v.le(us)))
            let left = v.log() + inverse.log() - (a / us.square() + b).log()
            let right = k * logRate - rate - (k.clamp(min: 0.0) + 1).lgamma()
            return (k, isQuick.logicalAnd(k.ge(0)).logicalOr(isPossible.logicalAnd(left.le(right))))
        }
    }

    /// Samples of the binomial distribution, in `count`'s dtype, for tensors of one shape.
    static func binomial(_ count: Tensor, _ prob: Tensor, _ generator: Generator?) -> Tensor {
        if count.numel == 0 { return count.clone() }
        let (n, p) = (count.to(.float64), prob.to(.float64))
        // Counts the rarer outcome. Elements whose outcome is certain have no trials.
        let isOpen = n.gt(0).logicalAnd(p.gt(0)).logicalAnd(p.lt(1))
        let trials = Tensor.where(isOpen, n, Tensor.zeros(like: n))
        let isLikely = p.gt(0.5)
        let rare = Tensor.where(isOpen, Tensor.where(isLikely, 1 - p, p), Tensor.full(like: p, 0.5))
        let isSmall = (trials * rare).lt(10)
        var result = Tensor.zeros(like: n)
        if isSmall.any().item(Bool.self) {
            let few = Tensor.where(isSmall, trials, Tensor.zeros(like: n))
            result = Tensor.where(isSmall, byWaiting(few, rare, generator), result)
        }
        if !isSmall.all().item(Bool.self) {
            let many = Tensor.where(isSmall, Tensor.full(like: n, 40.0), trials)
            let mild = Tensor.where(isSmall, Tensor.full(like: p, 0.5), rare)
            result = Tensor.where(isSmall, result, byRejection(many, mild, generator))
        }
        result = Tensor.where(isLikely, trials - result, result)
        let isSure = p.ge(1).logicalAnd(n.gt(0))
        let decided = Tensor.where(isSure, n, result)
        return decided.maskedFill(p.isnan().logicalAnd(n.gt(0)), Double.nan).to(count.dtype)
    }

    /// The number of successes whose waiting times, which are geometrically distributed, fit into the trials. Devroye (1986), "Non-uniform
    /// random variate generation", chapter X.4.
    private static func byWaiting(_ trials: Tensor, _ prob: Tensor, _ generator: Generator?) -> Tensor {
        let logFailure = (-prob).log1p()
        var trial = Tensor.zeros(like: trials)
        let count = Tensor.zeros(like: trials)
        while true {
            trial = trial + (Tensor.rand(like: trials, generator: generator).log() / logFailure).ceil()
            let goesOn = trial.le(trials)
            if goesOn.isPoisoned { return goesOn }
            if !goesOn.any().item(Bool.self) { return count }
            count.add_(goesOn.to(.float64))
        }
    }

    /// Hörmann (1993), "The generation of binomial random variates" (BTRS), for at least 10 expected successes of probability ½ at most.
    private static func byRejection(_ trials: Tensor, _ prob: Tensor, _ generator: Generator?) -> Tensor {
        let deviation = (trials * prob * (1 - prob)).sqrt()
        let b = deviation * 2.53 + 1.15
        let a = b * 0.0248 + prob * 0.01 - 0.0873
        let c = trials * prob + 0.5
        let squeeze = 0.92 - 4.2 / b
        let alpha = (2.83 + 5.1 / b) * deviation
        let logOdds = (prob / (1 - prob)).log()
        // Logarithms of the probabilities, up to a constant.
        func height(_ k: Tensor) -> Tensor { k * logOdds - (k + 1).lgamma() - (trials - k + 1).lgamma() }
        let highest = height(((trials + 1) * prob).floor())
        return accepted(like: trials) {
            let u = Tensor.rand(like: trials, generator: generator) - 0.5
            let v = Tensor.rand(like: trials, generator: generator)
            let us = 0.5 - u.abs()
            let k = ((a * 2 / us + b) * u + c).floor()
            let isPossible = k.ge(0).logicalAnd(k.le(trials))
            let isQuick = us.ge(0.07).logicalAnd(v.le(squeeze))
            let left = (v * alpha / (a / us.square() + b)).log()
            let right = height(Tensor.where(isPossible, k, Tensor.zeros(like: k))) - highest
            return (k, isPossible.logicalAnd(isQuick.logicalOr(left.le(right))))
        }
    }

    /// The first accepted proposal of each element.
    package static func accepted(like x: Tensor, _ propose: () -> (value: Tensor, isAccepted: Tensor)) -> Tensor {
        var result = Tensor.zeros(like: x)
        var isDone = Tensor.zeros(x.shape, dtype: .bool, device: x.device)
        while !isDone.all().item(Bool.self) {
            let (value, isAccepted) = propose()
            result = Tensor.where(isAccepted.logicalAnd(isDone.logicalNot()), value, result)
            isDone = isDone.logicalOr(isAccepted)
        }
        return result
    }
}
