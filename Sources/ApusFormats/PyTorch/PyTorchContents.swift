import ApusCore
import ApusSystem

/// Gives access to the bytes of a file's storages.
protocol StorageSource {
    /// The file's path.
    var file: String { get }
    /// Whether elements are stored big-endian.
    var isBigEndian: Bool { get }
    /// The size of a storage in bytes according to the file's directory; does not read the storage.
    func size(of storage: PickledStorage) throws(StorageProblem) -> Int
    /// The bytes of a storage for which ``size(of:)`` has succeeded, with the file's checksum verified.
    func bytes(of storage: PickledStorage) throws(FormatError) -> ByteRegion
}

/// Why a storage is not available: the end of a sentence that begins with its name.
struct StorageProblem: Error {
    let reason: String
}

/// The objects of a file and their tensors.
///
/// Opening a file reads no storage: a storage is checked and mapped when the first tensor asks for it, and then shared, so tensors that
/// shared memory in PyTorch share it here.
final class PyTorchContents {
    let heap: PickleHeap
    let source: (any StorageSource)?
    /// The record of the pickle, for messages about the root object.
    var record: String?
    /// The attributes of TorchScript's classes that are parameters or buffers, by class; nil for other files.
    var scriptTensors: [String: [String]]?

    /// A storage opened with a dtype, which determines the checks and the byte swap. Dtypes that need neither share the memory.
    private struct Opened: Hashable {
        var key: ByteKey
        var dtype: DType
    }
    private var opened: [Opened: Storage] = [:]
    /// Tensors of NumPy's arrays by object, so that an array in many places takes memory once.
    private var arrays: [PickleHeap.Index: Tensor] = [:]

    init(heap: PickleHeap, source: (any StorageSource)?) {
        self.heap = heap
        self.source = source
    }

    /// The file's path; empty for objects created in this program.
    var file: String { source?.file ?? "" }

    /// An error about the tensor at `index`, by its path.
    private func wrong(_ index: PickleHeap.Index, _ reason: String) -> FormatError {
        let path = heap.path(index)
        return FormatError(file: file, place: .key(path.isEmpty ? "tensor" : path), reason: reason)
    }

    // MARK: Checking what the pickle says

    /// Checks all tensors' descriptions against the sizes of the storages, without reading a storage.
    func check() throws(FormatError) {
        for number in heap.nodes.indices {
            if case .tensor(let tensor) = heap.nodes[number].kind { try check(PickleHeap.Index(number), heap.tensors[tensor]) }
        }
    }

    private func check(_ index: PickleHeap.Index, _ tensor: PickledTensor) throws(FormatError) {
        if let problem = tensor.problem { throw wrong(index, problem) }
        // Tensors that Apus does not support are reported when they are asked for; their elements may be smaller than a byte.
        guard let number = tensor.storage, tensor.unsupported == nil, TorchTypes.dtype(tensor.dtype) != nil || tensor.dtype == "untyped"
        else { return }
        guard tensor.shape.count <= Shape.maximumRank else {
            throw wrong(index, "\(tensor.shape.count) dimensions; the limit is \(Shape.maximumRank)")
        }
        let storage = heap.storages[number]
        let name = "storage '\(printable(storage.key))'"
        guard storage.elementSize > 0 else { return }
        let (bytes, overflow) = storage.count.multipliedReportingOverflow(by: storage.elementSize)
        guard storage.count >= 0, !overflow else {
            throw wrong(index, "\(name) has \(storage.count) elements of \(storage.elementSize) bytes")
        }
        do throws(StorageProblem) {
            let there = try source!.size(of: storage)
            guard storage.isExact ? there == bytes : there >= bytes else {
                throw StorageProblem(
                    reason:
                        "has \(storage.count) elements of \(storage.elementType), \(bytes) bytes, says the pickle; in the file are \(there) (record data/\(printable(storage.key)))"
                )
            }
        } catch { throw wrong(index, "\(name) \(error.reason)") }
        // How many of the tensor's elements fit into the storage, or into the part of it that the view covers.
        guard let size = TorchTypes.size(tensor.dtype) ?? (tensor.dtype == "untyped" ? 1 : nil) else {
            throw wrong(index, "no dtype is called '\(printable(tensor.dtype))'")
        }
        var room = bytes / size
        if let view = storage.view {
            guard view.offset >= 0, view.count >= 0, case let (end, isBeyond) = view.offset.addingReportingOverflow(view.count), !isBeyond,
                end <= storage.count
            else {
                throw wrong(
                    index,
                    "view '\(printable(view.key))' of \(name): elements from \(view.offset), \(view.count) of them, where there are \(storage.count)"
                )
            }
            // The view counts elements of the storage, the tensor its own.
            guard size == storage.elementSize else {
                throw wrong(index, "a view of \(name), which holds \(storage.elementType), as \(tensor.dtype)")
            }
            room = view.count
        }
        try checkStrides(index, tensor, room, name)
    }

    private func checkStrides(_ index: PickleHeap.Index, _ tensor: PickledTensor, _ room: Int, _ storage: String) throws(FormatError) {
        // Sizes in bytes, which ops compute, must not overflow either.
        guard let last = tensor.last, Shape.byteCount(tensor.shape, elementSize: 16) != nil else {
            throw wrong(index, "shape \(tensor.shape) with strides \(tensor.strides) has more elements than 64 bits can count")
        }
        guard tensor.shape.contains(0) || last < room else {
            throw wrong(
                index,
                "shape \(tensor.shape), strides \(tensor.strides) and offset \(tensor.offset) reach element \(last) of \(storage), which has \(room)"
            )
        }
    }

    // MARK: Tensors

    /// The tensor of a node: a view of the mapped file.
    func tensor(_ index: PickleHeap.Index) throws -> Tensor {
        guard case .tensor(let number) = heap[index] else {
            let array = try arrays[index] ?? NumPyRecord.tensor(heap, index) { self.wrong(index, $0) }
            arrays[index] = array
            return Tensor(storage: array.storage, shape: array.shape, strides: array.strides, offset: array.offset, dtype: array.dtype)
        }
        let tensor = heap.tensors[number]
        if let value = tensor.value { return value }
        if let reason = tensor.unsupported { throw wrong(index, "cannot be a tensor: \(reason)") }
        let name = tensor.dtype == "untyped" ? "uint8" : tensor.dtype
        guard let dtype = TorchTypes.dtype(name), let storageNumber = tensor.storage else {
            throw wrong(index, "Apus has no dtype \(printable(name))")
        }
        let pickled = heap.storages[storageNumber]
        let storage = try open(pickled, dtype, index)
        // An empty tensor may have any strides and offset.
        let isEmpty = tensor.shape.contains(0)
        let offset = isEmpty ? 0 : (pickled.view?.offset ?? 0) + tensor.offset
        let shape = Shape(tensor.shape)
        let view = Tensor(
            storage: storage, shape: shape, strides: isEmpty ? shape.contiguousStrides : Shape(tensor.strides),
            offset: offset, dtype: dtype)
        return tensor.isNegated ? noGrad { view.neg() } : view
    }

    /// Why Apus does not support a tensor's type, with its name; nil if it does.
    func obstacle(_ index: PickleHeap.Index) -> String? {
        guard case .tensor(let number) = heap[index] else { return NumPyRecord.obstacle(heap, index) }
        let tensor = heap.tensors[number]
        if tensor.value != nil { return nil }
        if let reason = tensor.unsupported { return reason }
        return tensor.dtype == "untyped" || TorchTypes.dtype(tensor.dtype) != nil ? nil : "Apus has no dtype \(printable(tensor.dtype))"
    }

    private func open(_ storage: PickledStorage, _ dtype: DType, _ index: PickleHeap.Index) throws -> Storage {
        let identity = Opened(key: ByteKey(storage.key), dtype: dtype)
        if let storage = opened[identity] { return storage }
        let region = try source!.bytes(of: storage)
        if dtype == .bool, let bad = region.wrongBool {
            throw wrong(index, "byte \(bad) of a storage of bool is \(region.bytes[bad]), neither 0 nor 1")
        }
        let made: Storage
        defer { withExtendedLifetime(region) {} }
        if let base = region.bytes.baseAddress, region.count > 0,
            Int(bitPattern: base) % dtype.size == 0, !source!.isBigEndian || dtype.size == 1
        {
            made = .borrowing(base, byteCount: region.count, owner: region.owner)
        } else {
            guard let copy = UnpackedBytes(count: region.count) else { throw wrong(index, "no memory for \(region.count) bytes") }
            copy.bytes.copyMemory(from: UnsafeRawBufferPointer(region.bytes))
            if source!.isBigEndian { swapBytes(copy.bytes, elementSize: dtype.size) }
            made = .borrowing(copy.bytes.baseAddress!, byteCount: region.count, owner: copy)
        }
        opened[identity] = made
        return made
    }
}
