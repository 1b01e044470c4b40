import ApusCore
import ApusSystem

/// The format of PyTorch before 0.1.10: a tar of `storages`, `tensors` and `pickle`, each a series of pickles with binary data in between.
enum TarPyTorch {
    static func recognizes(_ region: ByteRegion) -> Bool {
        guard region.count >= 1024 else { return false }
        // Recognised by the name of the first file; any other tar is not PyTorch's.
        let start = region.bytes[0..<2].elementsEqual("./".utf8) ? 2 : 0
        return ["storages", "tensors", "pickle", "sys_info"].contains {
            region.bytes[start..<100].starts(with: $0.utf8) && region.bytes[start + $0.utf8.count] == 0
        }
    }

    static func read(_ region: ByteRegion) throws -> (PyTorchContents, PickleHeap.Index) {
        let parts = try files(region)
        func part(_ name: String) throws -> ByteRegion {
            guard let part = parts[name] else {
                throw FormatError(file: region.file, reason: "a tar without '\(name)': no file of PyTorch before 0.1.10")
            }
            return part
        }
        let heap = PickleHeap()
        let source = try TarSource(part("storages"), heap)
        let tensors = try self.tensors(part("tensors"), heap, source)
        var reader = Unpickler(ByteCursor(try part("pickle")), into: heap)
        reader.tensorsByKey = tensors
        return (PyTorchContents(heap: heap, source: source), try reader.load())
    }

    private static func files(_ region: ByteRegion) throws -> [String: ByteRegion] {
        let tar = try TarReader(region)
        var parts: [String: ByteRegion] = [:]
        while let (name, _) = try tar.next() {
            let name = name.after("./") ?? name
            guard ["storages", "tensors", "pickle"].contains(name) else { continue }
            let bytes = try ByteRegion(copying: tar.contents(), file: region.file, record: name)
            guard parts.updateValue(bytes, forKey: name) == nil else {
                throw FormatError(file: region.file, place: .record(name, offset: nil), reason: "it is there twice")
            }
        }
        return parts
    }

    /// The tensors by key: each is a pickle of (key, storage, type), the number of dimensions, extents, strides and the offset.
    private static func tensors(_ region: ByteRegion, _ heap: PickleHeap, _ source: TarSource) throws -> [ByteKey: PickleHeap.Index] {
        var cursor = ByteCursor(region)
        var result: [ByteKey: PickleHeap.Index] = [:]
        for _ in 0..<(try TarSource.count(&cursor, heap)) {
            let entry = try TarSource.pickle(&cursor, heap)
            guard let parts = heap.elements(entry), parts.count == 3, let key = heap.name(ofKey: parts[0]),
                let storage = heap.name(ofKey: parts[1])
            else {
                throw cursor.error("\(heap.describe(entry)), where the key, storage and type of a tensor should stand")
            }
            guard let number = source.numbers[ByteKey(storage)] else {
                throw cursor.error("tensor '\(printable(key))': storage '\(printable(storage))' is not in the file")
            }
            let rank = try cursor.integer(UInt64.self, "the number of dimensions") & 0xFFFF_FFFF
            guard rank <= Shape.maximumRank else { throw cursor.error("\(rank) dimensions; the limit is \(Shape.maximumRank)") }
            var tensor = PickledTensor(storage: number, dtype: heap.storages[number].elementType)
            func numbers(_ what: String) throws -> [Int] {
                try (0..<Int(rank)).map { _ in
                    let value = Int(try cursor.integer(Int64.self, what))
                    if value < 0 { tensor.problem = "\(what) of \(value)" }
                    return max(value, 0)
                }
            }
            tensor.shape = try numbers("an extent")
            tensor.strides = try numbers("a stride")
            tensor.offset = Int(try cursor.integer(Int64.self, "an offset"))
            if tensor.offset < 0 { tensor.problem = "an offset of \(tensor.offset)" }
            heap.tensors.append(tensor)
            guard result.updateValue(heap.add(.tensor(heap.tensors.count - 1)), forKey: ByteKey(key)) == nil else {
                throw cursor.error("two tensors have the key '\(printable(key))'")
            }
        }
        return result
    }
}

/// The storages of such a file: each is a pickle of (key, location, type), the number of elements and the elements; after them comes a
/// pickled list of views.
private struct TarSource: StorageSource {
    let file: String
    /// Such files were only written on little-endian machines.
    let isBigEndian = false
    /// The indices of storages and views in the heap, by key.
    private(set) var numbers: [ByteKey: Int] = [:]
    private var regions: [ByteKey: ByteRegion] = [:]

    init(_ region: ByteRegion, _ heap: PickleHeap) throws {
        file = region.file
        var cursor = ByteCursor(region)
        for _ in 0..<(try TarSource.count(&cursor, heap)) {
            let entry = try TarSource.pickle(&cursor, heap)
            guard let parts = heap.elements(entry), parts.count == 3, let key = heap.name(ofKey: parts[0]),
                let type = TorchTypes.element(heap[parts[2]])
            else {
                throw cursor.error("\(heap.describe(entry)), where the key, place and type of a storage should stand")
            }
            let name = "storage '\(printable(key))'"
            let count = Int(try cursor.integer(Int64.self, name))
            let (total, overflow) = count.multipliedReportingOverflow(by: type.size)
            guard count >= 0, !overflow, total <= cursor.rest else {
                throw cursor.error("\(name): \(count) elements of \(type.size) bytes should follow, \(cursor.rest) bytes are left")
            }
            guard regions.updateValue(region[cursor.offset..<(cursor.offset + total)], forKey: ByteKey(key)) == nil else {
                throw cursor.error("\(name) is there twice")
            }
            cursor.offset += total
            numbers[ByteKey(key)] = heap.storages.count
            heap.storages.append(PickledStorage(key: key, elementType: type.name, elementSize: type.size, count: count))
        }
        for view in heap.elements(try TarSource.pickle(&cursor, heap)) ?? [] {
            guard let parts = heap.elements(view), parts.count == 4, let key = heap.name(ofKey: parts[0]),
                let root = heap.name(ofKey: parts[1]),
                case .int(let offset) = heap[parts[2]], case .int(let count) = heap[parts[3]], let number = numbers[ByteKey(root)]
            else { throw cursor.error("\(heap.describe(view)), where the key, storage, offset and size of a view should stand") }
            var storage = heap.storages[number]
            storage.view = (key, offset, count)
            numbers[ByteKey(key)] = heap.storages.count
            heap.storages.append(storage)
        }
    }

    static func pickle(_ cursor: inout ByteCursor, _ heap: PickleHeap) throws(FormatError) -> PickleHeap.Index {
        var reader = Unpickler(cursor, into: heap)
        let object = try reader.load()
        cursor = reader.cursor
        return object
    }

    /// The number of entries that follow; each takes at least one byte.
    static func count(_ cursor: inout ByteCursor, _ heap: PickleHeap) throws(FormatError) -> Int {
        guard case .int(let count) = heap[try pickle(&cursor, heap)], (0...cursor.rest).contains(count) else {
            throw cursor.error("no number of entries that could follow")
        }
        return count
    }

    func size(of storage: PickledStorage) throws(StorageProblem) -> Int {
        guard let region = regions[ByteKey(storage.key)] else { throw StorageProblem(reason: "is not in the file") }
        return region.count
    }

    func bytes(of storage: PickledStorage) -> ByteRegion { regions[ByteKey(storage.key)]! }
}
