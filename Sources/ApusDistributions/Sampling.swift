import ApusCore

/// Rejection sampling: all elements draw proposals at once and keep the first accepted one, until every element has one. Proposals are made
/// of the generator's normal and uniform numbers, so they are the same on every device and for any number of threads.
enum Sampling {
    /// Samples of the gamma distribution with rate 1, with gradients by implicit reparameterisation.
    static func gamma(_ concentration: Tensor) -> Tensor { apply(GammaDraw(), Inputs(concentration)) }

    private struct GammaDraw: Op {
        var name: String { "standardGamma" }

        func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
            let x = noGrad { draw(inputs[0].contiguous()) }
            saved.keep(inputs[0])
            saved.keepOutput(x)
            return x
        }

        func backward(_ grad: Tensor, _ context: BackwardContext) -> Gradients {
            [grad * context.saved[0].gammaSampleGrad(context.saved[1].detach())]
        }

        /// Marsaglia and Tsang (2000): d·(1 + c·n)³ with d = a − 1/3, c = 1/√(9d); for a < 1 the sample for a + 1, times u^(1/a).
        private func draw(_ a: Tensor) -> Tensor {
            if a.isPoisoned || a.numel == 0 { return a.isPoisoned ? a : a.clone() }
            let isHalf = a.dtype == .float16 || a.dtype == .bfloat16
            let shape = isHalf ? a.to(.float32) : a
            let isSmall = shape.lt(1)
            let d = Tensor.where(isSmall, shape + 1, shape) - 1.0 / 3
            let c = (d * 9).rsqrt()
            let cube = accepted(like: shape) {
                let n = Tensor.randn(shape.shape, dtype: shape.dtype, device: shape.device)
                let u = Tensor.rand(shape.shape, dtype: shape.dtype, device: shape.device)
                let v = (1 + c * n).pow(3)
                let bound = n.square() / 2 + d - d * v + d * v.clamp(min: 1e-30).log()
                return (v, v.gt(0).logicalAnd((1 - u).log().lt(bound)))
            }
            let boost = (1 - Tensor.rand(shape.shape, dtype: shape.dtype, device: shape.device)).pow(1 / shape)
            let smallest = shape.dtype == .float64 ? 0x1p-1022 : 0x1p-126
            return Tensor.where(isSmall, d * cube * boost, d * cube).clamp(min: smallest).to(a.dtype)
        }
    }

    /// Samples of the Poisson distribution, in `rate`'s dtype.
    static func poisson(_ rate: Tensor) -> Tensor {
        if rate.isPoisoned || rate.numel == 0 { return rate.isPoisoned ? rate : rate.clone() }
        let wide = rate.to(.float64)
        let isSmall = wide.lt(10)
        var result = Tensor.zeros(like: wide)
        if isSmall.any().item(Bool.self) {
            result = Tensor.where(isSmall, byProducts(Tensor.where(isSmall, wide, Tensor.zeros(like: wide))), result)
        }
        if !isSmall.all().item(Bool.self) {
            result = Tensor.where(isSmall, result, byRejection(Tensor.where(isSmall, Tensor.full(like: wide, 10.0), wide)))
        }
        return result.to(rate.dtype)
    }

    /// Knuth: the number of uniform factors for which the product stays above e^−rate.
    private static func byProducts(_ rate: Tensor) -> Tensor {
        let limit = (-rate).exp()
        var product = Tensor.ones(like: rate)
        let count = Tensor.zeros(like: rate)
        while true {
            product = product * Tensor.rand(like: rate)
            let goesOn = product.gt(limit)
            if !goesOn.any().item(Bool.self) { return count }
            count.add_(goesOn.to(.float64))
            // Zero keeps finished elements finished.
            product = Tensor.where(goesOn, product, Tensor.zeros(like: product))
        }
    }

    /// Hörmann (1993), "The transformed rejection method for generating Poisson random variables" (PTRS), for rates from 10 on.
    private static func byRejection(_ rate: Tensor) -> Tensor {
        let b = rate.sqrt() * 2.53 + 0.931
        let a = b * 0.02483 - 0.059
        let inverse = 1.1239 + 1.1328 / (b - 3.4)
        let squeeze = 0.9277 - 3.6224 / (b - 2)
        let logRate = rate.log()
        return accepted(like: rate) {
            let u = Tensor.rand(like: rate) - 0.5
            let v = Tensor.rand(like: rate)
            let us = 0.5 - u.abs()
            let k = ((a * 2 / us + b) * u + rate + 0.43).floor()
            let isQuick = us.ge(0.07).logicalAnd(v.le(squeeze))
            let isPossible = k.ge(0).logicalAnd(us.ge(0.013).logicalOr(v.le(us)))
            let left = v.log() + inverse.log() - (a / us.square() + b).log()
            let right = k * logRate - rate - (k.clamp(min: 0.0) + 1).lgamma()
            return (k, isQuick.logicalAnd(k.ge(0)).logicalOr(isPossible.logicalAnd(left.le(right))))
        }
    }

    /// The first accepted proposal of each element.
    private static func accepted(like x: Tensor, _ propose: () -> (value: Tensor, isAccepted: Tensor)) -> Tensor {
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
