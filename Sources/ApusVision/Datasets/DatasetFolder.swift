import ApusCore
import ApusData
import ApusFormats
import ApusSystem

/// Files of any kind with one folder per class, `path/bird/1.npy`, `path/cat/a/2.npy`, read by a function. PyTorch:
/// `torchvision.datasets.DatasetFolder`.
///
/// ```swift
/// let sounds = try DatasetFolder("sounds", extensions: [".npy"]) { try Npy.load($0) }
/// ```
/// The subfolders are the classes, sorted by the bytes of their names; so are the files in them. A sample is the result of `loader` for a
/// file, and the index of the file's class. For pictures use ``ImageFolder``.
public struct DatasetFolder<Content: Collatable>: Dataset {
    public typealias Sample = (Content, Int)
    public typealias Batch = (Content.Collated, Tensor)

    /// The subfolders' names.
    public let classes: [String]
    /// The file and the class of each sample.
    public let files: [(path: String, label: Int)]
    /// The files left out because their extension is not among those to read.
    public let leftOut: [String]
    private let loader: (String) throws -> Content

    public var count: Int { files.count }

    /// Lists the files in `path` whose names end in one of `extensions` (`.npy`, in upper or lower case); all files if nil.
    ///
    /// Throws a `FileError` if a folder cannot be read, and a `FormatError` if there is no class folder, a class has no such file, or a
    /// file's name is not UTF-8.
    public init(_ path: String, extensions: [String]? = nil, loader: @escaping (String) throws -> Content) throws {
        let found = try ClassFolders(path)
        let kinds = extensions?.map { $0.lowercased() }
        var (files, leftOut): ([(path: String, label: Int)], [String]) = ([], [])
        for (label, folder) in found.classes.enumerated() {
            let before = files.count
            for file in folder.files {
                if let kinds, !kinds.contains(ClassFolders.kind(ClassFolders.name(file))) {
                    leftOut.append(file.text)
                    continue
                }
                guard let text = String(validating: file.bytes, as: UTF8.self) else {
                    throw FormatError(file: file.text, reason: "the file's name is not UTF-8; rename it")
                }
                files.append((text, label))
            }
            guard files.count > before else {
                let wanted = kinds.map { " whose name ends in \($0.joined(separator: ", "))" } ?? ""
                throw FormatError(file: folder.folder.text, reason: "the class's folder holds no file\(wanted)")
            }
        }
        (classes, self.files, self.leftOut, self.loader) = (found.classes.map(\.title), files, leftOut, loader)
    }

    public subscript(index: Int) -> (Content, Int) {
        get throws {
            guard files.indices.contains(index) else { throw DataError(index: index, underlying: NoSuchSample(count: count)) }
            return (try loader(files[index].path), files[index].label)
        }
    }
}
