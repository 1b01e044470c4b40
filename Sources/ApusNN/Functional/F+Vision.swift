import ApusCore

extension F {
    /// Each window as a column: [N, C, H, W] or [C, H, W] → [N, C·∏kernel, windows] or [C·∏kernel, windows]. PyTorch: `F.unfold`.
    /// The windows are those of a convolution with the same arguments, row by row.
    public static func unfold(
        _ input: Tensor, _ kernelSize: any ExtentsConvertible, dilation: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        stride: any ExtentsConvertible = 1
    ) -> Tensor {
        composite("unfold", input) { () throws(OpError) in
            guard input.ndim == 3 || input.ndim == 4 else {
                throw OpError("input of shape \(input.shape) needs 3 or 4 dimensions: channels, height, width, and a batch before")
            }
            let grid = try WindowGrid(kernelSize, dilation, padding, stride, extents: Array(input.shape.suffix(2)))
            let x = input.ndim == 3 ? input.unsqueeze(0) : input
            let padded = x.pad([grid.padding[1], grid.padding[1], grid.padding[0], grid.padding[0]])
            // Select the rows of all windows and their columns: [N, C, KH, OH, KW, OW].
            let windows = padded.indexSelect(dim: 3, grid.places(1, x.device)).indexSelect(dim: 2, grid.places(0, x.device))
                .reshape([x.shape[0], x.shape[1], grid.kernel[0], grid.count[0], grid.kernel[1], grid.count[1]])
            let columns = windows.permute(0, 1, 2, 4, 3, 5)
                .reshape([x.shape[0], x.shape[1] * grid.kernel[0] * grid.kernel[1], grid.count[0] * grid.count[1]])
            return input.ndim == 3 ? columns.squeeze(0) : columns
        }
    }

    /// Adds up the windows where they overlap, the transpose of `unfold`: [N, C·∏kernel, windows] → [N, C, *outputSize], or without N.
    /// PyTorch: `F.fold`. Traps where the numbers of windows differ.
    public static func fold(
        _ input: Tensor, _ outputSize: any ExtentsConvertible, _ kernelSize: any ExtentsConvertible, dilation: any ExtentsConvertible = 1,
        padding: any ExtentsConvertible = 0, stride: any ExtentsConvertible = 1
    ) -> Tensor {
        composite("fold", input) { () throws(OpError) in
            guard input.ndim == 2 || input.ndim == 3 else {
                throw OpError("input of shape \(input.shape) needs 2 or 3 dimensions: columns, windows, and a batch before")
            }
            let extents = try outputSize._extents.spread(2, "outputSize")
            let grid = try WindowGrid(kernelSize, dilation, padding, stride, extents: extents)
            let x = input.ndim == 2 ? input.unsqueeze(0) : input
            let taps = grid.kernel[0] * grid.kernel[1]
            guard x.shape[1] % taps == 0 else {
                throw OpError("input of shape \(input.shape) has columns of \(x.shape[1]), which kernelSize \(grid.kernel) does not divide")
            }
            guard x.shape[2] == grid.count[0] * grid.count[1] else {
                throw OpError(
                    "input of shape \(input.shape) has \(x.shape[2]) windows, outputSize \(extents) has \(grid.count[0]) by \(grid.count[1])"
                )
            }
            let channels = x.shape[1] / taps
            let windows = x.reshape([x.shape[0], channels, grid.kernel[0], grid.kernel[1], grid.count[0], grid.count[1]]).permute(
                0, 1, 2, 4, 3, 5
            )
            .reshape([x.shape[0], channels, grid.kernel[0] * grid.count[0], grid.kernel[1] * grid.count[1]])
            let (height, width) = (extents[0] + 2 * grid.padding[0], extents[1] + 2 * grid.padding[1])
            func zeros(_ height: Int, _ width: Int) -> Tensor {
                Tensor.zeros([x.shape[0], channels, height, width], dtype: x.dtype, device: x.device)
            }
            let rows = zeros(windows.shape[2], width).indexAdd(dim: 3, grid.places(1, x.device), windows)
            let planes = zeros(height, width).indexAdd(dim: 2, grid.places(0, x.device), rows)
            let out = planes.pad([-grid.padding[1], -grid.padding[1], -grid.padding[0], -grid.padding[0]])
            return input.ndim == 2 ? out.squeeze(0) : out
        }
    }

    /// Moves channels into space: [*, C·r², H, W] → [*, C, H·r, W·r] (Shi et al., 2016). PyTorch: `F.pixel_shuffle`.
    public static func pixelShuffle(_ input: Tensor, _ upscaleFactor: Int) -> Tensor {
        composite("pixelShuffle", input) { () throws(OpError) in
            guard upscaleFactor > 0, upscaleFactor <= 1 << 16 else {
                throw OpError("upscaleFactor must be positive, it is \(upscaleFactor)")
            }
            guard input.ndim >= 3, input.shape[-3] % (upscaleFactor * upscaleFactor) == 0 else {
                throw OpError("input of shape \(input.shape) needs at least 3 dimensions, and channels that \(upscaleFactor)² divides")
            }
            let (lead, r) = (Array(input.shape.dropLast(3)), upscaleFactor)
            let (channels, height, width) = (input.shape[-3] / (r * r), input.shape[-2], input.shape[-1])
            return input.reshape([-1, channels, r, r, height, width].fixing(lead.reduce(1, *))).permute(0, 1, 4, 2, 5, 3).reshape(
                lead + [channels, height * r, width * r])
        }
    }

    /// Moves space into channels, the inverse of `pixelShuffle`: [*, C, H·r, W·r] → [*, C·r², H, W]. PyTorch: `F.pixel_unshuffle`.
    public static func pixelUnshuffle(_ input: Tensor, _ downscaleFactor: Int) -> Tensor {
        composite("pixelUnshuffle", input) { () throws(OpError) in
            let r = downscaleFactor
            guard r > 0, r <= 1 << 16 else { throw OpError("downscaleFactor must be positive, it is \(r)") }
            guard input.ndim >= 3, input.shape[-1] % r == 0, input.shape[-2] % r == 0 else {
                throw OpError("input of shape \(input.shape) needs at least 3 dimensions, and a height and width that \(r) divides")
            }
            let lead = Array(input.shape.dropLast(3))
            let (channels, height, width) = (input.shape[-3], input.shape[-2] / r, input.shape[-1] / r)
            return input.reshape([-1, channels, height, r, width, r].fixing(lead.reduce(1, *))).permute(0, 1, 3, 5, 2, 4).reshape(
                lead + [channels * r * r, height, width])
        }
    }

    /// Reorders the channels of [N, C, *]: the first of each of `groups` groups, then the second of each and so on (Zhang et al., 2018).
    /// PyTorch: `F.channel_shuffle`.
    public static func channelShuffle(_ input: Tensor, _ groups: Int) -> Tensor {
        composite("channelShuffle", input) { () throws(OpError) in
            guard groups > 0 else { throw OpError("groups must be positive, it is \(groups)") }
            guard input.ndim >= 3, input.shape[1] % groups == 0 else {
                throw OpError("input of shape \(input.shape) needs at least 3 dimensions, and channels that groups (\(groups)) divides")
            }
            let rest = Array(input.shape.dropFirst(2))
            return input.reshape([input.shape[0], groups, input.shape[1] / groups] + rest).transpose(1, 2).reshape(input.shape)
        }
    }
}

extension [Int] {
    /// Replaces the first extent, −1, which could not be inferred for an empty tensor.
    fileprivate func fixing(_ first: Int) -> [Int] { [first] + dropFirst() }
}

/// The positions of the windows of `unfold` and `fold`.
private struct WindowGrid {
    let kernel: [Int]
    let dilation: [Int]
    let padding: [Int]
    let stride: [Int]
    /// The number of windows in each dimension.
    var count: [Int] = []

    init(
        _ kernelSize: any ExtentsConvertible, _ dilation: any ExtentsConvertible, _ padding: any ExtentsConvertible,
        _ stride: any ExtentsConvertible, extents: [Int]
    ) throws(OpError) {
        kernel = try kernelSize._extents.spread(2, "kernelSize")
        self.dilation = try dilation._extents.spread(2, "dilation")
        self.padding = try padding._extents.spread(2, "padding")
        self.stride = try stride._extents.spread(2, "stride")
        for (name, values, least) in [
            ("kernelSize", kernel, 1), ("dilation", self.dilation, 1), ("padding", self.padding, 0), ("stride", self.stride, 1),
            ("the extents", extents, 1),
        ] {
            for value in values where value < least || value > 1 << 24 {
                throw OpError("\(name) \(values) must lie in \(least) ... \(1 << 24)")
            }
        }
        for d in 0..<2 {
            let room = extents[d] + 2 * self.padding[d] - self.dilation[d] * (kernel[d] - 1) - 1
            guard room >= 0 else {
                throw OpError(
                    "windows of kernelSize \(kernel) with dilation \(self.dilation) do not fit into \(extents) with padding \(self.padding)"
                )
            }
            count.append(room / self.stride[d] + 1)
        }
    }

    /// For each tap and window, the index in the padded input along dimension `d`.
    func places(_ d: Int, _ device: Device) -> Tensor {
        var result: [Int64] = []
        for tap in 0..<kernel[d] {
            for window in 0..<count[d] { result.append(Int64(window * stride[d] + tap * dilation[d])) }
        }
        return Tensor(result, shape: [result.count], device: device)
    }
}
