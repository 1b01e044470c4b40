import ApusCore

/// A convolution that computes what `conv` followed by `bn` computes in evaluation. PyTorch: `nn.utils.fuse_conv_bn_eval`.
///
/// Traps where one of them is in training mode, `bn` has no running statistics, or their channels differ. Set `transpose` for transposed
/// convolutions, whose output channels are dimension 1 of the weight. The result is a new layer: of a class of the library without the
/// hooks of `conv`, of a class of one's own a copy with them.
public func fuseConvBNEval<Layer: ConvolutionLayer>(_ conv: Layer, _ bn: BatchNorm, transpose: Bool = false) -> Layer {
    guard let (mean, variance) = statistics("fuseConvBNEval", conv, bn, channels: conv.outChannels) else { return conv }
    let (weight, bias) = fuseConvBNWeights(conv.weight, conv.bias, mean, variance, eps: bn.eps, bn.weight, bn.bias, transpose: transpose)
    // The initialiser of a program's own class is unknown here; only the runtime can make another object of it.
    let fused = conv.remade() ?? conv.copy()
    fused.weight = weight
    fused.bias = bias
    return fused.eval()
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
    let (weight, bias) = fuseLinearBNWeights(linear.weight, linear.bias, mean, variance, eps: bn.eps, bn.weight, bn.bias)
    let fused = skipInit { Linear(linear.inFeatures, linear.outFeatures, device: linear.weight.device, dtype: linear.weight.dtype) }
    fused.weight = weight
    fused.bias = bias
    return fused.eval()
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

extension ConvolutionLayer {
    /// Another layer of this class with the same arguments and a bias, by the arguments that the class declares; nil where it is not a class
    /// of the library.
    fileprivate final func remade() -> Self? {
        guard let type = Self.self as? any DeclaredModule.Type else { return nil }
        let padding: Argument =
            switch padding.kind {
            case .same: .string("same")
            case .valid: .string("valid")
            case .extents(let extents): .list(extents.values.map { .int($0) })
            }
        func list(_ numbers: [Int]) -> Argument { .list(numbers.map { .int($0) }) }
        let own: [String: Argument] = [
            "in_channels": .int(inChannels), "out_channels": .int(outChannels), "kernel_size": list(kernelSize), "stride": list(stride),
            "padding": padding, "output_padding": list(outputPadding), "dilation": list(dilation), "groups": .int(groups),
            "padding_mode": .string(paddingMode.rawValue), "device": .string("\(weight.device)"), "dtype": .dtype(weight.dtype),
        ]
        let named = type.arguments.declared.compactMap { argument in own[argument.name].map { (name: argument.name, value: $0) } }
        return skipInit {
            do {
                // A program's own subclass inherits the declaration, which makes an object of the library's class.
                guard let made = try type.arguments(typeName, [], named) as? Self else { return nil }
                if made.isLazy { made.materialize(channels: inChannels) }
                return made
            } catch {
                assertionFailure("\(typeName) cannot be made of its own arguments: \(error)")
                return nil
            }
        }
    }
}
