import ApusCore
import ApusSystem
import Glibc

/// A file of tensors in any format that Apus reads, detected from its contents: its tensors by name, and what else it holds.
///
/// `let file = try TensorFile("checkpoint.pt")`, then `file.tensors["model.conv1.weight"]`. Names are the paths in the file joined by dots;
/// a single tensor is called `tensor`. For the other contents of a format, use ``PyTorchFile`` and ``Safetensors``.
public struct TensorFile {
    /// The formats of tensors that Apus reads.
    public enum Format: String, Hashable, Sendable, CaseIterable {
        case safetensors, pyTorch = "PyTorch", npz, npy
    }

    /// The file's path.
    public let path: String
    /// Its format.
    public let format: Format
    /// The tensors in the file's order; those of mapped files take no memory until they are used.
    public let tensors: StateDict
    /// Numbers and strings in the file, by path.
    public let metadata: Metadata
    /// Everything else, and why it is left out: tensors of types that Apus lacks, Python objects.
    public let leftOut: [(key: String, reason: String)]

    /// The PyTorch file with all its objects; nil for other formats.
    package private(set) var pyTorch: PyTorchFile?

    /// Reads the tensors of the file at `path`, or those at `place` in it: names joined by dots, which are removed from the tensors' names.
    ///
    /// Throws `FileError` if the file cannot be read, and ``FormatError`` if it has another format (the error says which), is damaged, or
    /// has nothing at the place.
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

    /// The format of a file; if it is another, throws an error that says what it is and what to do.
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
    /// Reads the tensors of a file in any format that Apus reads (safetensors, PyTorch's, NumPy's), detected from its contents, by
    /// ``TensorFile``; its ``TensorFile/leftOut`` is printed to standard error. `place` is where in the file they are: `"model"`. PyTorch:
    /// `torch.load`.
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

    /// Writes the tensors, atomically, in the format given by the extension: PyTorch's for `.pt`, `.pth`, `.ckpt`, `.bin` and `.pth.tar`,
    /// NumPy's for `.npz`, else safetensors. `try model.stateDict().save(to: "net.safetensors")`
    ///
    /// Only safetensors files can hold `metadata`; for other formats a ``FormatError`` is thrown if there is any.
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
    /// The extensions that select a format to write.
    package static let endings: KeyValuePairs<String, Self> = [
        ".pt": .pyTorch, ".pth": .pyTorch, ".ckpt": .pyTorch, ".bin": .pyTorch, ".pth.tar": .pyTorch, ".pt.tar": .pyTorch, ".npz": .npz,
        ".npy": .npy, ".safetensors": .safetensors,
    ]

    /// The format for a file name's extension; nil if it selects none.
    package init?(ending path: String) {
        let name = path.lowercased()
        guard let format = Self.endings.first(where: { name.hasSuffix($0.key) })?.value else { return nil }
        self = format
    }
}
