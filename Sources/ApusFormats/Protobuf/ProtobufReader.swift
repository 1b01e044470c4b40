/// Reads the fields of a protobuf message in order, and never beyond its end. https://protobuf.dev/programming-guides/encoding
///
/// A nested message is read by a new reader, so that a file cannot determine the depth of recursion.
package struct ProtobufReader {
    private var cursor: ByteCursor

    package init(_ message: ByteRegion) { cursor = ByteCursor(message) }

    /// The next field; nil at the end of the message.
    package mutating func next() throws(FormatError) -> ProtobufField? {
        guard cursor.rest > 0 else { return nil }
        let (region, start) = (cursor.region, cursor.offset)
        let key = try varint("the number of a field")
        guard key >> 3 > 0, key >> 3 < 1 << 29 else { throw region.error(at: start, "a field has the number \(key >> 3)") }
        let number = Int(key >> 3)
        let value: ProtobufField.Value
        switch key & 7 {
        case 0: value = .varint(try varint("field \(number)"))
        case 1: value = .fixed64(try cursor.integer(UInt64.self, "field \(number)"))
        case 5: value = .fixed32(try cursor.integer(UInt32.self, "field \(number)"))
        case 2:
            let count = try varint("the length of field \(number)")
            guard count <= UInt64(cursor.rest) else {
                throw region.error(at: start, "field \(number) should have \(count) bytes, of its message only \(cursor.rest) are left")
            }
            let first = cursor.offset
            cursor.offset += Int(count)
            value = .bytes(region[first..<cursor.offset])
        default: throw region.error(at: start, "field \(number) is of kind \(key & 7), there are 0, 1, 2 and 5")
        }
        return ProtobufField(number: number, value: value, message: region, offset: start)
    }

    /// A number in groups of seven bits, the least significant first; the highest bit of a byte says that another follows.
    private mutating func varint(_ what: @autoclosure () -> String) throws(FormatError) -> UInt64 {
        let start = cursor.offset
        var (value, shift) = (UInt64(0), UInt64(0))
        while true {
            let byte = try cursor.integer(UInt8.self, what())
            guard shift < 63 || shift == 63 && byte <= 1 else {
                throw cursor.region.error(at: start, "\(what()): a number of more than 64 bits")
            }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }
}

/// A field of a protobuf message. Its functions return the value as the type in the message's definition, and throw if it is stored as
/// another.
package struct ProtobufField {
    package enum Value {
        case varint(UInt64), fixed64(UInt64), fixed32(UInt32), bytes(ByteRegion)
    }

    package let number: Int
    package let value: Value
    private let message: ByteRegion
    private let offset: Int

    init(number: Int, value: Value, message: ByteRegion, offset: Int) {
        (self.number, self.value, self.message, self.offset) = (number, value, message, offset)
    }

    /// An error at the field.
    package func error(_ reason: String) -> FormatError { message.error(at: offset, reason) }

    private func wrong(_ name: String, _ wanted: String) -> FormatError { error("'\(name)' is no \(wanted)") }

    /// `int64`, `int32`, `bool` or an enumeration.
    package func integer(_ name: String) throws(FormatError) -> Int64 {
        guard case .varint(let value) = value else { throw wrong(name, "integer") }
        return Int64(bitPattern: value)
    }

    /// `double`.
    package func double(_ name: String) throws(FormatError) -> Double {
        guard case .fixed64(let bits) = value else { throw wrong(name, "double") }
        return Double(bitPattern: bits)
    }

    /// `float`.
    package func float(_ name: String) throws(FormatError) -> Float {
        guard case .fixed32(let bits) = value else { throw wrong(name, "float") }
        return Float(bitPattern: bits)
    }

    /// `bytes`, or a message.
    package func bytes(_ name: String) throws(FormatError) -> ByteRegion {
        guard case .bytes(let bytes) = value else { throw wrong(name, "message, text or bytes") }
        return bytes
    }

    /// `string`.
    package func text(_ name: String) throws(FormatError) -> String {
        var cursor = ByteCursor(try bytes(name))
        return try cursor.text(cursor.rest, "'\(name)'")
    }

    /// Calls `body` with each field of a nested message.
    package func fields(_ name: String, _ body: (ProtobufField) throws(FormatError) -> Void) throws(FormatError) {
        try bytes(name).fields(body)
    }

    /// Appends the numbers of a field of type `repeated double`, packed or not.
    package func add(to numbers: inout [Double], _ name: String) throws(FormatError) {
        guard case .bytes(let packed) = value else { return numbers.append(try double(name)) }
        var cursor = ByteCursor(packed)
        while cursor.rest > 0 { numbers.append(Double(bitPattern: try cursor.integer(UInt64.self, "'\(name)'"))) }
    }

    /// Appends the numbers of a field of type `repeated float`, packed or not.
    package func add(to numbers: inout [Float], _ name: String) throws(FormatError) {
        guard case .bytes(let packed) = value else { return numbers.append(try float(name)) }
        var cursor = ByteCursor(packed)
        while cursor.rest > 0 { numbers.append(Float(bitPattern: try cursor.integer(UInt32.self, "'\(name)'"))) }
    }
}

extension ByteRegion {
    /// Calls `body` with each field of the message in these bytes.
    package func fields(_ body: (ProtobufField) throws(FormatError) -> Void) throws(FormatError) {
        var reader = ProtobufReader(self)
        while let field = try reader.next() { try body(field) }
    }
}
