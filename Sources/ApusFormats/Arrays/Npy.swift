import ApusCore
import ApusSystem

extension Tensor {
    /// The array in a file of NumPy (`.npy`). NumPy: `np.load`.
    ///
    /// Row-major arrays, and column-major ("Fortran") ones as transposed views, are mapped: they take no memory until they are used, and
    /// changing one in place does not change the file. Big-endian and unaligned arrays are copied. Reads versions 1 to 3 of the format;
    /// bytes after the first array are ignored.
    ///
    /// Types that convert without loss are converted: `uint16` to `int32`, `uint32` to `int64`. For any other type that Apus has no dtype
    /// for, throws an error that names it: `uint64`, complex and extended numbers, text, dates, structures, raw bytes. Arrays of Python
    /// objects are pickles, which are never run.
    ///
    /// Throws `FileError` if the file cannot be read, and ``FormatError`` if it is not such an array.
    /// Specification: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
    public convenience init(npy path: String) throws {
        self.init(sharing: try Npy.tensor(in: ByteRegion(MappedFile(path))))
    }

    /// Writes the values to a NumPy file (`.npy`), atomically, in row-major order, with the same bytes that NumPy writes. NumPy: `np.save`.
    ///
    /// Throws for `bfloat16`, which NumPy lacks; `x.to(.float32)` converts it without loss.
    public func save(npy path: String) throws {
        let header = try Npy.header(of: self, path)
        try AtomicFile.write(to: path) { writer in
            try writer.write(header)
            try withHostBytes(of: self) { try writer.write($0) }
        }
    }
}

/// NumPy's array format: a magic number, the header's length, a header that is a Python dictionary, the elements.
package enum Npy {
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// The longest header that is accepted. 64 dimensions take a fortieth of it; NumPy's own limit is 10,000 bytes.
    static let maximumHeader = 1 << 16

    static func isArray(_ region: ByteRegion) -> Bool { region.bytes.starts(with: magic) }

    /// The array at the beginning of the region.
    package static func tensor(in region: ByteRegion) throws -> Tensor { try tensor(Header(region), in: region) }

    static func tensor(_ header: Header, in region: ByteRegion) throws -> Tensor {
        guard header.end <= region.count else {
            throw region.error(
                at: region.count,
                "cut off: \(header.type.name) of shape \(header.shape) takes \(header.byteCount) bytes, \(region.count - header.start) follow the header"
            )
        }
        return try tensor(region[header.start..<header.end], header.type, header.shape, isColumnMajor: header.isColumnMajor)
    }

    /// The array with these elements, of exactly the needed size: a view of them if Apus can compute with them as they are.
    static func tensor(_ data: ByteRegion, _ type: ElementType, _ shape: Shape, isColumnMajor: Bool) throws -> Tensor {
        if type.dtype == .bool, let bad = data.wrongBool { throw data.error(at: bad, "a bool is \(data.bytes[bad]), neither 0 nor 1") }
        let strides = isColumnMajor ? Shape(Shape(shape.reversed()).contiguousStrides.reversed()) : shape.contiguousStrides
        guard type.isBigEndian && type.size > 1 || type.size != type.dtype.size else {
            return try data.tensor(shape, type.dtype, strides: strides)
        }
        let read = try ApusFormats.tensor([shape.numel], type.dtype) { out in
            switch type.name {
            case "uint16": widen(data.bytes, type.isBigEndian, UInt16.self, into: out, Int32.self)
            case "uint32": widen(data.bytes, type.isBigEndian, UInt32.self, into: out, Int64.self)
            default:
                out.copyMemory(from: UnsafeRawBufferPointer(data.bytes))
                swapBytes(out, elementSize: type.size)
            }
        }
        return Tensor(storage: read.storage, shape: shape, strides: strides, offset: 0, dtype: type.dtype)
    }

    private static func widen<Narrow: FixedWidthInteger, Wide: FixedWidthInteger>(
        _ bytes: UnsafeMutableRawBufferPointer, _ isBigEndian: Bool, _: Narrow.Type, into out: UnsafeMutableRawBufferPointer, _: Wide.Type
    ) {
        let elements = out.bindMemory(to: Wide.self)
        for i in elements.indices {
            let element = bytes.loadUnaligned(fromByteOffset: i * MemoryLayout<Narrow>.size, as: Narrow.self)
            elements[i] = Wide(isBigEndian ? Narrow(bigEndian: element) : Narrow(littleEndian: element))
        }
    }
}

// MARK: Types

extension Npy {
    /// An element type in a file, and the dtype that it is converted to.
    struct ElementType {
        /// NumPy's name.
        let name: String
        let dtype: DType
        /// The element size in the file, in bytes.
        let size: Int
        var isBigEndian = false

        /// The type of NumPy's name and size of an element.
        fileprivate init(_ name: String, _ dtype: DType, size: Int) { (self.name, self.dtype, self.size) = (name, dtype, size) }

        /// The type for NumPy's code (`<f4`, `|b1`); nil if Apus has no dtype for it.
        init?(code: String) {
            let hasOrder = code.first.map { "<>=|".contains($0) } ?? false
            guard let type = types[hasOrder ? String(code.dropFirst()) : code] else { return nil }
            self = type
            isBigEndian = code.first == ">"
        }
    }

    /// The supported types by NumPy's code.
    private static let types: [String: ElementType] = [
        "b1": .init("bool", .bool, size: 1), "u1": .init("uint8", .uint8, size: 1),
        "i1": .init("int8", .int8, size: 1), "i2": .init("int16", .int16, size: 2),
        "i4": .init("int32", .int32, size: 4), "i8": .init("int64", .int64, size: 8),
        "u2": .init("uint16", .int32, size: 2), "u4": .init("uint32", .int64, size: 4),
        "f2": .init("float16", .float16, size: 2), "f4": .init("float32", .float32, size: 4),
        "f8": .init("float64", .float64, size: 8),
    ]

    /// The name of an unsupported type by NumPy's code; nil if it is not a code.
    private static func foreignName(_ code: String) -> String? {
        switch code.first {
        case "u" where code == "u8": "uint64"
        case "c" where code == "c8": "complex64"
        case "c" where code == "c16": "complex128"
        case "c", "f": UInt8(code.dropFirst()).map { "\(code.first == "c" ? "complex" : "float")\(8 * Int($0))" }
        case "O": "Python objects: a pickle, which is not read, since it can run any program"
        case "S", "a": "text as bytes"
        case "U": "text"
        case "M": "dates"
        case "m": "spans of time"
        // bfloat16 and 8-bit floats, which NumPy has from ml_dtypes, are saved like this.
        case "V": "raw bytes without a type, as which NumPy also saves bfloat16; save it as float32"
        default: nil
        }
    }

    /// The type that a header describes.
    private static func elementType(_ description: PythonLiteral, _ region: ByteRegion) throws(FormatError) -> ElementType {
        switch description {
        case .text(let text):
            if let type = ElementType(code: text) { return type }
            guard let name = foreignName(String(text.drop { "<>=|".contains($0) })) else {
                throw region.error("header: unknown type of elements \(description.text)")
            }
            throw region.error("the elements (\(description.text)) are \(name); Apus has no dtype for them")
        case .list(let fields):
            let names = fields.prefix(10).map { field in
                if case .tuple(let parts) = field, let name = parts.first { name.text } else { field.text }
            }
            throw region.error(
                "the elements are structures with the fields \(names.joined(separator: ", ")); save each field as an array of its own")
        case .tuple, .dictionary:
            throw region.error("the elements are structures (\(description.text)); save each field as an array of its own")
        default: throw region.error("header: 'descr' is \(description.text), no type of elements")
        }
    }
}

// MARK: Header

extension Npy {
    /// The parsed header, checked except against the region's length.
    struct Header {
        let type: ElementType
        let isColumnMajor: Bool
        let shape: Shape
        let byteCount: Int
        /// The byte range of the elements; the end may be far beyond the region.
        let start: Int, end: Int

        init(_ region: ByteRegion) throws(FormatError) {
            guard Npy.isArray(region) else {
                throw FileKind.mistaken(region, for: "NumPy array (.npy)")
            }
            var cursor = ByteCursor(region)
            cursor.offset = magic.count
            let major = try cursor.integer(UInt8.self, "version"), minor = try cursor.integer(UInt8.self, "version")
            guard (1...3).contains(major), minor == 0 else {
                throw region.error(at: magic.count, "version \(major).\(minor) of the format; 1.0, 2.0 and 3.0 are read")
            }
            let length = major == 1 ? Int(try cursor.integer(UInt16.self, "length")) : Int(try cursor.integer(UInt32.self, "length"))
            let begin = cursor.offset
            guard length <= cursor.rest else {
                throw region.error(at: region.count, "cut off: the header should have \(length) bytes, \(cursor.rest) are there")
            }
            guard length <= Npy.maximumHeader else {
                throw cursor.error("the header has \(length) bytes, more than \(Npy.maximumHeader); only structures need so many")
            }
            start = begin + length
            let text = region[begin..<start]
            guard case .dictionary(let members) = try PythonLiteral(text) else { throw text.error(at: 0, "the header is no dictionary") }
            var values: [String: PythonLiteral] = [:]
            for (key, value) in members {
                guard case .text(let name) = key, ["descr", "fortran_order", "shape"].contains(name),
                    values.updateValue(value, forKey: name) == nil
                else {
                    throw text.error(
                        at: 0, "header: the key \(key.text), where 'descr', 'fortran_order' and 'shape' should stand once each")
                }
            }
            func value(_ name: String) throws(FormatError) -> PythonLiteral {
                guard let value = values[name] else { throw text.error(at: 0, "header: no '\(name)'") }
                return value
            }
            type = try Npy.elementType(value("descr"), region)
            let order = try value("fortran_order")
            guard case .bool(let isColumnMajor) = order else {
                throw text.error(at: 0, "header: 'fortran_order' is \(order.text), neither True nor False")
            }
            self.isColumnMajor = isColumnMajor
            let extents = try Header.extents(value("shape"), text)
            guard let byteCount = Shape.byteCount(extents, elementSize: type.dtype.size) else {
                throw text.error(at: 0, "header: shape \(extents) has more elements than 64 bits can count")
            }
            shape = Shape(extents)
            self.byteCount = byteCount / type.dtype.size * type.size
            end = start + min(self.byteCount, .max - start)
        }

        private static func extents(_ shape: PythonLiteral, _ text: ByteRegion) throws(FormatError) -> [Int] {
            guard case .tuple(let items) = shape else { throw text.error(at: 0, "header: the shape is \(shape.text), no tuple") }
            guard items.count <= Shape.maximumRank else {
                throw text.error(at: 0, "header: the shape has \(items.count) dimensions, more than \(Shape.maximumRank)")
            }
            var extents: [Int] = []
            for item in items {
                guard let extent = item.integer, extent >= 0 else {
                    throw text.error(at: 0, "header: the shape holds \(item.text), where a whole number from 0 to 2^63 − 1 should stand")
                }
                extents.append(extent)
            }
            return extents
        }
    }

    /// The bytes that NumPy writes before the elements of such an array.
    static func header(of tensor: Tensor, _ path: String, key: String? = nil) throws(FormatError) -> [UInt8] {
        let place = key.map { FormatError.Place.key($0) }
        guard !tensor.isPoisoned else {
            throw FormatError(file: path, place: place, reason: "the tensor is the result of an op that failed")
        }
        guard let (code, _) = types.first(where: { $0.value.dtype == tensor.dtype && $0.value.size == tensor.dtype.size }) else {
            throw FormatError(
                file: path, place: place, reason: "NumPy has no \(tensor.dtype); convert it: `.to(.float32)` loses nothing")
        }
        let extents = tensor.shape.map(String.init)
        let shape = extents.joined(separator: ", ") + (extents.count == 1 ? "," : "")
        var text = "{'descr': '\(tensor.dtype.size == 1 ? "|" : "<")\(code)', 'fortran_order': False, 'shape': (\(shape)), }"
        // Leaves room for the first extent to grow, and pads to a multiple of 64 bytes including the newline, as NumPy does.
        if let first = extents.first { text += String(repeating: " ", count: 21 - first.count) }
        let fixed = magic.count + 4 + 1
        text += String(repeating: " ", count: 64 - (fixed + text.utf8.count) % 64) + "\n"
        var bytes = magic + [1, 0]
        bytes.append(littleEndian: UInt16(text.utf8.count))
        return bytes + Array(text.utf8)
    }
}
