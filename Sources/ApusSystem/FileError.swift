import Glibc

/// An error of the operating system on a file: which file, which operation, and why.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's path as it was given.
    public let file: String
    /// What was tried: `open`, `write`, `rename`.
    public let operation: String
    /// The system's number (`ENOENT`, `EACCES`, `ENOSPC`).
    public let code: Int32

    /// An error of `operation` on `file` with the system's `errno`.
    public init(file: String, operation: String, code: Int32) {
        self.file = file
        self.operation = operation
        self.code = code
    }

    /// `cannot open net.safetensors: No such file or directory`.
    public var description: String { "cannot \(operation) \(file): \(String(cString: strerror(code)))" }
}
