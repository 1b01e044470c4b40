/// How a stored picture must be rotated and mirrored for display: EXIF's tag 274, with its eight values.
///
/// Pillow: `ImageOps.exif_transpose`.
package enum Orientation: Int, CaseIterable, Sendable {
    case asStored = 1
    case mirrored = 2
    case halfTurn = 3
    case flipped = 4
    case transposed = 5
    case clockwise = 6
    case transposedBackwards = 7
    case counterclockwise = 8

    /// Whether width and height are swapped.
    var swapsSides: Bool { rawValue >= 5 }

    /// The orientation in EXIF data, which is a TIFF file; as stored if there is none, or if its value is not valid.
    init(exif region: ByteRegion?) {
        self = region.flatMap { region in region.withBytes { Orientation.read($0) } }.flatMap(Orientation.init(rawValue:)) ?? .asStored
    }

    private static func read(_ bytes: UnsafeRawBufferPointer) -> Int? {
        // Some programs write the name of JPEG's segment to other files too.
        let tiff = UnsafeRawBufferPointer(rebasing: bytes.starts(with: "Exif\0\0".utf8) ? bytes.dropFirst(6) : bytes[...])
        guard tiff.count >= 8, let isBig = tiff.starts(with: "MM".utf8) ? true : tiff.starts(with: "II".utf8) ? false : nil else {
            return nil
        }
        func number(_ at: Int, _ count: Int) -> Int? {
            guard at >= 0, at + count <= tiff.count else { return nil }
            let digits = tiff[at..<(at + count)]
            return (isBig ? Array(digits) : digits.reversed()).reduce(0) { $0 << 8 | Int($1) }
        }
        guard number(2, 2) == 42, let directory = number(4, 4), let entries = number(directory, 2) else { return nil }
        for entry in 0..<entries {
            let at = directory + 2 + 12 * entry
            guard let tag = number(at, 2), let type = number(at + 2, 2) else { return nil }
            // A 16- or 32-bit number.
            if tag == 274 { return type == 3 ? number(at + 8, 2) : type == 4 ? number(at + 8, 4) : nil }
        }
        return nil
    }
}

extension Picture {
    /// The picture rotated and mirrored according to `orientation`.
    package func turned(_ orientation: Orientation) -> Picture {
        if orientation == .asStored { return self }
        let (w, h) = (width, height)
        // The stored pixel that becomes the first, and the steps to its right and lower neighbours in the result.
        let (first, right, down) =
            switch orientation {
            case .asStored: (0, 1, w)
            case .mirrored: (w - 1, -1, w)
            case .halfTurn: (w * h - 1, -1, -w)
            case .flipped: (w * (h - 1), 1, -w)
            case .transposed: (0, w, 1)
            case .clockwise: (w * (h - 1), -w, 1)
            case .transposedBackwards: (w * h - 1, -w, -1)
            case .counterclockwise: (w - 1, w, -1)
            }
        let (newWidth, newHeight) = orientation.swapsSides ? (h, w) : (w, h)
        let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { out, initialized in
            pixels.withUnsafeBufferPointer { pixels in
                for y in 0..<newHeight {
                    for x in 0..<newWidth {
                        let (from, to) = ((first + x * right + y * down) * channels, (y * newWidth + x) * channels)
                        for c in 0..<channels { out[to + c] = pixels[from + c] }
                    }
                }
            }
            initialized = pixels.count
        }
        return Picture(width: newWidth, height: newHeight, channels: channels, pixels: turned)
    }
}
