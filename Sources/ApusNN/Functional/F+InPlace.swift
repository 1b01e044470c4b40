import ApusCore

/// Activations that overwrite their input, named as in PyTorch with an underscore; the same as `inplace: true`.
extension F {
    /// `relu` in place. PyTorch: `F.relu_`.
    @discardableResult public static func relu_(_ input: Tensor) -> Tensor { relu(input, inplace: true) }
    /// `leakyRelu` in place. PyTorch: `F.leaky_relu_`.
    @discardableResult public static func leakyRelu_(_ input: Tensor, negativeSlope: Double = 0.01) -> Tensor {
        leakyRelu(input, negativeSlope: negativeSlope, inplace: true)
    }
    /// `elu` in place. PyTorch: `F.elu_`.
    @discardableResult public static func elu_(_ input: Tensor, alpha: Double = 1) -> Tensor { elu(input, alpha: alpha, inplace: true) }
    /// `selu` in place. PyTorch: `F.selu_`.
    @discardableResult public static func selu_(_ input: Tensor) -> Tensor { selu(input, inplace: true) }
    /// `celu` in place. PyTorch: `F.celu_`.
    @discardableResult public static func celu_(_ input: Tensor, alpha: Double = 1) -> Tensor { celu(input, alpha: alpha, inplace: true) }
    /// `hardtanh` in place. PyTorch: `F.hardtanh_`.
    @discardableResult public static func hardtanh_(_ input: Tensor, minVal: Double = -1, maxVal: Double = 1) -> Tensor {
        hardtanh(input, minVal: minVal, maxVal: maxVal, inplace: true)
    }
    /// `threshold` in place. PyTorch: `F.threshold_`.
    @discardableResult public static func threshold_(_ input: Tensor, _ threshold: Double, _ value: Double) -> Tensor {
        self.threshold(input, threshold: threshold, value: value, inplace: true)
    }
    /// `rrelu` in place. PyTorch: `F.rrelu_`.
    @discardableResult public static func rrelu_(
        _ input: Tensor, lower: Double = 1.0 / 8, upper: Double = 1.0 / 3, training: Bool = false
    ) -> Tensor {
        rrelu(input, lower: lower, upper: upper, training: training, inplace: true)
    }
}
