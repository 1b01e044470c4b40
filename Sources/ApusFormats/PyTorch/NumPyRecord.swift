import ApusCore
import ApusSystem

/// NumPy's arrays and scalars within a pickle: records whose bytes are numbers.
enum NumPyRecord {
    private static let dtypes: [String: DType] = [
        "b1": .bool, "u1": .uint8, "i1": .int8, "i2": .int16, "i4": .int32, "i8": .int64, "f2": .float16, "f4": .float32, "f8": .float64,
    ]

    /// Whether the object is an array.
    static func isArray(_ heap: PickleHeap, _ index: PickleHeap.Index) -> Bool {
        guard case .record(let number) = heap[index] else { return false }
        return heap.records[number].className == "numpy.ndarray" && heap.records[number].state != nil
    }

    /// The dtype that a record of `numpy.dtype` describes, and whether its highest byte comes first.
    private static func dtype(_ heap: PickleHeap, _ index: PickleHeap.Index) -> (name: String, dtype: DType?, isBigEndian: Bool)? {
        guard case .record(let number) = heap[index], heap.records[number].className == "numpy.dtype",
            let first = heap.elements(heap.records[number].arguments)?.first, case .string(let code) = heap[first]
        else { return nil }
        var order = code.hasPrefix(">") ? ">" : "<"
        let name = code.first.map { "<>|=".contains($0) } ?? false ? String(code.dropFirst()) : code
        if let state = heap.records[number].state, let parts = heap.elements(state), parts.count > 1,
            case .string(let text) = heap[parts[1]]
        {
            order = text
        }
        return (name, dtypes[name], order == ">")
    }

    private static func values(_ bytes: [UInt8], _ shape: Shape, _ dtype: DType, isBigEndian: Bool) throws -> Tensor {
        try ApusFormats.tensor(shape, dtype) { memory in
            memory.copyBytes(from: bytes)
            if isBigEndian { swapBytes(memory, elementSize: dtype.size) }
        }
    }

    /// The array as a tensor; `wrong` makes the error for what is none.
    static func tensor(_ heap: PickleHeap, _ index: PickleHeap.Index, _ wrong: (String) -> FormatError) throws -> Tensor {
        guard isArray(heap, index), case .record(let number) = heap[index], let parts = heap.elements(heap.records[number].state!),
            parts.count >= 5
        else {
            throw wrong("\(heap.describe(index)) is no tensor")
        }
        guard let type = dtype(heap, parts[2]) else { throw wrong("a NumPy array without a dtype") }
        guard let dtype = type.dtype else { throw wrong("Apus has no dtype for NumPy's '\(printable(type.name))'") }
        guard case .bytes(let bytes, _) = heap[parts[4]] else {
            throw wrong("a NumPy array of \(heap.describe(parts[4])), where bytes should stand")
        }
        var shape = Shape()
        var count = dtype.size
        for extent in heap.elements(parts[1]) ?? [] {
            guard case .int(let extent) = heap[extent], extent >= 0,
                case let (product, overflow) = count.multipliedReportingOverflow(by: extent), !overflow
            else { throw wrong("a NumPy array with an extent of \(heap.describe(extent))") }
            shape.append(extent)
            count = product
        }
        guard shape.count <= Safetensors.maximumRank, count == bytes.count, dtype != .bool || bytes.allSatisfy({ $0 <= 1 }) else {
            throw wrong("a NumPy array of shape \(shape) and \(dtype) takes \(count) bytes, not these \(bytes.count)")
        }
        let isFortran = if case .bool(true) = heap[parts[3]] { true } else { false }
        guard isFortran else { return try values(bytes, shape, dtype, isBigEndian: type.isBigEndian) }
        let columns = try values(bytes, Shape(shape.reversed()), dtype, isBigEndian: type.isBigEndian)
        return columns.permute(Array((0..<shape.count).reversed()))
    }

    /// The number that a scalar is; nil for other objects.
    static func scalar(_ heap: PickleHeap, _ index: PickleHeap.Index) -> Tensor? {
        guard case .record(let number) = heap[index], heap.records[number].className.hasSuffix("multiarray.scalar"),
            let arguments = heap.elements(heap.records[number].arguments), arguments.count == 2, let type = dtype(heap, arguments[0]),
            let dtype = type.dtype, case .bytes(let bytes, _) = heap[arguments[1]], bytes.count == dtype.size
        else { return nil }
        return try? values(bytes, [], dtype, isBigEndian: type.isBigEndian)
    }
}
