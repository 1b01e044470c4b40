import ApusCore
import CKernels

extension Picture {
    /// A picture whose pixels `write` computes; it must write all of them.
    package init(width: Int, height: Int, channels: Int, write: (UnsafeMutablePointer<UInt8>) -> Void) {
        let count = width * height * channels
        let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            write(buffer.baseAddress!)
            initialized = count
        }
        self.init(width: width, height: height, channels: channels, pixels: pixels)
    }

    /// A picture of the pixels at `rows` and `columns` of this one; a pixel with a negative index is `fill`, one byte per channel.
    package func picked(rows: [Int32], columns: [Int32], fill: [UInt8]? = nil) -> Picture {
        Picture(width: columns.count, height: rows.count, channels: channels) { out in
            if let fill { Picture.fill(out, columns.count * rows.count, fill) }
            pixels.withUnsafeBufferPointer { pixels in
                apus_picture_pick(
                    out, pixels.baseAddress!, Int64(width * channels), Int32(channels), rows, Int64(rows.count), columns,
                    Int64(columns.count))
            }
        }
    }

    /// Fills `count` pixels with the bytes `fill`.
    package static func fill(_ out: UnsafeMutablePointer<UInt8>, _ count: Int, _ fill: [UInt8]) {
        if Set(fill).count == 1 { return out.initialize(repeating: fill[0], count: count * fill.count) }
        for i in 0..<count * fill.count { out[i] = fill[i % fill.count] }
    }

    /// The pixels that contain the positions `from`, `from + step`, …; −1 for positions outside 0 ..< `limit`.
    package static func places(from: Double, step: Double, count: Int, below limit: Int) -> [Int32] {
        var at = from
        return (0..<count).map { _ in
            defer { at += step }
            return at >= 0 && at < Double(limit) ? Int32(at) : -1
        }
    }
}
