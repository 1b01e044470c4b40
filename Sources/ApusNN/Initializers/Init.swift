import ApusCore
import Glibc

/// Ways to fill a parameter before training. PyTorch: `torch.nn.init`.
///
/// All change the tensor in place, outside the graph, and return it; inside `skipInit` they do nothing. Random ones draw from `generator`,
/// by default the current one. "Fan" is how many inputs an output is summed from (fan in) or how many outputs an input reaches (fan out):
/// dimension 1 or 0 of the weight times the size of the kernel; it needs 2 dimensions or more.
public enum Init {
    /// Whether initialisation is switched off, inside `skipInit`.
    private static var isSkipped: Bool { Context.current.skipsInit }

    /// The function that follows a layer, for `calculateGain`. The raw values are PyTorch's names.
    public enum Nonlinearity: String, Sendable, CaseIterable {
        /// No nonlinearity: gain 1.
        case linear, conv1d, conv2d, conv3d
        /// No nonlinearity: gain 1. PyTorch: `conv_transpose1d`.
        case convTranspose1d = "conv_transpose1d"
        /// No nonlinearity: gain 1. PyTorch: `conv_transpose2d`.
        case convTranspose2d = "conv_transpose2d"
        /// No nonlinearity: gain 1. PyTorch: `conv_transpose3d`.
        case convTranspose3d = "conv_transpose3d"
        /// Gains 1, 5/3 and √2.
        case sigmoid, tanh, relu
        /// Gain √(2/(1 + slope²)), by default with slope 0.01. PyTorch: `leaky_relu`.
        case leakyRelu = "leaky_relu"
        /// Gain 3/4.
        case selu
    }

    /// Whether a Kaiming initialisation keeps the variance of the forward or of the backward pass.
    public enum FanMode: String, Sendable {
        /// The forward pass: divides by the number of inputs of an output. PyTorch: `fan_in`.
        case fanIn = "fan_in"
        /// The backward pass: divides by the number of outputs of an input. PyTorch: `fan_out`.
        case fanOut = "fan_out"
    }

    /// The factor on 1/√fan for the standard deviation of weights that keeps the variance through `nonlinearity`: tanh 5/3, ReLU √2, leaky
    /// ReLU √(2/(1 + slope²)) with the slope as `param` (0.01), SELU 3/4, else 1.
    public static func calculateGain(_ nonlinearity: Nonlinearity, _ param: Double? = nil) -> Double {
        switch nonlinearity {
        case .tanh: return 5.0 / 3
        case .relu: return 2.0.squareRoot()
        case .leakyRelu:
            let slope = param ?? 0.01
            return (2 / (1 + slope * slope)).squareRoot()
        case .selu: return 0.75
        default: return 1
        }
    }

    /// Uniformly distributed in [a, b). Traps where a is greater than b.
    @discardableResult public static func uniform_(_ tensor: Tensor, a: Double = 0, b: Double = 1, generator: Generator? = nil) -> Tensor {
        guard a <= b else { return fail("Init.uniform_", "the interval \(a) ..< \(b) is empty") }
        return isSkipped ? tensor : noGrad { tensor.uniform_(a, b, generator: generator) }
    }

    /// Normally distributed. Traps where `std` is negative.
    @discardableResult public static func normal_(
        _ tensor: Tensor, mean: Double = 0, std: Double = 1, generator: Generator? = nil
    ) -> Tensor {
        guard std >= 0 else { return fail("Init.normal_", "std must not be negative, it is \(std)") }
        return isSkipped ? tensor : noGrad { tensor.normal_(mean: mean, std: std, generator: generator) }
    }

    /// `val` everywhere.
    @discardableResult public static func constant_(_ tensor: Tensor, _ val: Double) -> Tensor {
        isSkipped ? tensor : noGrad { tensor.fill_(val) }
    }
    /// 1 everywhere.
    @discardableResult public static func ones_(_ tensor: Tensor) -> Tensor { constant_(tensor, 1) }
    /// 0 everywhere.
    @discardableResult public static func zeros_(_ tensor: Tensor) -> Tensor { constant_(tensor, 0) }

    /// The identity matrix, cropped or padded with zeros to the shape of a two-dimensional tensor; traps for another.
    @discardableResult public static func eye_(_ tensor: Tensor) -> Tensor {
        composite("Init.eye_", tensor) { () throws(OpError) in
            guard tensor.ndim == 2 else { throw OpError("is for tensors with 2 dimensions, this one has shape \(tensor.shape)") }
            return isSkipped
                ? tensor : noGrad { tensor.copy_(Tensor.eye(tensor.shape[0], tensor.shape[1], dtype: tensor.dtype, device: tensor.device)) }
        }
    }

    /// A convolution's weight (3 to 5 dimensions) that is the identity: in each of `groups` groups, which must divide dimension 0, output
    /// channel i copies input channel i, as far as there are channels.
    @discardableResult public static func dirac_(_ tensor: Tensor, groups: Int = 1) -> Tensor {
        composite("Init.dirac_", tensor) { () throws(OpError) in
            guard (3...5).contains(tensor.ndim) else {
                throw OpError("is for tensors with 3 to 5 dimensions, this one has shape \(tensor.shape)")
            }
            guard groups > 0, tensor.shape[0] % groups == 0 else {
                throw OpError("dim 0 of shape \(tensor.shape) must be divisible by groups (\(groups))")
            }
            let outputs = tensor.shape[0] / groups
            return isSkipped
                ? tensor
                : noGrad {
                    tensor.zero_()
                    for group in 0..<groups {
                        for i in 0..<min(outputs, tensor.shape[1]) {
                            var element = tensor.select(0, group * outputs + i).select(0, i)
                            for extent in tensor.shape.dropFirst(2) { element = element.select(0, extent / 2) }
                            element.fill_(1)
                        }
                    }
                    return tensor
                }
        }
    }

    /// Uniformly distributed in ±gain·√(6/(fan in + fan out)) (Glorot and Bengio, 2010).
    @discardableResult public static func xavierUniform_(_ tensor: Tensor, gain: Double = 1, generator: Generator? = nil) -> Tensor {
        composite("Init.xavierUniform_", tensor) { () throws(OpError) in
            let (fanIn, fanOut) = try fans(tensor)
            let bound = gain * (2 / Double(fanIn + fanOut)).squareRoot() * 3.0.squareRoot()
            return uniform_(tensor, a: -bound, b: bound, generator: generator)
        }
    }

    /// Normally distributed with std gain·√(2/(fan in + fan out)) (Glorot and Bengio, 2010).
    @discardableResult public static func xavierNormal_(_ tensor: Tensor, gain: Double = 1, generator: Generator? = nil) -> Tensor {
        composite("Init.xavierNormal_", tensor) { () throws(OpError) in
            let (fanIn, fanOut) = try fans(tensor)
            return normal_(tensor, std: gain * (2 / Double(fanIn + fanOut)).squareRoot(), generator: generator)
        }
    }

    /// Uniformly distributed in ±gain·√(3/fan), gain = `calculateGain(nonlinearity, a)`, where `a` is the slope of a leaky ReLU that
    /// follows (He et al., 2015).
    @discardableResult public static func kaimingUniform_(
        _ tensor: Tensor, a: Double = 0, mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyRelu, generator: Generator? = nil
    ) -> Tensor {
        composite("Init.kaimingUniform_", tensor) { () throws(OpError) in
            guard tensor.numel > 0 else { return tensor }
            let bound = 3.0.squareRoot() * (try kaimingStd(tensor, a, mode, nonlinearity))
            return uniform_(tensor, a: -bound, b: bound, generator: generator)
        }
    }

    /// Normally distributed with std gain/√fan, gain = `calculateGain(nonlinearity, a)`, where `a` is the slope of a leaky ReLU that
    /// follows (He et al., 2015).
    @discardableResult public static func kaimingNormal_(
        _ tensor: Tensor, a: Double = 0, mode: FanMode = .fanIn, nonlinearity: Nonlinearity = .leakyRelu, generator: Generator? = nil
    ) -> Tensor {
        composite("Init.kaimingNormal_", tensor) { () throws(OpError) in
            guard tensor.numel > 0 else { return tensor }
            return normal_(tensor, std: try kaimingStd(tensor, a, mode, nonlinearity), generator: generator)
        }
    }

    /// Normally distributed, truncated to [a, b]. `a` and `b` are absolute, not multiples of `std`. Traps unless std > 0 and a < b.
    ///
    /// By inversion: x = mean + std·Φ⁻¹(p), with p uniform between Φ((a − mean)/std) and Φ((b − mean)/std). An interval above the mean is
    /// mirrored to below it, where Φ keeps its precision.
    @discardableResult public static func truncNormal_(
        _ tensor: Tensor, mean: Double = 0, std: Double = 1, a: Double = -2, b: Double = 2, generator: Generator? = nil
    ) -> Tensor {
        composite("Init.truncNormal_", tensor) { () throws(OpError) in
            guard std > 0 else { throw OpError("std must be positive, it is \(std)") }
            guard a < b else { throw OpError("the interval \(a) ... \(b) is empty") }
            let sign: Double = (a - mean) + (b - mean) > 0 ? -1 : 1
            let bounds = [a, b].map { erfc(-sign * ($0 - mean) / std * 0.5.squareRoot()) / 2 }.sorted()
            return isSkipped
                ? tensor
                : noGrad {
                    // At least float32, since half precision has too few values to invert; float64 where float32 would underflow.
                    let dtype: DType = tensor.dtype == .float64 || bounds[1] < 1e-30 ? .float64 : .float32
                    let wide = Tensor.empty(tensor.shape, dtype: dtype, device: tensor.device)
                    wide.uniform_(bounds[0], bounds[1], generator: generator)
                    return tensor.copy_((wide.ndtri() * (sign * std) + mean).clamp(min: a, max: b))
                }
        }
    }

    /// A (semi-)orthogonal matrix times `gain`; dimensions from 1 on are flattened (Saxe et al., 2014). Traps for fewer than 2 dimensions.
    ///
    /// Uniform among such matrices: the Q of the QR decomposition of a normal matrix whose R has a positive diagonal (Mezzadri, 2007),
    /// by Gram-Schmidt in float64, applied twice to each vector.
    @discardableResult public static func orthogonal_(_ tensor: Tensor, gain: Double = 1, generator: Generator? = nil) -> Tensor {
        composite("Init.orthogonal_", tensor) { () throws(OpError) in
            guard tensor.ndim >= 2 else { throw OpError("is for tensors with 2 or more dimensions, this one has shape \(tensor.shape)") }
            guard tensor.numel > 0, !isSkipped else { return tensor }
            let rows = tensor.shape[0]
            let columns = tensor.numel / rows
            return noGrad {
                // The shorter side is the number of orthonormal vectors, the longer side their length.
                let basis = Tensor.randn(
                    [min(rows, columns), max(rows, columns)], dtype: .float64, device: tensor.device, generator: generator)
                for i in 0..<basis.shape[0] {
                    let vector = basis.select(0, i)
                    var rest = vector.clone()
                    if i > 0 {
                        let before = basis.narrow(0, 0, i)
                        for _ in 0..<2 { rest = rest - before.t().matmul(before.matmul(rest)) }
                    }
                    vector.copy_(rest / rest.norm())
                }
                let matrix = rows <= columns ? basis : basis.t()
                return tensor.copy_((matrix * gain).reshape(tensor.shape))
            }
        }
    }

    /// Normally distributed with `std`, but a fraction `sparsity` of each column (rounded up) is 0 (Martens, 2010). Traps for other tensors
    /// than matrices, and where `sparsity` is outside 0 ... 1.
    @discardableResult public static func sparse_(
        _ tensor: Tensor, _ sparsity: Double, std: Double = 0.01, generator: Generator? = nil
    ) -> Tensor {
        composite("Init.sparse_", tensor) { () throws(OpError) in
            guard tensor.ndim == 2 else { throw OpError("is for tensors with 2 dimensions, this one has shape \(tensor.shape)") }
            guard sparsity >= 0 && sparsity <= 1 else { throw OpError("sparsity must lie in 0 ... 1, it is \(sparsity)") }
            guard std >= 0 else { throw OpError("std must not be negative, it is \(std)") }
            if isSkipped { return tensor }
            let rows = tensor.shape[0]
            let zeros = Int((sparsity * Double(rows)).rounded(.up))
            return noGrad {
                tensor.normal_(std: std, generator: generator)
                for column in 0..<(zeros > 0 ? tensor.shape[1] : 0) {
                    let places = Tensor.randperm(rows, device: tensor.device, generator: generator).narrow(0, 0, zeros)
                    let part = tensor.select(1, column)
                    part.copy_(part.indexFill(dim: 0, places, 0))
                }
                return tensor
            }
        }
    }

    /// `sparse_` with the label `sparsity`.
    @discardableResult public static func sparse_(
        _ tensor: Tensor, sparsity: Double, std: Double = 0.01, generator: Generator? = nil
    ) -> Tensor {
        sparse_(tensor, sparsity, std: std, generator: generator)
    }

    /// Fan in and fan out of a weight.
    package static func fans(_ tensor: Tensor) throws(OpError) -> (fanIn: Int, fanOut: Int) {
        guard tensor.ndim >= 2 else {
            throw OpError("fan in and fan out need at least 2 dimensions, this tensor has shape \(tensor.shape)")
        }
        let kernel = tensor.shape.dropFirst(2).reduce(1, *)
        return (tensor.shape[1] * kernel, tensor.shape[0] * kernel)
    }

    private static func kaimingStd(_ tensor: Tensor, _ a: Double, _ mode: FanMode, _ nonlinearity: Nonlinearity) throws(OpError) -> Double {
        let (fanIn, fanOut) = try fans(tensor)
        return calculateGain(nonlinearity, a) / Double(mode == .fanIn ? fanIn : fanOut).squareRoot()
    }
}
