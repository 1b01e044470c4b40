import ApusCore

extension F {
    // MARK: Maximum

    /// The largest element of each window: input [N, C, L] or [C, L]. PyTorch: `F.max_pool1d`.
    ///
    /// `stride` is `kernelSize` by default; padding counts as −∞ and is at most half of what a window spans; with `ceilMode` the last
    /// window may reach beyond the input. L′ = ⌊(L + 2·padding − dilation·(kernelSize − 1) − 1)/stride⌋ + 1, rounded up with `ceilMode`,
    /// but without a last window that would begin in the padding after the input. Traps where no window fits.
    public static func maxPool1d(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> Tensor {
        maxPool("maxPool1d", 1, input, kernelSize, stride, padding, dilation, ceilMode).values
    }
    /// The same over two dimensions: input [N, C, H, W] or [C, H, W]. PyTorch: `F.max_pool2d`.
    public static func maxPool2d(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> Tensor {
        maxPool("maxPool2d", 2, input, kernelSize, stride, padding, dilation, ceilMode).values
    }
    /// The same over three dimensions: input [N, C, D, H, W] or [C, D, H, W]. PyTorch: `F.max_pool3d`.
    public static func maxPool3d(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> Tensor {
        maxPool("maxPool3d", 3, input, kernelSize, stride, padding, dilation, ceilMode).values
    }

    /// `maxPool1d` and the indices of the maxima along L, int64, as `maxUnpool1d` takes them. PyTorch: `F.max_pool1d_with_indices`.
    public static func maxPool1dWithIndices(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> (values: Tensor, indices: Tensor) {
        maxPool("maxPool1d", 1, input, kernelSize, stride, padding, dilation, ceilMode)
    }
    /// `maxPool2d` and the indices of the maxima in the flattened plane. PyTorch: `F.max_pool2d_with_indices`.
    public static func maxPool2dWithIndices(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> (values: Tensor, indices: Tensor) {
        maxPool("maxPool2d", 2, input, kernelSize, stride, padding, dilation, ceilMode)
    }
    /// `maxPool3d` and the indices of the maxima in the flattened volume. PyTorch: `F.max_pool3d_with_indices`.
    public static func maxPool3dWithIndices(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        dilation: any ExtentsConvertible = 1, ceilMode: Bool = false
    ) -> (values: Tensor, indices: Tensor) {
        maxPool("maxPool3d", 3, input, kernelSize, stride, padding, dilation, ceilMode)
    }

    /// Puts each value back to its index among zeros: a partial inverse of `maxPool1d`. PyTorch: `F.max_unpool1d`.
    ///
    /// `outputSize` (spatial extents, or the whole shape) chooses among the sizes that pool to this one: the default
    /// (L − 1)·stride − 2·padding + kernelSize, or one that is less than one stride from it. Traps for another one and on an index outside.
    public static func maxUnpool1d(
        _ input: Tensor, _ indices: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        padding: any ExtentsConvertible = 0, outputSize: (any Collection<Int>)? = nil
    ) -> Tensor {
        maxUnpool("maxUnpool1d", 1, input, indices, kernelSize, stride, padding, outputSize.map { Array($0) })
    }
    /// A partial inverse of `maxPool2d`. PyTorch: `F.max_unpool2d`.
    public static func maxUnpool2d(
        _ input: Tensor, _ indices: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        padding: any ExtentsConvertible = 0, outputSize: (any Collection<Int>)? = nil
    ) -> Tensor {
        maxUnpool("maxUnpool2d", 2, input, indices, kernelSize, stride, padding, outputSize.map { Array($0) })
    }
    /// A partial inverse of `maxPool3d`. PyTorch: `F.max_unpool3d`.
    public static func maxUnpool3d(
        _ input: Tensor, _ indices: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        padding: any ExtentsConvertible = 0, outputSize: (any Collection<Int>)? = nil
    ) -> Tensor {
        maxUnpool("maxUnpool3d", 3, input, indices, kernelSize, stride, padding, outputSize.map { Array($0) })
    }

    /// The largest element of each of `outputSize` parts: part o of n covers ⌊o·L/n⌋ ..< ⌈(o + 1)·L/n⌉. PyTorch: `F.adaptive_max_pool1d`.
    public static func adaptiveMaxPool1d(_ input: Tensor, _ outputSize: any OutputExtentsConvertible) -> Tensor {
        adaptiveMaxPool("adaptiveMaxPool1d", 1, input, outputSize).values
    }
    /// The same over two dimensions; nil in `outputSize` keeps an extent. PyTorch: `F.adaptive_max_pool2d`.
    public static func adaptiveMaxPool2d(_ input: Tensor, _ outputSize: any OutputExtentsConvertible) -> Tensor {
        adaptiveMaxPool("adaptiveMaxPool2d", 2, input, outputSize).values
    }
    /// The same over three dimensions; nil in `outputSize` keeps an extent. PyTorch: `F.adaptive_max_pool3d`.
    public static func adaptiveMaxPool3d(_ input: Tensor, _ outputSize: any OutputExtentsConvertible) -> Tensor {
        adaptiveMaxPool("adaptiveMaxPool3d", 3, input, outputSize).values
    }

    /// `adaptiveMaxPool1d` and the indices of the maxima. PyTorch: `F.adaptive_max_pool1d_with_indices`.
    public static func adaptiveMaxPool1dWithIndices(
        _ input: Tensor, _ outputSize: any OutputExtentsConvertible
    ) -> (values: Tensor, indices: Tensor) {
        adaptiveMaxPool("adaptiveMaxPool1d", 1, input, outputSize)
    }
    /// `adaptiveMaxPool2d` and the indices of the maxima in the flattened plane. PyTorch: `F.adaptive_max_pool2d_with_indices`.
    public static func adaptiveMaxPool2dWithIndices(
        _ input: Tensor, _ outputSize: any OutputExtentsConvertible
    ) -> (values: Tensor, indices: Tensor) {
        adaptiveMaxPool("adaptiveMaxPool2d", 2, input, outputSize)
    }
    /// `adaptiveMaxPool3d` and the indices of the maxima in the flattened volume. PyTorch: `F.adaptive_max_pool3d_with_indices`.
    public static func adaptiveMaxPool3dWithIndices(
        _ input: Tensor, _ outputSize: any OutputExtentsConvertible
    ) -> (values: Tensor, indices: Tensor) {
        adaptiveMaxPool("adaptiveMaxPool3d", 3, input, outputSize)
    }

    // MARK: Average

    /// The mean of each window of [N, C, L] or [C, L]; `countIncludePad` counts the zeros of the padding, but not what a window has beyond
    /// it with `ceilMode`. Extents and defaults as in `maxPool1d`. PyTorch: `F.avg_pool1d`.
    public static func avgPool1d(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true
    ) -> Tensor {
        averagePool("avgPool1d", 1, input, kernelSize, stride, padding, ceilMode, countIncludePad, nil)
    }
    /// The same over two dimensions; `divisorOverride` replaces the count as divisor. PyTorch: `F.avg_pool2d`.
    public static func avgPool2d(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true, divisorOverride: Int? = nil
    ) -> Tensor {
        averagePool("avgPool2d", 2, input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride)
    }
    /// The same over three dimensions. PyTorch: `F.avg_pool3d`.
    public static func avgPool3d(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil, padding: any ExtentsConvertible = 0,
        ceilMode: Bool = false, countIncludePad: Bool = true, divisorOverride: Int? = nil
    ) -> Tensor {
        averagePool("avgPool3d", 3, input, kernelSize, stride, padding, ceilMode, countIncludePad, divisorOverride)
    }

    /// The mean of each of `outputSize` parts: part o of n covers ⌊o·L/n⌋ ..< ⌈(o + 1)·L/n⌉. PyTorch: `F.adaptive_avg_pool1d`.
    public static func adaptiveAvgPool1d(_ input: Tensor, _ outputSize: any OutputExtentsConvertible) -> Tensor {
        adaptiveAveragePool("adaptiveAvgPool1d", 1, input, outputSize)
    }
    /// The same over two dimensions; nil in `outputSize` keeps an extent. PyTorch: `F.adaptive_avg_pool2d`.
    public static func adaptiveAvgPool2d(_ input: Tensor, _ outputSize: any OutputExtentsConvertible) -> Tensor {
        adaptiveAveragePool("adaptiveAvgPool2d", 2, input, outputSize)
    }
    /// The same over three dimensions; nil in `outputSize` keeps an extent. PyTorch: `F.adaptive_avg_pool3d`.
    public static func adaptiveAvgPool3d(_ input: Tensor, _ outputSize: any OutputExtentsConvertible) -> Tensor {
        adaptiveAveragePool("adaptiveAvgPool3d", 3, input, outputSize)
    }

    // MARK: Sums of powers

    /// (Σ xᵖ)^(1/p) over each window, of x and not |x|, as in PyTorch: p = 1 is a sum. A window that `ceilMode` lets reach beyond the input
    /// counts its mean for what is missing. For p other than ±1 a negative sum gives NaN. PyTorch: `F.lp_pool1d`. Traps where p is 0.
    public static func lpPool1d(
        _ input: Tensor, _ normType: some ScalarConvertible, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        ceilMode: Bool = false
    ) -> Tensor {
        lpPool("lpPool1d", 1, input, normType._scalar.doubleValue, kernelSize, stride, ceilMode)
    }
    /// The same over two dimensions. PyTorch: `F.lp_pool2d`.
    public static func lpPool2d(
        _ input: Tensor, _ normType: some ScalarConvertible, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        ceilMode: Bool = false
    ) -> Tensor {
        lpPool("lpPool2d", 2, input, normType._scalar.doubleValue, kernelSize, stride, ceilMode)
    }
    /// The same over three dimensions. PyTorch: `F.lp_pool3d`.
    public static func lpPool3d(
        _ input: Tensor, _ normType: some ScalarConvertible, _ kernelSize: any ExtentsConvertible, stride: (any ExtentsConvertible)? = nil,
        ceilMode: Bool = false
    ) -> Tensor {
        lpPool("lpPool3d", 3, input, normType._scalar.doubleValue, kernelSize, stride, ceilMode)
    }
}

// MARK: - Any number of dimensions, called by the layers

extension F {
    private static func window(
        _ spatial: Int, _ kernelSize: any ExtentsConvertible, _ stride: (any ExtentsConvertible)?, _ padding: any ExtentsConvertible,
        _ dilation: any ExtentsConvertible, _ ceilMode: Bool
    ) throws(OpError) -> PoolWindow {
        let kernel = try kernelSize._extents.spread(spatial, "kernelSize")
        return PoolWindow(
            kernel: kernel, stride: try stride?._extents.spread(spatial, "stride") ?? kernel,
            padding: try padding._extents.spread(spatial, "padding"),
            dilation: try dilation._extents.spread(spatial, "dilation"), ceilMode: ceilMode)
    }

    static func maxPool(
        _ name: String, _ spatial: Int, _ input: Tensor, _ kernelSize: any ExtentsConvertible, _ stride: (any ExtentsConvertible)?,
        _ padding: any ExtentsConvertible,
        _ dilation: any ExtentsConvertible, _ ceilMode: Bool
    ) -> (values: Tensor, indices: Tensor) {
        do throws(OpError) {
            return input.maxPool(try window(spatial, kernelSize, stride, padding, dilation, ceilMode), spatial: spatial, name: name)
        } catch {
            let poisoned = fail(error, op: name)
            return (poisoned, poisoned)
        }
    }

    static func maxUnpool(
        _ name: String, _ spatial: Int, _ input: Tensor, _ indices: Tensor, _ kernelSize: any ExtentsConvertible,
        _ stride: (any ExtentsConvertible)?, _ padding: any ExtentsConvertible,
        _ outputSize: [Int]?
    ) -> Tensor {
        composite(name, input, indices) { () throws(OpError) in
            let window = try window(spatial, kernelSize, stride, padding, 1, false)
            guard input.ndim > spatial else {
                throw OpError("input of shape \(input.shape) has \(input.ndim) dimensions; \(spatial + 1) or \(spatial + 2) are needed")
            }
            var usual: [Int] = []
            for (d, extent) in input.shape.suffix(spatial).enumerated() {
                let (steps, overflow) = (extent - 1).multipliedReportingOverflow(by: window.stride[d])
                guard !overflow, (0...Int(Int32.max)).contains(window.padding[d]), (1...Int(Int32.max)).contains(window.kernel[d]) else {
                    throw OpError("kernelSize \(window.kernel), stride \(window.stride) and padding \(window.padding) are out of range")
                }
                usual.append(steps - 2 * window.padding[d] + window.kernel[d])
            }
            guard var wanted = outputSize else { return input.maxUnpool(indices, outputSize: usual, spatial: spatial, name: name) }
            if wanted.count == spatial + 2 { wanted = Array(wanted.suffix(spatial)) }
            guard wanted.count == spatial else {
                throw OpError("outputSize \(wanted) needs \(spatial) numbers, one for each spatial dimension")
            }
            for d in 0..<spatial where wanted[d] <= usual[d] - window.stride[d] || wanted[d] >= usual[d] + window.stride[d] {
                throw OpError(
                    "outputSize \(wanted) is too far from the usual \(usual): less than one stride (\(window.stride)) in each dimension is possible"
                )
            }
            return input.maxUnpool(indices, outputSize: wanted, spatial: spatial, name: name)
        }
    }

    static func averagePool(
        _ name: String, _ spatial: Int, _ input: Tensor, _ kernelSize: any ExtentsConvertible, _ stride: (any ExtentsConvertible)?,
        _ padding: any ExtentsConvertible, _ ceilMode: Bool,
        _ countIncludePad: Bool, _ divisor: Int?
    ) -> Tensor {
        composite(name, input) { () throws(OpError) in
            input.averagePool(
                try window(spatial, kernelSize, stride, padding, 1, ceilMode), countIncludePad: countIncludePad, divisor: divisor,
                spatial: spatial, name: name)
        }
    }

    static func adaptiveMaxPool(
        _ name: String, _ spatial: Int, _ input: Tensor, _ outputSize: any OutputExtentsConvertible
    ) -> (values: Tensor, indices: Tensor) {
        do throws(OpError) {
            return input.adaptiveMaxPool(try outputSize._outputExtents.spread(spatial), spatial: spatial, name: name)
        } catch {
            let poisoned = fail(error, op: name)
            return (poisoned, poisoned)
        }
    }

    static func adaptiveAveragePool(_ name: String, _ spatial: Int, _ input: Tensor, _ outputSize: any OutputExtentsConvertible) -> Tensor {
        composite(name, input) { () throws(OpError) in
            input.adaptiveAveragePool(try outputSize._outputExtents.spread(spatial), spatial: spatial, name: name)
        }
    }

    static func lpPool(
        _ name: String, _ spatial: Int, _ input: Tensor, _ normType: Double, _ kernelSize: any ExtentsConvertible,
        _ stride: (any ExtentsConvertible)?, _ ceilMode: Bool
    ) -> Tensor {
        composite(name, input) { () throws(OpError) in
            guard normType != 0 else { throw OpError("normType must not be 0") }
            // In half precision powers and their sums overflow where the norm does not.
            if input.dtype == .float16 || input.dtype == .bfloat16 {
                return lpPool(name, spatial, input.to(.float32), normType, kernelSize, stride, ceilMode).to(input.dtype)
            }
            let count = try kernelSize._extents.spread(spatial, "kernelSize").reduce(1.0) { $0 * Double($1) }
            let mean = averagePool(name, spatial, input.pow(normType), kernelSize, stride, 0, ceilMode, true, nil)
            return (mean.sign() * mean.abs().relu() * count).pow(1 / normType)
        }
    }
}
