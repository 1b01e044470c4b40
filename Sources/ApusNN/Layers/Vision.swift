import ApusCore

/// Each window of images [N, C, H, W] or [C, H, W] as a column: [N, C·∏kernel, windows] or [C·∏kernel, windows]. PyTorch: `nn.Unfold`.
public final class Unfold: Module, DeclaredModule {
    /// The size of the window.
    public let kernelSize: Extents
    /// Steps between the elements of a window.
    public let dilation: Extents
    /// The padding on each side, per dimension.
    public let padding: Extents
    /// Steps between windows.
    public let stride: Extents

    /// The windows are those of a convolution with the same arguments.
    public init(
        _ kernelSize: any ExtentsConvertible, dilation: any ExtentsConvertible = 1, padding: any ExtentsConvertible = 0,
        stride: any ExtentsConvertible = 1
    ) {
        self.kernelSize = kernelSize._extents
        self.dilation = dilation._extents
        self.padding = padding._extents
        self.stride = stride._extents
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor {
        F.unfold(x, kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride)
    }
    static let arguments = Signature(
        .extents("kernel_size").shown, .extents("dilation", 1).shown, .extents("padding", 0).shown, .extents("stride", 1).shown
    ).makes(Unfold.init(_:dilation:padding:stride:))
}

/// Adds up windows where they overlap in images of `outputSize`, the transpose of `Unfold`: [N, C·∏kernel, windows] → [N, C, *outputSize],
/// or without N. PyTorch: `nn.Fold`.
public final class Fold: Module, DeclaredModule {
    /// The extents of the output.
    public let outputSize: Extents
    /// The size of the window.
    public let kernelSize: Extents
    /// Steps between the elements of a window.
    public let dilation: Extents
    /// The padding on each side, per dimension.
    public let padding: Extents
    /// Steps between windows.
    public let stride: Extents

    /// The windows are those of a convolution over `outputSize` with the same arguments.
    public init(
        _ outputSize: any ExtentsConvertible, _ kernelSize: any ExtentsConvertible, dilation: any ExtentsConvertible = 1,
        padding: any ExtentsConvertible = 0, stride: any ExtentsConvertible = 1
    ) {
        self.outputSize = outputSize._extents
        self.kernelSize = kernelSize._extents
        self.dilation = dilation._extents
        self.padding = padding._extents
        self.stride = stride._extents
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor {
        F.fold(x, outputSize, kernelSize: kernelSize, dilation: dilation, padding: padding, stride: stride)
    }
    static let arguments = Signature(
        .extents("output_size").shown, .extents("kernel_size").shown, .extents("dilation", 1).shown, .extents("padding", 0).shown,
        .extents("stride", 1).shown
    ).makes(Fold.init(_:_:dilation:padding:stride:))
}

/// Moves channels into space: [*, C·r², H, W] → [*, C, H·r, W·r]. PyTorch: `nn.PixelShuffle`.
public final class PixelShuffle: Module, DeclaredModule {
    /// The factor r by which height and width grow.
    public let upscaleFactor: Int
    /// `upscaleFactor` is r.
    public init(_ upscaleFactor: Int) {
        self.upscaleFactor = upscaleFactor
        super.init()
    }
    public override func forward(_ x: Tensor) -> Tensor { F.pixelShuffle(x, upscaleFactor) }
    static let arguments = Signature(.int("upscale_factor").shown).makes(PixelShuffle.init)
}

/// Moves space into channels: [*, C, H·r, W·r] → [*, C·r², H, W]. PyTorch: `nn.PixelUnshuffle`.
public final class PixelUnshuffle: Module, DeclaredModule {
    /// The factor r by which height and width shrink.
    public let downscaleFactor: Int
    /// `downscaleFactor` is r.
    public init(_ downscaleFactor: Int) {
        self.downscaleFactor = downscaleFactor
        super.init()
    }
    public override func forward(_ x: Tensor) -> Tensor { F.pixelUnshuffle(x, downscaleFactor) }
    static let arguments = Signature(.int("downscale_factor").shown).makes(PixelUnshuffle.init)
}

/// Reorders the channels of [N, C, *]: the first of each of `groups` groups, then the second of each and so on. PyTorch:
/// `nn.ChannelShuffle`.
public final class ChannelShuffle: Module, DeclaredModule {
    /// The number of groups of channels.
    public let groups: Int
    /// `groups` must divide the channels.
    public init(_ groups: Int) {
        self.groups = groups
        super.init()
    }
    public override func forward(_ x: Tensor) -> Tensor { F.channelShuffle(x, groups) }
    static let arguments = Signature(.int("groups").shown).makes(ChannelShuffle.init)
}

/// Resizes sequences, images or volumes to `size` or by `scaleFactor`; see `F.interpolate`. PyTorch: `nn.Upsample`.
public class Upsample: Module, DeclaredModule {
    /// The extents of the output; nil where `scaleFactor` is given.
    public let size: Extents?
    /// The factors of the input's extents; nil where `size` is given.
    public let scaleFactor: [Double]?
    /// The mode, with PyTorch's name as raw value.
    public let mode: InterpolationMode
    /// Whether the centres of the corner elements of input and output coincide.
    public let alignCorners: Bool?
    /// Whether positions use the ratio of the rounded extents instead of the factor.
    public let recomputeScaleFactor: Bool

    /// Resizes to the extents `size`, or by one factor for all dimensions or one for each: `Upsample(scaleFactor: 2)`.
    public init(
        size: (any ExtentsConvertible)? = nil, scaleFactor: (any ScaleFactorConvertible)? = nil, mode: InterpolationMode = .nearest,
        alignCorners: Bool? = nil,
        recomputeScaleFactor: Bool = false
    ) {
        self.size = size?._extents
        self.scaleFactor = scaleFactor?._scaleFactors
        self.mode = mode
        self.alignCorners = alignCorners
        self.recomputeScaleFactor = recomputeScaleFactor
        super.init()
    }

    public override func forward(_ x: Tensor) -> Tensor {
        F.interpolate(
            x, size: size, scaleFactor: scaleFactor, mode: mode, alignCorners: alignCorners, recomputeScaleFactor: recomputeScaleFactor)
    }
    // PyTorch prints the factors or else the extents. One factor is printed as a number; here it is stored as a list.
    public override var extraRepr: String {
        let target = scaleFactor.map { "scale_factor=\($0.count == 1 ? repr($0[0]) : repr($0))" } ?? "size=\(repr(size))"
        return "\(target), mode='\(mode.rawValue)'"
    }

    class var arguments: ModuleConstructor {
        Signature(
            .optionalExtents("size"), .optionalScaleFactors("scale_factor"), .choice("mode", InterpolationMode.nearest),
            .optionalBool("align_corners"),
            .optionalBool("recompute_scale_factor")
        ).makes { size, factors, mode, corners, recomputes in
            Upsample(size: size, scaleFactor: factors, mode: mode, alignCorners: corners, recomputeScaleFactor: recomputes ?? false)
        }
    }
}

/// Resizes images in mode `nearest`. PyTorch: `nn.UpsamplingNearest2d`.
public final class UpsamplingNearest2d: Upsample {
    /// Arguments, order and defaults of PyTorch's `nn.UpsamplingNearest2d`.
    public init(size: (any ExtentsConvertible)? = nil, scaleFactor: (any ScaleFactorConvertible)? = nil) {
        super.init(size: size, scaleFactor: scaleFactor, mode: .nearest)
    }

    override class var arguments: ModuleConstructor {
        Signature(.optionalExtents("size"), .optionalScaleFactors("scale_factor")).makes(UpsamplingNearest2d.init)
    }
}

/// Resizes images bilinearly with aligned corners. PyTorch: `nn.UpsamplingBilinear2d`.
public final class UpsamplingBilinear2d: Upsample {
    /// Arguments, order and defaults of PyTorch's `nn.UpsamplingBilinear2d`.
    public init(size: (any ExtentsConvertible)? = nil, scaleFactor: (any ScaleFactorConvertible)? = nil) {
        super.init(size: size, scaleFactor: scaleFactor, mode: .bilinear, alignCorners: true)
    }

    override class var arguments: ModuleConstructor {
        Signature(.optionalExtents("size"), .optionalScaleFactors("scale_factor")).makes(UpsamplingBilinear2d.init)
    }
}
