import TestSupport
@testable import ApusFormats

/// A zip archive made by hand, of which every field can lie.
struct ZipSample {
    struct Record {
        var name: [UInt8]
        /// As they are in the archive.
        var contents: [UInt8]
        var crc: UInt32
        var size: UInt32
        var method: UInt16 = 0, flags: UInt16 = 0, disk: UInt16 = 0
        /// What the header before the contents says, where it is not what the directory says.
        var headerName: [UInt8]?, headerMethod: UInt16?, headerSize: UInt32?
        /// What the directory says, where it is not true.
        var storedSize: UInt32?, offset: UInt32?
        /// The extra fields of the header and of the directory.
        var headerExtra: [UInt8] = [], extra: [UInt8] = []
        var comment: [UInt8] = []

        init(_ name: String, _ contents: [UInt8]) {
            (self.name, self.contents) = (Array(name.utf8), contents)
            (crc, size) = (contents.withUnsafeBytes { CRC32.of($0) }, UInt32(contents.count))
        }

        /// `contents` deflated, a stored block in it.
        init(deflating contents: [UInt8], _ name: String) {
            self.init(name, contents)
            method = 8
            self.contents = [1]
            self.contents.append(littleEndian: UInt16(contents.count))
            self.contents.append(littleEndian: ~UInt16(contents.count))
            self.contents += contents
        }
    }

    /// The end record of zip64 and its locator.
    struct Zip64 {
        var place: UInt64?, size: UInt64 = 44, count: UInt64?, start: UInt64?, disks: UInt32 = 1
    }

    var records: [Record]
    /// Bytes before the first record, and between the directory and its end record.
    var prefix: [UInt8] = [], gap: [UInt8] = []
    var comment: [UInt8] = []
    var zip64: Zip64?
    /// What the end record says, where it is not true.
    var count: UInt16?, countHere: UInt16?, size: UInt32?, start: UInt32?, disk: UInt16 = 0

    init(_ records: [Record]) { self.records = records }

    /// Two stored records and a deflated one.
    static var usual: ZipSample {
        ZipSample([Record("x/a", [1, 2, 3, 4, 5]), Record(deflating: Array("deflated".utf8), "x/b"), Record("x/c", [9])])
    }

    static func changed(_ change: (inout ZipSample) -> Void) -> [UInt8] {
        var sample = usual
        change(&sample)
        return sample.bytes
    }

    var bytes: [UInt8] {
        var bytes = prefix, directory: [UInt8] = []
        for record in records {
            let offset = record.offset ?? UInt32(bytes.count)
            let name = record.headerName ?? record.name, size = record.headerSize ?? UInt32(record.contents.count)
            bytes.append(littleEndian: 0x0403_4B50 as UInt32)
            for number in [20, record.flags, record.headerMethod ?? record.method, 0, 0x21] { bytes.append(littleEndian: number) }
            for number in [record.crc, size, record.headerSize ?? record.size] { bytes.append(littleEndian: number) }
            for count in [name.count, record.headerExtra.count] { bytes.append(littleEndian: UInt16(count)) }
            bytes += name + record.headerExtra + record.contents

            directory.append(littleEndian: 0x0201_4B50 as UInt32)
            for number in [20, 20, record.flags, record.method, 0, 0x21] { directory.append(littleEndian: number) }
            for number in [record.crc, record.storedSize ?? UInt32(record.contents.count), record.size] {
                directory.append(littleEndian: number)
            }
            for count in [record.name.count, record.extra.count, record.comment.count] { directory.append(littleEndian: UInt16(count)) }
            for number in [record.disk, 0, 0, 0] { directory.append(littleEndian: number) }
            directory.append(littleEndian: offset)
            directory += record.name + record.extra + record.comment
        }
        let begin = UInt64(bytes.count)
        bytes += directory + gap
        if let zip64 {
            let place = UInt64(bytes.count)
            bytes.append(littleEndian: 0x0606_4B50 as UInt32)
            bytes.append(littleEndian: zip64.size)
            for number in [45, 45, 0, 0, 0, 0] as [UInt16] { bytes.append(littleEndian: number) }
            let count = zip64.count ?? UInt64(records.count)
            for number in [count, count, UInt64(directory.count), zip64.start ?? begin] { bytes.append(littleEndian: number) }
            for number in [0x0706_4B50, 0] as [UInt32] { bytes.append(littleEndian: number) }
            bytes.append(littleEndian: zip64.place ?? place)
            bytes.append(littleEndian: zip64.disks)
        }
        bytes.append(littleEndian: 0x0605_4B50 as UInt32)
        let number = count ?? UInt16(clamping: records.count)
        for number in [disk, disk, countHere ?? number, number] { bytes.append(littleEndian: number) }
        bytes.append(littleEndian: size ?? UInt32(directory.count))
        bytes.append(littleEndian: start ?? UInt32(begin))
        bytes.append(littleEndian: UInt16(comment.count))
        return bytes + comment
    }
}

/// Bytes in memory as a file's.
func region(_ bytes: [UInt8], file: String = "in memory") -> ByteRegion {
    let memory = UnpackedBytes(count: bytes.count)!
    memory.bytes.copyBytes(from: bytes)
    return ByteRegion(memory.bytes, owner: memory, file: file, record: nil)
}
