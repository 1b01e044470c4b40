import ApusFormats
import ApusSystem
import Glibc

/// `metrics.jsonl`: one JSON object per line, written during the run. A resumed run removes the lines after its checkpoint, which it
/// writes again.
final class MetricsLog {
    private let path: String
    private let descriptor: Int32
    /// The length of the file in bytes.
    private(set) var length: Int

    /// Opens the file and keeps its first `length` bytes.
    init(_ path: String, keeping length: Int) throws {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw FileError(file: path, operation: "open", code: errno) }
        // If somebody has shortened the file, it stays as it is.
        let size = Int(lseek(descriptor, 0, SEEK_END))
        self.length = min(max(size, 0), max(length, 0))
        guard ftruncate(descriptor, self.length) == 0, lseek(descriptor, self.length, SEEK_SET) >= 0 else {
            let code = errno
            close(descriptor)
            throw FileError(file: path, operation: "write", code: code)
        }
    }

    deinit { close(descriptor) }

    func append(_ line: JSON) throws {
        var text = line.text + "\n"
        try text.withUTF8 { bytes in
            try writeAll(UnsafeRawBufferPointer(bytes), to: descriptor, path) { length += $0 }
        }
    }

    /// Flushes the file to the disk, so that a checkpoint never refers to lines that a power failure has lost.
    func sync() throws {
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw FileError(file: path, operation: "write", code: errno) }
    }

    /// The lines of the file at `path`. A line that is not JSON throws an error that names it.
    static func read(_ path: String) throws -> [JSON] {
        let file = try MappedFile(path)
        defer { withExtendedLifetime(file) {} }
        return try file.bytes.split(separator: UInt8(ascii: "\n")).enumerated().map { number, line in
            do throws(JSONError) {
                return try JSON(parsing: UnsafeRawBufferPointer(rebasing: line))
            } catch {
                throw FormatError(file: path, place: .line(number + 1, column: error.offset + 1), reason: error.message)
            }
        }
    }
}
