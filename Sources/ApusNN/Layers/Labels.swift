import ApusCore

// An argument that PyTorch's signature has no default for has no label. The layers here take it with its label as well; activations and
// dropouts take their first number with and without one.

extension MaxPool {
    /// The same with the label `kernelSize`.
    public convenience init(
        kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, returnIndices: Bool = false, ceilMode: Bool = false
    ) {
        self.init(kernelSize, stride: stride, padding: padding, dilation: dilation, returnIndices: returnIndices, ceilMode: ceilMode)
    }
}

extension MaxUnpool {
    /// The same with the label `kernelSize`.
    public convenience init(
        kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0
    ) {
        self.init(kernelSize, stride: stride, padding: padding)
    }
}

extension AvgPool {
    /// The same with the label `kernelSize`.
    public convenience init(
        kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true, divisorOverride: Int? = nil
    ) {
        self.init(
            kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad,
            divisorOverride: divisorOverride)
    }
}

extension AvgPool1d {
    /// The same with the label `kernelSize`.
    public convenience init(
        kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true
    ) {
        self.init(kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad)
    }
}

extension LPPool {
    /// The same with the label `kernelSize`.
    public convenience init(
        _ normType: some ScalarConvertible, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        ceilMode: Bool = false
    ) {
        self.init(normType, kernelSize, stride: stride, ceilMode: ceilMode)
    }
}

extension FractionalMaxPool {
    /// The same with the label `kernelSize`.
    public convenience init(
        kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        returnIndices: Bool = false, randomSamples: Tensor? = nil
    ) {
        self.init(kernelSize, outputSize: outputSize, outputRatio: outputRatio, returnIndices: returnIndices, randomSamples: randomSamples)
    }
}

extension Unfold {
    /// The same with the label `kernelSize`.
    public convenience init(
        kernelSize: any ExtentsConvertible, dilation: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        stride: any ExtentsConvertible = 1
    ) {
        self.init(kernelSize, dilation: dilation, padding: padding, stride: stride)
    }
}

extension Fold {
    /// The same with the label `kernelSize`.
    public convenience init(
        _ outputSize: any ExtentsConvertible, kernelSize: any ExtentsConvertible, dilation: any ExtentsConvertible = 1,
        padding: any ExtentsConvertible = 0, stride: any ExtentsConvertible = 1
    ) {
        self.init(outputSize, kernelSize, dilation: dilation, padding: padding, stride: stride)
    }
}

extension AdaptiveLogSoftmaxWithLoss {
    /// The same with the label `cutoffs`.
    public convenience init(
        _ inFeatures: Int, _ nClasses: Int, cutoffs: [Int], divValue: Double = 4, headBias: Bool = false, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        self.init(inFeatures, nClasses, cutoffs, divValue: divValue, headBias: headBias, device: device, dtype: dtype)
    }
}

extension ELU {
    /// The same with `alpha` by position.
    public convenience init(_ alpha: some ScalarConvertible, inplace: Bool = false) {
        self.init(alpha: alpha, inplace: inplace)
    }
}

extension CELU {
    /// The same with `alpha` by position.
    public convenience init(_ alpha: some ScalarConvertible, inplace: Bool = false) {
        self.init(alpha: alpha, inplace: inplace)
    }
}

extension Softplus {
    /// The same with `beta` by position.
    public convenience init(_ beta: some ScalarConvertible, threshold: Double = 20) {
        self.init(beta: beta, threshold: threshold)
    }
}

extension Hardshrink {
    /// The same with the label `lambd`.
    public convenience init(lambd: some ScalarConvertible) { self.init(lambd) }
}

extension Softshrink {
    /// The same with the label `lambd`.
    public convenience init(lambd: some ScalarConvertible) { self.init(lambd) }
}

extension Hardtanh {
    /// The same with labels; `maxVal` is 1.
    public convenience init(minVal: some ScalarConvertible, inplace: Bool = false) { self.init(minVal, 1.0, inplace: inplace) }
    /// The same with labels.
    public convenience init(minVal: some ScalarConvertible, maxVal: some ScalarConvertible, inplace: Bool = false) {
        self.init(minVal, maxVal, inplace: inplace)
    }
    /// The same with labels; `minVal` is −1.
    public convenience init(maxVal: some ScalarConvertible, inplace: Bool = false) { self.init(-1.0, maxVal, inplace: inplace) }
}

extension RReLU {
    /// The same with labels; `upper` is 1/3.
    public convenience init(lower: some ScalarConvertible, inplace: Bool = false) { self.init(lower, 1.0 / 3, inplace: inplace) }
    /// The same with labels.
    public convenience init(lower: some ScalarConvertible, upper: some ScalarConvertible, inplace: Bool = false) {
        self.init(lower, upper, inplace: inplace)
    }
    /// The same with labels; `lower` is 1/8.
    public convenience init(upper: some ScalarConvertible, inplace: Bool = false) { self.init(1.0 / 8, upper, inplace: inplace) }
}

extension PReLU {
    /// The same with the label `numParameters`.
    public convenience init(numParameters: Int, init start: Double = 0.25, device: Device = .cpu, dtype: DType = .float32) {
        self.init(numParameters, init: start, device: device, dtype: dtype)
    }
}

extension GLU {
    /// The same with the label `dim`.
    public convenience init(dim: Int) { self.init(dim) }
}

extension DropoutLayer {
    /// The same with the label `p`.
    public convenience init(p: some ScalarConvertible, inplace: Bool = false) { self.init(p, inplace: inplace) }
}

extension PairwiseDistance {
    /// The same with the label `p`.
    public convenience init(p: Double, eps: Double = 1e-6, keepDim: Bool = false) { self.init(p, eps: eps, keepDim: keepDim) }
}

extension Flatten {
    /// `Flatten(1)`: joins dimensions `startDim` to `endDim` to one.
    public convenience init(_ startDim: Int, _ endDim: Int = -1) { self.init(startDim: startDim, endDim: endDim) }
}

extension Transformer {
    /// The same with `dModel` and `nhead` by position: `Transformer(512, 8)`.
    public convenience init(
        _ dModel: Int, _ nhead: Int = 8, numEncoderLayers: Int = 6, numDecoderLayers: Int = 6, dimFeedforward: Int = 2048,
        dropout: Double = 0.1, activation: TransformerActivation = .relu, customEncoder: Module? = nil,
        customDecoder: (any MaskedDecoder)? = nil, layerNormEps: Double = 1e-5, batchFirst: Bool = false, normFirst: Bool = false,
        bias: Bool = true, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.init(
            dModel: dModel, nhead: nhead, numEncoderLayers: numEncoderLayers, numDecoderLayers: numDecoderLayers,
            dimFeedforward: dimFeedforward, dropout: dropout, activation: activation, customEncoder: customEncoder,
            customDecoder: customDecoder, layerNormEps: layerNormEps, batchFirst: batchFirst, normFirst: normFirst, bias: bias,
            device: device, dtype: dtype)
    }
}
