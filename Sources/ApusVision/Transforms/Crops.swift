import ApusCore
import ApusFormats
import ApusNN
import Glibc

/// Crops the picture at a random place. PyTorch: `torchvision.transforms.v2.RandomCrop`.
public struct RandomCrop: PictureStep, Hashable {
    /// Height and width, or one number for both.
    public let size: Extents
    /// How many pixels to pad before: at each side; left and right, then top and bottom; or left, top, right and bottom.
    public let padding: Extents?
    /// Whether a picture that is smaller than ``size`` is padded at both sides by what is missing.
    public let padIfNeeded: Bool
    /// The colour of the padding.
    public let fill: Picture.Fill
    /// The kind of padding.
    public let paddingMode: Picture.PaddingMode

    /// Traps unless there are one or two sizes from 1 to 65,536, and one, two or four numbers of pixels. ``apply(_:using:)`` traps if the
    /// picture is smaller than the crop and `padIfNeeded` is false, and if `fill` has three numbers and the picture one channel.
    public init(
        _ size: some ExtentsConvertible, padding: (any ExtentsConvertible)? = nil, padIfNeeded: Bool = false, fill: Picture.Fill = 0,
        paddingMode: Picture.PaddingMode = .constant
    ) {
        self.size = check(size._extents, "RandomCrop")
        self.padding = padding.map { check(edges: $0._extents, "RandomCrop") }
        (self.padIfNeeded, self.fill, self.paddingMode) = (padIfNeeded, fill, paddingMode)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let (height, width) = (size.values[0], size.values.last!)
        var (left, top, right, bottom) = padding.map { sides($0) } ?? (0, 0, 0, 0)
        var (spareRows, spareColumns) = (picture.height + top + bottom - height, picture.width + left + right - width)
        if padIfNeeded && spareRows < 0 {
            (top, bottom, spareRows) = (top - spareRows, bottom - spareRows, -spareRows)
        }
        if padIfNeeded && spareColumns < 0 {
            (left, right, spareColumns) = (left - spareColumns, right - spareColumns, -spareColumns)
        }
        guard spareRows >= 0, spareColumns >= 0 else {
            fail(
                "RandomCrop",
                "\(height) × \(width) pixels of a picture of \(spareRows + height) × \(spareColumns + width); padIfNeeded adds what is missing"
            )
            return picture
        }
        let row = generator.integer(0..<spareRows + 1), column = generator.integer(0..<spareColumns + 1)
        let isPadded = max(left, top, right, bottom) > 0
        let padded = isPadded ? picture.padded(left: left, top: top, right: right, bottom: bottom, fill: fill, mode: paddingMode) : picture
        return padded.cropped(top: row, left: column, height: height, width: width)
    }

    static let arguments = Signature(
        .extents("size"), .optionalExtents("padding"), .bool("pad_if_needed", false), .fill(0),
        .choice("padding_mode", Picture.PaddingMode.constant)
    ).constructs { size, padding, padIfNeeded, fill, mode in
        RandomCrop(size._extents, padding: padding, padIfNeeded: padIfNeeded, fill: fill, paddingMode: mode)
    }
}

/// Crops a part of random area, aspect ratio and place, and resizes it. PyTorch: `torchvision.transforms.v2.RandomResizedCrop`.
///
/// The share of the area is uniform in ``scale``; the logarithm of width / height is uniform in that of ``ratio``. If ten draws do not fit
/// into the picture, the crop is the largest centred one whose aspect ratio is within ``ratio``.
public struct RandomResizedCrop: PictureStep, Hashable {
    /// Height and width of the result, or one number for both.
    public let size: Extents
    /// The range of the crop's share of the picture's area.
    public let scale: ClosedRange<Double>
    /// The range of the crop's width / height.
    public let ratio: ClosedRange<Double>
    /// The filter of the resize.
    public let interpolation: Picture.Interpolation

    /// Traps unless there are one or two sizes from 1 to 65,536, `scale` is at least 0 and `ratio` is positive.
    public init(
        _ size: some ExtentsConvertible, scale: ClosedRange<Double> = 0.08...1, ratio: ClosedRange<Double> = 3.0 / 4...4.0 / 3,
        interpolation: Picture.Interpolation = .bilinear
    ) {
        self.size = check(size._extents, "RandomResizedCrop")
        if scale.lowerBound < 0 { fail("RandomResizedCrop", "the scale is \(scale), it must not be negative") }
        if ratio.lowerBound <= 0 { fail("RandomResizedCrop", "the ratio is \(ratio), it must be positive") }
        (self.scale, self.ratio, self.interpolation) = (scale, ratio, interpolation)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let part = part(height: picture.height, width: picture.width, generator)
        return picture.resized(part, width: size.values.last!, height: size.values[0], interpolation: interpolation)
    }

    /// The crop for a picture of that size.
    func part(height: Int, width: Int, _ generator: Generator) -> (top: Int, left: Int, height: Int, width: Int) {
        for _ in 0..<10 {
            let (h, w) = drawnSides(area: height * width, scale, ratio, generator)
            if 1...width ~= w, 1...height ~= h {
                return (generator.integer(0..<height - h + 1), generator.integer(0..<width - w + 1), h, w)
            }
        }
        var (h, w) = (height, width)
        let form = Double(width) / Double(height)
        if form < ratio.lowerBound {
            h = max(Int((Double(width) / ratio.lowerBound).rounded(.toNearestOrEven)), 1)
        } else if form > ratio.upperBound {
            w = max(Int((Double(height) * ratio.upperBound).rounded(.toNearestOrEven)), 1)
        }
        return ((height - h) / 2, (width - w) / 2, h, w)
    }

    static let arguments = Signature(
        .extents("size"), .interval("scale", 0.08...1), .interval("ratio", 3.0 / 4...4.0 / 3),
        .choice("interpolation", Picture.Interpolation.bilinear), .antialias
    ).constructs { size, scale, ratio, interpolation, _ in
        RandomResizedCrop(size._extents, scale: scale, ratio: ratio, interpolation: interpolation)
    }
}

/// Height and width of a random part: its share of `area` is uniform in `scale`, the logarithm of width / height uniform in that of
/// `ratio`.
func drawnSides(area: Int, _ scale: ClosedRange<Double>, _ ratio: ClosedRange<Double>, _ generator: Generator) -> (height: Int, width: Int)
{
    func side(_ square: Double) -> Int { Int(min(square.squareRoot().rounded(.toNearestOrEven), 1e9)) }
    let area = Double(area) * generator.uniform(scale)
    let form = exp(generator.uniform(log(ratio.lowerBound)...log(ratio.upperBound)))
    return (side(area / form), side(area * form))
}
