import ApusCore

// Kernel sizes, strides and paddings as Python's tuples: `Conv2d(1, 64, (5, 5), padding: (2, 2))`. A tuple can conform to no protocol, so these
// take pairs and nothing else; `[5, 5]` and `5` are the general form.

extension Conv2d {
    /// The same as with lists: rows, then columns.
    public convenience init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: (Int, Int), stride: (Int, Int) = (1, 1), padding: (Int, Int) = (0, 0),
        dilation: (Int, Int) = (1, 1), groups: Int = 1, bias: Bool = true, paddingMode: PaddingMode = .zeros, device: Device = .cpu,
        dtype: DType = .float32
    ) {
        self.init(
            inChannels, outChannels, [kernelSize.0, kernelSize.1], stride: [stride.0, stride.1], padding: [padding.0, padding.1],
            dilation: [dilation.0, dilation.1], groups: groups, bias: bias, paddingMode: paddingMode, device: device, dtype: dtype)
    }
}

extension ConvTranspose2d {
    /// The same as with lists: rows, then columns.
    public convenience init(
        _ inChannels: Int, _ outChannels: Int, _ kernelSize: (Int, Int), stride: (Int, Int) = (1, 1), padding: (Int, Int) = (0, 0),
        outputPadding: (Int, Int) = (0, 0), groups: Int = 1, bias: Bool = true, dilation: (Int, Int) = (1, 1),
        paddingMode: PaddingMode = .zeros, device: Device = .cpu, dtype: DType = .float32
    ) {
        self.init(
            inChannels, outChannels, [kernelSize.0, kernelSize.1], stride: [stride.0, stride.1], padding: [padding.0, padding.1],
            outputPadding: [outputPadding.0, outputPadding.1], groups: groups, bias: bias, dilation: [dilation.0, dilation.1],
            paddingMode: paddingMode, device: device, dtype: dtype)
    }
}
