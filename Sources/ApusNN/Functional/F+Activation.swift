import ApusCore

/// Activations, of each element or (`glu`, `softmax` and its relatives) along a dimension. With `inplace` the result overwrites x.
extension F {
    /// max(x, 0). PyTorch: `F.relu`.
    public static func relu(_ input: Tensor, inplace: Bool = false) -> Tensor { inplace ? input.relu_() : input.relu() }

    /// x > 0 ? x : slope·x. PyTorch: `F.leaky_relu`.
    public static func leakyRelu(_ input: Tensor, negativeSlope: Double = 0.01, inplace: Bool = false) -> Tensor {
        floating(inplace, "leakyRelu", input) { $0.leakyRelu(negativeSlope: negativeSlope) }
    }

    /// x > 0 ? x : α(eˣ − 1). PyTorch: `F.elu`.
    public static func elu(_ input: Tensor, alpha: Double = 1, inplace: Bool = false) -> Tensor {
        floating(inplace, "elu", input) { $0.elu(alpha: alpha) }
    }

    /// scale·(x > 0 ? x : α(eˣ − 1)) with scale 1.0507… and α 1.6733…, which keep mean 0 and variance 1 (Klambauer et al., 2017).
    /// PyTorch: `F.selu`.
    public static func selu(_ input: Tensor, inplace: Bool = false) -> Tensor {
        floating(inplace, "selu", input) { $0.elu(alpha: 1.6732632423543772848170429916717, scale: 1.0507009873554804934193349852946) }
    }

    /// x > 0 ? x : α(e^(x/α) − 1), with derivative 1 at 0 for every α (Barron, 2017). PyTorch: `F.celu`. Traps where α is 0.
    public static func celu(_ input: Tensor, alpha: Double = 1, inplace: Bool = false) -> Tensor {
        alpha == 0
            ? fail("celu", "alpha must not be 0, the input is divided by it")
            : floating(inplace, "celu", input) { $0.elu(alpha: alpha, inputScale: 1 / alpha) }
    }

    /// x·Φ(x), with Φ the normal distribution function; with `approximate` `.tanh` x/2·(1 + tanh(√(2/π)·(x + 0.044715x³))). PyTorch:
    /// `F.gelu`.
    public static func gelu(_ input: Tensor, approximate: GELUApproximation = .none) -> Tensor {
        floating(false, "gelu", input) { $0.gelu(approximate: approximate) }
    }

    /// x·σ(x), also called swish. PyTorch: `F.silu`.
    public static func silu(_ input: Tensor, inplace: Bool = false) -> Tensor { floating(inplace, "silu", input) { $0.silu() } }

    /// x·tanh(softplus x). PyTorch: `F.mish`.
    public static func mish(_ input: Tensor, inplace: Bool = false) -> Tensor { floating(inplace, "mish", input) { $0.mish() } }

    /// 1/(1 + e⁻ˣ). PyTorch: `F.sigmoid`.
    public static func sigmoid(_ input: Tensor) -> Tensor { input.sigmoid() }

    /// tanh x. PyTorch: `F.tanh`.
    public static func tanh(_ input: Tensor) -> Tensor { input.tanh() }

    /// ln(1 + e^(βx))/β, and x itself where βx > threshold. PyTorch: `F.softplus`.
    public static func softplus(_ input: Tensor, beta: Double = 1, threshold: Double = 20) -> Tensor {
        floating(false, "softplus", input) { $0.softplus(beta: beta, threshold: threshold) }
    }

    /// x/(1 + |x|). PyTorch: `F.softsign`.
    public static func softsign(_ input: Tensor) -> Tensor { number("softsign", input) { $0.softsign() } }

    /// min(max(x, minVal), maxVal). PyTorch: `F.hardtanh`. Traps where minVal is greater than maxVal.
    public static func hardtanh(_ input: Tensor, minVal: Double = -1, maxVal: Double = 1, inplace: Bool = false) -> Tensor {
        minVal > maxVal
            ? fail("hardtanh", "minVal \(minVal) is greater than maxVal \(maxVal)")
            : written(inplace, "hardtanh", input) { $0.hardtanh(minVal: minVal, maxVal: maxVal) }
    }

    /// min(max(x, 0), 6). PyTorch: `F.relu6`.
    public static func relu6(_ input: Tensor, inplace: Bool = false) -> Tensor { hardtanh(input, minVal: 0, maxVal: 6, inplace: inplace) }

    /// x·min(max(x + 3, 0), 6)/6. PyTorch: `F.hardswish`.
    public static func hardswish(_ input: Tensor, inplace: Bool = false) -> Tensor {
        floating(inplace, "hardswish", input) { $0.hardswish() }
    }

    /// min(max(x + 3, 0), 6)/6. PyTorch: `F.hardsigmoid`.
    public static func hardsigmoid(_ input: Tensor, inplace: Bool = false) -> Tensor {
        floating(inplace, "hardsigmoid", input) { $0.hardsigmoid() }
    }

    /// |x| > λ ? x : 0. PyTorch: `F.hardshrink`.
    public static func hardshrink(_ input: Tensor, lambd: Double = 0.5) -> Tensor {
        floating(false, "hardshrink", input) { $0.hardshrink(lambd) }
    }

    /// x − λ for x > λ, x + λ for x < −λ, else 0. PyTorch: `F.softshrink`. Traps where λ is negative.
    public static func softshrink(_ input: Tensor, lambd: Double = 0.5) -> Tensor {
        lambd < 0
            ? fail("softshrink", "lambd must not be negative, it is \(lambd)")
            : floating(false, "softshrink", input) { $0.softshrink(lambd) }
    }

    /// x − tanh x. PyTorch: `F.tanhshrink`.
    public static func tanhshrink(_ input: Tensor) -> Tensor { number("tanhshrink", input) { $0 - $0.tanh() } }

    /// x > threshold ? x : value. PyTorch: `F.threshold`.
    public static func threshold(_ input: Tensor, _ threshold: Double, _ value: Double, inplace: Bool = false) -> Tensor {
        written(inplace, "threshold", input) { $0.threshold(threshold, value) }
    }

    /// ln σ(x). PyTorch: `F.logsigmoid`.
    public static func logsigmoid(_ input: Tensor) -> Tensor { floating(false, "logsigmoid", input) { $0.logSigmoid() } }

    /// a·σ(b), where a and b are the halves of x along `dim` (Dauphin et al., 2017). PyTorch: `F.glu`. Traps where that extent is odd.
    public static func glu(_ input: Tensor, dim: Int = -1) -> Tensor {
        composite("glu", input) { () throws(OpError) in
            guard input.ndim > 0 else { throw OpError("a scalar has no halves; the input needs a dimension") }
            let at = try ApusCore.normalize(dim: dim, ndim: input.ndim)
            guard input.shape[at] % 2 == 0 else { throw OpError("dimension \(dim) of shape \(input.shape) is odd and cannot be halved") }
            let half = input.shape[at] / 2
            return input.narrow(at, 0, half) * input.narrow(at, half, half).sigmoid()
        }
    }

    /// x > 0 ? x : w·x with a w for each channel (dimension 1), weight [C], or one for all, [1] or a scalar (He et al., 2015).
    /// PyTorch: `F.prelu`. Traps where the weight has another number of slopes.
    public static func prelu(_ input: Tensor, _ weight: Tensor) -> Tensor {
        composite("prelu", .lower, input, weight) { (input, weight) throws(OpError) in
            guard weight.ndim <= 1 else { throw OpError("weight must have one dimension at most, its shape is \(weight.shape)") }
            var slopes = weight
            if weight.numel != 1 {
                guard input.ndim > 0 else { throw OpError("a scalar input takes one slope, weight has \(weight.numel)") }
                let channels = input.ndim > 1 ? input.shape[1] : 1
                guard weight.numel == channels else {
                    throw OpError(
                        "weight has \(weight.numel) slopes, input of shape \(input.shape) has \(channels) channels in dimension 1")
                }
                slopes = weight.reshape(Shape([1, channels] + Array(repeating: 1, count: max(input.ndim - 2, 0))))
            } else if weight.ndim == 1 {
                slopes = weight.reshape([])
            }
            return Tensor.where(input.gt(0), input, slopes * input)
        }
    }

    /// x > 0 ? x : a·x, with a random a in [lower, upper) for each element in training, else a = (lower + upper)/2 (Xu et al., 2015).
    /// PyTorch: `F.rrelu`. Traps where lower is greater than upper.
    public static func rrelu(
        _ input: Tensor, lower: Double = 1.0 / 8, upper: Double = 1.0 / 3, training: Bool = false, inplace: Bool = false
    ) -> Tensor {
        guard lower <= upper else { return fail("rrelu", "lower \(lower) is greater than upper \(upper)") }
        return floating(inplace, "rrelu", input) { input in
            guard training else { return input.leakyRelu(negativeSlope: (lower + upper) / 2) }
            let slopes = Tensor.empty(like: input).uniform_(lower, upper)
            return Tensor.where(input.gt(0), input, slopes * input)
        }
    }

    /// eˣ / Σ eˣ along `dim`; by default dim 0 for 0, 1 and 3 dimensions, else 1 (PyTorch's old rule). With `dtype` x is converted first.
    /// PyTorch: `F.softmax`.
    public static func softmax(_ input: Tensor, dim: Int? = nil, dtype: DType? = nil) -> Tensor {
        input.softmax(dim: dim ?? usualDim(input), dtype: dtype)
    }

    /// ln softmax, finite where softmax would underflow to 0; `dim` and `dtype` as in `softmax`. PyTorch: `F.log_softmax`.
    public static func logSoftmax(_ input: Tensor, dim: Int? = nil, dtype: DType? = nil) -> Tensor {
        input.logSoftmax(dim: dim ?? usualDim(input), dtype: dtype)
    }

    /// softmax(−x); `dim` and `dtype` as in `softmax`. PyTorch: `F.softmin`.
    public static func softmin(_ input: Tensor, dim: Int? = nil, dtype: DType? = nil) -> Tensor {
        (-input).softmax(dim: dim ?? usualDim(input), dtype: dtype)
    }

    /// A differentiable sample of a category, with scores `logits`: softmax((logits + Gumbel noise)/tau) (Jang et al., 2016).
    /// With `hard` the result is one-hot but has the gradient of the soft sample. PyTorch: `F.gumbel_softmax`. Traps unless tau is
    /// positive.
    public static func gumbelSoftmax(
        _ logits: Tensor, tau: Double = 1, hard: Bool = false, dim: Int = -1, generator: Generator? = nil
    ) -> Tensor {
        guard tau > 0 else { return fail("gumbelSoftmax", "tau must be positive, it is \(tau)") }
        if logits.isPoisoned { return logits }
        // 1 − u lies in (0, 1], so the inner logarithm is finite or −0.
        let noise = noGrad { -(-(1 - Tensor.rand(like: logits, generator: generator)).log()).clamp(min: 1e-30).log() }
        // A logit far from zero would absorb the noise by rounding; only differences of logits matter, so subtract the largest.
        let top = logits.ndim == 0 || logits.numel == 0 ? logits.detach() : noGrad { logits.detach().amax(dim: [dim], keepDim: true) }
        let soft = ((logits - top + noise) / tau).softmax(dim: dim)
        guard hard else { return soft }
        let winner = soft.argmax(dim: dim, keepDim: true)
        return Tensor.zeros(like: soft).scatter(dim, winner, 1) - soft.detach() + soft
    }

    private static func usualDim(_ x: Tensor) -> Int { x.ndim == 0 || x.ndim == 1 || x.ndim == 3 ? 0 : 1 }

    /// `function(x)`, written over x where `inplace`.
    static func written(_ inplace: Bool, _ name: String, _ x: Tensor, _ function: (Tensor) -> Tensor) -> Tensor {
        inplace ? x.updateInPlace(name + "_", function) : function(x)
    }

    /// `written` for functions that PyTorch defines for floating-point tensors alone.
    private static func floating(_ inplace: Bool, _ name: String, _ x: Tensor, _ function: (Tensor) -> Tensor) -> Tensor {
        guard x.isPoisoned || x.dtype.isFloatingPoint else {
            return fail(name, "needs floating-point numbers, the input is \(x.dtype); convert it with to(.float32)")
        }
        return written(inplace, name, x, function)
    }

    /// `function(x)` for every dtype but bool.
    private static func number(_ name: String, _ x: Tensor, _ function: (Tensor) -> Tensor) -> Tensor {
        guard x.isPoisoned || x.dtype != .bool else { return fail(name, "needs numbers, the input is bool; convert it with to(.float32)") }
        return function(x)
    }
}
