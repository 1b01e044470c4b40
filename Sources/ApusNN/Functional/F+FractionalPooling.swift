import ApusCore

extension F {
    /// The largest element of each window; the windows lie at random positions. Their number in each dimension is `outputSize`, or the
    /// input's extent times `outputRatio` rounded down (Graham, 2014): [N, C, H, W] or [C, H, W]. PyTorch: `F.fractional_max_pool2d`.
    ///
    /// With α = (in − kernel)/(out − 1) and a random u in [0, 1) for each plane and dimension, window i starts at ⌊(i + u)·α⌋ − ⌊u·α⌋, the
    /// last at in − kernel. `randomSamples` [N, C, 2] ([1, C, 2] for [C, H, W]) holds the u's, last dimension first; by default they are
    /// drawn.
    ///
    /// Traps where windows do not fit, or unless exactly one of `outputSize` and `outputRatio` (1 or 2 numbers between 0 and 1) is given.
    public static func fractionalMaxPool2d(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        randomSamples: Tensor? = nil
    ) -> Tensor {
        fractionalMaxPool("fractionalMaxPool2d", 2, input, kernelSize, outputSize, outputRatio, randomSamples).values
    }
    /// The same over volumes [N, C, D, H, W] or [C, D, H, W], with `randomSamples` [N, C, 3], first dimension first. PyTorch: `F.fractional_max_pool3d`.
    public static func fractionalMaxPool3d(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        randomSamples: Tensor? = nil
    ) -> Tensor {
        fractionalMaxPool("fractionalMaxPool3d", 3, input, kernelSize, outputSize, outputRatio, randomSamples).values
    }

    /// `fractionalMaxPool2d` and the indices of the maxima in the flattened plane, int64. PyTorch: `F.fractional_max_pool2d_with_indices`.
    public static func fractionalMaxPool2dWithIndices(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        randomSamples: Tensor? = nil
    ) -> (values: Tensor, indices: Tensor) {
        fractionalMaxPool("fractionalMaxPool2d", 2, input, kernelSize, outputSize, outputRatio, randomSamples)
    }
    /// `fractionalMaxPool3d` and the indices of the maxima in the flattened volume, int64. PyTorch: `F.fractional_max_pool3d_with_indices`.
    public static func fractionalMaxPool3dWithIndices(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, outputSize: (any ExtentsConvertible)? = nil, outputRatio: [Double]? = nil,
        randomSamples: Tensor? = nil
    ) -> (values: Tensor, indices: Tensor) {
        fractionalMaxPool("fractionalMaxPool3d", 3, input, kernelSize, outputSize, outputRatio, randomSamples)
    }

    static func fractionalMaxPool(
        _ name: String, _ spatial: Int, _ input: Tensor, _ kernelSize: any ExtentsConvertible, _ outputSize: (any ExtentsConvertible)?,
        _ outputRatio: [Double]?, _ randomSamples: Tensor?
    ) -> (values: Tensor, indices: Tensor) {
        for x in [input, randomSamples ?? input] where x.isPoisoned { return (x, x) }
        do throws(OpError) {
            guard input.ndim == spatial + 1 || input.ndim == spatial + 2 else {
                throw OpError(
                    "input of shape \(input.shape) has \(input.ndim) dimensions; \(spatial + 1) (channels, then space) or \(spatial + 2) (a batch of these) are needed"
                )
            }
            guard input.dtype.isFloatingPoint else {
                throw OpError("is for floating-point tensors, the input is \(input.dtype); convert it with to(.float32)")
            }
            let plane = Array(input.shape.suffix(spatial))
            for extent in input.shape.suffix(spatial + 1) where extent == 0 {
                throw OpError("input of shape \(input.shape) is empty; only the batch may be")
            }
            let kernel = try kernelSize._extents.spread(spatial, "kernelSize")
            let output = try fractionalOutput(plane, outputSize, outputRatio)
            // For volumes PyTorch requires one more element.
            let spare = spatial == 2 ? 1 : 0
            for d in 0..<spatial where kernel[d] < 1 || output[d] < 1 || kernel[d] > plane[d] || output[d] > plane[d] - kernel[d] + spare {
                throw OpError(
                    "an output of extents \(output) of windows \(kernel) needs an input of at least output + kernel − \(spare) in each dimension, it has \(plane)"
                )
            }
            let lead = [input.ndim == spatial + 1 ? 1 : input.shape[0], input.shape[input.ndim - spatial - 1]]
            let samples = randomSamples ?? Tensor.rand(Shape(lead + [spatial]), dtype: input.dtype, device: input.device)
            guard samples.shape == lead + [spatial] else {
                throw OpError(
                    "randomSamples of shape \(samples.shape) must have shape \(lead + [spatial]), a number for each plane and dimension")
            }
            guard samples.dtype == input.dtype else { throw OpError("randomSamples are \(samples.dtype), the input is \(input.dtype)") }
            let places = fractionalPlaces(samples, plane, output, kernel)
            let flat = input.reshape([lead[0] * lead[1], plane.reduce(1, *)])
            let (values, indices) = flat.maxima(at: places)
            let shape = Array(input.shape.dropLast(spatial)) + output
            return (values.reshape(shape), indices.reshape(shape))
        } catch {
            let poisoned = fail(error, op: name)
            return (poisoned, poisoned)
        }
    }

    private static func fractionalOutput(_ plane: [Int], _ size: (any ExtentsConvertible)?, _ ratio: [Double]?) throws(OpError) -> [Int] {
        switch (size, ratio) {
        case (let size?, nil): return try size._extents.spread(plane.count, "outputSize")
        case (nil, let ratio?):
            let ratios = try spreadRatio(ratio, plane.count)
            return zip(plane, ratios).map { Int(Double($0) * $1) }
        default: throw OpError("needs one of outputSize and outputRatio")
        }
    }

    /// One ratio for each dimension; throws unless each lies between 0 and 1.
    static func spreadRatio(_ ratio: [Double], _ count: Int) throws(OpError) -> [Double] {
        guard ratio.count == 1 || ratio.count == count else {
            throw OpError("outputRatio \(ratio) needs 1 or \(count) numbers, one for each dimension of space")
        }
        for r in ratio where !(r > 0 && r < 1) { throw OpError("outputRatio must lie between 0 and 1, it is \(r)") }
        return ratio.count == 1 ? Array(repeating: ratio[0], count: count) : ratio
    }

    /// The indices of all elements of all windows, [planes, ∏output, ∏kernel].
    private static func fractionalPlaces(_ samples: Tensor, _ plane: [Int], _ output: [Int], _ kernel: [Int]) -> Tensor {
        let spatial = plane.count
        let numbers = samples.array(Double.self)
        if numbers.count < samples.numel { return .poisoned }
        // Computed in PyTorch's precision, since a start is a rounded product.
        let inFloat = samples.dtype != .float64
        let planes = numbers.count / spatial
        var places: [Int64] = []
        places.reserveCapacity(planes * output.reduce(1, *) * kernel.reduce(1, *))
        for p in 0..<planes {
            let starts = (0..<spatial).map { d in
                // Samples for images come last dimension first, those for volumes first dimension first.
                let u = numbers[p * spatial + (spatial == 2 ? 1 - d : d)]
                return (0..<output[d]).map { i -> Int in
                    if i == output[d] - 1 { return plane[d] - kernel[d] }
                    if inFloat {
                        let (alpha, u) = (Float(plane[d] - kernel[d]) / Float(output[d] - 1), Float(u))
                        return Int((Float(i) + u) * alpha) - Int(u * alpha)
                    }
                    let alpha = Double(plane[d] - kernel[d]) / Double(output[d] - 1)
                    return Int((Double(i) + u) * alpha) - Int(u * alpha)
                }
            }
            var windows: [[Int]] = [[0]]
            for d in 0..<spatial {
                windows = windows.flatMap { before in
                    starts[d].map { start in before.flatMap { place in (0..<kernel[d]).map { place * plane[d] + start + $0 } } }
                }
            }
            for window in windows { places += window.map(Int64.init) }
        }
        return Tensor(places, shape: [planes, output.reduce(1, *), kernel.reduce(1, *)], device: samples.device)
    }
}
