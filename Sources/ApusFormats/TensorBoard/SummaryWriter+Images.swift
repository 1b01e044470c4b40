import ApusCore

extension SummaryWriter {
    /// Writes a picture. `dataformats` names the dimensions of `imgTensor`: `CHW` (channels, height, width), `HWC`, `HW`, `WH` and so on.
    ///
    /// Elements are from 0 to 255 in a uint8 tensor, else from 0 to 1; others are clamped, and NaN is black. A picture has 1 channel (gray)
    /// or 3 (RGB). Throws an `OpError` for another number of channels or dimensions.
    public func addImage(
        _ tag: String, _ imgTensor: Tensor, globalStep: Int? = nil, walltime: Double? = nil, dataformats: String = "CHW"
    ) throws {
        let picture = try Picture(summary: imgTensor, dataformats)
        let image = SummaryValue.Image(
            height: Int64(picture.height), width: Int64(picture.width), channels: Int64(picture.channels), encoded: try picture.encoded())
        try write(.summary([SummaryValue(tag, .image(image))]), globalStep, walltime)
    }

    /// Writes a picture, by default of shape [channels, height, width].
    public func addImage(
        _ tag: String, _ imgTensor: Tensor, _ globalStep: Int, walltime: Double? = nil, dataformats: String = "CHW"
    ) throws {
        try addImage(tag, imgTensor, globalStep: globalStep, walltime: walltime, dataformats: dataformats)
    }

    /// Writes several pictures as one, eight per row.
    public func addImages(
        _ tag: String, _ imgTensor: Tensor, globalStep: Int? = nil, walltime: Double? = nil, dataformats: String = "NCHW"
    ) throws {
        try addImage(tag, imgTensor, globalStep: globalStep, walltime: walltime, dataformats: dataformats)
    }

    /// Writes several pictures as one, by default of shape [number, channels, height, width].
    public func addImages(
        _ tag: String, _ imgTensor: Tensor, _ globalStep: Int, walltime: Double? = nil, dataformats: String = "NCHW"
    ) throws {
        try addImages(tag, imgTensor, globalStep: globalStep, walltime: walltime, dataformats: dataformats)
    }
}

extension Picture {
    /// Converts a tensor with dimensions `format` to a picture. PyTorch: `convert_to_HWC` and `image` in its `summary` module.
    fileprivate init(summary tensor: Tensor, _ format: String) throws {
        func complain(_ text: String) -> OpError { OpError(text, op: "addImage") }
        let letters = Array(format.uppercased())
        guard ["HW", "CHW", "CHNW"].contains(String(letters.sorted())) else {
            throw complain("dataformats '\(printable(format))': H and W, C for channels and then N for pictures, each once")
        }
        guard tensor.ndim == letters.count else {
            throw complain("a tensor of shape \(tensor.shape) has \(tensor.ndim) dimensions, dataformats '\(format)' has \(letters.count)")
        }
        func size(_ letter: Character) -> Int { letters.firstIndex(of: letter).map { tensor.size($0) } ?? 1 }
        func stride(_ letter: Character) -> Int {
            letters.firstIndex(of: letter).map { tensor.shape[($0 + 1)...].reduce(1, *) } ?? 0
        }
        let (count, channels, height, width) = (size("N"), size("C"), size("H"), size("W"))
        guard [1, 3].contains(channels) else {
            throw complain(
                "a picture of \(channels) channels, there are 1 and 3; a tensor of shape \(tensor.shape) with dataformats '\(format)'")
        }
        let (columns, rows) = (min(count, 8), (count + 7) / 8)
        guard tensor.numel > 0, Shape([rows, height]).numel < 1 << 24, Shape([columns, width]).numel < 1 << 24 else {
            throw complain("a tensor of shape \(tensor.shape) makes no picture")
        }

        let values = try tensor.hostData().converted(to: .float32)
        let scale: Float = tensor.dtype == .uint8 ? 1 : 255
        var pixels = [UInt8](repeating: 0, count: rows * height * columns * width * channels)
        let steps = (n: stride("N"), c: stride("C"), y: stride("H"), x: stride("W"))
        let source = UnsafeBufferPointer(start: values.pointer.assumingMemoryBound(to: Float.self), count: values.numel)
        for n in 0..<count {
            for y in 0..<height {
                var out = ((n / 8 * height + y) * columns + n % 8) * width * channels
                for x in 0..<width {
                    for c in 0..<channels {
                        let value = source[n * steps.n + c * steps.c + y * steps.y + x * steps.x] * scale
                        pixels[out] = value > 0 ? UInt8(min(value, 255)) : 0
                        out += 1
                    }
                }
            }
        }
        withExtendedLifetime(values) {}
        self.init(width: columns * width, height: rows * height, channels: channels, pixels: pixels)
    }
}
