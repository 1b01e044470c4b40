import Glibc

/// Writes files atomically: afterwards a file has either its old content or all of the new one. Every file is written through this type.
///
/// The bytes go to a temporary file in the same folder. It is synced to disk and renamed over the old file; then the folder is synced. The
/// temporary file of `a.txt` is `.a.txt.tmp`. It is locked while it is written, so that two writers take turns and a killed process leaves
/// at most one such file, which the next write reuses. If that name would be longer than the system allows, it is made from the name's
/// checksum.
package enum AtomicFile {
    /// Replaces the file at `path` with what `body` writes. On any error the old file stays and the temporary one is removed.
    ///
    /// A symbolic link is followed, also one to a file that does not exist yet. A device or pipe, which cannot be replaced, is written
    /// directly. `beforeRename` runs when the new bytes are safe on disk and the old file is still in place. `isDurable: false` does not
    /// wait for the disk; it is for files that can be recreated after a power failure.
    package static func write(
        to path: String, isDurable: Bool = true, beforeRename: () throws -> Void = {}, _ body: (Writer) throws -> Void
    ) throws {
        var status = stat()
        let exists = stat(path, &status) == 0
        if exists {
            switch status.st_mode & S_IFMT {
            case S_IFREG: break
            case S_IFDIR: throw FileError(file: path, operation: "write", code: EISDIR)
            default: return try writeDirectly(to: path, body)
            }
        }
        let target = try linked(path)
        let (folder, name) = split(target)
        let temporary = "\(folder)/\(temporaryName(name))"
        let descriptor = try openLocked(temporary, for: path)
        defer { close(descriptor) } // Releases the lock, after the rename or the removal.
        do {
            if exists { fchmod(descriptor, status.st_mode & 0o7777) }
            let writer = Writer(path: path, descriptor: descriptor)
            try body(writer)
            try writer.flush()
            guard !isDurable || fsync(descriptor) == 0 else { throw FileError(file: path, operation: "write", code: errno) }
            try beforeRename()
            guard rename(temporary, target) == 0 else { throw FileError(file: path, operation: "write", code: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
        if isDurable { try syncFolder(folder) }
    }

    /// Replaces the file at `path` with `text`.
    package static func write(_ text: String, to path: String) throws {
        var text = text
        try write(to: path) { writer in try text.withUTF8 { try writer.write(UnsafeRawBufferPointer($0)) } }
    }

    /// Replaces the file at `path` with `bytes`.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        try write(to: path) { writer in try bytes.withUnsafeBytes { try writer.write($0) } }
    }

    /// Makes a rename or removal in `folder` last through a power failure.
    package static func syncFolder(_ folder: String) throws(FileError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(file: folder, operation: "sync", code: errno) }
        defer { close(descriptor) }
        // File systems that cannot sync a folder return EINVAL.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw FileError(file: folder, operation: "sync", code: errno) }
    }

    private static func writeDirectly(to path: String, _ body: (Writer) throws -> Void) throws {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError(file: path, operation: "open", code: errno) }
        defer { close(descriptor) }
        let writer = Writer(path: path, descriptor: descriptor)
        try body(writer)
        try writer.flush()
    }

    /// Opens the temporary file, empty and locked. If the writer that held the lock before us has renamed the file away, we try again.
    private static func openLocked(_ temporary: String, for path: String) throws(FileError) -> Int32 {
        while true {
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw FileError(file: path, operation: "write", code: errno) }
            while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
            if isStillThere(descriptor, at: temporary) {
                if ftruncate(descriptor, 0) == 0 { return descriptor }
                let code = errno
                close(descriptor)
                throw FileError(file: path, operation: "write", code: code)
            }
            close(descriptor)
        }
    }

    /// The name of the temporary file or folder for `name`: hidden, and at most 255 bytes long, the limit of file systems.
    package static func temporaryName(_ name: String, _ ending: String = "tmp") -> String {
        let plain = ".\(name).\(ending)"
        if plain.utf8.count <= 255 { return plain }
        return "." + String(Array(name.utf8).withUnsafeBytes { Checksum.of($0) }, radix: 16) + ".\(ending)"
    }

    /// Follows the symbolic links from `path` to the final path, whether or not a file exists there; `path` itself if it is not a link.
    private static func linked(_ path: String) throws(FileError) -> String {
        var target = path
        // Linux follows at most 40 links.
        for _ in 0..<40 {
            var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
            let count = readlink(target, &buffer, buffer.count)
            guard count > 0 else { return target }
            guard let next = String(validating: buffer[..<count], as: UTF8.self) else {
                throw FileError(file: path, operation: "follow", code: EILSEQ)
            }
            target = next.utf8.first == UInt8(ascii: "/") ? next : "\(split(target).folder)/\(next)"
        }
        throw FileError(file: path, operation: "write", code: ELOOP)
    }

    package static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
        let folder = slash == path.startIndex ? "/" : String(path[..<slash])
        return (folder, String(path[path.utf8.index(after: slash)...]))
    }
}

/// The file that ``AtomicFile`` passes to its callers: buffered, counts its bytes and, if asked, computes their checksum.
package final class Writer {
    /// The path of the file that this becomes.
    package let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private static let capacity = 1 << 16
    /// Bytes written so far.
    package private(set) var count = 0
    /// Set it to get the checksum of all bytes written from then on.
    package var checksum: Checksum?

    fileprivate init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
        buffer.reserveCapacity(Writer.capacity)
    }

    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        count += bytes.count
        checksum?.update(bytes)
        if buffer.count + bytes.count > Writer.capacity { try flush() }
        if bytes.count >= Writer.capacity {
            try writeAll(bytes, to: descriptor, path)
        } else {
            buffer.append(contentsOf: bytes)
        }
    }

    package func write(_ bytes: [UInt8]) throws {
        try bytes.withUnsafeBytes { try write($0) }
    }

    fileprivate func flush() throws {
        let full = buffer
        buffer.removeAll(keepingCapacity: true)
        try full.withUnsafeBytes { try writeAll($0, to: descriptor, path) }
    }
}

/// Writes all bytes to an open file and retries after interrupts. `progress` is called after each piece with its number of bytes.
package func writeAll(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String, progress: (Int) -> Void = { _ in }
) throws(FileError) {
    var rest = bytes
    while !rest.isEmpty {
        let written = Glibc.write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
        if written < 0 {
            if errno == EINTR { continue }
            throw FileError(file: path, operation: "write", code: errno)
        }
        progress(written)
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
}

/// Whether the open file is still the one at `path`: a writer that held its lock before us may have renamed or removed it.
package func isStillThere(_ descriptor: Int32, at path: String) -> Bool {
    var ours = stat(), there = stat()
    return fstat(descriptor, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev
}
