/// Locates the central directory of an archive by its end record.
///
/// An archive ends with its directory, optionally the zip64 end record and its locator, the end record, and a comment. Each must begin
/// where the one before ends, which excludes a lookalike of an end record within a comment.
struct ZipDirectory {
    /// The bytes of the directory in the region.
    let range: Range<Int>
    /// The number of records.
    let count: Int

    private static let endSignature: [UInt8] = [0x50, 0x4B, 5, 6]
    private static let endSize = 22

    /// Finds the directory.
    init(of region: ByteRegion) throws(FormatError) {
        let total = region.count
        // The comment has at most 65,535 bytes. Tries the candidates whose comment ends at the region's end, from the last one on.
        let least = max(0, total - ZipDirectory.endSize - 0xFFFF)
        var first: FormatError?
        var unfinished: (offset: Int, end: Int)?
        for offset in stride(from: total - 4, through: least, by: -1)
        where region.bytes[offset] == 0x50 && region.bytes[offset..<(offset + 4)].elementsEqual(ZipDirectory.endSignature) {
            let end = offset + ZipDirectory.endSize
            let commentEnd = end <= total ? end + Int(region.bytes[end - 2]) + Int(region.bytes[end - 1]) << 8 : end
            guard commentEnd == total else {
                if unfinished == nil { unfinished = (offset, commentEnd) }
                continue
            }
            do throws(FormatError) {
                self = try ZipDirectory(endRecord: offset, of: region)
                return
            } catch {
                if first == nil { first = error }
            }
        }
        if let first { throw first }
        switch unfinished {
        case let (offset, end)? where end < total:
            throw region.error(at: end, "\(total - end) bytes follow the archive, whose end record lies at byte \(offset)")
        case let (offset, end)?:
            throw region.error(at: total, "cut off: the end record at byte \(offset) and its comment should go on to byte \(end)")
        case nil where total == 0: throw region.error("the file is empty")
        case nil where ZipArchive.recognizes(region):
            throw region.error(at: total, "cut off: a zip archive ends with an end record, which is missing")
        case nil: throw region.error("no zip archive: it neither begins as one nor ends with an end record")
        }
    }

    private init(endRecord offset: Int, of region: ByteRegion) throws(FormatError) {
        var cursor = ByteCursor(region)
        cursor.offset = offset + 4
        let disk = try cursor.integer(UInt16.self, "end record"), directoryDisk = try cursor.integer(UInt16.self, "end record")
        let countHere = try cursor.integer(UInt16.self, "end record"), count = try cursor.integer(UInt16.self, "end record")
        let size = try cursor.integer(UInt32.self, "end record"), start = try cursor.integer(UInt32.self, "end record")
        guard let large = try ZipDirectory.zip64(before: offset, in: region) else {
            guard disk == 0, directoryDisk == 0, countHere == count else { throw ZipDirectory.severalDisks(region, offset) }
            self = try ZipDirectory(Int(count), UInt64(size), UInt64(start), before: offset, in: region)
            return
        }
        // A field that is too small for its value has all bits set; others must agree.
        guard disk == 0 || disk == 0xFFFF, directoryDisk == 0 || directoryDisk == 0xFFFF else {
            throw ZipDirectory.severalDisks(region, offset)
        }
        for (name, small, limit, number) in [
            ("records", UInt64(count), UInt64(UInt16.max), UInt64(large.count)),
            ("bytes of the directory", UInt64(size), UInt64(UInt32.max), UInt64(large.range.count)),
            ("bytes before the directory", UInt64(start), UInt64(UInt32.max), UInt64(large.range.lowerBound)),
        ] where small != limit && small != number {
            throw region.error(at: offset, "end record: \(small) \(name), the end record of zip64 says \(number)")
        }
        self = large
    }

    /// The directory according to the zip64 end record; nil if its locator does not precede the end record.
    private static func zip64(before end: Int, in region: ByteRegion) throws(FormatError) -> ZipDirectory? {
        let locator = end - 20
        guard locator >= 0, region.bytes[locator..<(locator + 4)].elementsEqual([0x50, 0x4B, 6, 7]) else { return nil }
        var cursor = ByteCursor(region)
        cursor.offset = locator + 4
        let disk = try cursor.integer(UInt32.self, "zip64 locator")
        let place = try cursor.integer(UInt64.self, "zip64 locator")
        let disks = try cursor.integer(UInt32.self, "zip64 locator")
        guard disk == 0, disks <= 1 else { throw severalDisks(region, locator) }
        guard let offset = Int(exactly: place), locator >= 56, offset <= locator - 56,
            region.bytes[offset..<(offset + 4)].elementsEqual([0x50, 0x4B, 6, 6])
        else {
            throw region.error(at: locator, "the end record of zip64 does not lie at byte \(place), as its locator says")
        }
        cursor.offset = offset + 4
        // The size of the rest of the record, which later versions may extend.
        guard try cursor.integer(UInt64.self, "end record of zip64") == UInt64(locator - offset - 12) else {
            throw region.error(at: offset, "the end record of zip64 does not end where its locator begins, at byte \(locator)")
        }
        _ = try cursor.take(4, "end record of zip64")
        let diskHere = try cursor.integer(UInt32.self, "end record of zip64")
        let directoryDisk = try cursor.integer(UInt32.self, "end record of zip64")
        let countHere = try cursor.integer(UInt64.self, "end record of zip64"),
            count = try cursor.integer(UInt64.self, "end record of zip64")
        let size = try cursor.integer(UInt64.self, "end record of zip64"), start = try cursor.integer(UInt64.self, "end record of zip64")
        guard diskHere == 0, directoryDisk == 0, countHere == count else { throw severalDisks(region, offset) }
        return try ZipDirectory(Int(clamping: count), size, start, before: offset, in: region)
    }

    /// `size` bytes from `start`, which must end at the end record and have room for `count` records.
    private init(_ count: Int, _ size: UInt64, _ start: UInt64, before end: Int, in region: ByteRegion) throws(FormatError) {
        guard size <= UInt64(end), start == UInt64(end) - size else {
            throw region.error(
                at: end,
                "central directory: the end record says \(size) bytes from byte \(start), which do not end here; bytes before them are missing or were added"
            )
        }
        range = Int(start)..<end
        // The fixed part of an entry has 46 bytes.
        guard count <= range.count / 46 else {
            throw region.error(at: range.lowerBound, "central directory: its \(size) bytes are too few for \(count) records")
        }
        self.count = count
    }

    private static func severalDisks(_ region: ByteRegion, _ offset: Int) -> FormatError {
        region.error(at: offset, "end record: the archive is one of several parts, which are not read; join them")
    }
}

extension ZipArchive.Record {
    /// The next entry of the directory, which ends at `end`.
    init(_ cursor: inout ByteCursor, index: Int, end: Int) throws(FormatError) {
        let start = cursor.offset
        guard end - start >= 46, try cursor.integer(UInt32.self, "signature") == 0x0201_4B50 else {
            throw cursor.region.error(at: start, "central directory: the entry of record \(index) does not begin here")
        }
        _ = try cursor.take(4, "versions")
        let flags = try cursor.integer(UInt16.self, "flags"), method = try cursor.integer(UInt16.self, "method")
        _ = try cursor.take(4, "date")
        let crc = try cursor.integer(UInt32.self, "CRC-32")
        var storedSize = UInt64(try cursor.integer(UInt32.self, "size")), size = UInt64(try cursor.integer(UInt32.self, "size"))
        let nameCount = Int(try cursor.integer(UInt16.self, "length")), extraCount = Int(try cursor.integer(UInt16.self, "length"))
        let commentCount = Int(try cursor.integer(UInt16.self, "length"))
        var disk = UInt32(try cursor.integer(UInt16.self, "disk"))
        _ = try cursor.take(6, "attributes")
        var offset = UInt64(try cursor.integer(UInt32.self, "offset"))
        guard nameCount + extraCount + commentCount <= end - cursor.offset else {
            throw cursor.region.error(at: start, "central directory: the entry of record \(index) leaves it")
        }
        let name = try cursor.text(nameCount, "central directory: name of record \(index)")

        func wrong(_ reason: String) -> FormatError {
            FormatError(file: cursor.region.file, place: .record(name, offset: nil), reason: reason)
        }
        var extra = ByteCursor(cursor.region[cursor.offset..<(cursor.offset + extraCount)])
        var hasLarge = false
        // Some programs pad with fewer bytes than a field header has.
        while extra.rest >= 4 {
            let kind = try extra.integer(UInt16.self, "extra field"), count = Int(try extra.integer(UInt16.self, "extra field"))
            guard count <= extra.rest else { throw wrong("the extra field of its entry in the directory is damaged") }
            let fieldEnd = extra.offset + count
            defer { extra.offset = fieldEnd }
            guard kind == 1 else { continue }
            guard !hasLarge else { throw wrong("its entry in the directory has two zip64 fields") }
            hasLarge = true
            // The field has the values whose own fields have all bits set, in this order.
            func large(_ small: UInt64) throws(FormatError) -> UInt64 {
                guard small == UInt64(UInt32.max) else { return small }
                guard fieldEnd - extra.offset >= 8 else { throw wrong("the zip64 field of its entry in the directory is too short") }
                return try extra.integer(UInt64.self, "zip64 field")
            }
            size = try large(size)
            storedSize = try large(storedSize)
            offset = try large(offset)
            if disk == 0xFFFF, fieldEnd - extra.offset >= 4 { disk = try extra.integer(UInt32.self, "zip64 field") }
        }
        cursor.offset += extraCount + commentCount
        guard disk == 0 else { throw wrong("it lies in another part of an archive of several, which are not read; join them") }
        guard let size = Int(exactly: size), let storedSize = Int(exactly: storedSize), let offset = Int(exactly: offset) else {
            throw wrong("its sizes or its offset have more than 63 bits")
        }
        self.init(
            name: name, index: index, method: method, storedSize: storedSize, size: size, crc: crc, flags: flags, offset: offset)
    }
}
