import ApusCore

extension ModuleTable {
    static let vision: [Entry] = [
        Entry("Unfold") { a in
            let (kernel, dilation) = (try a.extents("kernel_size"), try a.extents("dilation", Extents(1)))
            return Unfold(kernelSize: kernel, dilation: dilation, padding: try a.extents("padding", Extents(0)), stride: try a.extents("stride", Extents(1)))
        },
        Entry("Fold") { a in
            let (size, kernel, dilation) = (try a.extents("output_size"), try a.extents("kernel_size"), try a.extents("dilation", Extents(1)))
            return Fold(size, kernelSize: kernel, dilation: dilation, padding: try a.extents("padding", Extents(0)), stride: try a.extents("stride", Extents(1)))
        },
        Entry("PixelShuffle") { a in PixelShuffle(try a.int("upscale_factor")) },
        Entry("PixelUnshuffle") { a in PixelUnshuffle(try a.int("downscale_factor")) },
        Entry("ChannelShuffle") { a in ChannelShuffle(try a.int("groups")) },
        Entry("Upsample") { a in
            let (size, factors, mode) = (try a.optionalExtents("size"), try a.scaleFactor(), try a.choice("mode", InterpolationMode.nearest))
            let corners = try a.optionalBool("align_corners")
            return Upsample(size: size, scaleFactor: factors, mode: mode, alignCorners: corners, recomputeScaleFactor: try a.optionalBool("recompute_scale_factor") ?? false)
        },
        Entry("UpsamplingNearest2d") { a in
            let size = try a.optionalExtents("size")
            return UpsamplingNearest2d(size: size, scaleFactor: try a.scaleFactor())
        },
        Entry("UpsamplingBilinear2d") { a in
            let size = try a.optionalExtents("size")
            return UpsamplingBilinear2d(size: size, scaleFactor: try a.scaleFactor())
        },
    ]
}

extension Arguments {
    fileprivate mutating func scaleFactor() throws -> [Double]? { try readOptional("scale_factor", "a number or a list of numbers", \.doubles) }
}
