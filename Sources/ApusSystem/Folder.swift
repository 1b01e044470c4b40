import Glibc

/// Folders, and whether something is at a path.
package enum Folder {
    /// Makes the folder and its missing parent folders.
    package static func make(_ path: String) throws(FileError) {
        guard !path.isEmpty, !exists(path) else { return }
        let (parent, _) = AtomicFile.split(path)
        if parent != path { try make(parent) }
        try makeOne(path)
    }

    /// Makes the folder; its parent must exist. Does nothing if the folder exists.
    package static func makeOne(_ path: String) throws(FileError) {
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw FileError(file: path, operation: "make", code: errno) }
    }

    /// Whether `path` is a folder. Throws if the system cannot tell.
    package static func isFolder(_ path: String) throws(FileError) -> Bool {
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileError(file: path, operation: "open", code: errno) }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Whether there is a file or folder at `path`.
    package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// The names in a folder, sorted; nil if there is no such folder. Throws if it is a file or may not be read.
    package static func names(in path: String) throws(FileError) -> [String]? {
        do { return try RawPath(path).names()?.map(RawPath.text) } catch {
            throw FileError(file: path, operation: "open", code: error.code)
        }
    }
}
