import ApusCore

/// A convolution that computes what `conv` followed by `bn` computes in evaluation. PyTorch: `nn.utils.fuse_conv_bn_eval`.
///
/// Traps where one of them is in training mode, `bn` has no running statistics, or their channels differ. Set `transpose` for transposed
/// convolutions, whose output channels are dimension 1 of the weight.
public func fuseConvBNEval<Layer: ConvolutionLayer>(_ conv: Layer, _ bn: BatchNorm, transpose: Bool = false) -> Layer {
    guard let (mean, variance) = statistics("fuseConvBNEval", conv, bn, channels: conv.outChannels) else { return conv }
    let fused = conv.copy()
    let (weight, bias) = fuseConvBNWeights(conv.weight, conv.bias, mean, variance, eps: bn.eps, bn.weight, bn.bias, transpose: transpose)
    take(weight, bias, fused.weight, &fused.bias)
    return fused
}

/// The weight and bias of `fuseConvBNEval`: w·γ/√(σ² + eps) per output channel and (b − μ)·γ/√(σ² + eps) + β. PyTorch: `nn.utils.fuse_conv_bn_weights`.
public func fuseConvBNWeights(
    _ convW: Tensor, _ convB: Tensor?, _ runningMean: Tensor, _ runningVar: Tensor, eps: Double, _ bnW: Tensor?, _ bnB: Tensor?,
    transpose: Bool = false
) -> (weight: Parameter, bias: Parameter) {
    var outer = Array(repeating: 1, count: max(convW.ndim, 2))
    outer[transpose ? 1 : 0] = -1
    return fused(convW, convB, runningMean, runningVar, eps, bnW, bnB, scaleShape: outer)
}

/// A linear layer that computes what `linear` followed by `bn` computes in evaluation. PyTorch: `nn.utils.fuse_linear_bn_eval`.
///
/// Traps as `fuseConvBNEval` does; `bn` must have as many features as `linear` has outputs, or one.
public func fuseLinearBNEval(_ linear: Linear, _ bn: BatchNorm) -> Linear {
    guard let (mean, variance) = statistics("fuseLinearBNEval", linear, bn, channels: bn.numFeatures == 1 ? 1 : linear.outFeatures) else {
        return linear
    }
    let fused = linear.copy()
    let (weight, bias) = fuseLinearBNWeights(linear.weight, linear.bias, mean, variance, eps: bn.eps, bn.weight, bn.bias)
    take(weight, bias, fused.weight, &fused.bias)
    return fused
}

/// The weight and bias of `fuseLinearBNEval`. PyTorch: `nn.utils.fuse_linear_bn_weights`.
public func fuseLinearBNWeights(
    _ linearW: Tensor, _ linearB: Tensor?, _ runningMean: Tensor, _ runningVar: Tensor, eps: Double, _ bnW: Tensor?, _ bnB: Tensor?
) -> (weight: Parameter, bias: Parameter) {
    fused(linearW, linearB, runningMean, runningVar, eps, bnW, bnB, scaleShape: [-1, 1])
}

private func fused(
    _ weight: Tensor, _ bias: Tensor?, _ mean: Tensor, _ variance: Tensor, _ eps: Double, _ gamma: Tensor?, _ beta: Tensor?,
    scaleShape: [Int]
) -> (weight: Parameter, bias: Parameter) {
    let (w, b) = noGrad {
        let scale = (variance + eps).rsqrt() * (gamma?.detach() ?? Tensor.ones(like: variance))
        let shift = ((bias?.detach() ?? Tensor.zeros(like: mean)) - mean) * scale + (beta?.detach() ?? Tensor.zeros(like: mean))
        return ((weight.detach() * scale.reshape(scaleShape)).to(weight.dtype), shift.to(bias?.dtype ?? weight.dtype))
    }
    return (Parameter(w, requiresGrad: weight.requiresGrad), Parameter(b, requiresGrad: bias?.requiresGrad ?? false))
}

private func statistics(_ name: String, _ layer: Module, _ bn: BatchNorm, channels: Int) -> (Tensor, Tensor)? {
    guard !layer.training, !bn.training else {
        fail(name, "is for evaluation; call eval() on both layers")
        return nil
    }
    guard bn.numFeatures == channels else {
        fail(name, "the layer has \(channels) outputs, the normalisation \(bn.numFeatures) features")
        return nil
    }
    guard let mean = bn.runningMean, let variance = bn.runningVar else {
        fail(name, "\(bn.typeName) has no running statistics; it needs trackRunningStats")
        return nil
    }
    return (mean, variance)
}

/// Stores the fused tensors in a copied layer, which keeps its parameter objects.
private func take(_ weight: Parameter, _ bias: Parameter, _ ownWeight: Parameter, _ ownBias: inout Parameter?) {
    ownWeight.setData(weight)
    if let own = ownBias { own.setData(bias) } else { ownBias = bias }
}
