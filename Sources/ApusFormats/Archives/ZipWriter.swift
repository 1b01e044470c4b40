import ApusSystem

/// Writes a zip archive in one pass, record by record. Python: `zipfile.ZipFile(path, "w")`.
///
/// The contents of each record begin at a multiple of `alignment` bytes, so that a mapped file can be used in place; the padding is an
/// extra field `FB`, as in PyTorch's files. Sizes and checksum follow the contents, since they are known only then, and are in the
/// directory. All dates are 1 January 1980, so equal contents give equal bytes. Archives and records may have any size (zip64).
package struct ZipWriter {
    private let writer: Writer
    private let alignment: Int
    /// Numbers from this one on go into zip64's 64-bit fields; the regular field then has all bits set.
    private let largest: UInt64
    private var directory: [UInt8] = []
    private var names: Set<ByteKey> = []

    /// An archive that begins at the writer's position. `zip64From` is below the format's limit only in tests.
    package init(_ writer: Writer, alignment: Int = 64, zip64From largest: UInt32 = .max) {
        precondition((1...4096).contains(alignment), "an alignment of \(alignment) bytes")
        (self.writer, self.alignment, self.largest) = (writer, alignment, UInt64(largest))
    }

    /// Adds a record; `body` passes the contents to its argument in pieces.
    package mutating func add(
        _ name: String, deflated: Bool = false, _ body: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
    ) throws {
        func error(_ reason: String) -> FormatError { FormatError(file: writer.path, place: .record(name, offset: nil), reason: reason) }
        guard name.utf8.count <= 0xFFFF else { throw error("the name has \(name.utf8.count) bytes, a zip archive allows 65,535") }
        guard names.insert(ByteKey(name)).inserted else { throw error("two records would have this name") }

        let offset = writer.count
        let method: UInt16 = deflated ? 8 : 0
        try writer.write(header(name, method, at: offset))
        let start = writer.count
        var crc = CRC32()
        var size = 0
        if deflated {
            guard let deflater = Deflater() else { throw error("zlib has no memory") }
            try body { piece in
                crc.update(piece)
                size += piece.count
                try deflater.step(piece) { try writer.write($0) }
            }
            try deflater.finish { try writer.write($0) }
        } else {
            try body { piece in
                crc.update(piece)
                size += piece.count
                try writer.write(piece)
            }
        }
        let storedSize = writer.count - start
        // The data descriptor; sizes have 64 bits, since the header has a zip64 field.
        var descriptor: [UInt8] = []
        descriptor.append(littleEndian: 0x0807_4B50 as UInt32)
        descriptor.append(littleEndian: crc.value)
        descriptor.append(littleEndian: UInt64(storedSize))
        descriptor.append(littleEndian: UInt64(size))
        try writer.write(descriptor)
        enter(name, method, crc.value, storedSize: UInt64(storedSize), size: UInt64(size), offset: UInt64(offset))
    }

    /// Adds a record with these contents.
    package mutating func add(_ name: String, deflated: Bool = false, _ contents: [UInt8]) throws {
        try add(name, deflated: deflated) { write in try contents.withUnsafeBytes { try write($0) } }
    }

    /// Writes the directory and the end record; call it once. `alwaysZip64` adds a zip64 end record even if it is not needed, as PyTorch
    /// does.
    package mutating func finish(alwaysZip64: Bool = false) throws {
        let start = UInt64(writer.count), size = UInt64(directory.count), count = UInt64(names.count)
        try writer.write(directory)
        var end: [UInt8] = []
        if alwaysZip64 || start >= largest || size >= largest || count >= min(largest, UInt64(UInt16.max)) {
            end.append(littleEndian: 0x0606_4B50 as UInt32)
            end.append(littleEndian: 44 as UInt64) // The bytes that follow.
            end.append(littleEndian: ZipWriter.version)
            end.append(littleEndian: ZipWriter.version)
            end.append(littleEndian: 0 as UInt64) // The numbers of two disks.
            end.append(littleEndian: count)
            end.append(littleEndian: count)
            end.append(littleEndian: size)
            end.append(littleEndian: start)
            end.append(littleEndian: 0x0706_4B50 as UInt32)
            end.append(littleEndian: 0 as UInt32)
            end.append(littleEndian: start + size)
            end.append(littleEndian: 1 as UInt32) // One disk.
        }
        end.append(littleEndian: 0x0605_4B50 as UInt32)
        end.append(littleEndian: 0 as UInt32)
        let smallCount = count >= min(largest, UInt64(UInt16.max)) ? .max : UInt16(count)
        end.append(littleEndian: smallCount)
        end.append(littleEndian: smallCount)
        end.append(littleEndian: small(size))
        end.append(littleEndian: small(start))
        end.append(littleEndian: 0 as UInt16) // No comment.
        try writer.write(end)
    }

    /// 4.5, the first version with zip64.
    private static let version: UInt16 = 45
    /// The name is UTF-8; sizes and checksum follow the contents.
    private static let flags: UInt16 = 0x0808
    /// Midnight, 1 January 1980.
    private static let date: UInt32 = 0x0021_0000

    private func small(_ number: UInt64) -> UInt32 { number >= largest ? .max : UInt32(number) }

    /// The local header, padded so that the contents are aligned.
    private func header(_ name: String, _ method: UInt16, at offset: Int) -> [UInt8] {
        let zip64Size = 20, fieldSize = 4
        var padding = 0
        if alignment > 1 {
            let end = offset + 30 + name.utf8.count + zip64Size + fieldSize
            padding = fieldSize + (alignment - end % alignment) % alignment
        }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: 0x0403_4B50 as UInt32)
        bytes.append(littleEndian: ZipWriter.version)
        bytes.append(littleEndian: ZipWriter.flags)
        bytes.append(littleEndian: method)
        bytes.append(littleEndian: ZipWriter.date)
        bytes.append(littleEndian: 0 as UInt32)
        bytes.append(littleEndian: UInt64.max) // Both sizes are in the field of zip64, which leaves them to the descriptor.
        bytes.append(littleEndian: UInt16(name.utf8.count))
        bytes.append(littleEndian: UInt16(zip64Size + padding))
        bytes.append(contentsOf: name.utf8)
        bytes.append(littleEndian: 1 as UInt16)
        bytes.append(littleEndian: UInt16(zip64Size - 4))
        bytes.append(littleEndian: 0 as UInt64)
        bytes.append(littleEndian: 0 as UInt64)
        if padding > 0 {
            bytes.append(contentsOf: "FB".utf8)
            bytes.append(littleEndian: UInt16(padding - fieldSize))
            bytes.append(contentsOf: repeatElement(UInt8(ascii: "Z"), count: padding - fieldSize))
        }
        return bytes
    }

    /// Adds an entry to the directory.
    private mutating func enter(_ name: String, _ method: UInt16, _ crc: UInt32, storedSize: UInt64, size: UInt64, offset: UInt64) {
        var large: [UInt8] = []
        for number in [size, storedSize, offset] where number >= largest { large.append(littleEndian: number) }
        directory.append(littleEndian: 0x0201_4B50 as UInt32)
        // Declared as made by Unix: otherwise unzip decodes names by an old code page.
        directory.append(littleEndian: ZipWriter.version | 3 << 8)
        directory.append(littleEndian: ZipWriter.version)
        directory.append(littleEndian: ZipWriter.flags)
        directory.append(littleEndian: method)
        directory.append(littleEndian: ZipWriter.date)
        directory.append(littleEndian: crc)
        directory.append(littleEndian: small(storedSize))
        directory.append(littleEndian: small(size))
        directory.append(littleEndian: UInt16(name.utf8.count))
        directory.append(littleEndian: UInt16(large.isEmpty ? 0 : 4 + large.count))
        directory.append(littleEndian: 0 as UInt32) // Length of the comment, disk.
        directory.append(littleEndian: 0 as UInt16) // Whether it is text.
        directory.append(littleEndian: 0o100644 << 16 as UInt32) // A file that all may read.
        directory.append(littleEndian: small(offset))
        directory.append(contentsOf: name.utf8)
        if !large.isEmpty {
            directory.append(littleEndian: 1 as UInt16)
            directory.append(littleEndian: UInt16(large.count))
            directory.append(contentsOf: large)
        }
    }
}
