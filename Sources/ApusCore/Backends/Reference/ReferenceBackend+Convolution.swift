// A convolution is a sum over taps: output position o and input position o·stride − padding + k·dilation are connected by the weight at k.
// The three methods loop over the same taps and differ in the tensor that they sum into.

extension ReferenceBackend {
    package func convolution(_ x: Tensor, _ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, into out: Tensor) {
        convolution(x, weight, bias: bias, p, into: out, as: number(of: out.dtype))
    }

    private func convolution<N: ReferenceNumber>(
        _ x: Tensor, _ weight: Tensor, bias: Tensor?, _ p: ConvolutionParameters, into out: Tensor, as: N.Type
    ) {
        let (inputs, weights) = (elements(x, as: N.self), elements(weight, as: N.self))
        var sums = [ReferenceSum<N>](repeating: ReferenceSum(), count: out.numel)
        forEachTap(input: x.shape, weight: weight.shape, output: out.shape, p) { i, w, o in
            sums[o].add(inputs[i].times(weights[w]))
        }
        if let bias = bias.map({ elements($0, as: N.self) }) {
            let (_, channels, inner) = lines(out.shape, dim: 1)
            for o in sums.indices { sums[o].add(bias[o / inner % channels]) }
        }
        store(sums.map(\.value), in: out)
    }

    package func convolutionBackwardInput(_ grad: Tensor, _ weight: Tensor, _ p: ConvolutionParameters, into out: Tensor) {
        convolutionBackwardInput(grad, weight, p, into: out, as: number(of: out.dtype))
    }

    private func convolutionBackwardInput<N: ReferenceNumber>(
        _ grad: Tensor, _ weight: Tensor, _ p: ConvolutionParameters, into out: Tensor, as: N.Type
    ) {
        let (gradients, weights) = (elements(grad, as: N.self), elements(weight, as: N.self))
        var sums = [ReferenceSum<N>](repeating: ReferenceSum(), count: out.numel)
        forEachTap(input: out.shape, weight: weight.shape, output: grad.shape, p) { i, w, o in
            sums[i].add(gradients[o].times(weights[w]))
        }
        store(sums.map(\.value), in: out)
    }

    package func convolutionBackwardWeight(_ grad: Tensor, _ x: Tensor, _ p: ConvolutionParameters, into out: Tensor) {
        convolutionBackwardWeight(grad, x, p, into: out, as: number(of: out.dtype))
    }

    private func convolutionBackwardWeight<N: ReferenceNumber>(
        _ grad: Tensor, _ x: Tensor, _ p: ConvolutionParameters, into out: Tensor, as: N.Type
    ) {
        let (gradients, inputs) = (elements(grad, as: N.self), elements(x, as: N.self))
        var sums = [ReferenceSum<N>](repeating: ReferenceSum(), count: out.numel)
        forEachTap(input: x.shape, weight: out.shape, output: grad.shape, p) { i, w, o in
            sums[w].add(gradients[o].times(inputs[i]))
        }
        store(sums.map(\.value), in: out)
    }

    /// Calls `body` with the row-major indices of input, weight and output for every product of a convolution.
    private func forEachTap(
        input: Shape, weight: Shape, output: Shape, _ p: ConvolutionParameters, _ body: (Int, Int, Int) -> Void
    ) {
        let (inExtents, outExtents, kernel) = (Array(input.dropFirst(2)), Array(output.dropFirst(2)), Array(weight.dropFirst(2)))
        let (inPlane, outPlane, taps) = (inExtents.reduce(1, *), outExtents.reduce(1, *), kernel.reduce(1, *))
        let (channels, outChannels) = (input[1], output[1])
        let (groupIn, groupOut) = (weight[1], outChannels / p.groups)
        // For each output position, the pairs of tap and input position; the same for every channel.
        let reached = (0..<outPlane).map { o in
            let corner = coordinates(o, outExtents)
            return (0..<taps).compactMap { k -> (tap: Int, position: Int)? in
                let offset = coordinates(k, kernel)
                var position = 0
                for d in kernel.indices {
                    let at = corner[d] * p.stride[d] - p.padding[d] + offset[d] * p.dilation[d]
                    guard at >= 0 && at < inExtents[d] else { return nil }
                    position = position * inExtents[d] + at
                }
                return (k, position)
            }
        }
        for n in 0..<output[0] {
            for oc in 0..<outChannels {
                for c in 0..<groupIn {
                    let ic = oc / groupOut * groupIn + c
                    for o in 0..<outPlane {
                        for (tap, position) in reached[o] {
                            body(
                                (n * channels + ic) * inPlane + position, (oc * groupIn + c) * taps + tap,
                                (n * outChannels + oc) * outPlane + o)
                        }
                    }
                }
            }
        }
    }
}

/// The coordinates of a row-major index.
func coordinates(_ index: Int, _ extents: [Int]) -> [Int] {
    var (rest, result) = (index, extents)
    for d in extents.indices.reversed() {
        result[d] = rest % extents[d]
        rest /= extents[d]
    }
    return result
}
