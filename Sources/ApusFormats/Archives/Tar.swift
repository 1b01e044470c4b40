/// The files of a tar archive in order, gzipped or not. Python: `tarfile.open`.
///
/// Skips entries that are not files (folders, links, long names); the name is the one in the 512-byte header. The caller decides how much
/// memory is allocated, bounded by the archive's size.
package final class TarReader {
    private let reader: ByteReader
    /// The number of bytes of the unpacked archive read so far.
    private var at = 0
    /// The unread bytes of the last entry, and the padding of its last block.
    private var unread = 0
    private var padding = 0

    private static let blockSize = 512

    package init(_ path: String) throws { reader = try ByteReader(path) }

    package init(_ region: ByteRegion) throws { reader = try ByteReader(region) }

    private func wrong(_ offset: Int, _ reason: String) -> FormatError {
        FormatError(file: reader.path, place: .offset(offset), reason: "\(reason) (of the unpacked archive)")
    }

    private func take(_ count: Int) throws -> [UInt8] {
        let bytes = try reader.read(count)
        at += count
        return bytes
    }

    /// The next file's name and size; nil at the end of the archive.
    package func next() throws -> (name: String, size: Int)? {
        while true {
            while unread + padding > 0 {
                let count = min(unread + padding, 1 << 16)
                _ = try take(count)
                padding -= max(0, count - unread)
                unread = max(0, unread - count)
            }
            let start = at
            let header = try take(TarReader.blockSize)
            if header.allSatisfy({ $0 == 0 }) { return nil }
            // The checksum is computed with spaces in its own field.
            let sum = header.reduce(0) { $0 + Int($1) } - header[148..<156].reduce(0) { $0 + Int($1) } + 8 * 0x20
            guard TarReader.octal(header[148..<156]) == sum else { throw wrong(start, "no header of a tar archive: its checksum is wrong") }
            guard let size = TarReader.octal(header[124..<136]) else { throw wrong(start + 124, "the size is no octal number") }
            guard size <= reader.bound else { throw wrong(start + 124, "\(size) bytes, more than the file can hold") }
            unread = size
            padding = (TarReader.blockSize - size % TarReader.blockSize) % TarReader.blockSize
            guard header[156] == 0 || header[156] == UInt8(ascii: "0") else { continue }
            return (String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self), size)
        }
    }

    /// The contents of the file that ``next()`` returned last; call it once.
    package func contents() throws -> [UInt8] {
        let bytes = try take(unread)
        unread = 0
        return bytes
    }

    /// Parses an octal number between spaces and zeros, or nil; a field has at most 12 digits, so the number fits.
    private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
        let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
        guard !digits.isEmpty else { return nil }
        var value = 0
        for digit in digits {
            guard (0x30...0x37).contains(digit) else { return nil }
            value = value << 3 | Int(digit - 0x30)
        }
        return value
    }
}
