// Normalisation y = (x − mean)·rstd·weight + bias with rstd = 1/√(var + eps), where mean and (biased) variance are over rows (`LayerNorm`)
// or channels (`ChannelNorm`). First derivatives are fused kernels. If the backward pass is recorded, it uses the same formula in
// differentiable ops, so that higher derivatives are correct:
//
//     gx = rstd·(ḡ − mean(ḡ) − x̂·mean(ḡ·x̂)),  gweight = Σ g·x̂,  gbias = Σ g,    with x̂ = (x − mean)·rstd and ḡ = g·weight.

/// Normalises each row of x [R, C]. Inputs: x, then weight [C] and bias [C] if present.
struct LayerNorm: Op {
    let eps: Double
    let hasWeight: Bool
    let hasBias: Bool

    var name: String { "layerNorm" }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> Tensor {
        let x = try inputs[0].contiguousData()
        let out = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        let mean = try Tensor.uninitialized([2, x.shape[0]], x.dtype.computeType, x.device)
        let rstd = try Tensor.uninitialized([x.shape[0]], x.dtype.computeType, x.device)
        try x.device.backend.layerNorm(
            x, weight: hasWeight ? inputs[1] : nil, bias: hasBias ? inputs.last : nil, eps: eps, into: out, mean: mean, rstd: rstd)
        saved.keep(inputs[0])
        saved.keep(mean)
        saved.keep(rstd)
        if hasWeight { saved.keep(inputs[1]) }
        return out
    }

    func backward(_ grad: Tensor, _ context: BackwardContext) throws(OpError) -> Gradients {
        let (x, mean, rstd) = (context.saved[0], context.saved[1], context.saved[2])
        let weight = hasWeight ? context.saved[3] : nil
        let gradients = NormGradients(x, weight: weight, context, hasBias: hasBias, parameterType: x.dtype)
        if isGradEnabled {
            return gradients.composed(grad, x, weight, statistics: [1], shared: [0], weightShape: [1, x.shape[1]]) { x in
                let centered = x.centered([1])
                return (centered, (centered.square().mean(dim: [1], keepDim: true) + eps).rsqrt())
            }
        }
        return try gradients.fused { gx, gw, gb throws(OpError) in
            try x.device.backend.layerNormBackward(
                try grad.contiguousData(), try x.contiguousData(), weight: weight, mean: mean, rstd: rstd, gradX: gx, gradWeight: gw,
                gradBias: gb)
        }
    }
}

/// Normalises each channel of x [N, C, L]. Inputs: x, then weight [C] and bias [C] if present, then mean and rstd [C] if not training. In
/// training it uses x's own statistics, and the outputs are the result and the batch's mean and variance [C]; otherwise only the result.
struct ChannelNorm: Op {
    let eps: Double
    let hasWeight: Bool
    let hasBias: Bool
    /// The dtype of weight and bias: that of x or of its statistics.
    let parameterType: DType
    let training: Bool

    var name: String { "batchNorm" }
    var outputCount: Int { training ? 3 : 1 }
    var byproductCount: Int { outputCount - 1 }

    func forward(_ inputs: Inputs, _ saved: Saved) throws(OpError) -> [Tensor] {
        let x = try inputs[0].contiguousData()
        let backend = x.device.backend
        var statistics: [Tensor] = []
        let mean: Tensor
        let rstd: Tensor
        if !training {
            (mean, rstd) = (inputs[inputs.count - 2], inputs[inputs.count - 1])
        } else {
            mean = try Tensor.uninitialized([2, x.shape[1]], x.dtype.computeType, x.device)
            let variance = try Tensor.uninitialized([x.shape[1]], x.dtype.computeType, x.device)
            try backend.channelStatistics(x, mean: mean, variance: variance)
            rstd = try Tensor.uninitialized([x.shape[1]], x.dtype.computeType, x.device)
            try backend.unary(.affine, variance, KernelParameters(1, eps), into: rstd)
            try backend.unary(.rsqrt, rstd, KernelParameters(), into: rstd)
            statistics = [mean.part(0), variance]
        }
        let out = try Tensor.uninitialized(x.shape, x.dtype, x.device)
        try backend.channelNormalize(
            x, mean: mean, rstd: rstd, weight: hasWeight ? inputs[1] : nil, bias: hasBias ? inputs[hasWeight ? 2 : 1] : nil, into: out)
        saved.keep(inputs[0])
        saved.keep(mean)
        saved.keep(rstd)
        if hasWeight { saved.keep(inputs[1]) }
        return [out] + statistics
    }

    func backward(_ grads: [Tensor?], _ context: BackwardContext) throws(OpError) -> Gradients {
        let grad = grads[0]!
        let (x, mean, rstd) = (context.saved[0], context.saved[1], context.saved[2])
        let weight = hasWeight ? context.saved[3] : nil
        let gradients = NormGradients(x, weight: weight, context, hasBias: hasBias, parameterType: parameterType)
        if isGradEnabled {
            return gradients.composed(
                grad, x, weight, statistics: training ? [0, 2] : nil, shared: [0, 2], weightShape: [1, x.shape[1], 1]
            ) { x in
                if !training { return (x - mean.to(x.dtype).reshape(1, -1, 1), rstd.to(x.dtype).reshape(1, -1, 1)) }
                let centered = x.centered([0, 2])
                return (centered, (centered.square().mean(dim: [0, 2], keepDim: true) + eps).rsqrt())
            }
        }
        return try gradients.fused { gx, gw, gb throws(OpError) in
            try x.device.backend.channelNormBackward(
                try grad.contiguousData(), try x.contiguousData(), weight: weight, mean: mean, rstd: rstd, training: training, gradX: gx,
                gradWeight: gw, gradBias: gb)
        }
    }
}

/// Shared by both backward passes: which gradients are needed, and in which order they are returned.
private struct NormGradients {
    let x: Tensor
    let weight: Tensor?
    let needsX: Bool
    let needsWeight: Bool
    let needsBias: Bool
    let hasBias: Bool
    let parameterType: DType
    let inputCount: Int

    init(_ x: Tensor, weight: Tensor?, _ context: BackwardContext, hasBias: Bool, parameterType: DType) {
        self.x = x
        self.weight = weight
        self.parameterType = parameterType
        self.hasBias = hasBias
        inputCount = context.inputCount
        needsX = context.needs(0)
        needsWeight = weight != nil && context.needs(1)
        needsBias = hasBias && context.needs(weight == nil ? 1 : 2)
    }

    /// The gradients in the order of the op's inputs; fixed statistics have none.
    private func ordered(_ gx: Tensor?, _ gw: Tensor?, _ gb: Tensor?) -> Gradients {
        let found = [gx] + (weight == nil ? [] : [gw]) + (hasBias ? [gb] : [])
        return Gradients(found + Array(repeating: nil, count: inputCount - found.count))
    }

    /// Computes the gradients by the backend's kernel, unrecorded.
    func fused(_ run: (_ gx: Tensor?, _ gw: Tensor?, _ gb: Tensor?) throws(OpError) -> Void) throws(OpError) -> Gradients {
        let gx = needsX ? try Tensor.uninitialized(x.shape, x.dtype, x.device) : nil
        let gw = needsWeight ? try Tensor.uninitialized([x.shape[1]], parameterType, x.device) : nil
        let gb = needsBias ? try Tensor.uninitialized([x.shape[1]], parameterType, x.device) : nil
        try run(gx, gw, gb)
        return ordered(gx, gw, gb)
    }

    /// Computes the gradients by differentiable ops, in float32 for 16-bit floats. `statistics`: the dimensions of mean and variance, nil
    /// if they are constants; `shared`: the dimensions over which a weight is shared; `normalize` returns x − mean and rstd.
    func composed(
        _ grad: Tensor, _ x: Tensor, _ weight: Tensor?, statistics: [Int]?, shared: [Int], weightShape: Shape,
        _ normalize: (Tensor) -> (Tensor, Tensor)
    ) -> Gradients {
        let dtype = x.dtype
        let g = grad.to(x.dtype.computeType)
        let (centered, rstd) = normalize(x.to(x.dtype.computeType))
        let normalized = centered * rstd
        var gx: Tensor?
        if needsX {
            var scaled = g
            if let weight { scaled = g * weight.to(x.dtype.computeType).reshape(weightShape) }
            if let statistics {
                scaled =
                    scaled - scaled.mean(dim: statistics, keepDim: true) - normalized
                    * (scaled * normalized).mean(dim: statistics, keepDim: true)
            }
            gx = (scaled * rstd).to(dtype)
        }
        return ordered(
            gx, needsWeight ? (g * normalized).sum(dim: shared).to(parameterType) : nil,
            needsBias ? g.sum(dim: shared).to(parameterType) : nil)
    }
}

extension Tensor {
    /// x minus its mean over `dims`. Far from zero the rounding error of the mean may be as large as the differences of the elements, so
    /// the mean of the result is subtracted again.
    fileprivate final func centered(_ dims: [Int]) -> Tensor {
        let once = self - mean(dim: dims, keepDim: true)
        return once - once.mean(dim: dims, keepDim: true)
    }

    /// Normalises each block over the last dimensions `normalizedShape` to mean 0 and variance 1, times weight plus bias (both optional, of
    /// that shape).
    package final func layerNorm(_ normalizedShape: Shape, weight: Tensor?, bias: Tensor?, eps: Double) -> Tensor {
        composite("layerNorm", .float32, self, optional: weight, bias: bias) { (x, weight, bias) throws(OpError) in
            try x.checkNormalized(normalizedShape, weight: weight, bias: bias)
            let columns = normalizedShape.numel
            let rows = columns == 0 ? 0 : numel / columns
            let parameters = [weight, bias].compactMap { $0?.reshape([columns]) }
            let op = LayerNorm(eps: eps, hasWeight: weight != nil, hasBias: bias != nil)
            return apply(op, Inputs([x.reshape([rows, columns])] + parameters)).reshape(shape)
        }
    }

    package final func checkNormalized(_ normalizedShape: Shape, weight: Tensor?, bias: Tensor?) throws(OpError) {
        guard dtype.isFloatingPoint else {
            throw OpError("is for floating-point tensors, the input is \(dtype); convert it with to(.float32)")
        }
        guard normalizedShape.count > 0 else { throw OpError("normalizedShape is empty; name at least one dimension") }
        guard ndim >= normalizedShape.count, Shape(shape.suffix(normalizedShape.count)) == normalizedShape else {
            throw OpError("input of shape \(shape) does not end in normalizedShape \(normalizedShape)")
        }
        for (name, parameter) in [("weight", weight), ("bias", bias)] {
            guard let parameter else { continue }
            guard parameter.shape == normalizedShape else {
                throw OpError("\(name) of shape \(parameter.shape) is not of normalizedShape \(normalizedShape)")
            }
            guard parameter.dtype == dtype else {
                throw OpError("the input is \(dtype), \(name) \(parameter.dtype); convert one with to(_:)")
            }
        }
    }

    /// Normalises each channel (dimension 1) by the mean and variance of the batch (`training`) or by the running ones.
    ///
    /// weight and bias of a float16 or bfloat16 input may be float32. In training, running mean and (unbiased) variance [C] are updated in
    /// place by `momentum`, unrecorded.
    package final func batchNorm(
        runningMean: Tensor?, runningVar: Tensor?, weight: Tensor?, bias: Tensor?, training: Bool, momentum: Double, eps: Double,
        name: String = "batchNorm"
    ) -> Tensor {
        if let poisoned = [runningMean, runningVar, weight, bias].firstPoisoned { return poisoned }
        return composite(name, self) { () throws(OpError) in
            guard dtype.isFloatingPoint else {
                throw OpError("is for floating-point tensors, the input is \(dtype); convert it with to(.float32)")
            }
            guard ndim >= 2 else { throw OpError("input of shape \(shape) needs at least 2 dimensions: batch and channels") }
            let channels = shape[1]
            for (what, parameter) in [("runningMean", runningMean), ("runningVar", runningVar), ("weight", weight), ("bias", bias)] {
                guard let parameter else { continue }
                guard parameter.shape == [channels] else {
                    throw OpError("\(what) of shape \(parameter.shape) does not fit the \(channels) channels of input \(shape)")
                }
            }
            let parameterType = (weight ?? bias)?.dtype ?? dtype
            for (what, parameter) in [("weight", weight), ("bias", bias)] {
                guard let parameter, parameter.dtype != parameterType || parameterType != dtype && parameterType != dtype.computeType else {
                    continue
                }
                throw OpError(
                    "the input is \(dtype), \(what) \(parameter.dtype), but must be \(dtype == dtype.computeType ? "the same" : "the same or \(dtype.computeType)"); convert one with to(_:)"
                )
            }
            let flat = reshape([shape[0], channels, shape.dropFirst(2).reduce(1, *)])
            var fixed: [Tensor] = []
            if !training {
                guard let runningMean, let runningVar else { throw OpError("needs runningMean and runningVar where it does not train") }
                fixed = noGrad { [runningMean.detach().to(dtype.computeType), (runningVar.detach().to(dtype.computeType) + eps).rsqrt()] }
            } else {
                guard eps > 0 else { throw OpError("eps is \(eps), but must be positive in training") }
                guard channels == 0 || flat.numel != channels else {
                    throw OpError(
                        "training needs more than one value for each channel, input \(shape) has one; use a larger batch or eval()")
                }
            }
            let op = ChannelNorm(eps: eps, hasWeight: weight != nil, hasBias: bias != nil, parameterType: parameterType, training: training)
            let outputs = apply(op, Inputs([flat] + [weight, bias].compactMap { $0 } + fixed))
            if training && flat.numel > 0 && !outputs[0].isPoisoned && !isRecomputing {
                let count = Double(flat.numel / channels)
                noGrad {
                    move(runningMean, toward: outputs[1], by: momentum)
                    move(runningVar, toward: outputs[2], by: momentum, scale: count / (count - 1))
                }
            }
            return outputs[0].reshape(shape)
        }
    }

    /// running ← (1 − momentum)·running + momentum·scale·value
    private final func move(_ running: Tensor?, toward value: Tensor, by momentum: Double, scale: Double = 1) {
        guard let running else { return }
        running.copy_((running.to(value.dtype) * (1 - momentum) + value * (momentum * scale)).to(running.dtype))
    }
}

extension [Tensor?] {
    /// The first poisoned tensor, skipping nil.
    fileprivate var firstPoisoned: Tensor? {
        for case let x? in self where x.isPoisoned { return x }
        return nil
    }
}
