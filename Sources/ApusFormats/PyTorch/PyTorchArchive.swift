import ApusCore
import ApusSystem

/// The zip format of PyTorch 1.6 and later, of TorchScript, and of `torch.export`: a folder with `data.pkl` and a record for each storage.
enum PyTorchArchive {
    /// The contents of a record, with its checksum verified unless it is 0, which `torch.serialization.set_crc32_options(False)` writes.
    /// PyTorch stores records uncompressed; a deflated one may expand at most 64-fold, more than pickles and tables of names do.
    static func contents(_ zip: ZipArchive, _ record: ZipArchive.Record) throws(FormatError) -> ByteRegion {
        let contents = try zip.contents(of: record, limit: record.isStored ? .max : 64 * record.storedSize + (1 << 16))
        if record.crc != 0 { try zip.checkCRC(record, contents) }
        return contents
    }

    static func read(_ region: ByteRegion) throws -> (PyTorchFile.Format, PyTorchContents, PickleHeap.Index, remark: String?) {
        let zip = try ZipArchive(region)
        let pickles = zip.records.filter {
            $0.name.utf8.elementsEqual("data.pkl".utf8) || $0.name.hasSuffix("/data.pkl") && $0.name.utf8.count { $0 == 0x2F } == 1
        }
        guard let pickle = pickles.first else { return try withoutPickle(zip, region) }
        guard pickles.count == 1 else {
            throw FormatError(
                file: region.file, place: .record(pickles[1].name, offset: nil),
                reason: "a second archive in one file, beside '\(printable(pickle.name))'")
        }
        let root = String(pickle.name.dropLast("data.pkl".utf8.count))
        let contents = try contents(zip, pickle)
        let source = try ZipSource(zip, root: root, file: region.file)
        var reader = Unpickler(ByteCursor(contents))
        let object = try reader.load()
        guard reader.cursor.rest == 0 else { throw reader.cursor.error("\(reader.cursor.rest) bytes follow the pickle") }
        let result = PyTorchContents(heap: reader.heap, source: source)
        result.record = pickle.name
        guard zip.record("\(root)constants.pkl") != nil else { return (.zip, result, object, nil) }
        result.scriptTensors = try TorchScript.tensors(zip, root)
        let isFrozen = zip.records.contains { $0.name.after("\(root)constants/") != nil }
        return (
            .torchScript, result, object,
            "there is no tensor in it"
                + (isFrozen
                    ? ": torch.jit.freeze has folded the weights into the code's constants; save the module before it is frozen" : "")
        )
    }

    private static func withoutPickle(
        _ zip: ZipArchive, _ region: ByteRegion
    ) throws -> (PyTorchFile.Format, PyTorchContents, PickleHeap.Index, remark: String?) {
        if let marker = zip.records.first(where: { $0.name.hasSuffix("/archive_format") || $0.name == "archive_format" }) {
            let root = String(marker.name.dropLast("archive_format".utf8.count))
            let (contents, object) = try ExportedProgram.read(zip, root, file: region.file)
            return (.export, contents, object, nil)
        }
        throw FileKind.mistaken(region, for: "PyTorch file")
    }
}

/// Storages in the records of a zip.
struct ZipSource: StorageSource {
    let file: String
    let isBigEndian: Bool
    private let zip: ZipArchive
    /// The folder of the storages, `archive/data/`.
    private let folder: String

    init(_ zip: ZipArchive, root: String, file: String, folder: String = "data/") throws {
        (self.zip, self.file, self.folder) = (zip, file, root + folder)
        guard let order = zip.record("\(root)byteorder") else {
            isBigEndian = false
            return
        }
        let contents = try PyTorchArchive.contents(zip, order)
        switch contents.text {
        case "little": isBigEndian = false
        case "big": isBigEndian = true
        case let other: throw contents.error("'\(printable(other))' is neither little nor big")
        }
    }

    func size(of storage: PickledStorage) throws(StorageProblem) -> Int {
        let name = folder + storage.key
        guard let record = zip.record(name) else {
            throw StorageProblem(reason: "is not in the file: there is no record '\(printable(name))'")
        }
        return record.size
    }

    func bytes(of storage: PickledStorage) throws(FormatError) -> ByteRegion {
        let record = zip.record(folder + storage.key)!
        let contents = try zip.contents(of: record)
        if record.crc != 0 { try zip.checkCRC(record, contents) }
        return contents
    }
}

/// Finds out which attributes of a TorchScript archive are weights; its code is not run.
enum TorchScript {
    private static let longestCode = 1 << 26

    /// The names of each class's parameters and buffers, from `__parameters__` and `__buffers__` in the code.
    static func tensors(_ zip: ZipArchive, _ root: String) throws -> [String: [String]] {
        var result: [String: [String]] = [:]
        var total = 0
        for record in zip.records {
            guard let path = record.name.after("\(root)code/"), path.hasSuffix(".py") else { continue }
            let contents = try PyTorchArchive.contents(zip, record)
            total += contents.count
            guard total <= longestCode else { throw contents.error("more than \(longestCode) bytes of code") }
            let module = path.dropLast(3).split(separator: "/").joined(separator: ".")
            var current: String?
            for line in contents.text.split(separator: "\n") {
                if let rest = line.description.after("class "), let end = rest.firstIndex(of: "(") {
                    current = "\(module).\(rest[..<end])"
                    result[current!] = []
                } else if let current,
                    let list = line.description.after("  __parameters__ = ") ?? line.description.after("  __buffers__ = ")
                {
                    result[current]! += list.split(separator: "\"", omittingEmptySubsequences: false).enumerated().filter {
                        $0.offset % 2 == 1
                    }.map { String($0.element) }
                }
            }
        }
        return result
    }
}

/// The weights of `torch.export.save`: JSON tables, and a record for each tensor.
enum ExportedProgram {
    static func read(_ zip: ZipArchive, _ root: String, file: String) throws -> (PyTorchContents, PickleHeap.Index) {
        let tables = zip.records.filter { ($0.name.after("\(root)data/weights/") ?? "").hasSuffix("_weights_config.json") }
        guard !tables.isEmpty else {
            throw FormatError(
                file: file, reason: "a torch.export archive (.pt2) without weights by name; save the module's state_dict() with torch.save")
        }
        let heap = PickleHeap()
        var items: [PickleHeap.Index] = []
        for table in tables {
            let contents = try PyTorchArchive.contents(zip, table)
            // If the file has several programs, their names are part of the keys.
            let program = table.name.after("\(root)data/weights/")!.dropLast("_weights_config.json".utf8.count)
            let json: JSON
            do throws(JSONError) {
                json = try contents.withBytes { (bytes) throws(JSONError) in try JSON(parsing: bytes) }
            } catch {
                throw contents.error(at: error.offset, error.message)
            }
            for member in json["config"]?.members ?? [] {
                items += [
                    heap.add(.string(tables.count > 1 ? "\(program).\(member.key)" : member.key)), heap.add(.tensor(heap.tensors.count)),
                ]
                heap.tensors.append(tensor(member.value, heap))
            }
        }
        let index = heap.add(.dictionary(items, .ordered))
        if let (_, key) = heap.finish() {
            throw FormatError(file: file, place: .key(heap.name(ofKey: key) ?? "?"), reason: "the name stands twice")
        }
        return (PyTorchContents(heap: heap, source: try ZipSource(zip, root: root, file: file, folder: "data/weights/")), index)
    }

    /// The tensor of an entry; errors in it are reported later, under its name.
    private static func tensor(_ entry: JSON, _ heap: PickleHeap) -> PickledTensor {
        var tensor = PickledTensor(storage: nil, dtype: "unknown")
        guard let meta = entry["tensor_meta"], let record = entry["path_name"]?.string,
            let type = meta["dtype"]?.int.flatMap(TorchTypes.exported)
        else {
            tensor.unsupported = "its entry has no record or no dtype that Apus knows"
            return tensor
        }
        tensor.dtype = type
        if case .bool(true)? = entry["use_pickle"] {
            tensor.unsupported = "it is pickled by itself; save the module's state_dict() with torch.save"
        }
        func numbers(_ name: String) -> [Int] {
            (meta[name]?.array ?? []).map { item in
                guard let value = item["as_int"]?.int, value >= 0 else {
                    tensor.problem = "\(name) holds \(item.text), where a whole number should stand"
                    return 0
                }
                return value
            }
        }
        (tensor.shape, tensor.strides) = (numbers("sizes"), numbers("strides"))
        tensor.offset = meta["storage_offset"]?["as_int"]?.int ?? 0
        if tensor.offset < 0 { tensor.problem = "storage_offset is \(tensor.offset)" }
        if tensor.shape.count != tensor.strides.count {
            tensor.problem = "\(tensor.shape.count) extents and \(tensor.strides.count) strides"
        }
        if case .bool(true)? = entry["is_param"] { tensor.isParameter = true }
        if case .bool(true)? = meta["requires_grad"] { tensor.requiresGrad = true }
        let size = TorchTypes.size(type)!
        // The table does not give the storage's size: assume that it ends with the tensor.
        let (count, overflow) = (tensor.last ?? .max).addingReportingOverflow(1)
        if overflow { tensor.problem = "its extents and strides overflow" }
        tensor.storage = heap.storages.count
        heap.storages.append(
            PickledStorage(key: record, elementType: type, elementSize: size, count: tensor.shape.contains(0) ? 0 : count, isExact: false))
        return tensor
    }
}
