import ApusCore
import ApusFormats
import ApusSystem

/// Name, dtype and shape of a tensor whose elements travel apart.
struct TensorEntry: Codable {
    var name: String
    var dtype: DType.RawValue
    var shape: [Int]

    init(_ name: String, _ tensor: Tensor) { (self.name, dtype, shape) = (name, tensor.dtype.rawValue, Array(tensor.shape)) }

    var type: DType { DType(rawValue: dtype) ?? .float32 }
}

/// A value and tensors as the bytes that processes send each other: the length of the text, the text, the elements.
struct TensorMessage {
    let value: JSON
    let tensors: StateDict

    private struct Header: Codable {
        var value: JSON
        var tensors: [TensorEntry]
    }

    init(_ value: JSON, _ tensors: StateDict) { (self.value, self.tensors) = (value, tensors) }

    /// Waits for the device.
    var bytes: [UInt8] {
        get throws {
            let header = try JSON(encoding: Header(value: value, tensors: tensors.map { TensorEntry($0.key, $0.value) }))
            let text = Array(header.text.utf8)
            var bytes = withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
            for (_, tensor) in tensors { try withHostBytes(of: tensor) { bytes += $0 } }
            return bytes
        }
    }

    /// What `bytes` gave in another process of the same program.
    init(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        func next(_ count: Int) -> ArraySlice<UInt8> {
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        let count = next(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        let header: Header = try JSON(parsing: String(decoding: next(Int(count)), as: UTF8.self)).decoded()
        value = header.value
        tensors = try StateDict(
            header.tensors.map { entry in
                let shape = Shape(entry.shape)
                return (entry.name, try tensor(shape, entry.type) { $0.copyBytes(from: next(shape.numel * entry.type.size)) })
            })
    }
}
