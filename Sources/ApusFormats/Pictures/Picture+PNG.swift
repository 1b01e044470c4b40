import ApusSystem
import CFormats
import Glibc

extension Picture {
    /// A PNG file's bytes.
    public func encoded() throws -> [UInt8] {
        var count = 0
        var message = [CChar](repeating: 0, count: Int(APUS_PICTURE_MESSAGE))
        guard let bytes = apus_png_encode(pixels, UInt32(width), UInt32(height), Int32(channels), &count, &message) else {
            throw FormatError(file: "PNG", reason: pictureMessage(message))
        }
        defer { free(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    /// Writes a PNG file at `path` atomically.
    public func write(to path: String) throws {
        try AtomicFile.write(encoded(), to: path)
    }
}
