// Finds EXIF data in a picture file. The decoding libraries report malformed parts; here they just end the search.

/// The chunks of a PNG: after eight bytes, each with a length, a name, contents and a checksum.
enum PNGChunks {
    /// The contents of the chunk eXIf.
    static func exif(_ region: ByteRegion) -> ByteRegion? {
        var cursor = ByteCursor(region)
        cursor.offset = 8
        while let length = try? Int(cursor.integer(UInt32.self, "length").byteSwapped), let name = try? cursor.take(4, "name") {
            let start = cursor.offset
            guard length + 4 <= cursor.rest else { return nil }
            if name.elementsEqual("eXIf".utf8) { return region[start..<(start + length)] }
            cursor.offset += length + 4
        }
        return nil
    }
}

/// The segments of a JPEG before its first scan: markers, most of them with a length and contents.
struct JPEGMarkers {
    /// The offset of the frame header, which has the size.
    private(set) var frame: Int?
    /// The EXIF data in the first segment that has any.
    private(set) var exif: ByteRegion?

    init(_ region: ByteRegion) {
        var cursor = ByteCursor(region)
        cursor.offset = 2
        while let byte = try? cursor.integer(UInt8.self, "marker") {
            guard byte == 0xFF else { continue }
            let start = cursor.offset - 1
            guard let marker = try? cursor.integer(UInt8.self, "marker") else { return }
            switch marker {
            case 0xFF: cursor.offset -= 1
            // Stuffing, and markers without contents.
            case 0x00, 0x01, 0xD0...0xD8: continue
            case 0xD9, 0xDA: return
            default:
                guard let length = try? Int(cursor.integer(UInt16.self, "length").byteSwapped), length >= 2,
                    length - 2 <= cursor.rest
                else { return }
                let contents = region[cursor.offset..<(cursor.offset + length - 2)]
                // Frames are 0xC0 to 0xCF, except for tables, an extension, and arithmetic coding conditions.
                if frame == nil, (0xC0...0xCF).contains(marker), ![0xC4, 0xC8, 0xCC].contains(marker) { frame = start }
                if marker == 0xE1, exif == nil, contents.withBytes({ $0.starts(with: "Exif\0\0".utf8) }) { exif = contents }
                cursor.offset += length - 2
            }
        }
    }
}

/// The chunks of a WebP: after twelve bytes, each with a name, a length and contents padded to an even number of bytes.
enum WebPChunks {
    /// Throws if the file is shorter than its header says.
    static func check(_ region: ByteRegion) throws(FormatError) {
        var cursor = ByteCursor(region)
        cursor.offset = 4
        let length = Int(try cursor.integer(UInt32.self, "the file's length"))
        guard length + 8 <= region.count else {
            throw region.error(at: region.count, "the file ends in the middle of the picture: it should have \(length + 8) bytes")
        }
    }

    /// The contents of the chunk EXIF.
    static func exif(_ region: ByteRegion) -> ByteRegion? {
        var cursor = ByteCursor(region)
        cursor.offset = 12
        while let name = try? cursor.take(4, "name"), let length = try? Int(cursor.integer(UInt32.self, "length")) {
            let start = cursor.offset
            guard length <= cursor.rest else { return nil }
            if name.elementsEqual("EXIF".utf8) { return region[start..<(start + length)] }
            cursor.offset += min(length + length % 2, cursor.rest)
        }
        return nil
    }
}
