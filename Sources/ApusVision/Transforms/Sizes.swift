import ApusCore
import ApusFormats
import ApusNN

/// The picture in another size. PyTorch: `torchvision.transforms.v2.Resize`.
public struct Resize: PictureStep, Hashable {
    /// Height and width; or one number for the shorter side, with the longer one in proportion (rounded down). Where it is nil the longer
    /// side is ``maxSize``.
    public let size: Extents?
    /// How values between pixels are computed.
    public let interpolation: Picture.Interpolation
    /// The most that the longer side may have; the shorter one follows.
    public let maxSize: Int?

    /// Traps unless there are one or two sizes from 1 to 65,536, and with `maxSize` one smaller than it.
    public init(_ size: some ExtentsConvertible, interpolation: Picture.Interpolation = .bilinear, maxSize: Int? = nil) {
        self.init(size: size.extents, interpolation, maxSize)
    }

    /// Brings the longer side to `maxSize`. Traps unless that is from 1 to 65,536.
    public init(maxSize: Int, interpolation: Picture.Interpolation = .bilinear) { self.init(size: nil, interpolation, maxSize) }

    private init(size: Extents?, _ interpolation: Picture.Interpolation, _ maxSize: Int?) {
        (self.size, self.interpolation, self.maxSize) = (size.map { Extents($0.values) }, interpolation, maxSize)
        if size == nil && maxSize == nil { fail("Resize", "neither size nor maxSize is given") }
        if let size { check(size, "Resize") }
        guard let maxSize else { return }
        if !(1...largest ~= maxSize) { fail("Resize", "maxSize is \(maxSize), it must be from 1 to \(largest)") }
        if let size, size.values.count != 1 || size.values[0] >= maxSize {
            fail("Resize", "maxSize is \(maxSize) and the size \(size.values), which must be one number smaller than it")
        }
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let (height, width) = firstSize(height: picture.height, width: picture.width)!
        return (height, width) == (picture.height, picture.width)
            ? picture : picture.resized(width: width, height: height, interpolation: interpolation)
    }

    public func firstSize(height: Int, width: Int) -> (height: Int, width: Int)? {
        if let size, size.values.count == 2 { return (size.values[0], size.values[1]) }
        let (short, long) = (min(height, width), max(height, width))
        var new = (short: size?.values[0] ?? 0, long: maxSize ?? 0)
        if let size { new = (size.values[0], size.values[0] * long / short) } else { new.short = new.long * short / long }
        if let maxSize, new.long > maxSize { new = (maxSize * new.short / new.long, maxSize) }
        let (shorter, longer) = (max(new.short, 1), max(new.long, 1))
        return width <= height ? (longer, shorter) : (shorter, longer)
    }

    static let arguments = Signature(
        .optionalExtents("size"), .choice("interpolation", Picture.Interpolation.bilinear), .optionalInt("max_size"), .antialias
    ).constructs { size, interpolation, maxSize, _ in Resize(size: size?.extents, interpolation, maxSize) }
}

/// The middle of the picture, in a size; what is missing of it is black. PyTorch: `torchvision.transforms.v2.CenterCrop`.
public struct CenterCrop: PictureStep, Hashable {
    /// Height and width, or one number for both.
    public let size: Extents

    /// Traps unless there are one or two sizes from 1 to 65,536.
    public init(_ size: some ExtentsConvertible) { self.size = check(size.extents, "CenterCrop") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        picture.centerCropped(height: size.values[0], width: size.values.last!)
    }

    static let arguments = Signature(.extents("size")).constructs { CenterCrop($0.extents) }
}

/// The picture with pixels around it. PyTorch: `torchvision.transforms.v2.Pad`.
public struct Pad: PictureStep, Hashable {
    /// How many: at each side, or left and right and then top and bottom, or left, top, right and bottom.
    public let padding: Extents
    /// Their colour.
    public let fill: Picture.Fill
    /// What they are.
    public let paddingMode: Picture.PaddingMode

    /// Traps unless there are one, two or four numbers from 0 to 65,536. ``apply(_:using:)`` traps where `fill` has three numbers and the picture
    /// one channel.
    public init(_ padding: some ExtentsConvertible, fill: Picture.Fill = 0, paddingMode: Picture.PaddingMode = .constant) {
        (self.padding, self.fill, self.paddingMode) = (check(edges: padding.extents, "Pad"), fill, paddingMode)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let (left, top, right, bottom) = sides(padding)
        return picture.padded(left: left, top: top, right: right, bottom: bottom, fill: fill, mode: paddingMode)
    }

    static let arguments = Signature(.extents("padding"), .fill(0), .choice("padding_mode", Picture.PaddingMode.constant))
        .constructs { Pad($0.extents, fill: $1, paddingMode: $2) }
}

/// The most pixels of a side that a transform makes, so that a slip in a file does not ask for all memory.
private let largest = 1 << 16

/// `size` as height and width where it has one or two numbers from 1 to 65,536; traps otherwise.
@discardableResult func check(_ size: Extents, _ op: String) -> Extents {
    if (1...2).contains(size.values.count), size.values.allSatisfy({ 1...largest ~= $0 }) {
        return Extents([size.values[0], size.values.last!])
    }
    fail(op, "the size is \(size.values); wanted are one or two numbers from 1 to \(largest)")
    return Extents([1, 1])
}

/// `padding` where it has one, two or four numbers from 0 to 65,536; traps otherwise.
func check(edges padding: Extents, _ op: String) -> Extents {
    if [1, 2, 4].contains(padding.values.count), padding.values.allSatisfy({ 0...largest ~= $0 }) { return padding }
    fail(op, "the padding is \(padding.values); wanted are one, two or four numbers from 0 to \(largest)")
    return Extents(0)
}

/// One, two or four numbers of pixels as those at each side.
func sides(_ padding: Extents) -> (left: Int, top: Int, right: Int, bottom: Int) {
    let values = padding.values
    return (values[0], values[1 % values.count], values[2 % values.count], values[3 % values.count])
}
