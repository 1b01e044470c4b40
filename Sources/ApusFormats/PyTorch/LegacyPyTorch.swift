import ApusSystem

/// The format of PyTorch 0.1.10 to 1.5: four pickles (a magic number, 1001, sizes of C types, the object), the list of storage keys, and
/// for each key a count in eight bytes and the elements.
enum LegacyPyTorch {
    private static let magic = "119547037146038801333356"
    /// Whether the first pickle is the magic number, in any pickle protocol.
    static func recognizes(_ region: ByteRegion) -> Bool {
        guard region.count > 12, region.bytes[0] == 0x80 || region.bytes[0] == UInt8(ascii: "L") else { return false }
        var reader = Unpickler(ByteCursor(region[0..<min(64, region.count)]))
        guard let first = try? reader.load(), case .bigInteger(magic) = reader.heap[first] else { return false }
        return true
    }

    static func read(_ region: ByteRegion) throws -> (PyTorchContents, PickleHeap.Index) {
        let heap = PickleHeap()
        var cursor = ByteCursor(region)
        func next(_ what: String) throws -> PickleHeap.Index {
            var reader = Unpickler(cursor, into: heap)
            do {
                return try {
                    defer { cursor = reader.cursor }; return try reader.load()
                }()
            } catch let error as FormatError {
                throw FormatError(file: error.file, place: error.place, reason: "\(what): \(error.reason)")
            }
        }
        guard case .bigInteger(magic) = heap[try next("first pickle")] else {
            throw region.error(at: 0, "another magic number than PyTorch's")
        }
        guard case .int(1001) = heap[try next("second pickle")] else { throw region.error(at: 15, "another version than 1001") }
        _ = try next("third pickle")
        let root = try next("the object")
        let list = try next("list of storages")
        guard let keys = heap.elements(list) else {
            throw cursor.error("list of storages: \(heap.describe(list)), where a list should stand")
        }
        let source = try LegacySource(region, cursor, keys.map { heap.name(ofKey: $0) }, heap.storages)
        return (PyTorchContents(heap: heap, source: source), root)
    }
}

/// The storages after the pickles, in the order of the list.
private struct LegacySource: StorageSource {
    let file: String
    /// Every machine wrote little-endian, whatever the file says of its byte order.
    let isBigEndian = false
    private var regions: [ByteKey: ByteRegion] = [:]

    init(_ region: ByteRegion, _ start: ByteCursor, _ keys: [String?], _ storages: [PickledStorage]) throws(FormatError) {
        file = region.file
        var sizes: [ByteKey: Int] = [:]
        for storage in storages { sizes[ByteKey(storage.key)] = storage.elementSize }
        var cursor = start
        for key in keys {
            guard let key else { throw cursor.error("list of storages: a key that is no text") }
            let name = "storage '\(printable(key))'"
            guard regions[ByteKey(key)] == nil else { throw cursor.error("\(name) is listed twice") }
            guard let size = sizes[ByteKey(key)] else {
                throw cursor.error("\(name) is listed, but no tensor is in it, so its elements' size is not known")
            }
            let place = cursor.offset
            let bytes = try cursor.take(8, "\(name), the number of elements")
            let count = Int(Int64(littleEndian: bytes.loadUnaligned(as: Int64.self)))
            let (total, overflow) = count.multipliedReportingOverflow(by: size)
            guard count >= 0, !overflow, total <= cursor.rest else {
                throw region.error(at: place, "\(name): \(count) elements of \(size) bytes should follow, \(cursor.rest) bytes are left")
            }
            regions[ByteKey(key)] = region[cursor.offset..<(cursor.offset + total)]
            cursor.offset += total
        }
    }

    func size(of storage: PickledStorage) throws(StorageProblem) -> Int {
        guard let region = regions[ByteKey(storage.key)] else { throw StorageProblem(reason: "is not in the file's list") }
        return region.count
    }

    func bytes(of storage: PickledStorage) -> ByteRegion { regions[ByteKey(storage.key)]! }
}
