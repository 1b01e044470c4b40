// The fused forms as compositions of the simple families. Backends without a fused kernel use them, and fused kernels are compared with
// them. The formulas are PyTorch's, computed in float32 (float64 for float64) and rounded to the element type at the end.
// Steps of optimizers have no composition here: `hasOptimizerStep` says whether there is a kernel.

/// For backends that work in host memory and finish before a method returns.
extension Backend {
    package func synchronize() throws(OpError) {}

    package func upload(_ source: UnsafeRawPointer, byteCount: Int, to base: UnsafeMutableRawPointer, at offset: Int) throws(OpError) {
        if byteCount > 0 { (base + offset).copyMemory(from: source, byteCount: byteCount) }
    }

    package func download(
        _ base: UnsafeMutableRawPointer, at offset: Int, byteCount: Int, to target: UnsafeMutableRawPointer
    ) throws(OpError) {
        if byteCount > 0 { target.copyMemory(from: base + offset, byteCount: byteCount) }
    }
}

extension Backend {
    package func computes(_ dtype: DType) -> Bool { true }

    /// Whether a scatter may add so many elements at one index that a sum in the element type would lose digits.
    func mayCrowd(_ index: Tensor, _ dim: Int) -> Bool { index.ndim > 0 && index.shape[dim] > 256 }
}

extension Backend {
    package func euclideanNorm(_ x: Tensor, dims: [Int], into out: Tensor) throws(OpError) { try composedNorm(x, dims: dims, into: out) }

    /// `euclideanNorm` for backends or dtypes without a kernel.
    func composedNorm(_ x: Tensor, dims: [Int], into out: Tensor) throws(OpError) {
        guard out.numel > 0 else { return }
        let compose = Composition(self, like: x)
        guard x.numel > 0 else { return try fill(out, with: .double(0)) }
        let x = try compose.cast(x)
        // Divides by the largest element, so that squares neither overflow nor vanish.
        let range = KernelParameters(compose.dtype.tiny, compose.dtype.largest)
        let unit = try compose(.clamp, compose(.max, compose(.absolute, x), dims), range)
        let squares = try compose(.square, compose(.div, x, unit))
        try compose.write(compose(.mul, compose(.sqrt, compose(.sum, squares, dims)), unit), to: out)
    }

    package func softmax(_ x: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError) {
        guard x.numel > 0 else { return }
        let compose = Composition(self, like: x)
        let (x, dim) = try compose.line(x, dim)
        // Subtracting the maximum keeps exp from overflowing.
        let shifted = try compose(.sub, x, compose(.max, x, [dim]))
        let exponentials = try compose(.exp, shifted)
        let sum = try compose(.sum, exponentials, [dim])
        try compose.write(log ? compose(.sub, shifted, compose(.log, sum)) : compose(.div, exponentials, sum), to: out)
    }

    package func softmaxBackward(_ grad: Tensor, _ y: Tensor, dim: Int, log: Bool, into out: Tensor) throws(OpError) {
        guard y.numel > 0 else { return }
        let compose = Composition(self, like: y)
        let (g, _) = try compose.line(grad, dim)
        let (y, dim) = try compose.line(y, dim)
        if log {
            try compose.write(compose(.sub, g, compose(.mul, compose(.exp, y), compose(.sum, g, [dim]))), to: out)
        } else {
            let product = try compose(.mul, g, y)
            try compose.write(compose(.sub, product, compose(.mul, y, compose(.sum, product, [dim]))), to: out)
        }
    }

    package func layerNorm(
        _ x: Tensor, weight: Tensor?, bias: Tensor?, eps: Double, into out: Tensor, mean: Tensor, rstd: Tensor
    ) throws(OpError) {
        guard x.numel > 0 else { return }
        let compose = Composition(self, like: x)
        let x = try compose.cast(x)
        let (centered, variance) = try compose.centered(x, [1], mean: mean)
        let scale = try compose(.rsqrt, compose(.affine, variance, KernelParameters(1, eps)))
        try compose.write(scale, to: rstd)
        try compose.write(compose.scaled(compose(.mul, centered, scale), weight, bias, channel: 1), to: out)
    }

    package func layerNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?
    ) throws(OpError) {
        try normBackward(
            grad, x, weight: weight, mean: mean, rstd: rstd, statistics: 0, channel: 1, training: true,
            gradX: gradX, gradWeight: gradWeight, gradBias: gradBias)
    }

    package func channelStatistics(_ x: Tensor, mean: Tensor, variance: Tensor) throws(OpError) {
        let compose = Composition(self, like: x)
        try compose.write(compose.centered(compose.cast(x), [0, 2], mean: mean).variance, to: variance)
    }

    package func channelNormalize(_ x: Tensor, mean: Tensor, rstd: Tensor, weight: Tensor?, bias: Tensor?, into out: Tensor) throws(OpError)
    {
        let compose = Composition(self, like: x)
        let centered = try compose.centered(compose.cast(x), by: mean, at: 1)
        let normalized = try compose(.mul, centered, compose.column(rstd, at: 1, of: 3))
        try compose.write(compose.scaled(normalized, weight, bias, channel: 1), to: out)
    }

    package func channelNormBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, training: Bool,
        gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?
    ) throws(OpError) {
        try normBackward(
            grad, x, weight: weight, mean: mean, rstd: rstd, statistics: 1, channel: 1, training: training,
            gradX: gradX, gradWeight: gradWeight, gradBias: gradBias)
    }

    /// With x̂ = (x − mean)·rstd, g the gradient and ḡ = g·weight; means are over the elements that share a statistic: gradX = rstd·(ḡ −
    /// mean(ḡ) − x̂·mean(ḡ·x̂)) if the statistics are x's own (`training`), else rstd·ḡ; gradWeight = Σ g·x̂ and gradBias = Σ g over the
    /// elements that share a weight. mean and rstd are along dimension `statistics`, weight along `channel`.
    private func normBackward(
        _ grad: Tensor, _ x: Tensor, weight: Tensor?, mean: Tensor, rstd: Tensor, statistics: Int, channel: Int, training: Bool,
        gradX: Tensor?, gradWeight: Tensor?, gradBias: Tensor?
    ) throws(OpError) {
        let compose = Composition(self, like: x)
        let rank = x.ndim
        let g = try compose.cast(grad)
        let rstd = try compose.column(rstd, at: statistics, of: rank)
        let normalized = try compose(.mul, compose.centered(compose.cast(x), by: mean, at: statistics), rstd)
        let others = { (dim: Int) in (0..<rank).filter { $0 != dim } }
        if let gradWeight { try compose.write(compose(.sum, compose(.mul, g, normalized), others(channel)), to: gradWeight) }
        if let gradBias { try compose.write(compose(.sum, g, others(channel)), to: gradBias) }
        guard let gradX, gradX.numel > 0 else { return }
        var result = try compose.scaled(g, weight, nil, channel: channel)
        if training {
            let along = try compose(.mean, compose(.mul, result, normalized), others(statistics))
            result = try compose(.sub, compose(.sub, result, compose(.mean, result, others(statistics))), compose(.mul, normalized, along))
        }
        try compose.write(compose(.mul, result, rstd), to: gradX)
    }

    // MARK: Optimizers

    package var hasOptimizerStep: Bool { false }

    package func optimizerStep(_ rule: OptimizerRule, parameters: [Tensor], gradients: [Tensor], state: [[Tensor]]) throws(OpError) {
        throw OpError("\(name) has no kernels of optimizers")
    }
}
