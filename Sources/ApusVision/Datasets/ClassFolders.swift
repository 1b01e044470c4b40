import ApusFormats
import ApusSystem
import Glibc

/// Lists the files below a folder that has one subfolder per class. Classes and files are sorted by the bytes of their names. Files and
/// folders whose names begin with a dot are left out. Links to folders are followed unless they lead to an enclosing folder.
struct ClassFolders {
    /// The class folders.
    let classes: [(title: String, folder: RawPath, files: [RawPath])]
    /// The names of files directly in the root folder.
    let strays: [[UInt8]]

    /// Throws a `FormatError` if two classes have the same title or there is no class, and a `FileError` if a folder cannot be read.
    init(_ path: String) throws {
        let root = RawPath(path)
        var classes: [(title: String, folder: RawPath, files: [RawPath])] = []
        var strays: [[UInt8]] = []
        for name in try ClassFolders.names(root) {
            let folder = root.appending(name)
            guard folder.folderIdentity != nil else {
                strays.append(name)
                continue
            }
            let title = RawPath.text(name)
            if classes.contains(where: { $0.title.isSame(as: title) }) {
                throw FormatError(
                    file: path,
                    reason: "two classes are named '\(printable(title))' where bytes that are not UTF-8 are spelt out; rename one")
            }
            classes.append((title, folder, try ClassFolders.files(below: folder, within: [root])))
        }
        guard !classes.isEmpty else {
            throw FormatError(file: path, reason: "the folder has no subfolders; each class needs one, with its files")
        }
        (self.classes, self.strays) = (classes, strays)
    }

    /// The files below a folder, at any depth.
    static func files(below folder: RawPath, within outer: [RawPath] = []) throws -> [RawPath] {
        var files: [RawPath] = []
        try collect(folder, within: (outer + [folder]).compactMap(\.folderIdentity), into: &files)
        return files
    }

    private static func collect(_ folder: RawPath, within outer: [[UInt64]], into files: inout [RawPath]) throws {
        for name in try names(folder) {
            let inner = folder.appending(name)
            guard let identity = inner.folderIdentity else {
                files.append(inner)
                continue
            }
            if !outer.contains(identity) { try collect(inner, within: outer + [identity], into: &files) }
        }
    }

    /// The visible names in a folder, sorted by bytes.
    private static func names(_ folder: RawPath) throws(FileError) -> [[UInt8]] {
        guard let names = try folder.names() else { throw FileError(file: folder.text, operation: "read", code: ENOENT) }
        return names.filter { $0.first != UInt8(ascii: ".") }
    }

    /// The last part of a path.
    static func name(_ path: RawPath) -> ArraySlice<UInt8> {
        path.bytes[((path.bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1)...]
    }

    /// The extension of a name with its dot, in lower case; `unnamed kind` if it has none.
    static func kind(_ name: some BidirectionalCollection<UInt8>) -> String {
        let name = Array(name)
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > 0, dot + 1 < name.count else { return "unnamed kind" }
        return RawPath.text(name[dot...].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 })
    }
}
