import ApusCore
import ApusSystem
import Glibc

/// A file in the safetensors format: named tensors, and a dictionary of strings that describes them.
///
/// `let file = try Safetensors(contentsOf: "net.safetensors")`, then `file.tensors["conv1.weight"]`.
///
/// The format is 8 bytes for the header's length (little endian), a JSON header that gives each tensor's dtype, shape and byte range, and
/// the bytes. Reading maps the file, so its tensors take no memory until they are used; changing one in place changes neither the file nor
/// other mappings of it. Every number in the header is checked before it is used: ranges that leave the file, overlap or leave gaps, sizes
/// that differ from the shape, and duplicate keys are a ``FormatError`` that names file and tensor. A tensor of a type that Apus lacks
/// (`F8_E4M3`, `U16`, `C64`) is skipped and listed in ``leftOut``; the others are read.
///
/// Specification: https://github.com/huggingface/safetensors#format. Python: `safetensors.torch.load_file`.
public struct Safetensors {
    /// The tensors, in the order of the header.
    public var tensors: StateDict
    /// The header's `__metadata__`.
    public var metadata: Metadata
    /// The tensors that were skipped because Apus lacks their dtype: their names, and the type in the format's spelling.
    public private(set) var leftOut: [(key: String, dtype: String)] = []

    /// The contents of a file to write: `tensors`, and strings that describe them.
    public init(_ tensors: StateDict, metadata: Metadata = [:]) {
        self.tensors = tensors
        self.metadata = metadata
    }

    /// Maps the file at `path`. Throws `FileError` if it cannot be read, and ``FormatError`` if it is not a safetensors file.
    public init(contentsOf path: String) throws {
        self = try Safetensors(ByteRegion(MappedFile(path)))
    }

    /// The file that ``bytes()`` makes, from a message or a database; `name` stands for it in errors. Throws ``FormatError`` for other bytes.
    /// Python: `safetensors.torch.load`.
    public init(bytes: [UInt8], named name: String = "safetensors") throws {
        self = try Safetensors(ByteRegion(copying: bytes, file: name))
    }

    /// The bytes that ``write(to:)`` writes. Waits for the device. Python: `safetensors.torch.save`.
    public func bytes() throws -> [UInt8] {
        let layout = try layout(of: "safetensors", sealed: false)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(layout.beginning.count + layout.count)
        bytes += layout.beginning
        for i in layout.order { try withHostBytes(of: tensors[i].value) { bytes += $0 } }
        return bytes
    }

    /// Writes the file at `path` atomically: to a temporary file that is synced to the disk, then renamed.
    /// Keys are in the order of `tensors`, metadata in that of its names, so equal contents give equal bytes.
    public func write(to path: String) throws {
        try write(to: path, sealed: false)
    }

    /// The longest header that is read or written, as in the reference implementation.
    static let maximumHeader = 100_000_000
    /// The name of the tensor that holds a checkpoint's checksum: XXH64 of all bytes before it.
    static let sealKey = "checksum"

    private static let dtypeNames: [(DType, String)] = [
        (.bool, "BOOL"), (.uint8, "U8"), (.int8, "I8"), (.int16, "I16"), (.int32, "I32"), (.int64, "I64"),
        (.float16, "F16"), (.bfloat16, "BF16"), (.float32, "F32"), (.float64, "F64"),
    ]
    /// Types of the format that Apus lacks, and the number of bits per element.
    private static let foreignTypes: [(name: String, bits: Int)] = [
        ("U16", 16), ("U32", 32), ("U64", 64), ("C64", 64), ("F8_E5M2", 8), ("F8_E4M3", 8), ("F8_E8M0", 8), ("F8_E5M2FNUZ", 8),
        ("F8_E4M3FNUZ", 8),
        ("F6_E2M3", 6), ("F6_E3M2", 6), ("F4", 4),
    ]
}

// MARK: Reading

extension Safetensors {
    /// A description of ``leftOut``; nil if nothing was skipped.
    package var leftOutNote: String? {
        guard !leftOut.isEmpty else { return nil }
        let names = leftOut.prefix(10).map { "'\(printable($0.key))' (\($0.dtype))" }.joined(separator: ", ")
        return
            "left out \(names)\(leftOut.count > 10 ? " and \(leftOut.count - 10) more" : ""): Apus has no dtype for \(leftOut.count == 1 ? "it" : "them")"
    }

    /// The file with these bytes, which its tensors borrow.
    package init(_ region: ByteRegion) throws {
        let header = try Header(region)
        metadata = header.metadata
        tensors = StateDict()
        for entry in header.entries {
            if let dtype = entry.dtype {
                tensors[entry.key] = try header.tensor(entry, dtype, in: region)
            } else {
                leftOut.append((entry.key, entry.typeName))
            }
        }
    }

    /// A header whose contents have been checked against the file.
    struct Header {
        struct Entry {
            let key: String
            /// nil if Apus lacks the type.
            let dtype: DType?
            let typeName: String
            let shape: Shape
            /// The range of bytes, counted from the end of the header.
            let range: Range<Int>
        }
        private(set) var entries: [Entry] = []
        private(set) var metadata = Metadata()
        private let start: Int

        init(_ region: ByteRegion) throws(FormatError) {
            let path = region.file
            let bytes = UnsafeRawBufferPointer(region.bytes)
            guard bytes.count >= 8 else {
                throw FormatError(
                    file: path,
                    reason: bytes.isEmpty ? "the file is empty" : "the file has \(bytes.count) bytes, a safetensors file at least 8")
            }
            let claimed = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
            guard claimed <= UInt64(Safetensors.maximumHeader) else {
                throw FormatError(
                    file: path, place: .offset(0),
                    reason: "the header's length is \(claimed) bytes, the limit \(Safetensors.maximumHeader): not a safetensors file")
            }
            let length = Int(claimed)
            guard length <= bytes.count - 8 else {
                throw FormatError(
                    file: path, place: .offset(0),
                    reason:
                        "the header's length is \(length) bytes, but only \(bytes.count - 8) follow: the file is cut off or no safetensors file"
                )
            }
            start = 8 + length
            guard length > 0, bytes[8] == UInt8(ascii: "{") else {
                throw FormatError(file: path, place: .offset(8), reason: "the header does not begin with '{'")
            }
            let json: JSON
            do throws(JSONError) {
                json = try JSON(parsing: UnsafeRawBufferPointer(rebasing: bytes[8..<start]))
            } catch {
                throw FormatError(file: path, place: .offset(8 + error.offset), reason: "header: \(error.message)")
            }
            for member in json.members ?? [] {
                if member.key == "__metadata__" {
                    try readMetadata(member.value, path)
                } else {
                    entries.append(try Header.entry(member.key, member.value, path))
                }
            }
            try checkRanges(path, dataCount: bytes.count - start)
        }

        private mutating func readMetadata(_ value: JSON, _ path: String) throws(FormatError) {
            if case .null = value { return }
            guard let members = value.members else {
                throw FormatError(file: path, place: .key("__metadata__"), reason: "\(value.kind), where an object should stand")
            }
            for member in members {
                guard let string = member.value.string else {
                    throw FormatError(
                        file: path, place: .key("__metadata__"),
                        reason: "'\(printable(member.key))' is \(member.value.kind), where a string should stand")
                }
                metadata[member.key] = string
            }
        }

        private static func entry(_ key: String, _ value: JSON, _ path: String) throws(FormatError) -> Entry {
            func wrong(_ reason: String) -> FormatError { FormatError(file: path, place: .key(key), reason: reason) }
            // Other fields are ignored, as in the reference implementation.
            guard value.members != nil else {
                throw wrong("\(value.kind), where an object with dtype, shape and data_offsets should stand")
            }
            guard let name = value["dtype"]?.string else { throw wrong("no dtype, or one that is not a string") }
            let dtype = dtypeNames.first { $0.1 == name }?.0
            guard let bits = dtype.map({ $0.size * 8 }) ?? foreignTypes.first(where: { $0.name == name })?.bits else {
                throw wrong("unknown dtype '\(printable(name))'")
            }
            guard let list = value["shape"]?.array else { throw wrong("no shape, or one that is not a list") }
            guard list.count <= Shape.maximumRank else {
                throw wrong("the shape has \(list.count) dimensions, the limit is \(Shape.maximumRank)")
            }
            var shape = Shape()
            var count = 1
            // This product ignores extents of 0: strides are products of the other extents, which must not overflow either.
            var span = (bits + 7) / 8
            for item in list {
                guard let extent = item.int, extent >= 0 else {
                    throw wrong("the shape holds \(item.text), where a whole number from 0 to 2^63 − 1 should stand")
                }
                let (product, overflow) = span.multipliedReportingOverflow(by: max(extent, 1))
                guard !overflow else { throw wrong("shape \(JSON.array(list).text) has more elements than 64 bits can count") }
                span = product
                count *= extent
                shape.append(extent)
            }
            guard let offsets = value["data_offsets"]?.array, offsets.count == 2, let begin = offsets[0].int, let end = offsets[1].int
            else {
                throw wrong("no data_offsets, or ones that are not two whole numbers")
            }
            guard begin >= 0, begin <= end else { throw wrong("data_offsets [\(begin), \(end)] are not a range") }
            // Elements smaller than a byte are packed.
            let (size, isTooMany) = count.multipliedReportingOverflow(by: bits % 8 == 0 ? bits / 8 : bits)
            guard !isTooMany, bits % 8 == 0 || size % 8 == 0 else { throw wrong("\(name) of shape \(shape) is no whole number of bytes") }
            let byteCount = bits % 8 == 0 ? size : size / 8
            guard end - begin == byteCount else {
                throw wrong("data_offsets [\(begin), \(end)] span \(end - begin) bytes, \(name) of shape \(shape) takes \(byteCount)")
            }
            return Entry(key: key, dtype: dtype, typeName: name, shape: shape, range: begin..<end)
        }

        /// The sorted ranges must be adjacent, from the first byte to the last.
        private func checkRanges(_ path: String, dataCount: Int) throws(FormatError) {
            var end = 0
            for entry in entries.sorted(by: { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }) {
                let (range, place) = (entry.range, FormatError.Place.key(entry.key))
                guard range.upperBound <= dataCount else {
                    throw FormatError(
                        file: path, place: place,
                        reason: "data_offsets [\(range.lowerBound), \(range.upperBound)] leave the file, whose data has \(dataCount) bytes")
                }
                guard range.lowerBound >= end else {
                    throw FormatError(
                        file: path, place: place, reason: "its data overlaps that of another tensor at byte \(range.lowerBound) of the data"
                    )
                }
                guard range.lowerBound == end else {
                    throw FormatError(
                        file: path, place: place, reason: "bytes \(end) to \(range.lowerBound) of the data before it belong to no tensor")
                }
                end = range.upperBound
            }
            guard end == dataCount else {
                throw FormatError(
                    file: path, place: .offset(start + end), reason: "\(dataCount - end) bytes after the last tensor belong to none")
            }
        }

        /// A view of the mapped file; a copy if the bytes are not aligned for the dtype.
        func tensor(_ entry: Entry, _ dtype: DType, in region: ByteRegion) throws -> Tensor {
            let bytes = region[(start + entry.range.lowerBound)..<(start + entry.range.upperBound)]
            if dtype == .bool, let bad = bytes.wrongBool {
                throw FormatError(
                    file: region.file, place: .key(entry.key),
                    reason: "byte \(bad) of a BOOL tensor is \(bytes.bytes[bad]), neither 0 nor 1")
            }
            return try bytes.tensor(entry.shape, dtype)
        }
    }
}

// MARK: Writing

extension Safetensors {
    /// Writes the file; `sealed` adds a last tensor with the checksum of all bytes before it.
    func write(to path: String, sealed: Bool, beforeRename: () throws -> Void = {}) throws {
        let layout = try layout(of: path, sealed: sealed)
        try AtomicFile.write(to: path, beforeRename: beforeRename) { writer in
            if sealed { writer.checksum = Checksum() }
            try writer.write(layout.beginning)
            for i in layout.order { try withHostBytes(of: tensors[i].value) { try writer.write($0) } }
            if let seal = writer.checksum?.value { try withUnsafeBytes(of: seal.littleEndian) { try writer.write($0) } }
        }
    }

    /// All before the elements, the tensors in the order in which theirs follow, and how many bytes those have. `path` names the file in errors.
    private func layout(of path: String, sealed: Bool) throws(FormatError) -> (beginning: [UInt8], order: [Int], count: Int) {
        // Larger elements first, so that each tensor is aligned for its dtype.
        let order = tensors.indices.sorted { (-tensors[$0].value.dtype.size, $0) < (-tensors[$1].value.dtype.size, $1) }
        var begins = [Int](repeating: 0, count: tensors.count)
        var end = 0
        for i in order {
            let (key, tensor) = tensors[i]
            if tensor.isPoisoned {
                throw FormatError(file: path, place: .key(key), reason: "the tensor is the result of an op that failed")
            }
            if key.isSame(as: "__metadata__") || sealed && key == Safetensors.sealKey {
                throw FormatError(file: path, place: .key(key), reason: "the name is reserved by the format")
            }
            begins[i] = end
            end += tensor.numel * tensor.dtype.size
        }
        var members: [JSON.Member] = []
        if !metadata.isEmpty {
            members.append(JSON.Member("__metadata__", .object(metadata.map { JSON.Member($0.key, .string($0.value)) })))
        }
        for (i, (key, tensor)) in tensors.enumerated() {
            members.append(JSON.Member(key, Safetensors.description(tensor.dtype, tensor.shape, begins[i])))
        }
        if sealed { members.append(JSON.Member(Safetensors.sealKey, Safetensors.description(.uint8, [8], end))) }
        var header = Array(JSON.object(members).text.utf8)
        // Pad with spaces, so that the data begins at a cache line.
        header.append(contentsOf: repeatElement(0x20, count: (64 - (8 + header.count) % 64) % 64))
        guard header.count <= Safetensors.maximumHeader else {
            throw FormatError(file: path, reason: "the header would take \(header.count) bytes, the limit is \(Safetensors.maximumHeader)")
        }
        return (withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header, order, end)
    }

    private static func description(_ dtype: DType, _ shape: Shape, _ begin: Int) -> JSON {
        [
            "dtype": .string(dtypeNames.first { $0.0 == dtype }!.1),
            "shape": .array(shape.map { .int(Int64($0)) }),
            "data_offsets": [.int(Int64(begin)), .int(Int64(begin + shape.numel * dtype.size))],
        ]
    }
}

/// Calls `body` with the elements of `tensor` in row-major order in host memory, after waiting for all work on them.
package func withHostBytes<Result>(of tensor: Tensor, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    let host = try tensor.hostData()
    return try withExtendedLifetime(host) {
        try body(UnsafeRawBufferPointer(start: host.pointer, count: host.numel * host.dtype.size))
    }
}

/// A contiguous tensor in host memory; `fill` must write all its bytes.
package func tensor(_ shape: Shape, _ dtype: DType, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws -> Tensor {
    let tensor = try Tensor.uninitialized(shape, dtype, .cpu)
    try fill(UnsafeMutableRawBufferPointer(start: tensor.pointer, count: tensor.numel * dtype.size))
    return tensor
}
