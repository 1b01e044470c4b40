/// Maxima over windows that are given by their elements' places, for pools whose windows no kernel knows.
extension Tensor {
    /// The largest element of each window and its place: self [R, P], `places` int64 [R or 1, O, taps] within 0 ..< P → [R, O]. The first of
    /// several equal ones counts, NaN is largest.
    ///
    /// Composed of gathers, so that derivatives of any order follow.
    package final func maxima(at places: Tensor) -> (values: Tensor, indices: Tensor) {
        if isPoisoned || places.isPoisoned { return (isPoisoned ? self : places, isPoisoned ? self : places) }
        let (rows, windows, taps) = (shape[0], places.shape[1], places.shape[2])
        let indices = noGrad {
            let all = places.expand([rows, windows, taps])
            let elements = detach().gather(1, all.reshape([rows, windows * taps])).reshape([rows, windows, taps])
            return all.gather(2, elements.argmax(dim: 2, keepDim: true)).squeeze(2)
        }
        return (gather(1, indices), indices)
    }
}

extension PoolWindow {
    /// The places of each window's elements within a plane of extents `input`, for one output after the other: [∏output · taps]. Where a window
    /// reaches into the padding, an element within it stands in.
    func places(_ input: [Int], _ output: [Int]) -> [Int64] {
        /// For each dimension and output, the coordinates of the taps.
        let axes = input.indices.map { d in
            (0..<output[d]).map { o in
                let taps = (0..<kernel[d]).map { o * stride[d] - padding[d] + $0 * dilation[d] }
                let inside = taps.first { (0..<input[d]).contains($0) } ?? 0
                return taps.map { (0..<input[d]).contains($0) ? $0 : inside }
            }
        }
        var windows: [[Int64]] = [[0]]
        for (d, axis) in axes.enumerated() {
            windows = windows.flatMap { places in axis.map { taps in places.flatMap { place in taps.map { place * Int64(input[d]) + Int64($0) } } } }
        }
        return windows.flatMap { $0 }
    }
}
