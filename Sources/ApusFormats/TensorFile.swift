import ApusCore
import ApusSystem
import Glibc

/// A file of tensors in any format that Apus reads, told by its contents: its tensors by name, and what else it holds.
///
/// `let file = try TensorFile("checkpoint.pt")`, then `file.tensors["model.conv1.weight"]`. Names are the paths in the file joined by dots; a lone
/// tensor is `tensor`. For what a format holds besides, there are ``PyTorchFile`` and ``Safetensors``.
public struct TensorFile {
    /// The formats that Apus reads tensors of.
    public enum Format: String, Hashable, Sendable, CaseIterable {
        case safetensors, pyTorch = "PyTorch", npz, npy
    }

    /// The file's path.
    public let path: String
    /// Its format.
    public let format: Format
    /// The tensors, in the file's order; those of mapped files take no memory until they are used.
    public let tensors: StateDict
    /// Numbers and texts beside the tensors, by their paths.
    public let metadata: Metadata
    /// What is neither: tensors of types that Apus lacks, objects of Python; and why.
    public let leftOut: [(key: String, reason: String)]

    /// The file with all that PyTorch's have besides; nil for other formats.
    package private(set) var pyTorch: PyTorchFile?

    /// The tensors of the file at `path`, or those at a place in it: names joined by dots, of which the tensors' names keep the rest.
    ///
    /// Throws `FileError` where the file cannot be read, ``FormatError`` where it is of no such format (then it says what it is), is damaged,
    /// or has nothing at the place.
    public init(_ path: String, at place: String = "") throws { try self.init(ByteRegion(inParts: path), at: place) }

    package init(_ region: ByteRegion, at place: String = "") throws {
        path = region.file
        switch try TensorFile.format(region) {
        case .pyTorch:
            let file = try PyTorchFile(region)
            let contents = try file.contents(at: place)
            (format, metadata, leftOut) = (.pyTorch, contents.values, contents.leftOut + contents.others)
            tensors = try file.open(contents, at: place)
            pyTorch = file
        case .safetensors:
            let file = try Safetensors(region)
            (format, metadata) = (.safetensors, file.metadata)
            leftOut = file.leftOut.map { ($0.key, "Apus has no dtype \($0.dtype)") }
            tensors = try TensorFile.section(file.tensors, place, path)
        case .npz:
            (format, metadata, leftOut) = (.npz, [:], [])
            tensors = try TensorFile.section(try Npz.load(region), place, path)
        case .npy:
            (format, metadata, leftOut) = (.npy, [:], [])
            tensors = try TensorFile.section(["tensor": try Npy.tensor(in: region)], place, path)
        }
    }

    /// The format of a file; throws what it is instead, and what to do, where it is another.
    static func format(_ region: ByteRegion) throws -> Format {
        switch FileKind(region) {
        case .safetensors: .safetensors
        case .npy: .npy
        case .zip: FileKind.isNumPy(try ZipArchive(region)) ? .npz : .pyTorch
        case .legacyPyTorch, .tar: .pyTorch
        default: throw FileKind.mistaken(region, for: "file of tensors")
        }
    }

    private static func section(_ tensors: StateDict, _ place: String, _ path: String) throws -> StateDict {
        if place.isEmpty { return tensors }
        let part = tensors.section(place)
        guard !part.isEmpty else {
            throw FormatError(
                file: path, place: .key(place),
                reason: "no name begins with it; there are \(tensors.keys.prefix(10).joined(separator: ", "))")
        }
        return part
    }
}

extension StateDict {
    /// The tensors of a file in any format that Apus reads (safetensors, PyTorch's, NumPy's), told by its contents: ``TensorFile``, whose
    /// ``TensorFile/leftOut`` is named on standard error. `place` is where in the file they are: `"model"`. PyTorch: `torch.load`.
    public static func load(from path: String, at place: String = "") throws -> StateDict {
        let file = try TensorFile(path, at: place)
        let without = file.leftOut
        if !without.isEmpty {
            let names = without.prefix(10).map { "'\(printable($0.key))' (\($0.reason))" }.joined(separator: ", ")
            let line = Array("Apus: \(path): left out \(names)\(without.count > 10 ? " and \(without.count - 10) more" : "")\n".utf8)
            _ = Glibc.write(STDERR_FILENO, line, line.count)
        }
        return file.tensors
    }

    /// Writes the tensors, atomically, in the format that the name's ending says: PyTorch's for `.pt`, `.pth`, `.ckpt`, `.bin` and `.pth.tar`, NumPy's for
    /// `.npz`, otherwise safetensors. `try model.stateDict().save(to: "net.safetensors")`
    ///
    /// `metadata` describes them in safetensors; the others have no place for it, and throw a ``FormatError`` where there is some.
    /// PyTorch: `torch.save`, `safetensors.torch.save_file`.
    public func save(to path: String, metadata: Metadata = [:]) throws {
        let format = TensorFile.Format(ending: path) ?? .safetensors
        guard metadata.isEmpty || format == .safetensors else {
            throw FormatError(
                file: path, reason: "a file of \(format.rawValue) has no place for metadata; write safetensors, or the metadata elsewhere")
        }
        switch format {
        case .safetensors: try Safetensors(self, metadata: metadata).write(to: path)
        case .pyTorch: try PyTorchObject(self).save(to: path)
        case .npz: try save(npz: path)
        case .npy:
            guard count == 1 else { throw FormatError(file: path, reason: "a .npy file holds one array, there are \(count); write a .npz") }
            try first { _ in true }!.value.save(npy: path)
        }
    }
}

extension TensorFile.Format {
    /// The endings of names that say a format to write.
    package static let endings: KeyValuePairs<String, Self> = [
        ".pt": .pyTorch, ".pth": .pyTorch, ".ckpt": .pyTorch, ".bin": .pyTorch, ".pth.tar": .pyTorch, ".pt.tar": .pyTorch, ".npz": .npz,
        ".npy": .npy, ".safetensors": .safetensors,
    ]

    /// The format that a name says by its ending; nil where it says none.
    package init?(ending path: String) {
        let name = path.lowercased()
        guard let format = Self.endings.first(where: { name.hasSuffix($0.key) })?.value else { return nil }
        self = format
    }
}
