import ApusSystem

/// An event file of TensorBoard: records, each with its length (8 bytes, little-endian), the masked CRC-32C of the length, its contents and
/// their masked CRC-32C.
package struct EventFile {
    /// The events, in the order of the file.
    package private(set) var events: [TensorBoardEvent] = []
    /// Why the last record is incomplete and not among ``events``: its writer was killed or is still writing. Like TensorBoard, readers use
    /// the complete records. Nil if the file ends with a complete record.
    package private(set) var cutOff: FormatError?

    /// The size limit of protocol buffers.
    private static let longest = Int64(Int32.max)

    /// Reads the file at `path`.
    package init(contentsOf path: String) throws {
        let file = try MappedFile(path)
        try self.init(ByteRegion(file))
        withExtendedLifetime(file) {}
    }

    /// Reads all events of `region`. Throws at the place of a wrong checksum or an invalid message.
    package init(_ region: ByteRegion) throws(FormatError) {
        var cursor = ByteCursor(region)
        while cursor.rest > 0 {
            guard let record = try EventFile.record(&cursor) else {
                cutOff = region.error(at: cursor.offset, "the last record is cut off")
                return
            }
            let event = try TensorBoardEvent(record)
            if events.isEmpty {
                guard case .fileVersion(let version) = event.content, version.hasPrefix("brain.Event:") else {
                    throw record.error(at: 0, "the first event does not name the file's version: it is no event file")
                }
            }
            events.append(event)
        }
    }

    /// The contents of the next record; nil, with the cursor at its beginning, if the region ends within it.
    private static func record(_ cursor: inout ByteCursor) throws(FormatError) -> ByteRegion? {
        let (region, start) = (cursor.region, cursor.offset)
        guard cursor.rest >= 12 else { return nil }
        let length = region[start..<(start + 8)]
        cursor.offset += 8
        let count = UInt64(littleEndian: length.bytes.loadUnaligned(as: UInt64.self))
        guard try cursor.integer(UInt32.self, "the checksum of a length") == masked(UnsafeRawBufferPointer(length.bytes)) else {
            throw region.error(at: start, "the checksum of a record's length is wrong: the file is damaged, or no event file")
        }
        guard count <= UInt64(longest) else {
            throw region.error(at: start, "a record of \(count) bytes, more than the \(longest) that a message may have")
        }
        guard cursor.rest - 4 >= Int(count) else {
            cursor.offset = start
            return nil
        }
        let first = cursor.offset
        let contents = region[first..<(first + Int(count))]
        cursor.offset += Int(count)
        guard try cursor.integer(UInt32.self, "the checksum of a record") == masked(UnsafeRawBufferPointer(contents.bytes)) else {
            throw region.error(at: first, "the checksum of a record of \(count) bytes is wrong: the file is damaged")
        }
        return contents
    }

    /// Encodes a record with these contents.
    static func record(_ contents: [UInt8]) -> [UInt8] {
        var record: [UInt8] = []
        record.reserveCapacity(contents.count + 16)
        func append(_ number: some FixedWidthInteger) { withUnsafeBytes(of: number.littleEndian) { record.append(contentsOf: $0) } }
        append(UInt64(contents.count))
        append(record.withUnsafeBytes(masked))
        record.append(contentsOf: contents)
        append(contents.withUnsafeBytes(masked))
        return record
    }

    /// The CRC-32C rotated right by 15 bits, plus a constant: the CRC of data that contains CRCs would be weak.
    static func masked(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let crc = CRC32C.of(bytes)
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }
}
