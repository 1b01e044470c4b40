import ApusFormats

extension Picture {
    /// The two ways to mirror a picture.
    public enum Flip: Sendable {
        /// Left to right, and top to bottom.
        case horizontally, vertically
    }

    /// The picture mirrored. The same bytes as Pillow's `transpose(FLIP_LEFT_RIGHT)` and `transpose(FLIP_TOP_BOTTOM)`.
    public func flipped(_ way: Flip) -> Picture {
        let row = width * channels
        let flipped = [UInt8](unsafeUninitializedCapacity: pixels.count) { out, initialized in
            pixels.withUnsafeBufferPointer { pixels in
                for y in 0..<height {
                    switch way {
                    case .vertically:
                        (out.baseAddress! + y * row).initialize(from: pixels.baseAddress! + (height - 1 - y) * row, count: row)
                    case .horizontally:
                        for x in 0..<width {
                            for c in 0..<channels { out[y * row + x * channels + c] = pixels[y * row + (width - 1 - x) * channels + c] }
                        }
                    }
                }
            }
            initialized = out.count
        }
        return Picture(width: width, height: height, channels: channels, pixels: flipped)
    }
}
