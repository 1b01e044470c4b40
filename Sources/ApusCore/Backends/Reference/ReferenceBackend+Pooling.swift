extension ReferenceBackend {
    package func maxPool(_ x: Tensor, _ p: PoolParameters, into out: Tensor, indices: Tensor) {
        maxPool(x, p, into: out, indices: indices, as: number(of: x.dtype))
    }

    private func maxPool<N: ReferenceNumber>(_ x: Tensor, _ p: PoolParameters, into out: Tensor, indices: Tensor, as: N.Type) {
        let all = elements(x, as: N.self)
        let windows = self.windows(p, input: x.shape, output: out.shape)
        let plane = x.shape.dropFirst(2).reduce(1, *)
        var largest: [N] = []
        var places: [Int64] = []
        for channel in 0..<(x.shape[0] * x.shape[1]) {
            for window in windows {
                // With dilation, a window can lie on both sides of the input without covering any of it.
                var (best, place) = (N.lowest, window.positions.first ?? 0)
                for position in window.positions {
                    let value = all[channel * plane + position]
                    // The last of several NaNs wins, as in PyTorch.
                    if value > best || value.isNaN { (best, place) = (value, position) }
                }
                largest.append(best)
                places.append(Int64(place))
            }
        }
        store(largest, in: out)
        store(places, in: indices)
    }

    package func averagePool(_ x: Tensor, _ p: PoolParameters, into out: Tensor) {
        averagePool(x, p, into: out, as: number(of: x.dtype))
    }

    private func averagePool<N: ReferenceNumber>(_ x: Tensor, _ p: PoolParameters, into out: Tensor, as: N.Type) {
        let all = elements(x, as: N.self)
        let windows = self.windows(p, input: x.shape, output: out.shape)
        let plane = x.shape.dropFirst(2).reduce(1, *)
        var result: [N] = []
        for channel in 0..<(x.shape[0] * x.shape[1]) {
            for window in windows {
                var sum = ReferenceSum<N>()
                for position in window.positions { sum.add(all[channel * plane + position]) }
                result.append(window.positions.isEmpty ? .zero : sum.value.divided(byCount: window.divisor))
            }
        }
        store(result, in: out)
    }

    package func averagePoolBackward(_ grad: Tensor, _ p: PoolParameters, into out: Tensor) {
        let gradients = elements(grad, as: Double.self)
        let windows = self.windows(p, input: out.shape, output: grad.shape)
        let plane = out.shape.dropFirst(2).reduce(1, *)
        var result = [ReferenceSum<Double>](repeating: ReferenceSum(), count: out.numel)
        for channel in 0..<(out.shape[0] * out.shape[1]) {
            for (o, window) in windows.enumerated() {
                let share = gradients[channel * windows.count + o] / Double(window.divisor)
                for position in window.positions { result[channel * plane + position].add(share) }
            }
        }
        store(result.map(\.value), in: out)
    }

    /// For each output position, the positions of the input plane that its window covers, and the divisor of the average.
    private func windows(_ p: PoolParameters, input: Shape, output: Shape) -> [(positions: [Int], divisor: Int)] {
        let (inExtents, outExtents) = (Array(input.dropFirst(2)), Array(output.dropFirst(2)))
        return (0..<outExtents.reduce(1, *)).map { o in
            let corner = coordinates(o, outExtents)
            // The positions that the window covers in each dimension, and their number within the padded input.
            let spans = inExtents.indices.map { d -> (positions: [Int], padded: Int) in
                switch p.windows {
                case .sliding(let kernel, let stride, let padding, let dilation, _, _):
                    let all = (0..<kernel[d]).map { corner[d] * stride[d] - padding[d] + $0 * dilation[d] }
                    let padded = all.count { $0 < inExtents[d] + padding[d] }
                    return (all.filter { $0 >= 0 && $0 < inExtents[d] }, padded)
                case .adaptive:
                    let (n, extent) = (outExtents[d], inExtents[d])
                    let positions = Array(corner[d] * extent / n..<((corner[d] + 1) * extent + n - 1) / n)
                    return (positions, positions.count)
                }
            }
            var positions = [0]
            for (d, span) in spans.enumerated() {
                positions = positions.flatMap { outer in span.positions.map { outer * inExtents[d] + $0 } }
            }
            var divisor = positions.count
            if case .sliding(_, _, _, _, let countIncludePad, let overruling) = p.windows {
                divisor = overruling ?? (countIncludePad ? spans.reduce(1) { $0 * $1.padded } : divisor)
            }
            return (positions, divisor)
        }
    }
}
