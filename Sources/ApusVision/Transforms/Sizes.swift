import ApusCore
import ApusFormats
import ApusNN

/// Resizes the picture. PyTorch: `torchvision.transforms.v2.Resize`.
public struct Resize: PictureStep, Hashable {
    /// Height and width; or one number for the shorter side, with the longer side in proportion (rounded down). Nil to resize the longer
    /// side to ``maxSize``.
    public let size: Extents?
    /// The filter.
    public let interpolation: Picture.Interpolation
    /// The largest allowed length of the longer side; the shorter side is reduced in proportion.
    public let maxSize: Int?

    /// Traps unless there are one or two sizes from 1 to 65,536; with `maxSize`, unless there is one size below it.
    public init(_ size: some ExtentsConvertible, interpolation: Picture.Interpolation = .bilinear, maxSize: Int? = nil) {
        self.init(size: size._extents, interpolation, maxSize)
    }

    /// Resizes the longer side to `maxSize`. Traps unless that is from 1 to 65,536.
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
    ).constructs { size, interpolation, maxSize, _ in Resize(size: size?._extents, interpolation, maxSize) }
}

/// Crops the centre of the picture; a smaller picture is surrounded by black. PyTorch: `torchvision.transforms.v2.CenterCrop`.
public struct CenterCrop: PictureStep, Hashable {
    /// Height and width, or one number for both.
    public let size: Extents

    /// Traps unless there are one or two sizes from 1 to 65,536.
    public init(_ size: some ExtentsConvertible) { self.size = check(size._extents, "CenterCrop") }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        picture.centerCropped(height: size.values[0], width: size.values.last!)
    }

    static let arguments = Signature(.extents("size")).constructs { CenterCrop($0._extents) }
}

/// Pads the picture. PyTorch: `torchvision.transforms.v2.Pad`.
public struct Pad: PictureStep, Hashable {
    /// How many pixels to add: at each side; left and right, then top and bottom; or left, top, right and bottom.
    public let padding: Extents
    /// The colour of the padding.
    public let fill: Picture.Fill
    /// The kind of padding.
    public let paddingMode: Picture.PaddingMode

    /// Traps unless there are one, two or four numbers from 0 to 65,536. ``apply(_:using:)`` traps if `fill` has three numbers and the
    /// picture one channel.
    public init(_ padding: some ExtentsConvertible, fill: Picture.Fill = 0, paddingMode: Picture.PaddingMode = .constant) {
        (self.padding, self.fill, self.paddingMode) = (check(edges: padding._extents, "Pad"), fill, paddingMode)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let (left, top, right, bottom) = sides(padding)
        return picture.padded(left: left, top: top, right: right, bottom: bottom, fill: fill, mode: paddingMode)
    }

    static let arguments = Signature(.extents("padding"), .fill(0), .choice("padding_mode", Picture.PaddingMode.constant))
        .constructs { Pad($0._extents, fill: $1, paddingMode: $2) }
}

/// The largest side that a transform makes, so that a typing error in a file does not ask for all memory.
private let largest = 1 << 16

/// `size` as height and width if it has one or two numbers from 1 to 65,536; traps otherwise.
@discardableResult func check(_ size: Extents, _ op: String) -> Extents {
    if (1...2).contains(size.values.count), size.values.allSatisfy({ 1...largest ~= $0 }) {
        return Extents([size.values[0], size.values.last!])
    }
    fail(op, "the size is \(size.values); wanted are one or two numbers from 1 to \(largest)")
    return Extents([1, 1])
}

/// Returns `padding` if it has one, two or four numbers from 0 to 65,536; traps otherwise.
func check(edges padding: Extents, _ op: String) -> Extents {
    if [1, 2, 4].contains(padding.values.count), padding.values.allSatisfy({ 0...largest ~= $0 }) { return padding }
    fail(op, "the padding is \(padding.values); wanted are one, two or four numbers from 0 to \(largest)")
    return Extents(0)
}

/// Expands one, two or four numbers of pixels to those at each side.
func sides(_ padding: Extents) -> (left: Int, top: Int, right: Int, bottom: Int) {
    let values = padding.values
    return (values[0], values[1 % values.count], values[2 % values.count], values[3 % values.count])
}
