import ApusCore

extension F {
    /// Normalises each channel (dimension 1): (x − mean)/√(var + eps)·weight + bias. PyTorch: `F.batch_norm`.
    ///
    /// In `training` mean and (biased) variance are the batch's, and the running ones [C], where given, move toward them (toward the unbiased
    /// variance) by `momentum`, in place; else the running ones are used. input [N, C, …], weight and bias [C].
    public static func batchNorm(
        _ input: Tensor, _ runningMean: Tensor?, _ runningVar: Tensor?, weight: Tensor? = nil, bias: Tensor? = nil, training: Bool = false,
        momentum: Double = 0.1, eps: Double = 1e-5
    ) -> Tensor {
        input.batchNorm(runningMean: runningMean, runningVar: runningVar, weight: weight, bias: bias, training: training, momentum: momentum, eps: eps)
    }

    /// Normalises each channel of each sample by its own mean and variance (`useInputStats`), or by the running ones. PyTorch: `F.instance_norm`.
    public static func instanceNorm(
        _ input: Tensor, runningMean: Tensor? = nil, runningVar: Tensor? = nil, weight: Tensor? = nil, bias: Tensor? = nil, useInputStats: Bool = true,
        momentum: Double = 0.1, eps: Double = 1e-5
    ) -> Tensor {
        input.instanceNorm(runningMean: runningMean, runningVar: runningVar, weight: weight, bias: bias, useInputStats: useInputStats, momentum: momentum, eps: eps)
    }

    /// Normalises over the last dimensions, `normalizedShape`, by their mean and biased variance; weight and bias have that shape. PyTorch: `F.layer_norm`.
    public static func layerNorm(_ input: Tensor, _ normalizedShape: Shape, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5) -> Tensor {
        input.layerNorm(normalizedShape, weight: weight, bias: bias, eps: eps)
    }

    /// Divides by the root of the mean square over the last dimensions: x/√(mean(x²) + eps)·weight. PyTorch: `F.rms_norm`.
    /// `eps` nil is the distance from 1 to the next number of the dtype.
    public static func rmsNorm(_ input: Tensor, _ normalizedShape: Shape, weight: Tensor? = nil, eps: Double? = nil) -> Tensor {
        input.rmsNorm(normalizedShape, weight: weight, eps: eps)
    }

    /// Normalises each of `numGroups` groups of channels of each sample by its own mean and variance; weight and bias [C]. PyTorch: `F.group_norm`.
    public static func groupNorm(_ input: Tensor, _ numGroups: Int, weight: Tensor? = nil, bias: Tensor? = nil, eps: Double = 1e-5) -> Tensor {
        input.groupNorm(numGroups, weight: weight, bias: bias, eps: eps)
    }

    /// Divides by (k + alpha·mean)^beta, the mean of squares taken over `size` neighbouring channels. PyTorch: `F.local_response_norm`.
    public static func localResponseNorm(_ input: Tensor, _ size: Int, alpha: Double = 1e-4, beta: Double = 0.75, k: Double = 1) -> Tensor {
        input.localResponseNorm(size, alpha: alpha, beta: beta, k: k)
    }
}
