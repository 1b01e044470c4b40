import ApusCore
import ApusSystem

/// Files in the IDX format of MNIST, gzipped or not: two zero bytes, the element type, the number of dimensions, the extents (32 bits,
/// big-endian), the elements. http://yann.lecun.com/exdb/mnist
public enum IDX {
    private static let dtypes: [UInt8: DType] = [0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64]

    /// The tensor in the file at `path`. Throws `FileError` or ``FormatError``.
    public static func load(_ path: String) throws -> Tensor {
        let reader = try ByteReader(path)
        let magic = try reader.read(4)
        guard magic[0] == 0, magic[1] == 0, let dtype = dtypes[magic[2]] else {
            throw FormatError(
                file: path, place: .offset(0),
                reason:
                    "an IDX file begins with 0, 0 and the type of its elements (8, 9, 11 to 14), this one with \(magic.prefix(3).map(String.init).joined(separator: ", "))"
            )
        }
        let rank = Int(magic[3])
        guard (1...8).contains(rank) else {
            throw FormatError(file: path, place: .offset(3), reason: "\(rank) dimensions, where 1 to 8 are possible")
        }
        let extents = try reader.read(4 * rank)
        let shape = Shape((0..<rank).map { d in extents[(4 * d)..<(4 * d + 4)].reduce(0) { $0 << 8 | Int($1) } })
        guard let byteCount = Shape.byteCount(Array(shape), elementSize: dtype.size) else {
            let first = (0..<rank).first { Shape.byteCount(Array(shape.prefix($0 + 1)), elementSize: dtype.size) == nil }!
            throw FormatError(file: path, place: .offset(4 + 4 * first), reason: "the extents have more elements than 64 bits can count")
        }
        guard byteCount <= reader.bound else {
            throw FormatError(file: path, place: .offset(4), reason: "shape \(shape) needs \(byteCount) bytes, more than the file can hold")
        }
        let result = try tensor(shape, dtype) { bytes in
            try reader.read(into: bytes)
            swapBytes(bytes, elementSize: dtype.size)
        }
        try reader.finish()
        return result
    }
}
