import ApusCore
import ApusSystem
@testable import ApusFormats

/// The readers that are fuzzed: what each makes of any bytes, and looks at afterwards. It may throw, but nothing else.
///
/// `scripts/check/fuzz` compiles this file into its program, and `FuzzRegressionTests` reads what that found with it.
enum FuzzReader: String, CaseIterable, Sendable {
    case zip, pickle, torch, legacy, tar, safetensors, npy, npz, events, csv

    /// What files are called, and every message must contain.
    private static let name = "fuzzed"

    /// Reads the bytes and all that they hold; traps on an error of another type than it may throw, or that does not name the file.
    func read(_ bytes: UnsafeRawBufferPointer) {
        do {
            // A copy of its own, so that a sanitizer sees a use of freed memory, or one beyond the end.
            let memory = UnpackedBytes(count: bytes.count)!
            memory.bytes.copyMemory(from: bytes)
            try read(ByteRegion(memory.bytes, owner: memory, file: FuzzReader.name, record: nil))
        } catch let error as FormatError {
            precondition(error.description.contains(FuzzReader.name), "\(error)")
        } catch { preconditionFailure("an error of another type: \(error)") }
    }

    private func read(_ region: ByteRegion) throws {
        switch self {
        case .zip: try FuzzReader.zip(region)
        case .pickle: try FuzzReader.pickle(region)
        case .torch, .legacy: try FuzzReader.walk(PyTorchFile(region))
        case .tar:
            try? FuzzReader.walk(PyTorchFile(region))
            let tar = try TarReader(region)
            while let (name, size) = try tar.next() {
                guard name != "tensors" else { continue }
                let contents = try tar.contents()
                precondition(contents.count == size)
            }
        case .safetensors:
            let file = try Safetensors(region)
            _ = (file.leftOutNote, file.metadata)
            for (_, tensor) in file.tensors { FuzzReader.touch(tensor) }
        case .events:
            let file = try EventFile(region)
            for event in file.events where event.content == nil { _ = event.encoded }
            if let cutOff = file.cutOff { throw cutOff }
        case .npy: try FuzzReader.touch(Npy.tensor(in: region))
        case .npz: for (_, tensor) in try Npz.load(region) { FuzzReader.touch(tensor) }
        case .csv:
            let table = try CSV(region, delimiter: ",", hasHeader: true, missing: CSV.missingTexts)
            for name in table.names {
                let column = try table[name]
                for row in 0..<table.rowCount { _ = (column[row], try? column.number(row)) }
                _ = try? column.classes(column.categories())
            }
        }
    }

    // MARK: What is looked at

    private static func zip(_ region: ByteRegion) throws {
        _ = FileKind.mistaken(region, for: "zip").description
        let archive = try ZipArchive(region)
        for record in archive.records {
            precondition(archive.record(record.name)?.index == record.index)
            _ = try? archive.beginning(of: record, count: 100).text
            guard let contents = try? archive.contents(of: record) else { continue }
            precondition(contents.count == record.size)
            try? archive.checkCRC(record, contents)
        }
    }

    private static func pickle(_ region: ByteRegion) throws {
        var reader = Unpickler(ByteCursor(region))
        let root = try reader.load()
        let contents = PyTorchContents(heap: reader.heap, source: AnyStorages(file: region.file))
        try contents.check()
        for node in reader.heap.nodes.indices {
            _ = reader.heap.describe(PickleHeap.Index(node)) + reader.heap.path(PickleHeap.Index(node))
        }
        try walk(PyTorchObject(contents: contents, index: root), file: region.file)
    }

    private static func walk(_ file: PyTorchFile) throws {
        try walk(file.root, file: file.path)
        _ = (try file.leftOut(), try file.contents(at: ""))
        _ = try? file.stateDict(at: "model.state_dict")
        for (_, tensor) in try file.stateDict() { touch(tensor) }
    }

    private static func walk(_ root: PyTorchObject, file: String) throws {
        _ = (root[path: "model.0.weight"], root["_metadata"], root.items.first?.value["a"])
        var copier = HeapCopier(into: PickleHeap())
        _ = copier.copy(root)
        for (name, object) in try Flattening(root, file: file).leaves {
            _ = (name, object.description, object.kind, object.bool, object.int, object.double, object.decimal, object.complex)
            _ = (object.string, object.bytes, object.size, object.count, object.elements, object.items, object.className, object.state)
            _ = (object.arguments, object.isTensor, object.isParameter, object.shape, object.dtypeName, object["epoch"], object[0])
            if object.isTensor, let tensor = try? object.tensor() { touch(tensor) }
        }
    }

    /// Reads the elements of a tensor that lie at its ends.
    private static func touch(_ tensor: Tensor) {
        precondition(tensor.shape.count <= Shape.maximumRank && tensor.shape.count == tensor.strides.count)
        precondition(tensor.shape.allSatisfy { $0 >= 0 })
        guard tensor.numel > 0 else { return }
        var last = tensor.offset
        for (extent, stride) in Swift.zip(tensor.shape, tensor.strides) { last += (extent - 1) * stride }
        let size = tensor.dtype.size
        let memory = UnsafeRawBufferPointer(start: tensor.storage.base, count: tensor.storage.byteCount)
        precondition(Int(bitPattern: memory.baseAddress) % size == 0 && (last + 1) * size <= memory.count)
        for element in [tensor.offset, last] {
            for byte in 0..<size {
                let value = memory[element * size + byte]
                precondition(tensor.dtype != .bool || value <= 1)
            }
        }
        withExtendedLifetime(tensor) {}
    }
}

/// A source that has whatever storage a pickle names, as large as the pickle says first, up to a size.
private final class AnyStorages: StorageSource {
    let file: String
    let isBigEndian = false
    private var sizes: [ByteKey: Int] = [:]

    init(file: String) { self.file = file }

    func size(of storage: PickledStorage) throws(StorageProblem) -> Int {
        let key = ByteKey(storage.key)
        if let size = sizes[key] { return size }
        let (size, overflow) = storage.count.multipliedReportingOverflow(by: storage.elementSize)
        guard !overflow, (0...4096).contains(size) else { throw StorageProblem(reason: "is too large") }
        sizes[key] = size
        return size
    }

    func bytes(of storage: PickledStorage) throws(FormatError) -> ByteRegion {
        let memory = UnpackedBytes(count: sizes[ByteKey(storage.key)]!)!
        // Bytes that may be bools, unless the key is longer.
        memory.bytes.initializeMemory(as: UInt8.self, repeating: UInt8(truncatingIfNeeded: storage.key.utf8.count))
        return ByteRegion(memory.bytes, owner: memory, file: file, record: storage.key)
    }
}
