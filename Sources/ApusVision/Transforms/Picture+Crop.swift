import ApusCore
import ApusFormats
import CKernels

extension Picture {
    /// What surrounds a picture. PyTorch: the `padding_mode` of `torchvision.transforms.v2.Pad`.
    public enum PaddingMode: String, CaseIterable, Sendable {
        /// A colour.
        case constant
        /// The pixel at the edge, again and again.
        case edge
        /// The picture mirrored, without its edge: `c b | a b c | b a`.
        case reflect
        /// The picture mirrored, with its edge: `b a | a b c | c b`.
        case symmetric
    }

    /// A colour: one number for all channels, or one for each, from 0 to 255.
    public struct Fill: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
        /// The numbers as they were given.
        public let values: [Int]

        /// Traps unless there are one or three numbers from 0 to 255.
        public init(_ values: [Int]) {
            if ![1, 3].contains(values.count) || values.contains(where: { !(0...255).contains($0) }) {
                fail("fill", "\(values), where one or three numbers from 0 to 255 are wanted")
            }
            self.values = values
        }
        public init(integerLiteral value: Int) { self.init([value]) }
        public init(arrayLiteral values: Int...) { self.init(values) }
        /// The same number for all channels.
        public init(_ value: Int) { self.init([value]) }

        /// A byte for each channel; traps where there are other numbers of them.
        func bytes(_ channels: Int) -> [UInt8] {
            guard values.count == 1 || values.count == channels else {
                fail("fill", "\(values.count) numbers for a picture of \(channels) channels")
                return [UInt8](repeating: 0, count: channels)
            }
            return (0..<channels).map { UInt8(clamping: values[values.count == 1 ? 0 : $0]) }
        }
    }

    /// The `height` × `width` pixels from row `top` and column `left` on; black where there are none. Pillow: `crop`.
    public func cropped(top: Int, left: Int, height: Int, width: Int) -> Picture {
        guard height > 0, width > 0 else {
            fail("Picture.cropped", "\(width) × \(height) pixels, where both must be at least 1")
            return self
        }
        func places(_ first: Int, _ count: Int, _ old: Int) -> [Int32] { (first..<first + count).map { 0..<old ~= $0 ? Int32($0) : -1 } }
        let (rows, columns) = (places(top, height, self.height), places(left, width, self.width))
        let isInside = rows.min()! >= 0 && columns.min()! >= 0
        return picked(rows: rows, columns: columns, fill: isInside ? nil : [UInt8](repeating: 0, count: channels))
    }

    /// The middle of the picture; where it is smaller, black surrounds it. PyTorch: `v2.functional.center_crop`.
    public func centerCropped(height: Int, width: Int) -> Picture {
        /// The first row or column: the half of what is too much or missing, a half of a pixel going to the even number of a crop, and to the
        /// end of what is added.
        func first(_ old: Int, _ new: Int) -> Int {
            new > old ? -((new - old) / 2) : Int((Double(old - new) / 2).rounded(.toNearestOrEven))
        }
        return cropped(top: first(self.height, height), left: first(self.width, width), height: height, width: width)
    }

    /// The picture with that many pixels more at each side. Mirrors repeat where they are smaller than what is added.
    ///
    /// PyTorch: `v2.functional.pad` of PIL's images, without its negative numbers; ``cropped(top:left:height:width:)`` takes pixels away.
    public func padded(left: Int, top: Int, right: Int, bottom: Int, fill: Fill = 0, mode: PaddingMode = .constant) -> Picture {
        guard min(left, top, right, bottom) >= 0 else {
            fail("Picture.padded", "\([left, top, right, bottom]) pixels, where none may be negative")
            return self
        }
        func places(_ before: Int, _ old: Int, _ after: Int) -> [Int32] {
            (-before..<old + after).map { i in
                switch mode {
                case .constant: 0..<old ~= i ? Int32(i) : -1
                case .edge: Int32(min(max(i, 0), old - 1))
                case .reflect: Int32(apus_mirrored(Int64(i), Int64(old), false))
                case .symmetric: Int32(apus_mirrored(Int64(i), Int64(old), true))
                }
            }
        }
        return picked(
            rows: places(top, height, bottom), columns: places(left, width, right), fill: mode == .constant ? fill.bytes(channels) : nil)
    }
}
