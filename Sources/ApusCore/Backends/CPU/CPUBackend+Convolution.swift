import CKernels
import COneDNN

// Convolutions. float32 uses Winograd's algorithm, or direct sums for a first layer's weight, where these are faster, else oneDNN; so does
// bfloat16 on processors that have instructions for it. What these do not support, float64 and integers use unrolled windows and our own
// matrix products; 16-bit floats are computed in float32 then. Each kernel is tried in turn and refuses by dtype and shape alone.

extension CPUBackend {
    package func convolution(_ x: Tensor, _ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, into out: Tensor) throws(OpError) {
        let (x, weight, bias) = try (contiguous(x), contiguous(weight), bias.map(contiguous))
        var c = description(input: x.shape, weight: weight.shape, output: out.shape, p)
        defer { withExtendedLifetime((x, weight, bias)) {} }
        if out.dtype == .float32, try isDone(apus_convolution_winograd(&c, x.pointer, weight.pointer, bias?.pointer, out.pointer)) {
            return
        }
        if try isDone(apus_dnn_convolution(&c, out.dtype.code, x.pointer, weight.pointer, bias?.pointer, out.pointer)) { return }
        if isHalf(out) {
            return try inFloat32(out) { (out) throws(OpError) in
                try convolution(float32(x), float32(weight), bias: bias.map(float32), p, into: out)
            }
        }
        try requireMemory(apus_convolution_forward(&c, out.dtype.code, x.pointer, weight.pointer, bias?.pointer, out.pointer))
    }

    package func convolutionBackwardInput(_ grad: Tensor, _ weight: Tensor, _ p: ConvolutionParameters, into out: Tensor) throws(OpError) {
        let (grad, weight) = try (contiguous(grad), contiguous(weight))
        var c = description(input: out.shape, weight: weight.shape, output: grad.shape, p)
        defer { withExtendedLifetime((grad, weight)) {} }
        if out.dtype == .float32, try isDone(apus_convolution_winograd_backward_input(&c, grad.pointer, weight.pointer, out.pointer)) {
            return
        }
        if try isDone(apus_dnn_convolution_backward_input(&c, out.dtype.code, grad.pointer, weight.pointer, out.pointer)) { return }
        if isHalf(out) {
            return try inFloat32(out) { (out) throws(OpError) in try convolutionBackwardInput(float32(grad), float32(weight), p, into: out)
            }
        }
        try requireMemory(apus_convolution_backward_input(&c, out.dtype.code, grad.pointer, weight.pointer, out.pointer))
    }

    package func convolutionBackwardWeight(_ grad: Tensor, _ x: Tensor, _ p: ConvolutionParameters, into out: Tensor) throws(OpError) {
        let (grad, x) = try (contiguous(grad), contiguous(x))
        var c = description(input: x.shape, weight: out.shape, output: grad.shape, p)
        defer { withExtendedLifetime((grad, x)) {} }
        if out.dtype == .float32 {
            if try isDone(apus_convolution_backward_weight_direct(&c, grad.pointer, x.pointer, out.pointer)) { return }
            if try isDone(apus_convolution_winograd_backward_weight(&c, grad.pointer, x.pointer, out.pointer)) { return }
        }
        if try isDone(apus_dnn_convolution_backward_weight(&c, out.dtype.code, grad.pointer, x.pointer, out.pointer)) { return }
        if isHalf(out) {
            return try inFloat32(out) { (out) throws(OpError) in try convolutionBackwardWeight(float32(grad), float32(x), p, into: out) }
        }
        try requireMemory(apus_convolution_backward_weight(&c, out.dtype.code, grad.pointer, x.pointer, out.pointer))
    }

    /// Whether the dtype is a 16-bit float.
    func isHalf(_ out: Tensor) -> Bool { out.dtype == .float16 || out.dtype == .bfloat16 }

    /// The parameters for C; missing leading dimensions get extent one (tests call it too).
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

/// One number per spatial dimension; missing leading dimensions get `filler`.
func spatial(_ numbers: some BidirectionalCollection<Int>, filler: Int64 = 1) -> (Int64, Int64, Int64) {
    var three = [filler, filler, filler]
    for (i, number) in numbers.reversed().enumerated() { three[2 - i] = Int64(number) }
    return (three[0], three[1], three[2])
}
