import ApusCore

// An argument that PyTorch's signature has no default for has no label. The functions here take it with its label as well.

extension F {
    /// `maxPool1d` with the label `kernelSize`.
    public static func maxPool1d(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> Tensor {
        maxPool1d(input, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
    /// `maxPool2d` with the label `kernelSize`.
    public static func maxPool2d(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> Tensor {
        maxPool2d(input, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
    /// `maxPool3d` with the label `kernelSize`.
    public static func maxPool3d(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> Tensor {
        maxPool3d(input, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
    /// `maxPool1dWithIndices` with the label `kernelSize`.
    public static func maxPool1dWithIndices(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> (values: Tensor, indices: Tensor) {
        maxPool1dWithIndices(input, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
    /// `maxPool2dWithIndices` with the label `kernelSize`.
    public static func maxPool2dWithIndices(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> (values: Tensor, indices: Tensor) {
        maxPool2dWithIndices(input, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
    /// `maxPool3dWithIndices` with the label `kernelSize`.
    public static func maxPool3dWithIndices(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> (values: Tensor, indices: Tensor) {
        maxPool3dWithIndices(input, kernelSize, stride: stride, padding: padding, dilation: dilation, ceilMode: ceilMode)
    }
    /// `maxUnpool1d` with the label `kernelSize`.
    public static func maxUnpool1d(
        _ input: Tensor, _ indices: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        padding: any ExtentsConvertible = 0, outputSize: (any Collection<Int>)? = nil
    ) -> Tensor {
        maxUnpool1d(input, indices, kernelSize, stride: stride, padding: padding, outputSize: outputSize)
    }
    /// `maxUnpool2d` with the label `kernelSize`.
    public static func maxUnpool2d(
        _ input: Tensor, _ indices: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        padding: any ExtentsConvertible = 0, outputSize: (any Collection<Int>)? = nil
    ) -> Tensor {
        maxUnpool2d(input, indices, kernelSize, stride: stride, padding: padding, outputSize: outputSize)
    }
    /// `maxUnpool3d` with the label `kernelSize`.
    public static func maxUnpool3d(
        _ input: Tensor, _ indices: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        padding: any ExtentsConvertible = 0, outputSize: (any Collection<Int>)? = nil
    ) -> Tensor {
        maxUnpool3d(input, indices, kernelSize, stride: stride, padding: padding, outputSize: outputSize)
    }
    /// `avgPool1d` with the label `kernelSize`.
    public static func avgPool1d(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true
    ) -> Tensor {
        avgPool1d(input, kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad)
    }
    /// `avgPool2d` with the label `kernelSize`.
    public static func avgPool2d(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true, divisorOverride: Int? = nil
    ) -> Tensor {
        avgPool2d(
            input, kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad,
            divisorOverride: divisorOverride)
    }
    /// `avgPool3d` with the label `kernelSize`.
    public static func avgPool3d(
        _ input: Tensor, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true, divisorOverride: Int? = nil
    ) -> Tensor {
        avgPool3d(
            input, kernelSize, stride: stride, padding: padding, ceilMode: ceilMode, countIncludePad: countIncludePad,
            divisorOverride: divisorOverride)
    }
    /// `lpPool1d` with the label `kernelSize`.
    public static func lpPool1d(
        _ input: Tensor, _ normType: some ScalarConvertible, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        ceilMode: Bool = false
    ) -> Tensor {
        lpPool1d(input, normType, kernelSize, stride: stride, ceilMode: ceilMode)
    }
    /// `lpPool2d` with the label `kernelSize`.
    public static func lpPool2d(
        _ input: Tensor, _ normType: some ScalarConvertible, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        ceilMode: Bool = false
    ) -> Tensor {
        lpPool2d(input, normType, kernelSize, stride: stride, ceilMode: ceilMode)
    }
    /// `lpPool3d` with the label `kernelSize`.
    public static func lpPool3d(
        _ input: Tensor, _ normType: some ScalarConvertible, kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        ceilMode: Bool = false
    ) -> Tensor {
        lpPool3d(input, normType, kernelSize, stride: stride, ceilMode: ceilMode)
    }
    /// `fractionalMaxPool2d` with the label `kernelSize`.
    public static func fractionalMaxPool2d(
        _ input: Tensor, kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        randomSamples: Tensor? = nil
    ) -> Tensor {
        fractionalMaxPool2d(input, kernelSize, outputSize: outputSize, outputRatio: outputRatio, randomSamples: randomSamples)
    }
    /// `fractionalMaxPool3d` with the label `kernelSize`.
    public static func fractionalMaxPool3d(
        _ input: Tensor, kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        randomSamples: Tensor? = nil
    ) -> Tensor {
        fractionalMaxPool3d(input, kernelSize, outputSize: outputSize, outputRatio: outputRatio, randomSamples: randomSamples)
    }
    /// `fractionalMaxPool2dWithIndices` with the label `kernelSize`.
    public static func fractionalMaxPool2dWithIndices(
        _ input: Tensor, kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        randomSamples: Tensor? = nil
    ) -> (values: Tensor, indices: Tensor) {
        fractionalMaxPool2dWithIndices(input, kernelSize, outputSize: outputSize, outputRatio: outputRatio, randomSamples: randomSamples)
    }
    /// `fractionalMaxPool3dWithIndices` with the label `kernelSize`.
    public static func fractionalMaxPool3dWithIndices(
        _ input: Tensor, kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        randomSamples: Tensor? = nil
    ) -> (values: Tensor, indices: Tensor) {
        fractionalMaxPool3dWithIndices(input, kernelSize, outputSize: outputSize, outputRatio: outputRatio, randomSamples: randomSamples)
    }
    /// `unfold` with the label `kernelSize`.
    public static func unfold(
        _ input: Tensor, kernelSize: any ExtentsConvertible, dilation: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        stride: any ExtentsConvertible = 1
    ) -> Tensor {
        unfold(input, kernelSize, dilation: dilation, padding: padding, stride: stride)
    }
    /// `fold` with the label `kernelSize`.
    public static func fold(
        _ input: Tensor, _ outputSize: any ExtentsConvertible, kernelSize: any ExtentsConvertible, dilation: any ExtentsConvertible = 1,
        padding: any ExtentsConvertible = 0, stride: any ExtentsConvertible = 1
    ) -> Tensor {
        fold(input, outputSize, kernelSize, dilation: dilation, padding: padding, stride: stride)
    }
    /// `threshold` with the labels `threshold`, `value`.
    public static func threshold(_ input: Tensor, threshold: Double, value: Double, inplace: Bool = false) -> Tensor {
        self.threshold(input, threshold, value, inplace: inplace)
    }
    /// `threshold_` with the labels `threshold`, `value`.
    @discardableResult public static func threshold_(_ input: Tensor, threshold: Double, value: Double) -> Tensor {
        threshold_(input, threshold, value)
    }
    /// `ctcLoss` with the labels `inputLengths`, `targetLengths`.
    public static func ctcLoss(
        _ logProbs: Tensor, _ targets: Tensor, inputLengths: [Int], targetLengths: [Int], blank: Int = 0, reduction: Reduction = .mean,
        zeroInfinity: Bool = false
    ) -> Tensor {
        ctcLoss(logProbs, targets, inputLengths, targetLengths, blank: blank, reduction: reduction, zeroInfinity: zeroInfinity)
    }
    /// `ctcLoss` with the labels `inputLengths`, `targetLengths`.
    public static func ctcLoss(
        _ logProbs: Tensor, _ targets: Tensor, inputLengths: Tensor, targetLengths: Tensor, blank: Int = 0, reduction: Reduction = .mean,
        zeroInfinity: Bool = false
    ) -> Tensor {
        ctcLoss(logProbs, targets, inputLengths, targetLengths, blank: blank, reduction: reduction, zeroInfinity: zeroInfinity)
    }
}
