import ApusCore

/// One dimension that `F.interpolate` resamples from one extent to another.
struct ResampledAxis {
    let from: Int
    let to: Int
    /// The given factor, which may differ from to/from.
    let scale: Double?
    let alignCorners: Bool

    /// One of the elements that each output is a sum of: its index and its weight, for every output.
    private typealias Tap = (places: [Int], weights: [Double])

    /// The distance between neighbouring outputs, in input elements.
    private var step: Double {
        if alignCorners { return to > 1 ? Double(from - 1) / Double(to - 1) : 0 }
        return scale.map { 1 / $0 } ?? Double(from) / Double(to)
    }

    /// The position of output o in the input, in elements.
    private func place(_ o: Int) -> Double { alignCorners ? step * Double(o) : step * (Double(o) + 0.5) - 0.5 }

    /// The element that `nearest` takes for output o: ⌊o·from/to⌋, or ⌊(o + ½)·from/to⌋ with `exact`, in integers without a given factor.
    private func nearest(_ o: Int, exact: Bool) -> Int {
        if let scale { return min(Int(((Double(o) + (exact ? 0.5 : 0)) / scale).rounded(.down)), from - 1) }
        return exact ? (2 * o + 1) * from / (2 * to) : o * from / to
    }

    func resample(_ x: Tensor, dim: Int, mode: InterpolationMode) -> Tensor {
        // The result for another dimension may have failed; it then has no dimensions.
        if x.isPoisoned { return x }
        if mode == .nearest || mode == .nearestExact {
            return x.indexSelect(dim: dim, index((0..<to).map { nearest($0, exact: mode == .nearestExact) }, x))
        }
        let taps = mode == .bicubic ? cubicTaps : linearTaps
        return x.dtype.isFloatingPoint ? sum(x, dim, taps) : roundedSum(x, dim, taps)
    }

    private var linearTaps: [Tap] {
        let places = (0..<to).map { max(place($0), 0) }
        let low = places.map { min(Int($0), from - 1) }
        let weights = zip(places, low).map { min(max($0 - Double($1), 0), 1) }
        return [(low, weights.map { 1 - $0 }), (low.map { min($0 + 1, from - 1) }, weights)]
    }

    private var cubicTaps: [Tap] {
        let firsts = (0..<to).map { o -> (first: Int, t: Double) in
            let place = place(o)
            return (Int(place.rounded(.down)) - 1, place - place.rounded(.down))
        }
        return (0..<4).map { k in
            (firsts.map { min(max($0.first + k, 0), from - 1) }, firsts.map { ResampledAxis.cubic(abs(Double(k) - 1 - $0.t), a: -0.75) })
        }
    }

    /// Σ over taps of weight·element.
    private func sum(_ x: Tensor, _ dim: Int, _ taps: [Tap]) -> Tensor {
        var column = Array(repeating: 1, count: x.ndim)
        column[dim] = to
        var out: Tensor?
        for (places, weights) in taps {
            let part = x.indexSelect(dim: dim, index(places, x)) * Tensor(weights, shape: Shape(column), dtype: x.dtype, device: x.device)
            out = out.map { $0 + part } ?? part
        }
        return out ?? x
    }

    private func index(_ places: [Int], _ x: Tensor) -> Tensor { Tensor(places.map(Int64.init), shape: [places.count], device: x.device) }

    /// Antialiased: a filter that widens with the step where that exceeds one element, as a product with the matrix of all weights.
    func filter(_ x: Tensor, dim: Int, cubic: Bool) -> Tensor {
        let matrix = weights(cubic: cubic)
        func product(_ x: Tensor, _ weights: Tensor) -> Tensor { x.movedim(dim, -1).matmul(weights.t()).movedim(-1, dim) }
        guard !x.dtype.isFloatingPoint else { return product(x, Tensor(matrix, shape: [to, from], dtype: x.dtype, device: x.device)) }
        let (whole, bits) = ResampledAxis.whole(matrix)
        return rounded(product(x.to(.int32), Tensor(whole, shape: [to, from], dtype: .int32, device: x.device)), bits)
    }

    /// The weight of each element for each output, [to, from].
    private func weights(cubic: Bool) -> [Double] {
        let radius = cubic ? 2.0 : 1.0
        let width = max(step, 1)
        var matrix = [Double](repeating: 0, count: to * from)
        for o in 0..<to {
            // As in PyTorch, alignCorners changes the step but not the centres.
            let center = step * (Double(o) + 0.5)
            let first = max(Int(center - radius * width + 0.5), 0)
            let end = max(min(Int(center + radius * width + 0.5), from), first)
            let weights = (first..<end).map { i in
                let distance = abs((Double(i) + 0.5 - center) / width)
                return cubic ? ResampledAxis.cubic(distance, a: -0.5) : max(1 - distance, 0)
            }
            let total = weights.reduce(0, +)
            for (i, weight) in weights.enumerated() { matrix[o * from + first + i] = total == 0 ? 0 : weight / total }
        }
        return matrix
    }

    /// The cubic convolution kernel at a distance from 0 to 2 (Keys, 1981).
    private static func cubic(_ x: Double, a: Double) -> Double {
        if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
    }

    // MARK: uint8 images

    /// The sum over taps with integer weights, rounded.
    private func roundedSum(_ x: Tensor, _ dim: Int, _ taps: [Tap]) -> Tensor {
        // At the edge several taps are the same element; add up their weights before rounding.
        var merged = taps.map(\.weights)
        for o in 0..<to {
            for k in taps.indices.dropLast() where taps[k].places[o] == taps[k + 1].places[o] {
                merged[k + 1][o] += merged[k][o]
                merged[k][o] = 0
            }
        }
        let (whole, bits) = ResampledAxis.whole(merged.flatMap { $0 })
        let each = taps.indices.map { k in (taps[k].places, whole[k * to..<(k + 1) * to].map(Double.init)) }
        return rounded(sum(x.to(.int32), dim, each), bits)
    }

    /// The weights times 2^bits, for the largest `bits` with which they fit into signed 16-bit numbers.
    private static func whole(_ weights: [Double]) -> (weights: [Int64], bits: Int) {
        let largest = weights.max() ?? 1
        var bits = 0
        while bits < 22 && Int(0.5 + largest * Double(1 << (bits + 1))) < 1 << 15 { bits += 1 }
        return (weights.map { Int64(($0 * Double(1 << bits)).rounded(.toNearestOrAwayFromZero)) }, bits)
    }

    /// sum/2^bits, halves rounded up, as uint8.
    private func rounded(_ sum: Tensor, _ bits: Int) -> Tensor {
        (sum + (1 << bits) / 2).floorDivide(1 << bits).clamp(min: 0, max: 255).to(.uint8)
    }
}
