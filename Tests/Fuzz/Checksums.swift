@testable import ApusFormats

extension FuzzReader {
    /// Writes the right checksums where the bytes have a place for one.
    func mendChecksums(_ bytes: UnsafeMutableRawBufferPointer) {
        switch self {
        case .zip, .torch, .npz: FuzzReader.mendZip(bytes)
        case .tar: FuzzReader.mendTar(bytes)
        case .events: FuzzReader.mendEvents(bytes)
        case .pickle, .legacy, .safetensors, .npy, .csv: break
        }
    }

    /// The CRC-32 of each stored record, in its entry of the directory.
    private static func mendZip(_ bytes: UnsafeMutableRawBufferPointer) {
        func number(_ at: Int, _ size: Int) -> Int { (0..<size).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) } }
        for entry in stride(from: 0, to: bytes.count - 46, by: 1) where number(entry, 4) == 0x0201_4B50 {
            let header = number(entry + 42, 4), size = number(entry + 20, 4)
            guard header + 30 <= bytes.count, case let start = header + 30 + number(header + 26, 2) + number(header + 28, 2),
                start + size <= bytes.count
            else { continue }
            let crc = CRC32.of(UnsafeRawBufferPointer(rebasing: bytes[start..<(start + size)]))
            bytes.storeBytes(of: crc.littleEndian, toByteOffset: entry + 16, as: UInt32.self)
        }
    }

    /// The masked CRC-32C of each record's length and contents. A length that leaves the file becomes that of the rest.
    private static func mendEvents(_ bytes: UnsafeMutableRawBufferPointer) {
        var start = 0
        while start + 16 <= bytes.count {
            let rest = UInt64(bytes.count - start - 16)
            let count = min(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self)), rest)
            bytes.storeBytes(of: count.littleEndian, toByteOffset: start, as: UInt64.self)
            for (from, size) in [(start, 8), (start + 12, Int(count))] {
                let crc = EventFile.masked(UnsafeRawBufferPointer(rebasing: bytes[from..<(from + size)]))
                bytes.storeBytes(of: crc.littleEndian, toByteOffset: from + size, as: UInt32.self)
            }
            start += 16 + Int(count)
        }
    }

    /// The sum of each header of 512 bytes, in octal.
    private static func mendTar(_ bytes: UnsafeMutableRawBufferPointer) {
        for header in stride(from: 0, through: bytes.count - 512, by: 512) where bytes[header] != 0 {
            let sum = (0..<512).reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(bytes[header + $1])) }
            for digit in 0..<6 { bytes[header + 148 + digit] = 0x30 + UInt8(sum >> (15 - 3 * digit) & 7) }
            bytes[header + 154] = 0
        }
    }
}
