import ApusCore

// Overloads that take without its label what Python's users write by position: a bias, and the first number of an activation or a dropout.

extension F {
    /// `linear` with `bias` by position.
    public static func linear(_ input: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        linear(input, weight, bias: bias)
    }
    /// `bilinear` with `bias` by position.
    public static func bilinear(_ input1: Tensor, _ input2: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
        bilinear(input1, input2, weight, bias: bias)
    }
    /// `conv1d` with `bias` by position.
    public static func conv1d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        conv1d(input, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
    /// `conv1d` with `bias` by position.
    public static func conv1d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        conv1d(input, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
    /// `conv2d` with `bias` by position.
    public static func conv2d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        conv2d(input, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
    /// `conv2d` with `bias` by position.
    public static func conv2d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        conv2d(input, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
    /// `conv3d` with `bias` by position.
    public static func conv3d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        conv3d(input, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
    /// `conv3d` with `bias` by position.
    public static func conv3d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: ConvolutionPadding,
        dilation: any ExtentsConvertible = 1, groups: Int = 1
    ) -> Tensor {
        conv3d(input, weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups)
    }
    /// `convTranspose1d` with `bias` by position.
    public static func convTranspose1d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, dilation: any ExtentsConvertible = 1
    ) -> Tensor {
        convTranspose1d(
            input, weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
    }
    /// `convTranspose2d` with `bias` by position.
    public static func convTranspose2d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, dilation: any ExtentsConvertible = 1
    ) -> Tensor {
        convTranspose2d(
            input, weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
    }
    /// `convTranspose3d` with `bias` by position.
    public static func convTranspose3d(
        _ input: Tensor, _ weight: Tensor, _ bias: Tensor?, stride: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        outputPadding: any ExtentsConvertible = 0, groups: Int = 1, dilation: any ExtentsConvertible = 1
    ) -> Tensor {
        convTranspose3d(
            input, weight, bias: bias, stride: stride, padding: padding, outputPadding: outputPadding, groups: groups, dilation: dilation)
    }
    /// `leakyRelu` with `negativeSlope` by position.
    public static func leakyRelu(_ input: Tensor, _ negativeSlope: Double, inplace: Bool = false) -> Tensor {
        leakyRelu(input, negativeSlope: negativeSlope, inplace: inplace)
    }
    /// `elu` with `alpha` by position.
    public static func elu(_ input: Tensor, _ alpha: Double, inplace: Bool = false) -> Tensor {
        elu(input, alpha: alpha, inplace: inplace)
    }
    /// `celu` with `alpha` by position.
    public static func celu(_ input: Tensor, _ alpha: Double, inplace: Bool = false) -> Tensor {
        celu(input, alpha: alpha, inplace: inplace)
    }
    /// `softplus` with `beta` by position.
    public static func softplus(_ input: Tensor, _ beta: Double, threshold: Double = 20) -> Tensor {
        softplus(input, beta: beta, threshold: threshold)
    }
    /// `hardshrink` with `lambd` by position.
    public static func hardshrink(_ input: Tensor, _ lambd: Double) -> Tensor {
        hardshrink(input, lambd: lambd)
    }
    /// `softshrink` with `lambd` by position.
    public static func softshrink(_ input: Tensor, _ lambd: Double) -> Tensor {
        softshrink(input, lambd: lambd)
    }
    /// `leakyRelu_` with `negativeSlope` by position.
    @discardableResult public static func leakyRelu_(_ input: Tensor, _ negativeSlope: Double) -> Tensor {
        leakyRelu_(input, negativeSlope: negativeSlope)
    }
    /// `elu_` with `alpha` by position.
    @discardableResult public static func elu_(_ input: Tensor, _ alpha: Double) -> Tensor {
        elu_(input, alpha: alpha)
    }
    /// `celu_` with `alpha` by position.
    @discardableResult public static func celu_(_ input: Tensor, _ alpha: Double) -> Tensor {
        celu_(input, alpha: alpha)
    }
    /// `dropout` with `p` by position.
    public static func dropout(
        _ input: Tensor, _ p: Double, training: Bool = true, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        dropout(input, p: p, training: training, inplace: inplace, generator: generator)
    }
    /// `dropout1d` with `p` by position.
    public static func dropout1d(
        _ input: Tensor, _ p: Double, training: Bool = true, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        dropout1d(input, p: p, training: training, inplace: inplace, generator: generator)
    }
    /// `dropout2d` with `p` by position.
    public static func dropout2d(
        _ input: Tensor, _ p: Double, training: Bool = true, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        dropout2d(input, p: p, training: training, inplace: inplace, generator: generator)
    }
    /// `dropout3d` with `p` by position.
    public static func dropout3d(
        _ input: Tensor, _ p: Double, training: Bool = true, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        dropout3d(input, p: p, training: training, inplace: inplace, generator: generator)
    }
    /// `alphaDropout` with `p` by position.
    public static func alphaDropout(
        _ input: Tensor, _ p: Double, training: Bool = false, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        alphaDropout(input, p: p, training: training, inplace: inplace, generator: generator)
    }
    /// `featureAlphaDropout` with `p` by position.
    public static func featureAlphaDropout(
        _ input: Tensor, _ p: Double, training: Bool = false, inplace: Bool = false, generator: Generator? = nil
    ) -> Tensor {
        featureAlphaDropout(input, p: p, training: training, inplace: inplace, generator: generator)
    }
    /// `oneHot` with `numClasses` by position.
    public static func oneHot(_ tensor: Tensor, _ numClasses: Int) -> Tensor {
        oneHot(tensor, numClasses: numClasses)
    }
}
