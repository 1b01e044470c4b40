/// Maxima over windows given by the positions of their elements, for pools without a kernel.
extension Tensor {
    /// The largest element of each window and its position: self [R, P], `places` int64 [R or 1, O, taps] within 0 ..< P → [R, O]. The
    /// first of equal elements wins; NaN is largest.
    ///
    /// Composed of gathers, so that it has derivatives of any order.
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
