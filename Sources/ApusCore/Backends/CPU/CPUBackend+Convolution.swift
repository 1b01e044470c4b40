import CKernels
import COneDNN

// Convolutions: float32 by Winograd's algorithm, or by direct sums for a first layer's weight, where that is faster, else by oneDNN; what
// none of these does, float64 and integers, by unrolled windows and our own products. Each is asked in turn, and refuses by the shape alone. float16
// and bfloat16 are computed in float32.

extension CPUBackend {
    package func convolution(_ x: Tensor, _ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, into out: Tensor) {
        if isHalf(out) {
            return inFloat32(out) { convolution(float32(x), float32(weight), bias: bias.map(float32), p, into: $0) }
        }
        let (x, weight, bias) = (contiguous(x), contiguous(weight), bias.map(contiguous))
        var c = description(input: x.shape, weight: weight.shape, output: out.shape, p)
        defer { withExtendedLifetime((x, weight, bias)) {} }
        if out.dtype == .float32 {
            if apus_convolution_winograd(&c, x.floats, weight.floats, bias?.floats, out.floats) { return }
            if apus_dnn_convolution(&c, x.floats, weight.floats, bias?.floats, out.floats) { return }
        }
        apus_convolution_forward(&c, x.pointer, weight.pointer, bias?.pointer, out.pointer, kernelType(out))
    }

    package func convolutionBackwardInput(_ grad: Tensor, _ weight: Tensor, _ p: ConvolutionParameters, into out: Tensor) {
        if isHalf(out) {
            return inFloat32(out) { convolutionBackwardInput(float32(grad), float32(weight), p, into: $0) }
        }
        let (grad, weight) = (contiguous(grad), contiguous(weight))
        var c = description(input: out.shape, weight: weight.shape, output: grad.shape, p)
        defer { withExtendedLifetime((grad, weight)) {} }
        if out.dtype == .float32 {
            if apus_convolution_winograd_backward_input(&c, grad.floats, weight.floats, out.floats) { return }
            if apus_dnn_convolution_backward_input(&c, grad.floats, weight.floats, out.floats) { return }
        }
        apus_convolution_backward_input(&c, grad.pointer, weight.pointer, out.pointer, kernelType(out))
    }

    package func convolutionBackwardWeight(_ grad: Tensor, _ x: Tensor, _ p: ConvolutionParameters, into out: Tensor) {
        if isHalf(out) {
            return inFloat32(out) { convolutionBackwardWeight(float32(grad), float32(x), p, into: $0) }
        }
        let (grad, x) = (contiguous(grad), contiguous(x))
        var c = description(input: x.shape, weight: out.shape, output: grad.shape, p)
        defer { withExtendedLifetime((grad, x)) {} }
        if out.dtype == .float32 {
            if apus_convolution_backward_weight_direct(&c, grad.floats, x.floats, out.floats) { return }
            if apus_convolution_winograd_backward_weight(&c, grad.floats, x.floats, out.floats) { return }
            if apus_dnn_convolution_backward_weight(&c, grad.floats, x.floats, out.floats) { return }
        }
        apus_convolution_backward_weight(&c, grad.pointer, x.pointer, out.pointer, kernelType(out))
    }

    private func kernelType(_ out: Tensor) -> apus_convolution_type {
        switch out.dtype {
        case .float64: APUS_CONVOLUTION_F64
        case .uint8, .int8, .bool: APUS_CONVOLUTION_I8
        case .int16: APUS_CONVOLUTION_I16
        case .int32: APUS_CONVOLUTION_I32
        case .int64: APUS_CONVOLUTION_I64
        default: APUS_CONVOLUTION_F32
        }
    }

    private func isHalf(_ out: Tensor) -> Bool { out.dtype == .float16 || out.dtype == .bfloat16 }

    /// The C side's description, with leading dimensions of one position where there are fewer than three (tests call it too).
    package func description(input: Shape, weight: Shape, output: Shape, _ p: ConvolutionParameters) -> apus_convolution {
        var c = apus_convolution()
        c.batch = Int64(input[0])
        c.in_channels = Int64(input[1])
        c.out_channels = Int64(output[1])
        c.groups = Int64(p.groups)
        c.in = spatial(input.dropFirst(2))
        c.kernel = spatial(weight.dropFirst(2))
        c.out = spatial(output.dropFirst(2))
        c.stride = spatial(p.stride)
        c.padding = spatial(p.padding, filler: 0)
        c.dilation = spatial(p.dilation)
        return c
    }
}

/// One number for each of three spatial dimensions; missing ones come first.
func spatial(_ numbers: some BidirectionalCollection<Int>, filler: Int64 = 1) -> (Int64, Int64, Int64) {
    var three = [filler, filler, filler]
    for (i, number) in numbers.reversed().enumerated() { three[2 - i] = Int64(number) }
    return (three[0], three[1], three[2])
}

extension Tensor {
    /// Its memory as float32 numbers; dtype is float32.
    fileprivate final var floats: UnsafeMutablePointer<Float> { pointer.assumingMemoryBound(to: Float.self) }
}
