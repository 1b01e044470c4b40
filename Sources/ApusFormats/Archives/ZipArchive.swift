import ApusSystem

/// The records of a zip archive. Python: `zipfile.ZipFile`.
///
/// Only the central directory at the end of the archive decides which records there are, where, and how large. Of a record's local header,
/// only the lengths of name and extra field are used, to find the contents; name and method must agree with the directory. Archives that
/// two readers could interpret differently are refused: records with the same name or overlapping bytes, and a directory or end record that
/// is not where the other says. A record that cannot be read (encrypted, or compressed by another method than deflate) is an error only
/// when it is asked for.
///
/// Names are UTF-8, whether or not flag 11 is set; names in an older code page are refused unless they are ASCII. A name is only a name:
/// `/` and `..` have no meaning. Archives of more than 4 GB or 65,535 records (zip64) are supported, archives on several disks are not.
///
/// Specification: APPNOTE.TXT of PKWARE.
package final class ZipArchive {
    /// A record's entry in the central directory.
    package struct Record: Sendable {
        package let name: String
        /// The index in ``ZipArchive/records``.
        package let index: Int
        /// 0: stored, 8: deflated.
        package let method: UInt16
        /// The sizes in the archive and of the contents, in bytes.
        package let storedSize: Int, size: Int
        /// CRC-32 of the contents.
        package let crc: UInt32
        let flags: UInt16
        /// The offset of the local header in the region.
        let offset: Int
        /// Where the next record or the directory begins; the contents must end before.
        var limit = 0

        /// Whether the contents are not compressed.
        package var isStored: Bool { method == 0 }
    }

    /// In the order of the directory; includes folders, whose names end with `/`.
    package private(set) var records: [Record] = []
    private var indices: [ByteKey: Int] = [:]
    private let region: ByteRegion

    /// Whether the region begins like a zip archive, with a record or, if it is empty, with the end record.
    package static func recognizes(_ region: ByteRegion) -> Bool {
        let start = region.bytes.prefix(4)
        return start.elementsEqual([0x50, 0x4B, 3, 4]) || start.elementsEqual([0x50, 0x4B, 5, 6])
    }

    /// Reads only the central directory.
    package init(_ region: ByteRegion) throws(FormatError) {
        self.region = region
        let directory = try ZipDirectory(of: region)
        var cursor = ByteCursor(region)
        cursor.offset = directory.range.lowerBound
        records.reserveCapacity(directory.count)
        indices.reserveCapacity(directory.count)
        for index in 0..<directory.count {
            let record = try Record(&cursor, index: index, end: directory.range.upperBound)
            guard indices.updateValue(index, forKey: ByteKey(record.name)) == nil else {
                throw ZipArchive.error(region, record.name, "two records have this name")
            }
            records.append(record)
        }
        guard cursor.offset == directory.range.upperBound else {
            throw cursor.error(
                "central directory: \(directory.count) records should fill it, \(directory.range.upperBound - cursor.offset) bytes are left"
            )
        }
        try separate(before: directory.range.lowerBound)
    }

    /// The record with that name, compared by bytes; nil if there is none.
    package func record(_ name: String) -> Record? { indices[ByteKey(name)].map { records[$0] } }

    /// Sets the limits of records, which must not overlap.
    private func separate(before directory: Int) throws(FormatError) {
        let order = records.indices.sorted { records[$0].offset < records[$1].offset }
        for (place, index) in order.enumerated() {
            let record = records[index]
            let next = place + 1 < order.count ? records[order[place + 1]] : nil
            let limit = min(next?.offset ?? directory, directory)
            // The least size of a record: the extra field of its header has not been read.
            guard record.offset <= limit, record.storedSize <= limit - record.offset - (30 + record.name.utf8.count) else {
                guard let next, limit < directory else {
                    throw ZipArchive.error(
                        region, record.name,
                        "its \(record.storedSize) bytes, whose header is at byte \(record.offset), reach into the directory at byte \(directory)"
                    )
                }
                throw ZipArchive.error(region, next.name, "it begins at byte \(next.offset), within record '\(printable(record.name))'")
            }
            records[index].limit = limit
        }
    }

    private static func error(_ region: ByteRegion, _ name: String, _ reason: String) -> FormatError {
        FormatError(file: region.file, place: .record(name, offset: nil), reason: reason)
    }
}

// MARK: Contents

extension ZipArchive {
    /// The contents of a record.
    ///
    /// Stored contents are a part of the region: nothing is read, so a mapped file stays on disk; ``checkCRC(_:_:)`` reads them. Deflated
    /// contents are unpacked and checked; they may have at most `limit` bytes.
    package func contents(of record: Record, limit: Int = .max) throws(FormatError) -> ByteRegion {
        let stored = try storedBytes(of: record)
        guard !record.isStored else { return stored.asRecord(record.name) }
        guard record.size <= limit else { throw error(record, "it unpacks to \(record.size) bytes, more than \(limit)") }
        guard record.size <= Inflater.bound(stored.count) else {
            throw error(record, "\(stored.count) deflated bytes cannot unpack to \(record.size)")
        }
        // One byte more, to detect excess data.
        let (unpacked, made, taken) = try unpack(record, stored, capacity: record.size + 1)
        guard made == record.size, taken == stored.count else {
            throw error(
                record,
                made > record.size
                    ? "it unpacks to more than the \(record.size) bytes that the directory says"
                    : made < record.size
                        ? "it unpacks to \(made) bytes, the directory says \(record.size)"
                        : "\(stored.count - taken) bytes follow the end of its deflated bytes")
        }
        let contents = region(unpacked, made, record)
        try checkCRC(record, contents)
        return contents
    }

    /// The first `count` bytes of a record's contents, or all if there are fewer; deflated ones are unpacked that far, without verifying
    /// the checksum.
    package func beginning(of record: Record, count: Int) throws(FormatError) -> ByteRegion {
        let stored = try storedBytes(of: record), count = min(count, record.size)
        guard !record.isStored else { return stored[0..<count].asRecord(record.name) }
        let (unpacked, made, _) = try unpack(record, stored, capacity: count)
        return region(unpacked, made, record)
    }

    /// Checks the contents returned by ``contents(of:limit:)`` against the CRC-32 in the archive.
    package func checkCRC(_ record: Record, _ contents: ByteRegion) throws(FormatError) {
        MappedFile.prefetch(UnsafeRawBufferPointer(contents.bytes))
        guard CRC32.of(UnsafeRawBufferPointer(contents.bytes)) == record.crc else {
            throw error(record, "the checksum (CRC-32) does not match the contents: the file is damaged")
        }
    }

    private func error(_ record: Record, _ reason: String) -> FormatError { ZipArchive.error(region, record.name, reason) }

    /// The first `count` unpacked bytes as the contents of a record.
    private func region(_ unpacked: UnpackedBytes, _ count: Int, _ record: Record) -> ByteRegion {
        ByteRegion(.init(rebasing: unpacked.bytes[..<count]), owner: unpacked, file: region.file, record: record.name)
    }

    /// The record's bytes after its local header, if it is of a kind that can be read.
    private func storedBytes(of record: Record) throws(FormatError) -> ByteRegion {
        // Bits 0, 6 and 13 are kinds of encryption.
        guard record.flags & 0x2041 == 0 else { throw error(record, "it is encrypted; pack the archive without a password") }
        guard record.method == 0 || record.method == 8 else {
            throw error(record, "it is packed by \(ZipArchive.methodName(record.method)); stored and deflated records are read")
        }
        guard !record.isStored || record.storedSize == record.size else {
            throw error(record, "it is stored as it is, but has \(record.storedSize) bytes in the archive and \(record.size) outside of it")
        }
        var cursor = ByteCursor(region)
        cursor.offset = record.offset
        // The header's fixed part and the name lie within the limit (`separate`).
        guard try cursor.integer(UInt32.self, "header") == 0x0403_4B50 else {
            throw error(record, "no header of a record lies at byte \(record.offset), where the directory says")
        }
        _ = try cursor.take(4, "header")
        let method = try cursor.integer(UInt16.self, "header")
        // Time, date, CRC and sizes, which may be missing here: the directory has them.
        _ = try cursor.take(16, "header")
        let nameCount = Int(try cursor.integer(UInt16.self, "header"))
        let extraCount = Int(try cursor.integer(UInt16.self, "header"))
        let start = cursor.offset + nameCount + extraCount
        guard start <= record.limit, record.storedSize <= record.limit - start else {
            throw error(record, "\(record.storedSize) bytes should follow byte \(start), but byte \(record.limit) belongs to what follows")
        }
        guard try cursor.take(nameCount, "name").elementsEqual(record.name.utf8) else {
            throw error(record, "the header at byte \(record.offset), where the directory says, has another name")
        }
        guard method == record.method else {
            throw error(
                record,
                "it is \(ZipArchive.methodName(record.method)), says the directory; \(ZipArchive.methodName(method)), says its header")
        }
        return region[start..<(start + record.storedSize)]
    }

    /// Unpacks `capacity` bytes, or fewer if the data ends; returns how many were produced, and from how many.
    private func unpack(
        _ record: Record, _ stored: ByteRegion, capacity: Int
    ) throws(FormatError) -> (unpacked: UnpackedBytes, made: Int, taken: Int) {
        guard let inflater = Inflater(gzip: false), let unpacked = UnpackedBytes(count: capacity) else {
            throw error(record, "no memory for \(capacity) bytes")
        }
        var (taken, made) = (0, 0)
        while made < capacity {
            let step = inflater.step(
                UnsafeMutableRawBufferPointer(rebasing: stored.bytes[taken...]),
                into: UnsafeMutableRawBufferPointer(rebasing: unpacked.bytes[made...]))
            taken += step.taken
            made += step.made
            switch step.outcome {
            case .more: break
            case .ended: return (unpacked, made, taken)
            case .stuck: throw error(record, "the deflated bytes are cut off after \(made) of \(record.size) unpacked ones")
            case .failed(let reason): throw error(record, "byte \(taken) of the deflated bytes is damaged (\(reason))")
            }
        }
        return (unpacked, made, taken)
    }

    private static func methodName(_ method: UInt16) -> String {
        let names: [UInt16: String] = [
            0: "stored", 8: "deflated", 9: "deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 99: "AES",
        ]
        return names[method] ?? "method \(method)"
    }
}
