/// Writes a protobuf message, field by field. https://protobuf.dev/programming-guides/encoding
///
/// Values that are 0 or empty are written too: the caller leaves out what the message's definition leaves out.
package struct ProtobufWriter {
    /// The message so far.
    package private(set) var bytes: [UInt8] = []

    package init() {}

    private mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 0x7F {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    private mutating func key(_ field: Int, _ kind: UInt64) { varint(UInt64(field) << 3 | kind) }

    private mutating func append(littleEndian value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// A field of type `int32`, `int64`, `bool` or an enumeration.
    package mutating func integer(_ field: Int, _ value: Int64) {
        key(field, 0)
        varint(UInt64(bitPattern: value))
    }

    /// A field of type `double`.
    package mutating func double(_ field: Int, _ value: Double) {
        key(field, 1)
        append(littleEndian: value.bitPattern)
    }

    /// A field of type `float`.
    package mutating func float(_ field: Int, _ value: Float) {
        key(field, 5)
        append(littleEndian: value.bitPattern)
    }

    /// A field of type `bytes`.
    package mutating func bytes(_ field: Int, _ value: some Collection<UInt8>) {
        key(field, 2)
        varint(UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// A field of type `string`.
    package mutating func text(_ field: Int, _ value: String) { bytes(field, value.utf8) }

    /// A field that is a nested message.
    package mutating func message(_ field: Int, _ body: (inout ProtobufWriter) -> Void) {
        var inner = ProtobufWriter()
        body(&inner)
        bytes(field, inner.bytes)
    }

    /// A field of type `repeated double`.
    package mutating func doubles(_ field: Int, _ values: [Double]) {
        key(field, 2)
        varint(UInt64(8 * values.count))
        for value in values { append(littleEndian: value.bitPattern) }
    }

    /// A field of type `repeated float`.
    package mutating func floats(_ field: Int, _ values: [Float]) {
        key(field, 2)
        varint(UInt64(4 * values.count))
        for value in values { append(littleEndian: value.bitPattern) }
    }
}
