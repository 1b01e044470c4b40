import ApusCore
import ApusSystem

/// A file that `torch.save` wrote, read without Python as a tree of objects.
///
/// ```swift
/// let file = try PyTorchFile("checkpoint.pt")
/// print(file.root["epoch"]?.int, file.root["model"]?.count)
/// try model.loadStateDict(file.stateDict(at: "model"))
/// ```
/// Reads all formats that PyTorch has written: the zip of 1.6 and later, the one before (from Python 2 too), the tar of 2016, and the
/// weights of TorchScript (`torch.jit.save`) and of `torch.export` (`.pt2`). The file is mapped: opening it reads only its directory and
/// its pickle, and a tensor reads the pages that are used. Nothing in the file is ever run, a file that names functions that could run code
/// is refused, and every number is checked before it is used. Errors are ``FormatError``s with file, record and byte, or the tensor's name.
///
/// PyTorch: `torch.load`, whose default (`weights_only=True`) refuses many harmless objects that are read here.
public struct PyTorchFile {
    /// The formats that PyTorch has written.
    public enum Format: String, Hashable, Sendable {
        /// PyTorch 1.6 and later.
        case zip
        /// PyTorch 0.1.10 to 1.5, or `_use_new_zipfile_serialization=False`.
        case legacy
        /// Before 0.1.10.
        case tar
        /// `torch.jit.save`.
        case torchScript
        /// `torch.export.save`.
        case export
    }

    /// The file's path.
    public let path: String
    /// The format of the file.
    public let format: Format
    /// The saved object.
    public let root: PyTorchObject
    /// Why a file has no tensors, if the reader knows.
    private let remark: String?

    /// Opens the file at `path`. Throws `FileError` if it cannot be read, and ``FormatError`` if it is not a PyTorch file or is damaged.
    public init(_ path: String) throws { try self.init(ByteRegion(inParts: path)) }

    package init(_ region: ByteRegion) throws {
        path = region.file
        let contents: PyTorchContents
        let root: PickleHeap.Index
        var remark: String?
        if ZipArchive.recognizes(region) {
            (format, contents, root, remark) = try PyTorchArchive.read(region)
        } else if LegacyPyTorch.recognizes(region) {
            (contents, root) = try LegacyPyTorch.read(region)
            format = .legacy
        } else if TarPyTorch.recognizes(region) {
            (contents, root) = try TarPyTorch.read(region)
            format = .tar
        } else {
            throw FileKind.mistaken(region, for: "PyTorch file")
        }
        try contents.check()
        self.root = PyTorchObject(contents: contents, index: root)
        self.remark = remark
    }

    /// The tensors at a path (empty for the whole file), named by the rest of their paths joined by dots; a file that is a single tensor
    /// has it as `tensor`. A module that was saved whole has the names of its `state_dict()`.
    ///
    /// Throws if there is nothing at the path or no tensor. Tensors that Apus does not support (a complex dtype, a sparse layout) and
    /// tensors with a duplicate name are left out and listed in ``leftOut(at:)``.
    public func stateDict(at path: String = "") throws -> StateDict { try open(contents(at: path), at: path) }

    /// The tensors at a path that ``stateDict(at:)`` leaves out, and why.
    public func leftOut(at path: String = "") throws -> [(key: String, reason: String)] { try contents(at: path).leftOut }

    /// The leaves at a path, by kind; no tensor is opened.
    struct Contents {
        var tensors: [(name: String, object: PyTorchObject)] = []
        /// Numbers and strings.
        var values = Metadata()
        /// Tensors that are left out, and why.
        var leftOut: [(key: String, reason: String)] = []
        /// Objects that are not tensors, numbers or strings.
        var others: [(key: String, reason: String)] = []
    }

    func contents(at path: String) throws -> Contents {
        var contents = Contents()
        var taken: [ByteKey: PyTorchObject] = [:]
        let flat = try flattened(at: path)
        for (name, object) in flat.leaves {
            if object.isTensor {
                if let reason = object.contents.obstacle(object.index) {
                    contents.leftOut.append((name, reason))
                } else if let other = taken.updateValue(object, forKey: ByteKey(name)) {
                    // Subclasses of dict hold an entry as an attribute too.
                    if other.index != object.index { contents.leftOut.append((name, "another tensor has this name")) }
                } else {
                    contents.tensors.append((name, object))
                }
            } else if let text = object.plainText {
                contents.values[name] = text
            } else {
                contents.others.append((name, "it is \(object)"))
            }
        }
        contents.others += flat.cycles.map { ($0.name, "it is \($0.object) that holds itself") }
        return contents
    }

    /// Opens the tensors of `contents`. Throws if there are none and the file is not an empty dictionary.
    func open(_ contents: Contents, at path: String) throws -> StateDict {
        let isEmptyDictionary = root.kind == .dictionary && root.count == 0
        if contents.tensors.isEmpty, contents.leftOut.isEmpty, !path.isEmpty || remark != nil || !isEmptyDictionary {
            let place = path.isEmpty ? root.contents.record.map { FormatError.Place.record($0, offset: nil) } : .key(path)
            throw FormatError(file: self.path, place: place, reason: remark ?? "there is no tensor in it")
        }
        return StateDict(try contents.tensors.map { ($0.name, try $0.object.tensor()) })
    }

    /// The leaves at a path (tensors, numbers, strings) by name: paths joined by dots.
    private func flattened(at path: String) throws -> Flattening {
        if let object = root[path: path] { return try Flattening(object, file: self.path) }
        // Keys of a dictionary may contain dots: look for names that begin with the path.
        var all = try Flattening(root, file: self.path)
        all.keep(beginningWith: path + ".")
        guard all.leaves.isEmpty else { return all }
        let names = root.items.prefix(10).compactMap { root.contents.heap.name(ofKey: $0.key.index) }
        throw FormatError(
            file: self.path, place: .key(path),
            reason: "there is nothing; the file has \(names.isEmpty ? root.description : names.joined(separator: ", "))")
    }
}
