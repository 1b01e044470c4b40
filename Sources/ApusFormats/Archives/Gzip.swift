import ApusSystem

/// Reads gzip files in pieces of the requested size.
///
/// Python: `gzip.open`. The caller decides how much memory is allocated, and can bound it by the file's size (``bound``).
package final class GzipReader {
    private let region: ByteRegion
    private let inflater: Inflater
    private var at = 0
    private var ended = false

    /// Whether the file begins with the signature of gzip.
    package static func recognizes(_ region: ByteRegion) -> Bool {
        region.count >= 2 && region.bytes[0] == 0x1F && region.bytes[1] == 0x8B
    }

    package init(_ region: ByteRegion) throws(FormatError) {
        guard let inflater = Inflater(gzip: true) else { throw region.error("zlib has no memory") }
        (self.region, self.inflater) = (region, inflater)
        guard GzipReader.recognizes(region) else { throw error("the file does not begin as a gzip file does") }
    }

    /// An upper bound of the number of bytes left.
    package var bound: Int { Inflater.bound(region.bytes.count - at) }

    private func error(_ reason: String) -> FormatError { region.error(at: at, reason) }

    /// Fills `out` and returns the number of bytes, which is less than its size only at the end of the file.
    package func read(into out: UnsafeMutableRawBufferPointer) throws(FormatError) -> Int {
        var filled = 0
        while filled < out.count {
            if ended {
                // Gzip files may be concatenated, and zeros may follow the last.
                while at < region.bytes.count, region.bytes[at] == 0 { at += 1 }
                if at == region.bytes.count { return filled }
                guard inflater.reset() else { throw error("zlib cannot go on") }
                ended = false
            }
            let (taken, made, outcome) = inflater.step(
                UnsafeMutableRawBufferPointer(rebasing: region.bytes[at...]), into: UnsafeMutableRawBufferPointer(rebasing: out[filled...]))
            at += taken
            filled += made
            switch outcome {
            case .more: break
            case .ended: ended = true
            case .stuck: throw error("the gzip file is cut off")
            case .failed(let reason): throw error("the gzip file is damaged (\(reason))")
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
    private let region: ByteRegion
    private let gzip: GzipReader?
    private var at = 0

    package var path: String { region.file }

    package convenience init(_ path: String) throws { try self.init(ByteRegion(MappedFile(path))) }

    package init(_ region: ByteRegion) throws {
        self.region = region
        gzip = GzipReader.recognizes(region) ? try GzipReader(region) : nil
    }

    /// An upper bound of the number of bytes that are left; lengths read from the file are checked against it before anything is allocated.
    package var bound: Int { gzip?.bound ?? region.bytes.count - at }

    /// Fills `out`; throws if the file ends before.
    package func read(into out: UnsafeMutableRawBufferPointer) throws(FormatError) {
        let count: Int
        if let gzip {
            count = try gzip.read(into: out)
        } else {
            count = min(out.count, region.bytes.count - at)
            out.copyMemory(from: UnsafeRawBufferPointer(rebasing: region.bytes[at..<(at + count)]))
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
            guard region.bytes.count - at <= maximum else {
                throw FormatError(file: path, reason: "the file has \(region.bytes.count) bytes, more than \(maximum)")
            }
            return try read(region.bytes.count - at)
        }
        // In pieces, so that memory grows with the data that is actually there.
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
        guard at == region.bytes.count else {
            throw FormatError(file: path, place: .offset(at), reason: "\(region.bytes.count - at) bytes follow where the file should end")
        }
    }
}
