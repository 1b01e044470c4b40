import ApusCore
import ApusFormats
import CKernels

extension Picture {
    /// How a picture is padded. PyTorch: the `padding_mode` of `torchvision.transforms.v2.Pad`.
    public enum PaddingMode: String, CaseIterable, Sendable {
        /// A constant colour.
        case constant
        /// The pixel at the edge, repeated.
        case edge
        /// The picture mirrored without repeating its edge: `c b | a b c | b a`.
        case reflect
        /// The picture mirrored with its edge repeated: `b a | a b c | c b`.
        case symmetric
    }

    /// A colour: one number for all channels, or one for each, from 0 to 255.
    public struct Fill: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
        /// The given numbers.
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

        /// One byte per channel; traps if their numbers differ.
        func bytes(_ channels: Int) -> [UInt8] {
            guard values.count == 1 || values.count == channels else {
                fail("fill", "\(values.count) numbers for a picture of \(channels) channels")
                return [UInt8](repeating: 0, count: channels)
            }
            return (0..<channels).map { UInt8(clamping: values[values.count == 1 ? 0 : $0]) }
        }
    }

    /// The `height` × `width` pixels from row `top` and column `left` on; black outside of the picture. Pillow: `crop`.
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

    /// The centre of the picture; a smaller picture is surrounded by black. PyTorch: `v2.functional.center_crop`.
    public func centerCropped(height: Int, width: Int) -> Picture {
        /// The first row or column: half of the difference. An odd difference is rounded to even for a crop; when padding, the extra pixel
        /// goes to the end.
        func first(_ old: Int, _ new: Int) -> Int {
            new > old ? -((new - old) / 2) : Int((Double(old - new) / 2).rounded(.toNearestOrEven))
        }
        return cropped(top: first(self.height, height), left: first(self.width, width), height: height, width: width)
    }

    /// Adds pixels at each side. Mirrored padding repeats if it is larger than the picture.
    ///
    /// PyTorch: `v2.functional.pad` of PIL images, without negative numbers; use ``cropped(top:left:height:width:)`` to remove pixels.
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
