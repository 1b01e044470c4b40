import ApusFormats

extension Picture {
    /// The two ways to mirror a picture.
    public enum Flip: Sendable {
        /// Left to right, and top to bottom.
        case horizontally, vertically
    }

    /// The picture mirrored. The same bytes as Pillow's `transpose(FLIP_LEFT_RIGHT)` and `transpose(FLIP_TOP_BOTTOM)`.
    public func flipped(_ way: Flip) -> Picture {
        let (rows, columns) = ((0..<Int32(height)), (0..<Int32(width)))
        return switch way {
        case .horizontally: picked(rows: Array(rows), columns: columns.reversed())
        case .vertically: picked(rows: rows.reversed(), columns: Array(columns))
        }
    }
}
