import Glibc

/// What the operating system refused: which file, what was tried, why.
public struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file's path as it was given.
    public let file: String
    /// What was tried: `open`, `write`, `rename`.
    public let operation: String
    /// The system's number (`ENOENT`, `EACCES`, `ENOSPC`).
    public let code: Int32

    /// What the system said (`errno`) to an operation on a file.
    public init(file: String, operation: String, code: Int32) {
        self.file = file
        self.operation = operation
        self.code = code
    }

    /// `cannot open net.safetensors: No such file or directory`.
    public var description: String { "cannot \(operation) \(file): \(String(cString: strerror(code)))" }
}
