import ApusCore

/// Differentiable sampling, on top of `RejectionSampling`.
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
            let cube = RejectionSampling.accepted(like: shape) {
                let n = Tensor.randn(shape.shape, dtype: shape.dtype, device: shape.device)
                let u = Tensor.rand(shape.shape, dtype: shape.dtype, device: shape.device)
                let v = (1 + c * n).pow(3)
                let bound = n.square() / 2 + d - d * v + d * v.clamp(min: 1e-30).log()
                return (v, v.gt(0).logicalAnd((1 - u).log().lt(bound)))
            }
            let boost = (1 - Tensor.rand(shape.shape, dtype: shape.dtype, device: shape.device)).pow(1 / shape)
            return Tensor.where(isSmall, d * cube * boost, d * cube).clamp(min: shape.dtype.tiny).to(a.dtype)
        }
    }
}
