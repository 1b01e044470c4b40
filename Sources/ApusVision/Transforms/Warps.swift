import ApusCore
import ApusFormats
import ApusNN

/// Rotates the picture by a random angle. PyTorch: `torchvision.transforms.v2.RandomRotation`.
public struct RandomRotation: PictureStep, Hashable {
    /// The range of angles in degrees, counterclockwise.
    public let degrees: ClosedRange<Double>
    /// Nearest, bilinear or bicubic.
    public let interpolation: Picture.Interpolation
    /// Whether the result is large enough for the whole rotated picture; otherwise its corners are cut off.
    public let expand: Bool
    /// The colour of uncovered pixels.
    public let fill: Picture.Fill
    /// The centre of rotation, column and row; the middle of the picture if nil.
    public let center: [Double]?

    /// `degrees` is a range, or the largest angle in both directions. ``apply(_:using:)`` traps if `fill` has three numbers and the picture
    /// one channel.
    public init(
        degrees: any SpreadConvertible, interpolation: Picture.Interpolation = .nearest, expand: Bool = false,
        center: Picture.Point? = nil, fill: Picture.Fill = 0
    ) {
        self.degrees = degrees.spread(around: 0)
        (self.interpolation, self.expand, self.fill) = (check(interpolation, "RandomRotation"), expand, fill)
        self.center = center.map { [$0.x, $0.y] }
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        picture.rotated(
            by: generator.uniform(degrees), interpolation: interpolation, expand: expand, center: center.map { ($0[0], $0[1]) }, fill: fill)
    }

    static let arguments = Signature(
        .spread("degrees"), .choice("interpolation", Picture.Interpolation.nearest), .bool("expand", false), .optionalPoint("center"),
        .fill(0)
    ).constructs { degrees, interpolation, expand, center, fill in
        RandomRotation(degrees: degrees, interpolation: interpolation, expand: expand, center: center, fill: fill)
    }
}

/// Rotates, translates, scales and shears the picture at random. PyTorch: `torchvision.transforms.v2.RandomAffine`.
public struct RandomAffine: PictureStep, Hashable {
    /// The range of angles in degrees, clockwise.
    public let degrees: ClosedRange<Double>
    /// The largest translation in both directions, as shares of width and height; whole pixels are drawn.
    public let translate: [Double]?
    /// The range of scale factors.
    public let scale: ClosedRange<Double>?
    /// The ranges of shear angles: two numbers for x, and optionally two more for y.
    public let shear: [Double]?
    /// Nearest, bilinear or bicubic.
    public let interpolation: Picture.Interpolation
    /// The colour of uncovered pixels.
    public let fill: Picture.Fill
    /// The fixed point of rotation, scaling and shearing, column and row; the middle of the picture if nil.
    public let center: [Double]?

    /// `degrees` and `shear` are ranges, or the largest angle in both directions. Traps unless the shares of `translate` are from 0 to 1
    /// and `scale` is positive. ``apply(_:using:)`` traps if `fill` has three numbers and the picture one channel.
    public init(
        degrees: any SpreadConvertible, translate: (x: Double, y: Double)? = nil, scale: ClosedRange<Double>? = nil,
        shear: (any SpreadConvertible)? = nil, shearY: (any SpreadConvertible)? = nil,
        interpolation: Picture.Interpolation = .nearest, fill: Picture.Fill = 0, center: Picture.Point? = nil
    ) {
        let ranges = [shear ?? shearY.map { _ in 0.0 }, shearY].compactMap { $0?.spread(around: 0) }
        self.init(degrees, translate, scale, ranges.flatMap { [$0.lowerBound, $0.upperBound] }, interpolation, fill, center)
    }

    private init(
        _ degrees: any SpreadConvertible, _ translate: (x: Double, y: Double)?, _ scale: ClosedRange<Double>?, _ shear: [Double],
        _ interpolation: Picture.Interpolation, _ fill: Picture.Fill, _ center: Picture.Point?
    ) {
        if let translate, !(0...1 ~= translate.x && 0...1 ~= translate.y) {
            fail("RandomAffine", "translate is \(translate), it must be from 0 to 1")
        }
        if let scale, scale.lowerBound <= 0 { fail("RandomAffine", "the scale is \(scale), it must be positive") }
        self.degrees = degrees.spread(around: 0)
        self.translate = translate.map { [$0.x, $0.y] }
        self.shear = shear.isEmpty ? nil : shear
        (self.scale, self.interpolation, self.fill) = (scale, check(interpolation, "RandomAffine"), fill)
        self.center = center.map { [$0.x, $0.y] }
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        func way(_ share: Double, _ side: Int) -> Double {
            let furthest = share * Double(side)
            return generator.uniform(-furthest...furthest).rounded(.toNearestOrEven)
        }
        let angle = generator.uniform(degrees)
        let moved = translate.map { (way($0[0], picture.width), way($0[1], picture.height)) } ?? (0, 0)
        let scaled = scale.map { generator.uniform($0) } ?? 1
        let x = shear.map { generator.uniform($0[0]...$0[1]) } ?? 0
        let y = shear.map { $0.count == 4 ? generator.uniform($0[2]...$0[3]) : 0 } ?? 0
        return picture.affine(
            angle: angle, translate: moved, scale: scaled, shear: (x, y), interpolation: interpolation, fill: fill,
            center: center.map { ($0[0], $0[1]) })
    }

    static let arguments = Signature(
        .spread("degrees"), .optionalPoint("translate"), .optionalInterval("scale"), .shear,
        .choice("interpolation", Picture.Interpolation.nearest), .fill(0), .optionalPoint("center")
    ).constructs { degrees, translate, scale, shear, interpolation, fill, center in
        RandomAffine(degrees, translate, scale, shear, interpolation, fill, center)
    }
}

/// Applies a random perspective transform with probability `p`: each corner moves inwards by up to ``distortionScale`` of half of each
/// side.
/// PyTorch: `torchvision.transforms.v2.RandomPerspective`.
public struct RandomPerspective: PictureStep, Hashable {
    /// The probability, from 0 to 1.
    public let p: Double
    /// From 0 to 1.
    public let distortionScale: Double
    /// Nearest, bilinear or bicubic.
    public let interpolation: Picture.Interpolation
    /// The colour of uncovered pixels.
    public let fill: Picture.Fill

    /// Traps unless `distortionScale` and `p` are from 0 to 1. ``apply(_:using:)`` traps if `fill` has three numbers and the picture one
    /// channel.
    public init(
        distortionScale: Double = 0.5, p: Double = 0.5, interpolation: Picture.Interpolation = .bilinear, fill: Picture.Fill = 0
    ) {
        if !(0...1 ~= distortionScale) { fail("RandomPerspective", "distortionScale is \(distortionScale), it must be from 0 to 1") }
        (self.p, self.distortionScale) = (probability(p, "RandomPerspective"), distortionScale)
        (self.interpolation, self.fill) = (check(interpolation, "RandomPerspective"), fill)
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        guard generator.happens(p) else { return picture }
        let (from, to) = points(height: picture.height, width: picture.width, generator)
        return picture.perspective(from: from, to: to, interpolation: interpolation, fill: fill)
    }

    /// The corners of a picture of that size, and where they are moved to.
    func points(height: Int, width: Int, _ generator: Generator) -> (from: [Picture.Point], to: [Picture.Point]) {
        let (across, down) = (Int(distortionScale * Double(width / 2)) + 1, Int(distortionScale * Double(height / 2)) + 1)
        let (left, right) = (0..<across, width - across..<width)
        let (top, bottom) = (0..<down, height - down..<height)
        func corner(_ columns: Range<Int>, _ rows: Range<Int>) -> Picture.Point {
            (Double(generator.integer(columns)), Double(generator.integer(rows)))
        }
        let (lastColumn, lastRow) = (Double(width - 1), Double(height - 1))
        return (
            [(0, 0), (lastColumn, 0), (lastColumn, lastRow), (0, lastRow)],
            [corner(left, top), corner(right, top), corner(right, bottom), corner(left, bottom)]
        )
    }

    static let arguments = Signature(
        .double("distortion_scale", 0.5), .double("p", 0.5), .choice("interpolation", Picture.Interpolation.bilinear), .fill(0)
    ).constructs { RandomPerspective(distortionScale: $0, p: $1, interpolation: $2, fill: $3) }
}

/// Returns `interpolation` if pictures can be warped with it; traps otherwise.
func check(_ interpolation: Picture.Interpolation, _ op: String) -> Picture.Interpolation {
    if [.nearest, .bilinear, .bicubic].contains(interpolation) { return interpolation }
    fail(op, "the interpolation '\(interpolation.rawValue)' is for resizing; here it is 'nearest', 'bilinear' or 'bicubic'")
    return .nearest
}
