import ApusSystem
import Glibc

/// Bytes of a file and the object that keeps them in memory: a mapped file, part of one, or data unpacked from it.
///
/// A region knows where it comes from, so that errors name file and place. Tensors borrow the bytes and retain ``owner``.
package struct ByteRegion {
    /// The memory. A tensor that borrows it may change it: the mapping is private to the process (see ``MappedFile``). Valid only while
    /// ``owner`` is retained; if nothing else retains it, access the bytes in ``withBytes(_:)``.
    package let bytes: UnsafeMutableRawBufferPointer
    /// The object that keeps the memory alive.
    package let owner: AnyObject
    /// The file's path, as the caller gave it.
    package let file: String
    /// The record of an archive that has these bytes; nil if they are part of the file itself.
    package let record: String?
    /// The offset of the first byte, in the record or in the file.
    package let start: Int

    package var count: Int { bytes.count }

    /// Calls `body` with the bytes, and keeps them alive meanwhile.
    package func withBytes<Result, Failure: Error>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Result) throws(Failure) -> Result {
        defer { withExtendedLifetime(owner) {} }
        return try body(UnsafeRawBufferPointer(bytes))
    }

    /// The bytes as text; invalid UTF-8 is replaced.
    package var text: String { withBytes { String(decoding: $0, as: UTF8.self) } }

    /// A whole file.
    package init(_ file: MappedFile) {
        (bytes, owner, self.file, record, start) = (file.bytes, file, file.path, nil, 0)
    }

    /// A whole file. If it is an archive, only the parts that are used are read from disk: its directory and the records that are asked
    /// for.
    package init(inParts path: String) throws {
        let file = try MappedFile(path)
        file.useInParts()
        self.init(file)
        if !ZipArchive.recognizes(self) { file.useInOrder() }
    }

    /// Memory that `owner` keeps alive, as the contents of a record.
    package init(_ bytes: UnsafeMutableRawBufferPointer, owner: AnyObject, file: String, record: String?, start: Int = 0) {
        (self.bytes, self.owner, self.file, self.record, self.start) = (bytes, owner, file, record, start)
    }

    /// A copy of `bytes`, as if they were a file of that name or a record of it.
    package init(copying bytes: [UInt8], file: String, record: String? = nil) throws(FormatError) {
        guard let memory = UnpackedBytes(count: bytes.count) else {
            throw FormatError(
                file: file, place: record.map { .record($0, offset: nil) }, reason: "there is no memory for \(bytes.count) bytes")
        }
        memory.bytes.copyBytes(from: bytes)
        self.init(memory.bytes, owner: memory, file: file, record: record)
    }

    /// A part of the region; offsets in messages still count from the region's beginning.
    package subscript(range: Range<Int>) -> ByteRegion {
        ByteRegion(.init(rebasing: bytes[range]), owner: owner, file: file, record: record, start: start + range.lowerBound)
    }

    /// The same bytes as the contents of a record; offsets count from its beginning.
    package func asRecord(_ name: String) -> ByteRegion { ByteRegion(bytes, owner: owner, file: file, record: name) }

    /// An error at `offset`, counted from the region's first byte.
    package func error(at offset: Int, _ reason: String) -> FormatError {
        FormatError(file: file, place: record.map { .record($0, offset: start + offset) } ?? .offset(start + offset), reason: reason)
    }

    /// An error about the region as a whole.
    package func error(_ reason: String) -> FormatError {
        FormatError(file: file, place: record.map { .record($0, offset: nil) }, reason: reason)
    }
}

/// Memory for unpacked data, freed with this object.
package final class UnpackedBytes {
    package let bytes: UnsafeMutableRawBufferPointer

    /// nil if there is not enough memory: `count` may come from a file.
    package init?(count: Int) {
        var base: UnsafeMutableRawPointer?
        guard posix_memalign(&base, 64, count) == 0, let base else { return nil }
        bytes = UnsafeMutableRawBufferPointer(start: base, count: count)
    }

    deinit { free(bytes.baseAddress) }
}

/// Reads numbers and pieces of a region in order, and never beyond its end: missing bytes are an error at their place.
package struct ByteCursor {
    package let region: ByteRegion
    /// The number of bytes read so far.
    package var offset = 0

    package init(_ region: ByteRegion) { self.region = region }

    /// The bytes that are left.
    package var rest: Int { region.count - offset }

    /// An error at the next byte.
    package func error(_ reason: String) -> FormatError { region.error(at: offset, reason) }

    /// The next `count` bytes, valid as long as the cursor is; `what` names them in an error.
    package mutating func take(_ count: Int, _ what: @autoclosure () -> String) throws(FormatError) -> UnsafeRawBufferPointer {
        guard count >= 0, count <= rest else {
            throw error("\(what()): \(count) bytes should follow, \(rest == 0 ? "the end does" : "only \(rest) do")")
        }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: region.bytes[offset..<(offset + count)])
    }

    /// The next bytes as a little-endian number.
    package mutating func integer<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self, _ what: @autoclosure () -> String
    ) throws(FormatError) -> Number {
        let bytes = try take(MemoryLayout<Number>.size, what())
        return Number(littleEndian: bytes.loadUnaligned(as: Number.self))
    }

    /// The next `count` bytes as UTF-8.
    package mutating func text(_ count: Int, _ what: @autoclosure () -> String) throws(FormatError) -> String {
        let start = offset
        guard let text = String(validating: try take(count, what()), as: UTF8.self) else {
            throw region.error(at: start, "\(what()) is not UTF-8")
        }
        return text
    }

    /// The bytes up to the next newline, which is consumed but not part of the result.
    package mutating func line(_ what: @autoclosure () -> String) throws(FormatError) -> UnsafeRawBufferPointer {
        let left = UnsafeRawBufferPointer(rebasing: region.bytes[offset...])
        guard let end = left.firstIndex(of: UInt8(ascii: "\n")) else { throw error("\(what()): no newline ends it") }
        offset += end + 1
        return UnsafeRawBufferPointer(rebasing: left[..<end])
    }
}
