import ApusCore
import ApusFormats
import ApusNN

/// The picture in another size. PyTorch: `torchvision.transforms.v2.Resize`.
public struct Resize: PictureStep, Hashable {
    /// Height and width; or one number for the shorter side, with the longer one in proportion (rounded down).
    public let size: Extents

    /// Traps unless there are one or two sizes of at least 1.
    public init(_ size: some ExtentsConvertible) {
        self.size = size.extents
        if !(1...2).contains(self.size.values.count) || self.size.values.contains(where: { $0 < 1 }) {
            fail("Resize", "the size is \(self.size); wanted are one or two numbers of at least 1")
        }
    }

    public func apply(_ picture: Picture, using generator: Generator) -> Picture {
        let (height, width) = firstSize(height: picture.height, width: picture.width)!
        return picture.resized(width: width, height: height)
    }

    public func firstSize(height: Int, width: Int) -> (height: Int, width: Int)? {
        if size.values.count == 2 { return (size.values[0], size.values[1]) }
        let side = size.values[0]
        return width <= height ? (max(side * height / width, 1), side) : (side, max(side * width / height, 1))
    }

    static let arguments = Signature(.extents("size").shown).constructs { Resize($0.extents) }
}
