import ApusCore

extension F {
    /// Normalises each channel (dimension 1): (x − mean)/√(var + eps)·weight + bias. PyTorch: `F.batch_norm`.
    ///
    /// In `training` it uses the batch's mean and biased variance, and moves the running ones [C], where given, toward the batch's mean and
    /// unbiased variance by `momentum`, in place. Otherwise it uses the running ones, which must be given. input [N, C, …], weight and bias
    /// [C]. Traps in training where a channel has a single value.
    public static func batchNorm(
        _ input: Tensor, _ runningMean: Tensor?, _ runningVar: Tensor?, weight: Tensor? = nil, bias: Tensor? = nil, training: Bool = false,
        momentum: Double = 0.1, eps: Double = 1e-5
    ) -> Tensor {
        input.batchNorm(
            runningMean: runningMean, runningVar: runningVar, weight: weight, bias: bias, training: training, momentum: momentum, eps: eps)
    }

    /// Batch normalisation in training by the mean and variance over the batches of all processes, Σx/n and Σ(x − mean)²/n; `sum` adds up a
    /// tensor of each process, with a derivative.
    static func batchNorm(
        _ x: Tensor, _ runningMean: Tensor?, _ runningVar: Tensor?, weight: Tensor?, bias: Tensor?, momentum: Double, eps: Double,
        overProcesses sum: (Tensor) -> Tensor
    ) -> Tensor {
        let (values, channels) = (x.to(x.dtype.computeType), x.shape[1])
        let dims = [Int](0..<x.ndim).filter { $0 != 1 }
        let perChannel = Shape([1, channels] + [Int](repeating: 1, count: max(x.ndim - 2, 0)))
        let own = Tensor.full([1], Double(x.numel / max(channels, 1)), dtype: values.dtype, device: x.device)
        let sums = sum(Tensor.cat([values.sum(dim: dims), own]))
        let count = sums[channels].detach()
        let mean = sums[0..<channels] / count
        let centered = values - mean.view(perChannel)
        let variance = sum(centered.square().sum(dim: dims)) / count
        noGrad {
            if isRecomputing { return }
            if let runningMean { runningMean.mul_(1 - momentum).add_(mean.detach().to(runningMean.dtype), alpha: momentum) }
            // Running variances are unbiased.
            let unbiased = variance.detach() * (count / (count - 1))
            if let runningVar { runningVar.mul_(1 - momentum).add_(unbiased.to(runningVar.dtype), alpha: momentum) }
        }
        var y = centered * (variance + eps).rsqrt().view(perChannel)
        if let weight { y = y * weight.to(values.dtype).view(perChannel) }
        if let bias { y = y + bias.to(values.dtype).view(perChannel) }
        return y.to(x.dtype)
    }

    /// Normalises each channel of each sample of [N, C, *]: (x − mean)/√(var + eps)·weight + bias. PyTorch: `F.instance_norm`.
    ///
    /// With `useInputStats` it uses the sample's own mean and biased variance over *, and moves the running ones [C], where given, by
    /// `momentum` toward the batch's mean of means and of unbiased variances; traps where * is one element. Otherwise it uses the running
    /// ones.
    public static func instanceNorm(
        _ input: Tensor, runningMean: Tensor? = nil, runningVar: Tensor? = nil, weight: Tensor? = nil, bias: Tensor? = nil,
        useInputStats: Bool = true,
        momentum: Double = 0.1, eps: Double = 1e-5
    ) -> Tensor {
        for case let x? in [runningMean, runningVar, weight, bias] where x.isPoisoned { return x }
        return composite("instanceNorm", input) { () throws(OpError) in
            let shape = input.shape
            guard shape.count >= 2 else { throw OpError("input of shape \(shape) needs at least 2 dimensions: batch and channels") }
            let (batch, channels) = (shape[0], shape[1])
            if !useInputStats {
                return input.batchNorm(
                    runningMean: runningMean, runningVar: runningVar, weight: weight, bias: bias, training: false, momentum: momentum,
                    eps: eps, name: "instanceNorm")
            }
            for (what, parameter) in [("runningMean", runningMean), ("runningVar", runningVar), ("weight", weight), ("bias", bias)] {
                guard let parameter, parameter.shape != [channels] else { continue }
                throw OpError("\(what) of shape \(parameter.shape) does not fit the \(channels) channels of input \(shape)")
            }
            guard shape.numel == 0 || shape.dropFirst(2).reduce(1, *) > 1 else {
                throw OpError("training needs more than one value for each channel and sample, input \(shape) has one")
            }
            // Batch normalisation of a batch of one, in which each channel of each sample is a channel.
            let means = runningMean.map { mean in noGrad { mean.detach().repeat(batch) } }
            let variances = runningVar.map { variance in noGrad { variance.detach().repeat(batch) } }
            let flat = input.reshape(Shape([1, batch * channels] + shape.dropFirst(2)))
            let out = flat.batchNorm(
                runningMean: means, runningVar: variances, weight: weight?.repeat(batch), bias: bias?.repeat(batch), training: true,
                momentum: momentum, eps: eps,
                name: "instanceNorm")
            if batch > 0 && !out.isPoisoned && !isRecomputing {
                noGrad {
                    if let means { runningMean!.copy_(means.reshape(batch, channels).mean(dim: 0)) }
                    if let variances { runningVar!.copy_(variances.reshape(batch, channels).mean(dim: 0)) }
                }
            }
            return out.reshape(shape)
        }
    }

    /// Normalises over the last dimensions, `normalizedShape`, by their mean and biased variance: (x − mean)/√(var + eps)·weight + bias;
    /// weight and bias have that shape. PyTorch: `F.layer_norm`. Traps where the input does not end in that shape.
    public static func layerNorm(
        _ input: Tensor, _ normalizedShape: some Collection<Int>, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5
    ) -> Tensor {
        input.layerNorm(Shape(normalizedShape), weight: weight, bias: bias, eps: eps)
    }

    /// Divides by the root of the mean square over the last dimensions: x/√(mean(x²) + eps)·weight. PyTorch: `F.rms_norm`.
    /// `eps` nil is the machine epsilon of the dtype, of float32 for half types.
    public static func rmsNorm(
        _ input: Tensor, _ normalizedShape: some Collection<Int>, weight: Tensor? = nil, eps: Double? = nil
    ) -> Tensor {
        composite("rmsNorm", .float32, input, optional: weight, bias: nil) { (input, weight, _) throws(OpError) in
            try input.checkNormalized(Shape(normalizedShape), weight: weight, bias: nil)
            let dims = Array(input.ndim - normalizedShape.count..<input.ndim)
            let x = input.to(input.dtype.computeType)
            let normalized = (x * (x.square().mean(dim: dims, keepDim: true) + (eps ?? x.dtype.epsilon)).rsqrt()).to(input.dtype)
            return weight.map { normalized * $0 } ?? normalized
        }
    }

    /// Normalises each of `numGroups` groups of channels of each sample of [N, C, *] by its own mean and biased variance:
    /// (x − mean)/√(var + eps)·weight + bias; weight and bias [C]. PyTorch: `F.group_norm`. Traps where the groups do not divide the
    /// channels.
    public static func groupNorm(
        _ input: Tensor, _ numGroups: Int, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5
    ) -> Tensor {
        composite("groupNorm", .float32, input, optional: weight, bias: bias) { (input, weight, bias) throws(OpError) in
            let shape = input.shape
            guard input.dtype.isFloatingPoint else {
                throw OpError("is for floating-point tensors, the input is \(input.dtype); convert it with to(.float32)")
            }
            guard shape.count >= 2 else { throw OpError("input of shape \(shape) needs at least 2 dimensions: batch and channels") }
            let (batch, channels) = (shape[0], shape[1])
            guard numGroups > 0, channels % numGroups == 0 else {
                throw OpError("\(numGroups) groups do not divide the \(channels) channels of input \(shape)")
            }
            for (what, parameter) in [("weight", weight), ("bias", bias)] {
                guard let parameter else { continue }
                guard parameter.shape == [channels] else {
                    throw OpError("\(what) of shape \(parameter.shape) does not fit the \(channels) channels of input \(shape)")
                }
                guard parameter.dtype == input.dtype else {
                    throw OpError("the input is \(input.dtype), \(what) \(parameter.dtype); convert one with to(_:)")
                }
            }
            var out = input
            if input.numel > 0 {
                let length = input.numel / (batch * numGroups)
                out = input.reshape([batch * numGroups, length]).layerNorm([length], weight: nil, bias: nil, eps: eps).reshape(shape)
            } else if weight == nil && bias == nil {
                return input.clone()
            }
            let column = [channels] + Array(repeating: 1, count: shape.count - 2)
            if let weight { out = out * weight.reshape(column) }
            if let bias { out = out + bias.reshape(column) }
            return out
        }
    }

    /// x/(k + alpha·s/size)^beta, with s of channel c the sum of the squares of channels c − ⌊size/2⌋ … c + ⌊(size − 1)/2⌋ that exist.
    /// PyTorch: `F.local_response_norm`. Traps for fewer than 3 dimensions, [N, C, *].
    public static func localResponseNorm(_ input: Tensor, _ size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) -> Tensor {
        composite("localResponseNorm", input) { () throws(OpError) in
            let shape = input.shape
            guard shape.count >= 3 else {
                throw OpError("input of shape \(shape) has \(shape.count) dimensions; 3 or more are needed: batch, channels, space")
            }
            guard size > 0 else { throw OpError("size is \(size), but must be positive") }
            if input.numel == 0 { return input }
            // A window slides over the channels; the places are its other dimension.
            let squares = input.square().reshape([shape[0], 1, shape[1], -1]).pad([0, 0, size / 2, (size - 1) / 2])
            let window = PoolWindow(kernel: [size, 1], stride: [1, 1], padding: [0, 0], dilation: [1, 1], ceilMode: false)
            let mean = squares.averagePool(window, countIncludePad: true, divisor: nil, spatial: 2, name: "localResponseNorm").reshape(
                shape)
            return input / (mean * alpha + k).pow(beta)
        }
    }
}
