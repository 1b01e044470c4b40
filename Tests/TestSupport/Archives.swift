/// A tar archive of these files; an entry without contents is a folder.
public func tar(_ entries: [(name: String, contents: [UInt8]?)]) -> [UInt8] {
    var archive: [UInt8] = []
    for (name, contents) in entries {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at: Int) { header.replaceSubrange(at..<(at + text.utf8.count), with: text.utf8) }
        func octal(_ number: Int, _ digits: Int) -> String {
            let text = String(number, radix: 8)
            return String(repeating: "0", count: digits - text.count) + text
        }
        put(name, at: 0)
        put(octal(contents?.count ?? 0, 11), at: 124)
        put("        ", at: 148)
        put(contents == nil ? "5" : "0", at: 156)
        put("ustar", at: 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + "\0", at: 148)
        archive += header + (contents ?? [])
        archive += [UInt8](repeating: 0, count: (512 - archive.count % 512) % 512)
    }
    return archive + [UInt8](repeating: 0, count: 1024)
}

/// `bytes` as a gzip file of uncompressed blocks.
public func gzip(_ bytes: [UInt8]) -> [UInt8] {
    func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    var file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    for start in stride(from: 0, to: bytes.count, by: 65535) {
        let block = bytes[start..<min(start + 65535, bytes.count)]
        file += [start + 65535 >= bytes.count ? 1 : 0] + little(block.count, 2) + little(~block.count, 2) + block
    }
    var sum: UInt32 = ~0
    for byte in bytes {
        sum ^= UInt32(byte)
        for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
    }
    return file + little(Int(~sum), 4) + little(bytes.count, 4)
}

/// An IDX file of bytes.
public func idx(_ extents: [Int], _ bytes: [UInt8]) -> [UInt8] {
    [0, 0, 8, UInt8(extents.count)] + extents.flatMap { e in (0..<4).map { UInt8(truncatingIfNeeded: e >> (24 - 8 * $0)) } } + bytes
}
