import ApusSystem
import CZlib

/// Reads gzip files in pieces of the requested size.
///
/// Python: `gzip.open`. The caller decides how much memory is allocated, and can bound it by the file's size: deflate expands at most by
/// the factor 1,032.
package final class GzipReader {
    private let file: MappedFile
    private var stream = z_stream()
    private var at = 0
    private var ended = false

    /// Whether the file begins with the signature of gzip.
    package static func recognizes(_ file: MappedFile) -> Bool {
        file.bytes.count >= 2 && file.bytes[0] == 0x1F && file.bytes[1] == 0x8B
    }

    package init(_ file: MappedFile) throws(FormatError) {
        self.file = file
        // 16 selects the gzip wrapper, so that zlib checks header, CRC and length.
        guard inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw FormatError(file: file.path, reason: "zlib has no memory")
        }
        guard GzipReader.recognizes(file) else { throw error("the file does not begin as a gzip file does") }
    }

    deinit { inflateEnd(&stream) }

    /// An upper bound of the number of bytes that are left.
    package var bound: Int { 1040 * (file.bytes.count - at) + (1 << 16) }

    private func error(_ reason: String) -> FormatError { FormatError(file: file.path, place: .offset(at), reason: reason) }

    /// Fills `out` and returns the number of bytes, which is less than its size only at the end of the file.
    package func read(into out: UnsafeMutableRawBufferPointer) throws(FormatError) -> Int {
        var filled = 0
        while filled < out.count {
            if ended {
                // Gzip files may be concatenated, and zeros may follow the last.
                while at < file.bytes.count, file.bytes[at] == 0 { at += 1 }
                if at == file.bytes.count { return filled }
                guard inflateReset(&stream) == Z_OK else { throw error("zlib cannot go on") }
                ended = false
            }
            let available = min(file.bytes.count - at, 1 << 30)
            let room = min(out.count - filled, 1 << 30)
            stream.next_in = file.bytes.baseAddress!.assumingMemoryBound(to: UInt8.self) + at
            stream.avail_in = UInt32(available)
            stream.next_out = out.baseAddress!.assumingMemoryBound(to: UInt8.self) + filled
            stream.avail_out = UInt32(room)
            let status = inflate(&stream, Z_NO_FLUSH)
            let taken = available - Int(stream.avail_in)
            let made = room - Int(stream.avail_out)
            at += taken
            filled += made
            switch status {
            case Z_STREAM_END: ended = true
            case Z_OK where taken > 0 || made > 0: break
            case Z_OK, Z_BUF_ERROR: throw error("the gzip file is cut off")
            case Z_MEM_ERROR: throw error("zlib has no memory")
            default: throw error("the gzip file is damaged (\(stream.msg.map { String(cString: $0) } ?? "zlib error \(status)"))")
            }
        }
        return filled
    }

    /// Checks that no bytes are left, and with that the last checksum.
    package func finish() throws {
        var extra: UInt8 = 0
        let count = try withUnsafeMutableBytes(of: &extra) { try read(into: $0) }
        if count > 0 { throw error("the file holds more than its header says") }
    }
}

/// The bytes of a file in order, decompressed if it is gzipped.
package final class ByteReader {
    private let file: MappedFile
    private let gzip: GzipReader?
    private var at = 0

    package var path: String { file.path }

    package init(_ path: String) throws {
        file = try MappedFile(path)
        gzip = GzipReader.recognizes(file) ? try GzipReader(file) : nil
    }

    /// An upper bound of the number of bytes that are left; lengths read from the file are checked against it before anything is allocated.
    package var bound: Int { gzip?.bound ?? file.bytes.count - at }

    /// Fills `out`; throws where the file ends before.
    package func read(into out: UnsafeMutableRawBufferPointer) throws(FormatError) {
        let count: Int
        if let gzip {
            count = try gzip.read(into: out)
        } else {
            count = min(out.count, file.bytes.count - at)
            out.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.bytes[at..<(at + count)]))
        }
        at += count
        if count < out.count {
            throw FormatError(file: path, place: .offset(at), reason: "the file ends, \(out.count - count) bytes are missing")
        }
    }

    /// The next `count` bytes.
    package func read(_ count: Int) throws -> [UInt8] {
        guard count >= 0, count <= bound else {
            throw FormatError(file: path, place: .offset(at), reason: "the file ends, \(count) bytes should follow")
        }
        return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try read(into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<count]))
            initialized = count
        }
    }

    /// All remaining bytes; throws if there are more than `maximum`.
    package func readAll(maximum: Int) throws -> [UInt8] {
        guard let gzip else {
            guard file.bytes.count - at <= maximum else {
                throw FormatError(file: path, reason: "the file has \(file.bytes.count) bytes, more than \(maximum)")
            }
            return try read(file.bytes.count - at)
        }
        // In pieces, so that memory grows with the data that is really there.
        var all: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = try piece.withUnsafeMutableBytes { try gzip.read(into: $0) }
            all.append(contentsOf: piece[..<count])
            guard all.count <= maximum else { throw FormatError(file: path, reason: "the file unpacks to more than \(maximum) bytes") }
            if count < piece.count { return all }
        }
    }

    /// Checks that the file ends here.
    package func finish() throws {
        if let gzip { return try gzip.finish() }
        guard at == file.bytes.count else {
            throw FormatError(file: path, place: .offset(at), reason: "\(file.bytes.count - at) bytes follow where the file should end")
        }
    }
}
