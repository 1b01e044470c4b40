import ApusCore
import ApusSystem

/// Decodes NumPy's arrays and scalars in a pickle: records whose state holds the elements as bytes.
enum NumPyRecord {
    /// Whether the object is an array.
    static func isArray(_ heap: PickleHeap, _ index: PickleHeap.Index) -> Bool {
        guard case .record(let number) = heap[index] else { return false }
        return heap.records[number].className == "numpy.ndarray" && heap.records[number].state != nil
    }

    /// NumPy's type code for a record of class `numpy.dtype`.
    private static func code(_ heap: PickleHeap, _ index: PickleHeap.Index) -> String? {
        guard case .record(let number) = heap[index], heap.records[number].className == "numpy.dtype",
            let first = heap.elements(heap.records[number].arguments)?.first, case .string(let code) = heap[first]
        else { return nil }
        // The byte order is in the state.
        guard let state = heap.records[number].state, let parts = heap.elements(state), parts.count > 1,
            case .string(let order) = heap[parts[1]]
        else { return code }
        return order + code.drop { "<>|=".contains($0) }
    }

    private static func values(_ bytes: [UInt8], _ type: Npy.ElementType, _ shape: Shape, isColumnMajor: Bool) throws -> Tensor? {
        guard let region = try? ByteRegion(copying: bytes, file: "") else { return nil }
        return try Npy.tensor(region, type, shape, isColumnMajor: isColumnMajor)
    }

    /// Why Apus has no tensor for an array; nil if it has one, and for objects that are not arrays.
    static func obstacle(_ heap: PickleHeap, _ index: PickleHeap.Index) -> String? {
        guard isArray(heap, index), case .record(let number) = heap[index], let parts = heap.elements(heap.records[number].state!),
            parts.count >= 3, let code = code(heap, parts[2]), Npy.ElementType(code: code) == nil
        else { return nil }
        return "Apus has no dtype for NumPy's '\(printable(code))'"
    }

    /// The array as a tensor; `wrong` makes the error if it is not valid.
    static func tensor(_ heap: PickleHeap, _ index: PickleHeap.Index, _ wrong: (String) -> FormatError) throws -> Tensor {
        guard isArray(heap, index), case .record(let number) = heap[index], let parts = heap.elements(heap.records[number].state!),
            parts.count >= 5
        else {
            throw wrong("\(heap.describe(index)) is no tensor")
        }
        guard let code = code(heap, parts[2]) else { throw wrong("a NumPy array without a dtype") }
        guard let type = Npy.ElementType(code: code) else { throw wrong("Apus has no dtype for NumPy's '\(printable(code))'") }
        guard case .bytes(let bytes, _) = heap[parts[4]] else {
            throw wrong("a NumPy array of \(heap.describe(parts[4])), where bytes should stand")
        }
        var extents: [Int] = []
        for extent in heap.elements(parts[1]) ?? [] {
            guard case .int(let extent) = heap[extent], extent >= 0 else {
                throw wrong("a NumPy array with an extent of \(heap.describe(extent))")
            }
            extents.append(extent)
        }
        // The size must not overflow in Apus' dtype either, which has wider elements for some types.
        guard extents.count <= Shape.maximumRank, Shape.byteCount(extents, elementSize: type.dtype.size) != nil,
            Shape.byteCount(extents, elementSize: type.size) == bytes.count, type.dtype != .bool || bytes.allSatisfy({ $0 <= 1 })
        else { throw wrong("a NumPy array of shape \(extents) and \(type.name), which these \(bytes.count) bytes are not") }
        let isColumnMajor = if case .bool(true) = heap[parts[3]] { true } else { false }
        guard let tensor = try values(bytes, type, Shape(extents), isColumnMajor: isColumnMajor) else {
            throw wrong("no memory for \(bytes.count) bytes")
        }
        return tensor
    }

    /// The value of a scalar; nil for other objects.
    static func scalar(_ heap: PickleHeap, _ index: PickleHeap.Index) -> Tensor? {
        guard case .record(let number) = heap[index], heap.records[number].className.hasSuffix("multiarray.scalar"),
            let arguments = heap.elements(heap.records[number].arguments), arguments.count == 2, let code = code(heap, arguments[0]),
            let type = Npy.ElementType(code: code), case .bytes(let bytes, _) = heap[arguments[1]], bytes.count == type.size
        else { return nil }
        return try? values(bytes, type, [], isColumnMajor: false)
    }
}
