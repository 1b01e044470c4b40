import Glibc

/// A regular file mapped into memory; pages are read when they are first accessed.
///
/// The mapping is private and writable: a tensor that borrows it may be changed in place; the changed pages become the process's own and
/// the file stays as it is. Replacing the file by rename (as ``AtomicFile`` does) keeps the mapping intact. A program that truncates the
/// file while it is mapped breaks its readers, as with any mapped file.
package final class MappedFile {
    package let path: String
    package let bytes: UnsafeMutableRawBufferPointer

    /// Maps the file. Throws for a folder, a device or a pipe.
    package convenience init(_ path: String) throws(FileError) { try self.init(RawPath(path)) }

    /// Like ``init(_:)``, for a path that need not be UTF-8.
    package init(_ raw: RawPath) throws(FileError) {
        path = raw.text
        // Without O_NONBLOCK, opening a pipe would wait for a writer.
        let descriptor = raw.withCString { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw FileError(file: path, operation: "open", code: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileError(file: path, operation: "read", code: errno) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw FileError(file: path, operation: "read", code: EISDIR)
        default: throw FileError(file: path, operation: "map", code: ENODEV)
        }
        let size = Int(status.st_size)
        guard size > 0 else {
            bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let base = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0), base != MAP_FAILED else {
            throw FileError(file: path, operation: "map", code: errno)
        }
        bytes = UnsafeMutableRawBufferPointer(start: base, count: size)
    }

    /// Declares that the file will be accessed in scattered places: reading a page then does not read ahead megabytes around it.
    /// ``prefetch(_:)`` then declares the parts that are used as a whole.
    package func useInParts() {
        if let base = bytes.baseAddress { madvise(base, bytes.count, Int32(MADV_RANDOM)) }
    }

    /// Reverts ``useInParts()``, for files that are read from beginning to end.
    package func useInOrder() {
        if let base = bytes.baseAddress { madvise(base, bytes.count, Int32(MADV_NORMAL)) }
    }

    /// Asks the system to read the pages of some mapped bytes ahead; does nothing for other memory.
    package static func prefetch(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        let start = Int(bitPattern: base) / pageSize * pageSize
        // Only advice: if the system ignores it, pages are read when they are used.
        madvise(UnsafeMutableRawPointer(bitPattern: start), Int(bitPattern: base) + bytes.count - start, Int32(MADV_WILLNEED))
    }

    private static let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))

    deinit {
        if let base = bytes.baseAddress { munmap(base, bytes.count) }
    }
}
