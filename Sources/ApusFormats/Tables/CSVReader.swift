import ApusCore

/// Finds the fields of a table row by row, without copying text.
struct CSVReader {
    private static let maximumColumns = 65_536
    private let region: ByteRegion
    private let delimiter: UInt8
    private var at = 0

    init(_ region: ByteRegion, _ delimiter: Character) throws {
        (self.region, self.delimiter) = (region, delimiter.asciiValue ?? 0x2C)
        if delimiter.asciiValue == nil || [quote, newline, carriageReturn].contains(self.delimiter) {
            fail("CSV", "'\(delimiter)' cannot be the delimiter: it is an ASCII character other than a quote and the end of a line")
        }
        guard region.count < Int(UInt32.max) else { throw region.error("the table has \(region.count) bytes, and 4 GiB is the most") }
        try region.withBytes { bytes in
            do throws(UTF8.ValidationError) {
                _ = try UTF8Span(validating: Span(_unsafeBytes: bytes))
            } catch {
                throw region.textError(at: error.byteOffsets.lowerBound, "the text is not UTF-8")
            }
            if bytes.starts(with: mark) { at = 3 }
        }
    }

    /// The fields of the next row that is not an empty line; nil at the end.
    mutating func row() throws(FormatError) -> [Range<UInt32>]? {
        while lineEnd > 0 { at += lineEnd }
        guard at < region.count else { return nil }
        var fields: [Range<UInt32>] = []
        while true {
            guard fields.count < Self.maximumColumns else {
                throw region.textError(at: at, "more than \(Self.maximumColumns) columns; is the delimiter another?")
            }
            fields.append(try field())
            if at < region.count, region.bytes[at] == delimiter {
                at += 1
                continue
            }
            at += lineEnd
            return fields
        }
    }

    /// The length of the line end at the current position; 0 if there is none.
    private var lineEnd: Int {
        guard at < region.count else { return 0 }
        if region.bytes[at] == newline { return 1 }
        return region.bytes[at] == carriageReturn && at + 1 < region.count && region.bytes[at + 1] == newline ? 2 : 0
    }

    private mutating func field() throws(FormatError) -> Range<UInt32> {
        let start = at
        if at < region.count, region.bytes[at] == quote { try skipQuoted() } else { try skipBare() }
        return UInt32(start)..<UInt32(at)
    }

    private mutating func skipBare() throws(FormatError) {
        while at < region.count, region.bytes[at] != delimiter, lineEnd == 0 {
            switch region.bytes[at] {
            case quote: throw region.textError(at: at, "a quote within a field that does not begin with one")
            case carriageReturn: throw region.textError(at: at, "a carriage return without a newline")
            default: at += 1
            }
        }
    }

    private mutating func skipQuoted() throws(FormatError) {
        let start = at
        at += 1
        while true {
            guard at < region.count else { throw region.textError(at: start, "no quote ends the field that begins here") }
            at += 1
            guard region.bytes[at - 1] == quote else { continue }
            if at < region.count, region.bytes[at] == quote {
                at += 1
                continue
            }
            guard at == region.count || region.bytes[at] == delimiter || lineEnd > 0 else {
                throw region.textError(at: at, "text after the quote that ends a field")
            }
            return
        }
    }
}

private let quote = UInt8(ascii: "\""), newline = UInt8(ascii: "\n"), carriageReturn = UInt8(ascii: "\r")
/// The byte order mark that some programs write at the beginning of a text file.
private let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

/// The text of a field, unquoted.
func fieldText(_ bytes: UnsafeRawBufferPointer, _ cell: Range<UInt32>) -> String {
    let field = bytes[Int(cell.lowerBound)..<Int(cell.upperBound)]
    guard field.first == quote else { return String(decoding: field, as: UTF8.self) }
    var text: [UInt8] = []
    var isSecond = false
    for byte in field.dropFirst().dropLast() {
        isSecond = byte == quote && !isSecond
        if !isSecond { text.append(byte) }
    }
    return String(decoding: text, as: UTF8.self)
}

extension ByteRegion {
    /// An error at `offset` of a text: line and column count from 1, the column in code points.
    package func textError(at offset: Int, _ reason: String) -> FormatError {
        withBytes { bytes in
            let before = bytes[..<Swift.min(offset, bytes.count)]
            let lineStart = before.lastIndex(of: newline).map { $0 + 1 } ?? (before.starts(with: mark) ? 3 : 0)
            let column = before[lineStart...].count { $0 & 0xC0 != 0x80 } + 1
            return FormatError(file: file, place: .line(before.count { $0 == newline } + 1, column: column), reason: reason)
        }
    }
}
